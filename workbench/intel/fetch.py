"""Fetch a file over https: bounded, conditional, retried, and never from inside the own network."""

from __future__ import annotations

import ipaddress
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import getproxies_environment, proxy_bypass

from workbench.addresses.special import scope
from workbench.addresses.text import parse
from workbench.intel.source import SourceError

if TYPE_CHECKING:
    import httpx

__all__ = ["Fetched", "fetch", "retry_after"]

MAX_BYTES = 2 << 30
MAX_SECONDS = 900.0
MAX_SILENCE = 30.0
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


@dataclass(frozen=True, slots=True)
class _Bounds:
    """What one fetch must keep to. ``name`` is how errors call it: never the URL itself, that may hold a key."""

    name: str
    allow_private: bool
    max_bytes: int
    deadline: float
    stop: threading.Event
    tls: ssl.SSLContext

    @property
    def left(self) -> float:
        return self.deadline - time.monotonic()

    def check(self, done: int = 0) -> None:
        if self.stop.is_set():
            raise SourceError(self.name, "interrupted")
        if self.left <= 0:
            raise SourceError(self.name, f"too slow: {done:,} bytes when the time was over")


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
    name: str | None = None,
    stop: threading.Event | None = None,
) -> Fetched:
    """Write what is at ``url`` to ``target``; ``progress`` is called with bytes so far and in all.

    Only https, and only hosts all of whose addresses are global; the connection goes to the address that was
    checked, so that a second answer of the DNS cannot lead inside. ``allow_private`` lifts both. Broken
    connections, 429 and 5xx are tried again, as late as ``Retry-After`` asks; where it asks for more than half
    a minute the fetch is given up. ``stop``, once set, ends it. Errors call the URL ``name``, by default the
    URL without its query.

    Raises:
        SourceError: not allowed, not found, too big, too slow, cut short, interrupted; the message tells which.
    """
    try:
        import httpx
    except ImportError:
        raise SourceError(name or url, "fetching needs httpx: pip install 'ip-workbench[intel]'") from None
    headers = {"User-Agent": "ip-workbench", "Accept-Encoding": "identity"}
    if etag:
        headers["If-None-Match"] = etag
    if last_modified:
        headers["If-Modified-Since"] = last_modified
    bounds = _Bounds(
        name or url.partition("?")[0], allow_private, max_bytes, time.monotonic() + max_seconds,
        stop or threading.Event(), httpx.create_ssl_context(),
    )  # fmt: skip
    for attempt in range(1, ATTEMPTS + 1):
        bounds.check()
        try:
            return _follow(url, target, headers, bounds, attempt - 1, progress)
        except _TryAgainError as again:
            reason, wait = again.reason, again.wait
        except (httpx.InvalidURL, UnicodeError) as error:
            raise SourceError(bounds.name, f"no URL that can be fetched: {error}") from None
        except httpx.HTTPError as error:
            bounds.check()  # the time being over shows as a broken connection
            reason, wait = f"{type(error).__name__}: {error}", None
        if wait is not None and wait > LONGEST_WAIT:
            raise SourceError(bounds.name, f"{reason} and asks to come back in {wait:.0f} seconds")
        wait = 0.5 * 2**attempt if wait is None else wait
        if attempt == ATTEMPTS or wait > bounds.left:
            break
        bounds.stop.wait(wait)
    raise SourceError(bounds.name, reason)


class _TryAgainError(Exception):
    def __init__(self, reason: str, wait: float | None) -> None:
        self.reason, self.wait = reason, wait


def _follow(
    url: str, target: Path, headers: dict[str, str], bounds: _Bounds, attempt: int, progress: Progress | None
) -> Fetched:
    import httpx

    here = httpx.URL(url)
    for _ in range(REDIRECTS + 1):
        pinned, extra, proxied = _checked(here, bounds, attempt)
        with (
            # A client a hop: a connection opened for one name never carries the request for another.
            httpx.Client(
                timeout=max(min(MAX_SILENCE, bounds.left), 0.01), trust_env=proxied, verify=bounds.tls
            ) as client,
            _watched(bounds) as trace,
            client.stream(
                "GET", pinned, headers={**headers, "Host": here.netloc.decode()},
                extensions={**extra, "trace": trace}, follow_redirects=False,
            ) as response,
        ):  # fmt: skip
            if response.has_redirect_location:
                here = here.join(response.headers["Location"])
                continue
            status = response.status_code
            if status == 304 and ("If-None-Match" in headers or "If-Modified-Since" in headers):
                return Fetched(False, headers.get("If-None-Match"), headers.get("If-Modified-Since"))
            if status == 429 or status >= 500:
                wait = retry_after(response.headers.get("Retry-After", ""))
                raise _TryAgainError(f"the server answered {status}", wait)
            if status != 200:
                raise SourceError(bounds.name, f"the server answered {status} {response.reason_phrase}")
            _write(response, target, bounds, progress)
            return Fetched(True, response.headers.get("ETag"), response.headers.get("Last-Modified"))
    raise SourceError(bounds.name, f"redirected more than {REDIRECTS} times")


