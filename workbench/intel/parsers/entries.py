"""Parsed sources in one Parquet file: what the shipped pack is made of, and a format for exchange.

One row a range, sorted by address. Columns: ``version`` (4 or 6), the first address as ``start_high`` and
``start_low``, its distance to the last one as ``span_high`` and ``span_low`` (uint64 halves; distances of
real ranges repeat, last addresses do not, so they are a fraction of the size), then the attribute columns.
The layers follow each other; how many rows each has and which columns are its own stands, with the
publication date, as JSON in the file's key-value metadata under ``ip-workbench.entries``.
"""

from __future__ import annotations

import json
import os
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from workbench.addresses.columns import Ranges
from workbench.intel.entries import GEO, MEMBERSHIP, NETWORK, Entries, ParsedSource
from workbench.intel.source import Category, Layer, Source, SourceError

__all__ = ["parse", "write_entries"]

KEY = b"ip-workbench.entries"
FORMAT = 1
SCHEMAS = {Layer.GEO: GEO, Layer.NETWORK: NETWORK, Layer.MEMBERSHIP: MEMBERSHIP}
MAX_ROWS = 100_000_000
MAX_BYTES = 8 << 30

_RANGE_COLUMNS = ("version", "start_high", "start_low", "span_high", "span_low")
_DELTA = ("start_high", "start_low")


def write_entries(parsed: ParsedSource, path: Path) -> None:
    """Write ``parsed`` to ``path``, atomically. Ranges of version 0 and the rejected list are left out.

    Raises:
        ValueError: a column of a layer is none of its schema.
    """
    tables: list[pa.Table] = []
    described: dict[str, Any] = {}
    for layer in sorted(parsed.layers):
        table, own = _layer_table(layer, parsed.layers[layer])
        tables.append(table)
        described[str(layer)] = {"rows": len(table), "columns": own}
    about = {
        "format": FORMAT,
        "layers": described,
        "published": parsed.published.isoformat() if parsed.published else None,
        "metadata": parsed.metadata,
    }
    joint = pa.concat_tables(tables, promote_options="default").combine_chunks()
    joint = joint.replace_schema_metadata({KEY: json.dumps(about, sort_keys=True).encode()})
    others = [name for name in joint.column_names if name not in _DELTA]
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, building = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    os.close(handle)
    try:
        pq.write_table(
            joint,
            building,
            compression="zstd",
            compression_level=19,
            use_dictionary=others,
            column_encoding=dict.fromkeys(_DELTA, "DELTA_BINARY_PACKED"),
            dictionary_pagesize_limit=64 << 20,
            write_statistics=False,
            row_group_size=1 << 22,
        )
        Path(building).chmod(0o644)
        Path(building).replace(path)
    finally:
        Path(building).unlink(missing_ok=True)


def _layer_table(layer: Layer, entries: Entries) -> tuple[pa.Table, list[str]]:
    schema = SCHEMAS[layer]
    unknown = set(entries.attributes.column_names) - set(schema.names)
    if unknown:
        raise ValueError(f"not columns of the {layer} layer: {', '.join(sorted(unknown))}")
    ranges = entries.ranges
    order = np.lexsort(
        (~ranges.end_low, ~ranges.end_high, ranges.start_low, ranges.start_high, ranges.version)
    )
    order = order[ranges.version[order] != 0]
    ranges = ranges.take(order)
    span_low = ranges.end_low - ranges.start_low
    span_high = ranges.end_high - ranges.start_high - (ranges.end_low < ranges.start_low)
    columns: dict[str, Any] = {
        "version": ranges.version,
        "start_high": ranges.start_high,
        "start_low": ranges.start_low,
        "span_high": span_high,
        "span_low": span_low,
    }
    own = [name for name in schema.names if name in entries.attributes.column_names]
    attributes = entries.attributes.select(own).take(pa.array(order))
    for name in own:
        columns[name] = attributes.column(name).cast(schema.field(name).type)
    return pa.table(columns), own


