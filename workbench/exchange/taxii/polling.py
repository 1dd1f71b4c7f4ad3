"""Polling: what is new in collections, into a case; each page is committed together with the place after it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from workbench.exchange.stix.indicators import moment
from workbench.exchange.stix.intake import Intake
from workbench.exchange.stix.objectstore import ObjectStore
from workbench.exchange.stix.reading import MAX_OBJECTS, object_store
from workbench.exchange.taxii.checking import Listed, lacking
from workbench.exchange.taxii.connection import MAX_BYTES, Connection, parsed_url
from workbench.exchange.taxii.cursor import Cursor, Place
from workbench.exchange.taxii.errors import RejectedError, TaxiiError
from workbench.exchange.taxii.paging import Page, filters_of, just_before, pages
from workbench.exchange.taxii.resources import Collection, chosen, offered
from workbench.frames.duckdb import transaction

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Polled", "Polls", "poll"]

T = TypeVar("T")
AT_ONCE = 6
"""Collections asked at the same time."""
YOUNG = timedelta(minutes=1)
"""Objects added so shortly before the answer may get company of the same moment: it is asked for once more."""
IDS_AT_ONCE = 20
FOREVER = ""


@dataclass(frozen=True, slots=True)
class Polled:
    """What one collection gave. ``objects`` counts those that are well formed, ``new`` those (and versions) that
    were not here, ``rejected`` what was set aside into ``stix_rejected``. ``until`` is when the newest was added
    there. ``problem`` says why it ended early; what came before that is kept."""

    collection: Collection
    objects: int = 0
    new: int = 0
    revoked: int = 0
    rejected: int = 0
    pages: int = 0
    until: str | None = None
    notes: tuple[str, ...] = ()
    problem: str = ""

    def __str__(self) -> str:
        lines = [
            f"{self.collection.title}: {self.objects:,} objects, {self.new:,} new, {self.revoked:,} revoked, "
            f"{self.rejected:,} set aside" + (f", up to {self.until}" if self.until else "")
        ]
        lines += [f"  note: {note}" for note in self.notes]
        if self.problem:
            lines.append(f"  stopped: {self.problem}")
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Polls:
    """What the collections gave; ``store`` holds the objects."""

    store: ObjectStore
    collections: tuple[Polled, ...]

    @property
    def new(self) -> int:
        """Objects and versions that were not here."""
        return sum(each.new for each in self.collections)

    @property
    def complete(self) -> bool:
        """Whether every collection was read to its end."""
        return not any(each.problem for each in self.collections)

    def evidence(self) -> pa.Table:
        """What the store now says of addresses: see :meth:`workbench.exchange.stix.ObjectStore.evidence`."""
        return self.store.evidence()

    def __str__(self) -> str:
        return "\n".join(map(str, self.collections)) or "no collection"

    __repr__ = __str__


async def poll(
    url: str,
    into: Any = None,
    *,
    collections: str | Iterable[str] = (),
    types: Iterable[str] = (),
    ids: Iterable[str] = (),
    versions: Iterable[str] = (),
    spec_versions: Iterable[str] = (),
    added_after: str | None = None,
    again: bool = False,
    limit: int | None = None,
    auth: str | tuple[str, str] | None = None,
    cert: str | Path | None = None,
    key: str | Path | None = None,
    ca: str | Path | None = None,
    proxy: str | None = None,
    max_bytes: int = MAX_BYTES,
    at_once: int = AT_ONCE,
    progress: Callable[[Polled], None] | None = None,
) -> Polls:
    """Take what is new in collections of a TAXII 2.1 server into a case.

    ``url`` is that of the server (its discovery), an API root or a collection; ``into`` a case, its path, a DuckDB
    connection or an :class:`~workbench.exchange.stix.ObjectStore`, memory by default. ``collections`` are
    ids, aliases or titles, by default all that may be read; they are asked ``at_once``, and one that fails harms
    no other. The next poll of the same collection, with the same filters, goes on where this one ended, or was
    killed; ``added_after`` begins at a moment instead, ``again`` at the beginning.

    ``types`` (``indicator``), ``ids``, ``versions`` (``first``, ``last``, ``all``, timestamps) and ``spec_versions``
    are the server's filters. ``limit`` is how many objects a page should have. For ``auth``, ``cert``, ``key``,
    ``ca`` and ``proxy`` see :class:`~workbench.exchange.taxii.connection.Connection`. ``progress`` is called after
    every page with what its collection gave so far.

    Raises:
        TaxiiError: the server cannot be reached, wants other credentials, or speaks no TAXII 2.1.
        LookupError: it has no such collection.
        ValueError: no URL of a server, or a filter that is none.
    """
    filters = filters_of(types, ids, versions, spec_versions)
    if added_after is not None and moment(added_after) is None:
        raise ValueError(f"added_after is a timestamp, like 2026-10-05T00:00:00Z, not {added_after!r}")
    if limit is not None and limit < 1:
        raise ValueError(f"limit is how many objects a page has, 1 or more, not {limit}")
    wanted = (collections,) if isinstance(collections, str) else tuple(collections)
    async with Connection(parsed_url(url), auth, cert, key, ca, proxy, max_bytes) as connection:
        found = chosen(await offered(connection), wanted)
        store = object_store(into)
        # A transaction of its own: what else is done on the case meanwhile is not caught up in it.
        aside = ObjectStore(store.con.cursor())
        begin = Place(added_after) if added_after or again else None
        turn = asyncio.Semaphore(max(1, at_once))
        writing = asyncio.Lock()

        async def one(collection: Collection) -> Polled:
            async with turn:
                desk = _Desk(connection, aside, writing, collection, filters, limit, progress)
                return await desk.poll(begin)

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(collection)) for collection in found]
        except BaseExceptionGroup as error:
            raise error.exceptions[0] from None
        finally:
            aside.con.close()
        return Polls(store, tuple(task.result() for task in tasks))


class _Desk:
    """One collection while it is polled."""

    def __init__(
        self, connection: Connection, store: ObjectStore, writing: asyncio.Lock, collection: Collection,
        filters: dict[str, str], limit: int | None, progress: Callable[[Polled], None] | None,
    ) -> None:  # fmt: skip
        self._connection, self._store, self._writing = connection, store, writing
        self._filters, self._limit, self._progress = filters, limit, progress
        self._url = collection.url
        self._done = Polled(collection)

    async def poll(self, begin: Place | None) -> Polled:
        """From the place where the last poll ended, or from ``begin``, to the end of the collection."""
        try:
            self._cursor = await self._write(
                lambda: Cursor(self._store.con, self._url, self._done.collection.title, self._filters)
            )
            kept = await self._write(self._cursor.read)
            place = await self._read_on(begin or kept)
            if place.unchecked_since is not None:
                await self._check(place)
        except TaxiiError as error:
            self._done = replace(self._done, problem=str(error))
        return self._done

    async def _read_on(self, place: Place) -> Place:
        started = place.added_after
        async for page in pages(
            self._connection, self._url + "objects/", self._filters, started, self._limit
        ):
            place = self._after(page, place, started)
            await self._keep(page, place)
            if self._done.objects + self._done.rejected > MAX_OBJECTS:
                raise TaxiiError(f"{self._url}: more than {MAX_OBJECTS:,} objects: poll again to go on")
        return place

    def _after(self, page: Page, place: Place, started: str | None) -> Place:
        """The place once the page is here."""
        unchecked = place.unchecked_since
        if unchecked is None and (page.more or page.by_next):
            unchecked = started or FOREVER
        if page.last is None:
            return Place(place.added_after, unchecked)
        at = moment(page.last)
        young = at is None or page.sent_at is None or page.sent_at - at < YOUNG
        return Place(just_before(page.last) if page.more or young else page.last, unchecked)

    async def _keep(self, page: Page, place: Place | None) -> None:
        """Objects and place, in one transaction."""

        def work() -> None:
            with transaction(self._store.con):
                with Intake(self._store, self._url, in_transaction=True) as intake:
                    for found in page.items:
                        intake.take(found)
                    report = intake.settle()
                if place is not None:
                    self._cursor.write(place)
            done = self._done
            self._done = replace(
                done, objects=done.objects + report.objects, new=done.new + report.new, revoked=done.revoked + report.revoked,
                rejected=done.rejected + report.rejected_count, pages=done.pages + 1, until=page.last or done.until,
            )  # fmt: skip

        await self._write(work)
        if self._progress:
            self._progress(self._done)

    async def _check(self, place: Place) -> None:
        """Hold what came in several pages against the manifest, and fetch by id what is lacking."""
        since = place.unchecked_since or None
        listed = Listed()
        try:
            async for page in pages(
                self._connection, self._url + "manifest/", self._filters, since, self._limit
            ):
                listed.add(page.items)
        except RejectedError as error:
            return await self._settle(place, f"not held against the manifest: {error}")
        missing = await self._write(lambda: lacking(self._store.con, listed, self._url))
        filters = {name: value for name, value in self._filters.items() if name != "match[id]"}
        for start in range(0, len(missing), IDS_AT_ONCE):
            wanted = filters | {"match[id]": ",".join(missing[start : start + IDS_AT_ONCE])}
            async for page in pages(self._connection, self._url + "objects/", wanted, None, None):
                await self._keep(replace(page, last=None), None)
        if not missing:
            return await self._settle(place)
        left = await self._write(lambda: lacking(self._store.con, listed, self._url))
        note = f"{len(missing) - len(left)} objects that its pages had left out were fetched by the manifest"
        if left:
            note += f"; {len(left)} are in the manifest and not to be had, {left[0]} among them"
        return await self._settle(place, note)

    async def _settle(self, place: Place, *notes: str) -> None:
        def work() -> None:
            with transaction(self._store.con):
                self._cursor.write(Place(place.added_after))

        await self._write(work)
        self._done = replace(self._done, notes=(*self._done.notes, *notes))

    async def _write(self, work: Callable[[], T]) -> T:
        """Do work on the file in a thread, one at a time; to its end, also when the poll is stopped meanwhile."""
        async with self._writing:
            task = asyncio.ensure_future(asyncio.to_thread(work))
            try:
                return await asyncio.shield(task)
            except asyncio.CancelledError:
                await asyncio.wait([task])
                raise
