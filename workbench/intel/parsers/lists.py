"""Plain lists: one address, CIDR block or range a line, with comments and trailing text; and their relatives."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from workbench.addresses.text import parse_networks
from workbench.intel.entries import ParsedSource
from workbench.intel.parsers.building import Rejects, listed, times
from workbench.intel.parsers.content import lines_of, read_text
from workbench.intel.source import Source

__all__ = ["parse", "parse_tor_exits", "published_in"]

# One address with what may belong to it; then what is not (a port, a comment, further columns).
_ENTRY = (
    r'^["\'\[(]?(?P<entry>[0-9A-Fa-f:.]+(?:/[0-9]{1,3})?'
    r"(?:\s*-\s*[0-9A-Fa-f]*[.:][0-9A-Fa-f:.]*)?)"
    r'["\'\])]?(?P<rest>(?:[\s,;#|].*)?)$'
)
_COMMENT = r"^\s*(?:#|;|//|$)"
_PORT = r"^(\d+\.\d+\.\d+\.\d+):\d{1,5}$"
_SPACED = r"\s.*$"
_DATE = re.compile(
    r"(?:date|updated?|generated|modified|last[- ]?modified|timestamp)\b[^:\d]*:?\s*(?P<when>[^\n]{8,60})",
    re.I,
)


def parse(path: Path, source: Source) -> ParsedSource:
    """Read a list. Comments begin with ``#``, ``;`` or ``//``; text after the entry is passed over.

    Options: ``levels`` (bool): the second column counts the lists that agree, as in IPsum, and becomes
    ``level``. ``labels`` (bool): the text after the entry is the label. ``min_level`` (int): entries below
    are left out.

    Raises:
        SourceError: unreadable, empty, a web page, or most lines are no addresses.
    """
    text = read_text(path, source)
    lines = lines_of(text)
    data = ~pc.match_substring_regex(lines, _COMMENT).to_numpy(zero_copy_only=False)
    rows = np.flatnonzero(data)
    content = pc.utf8_trim_whitespace(lines.take(pa.array(rows)))
    parts = pc.extract_regex(content, _ENTRY)
    entry = pc.struct_field(parts, "entry")
    rest = pc.utf8_trim(pc.struct_field(parts, "rest"), " \t,;#|")
    entry = pc.replace_substring_regex(entry, _PORT, r"\1")
    # "192.0.2.1 - de.example" looks like a range and is none: its first word is what counts.
    doubtful = pc.fill_null(pc.match_substring(entry, "-"), False).to_numpy(zero_copy_only=False)
    if doubtful.any():
        wrong = doubtful & (parse_networks(entry).version == 0)
        entry = pc.if_else(pa.array(wrong), pc.replace_substring_regex(entry, _SPACED, ""), entry)
    entry = pc.coalesce(entry, content)
    positions = rows + 1
    columns: dict[str, Any] = {}
    rejects = Rejects()
    if source.options.get("levels"):
        level = pc.struct_field(pc.extract_regex(pc.fill_null(rest, ""), r"^(?P<n>\d{1,4})\b"), "n")
        columns["level"] = pc.coalesce(level.cast(pa.uint16()), pa.scalar(1, pa.uint16()))
        minimum = int(source.options.get("min_level", 0))
        if minimum > 1:
            kept = pc.greater_equal(columns["level"], minimum)
            entry, positions = entry.filter(kept), positions[kept.to_numpy(zero_copy_only=False)]
            columns["level"] = columns["level"].filter(kept)
    elif source.options.get("labels"):
        columns["label"] = pc.if_else(pc.equal(rest, ""), None, pc.utf8_slice_codeunits(rest, 0, 200))
    return listed(
        entry,
        columns,
        path,
        source,
        positions=positions,
        rejects=rejects,
        published=published_in(text),
        may_be_empty=len(lines) > len(rows) and not len(rows),
    )


def published_in(text: str) -> datetime | None:
    """The date that the comments at the head of a list state, if they do."""
    head = [
        line.lstrip("#;/ \t")
        for line in text[:4096].splitlines()[:40]
        if line.lstrip()[:1] in ("#", ";", "/")
    ]
    for line in head:
        found = _DATE.search(line)
        if found and (when := _moment(found["when"].strip())):
            return when
    return None


def _moment(text: str) -> datetime | None:
    """A moment as ISO 8601, RFC 5322 (IPsum), or C's ``asctime`` with a zone (FireHOL)."""
    text = text.strip(" .=#")
    when = times([text.replace(" UTC", "").replace(" (UTC)", "")]).to_pylist()[0]
    if when is not None:
        return datetime.fromtimestamp(when.timestamp(), UTC)
    try:
        parsed = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        parsed = None
    if parsed is not None and parsed.tzinfo is not None:
        return parsed.astimezone(UTC)
    try:
        return datetime.strptime(re.sub(r"\s+(UTC|GMT)\b", "", text), "%a %b %d %H:%M:%S %Y").replace(
            tzinfo=UTC
        )
    except ValueError:
        return None


def parse_tor_exits(path: Path, source: Source) -> ParsedSource:
    """Read the Tor exit list: ``exit-addresses`` records, or the bulk list (one address a line). Options: none.

    A record is ``ExitNode FINGERPRINT``, ``Published``, ``LastStatus``, then one ``ExitAddress ADDRESS
    TIME`` for every address seen (TorDNSEL specification). ``first_seen`` and ``last_seen`` are the earliest
    and latest test that saw the address.

    Raises:
        SourceError: as :func:`parse`.
    """
    text = read_text(path, source)
    if "ExitAddress" not in text:
        return parse(path, source)
    lines = lines_of(text)
    exits = pc.struct_field(
        parts := pc.extract_regex(lines, r"^ExitAddress\s+(?P<address>\S+)\s+(?P<seen>\S.*?)\s*$"), "address"
    )
    nodes = pc.struct_field(pc.extract_regex(lines, r"^ExitNode\s+(?P<id>[0-9A-Fa-f]{40})\s*$"), "id")
    rows = np.flatnonzero(exits.is_valid().to_numpy(zero_copy_only=False))
    node = pc.fill_null_forward(nodes).take(pa.array(rows))
    rejects = Rejects()
    known = pc.match_substring_regex(
        lines, r"^(ExitAddress\s+\S+\s+\S|ExitNode\s|Published\s|LastStatus\s|@|#|Downloaded|\s*$)"
    )
    strange = np.flatnonzero(~known.to_numpy(zero_copy_only=False))
    rejects.add_rows(strange, np.arange(1, len(lines) + 1), lines, "no line of an exit list")
    seen = times(pc.struct_field(parts, "seen").take(pa.array(rows)))
    status = times(pc.struct_field(pc.extract_regex(lines, r"^LastStatus\s+(?P<t>.*)$"), "t"))
    latest = pc.max(status).as_py()
    columns = {
        "first_seen": seen,
        "last_seen": seen,
        "note": pc.binary_join_element_wise("relay ", node.cast(pa.string()), "", null_handling="emit_null"),
    }
    return listed(
        exits.take(pa.array(rows)),
        columns,
        path,
        source,
        positions=rows + 1,
        rejects=rejects,
        published=latest,
    )
