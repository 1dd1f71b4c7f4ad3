"""AND, OR, FOLLOWEDBY, WITHIN and REPEATS between observations: which rows take part in a match.

A match binds a different row to every ``[…]`` of a pattern. A row is reported when at least one match binds
it. Rows are points in time. The common forms are computed in sorted columns; the others by listing
matches up to a bound, beyond which the pattern is refused, never answered in part.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from workbench.exchange.stix.syntax import Joined, Node, PatternError, Qualified

__all__ = ["Leaf", "Tree", "participants", "timed", "tree_of"]

MAX_BINDINGS = 2_000_000
MAX_CELLS = 20_000_000
Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Leaf:
    """Rows of one observation expression within ``[start, stop)``, as indices of occurrences."""

    occurrences: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Operands joined by AND, OR or FOLLOWEDBY, within ``within`` microseconds where given."""

    operator: str
    operands: tuple[Tree, ...]
    within: int | None = None


@dataclass(frozen=True, slots=True)
class Repeat:
    """``count`` disjoint matches of ``operand``, within ``within`` microseconds where given."""

    operand: Tree
    count: int
    within: int | None = None


Tree = Leaf | Group | Repeat


def tree_of(node: Node, occurrence: Callable[[Node, tuple[int, int] | None], int]) -> Tree:
    """The tree of a pattern with START/STOP moved into its leaves and what has no effect removed.

    ``occurrence`` gives the index of an observation expression within a time window (microseconds).
    """
    return _build(node, occurrence, None, None)


def _build(
    node: Node,
    occurrence: Callable[[Node, tuple[int, int] | None], int],
    window: tuple[int, int] | None,
    within: int | None,
) -> Tree:
    if isinstance(node, Qualified):
        if node.between is not None:
            start, stop = (round(moment.timestamp() * 1_000_000) for moment in node.between)
            if window is not None:
                start, stop = max(start, window[0]), min(stop, window[1])
            return _build(node.node, occurrence, (start, stop), within)
        if node.within is not None:
            limit = node.within // timedelta(microseconds=1)
            return _build(node.node, occurrence, window, limit if within is None else min(limit, within))
        if node.repeats == 1:
            return _build(node.node, occurrence, window, within)
        # What repeats within a limit is within the limit each time.
        return Repeat(_build(node.node, occurrence, window, within), node.repeats or 1, within)
    if isinstance(node, Joined):
        operands = tuple(_build(operand, occurrence, window, within) for operand in node.operands)
        if node.operator == "OR":
            flat = tuple(
                p
                for o in operands
                for p in (o.operands if isinstance(o, Group) and o.operator == "OR" else (o,))
            )
            leaves = [o for o in flat if isinstance(o, Leaf)]
            merged = Leaf(tuple(dict.fromkeys(n for leaf in leaves for n in leaf.occurrences)))
            others = tuple(o for o in flat if not isinstance(o, Leaf))
            if not others:
                return merged
            return Group("OR", (*others, merged) if leaves else others)
        return Group(node.operator, operands, within)
    return Leaf((occurrence(node, window),))


def timed(tree: Tree) -> bool:
    """Whether the answer depends on time."""
    if isinstance(tree, Leaf):
        return False
    if isinstance(tree, Repeat):
        return tree.within is not None or timed(tree.operand)
    return tree.operator == "FOLLOWEDBY" or tree.within is not None or any(timed(o) for o in tree.operands)


