"""GraphQL over WebSocket, by the protocol graphql-transport-ws (github.com/enisdenjo/graphql-ws).

``connection_init`` brings the token: ``{"authorization": "Bearer …"}``, or the handshake does in its header. The
connection ends with the token (4401); to go on, a client sends in time a new one in a ``ping``
``{"type": "ping", "payload": {"authorization": "Bearer …"}}``, and the ``pong`` says until when it holds. A member
who is suspended, whose token is revoked or who is elsewhere now is shown out (4403).
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from starlette.websockets import WebSocket, WebSocketDisconnect
from strawberry.asgi import GraphQL
from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler

from workbench.api.admission import token_of
from workbench.api.errors import ApiError, Denied, RateLimited
from workbench.api.masking import masked
from workbench.api.metrics import REFUSED, SOCKETS
from workbench.store.errors import Unreachable

if TYPE_CHECKING:
    import strawberry
    from starlette.types import Receive, Scope, Send

    from workbench.api.app import Services
    from workbench.api.persisted import Persisted

__all__ = ["OverWebSocket"]

log = logging.getLogger("workbench.api.sockets")


class _Handler(BaseGraphQLTransportWSHandler[Any, None]):
    """The protocol is Strawberry's; admission, limits and persisted queries are ours."""

    services: Services
    persisted: Persisted
    role: str | None = None
    watch: asyncio.Task[None] | None = None

    async def handle(self) -> None:
        state = self._socket.state
        SOCKETS.inc()
        begun = time.perf_counter()
        try:
            await super().handle()
        finally:
            SOCKETS.dec()
            if self.watch is not None:
                self.watch.cancel()
            state.place.rest()
            log.info(
                "websocket closed",
                extra={
                    "request": state.request_id, "member": self.role, "client": state.client.address,
                    "seconds": round(time.perf_counter() - begun, 1),
                },
            )  # fmt: skip

    async def handle_connection_init(self, message: Any) -> None:
        payload = {} if message.get("payload") is None else message["payload"]
        message["payload"] = payload
        if self.connection_init_received or not isinstance(payload, dict):
            await super().handle_connection_init(message)
            return
        token = token_of(_authorization(payload)) or token_of(self._socket.headers.get("authorization"))
        state = self._socket.state
        try:
            context = await self.services.admission.admit(token, state.client, state.request_id)
            role = context.member.role
            state.place.serve(role, "websocket")
        except ApiError as error:
            self.connection_init_received = True
            REFUSED.labels(error.code).inc()
            await self.websocket.close(_closing(error), _reason(str(error)))
            return
        except Unreachable:
            await self.websocket.close(1013, "the store cannot be reached: try again in a moment")
            return
        self.role, self.context = role, context
        self.watch = asyncio.create_task(self._watch())
        await super().handle_connection_init(message)

    async def handle_message(self, message: Any) -> None:
        if not isinstance(message, dict) or not isinstance(message.get("type"), str):
            await self.handle_invalid_message("A message is a JSON object with a type")
            return
        await super().handle_message(message)  # type: ignore[arg-type]

    async def handle_ping(self, message: Any) -> None:
        payload = message.get("payload")
        authorization = _authorization(payload) if isinstance(payload, dict) else None
        if authorization is None or not self.connection_acknowledged:
            await super().handle_ping(message)
            return
        state = self._socket.state
        try:
            context = await self.services.admission.admit(
                token_of(authorization), state.client, state.request_id
            )
            if context.member.role != self.role:
                raise Denied("the new token is of somebody else: open another connection")
        except ApiError as error:
            if error.status != 503:
                await self.websocket.close(4403, _reason(str(error)))
                return
            await self.send_message({"type": "pong", "payload": {"renewed": False}})
            return
        except Unreachable:
            await self.send_message({"type": "pong", "payload": {"renewed": False}})
            return
        self.context.grant = context.grant
        self.context.member = context.member
        await self.send_message(
            {"type": "pong", "payload": {"renewed": True, "expires": int(context.grant.expires)}}
        )

    async def handle_subscribe(self, message: Any) -> None:
        payload, identity = message.get("payload"), message.get("id")
        if (
            not isinstance(identity, str)
            or not identity
            or not isinstance(payload, dict)
            or not _well_formed(payload)
        ):
            await self.handle_invalid_message("Failed to parse message")
            return
        if not self.connection_acknowledged:
            await super().handle_subscribe(message)
            return
        try:
            with suppress(Unreachable):  # each operation finds that out for itself
                # Between two looks of the watch the token may have been revoked.
                await self.services.admission.still(self.context.grant, self._socket.state.client)
            self.services.rates.take(self.context.member.role)
            query = self.persisted.query(payload.get("query"), payload.get("extensions"))
            if query is None:
                raise ApiError("the request has no query")
        except ApiError as error:
            told = [{"message": str(error), "extensions": {"code": error.code}}]
            await self.send_message({"id": identity, "type": "error", "payload": told})
            return
        message["payload"] = {**payload, "query": query}
        await super().handle_subscribe(message)

    async def send_message(self, message: Any) -> None:
        try:
            async with asyncio.timeout(self.services.settings.limits.send_seconds):
                await super().send_message(message)
        except TimeoutError:
            log.warning("a client takes nothing: let go", extra={"member": self.role})
            with suppress(Exception):
                async with asyncio.timeout(1):
                    await self.websocket.close(1013, "you take too little: resume from your cursor")
            raise WebSocketDisconnected from None

    async def _watch(self) -> None:
        """The member is asked after again and again, and the connection ends with her token."""
        while True:
            left = self.context.grant.expires - time.time()
            if left <= 0:
                await self.websocket.close(4401, "the token has expired")
                return
            await asyncio.sleep(min(left, self.services.settings.limits.check_seconds))
            try:
                if self.context.grant.expires > time.time():
                    await self.services.admission.still(self.context.grant, self._socket.state.client)
            except ApiError as error:
                if error.status in (401, 403):
                    await self.websocket.close(4403, _reason(str(error)))
                    return
            except Unreachable:
                continue  # nothing is read either
            except Exception as error:
                # Whether she is still to be served cannot be known: of a damaged file of tokens, say.
                identity = masked(error, self._socket.state.request_id)
                await self.websocket.close(
                    1011, f"unexpected error {identity}: tell the administrator this id"
                )
                return

    @property
    def _socket(self) -> WebSocket:
        return self.websocket.ws  # type: ignore[attr-defined,no-any-return]


