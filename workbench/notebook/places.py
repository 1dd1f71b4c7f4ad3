"""Where a country is drawn when nothing but the country is known, and how far that can be wrong.

``assets/places.tsv`` has for each ISO 3166-1 code the middle of its largest piece of land and the distance
within which 95 % of its land lies, measured on Natural Earth 1:50m; far overseas territories are not counted.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

__all__ = ["Place", "place_of"]


class Place(NamedTuple):
    """Degrees of WGS 84, and the radius in kilometres."""

    latitude: float
    longitude: float
    radius_km: int


@cache
def _places() -> dict[str, Place]:
    lines = (Path(__file__).parent / "assets" / "places.tsv").read_text(encoding="utf-8").splitlines()
    rows = (line.split("\t") for line in lines)
    return {code: Place(float(lat), float(lon), int(km)) for code, lat, lon, km in rows}


def place_of(country: str) -> Place | None:
    """The middle of a country by its ISO 3166-1 alpha-2 code, or ``None`` for a code not assigned."""
    return _places().get(country)
