"""For those who watch the server: alive, ready, and numbers."""

from __future__ import annotations

import asyncio
import time
from ipaddress import ip_address
from typing import TYPE_CHECKING

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from workbench.api.metrics import REGISTRY, SUBSCRIPTIONS, WAITING

if TYPE_CHECKING:
    from workbench.store.serving.acting import Pool

__all__ = ["Readiness", "healthz", "metrics", "readyz"]


class Readiness:
    """Whether the store answers, asked once a second at most: whoever asks for it need not be a member."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._lock = asyncio.Lock()
        self._found, self._asked = False, -1e9

    async def store(self) -> bool:
        """As of now, or a second ago."""
        async with self._lock:
            if time.monotonic() - self._asked > 1:
                try:
                    await asyncio.to_thread(self._pool.ping)
                    self._found = True
                except OSError:
                    self._found = False
                self._asked = time.monotonic()
            return self._found


async def healthz(request: Request) -> Response:
    """The process runs; restart it if this does not answer."""
    return PlainTextResponse("ok\n")


async def readyz(request: Request) -> Response:
    """It can answer: the store does, and its changes are heard of. 503 where not, so that no traffic is sent here."""
    services = request.app.state.services
    store = await services.readiness.store()
    listening = services.changes.connected.is_set()
    return JSONResponse({"store": store, "listening": listening}, 200 if store and listening else 503)


async def metrics(request: Request) -> Response:
    """Prometheus' text format, for the networks that may read it."""
    services, client = request.app.state.services, request.state.client
    allowed = client.address is not None and any(
        ip_address(client.address) in network for network in services.settings.metrics_from
    )
    if not allowed:
        return PlainTextResponse("not for this address\n", 403)
    WAITING.set(services.pool.busy())
    SUBSCRIPTIONS.set(services.changes.subscribers)
    return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_LATEST)
