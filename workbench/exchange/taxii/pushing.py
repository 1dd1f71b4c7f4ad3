"""Pushing: objects that the recipient may have, to a collection, in bounded batches, until the server has them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urljoin

from workbench._text import printable
from workbench.exchange.stix import Export, ObjectStore, export, recipient_of
from workbench.exchange.stix.indicators import moment
from workbench.exchange.stix.intake import found_in
from workbench.exchange.stix.stream import Envelope, Found, objects_of, open_source
from workbench.exchange.taxii import connection as taxii_connection
from workbench.exchange.taxii.connection import Connection, parsed_url
from workbench.exchange.taxii.errors import RejectedError, TaxiiError, TooLargeError
from workbench.exchange.taxii.paging import pages
from workbench.exchange.taxii.permission import Permission, permitted
from workbench.exchange.taxii.resources import Collection, chosen, offered, status_of
from workbench.secrecy import TLP, Organisation, Recipient, Withheld

if TYPE_CHECKING:
    from workbench.store import Store

__all__ = ["Failure", "Pushed", "push"]

OBJECTS = 250
"""In one request."""
BYTES = 4 << 20
"""In one request, or what the API root takes, where that is less."""
ATTEMPTS = 3
"""For an object that the server fails to take."""
IDS_AT_ONCE = 20
PATIENCE = 600.0
"""Seconds in which the server must be through with a request."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An object the server did not take, and what it said."""

    id: str
    message: str

    def __str__(self) -> str:
        return f"{self.id}: {self.message}"


