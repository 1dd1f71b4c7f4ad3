"""The ASGI application, put together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import import_module, util
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Mount, Route, WebSocketRoute

from workbench.api.admission import Admission, country_of
from workbench.api.changes import Changes
from workbench.api.context import Workers
from workbench.api.door import Door
from workbench.api.health import Readiness, healthz, metrics, readyz
from workbench.api.jwks import Jwks
from workbench.api.keys import KeyRing
from workbench.api.over_http import OverHttp
from workbench.api.over_websocket import OverWebSocket
from workbench.api.persisted import Persisted
from workbench.api.places import Places
from workbench.api.rates import Rates
from workbench.api.tokens import Verifier

if TYPE_CHECKING:
    import strawberry

    from workbench.api.settings import Settings
    from workbench.store.serving.acting import Pool

__all__ = ["Services", "build_app"]


@dataclass(frozen=True, slots=True)
class Services:
    """What all requests share: ``app.state.services``."""

    settings: Settings
    pool: Pool
    workers: Workers
    changes: Changes
    admission: Admission
    verifier: Verifier
    rates: Rates
    readiness: Readiness
    places: Places


def build_app(settings: Settings, schema: strawberry.Schema | None = None) -> Starlette:
    """The application on the store of ``settings``, with the schema of this package or another one
    (:func:`workbench.api.guards.guarded_schema`). Connects at once, and lets go when the server stops.

    Raises:
        Unreachable: the store does not answer.
        StoreError: the login sees more than it should, or may act for nobody.
        OSError, ValueError: keys or listed queries cannot be read.
    """
    from workbench.store.serving.acting import Pool

    if schema is None:
        from workbench.api.schema import schema as ours

        schema = ours

    limits = settings.limits
    country_of("192.0.2.1")  # opens the snapshot, and builds the first one, before anybody waits for it
    pool = Pool(settings.store_url, settings.pool_size, statement_seconds=limits.request_seconds)
    workers = Workers(settings.pool_size, limits.waiting, limits.request_seconds)
    changes = Changes(settings.store_url)
    ring = KeyRing(settings.home)
    ring.tokens()  # a file that is damaged or open to others is told of now
    jwks = Jwks(settings.oidc) if settings.oidc else None
    verifier = Verifier(ring, settings.audience, settings.oidc, jwks, settings.clock_skew)
    admission = Admission(settings, verifier, pool, workers, changes)
    rates, persisted = Rates(limits.per_minute), Persisted(settings.queries)
    places = Places(limits, settings.trusted_proxies)
    services = Services(settings, pool, workers, changes, admission, verifier, rates, Readiness(pool), places)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        changes.start()
        try:
            yield
        finally:
            await changes.stop()
            await asyncio.to_thread(workers.close)
            await asyncio.to_thread(pool.close)

    over_http = OverHttp(schema, persisted, rates)
    over_websocket = OverWebSocket(schema, services, persisted)
    routes: list[Any] = [
        Route("/graphql", over_http),
        WebSocketRoute("/graphql", over_websocket),
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/metrics", metrics),
    ]
    if util.find_spec("workbench.api.taxii") is not None:
        routes.append(Mount("/taxii2", routes=import_module("workbench.api.taxii").routes()))
    middleware = [Middleware(Door, settings=settings, admission=admission, rates=rates, places=places)]
    if settings.origins:
        middleware.insert(
            0,
            Middleware(
                CORSMiddleware, allow_origins=list(settings.origins), allow_methods=["GET", "POST"],
                allow_headers=["authorization", "content-type"], max_age=600,
            ),
        )  # fmt: skip
    app = Starlette(routes=routes, middleware=middleware, lifespan=lifespan)
    app.state.services = services
    return app
