"""Columns of parsed addresses and of address ranges, as plain numpy arrays.

An address is a 128-bit number in two unsigned halves. IPv4 lives in ``low`` with ``high`` zero and is
told apart by ``version``, so one pair of arrays carries a mixed column.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Addresses", "Ranges"]


@dataclass(frozen=True, slots=True, eq=False)
class Addresses:
    """A column of ``n`` parsed addresses.

    ``version`` is uint8: 4, 6, or 0 where the text was no address; ``high`` and ``low`` are uint64 and
    zero where ``version`` is 0. IPv4-mapped IPv6 (``::ffff:192.0.2.1``, RFC 4291 section 2.5.5.2) is IPv4.
    """

    version: NDArray[np.uint8]
    high: NDArray[np.uint64]
    low: NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.version)


@dataclass(frozen=True, slots=True, eq=False)
class Ranges:
    """A column of ``n`` inclusive address ranges, each within one family.

    ``version`` is uint8: 4, 6, or 0 where the text was no range. The bounds are uint64 halves as in
    :class:`Addresses`; the host bits of a prefix are cleared in the start and set in the end.
    """

    version: NDArray[np.uint8]
    start_high: NDArray[np.uint64]
    start_low: NDArray[np.uint64]
    end_high: NDArray[np.uint64]
    end_low: NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.version)

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> Ranges:
        """The ranges at ``rows`` (indices or a boolean mask), in that order."""
        return Ranges(
            self.version[rows],
            self.start_high[rows],
            self.start_low[rows],
            self.end_high[rows],
            self.end_low[rows],
        )

    @staticmethod
    def concatenate(parts: list[Ranges]) -> Ranges:
        """All ``parts`` one after the other."""
        return Ranges(
            np.concatenate([p.version for p in parts]),
            np.concatenate([p.start_high for p in parts]),
            np.concatenate([p.start_low for p in parts]),
            np.concatenate([p.end_high for p in parts]),
            np.concatenate([p.end_low for p in parts]),
        )
