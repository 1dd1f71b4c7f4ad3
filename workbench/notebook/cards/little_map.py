"""A small map as SVG: the land around one place, the place, and how far it can be wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import cache
from math import cos, radians
from typing import Any, NamedTuple

from workbench.notebook.browser.shipped import asset
from workbench.notebook.showing.tree import Element, tag

__all__ = ["little_map"]

Point = tuple[float, float]
WIDTH, HEIGHT = 320, 190
NARROWEST = 16.0
"""Degrees from north to south that are shown at least."""
KM_A_DEGREE = 111.2


class _Ring(NamedTuple):
    west: float
    south: float
    east: float
    north: float
    country: str
    points: list[Point]


def little_map(latitude: float, longitude: float, radius_km: float | None, country: str | None, label: str, exact: bool = True) -> Element:  # fmt: skip
    """The land around ``latitude`` and ``longitude``; ``country`` (ISO 3166-1 alpha-2) is set off, ``label`` is read
    to those who do not see it. Where no more than the country is known there is no ``exact`` spot to point at."""
    spread = (radius_km or 0) / KM_A_DEGREE
    tall = min(max(NARROWEST, spread * 2.6), 120.0)
    scale = HEIGHT / tall
    squeeze = max(0.25, cos(radians(latitude)))
    wide = WIDTH / (scale * squeeze)

    def placed(point: Point) -> Point:
        return (point[0] - longitude) * scale * squeeze + WIDTH / 2, (latitude - point[1]) * scale + HEIGHT / 2  # fmt: skip

    box = (longitude - wide / 2, latitude - tall / 2, longitude + wide / 2, latitude + tall / 2)
    land: dict[bool, list[str]] = {False: [], True: []}
    for ring in _rings():
        if ring.east < box[0] or ring.west > box[2] or ring.north < box[1] or ring.south > box[3]:
            continue
        drawn = _outline([placed(point) for point in ring.points])
        if drawn:
            land[bool(country) and ring.country == country].append(drawn)
    pixels = spread * scale
    return tag(
        "svg",
        tag("title", label),
        tag("rect", width=WIDTH, height=HEIGHT, rx=6, class_="wb-sea"),
        tag("path", d="".join(land[False]), class_="wb-land") if land[False] else None,
        tag("path", d="".join(land[True]), class_="wb-land wb-here") if land[True] else None,
        tag("circle", cx=WIDTH / 2, cy=HEIGHT / 2, r=f"{min(pixels, WIDTH):.1f}", class_="wb-around") if pixels > 6 else None,
        tag("circle", cx=WIDTH / 2, cy=HEIGHT / 2, r=5, class_="wb-spot") if exact else None,
        viewBox=f"0 0 {WIDTH} {HEIGHT}", width=WIDTH, height=HEIGHT, role="img", aria_label=label, class_="wb-map",
    )  # fmt: skip


@cache
def _rings() -> list[_Ring]:
    """The outlines of ``world.json`` in degrees; see the TopoJSON specification for how it holds them."""
    world = json.loads(asset("world.json"))
    (wide, tall), (left, bottom) = world["transform"]["scale"], world["transform"]["translate"]
    arcs: list[list[Point]] = []
    for arc in world["arcs"]:
        x = y = 0
        points = []
        for step_x, step_y, *_ in arc:
            x, y = x + step_x, y + step_y
            points.append((x * wide + left, y * tall + bottom))
        arcs.append(points)
    found = []
    for shape in world["objects"]["countries"]["geometries"]:
        polygons: Any = [shape["arcs"]] if shape["type"] == "Polygon" else shape.get("arcs", ())
        for ring in (ring for polygon in polygons for ring in polygon):
            points = [point for number in ring for point in (arcs[number] if number >= 0 else arcs[~number][::-1])]  # fmt: skip
            easts, norths = [p[0] for p in points], [p[1] for p in points]
            found.append(_Ring(min(easts), min(norths), max(easts), max(norths), str(shape.get("id", "")), points))  # fmt: skip
    return found


def _outline(points: Sequence[Point]) -> str:
    """A ring as a path, cut at the edges, without what is smaller than a pixel."""
    kept: list[Point] = []
    for point in _cut(points):
        if not kept or abs(point[0] - kept[-1][0]) + abs(point[1] - kept[-1][1]) >= 1.2:
            kept.append(point)
    if len(kept) < 3:
        return ""
    return "M" + "L".join(f"{x:.0f} {y:.0f}" for x, y in kept) + "Z"


def _cut(points: Sequence[Point]) -> Sequence[Point]:
    """Sutherland and Hodgman's: cut at each side of the map in turn."""
    for axis, edge, sign in ((0, -3, 1), (0, WIDTH + 3, -1), (1, -3, 1), (1, HEIGHT + 3, -1)):
        points = list(_side(points, axis, edge, sign))
    return points


def _side(points: Sequence[Point], axis: int, edge: float, sign: int) -> Iterator[Point]:
    for before, point in zip([*points[-1:], *points[:-1]], points, strict=True):
        was, now = ((p[axis] - edge) * sign >= 0 for p in (before, point))
        if was != now:
            share = (edge - before[axis]) / (point[axis] - before[axis])
            yield (before[0] + (point[0] - before[0]) * share, before[1] + (point[1] - before[1]) * share)
        if now:
            yield point
