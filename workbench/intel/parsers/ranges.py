"""CSV of ranges: first and last address or a CIDR block, as text or as numbers, and what is said of it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from numpy.typing import NDArray

from workbench.addresses.columns import Ranges
from workbench.addresses.text import parse as parse_addresses
from workbench.addresses.text import parse_networks
from workbench.intel.entries import GEO, MEMBERSHIP, NETWORK, Entries, ParsedSource
from workbench.intel.parsers.building import Rejects, membership_table, times, too_wide
from workbench.intel.parsers.content import read_text
from workbench.intel.source import Layer, Source, SourceError

__all__ = ["parse", "parse_numbers"]

SYNONYMS = {
    "start": "start", "start_ip": "start", "ip_from": "start", "first": "start", "range_start": "start",
    "network_start_ip": "start", "start_address": "start", "ip_start": "start",
    "end": "end", "end_ip": "end", "ip_to": "end", "last": "end", "range_end": "end",
    "network_last_ip": "end", "end_address": "end", "ip_end": "end",
    "network": "network", "cidr": "network", "ip": "network", "address": "network", "ip_address": "network",
    "ip_prefix": "network", "ip_range": "network", "ipaddress": "network",
    "country": "country", "country_code": "country", "country_iso_code": "country", "cc": "country",
    "region": "region", "state1": "region", "stateprov": "region", "region_name": "region",
    "subdivision_1_name": "region",
    "city": "city", "city_name": "city", "latitude": "latitude", "lat": "latitude",
    "longitude": "longitude", "lng": "longitude", "lon": "longitude",
    "accuracy_radius": "accuracy_km", "accuracy_km": "accuracy_km",
    "timezone": "timezone", "time_zone": "timezone",
    "asn": "asn", "autonomous_system_number": "asn", "as_number": "asn",
    "as_org": "as_org", "autonomous_system_organization": "as_org", "as_name": "as_org", "organization": "as_org",
    "as_description": "as_org", "network_type": "network_type", "as_type": "network_type",
    "prefix": "prefix", "rir": "rir", "registry": "rir",
    "label": "label", "vendor": "label", "hostname": "label", "provider": "label", "category": "category",
    "note": "note", "confidence": "confidence", "first_seen": "first_seen", "last_seen": "last_seen",
    "geoname_id": "geoname_id",
}  # fmt: skip
"""Column names met in headers, and what they are here. Others are passed over."""

BOUNDS = ("start", "end", "network")
_NULLS = ["", "-", "NULL", "null", "\\N"]
_LAYERS = {Layer.GEO: GEO, Layer.NETWORK: NETWORK, Layer.MEMBERSHIP: MEMBERSHIP}
_RIGHT_32 = np.uint64(32)
_MASK_32 = np.uint64(0xFFFFFFFF)


def parse(path: Path, source: Source) -> ParsedSource:
    """Read a CSV of ranges. Which layers it gives follows from its columns and the source's ``layers``.

    Options: ``columns``: what each column is: ``start``, ``end``, ``network``, a column of a layer, or
    ``_`` to pass it over; without it the first line names them. ``header`` (bool): the first line is no
    data (the default without ``columns``). ``delimiter`` (default ``,``). ``family`` (4 or 6): of numeric
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
        delimiter=str(options.get("delimiter", ",")),
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


def read_csv(
    text: str,
    path: Path,
    source: Source,
    rejects: Rejects,
    *,
    columns: Sequence[str] | None = None,
    header: bool = True,
    delimiter: str = ",",
    comment: str = "#",
) -> pa.Table:
    """CSV as text columns, named as :data:`SYNONYMS` has it, and ``_line``, the 1-based line of each row.

    Lines that begin with ``comment`` are passed over; rows with a wrong number of fields are rejected.

    Raises:
        SourceError: there is no row, or the first line names no column known here.
    """
    lines = text.split("\n")
    kept = [at for at, line in enumerate(lines) if line.strip() and not line.lstrip().startswith(comment)]
    names = list(columns) if columns else None
    if header and kept:
        first = kept.pop(0)
        if names is None:
            names = [
                name.strip().strip('"').lower().replace(" ", "_") for name in lines[first].split(delimiter)
            ]
    if not kept or names is None:
        raise SourceError(path, "holds no row of data", source.id)
    renamed = _unique_names(names)
    number = np.array(kept, np.int64) + 1
    skipped: list[int] = []

    def on_invalid(row: Any) -> str:
        at = int(number[row.number - 1]) if row.number is not None and row.number <= len(number) else 0
        skipped.append(row.number)
        rejects.add(at, row.text, f"{row.actual_columns} fields where {row.expected_columns} are expected")
        return "skip"

    content = "\n".join(lines[at] for at in kept) if len(kept) < len(lines) else text
    try:
        table = pa.csv.read_csv(
            io.BytesIO(content.encode()),
            pa.csv.ReadOptions(column_names=renamed, use_threads=False, block_size=1 << 24),
            pa.csv.ParseOptions(
                delimiter=delimiter, invalid_row_handler=on_invalid, ignore_empty_lines=False
            ),
            pa.csv.ConvertOptions(
                column_types=dict.fromkeys(renamed, pa.string()),
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
                null_values=_NULLS,
            ),
        )
    except pa.ArrowInvalid as error:
        raise SourceError(path, f"no readable CSV: {error}", source.id) from None
    keep = np.ones(len(number), bool)
    keep[[row - 1 for row in skipped if row is not None and row <= len(number)]] = False
    number = number[keep]
    if len(number) != len(table):  # a quoted field ran over a line end
        number = np.arange(1, len(table) + 1)
    table = table.combine_chunks()
    trimmed = {
        name: pc.utf8_trim_whitespace(table.column(name)) for name in renamed if not name.startswith("_")
    }
    return pa.table({**trimmed, "_line": number})


def _unique_names(names: Sequence[str]) -> list[str]:
    """Known names in their form here, others as ``_n`` to be passed over; the first of equals counts."""
    known = set(SYNONYMS.values())
    result: list[str] = []
    for at, name in enumerate(names):
        meaning = name if name in known else SYNONYMS.get(name, "")
        result.append(meaning if meaning and meaning not in result else f"_{at}")
    return result


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
