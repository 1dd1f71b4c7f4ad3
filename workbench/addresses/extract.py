"""Addresses and networks out of anything: text, CSV, JSON and Parquet, plain or compressed, defanged or not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from workbench.addresses import runs
from workbench.addresses import scan as scanner
from workbench.addresses.columns import Addresses
from workbench.addresses.compiled import run
from workbench.addresses.lines import LinesError, is_binary, read_blocks
from workbench.addresses.text import parse, string_buffers, to_text

__all__ = ["Extraction", "Malformed", "extract", "extract_text"]

_KINDS = pa.array(["address", "network"])
_NONE = -1
_FOUND = ["version", "high", "low", "length"]
_REASONS = {
    scanner.ADDRESS: "not an address",
    scanner.VERSION: "version number",
    scanner.HARDWARE: "hardware address",
    scanner.MALFORMED: "malformed IPv6",
}
_TEXT = (
    pa.string(), pa.large_string(), pa.string_view(), pa.binary(), pa.large_binary(), pa.binary_view()
)  # fmt: skip
KEPT = 1000
"""Distinct candidates kept of those that are no address."""
_CARRIED_ROWS = 1 << 20
"""Distinct rows of partial counts that are held before they are added up."""


@dataclass(frozen=True, slots=True)
class Malformed:
    """Something written like an address that is none: ``999.1.1.1``, ``01.2.3.4``."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Extraction:
    """What :func:`extract` found.

    ``table`` has a row a distinct address or network: ``address`` (canonical: RFC 5952, networks as CIDR),
    ``kind`` (``address`` or ``network``), ``count``, ``first_line`` and ``last_line`` (int64, counted from 1;
    rows, for Parquet), most frequent first. ``rejected`` holds the first
    distinct malformed ones; ``rejected_count`` counts every occurrence. ``lookalikes`` are the version numbers
    and hardware addresses that could be read as addresses and were not: ``text``, ``reason``, ``count``,
    ``first_line``, ``last_line``, the first thousand of them.
    """

    source: str
    lines: int
    table: pa.Table
    rejected: tuple[Malformed, ...]
    rejected_count: int
    lookalikes: pa.Table

    def __len__(self) -> int:
        return len(self.table)

    def nothing(self) -> str:
        """Why nothing was found, in words: of a source without addresses."""
        if not self.lines:
            return f"no address found: {self.source} is empty"
        if Path(self.source).is_file() and is_binary(self.source):
            return f"no address found: {self.source} is binary, where a log, a table or text is wanted"
        return f"no address found in {self.lines:,} {'line' if self.lines == 1 else 'lines'} of {self.source}"

    def __repr__(self) -> str:
        kinds = {item["values"]: item["counts"] for item in pc.value_counts(self.table["kind"]).to_pylist()}
        return (
            f"<{kinds.get('address', 0):,} addresses and {kinds.get('network', 0):,} networks in {self.lines:,} "
            f"lines of {self.source}; {self.rejected_count:,} malformed>"
        )


def extract(source: str | Path, *, max_bytes: int | None = None) -> Extraction:
    """Every address and network in a file, counted.

    Args:
        source: a path, or ``-`` for standard input. Compression (gzip, zstd, bzip2), UTF-16 and Parquet are
            told by the first bytes; everything else is read as text, JSON and CSV included.
        max_bytes: give up when the file expands to more; by default 200 times its size.

    A network is ``address/length`` without host bits and shorter than a whole address; ``192.0.2.7/24`` is the
    address of an interface, or a port to Cisco. Ports, brackets and zone ids are left off, and
    ``1[.]2[.]3[.]4``, ``1[dot]2…``, ``2001[:]db8…`` and the escapes of URLs and JSON are undone. The text
    streams through; memory holds the distinct addresses.

    Raises:
        LinesError: the compressed data is damaged or expands beyond ``max_bytes``, or the Parquet is broken.
        OSError: the file cannot be opened.
    """
    count = _Count()
    for found in _scan_source(source, max_bytes):
        count.add(found)
    return count.result("standard input" if str(source) == "-" else str(source))


