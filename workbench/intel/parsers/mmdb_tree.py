"""The search tree of a MaxMind DB walked level by level, all nodes of a level at once.

Format: https://maxmind.github.io/MaxMind-DB/ (MaxMind DB File Format Specification 2.0, "Binary Search Tree
Section"). Values in the tree: below ``node_count`` another node, equal to it nothing, above it a record.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.addresses.columns import Ranges

__all__ = ["Leaves", "TreeError", "join_neighbours", "walk"]

_ONE = np.uint64(1)
_FULL = ~np.uint64(0)
_SLACK = 1 << 16


class TreeError(ValueError):
    """The search tree is none: nodes lead back, too deep, or out of the file."""


@dataclass(frozen=True, slots=True, eq=False)
class Leaves:
    """The networks of a tree in address order, IPv4 first; ``record`` is the value found there (> node count).

    Neighbours with one record are one range.
    """

    ranges: Ranges
    record: NDArray[np.uint32]


def walk(tree: NDArray[np.uint8], node_count: int, record_size: int, ip_version: int) -> Leaves:
    """All networks that have a record.

    In an IPv6 tree the subtree at ``::/96`` is IPv4. Writers point other networks at the same subtree
    (``::ffff:0:0/96``, ``2002::/16``, ``2001::/32``): such aliases are passed over, as IPv4 would
    otherwise be listed several times.

    Raises:
        TreeError: the bytes are no tree of that size.
    """
    children = _children(tree, node_count, record_size)
    width = 128 if ip_version == 6 else 32
    ipv4_root = _ipv4_root(children, node_count) if width == 128 else -1
    nodes = np.zeros(1 if node_count else 0, np.uint32)
    high, low = np.zeros(len(nodes), np.uint64), np.zeros(len(nodes), np.uint64)
    found: list[tuple[int, NDArray[np.uint64], NDArray[np.uint64], NDArray[np.uint32]]] = []
    visited = 0
    for depth in range(1, width + 1):
        if not len(nodes):
            break
        visited += len(nodes)
        if visited > 2 * node_count + _SLACK:
            raise TreeError("nodes of the search tree lead back to nodes already passed")
        values = children[nodes].ravel()
        high, low = np.repeat(high, 2), np.repeat(low, 2)
        _set_bit(high, low, width - depth)
        leaf = values > node_count
        found.append((depth, high[leaf], low[leaf], values[leaf]))
        inner = values < node_count
        if ipv4_root >= 0:
            alias = values == ipv4_root
            if depth == 96:
                alias &= (high != 0) | (low != 0)
            inner &= ~alias
        nodes, high, low = values[inner], high[inner], low[inner]
    if len(nodes):
        raise TreeError(f"the search tree is deeper than the {width} bits of an address")
    if visited * 2 < node_count:
        raise TreeError(f"only {visited} of {node_count} nodes of the search tree can be reached")
    return _leaves(found, width)


def _children(tree: NDArray[np.uint8], node_count: int, record_size: int) -> NDArray[np.uint32]:
    """Left and right value of every node, shape (node_count, 2)."""
    if record_size == 32:
        return tree.view(">u4").astype(np.uint32).reshape(node_count, 2)
    octets = tree.reshape(node_count, record_size // 4)
    children = np.empty((node_count, 2), np.uint32)
    for side in (0, 1):
        at = side * (record_size // 8 + (record_size == 28))
        value = children[:, side]
        value[:] = octets[:, at]
        for k in (1, 2):
            value <<= np.uint32(8)
            value |= octets[:, at + k]
        if record_size == 28:  # the middle octet holds the upper four bits of both
            nibble = octets[:, 3] & 15 if side else octets[:, 3] >> 4
            value |= nibble.astype(np.uint32) << np.uint32(24)
    return children


def _ipv4_root(children: NDArray[np.uint32], node_count: int) -> int:
    """The node at ``::/96``; -1 where the tree ends before."""
    node = 0
    for _ in range(96):
        if node >= node_count:
            return -1
        node = int(children[node, 0])
    return node if node < node_count else -1


def _set_bit(high: NDArray[np.uint64], low: NDArray[np.uint64], bit: int) -> None:
    """Set ``bit`` (0 the lowest of 128) in every second row, the right children."""
    if bit >= 64:
        high[1::2] |= _ONE << np.uint64(bit - 64)
    else:
        low[1::2] |= _ONE << np.uint64(bit)


def _leaves(
    found: list[tuple[int, NDArray[np.uint64], NDArray[np.uint64], NDArray[np.uint32]]], width: int
) -> Leaves:
    parts: list[Ranges] = []
    records: list[NDArray[np.uint32]] = []
    for depth, high, low, value in found:
        if not len(value):
            continue
        host = width - depth
        low_mask = _FULL if host >= 64 else (_ONE << np.uint64(host)) - _ONE
        high_mask = np.uint64(0) if host <= 64 else (_ONE << np.uint64(host - 64)) - _ONE
        if width == 128 and depth < 96:
            # A network so wide that all of IPv4 (::/96) lies in it holds for IPv4 as well.
            covers = np.flatnonzero((high == 0) & (low == 0))
            zero = np.zeros(len(covers), np.uint64)
            parts.append(
                Ranges(np.full(len(covers), 4, np.uint8), zero, zero, zero, zero | np.uint64(2**32 - 1))
            )
            records.append(value[covers])
        is_v4 = (high == 0) & (low <= np.uint64(2**32 - 1)) if width == 128 and depth >= 96 else None
        version = np.full(len(value), 4 if width == 32 else 6, np.uint8)
        if is_v4 is not None:
            version[is_v4] = 4
        parts.append(Ranges(version, high, low, high | high_mask, low | low_mask))
        records.append(value)
    if not parts:
        empty = np.zeros(0, np.uint64)
        return Leaves(Ranges(np.zeros(0, np.uint8), empty, empty, empty, empty), np.zeros(0, np.uint32))
    return _in_order(Ranges.concatenate(parts), np.concatenate(records))


def _in_order(ranges: Ranges, record: NDArray[np.uint32]) -> Leaves:
    if (ranges.version == 4).all():
        order = np.argsort(ranges.start_low)
    else:
        order = np.lexsort((ranges.start_low, ranges.start_high, ranges.version))
    return Leaves(*join_neighbours(ranges.take(order), record[order]))


def join_neighbours(ranges: Ranges, record: NDArray[Any]) -> tuple[Ranges, NDArray[Any]]:
    """Sorted disjoint ``ranges`` with those made one that touch and have the same ``record``."""
    first = np.ones(len(record), bool)
    next_low = ranges.end_low[:-1] + _ONE
    next_high = ranges.end_high[:-1] + (next_low == 0)
    first[1:] = (
        (record[1:] != record[:-1])
        | (ranges.version[1:] != ranges.version[:-1])
        | (ranges.start_low[1:] != next_low)
        | (ranges.start_high[1:] != next_high)
    )
    starts = np.flatnonzero(first)
    ends = np.append(starts[1:], len(record)) - 1
    joined = Ranges(
        ranges.version[starts],
        ranges.start_high[starts],
        ranges.start_low[starts],
        ranges.end_high[ends],
        ranges.end_low[ends],
    )
    return joined, record[starts]
