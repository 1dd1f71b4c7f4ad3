"""STIX 2.1 both ways, and STIX patterns over tables of logs."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.exchange.stix.matching import Matches, columns_of, match
    from workbench.exchange.stix.syntax import PatternError

_HOME = {
    "Matches": "matching",
    "PatternError": "syntax",
    "columns_of": "matching",
    "match": "matching",
}
__all__ = ["Matches", "PatternError", "columns_of", "match"]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
