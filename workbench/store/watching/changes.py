"""What changed since: profiles and alerts in the order of the transactions that wrote them, from any place on.

A place between two events is written as a text, the cursor. It names the transactions whose work was told, as
PostgreSQL itself tells which those are (``pg_current_snapshot``), and not the newest of them: a transaction that
began earlier may commit later, and what it wrote would be passed over. So a stream that is resumed, by anyone who
may see the same, tells everything committed since, each version of a profile once. Versions that were followed by
another before they were told are passed over.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from uuid import UUID

from workbench.store.profiles.filters import Filters, filters_of
from workbench.store.profiles.profile import SELECT, Profile, note_profiles, profile_of
from workbench.store.watching.alerts import SELECT_ALERT, Alert

if TYPE_CHECKING:
    from workbench.store.connection import Store

__all__ = ["Change", "Changes", "Place", "alerts_since", "changed_since", "place", "wanted"]

T = TypeVar("T")
_SNAPSHOT = re.compile(r"(\d{1,20}):(\d{1,20}):((?:\d{1,20}(?:,\d{1,20})*)?)\Z")
_LONGEST = 20_000
_LINEAGE = (
    "SELECT md5(concat_ws('/', c.system_identifier, k.timeline_id, d.oid)), pg_current_snapshot()::text "
    "FROM pg_control_system() c, pg_control_checkpoint() k, pg_database d WHERE d.datname = current_database()"
)


@dataclass(frozen=True, slots=True)
class Place:
    """Everything that ``told`` sees was told. Within a page that was cut off, ``until`` is what is being told, and
    ``last`` the transaction and id it has come to. ``lineage`` is another after a restore."""

    lineage: str
    told: str
    until: str | None = None
    last: tuple[str, UUID] | None = None

    def __str__(self) -> str:
        values = [self.lineage, self.told, self.until, *(map(str, self.last) if self.last else ())]
        return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str) -> Place:
        """A cursor that a stream gave.

        Raises:
            ValueError: it is none.
        """
        try:
            if len(text) > _LONGEST:
                raise ValueError
            lineage, told, until, *last = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            if not (isinstance(lineage, str) and len(lineage) == 32 and _SNAPSHOT.match(told)):
                raise ValueError
            if until is None and not last:
                return cls(lineage, told)
            if not _SNAPSHOT.match(until) or not re.fullmatch(r"\d{1,20}", last[0]) or len(last) != 2:
                raise ValueError
            return cls(lineage, told, until, (last[0], UUID(last[1])))
        except (ValueError, TypeError, IndexError):
            raise ValueError(f"{text[:40]!r} is no cursor that a stream gave") from None


@dataclass(frozen=True, slots=True)
class Change(Generic[T]):
    """A thing as it is now, and the place after it."""

    thing: T
    place: Place


@dataclass(frozen=True, slots=True)
class Changes(Generic[T]):
    """Some changes in order, where to go on, and whether there is ``more`` to ask for at once."""

    items: tuple[Change[T], ...]
    place: Place
    more: bool


def place(store: Store, cursor: str | None = None) -> Place:
    """Where a stream begins: at a cursor, or now.

    Raises:
        ValueError: it is no cursor, or one of another database, or from before that was restored.
    """
    given = Place.parse(cursor) if cursor is not None else None
    ((lineage, now),) = store.rows("the state of the store", _LINEAGE)
    if given is None:
        return Place(lineage, now)
    newest = max(_bounds(part)[0] for part in (given.told, given.until) if part)
    if given.lineage != lineage or newest > _bounds(now)[0]:
        raise ValueError(
            "the cursor is of another database, or from before this one was restored: search anew, then go on from now"
        )
    return given


def wanted(**filters: Any) -> Filters:
    """The conditions of a stream: those of a search but ``misspelt``; deleted profiles are among them.

    Raises:
        ValueError: a filter is not understood.
    """
    return filters_of(deleted=None, **filters)


def changed_since(store: Store, here: Place, conditions: Filters, limit: int = 200) -> Changes[Profile]:
    """Profiles that match and were made, changed or deleted since, as they are now, and where to go on.

    The reading of those of AMBER and above is written down.
    """
    since, values = _since(here, "p.changed_in", "p.id")
    wants = [
        "p.audience = mine.audience",
        *conditions.wants,
        *conditions.matching_wants,
        *(f"p.{name} = ANY (%({name})s)" for name in conditions.several),
        *(f"p.id IN ({chosen})" for chosen in conditions.sets),
    ]
    # One ordered walk an audience, of which the first are taken, as in a search: a bulk load is one transaction, and
    # each page of it would be sorted out of all.
    branches = " UNION ALL ".join(
        f"SELECT {SELECT}, p.changed_in FROM mine CROSS JOIN LATERAL (SELECT * FROM profiles p "
        f"WHERE {' AND '.join([*wants, *branch])} ORDER BY p.changed_in, p.id LIMIT %(limit)s) AS p"
        for branch in since
    )
    query = (
        "WITH mine AS MATERIALIZED (SELECT DISTINCT audience FROM my_audiences) "
        "SELECT s.now::text, f.* FROM (SELECT pg_current_snapshot() AS now) s LEFT JOIN "
        f"(SELECT * FROM ({branches}) AS every ORDER BY changed_in, id LIMIT %(limit)s) AS f ON true ORDER BY f.changed_in, f.id"
    )

    def work(con: Any) -> list[Any]:
        con.execute(
            "SELECT set_config('enable_sort', 'off', true), set_config('enable_bitmapscan', 'off', true)"
        )
        rows: list[Any] = con.execute(
            query.encode(), {**conditions.values, **conditions.matching, **values, "limit": limit}
        ).fetchall()
        note_profiles(con, "changes", rows, first=1)
        return rows

    return _told(here, store.run("the changes", work), profile_of, limit)


def alerts_since(store: Store, here: Place, limit: int = 200) -> Changes[Alert]:
    """Alerts raised since, and where to go on."""
    _, values = _since(here, "", "")
    query = (
        f"SELECT s.now::text, f.* FROM (SELECT pg_current_snapshot() AS now) s LEFT JOIN ({SELECT_ALERT.replace(' FROM ', ', a.raised_in FROM ', 1)} "
        "WHERE a.id = ANY (ARRAY(SELECT raised_since(%(new)s::text::xid8, %(also)s::text[]::xid8[], %(end)s::text::xid8, "
        "%(open)s::text[]::xid8[], %(last)s::text::xid8, %(last_id)s::uuid, %(limit)s)))) AS f ON true ORDER BY f.raised_in, f.id"
    )
    every = {"end": None, "open": [], "last": None, "last_id": None, **values, "limit": limit}
    rows = store.read("profiles", "alerts", query, every, column=4)
    return _told(here, rows, lambda row: Alert(*row), limit)


def _since(here: Place, column: str, key: str) -> tuple[list[list[str]], dict[str, Any]]:
    """Conditions on the transaction of a row, in branches each of which an index answers, and their values."""
    end, also = _bounds(here.told)
    values: dict[str, Any] = {"new": str(end), "also": also}
    within = []
    if here.until is not None and here.last is not None:
        end, still_open = _bounds(here.until)
        values |= {"end": str(end), "open": still_open, "last": here.last[0], "last_id": here.last[1]}
        within = [
            f"{column} < %(end)s::text::xid8 AND {column} <> ALL (%(open)s::text[]::xid8[])",
            f"({column}, {key}) > (%(last)s::text::xid8, %(last_id)s::uuid)",
        ]
    branches = [[f"{column} >= %(new)s::text::xid8", *within]]
    if also:
        branches.append([f"{column} = ANY (%(also)s::text[]::xid8[])", *within])
    return branches, values


def _told(here: Place, rows: list[Any], made: Any, limit: int) -> Changes[Any]:
    now = here.until or rows[0][0]
    found = [row for row in rows if row[1] is not None]
    done = Place(here.lineage, now)
    changes = [
        Change(made(row[1:-1]), Place(here.lineage, here.told, now, (str(row[-1]), row[1]))) for row in found
    ]
    if len(found) < limit:
        if changes:
            changes[-1] = Change(changes[-1].thing, done)
        # The rest of an interrupted page tells nothing of what was committed since.
        return Changes(tuple(changes), done, here.until is not None)
    return Changes(tuple(changes), changes[-1].place, True)


def _bounds(snapshot: str) -> tuple[int, list[str]]:
    """The first transaction that a snapshot does not see, and the earlier ones that were still running."""
    match = _SNAPSHOT.match(snapshot)
    assert match is not None
    return int(match[2]), [number for number in match[3].split(",") if number]
