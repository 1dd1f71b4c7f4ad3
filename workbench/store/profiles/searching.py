"""Search over profiles: filters that indexes answer, pages that stay right while others write."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from inspect import signature
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from uuid import UUID

from workbench.store.profiles.filters import Filters, filters_of
from workbench.store.profiles.profile import note_profiles

if TYPE_CHECKING:
    from workbench.store.connection import Store

__all__ = ["Page", "search"]

T = TypeVar("T")
Named = tuple[list[UUID], list[str]]
MOST = 1_000
LOOK = 300
"""Profiles of each audience among which what many have is looked for first."""
DENSE = 5
"""Where one in so many of a page was among the first, the others are likely not far."""
FEW = 20_000
"""Profiles that are sooner looked up and sorted than found by walking along the order."""
FURTHER = 5
"""Times as many of both, where more have it and not enough of them are among the first."""
NAMES = 1_000
"""Names of AS organisations that are gone through one by one."""

_ORDERS = {
    "reputation": ("rank", "smallint", "<", "DESC"),
    "updated": ("updated_at", "timestamptz", "<", "DESC"),
    "address": ("address", "inet", ">", "ASC"),
}
_FILTERS = tuple(signature(filters_of).parameters)


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some of what was found, in order. ``next`` asks for the page after it (``after=page.next``); None: it is the last.
    ``cursors`` ask for what comes after each item."""

    items: tuple[T, ...]
    next: str | None
    cursors: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[T]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __repr__(self) -> str:
        more = ["… and more: search(…, after=page.next)"] if self.next else []
        return "\n".join([*map(str, self.items), *more]) or "nothing found"


def search(
    store: Store,
    columns: str,
    made: Callable[[Sequence[Any]], T],
    *,
    order: str | None = None,
    limit: int = 50,
    after: str | None = None,
    **filters: Any,
) -> Page[T]:
    """Profiles that match every filter given (see :func:`workbench.store.profiles.filters.filters_of`), a page of up to
    ``limit`` (1,000 at most).

    ``order`` is ``reputation`` (worst first, the default), ``updated`` (newest first, the default with a time) or
    ``address`` (the default with a network).

    Raises:
        ValueError: a filter is not understood.
    """
    if unknown := filters.keys() - _FILTERS:
        raise ValueError(f"no filter {min(unknown)!r}; there are: {', '.join(_FILTERS)}")
    wanted = filters_of(**filters)
    chosen = order or wanted.order
    if chosen not in _ORDERS:
        raise ValueError(f"no order {chosen!r}; there are: {', '.join(_ORDERS)}")
    if not 1 <= limit <= MOST:
        raise ValueError(f"limit is 1 to {MOST}, not {limit}")
    column, kind, sign, _ = _ORDERS[chosen]
    if after is not None:
        position, key = _position(after, chosen)
        wanted.beyond = f"(p.{column}, p.id) {sign} (%(after)s::{kind}, %(after_id)s::uuid)"
        wanted.want(wanted.beyond, after=position, after_id=key)
    wanted.values["limit"] = limit + 1

    def work(con: Any) -> list[Any]:
        rows: list[Any] = _rows(con, columns, wanted, chosen)
        note_profiles(con, "search", rows[:limit])
        return rows

    rows = store.run("search", work)
    shown = rows[:limit]
    cursors = tuple(_cursor(chosen, row) for row in shown)
    return Page(tuple(made(row[:-1]) for row in shown), cursors[-1] if len(rows) > limit else None, cursors)


