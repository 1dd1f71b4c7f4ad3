"""Collections as lists: what a member is offered, page by page, in the order it was offered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from workbench.api.taxii.asking import Asked, Item, Refused, text_of
from workbench.store.errors import NotFound
from workbench.store.serving.earlier import content_before, first_told
from workbench.store.serving.offers import (
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
    from workbench.store import Store

__all__ = ["STIX", "Page", "Shelf", "found_on", "page_of", "shelf_of", "shelves_of"]

STIX = "application/stix+json;version=2.1"
AT_ONCE = 100
"""Things read together."""
MOST_THINGS = 1_500
"""Things looked through for one page: a filter that few objects pass gives short pages, not long waits."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """A collection as the member sees it."""

    id: UUID
    title: str
    description: str
    whole: bool

    def resource(self) -> dict[str, Any]:
        """As TAXII 2.1 section 5.2.1 has it."""
        return {
            "id": str(self.id), "title": self.title, "description": self.description, "can_read": True, "can_write": False,
            "media_types": [STIX],
        }  # fmt: skip


def _everything(store: Store) -> Shelf:
    return Shelf(everything(store), "Everything", "All profiles and investigations that you may see", True)


def shelves_of(store: Store) -> list[Shelf]:
    """Every collection the member sees."""
    matters = store.investigations.all()
    return [
        _everything(store),
        *(
            Shelf(m.id, m.name, f"{m.secrecy}, of {m.owner}, {m.state}. {m.description}".strip(), False)
            for m in matters
        ),
    ]


def shelf_of(store: Store, identifier: str) -> Shelf:
    """The collection with an id.

    Raises:
        Refused: there is none, or none the member sees.
    """
    whole = _everything(store)
    if identifier == str(whole.id):
        return whole
    try:
        matter = store.investigations.get(UUID(identifier))
    except (ValueError, NotFound):
        raise Refused(404, "there is no such collection, or it is not for you") from None
    if matter.deleted_at is not None:
        raise Refused(404, "there is no such collection, or it is not for you")
    return Shelf(matter.id, matter.name, "", False)


@dataclass(frozen=True, slots=True)
class Page:
    """Objects in the order they were added; ``next`` asks for the page after it, None: it is the last."""

    items: list[Item]
    next: str | None

    @property
    def more(self) -> dict[str, Any]:
        return {"more": True, "next": self.next} if self.next else {"more": False}

    @property
    def headers(self) -> dict[str, str]:
        if not self.items:
            return {}
        return {
            "X-TAXII-Date-Added-First": text_of(self.items[0].added),
            "X-TAXII-Date-Added-Last": text_of(self.items[-1].added),
        }


def page_of(store: Store, shelf: Shelf, asked: Asked, *, brief: bool) -> Page:
    """The page that was asked for; in ``brief`` of records of a manifest, not of objects."""
    # Who went over several pages is told what came meanwhile as well.
    again = asked.after is not None or refresh(store, shelf.id, all_there_is=shelf.whole) >= MOST_MOVED
    if asked.ids:
        found = found_on(store, shelf, asked.ids, asked)
        return _cut([item for item in found if asked.matches(item)], asked.limit, None)
    items: list[Item] = []
    told: set[tuple[str, str]] = set()
    since, looked_through = asked.since, 0
    while True:
        batch = offered(store, shelf.id, since, AT_ONCE, past=asked.earlier)
        for item in _items(store, shelf, batch, asked, brief=brief):
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
            return _cut(items, asked.limit, f"{text_of(since)}~0")


def found_on(store: Store, shelf: Shelf, ids: Iterable[str], asked: Asked) -> list[Item]:
    """Objects by id, oldest first, with those versions of them that are asked for. What several things have in common
    is told once, as the latest of them has it."""
    from workbench.exchange.stix.offering import has_versions

    wanted = sorted(ids)
    new = unshown(store, shelf.id, MOST_THINGS)
    for start in range(0, len(new), AT_ONCE):
        _items(store, shelf, new[start : start + AT_ONCE], asked)
    things = finding(store, shelf.id, wanted, past=asked.earlier)
    found = [item for item in _items(store, shelf, things, asked) if item.value["id"] in wanted]
    latest = {item.value["id"]: item for item in found if item.last}
    return [
        replace(item, last=item is latest.get(item.value["id"]))
        for item in found
        if has_versions(item.value) or item is latest[item.value["id"]]
    ]


def _cut(items: list[Item], limit: int, rest: str | None) -> Page:
    """A page of items, and where the next begins: after the last of them, or at ``rest``."""
    if len(items) <= limit:
        return Page(items, rest)
    at, number = items[limit - 1].place
    return Page(items[:limit], f"{text_of(at)}~{number}")


def _items(
    store: Store, shelf: Shelf, batch: list[Offer], asked: Asked, *, brief: bool = False
) -> list[Item]:
    """The objects of things, or in ``brief`` what a manifest tells of them."""
    from workbench.exchange.stix.offering import has_versions, ids_to_keep, objects_of_offer, records_of

    now = [offer for offer in batch if not offer.past]
    content = with_content(store, shelf.id, [offer for offer in now if not (brief and offer.shown)])
    content += content_before(store, shelf.id, [offer for offer in batch if offer.past])
    made = {
        each.offer: records_of(each.offer) if brief and each.offer.past else objects_of_offer(each)
        for each in content
    }  # fmt: skip
    # One that was changed meanwhile is about nothing, and will be offered anew.
    known = {each.offer for each in content if each.about != "" and not each.offer.shown}
    remember(store, shelf.id, {offer.thing: ids_to_keep(offer, made[offer]) for offer in known})
    begun = first_told(store, shelf.id, {offer.thing for offer in batch}) if "first" in asked.versions else {}
    items = []
    for offer in batch:
        values = made.get(offer, [] if offer.past else records_of(offer))
        for number, value in enumerate(values):
            if offer.past and not has_versions(value):
                continue
            added = offer.at + timedelta(microseconds=min(number, STEP - 1))
            first = begun.get(value["id"], offer.at) == offer.at or not has_versions(value)
            items.append(Item(value, added, (offer.at, number), not offer.past, first))
    return items
