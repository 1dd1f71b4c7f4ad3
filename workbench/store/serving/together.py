"""The same asked of many things at once: one statement, however many there are. What a thing has nothing of is not
in the answer. What hangs on profiles is asked of profiles that were read, which is written down already; where it is
found otherwise, and for investigations, entities and watchlists, the reading is written down here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from workbench.secrecy import TLP
from workbench.store.matters.entities import SELECT_ENTITY, Entity, entity_of
from workbench.store.matters.investigations import SELECT_INVESTIGATION, Investigation, investigation_of
from workbench.store.profiles.observations import Evidence, Footprint, Sighting
from workbench.store.profiles.profile import SELECT, Past, Profile, note_profiles, profile_of
from workbench.store.things import OWN
from workbench.store.watching.alerts import SELECT_ALERT, SELECT_WATCHLIST, Alert, Watchlist, watchlist_of

if TYPE_CHECKING:
    from workbench.store.connection import Store

__all__ = [
    "alerts", "alerts_of", "communities", "entities", "entities_of", "histories", "investigations", "investigations_of",
    "kinds_of", "observed", "observed_by_id", "own_profiles", "profiles", "profiles_at", "profiles_of_entities", "profiles_of_investigations", "stix_known", "traces", "watchlists",
]  # fmt: skip

T = TypeVar("T")
O = TypeVar("O", Evidence, Sighting, Footprint)  # noqa: E741
Found = dict[UUID, list[T]]


def kinds_of(store: Store, ids: Sequence[UUID]) -> dict[UUID, str]:
    """The table that each of some ids is of, as far as the member may see it."""
    tables = ("profiles", "investigations", "entities", "watchlists", "alerts", "evidence", "sightings", "footprint")  # fmt: skip
    query = " UNION ALL ".join(f"SELECT id, '{name}' FROM {name} WHERE id = ANY (%(ids)s)" for name in tables)
    return dict(store.rows("things by id", query, {"ids": list(ids)}))


def profiles(store: Store, ids: Sequence[UUID]) -> dict[UUID, Profile]:
    """Profiles by id, deleted ones too; the reading of those of AMBER and above is written down."""
    rows = _read(store, f"SELECT {SELECT} FROM profiles p WHERE p.id = ANY (%s)", (list(ids),))
    return {row[0]: profile_of(row) for row in rows}


def profiles_at(store: Store, addresses: Sequence[str], first: int) -> dict[str, list[Profile]]:
    """Profiles of exactly these addresses, up to ``first`` of each, the strictest first."""
    query = (
        f"SELECT {SELECT}, a.text FROM unnest(%s::text[]) AS a (text) CROSS JOIN LATERAL ("
        "SELECT * FROM profiles p WHERE p.address = a.text::inet AND p.deleted_at IS NULL ORDER BY p.secrecy DESC, p.id LIMIT %s) AS p"
    )
    return _grouped(_read(store, query, (list(addresses), first)), profile_of)


def own_profiles(store: Store, addresses: Sequence[str], level: TLP) -> dict[str, Profile]:
    """The profiles of the member's organisation of exactly these addresses at a level, by address; not at RED, where
    there may be several of one."""
    query = (
        f"SELECT {SELECT} FROM profiles p WHERE p.address = ANY (%s::inet[]) AND p.secrecy = %s AND p.deleted_at IS NULL "
        f"AND p.owner = {OWN}"
    )
    found = (profile_of(row) for row in _read(store, query, (list(addresses), int(level))))
    return {profile.address: profile for profile in found}


def stix_known(store: Store, ids: Sequence[UUID]) -> set[tuple[UUID, str, str | None]]:
    """Which evidence of profiles came with a STIX object: profile, object and entry."""
    query = "SELECT profile, stix_id, entry FROM evidence WHERE profile = ANY (%s) AND stix_id IS NOT NULL"
    return {tuple(row) for row in store.rows("evidence", query, (list(ids),))}


def profiles_of_investigations(store: Store, ids: Sequence[UUID], first: int) -> Found[Profile]:
    """Profiles linked to investigations, up to ``first`` of each, worst first."""
    return _grouped(_read(store, _linked("investigation"), (list(ids), first)), profile_of)


def profiles_of_entities(store: Store, ids: Sequence[UUID], first: int) -> Found[tuple[str, Profile]]:
    """Profiles of entities, each with the entity's relation to it, up to ``first`` of each, worst first."""
    rows = _read(store, _linked("entity", "relation,"), (list(ids), first))
    return _grouped(rows, lambda row: (row[-1], profile_of(row[:-1])))


