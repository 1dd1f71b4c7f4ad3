"""Text files as numbered lines: any size, compressed or not, whatever the bytes."""

from __future__ import annotations

import codecs
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa

__all__ = ["LINES", "LinesError", "first_lines", "is_binary", "line_reader", "read_blocks", "read_lines"]

LINES = pa.schema({"line": pa.int64(), "text": pa.large_string()})
"""Lines numbered from 1, without their line ends."""

BLOCK = 16 << 20
MAX_LINE = 1 << 20
MAX_EXPANSION = 200
"""How many times its size a compressed file may grow; logs reach 20 to 50, bombs 1000."""

_COMPRESSION = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bz2"}
_WIDE = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}


class LinesError(ValueError):
    """A file cannot be read as text: missing, cut short, or growing beyond all measure."""


def read_lines(path: Path | str, max_bytes: int | None = None) -> Iterator[pa.RecordBatch]:
    """The lines of a file in batches of :data:`LINES`; ``-`` is standard input.

    gzip, zstd and bzip2 are told by their first bytes, as is UTF-16; bytes that are no UTF-8 are replaced.
    NUL bytes are dropped and lines beyond 1 MiB cut. ``max_bytes`` bounds the text after expansion.

    Raises:
        LinesError: the compressed data is damaged, or expands beyond ``max_bytes`` or 200 times its size.
        OSError: the file cannot be opened.
    """
    rest = b""
    number = 1
    for block in read_blocks(path, max_bytes):
        data = rest + block
        cut = data.rfind(b"\n") + 1
        rest = data[cut:]
        if len(rest) > BLOCK:
            rest = rest[:MAX_LINE]  # a line that does not end: keep its head
        if cut:
            batch = _batch(data[:cut], number)
            number += len(batch)
            yield batch
    if rest:
        yield _batch(rest + b"\n", number)


@contextmanager
def line_reader(path: Path | str, max_bytes: int | None = None) -> Iterator[pa.RecordBatchReader]:
    """The lines as a stream for DuckDB, whose own word for a reader's error is replaced by that error."""
    failed: list[Exception] = []

    def batches() -> Iterator[pa.RecordBatch]:
        try:
            yield from read_lines(path, max_bytes)
        except (LinesError, OSError) as error:
            failed.append(error)
            raise

    try:
        yield pa.RecordBatchReader.from_batches(LINES, batches())
    except Exception:
        if failed:
            raise failed[0] from None
        raise


def first_lines(path: Path, count: int) -> list[str]:
    """The first lines of a file, to tell what it is."""
    found: list[str] = []
    for batch in read_lines(path):
        found += batch.column(1).slice(0, count - len(found)).to_pylist()
        if len(found) >= count:
            break
    return found


def read_blocks(path: Path | str, max_bytes: int | None = None) -> Iterator[bytes]:
    """The bytes of a file in blocks of up to 16 MiB, unpacked, and UTF-16 with a mark recoded to UTF-8.

    Raises:
        LinesError: as for :func:`read_lines`.
        OSError: the file cannot be opened.
    """
    if str(path) == "-":
        # A pipe cannot be asked its size, so nothing but ``max_bytes`` bounds what comes out of it.
        yield from _unpacked(sys.stdin.buffer, "standard input", max_bytes, max_bytes)
        return
    path = Path(path)
    with path.open("rb") as raw:
        unpacked = min(max_bytes or sys.maxsize, max(path.stat().st_size * MAX_EXPANSION, BLOCK))
        yield from _unpacked(raw, str(path), max_bytes, unpacked)


def is_binary(path: Path | str) -> bool:
    """Whether what a file unpacks to begins as no text does, with a zero byte early on."""
    return b"\0" in next(read_blocks(path), b"")[:8192]


def _unpacked(raw: Any, name: str, plain: int | None, unpacked: int | None) -> Iterator[bytes]:
    """The blocks of a stream that can be peeked into; ``unpacked`` bounds them if it is compressed."""
    head = raw.peek(4)
    kind = next((packing for magic, packing in _COMPRESSION.items() if head.startswith(magic)), None)
    if kind is None:
        yield from _recoded(_bounded(raw, name, plain))
        return
    try:
        with pa.CompressedInputStream(raw, kind) as stream:
            yield from _recoded(_bounded(stream, name, unpacked))
    except (OSError, pa.ArrowInvalid) as error:
        tool = {"gzip": "gzip", "zstd": "zstd", "bz2": "bzip2"}[kind]
        raise LinesError(
            f"{name}: the {kind} data is damaged or cut short ({error}); "
            f"to read what is whole of it, unpack it first with {tool} -dc"
        ) from None


def _bounded(stream: IO[bytes] | Any, name: str, limit: int | None) -> Iterator[bytes]:
    total = 0
    while block := stream.read(BLOCK):
        total += len(block)
        if limit is not None and total > limit:
            raise LinesError(
                f"{name}: expands to more than {limit:,} bytes; if that is meant, unpack it first"
            )
        yield bytes(block)


def _recoded(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """UTF-8 from UTF-16, if the first block begins with its mark."""
    decoder = None
    for number, block in enumerate(blocks):
        wide = _WIDE.get(block[:2]) if number == 0 else None
        if wide:
            decoder = codecs.getincrementaldecoder(wide)("replace")
        yield decoder.decode(block).lstrip("\ufeff").encode("utf-8", "replace") if decoder else block


def _batch(data: bytes, number: int) -> pa.RecordBatch:
    """One batch over the bytes of whole lines: line ends become gaps between offsets, nothing is copied."""
    if b"\x00" in data:
        data = data.replace(b"\x00", b"")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        data = data.decode("utf-8", "replace").encode("utf-8")
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n")
    raw = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(raw == 10)
    starts = np.concatenate([[0], ends[:-1] + 1])
    if (ends - starts).max() > MAX_LINE:
        return _batch(b"".join(line[:MAX_LINE] + b"\n" for line in data.split(b"\n")[:-1]), number)
    # Without the line ends the bytes are what Arrow wants: strings that lie back to back.
    text = pa.Array.from_buffers(
        pa.large_string(),
        len(ends),
        [
            None,
            pa.py_buffer(np.append(starts - np.arange(len(starts)), len(raw) - len(ends))),
            pa.py_buffer(data.replace(b"\n", b"")),
        ],
    )
    lines = pa.array(np.arange(number, number + len(ends)))
    return pa.RecordBatch.from_arrays([lines, text], schema=LINES)
