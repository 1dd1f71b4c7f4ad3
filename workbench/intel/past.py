"""What one snapshot says of one address, in the words of its history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from workbench.intel.snapshot import Snapshot

__all__ = ["Listed", "Located", "said_by"]


@dataclass(frozen=True, slots=True)
class Listed:
    """An entry of a source that covered the address in snapshots from ``first`` to ``last`` without a gap."""

    source: str
    title: str
    category: str
    label: str
    entry: str
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class Located:
    """Where and whose the address was in snapshots from ``first`` to ``last``."""

    country: str | None
    asn: int | None
    as_org: str | None
    prefix: str | None
    first: datetime
    last: datetime


def said_by(snapshot: Snapshot, version: int, high: int, low: int) -> tuple[list[Listed], Located]:
    """The entries over an address, given as its family and 64-bit halves, and where and whose it was."""
    when = snapshot.as_of
    place, whose, judged, prefix = (
        int(v) for v in snapshot.array("rows")[snapshot.row_of(version, high, low)]
    )
    rows = snapshot.evidence_rows(int(snapshot.array("judged")[judged, 0]))
    listed = [
        Listed(
            snapshot.sources[item["source"]].id, snapshot.sources[item["source"]].title, item["category"],
            item["label"] or "", item["entry"], when, when,
        )
        for item in snapshot.evidence.take(pa.array(rows)).to_pylist()
    ]  # fmt: skip
    asn, org = (int(value) for value in snapshot.array("network")[whose][:2])
    located = Located(
        _text(snapshot, "country", int(snapshot.array("geo")[place][0])),
        asn & 0xFFFFFFFF or None,
        _text(snapshot, "as_org", org),
        _text(snapshot, "prefix", prefix),
        when,
        when,
    )
    return listed, located


def _text(snapshot: Snapshot, name: str, code: int) -> str | None:
    text: str | None = snapshot.strings(name)[code].as_py() if code >= 0 else None
    return text
