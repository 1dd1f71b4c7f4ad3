"""How often a member may ask: a bucket of operations that refills evenly."""

from __future__ import annotations

import time
from collections import OrderedDict

from workbench.api.errors import RateLimited

__all__ = ["Rates"]

MOST = 10_000


class Rates:
    """``per_minute`` operations for each name, a fifth of them at once."""

    def __init__(self, per_minute: int) -> None:
        self._rate = per_minute / 60
        self._full = max(1.0, per_minute / 5)
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str, count: int = 1, *, now: float | None = None) -> None:
        """Take ``count`` operations.

        Raises:
            RateLimited: there are not as many; none is taken.
        """
        now = time.monotonic() if now is None else now
        left, at = self._buckets.get(name, (self._full, now))
        left = min(self._full, left + (now - at) * self._rate)
        if left < count:
            self._buckets[name] = (left, now)
            seconds = (count - left) / self._rate
            raise RateLimited(f"too many operations: the next in {seconds:.1f} seconds", seconds)
        self._buckets[name] = (left - count, now)
        self._buckets.move_to_end(name)
        while len(self._buckets) > MOST:
            self._buckets.popitem(last=False)
