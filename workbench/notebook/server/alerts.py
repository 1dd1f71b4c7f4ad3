"""``workbench/alerts``: the alerts of watchlists, what becomes of them, and each as it is raised."""

from __future__ import annotations

import asyncio
import json
import threading
from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from uuid import UUID

from jupyter_server.auth.decorator import authorized
from tornado import web
from tornado.iostream import StreamClosedError

from workbench.notebook.server.base import RequestError
from workbench.notebook.server.shared import STORE_WORKERS, StoreHandler

if TYPE_CHECKING:
    from workbench.store import Alert, Store

__all__ = ["AlertHandler", "AlertsHandler", "LiveHandler", "routes"]

_SHOWN = 200
_STREAMS = 8
"""Pages that hear alerts at once; each takes a thread and a connection to the database."""
_HEARTBEAT_SECONDS = 20


class AlertsHandler(StoreHandler):
    """``GET``: the newest alerts that the user may see."""

    @web.authenticated
    @authorized("read")  # type: ignore[untyped-decorator]
    async def get(self) -> None:
        await self.ask(lambda store: {"items": [asdict(alert) for alert in store.alerts.all(limit=_SHOWN)]})


class AlertHandler(StoreHandler):
    """``POST {"state": "acknowledged" or "closed"}`` to one alert."""

    @web.authenticated
    @authorized("write")  # type: ignore[untyped-decorator]
    async def post(self, key: str) -> None:
        try:
            state = self.body(1000).get("state")
            if state not in ("acknowledged", "closed"):
                raise RequestError(400, "an alert can be acknowledged or closed")
        except RequestError as refused:
            self.refuse(refused.status, str(refused))
            return

        def work(store: Store) -> dict[str, Any]:
            alert = store.alerts.get(UUID(key))
            change = store.alerts.acknowledge if state == "acknowledged" else store.alerts.close
            return asdict(change(alert))

        await self.ask(work)


class LiveHandler(StoreHandler):
    """``GET``: a stream of server-sent events (WHATWG HTML, 9.2), one an alert: those raised and not looked after
    first, then each as it is raised. When the store is lost the stream ends, and the browser comes again."""

    open_streams = 0

    @web.authenticated
    @authorized("read")  # type: ignore[untyped-decorator]
    async def get(self) -> None:
        if LiveHandler.open_streams >= _STREAMS:
            self.refuse(503, f"{_STREAMS} pages hear alerts already")
            return
        loop = asyncio.get_running_loop()
        try:
            store = await loop.run_in_executor(STORE_WORKERS, self.store)
        except (ValueError, OSError) as error:
            self.refuse(503, str(error))
            return
        heard: asyncio.Queue[Alert | None] = asyncio.Queue()
        self._stop = threading.Event()
        listener = threading.Thread(
            target=_listen, args=(store, self._stop, loop, heard), name="workbench-live", daemon=True
        )
        LiveHandler.open_streams += 1
        listener.start()
        self.set_header("Content-Type", "text/event-stream")
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Accel-Buffering", "no")
        try:
            await self._tell(heard)
        except StreamClosedError:
            pass
        finally:
            LiveHandler.open_streams -= 1
            self._stop.set()

    async def _tell(self, heard: asyncio.Queue[Alert | None]) -> None:
        self.write(": listening\n\n")
        await self.flush()
        while not self._stop.is_set():
            try:
                alert = await asyncio.wait_for(heard.get(), _HEARTBEAT_SECONDS)
            except TimeoutError:
                self.write(": still here\n\n")
            else:
                if alert is None:
                    return
                self.write(f"data: {json.dumps(asdict(alert), default=str)}\n\n")
            await self.flush()

    def on_connection_close(self) -> None:
        super().on_connection_close()
        stop: threading.Event | None = getattr(self, "_stop", None)
        if stop is not None:
            stop.set()


def routes(_serverapp: Any) -> list[tuple[str, type[StoreHandler], dict[str, Any]]]:
    return [
        ("/workbench/alerts", AlertsHandler, {}),
        ("/workbench/alerts/live", LiveHandler, {}),
        (r"/workbench/alerts/([0-9a-f-]{36})", AlertHandler, {}),
    ]


def _listen(
    store: Store, stop: threading.Event, loop: asyncio.AbstractEventLoop, heard: asyncio.Queue[Alert | None]
) -> None:
    def tell(alert: Alert | None) -> None:
        # The server may be gone by now.
        if not loop.is_closed():
            loop.call_soon_threadsafe(heard.put_nowait, alert)

    try:
        for alert in store.alerts.listen(stop=stop, backlog=True):
            tell(alert)
    except OSError:
        pass
    finally:
        tell(None)
