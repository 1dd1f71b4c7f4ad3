"""Clients that say nothing, say it drop by drop, say it without end, or do not take their answer: by either parser of
uvicorn, plain and encrypted."""

from __future__ import annotations

import asyncio
import select
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import uvicorn
import websockets
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tests.api.conftest import Api
from tests.api.serving import certificate_in
from workbench.api.patience import LONGEST_HEAD, bounded

BIG = 64 << 20
"""More than the buffers of a connection hold."""
GET = b"GET / HTTP/1.1\r\nhost: x\r\n"


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the length of the body, after two seconds at /slow, with a lot at /big, before it is read at /refused."""
    if scope["type"] == "lifespan":
        return
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message["text"]})
        return
    size, more = 0, scope["path"] != "/refused"
    while more:
        message = await receive()
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    if scope["path"] == "/slow":
        await asyncio.sleep(2)
    body = bytes(BIG) if scope["path"] == "/big" else str(size).encode()
    head = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", str(len(body)).encode())]}  # fmt: skip
    await send(head)
    await send({"type": "http.response.body", "body": body})


class Door:
    """A server of the application above, which waits for ``seconds`` for what it is asked, and twice that for its
    answer to be taken."""

    def __init__(self, protocol: Any, identity: tuple[Path, Path] | None, seconds: float) -> None:
        tls: dict[str, Any] = {}
        self.context = None
        if identity is not None:
            tls = {"ssl_certfile": identity[0], "ssl_keyfile": identity[1]}
            self.context = ssl.create_default_context(cafile=identity[0])
        config = uvicorn.Config(
            application,
            http=bounded(seconds, 2 * seconds, protocol),
            log_config=None,
            lifespan="off",
            timeout_keep_alive=1,
            **tls,
        )
        self.server = uvicorn.Server(config)
        listening = socket.create_server(("127.0.0.1", 0))
        self.port = listening.getsockname()[1]
        self._thread = threading.Thread(target=self.server.run, args=([listening],), daemon=True)
        self._thread.start()
        deadline = time.monotonic() + 60
        while not self.server.started:
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def connected(self, said: bytes = b"") -> socket.socket:
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        made = self.context.wrap_socket(plain, server_hostname="127.0.0.1") if self.context else plain
        made.sendall(said)
        return made

    def stop(self) -> None:
        self.server.should_exit = True
        self._thread.join(30)


@pytest.fixture(
    scope="module",
    params=[(protocol, tls) for protocol in (HttpToolsProtocol, H11Protocol) for tls in (False, True)],
    ids=["httptools", "httptools-tls", "h11", "h11-tls"],
)
def kind(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    protocol, tls = request.param
    return protocol, certificate_in(tmp_path_factory.mktemp("door")) if tls else None


@pytest.fixture(scope="module")
def door(kind: tuple[Any, Any]) -> Iterator[Door]:
    door = Door(*kind, seconds=1)
    yield door
    door.stop()


@pytest.fixture(scope="module")
def patient(kind: tuple[Any, Any]) -> Iterator[Door]:
    """Where it is not time that counts."""
    door = Door(*kind, seconds=60)
    yield door
    door.stop()


def _all(connection: socket.socket) -> bytes:
    """What comes until the end."""
    told = b""
    try:
        while more := connection.recv(1 << 16):
            told += more
    except ConnectionError:
        pass
    return told


def _answer(connection: socket.socket) -> bytes:
    """The body of one answer."""
    told = b""
    while b"\r\n\r\n" not in told or not told.partition(b"\r\n\r\n")[2]:
        more = connection.recv(1 << 16)
        assert more, "the connection was ended"
        told += more
    return told.partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize(
    ("said", "answers"),
    [(b"", 0), (GET, 0), (GET + b"\r\n" + GET, 1), (b"\r\n", 0)],
    ids=["nothing", "half a request", "a request and a half", "an empty line"],
)
def test_who_says_nothing_is_not_waited_for(door: Door, said: bytes, answers: int) -> None:
    with door.connected(said) as connection:
        assert _all(connection).count(b" 200 OK") == answers


@pytest.mark.parametrize("path", [b"/", b"/refused"])
def test_who_says_it_drop_by_drop_is_not_listened_to(door: Door, path: bytes) -> None:
    """Each drop is a sign of life to uvicorn. At /refused it is the body that drips, and nobody wants it."""
    said = b"GET " + path + b" HTTP/1.1\r\nhost: x\r\n"
    if path == b"/refused":
        said = b"POST /refused HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n"
    with door.connected(said) as connection:
        deadline = time.monotonic() + 60
        with suppress(ConnectionError, ssl.SSLError):
            while not select.select([connection], [], [], 0.05)[0] or connection.recv(1 << 16):
                assert time.monotonic() < deadline, "it is listened to for ever"
                connection.sendall(b"x-a: b\r\n")


CHUNKED = b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n"


@pytest.mark.parametrize("before", [GET, CHUNKED], ids=["head", "trailer"])
@pytest.mark.parametrize(
    "said", [b"x-a: " + b"b" * 8_000 + b"\r\n", b"b" * 8_000], ids=["headers", "a header"]
)
def test_headers_without_end_are_not_kept(patient: Door, before: bytes, said: bytes) -> None:
    with patient.connected(before + b"x: ") as connection:
        try:
            for _ in range(20 * LONGEST_HEAD // len(said)):
                connection.sendall(said)
        except (ConnectionError, ssl.SSLError):
            return
        # Encrypted, what comes while the connection ends is thrown away; it did end, and nothing was answered.
        assert b" 200 OK" not in _all(connection)


def test_headers_without_end_behind_a_request_are_not_kept(door: Door) -> None:
    """While that is answered. h11 leaves them with the system, httptools would take them all."""
    said = b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n" + GET + 2_000 * (b"x-a: " + b"b" * 8_000 + b"\r\n")
    with door.connected() as connection:
        connection.settimeout(1.5)
        with pytest.raises((ConnectionError, ssl.SSLError, TimeoutError)):
            connection.sendall(said)


def test_what_is_bounded_is_the_clients_time_not_ours(door: Door) -> None:
    with door.connected(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n") as connection:
        assert _answer(connection) == b"0"


def test_a_connection_serves_one_request_after_another_however_they_are_cut(patient: Door) -> None:
    """More in all than a head may have, heads in pieces, bodies among them."""
    body = b"b" * 30_000
    request = (
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 30000\r\nx-a: " + b"a" * 5_000 + b"\r\n\r\n" + body
    )
    with patient.connected() as connection:
        for number in range(20):
            cut = 100 + 300 * number
            connection.sendall(request[:cut])
            time.sleep(0.01)
            connection.sendall(request[cut:])
            assert _answer(connection) == b"30000"
        connection.sendall(request * 3)  # ahead of their answers
        told = b""
        while told.count(b" 200 OK") < 3 or not told.endswith(b"30000"):
            told += connection.recv(1 << 16)


def test_a_large_body_is_no_head(patient: Door) -> None:
    chunk = b"8000\r\n" + b"c" * 0x8000 + b"\r\n"
    said = (
        b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
        + chunk * 20
        + b"0\r\nx-end: 1\r\n\r\n"
    )
    with patient.connected(said) as connection:
        assert _answer(connection) == str(20 * 0x8000).encode()


async def test_a_websocket_may_be_silent(door: Door) -> None:
    url = f"{'wss' if door.context else 'ws'}://127.0.0.1:{door.port}/"
    async with websockets.connect(url, ssl=door.context) as client:
        await asyncio.sleep(2)
        await client.send("still here")
        assert await client.recv() == "still here"


def test_who_takes_no_answer_is_let_go(door: Door) -> None:
    if door.context:
        pytest.skip("encrypted, it is asyncio that waits half a minute for the end of a connection")
    kept = door.server.server_state.connections
    with door.connected(b"GET /big HTTP/1.1\r\nhost: x\r\n\r\n") as connection:
        select.select([connection], [], [])
        deadline = time.monotonic() + 60
        while any(each.client == connection.getsockname() for each in kept.copy()):
            assert time.monotonic() < deadline, "the answer is kept for ever"
            time.sleep(0.05)


def test_who_takes_her_answer_slowly_gets_it(door: Door) -> None:
    with door.connected(b"GET /big HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n") as connection:
        taken = 0
        for part in range(8):
            while taken < BIG // 8 * part:
                taken += len(connection.recv(1 << 20))
            time.sleep(0.4)
        assert taken + len(_all(connection)) > BIG


def test_the_server_of_the_store_is_so_bounded(serve: Any) -> None:
    api: Api = serve(limits={"head_seconds": 1})
    with socket.create_connection(("127.0.0.1", int(api.url.rpartition(":")[2])), timeout=60) as connection:
        assert not connection.recv(1000)
