"""Ranges to the fewest CIDR blocks that cover them exactly (RFC 4632)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workbench.addresses.columns import Ranges

__all__ = ["to_cidrs"]

_ONE = np.uint64(1)
_FULL = ~np.uint64(0)


def to_cidrs(ranges: Ranges) -> tuple[Ranges, NDArray[np.intp]]:
    """Split every range into its CIDR blocks.

    Returns the blocks and, for each, the row of ``ranges`` it came from; rows in order, blocks of one
    row ascending. Rows with version 0 give none. All rows advance together, one block a round, so the
    rounds are bounded by the blocks of the worst range (62 for IPv4, 254 for IPv6).
    """
    rows = np.flatnonzero(ranges.version != 0)
    version = ranges.version[rows]
    high, low = ranges.start_high[rows].copy(), ranges.start_low[rows].copy()
    end_high, end_low = ranges.end_high[rows], ranges.end_low[rows]
    parts: list[Ranges] = []
    origins: list[NDArray[np.intp]] = []
    while len(rows):
        mask_high, mask_low = _largest_block(version, high, low, end_high, end_low)
        last_high, last_low = high | mask_high, low | mask_low
        parts.append(Ranges(version, high, low, last_high, last_low))
        origins.append(rows)
        more = (last_high != end_high) | (last_low != end_low)
        rows, version = rows[more], version[more]
        end_high, end_low = end_high[more], end_low[more]
        low = last_low[more] + _ONE
        high = last_high[more] + (low == 0)
    if not parts:
        empty = np.zeros(0, np.uint64)
        return Ranges(np.zeros(0, np.uint8), empty, empty, empty, empty), np.zeros(0, np.intp)
    origin = np.concatenate(origins)
    order = np.argsort(origin, kind="stable")
    return Ranges.concatenate(parts).take(order), origin[order]


def _largest_block(
    version: NDArray[np.uint8],
    high: NDArray[np.uint64],
    low: NDArray[np.uint64],
    end_high: NDArray[np.uint64],
    end_low: NDArray[np.uint64],
) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Host masks of the largest aligned block that starts at each address and stays within its range."""
    # Alignment: all trailing zero bits of the start.
    mask_low: NDArray[np.uint64] = np.where(low == 0, _FULL, (low & -low) - _ONE)
    mask_high: NDArray[np.uint64] = np.where(
        low == 0, np.where(high == 0, _FULL, (high & -high) - _ONE), np.uint64(0)
    )
    mask_high[version == 4] = 0
    mask_low[version == 4] &= np.uint64(0xFFFFFFFF)
    # Room: the length of the rest of the range, rounded down to a power of two, less one.
    borrow = end_low < low
    rest_low = end_low - low
    rest_high = end_high - high - borrow
    rest_high_plus = np.where(rest_low == _FULL, rest_high + _ONE, rest_high)
    rest_low_plus = rest_low + _ONE
    whole = (rest_high == _FULL) & (rest_low == _FULL)
    room_high: NDArray[np.uint64] = np.where(
        rest_high_plus == 0, np.uint64(0), _top_bit(rest_high_plus) - _ONE
    )
    room_low: NDArray[np.uint64] = np.where(rest_high_plus == 0, _top_bit(rest_low_plus) - _ONE, _FULL)
    room_high[whole], room_low[whole] = _FULL, _FULL
    return mask_high & room_high, mask_low & room_low


def _top_bit(value: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The highest set bit alone; 0 for 0."""
    for shift in (1, 2, 4, 8, 16, 32):
        value = value | (value >> np.uint64(shift))
    return value ^ (value >> _ONE)
