"""Bearer tokens: who signed them, for whom, until when."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.api.errors import Unauthenticated
from workbench.api.keys import ALGORITHM, ISSUER, KeyRing

if TYPE_CHECKING:
    from workbench.api.jwks import Jwks
    from workbench.api.settings import Oidc

__all__ = ["Grant", "Verifier"]

LONGEST = 8192
_FAULTS = {
    "ExpiredSignatureError": "the token has expired",
    "ImmatureSignatureError": "the token does not hold yet",
    "InvalidAudienceError": "the token is not for this server",
    "InvalidIssuerError": "the token is of another issuer",
    "MissingRequiredClaimError": "the token lacks a claim that it must have",
    "InvalidSignatureError": "the signature of the token is wrong",
    "InvalidAlgorithmError": "the token is signed by an algorithm that is not taken",
}


@dataclass(frozen=True, slots=True)
class Grant:
    """What a good token says: the member's ``role``, the ``id`` of the token, and when it ends (Unix seconds)."""

    role: str
    expires: float
    id: str
    issuer: str


class Verifier:
    """Checks tokens of our own keys and, where one is set up, of an OpenID provider. Each has one algorithm, one
    issuer and one audience; a token is held to those of the issuer it names, and its header chooses the key only."""

    def __init__(self, ring: KeyRing, audience: str, oidc: Oidc | None = None, jwks: Jwks | None = None, skew: float = 30) -> None:  # fmt: skip
        self._ring = ring
        self._audience = audience
        self._oidc = oidc
        self._jwks = jwks
        self._skew = skew

    async def verify(self, token: str) -> Grant:
        """The grant of a token.

        Raises:
            Unauthenticated: it is not good; the message says why, and nothing of its content.
        """
        import jwt

        if len(token) > LONGEST:
            raise Unauthenticated("the token is too long")
        if not token.isascii():  # over WebSocket even half of a character comes through
            raise Unauthenticated("the token is no JWT")
        try:
            header = jwt.get_unverified_header(token)
            named = jwt.decode(token, options={"verify_signature": False}).get("iss")
        except (jwt.PyJWTError, RecursionError):
            raise Unauthenticated("the token is no JWT") from None
        kid = header.get("kid")
        if not isinstance(kid, str) or not kid:
            raise Unauthenticated("the token does not say which key signed it")
        if self._oidc and named == self._oidc.issuer:
            assert self._jwks is not None
            claims = self._decoded(
                token, await self._jwks.key(kid), self._oidc.algorithm, self._oidc.issuer, self._oidc.audience
            )
            identity = str(claims.get("jti") or "")
            if identity and self._ring.denied(identity):
                raise Unauthenticated("the token was revoked")
            return Grant(_role(self._oidc, claims), float(claims["exp"]), identity, self._oidc.issuer)
        claims = self._decoded(token, self._ring.public_key(kid), ALGORITHM, ISSUER, self._audience)
        identity = str(claims.get("jti") or "")
        if not self._ring.holds(identity):
            raise Unauthenticated("the token was revoked")
        return Grant(str(claims["sub"]), float(claims["exp"]), identity, ISSUER)

    def check(self, grant: Grant) -> None:
        """Check again a grant that was given a while ago.

        Raises:
            Unauthenticated: it has ended, or was revoked since.
        """
        if time.time() > grant.expires + self._skew:
            raise Unauthenticated("the token has expired")
        gone = not self._ring.holds(grant.id) if grant.issuer == ISSUER else self._ring.denied(grant.id)
        if gone:
            raise Unauthenticated("the token was revoked")

    def _decoded(self, token: str, key: Any, algorithm: str, issuer: str, audience: str) -> dict[str, Any]:
        import jwt

        if key is None:
            raise Unauthenticated("the token is signed by a key that is not known")
        try:
            claims: dict[str, Any] = jwt.decode(
                token, key, algorithms=[algorithm], issuer=issuer, audience=audience, leeway=self._skew,
                options={"require": ["exp", "iat", "iss", "aud", "sub"]},
            )  # fmt: skip
        except jwt.PyJWTError as error:
            raise Unauthenticated(_FAULTS.get(type(error).__name__, "the token is not good")) from None
        except (TypeError, ValueError, OverflowError):
            raise Unauthenticated("the token is not good") from None
        return claims


def _role(oidc: Oidc, claims: dict[str, Any]) -> str:
    value = claims.get(oidc.claim)
    if not isinstance(value, str) or not 0 < len(value) <= 255:
        raise Unauthenticated(f"the token has no claim {oidc.claim!r} that names a member")
    if oidc.roles is None:
        return value
    if value not in oidc.roles:
        raise Unauthenticated("the token is of somebody who is no member here")
    return oidc.roles[value]
