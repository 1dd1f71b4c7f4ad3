"""A reverse proxy that truncates, delays, repeats and rejects, by a seeded die."""

from __future__ import annotations

import asyncio
import random
import ssl
import threading
from collections import Counter
from dataclasses import dataclass, field

BODILESS = b"Content-Length: 0\r\nConnection: close\r\n\r\n"
PAGE = b"<html>Please log in</html>"


@dataclass
class Flaky:
    """Stands before a server on the loopback; use it in a ``with`` block. ``faults`` are drawn for each request with
    ``chance``, ``counts`` tells how often each was; ``requests`` are their first lines."""

    upstream: int
    faults: tuple[str, ...] = (
        "truncate",
        "hide",
        "drop",
        "delay",
        "repeat",
        "503",
        "429",
        "500",
        "html",
        "stale",
    )
    chance: float = 0.4
    seed: int = 0
    port: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    requests: list[str] = field(default_factory=list)
    answers: dict[str, bytes] = field(default_factory=dict)
    retry_after: str = "0"
    broken: str = ""
    together: int = 0
    """Objects are given to nobody before those of this many collections were asked for."""
    tls: ssl.SSLContext | None = None
    headers: list[bytes] = field(default_factory=list)

    def __enter__(self) -> Flaky:
        self._die = random.Random(self.seed)
        self._here = asyncio.Event()
        self._over = asyncio.Event()
        ready = threading.Event()

        async def serve() -> None:
            server = await asyncio.start_server(self._client, "127.0.0.1", 0, ssl=self.tls)
            self.port = server.sockets[0].getsockname()[1]
            self._loop = asyncio.get_running_loop()
            ready.set()
            await self._over.wait()
            server.close()

        self._thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
        self._thread.start()
        ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            await self._answer(head, await reader.readexactly(_length(head) or 0), writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, head: bytes, body: bytes, writer: asyncio.StreamWriter) -> None:
        line = head.partition(b"\r\n")[0].decode()
        self.requests.append(line)
        self.headers.append(head)
        fault = self._die.choice(self.faults) if self._die.random() < self.chance else "none"
        self.counts[fault] += 1
        if self.together and "/objects/" in line:
            if len({each for each in self.requests if "/objects/" in each}) >= self.together:
                self._here.set()
            await asyncio.wait_for(self._here.wait(), 20)
        if self.broken and f"/{self.broken}/objects" in line:
            writer.write(b"HTTP/1.1 404 Not Found\r\n" + BODILESS)
            return
        if fault in ("503", "429", "500"):
            waits = b"" if fault == "500" else b"Retry-After: %s\r\n" % self.retry_after.encode()
            writer.write(b"HTTP/1.1 %s Busy\r\n%s%s" % (fault.encode(), waits, BODILESS))
            return
        if fault == "html":
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%s"
                % (len(PAGE), PAGE)
            )
            return
        if fault == "huge":
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/taxii+json;version=2.1\r\nContent-Length: 99999999999\r\n\r\n{"
            )
            return
        if fault == "hang":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/taxii+json;version=2.1\r\n\r\n{")
            for _ in range(1_200):
                if writer.is_closing():  # who asked has gone
                    break
                await asyncio.sleep(0.05)
            return
        if fault == "stale" and line in self.answers:
            writer.write(self.answers[line])
            return
        if fault == "repeat":
            await self._forward(head, body)
        answer = await self._forward(head, body)
        self.answers[line] = answer
        if fault == "delay":
            await asyncio.sleep(self._die.random() / 5)
        if fault == "drop":
            return
        if fault == "truncate":
            answer = answer[: self._die.randrange(len(answer))]
        if fault == "hide":  # cut off, and HTTP cannot tell
            top, _, rest = answer.partition(b"\r\n\r\n")
            top = b"\r\n".join(
                part for part in top.split(b"\r\n") if not part.lower().startswith(b"content-length")
            )
            answer = top + b"\r\n\r\n" + rest[: self._die.randrange(len(rest) + 1)]
        writer.write(answer)

    async def _forward(self, head: bytes, body: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.upstream)
        lines = [
            part for part in head.rstrip(b"\r\n").split(b"\r\n") if not part.lower().startswith(b"connection")
        ]
        writer.write(b"\r\n".join([*lines, b"Connection: close"]) + b"\r\n\r\n" + body)
        # To its length, not to the end of the connection: a server that refuses a body it has not read may wait for
        # the rest of it as long as somebody is there.
        answer = await reader.readuntil(b"\r\n\r\n")
        length = _length(answer)
        answer += await (reader.read() if length is None else reader.readexactly(length))
        writer.close()
        return answer


def _length(head: bytes) -> int | None:
    """The bytes of a body, as its head tells."""
    lines = (line.lower().partition(b":") for line in head.split(b"\r\n"))
    return next((int(value) for name, _, value in lines if name == b"content-length"), None)
