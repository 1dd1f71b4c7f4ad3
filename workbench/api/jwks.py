"""The keys of an OpenID provider: from a URL or file, kept, and asked for again when a new one shows up."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from workbench.api.settings import Oidc

__all__ = ["Jwks"]

log = logging.getLogger("workbench.api")
MOST_BYTES = 1 << 20


class Jwks:
    """Keys by ``kid``. They are fetched again after ``fresh_seconds``, and for an unknown kid at most once in
    ``pause_seconds``. Where that fails, the known ones hold for ``stale_seconds`` more."""

    def __init__(self, oidc: Oidc, *, fresh_seconds: float = 3600, pause_seconds: float = 30, stale_seconds: float = 86400) -> None:  # fmt: skip
        self._oidc = oidc
        self._fresh, self._pause, self._stale = fresh_seconds, pause_seconds, stale_seconds
        self._keys: dict[str, Any] = {}
        self._fetched = self._tried = -1e9
        self._lock = asyncio.Lock()

    async def key(self, kid: str) -> Any:
        """The key named so, or None."""
        if self._wanted(kid):
            async with self._lock:
                if self._wanted(kid):
                    await self._refresh()
        if time.monotonic() - self._fetched > self._fresh + self._stale:
            return None
        return self._keys.get(kid)

    def _wanted(self, kid: str) -> bool:
        now = time.monotonic()
        old = now - self._fetched > self._fresh or kid not in self._keys
        return old and now - self._tried > self._pause

    async def _refresh(self) -> None:
        self._tried = time.monotonic()
        try:
            self._keys = _parsed(await self._loaded(), self._oidc.algorithm)
            self._fetched = time.monotonic()
        except Exception as error:
            # Whatever is wrong there, those who hold a token of a known key are let in.
            log.warning(
                "the keys of the OpenID provider were not fetched", extra={"error": type(error).__name__}
            )

    async def _loaded(self) -> Any:
        source = self._oidc.jwks
        if source and not urlsplit(source).scheme:
            return json.loads(await asyncio.to_thread(Path(source).read_bytes))
        import httpx

        async with httpx.AsyncClient(timeout=10, follow_redirects=False) as client:
            if not source:
                about = await _fetched(
                    client, self._oidc.issuer.rstrip("/") + "/.well-known/openid-configuration"
                )
                if about["issuer"] != self._oidc.issuer:
                    raise ValueError("the discovery document is of another issuer")
                source = str(about["jwks_uri"])
            return await _fetched(client, source)


async def _fetched(client: Any, url: str) -> Any:
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
        raise ValueError(f"{url}: keys are fetched by https only")
    async with client.stream("GET", url) as response:
        response.raise_for_status()
        body = b""
        async for part in response.aiter_bytes():
            body += part
            if len(body) > MOST_BYTES:
                raise ValueError(f"{url}: more than {MOST_BYTES} bytes")
    return json.loads(body)


def _parsed(document: Any, algorithm: str) -> dict[str, Any]:
    """Keys meant for signatures by our algorithm; others are passed over."""
    import jwt

    keys = {}
    for each in document["keys"]:
        if each.get("use", "sig") != "sig" or each.get("alg", algorithm) != algorithm or not each.get("kid"):
            continue
        try:
            keys[str(each["kid"])] = jwt.PyJWK(each, algorithm).key
        except jwt.PyJWTError:
            continue
    if not keys:
        raise ValueError(f"no key for {algorithm} in the key set")
    return keys
