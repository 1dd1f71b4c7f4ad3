"""The routes of the TAXII 2.1 server: requests negotiated, resources, envelopes and errors."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import wraps
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from workbench.api.errors import ApiError
from workbench.api.taxii.asking import Asked, Refused, text_of
from workbench.api.taxii.listing import STIX, Page, found_on, page_of, shelf_of, shelves_of
from workbench.store.errors import NotFound, StoreError, Unreachable

if TYPE_CHECKING:
    from workbench.api.context import Context
    from workbench.store import Store

__all__ = ["routes"]

MEDIA_TYPE = "application/taxii+json;version=2.1"


def routes() -> list[BaseRoute]:
    """The routes below ``/taxii2``."""
    collection = "/store/collections/{collection}/"
    return [
        _route("/", _discovery),
        _route("/store/", _root),
        _route("/store/status/{status}/", _no_status),
        _route("/store/collections/", _collections),
        _route(collection, _collection),
        _route(collection + "manifest/", _manifest),
        _route(collection + "objects/", _objects),
        _route(collection + "objects/{identifier}/", _object),
        _route(collection + "objects/{identifier}/versions/", _versions),
        _route("/{rest:path}", _nothing),
    ]


def _route(path: str, answer: Callable[[Request], Awaitable[Response]]) -> Route:
    @wraps(answer)
    async def guarded(request: Request) -> Response:
        try:
            if request.method not in ("GET", "HEAD"):
                raise Refused(403, "collections of this server are to be read only")
            _negotiate(request)
            return await answer(request)
        except ApiError as error:
            return _refusal(error)
        except NotFound as error:
            return _refusal(Refused(404, str(error)))
        except StoreError as error:
            return _refusal(Refused(400, str(error)))
        except Unreachable:
            return _refusal(Refused(503, "the store cannot be reached: try again in a moment"))

    return Route(path, guarded, methods=["GET", "HEAD", "POST", "DELETE"])


def _negotiate(request: Request) -> None:
    """TAXII 2.1 section 1.6.8.1: another version, or another type, is not acceptable."""
    accepted = request.headers.get("accept", "*/*")
    for part in accepted.split(","):
        kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
        version = next(
            (p.partition("=")[2].strip('" ') for p in parameters if p.startswith("version=")), "2.1"
        )
        if kind in ("*/*", "application/*") or (kind == "application/taxii+json" and version == "2.1"):
            return
    raise Refused(406, f"this server answers in {MEDIA_TYPE}")


def _context(request: Request) -> Context:
    context: Context = request.state.context
    return context


def _answer(document: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    return Response(json.dumps(document), media_type=MEDIA_TYPE, headers=headers)


def _refusal(error: ApiError) -> Response:
    headers = {"retry-after": "5"} if error.status == 503 else {}
    body = {"title": str(error), "error_code": error.code, "http_status": str(error.status)}
    return Response(json.dumps(body), error.status, media_type=MEDIA_TYPE, headers=headers)


async def _discovery(request: Request) -> Response:
    root = f"{request.scope.get('root_path', '').rstrip('/')}/store/"
    organisation = _context(request).member.organisation.name
    return _answer(
        {
            "title": "IP Workbench", "description": f"What members of {organisation} may see of this store, to be read only",
            "default": root, "api_roots": [root],
        }
    )  # fmt: skip


async def _root(request: Request) -> Response:
    # What may be sent to it: nothing is taken, and the property must be there.
    return _answer({"title": "Store", "versions": [MEDIA_TYPE], "max_content_length": 1})


async def _no_status(request: Request) -> Response:
    raise Refused(404, "nothing is pushed to this server, and there is no status of it")


async def _nothing(request: Request) -> Response:
    raise Refused(404, "there is nothing here; begin with /taxii2/")


async def _collections(request: Request) -> Response:
    found = await _context(request).run(shelves_of)
    return _answer({"collections": [shelf.resource() for shelf in found]})


async def _collection(request: Request) -> Response:
    wanted = request.path_params["collection"]
    found = await _context(request).run(shelves_of)
    for shelf in found:
        if str(shelf.id) == wanted:
            return _answer(shelf.resource())
    raise Refused(404, "there is no such collection, or it is not for you")


async def _listed(request: Request, *, brief: bool) -> Page:
    asked, wanted = Asked.of(request), request.path_params["collection"]
    return await _context(request).run(
        lambda store: page_of(store, shelf_of(store, wanted), asked, brief=brief)
    )


async def _manifest(request: Request) -> Response:
    page = await _listed(request, brief=True)
    records = [
        {
            "id": item.value["id"],
            "date_added": text_of(item.added),
            "version": item.version,
            "media_type": STIX,
        }
        for item in page.items
    ]
    return _answer(
        ({"objects": records} if records else {}) | (page.more if records or page.next else {}), page.headers
    )


async def _objects(request: Request) -> Response:
    page = await _listed(request, brief=False)
    values = [item.value for item in page.items]
    return _answer(
        ({"objects": values} if values else {}) | (page.more if values or page.next else {}), page.headers
    )


async def _one(request: Request, asked: Asked) -> Page:
    """What is asked for of the versions of an object."""
    wanted, identifier = request.path_params["collection"], request.path_params["identifier"]

    def work(store: Store) -> Page:
        shelf = shelf_of(store, wanted)
        page = page_of(store, shelf, replace(asked, ids=frozenset([identifier])), brief=False)
        if not page.items and not found_on(store, shelf, [identifier], asked):
            raise Refused(404, "there is no such object in the collection, or it is not for you")
        return page

    return await _context(request).run(work)


async def _object(request: Request) -> Response:
    page = await _one(request, Asked.of(request))
    values = [item.value for item in page.items]
    return _answer(({"objects": values} | page.more) if values else {}, page.headers)


async def _versions(request: Request) -> Response:
    page = await _one(request, replace(Asked.of(request), versions=frozenset(["all"])))
    versions = list(dict.fromkeys(item.version for item in page.items))
    return _answer(({"versions": versions} | page.more) if versions else {}, page.headers)