def investigations(store: Store, ids: Sequence[UUID]) -> dict[UUID, Investigation]:
    """Investigations by id."""
    rows = store.read(
        "investigations", "together", f"{SELECT_INVESTIGATION} WHERE t.id = ANY (%s)", (list(ids),)
    )
    return {row[0]: investigation_of(row) for row in rows}


def entities(store: Store, ids: Sequence[UUID]) -> dict[UUID, Entity]:
    """Entities by id."""
    rows = store.read("entities", "together", f"{SELECT_ENTITY} WHERE t.id = ANY (%s)", (list(ids),))
    return {row[0]: entity_of(row) for row in rows}


def watchlists(store: Store, ids: Sequence[UUID]) -> dict[UUID, Watchlist]:
    """Watchlists by id."""
    rows = store.read("watchlists", "together", f"{SELECT_WATCHLIST} WHERE t.id = ANY (%s)", (list(ids),))
    return {row[0]: watchlist_of(row) for row in rows}


def alerts(store: Store, ids: Sequence[UUID]) -> dict[UUID, Alert]:
    """Alerts by id."""
    rows = store.read("profiles", "alerts", f"{SELECT_ALERT} WHERE a.id = ANY (%s)", (list(ids),), column=3)
    return {row[0]: Alert(*row) for row in rows}


def investigations_of(store: Store, ids: Sequence[UUID], first: int) -> Found[Investigation]:
    """The investigations that profiles are linked to, by name."""
    query = (
        "SELECT * FROM (SELECT l.profile, row_number() OVER (PARTITION BY l.profile ORDER BY t.name, t.id) AS place, t.* "
        f"FROM investigation_profiles l JOIN ({SELECT_INVESTIGATION} WHERE t.deleted_at IS NULL) t ON t.id = l.investigation "
        "WHERE l.profile = ANY (%s)) AS every WHERE place <= %s ORDER BY profile, place"
    )
    rows = store.read("investigations", "together", query, (list(ids), first), column=2)
    return _by_first(rows, lambda row: investigation_of(row[1:]))


def entities_of(store: Store, ids: Sequence[UUID], first: int) -> Found[tuple[str, Entity]]:
    """The entities of profiles, each with its relation, in order of it."""
    query = (
        "SELECT * FROM (SELECT l.profile, row_number() OVER (PARTITION BY l.profile ORDER BY l.relation, t.name, t.id) AS place, l.relation, t.* "
        f"FROM entity_profiles l JOIN ({SELECT_ENTITY} WHERE t.deleted_at IS NULL) t ON t.id = l.entity "
        "WHERE l.profile = ANY (%s)) AS every WHERE place <= %s ORDER BY profile, place"
    )
    rows = store.read("entities", "together", query, (list(ids), first), column=3)
    return _by_first(rows, lambda row: (row[1], entity_of(row[2:])))


def observed(store: Store, kind: type[O], ids: Sequence[UUID], first: int) -> Found[O]:
    """Evidence, sightings or footprint of profiles, latest first."""
    columns = ", ".join(field.name for field in fields(kind) if field.name != "id")
    order = "last_seen" if kind is Sighting else "recorded_at"
    query = (
        f"SELECT * FROM (SELECT profile, row_number() OVER (PARTITION BY profile ORDER BY {order} DESC, id) AS place, {columns}, id "
        f"FROM {kind.table} WHERE profile = ANY (%s)) AS every WHERE place <= %s ORDER BY profile, place"
    )
    return _by_first(store.rows(kind.table, query, (list(ids), first)), lambda row: kind(*row[1:]))


def observed_by_id(store: Store, kind: type[O], ids: Sequence[UUID]) -> dict[UUID, tuple[UUID, O]]:
    """Evidence, sightings or footprint by id, each with the profile that it is of."""
    columns = ", ".join(field.name for field in fields(kind))
    query = f"SELECT profile, {columns} FROM {kind.table} WHERE id = ANY (%s)"
    rows = store.read("profiles", kind.table, query, (list(ids),))
    return {row[-1]: (row[0], kind(*row[1:])) for row in rows}


