"""The state of the intel itself: how old its sources are, and what changed since the snapshot before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from workbench.intel import Snapshot, SnapshotError

__all__ = ["Change", "health_of", "newly_listed"]

MOST = 500


@dataclass(frozen=True, slots=True)
class Change:
    """What came and went since the snapshot ``before``; None: there is none before."""

    before: str | None
    listed: list[dict[str, Any]]
    unlisted: list[dict[str, Any]]
    sources: list[dict[str, Any]]


def health_of(snapshot: Snapshot, stale_days: int, now: datetime | None = None) -> list[dict[str, Any]]:
    """A row a source, the oldest first: what it is, ``age`` in days, and ``state``: failing, stale, undated or fresh."""
    from workbench.intel.refresh import last_failures

    failed = {failure.id: failure for failure in last_failures()}
    moment = now or datetime.now(UTC)
    rows = []
    for source in snapshot.sources:
        age = (moment - source.as_of).days if source.as_of else None
        error = failed[source.id].reason if source.id in failed else ""
        state = "failing" if error else "undated" if age is None else "stale" if age > stale_days else "fresh"
        rows.append({
            "id": source.id, "title": source.title, "state": state, "age": age, "as_of": source.as_of, "error": error, "entries": source.entries,
            "rejected": source.rejected, "reliability": source.reliability, "licence": source.licence, "category": source.category,
        })  # fmt: skip
    return sorted(rows, key=lambda row: (-(row["age"] if row["age"] is not None else 1e9), row["id"]))


def newly_listed(snapshot: Snapshot) -> Change:
    """What a snapshot has that the one before it, on this machine, had not."""
    from workbench.intel import library, timeline

    ids = library.snapshot_ids()
    earlier = ids[: ids.index(snapshot.id)] if snapshot.id in ids else []
    for name in reversed(earlier):
        try:
            before = library.open_snapshot(name)
            found = timeline.diff(before, snapshot)
        except (SnapshotError, OSError):
            continue
        return Change(
            before.id, found.listed.to_pylist(), found.unlisted.to_pylist(), found.sources.to_pylist()
        )
    return Change(None, [], [], [])
