"""The sources and snapshots this installation has: the shipped pack, what was added since, and what was built."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import sys
import tempfile
import tomllib
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from threading import get_ident
from typing import Any

from workbench.intel.compile import compile_snapshot
from workbench.intel.entries import ParsedSource
from workbench.intel.home import data_path, home
from workbench.intel.layers import Input
from workbench.intel.listing import as_html, as_text
from workbench.intel.locking import locked
from workbench.intel.parsers import parse
from workbench.intel.snapshot import Snapshot, SnapshotError
from workbench.intel.source import Category, Layer, Reliability, Source, SourceError

__all__ = [
    "EARLIEST",
    "SourceFile",
    "Sources",
    "add",
    "available",
    "build",
    "condensed_folder",
    "current",
    "is_built",
    "open_snapshot",
    "reread",
    "snapshot_ages",
    "snapshot_ids",
    "write_text",
]

Progress = Callable[[str], None]

EARLIEST = datetime(1995, 1, 1, tzinfo=UTC)
"""No list is of before: an earlier date is the day zero of a clock or of an archive."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A source whose file is at hand. ``origin`` is ``pack`` or ``added``."""

    source: Source
    path: Path
    sha256: str
    published: datetime | None
    fetched: datetime | None
    origin: str

    @property
    def dated(self) -> str:
        """The day it is of; of a file that tells none, the day it was fetched, and that this is what it is."""
        if self.published:
            return f"{self.published:%Y-%m-%d}"
        return f"fetched {self.fetched:%Y-%m-%d}" if self.fetched else ""


class Sources(list[SourceFile]):
    """Sources at hand; reads as a table."""

    def __repr__(self) -> str:
        return as_text(_HEADS, [_shown(item) for item in self])

    def _repr_html_(self) -> str:
        return as_html(_HEADS, [_shown(item) for item in self], right=("age",))


_HEADS = ("source", "title", "says", "date", "age", "origin", "grade", "licence")


def _shown(item: SourceFile) -> tuple[str, ...]:
    source, spoken = item.source, item.published or item.fetched
    return (
        source.id, source.title, source.category or ", ".join(source.layers), item.dated,
        f"{(datetime.now(UTC) - spoken).days} d" if spoken else "", item.origin, source.reliability, source.licence,
    )  # fmt: skip


def available() -> Sources:
    """Every source at hand: the shipped pack, and over it what was fetched or added since."""
    found = {item.source.id: item for item in _pack()}
    found |= {item.source.id: item for item in _added()}
    return Sources(sorted(found.values(), key=lambda item: item.source.id))


def _pack() -> list[SourceFile]:
    folder = data_path() / "pack"
    listing = folder / "pack.toml"
    if not listing.exists():
        return []
    entries = tomllib.loads(listing.read_text(encoding="utf-8")).get("source", [])
    return [
        SourceFile(
            _source(entry), folder / entry["file"], entry["sha256"], _moment(entry["published"]), None, "pack"
        )
        for entry in entries
    ]


def _added() -> list[SourceFile]:
    found = []
    for about in sorted((home() / "sources").glob("*/source.json")):
        try:
            found.append(_described(about.parent))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            warnings.warn(
                f"passed over: {about} cannot be read ({type(error).__name__}: {error}); update the source anew",
                stacklevel=3,
            )
    return found


def _described(folder: Path) -> SourceFile:
    entry = json.loads((folder / "source.json").read_text(encoding="utf-8"))
    published = _moment(entry["published"]) if entry["published"] else None
    fetched = datetime.fromisoformat(entry["fetched"])
    return SourceFile(
        _source(entry["source"]), folder / entry["file"], entry["sha256"], published, fetched, "added"
    )


def _source(entry: dict[str, Any]) -> Source:
    known = {f.name for f in fields(Source)} - {"refresh"}
    values = {key: value for key, value in entry.items() if key in known}
    values["layers"] = tuple(Layer(layer) for layer in entry["layers"])
    values["reliability"] = Reliability(entry["reliability"])
    values["category"] = Category(entry["category"]) if entry.get("category") else None
    values["location"] = tuple(entry.get("location", ()))
    return Source(**values)


