"""MISP warning lists (https://github.com/MISP/misp-warninglists): infrastructure known to raise false alarms."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from workbench.intel.entries import ParsedSource
from workbench.intel.parsers.building import listed
from workbench.intel.parsers.documents import read_object, text_of
from workbench.intel.source import Source, SourceError

__all__ = ["parse"]


def parse(path: Path, source: Source) -> ParsedSource:
    """Read a ``list.json`` of type ``cidr`` or ``string``; the label is its name unless the source has one.

    Options: none.

    Raises:
        SourceError: no warning list, or one of other things than addresses (host names, hashes: some of
            those read as an address by accident, so a list must be one of addresses for the most part).
    """
    document = read_object(path, source)
    items, kind = document.get("list"), document.get("type")
    if not isinstance(items, list) or not isinstance(kind, str):
        raise SourceError(path, "no MISP warning list (a list and its type are expected)", source.id)
    if kind not in ("cidr", "string"):
        raise SourceError(
            path, f"a warning list of type {kind!r} names no addresses (cidr or string does)", source.id
        )
    entries = [item if isinstance(item, str) else "" for item in items]
    name = source.label or text_of(document.get("name")) or source.title
    return listed(
        entries,
        {"label": [name] * len(entries)},
        path,
        source,
        published=_published(document.get("version")),
        metadata={"name": name},
    )


def _published(version: object) -> datetime | None:
    """The version of a warning list is its date as a number, 20260801 or (generated ones) 26080114."""
    for form in ("%Y%m%d", "%y%m%d%H"):
        try:
            day = datetime.strptime(str(version)[:8], form).replace(tzinfo=UTC)
        except ValueError:
            continue
        if 2014 <= day.year < 2100:  # the first warning lists are of 2014
            return day
    return None
