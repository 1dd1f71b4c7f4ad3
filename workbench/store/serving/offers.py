"""What a member who polls is offered: everything she may see, or one investigation, in an order that only grows.

Each collection is a list of things with the time they were offered at. :func:`refresh` compares the list with what she
may see now: what is new to her, changed, or has other evidence, sightings or footprint moves to the end of it; what was
deleted stays, withdrawn; what is no longer for her is gone without a word. Of a profile that she was shown and that
moved it is kept what she was shown (:mod:`workbench.store.serving.earlier`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

from workbench.secrecy import TLP
from workbench.store.matters.investigations import Investigation
from workbench.store.profiles.observations import Evidence, Footprint, Sighting
from workbench.store.profiles.profile import Profile
from workbench.store.serving import together

if TYPE_CHECKING:
    from workbench.store.connection import Store

__all__ = [
    "HANGING",
    "MOST_HANGING",
    "MOST_MOVED",
    "STEP",
    "Kind",
    "Offer",
    "Offered",
    "everything",
    "finding",
    "offered",
    "refresh",
    "remember",
    "unshown",
    "with_content",
]

STEP = 1_000
"""Microseconds between the times of two things: each of its objects may have a time of its own."""
MOST_MOVED = 100_000
"""Things that one refresh moves to the end, so that the first of a big store is done in the time a request has."""
MOST_LINKED = 5_000
"""Profiles that are told of an investigation."""
MOST_HANGING = 100
"""Pieces of evidence, sightings and traces that are told of a profile, the latest of each."""
KEPT = 20
"""Earlier versions of a profile that are kept for each member and collection."""


class Kind(IntEnum):
    """What a thing is; those others refer to come first."""

    LEVEL = 0
    ORGANISATION = 1
    PROFILE = 2
    INVESTIGATION = 3


@dataclass(frozen=True, slots=True)
class Offer:
    """A thing of a collection: ``changed_at`` is when it became what it is, the same for whoever sees it, ``at`` when it was
    offered here. ``objects`` are the ids of what was made of it when it was last shown, as whoever made it keeps them; ``shown`` says
    that it has not been offered anew since, ``past`` that it has: this is what she was shown before."""

    thing: UUID
    kind: Kind
    version: int
    withdrawn: bool
    changed_at: datetime
    at: datetime
    objects: tuple[str, ...]
    shown: bool
    past: bool = False


@dataclass(slots=True)
class Offered:
    """An offer with what it is about: a TLP level, the name of an organisation, a profile with what hangs on it, or
    an investigation with the profiles linked to it that the member sees, and what objects were made of these."""

    offer: Offer
    about: TLP | str | Profile | Investigation
    evidence: list[Evidence] = field(default_factory=list)
    sightings: list[Sighting] = field(default_factory=list)
    footprint: list[Footprint] = field(default_factory=list)
    linked: list[Profile] = field(default_factory=list)
    told: dict[UUID, tuple[str, ...]] = field(default_factory=dict)


_LEVELS = UUID("94868c89-83c2-464b-929b-a1a8aa3c8487")
_MARKS = {level: uuid5(_LEVELS, level.label) for level in TLP}
_LEVEL_OF = {key: level for level, key in _MARKS.items()}


def everything(store: Store) -> UUID:
    """The collection of all that the member may see; the id is the same for every member of a store."""
    ((identity,),) = store.rows("the store", "SELECT id FROM store")
    return uuid5(identity, "everything")


HANGING = """
            SELECT profile, id, hashtextextended(id::text, 1)::numeric AS mark, recorded_at FROM evidence
            UNION ALL SELECT profile, id, hashtextextended(id::text, 2), recorded_at FROM sightings
            UNION ALL SELECT profile, id, hashtextextended(id::text, 3), recorded_at FROM footprint"""
"""What hangs on profiles, each piece with a mark: the sum of them tells whether it is the same."""

# What a member sees of the collection, each thing with what its offer depends on. Rows of children are never changed,
# only added and removed: their ids tell whether they are the same.
_SEEN = f"""
    WITH chosen AS MATERIALIZED (
        SELECT p.id, p.version, p.secrecy, p.owner, p.updated_at, p.deleted_at FROM profiles p
        WHERE {{chosen}}
    ), hanging AS MATERIALIZED (
        SELECT profile, sum(mark) AS mark, max(recorded_at) AS recorded_at FROM ({HANGING}) AS every
        WHERE {{hanging}}
        GROUP BY profile
    ), matters AS MATERIALIZED (
        SELECT i.id, i.version, i.secrecy, i.owner, i.updated_at, i.deleted_at FROM investigations i WHERE {{matters}}
    ), linked AS MATERIALIZED (
        SELECT l.investigation, sum(hashtextextended(concat(l.profile, p.version), 4)::numeric) AS mark, max(greatest(l.linked_at, p.updated_at)) AS linked_at
        FROM investigation_profiles l JOIN matters m ON m.id = l.investigation JOIN profiles p ON p.id = l.profile
        WHERE p.deleted_at IS NULL GROUP BY l.investigation
    ), seen AS MATERIALIZED (
        SELECT 0 AS kind, t.thing, 1 AS version, 0::numeric AS mark, false AS withdrawn, now() AS changed_at
        FROM unnest(%(levels)s::smallint[], %(marks)s::uuid[]) AS t (level, thing)
        WHERE t.level = 0 OR t.level IN (SELECT secrecy FROM chosen UNION SELECT secrecy FROM matters)
        UNION ALL SELECT 1, o.id, 1, hashtextextended(o.name, 5)::numeric, false, now() FROM organisations o
        WHERE o.id IN (SELECT owner FROM chosen UNION SELECT owner FROM matters)
        UNION ALL SELECT 2, c.id, c.version, coalesce(h.mark, 0), c.deleted_at IS NOT NULL, date_trunc('milliseconds', greatest(c.updated_at, h.recorded_at))
        FROM chosen c LEFT JOIN hanging h ON h.profile = c.id
        UNION ALL SELECT 3, m.id, m.version, coalesce(l.mark, 0), m.deleted_at IS NOT NULL, date_trunc('milliseconds', greatest(m.updated_at, l.linked_at))
        FROM matters m LEFT JOIN linked l ON l.investigation = m.id
    )"""
_WHOLE = {"chosen": "true", "hanging": "true", "matters": "true"}
_ONE = {
    "chosen": "p.id IN (SELECT l.profile FROM investigation_profiles l WHERE l.investigation = %(collection)s)",
    "hanging": "profile IN (SELECT id FROM chosen)",
    "matters": "i.id = %(collection)s",
}
_REFRESH = f"""{_SEEN}, known AS MATERIALIZED (
        SELECT * FROM offers WHERE role = current_user AND collection = %(collection)s
    ), other AS MATERIALIZED (
        SELECT s.kind, s.thing, s.version, s.mark, s.withdrawn,
            -- What was taken away leaves no time: it is that of finding out.
            CASE WHEN s.changed_at <= o.changed_at THEN greatest(date_trunc('milliseconds', clock_timestamp()), o.changed_at + interval '1 millisecond')
                ELSE s.changed_at END AS changed_at
        FROM seen s LEFT JOIN known o USING (thing)
        WHERE CASE WHEN o.thing IS NULL THEN NOT s.withdrawn
            ELSE (s.version, s.mark, s.withdrawn) IS DISTINCT FROM (o.version, o.mark, o.withdrawn) END
        ORDER BY s.kind, s.thing LIMIT %(most)s
    ), changed AS MATERIALIZED (
        SELECT *, row_number() OVER (ORDER BY kind, thing) AS place, count(*) OVER () AS total FROM other
    ), gone AS (
        DELETE FROM offers o WHERE o.role = current_user AND o.collection = %(collection)s AND o.thing NOT IN (SELECT thing FROM seen)
    ), kept AS (
        INSERT INTO offered_before (role, collection, thing, kind, version, mark, withdrawn, changed_at, offered_at, objects)
        SELECT k.role, k.collection, k.thing, k.kind, k.version, k.mark, k.withdrawn, k.changed_at, k.offered_at, k.objects
        FROM known k JOIN changed USING (thing) WHERE k.shown AND k.kind = {int(Kind.PROFILE)}
    ), forgotten AS (
        DELETE FROM offered_before b WHERE b.role = current_user AND b.collection = %(collection)s AND (
            b.thing NOT IN (SELECT thing FROM seen)
            OR b.thing IN (SELECT thing FROM changed) AND b.offered_at <= (
                SELECT x.offered_at FROM offered_before x WHERE (x.role, x.collection, x.thing) = (b.role, b.collection, b.thing)
                ORDER BY x.offered_at DESC OFFSET {KEPT - 1} LIMIT 1))
    )
    INSERT INTO offers (role, collection, thing, kind, version, mark, withdrawn, changed_at, offered_at)
    SELECT current_user, %(collection)s, thing, kind, version, mark, withdrawn, changed_at,
        date_trunc('milliseconds', greatest(
            (SELECT max(offered_at) FROM known) + interval '1 millisecond', clock_timestamp() - total * interval '1 millisecond'
        )) + place * interval '1 millisecond'
    FROM changed
    ON CONFLICT (role, collection, thing) DO UPDATE SET kind = excluded.kind, version = excluded.version, mark = excluded.mark,
        withdrawn = excluded.withdrawn, changed_at = excluded.changed_at, offered_at = excluded.offered_at, shown = false"""


def refresh(store: Store, collection: UUID, *, all_there_is: bool) -> int:
    """Bring a collection up to what the member may see now; how many things moved to its end.

    If these are :data:`MOST_MOVED` there is more to do.
    """
    values = {
        "collection": collection, "levels": [int(level) for level in TLP],
        "marks": [_MARKS[level] for level in TLP], "most": MOST_MOVED,
    }  # fmt: skip

    query = _REFRESH.format(**(_WHOLE if all_there_is else _ONE))

    def work(con: Any) -> int:
        # Before the statement that reads: its snapshot then has what whoever held the lock before has written.
        con.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(concat('offers', current_user, %s::text), 0))",
            (collection,),
        )
        return int(con.execute(query.encode(), values).rowcount)

    return store.run("what is offered", work)


def offered(
    store: Store, collection: UUID, since: datetime | None, count: int, *, past: bool = False
) -> list[Offer]:
    """The next things of a collection that were offered at ``since`` or later, oldest first, up to ``count``; with ``past``
    what was offered of them before as well."""
    condition = "(%(since)s::timestamptz IS NULL OR o.offered_at >= %(since)s)"
    return _offers(store, collection, condition, "offered_at LIMIT %(count)s", past, since=since, count=count)


def finding(store: Store, collection: UUID, objects: Sequence[str], *, past: bool = False) -> list[Offer]:
    """The things of which these objects were made, oldest first; up to 500, the latest."""
    condition, order = "o.objects && %(objects)s::text[]", "offered_at DESC LIMIT 500"
    return _offers(store, collection, condition, order, past, objects=list(objects))[::-1]


def unshown(store: Store, collection: UUID, count: int) -> list[Offer]:
    """Things of which nobody knows yet what objects are made of them, up to ``count``."""
    return _offers(store, collection, "NOT o.shown", "offered_at LIMIT %(count)s", False, count=count)


def _of_things(store: Store, collection: UUID, things: Collection[UUID]) -> list[Offer]:
    condition = "o.thing = ANY (%(things)s)"
    return _offers(store, collection, condition, "offered_at", False, things=list(things)) if things else []


def remember(store: Store, collection: UUID, objects: Mapping[UUID, Iterable[str]]) -> None:
    """Keep which objects were made of things."""
    rows = [(list(ids), collection, thing) for thing, ids in objects.items()]

    def work(con: Any) -> None:
        with con.cursor() as cursor:
            cursor.executemany(
                "UPDATE offers SET objects = %s, shown = true WHERE role = current_user AND collection = %s AND thing = %s", rows
            )  # fmt: skip

    if rows:
        store.run("what is offered", work)


def _offers(
    store: Store, collection: UUID, condition: str, order: str, past: bool, **values: Any
) -> list[Offer]:
    query = " UNION ALL ".join(
        f"SELECT o.thing, o.kind, o.version, o.withdrawn, o.changed_at, o.offered_at, o.objects, {more} FROM {table} o "
        f"WHERE o.role = current_user AND o.collection = %(collection)s AND {condition}"
        for table, more in (("offers", "o.shown, false"), ("offered_before", "true, true"))[: 1 + past]
    )
    rows = store.rows("what is offered", f"{query} ORDER BY {order}", {"collection": collection, **values})
    return [
        Offer(row[0], Kind(row[1]), row[2], row[3], row[4], row[5], tuple(row[6]), row[7], row[8])
        for row in rows
    ]


def with_content(store: Store, collection: UUID, offers: Sequence[Offer]) -> list[Offered]:
    """Things as they are now. One that was changed since it was offered comes without what it is about: it will be
    offered anew."""
    ids = {kind: [offer.thing for offer in offers if offer.kind == kind] for kind in Kind}
    profiles = together.profiles(store, ids[Kind.PROFILE]) if ids[Kind.PROFILE] else {}
    matters = together.investigations(store, ids[Kind.INVESTIGATION]) if ids[Kind.INVESTIGATION] else {}
    names = store.rows("organisations", "SELECT id, name FROM organisations WHERE id = ANY (%s)", (ids[Kind.ORGANISATION],))  # fmt: skip
    about: dict[UUID, Any] = {**_LEVEL_OF, **dict(names), **profiles, **matters}
    found = [Offered(offer, about.get(offer.thing, "")) for offer in offers]
    for each in found:
        if each.offer.kind >= Kind.PROFILE and getattr(each.about, "version", None) != each.offer.version:
            each.about = ""
    keys = [each.offer.thing for each in found if isinstance(each.about, Profile)]
    linked = together.profiles_of_investigations(store, list(matters), MOST_LINKED) if matters else {}
    members = {profile.id for profiles in linked.values() for profile in profiles}
    told = {offer.thing: offer.objects for offer in _of_things(store, collection, members)}
    evidence = together.observed(store, Evidence, keys, MOST_HANGING)
    sightings = together.observed(store, Sighting, keys, MOST_HANGING)
    footprint = together.observed(store, Footprint, keys, MOST_HANGING)
    for each in found:
        key = each.offer.thing
        each.evidence, each.sightings = evidence.get(key, []), sightings.get(key, [])
        each.footprint, each.linked = footprint.get(key, []), linked.get(key, [])
        each.told = told
    return found
