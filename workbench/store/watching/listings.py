"""What new intel lists in places that are watched."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from workbench.intel.home import home

if TYPE_CHECKING:
    import pyarrow as pa

    from workbench.intel.snapshot import Snapshot
    from workbench.store.connection import Store
    from workbench.store.watching.alerts import Watchlist

__all__ = ["check"]

HOSTILE = ("attacker", "abuser", "tor", "vpn", "proxy")
"""Categories of a listing that are worth an alert."""

BATCH = 5_000
"""Listings that go to the server at once: a watched country may have a hundred thousand."""


def check(store: Store, watchlists: Sequence[Watchlist], before: Any, after: Any) -> int:
    """See :meth:`workbench.store.watching.alerts.Watchlists.check`."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from workbench.intel import timeline

    new = _opened(after)
    old = _opened(before) if before is not None else _last(store, new)
    raised = 0
    mine = store.me.organisation.name
    watched = [w for w in watchlists if w.owner == mine and (w.network or w.asn or w.country)]
    if watched and old is not None and old.id != new.id:
        found = timeline.diff(old, new)
        listed = found.listed.filter(pc.is_in(found.listed.column("category"), pa.array(HOSTILE)))
        dates = {row["source"]: _between(row, old, new) for row in found.sources.to_pylist()}
        for watch, rows in _within(watched, listed, new):
            raised += _raise(store, watch, listed.take(rows), dates)
    if before is None and after is None:
        _remember(store, new)
    return raised


def _within(watched: list[Watchlist], listed: pa.Table, new: Snapshot) -> list[tuple[Watchlist, list[int]]]:
    """Rows of ``listed`` in each; a range is in an AS or country by its first address."""
    from workbench.addresses.overlaps import overlaps
    from workbench.addresses.text import parse_networks
    from workbench.enrichment import open_engine

    rows: dict[int, list[int]] = {n: [] for n in range(len(watched))}
    entries = listed.column("entry").to_pylist()
    networks = [n for n, watch in enumerate(watched) if watch.network]
    for n, row in overlaps(parse_networks([watched[n].network for n in networks]), parse_networks(entries)):
        rows[networks[n]].append(row)
    if len(networks) < len(watched):
        firsts = [entry.partition("/")[0].partition("-")[0].strip() for entry in entries]
        table = open_engine(new).enrich(firsts)
        for name in ("asn", "country"):
            column = table.column(name).to_pylist()
            for n, watch in enumerate(watched):
                wanted = getattr(watch, name)
                if wanted is not None:
                    rows[n].extend(row for row, value in enumerate(column) if value == wanted)
    return [(watched[n], found) for n, found in rows.items() if found]


def _raise(store: Store, watch: Watchlist, listed: pa.Table, dates: dict[str, Any]) -> int:
    raised = 0
    for start in range(0, listed.num_rows, BATCH):
        rows = listed.slice(start, BATCH).to_pylist()
        values = (
            watch.id,
            [f"{row['source']} {row['category']} {row['entry']}" for row in rows],
            [dates[row["source"]][0] for row in rows],
            [dates[row["source"]][1] for row in rows],
            [f"{_short(row['entry'])} in {watch.name}: listed as {row['category']} by {row['source']}" for row in rows],
        )  # fmt: skip

        def work(con: Any, values: Any = values) -> int:
            query = "SELECT raise_listings(%s, %s, %s::timestamptz[], %s::timestamptz[], %s)"
            return int(con.execute(query, values).fetchone()[0])

        raised += store.run("alerts", work)
    return raised


def _between(source: dict[str, Any], old: Snapshot, new: Snapshot) -> tuple[datetime | None, datetime]:
    """When a source was seen without what it lists now, and when with it; without a source nothing was seen."""
    earlier = None if source["status"] == "added" else source["before"] or old.as_of
    return earlier, source["after"] or new.as_of


def _short(entry: str) -> str:
    return entry.removesuffix("/128" if ":" in entry else "/32")


def _last(store: Store, new: Snapshot) -> Snapshot | None:
    """The snapshot that this was last done for, or the newest before it that is still there; the first time
    the one before the current."""
    from workbench.intel import library

    last, ids = _remembered().get(_key(store)), library.snapshot_ids()
    if last not in ids:
        older = ids[: ids.index(new.id)] if new.id in ids else ids
        last = next((name for name in reversed(older) if not last or name[:10] <= last[:10]), None)
    return library.open_snapshot(last) if last else None


def _opened(which: Any) -> Snapshot:
    from workbench.intel import library
    from workbench.intel.snapshot import Snapshot

    return which if isinstance(which, Snapshot) else library.open_snapshot(which)


def _remember(store: Store, snapshot: Snapshot) -> None:
    known = {**_remembered(), _key(store): snapshot.id}
    path = home() / "checked.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(f".{os.getpid()}")
    fresh.write_text(json.dumps(known), encoding="utf-8")
    fresh.replace(path)


def _remembered() -> dict[str, str]:
    try:
        found = json.loads((home() / "checked.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _key(store: Store) -> str:
    ((store_id,),) = store.rows("the store", "SELECT id::text FROM store")
    return f"{store_id}/{store.organisation_id}"