def alerts_of(store: Store, ids: Sequence[UUID], first: int) -> Found[Alert]:
    """Alerts about profiles, newest first."""
    query = (
        "SELECT * FROM (SELECT t.profile AS about, row_number() OVER (PARTITION BY t.profile ORDER BY t.raised_at DESC, t.id) AS place, t.* "
        f"FROM ({SELECT_ALERT} WHERE a.profile = ANY (%s)) AS t) AS every WHERE place <= %s ORDER BY about, place"
    )
    rows = store.rows("alerts of profiles", query, (list(ids), first))
    return _by_first(rows, lambda row: Alert(*row[1:]))


def histories(store: Store, ids: Sequence[UUID], first: int) -> Found[Past]:
    """What profiles were before each change, newest first; without what the member could not see then."""
    query = (
        "SELECT * FROM (SELECT profile, row_number() OVER (PARTITION BY profile ORDER BY version DESC) AS place, version, until, changed_by, was "
        "FROM profile_history WHERE profile = ANY (%s)) AS every WHERE place <= %s ORDER BY profile, place"
    )
    return _by_first(store.rows("history", query, (list(ids), first)), lambda row: Past(*row[1:]))


def communities(store: Store, names: Sequence[str]) -> dict[str, bool]:
    """Whether organisations, by name, belong to the community."""
    return dict(store.rows("organisations", "SELECT name, in_community FROM organisations WHERE name = ANY (%s)", (list(names),)))  # fmt: skip


def traces(
    store: Store, *, value: str | None = None, kinds: Sequence[str] = (), profile: UUID | None = None, first: int = 100
) -> list[tuple[UUID, Footprint]]:  # fmt: skip
    """Footprint that the member may see, each with its profile: of a profile, or with a value wherever it occurs.

    Raises:
        ValueError: neither is given.
    """
    if value is None and profile is None:
        raise ValueError("say a value or a profile")
    columns = ", ".join(f"f.{field.name}" for field in fields(Footprint))
    rows = store.read(
        "profiles",
        "footprint",
        f"SELECT f.profile, {columns} FROM footprint f JOIN profiles p ON p.id = f.profile AND p.deleted_at IS NULL "
        "WHERE (%(value)s::text IS NULL OR f.value = %(value)s) AND f.kind = ANY (%(kinds)s) "
        "AND (%(profile)s::uuid IS NULL OR f.profile = %(profile)s) ORDER BY f.last_seen DESC NULLS LAST, f.id LIMIT %(first)s",
        {"value": value, "kinds": list(kinds) or ["hostname", "domain", "url", "account", "device", "certificate"], "profile": profile, "first": first},
    )  # fmt: skip
    return [(row[0], Footprint(*row[1:])) for row in rows]


def _linked(thing: str, relation: str = "") -> str:
    """Profiles by what they are linked to; ``relation`` is a column of the link that is wanted as well."""
    return (
        f"SELECT {SELECT}, {relation} p.thing FROM (SELECT {relation} l.{thing} AS thing, p.*, "
        f"row_number() OVER (PARTITION BY l.{thing} ORDER BY p.rank DESC, p.id) AS place "
        f"FROM {thing}_profiles l JOIN profiles p ON p.id = l.profile WHERE l.{thing} = ANY (%s) AND p.deleted_at IS NULL) AS p "
        "WHERE place <= %s ORDER BY thing, place"
    )


def _read(store: Store, query: str, values: Sequence[Any]) -> list[Any]:
    """Rows that begin with a profile, whose reading is written down."""

    def work(con: Any) -> list[Any]:
        rows: list[Any] = con.execute(query.encode(), values).fetchall()
        note_profiles(con, "together", rows)
        return rows

    return store.run("profiles", work)


def _grouped(rows: Iterable[Any], made: Callable[[Any], T]) -> dict[Any, list[T]]:
    """By the last column."""
    found: dict[Any, list[T]] = defaultdict(list)
    for row in rows:
        found[row[-1]].append(made(row[:-1]))
    return dict(found)


def _by_first(rows: Iterable[Any], made: Callable[[Any], T]) -> Found[T]:
    """By the first column."""
    found: Found[T] = defaultdict(list)
    for key, *row in rows:
        found[key].append(made(row))
    return dict(found)