def extract_text(text: str | bytes) -> Extraction:
    """Every address and network in a piece of text; see :func:`extract`."""
    count = _Count()
    data = text.encode("utf-8", "replace") if isinstance(text, str) else text
    for found in _scan_blocks(iter([data])):
        count.add(found)
    return count.result("the text")


@dataclass(frozen=True, slots=True)
class _Found:
    """The candidates of one block as columns; ``length`` is -1 for a single address, ``reason`` for a hit."""

    line: NDArray[np.int64]
    text: pa.Array
    addresses: Addresses
    length: NDArray[np.int16]
    reason: NDArray[np.int8]
    lines: int


def _canonical(addresses: Addresses, length: NDArray[np.int16]) -> pa.Array:
    text = to_text(addresses)
    if not (length >= 0).any():
        return text
    networks = pc.binary_join_element_wise(text, pa.array(length).cast(pa.string()), "/")
    return pc.if_else(pa.array(length >= 0), networks, text)


def _reason_names(reason: NDArray[np.int8]) -> pa.Array:
    names = pa.array([_REASONS[code] for code in sorted(_REASONS)])
    return names.take(pa.array(reason, mask=reason == _NONE))


def _scan_source(source: str | Path, max_bytes: int | None) -> Iterator[_Found]:
    if str(source) != "-":
        with Path(source).open("rb") as file:
            if file.read(4) == b"PAR1":
                return _scan_parquet(Path(source))
    return _scan_blocks(read_blocks(source, max_bytes))


