"""Ask providers about addresses: from the cache where it may be, else bounded, paced, and one failure at a time."""

from __future__ import annotations

import asyncio
import re
import ssl
import time
from asyncio import sleep
from collections.abc import Coroutine, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from workbench.intel.fetch import retry_after
from workbench.intel.providers import allowance
from workbench.intel.providers.keys import find_key
from workbench.intel.providers.ledger import Ledger, Stored, open_ledger
from workbench.intel.providers.provider import Answer, Parsed, Provider, ProviderError
from workbench.intel.providers.reading import unpacked

if TYPE_CHECKING:
    import httpx

__all__ = ["ask_all"]

_T = TypeVar("_T")
ATTEMPTS = 3
SECONDS = 20.0
"""For one attempt, from connecting to the last byte."""
LONGEST_WAIT = 30.0
"""A provider that asks to come back later than this is not waited for."""
BROKEN = 3
"""After so many requests in a row that reached nobody a provider is not asked again in the same call."""


@dataclass(slots=True)
class _Turn:
    """One provider in one call: its key, and why it is asked no more."""

    provider: Provider
    key: str | None = None
    ended: str | None = None
    broken: int = 0


async def ask_all(
    addresses: list[str], providers: list[Provider], *, force_refresh: bool, offline: bool
) -> list[Answer]:
    """Answers in the order of addresses, then providers; an error stands in its answer and harms no other."""
    ledger = await asyncio.to_thread(open_ledger)
    try:
        call = _Call(ledger, force_refresh, offline)
        columns = await _together(call.column(provider, addresses) for provider in providers)
    finally:
        await call.close()
        ledger.close()
    return [column[row] for row in range(len(addresses)) for column in columns]


@dataclass(slots=True)
class _Call:
    ledger: Ledger
    force_refresh: bool
    offline: bool
    _client: Any = field(default=None)

    def client(self) -> httpx.AsyncClient:
        if self._client is None:
            import httpx

            limits = httpx.Limits(max_connections=32)
            self._client = httpx.AsyncClient(
                timeout=SECONDS, follow_redirects=False, limits=limits, verify=_tls()
            )
        client: httpx.AsyncClient = self._client
        return client

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def column(self, provider: Provider, addresses: list[str]) -> list[Answer]:
        """One provider's answers, asked by at most ``provider.concurrency`` at a time."""
        found: list[Answer | None] = [None] * len(addresses)
        waiting: Iterator[tuple[int, str]] = iter(enumerate(addresses))
        turn = _Turn(provider)

        async def work() -> None:
            for row, address in waiting:
                found[row] = await self.one(turn, address)

        await _together(work() for _ in range(min(provider.concurrency, len(addresses))))
        return [answer for answer in found if answer is not None]

    async def one(self, turn: _Turn, address: str) -> Answer:
        provider = turn.provider
        stored = await asyncio.to_thread(self.ledger.answer, provider.id, address)
        # An answer of the future was kept while the clock was wrong.
        fresh = stored is not None and abs(datetime.now(UTC) - stored.retrieved) < provider.ttl
        if stored is not None and (self.offline or (fresh and not self.force_refresh)):
            return _answer(provider, address, stored, cached=True, expired=not fresh)
        if self.offline:
            return _answer(provider, address, None, error="not in the cache, and offline nobody is asked")
        try:
            parsed = await self.fresh(turn, address)
        except ProviderError as error:
            return _answer(
                provider, address, stored, cached=stored is not None, expired=not fresh, error=error.reason
            )
        now = Stored(parsed, datetime.now(UTC).replace(microsecond=0))
        await asyncio.to_thread(self.ledger.keep, provider.id, address, parsed, now.retrieved)
        return _answer(provider, address, now)

    async def fresh(self, turn: _Turn, address: str) -> Parsed:
        """Ask the provider now.

        Raises:
            ProviderError: in words without the key.
        """
        import httpx

        provider = turn.provider
        if turn.key is None and provider.key is not None and turn.ended is None:
            try:
                turn.key = find_key(provider)
            except ProviderError as error:
                turn.ended = error.reason
        reason, wait = "", 0.0
        for attempt in range(1, ATTEMPTS + 1):
            if turn.ended is not None:
                raise ProviderError(provider.id, turn.ended)
            pause = await asyncio.to_thread(allowance.take, self.ledger, provider)
            await sleep(max(pause, wait))
            if turn.ended is not None:  # another one learned it meanwhile
                raise ProviderError(provider.id, turn.ended)
            try:
                async with asyncio.timeout(SECONDS):
                    status, headers, body = await self.get(provider, turn.key, address)
            except (httpx.HTTPError, TimeoutError, httpx.InvalidURL) as error:
                reason, wait = f"cannot be reached ({_plain(error)})", 0.5 * 2**attempt
                turn.broken += 1
                if turn.broken >= BROKEN:
                    turn.ended = reason
                continue
            turn.broken = 0
            await asyncio.to_thread(allowance.note_headers, self.ledger, provider, headers)
            if status == 200:
                return _understood(provider, _without(body, turn.key), address)
            if status in provider.unknown:
                return Parsed()
            if status in (401, 403):
                turn.ended = _refused(provider, status)
                raise ProviderError(provider.id, turn.ended)
            if status != 429 and status < 500:
                raise ProviderError(provider.id, f"answered {status}")
            asked = retry_after(headers.get("retry-after", ""))
            reason, wait = f"answered {status}", 0.5 * 2**attempt if asked is None else asked
            if wait > LONGEST_WAIT:
                until = time.time() + wait
                await asyncio.to_thread(allowance.close_until, self.ledger, provider, until)
                turn.ended = f"answered {status} and asks not to be asked for {wait:.0f} seconds"
                raise ProviderError(provider.id, turn.ended)
        raise ProviderError(provider.id, f"{reason}, {ATTEMPTS} times")

    async def get(
        self, provider: Provider, key: str | None, address: str
    ) -> tuple[int, httpx.Headers, bytes]:
        """Status, headers and at most ``provider.max_bytes`` of the body.

        Raises:
            ProviderError: the body is larger, or compressed though that was not asked for.
        """
        request = provider.request(address)
        headers = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "ip-workbench"}
        if key is not None:
            headers[provider.header] = provider.prefix + key
        url, query = provider.url + request.path, dict(request.query)
        async with self.client().stream("GET", url, params=query or None, headers=headers) as response:
            if response.status_code != 200:
                return response.status_code, response.headers, b""
            if response.headers.get("content-encoding", "identity").strip().lower() != "identity":
                raise ProviderError(provider.id, "the answer is compressed, which was not asked for")
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > provider.max_bytes:
                    raise ProviderError(
                        provider.id, f"the answer has more than the {provider.max_bytes:,} bytes allowed"
                    )
            return response.status_code, response.headers, bytes(body)


