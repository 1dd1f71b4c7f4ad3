"""Files of sources that are at hand: the shipped pack, and over it what was fetched or added since."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import tomllib
import warnings
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from workbench.intel.entries import ParsedSource
from workbench.intel.home import data_path, home
from workbench.intel.layers import Input
from workbench.intel.listing import as_html, as_text
from workbench.intel.locking import locked
from workbench.intel.parsers import parse
from workbench.intel.source import Category, Layer, Reliability, Source, SourceError
from workbench.intel.writing import sha256_of, write_text

__all__ = ["EARLIEST", "SourceFile", "Sources", "add", "available", "read", "read_file", "shipped"]

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
    found = {item.source.id: item for item in shipped()}
    found |= {item.source.id: item for item in _added()}
    return Sources(sorted(found.values(), key=lambda item: item.source.id))


def shipped() -> list[SourceFile]:
    """The pack."""
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
    digest = sha256_of(path)
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


def _written(path: Path) -> datetime:
    """When a file was written: nothing in it is newer. Now, where that cannot be: a clock was wrong, or an archive
    gives all of its files the day zero."""
    written, now = datetime.fromtimestamp(path.stat().st_mtime, UTC), datetime.now(UTC)
    return written if EARLIEST <= written <= now else now


def read_file(source: Source, path: Path) -> Input:
    """A file of one's own as input of a build, without taking it in.

    Raises:
        SourceError: the file is missing, or cannot be used.
    """
    if not path.is_file():
        raise SourceError(path, "no such file", source.id)
    return Input(source, parse(path, source), sha256_of(path), _written(path))


def read(item: SourceFile) -> Input:
    """A file at hand as input of a build.

    Raises:
        SourceError: it is not the file that was taken in, or cannot be used.
    """
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
    if sha256_of(item.path) != item.sha256:
        raise SourceError(
            item.path,
            "is not what was taken in: its checksum differs; update the source anew",
            item.source.id,
        )
    return parse(item.path, item.source)
