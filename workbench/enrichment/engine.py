"""The engine: a column of addresses and a snapshot in, an Arrow table out."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from workbench.addresses import kernels as text_kernels
from workbench.addresses.columns import Addresses
from workbench.addresses.compiled import run
from workbench.addresses.special import SCOPES
from workbench.addresses.text import number_array, parse, string_buffers, string_column, text_array, to_text
from workbench.enrichment import kernels
from workbench.enrichment.countries import country_names
from workbench.enrichment.reputation import FLAGS, VERDICTS, judgement_of
from workbench.intel.network_type import NETWORK_TYPES
from workbench.intel.snapshot import Snapshot

__all__ = ["SCHEMA", "Engine"]

BLOCK = 1 << 17
"""Rows a thread takes at a time: the intermediate columns stay in the processor's cache."""


def _coded(index: pa.DataType) -> pa.DataType:
    return pa.dictionary(index, pa.string())


SCHEMA = pa.schema(
    {
        "address": pa.string(),
        "version": pa.uint8(),
        "scope": _coded(pa.int8()),
        "country": _coded(pa.int16()),
        "country_name": _coded(pa.int16()),
        "region": _coded(pa.int32()),
        "city": _coded(pa.int32()),
        "latitude": pa.float64(),
        "longitude": pa.float64(),
        "accuracy_km": pa.uint16(),
        "timezone": _coded(pa.int16()),
        "asn": pa.uint32(),
        "as_org": _coded(pa.int32()),
        "network_type": _coded(pa.int8()),
        "prefix": _coded(pa.int32()),
        "rir": _coded(pa.int8()),
        **dict.fromkeys(FLAGS, pa.bool_()),
        "reputation": pa.uint8(),
        "confidence": pa.float32(),
        "verdict": _coded(pa.int8()),
        "reasons": _coded(pa.int32()),
        "snapshot": _coded(pa.int8()),
    }
)
"""The columns of every enriched table, always all of them and in this order."""

_CODES = {
    "scope": np.int8,
    "country": np.int16,
    "region": np.int32,
    "city": np.int32,
    "latitude": np.float64,
    "longitude": np.float64,
    "accuracy_km": np.uint16,
    "timezone": np.int16,
    "asn": np.int32,
    "as_org": np.int32,
    "network_type": np.int8,
    "prefix": np.int32,
    "rir": np.int8,
    "reputation": np.uint8,
    "confidence": np.float32,
    "verdict": np.int8,
    "reasons": np.int32,
}
# Marks of a row: bit 0 that there is an address, then which fields are known, then the flags.
_VALIDITY = {
    "network_type": 0,
    "confidence": 0,
    **dict.fromkeys(FLAGS, 0),
    "country": 1,
    "country_name": 1,
    "region": 2,
    "city": 3,
    "latitude": 4,
    "longitude": 4,
    "accuracy_km": 5,
    "timezone": 6,
    "asn": 7,
    "as_org": 8,
    "prefix": 9,
    "rir": 10,
    "reputation": 18,
}
_FIRST_FLAG = 11
_MARKS = 19
_COMPACT = ("region", "city", "as_org", "prefix", "reasons")


