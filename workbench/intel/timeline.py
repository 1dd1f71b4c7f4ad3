"""What was known when: one address through all snapshots on disk, and two snapshots against each other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from workbench.addresses.text import parse
from workbench.intel.condensed import Condensed
from workbench.intel.home import home
from workbench.intel.library import condensed_folder, open_snapshot, snapshot_ages
from workbench.intel.past import Listed, Located, said_by
from workbench.intel.snapshot import Snapshot, SnapshotError

__all__ = ["Difference", "History", "Listed", "Located", "diff", "history"]

Which = Snapshot | str | date | datetime | None


@dataclass(frozen=True, slots=True)
class History:
    """An address through time, oldest first; ``snapshots`` are the ids that were asked, ``unread`` those that are damaged."""

    address: str
    listed: tuple[Listed, ...]
    located: tuple[Located, ...]
    snapshots: tuple[str, ...]
    unread: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = [f"{self.address} in {len(self.snapshots)} snapshot{'' if len(self.snapshots) == 1 else 's'}"]
        for place in self.located:
            network = f"AS{place.asn} {place.as_org or ''}".strip() if place.asn else "no AS known"
            lines.append(
                f"  {_span(place)}  {place.country or '--'}  {network}  {place.prefix or ''}".rstrip()
            )
        lines += [
            f"  {_span(item)}  {item.category} {item.label}".rstrip() + f": {item.entry}, {item.title}"
            for item in self.listed
        ]
        if not self.listed:
            lines.append("  on no list in any of them")
        if self.unread:
            lines.append(f"  not read, for they are damaged: {', '.join(self.unread)}")
        return "\n".join(lines)

    __repr__ = __str__


def _span(item: Listed | Located) -> str:
    return f"{item.first:%Y-%m-%d} – {item.last:%Y-%m-%d}"


def history(address: str) -> History:
    """Which sources listed ``address``, from when to when, and where and whose it was then.

    Dates are those of the snapshots; an entry that vanishes and comes back gives two rows. Damaged
    snapshots are passed over and named; condensed ones (:func:`workbench.intel.prune`) answer as whole ones do.

    Raises:
        ValueError: ``address`` is no IP address.
    """
    parsed = parse([address])
    version, high, low = int(parsed.version[0]), int(parsed.high[0]), int(parsed.low[0])
    if not version:
        raise ValueError(f"{address!r} is not an IP address")
    asked, unread = [], []
    open_listings: dict[tuple[str, ...], Listed] = {}
    listed: list[Listed] = []
    located: list[Located] = []
    for _, name in snapshot_ages(condensed=True):
        try:
            said, place = _said(name, version, high, low)
        except SnapshotError:
            unread.append(name)
            continue
        asked.append(name)
        now = {(item.source, item.category, item.label, item.entry): item for item in said}
        listed += [item for key, item in open_listings.items() if key not in now]
        open_listings = {
            key: replace(open_listings[key], last=item.last) if key in open_listings else item
            for key, item in now.items()
        }
        if located and replace(located[-1], first=place.first, last=place.last) == place:
            located[-1] = replace(located[-1], last=place.last)
        else:
            located.append(place)
    listed += open_listings.values()
    listed.sort(key=lambda item: (item.first, item.source, item.entry))
    return History(address, tuple(listed), tuple(located), tuple(asked), tuple(unread))


def _said(name: str, version: int, high: int, low: int) -> tuple[list[Listed], Located]:
    whole = home() / "snapshots" / name
    if whole.is_dir():
        return said_by(Snapshot(whole), version, high, low)
    return Condensed(condensed_folder() / name).said(version, high, low)


@dataclass(frozen=True, slots=True)
class Difference:
    """What changed from ``before`` to ``after``.

    ``sources`` has a row a source: ``source, status`` (added, removed, changed, same) ``, before, after`` (dates),
    ``entries_before, entries_after, listed, unlisted``. ``listed`` and ``unlisted`` are the membership entries that
    came and went: ``source, category, label, entry``.
    """

    before: str
    after: str
    sources: pa.Table
    listed: pa.Table
    unlisted: pa.Table

    def __str__(self) -> str:
        lines = [f"{self.before} → {self.after}"]
        for row in self.sources.to_pylist():
            if row["status"] == "same":
                continue
            counts = f"{row['entries_before'] or 0:,} → {row['entries_after'] or 0:,} entries"
            lines.append(
                f"  {row['source']}: {row['status']}, {counts}, +{row['listed']:,} −{row['unlisted']:,} listed"
            )
        return "\n".join(lines if len(lines) > 1 else [*lines, "  nothing changed"])

    __repr__ = __str__


def diff(before: Which, after: Which = None) -> Difference:
    """Compare two snapshots: their sources, and the membership entries that came and went.

    Each is a snapshot, an id or a date (the newest at or before it); ``after`` is the current one by default.

    Raises:
        SnapshotError: there is no such snapshot, or only its history is left.
    """
    before, after = (s if isinstance(s, Snapshot) else open_snapshot(s) for s in (before, after))
    old, new = _entries(before), _entries(after)
    keys = ["source", "category", "label", "entry"]
    listed = new.join(old, keys, join_type="left anti").sort_by([(k, "ascending") for k in keys])
    unlisted = old.join(new, keys, join_type="left anti").sort_by([(k, "ascending") for k in keys])
    came, went = (_counts(table) for table in (listed, unlisted))
    first, second = ({source.id: source for source in snapshot.sources} for snapshot in (before, after))
    rows: list[dict[str, Any]] = []
    for name in sorted(first.keys() | second.keys()):
        a, b = first.get(name), second.get(name)
        status = (
            "added"
            if a is None
            else "removed"
            if b is None
            else "same"
            if a.sha256 == b.sha256
            else "changed"
        )
        rows.append({
            "source": name,
            "status": status,
            "before": a.as_of if a else None,
            "after": b.as_of if b else None,
            "entries_before": a.entries if a else None,
            "entries_after": b.entries if b else None,
            "listed": came.get(name, 0),
            "unlisted": went.get(name, 0),
        })  # fmt: skip
    return Difference(before.id, after.id, pa.Table.from_pylist(rows), listed, unlisted)


def _entries(snapshot: Snapshot) -> pa.Table:
    table = snapshot.entries()
    return pa.table({
        "source": table.column("source"),
        "category": table.column("category").cast(pa.string()),
        "label": pc.fill_null(table.column("label").cast(pa.string()), ""),
        "entry": table.column("entry"),
    })  # fmt: skip


def _counts(table: pa.Table) -> dict[str, int]:
    return {row["values"]: row["counts"] for row in table.column("source").value_counts().to_pylist()}
