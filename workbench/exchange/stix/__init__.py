"""STIX 2.1 both ways, and STIX patterns over tables of logs."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.exchange.stix.evidence import entries_of
    from workbench.exchange.stix.intake import Imported
    from workbench.exchange.stix.matching import Matches, columns_of, match
    from workbench.exchange.stix.objectstore import ObjectStore
    from workbench.exchange.stix.reading import import_bundle
    from workbench.exchange.stix.syntax import PatternError

_HOME = {
    "Imported": "intake",
    "Matches": "matching",
    "ObjectStore": "objectstore",
    "PatternError": "syntax",
    "columns_of": "matching",
    "entries_of": "evidence",
    "import_bundle": "reading",
    "match": "matching",
}
__all__ = [
    "Imported",
    "Matches",
    "ObjectStore",
    "PatternError",
    "columns_of",
    "entries_of",
    "import_bundle",
    "match",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