def participants(tree: Tree, rows_of: Callable[[tuple[int, ...]], tuple[Rows, Rows]]) -> Rows:
    """The rows, ascending, that take part in at least one match.

    ``rows_of`` gives the distinct rows of occurrences and their times, sorted by time.

    Raises:
        PatternError: there are more than two million combinations to look at.
    """
    if isinstance(tree, Group) and tree.operator == "OR":
        return np.unique(np.concatenate([participants(operand, rows_of) for operand in tree.operands]))
    if isinstance(tree, Leaf):
        return np.unique(rows_of(tree.occurrences)[0])
    if isinstance(tree, Repeat):
        if isinstance(tree.operand, Leaf):
            return _repeated(*rows_of(tree.operand.occurrences), tree.count, tree.within)
    elif all(isinstance(operand, Leaf) for operand in tree.operands):
        quick = _joined_leaves(tree, [rows_of(o.occurrences) for o in tree.operands if isinstance(o, Leaf)])
        if quick is not None:
            return quick
    bindings = _enumerate(tree, rows_of)
    found = np.unique(bindings.rows)
    return found[found >= 0]


def _repeated(rows: Rows, times: Rows, count: int, within: int | None) -> Rows:
    if len(rows) < count:
        return rows[:0]
    if within is None:
        return np.unique(rows)
    starts = np.flatnonzero(times[count - 1 :] - times[: len(times) - count + 1] <= within)
    edges = np.zeros(len(rows) + 1, np.int64)
    np.add.at(edges, starts, 1)
    np.add.at(edges, starts + count, -1)
    taken: Rows = np.unique(rows[np.cumsum(edges[:-1]) > 0])
    return taken


def _joined_leaves(tree: Group, leaves: list[tuple[Rows, Rows]]) -> Rows | None:
    """Matches of leaves only, where there is a way without listing them."""
    if any(not len(rows) for rows, _ in leaves):
        return np.zeros(0, np.int64)
    if len(leaves) == 2:
        return _pairs(tree, *leaves)
    if tree.operator == "AND" and tree.within is None:
        # With as many rows as there are operands each, the others can always be given rows of their own.
        if all(len(rows) >= len(leaves) for rows, _ in leaves):
            return np.unique(np.concatenate([rows for rows, _ in leaves]))
        return None
    if tree.operator == "FOLLOWEDBY":
        together = np.concatenate([rows for rows, _ in leaves])
        if len(np.unique(together)) == len(together):
            return _chain(tree.within, leaves)
    return None


def _pairs(tree: Group, left: tuple[Rows, Rows], right: tuple[Rows, Rows]) -> Rows:
    """Rows of two leaves with a partner in the other: counted in its window, the row itself left out."""

    def with_partner(own: tuple[Rows, Rows], other: tuple[Rows, Rows], before: bool, after: bool) -> Rows:
        rows, times = own
        limit = tree.within
        if limit is None and before and after:
            count = np.full(len(rows), len(other[0]))
        else:
            first = np.zeros(len(rows), np.intp)
            last = np.full(len(rows), len(other[0]))
            if not before or limit is not None:
                first = np.searchsorted(other[1], times - (limit or 0) if before else times, "left")
            if not after or limit is not None:
                last = np.searchsorted(other[1], times + (limit or 0) if after else times, "right")
            count = last - first
        found: Rows = rows[count - np.isin(rows, other[0]) > 0]
        return found

    both = tree.operator == "AND"
    taken = [with_partner(left, right, both, True), with_partner(right, left, True, both)]
    return np.unique(np.concatenate(taken))


def _chain(within: int | None, leaves: list[tuple[Rows, Rows]]) -> Rows:
    """FOLLOWEDBY over leaves without common rows: the latest start before and the earliest end after each row."""
    far = np.iinfo(np.int64).max // 4
    starts, ends = [leaves[0][1]], [leaves[-1][1]]
    for (_, earlier), (_, times) in itertools.pairwise(leaves):
        at = np.searchsorted(earlier, times, "right")
        starts.append(np.concatenate([[-far], starts[-1]])[at])
    for (_, later), (_, times) in zip(leaves[:0:-1], leaves[-2::-1], strict=True):
        at = np.searchsorted(later, times, "left")
        ends.append(np.concatenate([ends[-1], [far]])[at])
    taken = []
    for (rows, _), start, end in zip(leaves, starts, reversed(ends), strict=True):
        possible = (start > -far) & (end < far)
        if within is not None:
            possible &= end - start <= within
        taken.append(rows[possible])
    return np.unique(np.concatenate(taken))


