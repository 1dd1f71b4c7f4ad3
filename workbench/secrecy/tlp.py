"""The Traffic Light Protocol, version 2.0 (FIRST, August 2022)."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["TLP"]

# TLP 2.0, "TLP definitions", the first sentence of each.
_DEFINITIONS = (
    "Recipients can spread this to the world, there is no limit on disclosure.",
    "Limited disclosure, recipients can spread this within their community.",
    "Limited disclosure, recipients can only spread this on a need-to-know basis within their organization and its clients.",
    "Limited disclosure, recipients can only spread this on a need-to-know basis within their organization.",
    "For the eyes and ears of individual recipients only, no further disclosure.",
)


class TLP(IntEnum):
    """The five labels, open to closed: ``TLP.GREEN < TLP.AMBER``. ``str(TLP.RED)`` is ``"TLP:RED"``."""

    CLEAR = 0
    GREEN = 1
    AMBER = 2
    AMBER_STRICT = 3
    RED = 4

    @classmethod
    def parse(cls, text: str | TLP) -> TLP:
        """A label as people write it: ``"TLP:AMBER+STRICT"``, ``"amber"``, and ``"WHITE"`` of TLP 1.0.

        Raises:
            ValueError: no label of TLP 1.0 or 2.0.
        """
        if isinstance(text, TLP):
            return text
        name = text.strip().upper().removeprefix("TLP:").strip()
        try:
            return cls["CLEAR" if name == "WHITE" else name.replace("+", "_")]
        except KeyError:
            labels = ", ".join(level.label for level in cls)
            raise ValueError(f"{text!r} is no TLP label; there are: {labels}") from None

    @property
    def label(self) -> str:
        """The label without its prefix, in lower case, as STIX and the database have it: ``amber+strict``."""
        return self.name.lower().replace("_", "+")

    @property
    def definition(self) -> str:
        """What it means, in FIRST's words; those of AMBER with the restriction that +STRICT puts on it."""
        return _DEFINITIONS[self]

    def __str__(self) -> str:
        return f"TLP:{self.label.upper()}"

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)
