"""The snapshots this installation has, and building them from the files at hand."""

from __future__ import annotations

import json
import shutil
import sys
import warnings
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path

from workbench.intel import holdings
from workbench.intel.compile import compile_snapshot
from workbench.intel.home import home
from workbench.intel.layers import Input
from workbench.intel.locking import locked
from workbench.intel.snapshot import Snapshot, SnapshotError
from workbench.intel.source import Source, SourceError
from workbench.intel.writing import write_text

__all__ = [
    "build",
    "condensed_folder",
    "current",
    "is_built",
    "open_snapshot",
    "reread",
    "snapshot_ages",
    "snapshot_ids",
]

Progress = Callable[[str], None]


def build(
    files: Iterable[tuple[Source, Path]] = (),
    *,
    only: bool = False,
    progress: Progress | None = None,
) -> Snapshot:
    """Compile all that is at hand, and ``files`` besides, to a new snapshot and make it the current one.

    With ``only`` nothing but ``files`` is used. A source of ``files`` that cannot be used stops the build
    and the current snapshot stays; one of those at hand is left out with a warning. Of several processes
    one builds at a time, so that the snapshot made last knows what all of them brought.

    Raises:
        SourceError: a file of ``files`` cannot be used.
        SnapshotError: nothing usable is at hand.
    """
    say = progress or (lambda _: None)
    directory = home() / "snapshots"
    directory.mkdir(parents=True, exist_ok=True)
    with locked(directory):
        for left in directory.glob(
            ".building-*"
        ):  # of a process that was killed: none builds now but this one
            shutil.rmtree(left, ignore_errors=True)
        inputs = _inputs({source.id: (source, path) for source, path in files}, only, say)
        if not inputs:
            raise SnapshotError("nothing to build a snapshot from: no source is at hand")
        path = compile_snapshot(inputs, directory, progress)
        write_text(directory / "current", path.name)
    reread()
    return Snapshot(path)


def _inputs(given: dict[str, tuple[Source, Path]], only: bool, say: Progress) -> list[Input]:
    inputs = []
    for source, path in given.values():
        say(source.title)
        inputs.append(holdings.read_file(source, path))
    for item in [] if only else holdings.available():
        if item.source.id in given:
            continue
        say(item.source.title)
        try:
            inputs.append(holdings.read(item))
        except (SourceError, OSError) as error:
            warnings.warn(f"left out of the snapshot: {error}", stacklevel=3)
    return inputs


def is_built() -> bool:
    """Whether the current snapshot was built with all that is at hand; False where there is none."""
    try:
        snapshot = _opened()
    except (FileNotFoundError, SnapshotError):
        return False
    built = {source.id: source.sha256 for source in snapshot.sources}
    return all(built.get(item.source.id) == item.sha256 for item in holdings.available())


def snapshot_ids() -> list[str]:
    """Ids of the snapshots on disk, oldest first."""
    return [name for _, name in snapshot_ages()]


def condensed_folder() -> Path:
    """Where :mod:`workbench.intel.condensed` keeps what history needs of snapshots that are gone."""
    return home() / "history"


def snapshot_ages(*, condensed: bool = False) -> list[tuple[datetime, str]]:
    """What each snapshot on disk is as of, and its id, oldest first; of one moment the one built last is last.

    Of a damaged one the date in its name is taken. ``condensed`` adds those of which only the history is left.
    """
    found = {}
    for folder in [home() / "snapshots", *([condensed_folder()] if condensed else [])]:
        for path in folder.glob("*/manifest.json"):
            name = path.parent.name
            try:
                manifest = json.loads(path.read_text(encoding="utf-8"))
                as_of, created = (datetime.fromisoformat(manifest[key]) for key in ("as_of", "created"))
            except (OSError, ValueError, KeyError, TypeError):
                try:
                    as_of = created = datetime.combine(date.fromisoformat(name[:10]), time(), UTC)
                except ValueError:
                    continue
            found[name] = as_of, created
    return [(as_of, name) for name, (as_of, _) in sorted(found.items(), key=lambda item: (item[1], item[0]))]


def open_snapshot(which: str | date | datetime | None = None) -> Snapshot:
    """A snapshot by id, or the newest at or before a date (its whole day, in UTC) or a moment; the current one by default.

    Raises:
        SnapshotError: there is none such; the message names those that are. Or it was condensed, and only its
            history is left.
    """
    if which is None:
        return current()
    ages = snapshot_ages(condensed=True)
    ids = [name for _, name in ages]
    if isinstance(which, str) and which in ids:
        return _whole(which)
    until = _end_of(which)
    if until is None:
        raise SnapshotError(
            f"no snapshot {which!r}; wanted is a date, as 2026-08-22, or one of: {', '.join(ids) or 'none, as none is built yet'}"
        )
    earlier = [name for as_of, name in ages if as_of <= until]
    if not earlier:
        raise SnapshotError(f"no snapshot of {which} or before; there are: {', '.join(ids) or 'none'}")
    return _whole(earlier[-1])


def _whole(name: str) -> Snapshot:
    path = home() / "snapshots" / name
    if not path.exists() and (condensed_folder() / name).exists():
        whole = ", ".join(snapshot_ids()) or "none"
        raise SnapshotError(
            f"snapshot {name} was condensed: wb.intel.history tells of it, but no verdict can be given by it. "
            f"Whole are: {whole}"
        )
    return Snapshot(path)


def _end_of(which: str | date | datetime) -> datetime | None:
    """The last moment that is meant: of a date its day's, in UTC; None for text that is neither date nor time."""
    if isinstance(which, str):
        text = which.strip()
        try:
            which = date.fromisoformat(text)
        except ValueError:
            try:
                which = datetime.fromisoformat(text)
            except ValueError:
                return None
    if isinstance(which, datetime):
        return which if which.tzinfo else which.replace(tzinfo=UTC)
    return datetime.combine(which, time(), UTC) + timedelta(days=1, microseconds=-1)


def current() -> Snapshot:
    """The snapshot built last; the first call on a fresh machine builds one from the shipped pack."""
    return _current(home())


def reread() -> None:
    """Have the next :func:`current` look which snapshot that is, as another process may have built one."""
    _current.cache_clear()


@lru_cache(maxsize=1)
def _current(_of: Path) -> Snapshot:
    try:
        snapshot = _opened()
        if not _pack_is_newer(snapshot):
            return snapshot
        print("The shipped intel changed since the last snapshot: building a new one …", file=sys.stderr)
    except FileNotFoundError:
        print(
            "Building the first intel snapshot from the shipped data (once, a few seconds) …", file=sys.stderr
        )
    except SnapshotError as error:
        print(f"{error}\nBuilding a new one …", file=sys.stderr)
    return build()


def _opened() -> Snapshot:
    directory = home() / "snapshots"
    return Snapshot(directory / (directory / "current").read_text().strip())


def _pack_is_newer(snapshot: Snapshot) -> bool:
    """Whether an upgrade of the workbench brought sources that the snapshot was not built from."""
    built = {source.id: source.sha256 for source in snapshot.sources}
    added = {path.parent.name for path in (home() / "sources").glob("*/source.json")}
    return any(
        built.get(item.source.id) != item.sha256 for item in holdings.shipped() if item.source.id not in added
    )
