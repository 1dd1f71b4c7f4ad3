"""Two versions of one thing, as a reader compares them."""

from __future__ import annotations

from typing import Any

from workbench.secrecy import TLP
from workbench.store.profile import ThreatLevel

__all__ = ["words_of"]


def words_of(field: str | None, value: Any) -> str:
    """A value of a field of a profile in words."""
    if field == "secrecy" and isinstance(value, int):
        return str(TLP(value))
    if field == "threat_level" and isinstance(value, int):
        return str(ThreatLevel(value))
    if field == "deleted":
        return "deleted" if value else "kept"
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(sorted(map(str, value)))
    return "" if value is None else str(value)
