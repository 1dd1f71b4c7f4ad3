"""Search over profiles: filters that indexes answer, pages that stay right while others write."""

from __future__ import annotations

import base64
import ipaddress
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from uuid import UUID

from workbench.secrecy import TLP
from workbench.store.enriched import FLAGS

if TYPE_CHECKING:
    from workbench.store.connection import Store

__all__ = ["Page", "search"]

T = TypeVar("T")
MOST = 1_000

_ORDERS = {
    "reputation": ("rank", "smallint", "<", "DESC"),
    "updated": ("updated_at", "timestamptz", "<", "DESC"),
    "address": ("address", "inet", ">", "ASC"),
}


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some of what was found, in order. ``next`` asks for the page after it (``after=page.next``); None: it is the last."""

    items: tuple[T, ...]
    next: str | None

    def __iter__(self) -> Iterator[T]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


def search(
    store: Store,
    columns: str,
    made: Callable[[Sequence[Any]], T],
    *,
    text: str | None = None,
    address: str | None = None,
    within: str | None = None,
    covering: str | None = None,
    country: str | Iterable[str] | None = None,
    asn: int | Iterable[int] | None = None,
    flags: Iterable[str] = (),
    verdict: str | Iterable[str] | None = None,
    threat_level: Any = None,
    reputation: tuple[int | None, int | None] | None = None,
    secrecy: TLP | str | None = None,
    investigation: UUID | None = None,
    entity: UUID | None = None,
    tag: str | Iterable[str] | None = None,
    updated_since: datetime | None = None,
    updated_until: datetime | None = None,
    own: bool = False,
    deleted: bool = False,
    order: str | None = None,
    limit: int = 50,
    after: str | None = None,
) -> Page[T]:
    """Profiles that match every filter given, a page of up to ``limit`` (1,000 at most).

    ``text`` is looked for in notes, tags, AS organisation and city: as part of a word, and with small
    misspellings; ``within`` is a network whose profiles are wanted, ``covering`` an address whose networks are;
    ``flags`` are names such as ``"is_tor"`` or ``"tor"``; ``threat_level`` is the lowest wanted; ``reputation`` a
    range with both ends, either of which may be None; ``order`` is ``reputation`` (worst first, the default),
    ``updated`` (newest first, the default with a time) or ``address``.

    Raises:
        ValueError: a filter is not understood.
    """
    wants: list[str] = ["p.deleted_at IS NOT NULL" if deleted else "p.deleted_at IS NULL"]
    values: dict[str, Any] = {}
    few: list[str] = []

    def want(condition: str, **given: Any) -> None:
        wants.append(condition)
        values.update(given)

    if address is not None:
        want("p.address = %(address)s", address=_network(address, "address"))
    if within is not None:
        network = ipaddress.ip_network(_network(within, "within"))
        want(
            "p.address BETWEEN %(lowest)s AND %(highest)s AND p.address <<= %(within)s",
            lowest=str(network),
            highest=str(network.broadcast_address),
            within=str(network),
        )
    for name, given in (("country", country), ("asn", asn), ("verdict", verdict)):
        if given is not None:
            several = [given] if isinstance(given, str | int) else list(given)
            if len(several) == 1:
                want(f"p.{name} = %({name})s", **{name: several[0]})
            else:
                want(f"p.{name} = ANY (%({name})s)", **{name: several})
    for flag in [flags] if isinstance(flags, str) else flags:
        column = flag if flag.startswith("is_") else f"is_{flag}"
        if column not in FLAGS:
            raise ValueError(f"no flag {flag!r}; there are: {', '.join(FLAGS)}")
        want(f"p.{column}")
    if threat_level is not None:
        from workbench.store.profile import ThreatLevel

        lowest = ThreatLevel.parse(threat_level)
        want("p.threat_level = ANY (%(threats)s)", threats=list(range(lowest, 5)))
    if reputation is not None:
        low, high = reputation
        want("p.rank BETWEEN %(low)s AND %(high)s", low=low if low is not None else 0, high=high if high is not None else 100)  # fmt: skip
    if secrecy is not None:
        want("p.secrecy = %(secrecy)s", secrecy=int(TLP.parse(secrecy)))
    if updated_since is not None:
        want("p.updated_at >= %(since)s", since=updated_since)
    if updated_until is not None:
        want("p.updated_at < %(until)s", until=updated_until)
    if own:
        want("p.owner = (SELECT organisation FROM members WHERE role = current_user)")
    if text is not None or tag is not None or covering is not None:
        from workbench.store.profile import clean_tags

        few.append("SELECT matching(%(text)s, %(tags)s, %(covering)s)")
        values.update(
            text=text.strip() or None if text is not None else None,
            tags=clean_tags(tag) if tag is not None else None,
            covering=_network(covering, "covering") if covering is not None else None,
        )
        if values["text"] is not None and len(values["text"]) > 200:
            raise ValueError("the text to look for has up to 200 characters")
    if investigation is not None:
        few.append("SELECT profile FROM investigation_profiles WHERE investigation = %(investigation)s")
        values["investigation"] = investigation
    if entity is not None:
        few.append("SELECT profile FROM entity_profiles WHERE entity = %(entity)s")
        values["entity"] = entity

    timed = updated_since is not None or updated_until is not None
    chosen = order or ("updated" if timed else "address" if within is not None else "reputation")
    if chosen not in _ORDERS:
        raise ValueError(f"no order {chosen!r}; there are: {', '.join(_ORDERS)}")
    column, kind, sign, direction = _ORDERS[chosen]
    if not 1 <= limit <= MOST:
        raise ValueError(f"limit is 1 to {MOST}, not {limit}")
    if after is not None:
        values["after"], values["after_id"] = _position(after, chosen)
        want(f"(p.{column}, p.id) {sign} (%(after)s::{kind}, %(after_id)s::uuid)")
    values["limit"] = limit + 1

    ordering = f"p.{column} {direction}, p.id {direction}"
    condition = " AND ".join(wants)
    key = f"p.{column}::text AS position"
    if few:
        ids = " INTERSECT ".join(few)
        query = (
            f"SELECT {columns}, {key} FROM (SELECT DISTINCT * FROM ({ids}) AS f (id)) AS f JOIN profiles p ON p.id = f.id "
            f"WHERE {condition} ORDER BY {ordering} LIMIT %(limit)s"
        )
    else:
        # One ordered walk an audience, of which the best are taken: an index on (audience, …) gives each in
        # order, but not their union.
        keep = (
            f"p.{column}" if not (within is not None and chosen != "address") else f"nullif(p.{column}, NULL)"
        )
        inner = f"{keep} {direction}, p.id {direction}"
        query = (
            f"WITH mine AS MATERIALIZED (SELECT DISTINCT audience FROM my_audiences) SELECT {columns}, {key} FROM mine "
            f"CROSS JOIN LATERAL (SELECT * FROM profiles p WHERE p.audience = mine.audience AND {condition} "
            f"ORDER BY {inner} LIMIT %(limit)s) AS p ORDER BY {ordering} LIMIT %(limit)s"
        )

    def work(con: Any) -> list[Any]:
        rows: list[Any] = con.execute(query.encode(), values).fetchall()
        secret = [row[0] for row in rows[:limit] if row[3] >= TLP.AMBER]
        if secret:
            con.execute("SELECT note_rows_read('profiles', %s, 'search')", (secret,))
        return rows

    rows = store.run("search", work)
    following = None
    if len(rows) > limit:
        last = rows[limit - 1]
        following = base64.urlsafe_b64encode(json.dumps([chosen, last[-1], str(last[0])]).encode()).decode()
    return Page(tuple(made(row[:-1]) for row in rows[:limit]), following)


def _position(token: str, order: str) -> tuple[str, UUID]:
    try:
        made_for, position, key = json.loads(base64.urlsafe_b64decode(token.encode()))
        if made_for != order:
            raise ValueError(f"the page after was asked for in order of {made_for}, this is {order}")
        return str(position), UUID(key)
    except (ValueError, TypeError) as error:
        reason = str(error) if "in order of" in str(error) else "it is not one that a page gave"
        raise ValueError(f"after={token[:60]!r}: {reason}") from None


def _network(text: str, name: str) -> str:
    try:
        return str(ipaddress.ip_network(text.strip(), strict=False))
    except ValueError:
        raise ValueError(f"{name}={text[:60]!r} is no IP address and no network") from None
