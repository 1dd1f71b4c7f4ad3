"""Objects of a STIX bundle of any size, one at a time, as the bytes they were written in.

The text is cut at brackets outside of strings, a chunk at a time in numpy, and every object is parsed by
itself: what was sent is kept byte for byte, an object that is no JSON spoils no other, and size and depth
are bounded before anything is built.
"""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Envelope", "Found", "StreamError", "objects_of", "open_source", "parsed_alone"]

CHUNK = 4 << 20
MAX_OBJECT = 16 << 20
"""Bytes of one object."""
MAX_DEPTH = 100
"""Levels of nesting of one object."""
MAX_ENVELOPE = 1 << 20
"""Bytes of a bundle around its objects."""
MAX_DOCUMENT = 16 << 30
"""Bytes of a bundle, unpacked: a gzip file of 16 MiB can hold as much."""


class StreamError(ValueError):
    """The source is no JSON document with STIX objects, or ends before it should: says where."""


@dataclass(frozen=True, slots=True)
class Found:
    """One item of the list of objects: ``value`` parsed, or ``reason`` why it could not be."""

    index: int
    raw: bytes
    value: dict[str, Any] | None
    reason: str = ""


@dataclass(slots=True)
class Envelope:
    """What is around the objects (type, id, spec_version, other properties); complete when all were read."""

    properties: dict[str, Any] = field(default_factory=dict)
    broken: str = ""
    """Why the document could not be read to its end."""


@contextmanager
def open_source(source: Any) -> Iterator[IO[bytes]]:
    """The bytes of a path (``.gz`` or not), an open binary file, ``bytes``, or a bundle as a dict or list.

    Raises:
        OSError: the file cannot be opened.
        TypeError: none of these.
    """
    if isinstance(source, str | Path):
        with Path(source).open("rb") as file:
            zipped = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            if zipped:
                with gzip.open(file) as unzipped:
                    yield unzipped  # type: ignore[misc]
            else:
                yield file
    elif isinstance(source, bytes | bytearray):
        yield io.BytesIO(source)
    elif isinstance(source, Mapping | list | tuple):
        yield io.BytesIO(json.dumps(source).encode())
    elif hasattr(source, "serialize"):  # an object of the stix2 library
        yield io.BytesIO(source.serialize().encode())
    elif hasattr(source, "read"):
        yield source
    else:
        raise TypeError(f"a path, a binary file or a bundle is wanted, not {type(source).__name__}")


_MARKS = np.zeros(256, bool)
_MARKS[list(b'"{}[]')] = True
_DELTA = np.zeros(256, np.int8)
_DELTA[list(b"{[")] = 1
_DELTA[list(b"}]")] = -1