@dataclass(frozen=True, slots=True)
class _Bindings:
    """``rows`` is (n, k), -1 where nothing is bound, each row of it sorted; with the first and last time."""

    rows: Rows
    first: Rows
    last: Rows

    def take(self, at: NDArray[np.intp] | NDArray[np.bool_]) -> _Bindings:
        return _Bindings(self.rows[at], self.first[at], self.last[at])


def _enumerate(tree: Tree, rows_of: Callable[[tuple[int, ...]], tuple[Rows, Rows]]) -> _Bindings:
    if isinstance(tree, Leaf):
        rows, times = rows_of(tree.occurrences)
        return _Bindings(rows[:, None], times, times)
    if isinstance(tree, Repeat):
        once = _distinct(_enumerate(tree.operand, rows_of))
        result = once
        for _ in range(tree.count - 1):
            if not len(result.rows):
                break
            result = _combine(result, once, "AND", tree.within)
        return result
    parts = [_enumerate(operand, rows_of) for operand in tree.operands]
    if tree.operator == "OR":
        width = max(part.rows.shape[1] for part in parts)
        padded = [
            np.pad(part.rows, ((0, 0), (width - part.rows.shape[1], 0)), constant_values=-1) for part in parts
        ]
        joined = _Bindings(
            *(np.concatenate(c) for c in (padded, [p.first for p in parts], [p.last for p in parts]))
        )
        return _distinct(joined)
    result = parts[0]
    for part in parts[1:]:
        result = _combine(result, part, tree.operator, tree.within)
    return result


def _distinct(bindings: _Bindings) -> _Bindings:
    """One of each set of rows: order within a set says nothing its first and last time do not."""
    ordered = np.sort(bindings.rows, axis=1)
    if not len(ordered):
        return bindings
    _, at = np.unique(ordered, axis=0, return_index=True)
    return _Bindings(ordered[at], bindings.first[at], bindings.last[at])


def _combine(left: _Bindings, right: _Bindings, operator: str, within: int | None) -> _Bindings:
    order = np.argsort(right.first, kind="stable")
    right = right.take(order)
    earliest = left.last if operator == "FOLLOWEDBY" else None if within is None else left.last - within
    first = (
        np.zeros(len(left.first), np.intp)
        if earliest is None
        else np.searchsorted(right.first, earliest, "left")
    )
    last = (
        np.full(len(left.first), len(right.first))
        if within is None
        else np.searchsorted(right.first, left.first + within, "right")
    )
    counts = np.maximum(last - first, 0)
    total = int(counts.sum())
    if total > MAX_BINDINGS or total * (left.rows.shape[1] + right.rows.shape[1]) > MAX_CELLS:
        raise PatternError(
            f"{total} combinations of rows for {operator} to look at, at most {MAX_BINDINGS} are: narrow the pattern "
            "with WITHIN … SECONDS or START … STOP, or make its observations more specific"
        )
    of = np.repeat(np.arange(len(counts)), counts)
    at = np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(first, counts)
    a, b = left.take(of), right.take(at)
    keep = np.ones(total, bool)
    for i in range(a.rows.shape[1]):
        for j in range(b.rows.shape[1]):
            keep &= (a.rows[:, i] != b.rows[:, j]) | (a.rows[:, i] < 0)
    begin, end = np.minimum(a.first, b.first), np.maximum(a.last, b.last)
    if within is not None:
        keep &= end - begin <= within
    joined = _Bindings(np.concatenate([a.rows, b.rows], axis=1)[keep], begin[keep], end[keep])
    return _distinct(joined)


def leaves(tree: Tree) -> set[int]:
    """The occurrences a tree is made of."""
    if isinstance(tree, Leaf):
        return set(tree.occurrences)
    if isinstance(tree, Repeat):
        return leaves(tree.operand)
    return set().union(*(leaves(operand) for operand in tree.operands))
