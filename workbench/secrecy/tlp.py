"""The Traffic Light Protocol, version 2.0 (FIRST, August 2022)."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["TLP"]


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

    def __str__(self) -> str:
        return f"TLP:{self.label.upper()}"

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)
