"""From whom to whom: the pairs of addresses in a table, as arcs between points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.notebook.intake.activity import Activity
from workbench.notebook.intake.located import Located

__all__ = ["Flows", "flows_of"]

_LIMIT = 20_000
"""Pairs that go to the browser; it joins those between the same places into one arc."""


@dataclass(frozen=True, slots=True)
class Flows:
    """Distinct pairs, the worst first. ``source`` and ``target`` are points, or -1 for the home network."""

    source: list[int]
    target: list[int]
    hits: list[int]
    low: list[int]
    high: list[int]
    undrawn: int
    """Rows with an end that has no place: private, where no home is given, or of unknown country."""
    beyond: int
    """Pairs left out by the limit."""


def flows_of(located: Located, weights: NDArray[np.int64], activity: Activity | None, home: bool) -> Flows:
    """The flows of a table with two columns of addresses; private ends are put at home, where there is one."""
    source, target = located.row_points
    if home:
        source = np.where((source < 0) & located.inside[0], -2, source)
        target = np.where((target < 0) & located.inside[1], -2, target)
    drawn = (source != -1) & (target != -1) & ~((source == -2) & (target == -2)) & (source != target)
    undrawn = int((((source == -1) | (target == -1)) & ((source >= 0) | (target >= 0))).sum())
    width = len(located) + 2
    keys = np.where(drawn, (source + 2) * width + target + 2, -1)
    pairs, pair_of_row = np.unique(keys, return_inverse=True)
    pair_of_row = pair_of_row.astype(np.int64)
    if len(pairs) and pairs[0] == -1:
        pairs, pair_of_row = pairs[1:], pair_of_row - 1
    count = len(pairs)
    known = pair_of_row >= 0
    hits = np.bincount(pair_of_row[known], weights[known], count).astype(np.int64)
    ends = np.stack([pairs // width - 2, pairs % width - 2])
    verdicts = np.where(ends >= 0, np.append(located.verdict, 99)[ends], 99).min(axis=0)
    order = np.lexsort((-hits, verdicts))[:_LIMIT]
    low, high = activity.masks(pair_of_row, count) if activity else ([], [])
    from_, to = (
        np.where(end[order] == -2, -1, end[order]).tolist() for end in ends
    )  # the browser has -1 for home
    return Flows(
        source=from_,
        target=to,
        hits=hits[order].tolist(),
        low=[low[i] for i in order] if low else [],
        high=[high[i] for i in order] if high else [],
        undrawn=undrawn,
        beyond=max(0, count - _LIMIT),
    )
