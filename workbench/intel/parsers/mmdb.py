"""MaxMind DB files of any vendor: City, Country, ASN, ISP, Anonymous-IP, Enterprise and what is built like them.

The search tree is walked in numpy; maxminddb's decoder, which bounds depth, values and bytes of a record,
reads each distinct record once.
"""

from __future__ import annotations

import io
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from maxminddb.const import MODE_FD
from maxminddb.decoder import Decoder
from maxminddb.errors import InvalidDatabaseError
from maxminddb.reader import Metadata, Reader
from numpy.typing import NDArray

from workbench.addresses.columns import Ranges
from workbench.intel.entries import Entries, ParsedSource
from workbench.intel.parsers import mmdb_fields as fields
from workbench.intel.parsers.content import read_bytes
from workbench.intel.parsers.mmdb_tree import Leaves, TreeError, join_neighbours, walk
from workbench.intel.segments import combine
from workbench.intel.source import Layer, Source, SourceError

__all__ = ["parse"]

MARKER = b"\xab\xcd\xefMaxMind.com"
MARKER_WITHIN = 128 * 1024
SEPARATOR = 16
BATCH = 1 << 14
SECONDS_FREE, SECONDS_A_RECORD = 60.0, 0.0005
"""A real record decodes in 20 µs. Made-up ones may refer to each other so that each takes the decoder's whole
budget of 65,536 values; a file that is past this allowance is one of those."""

_PADDING = b"\xff" * (1 << 22)
"""Octets that no UTF-8 text has: what runs past the end is an error then, and not a shorter text."""

_UNREADABLE = (
    InvalidDatabaseError,
    ValueError,
    TypeError,
    KeyError,
    OverflowError,
    RecursionError,
    MemoryError,
)


@dataclass(frozen=True, slots=True)
class _Database:
    metadata: Metadata
    tree: NDArray[np.uint8]
    data: bytes
    published: datetime


def parse(path: Path, source: Source) -> ParsedSource:
    """Read a database; which layers it gives is seen from its records.

    Options: ``locale`` (default ``en``): language of the names of cities and regions. ``min_risk`` (default
    50): IP risk scores from here on count as ``abuser``.

    Raises:
        SourceError: the file is no database, is damaged anywhere, or holds nothing that a snapshot keeps.
    """
    database = _open(read_bytes(path, source), path, source)
    metadata = database.metadata
    try:
        leaves = walk(database.tree, metadata.node_count, metadata.record_size, metadata.ip_version)
    except TreeError as error:
        raise SourceError(path, str(error), source.id) from error
    if not len(leaves.record):
        raise SourceError(path, "a database without a single network", source.id)
    unique, inverse = np.unique(leaves.record, return_inverse=True)
    offsets = unique.astype(np.int64) - metadata.node_count - SEPARATOR
    if offsets[0] < 0 or offsets[-1] >= len(database.data):
        raise SourceError(path, "the search tree points outside of the data section", source.id)
    columns = _Columns(source, metadata.database_type)
    names: set[str] = set()
    for batch in _decode(database.data, offsets, path, source):
        names.update(*batch)
        columns.add(batch)
    layers = columns.layers(leaves, inverse)
    wanted = {
        layer: entries for layer, entries in layers.items() if not source.layers or layer in source.layers
    }
    if not wanted:
        held = ", ".join(sorted(str(name) for name in names)[:12]) or "nothing"
        reason = f"a database of type {metadata.database_type!r} holds nothing for layers {_names(source)}; its records have: {held}"
        raise SourceError(path, reason, source.id)
    about = {"database_type": metadata.database_type, "ip_version": str(metadata.ip_version)}
    return ParsedSource(wanted, database.published, metadata=about)


def _names(source: Source) -> str:
    return ", ".join(source.layers or tuple(Layer))


