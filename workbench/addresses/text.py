"""Columns of text to columns of addresses and back, without a Python object a row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from os import PathLike
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from workbench.addresses import kernels
from workbench.addresses.columns import Addresses, Ranges
from workbench.addresses.compiled import run

__all__ = [
    "number_array",
    "numbers_of",
    "parse",
    "parse_networks",
    "string_buffers",
    "string_column",
    "text_array",
    "to_text",
    "to_text_of_ranges",
]


def string_column(values: Any) -> pa.Array | pa.ChunkedArray:
    """``values`` as an Arrow column of ``string``, ``large_string`` or dictionary of one of them.

    Accepts Arrow arrays, pandas Series and Index, numpy arrays, and iterables of ``str``,
    ``ipaddress`` objects and ``None``. Nothing is copied where Arrow already holds the text.

    Raises:
        TypeError: the values are not text (numbers, bytes that are no UTF-8 string column, …).
    """
    if isinstance(values, str):
        raise TypeError(
            f"one text {values[:80]!r} where a column of addresses is wanted: pass a list, use lookup() for one address, or "
            "for a file open_case(':memory:').ingest(path) and its triage()"
        )
    if isinstance(values, pa.Array | pa.ChunkedArray):
        column = values
    elif hasattr(values, "__arrow_array__") or type(values).__module__.partition(".")[0] == "pandas":
        column = _from_pandas(values)
    elif hasattr(values, "__arrow_c_stream__"):
        column = pa.chunked_array(values)
    elif isinstance(values, Iterable):
        column = text_array(values.tolist() if isinstance(values, np.ndarray) else list(values))
    else:
        raise TypeError(
            f"a column of addresses is wanted, not {type(values).__name__}"
            + (
                "; for a file: open_case(':memory:').ingest(path), then its triage()"
                if isinstance(values, PathLike)
                else ""
            )
        )
    kind = column.type
    text = kind.value_type if pa.types.is_dictionary(kind) else kind
    if pa.types.is_string(text) or pa.types.is_large_string(text):
        return column
    if pa.types.is_null(text):
        return column.cast(pa.string())
    if pa.types.is_string_view(text) or pa.types.is_binary(text) or pa.types.is_large_binary(text):
        try:
            return column.cast(pa.large_string())
        except pa.ArrowInvalid as error:
            raise TypeError(f"the column of addresses is not UTF-8 text: {error}") from None
    raise TypeError(f"a column of addresses is text; this one is {kind}")


def _from_pandas(values: Any) -> pa.Array | pa.ChunkedArray:
    try:
        column = pa.array(values, from_pandas=True)
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        column = pa.array([_item_text(item) for item in values], pa.string())
    return column


def text_array(items: Sequence[Any]) -> pa.Array:
    """A string array from Python values; what is not text is written as text.

    ``pa.array`` would import pandas, which takes longer than to look a few addresses up.
    """
    encoded = [
        b"" if (text := _item_text(item)) is None else text.encode("utf-8", "replace") for item in items
    ]
    offsets = np.zeros(len(encoded) + 1, np.int64)
    np.cumsum([len(text) for text in encoded], out=offsets[1:])
    null = np.array([item is None or item != item for item in items], bool)
    valid = pa.py_buffer(np.packbits(~null, bitorder="little")) if null.any() else None
    large = offsets[-1] >= 2**31 - 1
    buffers = [
        valid,
        pa.py_buffer(offsets if large else offsets.astype(np.int32)),
        pa.py_buffer(b"".join(encoded)),
    ]
    return pa.Array.from_buffers(pa.large_string() if large else pa.string(), len(encoded), buffers)


def number_array(values: NDArray[Any], valid: pa.Buffer | None = None) -> pa.Array:
    """An Arrow array over the memory of a numpy array of integers or floats, for the same reason."""
    values = np.ascontiguousarray(values)
    return pa.Array.from_buffers(
        pa.from_numpy_dtype(values.dtype), len(values), [valid, pa.py_buffer(values)]
    )


def numbers_of(column: pa.Array | pa.ChunkedArray, missing: float = 0) -> NDArray[Any]:
    """The numbers of an Arrow column as numpy, ``missing`` for null; ``to_numpy`` would import pandas."""
    if isinstance(column, pa.ChunkedArray):
        column = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    if isinstance(column, pa.ChunkedArray):
        column = pa.concat_arrays(column.chunks or [pa.nulls(0, column.type)])
    kind = column.type.to_pandas_dtype()
    if not len(column):
        return np.zeros(0, kind)
    valid, data = column.buffers()
    first, last = column.offset, column.offset + len(column)
    numbers = np.frombuffer(data, kind)[first:last]
    if not column.null_count:
        return numbers
    known = np.unpackbits(np.frombuffer(valid, np.uint8), bitorder="little")[first:last]
    return np.where(known, numbers, np.array(missing, kind))


def _item_text(item: Any) -> str | None:
    """A stray object in a column is a malformed address, never an error for the whole column."""
    if item is None or item != item:  # NaN, NaT
        return None
    return str(item)


def string_buffers(array: pa.Array) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    """The bytes and the ``n + 1`` offsets (int32 or int64) of a string array, as views of its buffers."""
    width = np.int64 if pa.types.is_large_string(array.type) else np.int32
    _, offset_buffer, data_buffer = array.buffers()
    if offset_buffer is None or offset_buffer.size == 0:
        return np.zeros(0, np.uint8), np.zeros(1, width)
    offsets = np.frombuffer(offset_buffer, width)[array.offset : array.offset + len(array) + 1]
    if not offsets.flags.aligned:  # buffers that came by pickle lie anywhere
        offsets = offsets.copy()
    data = np.zeros(0, np.uint8) if data_buffer is None else np.frombuffer(data_buffer, np.uint8)
    return data, offsets


def _flat(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    if isinstance(column, pa.ChunkedArray):
        column = (
            column.chunk(0)
            if column.num_chunks == 1
            else pa.concat_arrays(column.chunks or [pa.array([], column.type)])
        )
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    return column


def parse(values: Any) -> Addresses:
    """Parse a column of address text, IPv4 and IPv6 mixed.

    Accepts what ``inet_pton`` accepts, surrounding white space, and a zone id, which is dropped
    (``fe80::1%eth0``). Octal, hexadecimal and short IPv4 forms are refused as ambiguous. Rows that are no
    address, or null, get version 0; nothing raises for one bad row.
    """
    column = _flat(string_column(values))
    rows = len(column)
    result = Addresses(np.empty(rows, np.uint8), np.empty(rows, np.uint64), np.empty(rows, np.uint64))
    data, offsets = string_buffers(column)
    run(
        kernels.parse_addresses,
        rows,
        data,
        offsets,
        0,
        rows,
        result.version,
        result.high,
        result.low,
    )
    if column.null_count:
        null = column.is_null().to_numpy(zero_copy_only=False)
        for part in (result.version, result.high, result.low):
            part[null] = 0
    return result


def parse_networks(values: Any) -> Ranges:
    """Parse a column of ``address``, ``address/length`` (CIDR) or ``first-last`` text.

    Host bits below the prefix are tolerated and cleared. Rows that are none of these get version 0.
    """
    column = _flat(string_column(values))
    rows = len(column)
    version, last_version = np.empty(rows, np.uint8), np.empty(rows, np.uint8)
    bounds = [np.empty(rows, np.uint64) for _ in range(4)]
    data, offsets = string_buffers(column)
    run(
        kernels.parse_ranges, rows, data, offsets, 0, rows,
        version, bounds[0], bounds[1], last_version, bounds[2], bounds[3],
    )  # fmt: skip
    if column.null_count:
        version[column.is_null().to_numpy(zero_copy_only=False)] = 0
    invalid = version == 0
    for bound in bounds:
        bound[invalid] = 0
    return Ranges(version, *bounds)


def to_text(addresses: Addresses) -> pa.Array:
    """The canonical text of every address (dotted quad; RFC 5952), null where there is none."""
    rows = len(addresses)
    ipv4 = int(np.count_nonzero(addresses.version == 4))
    ipv6 = int(np.count_nonzero(addresses.version == 6))
    text = np.empty(ipv4 * 15 + ipv6 * 39, np.uint8)
    large = len(text) >= 2**31 - 1
    offsets = np.empty(rows + 1, np.int64 if large else np.int32)
    scratch = np.zeros(8, np.uint16)
    used = run(
        kernels.format_addresses, rows,
        addresses.version, np.ascontiguousarray(addresses.high), np.ascontiguousarray(addresses.low),
        scratch, text, offsets,
    )  # fmt: skip
    valid = None
    if ipv4 + ipv6 < rows:
        valid = pa.py_buffer(np.packbits(addresses.version != 0, bitorder="little"))
    return pa.Array.from_buffers(
        pa.large_string() if large else pa.string(),
        rows,
        [valid, pa.py_buffer(offsets), pa.py_buffer(text[:used])],
        null_count=rows - ipv4 - ipv6,
    )


def to_text_of_ranges(ranges: Ranges) -> pa.Array:
    """Each range as CIDR where it is one block, else ``first-last``; null where there is none."""
    first = to_text(Addresses(ranges.version, ranges.start_high, ranges.start_low))
    last = to_text(Addresses(ranges.version, ranges.end_high, ranges.end_low))
    length = prefix_length(ranges)
    cidr = pc.binary_join_element_wise(first, pa.array(length).cast(pa.string()), "/")
    spans = pc.binary_join_element_wise(first, last, "-")
    return pc.if_else(pa.array(length >= 0), cidr, spans)


def prefix_length(ranges: Ranges) -> NDArray[np.int16]:
    """The prefix length of every range that is one CIDR block, -1 where it is not."""
    high = ranges.start_high ^ ranges.end_high
    low = ranges.start_low ^ ranges.end_low
    one = np.uint64(1)
    low_block = (low & (low + one)) == 0
    high_block = (high & (high + one)) == 0
    full = ~np.uint64(0)
    block = np.where(high == 0, low_block, high_block & (low == full))
    aligned = ((ranges.start_high & high) == 0) & ((ranges.start_low & low) == 0)
    host = np.bitwise_count(high).astype(np.int16) + np.bitwise_count(low).astype(np.int16)
    width = np.where(ranges.version == 4, 32, 128).astype(np.int16)
    return np.where(block & aligned & (ranges.version != 0), width - host, -1).astype(np.int16)
