"""The door of the server: every request passes it. Who asks, from where; headers, log and masks on the way out."""

from __future__ import annotations

import json
import logging
import secrets
import time
from typing import TYPE_CHECKING, Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from workbench.api.admission import Admission, country_of, token_of
from workbench.api.context import Client
from workbench.api.errors import ApiError, Busy, Unauthenticated
from workbench.api.forwarded import client_address
from workbench.api.masking import masked
from workbench.api.metrics import REFUSED, REQUESTS
from workbench.api.over_http import refusal
from workbench.store.errors import Unreachable

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from workbench.api.places import Places
    from workbench.api.rates import Rates
    from workbench.api.settings import Settings

__all__ = ["Door", "client_of"]

log = logging.getLogger("workbench.api.requests")

OPEN = ("/healthz", "/readyz", "/metrics")
SECURITY = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}


class Door:
    """ASGI middleware that lets members in. ``state.context`` is set behind it, on HTTP; a WebSocket is let in by
    its first message (:mod:`workbench.api.over_websocket`) and has ``state.client`` until then."""

    def __init__(self, app: ASGIApp, settings: Settings, admission: Admission, rates: Rates, places: Places) -> None:  # fmt: skip
        self._app = app
        self._settings = settings
        self._admission = admission
        self._rates = rates
        self._places = places

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        state = scope.setdefault("state", {})
        state["request_id"] = secrets.token_hex(8)
        state["client"] = client_of(scope, headers, self._settings)
        ours = "place" in state  # workbench.api.reception gave one to the connection; another server has none
        if not ours:
            state["place"] = self._places.arrive(lambda: None, None)
        try:
            if scope["type"] == "websocket":
                await self._app(scope, receive, send)
            else:
                await self._http(scope, receive, send, headers)
        finally:
            if not ours:
                state["place"].leave()

    async def _http(self, scope: Scope, receive: Receive, send: Send, headers: Headers) -> None:
        state, begun, status = scope["state"], time.perf_counter(), 0
        secure = scope.get("scheme") == "https"

        async def on_the_way_out(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                outgoing = MutableHeaders(scope=message)
                for name, value in SECURITY.items():
                    outgoing.setdefault(name, value)
                outgoing["x-request-id"] = state["request_id"]
                if secure:
                    outgoing.setdefault("strict-transport-security", "max-age=31536000")
            await send(message)

        try:
            refused = await self._let_in(scope, headers)
            if refused is not None:
                await refused(scope, receive, on_the_way_out)
            else:
                await self._app(scope, receive, on_the_way_out)
        except ClientDisconnect:
            status = 499
        except Exception as error:
            identity = masked(error, state["request_id"])
            if status:
                raise
            body = {"errors": [{"message": f"unexpected error {identity}: tell the administrator this id", "extensions": {"code": "INTERNAL", "id": identity}}]}  # fmt: skip
            await Response(json.dumps(body), 500, media_type="application/json")(
                scope, receive, on_the_way_out
            )
        finally:
            state["place"].rest()
            context = state.get("context")
            route = _route(scope["path"])
            REQUESTS.labels(route, str(status)).inc()
            log.info(
                "request",
                extra={
                    "request": state["request_id"], "method": scope["method"], "route": route, "status": status,
                    "client": state["client"].address, "member": context.member.role if context else None,
                    "milliseconds": round((time.perf_counter() - begun) * 1000, 1),
                },
            )  # fmt: skip

    async def _let_in(self, scope: Scope, headers: Headers) -> Any:
        """None, with the context in the scope; or the refusal."""
        path, state = scope["path"], scope["state"]
        if path in OPEN:
            return None
        taxii = path.startswith("/taxii2")
        try:
            authorization = headers.get("authorization")
            token = token_of(authorization) or (_password(authorization) if taxii else None)
            context = await self._admission.admit(token, state["client"], state["request_id"])
            state["place"].serve(context.member.role, "request")
            if path != "/graphql":  # which counts operations, not requests
                self._rates.take(context.member.role)
            state["context"] = context
        except ApiError as error:
            return _taxii_refusal(error) if taxii else refusal(error)
        except Unreachable:
            busy = Busy("the store cannot be reached: try again in a moment")
            return _taxii_refusal(busy) if taxii else refusal(busy)
        return None


def client_of(scope: Scope, headers: Headers, settings: Settings) -> Client:
    """The client of a request, by its connection and, behind trusted proxies, by their headers."""
    peer = (scope.get("client") or (None,))[0]
    address = client_address(
        peer, headers.getlist("forwarded"), headers.getlist("x-forwarded-for"), settings.trusted_proxies
    )
    return Client(address, country_of(address) if address else None)


def _password(authorization: str | None) -> str | None:
    """TAXII clients know user and password: the token is the password. Not for GraphQL, since a browser sends
    these by itself, whichever page asks."""
    import base64
    import binascii

    kind, _, coded = (authorization or "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        return base64.b64decode(coded.strip(), validate=True).decode().partition(":")[2] or None
    except (binascii.Error, UnicodeDecodeError):
        return None


def _taxii_refusal(error: ApiError) -> Response:
    REFUSED.labels(error.code).inc()
    body = {"title": str(error), "error_code": error.code, "http_status": str(error.status)}
    response = Response(json.dumps(body), error.status, media_type="application/taxii+json;version=2.1")
    if isinstance(error, Unauthenticated):
        response.headers["www-authenticate"] = 'Basic realm="ip-workbench", Bearer realm="ip-workbench"'
    if error.status in (429, 503):
        response.headers["retry-after"] = str(max(1, round(getattr(error, "seconds", 1))))
    return response


def _route(path: str) -> str:
    """A path as a metric: few, whatever clients ask for."""
    first = "/" + path.lstrip("/").partition("/")[0]
    return first if first in ("/graphql", "/taxii2", *OPEN) else "other"
