"""Fetch a file over https: bounded, conditional, retried, and never from inside the own network."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.addresses.special import scope
from workbench.addresses.text import parse
from workbench.intel.source import SourceError

if TYPE_CHECKING:
    import httpx

__all__ = ["Fetched", "fetch"]

MAX_BYTES = 2 << 30
MAX_SECONDS = 900.0
REDIRECTS = 5
ATTEMPTS = 4
LONGEST_WAIT = 30.0

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class Fetched:
    """What the server said. ``new`` is false where nothing changed since the given ETag or date."""

    new: bool
    etag: str | None
    last_modified: str | None


def fetch(
    url: str,
    target: Path,
    *,
    etag: str | None = None,
    last_modified: str | None = None,
    allow_private: bool = False,
    max_bytes: int = MAX_BYTES,
    max_seconds: float = MAX_SECONDS,
    progress: Progress | None = None,
) -> Fetched:
    """Write what is at ``url`` to ``target``; ``progress`` is called with bytes so far and in all.

    Only https, and only hosts all of whose addresses are global; the connection goes to the address that was
    checked, so that a second answer of the DNS cannot lead inside. ``allow_private`` lifts both. Refused
    connections, 429 and 5xx are tried again, as late as ``Retry-After`` asks within half a minute.

    Raises:
        SourceError: not allowed, not found, too big, too slow, cut short; the message tells which.
    """
    try:
        import httpx
    except ImportError:
        raise SourceError(url, "fetching needs httpx: pip install 'ip-workbench[intel]'") from None
    deadline = time.monotonic() + max_seconds
    headers = {"User-Agent": "ip-workbench", "Accept-Encoding": "identity"}
    if etag:
        headers["If-None-Match"] = etag
    if last_modified:
        headers["If-Modified-Since"] = last_modified
    proxied = any(os.environ.get(name) for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"))
    with httpx.Client(timeout=30, follow_redirects=False, trust_env=proxied) as client:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return _follow(
                    client, url, target, headers, allow_private, proxied, max_bytes, deadline, progress
                )
            except _TryAgainError as again:
                wait = min(again.wait or 2.0**attempt, LONGEST_WAIT)
                if attempt == ATTEMPTS or time.monotonic() + wait > deadline:
                    raise SourceError(url, again.reason) from None
                time.sleep(wait)
            except httpx.HTTPError as error:
                if attempt == ATTEMPTS or time.monotonic() > deadline:
                    raise SourceError(url, f"{type(error).__name__}: {error}") from None
                time.sleep(min(0.5 * 2**attempt, LONGEST_WAIT))
    raise AssertionError("unreachable")


class _TryAgainError(Exception):
    def __init__(self, reason: str, wait: float | None) -> None:
        self.reason, self.wait = reason, wait


def _follow(
    client: httpx.Client, url: str, target: Path, headers: dict[str, str], allow_private: bool, proxied: bool,
    max_bytes: int, deadline: float, progress: Progress | None,
) -> Fetched:  # fmt: skip
    import httpx

    here = httpx.URL(url)
    for _ in range(REDIRECTS + 1):
        pinned, extra = _checked(here, allow_private, proxied)
        request = client.build_request(
            "GET", pinned, headers={**headers, "Host": here.netloc.decode()}, extensions=extra
        )
        response = client.send(request, stream=True)
        try:
            if response.has_redirect_location:
                here = here.join(response.headers["Location"])
                continue
            if response.status_code == 304:
                return Fetched(False, headers.get("If-None-Match"), headers.get("If-Modified-Since"))
            if response.status_code == 429 or response.status_code >= 500:
                after = response.headers.get("Retry-After", "")
                raise _TryAgainError(
                    f"the server answered {response.status_code}", float(after) if after.isdigit() else None
                )
            if response.status_code != 200:
                raise SourceError(url, f"the server answered {response.status_code} {response.reason_phrase}")
            _write(response, url, target, max_bytes, deadline, progress)
            return Fetched(True, response.headers.get("ETag"), response.headers.get("Last-Modified"))
        finally:
            response.close()
    raise SourceError(url, f"redirected more than {REDIRECTS} times")


def _checked(url: httpx.URL, allow_private: bool, proxied: bool) -> tuple[httpx.URL, dict[str, str]]:
    """The URL with its host replaced by an address that may be connected to, and the name for TLS."""
    if url.scheme != "https" and not (allow_private and url.scheme == "http"):
        raise SourceError(str(url), f"only https is fetched, not {url.scheme}")
    if allow_private or proxied:  # a proxy resolves names itself, and is there to decide
        return url, {}
    try:
        found = socket.getaddrinfo(url.host, url.port or 443, type=socket.SOCK_STREAM)
    except OSError as error:
        raise SourceError(str(url), f"no address for {url.host}: {error}") from None
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    inside = [
        a for a, kind in zip(addresses, scope(parse(addresses)).to_pylist(), strict=True) if kind != "global"
    ]
    if inside:
        raise SourceError(str(url), f"{url.host} is {inside[0]}, inside the own network: not fetched")
    return url.copy_with(host=addresses[0]), {"sni_hostname": url.host}


def _write(
    response: httpx.Response,
    url: str,
    target: Path,
    max_bytes: int,
    deadline: float,
    progress: Progress | None,
) -> None:
    length = response.headers.get("Content-Length", "")
    expected = int(length) if length.isdigit() else None
    if expected is not None and expected > max_bytes:
        raise SourceError(url, f"{expected:,} bytes are more than the {max_bytes:,} allowed")
    done = 0
    with target.open("wb") as file:
        for chunk in response.iter_raw():
            done += len(chunk)
            if done > max_bytes:
                raise SourceError(url, f"more than the {max_bytes:,} bytes allowed")
            if time.monotonic() > deadline:
                raise SourceError(url, f"too slow: {done:,} bytes when the time was over")
            file.write(chunk)
            if progress:
                progress(done, expected)
    if expected is not None and done != expected:
        raise SourceError(url, f"cut short: {done:,} of {expected:,} bytes")
