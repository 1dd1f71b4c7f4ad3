"""The printed map: the same places as on the interactive one, as an SVG that any printer draws sharp."""

from __future__ import annotations

import json
import math
from functools import cache
from html import escape
from typing import Any

import numpy as np
import pyarrow as pa

from workbench.notebook.browser.shipped import asset
from workbench.notebook.places import place_of
from workbench.notebook.verdicts import HOSTILE, LOOKS, Look

__all__ = ["printed_map"]

_NORTH, _SOUTH, _WIDTH = 84.0, -58.0, 1000.0
_SCALE = _WIDTH / 360
_HEIGHT = (_NORTH - _SOUTH) * _SCALE


def printed_map(table: pa.Table) -> str:
    """A table with ``latitude, longitude, country, verdict`` as SVG: a circle a place, as large as there are addresses,
    in the colour of the worst. Countries stand for places that are not known more closely."""
    ranks = {look.name: rank for rank, look in enumerate(LOOKS)}
    places: dict[tuple[float, float], list[int]] = {}
    for row in table.select(["latitude", "longitude", "country", "verdict"]).to_pylist():
        spot = _spot(row)
        if spot is not None:
            places.setdefault(spot, []).append(ranks.get(row["verdict"], len(LOOKS) - 1))
    circles = []
    # The worst last, so that they lie on top.
    for (x, y), found in sorted(places.items(), key=lambda item: (-min(item[1]), -len(item[1]))):
        look = LOOKS[min(found)]
        radius = 5 + 4.5 * math.sqrt(len(found)) if len(found) > 1 else 6.5
        label = f'<text x="{x:.1f}" y="{y + 4:.1f}" fill="#fff">{len(found)}</text>' if len(found) > 1 else ""
        ring = 2 if look.name in HOSTILE else 1
        circles.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{_ink(look)}" stroke="#fff" stroke-width="{ring}"/>{label}'
        )
    present = [look for rank, look in enumerate(LOOKS) if any(rank in found for found in places.values())]
    legend = "".join(
        f'<span><i style="background:{_ink(look)}"></i>{escape(look.name)}</span>' for look in present
    )
    return (
        f'<div class="printed"><svg viewBox="0 0 {_WIDTH:.0f} {_HEIGHT:.0f}" role="img" aria-label="Map of the addresses">'
        f'<path d="{_land()}" fill="#e3e8ed" stroke="#fff" stroke-width=".6"/>'
        f'<g font-family="Arial, Nimbus Sans, sans-serif" font-size="11" font-weight="700" text-anchor="middle">{"".join(circles)}</g></svg>'
        f'<p class="legend">{legend}<small>Basemap: Natural Earth</small></p></div>'
    )


def _ink(look: Look) -> str:
    """The colour on white paper: that of a line on a light ground."""
    return look.dark


def _spot(row: dict[str, Any]) -> tuple[float, float] | None:
    latitude, longitude = row["latitude"], row["longitude"]
    if latitude is None or longitude is None or latitude != latitude:
        place = place_of(row["country"]) if row["country"] else None
        if place is None:
            return None
        latitude, longitude = place.latitude, place.longitude
    return round(_x(longitude), 1), round(_y(min(max(latitude, _SOUTH), _NORTH)), 1)


def _x(longitude: Any) -> Any:
    return (longitude + 180) * _SCALE


def _y(latitude: Any) -> Any:
    return (_NORTH - latitude) * _SCALE


@cache
def _land() -> str:
    """The countries of the shipped basemap (TopoJSON, Natural Earth) as one path."""
    world = json.loads(asset("world.json"))
    scale, shift = (np.array(world["transform"][name]) for name in ("scale", "translate"))
    arcs = [np.cumsum(np.array(arc), axis=0) * scale + shift for arc in world["arcs"]]
    name = "countries" if "countries" in world["objects"] else next(iter(world["objects"]))
    rings: list[list[int]] = []
    for shape in world["objects"][name].get("geometries", [world["objects"][name]]):
        polygons = {"Polygon": [shape.get("arcs", [])], "MultiPolygon": shape.get("arcs", [])}.get(
            shape["type"], []
        )
        rings += [ring for polygon in polygons for ring in polygon]
    return "".join(_ring(arcs, ring) for ring in rings)


def _ring(arcs: list[Any], ring: list[int]) -> str:
    points = np.concatenate([arcs[index] if index >= 0 else arcs[~index][::-1] for index in ring])
    if points[:, 1].max() < _SOUTH:
        return ""
    xy: Any = np.column_stack([_x(points[:, 0]), _y(np.clip(points[:, 1], _SOUTH - 2, _NORTH))])
    if np.ptp(xy[:, 0]) < 1.2 and np.ptp(xy[:, 1]) < 1.2:  # smaller than a hair on paper
        return ""
    steps = np.abs(np.diff(np.round(xy / 1.5), axis=0)).sum(axis=1) > 0
    kept = xy[np.concatenate([[True], steps])]
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in kept) + "Z"
