"""How a marking looks in outputs, on maps and reports, and how it is found again in what a notebook shows."""

from __future__ import annotations

import re
from collections.abc import Iterable

from workbench.secrecy import TLP

__all__ = ["TLP_COLOURS", "TLP_MEANING", "strictest_shown", "tlp_class"]

# TLP 2.0, section "TLP and colours": the label in its colour on black.
TLP_COLOURS = {TLP.CLEAR: "#FFFFFF", TLP.GREEN: "#33FF00", TLP.AMBER: "#FFC000", TLP.AMBER_STRICT: "#FFC000", TLP.RED: "#FF2B2B"}  # fmt: skip
TLP_MEANING = {
    TLP.CLEAR: "Disclosure is not limited",
    TLP.GREEN: "Limited disclosure, the community only",
    TLP.AMBER: "Limited disclosure, the organisation and its clients, need to know",
    TLP.AMBER_STRICT: "Limited disclosure, the organisation only, need to know",
    TLP.RED: "For the eyes of the named recipients only",
}

_SHOWN = re.compile(r"\bwb-tlp wb-(clear|green|amber-strict|amber|red)\b")


def tlp_class(level: TLP) -> str:
    """The classes of a label in HTML. ``marking.ts`` of the JupyterLab extension and :func:`strictest_shown` know it by them."""
    return f"wb-tlp wb-{level.label.replace('+', '-')}"


def strictest_shown(texts: Iterable[str]) -> TLP | None:
    """The highest level whose label is in some HTML, also where that is text in other HTML, as in a frame."""
    return max(
        (TLP.parse(name.replace("-", "+")) for text in texts for name in _SHOWN.findall(text)), default=None
    )
