"""From the columns a parser has read to a :class:`ParsedSource`: what is no address is put aside, with where it stood."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from workbench._text import printable
from workbench.addresses.columns import Ranges
from workbench.addresses.text import parse_networks
from workbench.intel.entries import MEMBERSHIP, Entries, ParsedSource, Rejected
from workbench.intel.source import Layer, Source, SourceError

__all__ = ["KEPT", "Rejects", "listed", "membership_table", "times", "too_wide", "united", "visible"]

KEPT = 100
MAX_TEXT = 200
MIN_LENGTH_V4, MIN_LENGTH_V6 = 4, 12
"""A list entry wider than this is a mistake or an attack on the reader: it would brand a tenth of the Internet."""

_TIME = (
    r"^\s*(?P<day>[12]\d{3}-\d\d-\d\d)(?:[T ](?P<time>[0-2]\d:[0-5]\d)(?P<second>:[0-5]\d)?(?:\.\d+)?)?"
    r"\s*(?:Z|UTC|\+00:?00)?\s*$"
)
_OBEYED = r"[\p{Cc}\x{2028}-\x{202E}\x{2066}-\x{2069}]"
"""What a terminal or a page obeys instead of showing it: controls, line ends, and marks that turn the direction of text."""
_WIDE_V4 = np.uint64((1 << (32 - MIN_LENGTH_V4)) - 1)
_WIDE_V6 = np.uint64((1 << (64 - MIN_LENGTH_V6)) - 1)


class Rejects:
    """Collects entries that could not be read: all are counted, the first hundred kept."""

    def __init__(self) -> None:
        self.count = 0
        self._kept: list[Rejected] = []

    def add(self, position: int, text: object, reason: str) -> None:
        """Count one, at 1-based ``position`` (line, or number of the entry in its document)."""
        self.count += 1
        if len(self._kept) < KEPT:
            self._kept.append(Rejected(position, printable(str(text)[:MAX_TEXT], "\ufffd"), reason))

    def add_rows(
        self, rows: NDArray[np.intp], positions: NDArray[np.int64], texts: pa.Array, reason: str
    ) -> None:
        """Count the entries at ``rows`` of ``positions`` and ``texts``."""
        kept = rows[: max(0, KEPT - len(self._kept))]
        for position, text in zip(
            positions[kept].tolist(), texts.take(pa.array(kept)).to_pylist(), strict=True
        ):
            self.add(position, text, reason)
        self.count += len(rows) - len(kept)

    def result(self) -> tuple[Rejected, ...]:
        """The kept ones, in order of position."""
        return tuple(sorted(self._kept, key=lambda r: r.position))


def listed(
    networks: pa.Array | Sequence[str | None],
    columns: Mapping[str, Any],
    path: Path,
    source: Source,
    *,
    positions: NDArray[np.int64] | None = None,
    rejects: Rejects | None = None,
    published: datetime | None = None,
    metadata: dict[str, str] | None = None,
    may_be_empty: bool = False,
) -> ParsedSource:
    """A membership list: ``networks`` as text, ``columns`` of the membership schema, each as long.

    ``category`` and ``label`` default to the source's own. ``positions`` are 1-based.

    Raises:
        SourceError: there is no entry (unless ``may_be_empty``), or most of them are no addresses.
    """
    rejects = rejects or Rejects()
    text = networks if isinstance(networks, pa.Array) else pa.array(networks, pa.string())
    if positions is None:
        positions = np.arange(1, len(text) + 1)
    ranges = parse_networks(text)
    bad = np.flatnonzero(ranges.version == 0)
    total = len(text) + rejects.count
    if (len(bad) + rejects.count) * 2 > total:
        first = f"{text[int(bad[0])].as_py()!r:.120} at {positions[bad[0]]}" if len(bad) else "all unreadable"
        reason = f"not a list of addresses: {len(bad) + rejects.count} of {total} entries are none ({first})"
        raise SourceError(path, reason, source.id)
    if not len(text) and not may_be_empty:
        raise SourceError(path, "holds no address", source.id)
    rejects.add_rows(bad, positions, text, "no address, CIDR block or range")
    wide = np.flatnonzero(too_wide(ranges))
    rejects.add_rows(
        wide, positions, text, f"wider than /{MIN_LENGTH_V4} (IPv6 /{MIN_LENGTH_V6}): no list means that"
    )
    keep = ranges.version != 0
    keep[wide] = False
    rows = np.flatnonzero(keep)
    table = membership_table(len(text), columns, source).take(pa.array(rows))
    return ParsedSource(
        {Layer.MEMBERSHIP: Entries(ranges.take(rows), table)},
        published,
        rejects.result(),
        rejects.count,
        metadata or {},
    )


def too_wide(ranges: Ranges) -> NDArray[np.bool_]:
    """Ranges that cover more than a list can mean."""
    span = np.where(
        ranges.version == 4, ranges.end_low - ranges.start_low, ranges.end_high - ranges.start_high
    )
    return np.asarray(span > np.where(ranges.version == 4, _WIDE_V4, _WIDE_V6))


def membership_table(rows: int, columns: Mapping[str, Any], source: Source) -> pa.Table:
    """``columns`` in the types of the membership schema; category, label and level filled in where missing.

    Raises:
        ValueError: neither the rows nor the source say what being listed means.
    """
    given: dict[str, Any] = dict(columns)
    if source.category is None and "category" not in given:
        raise ValueError(f"source {source.id!r} needs a category: what being on its list means")
    defaults = {
        "category": str(source.category) if source.category else None,
        "label": source.label,
        "level": 1,
    }
    result = {}
    for field in MEMBERSHIP:
        default = defaults.get(field.name)
        if field.name in given:
            column = given[field.name]
            column = (
                column if isinstance(column, pa.Array | pa.ChunkedArray) else pa.array(column, field.type)
            )
            if column.type != field.type:
                column = column.cast(field.type)
            result[field.name] = column if default is None else pc.fill_null(column, default)
        elif default is not None:
            result[field.name] = pa.repeat(pa.scalar(default, field.type), rows)
    return pa.table(result)


def times(text: pa.Array | pa.ChunkedArray | Sequence[str | None]) -> pa.Array:
    """Dates and times in UTC (``2026-06-01``, ``2026-06-01 12:30:00``, with ``T``, ``Z``, ``UTC`` or fractions).

    Anything else, and what no clock shows, is null.
    """
    column = text if isinstance(text, pa.Array | pa.ChunkedArray) else pa.array(text, pa.string())
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    column = column.cast(pa.string())
    parts = pc.extract_regex(column, _TIME)
    day, time, second = (pc.struct_field(parts, name) for name in ("day", "time", "second"))
    time = pc.if_else(pc.equal(time, ""), "00:00", time)
    second = pc.if_else(pc.equal(second, ""), ":00", second)
    full = pc.binary_join_element_wise(day, " ", time, second, "")
    stamps = pc.strptime(full, format="%Y-%m-%d %H:%M:%S", unit="s", error_is_null=True)
    return stamps.cast(pa.timestamp("s", tz="UTC"))


def united(parsed: Sequence[ParsedSource]) -> ParsedSource:
    """Several files of one source as one; columns that only some have are null in the rest."""
    layers: dict[Layer, Entries] = {}
    for layer in Layer:
        found = [item.layers[layer] for item in parsed if layer in item.layers]
        if found:
            ranges = Ranges.concatenate([entries.ranges for entries in found])
            tables = pa.concat_tables([entries.attributes for entries in found], promote_options="default")
            layers[layer] = Entries(ranges, tables.combine_chunks())
    dates = [item.published for item in parsed if item.published is not None]
    metadata = {key: value for item in reversed(parsed) for key, value in item.metadata.items()}
    rejected = tuple(entry for item in parsed for entry in item.rejected)[:KEPT]
    count = sum(item.rejected_count for item in parsed)
    return ParsedSource(layers, min(dates, default=None), rejected, count, metadata)


def visible(parsed: ParsedSource) -> ParsedSource:
    """The same with ``�`` for every character that would be obeyed where it is shown: what labels, notes and names say
    is the word of others, and ends on terminals, in spreadsheets and in pages."""
    layers = {}
    for layer, entries in parsed.layers.items():
        table = entries.attributes
        for at, field in enumerate(table.schema):
            kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
            if pa.types.is_string(kind) or pa.types.is_large_string(kind):
                words = pc.unique(table.column(at)).cast(kind)
                if pc.any(pc.match_substring_regex(words, _OBEYED)).as_py():
                    shown = pc.replace_substring_regex(table.column(at).cast(kind), _OBEYED, "\ufffd")
                    table = table.set_column(at, field, shown.cast(field.type))
        layers[layer] = Entries(entries.ranges, table)
    return replace(parsed, layers=layers)
