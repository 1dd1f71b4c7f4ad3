"""The card of what was looked up: what there is to know is gathered here, and laid out by :mod:`~workbench.notebook.cards.card`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from workbench.intel import SnapshotError, library, timeline
from workbench.notebook.cards.card import Card, Section
from workbench.notebook.cards.listings import spans_of
from workbench.notebook.showing.sheets import Sheet, page
from workbench.notebook.showing.tree import tag

if TYPE_CHECKING:
    from workbench.enrichment import Intel
    from workbench.intel import Snapshot

__all__ = ["attributions_of", "intel_bundle", "intel_card", "intel_sheet", "listed_before", "opened"]


def intel_bundle(record: Intel) -> dict[str, Any]:
    """What a notebook shows of a record."""
    return {"text/html": page(intel_card(record).tree()), "text/markdown": intel_sheet(record).markdown()}


def intel_card(record: Intel) -> Card:
    """The card of a record: its evidence with that of earlier snapshots, and what providers answered."""
    snapshot = opened(record.snapshot)
    return Card(
        record,
        spans_of(record.evidence, listed_before(record.address)),
        snapshot.as_of if snapshot else None,
        sections=_answered(record),
        attributions=attributions_of(snapshot),
    )


def intel_sheet(record: Intel) -> Sheet:
    """The same in plain facts."""
    return Sheet(record.address or "not an address", [pair for pair in record._facts() if pair[0] != "verdict"], verdict=record.verdict)  # fmt: skip


def opened(name: str | None) -> Snapshot | None:
    """The snapshot of that id, where this machine still has it."""
    try:
        return library.open_snapshot(name) if name in library.snapshot_ids() else None
    except SnapshotError:
        return None


def listed_before(address: str | None) -> Sequence[timeline.Listed]:
    """Who listed the address in the snapshots of this machine."""
    if address is None:
        return ()
    try:
        return timeline.history(address).listed
    except (ValueError, SnapshotError):  # a network, or nothing that has a history
        return ()


def attributions_of(snapshot: Snapshot | None) -> list[tuple[str, str | None]]:
    """Whom to name for where the address is, as their licences ask."""
    sources = [source for source in snapshot.sources if "geo" in source.layers] if snapshot else []
    return [(source.attribution, source.homepage) for source in sources if source.attribution]


def _answered(record: Intel) -> list[Section]:
    from workbench.enrichment.record import told

    rows = [tag("li", tag("b", answer.provider), ": ", tag("bdi", told(answer))) for answer in record.answers]  # fmt: skip
    return [Section("Asked", tag("ul", rows))] if rows else []
