"""The levels that rows bring along, as they come from the store, a case or a partner's table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.secrecy.tlp import TLP

__all__ = ["LEVELS", "OWNER", "level_in"]

LEVELS = ("tlp", "secrecy")
"""Columns that hold a level: a label, or its number as a case has it."""
OWNER = "owner"
"""The column that names the organisation whose level it is."""


def level_in(row: Mapping[str, Any]) -> TLP | None:
    """The highest level that a row names in a column of :data:`LEVELS`; None where it names none.

    Raises:
        ValueError: what stands there is no level.
    """
    named = [level for name in LEVELS if (level := _level(row.get(name))) is not None]
    return max(named, default=None)


def _level(value: Any) -> TLP | None:
    if value is None or value == "" or value != value:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool) and value in list(TLP):
        return TLP(int(value))
    return TLP.parse(str(value))
