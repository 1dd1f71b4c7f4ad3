"""What a server offers: discovery, API roots, collections, and the status of what was pushed.

The resources are read and checked by the classes of taxii2-client, of documents fetched over :mod:`.connection`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

from taxii2client import v21
from taxii2client.exceptions import TAXIIServiceException

from workbench.exchange.taxii.connection import Connection, parsed_url
from workbench.exchange.taxii.errors import TaxiiError

__all__ = ["Collection", "Root", "Server", "chosen", "discover", "offered", "status_of"]


MOST_ROOTS = 100


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection of an API root. ``url`` ends in a slash."""

    id: str
    title: str
    url: str
    root: str
    description: str | None = None
    alias: str | None = None
    can_read: bool = False
    can_write: bool = False
    media_types: tuple[str, ...] = ()

    def __str__(self) -> str:
        may = {(True, True): "read, write", (True, False): "read", (False, True): "write"}
        return (
            f"{self.title} ({self.id}; {may.get((self.can_read, self.can_write), 'neither read nor write')})"
        )


@dataclass(frozen=True, slots=True)
class Root:
    """An API root with its collections; ``problem`` says why it could not be asked."""

    url: str
    title: str = ""
    description: str | None = None
    versions: tuple[str, ...] = ()
    max_content_length: int | None = None
    collections: tuple[Collection, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Server:
    """What is behind a URL: a server with its API roots, or the one API root or collection that the URL names."""

    url: str
    title: str
    roots: tuple[Root, ...]
    description: str | None = None
    contact: str | None = None
    default: str | None = None

    @property
    def collections(self) -> tuple[Collection, ...]:
        """Those of all API roots."""
        return tuple(collection for root in self.roots for collection in root.collections)

    def __str__(self) -> str:
        lines = [f"{self.title}: {self.url}"]
        lines += [
            f"  {text}" for text in (self.description, self.contact and f"contact: {self.contact}") if text
        ]
        for root in self.roots:
            mark = " (default)" if root.url == self.default else ""
            lines.append(f"  API root {root.title or '?'}{mark}: {root.url}")
            if root.problem:
                lines.append(f"    {root.problem}")
            lines += [f"    {collection}" for collection in root.collections]
        return "\n".join(lines)

    __repr__ = __str__


class _Given:
    """What taxii2-client takes for its connection: answers with a document that is here already."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document

    def get(self, *_: object, **__: object) -> dict[str, Any]:
        return self._document

    def close(self) -> None: ...


@contextmanager
def _checked(url: str) -> Iterator[None]:
    """What does not fit the resources of TAXII 2.1, as an error of the server."""
    try:
        yield
    except (TAXIIServiceException, AttributeError, KeyError, TypeError, ValueError) as error:
        said = str(error) if isinstance(error, TAXIIServiceException) else f"{type(error).__name__}: {error}"
        raise TaxiiError(f"{url}: no resource of TAXII 2.1: {said[:300]}") from None


async def offered(connection: Connection) -> Server:
    """What is behind the URL of the connection. An API root that cannot be asked is listed with its problem.

    Raises:
        TaxiiError: it cannot be reached, or is no TAXII 2.1 server.
    """
    url = str(connection.url)
    document = (await connection.get(url)).document()
    if "can_read" in document:
        collection = _collection(url, url.removesuffix("/").rpartition("collections/")[0], document)
        return Server(url, collection.title, (Root(collection.root, collections=(collection,)),))
    if "versions" in document or "max_content_length" in document:
        root = await _root(connection, url, document)
        return Server(url, root.title, (root,), default=url)
    with _checked(url):
        read = v21.Server(url, conn=_Given(document))
        roots = [_text(root.url) for root in read.api_roots]
        default = read.default.url if read.default else None
        title, description, contact = _text(read.title), read.description, read.contact
    found = []
    different = list(dict.fromkeys(roots))
    if len(different) > MOST_ROOTS:
        raise TaxiiError(f"{url}: it names {len(different):,} API roots, more than {MOST_ROOTS}")
    for each in different:
        if connection.url.scheme == "https" and not each.startswith("https://"):
            found.append(
                Root(each, problem=f"{each}: not asked, since it is no https URL and the server's is")
            )
            continue
        try:
            found.append(await _root(connection, each))
        except TaxiiError as error:
            found.append(Root(each, problem=str(error)))
    return Server(url, title, tuple(found), description, contact, default)


async def _root(connection: Connection, url: str, document: dict[str, Any] | None = None) -> Root:
    document = document or (await connection.get(url)).document()
    with _checked(url):
        read = v21.ApiRoot(url, conn=_Given(document))
        title, description, most = _text(read.title), read.description, read.max_content_length
        versions = tuple(_text(version) for version in read.versions)
        most = int(most) if most else None
    if not any(
        version.endswith("taxii+json;version=2.1") or version in ("2.1", "taxii-2.1") for version in versions
    ):
        raise TaxiiError(f"{url}: it speaks {', '.join(versions)[:200]}, TAXII 2.1 is spoken here")
    listed = (await connection.get(urljoin(url, "collections/"))).document()
    with _checked(url):
        items = listed.get("collections", [])
        collections = tuple(_collection(f"{url}collections/{_id(item)}/", url, item) for item in items)
    return Root(url, title, description, versions, most, collections)


def _collection(url: str, root: str, document: dict[str, Any]) -> Collection:
    with _checked(url):
        _id(document)
        read = v21.Collection(url, conn=_Given(document), collection_info=document)
        types = tuple(_text(kind) for kind in read.media_types)
        return Collection(
            read.id, _text(read.title), url, root, read.description, read.alias, read.can_read is True, read.can_write is True, types
        )  # fmt: skip


def _id(document: dict[str, Any]) -> str:
    identifier = document["id"]
    if not isinstance(identifier, str) or not re.fullmatch(
        r"[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,199}", identifier
    ):
        raise ValueError(f"{identifier!r} is no id of a collection")
    return identifier


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def chosen(server: Server, wanted: tuple[str, ...], *, to_write: bool = False) -> list[Collection]:
    """The collections named by id, alias, title or URL; all that may be read where none is named.

    Raises:
        LookupError: there is no such collection, several, or nothing may be done there.
    """
    verb = "write to" if to_write else "read"
    usable = [c for c in server.collections if (c.can_write if to_write else c.can_read)]
    listed = ", ".join(f"{c.title} ({c.id})" for c in usable) or "none"
    there = "; ".join(
        [f"to {verb} there are: {listed}", *(root.problem for root in server.roots if root.problem)]
    )
    if not wanted and not usable:
        raise LookupError(f"{server.url}: {there}")
    found: list[Collection] = []
    for name in wanted:
        matching = [c for c in server.collections if name in (c.id, c.alias, c.url, c.url.removesuffix("/"))]
        matching = matching or [c for c in server.collections if c.title == name]
        if len(matching) > 1:
            raise LookupError(f"{len(matching)} collections are called {name!r}: name one by its id")
        if not matching:
            raise LookupError(f"{server.url} has no collection {name!r}; {there}")
        if matching[0] not in usable:
            raise LookupError(f"{matching[0].title} ({matching[0].id}): you may not {verb} it")
        found.append(matching[0])
    return list(dict.fromkeys(found)) if wanted else usable


def status_of(url: str, document: dict[str, Any]) -> v21.Status:
    """The status of a request to add objects.

    Raises:
        TaxiiError: it contradicts itself, or lacks what it must have.
    """
    with _checked(url):
        return v21.Status(url, conn=_Given(document), status_info=document)


async def discover(url: str, **options: Any) -> Server:
    """What a TAXII 2.1 server offers: its API roots and their collections.

    ``url`` is that of the server, an API root or a collection; ``options`` are those of
    :class:`~workbench.exchange.taxii.connection.Connection`: ``auth``, ``cert``, ``key``, ``ca``, ``proxy``.

    Raises:
        TaxiiError: it cannot be reached, wants other credentials, or speaks no TAXII 2.1.
        ValueError: no URL of a server.
    """
    async with Connection(parsed_url(url), **options) as connection:
        return await offered(connection)