class OverWebSocket:
    """The endpoint."""

    def __init__(self, schema: strawberry.Schema, services: Services, persisted: Persisted) -> None:
        class Handler(_Handler):
            pass

        Handler.services, Handler.persisted = services, persisted

        class View(GraphQL[Any, None]):
            graphql_transport_ws_handler_class = Handler

            async def get_context(self, request: Any, response: Any) -> Any:
                return None  # nobody yet

            def decode_json(self, data: str | bytes) -> object:
                try:
                    return json.loads(data)
                except RecursionError:
                    raise json.JSONDecodeError("nested too deep", "", 0) from None

            def encode_json(self, data: object) -> str:
                return json.dumps(data, separators=(",", ":"), default=str)

        limits = services.settings.limits
        self._view = View(
            schema,
            graphql_ide=None,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,),
            connection_init_wait_timeout=timedelta(seconds=limits.init_seconds),
            max_subscriptions_per_connection=limits.subscriptions,
            allowed_origins=services.settings.origins,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with suppress(WebSocketDisconnect, WebSocketDisconnected):
            await self._view.run(WebSocket(scope, receive, send))


def _authorization(payload: Mapping[str, Any]) -> str | None:
    found = next((value for name, value in payload.items() if name.lower() == "authorization"), None)
    return found if isinstance(found, str) else None


def _well_formed(payload: Mapping[str, Any]) -> bool:
    return all(
        payload.get(name) is None or isinstance(payload[name], kind)
        for name, kind in (("query", str), ("operationName", str), ("variables", dict), ("extensions", dict))
    )


def _closing(error: ApiError) -> int:
    """The close code of a refusal: after 4403 a client does not come back by itself, after the others later."""
    if isinstance(error, RateLimited):
        return 4429
    return 1013 if error.status == 503 else 4403


def _reason(text: str) -> str:
    """A close frame has room for 123 bytes."""
    return text.encode()[:120].decode(errors="ignore")
