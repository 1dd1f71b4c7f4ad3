"""Overlapping ranges of many sources cut into segments within which nothing changes.

Bounds of one family are ranked once; from then on every range is a pair of small integers, whether its
addresses had 32 bits or 128.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.addresses.columns import Ranges
from workbench.addresses.compiled import kernel, run

__all__ = ["Rows", "Segments", "combine", "cut"]

Rows = NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Segments:
    """``m`` ascending segment starts covering a whole family, and each input range as ``[first, stop)`` of them."""

    high: NDArray[np.uint64]
    low: NDArray[np.uint64]
    first: list[NDArray[np.int64]]
    stop: list[NDArray[np.int64]]

    def __len__(self) -> int:
        return len(self.high)

    def owner(self, part: int) -> Rows:
        """For every segment the row of the most specific range of input ``part`` over it, or -1."""
        return _paint(self.first[part], self.stop[part], len(self))


def cut(parts: list[Ranges], version: int) -> Segments:
    """Cut the address space of one family at every bound of ``parts``, which hold only that family."""
    starts_high = np.concatenate([np.zeros(1, np.uint64), *[p.start_high for p in parts]])
    starts_low = np.concatenate([np.zeros(1, np.uint64), *[p.start_low for p in parts]])
    after_low = np.concatenate([np.zeros(0, np.uint64), *[p.end_low for p in parts]]) + np.uint64(1)
    after_high = np.concatenate([np.zeros(0, np.uint64), *[p.end_high for p in parts]]) + (after_low == 0)
    top = np.uint64(1 << 32)
    past_end = after_low == top if version == 4 else (after_high == 0) & (after_low == 0)
    high = np.concatenate([starts_high, after_high])
    low = np.concatenate([starts_low, after_low])
    order, fresh = _sorted_unique(high, low)
    ranks = np.empty(len(high), np.int64)
    ranks[order] = np.cumsum(fresh) - 1
    unique_high, unique_low = high[order][fresh], low[order][fresh]
    count = len(unique_high)
    if version == 4 and count and unique_low[-1] == top:
        count -= 1
    ends = ranks[len(starts_high) :]
    ends[past_end] = count
    begins = ranks[1 : len(starts_high)]
    splits = np.cumsum([len(p) for p in parts])[:-1]
    return Segments(unique_high[:count], unique_low[:count], np.split(begins, splits), np.split(ends, splits))


def _sorted_unique(
    high: NDArray[np.uint64], low: NDArray[np.uint64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    order = np.argsort(low, kind="stable") if not high.any() else np.lexsort((low, high))
    sorted_high, sorted_low = high[order], low[order]
    fresh = np.ones(len(order), bool)
    fresh[1:] = (sorted_high[1:] != sorted_high[:-1]) | (sorted_low[1:] != sorted_low[:-1])
    return order, fresh


def _paint(first: NDArray[np.int64], stop: NDArray[np.int64], segments: int) -> Rows:
    owner = np.full(segments, -1, np.int32)
    if not len(first):
        return owner
    order = np.argsort(first, kind="stable")
    if (stop[order][:-1] <= first[order][1:]).all():
        rows = np.repeat(order, (stop - first)[order])
        owner[_spread(first[order], stop[order])] = rows
        return owner
    # Nested ranges: the wide ones first, so that the specific ones are painted over them.
    order = np.argsort(first - stop, kind="stable")
    run(_paint_in_order, len(order), order, first, stop, owner)
    return owner


def _spread(first: NDArray[np.int64], stop: NDArray[np.int64]) -> NDArray[np.int64]:
    """All integers of the disjoint intervals ``[first, stop)``, in order."""
    lengths = stop - first
    ends = np.cumsum(lengths)
    offsets: NDArray[np.int64] = np.repeat(first - (ends - lengths), lengths)
    return np.arange(ends[-1]) + offsets


@kernel
def _paint_in_order(order, first, stop, owner):  # type: ignore[no-untyped-def]
    for at in range(len(order)):
        row = order[at]
        for segment in range(first[row], stop[row]):
            owner[segment] = row


def combine(columns: list[NDArray[Any]]) -> tuple[Rows, NDArray[np.int64]]:
    """Number the distinct rows of ``columns`` (integers ≥ -1, all of one length).

    Returns the number of each row's combination, and for each combination a row that shows it.
    """
    length = len(columns[0])
    code = np.zeros(length, np.int64)
    size = 1
    for column in columns:
        width = int(column.max(initial=-1)) + 2
        if size * width > 2**62:
            code, size = _renumber(code)
        code = code * width + (column.astype(np.int64) + 1)
        size *= width
    _, example, inverse = np.unique(code, return_index=True, return_inverse=True)
    return inverse.astype(np.int32), example


def _renumber(code: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    values, inverse = np.unique(code, return_inverse=True)
    return inverse, len(values)