def parse(path: Path, source: Source) -> ParsedSource:
    """Read a file that :func:`write_entries` made. Options: none.

    Raises:
        SourceError: the file is not Parquet, is of another format, or contradicts itself.
    """
    try:
        with pq.ParquetFile(path) as file:
            about = _about(file, path, source)
            table = file.read()
    except (pa.ArrowException, OSError) as error:
        raise SourceError(path, f"not a readable Parquet file of entries: {error}", source.id) from error
    layers = {}
    at = 0
    for name, described in about["layers"].items():
        layer = Layer(name)
        part = table.slice(at, described["rows"]).combine_chunks()
        at += described["rows"]
        layers[layer] = _entries(layer, part, described["columns"], path, source)
    published = about["published"]
    metadata = {str(key): str(value) for key, value in about["metadata"].items()}
    return ParsedSource(layers, datetime.fromisoformat(published) if published else None, metadata=metadata)


def _about(file: pq.ParquetFile, path: Path, source: Source) -> dict[str, Any]:
    """The description from the metadata, checked against the file."""

    def refuse(reason: str) -> SourceError:
        return SourceError(path, reason, source.id)

    raw = (file.schema_arrow.metadata or {}).get(KEY)
    if raw is None:
        raise refuse("a Parquet file, but not one of entries (no ip-workbench.entries metadata)")
    size = sum(file.metadata.row_group(i).total_byte_size for i in range(file.metadata.num_row_groups))
    if file.metadata.num_rows > MAX_ROWS or size > MAX_BYTES:
        raise refuse(f"{file.metadata.num_rows} rows, {size} bytes expanded: more than is accepted")
    try:
        about: dict[str, Any] = json.loads(raw)
        version, layers = about["format"], about["layers"]
        rows = sum(int(described["rows"]) for described in layers.values())
        negative = any(described["rows"] < 0 for described in layers.values())
        columns = {name: list(described["columns"]) for name, described in layers.items()}
        known = {str(layer): set(schema.names) for layer, schema in SCHEMAS.items()}
        strange = [name for name in columns if name not in known or set(columns[name]) - known[name]]
        published, metadata = about["published"], about["metadata"]
        if published is not None and datetime.fromisoformat(published).tzinfo is None:
            raise ValueError("publication date without a time zone")
        if not isinstance(metadata, dict):
            raise TypeError("metadata is no object")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise refuse(f"unreadable description of entries: {error!r}") from None
    if version != FORMAT:
        raise refuse(f"entries of format {version}; this version reads format {FORMAT}: make the file anew")
    if strange:
        raise refuse(f"unknown layers or columns in: {', '.join(strange)}")
    if negative or rows != file.metadata.num_rows:
        raise refuse(f"{file.metadata.num_rows} rows where its description says {rows}")
    missing = set(_RANGE_COLUMNS).union(*columns.values()) - set(file.schema_arrow.names)
    if missing:
        raise refuse(f"columns missing: {', '.join(sorted(missing))}")
    return about


def _entries(layer: Layer, table: pa.Table, own: list[str], path: Path, source: Source) -> Entries:
    schema = SCHEMAS[layer]
    try:
        arrays = [
            table.column(name).cast(pa.uint64()).combine_chunks().to_numpy(zero_copy_only=False)
            for name in _RANGE_COLUMNS
        ]
        attributes = pa.table({name: table.column(name).cast(schema.field(name).type) for name in own})
    except pa.ArrowException as error:
        raise SourceError(
            path, f"a column of the {layer} layer has another type: {error}", source.id
        ) from error
    if any(table.column(name).null_count for name in _RANGE_COLUMNS):
        raise SourceError(path, "ranges with missing bounds", source.id)
    version, start_high, start_low, span_high, span_low = arrays
    end_low = start_low + span_low
    carry = end_low < start_low
    end_high = start_high + span_high + carry
    top = np.uint64(1) << np.uint64(32)
    sound = np.where(
        version == 4,
        (start_high == 0) & (span_high == 0) & (end_low < top) & ~carry & (start_low < top),
        (version == 6) & (end_high >= start_high) & ~((span_high == ~np.uint64(0)) & carry),
    )
    if not sound.all():
        raise SourceError(path, f"no address range in row {int(np.argmin(sound))} of {layer}", source.id)
    if "category" in own:
        strange = set(pc.unique(attributes.column("category")).to_pylist()) - {None, *map(str, Category)}
        if strange:
            raise SourceError(path, f"unknown categories: {', '.join(sorted(strange))}", source.id)
    ranges = Ranges(version.astype(np.uint8), start_high, start_low, end_high, end_low)
    return Entries(ranges, attributes)
