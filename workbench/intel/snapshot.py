"""Open a snapshot: memory-mapped arrays, nothing read until it is touched."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from workbench.addresses.text import numbers_of, text_array
from workbench.intel.compile import FORMAT
from workbench.intel.source import Category
from workbench.intel.writing import sha256_of

__all__ = ["Snapshot", "SnapshotError", "SnapshotSource"]


class SnapshotError(Exception):
    """A snapshot is missing, damaged, or of another format; the message tells which and the mend."""


@dataclass(frozen=True, slots=True)
class SnapshotSource:
    """A source as a snapshot remembers it."""

    id: str
    title: str
    layers: tuple[str, ...]
    category: str | None
    reliability: str
    licence: str
    attribution: str
    homepage: str | None
    published: datetime | None
    fetched: datetime | None
    sha256: str
    entries: int
    rejected: int

    @property
    def as_of(self) -> datetime | None:
        """When the source spoke: its own date, else when it was fetched."""
        return self.published or self.fetched


class Snapshot:
    """An immutable snapshot on disk; see :mod:`workbench.intel.compile` for what the arrays hold.

    Raises:
        SnapshotError: there is no snapshot at ``path``, or files of it are missing or cut short.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            manifest = json.loads((path / "manifest.json").read_text())
        except FileNotFoundError:
            raise SnapshotError(f"no snapshot at {path}: build one with `workbench intel build`") from None
        except ValueError as error:
            raise SnapshotError(
                f"snapshot {path.name} is damaged: its manifest is no JSON ({error})"
            ) from None
        if manifest.get("format") != FORMAT:
            raise SnapshotError(
                f"snapshot {path.name} has format {manifest.get('format')}, this version reads {FORMAT}: "
                "build it anew with `workbench intel build`"
            )
        self.manifest: dict[str, Any] = manifest
        self.id: str = manifest["id"]
        self.as_of = datetime.fromisoformat(manifest["as_of"])
        self.created = datetime.fromisoformat(manifest["created"])
        self.sources = tuple(_source(entry) for entry in manifest["sources"])
        for name, facts in manifest["files"].items():
            try:
                size = (path / name).stat().st_size
            except FileNotFoundError:
                raise SnapshotError(f"snapshot {self.id} is damaged: {name} is missing") from None
            if size != facts["bytes"]:
                raise SnapshotError(
                    f"snapshot {self.id} is damaged: {name} has {size} bytes, not {facts['bytes']}; "
                    "remove it and run `workbench intel build`"
                )

    def __repr__(self) -> str:
        return f"<Snapshot {self.id}: {len(self.sources)} sources, as of {self.as_of:%Y-%m-%d}>"

    def verify(self) -> None:
        """Read every file and compare checksums.

        Raises:
            SnapshotError: naming the first file whose content is not what was written.
        """
        for name, facts in self.manifest["files"].items():
            if sha256_of(self.path / name) != facts["sha256"]:
                raise SnapshotError(f"snapshot {self.id} is damaged: {name} has changed since it was built")

    def array(self, name: str) -> NDArray[Any]:
        """One array of the snapshot, memory-mapped read-only."""
        mapped: NDArray[Any] = np.load(self.path / f"{name}.npy", mmap_mode="r", allow_pickle=False)
        return np.asarray(mapped)

    def strings(self, name: str) -> pa.Array:
        """One dictionary of the snapshot (``country``, ``city``, ``as_org``, ``prefix`` …), memory-mapped."""
        column = self._table(name).column(0)
        return column.chunk(0) if column.num_chunks else text_array([])

    @cached_property
    def evidence(self) -> pa.Table:
        """All list entries: category, label, level, confidence, first and last seen, note, source, entry."""
        return self._table("evidence")

    def entries(self, category: str | None = None, source: str | None = None) -> pa.Table:
        """The list entries, all or those of a category (``tor``, ``attacker`` …) or of a source: source, category,
        label, level, confidence, first and last seen, note, entry.

        Raises:
            LookupError: the snapshot has no such category, or no such source.
        """
        evidence, ids = self.evidence, [item.id for item in self.sources]
        kinds = [str(kind) for kind in Category]
        for wanted, known in ((category, kinds), (source, ids)):
            if wanted is not None and wanted not in known:
                raise LookupError(f"no {wanted!r} in snapshot {self.id}; there are: {', '.join(known)}")
        if category is not None:
            evidence = evidence.filter(pc.equal(evidence.column("category").cast(pa.string()), category))
        if source is not None:
            evidence = evidence.filter(pc.equal(evidence.column("source"), ids.index(source)))
        named = pa.array(ids).take(pa.array(numbers_of(evidence.column("source"))))
        return evidence.drop_columns("source").add_column(0, "source", named)

    def evidence_rows(self, evidence_set: int) -> NDArray[np.int32]:
        """Rows of :attr:`evidence` in one set of the ``judged`` table."""
        offsets = self.array("set_offsets")
        rows: NDArray[np.int32] = self.array("set_items")[offsets[evidence_set] : offsets[evidence_set + 1]]
        return rows

    def row_of(self, version: int, high: int, low: int) -> int:
        """The row of ``rows`` for one address, given as its family and 64-bit halves."""
        if version == 4:
            return int(np.searchsorted(self.array("v4_starts"), np.uint32(low), "right")) - 1
        highs, lows = self.array("v6_high"), self.array("v6_low")
        first, last = (int(np.searchsorted(highs, np.uint64(high), side)) for side in ("left", "right"))
        within = int(np.searchsorted(lows[first:last], np.uint64(low), "right"))
        return len(self.array("v4_starts")) + first + within - 1

    def _table(self, name: str) -> pa.Table:
        with pa.memory_map(str(self.path / f"{name}.arrow")) as source:
            return pa.ipc.open_file(source).read_all()


def _source(entry: dict[str, Any]) -> SnapshotSource:
    moments = {
        name: datetime.fromisoformat(entry[name]) if entry[name] else None
        for name in ("published", "fetched")
    }
    return SnapshotSource(**{**entry, "layers": tuple(entry["layers"]), **moments})
