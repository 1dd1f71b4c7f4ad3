"""CSV as text columns with the line of every row, whatever its publisher calls the columns."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from workbench.intel.parsers.building import Rejects
from workbench.intel.source import Source, SourceError

__all__ = ["SYNONYMS", "delimiter_of", "read_csv"]

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
    "geoname_id": "geoname_id", "ioc_type": "kind",
}  # fmt: skip
"""Column names met in headers, and what they are here. Others are passed over."""

_NULLS = ["", "-", "NULL", "null", "\\N"]


def delimiter_of(text: str, comment: str = "#") -> str:
    """What the first line with data is divided by: the comma, or the semicolon of spreadsheets in much of Europe, or tabs."""
    first = next(
        (line for line in text.split("\n") if line.strip() and not line.lstrip().startswith(comment)), ""
    )
    return max(",;\t", key=first.count)


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
