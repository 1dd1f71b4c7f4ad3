"""BGP routing tables in MRT (RFC 6396, TABLE_DUMP_V2), as RouteViews and RIPE RIS publish them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from workbench.addresses.columns import Ranges
from workbench.addresses.compiled import run
from workbench.addresses.text import to_text_of_ranges
from workbench.intel.entries import Entries, ParsedSource
from workbench.intel.parsers.building import Rejects
from workbench.intel.parsers.content import open_stream
from workbench.intel.parsers.mrt_kernels import DAMAGED, MAX_ORIGINS, read_routes
from workbench.intel.source import Layer, Source, SourceError

__all__ = ["parse"]

BLOCK = 16 << 20
MAX_RECORD = 8 << 20
"""The longest record believed: a prefix with 65,535 routes of 120 octets."""
SMALLEST_RECORD = 12 + 7


def parse(path: Path, source: Source) -> ParsedSource:
    """Read a table dump: every announced prefix with its origin AS.

    A prefix with several origins gets the one that most routes have, of equals the lowest number; how many
    there were of those is in ``metadata["several_origins"]``. Where a path ends in a set of ASes, or in a
    private or reserved one, the origin is unknown. Default routes are left out. Options: ``min_routes``
    (default 1): leave out prefixes that fewer peers see, which are often leaks.

    Raises:
        SourceError: no table dump, cut short, or damaged.
    """
    minimum = int(source.options.get("min_routes", 1))
    state = np.zeros(7, np.int64)
    origins, votes = np.zeros(MAX_ORIGINS, np.int64), np.zeros(MAX_ORIGINS, np.int64)
    parts: list[list[NDArray[Any]]] = []
    with open_stream(path, source) as stream:
        rest = b""
        while chunk := stream.read(BLOCK):
            block = rest + chunk
            state[0] = 0
            rows = len(block) // SMALLEST_RECORD + 1
            columns: list[NDArray[Any]] = [
                np.zeros(rows, np.int64),
                np.zeros(rows, np.uint8),
                np.zeros(rows * 16, np.uint8),
                np.zeros(rows, np.uint8),
                np.zeros(rows, np.int64),
                np.zeros(rows, np.int32),
                np.zeros(rows, np.uint8),
            ]
            data = np.frombuffer(block, np.uint8)
            used = run(read_routes, len(block), data, len(block), MAX_RECORD, origins, votes, state, *columns)
            if used == DAMAGED:
                raise SourceError(
                    path, f"no MRT record after record {state[1]}: its length is impossible", source.id
                )
            filled = int(state[0])
            parts.append(
                [column[: filled * (16 if k == 2 else 1)].copy() for k, column in enumerate(columns)]
            )
            rest = block[used:]
    if rest:
        raise SourceError(path, f"cut short within record {state[1] + 1}", source.id)
    joined = [np.concatenate(columns) for columns in zip(*parts, strict=True)]
    if not len(joined[0]):
        raise SourceError(
            path, "holds no routing table of the kind TABLE_DUMP_V2 (RFC 6396 section 4.3)", source.id
        )
    if state[5] * 2 > state[1]:
        raise SourceError(path, f"{state[5]} of {state[1]} records are damaged", source.id)
    return _parsed(joined, state, minimum)


def _parsed(columns: list[NDArray[Any]], state: NDArray[np.int64], minimum: int) -> ParsedSource:
    _, version, prefix, length, origin, routes, several = columns
    rejects = Rejects()
    if state[5]:
        rejects.add(int(state[6]), "", "the record does not hold what its lengths say")
        rejects.count = int(state[5])
    halves = prefix.reshape(-1, 16).view(">u8").astype(np.uint64)
    kept = np.flatnonzero((length > 0) & (routes >= minimum))
    ranges = _ranges(version[kept], halves[kept], length[kept])
    asn = origin[kept].astype(np.uint32)
    table = pa.table({"asn": pa.array(asn, mask=asn == 0), "prefix": to_text_of_ranges(ranges)})
    metadata = {
        "peers": str(state[2]),
        "several_origins": str(int(several[kept].sum())),
        "unknown_origin": str(int((asn == 0).sum())),
        "other_records": str(state[4]),
    }
    published = datetime.fromtimestamp(int(state[3]), UTC) if state[3] else None
    return ParsedSource(
        {Layer.NETWORK: Entries(ranges, table)}, published, rejects.result(), rejects.count, metadata
    )


def _ranges(version: NDArray[np.uint8], halves: NDArray[np.uint64], length: NDArray[np.uint8]) -> Ranges:
    full, bits = ~np.uint64(0), length.astype(np.int64)
    is_v4 = version == 4
    # Shifting by 64 is undefined: the upper mask is chosen where there are no more than 63 bits to shift.
    upper = np.where(bits >= 64, np.uint64(0), full >> np.clip(bits, 0, 63).astype(np.uint64))
    lower = np.where(bits <= 64, full, full >> np.clip(bits - 64, 0, 63).astype(np.uint64))
    lower = np.where(bits == 128, np.uint64(0), lower)
    first4 = halves[:, 0] >> np.uint64(32)
    host4 = np.uint64(0xFFFFFFFF) >> np.clip(bits, 0, 32).astype(np.uint64)
    zero = np.uint64(0)
    return Ranges(
        version,
        np.where(is_v4, zero, halves[:, 0] & ~upper),
        np.where(is_v4, first4 & ~host4, halves[:, 1] & ~lower),
        np.where(is_v4, zero, halves[:, 0] | upper),
        np.where(is_v4, first4 | host4, halves[:, 1] | lower),
    )