def _moment(value: str | date | datetime) -> datetime:
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if not isinstance(value, datetime):
        value = datetime.combine(value, time())
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def add(source: Source, path: Path, published: datetime | None = None) -> SourceFile:
    """Take the file at ``path`` in as the file of ``source``, for this and later builds.

    It is read first: a file that cannot be used is refused and whatever was there before stays. Its date is the one
    it tells, else ``published``, else when it was written.

    Raises:
        SourceError: the file is missing, cut short, of another format, or no list at all.
    """
    if not path.is_file():
        raise SourceError(path, "no such file", source.id)
    parsed = parse(path, source)
    folder = home() / "sources" / source.id
    folder.mkdir(parents=True, exist_ok=True)
    digest = _sha256(path)
    name = f"{digest[:16]}{''.join(path.suffixes[-2:])}"
    spoken = parsed.published or published
    fetched = _written(path)
    described = {f.name: getattr(source, f.name) for f in fields(Source) if f.name != "refresh"}
    about = {
        "source": described,
        "file": name,
        "sha256": digest,
        "published": spoken.isoformat() if spoken else None,
        "fetched": fetched.isoformat(),
    }
    with locked(folder):
        with tempfile.TemporaryDirectory(dir=folder, prefix=".taking-") as draft:
            shutil.copyfile(path, Path(draft) / name)
            os.replace(Path(draft) / name, folder / name)
        write_text(folder / "source.json", json.dumps(about, indent=1))
        for old in folder.iterdir():
            if old.is_file() and old.name not in (name, "source.json", "fetched.json") and old.name[0] != ".":
                old.unlink(missing_ok=True)
    return SourceFile(source, folder / name, digest, spoken, fetched, "added")


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
        if not path.is_file():
            raise SourceError(path, "no such file", source.id)
        inputs.append(Input(source, parse(path, source), _sha256(path), _written(path)))
    for item in [] if only else available():
        if item.source.id in given:
            continue
        say(item.source.title)
        try:
            inputs.append(_read(item))
        except (SourceError, OSError) as error:
            warnings.warn(f"left out of the snapshot: {error}", stacklevel=3)
    return inputs


def _written(path: Path) -> datetime:
    """When a file was written: nothing in it is newer. Now, where that cannot be: a clock was wrong, or an archive
    gives all of its files the day zero."""
    written, now = datetime.fromtimestamp(path.stat().st_mtime, UTC), datetime.now(UTC)
    return written if EARLIEST <= written <= now else now


def _read(item: SourceFile) -> Input:
    if item.origin == "added":
        with locked(item.path.parent, shared=True):
            item = _described(item.path.parent)  # an update may have replaced it since
            parsed = _checked(item)
    else:
        parsed = _checked(item)
    if parsed.published is None and item.published is not None:
        parsed = replace(parsed, published=item.published)
    return Input(item.source, parsed, item.sha256, item.fetched)


def _checked(item: SourceFile) -> ParsedSource:
    """What the file says, if it is still the file that was taken in: the snapshot will name it by its checksum."""
    if _sha256(item.path) != item.sha256:
        raise SourceError(
            item.path,
            "is not what was taken in: its checksum differs; update the source anew",
            item.source.id,
        )
    return parse(item.path, item.source)


def is_built() -> bool:
    """Whether the current snapshot was built with all that is at hand; False where there is none."""
    try:
        snapshot = _opened()
    except (FileNotFoundError, SnapshotError):
        return False
    built = {source.id: source.sha256 for source in snapshot.sources}
    return all(built.get(item.source.id) == item.sha256 for item in available())


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
                    as_of = created = _moment(name[:10])
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
    return any(built.get(item.source.id) != item.sha256 for item in _pack() if item.source.id not in added)


def write_text(path: Path, text: str) -> None:
    """Written beside and renamed: readers see the old text or the new, never half of one."""
    if path.exists() and not path.is_file():  # a pipe, a terminal
        path.write_text(text, encoding="utf-8")
        return
    draft = path.with_name(f".{path.name}.{os.getpid()}-{get_ident()}")
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "no such folder", str(path.parent))
    try:
        with draft.open("w", encoding="utf-8") as handle:
            handle.write(text)
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(draft, path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
