"""From what each source said to what the snapshot says: attribute layers resolved, membership united.

Attribute layers (geo, network) take each field from the source of highest priority that knows it, and
within one source from the most specific range. Membership layers keep every list an address is on.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from workbench.addresses.cidr import to_cidrs
from workbench.addresses.columns import Ranges
from workbench.addresses.text import to_text_of_ranges
from workbench.intel.entries import GEO, MEMBERSHIP, NETWORK, SYSTEMS, Entries, ParsedSource
from workbench.intel.segments import Rows, Segments, combine
from workbench.intel.source import Category, Layer, Source

__all__ = ["AttributeLayer", "Coded", "Input", "Listings", "Part", "types_of_systems"]


@dataclass(frozen=True, slots=True)
class Input:
    """One source that goes into a snapshot: what it is, what its file said, and the file's checksum."""

    source: Source
    parsed: ParsedSource
    sha256: str
    fetched: datetime | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """The ranges of one source in one layer; ``rows`` are their positions in the layer's joint columns."""

    ranges: Ranges
    rows: NDArray[np.int64]

    def of_family(self, version: int) -> Part:
        """What is of IPv4 or of IPv6."""
        mine = np.flatnonzero(self.ranges.version == version)
        return Part(self.ranges.take(mine), self.rows[mine])


@dataclass(frozen=True, slots=True, eq=False)
class Coded:
    """A column as int32 codes into its distinct values, -1 for null."""

    codes: Rows
    values: pa.Array

    @classmethod
    def of(cls, column: pa.ChunkedArray) -> Coded:
        """Of a column of text or of a dictionary of it; null is -1."""
        encoded = column.combine_chunks().dictionary_encode()
        if isinstance(encoded, pa.ChunkedArray):
            encoded = encoded.combine_chunks()
        codes = encoded.indices.cast(pa.int32()).fill_null(-1).to_numpy(zero_copy_only=False)
        return cls(codes, encoded.dictionary)


class AttributeLayer:
    """All sources of one attribute layer, highest priority first, in joint dictionary-coded columns."""

    def __init__(self, layer: Layer, inputs: list[Input]) -> None:
        schema = GEO if layer is Layer.GEO else NETWORK
        mine = [i for i in inputs if layer in i.parsed.layers]
        mine.sort(key=lambda i: (-i.source.priority, i.source.id))
        tables: list[pa.Table] = []
        self.parts: list[Part] = []
        total = 0
        for item in mine:
            entries = item.parsed.layers[layer]
            if layer is Layer.NETWORK:
                entries = _with_prefixes(entries)
            tables.append(_in_schema(entries.attributes, schema))
            self.parts.append(Part(entries.ranges, np.arange(total, total + len(entries.ranges))))
            total += len(entries.ranges)
        joint = pa.concat_tables(tables) if tables else schema.empty_table()
        self.columns = {name: Coded.of(joint.column(name)) for name in schema.names}

    def owners(self, segments: Segments, first_part: int, version: int) -> list[Rows]:
        """For each source, per segment, the row of the joint columns that speaks there, or -1."""
        found = []
        for number, part in enumerate(self.parts):
            rows = part.of_family(version).rows
            owner = segments.owner(first_part + number)
            found.append(_lookup(rows, owner))
        return found

    def resolve(
        self, owners: list[Rows], fields: tuple[str, ...], lead: str, same: Rows | None = None
    ) -> dict[str, Rows]:
        """Codes of ``fields``, taken together from the first source whose ``lead`` field is known.

        With ``same`` (codes of the country already chosen) a source counts only where it agrees on it.
        """
        length = len(owners[0]) if owners else 0
        chosen = np.full(length, -1, np.int32)
        for owner in owners:
            known = (chosen < 0) & (_lookup(self.columns[lead].codes, owner) >= 0)
            if same is not None:
                country = _lookup(self.columns["country"].codes, owner)
                known &= (country == same) | (country < 0)
            chosen[known] = owner[known]
        return {name: _lookup(self.columns[name].codes, chosen) for name in fields}


def types_of_systems(inputs: list[Input]) -> pa.Table:
    """One network type an AS, from the source of highest priority that tells it."""
    types: dict[int, str] = {}
    for item in sorted(inputs, key=lambda i: (i.source.priority, i.source.id)):
        if item.parsed.systems is not None:
            numbers, kinds = (item.parsed.systems.column(n).to_pylist() for n in SYSTEMS.names)
            types |= zip(numbers, kinds, strict=True)
    return pa.table([list(types), list(types.values())], schema=SYSTEMS)


def _lookup(values: NDArray[np.int32] | NDArray[np.int64], rows: Rows) -> Rows:
    """``values[rows]`` with -1 staying -1."""
    if not len(values):
        return np.full(len(rows), -1, np.int32)
    return np.where(rows >= 0, values[rows], -1).astype(np.int32)


