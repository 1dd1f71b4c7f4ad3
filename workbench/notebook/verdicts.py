"""How a verdict looks: its sign, its shape and its colours, the same as in the triage page.

The colours differ in lightness as well as in hue, and each has a sign and a shape of its own, so that nobody
has to tell red from green.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["HOSTILE", "LOOKS", "UNJUDGED", "Look"]


@dataclass(frozen=True, slots=True)
class Look:
    """One verdict as it is drawn. ``fill`` and ``ink`` are ground and text; ``dark`` and ``bright`` are the
    colour as a line on a light and on a dark ground."""

    name: str
    mark: str
    shape: str
    fill: str
    ink: str
    dark: str
    bright: str


UNJUDGED = "unjudged"
LOOKS = (
    Look("malicious", "✖", "square", "#a40e26", "#ffffff", "#a40e26", "#ff7b8b"),
    Look("suspicious", "▲", "triangle", "#c4501b", "#ffffff", "#c4501b", "#ff9d6b"),
    Look("anonymised", "◆", "diamond", "#6639ba", "#ffffff", "#6639ba", "#b794ff"),
    Look("watch", "●", "circle", "#f2c744", "#1b1f24", "#8a6a00", "#f2c744"),
    Look("clean", "✓", "circle", "#d5e8f7", "#0b3d66", "#3f77a6", "#a9cdea"),
    Look(UNJUDGED, "·", "circle", "#8b949e", "#ffffff", "#57606a", "#aab4be"),
)
"""Worst first."""
HOSTILE = frozenset({"malicious", "suspicious", "anonymised"})
