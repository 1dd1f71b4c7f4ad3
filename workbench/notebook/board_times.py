"""When the addresses of a triage were met: hits in equal steps of time, out of a case or a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from workbench.addresses.text import parse, string_column, to_text
from workbench.notebook.activity import seconds_of
from workbench.notebook.condensed import condensed
from workbench.notebook.intake import MOMENTS, Roles

if TYPE_CHECKING:
    from workbench.case import Origin

__all__ = ["Met", "Times", "met_in_case", "times_of"]

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_STEPS = (
    1, 2, 5, 10, 15, 30, *(n * _MINUTE for n in (1, 2, 5, 10, 15, 30)), *(n * _HOUR for n in (1, 2, 3, 6, 12)),
    *(n * _DAY for n in (1, 2, 7, 14, 30, 90, 365)),
)  # fmt: skip
_MOST_BINS, _MOST_EVENTS = 120, 2_000_000


class Met(NamedTuple):
    """Rows of a log: addresses as they are written there, seconds since 1970 (NaN: not known), and how many hits."""

    addresses: Any
    seconds: NDArray[np.float64]
    hits: NDArray[np.int64]


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
    """The rows of the tables of a case that have a time, condensed by DuckDB."""
    for name, column in origin.columns:
        relation = origin.case.con.table(name)
        kinds = dict(zip(relation.columns, map(str, relation.types), strict=True))
        lower = {each.lower(): each for each in relation.columns}
        moment = next((lower[m] for m in MOMENTS if m in lower and kinds[lower[m]].startswith(("TIMESTAMP", "DATE"))), None)  # fmt: skip
        if moment is None:
            continue
        table = condensed(relation, Roles(column, None, moment, None, ()))
        yield Met(table.column(column), seconds_of(table.column(moment)), table.column("hits").to_numpy())


def times_of(parts: Iterable[Met], addresses: pa.ChunkedArray) -> Times | None:
    """The hits of ``addresses`` (canonical, distinct) over time; ``None`` where no time is known of any."""
    met = [part for part in (_known(each, addresses) for each in parts) if len(part[0])]
    if not met:
        return None
    row, seconds, hits = (np.concatenate(column) for column in zip(*met, strict=True))
    low, high = float(seconds.min()), float(seconds.max())
    step = float(next((s for s in _STEPS if (high - low) / s <= _MOST_BINS - 1), _STEPS[-1]))
    while True:
        start = np.floor(low / step) * step
        bins = int((high - start) // step) + 1
        keys, at = np.unique(row * bins + ((seconds - start) // step).astype(np.int64), return_inverse=True)
        if (len(keys) <= _MOST_EVENTS or bins == 1) and bins <= _MOST_BINS:
            break
        step *= 2
    sums = np.bincount(at, hits, len(keys))
    first, last = (np.full(len(addresses), np.nan) for _ in range(2))
    order = np.argsort(seconds, kind="stable")
    last[row[order]] = seconds[order]
    first[row[order[::-1]]] = seconds[order[::-1]]
    return Times(
        float(start), step, bins, (keys // bins).astype(np.uint32), (keys % bins).astype(np.uint16),
        np.minimum(sums, 2**32 - 1).astype(np.uint32), first, last,
    )  # fmt: skip


def _known(
    met: Met, addresses: pa.ChunkedArray
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
    """Of the rows with a time and with one of the addresses, however it is written: which, when, how many."""
    column = string_column(met.addresses)
    coded = pa.chunked_array([column]) if isinstance(column, pa.Array) else column
    if not pa.types.is_dictionary(coded.type):
        coded = coded.dictionary_encode()
    coded = coded.unify_dictionaries().combine_chunks()
    if isinstance(coded, pa.ChunkedArray):
        coded = pa.concat_arrays(coded.chunks) if coded.num_chunks else pa.array([], coded.type)
    written = to_text(parse(coded.dictionary))
    rows = pc.fill_null(pc.index_in(written, value_set=addresses.combine_chunks()), -1).to_numpy()
    codes = pc.fill_null(coded.indices, -1).to_numpy(zero_copy_only=False)
    row = np.where(codes >= 0, np.append(rows, -1)[codes], -1).astype(np.int64)
    kept = (row >= 0) & np.isfinite(met.seconds)
    return row[kept], met.seconds[kept], met.hits[kept]
