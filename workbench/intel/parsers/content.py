"""What is in a source's file: opened whatever it is packed in, never expanded beyond a bound.

Packing is told by the first bytes, not by the name, since downloads lose their names: gzip, bzip2, xz,
zstd, and zip or tar archives with one file (or one chosen by the option ``member``, a shell pattern).
"""

from __future__ import annotations

import bz2
import fnmatch
import gzip
import io
import json
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import pyarrow as pa

from workbench.intel.source import Source, SourceError

__all__ = ["MAX_EXPANDED", "lines_of", "open_stream", "read_bytes", "read_json", "read_lines", "read_text"]

MAX_EXPANDED = 4 << 30
"""Bytes a file may expand to; ``max_bytes`` in a source's options overrides it."""
MAX_JSON = 1 << 30
MAX_RATIO = 300
"""Expansion beyond this, once past :data:`RATIO_FREE` bytes, is an attack and no list (text packs 3-30 fold)."""
RATIO_FREE = 64 << 20

_BROKEN = (
    OSError,
    EOFError,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    tarfile.TarError,
    pa.ArrowException,
)


class _Bounded(io.RawIOBase):
    """A stream that refuses to give more than it should, and names the file when it is broken."""

    def __init__(self, stream: BinaryIO, path: Path, source: Source) -> None:
        self._stream = stream
        self._path = path
        self._source = source
        self._packed = max(1, path.stat().st_size)
        self._limit = int(source.options.get("max_bytes", MAX_EXPANDED))
        self._given = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            chunk = self._stream.read(len(buffer))
        except (*_BROKEN, NotImplementedError, RuntimeError) as error:
            raise SourceError(self._path, f"cut short or damaged: {error}", self._source.id) from error
        self._given += len(chunk)
        if self._given > self._limit:
            reason = (
                f"expands to more than {self._limit} bytes; raise max_bytes in its options if that is right"
            )
            raise SourceError(self._path, reason, self._source.id)
        if self._given > RATIO_FREE and self._given > MAX_RATIO * self._packed:
            reason = f"expands more than {MAX_RATIO} fold, as an archive made to exhaust memory does"
            raise SourceError(self._path, reason, self._source.id)
        buffer[: len(chunk)] = chunk
        return len(chunk)


@contextmanager
def open_stream(path: Path, source: Source, member: str | None = None) -> Iterator[BinaryIO]:
    """The unpacked content of ``path`` as a buffered binary stream.

    Raises:
        SourceError: the file is missing, empty, damaged, has no or several members to choose from, or
            expands beyond the bound (while being read).
    """
    member = member or source.options.get("member")
    with ExitStack() as stack:
        try:
            raw = stack.enter_context(path.open("rb"))
            stream = _unpacked(raw, path, source, stack)
            archived = _from_archive(stream, path, source, member, stack)
        except SourceError:
            raise
        except _BROKEN as error:
            raise SourceError(path, f"cannot be opened: {error}", source.id) from error
        yield stack.enter_context(io.BufferedReader(_Bounded(archived, path, source), 1 << 18))


def _unpacked(raw: BinaryIO, path: Path, source: Source, stack: ExitStack) -> BinaryIO:
    magic = raw.read(6)
    raw.seek(0)
    if not magic:
        raise SourceError(path, "the file is empty", source.id)
    packed: Any
    if magic[:2] == b"\x1f\x8b":
        packed = gzip.GzipFile(fileobj=raw)
    elif magic[:3] == b"BZh":
        packed = bz2.BZ2File(raw)
    elif magic == b"\xfd7zXZ\x00":
        packed = lzma.LZMAFile(raw)  # noqa: SIM115
    elif magic[:4] == b"\x28\xb5\x2f\xfd":
        packed = pa.CompressedInputStream(pa.PythonFile(raw), "zstd")
    else:
        return raw
    stack.enter_context(packed)
    return stack.enter_context(io.BufferedReader(_Bounded(packed, path, source), 1 << 18))


