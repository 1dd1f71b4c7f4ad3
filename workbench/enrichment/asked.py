"""Judge one address by its lists and by what providers were asked, with the one formula there is.

The rows of the lists over the address and the findings of the providers are put together as a snapshot of one
address, and :func:`workbench.enrichment.reputation.judge` judges that. Lists are as old as they were for the
snapshot; a finding is as old as it is now, so an answer from the cache ages. Asking more can thus never
make a list weigh less; what may lower a reputation is shared infrastructure, and that a Tor exit whom anybody
blames counts as shared.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from workbench.addresses.special import SCOPES
from workbench.addresses.text import numbers_of
from workbench.enrichment.reasons import sentences
from workbench.enrichment.reputation import FLAGS, VERDICTS, judge, weights
from workbench.intel.network_type import NETWORK_TYPES
from workbench.intel.providers.provider import Answer
from workbench.intel.snapshot import Snapshot, SnapshotSource
from workbench.intel.source import Category

__all__ = ["judged_with"]


class _OneAddress(Snapshot):
    """A snapshot in memory: the rows of evidence over one address, and the sources of all."""

    def __init__(
        self, of: Snapshot, sources: tuple[SnapshotSource, ...], evidence: pa.Table, arrays: dict[str, NDArray[Any]]
    ) -> None:  # fmt: skip
        self.path: Path = of.path
        self.id, self.as_of, self.sources = of.id, of.as_of, sources
        self.evidence = evidence
        self._arrays = arrays

    def array(self, name: str) -> NDArray[Any]:
        return self._arrays[name]


def judged_with(
    snapshot: Snapshot, rows: NDArray[np.int32], record: dict[str, Any], answers: Sequence[Answer]
) -> tuple[dict[str, Any], list[tuple[SnapshotSource, dict[str, Any], float]]]:
    """The columns that a verdict is made of, and the rows of evidence with source and weight, of the findings alone.

    ``rows`` are those of ``snapshot.evidence`` over the address, ``record`` its enriched row.
    """
    now = datetime.now(UTC)
    of_lists = snapshot.evidence.take(pa.array(rows)).to_pylist()
    counted = _most_observers(snapshot)  # outside the set: they tell which sources count observers
    sources, said = list(snapshot.sources), []
    for answer in answers:
        if answer.findings and answer.retrieved is not None:
            said += [_row(answer, finding, len(sources)) for finding in answer.findings]
            sources.append(_source(answer))
    aged = []
    for row in said:
        seen = row["last_seen"] or sources[row["source"]].published or now
        aged.append({**row, "last_seen": snapshot.as_of - max(now - seen, timedelta(0))})
    members = len(of_lists) + len(said)
    arrays: dict[str, NDArray[Any]] = {
        "judged": np.array(
            [[1, NETWORK_TYPES.index(record["network_type"] or "unknown"), SCOPES.index(record["scope"])]], np.int32
        ),
        "set_offsets": np.array([0, 0, members], np.int64),
        "set_items": np.arange(members, dtype=np.int32),
    }  # fmt: skip

    def one(findings: list[dict[str, Any]]) -> _OneAddress:
        table = pa.Table.from_pylist([*of_lists, *findings, *counted], schema=snapshot.evidence.schema)
        return _OneAddress(snapshot, tuple(sources), table, arrays)

    judgement = judge(one(aged))
    weight = weights(one(aged))[:members]
    flags, reputation, verdict, _ = (int(code) for code in judgement.codes[0])
    shown = one(said)  # the same with the dates as they are
    spoken, at = sentences(shown, arrays["judged"], _codes(shown.evidence), weight)
    columns = {
        **{name: bool(flags >> bit & 1) for bit, name in enumerate(FLAGS)},
        "reputation": reputation,
        "confidence": float(judgement.confidence[0]),
        "verdict": VERDICTS[verdict],
        "reasons": spoken[int(at[0])].as_py(),
    }
    return columns, [
        (sources[row["source"]], row, float(w)) for row, w in zip(said, weight[len(of_lists) :], strict=True)
    ]


def _most_observers(snapshot: Snapshot) -> list[dict[str, Any]]:
    """For each source that has evidence its row of the highest level."""
    source = numbers_of(snapshot.evidence.column("source"))
    level = numbers_of(snapshot.evidence.column("level").cast(pa.int64()))
    order = np.lexsort((level, source))
    last = np.flatnonzero(np.diff(source[order], append=-1) != 0)
    found: list[dict[str, Any]] = snapshot.evidence.take(pa.array(order[last])).to_pylist()
    return found


def _codes(evidence: pa.Table) -> NDArray[np.int64]:
    names = [str(category) for category in Category]
    return np.array([names.index(name) for name in evidence.column("category").to_pylist()], np.int64)


def _row(answer: Answer, finding: Any, source: int) -> dict[str, Any]:
    return {
        "category": str(finding.category),
        "label": finding.label,
        "level": 1,
        "confidence": finding.confidence,
        "first_seen": finding.first_seen,
        "last_seen": finding.last_seen,
        "note": finding.note,
        "source": source,
        "entry": f"{answer.address}/{128 if ':' in answer.address else 32}",
    }


def _source(answer: Answer) -> SnapshotSource:
    """The provider as a source. Without category and entries: it is no list that would have named others."""
    return SnapshotSource(
        id=answer.provider,
        title=answer.title,
        layers=("membership",),
        category=None,
        reliability=str(answer.reliability),
        licence=answer.terms,
        attribution=answer.title,
        homepage=None,
        published=answer.retrieved,
        fetched=answer.retrieved,
        sha256="",
        entries=0,
        rejected=0,
    )
