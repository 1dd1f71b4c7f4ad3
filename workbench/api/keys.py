"""Own keys for small installs: Ed25519 pairs and a ledger of the tokens they signed, in files of the home."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

__all__ = ["ALGORITHM", "ISSUER", "KeyRing", "Token"]

ISSUER = "ip-workbench"
ALGORITHM = "EdDSA"
LONGEST_DAYS = 366


@dataclass(frozen=True, slots=True)
class Token:
    """One that was given out: ``id`` is its jti, ``role`` the member it is for. Times are in Unix seconds."""

    id: str
    role: str
    note: str
    key: str
    issued: int
    expires: int
    revoked: int | None = None

    @property
    def state(self) -> str:
        """valid, revoked or expired, as of now."""
        if self.revoked is not None:
            return "revoked"
        return "valid" if self.expires > time.time() else "expired"


class KeyRing:
    """The keys and the ledger in ``folder``, whose files are for their owner alone. Safe to use from several
    processes: a server sees a revocation at its next request."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / "keys.json"
        self._seen: tuple[int, ...] = ()
        self._state: dict[str, Any] = _empty()

    def create(self, role: str, *, audience: str, days: float = 30, note: str = "") -> str:
        """A new token for the member ``role``, shown this once only; the first one makes the first key.

        Raises:
            ValueError: a lifetime of none, or of more than a year.
        """
        import jwt

        if not 0 < days <= LONGEST_DAYS:
            raise ValueError(
                f"a token lives up to {LONGEST_DAYS} days, not {days:g}: make another when it ends"
            )
        now = int(time.time())
        token = Token(secrets.token_hex(12), role, note[:200], "", now, now + int(days * 86400))
        with self._changing() as state:
            if not state["keys"]:
                state["keys"].append(_new_key(now))
            key = state["keys"][-1]
            state["tokens"].append({**asdict(token), "key": key["kid"]})
            claims = {
                "iss": ISSUER, "aud": audience, "sub": role, "jti": token.id, "iat": now, "nbf": now, "exp": token.expires
            }  # fmt: skip
            private = jwt.algorithms.OKPAlgorithm.from_jwk(key["private"])
            return jwt.encode(claims, private, algorithm=ALGORITHM, headers={"kid": key["kid"]})  # type: ignore[arg-type]

    def tokens(self) -> list[Token]:
        """All that were given out and are not long over, oldest first."""
        return [Token(**each) for each in self._read()["tokens"]]

    def revoke(self, identity: str) -> Token | None:
        """From now on the token is refused. One of another issuer is taken down by its jti (None is returned).

        Raises:
            LookupError: more than one token begins so.
            ValueError: not an id.
        """
        now = int(time.time())
        if not 4 <= len(identity) <= 255 or not identity.isprintable():
            raise ValueError("name the token by its id, or at least 4 characters that it begins with")
        with self._changing() as state:
            found = [each for each in state["tokens"] if each["id"].startswith(identity)]
            if len(found) > 1:
                raise LookupError(f"{len(found)} tokens begin with {identity!r}: give more of the id")
            if not found:
                state["denied"][identity] = now
                return None
            found[0]["revoked"] = found[0]["revoked"] or now
            return Token(**found[0])

    def rotate(self, *, at_once: bool = False) -> int:
        """A new key signs from now on. Tokens of the old ones hold until they expire, or with ``at_once`` no
        longer; how many hold."""
        now = int(time.time())
        with self._changing() as state:
            if at_once:
                state["keys"].clear()
                for each in state["tokens"]:
                    each["revoked"] = each["revoked"] or now
            state["keys"].append(_new_key(now))
        return sum(token.state == "valid" for token in self.tokens())

    def public_key(self, kid: str) -> Any:
        """The key that verifies what ``kid`` signed, or None."""
        import jwt

        for key in self._read()["keys"]:
            if key["kid"] == kid:
                return jwt.algorithms.OKPAlgorithm.from_jwk(
                    {name: value for name, value in key["private"].items() if name != "d"}
                )
        return None

    def holds(self, identity: str) -> bool:
        """Whether the token was given out here and was not revoked."""
        found = next((each for each in self._read()["tokens"] if each["id"] == identity), None)
        return found is not None and found["revoked"] is None and identity not in self._state["denied"]

    def denied(self, identity: str) -> bool:
        """Whether a token of another issuer was revoked here."""
        return identity in self._read()["denied"]

    def _read(self) -> dict[str, Any]:
        try:
            found = self._file.stat()
        except FileNotFoundError:
            self._seen, self._state = (), _empty()
            return self._state
        stamp = (found.st_ino, found.st_mtime_ns, found.st_size)
        if stamp != self._seen:
            if found.st_mode & 0o077:
                raise PermissionError(
                    f"{self._file} may be read by others: chmod 600 it, and rotate the keys"
                )
            try:
                state = json.loads(self._file.read_text(encoding="utf-8"))
                self._state = {**_empty(), **state}
            except (ValueError, TypeError) as error:
                raise ValueError(f"{self._file} is damaged ({error}): restore it, or move it away") from None
            self._seen = stamp
        return self._state

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Any]]:
        """The state, written back whole after the block; one process at a time."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self._folder / "lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            state = json.loads(json.dumps(self._read()))
            yield state
            _forget_old(state)
            draft = self._folder / f"keys.json.{os.getpid()}"
            with open(
                os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w", encoding="utf-8"
            ) as out:
                json.dump(state, out, indent=1)
                out.flush()
                os.fsync(out.fileno())
            draft.replace(self._file)
        finally:
            os.close(lock)


def _empty() -> dict[str, Any]:
    return {"keys": [], "tokens": [], "denied": {}}


def _new_key(now: int) -> dict[str, Any]:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from jwt.algorithms import OKPAlgorithm

    private = OKPAlgorithm.to_jwk(Ed25519PrivateKey.generate(), as_dict=True)
    return {"kid": secrets.token_hex(8), "made": now, "private": private}


def _forget_old(state: dict[str, Any]) -> None:
    """Tokens over for a month, and keys other than the signing one that no token needs."""
    now = time.time()
    state["tokens"] = [each for each in state["tokens"] if each["expires"] > now - 30 * 86400]
    needed = {each["key"] for each in state["tokens"] if each["expires"] > now - 86400}
    state["keys"] = [key for key in state["keys"][:-1] if key["kid"] in needed] + state["keys"][-1:]
    state["denied"] = {jti: when for jti, when in state["denied"].items() if when > now - 400 * 86400}