def _from_archive(
    stream: BinaryIO, path: Path, source: Source, member: str | None, stack: ExitStack
) -> BinaryIO:
    magic = cast(io.BufferedReader, stream).peek(262)[:262]
    if magic[:4] == b"PK\x03\x04":
        if not stream.seekable():
            raise SourceError(path, "a zip archive packed once more; unpack it once", source.id)
        archive = stack.enter_context(zipfile.ZipFile(stream))
        names = [info.filename for info in archive.infolist() if not info.is_dir()]
        return cast(BinaryIO, stack.enter_context(archive.open(_choose(names, member, path, source))))
    if magic[257:262] != b"ustar":
        return stream
    # A packed tar cannot be sought in, so it is read twice: for the names, then for the one wanted.
    with tarfile.open(fileobj=stream, mode="r|") as tar:
        chosen = _choose([info.name for info in tar if info.isfile()], member, path, source)
    again = _unpacked(stack.enter_context(path.open("rb")), path, source, stack)
    tar = stack.enter_context(tarfile.open(fileobj=again, mode="r|"))  # noqa: SIM115
    for info in tar:
        if info.isfile() and info.name == chosen and (inner := tar.extractfile(info)) is not None:
            return cast(BinaryIO, stack.enter_context(inner))
    raise SourceError(path, f"{chosen!r} is gone from the archive", source.id)


def _choose(names: list[str], member: str | None, path: Path, source: Source) -> str:
    matching = [name for name in names if member is None or fnmatch.fnmatch(name, member)]
    if len(matching) == 1:
        return matching[0]
    listing = ", ".join(sorted(names)[:8]) or "none"
    wanted = f"{len(matching)} files match {member!r}" if member else f"{len(matching)} files in the archive"
    raise SourceError(path, f"{wanted}; option `member` must choose one of: {listing}", source.id)


def read_bytes(path: Path, source: Source, member: str | None = None) -> bytes:
    """All of the unpacked content. Raises as :func:`open_stream`."""
    with open_stream(path, source, member) as stream:
        content = stream.read()
    if not content:
        raise SourceError(path, "holds nothing once unpacked", source.id)
    return content


def read_text(path: Path, source: Source, member: str | None = None) -> str:
    """The content as text (UTF-8, a byte order mark dropped; stray bytes become U+FFFD).

    Raises:
        SourceError: as :func:`open_stream`; also for web pages and for binary files.
    """
    content = read_bytes(path, source, member)
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        text = content.decode("utf-16", "replace")
    else:
        if b"\0" in content:
            raise SourceError(path, "a binary file where text is expected", source.id)
        text = content.decode("utf-8-sig", "replace")
    strange = text.count("\ufffd") if not text.isascii() else 0
    if strange * 20 > len(text):
        raise SourceError(path, "a binary file where text is expected", source.id)
    start = text[:1024].lstrip().lower()
    if start.startswith(("<!doctype html", "<html", "<head", "<body", "<script")) or (
        start.startswith(("<?xml", "<!--")) and "<html" in text[:4096].lower()
    ):
        reason = "a web page (HTML) where data is expected: an error page, a login, or a moved address"
        raise SourceError(path, reason, source.id)
    if not start:
        raise SourceError(path, "holds nothing but white space", source.id)
    return text


def read_lines(path: Path, source: Source) -> pa.Array:
    """The lines of a text file as a ``large_string`` column, without line ends; line *n* is row *n - 1*."""
    return lines_of(read_text(path, source))


def lines_of(text: str) -> pa.Array:
    """Lines of ``text`` as a ``large_string`` column, without a Python object a line."""
    content = text.replace("\r\n", "\n").replace("\r", "\n").encode()
    data = np.frombuffer(content, np.uint8)
    ends = np.flatnonzero(data == 10)
    starts = np.concatenate([np.zeros(1, np.int64), ends + 1])
    if not content or content.endswith(b"\n"):
        starts = starts[:-1]
    else:
        ends = np.append(ends, len(data))
    # Offsets of a string column touch each other, so the line ends are squeezed out first.
    kept = pa.py_buffer(data[data != 10])
    offsets = np.concatenate([starts - np.arange(len(starts)), [len(kept)]]).astype(np.int64)
    return pa.Array.from_buffers(pa.large_string(), len(starts), [None, pa.py_buffer(offsets), kept])


def read_json(path: Path, source: Source) -> Any:
    """The file as one JSON value.

    Raises:
        SourceError: as :func:`read_text`, or the text is no JSON.
    """
    text = read_text(path, source)
    if len(text) > MAX_JSON:
        raise SourceError(path, f"{len(text)} characters of JSON are more than is accepted", source.id)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SourceError(path, f"no JSON: {error}", source.id) from None
