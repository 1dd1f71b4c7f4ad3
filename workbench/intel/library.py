"""The sources and snapshots this installation has: the shipped pack, what was added since, and what was built."""

from __future__ import annotations

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
from datetime import UTC, date, datetime, time
from functools import lru_cache
from pathlib import Path
from typing import Any

from workbench.intel.compile import compile_snapshot
from workbench.intel.home import data_path, home
from workbench.intel.layers import Input
from workbench.intel.parsers import parse
from workbench.intel.snapshot import Snapshot, SnapshotError
from workbench.intel.source import Category, Layer, Reliability, Source, SourceError

__all__ = [
    "SourceFile",
    "add",
    "available",
    "build",
    "current",
    "open_snapshot",
    "snapshot_ids",
    "write_text",
]

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A source whose file is at hand. ``origin`` is ``pack`` or ``added``."""

    source: Source
    path: Path
    sha256: str
    published: datetime | None
    fetched: datetime | None
    origin: str


def available() -> list[SourceFile]:
    """Every source at hand: the shipped pack, and over it what was fetched or added since."""
    found = {item.source.id: item for item in _pack()}
    found |= {item.source.id: item for item in _added()}
    return sorted(found.values(), key=lambda item: item.source.id)


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
        entry = json.loads(about.read_text(encoding="utf-8"))
        published = _moment(entry["published"]) if entry["published"] else None
        fetched = datetime.fromisoformat(entry["fetched"])
        path = about.parent / entry["file"]
        found.append(SourceFile(_source(entry["source"]), path, entry["sha256"], published, fetched, "added"))
    return found


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

    It is read first: a file that cannot be used is refused and whatever was there before stays.

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
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as copy, path.open("rb") as original:
        shutil.copyfileobj(original, copy)
    os.replace(copy.name, folder / name)
    spoken = parsed.published or published
    now = datetime.now(UTC)
    described = {f.name: getattr(source, f.name) for f in fields(Source) if f.name != "refresh"}
    about = {
        "source": described,
        "file": name,
        "sha256": digest,
        "published": spoken.isoformat() if spoken else None,
        "fetched": now.isoformat(),
    }
    write_text(folder / "source.json", json.dumps(about, indent=1))
    for old in folder.iterdir():
        if old.is_file() and old.name not in (name, "source.json", "fetched.json"):
            old.unlink(missing_ok=True)
    return SourceFile(source, folder / name, digest, spoken, now, "added")


def build(
    files: Iterable[tuple[Source, Path]] = (),
    *,
    only: bool = False,
    progress: Progress | None = None,
) -> Snapshot:
    """Compile all that is at hand, and ``files`` besides, to a new snapshot and make it the current one.

    With ``only`` nothing but ``files`` is used. A source of ``files`` that cannot be used stops the build
    and the current snapshot stays; one of those at hand is left out with a warning.

    Raises:
        SourceError: a file of ``files`` cannot be used.
        SnapshotError: nothing usable is at hand.
    """
    say = progress or (lambda _: None)
    given = {source.id: (source, path) for source, path in files}
    inputs = []
    for source, path in given.values():
        say(source.title)
        if not path.is_file():
            raise SourceError(path, "no such file", source.id)
        fetched = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        inputs.append(Input(source, parse(path, source), _sha256(path), fetched))
    for item in [] if only else available():
        if item.source.id in given:
            continue
        say(item.source.title)
        try:
            inputs.append(_read(item))
        except (SourceError, OSError) as error:
            warnings.warn(f"left out of the snapshot: {error}", stacklevel=2)
    if not inputs:
        raise SnapshotError("nothing to build a snapshot from: no source is at hand")
    directory = home() / "snapshots"
    path = compile_snapshot(inputs, directory, progress)
    write_text(directory / "current", path.name)
    current.cache_clear()
    return Snapshot(path)


def _read(item: SourceFile) -> Input:
    parsed = parse(item.path, item.source)
    if parsed.published is None and item.published is not None:
        parsed = replace(parsed, published=item.published)
    return Input(item.source, parsed, item.sha256, item.fetched)


def snapshot_ids() -> list[str]:
    """Ids of the snapshots on disk, oldest first."""
    return sorted(path.parent.name for path in (home() / "snapshots").glob("*/manifest.json"))


def open_snapshot(which: str | date | datetime | None = None) -> Snapshot:
    """A snapshot by id, or the newest at or before a date; the current one by default.

    Raises:
        SnapshotError: there is none such; the message names those that are.
    """
    if which is None:
        return current()
    ids = snapshot_ids()
    wanted = which if isinstance(which, str) else f"{which:%Y-%m-%d}"
    if wanted in ids:
        return Snapshot(home() / "snapshots" / wanted)
    try:
        date.fromisoformat(wanted)
    except ValueError:
        raise SnapshotError(f"no snapshot {wanted!r}; there are: {', '.join(ids) or 'none'}") from None
    earlier = [name for name in ids if name[:10] <= wanted]
    if not earlier:
        raise SnapshotError(f"no snapshot of {wanted} or before; there are: {', '.join(ids) or 'none'}")
    return Snapshot(home() / "snapshots" / earlier[-1])


@lru_cache(maxsize=1)
def current() -> Snapshot:
    """The snapshot built last; the first call on a fresh machine builds one from the shipped pack."""
    directory = home() / "snapshots"
    try:
        snapshot = Snapshot(directory / (directory / "current").read_text().strip())
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


def _pack_is_newer(snapshot: Snapshot) -> bool:
    """Whether an upgrade of the workbench brought sources that the snapshot was not built from."""
    built = {source.id: source.sha256 for source in snapshot.sources}
    added = {path.parent.name for path in (home() / "sources").glob("*/source.json")}
    return any(built.get(item.source.id) != item.sha256 for item in _pack() if item.source.id not in added)


def write_text(path: Path, text: str) -> None:
    """Written beside and renamed: readers see the old text or the new, never half of one."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    os.replace(handle.name, path)


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
