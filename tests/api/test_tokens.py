"""Tokens: own keys, an OpenID provider, and every way a token can be no good."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from workbench.api.errors import Unauthenticated
from workbench.api.jwks import Jwks
from workbench.api.keys import KeyRing
from workbench.api.settings import Oidc
from workbench.api.tokens import Verifier

AUDIENCE = "ip-workbench"


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    return KeyRing(tmp_path / "api")


@pytest.fixture
def verifier(ring: KeyRing) -> Verifier:
    return Verifier(ring, AUDIENCE)


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    head, body, signature = token.split(".")
    return json.loads(_decoded(head)), json.loads(_decoded(body)), signature


def forged(head: dict[str, Any], body: dict[str, Any], signature: str = "") -> str:
    return f"{_encoded(head)}.{_encoded(body)}.{signature}"


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _encoded(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


async def refused(verifier: Verifier, token: str) -> str:
    with pytest.raises(Unauthenticated) as told:
        await verifier.verify(token)
    assert token not in str(told.value)
    return str(told.value)


async def test_a_token_of_our_own_names_its_member(ring: KeyRing, verifier: Verifier) -> None:
    grant = await verifier.verify(ring.create("ines", audience=AUDIENCE, days=1, note="laptop"))
    assert grant.role == "ines"
    assert 86000 < grant.expires - time.time() < 86401
    assert [(each.role, each.note, each.state) for each in ring.tokens()] == [("ines", "laptop", "valid")]
    assert ring.tokens()[0].id.isalnum()  # with a hyphen in front, a shell would take it for an option


def test_keys_are_for_their_owner_alone(ring: KeyRing, tmp_path: Path) -> None:
    ring.create("ines", audience=AUDIENCE)
    assert (tmp_path / "api").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "api" / "keys.json").stat().st_mode & 0o777 == 0o600
    (tmp_path / "api" / "keys.json").chmod(0o644)
    with pytest.raises(PermissionError, match="chmod 600"):
        KeyRing(tmp_path / "api").tokens()


async def test_a_revoked_token_is_refused_by_a_server_that_runs(ring: KeyRing, verifier: Verifier, tmp_path: Path) -> None:  # fmt: skip
    first, second = (ring.create("ines", audience=AUDIENCE) for _ in range(2))
    grant = await verifier.verify(first)
    KeyRing(tmp_path / "api").revoke(grant.id[:8])  # from another process
    assert await refused(verifier, first) == "the token was revoked"
    with pytest.raises(Unauthenticated, match="revoked"):
        verifier.check(grant)
    assert (await verifier.verify(second)).role == "ines"


async def test_after_a_rotation_old_tokens_hold_until_they_end(ring: KeyRing, verifier: Verifier) -> None:
    old = ring.create("ines", audience=AUDIENCE)
    assert ring.rotate() == 1
    new = ring.create("ines", audience=AUDIENCE)
    assert parts(old)[0]["kid"] != parts(new)[0]["kid"]
    assert (await verifier.verify(old)).role == (await verifier.verify(new)).role == "ines"


async def test_a_rotation_at_once_ends_all_earlier_tokens(ring: KeyRing, verifier: Verifier) -> None:
    old = ring.create("ines", audience=AUDIENCE)
    ring.rotate(at_once=True)
    assert "not known" in await refused(verifier, old)
    assert [each.state for each in ring.tokens()] == ["revoked"]
    assert (await verifier.verify(ring.create("ines", audience=AUDIENCE))).role == "ines"


async def test_a_key_that_no_token_needs_is_forgotten(ring: KeyRing, tmp_path: Path) -> None:
    ring.create("ines", audience=AUDIENCE)
    for _ in range(3):
        ring.rotate()
    assert len(json.loads((tmp_path / "api" / "keys.json").read_text())["keys"]) == 2


@pytest.mark.parametrize("days", [0, -1, 400, float("nan")])
def test_a_lifetime_of_none_or_of_years_is_refused(ring: KeyRing, days: float) -> None:
    with pytest.raises(ValueError, match="lives up to"):
        ring.create("ines", audience=AUDIENCE, days=days)


def test_several_processes_change_the_ledger_and_lose_nothing(tmp_path: Path) -> None:
    def work() -> None:
        for _ in range(5):
            KeyRing(tmp_path / "api").create("ines", audience=AUDIENCE)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(KeyRing(tmp_path / "api").tokens()) == 20
    assert len({each.id for each in KeyRing(tmp_path / "api").tokens()}) == 20


def test_a_damaged_ledger_is_named(ring: KeyRing, tmp_path: Path) -> None:
    ring.create("ines", audience=AUDIENCE)
    (tmp_path / "api" / "keys.json").write_text("{")
    with pytest.raises(ValueError, match="is damaged"):
        KeyRing(tmp_path / "api").tokens()


async def test_algorithms_are_pinned(ring: KeyRing, verifier: Verifier) -> None:
    token = ring.create("ines", audience=AUDIENCE)
    head, body, signature = parts(token)
    assert head["alg"] == "EdDSA"
    for alg in ("none", "None", "HS256", "RS256"):
        assert "algorithm" in await refused(verifier, forged({**head, "alg": alg}, body, signature)) or alg
        await refused(verifier, forged({**head, "alg": alg}, body))
    # The public key as the secret of a symmetric algorithm.
    public = ring.public_key(head["kid"]).public_bytes_raw()
    await refused(verifier, jwt.encode(body, public, "HS256", headers={"kid": head["kid"]}))


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"exp": 1}, "expired"),
        ({"nbf": 4e9, "exp": 5e9}, "not hold yet"),
        ({"iat": 4e9, "exp": 5e9}, "not hold yet"),
        ({"aud": "another"}, "not for this server"),
        ({"iss": "another"}, "another issuer"),
        ({"sub": "otto"}, None),
        ({"jti": "unknown"}, "revoked"),
        ({"exp": None}, "lacks"),
        ({"aud": None}, "lacks"),
        ({"iat": None}, "lacks"),
        ({"sub": None}, "lacks"),
        ({"jti": None}, "revoked"),
        ({"exp": "soon"}, "not good"),
        ({"sub": 7}, "not good"),
        ({"iss": ["ip-workbench"]}, ""),
    ],
)
async def test_claims_are_checked(ring: KeyRing, verifier: Verifier, tmp_path: Path, change: dict[str, Any], fault: str | None) -> None:  # fmt: skip
    """Signed by our own key, as whoever could read it would."""
    head, body, signature = parts(ring.create("ines", audience=AUDIENCE))
    claims = {name: value for name, value in {**body, **change}.items() if value is not None}
    assert "signature" in await refused(verifier, forged(head, {**claims, "iss": "ip-workbench", "aud": AUDIENCE, "iat": 1, "exp": 5e9, "nbf": 1, "sub": "x", "a": 1}, signature))  # fmt: skip
    state = json.loads((tmp_path / "api" / "keys.json").read_text())
    key = jwt.algorithms.OKPAlgorithm.from_jwk(state["keys"][0]["private"])
    signed = _signed(claims, key, head["kid"])
    if fault is None:
        assert (await verifier.verify(signed)).role == change["sub"]
    else:
        assert fault in await refused(verifier, signed)


def _signed(claims: dict[str, Any], key: Any, kid: str) -> str:
    """By the algorithm itself: PyJWT does not encode claims of a wrong kind."""
    head = _encoded({"alg": "EdDSA", "kid": kid, "typ": "JWT"})
    body = _encoded(claims)
    signature = base64.urlsafe_b64encode(key.sign(f"{head}.{body}".encode())).rstrip(b"=").decode()
    return f"{head}.{body}.{signature}"


async def test_clocks_may_differ_a_little(ring: KeyRing, tmp_path: Path) -> None:
    head, body, _ = parts(ring.create("ines", audience=AUDIENCE))
    key = jwt.algorithms.OKPAlgorithm.from_jwk(json.loads((tmp_path / "api" / "keys.json").read_text())["keys"][0]["private"])  # fmt: skip
    over = _signed({**body, "exp": int(time.time()) - 10}, key, head["kid"])
    assert (await Verifier(ring, AUDIENCE, skew=30).verify(over)).role == "ines"
    assert "expired" in await refused(Verifier(ring, AUDIENCE, skew=0), over)


async def test_headers_that_would_choose_the_key_or_a_new_meaning_are_not_followed(ring: KeyRing, verifier: Verifier) -> None:  # fmt: skip
    head, body, signature = parts(ring.create("ines", audience=AUDIENCE))
    mine = ec.generate_private_key(ec.SECP256R1())
    for more in ({"jku": "http://evil.example/jwks"}, {"jwk": {"kty": "oct"}}, {"x5u": "http://evil.example"}, {"crit": ["b64"], "b64": False}):  # fmt: skip
        await refused(verifier, forged({**head, **more}, body, signature))
        await refused(verifier, jwt.encode(body, mine, "ES256", headers={"kid": head["kid"]}))
    for kid in ("", None, 7, "../../etc/passwd", "x" * 10_000):
        await refused(verifier, forged({**head, "kid": kid}, body, signature))


@given(st.one_of(st.text(max_size=200), st.binary(max_size=200).map(lambda data: data.decode("latin-1")), st.just("e30.e30."), st.just("." * 5000)))  # fmt: skip
def test_garbage_is_no_token(text: str) -> None:
    import asyncio

    async def ask() -> None:
        with pytest.raises(Unauthenticated):
            await Verifier(KeyRing(Path("/nonexistent/api")), AUDIENCE).verify(text)

    asyncio.run(ask())


# ---- an OpenID provider


@dataclass
class Provider:
    """A small OpenID provider over a socket: ``keys`` are those it shows."""

    url: str = ""
    private: dict[str, Any] = field(default_factory=dict)
    shown: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    broken: bool = False

    def new_key(self, kid: str, kind: str = "RS256") -> None:
        if kind == "RS256":
            self.private[kid] = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        else:
            self.private[kid] = ec.generate_private_key(ec.SECP256R1())
        self.shown.append(kid)

    def token(self, kid: str, algorithm: str = "RS256", **changed: Any) -> str:
        now = int(time.time())
        claims = {"iss": self.url, "aud": "workbench", "sub": "u-17", "preferred_username": "ines", "iat": now, "exp": now + 600, "jti": "a1b2c3", **changed}  # fmt: skip
        return jwt.encode(claims, self.private[kid], algorithm, headers={"kid": kid})

    def document(self) -> dict[str, Any]:
        found = []
        for kid in self.shown:
            key = self.private[kid].public_key()
            maker = jwt.algorithms.RSAAlgorithm if isinstance(key, rsa.RSAPublicKey) else jwt.algorithms.ECAlgorithm  # fmt: skip
            found.append({**maker.to_jwk(key, as_dict=True), "kid": kid, "use": "sig"})
        return {"keys": found}


@pytest.fixture
def provider() -> Iterator[Provider]:
    state = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked.append(self.path)
            if self.path == "/.well-known/openid-configuration":
                body: Any = {"issuer": state.url, "jwks_uri": f"{state.url}/keys"}
            else:
                body = state.document()
            data = b"<html>" if state.broken else json.dumps(body).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}"
    state.new_key("k1")
    yield state
    server.shutdown()
    server.server_close()


def of_provider(ring: KeyRing, provider: Provider, **changed: Any) -> Verifier:
    pause = changed.pop("pause", 0)
    fresh = changed.pop("fresh", 3600)
    oidc = Oidc(provider.url, "workbench", **{"claim": "preferred_username", **changed})
    return Verifier(ring, AUDIENCE, oidc, Jwks(oidc, pause_seconds=pause, fresh_seconds=fresh), 0)


async def test_a_token_of_the_provider_names_the_member_by_the_claim(
    ring: KeyRing, provider: Provider
) -> None:
    verifier = of_provider(ring, provider)
    for _ in range(3):
        assert (await verifier.verify(provider.token("k1"))).role == "ines"
    assert provider.asked == ["/.well-known/openid-configuration", "/keys"], "the keys are kept"
    assert (await of_provider(ring, provider, claim="sub", roles={"u-17": "ida"}).verify(provider.token("k1"))).role == "ida"  # fmt: skip
    assert "no member" in await refused(
        of_provider(ring, provider, roles={"otto": "otto"}), provider.token("k1")
    )
    assert "no claim" in await refused(of_provider(ring, provider, claim="email"), provider.token("k1"))


async def test_our_own_tokens_are_taken_beside_those_of_the_provider(
    ring: KeyRing, provider: Provider
) -> None:
    verifier = of_provider(ring, provider)
    assert (await verifier.verify(ring.create("ida", audience=AUDIENCE))).role == "ida"


async def test_keys_may_come_from_a_file(ring: KeyRing, provider: Provider, tmp_path: Path) -> None:
    (tmp_path / "jwks.json").write_text(json.dumps(provider.document()))
    verifier = of_provider(ring, provider, jwks=str(tmp_path / "jwks.json"))
    assert (await verifier.verify(provider.token("k1"))).role == "ines"
    assert provider.asked == []


async def test_a_new_key_of_the_provider_is_found_and_an_old_one_goes(
    ring: KeyRing, provider: Provider
) -> None:
    verifier = of_provider(ring, provider)
    old = provider.token("k1")
    await verifier.verify(old)
    provider.new_key("k2")
    assert (await verifier.verify(provider.token("k2"))).role == "ines"
    provider.shown.remove("k1")
    provider.new_key("k3")
    await verifier.verify(provider.token("k3"))
    assert "not known" in await refused(verifier, old)


async def test_unknown_keys_do_not_make_us_ask_again_and_again(ring: KeyRing, provider: Provider) -> None:
    verifier = of_provider(ring, provider, pause=60)
    await verifier.verify(provider.token("k1"))
    provider.new_key("k2")
    for _ in range(20):
        assert "not known" in await refused(verifier, provider.token("k2"))
    assert len(provider.asked) == 2


async def test_known_keys_hold_while_the_provider_is_away(ring: KeyRing, provider: Provider) -> None:
    verifier = of_provider(ring, provider, fresh=0)
    await verifier.verify(provider.token("k1"))
    provider.broken = True
    assert (await verifier.verify(provider.token("k1"))).role == "ines"
    assert len(provider.asked) > 2


async def test_of_the_provider_only_its_algorithm_issuer_and_audience_are_taken(ring: KeyRing, provider: Provider) -> None:  # fmt: skip
    verifier = of_provider(ring, provider)
    assert "algorithm" in await refused(verifier, provider.token("k1", "RS512"))
    assert "not for this server" in await refused(verifier, provider.token("k1", aud="ip-workbench"))
    assert "not known" in await refused(verifier, provider.token("k1", iss="https://evil.example"))
    assert "not known" in await refused(verifier, provider.token("k1", iss="ip-workbench", aud=AUDIENCE))
    assert "expired" in await refused(verifier, provider.token("k1", exp=int(time.time()) - 5))
    provider.new_key("e1", "ES256")
    assert "not known" in await refused(verifier, provider.token("e1", "ES256"))
    secret = provider.document()["keys"][0]["n"]
    await refused(verifier, jwt.encode({"iss": provider.url, "aud": "workbench"}, secret, "HS256", headers={"kid": "k1"}))  # fmt: skip


async def test_a_token_of_the_provider_is_taken_down_by_its_jti(ring: KeyRing, provider: Provider) -> None:
    verifier = of_provider(ring, provider)
    token = provider.token("k1")
    grant = await verifier.verify(token)
    assert ring.revoke("a1b2c3") is None
    assert await refused(verifier, token) == "the token was revoked"
    with pytest.raises(Unauthenticated):
        verifier.check(grant)


async def test_a_discovery_document_of_another_issuer_is_not_followed(
    ring: KeyRing, provider: Provider
) -> None:
    verifier = of_provider(ring, provider)
    token = provider.token("k1")
    provider.url = provider.url.replace("127.0.0.1", "localhost")
    assert "not known" in await refused(verifier, token)


async def test_keys_are_fetched_by_https_only(ring: KeyRing) -> None:
    oidc = Oidc("http://login.example", "workbench")
    assert await Jwks(oidc).key("k1") is None
