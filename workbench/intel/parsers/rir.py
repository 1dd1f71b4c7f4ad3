"""Delegated statistics of the Regional Internet Registries (RIR statistics exchange format, extended)."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from workbench.addresses.columns import Addresses, Ranges
from workbench.addresses.text import parse as parse_addresses
from workbench.intel.entries import Entries, ParsedSource
from workbench.intel.parsers.building import Rejects
from workbench.intel.parsers.content import read_lines
from workbench.intel.source import Layer, Source, SourceError

__all__ = ["parse"]

REGISTRIES = {"afrinic", "apnic", "arin", "lacnic", "ripencc"}
_NUMBER = r"^\d{1,10}$"


def parse(path: Path, source: Source) -> ParsedSource:
    """Read allocated and assigned address blocks: their registry, and the country they are registered in.

    The country is that of the holder, not of the machines. IPv4 records count addresses, in any number;
    IPv6 records give a prefix length. AS numbers, reserved and free space are passed over. Options: none.

    Raises:
        SourceError: no such file.
    """
    lines = read_lines(path, source)
    fields = pc.split_pattern(lines, "|")
    count = pc.list_value_length(fields)
    version = _version_line(fields, lines)
    if version is None:
        raise SourceError(path, "no statistics file: its version line is missing", source.id)
    comment = pc.match_substring_regex(lines, r"^\s*(#|$)|^[\d.]+\||\|summary\s*$").to_numpy(
        zero_copy_only=False
    )
    length = count.to_numpy(zero_copy_only=False)
    rows = np.flatnonzero(~comment & (length >= 7))
    rejects = Rejects()
    every_line = np.arange(1, len(lines) + 1)
    rejects.add_rows(np.flatnonzero(~comment & (length < 7)), every_line, lines, "fewer than seven fields")
    records = fields.take(pa.array(rows))
    registry, country, kind, start, value, _, status = (pc.list_element(records, k) for k in range(7))
    held = pc.is_in(status, pa.array(["allocated", "assigned"], status.type))
    family4, family6 = pc.equal(kind, "ipv4"), pc.equal(kind, "ipv6")
    used = pc.and_(held, pc.or_(family4, family6)).to_numpy(zero_copy_only=False)
    picked = pa.array(np.flatnonzero(used))
    rows = rows[used]
    registry, country, kind, start, value = (c.take(picked) for c in (registry, country, kind, start, value))
    numeric = pc.match_substring_regex(value, _NUMBER)
    number = pc.if_else(numeric, value, "0").cast(pa.uint64()).to_numpy(zero_copy_only=False)
    first = parse_addresses(start)
    ranges = _blocks(first, number, pc.equal(kind, "ipv4").to_numpy(zero_copy_only=False))
    known = pc.is_in(registry, pa.array(sorted(REGISTRIES), registry.type)).to_numpy(zero_copy_only=False)
    good = (ranges.version != 0) & known
    rejects.add_rows(np.flatnonzero(~good), rows + 1, lines.take(pa.array(rows)), "no block of a registry")
    if not good.any():
        raise SourceError(path, "a statistics file without one allocated block", source.id)
    named = pc.and_(pc.match_substring_regex(country, r"^[A-Za-z]{2}$"), pc.invert(pc.equal(country, "ZZ")))
    where = pc.utf8_upper(pc.if_else(named, country, None)).cast(pa.string())
    layers = {}
    if not source.layers or Layer.NETWORK in source.layers:
        kept = np.flatnonzero(good)
        rir = registry.cast(pa.string()).take(pa.array(kept))
        layers[Layer.NETWORK] = Entries(ranges.take(kept), pa.table({"rir": rir}))
    if not source.layers or Layer.GEO in source.layers:
        kept = np.flatnonzero(good & where.is_valid().to_numpy(zero_copy_only=False))
        layers[Layer.GEO] = Entries(ranges.take(kept), pa.table({"country": where.take(pa.array(kept))}))
    return ParsedSource(layers, version, rejects.result(), rejects.count)


def _version_line(fields: pa.Array, lines: pa.Array) -> datetime | None:
    """The date in ``2|ripencc|1700000000|183721|19830705|20231114|+0100``, the first line that is no comment."""
    for at in range(min(len(lines), 200)):
        text = lines[at].as_py().strip()
        if not text or text.startswith("#"):
            continue
        parts = fields[at].as_py()
        if len(parts) < 6 or not parts[0].replace(".", "").isdigit():
            return None
        for day in (parts[5], parts[2]):
            try:
                return datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC)
            except ValueError:
                continue
        return None
    return None


def _blocks(first: Addresses, number: np.ndarray, is_ipv4: np.ndarray) -> Ranges:
    """``number`` addresses from ``first`` (IPv4), or its prefix of that length (IPv6)."""
    one, full = np.uint64(1), ~np.uint64(0)
    last = first.low + number - one
    fits4 = is_ipv4 & (first.version == 4) & (number > 0) & (number <= 2**32) & (last <= np.uint64(2**32 - 1))
    fits6 = ~is_ipv4 & (first.version == 6) & (number >= 1) & (number <= 128)
    length = np.where(fits6, number, 64).astype(np.uint64)
    # Shifts by 64 are undefined, so the two halves are shifted by at most 63 and the rest chosen.
    upper = np.where(length >= 64, np.uint64(0), full >> np.minimum(length, np.uint64(63)))
    lower = np.where(
        length <= 64, full, full >> np.clip(length.astype(np.int64) - 64, 0, 63).astype(np.uint64)
    )
    lower = np.where(length == 128, np.uint64(0), lower)
    version = np.where(fits4, 4, np.where(fits6, 6, 0)).astype(np.uint8)
    zero = np.uint64(0)
    start_high = np.where(fits6, first.high & ~upper, zero)
    start_low = np.where(fits6, first.low & ~lower, np.where(fits4, first.low, zero))
    end_high = np.where(fits6, first.high | upper, zero)
    end_low = np.where(fits6, first.low | lower, np.where(fits4, last, zero))
    return Ranges(version, start_high, start_low, end_high, end_low)
