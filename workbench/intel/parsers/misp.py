"""MISP warning lists (https://github.com/MISP/misp-warninglists): infrastructure known to raise false alarms."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from workbench.addresses.text import parse_networks
from workbench.intel.entries import ParsedSource
from workbench.intel.parsers.building import Rejects, listed
from workbench.intel.parsers.documents import read_object, text_of
from workbench.intel.source import Source, SourceError

__all__ = ["parse"]


def parse(path: Path, source: Source) -> ParsedSource:
    """Read a ``list.json`` of type ``cidr`` or ``string``; the label is its name unless the source has one.

    Some lists mix addresses with host names; the host names are put aside as rejected. Options: none.

    Raises:
        SourceError: no warning list, or one that holds no address.
    """
    document = read_object(path, source)
    items, kind = document.get("list"), document.get("type")
    if not isinstance(items, list) or not isinstance(kind, str):
        raise SourceError(path, "no MISP warning list (a list and its type are expected)", source.id)
    if kind not in ("cidr", "string"):
        raise SourceError(
            path, f"a warning list of type {kind!r} names no addresses (cidr or string does)", source.id
        )
    rejects = Rejects()
    entries = [item if isinstance(item, str) else "" for item in items]
    name = source.label or text_of(document.get("name")) or source.title
    valid = int((parse_networks(pa.array(entries, pa.string())).version != 0).sum())
    if valid * 2 < len(entries) and valid:
        # A list of host names with some addresses among them is still good for its addresses.
        version = parse_networks(pa.array(entries, pa.string())).version
        for at, entry in enumerate(entries):
            if not version[at]:
                rejects.add(at + 1, entry, "no address")
        entries = [entry for at, entry in enumerate(entries) if version[at]]
        result = listed(entries, {"label": [name] * len(entries)}, path, source, may_be_empty=False)
        return ParsedSource(
            result.layers,
            _published(document.get("version")),
            (*rejects.result(), *result.rejected)[:100],
            rejects.count + result.rejected_count,
            {"name": name},
        )
    return listed(
        entries,
        {"label": [name] * len(entries)},
        path,
        source,
        rejects=rejects,
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
