"""HTTP as TAXII 2.1 has it: negotiated, authenticated, bounded in size and time, patient with busy servers."""

from __future__ import annotations

import asyncio
import json
import random
import re
import ssl
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

from workbench._text import printable
from workbench.exchange.taxii.credentials import authorization, place_for
from workbench.exchange.taxii.errors import InterruptedAnswerError, RejectedError, TaxiiError, TooLargeError
from workbench.intel.fetch import retry_after

__all__ = ["MAX_BYTES", "MEDIA_TYPE", "Answer", "Connection", "parsed_url"]

MEDIA_TYPE = "application/taxii+json;version=2.1"
MAX_BYTES = 128 << 20
"""Bytes of one answer, unpacked."""
ATTEMPTS = 6
SECONDS = 300.0
"""For one answer, from connecting to the last byte: a server that sends it in drips has an end."""
FIRST_ATTEMPTS = 2
PAUSE = 0.5
"""Seconds before the second attempt; it doubles with each."""
PATIENCE = 600.0
"""Seconds waited in all for one answer, where the server asks for it (``Retry-After``) or fails."""
_PASSING = frozenset((408, 425, 429, 500, 502, 503, 504))
_UNTOUCHED = frozenset((425, 429, 503))
"""With these a server says that it did not act on the request."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer of the server."""

    url: str
    headers: httpx.Headers
    body: bytes

    def document(self) -> dict[str, Any]:
        """The body as a JSON object.

        Raises:
            TaxiiError: it is none.
        """
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise TaxiiError(f"{self.url}: the answer is no JSON object")
        return value

    @property
    def sent_at(self) -> datetime | None:
        """The server's own clock when it answered."""
        try:
            found = parsedate_to_datetime(self.headers.get("Date", ""))
        except (ValueError, OverflowError):
            return None
        return found if found.tzinfo else found.replace(tzinfo=UTC)


class _PassingError(Exception):
    """May go better another time; ``untouched`` where the server has certainly not acted on the request,
    ``silent`` where nobody answered at all."""

    def __init__(
        self, reason: str, wait: float | None = None, *, untouched: bool = False, silent: bool = False
    ) -> None:
        super().__init__(reason)
        self.wait, self.untouched, self.silent = wait, untouched, silent


def parsed_url(text: str) -> httpx.URL:
    """A URL of a TAXII server; of a bare host, its discovery.

    Raises:
        ValueError: no http or https URL, or one with a password in it.
    """
    try:
        url = httpx.URL(text.strip() if "://" in text else f"https://{text.strip()}")
    except (httpx.InvalidURL, UnicodeError) as error:
        raise ValueError(f"{text[:200]!r} is no URL: {error}") from None
    if url.scheme not in ("https", "http") or not re.fullmatch(r"[\w.:-]+", url.host):
        raise ValueError(f"{text[:200]!r} is no URL of a TAXII server, like https://taxii.example/taxii2/")
    if url.userinfo:
        raise ValueError(
            f"a password in a URL ends up in histories and logs: leave it out and use {place_for(url.copy_with(userinfo=b''))}"
        )
    path = url.path if url.path.strip("/") else "/taxii2/"
    return url.copy_with(path=path if path.endswith("/") else path + "/", query=None, fragment=None)


