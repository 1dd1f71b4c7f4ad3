"""GraphQL over HTTP, by the specification of that name (graphql.github.io/graphql-over-http)."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response

from workbench.api.context import Context
from workbench.api.errors import ApiError, RateLimited, TooLong
from workbench.api.masking import masked, told

if TYPE_CHECKING:
    import strawberry
    from starlette.types import Receive, Scope, Send

    from workbench.api.persisted import Persisted
    from workbench.api.rates import Rates

__all__ = ["JSON", "RESPONSE_JSON", "OverHttp", "refusal"]

JSON = "application/json"
RESPONSE_JSON = "application/graphql-response+json"
TOO_LONG = (
    "the answer took longer than a request may take: ask for less; a change may have been made all the same"
)


class MethodNotAllowed(ApiError):
    """Queries by GET or POST, mutations by POST."""

    code = "METHOD_NOT_ALLOWED"
    status = 405


class UnsupportedMedia(ApiError):
    """JSON only: a browser sends it across origins after asking first."""

    code = "UNSUPPORTED_MEDIA_TYPE"
    status = 415


class NotAcceptable(ApiError):
    """The answer is JSON."""

    code = "NOT_ACCEPTABLE"
    status = 406


class TooLarge(ApiError):
    """The body is larger than one may be."""

    code = "TOO_LARGE"
    status = 413


class TooSlow(ApiError):
    """The body does not come."""

    code = "TOO_SLOW"
    status = 408


@dataclass(frozen=True, slots=True)
class _Asked:
    query: str | None
    variables: dict[str, Any] | None
    name: str | None
    extensions: dict[str, Any] | None


class OverHttp:
    """The endpoint. The context comes from the door: whoever reaches it is a member."""

    def __init__(self, schema: strawberry.Schema, persisted: Persisted, rates: Rates) -> None:
        self._schema = schema
        self._persisted = persisted
        self._rates = rates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        response = await self._respond(request)
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        media = JSON
        try:
            media = accepted(request.headers.get("accept"))
            asked = await self._asked(request)
            context: Context = request.state.context
            if isinstance(asked, list):
                self._rates.take(context.member.role, len(asked))
                return _response([await self._one_of_many(one, context, media) for one in asked], 200, media)
            self._rates.take(context.member.role)
            status, body = await self._answer(asked, context, media, request.method == "GET")
        except ApiError as error:
            return refusal(error, media)
        return _response(body, status, media)

    async def _one_of_many(self, asked: _Asked, context: Context, media: str) -> Any:
        """In a batch each has its own answer: those before it may have changed something."""
        try:
            return (await self._answer(asked, context, media, reads_only=False))[1]
        except ApiError as error:
            return _errors(str(error), error.code)

    async def _asked(self, request: Request) -> _Asked | list[_Asked]:
        limits = request.state.context.settings.limits
        if request.method == "GET":
            given: dict[str, Any] = dict(request.query_params)
            for name in ("variables", "extensions"):
                if given.get(name):
                    given[name] = _parsed(given[name], f"the parameter {name}")
            return _checked({name: value or None for name, value in given.items()})
        if request.method != "POST":
            raise MethodNotAllowed("GraphQL is asked by POST, queries by GET as well")
        kind, _, parameters = request.headers.get("content-type", "").partition(";")
        if kind.strip().lower() != JSON:
            raise UnsupportedMedia(f"the content type is {JSON}")
        charset = dict(_parameters(parameters)).get("charset", "utf-8").lower()
        if charset not in ("utf-8", "utf8"):
            raise UnsupportedMedia("the charset is utf-8")
        document = _parsed(await _body(request, limits.body_bytes, limits.request_seconds), "the body")
        if isinstance(document, list):
            if not 0 < len(document) <= limits.batch:
                raise ApiError(f"a batch has 1 to {limits.batch} operations, not {len(document)}")
            return [_checked(each) for each in document]
        return _checked(document)

    async def _answer(self, asked: _Asked, context: Context, media: str, reads_only: bool) -> tuple[int, Any]:
        from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
        from strawberry.types.execution import PreExecutionError
        from strawberry.types.graphql import OperationType

        allowed = {OperationType.QUERY} if reads_only else {OperationType.QUERY, OperationType.MUTATION}
        query = self._persisted.query(asked.query, asked.extensions)
        if query is None:
            raise ApiError("the request has no query")
        try:
            async with asyncio.timeout(context.settings.limits.request_seconds + 5):
                result = await self._schema.execute(
                    query, asked.variables, context, operation_name=asked.name, allowed_operation_types=allowed,
                )  # fmt: skip
        except CannotGetOperationTypeError as error:
            raise ApiError(error.as_http_error_reason()) from None
        except InvalidOperationTypeError as error:
            if error.operation_type is OperationType.SUBSCRIPTION:
                raise ApiError(
                    "subscriptions are for WebSocket, by the protocol graphql-transport-ws"
                ) from None
            raise MethodNotAllowed("mutations are for POST") from None
        except TimeoutError:
            raise TooLong(TOO_LONG) from None
        except ApiError:
            raise
        except Exception as error:
            identity = masked(error, context.request_id)
            return 500, _errors(
                f"unexpected error {identity}: tell the administrator this id", "INTERNAL", identity
            )
        body: dict[str, Any] = {}
        if result.errors:
            introspection = context.settings.introspection
            body["errors"] = told(result.errors, request_id=context.request_id, introspection=introspection)
        before = isinstance(result, PreExecutionError) or (
            result.data is None
            and bool(result.errors)
            and all(error.path is None for error in result.errors or ())
        )
        if not before:
            body["data"] = result.data
        if result.extensions:
            body["extensions"] = result.extensions
        return (400 if before and media == RESPONSE_JSON else 200), body


def accepted(header: str | None) -> str:
    """The media type to answer with.

    Raises:
        NotAcceptable: the client takes neither.
    """
    if not header:
        return JSON
    best: tuple[float, int, str] | None = None
    for part in header.split(","):
        name, _, parameters = part.partition(";")
        try:
            quality = float(dict(_parameters(parameters)).get("q", "1"))
        except ValueError:
            quality = 0.0
        found = {
            RESPONSE_JSON: (2, RESPONSE_JSON),
            JSON: (1, JSON),
            "application/*": (0, JSON),
            "*/*": (0, JSON),
        }.get(name.strip().lower())
        if found and quality > 0 and (best is None or (quality, found[0]) > best[:2]):
            best = (quality, *found)
    if best is None:
        raise NotAcceptable(f"answers are {RESPONSE_JSON} or {JSON}")
    return best[2]


def refusal(error: ApiError, media: str = JSON) -> Response:
    """A refusal as a response."""
    from workbench.api.metrics import REFUSED

    REFUSED.labels(error.code).inc()
    response = _response(_errors(str(error), error.code), error.status, media)
    if isinstance(error, MethodNotAllowed):
        response.headers["allow"] = "POST" if "mutations" in str(error) else "GET, POST"
    if isinstance(error, RateLimited):
        response.headers["retry-after"] = str(max(1, round(error.seconds)))
    elif error.status == 503:
        response.headers["retry-after"] = "1"
    if error.status == 401:
        response.headers["www-authenticate"] = 'Bearer realm="ip-workbench"'
    return response


def _errors(message: str, code: str, identity: str | None = None) -> dict[str, Any]:
    extensions = {"code": code} | ({"id": identity} if identity else {})
    return {"errors": [{"message": message, "extensions": extensions}]}


def _response(body: Any, status: int, media: str) -> Response:
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False, default=str)
    return Response(text.encode("utf-8", "backslashreplace"), status, media_type=f"{media}; charset=utf-8")


async def _body(request: Request, most: int, seconds: float) -> bytes:
    told_length = request.headers.get("content-length", "")
    if told_length.isdigit() and int(told_length) > most:
        raise TooLarge(f"the body has up to {most:,} bytes")
    parts, size = [], 0
    try:
        async with asyncio.timeout(seconds):
            async for part in request.stream():
                size += len(part)
                if size > most:
                    raise TooLarge(f"the body has up to {most:,} bytes")
                parts.append(part)
    except TimeoutError:
        raise TooSlow(f"the body did not come within {seconds:g} seconds") from None
    return b"".join(parts)


def _parsed(text: str | bytes, what: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ApiError(f"{what} is no JSON") from None


def _checked(given: Any) -> _Asked:
    if not isinstance(given, dict):
        raise ApiError("an operation is a JSON object")
    for name, kind, word in (
        ("query", str, "a text"), ("operationName", str, "a text"), ("variables", dict, "an object"), ("extensions", dict, "an object"),
    ):  # fmt: skip
        if given.get(name) is not None and not isinstance(given[name], kind):
            raise ApiError(f"{name} is {word}")
    return _Asked(
        given.get("query"), given.get("variables"), given.get("operationName"), given.get("extensions")
    )


def _parameters(text: str) -> list[tuple[str, str]]:
    found = []
    for part in text.split(";"):
        name, equals, value = part.partition("=")
        if equals:
            found.append((name.strip().lower(), value.strip().strip('"')))
    return found
