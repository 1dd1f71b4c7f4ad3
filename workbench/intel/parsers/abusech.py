"""abuse.ch exports as CSV and JSON: Feodo Tracker, ThreatFox, URLhaus, SSLBL.

All carry comment lines; some have their column names in the last of them. Which export it is follows from
the columns.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from workbench.intel.entries import ParsedSource
from workbench.intel.parsers.building import Rejects, listed, times
from workbench.intel.parsers.content import read_text
from workbench.intel.parsers.lists import published_in
from workbench.intel.parsers.tables import read_csv
from workbench.intel.source import Source, SourceError

__all__ = ["parse"]

MEANINGS = {
    "network": ("dst_ip", "dstip", "ip_address", "ioc_value", "ioc", "url"),
    "first_seen": ("first_seen_utc", "firstseen", "first_seen", "dateadded"),
    "last_seen": ("last_online", "last_seen_utc", "last_seen"),
    "label": ("malware_printable", "malware", "threat"),
    "confidence": ("confidence_level",),
    "note": ("c2_status", "status", "url_status", "threat_type"),
    "kind": ("ioc_type",),
}
"""What is wanted, and what the exports call it."""

_HOST = (
    r"^(?:[A-Za-z][A-Za-z0-9+.-]*://)?(?:[^/@\s]*@)?"
    r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<four>\d+\.\d+\.\d+\.\d+)|(?P<bare>[0-9A-Fa-f]*:[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*))"
    r"(?::\d{1,5})?(?:[/?#].*)?$"
)


def parse(path: Path, source: Source) -> ParsedSource:
    """Read an export. Indicators that are no addresses (domains, hashes, URLs with host names) are passed
    over and counted in ``metadata["passed_over"]``.

    Options: ``min_confidence`` (0-100): leave out what is stated with less.

    Raises:
        SourceError: unreadable, or no export known here.
    """
    text = read_text(path, source)
    rejects = Rejects()
    if text.lstrip()[:1] in ("{", "["):
        table = _from_json(text, path, source, rejects)
    else:
        table = _from_csv(text, path, source, rejects)
    if table is None:
        return listed([], {}, path, source, rejects=rejects, published=published_in(text), may_be_empty=True)
    positions = table.column("_line").to_numpy()
    address = table.column("network").combine_chunks()
    parts = pc.extract_regex(address, _HOST)
    found = [pc.struct_field(parts, name) for name in ("six", "four", "bare")]
    host = pc.coalesce(*(pc.if_else(pc.equal(part, ""), None, part) for part in found))
    # A host name where hosts of any kind are listed is no mistake; where only addresses are, it is one.
    named = host.is_null().to_numpy(zero_copy_only=False) & _of_any_kind(table)
    keep = ~named
    minimum = int(source.options.get("min_confidence", 0))
    if minimum and "confidence" in table.column_names:
        confidence = table.column("confidence").to_numpy(zero_copy_only=False)
        keep &= ~(confidence < minimum)
    kept = pa.array(np.flatnonzero(keep))
    columns = {
        name: table.column(name).take(kept)
        for name in ("first_seen", "last_seen", "label", "confidence", "note")
        if name in table.column_names
    }
    return listed(
        pc.coalesce(host, address).take(kept),
        columns,
        path,
        source,
        positions=positions[keep],
        rejects=rejects,
        published=published_in(text),
        metadata={"passed_over": str(int(named.sum()))},
        may_be_empty=bool(named.any() or minimum),
    )


def _of_any_kind(table: pa.Table) -> NDArray[np.bool_]:
    if "kind" in table.column_names:
        other = pc.not_equal(table.column("kind"), "ip:port")
        return np.asarray(pc.fill_null(other, True).to_numpy())
    is_url = pc.match_substring(table.column("network"), "://")
    return np.asarray(pc.fill_null(is_url, False).to_numpy())


def _from_csv(text: str, path: Path, source: Source, rejects: Rejects) -> pa.Table | None:
    lines = text.split("\n")
    data = [line for line in lines if line.strip() and not line.startswith("#")]
    commented = [line.lstrip("# ") for line in lines if line.startswith("#") and line.count(",") >= 2]
    names = _names(commented[-1]) if commented else []
    header = False
    if not _is_header(names) and data:
        names, header = _names(data[0]), True
    if not _is_header(names):
        if not data and any(line.startswith("#") for line in lines):
            return None
        raise SourceError(path, "no abuse.ch export: no line names its columns", source.id)
    if len(data) == header:
        return None
    # ThreatFox writes a space between comma and quote, which CSV readers take for a part of the value.
    table = read_csv(
        text.replace('", "', '","'),
        path,
        source,
        rejects,
        columns=[_meaning(name) for name in names],
        header=header,
    )
    return _typed(table)


def _from_json(text: str, path: Path, source: Source, rejects: Rejects) -> pa.Table | None:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SourceError(path, f"no JSON: {error}", source.id) from None
    if isinstance(document, dict) and "data" in document:
        document = document["data"]
    if isinstance(document, dict):  # one list for each id
        document = [
            item for items in document.values() for item in (items if isinstance(items, list) else [items])
        ]
    if not isinstance(document, list):
        raise SourceError(path, "no abuse.ch export: neither a list nor an object of lists", source.id)
    if not document:
        return None
    rows: dict[str, list[str | None]] = {name: [] for name in MEANINGS}
    positions = []
    for at, item in enumerate(document, 1):
        if not isinstance(item, dict):
            rejects.add(at, item, "no JSON object")
            continue
        positions.append(at)
        for name, keys in MEANINGS.items():
            value: Any = next((item[key] for key in keys if item.get(key) is not None), None)
            rows[name].append(str(value)[:2000] if isinstance(value, str | int | float) else None)
    if not any(rows["network"]):
        raise SourceError(
            path, "no abuse.ch export: its objects name no address, indicator or URL", source.id
        )
    rows = {name: values for name, values in rows.items() if any(values)}
    rows["network"] = [value or "" for value in rows["network"]]
    return _typed(pa.table({**{n: pa.array(v, pa.string()) for n, v in rows.items()}, "_line": positions}))


def _typed(table: pa.Table) -> pa.Table:
    for name in ("first_seen", "last_seen"):
        if name in table.column_names:
            table = table.set_column(table.column_names.index(name), name, times(table.column(name)))
    if "confidence" in table.column_names:
        fits = pc.fill_null(pc.match_substring_regex(table.column("confidence"), r"^(100|\d{1,2})$"), False)
        value = pc.if_else(fits, table.column("confidence"), None).cast(pa.uint8())
        table = table.set_column(table.column_names.index("confidence"), "confidence", value)
    address = pc.fill_null(table.column("network"), "")
    return table.set_column(table.column_names.index("network"), "network", address)


def _names(line: str) -> list[str]:
    return [name.strip(' "\r#').lower() for name in line.split(",")]


def _is_header(names: list[str]) -> bool:
    return any(name in MEANINGS["network"] for name in names)


def _meaning(name: str) -> str:
    return next((meaning for meaning, names in MEANINGS.items() if name in names), "")