@dataclass(frozen=True, slots=True)
class Pushed:
    """What became of a push: of ``total`` objects the server took ``taken``, and had ``known`` before. ``pending``
    are those it was not through with; ``withheld`` never left."""

    collection: Collection
    recipient: Recipient
    total: int = 0
    taken: int = 0
    known: int = 0
    pending: int = 0
    failed: tuple[Failure, ...] = ()
    withheld: tuple[Withheld, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether the server has all of them."""
        return not self.failed and not self.pending

    def __str__(self) -> str:
        lines = [
            f"{self.collection.title}: {self.total:,} objects for {self.recipient}: {self.taken:,} taken, "
            f"{self.known:,} known there already, {len(self.failed):,} failed"
            + (f", {self.pending:,} still being worked on there" if self.pending else "")
        ]
        lines += [f"  failed: {failure}" for failure in self.failed[:10]]
        if len(self.failed) > 10:
            lines.append(f"  … and {len(self.failed) - 10} more failed")
        lines += [f"  withheld: {thing}" for thing in self.withheld[:20]]
        if len(self.withheld) > 20:
            lines.append(f"  … and {len(self.withheld) - 20} more withheld")
        return "\n".join(lines)

    __repr__ = __str__


async def push(
    url: str,
    collection: str,
    what: Any,
    *,
    to: str | Recipient | Organisation | None = None,
    organisation: str | Organisation | None = None,
    tlp: str | TLP | None = None,
    recipients: Iterable[str] = (),
    withheld: Literal["refuse", "drop"] = "refuse",
    store: Store | None = None,
    auth: str | tuple[str, str] | None = None,
    cert: str | Path | None = None,
    key: str | Path | None = None,
    ca: str | Path | None = None,
    proxy: str | None = None,
    progress: Callable[[Pushed], None] | None = None,
) -> Pushed:
    """Add objects to a collection of a TAXII 2.1 server, as far as ``to`` may have them.

    ``what`` is an :class:`~workbench.exchange.stix.Export`, whose recipient it is for; with ``store`` profiles and
    investigations of it; or a bundle (path, dict, bytes, list of objects) or an
    :class:`~workbench.exchange.stix.ObjectStore`. Of these the markings decide: ``organisation`` is who pushes, as an
    :class:`~workbench.secrecy.Organisation` with its clients, to whom its AMBER may go; what others made goes to
    its maker or as far as GREEN says. ``tlp`` is the level of what bears no marking, ``recipients`` are the members
    that RED is named for. What ``to`` may not have stops the push before anything leaves;
    ``withheld="drop"`` keeps it back and sends the rest.

    Objects the server fails to take are sent again, and only these; those it has already are told by its manifest. A
    push that was interrupted may be repeated. ``progress`` is called after every batch.

    Raises:
        WithheldError: something may not go to ``to``; it is a PermissionError and names each thing.
        TaxiiError: the server cannot be reached, refuses, or speaks no TAXII 2.1.
        LookupError: there is no such collection, or it is not to be written to.
        ValueError: a malformed object, one without a marking, or no recipient.
    """
    target = parsed_url(url)
    if store is not None:
        if to is None:
            raise ValueError("whom is it for? pass to='CERT B'")
        what = await asyncio.to_thread(export, what, store=store, to=to, withheld=withheld)
        to = None
    objects, recipient, kept_back = await asyncio.to_thread(_allowed, what, to, organisation, tlp, recipients, withheld)  # fmt: skip
    async with Connection(target, auth, cert, key, ca, proxy) as connection:
        server = await offered(connection)
        (found,) = chosen(server, (collection,), to_write=True)
        most = next((root.max_content_length for root in server.roots if root.url == found.root), None)
        desk = _Desk(connection, found, min(BYTES, most or BYTES), progress)
        desk.done = Pushed(found, recipient, withheld=kept_back)
        for batch in _batches(objects, desk.most):
            await desk.deliver(batch)
        return desk.done


def _allowed(
    what: Any, to: Any, organisation: str | Organisation | None, tlp: str | TLP | None, recipients: Iterable[str], withheld: str
) -> tuple[Iterator[Found], Recipient, tuple[Withheld, ...]]:  # fmt: skip
    if isinstance(what, Export):
        if to is not None and recipient_of(to) != what.recipient:
            raise ValueError(f"the export is for {what.recipient}: make one for {to}")
        return iter(found_in(what.objects)), what.recipient, what.withheld
    if to is None or organisation is None:
        raise ValueError("who sends it to whom? pass organisation='CERT Example' and to='CERT B'")
    own = Organisation(organisation) if isinstance(organisation, str) else organisation
    recipient = recipient_of(to, own)
    level = None if tlp is None else TLP.parse(tlp)
    permission = Permission(recipient, own, level, frozenset(recipients))
    objects, kept_back = permitted(lambda: _read(what), permission, drop=withheld == "drop")
    return objects, recipient, kept_back


def _read(what: Any) -> Iterator[Found]:
    if isinstance(what, ObjectStore):
        yield from found_in(what.objects())
        return
    envelope = Envelope()
    with open_source(what) as file:
        if file.seekable():
            file.seek(0)
        yield from objects_of(file, envelope)
    if envelope.broken:
        raise ValueError(f"the bundle cannot be read to its end: {envelope.broken}: nothing pushed")


def _batches(objects: Iterator[Found], most: int) -> Iterator[list[Found]]:
    batch: list[Found] = []
    size = 0
    for found in objects:
        if batch and (len(batch) >= OBJECTS or size + len(found.raw) + 2 > most - 64):
            yield batch
            batch, size = [], 0
        batch.append(found)
        size += len(found.raw) + 2
    if batch:
        yield batch


_Version = tuple[str, datetime | None]


def _version(value: dict[str, Any]) -> _Version:
    return value["id"], moment(value.get("modified") or value.get("created"))


class _Desk:
    """One collection while it is pushed to."""

    done: Pushed

    def __init__(
        self, connection: Connection, collection: Collection, most: int, progress: Callable[[Pushed], None] | None
    ) -> None:  # fmt: skip
        self._connection, self._collection, self.most, self._progress = connection, collection, most, progress

    async def deliver(self, batch: list[Found]) -> None:
        """Send a batch until the server has it, or has failed often enough."""
        self.done = replace(self.done, total=self.done.total + len(batch))
        await self._send(batch)
        if self._progress:
            self._progress(self.done)

    async def _send(self, batch: list[Found]) -> None:
        rest, said = batch, {}
        for attempt in range(ATTEMPTS):
            try:
                failed, pending = await self._post(rest)
            except TooLargeError as error:
                await self._halve(rest, error)
                return
            done = self.done
            self.done = replace(
                done, taken=done.taken + len(rest) - len(failed) - pending, pending=done.pending + pending
            )
            if not failed:
                return
            there = await self._there([found for found, _ in failed])
            rest = [found for found, _ in failed if _version(_value(found)) not in there]
            self.done = replace(self.done, known=self.done.known + len(failed) - len(rest))
            said = {found.index: message for found, message in failed}
            if not rest:
                return
            await asyncio.sleep(taxii_connection.PAUSE * 2**attempt)
        failures = tuple(Failure(_value(found)["id"], said[found.index]) for found in rest)
        self.done = replace(self.done, failed=self.done.failed + failures)

    async def _halve(self, batch: list[Found], error: TooLargeError) -> None:
        if len(batch) == 1:
            failure = Failure(_value(batch[0])["id"], f"larger than the server takes ({error})")
            self.done = replace(self.done, failed=(*self.done.failed, failure))
            return
        middle = len(batch) // 2
        await self._send(batch[:middle])
        await self._send(batch[middle:])

    async def _post(self, batch: Sequence[Found]) -> tuple[list[tuple[Found, str]], int]:
        """What the server failed to take, with its words, and how many it is not through with."""
        body = b'{"objects": [' + b", ".join(found.raw for found in batch) + b"]}"
        answer = await self._connection.post(self._collection.url + "objects/", body)
        status = status_of(answer.url, answer.document())
        url = urljoin(self._collection.root, f"status/{status.id}/")
        deadline = time.monotonic() + PATIENCE
        pause = taxii_connection.PAUSE
        while status.status != "complete" and time.monotonic() < deadline:
            await asyncio.sleep(pause)
            pause = min(pause * 2, 10.0)
            try:
                status = status_of(url, (await self._connection.get(url)).document())
            except RejectedError as error:
                if error.status != 404:
                    raise
                # It keeps no status: its manifest will tell what it has.
                return [(found, "the server keeps no status of it") for found in batch], 0
        if status.status != "complete":
            return self._named(batch, status.failures), int(status.pending_count)
        if not status.failure_count:
            return [], 0
        failed = self._named(batch, status.failures)
        return failed or [(found, "the server does not say what failed") for found in batch], 0

    @staticmethod
    def _named(batch: Sequence[Found], details: list[Any]) -> list[tuple[Found, str]]:
        named: dict[str, list[tuple[datetime | None, str]]] = {}
        for detail in details:
            if isinstance(detail, dict) and isinstance(detail.get("id"), str):
                said = printable(str(detail.get("message") or "no reason given"))[:300]
                named.setdefault(detail["id"], []).append((moment(detail.get("version")), said))
        count: dict[str, int] = {}
        for found in batch:
            count[_value(found)["id"]] = count.get(_value(found)["id"], 0) + 1
        failed = []
        for found in batch:
            identifier, version = _version(_value(found))
            for then, said in named.get(identifier, []):
                if then == version or count[identifier] == 1:
                    failed.append((found, said))
                    break
        return failed

    async def _there(self, objects: Sequence[Found]) -> set[_Version]:
        """Those of the versions that the collection lists; none where it is not to be read."""
        there: set[_Version] = set()
        if not self._collection.can_read:
            return there
        wanted = {_value(found)["id"]: _version(_value(found)) for found in objects}
        unversioned = {identifier for identifier, (_, version) in wanted.items() if version is None}
        ids = list(wanted)
        for start in range(0, len(ids), IDS_AT_ONCE):
            filters = {"match[id]": ",".join(ids[start : start + IDS_AT_ONCE]), "match[version]": "all"}
            try:
                async for page in pages(
                    self._connection, self._collection.url + "manifest/", filters, None, None
                ):
                    for item in page.items:
                        record = item.value or {}
                        identifier = str(record.get("id"))
                        if identifier in wanted:
                            then = None if identifier in unversioned else moment(record.get("version"))
                            there.add((identifier, then))
            except TaxiiError:
                return there
        return there


def _value(found: Found) -> dict[str, Any]:
    assert found.value is not None
    return found.value
