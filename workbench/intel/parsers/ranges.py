"""CSV of ranges: first and last address or a CIDR block, as text or as numbers, and what is said of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from workbench.addresses.columns import Ranges
from workbench.addresses.text import parse as parse_addresses
from workbench.addresses.text import parse_networks
from workbench.intel.entries import GEO, MEMBERSHIP, NETWORK, Entries, ParsedSource
from workbench.intel.parsers.building import Rejects, membership_table, times, too_wide
from workbench.intel.parsers.content import read_text
from workbench.intel.parsers.tables import delimiter_of, read_csv
from workbench.intel.source import Layer, Source, SourceError

__all__ = ["parse", "parse_numbers"]

BOUNDS = ("start", "end", "network")
_LAYERS = {Layer.GEO: GEO, Layer.NETWORK: NETWORK, Layer.MEMBERSHIP: MEMBERSHIP}
_RIGHT_32 = np.uint64(32)
_MASK_32 = np.uint64(0xFFFFFFFF)


def parse(path: Path, source: Source) -> ParsedSource:
    """Read a CSV of ranges. Which layers it gives follows from its columns and the source's ``layers``.

    Options: ``columns``: what each column is: ``start``, ``end``, ``network``, a column of a layer, or
    ``_`` to pass it over; without it the first line names them. ``header`` (bool): the first line is no
    data (the default without ``columns``). ``delimiter``: comma, semicolon or tab, as the first line has it. ``family`` (4 or 6): of numeric
    bounds, else told from the largest. ``locations``: shell pattern of the member of the archive that maps
    ``geoname_id`` to places (GeoLite2 CSV). ``constant`` (table): columns with one value for all rows.

    Raises:
        SourceError: unreadable, no usable columns, or most rows are no ranges.
    """
    rejects = Rejects()
    options = source.options
    text = read_text(path, source)
    table = read_csv(
        text, path, source, rejects,
        columns=options.get("columns"),
        header=bool(options.get("header", "columns" not in options)),
        delimiter=str(options.get("delimiter") or delimiter_of(text)),
    )  # fmt: skip
    if "locations" in options and "geoname_id" in table.column_names:
        table = _with_places(table, path, source)
    ranges = _bounds(table, path, source)
    bad = np.flatnonzero(ranges.version == 0)
    positions = table.column("_line").to_numpy()
    total = len(table) + rejects.count
    if not total:
        raise SourceError(path, "holds no range", source.id)
    if (len(bad) + rejects.count) * 2 > total:
        raise SourceError(
            path, f"not a list of ranges: {len(bad) + rejects.count} of {total} rows are none", source.id
        )
    shown = pc.binary_join_element_wise(
        *(pc.fill_null(table.column(n), "") for n in BOUNDS if n in table.column_names), "-"
    )
    rejects.add_rows(bad, positions, shown, "no address range")
    layers: dict[Layer, Entries] = {}
    for layer in source.layers or tuple(_LAYERS):
        entries = _layer(layer, table, ranges, positions, shown, source, rejects)
        if entries is not None:
            layers[layer] = entries
    if not layers:
        wanted = ", ".join(source.layers) or "any layer"
        held = ", ".join(name for name in table.column_names if name != "_line")
        raise SourceError(
            path, f"its columns ({held}) say nothing for {wanted}; set the option `columns`", source.id
        )
    return ParsedSource(layers, None, rejects.result(), rejects.count)


def _bounds(table: pa.Table, path: Path, source: Source) -> Ranges:
    names = table.column_names
    if "start" in names and "end" in names:
        start, end = table.column("start").combine_chunks(), table.column("end").combine_chunks()
        numeric = pc.all(pc.fill_null(pc.match_substring_regex(start.slice(0, 100), r"^\d+$"), False)).as_py()
        if numeric and len(start):
            return _numeric_ranges(start, end, source.options.get("family"))
        first, last = parse_addresses(start), parse_addresses(end)
        good = (first.version == last.version) & (
            (first.high < last.high) | ((first.high == last.high) & (first.low <= last.low))
        )
        return _checked(first.version, good, first.high, first.low, last.high, last.low)
    if "network" in names:
        return parse_networks(table.column("network"))
    held = ", ".join(n for n in names if not n.startswith("_")) or "none that is known"
    raise SourceError(
        path,
        f"no column of ranges among: {held}; option `columns` must name start and end, or network",
        source.id,
    )


def _numeric_ranges(start: pa.Array, end: pa.Array, family: int | None) -> Ranges:
    start_ok, start_high, start_low = parse_numbers(start)
    end_ok, end_high, end_low = parse_numbers(end)
    if family is None:
        family = 6 if (end_high > 0).any() or (end_low > _MASK_32).any() else 4
    good = start_ok & end_ok & ((start_high < end_high) | ((start_high == end_high) & (start_low <= end_low)))
    if family == 4:
        good &= (end_high == 0) & (end_low <= _MASK_32)
    return _checked(np.full(len(good), family, np.uint8), good, start_high, start_low, end_high, end_low)


def _checked(
    version: NDArray[np.uint8],
    good: NDArray[np.bool_],
    start_high: NDArray[np.uint64],
    start_low: NDArray[np.uint64],
    end_high: NDArray[np.uint64],
    end_low: NDArray[np.uint64],
) -> Ranges:
    zero = np.uint64(0)
    return Ranges(
        np.where(good, version, 0).astype(np.uint8),
        *(np.where(good, bound, zero) for bound in (start_high, start_low, end_high, end_low)),
    )


def parse_numbers(text: pa.Array) -> tuple[NDArray[np.bool_], NDArray[np.uint64], NDArray[np.uint64]]:
    """Decimal numbers up to 2**128 - 1 as uint64 halves; the first array tells where there was one."""
    good = pc.fill_null(pc.match_substring_regex(text, r"^\d{1,39}$"), False).to_numpy(zero_copy_only=False)
    filled = pc.if_else(pa.array(good), text, "0").cast(pa.string())
    padded = pc.ascii_lpad(filled, 40, "0")
    digits = np.frombuffer(padded.buffers()[2], np.uint8, len(text) * 40, padded.offset * 40).reshape(-1, 40)
    # Five groups of eight digits; the number so far in four limbs of 32 bits, times 10**8 each round.
    limbs = [np.zeros(len(text), np.uint64) for _ in range(4)]
    for at in range(0, 40, 8):
        carry = np.zeros(len(text), np.uint64)
        for column in range(at, at + 8):
            carry = carry * np.uint64(10) + (digits[:, column] - np.uint8(48))
        for k in range(4):
            value = limbs[k] * np.uint64(10**8) + carry
            limbs[k] = value & _MASK_32
            carry = value >> _RIGHT_32
        good = good & (carry == 0)
    return good, (limbs[3] << _RIGHT_32) | limbs[2], (limbs[1] << _RIGHT_32) | limbs[0]


def _layer(
    layer: Layer,
    table: pa.Table,
    ranges: Ranges,
    positions: NDArray[np.int64],
    shown: Any,
    source: Source,
    rejects: Rejects,
) -> Entries | None:
    schema = _LAYERS[layer]
    columns: dict[str, Any] = {
        name: _typed(name, table.column(name), schema.field(name).type)
        for name in schema.names
        if name in table.column_names
    }
    for name, value in source.options.get("constant", {}).items():
        if name in schema.names:
            columns[name] = pa.repeat(pa.scalar(value, schema.field(name).type), len(table))
    keep = ranges.version != 0
    if layer is Layer.MEMBERSHIP:
        if Layer.MEMBERSHIP not in source.layers:
            return None
        attributes = membership_table(len(table), columns, source)
        wide = too_wide(ranges)
        rejects.add_rows(np.flatnonzero(wide), positions, shown, "wider than any list means")
        keep = keep & ~wide
    else:
        columns = {name: column for name, column in columns.items() if column.null_count < len(column)}
        if not columns:
            return None
        attributes = pa.table(columns)
        empty = np.logical_and.reduce([c.is_null().to_numpy() for c in attributes.columns])
        keep = keep & ~empty
    rows = np.flatnonzero(keep)
    return Entries(ranges.take(rows), attributes.take(pa.array(rows)))


def _typed(name: str, column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """Text in the type of the schema; what does not fit is null."""
    if name == "country":
        fits = pc.match_substring_regex(column, r"^[A-Za-z]{2}$")
        return pc.utf8_upper(pc.if_else(pc.fill_null(fits, False), column, None))
    if pa.types.is_string(kind):
        return column
    if pa.types.is_timestamp(kind):
        return times(column)
    if name == "asn":
        column = pc.replace_substring_regex(column, r"^(?i:AS)", "")
    number = r"^-?\d{1,4}(\.\d{1,18})?$" if pa.types.is_floating(kind) else r"^\d{1,10}$"
    value = pc.if_else(pc.fill_null(pc.match_substring_regex(column, number), False), column, None).cast(
        pa.float64()
    )
    low, high = {
        "latitude": (-90, 90),
        "longitude": (-180, 180),
        "asn": (1, 2**32 - 1),
        "confidence": (0, 100),
    }.get(name, (0, 65535))
    inside = pc.and_(pc.greater_equal(value, low), pc.less_equal(value, high))
    return pc.cast(pc.if_else(pc.fill_null(inside, False), value, None), kind, safe=False)


def _with_places(table: pa.Table, path: Path, source: Source) -> pa.Table:
    """``geoname_id`` replaced by country, region, city and time zone from the locations file."""
    text = read_text(path, source, str(source.options["locations"]))
    places = read_csv(text, path, source, Rejects()).drop_columns("_line")
    if "geoname_id" not in places.column_names:
        raise SourceError(path, "the locations have no column geoname_id", source.id)
    rows = pc.index_in(table.column("geoname_id"), places.column("geoname_id").combine_chunks())
    for name in places.column_names:
        if name not in table.column_names:
            table = table.append_column(name, places.column(name).take(rows))
    return table