def _cursor(order: str, row: Sequence[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps([order, row[-1], str(row[0])]).encode()).decode()


def _rows(con: Any, columns: str, wanted: Filters, order: str) -> list[Any]:
    column, _, _, direction = _ORDERS[order]
    ordering = f"p.{column} {direction}, p.id {direction}"
    shown = f"{columns}, p.{column}::text AS position"
    sorted_out = wanted.selective and order != "address"
    wants, values = list(wanted.wants), dict(wanted.values)
    if wanted.matching and not wanted.sets:
        if wanted.common and not sorted_out:
            return _matched(con, shown, wanted, order)
        if (found := _looked_up(con, shown, wanted, order, FEW)) is not None:
            return found
    if wanted.matching:
        wants += wanted.matching_wants
        values.update(wanted.matching)
    if wanted.sets:
        wants += _several(wanted)
        query = (
            f"SELECT {shown} FROM (SELECT DISTINCT f.id FROM ({' INTERSECT '.join(wanted.sets)}) AS f (id)) AS f "
            f"JOIN profiles p ON p.id = f.id WHERE {' AND '.join(wants)} ORDER BY {ordering} LIMIT %(limit)s"
        )
        found = con.execute(query.encode(), values).fetchall()
    elif sorted_out:
        inner = f"nullif(p.{column}, NULL) {direction}, p.id {direction}"
        found = con.execute(_each_audience(shown, wanted, wants, inner, ordering).encode(), values).fetchall()
    else:
        with _walking(con):
            query = _each_audience(shown, wanted, wants, ordering, ordering)
            found = con.execute(query.encode(), values).fetchall()
    return found or []


def _matched(con: Any, shown: str, wanted: Filters, order: str) -> list[Any]:
    """A page of words or tags. What many have is not far along the order, what few have is sooner looked up; where
    neither is so, both are tried once more with more patience."""
    named: Named = ([], [])
    text, misspelt = wanted.matching["text"], wanted.matching["misspelt"]
    if text is not None and misspelt:
        named = _named(con, wanted)
    for further in (1, FURTHER):
        if (near := _walked(con, shown, wanted, order, LOOK * further)) is not None:
            return near
        if text is not None and not misspelt and further == 1:
            named = _named(con, wanted)
        if (found := _looked_up(con, shown, wanted, order, FEW * further, named)) is not None:
            return found
    return _walked(con, shown, wanted, order, LOOK * FURTHER**2, to_the_end=True) or []


def _named(con: Any, wanted: Filters) -> Named:
    """Audiences and names of AS organisations that have the text in them; none where they are too many. Where they are
    known a profile need not be compared with the text for that."""
    audiences, names = con.execute(
        "SELECT audiences, names FROM organisations_like(%(text)s, %(misspelt)s, %(most)s)",
        {**wanted.matching, "most": NAMES},
    ).fetchone()
    if audiences is None:
        return [], []
    wanted.values["names"] = list(set(names))
    wanted.matching_wants[0] = wanted.said
    return audiences, names


def _several(wanted: Filters) -> list[str]:
    return [f"p.{name} = ANY (%({name})s)" for name in wanted.several]


def _looked_up(
    con: Any, shown: str, wanted: Filters, order: str, most: int, named: Named = ([], [])
) -> list[Any] | None:  # fmt: skip
    """A page of what matches, found by looking it up; None where that is more than ``most``. In order of reputation an
    index gives the profiles of each AS organisation, in audiences and of names as ``named``, however many they are."""
    column, _, _, direction = _ORDERS[order]
    ordering = f"p.{column} {direction}, p.id {direction}"
    wants = " AND ".join(
        [*wanted.wants, *_several(wanted), "(%(tags)s::text[] IS NULL OR p.tags @> %(tags)s)"]
    )
    by_index = bool(named[0]) and order == "reputation"
    query = (
        "WITH found AS MATERIALIZED (SELECT matching(%(text)s, %(misspelt)s, %(tags)s, %(covering)s, %(most)s, %(order)s, %(by_name)s) AS ids), "
        f"listed AS MATERIALIZED (SELECT p.id, p.{column} FROM "
        "(SELECT l.id FROM found, unnest(found.ids) WITH ORDINALITY AS l (id, n) ORDER BY n) AS l "
        f"CROSS JOIN LATERAL (SELECT * FROM profiles p WHERE p.id = l.id AND {wants} LIMIT 1) AS p LIMIT %(limit)s), "
        # Fenced off, or an index for another condition would seem as good.
        f"named AS MATERIALIZED (SELECT p.id, p.{column} FROM unnest(%(audiences)s::uuid[], %(names)s::text[]) AS n (audience, name) "
        f"CROSS JOIN LATERAL (SELECT * FROM (SELECT * FROM profiles p WHERE p.audience = n.audience AND md5(p.as_org) = md5(n.name) "
        f"AND p.as_org = n.name AND {wanted.beyond} ORDER BY {ordering} OFFSET 0) AS p WHERE {wants} LIMIT %(limit)s) AS p), "
        f"best AS MATERIALIZED (SELECT p.id FROM (TABLE listed UNION TABLE named) AS p ORDER BY {ordering} LIMIT %(limit)s) "
        f"SELECT {shown}, found.ids IS NULL FROM found LEFT JOIN (best JOIN profiles p ON p.id = best.id) ON true ORDER BY {ordering}"
    )
    values = {**wanted.values, **wanted.matching, "most": most, "order": order, "by_name": not by_index}
    values["audiences"], values["names"] = named if by_index else ([], [])
    with _walking(con):
        found = con.execute(query.encode(), values).fetchall()
    return None if found[0][-1] else [row[:-1] for row in found if row[0] is not None]


def _walked(
    con: Any, shown: str, wanted: Filters, order: str, look: int, to_the_end: bool = False
) -> list[Any] | None:
    """A page of words or tags that many have, found by walking further and further along the order; None where it is
    likely to be far, unless one is to go ``to_the_end``."""
    limit, first = wanted.values["limit"], look
    while True:
        found, more = _among_the_first(con, shown, wanted, order, look)
        if not more or len(found) == limit:
            return found
        if not to_the_end and (look > first or len(found) * DENSE < limit):
            return None
        look *= min(10, 2 + limit // (len(found) + 1))


def _among_the_first(con: Any, shown: str, wanted: Filters, order: str, look: int) -> tuple[list[Any], bool]:
    """Of a page of words or tags that many have, what is certain among the first ``look`` of each audience, found
    without looking any of them up; and whether there may be more. An audience that has none of them is walked no
    further than the others."""
    column, _, sign, direction = _ORDERS[order]
    ordering = f"p.{column} {direction}, p.id {direction}"
    walk = (
        f"SELECT p.id, p.{column}, {' AND '.join(wanted.matching_wants)} AS hit, row_number() OVER (ORDER BY {ordering}) AS step "
        f"FROM profiles p WHERE {{}} ORDER BY {ordering} LIMIT %(look)s"
    )
    # Beyond the first of the last ones looked at there may be others, which were not.
    query = (
        f"{_MINE}, walked AS MATERIALIZED (SELECT p.* FROM {_each(wanted, wanted.wants, walk)}), "
        f"edge AS MATERIALIZED (SELECT p.{column}, p.id FROM walked p WHERE p.step = %(look)s ORDER BY {ordering} LIMIT 1), "
        f"hits AS MATERIALIZED (SELECT p.id FROM walked p WHERE p.hit AND NOT EXISTS "
        f"(SELECT FROM edge e WHERE (p.{column}, p.id) {sign} (e.{column}, e.id)) ORDER BY {ordering} LIMIT %(limit)s) "
        f"SELECT {shown}, more FROM (SELECT EXISTS (SELECT FROM edge)) AS m (more) "
        f"LEFT JOIN (hits JOIN profiles p ON p.id = hits.id) ON true ORDER BY {ordering}"
    )
    with _walking(con):
        found = con.execute(query.encode(), {**wanted.values, **wanted.matching, "look": look}).fetchall()
    return [row[:-1] for row in found if row[0] is not None], found[0][-1]


_MINE = "WITH mine AS MATERIALIZED (SELECT DISTINCT audience FROM my_audiences)"


def _each(wanted: Filters, wants: Sequence[str], walk: str) -> str:
    """One ordered walk an audience (and value, where several are wanted): an index on (audience, …) gives each in
    order, but not their union. ``walk`` leaves room for its conditions."""
    branches, conditions = "", ["p.audience = mine.audience", *wants]
    for name, kind in wanted.several.items():
        branches += f"CROSS JOIN unnest(%({name})s::{kind}[]) AS any_{name} (one) "
        conditions.append(f"p.{name} = any_{name}.one")
    return f"mine {branches}CROSS JOIN LATERAL ({walk.format(' AND '.join(conditions))}) AS p"


def _each_audience(shown: str, wanted: Filters, wants: Sequence[str], inner: str, ordering: str) -> str:
    """The best of what each walk begins with."""
    walk = f"SELECT * FROM profiles p WHERE {{}} ORDER BY {inner} LIMIT %(limit)s"
    return f"{_MINE} SELECT {shown} FROM {_each(wanted, wants, walk)} ORDER BY {ordering} LIMIT %(limit)s"


@contextmanager
def _walking(con: Any) -> Iterator[None]:
    """Without statistics, which would tell of hidden rows, the planner would sooner sort than walk."""
    con.execute("SELECT set_config('enable_sort', 'off', true), set_config('enable_bitmapscan', 'off', true)")
    yield
    con.execute("SELECT set_config('enable_sort', 'on', true), set_config('enable_bitmapscan', 'on', true)")


def _position(token: str, order: str) -> tuple[str, UUID]:
    try:
        made_for, position, key = json.loads(base64.urlsafe_b64decode(token.encode()))
        if made_for != order:
            raise ValueError(f"the page after was asked for in order of {made_for}, this is {order}")
        return str(position), UUID(key)
    except (ValueError, TypeError) as error:
        reason = str(error) if "in order of" in str(error) else "it is not one that a page gave"
        raise ValueError(f"after={token[:60]!r}: {reason}") from None