def _open(content: bytes, path: Path, source: Source) -> _Database:
    """Metadata checked against the file, search tree and data section cut out."""

    def refuse(reason: str) -> SourceError:
        return SourceError(path, reason, source.id)

    try:
        with Reader(io.BytesIO(content), MODE_FD) as reader:
            metadata = reader.metadata()
    except _UNREADABLE as error:
        why = re.sub(
            r"((Error )?(opening|in|reading metadata in) )?database file \(.*?>\)\. ?", "", str(error)
        )
        raise refuse(f"no readable MaxMind DB: {why or type(error).__name__}") from error
    numbers = (metadata.node_count, metadata.record_size, metadata.ip_version, metadata.build_epoch)
    if not all(isinstance(number, int) and not isinstance(number, bool) for number in numbers):
        raise refuse("metadata of a MaxMind DB with values of wrong types")
    if metadata.binary_format_major_version != 2:
        raise refuse(f"MaxMind DB format {metadata.binary_format_major_version}; only format 2 is known")
    if metadata.ip_version not in (4, 6) or not isinstance(metadata.database_type, str):
        raise refuse("metadata of a MaxMind DB without a known address family or type")
    try:
        published = datetime.fromtimestamp(metadata.build_epoch, UTC)
    except (OverflowError, OSError, ValueError):
        raise refuse(f"built at an impossible time ({metadata.build_epoch} s after 1970)") from None
    end = content.rfind(MARKER, max(0, len(content) - MARKER_WITHIN))
    last = content[end + len(MARKER) :]
    try:
        _, after = Decoder(last + _PADDING).decode(0)
    except _UNREADABLE:
        after = len(last) + 1
    if after > len(last):
        raise refuse("cut short within its metadata")
    start = metadata.search_tree_size + SEPARATOR
    if start > end:
        raise refuse("the search tree extends past the end of the data")
    if content[metadata.search_tree_size : start].strip(b"\0"):
        raise refuse("no separator of 16 zero octets after the search tree: the node count is wrong")
    tree = np.frombuffer(content, np.uint8, metadata.search_tree_size)
    return _Database(metadata, tree, content[start:end], published)


def _decode(data: bytes, offsets: NDArray[np.int64], path: Path, source: Source) -> Any:
    """The records at ``offsets``, in batches."""
    decode = Decoder(data + _PADDING).decode
    started = time.monotonic()
    end = len(data)
    for at in range(0, len(offsets), BATCH):
        batch = []
        for offset in offsets[at : at + BATCH].tolist():
            try:
                record, after = decode(offset)
            except _UNREADABLE as error:
                reason = f"damaged record at octet {offset} of the data section: {error}"
                raise SourceError(path, reason, source.id) from error
            if after > end:
                raise SourceError(path, f"the record at octet {offset} runs past the end", source.id)
            if not isinstance(record, dict):
                raise SourceError(
                    path, f"records of type {type(record).__name__} where maps are expected", source.id
                )
            batch.append(record)
            if not len(batch) % 64 and time.monotonic() - started > SECONDS_FREE + SECONDS_A_RECORD * (
                at + len(batch)
            ):
                raise SourceError(path, "records that take unreasonably long to decode", source.id)
        yield batch


class _Columns:
    """Collects the columns of all layers, a batch of distinct records at a time."""

    def __init__(self, source: Source, database_type: str) -> None:
        self._locale = str(source.options.get("locale", "en"))
        self._min_risk = float(source.options.get("min_risk", 50))
        self._type = database_type
        self._geo: list[pa.Table] = []
        self._network: list[pa.Table] = []
        self._listed: list[pa.Table] = []
        self._counts: list[int] = []

    def add(self, records: fields.Records) -> None:
        self._geo.append(fields.geo(records, self._locale))
        self._network.append(fields.network(records))
        counts, table = fields.listings(records, self._type, self._min_risk)
        self._counts += counts
        self._listed.append(table)

    def layers(self, leaves: Leaves, inverse: NDArray[np.intp]) -> dict[Layer, Entries]:
        """The layers that say anything; ``inverse`` tells the distinct record of each leaf."""
        layers = {}
        for layer, tables in ((Layer.GEO, self._geo), (Layer.NETWORK, self._network)):
            entries = _attributes(pa.concat_tables(tables), leaves.ranges, inverse)
            if entries is not None:
                layers[layer] = entries
        counts = np.array(self._counts, np.int64)
        if counts.any():
            starts = np.cumsum(counts) - counts
            of_leaf = counts[inverse]
            rows = np.repeat(np.arange(len(inverse)), of_leaf)
            within = np.arange(len(rows)) - np.repeat(np.cumsum(of_leaf) - of_leaf, of_leaf)
            table = pa.concat_tables(self._listed).take(pa.array(starts[inverse[rows]] + within))
            layers[Layer.MEMBERSHIP] = Entries(leaves.ranges.take(rows), table)
        return layers


def _attributes(table: pa.Table, ranges: Ranges, inverse: NDArray[np.intp]) -> Entries | None:
    """Equal rows made one, rows that say nothing left out, and the ranges joined accordingly."""
    names = [name for name in table.column_names if table.column(name).null_count < len(table)]
    if not names:
        return None
    codes = []
    for name in names:
        encoded = table.column(name).combine_chunks().dictionary_encode()
        codes.append(encoded.indices.cast(pa.int32()).fill_null(-1).to_numpy(zero_copy_only=False))
    number, example = combine(codes)
    says_nothing = np.logical_and.reduce([code == -1 for code in codes])
    number = np.where(says_nothing, -1, number)
    of_leaf = number[inverse]
    kept = np.flatnonzero(of_leaf >= 0)
    joined, numbers = join_neighbours(ranges.take(kept), of_leaf[kept])
    return Entries(joined, table.select(names).take(pa.array(example[numbers])))