class Engine:
    """Looks addresses up in one snapshot. Thread-safe; cheap to keep, opened in milliseconds."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.judgement = judgement_of(snapshot)
        read = snapshot.array
        names = ("v4_slots", "v6_slots", "v4_buckets", "v6_buckets", "v4_starts", "v6_high", "v6_low")
        self._index = tuple(read(name) for name in names)
        self._rows = read("rows")
        self._tables = (
            self._rows,
            _marked_geo(read("geo"), read("coordinates")),
            read("coordinates"),
            _marked_network(read("network")),
            _marked_judged(self.judgement.codes),
            self.judgement.confidence,
        )
        countries = snapshot.strings("country")
        self.dictionaries: dict[str, pa.Array] = {
            "scope": text_array(SCOPES),
            "country": countries,
            "country_name": country_names(countries),
            **{
                name: snapshot.strings(name)
                for name in ("region", "city", "timezone", "as_org", "prefix", "rir")
            },
            "network_type": text_array(NETWORK_TYPES),
            "verdict": text_array(VERDICTS),
            "reasons": self.judgement.reasons,
            "snapshot": text_array([snapshot.id]),
        }

    def enrich(self, values: Any, progress: Callable[[int], None] | None = None) -> pa.Table:
        """One row per input in the same order, with the columns of :data:`SCHEMA`.

        ``values`` is any column that :func:`workbench.addresses.text.string_column` accepts. A malformed or
        null address gives nulls, scope ``invalid`` and verdict ``invalid``. ``progress`` is called with
        the number of rows done since the last call.
        """
        column = string_column(values)
        if pa.types.is_dictionary(column.type):
            return self._enrich_dictionary(column)
        chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
        tables = [self._enrich_array(chunk, progress) for chunk in chunks if len(chunk)]
        if not tables:
            return SCHEMA.empty_table()
        return tables[0] if len(tables) == 1 else pa.concat_tables(tables)

    def evidence_rows(self, values: Any) -> list[NDArray[np.int32]]:
        """For each of a few addresses the rows of ``snapshot.evidence`` that cover it."""
        parsed = parse(values)
        v4_slots, v6_slots, v4_buckets, v6_buckets, v4_starts, v6_high, v6_low = self._index
        size, version = len(parsed), parsed.version
        bucket, found, last = (np.empty(size, np.int32) for _ in range(3))
        run(kernels.find_bucket, size, version, parsed.high, parsed.low, v4_slots, v6_slots, bucket)
        run(kernels.open_bucket, size, version, bucket, v4_buckets, v6_buckets, found, last)
        run(kernels.settle, size, version, parsed.high, parsed.low, last, v4_starts, v6_high, v6_low, found)
        judged = self.snapshot.array("judged")[self._rows[found, 2]]
        return [self.snapshot.evidence_rows(int(number)) for number in judged[:, 0]]

    def _enrich_dictionary(self, column: pa.Array | pa.ChunkedArray) -> pa.Table:
        if isinstance(column, pa.ChunkedArray):
            column = pa.chunked_array(column.chunks, column.type).unify_dictionaries().combine_chunks()
        distinct = pa.concat_arrays([column.dictionary, pa.nulls(1, column.dictionary.type)])
        rows = column.indices.cast(pa.int64()).fill_null(len(column.dictionary))
        return self.enrich(distinct).take(rows)

    def _enrich_array(self, array: pa.Array, progress: Callable[[int], None] | None) -> pa.Table:
        rows = len(array)
        if array.null_count:
            array = array.fill_null("")  # what lies under a null is nobody's word
        data, offsets = string_buffers(array)
        out = {name: _allocate(rows, dtype) for name, dtype in _CODES.items()}
        version = _allocate(rows, np.uint8)
        bits = _allocate(_MARKS * ((rows + 7) // 8), np.uint8).reshape(_MARKS, -1)
        texts: list[pa.Array | None] = [None] * ((rows + BLOCK - 1) // BLOCK)

        def work(number: int) -> None:
            start, stop = number * BLOCK, min((number + 1) * BLOCK, rows)
            size = stop - start
            scratch = _scratch(size)
            parsed = Addresses(version[start:stop], scratch[np.uint64, 0], scratch[np.uint64, 1])
            rewritten = run(
                text_kernels.parse_addresses, size, data, offsets, start, stop,
                parsed.version, parsed.high, parsed.low,
            )  # fmt: skip
            if rewritten:
                texts[number] = to_text(parsed)
            marks = np.empty((_MARKS, (size + 7) // 8), np.uint8)
            run(
                kernels.look_up, size, (parsed.version, parsed.high, parsed.low), self._index, self._tables,
                tuple(out[name][start:stop] for name in _CODES), tuple(scratch[np.int32, at] for at in range(7)), marks,
            )  # fmt: skip
            bits[:, start // 8 : start // 8 + marks.shape[1]] = marks
            if progress:
                progress(size)

        _in_threads(work, range(len(texts)), rows)
        return self._table(rows, out, version, bits, _address_column(array, texts, version, bits[0]))

    def _table(
        self,
        rows: int,
        out: dict[str, NDArray[Any]],
        version: NDArray[np.uint8],
        bits: NDArray[np.uint8],
        address: pa.Array | pa.ChunkedArray,
    ) -> pa.Table:
        out["country_name"] = out["country"]
        columns: list[Any] = []
        for field in SCHEMA:
            name = field.name
            valid = pa.py_buffer(bits[_VALIDITY[name]]) if name in _VALIDITY else None
            if name == "address":
                columns.append(address)
            elif name == "version":
                columns.append(_array(pa.uint8(), rows, pa.py_buffer(bits[0]), version))
            elif name in FLAGS:
                flag = pa.py_buffer(bits[_FIRST_FLAG + FLAGS.index(name)])
                columns.append(pa.Array.from_buffers(pa.bool_(), rows, [valid, flag]))
            elif name == "snapshot":
                zeros = number_array(np.zeros(rows, np.int8))
                columns.append(pa.DictionaryArray.from_arrays(zeros, self.dictionaries[name]))
            elif pa.types.is_dictionary(field.type):
                codes, values = out[name], self.dictionaries[name]
                if name in _COMPACT and rows * 4 < len(values):
                    codes, values = _compacted(codes, values)
                index = _array(field.type.index_type, rows, valid, codes)
                columns.append(pa.DictionaryArray.from_arrays(index, values, safe=False))
            else:
                columns.append(_array(field.type, rows, valid, out[name]))
        return pa.table(columns, schema=SCHEMA)


def _marked_geo(geo: NDArray[np.int32], coordinates: NDArray[np.float64]) -> NDArray[np.int32]:
    """The geo table with the marks of each record as sixth column, padded to 32 bytes a record."""
    known = [
        geo[:, 0] >= 0,
        geo[:, 1] >= 0,
        geo[:, 2] >= 0,
        ~np.isnan(coordinates[:, 0]),
        geo[:, 4] > 0,
        geo[:, 3] >= 0,
    ]
    return _with_marks(geo, _marks(known, first=1))


def _marked_network(network: NDArray[np.int32]) -> NDArray[np.int32]:
    asn, org, rir = (
        _marks([network[:, at] != none], first) for at, none, first in ((0, 0, 7), (1, -1, 8), (3, -1, 10))
    )
    return _with_marks(network, asn | org | rir)


def _marked_judged(codes: NDArray[np.int32]) -> NDArray[np.int32]:
    marked = codes.copy()
    marked[:, 0] = codes[:, 0] << _FIRST_FLAG | (codes[:, 1] >= 0) << _VALIDITY["reputation"]
    marked[:, 1] = np.maximum(codes[:, 1], 0)
    return marked


def _marks(known: list[NDArray[np.bool_]], first: int) -> NDArray[np.int32]:
    marks = np.zeros(len(known[0]), np.int32)
    for at, column in enumerate(known):
        marks |= column.astype(np.int32) << (first + at)
    return marks


def _with_marks(table: NDArray[np.int32], marks: NDArray[np.int32]) -> NDArray[np.int32]:
    wide = np.zeros((len(table), 8), np.int32)
    wide[:, : table.shape[1]] = table
    wide[:, 5] = marks
    return wide


def _array(kind: pa.DataType, rows: int, valid: pa.Buffer | None, values: NDArray[Any]) -> pa.Array:
    return pa.Array.from_buffers(kind, rows, [valid, pa.py_buffer(values)])


def _allocate(rows: int, dtype: Any) -> NDArray[Any]:
    """Memory from Arrow's pool, which is reused from table to table, where numpy's is fresh from the system."""
    return np.frombuffer(pa.allocate_buffer(rows * np.dtype(dtype).itemsize), dtype)


def _compacted(codes: NDArray[np.int32], values: pa.Array) -> tuple[NDArray[np.int32], pa.Array]:
    """Only the values that occur: a few rows shall not carry a dictionary of a million."""
    used = np.unique(codes)
    used = used[used >= 0]
    small = np.searchsorted(used, codes).astype(np.int32)
    return small, values.take(number_array(used))


def _address_column(
    array: pa.Array, texts: list[pa.Array | None], version: NDArray[np.uint8], valid: NDArray[np.uint8]
) -> pa.ChunkedArray:
    """Canonical text. Blocks in which every address was written canonically share the input's bytes."""
    width = 8 if pa.types.is_large_string(array.type) else 4
    chunks = []
    for number, text in enumerate(texts):
        if text is None:
            start = number * BLOCK
            length = min(BLOCK, len(array) - start)
            _, offsets, data = array.buffers()
            if offsets is None or offsets.size == 0:
                text = pa.nulls(length, array.type)
            else:
                mask = None
                if (version[start : start + length] == 0).any():
                    mask = pa.py_buffer(valid[start // 8 : (start + length + 7) // 8])
                text = pa.Array.from_buffers(
                    array.type, length, [mask, offsets.slice((array.offset + start) * width), data]
                )
        chunks.append(text if pa.types.is_string(text.type) else text.cast(pa.string()))
    return pa.chunked_array(chunks, pa.string())


Scratch = dict[tuple[Any, int], NDArray[Any]]
_kept = threading.local()


def _scratch(size: int) -> Scratch:
    """Intermediate columns of ``size`` rows, in memory that a thread keeps from block to block."""
    if size > BLOCK:
        return {key: np.empty(size, key[0]) for key in _SCRATCH}
    if not hasattr(_kept, "columns"):
        _kept.columns = {key: np.empty(BLOCK, key[0]) for key in _SCRATCH}
    return {key: column[:size] for key, column in _kept.columns.items()}


_SCRATCH: tuple[tuple[Any, int], ...] = (
    *((np.uint64, at) for at in range(2)),
    *((np.int32, at) for at in range(7)),
)


def _in_threads(work: Callable[[int], None], numbers: Iterable[int], rows: int) -> None:
    if rows <= BLOCK:
        for number in numbers:
            work(number)
        return
    for _ in _pool().map(work, numbers):
        pass


@cache
def _pool() -> ThreadPoolExecutor:
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return ThreadPoolExecutor(threads, thread_name_prefix="ip-workbench")
