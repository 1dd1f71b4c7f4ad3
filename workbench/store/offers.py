"""What a member who polls is offered: everything she may see, or one investigation, in an order that only grows.

Each collection is a list of things with the time they were offered at. :func:`refresh` compares the list with what she
may see now: what is new to her, changed, or has other evidence, sightings or footprint moves to the end of it; what was
deleted stays, withdrawn; what is no longer for her is gone without a word.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

from workbench.secrecy import TLP
from workbench.store.investigations import SELECT_INVESTIGATION, Investigation, investigation_of
from workbench.store.observations import Evidence, Footprint, Sighting
from workbench.store.profile import SELECT, Profile, profile_of

if TYPE_CHECKING:
    from workbench.store.connection import Store

__all__ = [
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
]

STEP = 1_000
"""Microseconds between the times of two things: each of its objects may have a time of its own."""
MOST_MOVED = 100_000
"""Things that one refresh moves to the end, so that the first of a big store is done in the time a request has."""
MOST_LINKED = 5_000
"""Profiles that are told of an investigation."""


class Kind(IntEnum):
    """What a thing is; those others refer to come first."""

    LEVEL = 0
    ORGANISATION = 1
    PROFILE = 2
    INVESTIGATION = 3


@dataclass(frozen=True, slots=True)
class Offer:
    """A thing of a collection. ``objects`` are the ids of what was made of it when it was last shown; ``shown`` says
    that it has not been offered anew since."""

    thing: UUID
    kind: Kind
    version: int
    withdrawn: bool
    at: datetime
    objects: tuple[str, ...]
    shown: bool


@dataclass(slots=True)
class Offered:
    """An offer with what it is about: a TLP level, the name of an organisation, a profile with what hangs on it, or
    an investigation with the profiles linked to it that the member sees."""

    offer: Offer
    about: TLP | str | Profile | Investigation
    evidence: list[Evidence] = field(default_factory=list)
    sightings: list[Sighting] = field(default_factory=list)
    footprint: list[Footprint] = field(default_factory=list)
    linked: list[Profile] = field(default_factory=list)


_LEVELS = UUID("94868c89-83c2-464b-929b-a1a8aa3c8487")
_MARKS = {level: uuid5(_LEVELS, level.label) for level in TLP}
_LEVEL_OF = {key: level for level, key in _MARKS.items()}


def everything(store: Store) -> UUID:
    """The collection of all that the member may see; the id is the same for every member of a store."""
    ((identity,),) = store.rows("the store", "SELECT id FROM store")
    return uuid5(identity, "everything")


# What a member sees of the collection, each thing with what its offer depends on. Rows of children are never changed,
# only added and removed: their ids tell whether they are the same.
_SEEN = """
    WITH chosen AS MATERIALIZED (
        SELECT p.id, p.version, p.secrecy, p.owner, p.deleted_at FROM profiles p
        WHERE %(all)s OR p.id IN (SELECT l.profile FROM investigation_profiles l WHERE l.investigation = %(collection)s)
    ), hanging AS MATERIALIZED (
        SELECT profile, sum(mark) AS mark FROM (
            SELECT profile, hashtextextended(id::text, 1)::numeric AS mark FROM evidence
            UNION ALL SELECT profile, hashtextextended(id::text, 2) FROM sightings
            UNION ALL SELECT profile, hashtextextended(id::text, 3) FROM footprint) AS every
        GROUP BY profile
    ), matters AS MATERIALIZED (
        SELECT i.id, i.version, i.secrecy, i.owner, i.deleted_at FROM investigations i WHERE %(all)s OR i.id = %(collection)s
    ), linked AS MATERIALIZED (
        SELECT l.investigation, sum(hashtextextended(concat(l.profile, p.version), 4)::numeric) AS mark
        FROM investigation_profiles l JOIN matters m ON m.id = l.investigation JOIN profiles p ON p.id = l.profile
        WHERE p.deleted_at IS NULL GROUP BY l.investigation
    ), seen AS MATERIALIZED (
        SELECT 0 AS kind, t.thing, 1 AS version, 0::numeric AS mark, false AS withdrawn
        FROM unnest(%(levels)s::smallint[], %(marks)s::uuid[]) AS t (level, thing)
        WHERE t.level = 0 OR t.level IN (SELECT secrecy FROM chosen UNION SELECT secrecy FROM matters)
        UNION ALL SELECT 1, o.id, 1, hashtextextended(o.name, 5)::numeric, false FROM organisations o
        WHERE o.id IN (SELECT owner FROM chosen UNION SELECT owner FROM matters)
        UNION ALL SELECT 2, c.id, c.version, coalesce(h.mark, 0), c.deleted_at IS NOT NULL
        FROM chosen c LEFT JOIN hanging h ON h.profile = c.id
        UNION ALL SELECT 3, m.id, m.version, coalesce(l.mark, 0), m.deleted_at IS NOT NULL
        FROM matters m LEFT JOIN linked l ON l.investigation = m.id
    )"""
_REFRESH = f"""{_SEEN}, known AS MATERIALIZED (
        SELECT * FROM offers WHERE role = current_user AND collection = %(collection)s
    ), other AS MATERIALIZED (
        SELECT s.* FROM seen s LEFT JOIN known o USING (thing)
        WHERE CASE WHEN o.thing IS NULL THEN NOT s.withdrawn
            ELSE (s.version, s.mark, s.withdrawn) IS DISTINCT FROM (o.version, o.mark, o.withdrawn) END
        ORDER BY s.kind, s.thing LIMIT %(most)s
    ), changed AS MATERIALIZED (
        SELECT *, row_number() OVER (ORDER BY kind, thing) AS place, count(*) OVER () AS total FROM other
    ), gone AS (
        DELETE FROM offers o WHERE o.role = current_user AND o.collection = %(collection)s AND o.thing NOT IN (SELECT thing FROM seen)
    )
    INSERT INTO offers (role, collection, thing, kind, version, mark, withdrawn, offered_at)
    SELECT current_user, %(collection)s, thing, kind, version, mark, withdrawn,
        date_trunc('milliseconds', greatest(
            (SELECT max(offered_at) FROM known) + interval '1 millisecond', clock_timestamp() - total * interval '1 millisecond'
        )) + place * interval '1 millisecond'
    FROM changed
    ON CONFLICT (role, collection, thing) DO UPDATE SET kind = excluded.kind, version = excluded.version, mark = excluded.mark,
        withdrawn = excluded.withdrawn, offered_at = excluded.offered_at, shown = false"""


def refresh(store: Store, collection: UUID, *, all_there_is: bool) -> int:
    """Bring a collection up to what the member may see now; how many things moved to its end.

    If these are :data:`MOST_MOVED` there is more to do.
    """
    values = {
        "collection": collection, "all": all_there_is, "levels": [int(level) for level in TLP],
        "marks": [_MARKS[level] for level in TLP], "most": MOST_MOVED,
    }  # fmt: skip

    def work(con: Any) -> int:
        # Before the statement that reads: its snapshot then has what whoever held the lock before has written.
        con.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(concat('offers', current_user, %s::text), 0))",
            (collection,),
        )
        return int(con.execute(_REFRESH.encode(), values).rowcount)

    return store.run("what is offered", work)


_OFFER = "o.thing, o.kind, o.version, o.withdrawn, o.offered_at, o.objects, o.shown"


def offered(store: Store, collection: UUID, since: datetime | None, count: int) -> list[Offered]:
    """The next things of a collection that were offered at ``since`` or later, oldest first, up to ``count``, and how
    they are now. One that was changed since it was offered comes without what it is about: it will be offered anew.
    """

    def work(con: Any) -> list[Offered]:
        rows = con.execute(
            f"SELECT {_OFFER} FROM offers o WHERE o.role = current_user AND o.collection = %s "
            "AND (%s::timestamptz IS NULL OR o.offered_at >= %s) ORDER BY o.offered_at LIMIT %s",
            (collection, since, since, count),
        ).fetchall()
        return _with_content(con, rows)

    return store.run("what is offered", work)


def finding(store: Store, collection: UUID, objects: Sequence[str]) -> list[Offered]:
    """The things of which these objects were made."""

    def work(con: Any) -> list[Offered]:
        rows = con.execute(
            f"SELECT {_OFFER} FROM offers o WHERE o.role = current_user AND o.collection = %s AND o.objects && %s::text[] "
            "ORDER BY o.offered_at DESC LIMIT 500",
            (collection, list(objects)),
        ).fetchall()
        return _with_content(con, rows[::-1])

    return store.run("what is offered", work)


def unshown(store: Store, collection: UUID, count: int) -> list[Offered]:
    """Things of which nobody knows yet what objects are made of them, up to ``count``."""

    def work(con: Any) -> list[Offered]:
        rows = con.execute(
            f"SELECT {_OFFER} FROM offers o WHERE o.role = current_user AND o.collection = %s AND NOT o.shown ORDER BY o.offered_at LIMIT %s",
            (collection, count),
        ).fetchall()
        return _with_content(con, rows)

    return store.run("what is offered", work)


def remember(store: Store, collection: UUID, objects: Mapping[UUID, Iterable[str]]) -> None:
    """Keep which objects were made of things."""
    rows = [(list(ids), collection, thing) for thing, ids in objects.items()]

    def work(con: Any) -> None:
        with con.cursor() as cursor:
            cursor.executemany(
                "UPDATE offers SET objects = %s, shown = true WHERE role = current_user AND collection = %s AND thing = %s",
                rows,
            )

    if rows:
        store.run("what is offered", work)


def _with_content(con: Any, rows: Sequence[Any]) -> list[Offered]:
    offers = [Offer(row[0], Kind(row[1]), row[2], row[3], row[4], tuple(row[5]), row[6]) for row in rows]
    ids = {kind: [offer.thing for offer in offers if offer.kind == kind] for kind in Kind}
    names = dict(
        con.execute(
            "SELECT id, name FROM organisations WHERE id = ANY (%s)", (ids[Kind.ORGANISATION],)
        ).fetchall()
    )
    about: dict[UUID, Any] = {**_LEVEL_OF, **names}
    versions: dict[UUID, int] = {}
    for row in con.execute(
        f"SELECT {SELECT} FROM profiles p WHERE p.id = ANY (%s)", (ids[Kind.PROFILE],)
    ).fetchall():
        about[row[0]] = profile_of(row)
        versions[row[0]] = about[row[0]].version
    for row in con.execute(
        f"{SELECT_INVESTIGATION} WHERE t.id = ANY (%s)", (ids[Kind.INVESTIGATION],)
    ).fetchall():
        about[row[0]] = investigation_of(row)
        versions[row[0]] = about[row[0]].version
    found = {
        offer.thing: Offered(offer, about[offer.thing])
        for offer in offers
        if offer.thing in about and versions.get(offer.thing, offer.version) == offer.version
    }
    _hang_on(con, found, ids[Kind.PROFILE])
    for row in con.execute(
        f"SELECT * FROM (SELECT {SELECT}, l.investigation, row_number() OVER (PARTITION BY l.investigation ORDER BY p.rank DESC, p.id) AS place "
        "FROM investigation_profiles l JOIN profiles p ON p.id = l.profile "
        "WHERE l.investigation = ANY (%s) AND p.deleted_at IS NULL) AS every WHERE place <= %s ORDER BY place",
        (ids[Kind.INVESTIGATION], MOST_LINKED),
    ).fetchall():
        if row[-2] in found:
            found[row[-2]].linked.append(profile_of(row[:-2]))
    secret = [key for key in ids[Kind.PROFILE] if key in found and found[key].about.secrecy >= TLP.AMBER]  # type: ignore[union-attr]
    if secret:
        con.execute("SELECT note_rows_read('profiles', %s, 'taxii')", (secret,))
    if ids[Kind.INVESTIGATION]:
        con.execute("SELECT note_rows_read('investigations', %s, 'taxii')", (ids[Kind.INVESTIGATION],))
    return [found.get(offer.thing) or Offered(offer, "") for offer in offers]


def _hang_on(con: Any, found: dict[UUID, Offered], profiles: list[UUID]) -> None:
    for table, kind, columns in (
        (
            "evidence",
            Evidence,
            "source, category, entry, label, confidence, first_seen, last_seen, licence, stix_id, id",
        ),
        ("sightings", Sighting, "first_seen, last_seen, count, sensor, target, id"),
        ("footprint", Footprint, "kind, value, source, first_seen, last_seen, id"),
    ):
        order = "last_seen DESC NULLS LAST, id"
        for row in con.execute(
            f"SELECT profile, {columns} FROM {table} WHERE profile = ANY (%s) ORDER BY {order}", (profiles,)
        ).fetchall():
            if row[0] in found:
                getattr(found[row[0]], table).append(kind(*row[1:]))
