"""Which ranges of one column overlap which of another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workbench.addresses.columns import Ranges

__all__ = ["overlaps"]


def overlaps(few: Ranges, many: Ranges) -> list[tuple[int, int]]:
    """Pairs of rows ``(few, many)`` that have an address in common, in order; made for a short ``few``."""
    found: list[tuple[int, int]] = []
    for row in range(len(few)):
        if not few.version[row]:
            continue
        starts_in_time = ~_after(many.start_high, many.start_low, few.end_high[row], few.end_low[row])
        ends_in_time = ~_before(many.end_high, many.end_low, few.start_high[row], few.start_low[row])
        hits = np.flatnonzero((many.version == few.version[row]) & starts_in_time & ends_in_time)
        found.extend((row, int(hit)) for hit in hits)
    return found


def _after(
    high: NDArray[np.uint64], low: NDArray[np.uint64], than_high: np.uint64, than_low: np.uint64
) -> NDArray[np.bool_]:
    after: NDArray[np.bool_] = (high > than_high) | ((high == than_high) & (low > than_low))
    return after


def _before(
    high: NDArray[np.uint64], low: NDArray[np.uint64], than_high: np.uint64, than_low: np.uint64
) -> NDArray[np.bool_]:
    before: NDArray[np.bool_] = (high < than_high) | ((high == than_high) & (low < than_low))
    return before
