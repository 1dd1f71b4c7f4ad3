"""For those who watch the server: alive, ready, and numbers."""

from __future__ import annotations

import asyncio
from ipaddress import ip_address

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from workbench.api.metrics import REGISTRY, SUBSCRIPTIONS, WAITING

__all__ = ["healthz", "metrics", "readyz"]


async def healthz(request: Request) -> Response:
    """The process runs; restart it if this does not answer."""
    return PlainTextResponse("ok\n")


async def readyz(request: Request) -> Response:
    """It can answer: the store does, and its changes are heard of. 503 where not, so that no traffic is sent here."""
    services = request.app.state.services
    try:
        async with asyncio.timeout(5):
            await asyncio.to_thread(services.pool.ping)
        store = True
    except (OSError, TimeoutError):
        store = False
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
