"""When things happened, in few bins: which bins each thing was active in, for a window to be laid over them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

__all__ = ["BINS", "Activity", "seconds_of"]

BINS = 48
"""Two numbers of 24 bits: whole in JavaScript's bit operations, and in JSON."""


def seconds_of(column: pa.ChunkedArray) -> NDArray[np.float64]:
    """Seconds since 1970 UTC of a column of timestamps, dates, or epoch seconds; NaN where null.

    Timestamps without a zone are taken as UTC.

    Raises:
        ValueError: the column holds no moments.
    """
    kind = column.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        whole = column.cast(pa.timestamp("us", getattr(kind, "tz", None))).cast(pa.int64())
        return np.asarray(pc.divide(whole.cast(pa.float64()), 1e6).to_numpy(), np.float64)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return np.asarray(column.cast(pa.float64()).to_numpy(), np.float64)
    raise ValueError(f"moments are wanted, not {kind}: convert the column to timestamps first")


@dataclass(frozen=True, slots=True)
class Activity:
    """The time of ``rows`` in :data:`BINS` equal bins between ``start`` and ``end`` (seconds since 1970)."""

    start: float
    end: float
    bins: NDArray[np.int64]
    """The bin of each row, -1 where its time is not known."""
    seconds: NDArray[np.float64]

    @classmethod
    def of(cls, seconds: NDArray[np.float64]) -> Activity | None:
        """Of the moments of rows; ``None`` where there is no span of time in them."""
        known = np.isfinite(seconds)
        if not known.any():
            return None
        start, end = float(seconds[known].min()), float(seconds[known].max())
        if end <= start:
            return None
        end += (end - start) / (BINS * 1000)  # the last moment belongs into the last bin
        scaled = (np.where(known, seconds, start) - start) * (BINS / (end - start))
        bins = np.where(known, np.clip(scaled.astype(np.int64), 0, BINS - 1), -1)
        return cls(start, end, bins, seconds)

    def counts(self, weights: NDArray[np.int64]) -> list[int]:
        """What happened in each bin."""
        known = self.bins >= 0
        return [int(n) for n in np.bincount(self.bins[known], weights[known], BINS)]

    def masks(self, things: NDArray[np.int64], count: int) -> tuple[list[int], list[int]]:
        """The bins each of ``count`` things was active in, as two numbers of 24 bits; ``things`` names the
        thing of each row, -1 for none. What has no time at all is always active."""
        seen = np.zeros((count, BINS), bool)
        known = (self.bins >= 0) & (things >= 0)
        seen[things[known], self.bins[known]] = True
        seen[~seen.any(axis=1)] = True
        bits = 1 << np.arange(24, dtype=np.int64)
        return (seen[:, :24] @ bits).tolist(), (seen[:, 24:] @ bits).tolist()

    def spans(self, things: NDArray[np.int64], count: int) -> dict[str, list[Any]]:
        """First and last moment of each thing in whole seconds; null where no time is known."""
        first, last = np.full(count, np.inf), np.full(count, -np.inf)
        known = (self.bins >= 0) & (things >= 0)
        np.minimum.at(first, things[known], self.seconds[known])
        np.maximum.at(last, things[known], self.seconds[known])
        return {
            name: [int(v) if np.isfinite(v) else None for v in values]
            for name, values in (("first", first), ("last", last))
        }

    def repeated(self, times: int) -> Activity:
        """For rows that stand for several things each: all rows, again and again."""
        return Activity(self.start, self.end, np.tile(self.bins, times), np.tile(self.seconds, times))