class _Cutter:
    """Finds brackets outside of strings, chunk after chunk."""

    def __init__(self) -> None:
        self._depth = 0
        self._inside = False  # a string
        self._escaped = False  # the chunk before ended in an odd run of backslashes

    def brackets(self, chunk: bytes) -> tuple[NDArray[np.intp], NDArray[np.int8], NDArray[np.int64]]:
        """Position, +1 or -1, and the depth after it, of every bracket."""
        data = np.frombuffer(chunk, np.uint8)
        at = np.flatnonzero(_MARKS[data])
        quote = data[at] == 0x22
        slashes = np.flatnonzero(data == 0x5C)
        if len(slashes) or self._escaped:
            kept = ~(quote & self._escapes(at, slashes))
            self._escaped = bool(self._escapes(np.array([len(chunk)]), slashes)[0])
            at, quote = at[kept], quote[kept]
        inside = (np.cumsum(quote) + self._inside) % 2 == 1
        if len(inside):
            self._inside = bool(inside[-1])
        at = at[~quote & ~inside]
        delta = _DELTA[data[at]]
        depth = np.cumsum(delta, dtype=np.int64) + self._depth
        if len(depth):
            self._depth = int(depth[-1])
        return at, delta, depth

    def _escapes(self, at: NDArray[np.intp], slashes: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Whether an odd run of backslashes ends before each position."""
        length = np.zeros(len(at), np.int64)
        if len(slashes):
            fresh = np.ones(len(slashes), bool)
            fresh[1:] = np.diff(slashes) > 1
            start = slashes[np.maximum.accumulate(np.where(fresh, np.arange(len(slashes)), 0))]
            near = np.minimum(np.searchsorted(slashes, at - 1), len(slashes) - 1)
            touching = slashes[near] == at - 1
            length = np.where(touching, at - start[near], 0)
            length += touching & (start[near] == 0) & self._escaped
        length[(at == 0) & self._escaped] = 1
        odd: NDArray[np.bool_] = length % 2 == 1
        return odd


def objects_of(file: IO[bytes], envelope: Envelope) -> Iterator[Found]:
    """The objects of a bundle, a TAXII envelope, a bare list, or one single object.

    What cannot be parsed comes with a reason; ``envelope`` is filled on the way, and says in ``broken``
    why reading stopped where the document is cut off or unbalanced.

    Raises:
        StreamError: no JSON object or list at all.
    """
    reader = _Reader(envelope)
    first = True
    left = MAX_DOCUMENT
    while not envelope.broken and (chunk := file.read(CHUNK)):
        left -= len(chunk)
        if left < 0:
            envelope.broken = f"more than {MAX_DOCUMENT:,} bytes"
            break
        if first:
            chunk = chunk.removeprefix(b"\xef\xbb\xbf")
            if chunk.lstrip()[:1] not in (b"{", b"["):
                raise StreamError(
                    f"no JSON object or list: it begins with {chunk[:20].decode('utf-8', 'replace')!r}"
                )
            first = False
        yield from reader.feed(chunk)
    if first:
        raise StreamError("the source is empty")
    yield from reader.finish()


class _Reader:
    def __init__(self, envelope: Envelope) -> None:
        self._envelope = envelope
        self._cutter = _Cutter()
        self._stage = "head"  # then "list", then "tail"
        self._base = 0  # depth within the list of objects
        self._outside = bytearray()
        self._item: bytearray | None = None  # an object begun and not ended
        self._gap = bytearray()  # text between objects
        self._reason = ""  # why the object being read is refused
        self._index = 0

    def feed(self, chunk: bytes) -> Iterator[Found]:
        at, delta, depth = self._cutter.brackets(chunk)
        start = event = 0
        if self._stage == "head":
            found = self._list_begins(chunk, at, delta, depth)
            if found is None:
                self._around(chunk)
                return
            self._around(chunk[: at[found]])
            self._stage, self._base, start, event = "list", int(depth[found]), int(at[found]) + 1, found + 1
        if self._stage == "list":
            at, delta, depth = at[event:], delta[event:], depth[event:]
            ends = np.flatnonzero(depth < self._base)
            inside = slice(0, int(ends[0]) if len(ends) else len(at))
            stop = int(at[ends[0]]) if len(ends) else len(chunk)
            yield from self._items(chunk, start, stop, at[inside], delta[inside], depth[inside])
            if not len(ends):
                return
            yield from self._between(b"")
            self._stage, start = "tail", stop + 1
            self._outside += b"[]"
        self._around(chunk[start:])

    def finish(self) -> Iterator[Found]:
        """What was left open, and the properties of the envelope."""
        if self._stage == "list":
            self._envelope.broken = self._envelope.broken or "the document ends within its list of objects"
            if self._item is not None:
                self._reason = self._reason or "cut off"
                yield self._found(b"")
            return
        text = bytes(self._outside)
        try:
            around = json.loads(text)
        except (ValueError, RecursionError) as error:
            self._envelope.broken = (
                self._envelope.broken or f"the text around the objects is no JSON: {error}"
            )
            return
        if self._stage == "head" and isinstance(around, dict) and around.get("type") != "bundle":
            yield _parsed(0, text)
        elif isinstance(around, dict):
            around.pop("objects", None)
            self._envelope.properties.update(around)

    def _around(self, text: bytes) -> None:
        self._outside += text
        most = MAX_OBJECT if self._stage == "head" else MAX_ENVELOPE + MAX_OBJECT
        if len(self._outside) > most:
            self._envelope.broken = "more than 16 MiB of text outside of a list of objects"

    def _list_begins(
        self, chunk: bytes, at: NDArray[np.intp], delta: NDArray[np.int8], depth: NDArray[np.int64]
    ) -> int | None:
        for event in np.flatnonzero((delta > 0) & (depth <= 2)):
            where = int(at[event])
            if chunk[where] != 0x5B:
                continue
            before = (bytes(self._outside[-64:]) + chunk[max(0, where - 64) : where]).rstrip()
            named = before.endswith(b":") and before[:-1].rstrip().endswith(b'"objects"')
            if (depth[event] == 1 and not before) or (depth[event] == 2 and named):
                return int(event)
        return None

    def _items(
        self,
        chunk: bytes,
        start: int,
        stop: int,
        at: NDArray[np.intp],
        delta: NDArray[np.int8],
        depth: NDArray[np.int64],
    ) -> Iterator[Found]:
        opens = at[(delta > 0) & (depth == self._base + 1)].tolist()
        closes = at[(delta < 0) & (depth == self._base)].tolist()
        deep = at[depth > self._base + MAX_DEPTH]
        cursor = start
        opened = iter(opens)
        for close in closes:
            if self._item is None:
                begin = next(opened)
                yield from self._between(chunk[cursor:begin])
                self._item, cursor = bytearray(), begin
            self._note_depth(deep, cursor, close)
            piece = chunk[cursor : close + 1]
            cursor = close + 1
            yield self._found(piece)
        if self._item is None and (begin := next(opened, None)) is not None:
            yield from self._between(chunk[cursor:begin])
            self._item, cursor = bytearray(), begin
        if self._item is None:
            self._gap += chunk[cursor:stop][: MAX_OBJECT - len(self._gap)]
            return
        self._note_depth(deep, cursor, stop)
        if not self._reason and len(self._item) + stop - cursor > MAX_OBJECT:
            self._reason = f"larger than {MAX_OBJECT >> 20} MiB"
        self._item += (
            chunk[cursor:stop] if not self._reason else chunk[cursor : cursor + max(0, 500 - len(self._item))]
        )

    def _note_depth(self, deep: NDArray[np.intp], start: int, stop: int) -> None:
        if len(deep) and np.searchsorted(deep, start) < np.searchsorted(deep, stop):
            self._reason = self._reason or f"nested deeper than {MAX_DEPTH} levels"

    def _between(self, text: bytes) -> Iterator[Found]:
        """Items of the list that are no objects stand between those that are."""
        if not self._gap and not text.strip(b", \t\r\n"):
            return
        gap = bytes(self._gap) + text
        self._gap.clear()
        for item in gap.split(b","):
            if item.strip():
                yield Found(self._index, item.strip()[:500], None, "no JSON object")
                self._index += 1

    def _found(self, piece: bytes) -> Found:
        raw = bytes(self._item or b"") + piece
        if not self._reason and len(raw) > MAX_OBJECT:
            self._reason = f"larger than {MAX_OBJECT >> 20} MiB"
        result = (
            Found(self._index, raw[:500], None, self._reason) if self._reason else _parsed(self._index, raw)
        )
        self._item, self._reason = None, ""
        self._index += 1
        return result


def parsed_alone(index: int, raw: bytes) -> Found:
    """One object that came without a list around it, within the same bounds."""
    if len(raw) > MAX_OBJECT:
        return Found(index, raw[:500], None, f"larger than {MAX_OBJECT >> 20} MiB")
    _, _, depth = _Cutter().brackets(raw)
    if len(depth) and int(depth.max()) > MAX_DEPTH:
        return Found(index, raw[:500], None, f"nested deeper than {MAX_DEPTH} levels")
    return _parsed(index, raw)


def _parsed(index: int, raw: bytes) -> Found:
    try:
        value = json.loads(raw.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        return Found(index, raw[:500], None, f"no JSON: {error}")
    if not isinstance(value, dict):
        return Found(index, raw[:500], None, "no JSON object")
    return Found(index, raw, value)


def _no_constant(text: str) -> None:
    raise ValueError(f"{text} is no JSON number")
