"""Fetching one file from a real HTTP server on this machine that misbehaves in the ways servers do."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from workbench.intel import SourceError
from workbench.intel import fetch as fetching
from workbench.intel.fetch import fetch

Talk = Callable[[socket.socket], None]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlist"


class Server:
    """Answers connection after connection with what ``talks`` says, byte by byte as given; the last one stays."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/list"
        self.talks: list[Talk | bytes] = []
        self.requests: list[bytes] = []
        self.ended = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            talk = self.talks.pop(0) if len(self.talks) > 1 else self.talks[0]
            with connection:
                request = b""
                while b"\r\n\r\n" not in request and (part := connection.recv(65536)):
                    request += part
                self.requests.append(request)
                try:
                    connection.sendall(talk) if isinstance(talk, bytes) else talk(connection)
                except OSError:
                    continue

    def drip(self, head: bytes) -> Talk:
        def talk(connection: socket.socket) -> None:
            connection.sendall(head)
            while not self.ended.wait(0.05):
                connection.sendall(b"x")

        return talk


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    running = Server()
    yield running
    running.ended.set()
    running.listener.close()


def test_an_unchanged_file_is_not_sent_again(server: Server, tmp_path: Path) -> None:
    server.talks = [
        b'HTTP/1.1 200 OK\r\nETag: "v1"\r\nLast-Modified: Sat, 22 Aug 2026 08:00:00 GMT\r\nContent-Length: 4\r\n\r\nlist',
        b"HTTP/1.1 304 Not Modified\r\n\r\n",
    ]
    target = tmp_path / "list"
    first = fetch(server.url, target, allow_private=True)
    assert (first.new, target.read_bytes()) == (True, b"list")
    again = fetch(server.url, target, etag=first.etag, last_modified=first.last_modified, allow_private=True)
    assert (again.new, again.etag, again.last_modified) == (False, first.etag, first.last_modified)
    assert b'If-None-Match: "v1"' in server.requests[1]
    assert b"If-Modified-Since: Sat, 22 Aug 2026 08:00:00 GMT" in server.requests[1]


def test_not_modified_is_no_answer_to_who_has_nothing(server: Server, tmp_path: Path) -> None:
    server.talks = [b"HTTP/1.1 304 Not Modified\r\n\r\n"]
    with pytest.raises(SourceError, match="answered 304"):
        fetch(server.url, tmp_path / "x", allow_private=True)


def test_a_body_cut_short_is_fetched_again_and_refused_when_it_stays_so(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "ATTEMPTS", 2)
    cut = b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\nli"
    server.talks = [cut, OK]
    fetch(server.url, tmp_path / "x", allow_private=True)
    assert (tmp_path / "x").read_bytes() == b"list"
    server.talks = [cut]
    with pytest.raises(SourceError, match="without sending complete message body"):
        fetch(server.url, tmp_path / "x", allow_private=True)
    assert len(server.requests) == 4


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"]
)
def test_a_file_over_the_bound_is_refused_whether_or_not_it_says_so(
    server: Server, tmp_path: Path, head: bytes
) -> None:
    server.talks = [head + b"x" * 5000]
    with pytest.raises(SourceError, match="1,000"):
        fetch(server.url, tmp_path / "x", allow_private=True, max_bytes=1000)
    assert not (tmp_path / "x").exists() or (tmp_path / "x").stat().st_size <= 1000


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nX-Slow: ",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n",
    ],
)
def test_drips_of_header_or_body_end_with_the_time(server: Server, tmp_path: Path, head: bytes) -> None:
    server.talks = [server.drip(head)]
    with pytest.raises(SourceError, match="too slow"):
        fetch(server.url, tmp_path / "x", allow_private=True, max_seconds=0.5)


def test_an_interrupted_fetch_ends_although_the_server_goes_on(server: Server, tmp_path: Path) -> None:
    server.talks = [server.drip(b"HTTP/1.1 200 OK\r\n\r\n")]
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    with pytest.raises(SourceError, match="interrupted"):
        fetch(server.url, tmp_path / "x", allow_private=True, stop=stop)


def test_a_busy_server_is_asked_again_when_it_says(server: Server, tmp_path: Path) -> None:
    past = format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True).encode()
    server.talks = [
        b"HTTP/1.1 503 Busy\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 429 Busy\r\nRetry-After: " + past + b"\r\nContent-Length: 0\r\n\r\n",
        OK,
    ]
    assert fetch(server.url, tmp_path / "x", allow_private=True).new
    assert len(server.requests) == 3


