"""Maps of addresses that need no network: drawn from a table, a folium map each."""

from __future__ import annotations

from workbench.notebook.maps.drawing import draw
from workbench.notebook.maps.page import AddressMap

__all__ = ["AddressMap", "draw"]
