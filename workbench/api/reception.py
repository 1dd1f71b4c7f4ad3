"""Where a connection comes in, before anything was said: it gets its place (:mod:`workbench.api.places`), and its TLS.

uvicorn's ``limit_concurrency`` counts connections too, but looks when the head of a request is whole: a connection that
says nothing is never refused, nor is one that is still at its handshake, and then members are refused as well as others.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import TYPE_CHECKING, Any

import uvicorn

from workbench.api.places import Places

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Server", "leaving"]

log = logging.getLogger("workbench.api")
GOODBYE_SECONDS = 5
"""For the other end to agree that an encrypted connection is over."""


def leaving(protocol: Any) -> Any:
    """A protocol of uvicorn that gives up its place with its connection. An HTTP connection that becomes a WebSocket
    goes on with its place in ``app_state``, which is the ``state`` of every scope."""

    class Leaving(protocol):  # type: ignore[misc]
        def connection_lost(self, error: Exception | None) -> None:
            super().connection_lost(error)
            self.app_state["place"].leave()

    return Leaving


class Server(uvicorn.Server):
    """uvicorn's, whose connections have places from the moment they are accepted. Its protocols are :func:`leaving`, a
    TLS handshake takes ``handshake_seconds`` at most."""

    def __init__(self, config: uvicorn.Config, places: Places, handshake_seconds: float) -> None:
        super().__init__(config)
        self._places = places
        self._handshake_seconds = handshake_seconds

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=[])
        self.servers = [_Accepting(self, sockets or [])]  # type: ignore[list-item]

    async def receive(self, connection: socket.socket, address: str | None) -> None:
        """Make a protocol's of an accepted connection."""
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None
        place = self._places.arrive(task.cancel, address)
        tls = self.config.ssl

        def protocol() -> asyncio.Protocol:
            state = {**self.lifespan.state, "place": place}
            made: asyncio.Protocol = self.config.http_protocol_class(self.config, self.server_state, state, loop)  # type: ignore[call-arg]  # fmt: skip
            return made

        try:
            transport, _ = await loop.connect_accepted_socket(
                protocol, connection, ssl=tls,
                ssl_handshake_timeout=self._handshake_seconds if tls else None,
                ssl_shutdown_timeout=GOODBYE_SECONDS if tls else None,
            )  # fmt: skip
        except OSError:  # gone, or no TLS: nothing that an administrator could mend
            place.leave()
        except BaseException:
            place.leave()
            raise
        else:
            place.end = transport.abort


class _Accepting:
    """What uvicorn asks of an asyncio server: to be closed."""

    def __init__(self, server: Server, sockets: Iterable[socket.socket]) -> None:
        self._server = server
        self._arriving: set[asyncio.Task[None]] = set()
        self._tasks = [asyncio.ensure_future(self._accept(listening)) for listening in sockets]

    def close(self) -> None:
        for task in (*self._tasks, *self._arriving):
            task.cancel()

    async def wait_closed(self) -> None:
        await asyncio.gather(*self._tasks, *self._arriving, return_exceptions=True)

    async def _accept(self, listening: socket.socket) -> None:
        listening.setblocking(False)
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, address = await loop.sock_accept(listening)
            except ConnectionError:
                continue  # gone before it was accepted
            except OSError as error:
                log.error("no connection can be accepted", extra={"error": error.strerror})
                await asyncio.sleep(1)  # no file is free: they wait, until one is
                continue
            task = asyncio.ensure_future(self._server.receive(connection, _host(address)))
            self._arriving.add(task)
            task.add_done_callback(self._arriving.discard)


def _host(address: Any) -> str | None:
    return str(address[0]) if isinstance(address, tuple) and address else None