def test_a_server_that_fails_is_given_longer_each_time(server: Server, tmp_path: Path) -> None:
    class Patient(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waited.append(timeout or 0.0)
            return False

    waited: list[float] = []
    server.talks = [b"HTTP/1.1 502 Bad\r\nContent-Length: 0\r\n\r\n"] * 3 + [OK]
    assert fetch(server.url, tmp_path / "x", allow_private=True, stop=Patient()).new
    assert len(waited) == 3
    assert all(later >= 2 * before > 0 for before, later in pairwise(waited))


def test_a_server_that_wants_an_hour_of_peace_gets_it(server: Server, tmp_path: Path) -> None:
    server.talks = [b"HTTP/1.1 503 Busy\r\nRetry-After: 3600\r\nContent-Length: 0\r\n\r\n"]
    with pytest.raises(SourceError, match="come back in 3600 seconds"):
        fetch(server.url, tmp_path / "x", allow_private=True)
    assert len(server.requests) == 1


@pytest.mark.parametrize("value", ["\u00b2", "-5", "soon", "", "Fri, 99 Foo 9999 99:99:99 GMT", "9" * 5000])
def test_nonsense_in_retry_after_is_as_good_as_nothing(value: str) -> None:
    assert fetching.retry_after(value) is None


@pytest.mark.parametrize(
    "location",
    [b"https://[::1", b"https://x\x00y/", b"https:///nowhere", b"https://" + b"a" * 70 + b".example/", b"gopher://x/", b"file:///etc/passwd"],
)  # fmt: skip
def test_a_redirect_to_nonsense_is_an_error_of_this_source(
    server: Server, tmp_path: Path, location: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "ATTEMPTS", 1)
    server.talks = [b"HTTP/1.1 302 Found\r\nLocation: " + location + b"\r\nContent-Length: 0\r\n\r\n"]
    with pytest.raises(SourceError):
        fetch(server.url, tmp_path / "x", allow_private=True)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "10.0.0.1", "169.254.169.254", "100.100.100.200", "192.0.0.192", "0.0.0.0",
     "168.63.129.16", "[::1]", "[fd00:ec2::254]", "[fe80::1]", "[::ffff:127.0.0.1]", "[64:ff9b::a9fe:a9fe]",
     "[2002:7f00:1::]", "2130706433", "0x7f000001"],
)  # fmt: skip
@pytest.mark.parametrize("proxy", [None, "http://127.0.0.1:9"])
def test_the_own_network_is_never_asked(
    tmp_path: Path, host: str, proxy: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(SourceError, match="inside the own network"):
        fetch(f"https://{host}/x", tmp_path / "x")


def test_a_redirect_into_the_own_network_is_refused(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first host passes as if it were outside; the check of the second is the real one."""
    real = fetching._checked

    def first_passes(url: Any, bounds: Any, attempt: int) -> Any:
        return (url, {}, False) if str(url) == server.url else real(url, bounds, attempt)

    monkeypatch.setattr(fetching, "_checked", first_passes)
    server.talks = [b"HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1/admin\r\nContent-Length: 0\r\n\r\n"]
    with pytest.raises(SourceError, match="inside the own network"):
        fetch(server.url, tmp_path / "x")
    assert len(server.requests) == 1


def test_one_inside_address_among_several_is_enough_to_refuse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, 443)) for a in ("9.9.9.9", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answers)
    with pytest.raises(SourceError, match=r"feed\.example is 10\.0\.0\.1"):
        fetch("https://feed.example/x", tmp_path / "x")


def test_the_connection_goes_to_the_address_that_was_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name server that answers differently the second time gains nothing: there is no second question."""
    asked, connected = [], []

    def resolve(host: str, *_: object, **__: object) -> list[object]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("9.9.9.9", 443))]

    def connect(address: tuple[str, int], *_: object, **__: object) -> socket.socket:
        connected.append(address)
        raise ConnectionRefusedError("not in a test")

    monkeypatch.setattr(fetching, "ATTEMPTS", 1)
    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(socket, "create_connection", connect)
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SourceError, match="ConnectError"):
        fetch("https://feed.example/x", tmp_path / "x")
    assert asked == ["feed.example"]
    assert connected == [("9.9.9.9", 443)]


def test_a_key_in_the_url_is_in_no_message(server: Server, tmp_path: Path) -> None:
    server.talks = [b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"]
    with pytest.raises(SourceError) as caught:
        fetch(f"{server.url}?token=s3cret", tmp_path / "x", allow_private=True)
    assert "s3cret" not in str(caught.value)
    assert "answered 403" in str(caught.value)


def test_no_thread_stays_behind(server: Server, tmp_path: Path) -> None:
    server.talks = [OK]
    fetch(server.url, tmp_path / "x", allow_private=True)
    assert not [thread for thread in threading.enumerate() if thread.name == "intel-fetch-watch"]
