"""Enrichment: a column of addresses and a snapshot in, verdicts with their evidence out."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.enrichment.engine import Engine
    from workbench.enrichment.record import Evidence, Intel
    from workbench.enrichment.triage import Triage
    from workbench.intel.snapshot import Snapshot

__all__ = ["Engine", "Evidence", "Intel", "Triage", "open_engine"]

_FROM = {"Engine": "engine", "Evidence": "record", "Intel": "record", "Triage": "triage"}


def open_engine(snapshot: Snapshot | str | None = None) -> Engine:
    """The engine over a snapshot (an object, an id or a date; the current one by default), kept open.

    Raises:
        SnapshotError: there is no such snapshot.
    """
    from workbench.intel import library

    if snapshot is None or isinstance(snapshot, str):
        snapshot = library.open_snapshot(snapshot)
    return _open(snapshot.path)


@lru_cache(maxsize=8)
def _open(path: Path) -> Engine:
    from workbench.enrichment.engine import Engine
    from workbench.intel.snapshot import Snapshot

    return Engine(Snapshot(path))


def __getattr__(name: str) -> Any:
    if name not in _FROM:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_FROM[name]}"), name)