def retry_after(value: str) -> float | None:
    """Seconds to wait, from a number of seconds or a date (RFC 9110 section 10.2.3); None for anything else."""
    if re.fullmatch(r"[0-9]{1,9}", value.strip(), re.ASCII):
        return float(value)
    try:
        when = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max((when - datetime.now(UTC)).total_seconds(), 0.0)


@contextmanager
def _watched(bounds: _Bounds) -> Iterator[Callable[[str, Any], None]]:
    """Shut the connection down when the time is over or ``stop`` is set.

    The client's own timeout begins anew with every byte, so that headers in drips would never end.
    """
    sockets: list[socket.socket] = []
    over = threading.Event()

    def trace(event: str, info: Any) -> None:
        if event == "connection.connect_tcp.complete":
            sockets.append(info["return_value"].get_extra_info("socket").dup())

    def watch() -> None:
        while not over.wait(0.2):
            if bounds.stop.is_set() or bounds.left <= 0:
                for opened in sockets:
                    try:
                        opened.shutdown(socket.SHUT_RDWR)
                    except OSError:  # closed in between
                        continue

    watcher = threading.Thread(target=watch, name="intel-fetch-watch", daemon=True)
    watcher.start()
    try:
        yield trace
    finally:
        over.set()
        watcher.join()
        for opened in sockets:
            opened.close()


def _checked(url: httpx.URL, bounds: _Bounds, attempt: int) -> tuple[httpx.URL, dict[str, str], bool]:
    """What to connect to: the URL with an address that was checked for its host, the name for TLS, and
    whether through a proxy. Every attempt takes the next of the host's addresses.
    """
    if url.scheme != "https" and not (bounds.allow_private and url.scheme == "http"):
        raise SourceError(bounds.name, f"only https is fetched, not {url.scheme or 'a URL without scheme'}")
    if not url.host:
        raise SourceError(bounds.name, "a URL without host cannot be fetched")
    proxied = bool({"https", "all"} & getproxies_environment().keys()) and not proxy_bypass(url.host)
    if bounds.allow_private:
        return url, {}, proxied
    try:
        found = socket.getaddrinfo(url.host, url.port or 443, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, OverflowError) as error:
        if proxied:  # it resolves names itself; often nobody else here can
            return url, {}, True
        raise SourceError(bounds.name, f"no address for {url.host}: {error}") from None
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    for address in addresses:
        if not _outside(address):
            raise SourceError(
                bounds.name,
                f"{url.host} is {address}, inside the own network: not fetched, unless the source has "
                "allow_private = true in your catalogue",
            )
    if proxied:
        return url, {}, True
    return url.copy_with(host=addresses[attempt % len(addresses)]), {"sni_hostname": url.host}, False


_WIRE_SERVER = "168.63.129.16"
"""Azure's host agent: globally routable by the registry, yet answered by the machine's own host."""
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def _outside(address: str) -> bool:
    """Whether an address, and the IPv4 address a NAT64 or 6to4 one leads to, is on the open internet."""
    leads_to = [address]
    parsed = ipaddress.ip_address(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.sixtofour:
            leads_to.append(str(parsed.sixtofour))
        if parsed in _NAT64:
            leads_to.append(str(ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)))
    return _WIRE_SERVER not in leads_to and set(scope(parse(leads_to)).to_pylist()) == {"global"}


def _write(response: httpx.Response, target: Path, bounds: _Bounds, progress: Progress | None) -> None:
    length = response.headers.get("Content-Length", "")
    expected = int(length) if re.fullmatch(r"[0-9]{1,19}", length, re.ASCII) else None
    if expected is not None and expected > bounds.max_bytes:
        raise SourceError(bounds.name, f"{expected:,} bytes are more than the {bounds.max_bytes:,} allowed")
    done = 0
    with target.open("wb") as file:
        for chunk in response.iter_raw():
            done += len(chunk)
            if done > bounds.max_bytes:
                raise SourceError(bounds.name, f"more than the {bounds.max_bytes:,} bytes allowed")
            bounds.check(done)
            file.write(chunk)
            if progress:
                progress(done, expected)
    bounds.check(
        done
    )  # a connection shut down for its slowness ends like a whole one where no length was told
    if expected is not None and done != expected:
        raise SourceError(bounds.name, f"cut short: {done:,} of {expected:,} bytes")