async def _together(work: Iterable[Coroutine[Any, Any, _T]]) -> list[_T]:
    """Results in order; where one fails or the call is cancelled, none is left running."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _understood(provider: Provider, body: bytes, address: str) -> Parsed:
    try:
        return provider.parse(unpacked(body, provider.id), address)
    except ProviderError:
        raise
    except Exception as error:  # what one service wrote must not cost the answers of the others
        raise ProviderError(provider.id, f"the answer is not understood ({type(error).__name__})") from error


@cache
def _tls() -> ssl.SSLContext:
    """Reading the certificates takes a tenth of a second: once a process, not once a call."""
    import httpx

    return httpx.create_ssl_context()


def _refused(provider: Provider, status: int) -> str:
    if provider.key is None:
        return f"answered {status}: refused"
    from workbench.intel.providers.keys import variable

    return (
        f"answered {status}: the key is not accepted, or its plan does not include this; "
        f"it comes from {variable(provider.key)} or `workbench intel key set {provider.key}`"
    )


def _without(body: bytes, key: str | None) -> bytes:
    """An answer that repeats the key shall not carry it into the cache or onto the screen."""
    return re.sub(re.escape(key.encode()), b"[key]", body, flags=re.IGNORECASE) if key else body


def _plain(error: Exception) -> str:
    """The kind of error alone: the library's message may quote a header."""
    return (
        "too slow"
        if isinstance(error, TimeoutError) or "Timeout" in type(error).__name__
        else type(error).__name__
    )


def _answer(
    provider: Provider, address: str, stored: Stored | None, *, cached: bool = False, expired: bool = False,
    error: str | None = None,
) -> Answer:  # fmt: skip
    return Answer(
        provider=provider.id,
        title=provider.title,
        address=address,
        retrieved=stored.retrieved if stored else None,
        findings=stored.parsed.findings if stored else (),
        facts=stored.parsed.facts if stored else {},
        reliability=provider.reliability,
        terms=provider.terms,
        cached=cached,
        expired=expired and stored is not None,
        error=error,
    )
