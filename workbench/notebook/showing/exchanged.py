"""Sheets of what STIX brings and takes."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from workbench.notebook.showing.sheets import Listing, Sheet

if TYPE_CHECKING:
    from workbench.exchange.stix import Export, Imported, Matches
    from workbench.exchange.taxii.polling import Polls
    from workbench.exchange.taxii.pushing import Pushed

ROWS = 20


def export(thing: Export) -> Sheet:
    counts = Counter(value["type"] for value in thing.objects)
    return Sheet(
        f"STIX bundle for {thing.recipient}",
        [("objects", len(thing)), ("not exported", ", ".join(f"{n:,} {why}" for why, n in sorted(thing.left_out.items())))],
        [
            Listing("", ("type", "objects"), sorted(counts.items())),
            _cut("Withheld: may not go there", ("what", "level"), [(item.name, item.level) for item in thing.withheld]),
        ],
        notes=thing.notes, hint='bundle.write("bundle.json")',
    )  # fmt: skip


def imported(thing: Imported) -> Sheet:
    return Sheet(
        f"STIX from {thing.source}",
        [
            ("objects", thing.objects), ("new", thing.new), ("known already", thing.repeated), ("revoked", thing.revoked),
            ("set aside", thing.rejected_count and f"{thing.rejected_count:,}, in table stix_rejected"),
            ("referred to and not here", thing.missing_count), ("reading stopped", thing.broken),
        ],
        [
            _cut("Set aside", ("object", "id", "why"), [(p.index, p.id or "", p.reason) for p in thing.rejected], thing.rejected_count),
            _cut("Notes", ("object", "id", "note"), [(p.index, p.id or "", p.reason) for p in thing.notes]),
        ],
        hint="imported.evidence()",
    )  # fmt: skip


def matches(thing: Matches) -> Sheet:
    shown = thing.table.slice(0, ROWS).to_pylist()
    rows = [(f"{row['row']}", f"{row['time']:%Y-%m-%d %H:%M:%S}" if row["time"] else "", row["name"] or row["indicator"]) for row in shown]  # fmt: skip
    return Sheet(
        thing.summary,
        (),
        [
            Listing("", ("row", "time (UTC)", "indicator"), rows, len(thing) - len(rows)),
            _cut("Not used", ("indicator", "why"), [(item.name, item.reason) for item in thing.not_used]),
            _cut("Notes", ("indicator", "note"), [(item.name, item.reason) for item in thing.notes]),
        ],
        hint="matches.to_pandas()" if rows else "",
    )  # fmt: skip


def polls(thing: Polls) -> Sheet:
    rows = [
        (
            each.collection.title,
            each.objects,
            each.new,
            each.revoked,
            each.rejected,
            each.until or "",
            each.problem,
        )
        for each in thing.collections
    ]
    heads = ("collection", "objects", "new", "revoked", "set aside", "up to", "stopped by")
    return Sheet(f"{thing.new:,} new objects by TAXII", (), [Listing("", heads, rows)], hint="polls.evidence()" if rows else "")  # fmt: skip


def pushed(thing: Pushed) -> Sheet:
    return Sheet(
        f"{thing.taken:,} of {thing.total:,} objects taken by {thing.collection.title}",
        [("for", str(thing.recipient)), ("known there", thing.known), ("still being worked on there", thing.pending)],
        [
            _cut("Failed", ("what",), [(str(item),) for item in thing.failed]),
            _cut("Withheld: may not go there", ("what", "level"), [(item.name, item.level) for item in thing.withheld]),
        ],
    )  # fmt: skip


def _cut(caption: str, heads: tuple[str, ...], rows: list[tuple[Any, ...]], count: int | None = None) -> Listing:  # fmt: skip
    return Listing(caption, heads, rows[:ROWS], max(0, (len(rows) if count is None else count) - ROWS))
