"""A TAXII 2.1 server over the store, to be read only: partners poll what row-level security shows them.

One API root. Its collections are everything the member may see, and each investigation she may see. Requests are
authenticated by :mod:`workbench.api.door`, by Bearer token or, as TAXII clients do, by HTTP Basic with the token for
password.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import TYPE_CHECKING, Any
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from workbench.api.errors import ApiError, RateLimited
from workbench.exchange.stix.indicators import moment
from workbench.store.errors import NotFound
from workbench.store.offers import (
    MOST_MOVED,
    STEP,
    Offer,
    everything,
    finding,
    offered,
    refresh,
    remember,
    unshown,
    with_content,
)

if TYPE_CHECKING:
    from workbench.api.context import Context
    from workbench.store import Store

__all__ = ["routes"]

MEDIA_TYPE = "application/taxii+json;version=2.1"
STIX = "application/stix+json;version=2.1"
MOST = 1_000
"""Objects of a page at most, and where no limit is asked for."""
AT_ONCE = 100
"""Things read together."""
MOST_THINGS = 1_500
"""Things looked through for one page: a filter that few objects pass gives short pages, not long waits."""


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Refused(ApiError):
    """An error of TAXII 2.1 section 3.6.1."""

    def __init__(self, status: int, title: str) -> None:
        super().__init__(title)
        self.status = status
        self.code = str(status)


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
                raise _Refused(403, "collections of this server are to be read only")
            _negotiate(request)
            services = getattr(request.app.state, "services", None)
            if services is not None:
                services.rates.take(_context(request).member.role)
            return await answer(request)
        except ApiError as error:
            return _refusal(error)
        except NotFound as error:
            return _refusal(_Refused(404, str(error)))
        except OSError:
            return _refusal(_Refused(503, "the store cannot be reached: try again in a moment"))

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
    raise _Refused(406, f"this server answers in {MEDIA_TYPE}")


def _context(request: Request) -> Context:
    context: Context = request.state.context
    return context


def _answer(document: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    return Response(json.dumps(document), media_type=MEDIA_TYPE, headers=headers)


def _refusal(error: ApiError) -> Response:
    headers = {}
    if isinstance(error, RateLimited):
        headers["retry-after"] = str(max(1, round(error.seconds)))
    elif error.status == 503:
        headers["retry-after"] = "5"
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
    raise _Refused(404, "nothing is pushed to this server, and there is no status of it")


async def _nothing(request: Request) -> Response:
    raise _Refused(404, "there is nothing here; begin with /taxii2/")


@dataclass(frozen=True, slots=True)
class _Shelf:
    """A collection as the member sees it."""

    id: UUID
    title: str
    description: str
    whole: bool

    def resource(self) -> dict[str, Any]:
        return {
            "id": str(self.id), "title": self.title, "description": self.description, "can_read": True, "can_write": False,
            "media_types": [STIX],
        }  # fmt: skip


def _everything(store: Store) -> _Shelf:
    return _Shelf(everything(store), "Everything", "All profiles and investigations that you may see", True)


def _shelves(store: Store) -> list[_Shelf]:
    matters = store.investigations.all()
    return [
        _everything(store),
        *(
            _Shelf(m.id, m.name, f"{m.secrecy}, of {m.owner}, {m.state}. {m.description}".strip(), False)
            for m in matters
        ),
    ]


def _shelf(store: Store, identifier: str) -> _Shelf:
    whole = _everything(store)
    if identifier == str(whole.id):
        return whole
    try:
        matter = store.investigations.get(UUID(identifier))
    except (ValueError, NotFound):
        raise _Refused(404, "there is no such collection, or it is not for you") from None
    if matter.deleted_at is not None:
        raise _Refused(404, "there is no such collection, or it is not for you")
    return _Shelf(matter.id, matter.name, "", False)


async def _collections(request: Request) -> Response:
    found = await _context(request).run(_shelves)
    return _answer({"collections": [shelf.resource() for shelf in found]})


async def _collection(request: Request) -> Response:
    wanted = request.path_params["collection"]
    found = await _context(request).run(_shelves)
    for shelf in found:
        if str(shelf.id) == wanted:
            return _answer(shelf.resource())
    raise _Refused(404, "there is no such collection, or it is not for you")


@dataclass(frozen=True, slots=True)
class _Item:
    """An object of a collection: when it was added there, and its place: the time of its thing and its number in it."""

    value: dict[str, Any]
    added: datetime
    place: tuple[datetime, int]

    @property
    def version(self) -> str:
        return str(self.value.get("modified") or self.value.get("created") or _text(self.added))

    @property
    def name(self) -> tuple[str, str]:
        """Id and version; what has none is told apart by what it says."""
        version = self.value.get("modified") or self.value.get("created")
        return self.value["id"], version or json.dumps(self.value)


def _text(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"


@dataclass(frozen=True, slots=True)
class _Asked:
    """The parameters of a request (TAXII 2.1 section 3.4 and 3.5)."""

    added_after: datetime | None
    after: tuple[datetime, int] | None
    limit: int
    ids: frozenset[str]
    types: frozenset[str]
    versions: frozenset[str]
    spec_versions: frozenset[str]

    @classmethod
    def of(cls, request: Request) -> _Asked:
        given = request.query_params
        added_after = moment(given["added_after"]) if "added_after" in given else None
        if "added_after" in given and added_after is None:
            raise _Refused(400, "added_after is a timestamp, like 2026-10-05T00:00:00.000000Z")
        if added_after is not None:
            added_after = max(added_after, _EPOCH)
        limit = given.get("limit", str(MOST))
        if not (limit.isascii() and limit.isdecimal() and len(limit) < 10 and int(limit) > 0):
            raise _Refused(400, "limit is a whole number above 0")
        after = None
        if "next" in given:
            at, _, number = given["next"].partition("~")
            begun = moment(at)
            if begun is None or not (number.isascii() and number.isdecimal() and len(number) < 10):
                raise _Refused(400, "next is not one that a page gave")
            after = (begun, int(number))
        several = {name: frozenset(part for value in given.getlist(f"match[{name}]") for part in value.split(",") if part) for name in ("id", "type", "version", "spec_version")}  # fmt: skip
        for version in several["version"]:
            if version not in ("first", "last", "all") and moment(version) is None:
                raise _Refused(400, "match[version] is first, last, all, or a timestamp")
        return cls(
            added_after, after, min(int(limit), MOST), several["id"], several["type"], several["version"], several["spec_version"]
        )  # fmt: skip

    def matches(self, item: _Item) -> bool:
        value = item.value
        return (
            (self.added_after is None or item.added > self.added_after)
            and (self.after is None or item.place > self.after)
            and (not self.ids or value["id"] in self.ids)
            and (not self.types or value["type"] in self.types)
            and (not self.spec_versions or "2.1" in self.spec_versions)
            # Of each object the store keeps the last version, which is also the first it can tell of.
            and self._is_version(item)
        )

    def _is_version(self, item: _Item) -> bool:
        # Of each object the store keeps the last version, which is also the first it can tell of.
        if not self.versions or self.versions & {"first", "last", "all"}:
            return True
        return any(moment(version) == moment(item.version) for version in self.versions)

    @property
    def since(self) -> datetime | None:
        """Things offered before cannot have an object that matches."""
        begins = [self.after[0]] if self.after else []
        if self.added_after is not None:
            begins.append(self.added_after - timedelta(microseconds=STEP))
        return max(begins, default=None)


@dataclass(frozen=True, slots=True)
class _Page:
    items: list[_Item]
    next: str | None

    @property
    def more(self) -> dict[str, Any]:
        return {"more": True, "next": self.next} if self.next else {"more": False}

    @property
    def headers(self) -> dict[str, str]:
        if not self.items:
            return {}
        return {
            "X-TAXII-Date-Added-First": _text(self.items[0].added),
            "X-TAXII-Date-Added-Last": _text(self.items[-1].added),
        }


def _page(store: Store, shelf: _Shelf, asked: _Asked, *, brief: bool) -> _Page:
    # Who went over several pages is told what came meanwhile as well.
    again = asked.after is not None or refresh(store, shelf.id, all_there_is=shelf.whole) >= MOST_MOVED
    if asked.ids:
        last = {item.value["id"]: item for item in _found(store, shelf, asked.ids)}
        return _cut([item for item in last.values() if asked.matches(item)], asked.limit, None)
    items: list[_Item] = []
    told: set[tuple[str, str]] = set()
    since, looked_through = asked.since, 0
    while True:
        batch = offered(store, shelf.id, since, AT_ONCE)
        for item in _items(store, shelf, batch, brief=brief):
            # Profiles have their networks and places in common: once on a page is enough.
            if asked.matches(item) and item.name not in told:
                items.append(item)
                told.add(item.name)
        looked_through += len(batch)
        if batch:
            since = batch[-1].at + timedelta(microseconds=1)
        if len(batch) < AT_ONCE:
            full = len(items) > asked.limit
            moved = refresh(store, shelf.id, all_there_is=shelf.whole) if again and not full else 0
            if not moved:
                return _cut(items, asked.limit, None)
            again = moved >= MOST_MOVED
        elif len(items) > asked.limit or looked_through >= MOST_THINGS:
            assert since is not None
            return _cut(items, asked.limit, f"{_text(since)}~0")


def _found(store: Store, shelf: _Shelf, ids: Iterable[str]) -> list[_Item]:
    """Objects by id, oldest first; several of an id where things have it in common."""
    wanted = sorted(ids)
    new = unshown(store, shelf.id, MOST_THINGS)
    for start in range(0, len(new), AT_ONCE):
        _items(store, shelf, new[start : start + AT_ONCE])
    found = _items(store, shelf, finding(store, shelf.id, wanted))
    return [item for item in found if item.value["id"] in wanted]


def _cut(items: list[_Item], limit: int, rest: str | None) -> _Page:
    """A page of items, and where the next begins: after the last of them, or at ``rest``."""
    if len(items) <= limit:
        return _Page(items, rest)
    at, number = items[limit - 1].place
    return _Page(items[:limit], f"{_text(at)}~{number}")


def _items(store: Store, shelf: _Shelf, batch: list[Offer], *, brief: bool = False) -> list[_Item]:
    """The objects of things, or in ``brief`` what a manifest tells of them."""
    from workbench.exchange.stix.offering import objects_of_offer, record_of

    content = with_content(store, [offer for offer in batch if not (brief and offer.shown)])
    made = {each.offer.thing: objects_of_offer(each) for each in content}
    # One that was changed meanwhile is about nothing, and will be offered anew.
    known = {each.offer.thing for each in content if each.about != "" and not each.offer.shown}
    remember(store, shelf.id, {thing: [value["id"] for value in made[thing]] for thing in known})
    items = []
    for offer in batch:
        values = (
            made[offer.thing] if offer.thing in made else [record_of(offer, each) for each in offer.objects]
        )
        for number, value in enumerate(values):
            added = offer.at + timedelta(microseconds=min(number, STEP - 1))
            items.append(_Item(value, added, (offer.at, number)))
    return items


async def _listed(request: Request, *, brief: bool) -> _Page:
    asked, wanted = _Asked.of(request), request.path_params["collection"]
    return await _context(request).run(lambda store: _page(store, _shelf(store, wanted), asked, brief=brief))


async def _manifest(request: Request) -> Response:
    page = await _listed(request, brief=True)
    records = [
        {"id": item.value["id"], "date_added": _text(item.added), "version": item.version, "media_type": STIX}
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


async def _one(request: Request) -> list[_Item]:
    """The last of an object that several things may have in common."""
    asked, wanted = _Asked.of(request), request.path_params["collection"]
    identifier = request.path_params["identifier"]

    def work(store: Store) -> list[_Item]:
        shelf = _shelf(store, wanted)
        refresh(store, shelf.id, all_there_is=shelf.whole)
        found = _found(store, shelf, [identifier])
        if not found:
            raise _Refused(404, "there is no such object in the collection, or it is not for you")
        return [item for item in found[-1:] if asked.matches(item)]

    return await _context(request).run(work)


async def _object(request: Request) -> Response:
    page = _Page(await _one(request), None)
    return _answer(
        {"objects": [item.value for item in page.items], "more": False} if page.items else {}, page.headers
    )


async def _versions(request: Request) -> Response:
    page = _Page(await _one(request), None)
    return _answer(
        {"versions": [item.version for item in page.items], "more": False} if page.items else {}, page.headers
    )
