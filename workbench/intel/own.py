"""Files of one's own as sources: a list, a table, an MMDB, a STIX bundle, without an entry in a catalogue."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from workbench.intel import holdings
from workbench.intel.home import home
from workbench.intel.locking import locked
from workbench.intel.parsers import COMMON_OPTIONS, PARSERS, parse
from workbench.intel.parsers.documents import read_object
from workbench.intel.source import Category, Reliability, Source, SourceError

__all__ = ["add_file", "remove"]

_BY_SUFFIX = {".mmdb": "mmdb", ".parquet": "entries", ".json": "json", ".csv": "csv"}
_HEADERS = re.compile(rb"^\s*\"?(start|end|network)\"?\s*[,;\t]", re.IGNORECASE)
"""A table that names its bounds, as the parser ``ranges`` reads it; any other CSV is a list with labels."""
_SILENT = ("list", "misp")
"""Formats that say of an address only that it is there."""


def add_file(
    path: Path | str,
    *,
    category: Category | str | None = None,
    id: str | None = None,
    title: str | None = None,
    reliability: Reliability | str = Reliability.B,
    licence: str = "own",
    parser: str | None = None,
    published: datetime | None = None,
    **options: Any,
) -> holdings.SourceFile:
    """Take a file of one's own in, for this and later builds: ``wb.intel.add_file("blocklist.txt", category="attacker")``.

    A list has an address, block or range a line, and what follows is its label; a CSV whose first column is ``network``
    or ``start`` is a table of ranges; MMDB files of any vendor, STIX bundles, MISP warning lists and Parquet files of
    entries are told by what is in them, anything else by ``parser`` and its ``options``. ``category`` says what being
    on the list means; ``reliability`` is on the Admiralty scale and weighs in every verdict. The same ``id`` (the
    name of the file, by default) again replaces what was there; ``build`` makes it count.

    Raises:
        SourceError: the file is missing or cannot be used; what was there before stays.
        ValueError: the category, grade, parser or an option is none, or a list comes without a category.
    """
    path = Path(path)
    name = id or re.sub(r"[^a-z0-9]+", "-", path.name.partition(".")[0].lower()).strip("-")[:64] or "own"
    kind = _member(Category, category, "category") if category is not None else None
    source = Source(
        id=_checked(name), title=title or path.name, parser="list", layers=(), category=kind, licence=licence,
        reliability=_member(Reliability, reliability, "reliability"), attribution=title or path.name,
    )  # fmt: skip
    if not path.is_file():
        raise SourceError(path, "no such file", name)
    source = replace(source, parser=parser or _parser_of(path, source))
    if source.parser not in PARSERS:
        raise ValueError(f"no parser {source.parser!r}; there are: {', '.join(sorted(PARSERS))}")
    known = PARSERS[source.parser].options | COMMON_OPTIONS
    if unknown := sorted(set(options) - known):
        raise ValueError(
            f"parser {source.parser!r} has no option {unknown[0]!r}; it has: {', '.join(sorted(known))}"
        )
    if source.parser == "list" and not options.get("levels"):
        options.setdefault("labels", True)
    if kind is None and source.parser in _SILENT:
        raise ValueError(
            f"what does it mean to be in {path.name}? say its category, one of: {', '.join(Category)}"
        )
    source = replace(source, options=options)
    source = replace(source, layers=tuple(parse(path, source).layers))
    return holdings.add(source, path, published)


def remove(id: str) -> None:
    """Take a source that was added or fetched out of later builds; one of the shipped pack shows again where it was replaced.

    Raises:
        LookupError: no such source was added.
    """
    folder = home() / "sources" / _checked(id)
    if not (folder / "source.json").exists():
        added = [item.source.id for item in holdings.available() if item.origin == "added"]
        raise LookupError(f"no source {id!r} was added; there are: {', '.join(added) or 'none'}")
    with locked(folder):
        (folder / "source.json").unlink()
    shutil.rmtree(folder, ignore_errors=True)


def _parser_of(path: Path, source: Source) -> str:
    suffix = (
        path.suffixes[-2]
        if path.suffix in (".gz", ".bz2", ".xz", ".zst") and len(path.suffixes) > 1
        else path.suffix
    )
    told = _BY_SUFFIX.get(suffix.lower(), "list")
    if told == "csv":
        with path.open("rb") as file:
            return "ranges" if _HEADERS.match(file.readline(4096)) else "list"
    if told != "json":
        return told
    document = read_object(path, source)
    if document.get("type") == "bundle":
        return "stix"
    if isinstance(document.get("list"), list):
        return "misp"
    raise ValueError(
        f"{path.name} is JSON, but neither a STIX bundle nor a MISP warning list: say parser=, one of: {', '.join(sorted(PARSERS))}"
    )


def _checked(name: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,63}", name):
        raise ValueError(f"{name!r} is no id of a source: lower-case letters, digits and hyphens")
    return name


def _member(kind: Any, value: Any, what: str) -> Any:
    try:
        return kind(value)
    except ValueError:
        raise ValueError(f"no {what} {value!r}; there are: {', '.join(kind)}") from None