def _scan_blocks(blocks: Iterator[bytes]) -> Iterator[_Found]:
    """Scan blocks of one text; a candidate may lie across their borders."""
    line, kept, begin = 1, b"", 0
    blocks = map(_without_nuls, blocks)
    block = next(blocks, b"")
    while block:
        following = next(blocks, b"")
        data = np.frombuffer(kept + block, np.uint8)
        limit = len(data) if not following else max(begin, len(data) - scanner.LOOKAHEAD)
        room = max(64, min(len(data) // 12, 1 << 20))
        while True:
            begin, line, found = _scan_array(data, begin, limit, line, room)
            yield found
            if begin >= limit:
                break
        keep = max(0, begin - scanner.LOOKBEHIND)
        kept, begin = data[keep:].tobytes(), begin - keep
        block = following


def _without_nuls(block: bytes) -> bytes:
    """UTF-16 without a mark is text with a NUL a character; elsewhere a NUL is a boundary like any other."""
    return block.replace(b"\x00", b"") if block.count(b"\x00") * 5 >= len(block) else block


def _scan_array(
    data: NDArray[np.uint8], begin: int, limit: int, line: int, room: int
) -> tuple[int, int, _Found]:
    """Scan until ``limit`` or until ``room`` candidates are found: where it stopped, the line, the candidates."""
    text = np.empty(room * 20 + 2 * runs.LONGEST, np.uint8)
    offsets = np.empty(room + 1, np.int32)
    lines = np.empty(room, np.int64)
    prefixes = np.empty(room, np.int16)
    verdicts = np.empty(room, np.int8)
    facts = np.zeros(runs.FACTS, np.int64)
    at, count, line = run(
        scanner.scan, (limit - begin) // 32,
        data, begin, limit, len(data), line, runs.CLASSES, text, offsets, lines, prefixes, verdicts, facts,
    )  # fmt: skip
    candidates = pa.Array.from_buffers(
        pa.string(), count, [None, pa.py_buffer(offsets[: count + 1]), pa.py_buffer(text[: offsets[count]])]
    )
    ended = line - int(at == len(data) and data[-1:].tobytes() == b"\n")
    return at, line, _judge(candidates, lines[:count], prefixes[:count], verdicts[:count], ended)


def _judge(
    text: pa.Array,
    line: NDArray[np.int64],
    prefix: NDArray[np.int16],
    verdict: NDArray[np.int8],
    lines: int,
) -> _Found:
    """Tell addresses, networks and rejected candidates apart."""
    parsed = parse(text)
    valid = parsed.version != 0
    # What neither parses nor was meant as an address is of no interest: 5.10.999.1 as a version.
    kept = valid | (verdict != scanner.VERSION)
    hit = valid & (verdict == scanner.ADDRESS)
    width = np.where(parsed.version == 4, 32, 128)
    short = (prefix >= 0) & (prefix < width) & hit
    length: NDArray[np.int16] = np.where(short & ~_has_host_bits(parsed, prefix), prefix, -1).astype(np.int16)
    reason: NDArray[np.int8] = np.where(hit, _NONE, verdict).astype(np.int8)
    addresses = Addresses(np.where(hit, parsed.version, 0).astype(np.uint8), parsed.high, parsed.low)
    if not kept.all():
        text, line, length, reason = text.filter(pa.array(kept)), line[kept], length[kept], reason[kept]
        addresses = Addresses(addresses.version[kept], addresses.high[kept], addresses.low[kept])
    return _Found(line, text, addresses, length, reason, lines)


def _has_host_bits(addresses: Addresses, prefix: NDArray[np.int16]) -> NDArray[np.bool_]:
    """Whether bits are set behind the prefix: 192.0.2.7/24."""
    one = np.uint64(1)
    host = np.where(addresses.version == 4, 32, 128) - np.maximum(prefix, 0)
    # A shift by 64 is undefined, hence the two steps.
    low_host = np.clip(host, 0, 64).astype(np.uint64)
    high_host = np.clip(host - 64, 0, 64).astype(np.uint64)

    def mask(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
        half = bits >> one
        return ((one << half) << (bits - half)) - one

    inside: NDArray[np.bool_] = ((addresses.low & mask(low_host)) | (addresses.high & mask(high_host))) != 0
    return inside


def _scan_parquet(path: Path) -> Iterator[_Found]:
    """Scan every text column of a Parquet file, nested ones included; a line is a row."""
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(path)
        row = 0
        for batch in file.iter_batches(batch_size=65_536):
            for column in batch.columns:
                for values, rows in _text_columns(column, np.arange(row, row + len(batch))):
                    yield from _scan_values(values, rows)
            row += len(batch)
            empty = np.zeros(0)
            yield _Found(
                empty.astype(np.int64), pa.array([], pa.string()), parse([]), empty.astype(np.int16),
                empty.astype(np.int8), row,
            )  # fmt: skip
    except (pa.ArrowException, OSError) as error:
        raise LinesError(f"{path}: the Parquet file cannot be read ({error})") from None


def _text_columns(column: pa.Array, rows: NDArray[np.int64]) -> Iterator[tuple[pa.Array, NDArray[np.int64]]]:
    """The text in a column of any type, with the row of each value."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        yield from _text_columns(column.dictionary_decode(), rows)
    elif pa.types.is_struct(kind):
        for part in column.flatten():
            yield from _text_columns(part, rows)
    elif pa.types.is_map(kind):
        entries = column.cast(pa.list_(pa.struct([("key", kind.key_type), ("value", kind.item_type)])))
        yield from _text_columns(entries, rows)
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        yield from _text_columns(pc.list_flatten(column), rows[pc.list_parent_indices(column).to_numpy()])
    elif kind in _TEXT:
        yield column.cast(pa.large_binary()), rows


def _scan_values(values: pa.Array, rows: NDArray[np.int64]) -> Iterator[_Found]:
    """Scan values as if each were a line, so that none runs into the next."""
    flat = pc.replace_substring(pc.fill_null(values, b""), b"\n", b" ")
    line_end = pa.scalar(b"\n", pa.large_binary())
    lines = pc.binary_join_element_wise(flat, pa.scalar(b"", pa.large_binary()), line_end)
    data, offsets = string_buffers(lines.view(pa.large_string()))
    for found in _scan_blocks(iter([data[offsets[0] : offsets[-1]].tobytes()])):
        yield _Found(
            rows[found.line - 1] + 1, found.text, found.addresses, found.length, found.reason, found.lines
        )


class _Count:
    """Distinct addresses and rejected candidates, added up block by block."""

    def __init__(self) -> None:
        self._found: list[pa.Table] = []
        nothing = _counted({"text": pa.array([], pa.string()), "reason": pa.array([], pa.int8())}, [])
        self._rejected = [nothing]
        self._lookalikes = [nothing]
        self._rows = 0
        self._malformed = 0
        self._lines = 0

    def add(self, found: _Found) -> None:
        self._lines = found.lines
        hit = found.reason == _NONE
        if hit.any():
            columns: dict[str, Any] = {
                "version": found.addresses.version[hit],
                "high": found.addresses.high[hit],
                "low": found.addresses.low[hit],
                "length": found.length[hit],
            }
            self._found.append(_grouped(_counted(columns, found.line[hit]), _FOUND))
            self._rows += len(self._found[-1])
            if self._rows > 2 * _CARRIED_ROWS and len(self._found) > 1:
                self._found = [_grouped(pa.concat_tables(self._found), _FOUND)]
                self._rows = len(self._found[0]) // 2  # let it double before it is added up again
        if not hit.all():
            malformed = ~hit & (found.reason != scanner.VERSION) & (found.reason != scanner.HARDWARE)
            self._malformed += int(np.count_nonzero(malformed))
            self._keep(self._rejected, found, malformed)
            self._keep(self._lookalikes, found, ~hit & ~malformed)

    @staticmethod
    def _keep(parts: list[pa.Table], found: _Found, rows: NDArray[np.bool_]) -> None:
        columns = {"text": found.text.filter(pa.array(rows)), "reason": found.reason[rows]}
        parts.append(_first(_counted(columns, found.line[rows])))
        if sum(len(part) for part in parts) > 8 * KEPT:
            parts[:] = [_first(pa.concat_tables(parts))]

    def result(self, source: str) -> Extraction:
        if not self._found:
            empty = Addresses(np.zeros(0, np.uint8), np.zeros(0, np.uint64), np.zeros(0, np.uint64))
            columns = {"version": empty.version, "high": empty.high, "low": empty.low}
            self._found = [_counted({**columns, "length": np.zeros(0, np.int16)}, [])]
        table = _grouped(pa.concat_tables(self._found), _FOUND).sort_by(
            [("count", "descending"), ("first_line", "ascending"), *((name, "ascending") for name in _FOUND)]
        )
        column = {name: table[name].to_numpy() for name in _FOUND}
        length = column["length"]
        addresses = Addresses(column["version"], column["high"], column["low"])
        rejected = _first(pa.concat_tables(self._rejected))
        lookalikes = _first(pa.concat_tables(self._lookalikes))
        reasons = _reason_names(lookalikes["reason"].to_numpy().astype(np.int8))
        return Extraction(
            source,
            self._lines,
            pa.table({
                "address": _canonical(addresses, length),
                "kind": _KINDS.take(pa.array((length >= 0).astype(np.int8))),
                **{name: table[name].combine_chunks() for name in ("count", "first_line", "last_line")},
            }),
            tuple(
                Malformed(row["first_line"], row["text"])
                for row in rejected.select(["first_line", "text"]).to_pylist()
            ),
            self._malformed,
            lookalikes.set_column(1, "reason", reasons),
        )  # fmt: skip


def _first(table: pa.Table) -> pa.Table:
    """Rejected candidates added up, the first :data:`KEPT` of them in the order of the text."""
    totals = _grouped(table, ["text", "reason"])
    return totals.sort_by([("first_line", "ascending"), ("text", "ascending")]).slice(0, KEPT)


def _counted(columns: dict[str, Any], line: Any) -> pa.Table:
    lines = pa.array(line, pa.int64())
    ones = pa.array(np.ones(len(lines), np.int64))
    return pa.table({**columns, "count": ones, "first_line": lines, "last_line": lines})


def _grouped(table: pa.Table, keys: list[str]) -> pa.Table:
    totals = table.group_by(keys).aggregate([("count", "sum"), ("first_line", "min"), ("last_line", "max")])
    return totals.select([*keys, "count_sum", "first_line_min", "last_line_max"]).rename_columns(
        [*keys, "count", "first_line", "last_line"]
    )