def _in_schema(table: pa.Table, schema: pa.Schema) -> pa.Table:
    columns = [
        table.column(f.name).cast(f.type) if f.name in table.column_names else pa.nulls(len(table), f.type)
        for f in schema
    ]
    return pa.table(columns, schema=schema)


def _with_prefixes(entries: Entries) -> Entries:
    """Where a source gives AS ranges and no announced prefixes, its covering CIDR blocks stand in for them."""
    attributes = entries.attributes
    if "asn" not in attributes.column_names or "prefix" in attributes.column_names:
        return entries
    blocks, rows = to_cidrs(entries.ranges)
    attributes = attributes.take(pa.array(rows))
    return Entries(blocks, attributes.append_column("prefix", to_text_of_ranges(blocks)))


class Listings:
    """All membership entries: one row of evidence an entry, and one painted part a source and category."""

    def __init__(self, inputs: list[Input]) -> None:
        tables: list[pa.Table] = []
        ranges: list[Ranges] = []
        self.parts: list[Part] = []
        total = 0
        for number, item in enumerate(inputs):
            entries = item.parsed.layers.get(Layer.MEMBERSHIP)
            if entries is None or not len(entries.ranges):
                continue
            table = _in_schema(entries.attributes, MEMBERSHIP)
            category = pc.fill_null(table.column("category"), str(item.source.category or Category.BENIGN))
            label = pc.fill_null(table.column("label"), item.source.label or "")
            table = table.set_column(0, "category", category).set_column(1, "label", label)
            entries_ranges, table = _one_entry_a_range(entries.ranges, table)
            table = table.append_column("source", pa.array(np.full(len(table), number, np.int16)))
            tables.append(table)
            ranges.append(entries_ranges)
            names = table.column("category").combine_chunks().dictionary_encode()
            codes = names.indices.to_numpy(zero_copy_only=False)
            for code in range(len(names.dictionary)):
                mine = np.flatnonzero(codes == code)
                self.parts.append(Part(entries_ranges.take(mine), total + mine))
            total += len(table)
        schema = MEMBERSHIP.append(pa.field("source", pa.int16()))
        self.ranges = Ranges.concatenate(ranges) if ranges else None
        self.table = pa.concat_tables(tables).cast(schema) if tables else schema.empty_table()

    def sets(self, segments: Segments, first_part: int, version: int) -> tuple[Rows, list[NDArray[np.int32]]]:
        """Number the distinct sets of evidence; set 0 is the empty one. Returns the set of each segment, and the sets."""
        where: list[NDArray[np.int64]] = []
        rows: list[Rows] = []
        for number, part in enumerate(self.parts):
            owner = _lookup(part.of_family(version).rows, segments.owner(first_part + number))
            at = np.flatnonzero(owner >= 0)
            where.append(at)
            rows.append(owner[at])
        numbers = np.zeros(len(segments), np.int32)
        listed = np.unique(np.concatenate([np.zeros(0, np.int64), *where]))
        if not len(listed):
            return numbers, []
        columns = []
        for at, owner in zip(where, rows, strict=True):
            column = np.full(len(listed), -1, np.int32)
            column[np.searchsorted(listed, at)] = owner
            columns.append(column)
        number_of, example = combine(list(columns))
        numbers[listed] = number_of + 1
        matrix = np.stack([column[example] for column in columns], axis=1)
        return numbers, [row[row >= 0] for row in matrix]

    def evidence(self) -> pa.Table:
        """The evidence with its entry as text: ``192.0.2.1/32``, ``198.51.100.0/24`` or ``first-last``."""
        entry = to_text_of_ranges(self.ranges) if self.ranges is not None else pa.array([], pa.string())
        table = self.table
        for name in ("category", "label", "note"):
            coded = table.column(name).combine_chunks().dictionary_encode()
            table = table.set_column(table.column_names.index(name), name, coded)
        return table.append_column("entry", entry).combine_chunks()


def _one_entry_a_range(ranges: Ranges, table: pa.Table) -> tuple[Ranges, pa.Table]:
    """Of several entries for one range in one category keep the one seen last, or of highest level."""
    category = (
        table.column("category").combine_chunks().dictionary_encode().indices.to_numpy(zero_copy_only=False)
    )
    seen = table.column("last_seen").cast(pa.int64()).fill_null(0).to_numpy()
    level = table.column("level").cast(pa.int64()).fill_null(0).to_numpy()
    order = np.lexsort(
        (
            -level,
            -seen,
            category,
            ranges.end_low,
            ranges.end_high,
            ranges.start_low,
            ranges.start_high,
            ranges.version,
        )
    )
    keys = [ranges.version, ranges.start_high, ranges.start_low, ranges.end_high, ranges.end_low, category]
    fresh = np.zeros(len(order), bool)
    fresh[:1] = True
    for key in keys:
        fresh[1:] |= key[order][1:] != key[order][:-1]
    kept = order[fresh]
    kept = kept[ranges.version[kept] != 0]
    return ranges.take(kept), table.take(pa.array(kept))
