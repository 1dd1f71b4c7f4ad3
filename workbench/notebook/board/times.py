"""When the addresses of a triage were met: hits in equal steps of time, out of a case or a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from workbench._sql import identifier
from workbench.addresses.text import parse, string_column, to_text
from workbench.notebook.intake.condensed import in_utc
from workbench.notebook.intake.roles import MOMENTS

if TYPE_CHECKING:
    from workbench.case import Origin

__all__ = ["Met", "Times", "met_in_case", "times_of"]

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_STEPS = (
    1, 2, 5, 10, 15, 30, *(n * _MINUTE for n in (1, 2, 5, 10, 15, 30)), *(n * _HOUR for n in (1, 2, 3, 6, 12)),
    *(n * _DAY for n in (1, 2, 7, 14, 30, 90, 365)),
)  # fmt: skip
_MOST_BINS, _MOST_EVENTS, _MOST_CELLS = 120, 2_000_000, 50_000_000
_FINE, _MANY = 2400, 1_000_000
"""Steps in the time of a table, finer than the bins that come of them; of one with many rows no finer."""


class Met(NamedTuple):
    """What a log has of its addresses: the distinct ones, as they are written there; and an entry for each time one was
    met: which (-1: none), the second since 1970 (NaN: not known), and how many hits. ``step`` are the seconds within which
    entries were put together; 0 where they were not."""

    addresses: Any
    which: NDArray[np.int64]
    seconds: NDArray[np.float64]
    hits: NDArray[np.int64]
    step: float = 0

    @classmethod
    def of(cls, column: Any, seconds: NDArray[np.float64]) -> Met:
        """Of a column of addresses with an entry a row."""
        texts = string_column(column)
        chunked = pa.chunked_array([texts]) if isinstance(texts, pa.Array) else texts
        if not pa.types.is_dictionary(chunked.type):
            chunked = chunked.dictionary_encode()
        coded = chunked.unify_dictionaries().combine_chunks()
        if isinstance(coded, pa.ChunkedArray):
            coded = pa.concat_arrays(coded.chunks) if coded.num_chunks else pa.array([], coded.type)
        which = pc.fill_null(coded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
        return cls(coded.dictionary, which, seconds, np.ones(len(which), np.int64))


@dataclass(frozen=True, slots=True)
class Times:
    """``hits`` of the address in ``row`` within ``bin``, one entry a pair, ordered by both. Bin ``b`` begins at
    ``start + b * step``, seconds since 1970; ``first`` and ``last`` are moments of each address, NaN where none."""

    start: float
    step: float
    bins: int
    row: NDArray[np.uint32]
    bin: NDArray[np.uint16]
    hits: NDArray[np.uint32]
    first: NDArray[np.float64]
    last: NDArray[np.float64]

    def table(self) -> pa.Table:
        """The entries as the browser takes them."""
        return pa.table({"row": self.row, "bin": self.bin, "hits": self.hits})


def met_in_case(origin: Origin) -> Iterator[Met]:
    """The tables of a case that have a time, condensed by DuckDB: an address is handed over once, with its steps of time."""
    for name, column in origin.columns:
        relation = origin.case.con.table(name)
        kinds = dict(zip(relation.columns, map(str, relation.types), strict=True))
        lower = {each.lower(): each for each in relation.columns}
        moment = next((lower[m] for m in MOMENTS if m in lower and kinds[lower[m]].startswith(("TIMESTAMP", "DATE"))), None)  # fmt: skip
        if moment is None:
            continue
        rows = relation.project(
            f"{identifier(column)}::VARCHAR AS address, epoch_us({in_utc(moment, kinds[moment])}) AS us"
        )
        rows = rows.filter("address IS NOT NULL AND us IS NOT NULL")
        low, high, count, distinct = rows.aggregate("min(us), max(us), count(*), approx_count_distinct(address)").fetchall()[0]  # fmt: skip
        if not count:
            continue
        most = _FINE if count <= _MANY else max(24, min(_MOST_BINS, _MOST_EVENTS // distinct))
        step = _step((high - low) / 1e6, most)
        within = f"us // {int(step * 1e6)}"
        steps = rows.aggregate(f"address, {within} AS step, min(us) AS first, max(us) AS last, count(*) AS hits", f"address, {within}")  # fmt: skip
        table = steps.aggregate("address, list(first) AS moments, list(hits) AS hits, max(last) AS last", "address").to_arrow_table()  # fmt: skip
        whole = table.combine_chunks()
        moments, hits = (whole.column(each).combine_chunks() for each in ("moments", "hits"))
        which = np.repeat(np.arange(len(whole)), np.diff(moments.offsets.to_numpy()))
        # With no hits of its own: of the last step the first moment is known, of the address the last one.
        yield Met(
            whole.column("address").combine_chunks(),
            np.concatenate([which, np.arange(len(whole))]),
            np.concatenate([moments.flatten().to_numpy(), whole.column("last").to_numpy()]) / 1e6,
            np.concatenate([hits.flatten().to_numpy(), np.zeros(len(whole), np.int64)]),
            step,
        )


def times_of(parts: Iterable[Met], addresses: pa.ChunkedArray) -> Times | None:
    """The hits of ``addresses`` (canonical, distinct) over time; ``None`` where no time is known of any."""
    whole = addresses.combine_chunks()
    given = list(parts)
    met = [part for part in (_known(each, whole) for each in given) if len(part[0])]
    if not met:
        return None
    row, seconds, hits = (np.concatenate(column) for column in zip(*met, strict=True))
    low, high = float(seconds.min()), float(seconds.max())
    step = max([_step(high - low, _MOST_BINS), *(part.step for part in given)])
    while True:
        start = np.floor(low / step) * step
        bins = int((high - start) // step) + 1
        cells = row * bins + ((seconds - start) // step).astype(np.int64)
        keys, sums = _summed(cells, hits, len(addresses) * bins)
        if (len(keys) <= _MOST_EVENTS or bins == 1) and bins <= _MOST_BINS:
            break
        step *= 2
    first, last = (np.full(len(addresses), np.nan) for _ in range(2))
    order = np.argsort(seconds, kind="stable")
    last[row[order]] = seconds[order]
    first[row[order[::-1]]] = seconds[order[::-1]]
    return Times(
        float(start), step, bins, (keys // bins).astype(np.uint32), (keys % bins).astype(np.uint16),
        np.minimum(sums, 2**32 - 1).astype(np.uint32), first, last,
    )  # fmt: skip


def _step(seconds: float, most: int) -> float:
    """The finest step that makes at most so many of a time."""
    return float(next((step for step in _STEPS if seconds / step <= most - 1), _STEPS[-1]))


def _known(met: Met, addresses: pa.Array) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
    """Of the entries with a time and with one of the addresses, however it is written: which, when, how many."""
    written = to_text(parse(met.addresses))
    rows = pc.fill_null(pc.index_in(written, value_set=addresses), -1).to_numpy(zero_copy_only=False)
    row = np.append(rows, -1)[met.which].astype(np.int64)
    kept = (row >= 0) & np.isfinite(met.seconds)
    return row[kept], met.seconds[kept], met.hits[kept]


def _summed(keys: NDArray[np.int64], hits: NDArray[np.int64], most: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:  # fmt: skip
    """The distinct keys below ``most``, and the hits of each."""
    if most > _MOST_CELLS:
        found, at = np.unique(keys, return_inverse=True)
        return found, np.asarray(np.bincount(at, hits, len(found)), np.float64)
    there = np.zeros(most, bool)
    there[keys] = True
    found = np.flatnonzero(there)
    return found, np.asarray(np.bincount(keys, hits, most)[found], np.float64)
