"""The arithmetic of the benchmarks: how well a score ranks, how far it means what it says, who is taken for whom."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["auc", "brier", "confusion", "half_of", "precision_recall", "reliability", "reliability_svg"]


def auc(score: ArrayLike, truth: ArrayLike) -> float:
    """The chance that a true one scores above a false one, ties counting half (Mann-Whitney); nan without both kinds."""
    values, positive = np.asarray(score, float), np.asarray(truth, bool)
    wanted, others = int(positive.sum()), int((~positive).sum())
    if not wanted or not others:
        return float("nan")
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    rank = (last - (counts - 1) / 2)[inverse]  # mean rank of the tied, from 1
    return float((rank[positive].sum() - wanted * (wanted + 1) / 2) / (wanted * others))


def brier(probability: ArrayLike, truth: ArrayLike) -> float:
    """The mean squared difference between what was forecast (0-1) and what came."""
    return float(np.mean((np.asarray(probability, float) - np.asarray(truth, float)) ** 2))


def reliability(
    probability: ArrayLike, truth: ArrayLike, bins: int = 10
) -> list[tuple[float, float, int, float, float]]:
    """A row for each tenth of the scale that occurs: from, to, addresses, mean forecast, share that came."""
    forecast, came = np.asarray(probability, float), np.asarray(truth, float)
    place = np.minimum((forecast * bins).astype(int), bins - 1)
    rows = []
    for number in range(bins):
        inside = place == number
        if inside.any():
            mean, share = float(forecast[inside].mean()), float(came[inside].mean())
            rows.append((number / bins, (number + 1) / bins, int(inside.sum()), mean, share))
    return rows


def half_of(addresses: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Which half an IPv4 address belongs to, alike for all addresses of a /16: neighbours are not independent."""
    mixed = (addresses.astype(np.uint64) >> np.uint64(16)) * np.uint64(2654435761) % np.uint64(1 << 32)
    halves: NDArray[np.bool_] = (mixed >> np.uint64(31)).astype(bool)
    return halves


def confusion(truth: Sequence[str], said: Sequence[str], kinds: Sequence[str]) -> NDArray[np.int64]:
    """Counts of shape (kinds, kinds): row what it is, column what was said."""
    table = np.zeros((len(kinds), len(kinds)), np.int64)
    place = {kind: at for at, kind in enumerate(kinds)}
    np.add.at(table, ([place[kind] for kind in truth], [place[kind] for kind in said]), 1)
    return table


def precision_recall(table: NDArray[np.int64]) -> list[tuple[float, float]]:
    """For each kind of a confusion table: the share of what was said that is right, of what is that was said."""
    with np.errstate(invalid="ignore"):
        precision, recall = np.diag(table) / table.sum(axis=0), np.diag(table) / table.sum(axis=1)
    return [(float(p), float(r)) for p, r in zip(precision, recall, strict=True)]


def reliability_svg(title: str, rows: Sequence[tuple[float, float, int, float, float]]) -> str:
    """The reliability diagram as SVG: forecast across, what came upward; area of a dot by the number of addresses."""
    left, top, side = 60, 40, 360
    most = max((row[2] for row in rows), default=1)

    def x(value: float) -> float:
        return left + side * value

    def y(value: float) -> float:
        return top + side * (1 - value)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + side + 120} {top + side + 60}" font-family="sans-serif" font-size="12">',
        f'<rect width="100%" height="100%" fill="white"/><text x="{left}" y="22" font-size="14">{title}</text>',
    ]
    for tick in range(0, 101, 20):
        at = tick / 100
        parts.append(
            f'<path d="M{x(at):.1f} {y(0)}V{y(1)}M{x(0)} {y(at):.1f}H{x(1)}" stroke="#ddd"/>'
            f'<text x="{x(at):.1f}" y="{y(0) + 16}" text-anchor="middle">{tick}</text>'
            f'<text x="{left - 8}" y="{y(at) + 4:.1f}" text-anchor="end">{tick} %</text>'
        )
    parts.append(f'<path d="M{x(0)} {y(0)}L{x(1)} {y(1)}" stroke="#888" stroke-dasharray="4 4"/>')
    parts.append(f'<text x="{x(0.5)}" y="{y(0) + 38}" text-anchor="middle">reputation</text>')
    parts.append(
        f'<text x="16" y="{y(0.5)}" text-anchor="middle" transform="rotate(-90 16 {y(0.5)})">reported</text>'
    )
    line = " ".join(f"{x(row[3]):.1f},{y(row[4]):.1f}" for row in rows)
    parts.append(f'<polyline points="{line}" fill="none" stroke="#1b5e8c" stroke-width="1.5"/>')
    for number, (_, _, count, forecast, came) in enumerate(rows):
        radius = 3 + 9 * (count / most) ** 0.5
        shift, anchor = (radius + 3, "start") if number % 2 else (-radius - 3, "end")
        parts.append(
            f'<circle cx="{x(forecast):.1f}" cy="{y(came):.1f}" r="{radius:.1f}" fill="#1b5e8c" fill-opacity="0.6"/>'
            f'<text x="{x(forecast) + shift:.1f}" y="{y(came) + 5:.1f}" text-anchor="{anchor}" font-size="10" fill="#444">{count:,}</text>'
        )
    return "\n".join([*parts, "</svg>\n"])
