"""Intel: sources compiled into immutable, dated snapshots.

``wb.intel.build()`` compiles what is at hand, ``wb.intel.open("2026-08-22")`` opens what was known then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.intel.condensed import prune
    from workbench.intel.holdings import SourceFile, add
    from workbench.intel.holdings import available as sources
    from workbench.intel.library import build, current
    from workbench.intel.library import open_snapshot as open
    from workbench.intel.library import snapshot_ids as snapshots
    from workbench.intel.own import add_file, remove
    from workbench.intel.providers import ask, ask_async
    from workbench.intel.refresh import update
    from workbench.intel.snapshot import Snapshot, SnapshotError, SnapshotSource
    from workbench.intel.source import Category, Layer, Reliability, Source, SourceError
    from workbench.intel.timeline import diff, history

__all__ = [
    "Category",
    "Layer",
    "Reliability",
    "Snapshot",
    "SnapshotError",
    "SnapshotSource",
    "Source",
    "SourceError",
    "SourceFile",
    "add",
    "add_file",
    "ask",
    "ask_async",
    "build",
    "current",
    "diff",
    "history",
    "open",
    "prune",
    "remove",
    "snapshots",
    "sources",
    "update",
]

_FROM = {
    "SourceFile": ("holdings", "SourceFile"),
    "add": ("holdings", "add"),
    "add_file": ("own", "add_file"),
    "remove": ("own", "remove"),
    "ask": ("providers", "ask"),
    "ask_async": ("providers", "ask_async"),
    "build": ("library", "build"),
    "current": ("library", "current"),
    "diff": ("timeline", "diff"),
    "history": ("timeline", "history"),
    "open": ("library", "open_snapshot"),
    "prune": ("condensed", "prune"),
    "snapshots": ("library", "snapshot_ids"),
    "sources": ("holdings", "available"),
    "update": ("refresh", "update"),
    "Snapshot": ("snapshot", "Snapshot"),
    "SnapshotError": ("snapshot", "SnapshotError"),
    "SnapshotSource": ("snapshot", "SnapshotSource"),
    "Category": ("source", "Category"),
    "Layer": ("source", "Layer"),
    "Reliability": ("source", "Reliability"),
    "Source": ("source", "Source"),
    "SourceError": ("source", "SourceError"),
}


def __getattr__(name: str) -> Any:
    if name not in _FROM:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    module, attribute = _FROM[name]
    return getattr(import_module(f"{__name__}.{module}"), attribute)


def __dir__() -> list[str]:
    return __all__
