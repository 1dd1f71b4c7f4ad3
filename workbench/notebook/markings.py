"""How a marking looks on maps and reports: the colour of its label, and what it says beside it."""

from __future__ import annotations

from workbench.secrecy import TLP

__all__ = ["TLP_COLOURS", "TLP_MEANING"]

# TLP 2.0, section "TLP and colours": the label in its colour on black.
TLP_COLOURS = {TLP.CLEAR: "#FFFFFF", TLP.GREEN: "#33FF00", TLP.AMBER: "#FFC000", TLP.AMBER_STRICT: "#FFC000", TLP.RED: "#FF2B2B"}  # fmt: skip
TLP_MEANING = {
    TLP.CLEAR: "Disclosure is not limited",
    TLP.GREEN: "Limited disclosure, the community only",
    TLP.AMBER: "Limited disclosure, the organisation and its clients, need to know",
    TLP.AMBER_STRICT: "Limited disclosure, the organisation only, need to know",
    TLP.RED: "For the eyes of the named recipients only",
}