@dataclass
class Connection:
    """Connections to a TAXII server; use it in an ``async with`` block.

    ``auth`` is ``(user, password)`` or a token, for the host of ``url`` alone; without it the credential kept
    for each host is used. ``cert`` is a client certificate (PEM, with its key, or the key in ``key``),
    ``ca`` a file of authorities to trust instead of the usual ones. ``proxy`` is used instead of that of
    the environment (``HTTPS_PROXY``, ``NO_PROXY``). Certificates of servers are always verified.
    """

    url: httpx.URL
    auth: str | tuple[str, str] | None = None
    cert: str | Path | None = None
    key: str | Path | None = None
    ca: str | Path | None = None
    proxy: str | None = None
    max_bytes: int = MAX_BYTES
    _client: httpx.AsyncClient | None = field(default=None, init=False, repr=False)
    _closed_until: dict[str, float] = field(default_factory=dict, init=False, repr=False)
    _heard: set[str] = field(default_factory=set, init=False, repr=False)
    _headers: dict[str, dict[str, str]] = field(default_factory=dict, init=False, repr=False)

    async def __aenter__(self) -> Connection:
        try:
            self._client = httpx.AsyncClient(
                verify=self._tls(), timeout=httpx.Timeout(60.0, connect=30.0), follow_redirects=False,
                headers={"Accept": MEDIA_TYPE, "User-Agent": "ip-workbench"}, proxy=self.proxy,
                limits=httpx.Limits(max_connections=16),
            )  # fmt: skip
        except (ValueError, ImportError) as error:
            raise ValueError(f"the proxy cannot be used: {error}") from None
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            await self._client.aclose()

    def _tls(self) -> ssl.SSLContext:
        context = (
            httpx.create_ssl_context() if self.ca is None else ssl.create_default_context(cafile=self.ca)
        )
        if self.cert is not None:
            try:
                context.load_cert_chain(self.cert, self.key)
            except ssl.SSLError as error:
                raise ValueError(f"{self.cert}: no client certificate with its key: {error.reason}") from None
        return context

    async def get(
        self, url: str, params: dict[str, str] | None = None, *, repeatable: bool = True
    ) -> Answer:  # fmt: skip
        """Ask for something, again where that may help.

        Raises:
            RejectedError: the server said no.
            TooLargeError: the answer is larger than ``max_bytes``.
            InterruptedAnswerError: no whole answer came, and it is not ``repeatable``.
            TaxiiError: it cannot be reached, or does not speak TAXII 2.1.
        """
        return await self._asked("GET", url, params, None, repeatable)

    async def post(self, url: str, body: bytes) -> Answer:
        """Add objects, again where that may help: to a server the same version of an object is the same object.

        Raises:
            TaxiiError: as :meth:`get`.
        """
        return await self._asked("POST", url, None, body, True)

    async def _asked(
        self, method: str, url: str, params: dict[str, str] | None, body: bytes | None, repeatable: bool
    ) -> Answer:
        waited = 0.0
        origin = httpx.URL(url).netloc.decode()
        # One that was never heard is a wrong URL more often than not.
        attempts = ATTEMPTS if origin in self._heard else FIRST_ATTEMPTS
        for attempt in range(1, ATTEMPTS + 1):
            # Told to one collection, it goes for all of them.
            await asyncio.sleep(max(0.0, self._closed_until.get(origin, 0.0) - time.monotonic()))
            try:
                async with asyncio.timeout(SECONDS):
                    return await self._once(method, url, params, body)
            except _PassingError as error:
                reason, asked, untouched = str(error), error.wait, error.untouched
                if not error.silent:
                    self._heard.add(origin)
                    attempts = ATTEMPTS
            except TimeoutError:
                reason, asked, untouched = f"no whole answer within {SECONDS:.0f} seconds", None, False
            if not repeatable and not untouched:
                raise InterruptedAnswerError(f"{url}: {reason}")
            wait = PAUSE * 2 ** (attempt - 1) * (1 + random.random()) if asked is None else asked  # noqa: S311
            waited += wait
            if waited > PATIENCE:
                raise TaxiiError(
                    f"{url}: {reason}, and asks to come back in {wait:.0f} seconds: try again then"
                )
            if asked is not None:
                self._closed_until[origin] = time.monotonic() + wait
            elif attempt < attempts:
                await asyncio.sleep(wait)
            if attempt >= attempts:
                break
        raise TaxiiError(f"{url}: {reason} ({attempt} attempts)")

    async def _once(
        self, method: str, url: str, params: dict[str, str] | None, body: bytes | None
    ) -> Answer:  # fmt: skip
        assert self._client is not None, "use it in an async with block"
        headers = await self._credential(httpx.URL(url))
        if body is not None:
            headers = {**headers, "Content-Type": MEDIA_TYPE}
        try:
            async with self._client.stream(
                method, url, params=params, content=body, headers=headers
            ) as response:
                status = response.status_code
                found = await self._read(response, self.max_bytes if status < 300 else 1 << 16)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise _PassingError(f"cannot be reached: {_plain(error)}", untouched=True, silent=True) from None
        except httpx.HTTPError as error:
            raise _PassingError(f"the answer broke off: {_plain(error)}") from None
        except httpx.InvalidURL as error:
            raise TaxiiError(f"{url[:200]!r} is no URL: {error}") from None
        if status < 300:
            self._check_type(url, response)
            self._heard.add(httpx.URL(url).netloc.decode())
            return Answer(url, response.headers, found)
        raise self._refusal(url, response, found)

    async def _credential(self, url: httpx.URL) -> dict[str, str]:
        """The header of a host; what is meant for one host goes to no other."""
        origin = f"{url.scheme}://{url.netloc.decode()}"
        if origin not in self._headers:
            own = (url.scheme, url.netloc) == (self.url.scheme, self.url.netloc)
            header = await asyncio.to_thread(authorization, url, self.auth if own else None)
            self._headers[origin] = {"Authorization": header} if header else {}
        return self._headers[origin]

    async def _read(self, response: httpx.Response, most: int) -> bytes:
        failed = response.status_code >= 300
        length = response.headers.get("Content-Length", "")
        if not failed and length.isdecimal() and int(length) > most:
            raise TooLargeError(f"{response.url}: the answer has {int(length):,} bytes, {most:,} are allowed")
        parts: list[bytes] = []
        left = most
        async for chunk in response.aiter_bytes():
            left -= len(chunk)
            if left < 0:
                if failed:
                    break
                raise TooLargeError(f"{response.url}: the answer has more than the {most:,} bytes allowed")
            parts.append(chunk)
        return b"".join(parts)

    @staticmethod
    def _check_type(url: str, response: httpx.Response) -> None:
        given = response.headers.get("Content-Type", "")
        kind, *parameters = (part.strip().lower() for part in given.split(";"))
        versions = [p.partition("=")[2].strip('" ') for p in parameters if p.startswith("version")]
        if kind != "application/taxii+json":
            # The page of a proxy or a login, more often than not: the next answer may be the server's.
            raise _PassingError(f"the answer is {_shown(given) or 'of no type'}, not {MEDIA_TYPE}")
        if versions and versions[0] != "2.1":
            raise TaxiiError(f"{url}: the server answers in TAXII {_shown(versions[0])}, 2.1 is spoken here")

    def _refusal(self, url: str, response: httpx.Response, body: bytes) -> Exception:
        status = response.status_code
        said = _message(body)
        reason = f"the server answered {status} {_shown(response.reason_phrase)}".rstrip() + (f" ({said})" if said else "")  # fmt: skip
        if status in _PASSING:
            wait = retry_after(response.headers.get("Retry-After", ""))
            return _PassingError(reason, wait, untouched=status in _UNTOUCHED)
        if status < 400:
            moved = _shown(response.headers.get("Location", ""))
            return RejectedError(f"{url}: moved to {moved}: use that URL, if it is to be trusted", status)
        mend = {
            401: f": its credential is wanted, in {place_for(httpx.URL(url))}",
            403: ": the credential is not for this",
            406: f": it does not speak TAXII 2.1 ({MEDIA_TYPE})",
            415: f": it does not take {MEDIA_TYPE}",
        }.get(status, "")
        if status == 413:
            return TooLargeError(f"{url}: {reason}")
        return RejectedError(f"{url}: {reason}{mend}", status)


def _message(body: bytes) -> str:
    """What a TAXII error message says; nothing where the body is none."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(value, dict):
        return ""
    return _shown(": ".join(str(value[name]) for name in ("title", "description") if value.get(name)))


def _shown(text: str) -> str:
    """What a server wrote, on one short line."""
    return printable(text)[:300]


def _plain(error: Exception) -> str:
    return _shown(str(error)) or type(error).__name__
