"""One source of the intel pack, and what is done with several files of one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa

from workbench.addresses.columns import Ranges
from workbench.intel.entries import Entries, ParsedSource
from workbench.intel.source import Source

__all__ = ["LICENCES", "OPERATOR", "Item", "joined", "merged"]

OPERATOR = "published by the operators for use by machines"
LICENCES = {"CC-BY-4.0", "CC0-1.0", "Apache-2.0", OPERATOR}
"""What the pack may carry. OPERATOR: bare lists of an operator's own ranges, offered for programs to fetch."""


@dataclass(frozen=True)
class Item:
    """One source of the pack: what it is, what it says, and which package it was made from."""

    source: Source
    parsed: ParsedSource
    package: str


def joined(parts: list[ParsedSource], published: datetime | None) -> ParsedSource:
    layers = {}
    for layer in parts[0].layers:
        entries = [part.layers[layer] for part in parts]
        layers[layer] = Entries(
            Ranges.concatenate([e.ranges for e in entries]),
            pa.concat_tables([e.attributes for e in entries], promote_options="default"),
        )
    return ParsedSource(layers, published)


def merged(entries: Entries, column: str) -> Entries:
    """One range for neighbours with the same value."""
    ranges = entries.ranges
    codes = entries.attributes.column(column).combine_chunks().dictionary_encode()
    codes = (codes.combine_chunks() if isinstance(codes, pa.ChunkedArray) else codes).indices.fill_null(-1)
    order = np.lexsort((ranges.start_low, ranges.start_high))
    ranges, value = ranges.take(order), codes.to_numpy(zero_copy_only=False)[order]
    next_low = ranges.end_low[:-1] + np.uint64(1)
    next_high = ranges.end_high[:-1] + (next_low == 0)
    begins = np.ones(len(ranges), bool)
    begins[1:] = (
        (next_low != ranges.start_low[1:]) | (next_high != ranges.start_high[1:]) | (value[1:] != value[:-1])
    )
    first = np.flatnonzero(begins)
    last = np.append(first[1:] - 1, len(ranges) - 1)
    joined = Ranges(
        ranges.version[first], ranges.start_high[first], ranges.start_low[first],
        ranges.end_high[last], ranges.end_low[last],
    )  # fmt: skip
    known = value[first] >= 0
    return Entries(
        joined.take(known), entries.attributes.select([column]).take(pa.array(order[first][known]))
    )
