"""Old snapshots made small: what history tells of an address stays, what a verdict needs goes.

A snapshot condensed is its manifest, a Parquet file of address segments (where, whose, which entries) and one of the
entries: a tenth of the size or less, since cities and coordinates are not in it. It cannot be opened to judge by.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from workbench.intel import library
from workbench.intel.home import home
from workbench.intel.locking import locked
from workbench.intel.past import Listed, Located
from workbench.intel.snapshot import Snapshot, SnapshotError

__all__ = ["Condensed", "Pruned", "condense", "prune"]

GROUP = 1 << 15
"""Rows of a row group: one is read for one address."""


@dataclass(frozen=True, slots=True)
class Pruned:
    """What became small: ids, and bytes before and after."""

    snapshots: tuple[str, ...]
    before: int
    after: int

    def __str__(self) -> str:
        if not self.snapshots:
            return "nothing is that old"
        return f"{len(self.snapshots)} condensed for their history: {self.before / 1e6:,.0f} MB are {self.after / 1e6:,.0f} MB now"

    __repr__ = __str__


def prune(keep: timedelta | int, progress: Callable[[str], None] | None = None) -> Pruned:
    """Condense the snapshots that are older than ``keep`` (days) and remove them; the current one stays.

    History goes on telling of them. Verdicts by them cannot be given again, and :func:`workbench.intel.open` says so.

    Raises:
        ValueError: ``keep`` is negative.
    """
    span = keep if isinstance(keep, timedelta) else timedelta(days=keep)
    if span < timedelta(0):
        raise ValueError(f"snapshots are kept for a number of days, not {keep}")
    directory = home() / "snapshots"
    before = after = 0
    done = []
    current = library.current().id
    with locked(directory):
        for as_of, name in library.snapshot_ages():
            if as_of >= datetime.now(UTC) - span or name == current:
                continue
            try:
                snapshot = Snapshot(directory / name)
            except SnapshotError:
                continue  # damaged: there is nothing to be kept, and it is not for us to throw it away
            if progress:
                progress(name)
            size = sum(path.stat().st_size for path in snapshot.path.rglob("*") if path.is_file())
            small = condense(snapshot, library.condensed_folder())
            # Renamed first: a crash while files go leaves no half snapshot under its name.
            leaving = Path(tempfile.mkdtemp(prefix=".building-", dir=directory))
            snapshot.path.rename(leaving / name)
            shutil.rmtree(leaving, ignore_errors=True)
            done.append(name)
            before, after = before + size, after + small
    return Pruned(tuple(done), before, after)


def condense(snapshot: Snapshot, folder: Path) -> int:
    """Write what history needs of ``snapshot`` below ``folder``, all or nothing; returns the bytes it takes."""
    folder.mkdir(parents=True, exist_ok=True)
    segments = _segments(snapshot)
    starts = [
        [segments.column(name)[at].as_py() for name in ("version", "high", "low")]
        for at in range(0, len(segments), GROUP)
    ]
    with tempfile.TemporaryDirectory(prefix=".condensing-", dir=folder) as scratch:
        made = Path(scratch) / snapshot.id
        made.mkdir()
        shutil.copyfile(snapshot.path / "manifest.json", made / "manifest.json")
        plain = {"compression": "zstd", "compression_level": 9}
        pq.write_table(_entries(snapshot), made / "evidence.parquet", **plain)
        pq.write_table(
            segments.replace_schema_metadata({"starts": json.dumps(starts)}), made / "segments.parquet",
            row_group_size=GROUP, column_encoding=dict.fromkeys(("high", "low"), "DELTA_BINARY_PACKED"),
            use_dictionary=["version", "country", "asn", "as_org", "prefix"], **plain,
        )  # fmt: skip
        with contextlib.suppress(OSError):  # condensed before, by a process that was then stopped
            made.rename(folder / snapshot.id)
    return sum(path.stat().st_size for path in (folder / snapshot.id).iterdir())


def _entries(snapshot: Snapshot) -> pa.Table:
    evidence = snapshot.evidence
    source = evidence.column("source").combine_chunks().cast(pa.int32())
    if isinstance(source, pa.ChunkedArray):
        source = pa.array([], pa.int32())
    return pa.table({
        "source": pa.DictionaryArray.from_arrays(source, pa.array([s.id for s in snapshot.sources])),
        "title": pa.DictionaryArray.from_arrays(source, pa.array([s.title for s in snapshot.sources])),
        **{name: evidence.column(name) for name in ("category", "label", "entry")},
    })  # fmt: skip


def _segments(snapshot: Snapshot) -> pa.Table:
    rows = snapshot.array("rows")[:-1]  # the last is for text that is no address
    place, whose, judged, prefix = rows.T
    asn, org = snapshot.array("network")[whose][:, :2].T
    codes = np.column_stack(
        [snapshot.array("geo")[place][:, 0], asn, org, prefix, snapshot.array("judged")[judged][:, 0]]
    )
    four = snapshot.array("v4_starts")
    high = np.concatenate([np.zeros(len(four), np.uint64), snapshot.array("v6_high")])
    low = np.concatenate([four.astype(np.uint64), snapshot.array("v6_low")])
    keep = np.ones(len(codes), bool)
    keep[1:] = (codes[1:] != codes[:-1]).any(axis=1)
    keep[[0, len(four)]] = True
    codes = codes[keep]
    offsets = snapshot.array("set_offsets").astype(np.int32)
    sets = pa.ListArray.from_arrays(pa.array(offsets), pa.array(snapshot.array("set_items")))
    return pa.table({
        "version": np.where(np.arange(len(keep)) < len(four), 4, 6).astype(np.uint8)[keep],
        "high": high[keep],
        "low": low[keep],
        "country": _coded(snapshot, "country", codes[:, 0]),
        "asn": codes[:, 1].astype(np.int32).view(np.uint32),
        "as_org": _coded(snapshot, "as_org", codes[:, 2]),
        "prefix": _coded(snapshot, "prefix", codes[:, 3]),
        "entries": sets.take(pa.array(codes[:, 4])),
    })  # fmt: skip


def _coded(snapshot: Snapshot, name: str, codes: NDArray[np.int32]) -> pa.Array:
    return snapshot.strings(name).take(pa.array(codes, pa.int32(), mask=codes < 0))


class Condensed:
    """A condensed snapshot.

    Raises:
        SnapshotError: a file of it is missing or damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = pq.ParquetFile(path / "segments.parquet")
            starts = json.loads((self._file.schema_arrow.metadata or {})[b"starts"])
            self._starts = [(int(v), int(high), int(low)) for v, high, low in starts]
            self.as_of = datetime.fromisoformat(json.loads((path / "manifest.json").read_text())["as_of"])
        except (OSError, pa.ArrowException, ValueError, KeyError, TypeError) as error:
            raise SnapshotError(f"the condensed snapshot {path.name} cannot be read: {error}") from None

    def said(self, version: int, high: int, low: int) -> tuple[list[Listed], Located]:
        """As :func:`workbench.intel.past.said_by`."""
        group = bisect_right(self._starts, (version, high, low)) - 1
        try:
            table = self._file.read_row_group(group)
            v, h, lo = (table.column(name).to_numpy() for name in ("version", "high", "low"))
            before = (v < version) | ((v == version) & ((h < high) | ((h == high) & (lo <= low))))
            row = int(np.count_nonzero(before)) - 1
            found = table.slice(row, 1).to_pylist()[0]
            wanted = found["entries"]
            entries = pq.read_table(self.path / "evidence.parquet").take(wanted).to_pylist() if wanted else []
        except (OSError, pa.ArrowException) as error:
            raise SnapshotError(f"the condensed snapshot {self.path.name} cannot be read: {error}") from None
        listed = [
            Listed(item["source"], item["title"], item["category"], item["label"] or "", item["entry"], self.as_of, self.as_of)
            for item in entries
        ]  # fmt: skip
        return listed, Located(
            found["country"], found["asn"] or None, found["as_org"], found["prefix"], self.as_of, self.as_of
        )
