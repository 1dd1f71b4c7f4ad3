"""How long a client may take to say what it wants, and to take its answer: whoever has shown no token is not waited
for, nor kept in memory."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

__all__ = ["LONGEST_HEAD", "bounded"]

LONGEST_HEAD = 65_536


def bounded(head_seconds: float, send_seconds: float, protocol: Any = AutoHTTPProtocol) -> type[asyncio.Protocol]:  # fmt: skip
    """uvicorn's protocol, which ends a connection

    - whose next request does not begin, or whose head is not whole, within ``head_seconds``: uvicorn itself waits for
      ever for the first one, and for each that comes drop by drop;
    - whose head, or what follows a body, is longer than :data:`LONGEST_HEAD` bytes: httptools keeps them without end;
    - of whose answer nothing was taken for ``send_seconds``: it would be kept for ever.

    The body has its bounds where it is read (:mod:`workbench.api.over_http`), and so has a WebSocket.
    """
    # What httptools calls; h11 calls nothing, and bounds a head itself.
    tells = hasattr(protocol, "on_headers_complete")

    class Bounded(protocol):  # type: ignore[misc]
        _over: asyncio.TimerHandle | None = None
        _stalled: asyncio.TimerHandle | None = None
        _loose = 0
        """Bytes that came since the last that were a whole head, or of a body."""

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._wait()

        def connection_lost(self, error: Exception | None) -> None:
            self._wait_no_more()
            self._moves()
            super().connection_lost(error)

        def data_received(self, data: bytes) -> None:
            self._loose += len(data)
            super().data_received(data)
            if self.transport.is_closing():
                self._wait_no_more()
            elif tells and self._loose > LONGEST_HEAD:
                self._too_long()
            elif self._is_answering():
                self._wait_no_more()
            elif self._over is None:
                self._wait()

        def on_message_begin(self) -> None:
            self._loose = 0
            super().on_message_begin()

        def on_headers_complete(self) -> None:
            self._loose = 0
            super().on_headers_complete()

        def on_body(self, body: bytes) -> None:
            self._loose = 0
            super().on_body(body)

        def pause_writing(self) -> None:
            super().pause_writing()
            self._watch(self.transport.get_write_buffer_size())

        def resume_writing(self) -> None:
            self._moves()
            super().resume_writing()

        def _is_answering(self) -> bool:
            """Whether a request is being answered, or the connection is one of WebSocket now."""
            if self.transport.get_protocol() is not self:
                return True
            return self.cycle is not None and not self.cycle.response_complete

        def _too_long(self) -> None:
            if self._is_answering():
                self.transport.abort()  # a refusal would come in the midst of the answer
            else:
                self.send_400_response("The head of the request is too long.")
            self._wait_no_more()

        def _wait(self) -> None:
            self._over = self.loop.call_later(head_seconds, self._end)

        def _wait_no_more(self) -> None:
            if self._over is not None:
                self._over.cancel()
                self._over = None

        def _end(self) -> None:
            self._over = None
            if not self._is_answering():
                self.transport.close()

        def _watch(self, left: int) -> None:
            self._moves()
            self._stalled = self.loop.call_later(send_seconds, self._look, left)

        def _look(self, before: int) -> None:
            left = self.transport.get_write_buffer_size()
            if left < before:
                self._watch(left)
            else:
                self.transport.abort()

        def _moves(self) -> None:
            if self._stalled is not None:
                self._stalled.cancel()
                self._stalled = None

    return Bounded
