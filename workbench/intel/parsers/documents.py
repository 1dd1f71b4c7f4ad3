"""Reading JSON that may be shaped otherwise than its publisher promised."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from workbench.intel.parsers.building import Rejects
from workbench.intel.parsers.content import read_json, read_text
from workbench.intel.source import Source, SourceError

__all__ = ["instant", "json_lines", "objects", "read_object", "text_of"]

MAX_LINE = 1 << 20


def read_object(path: Path, source: Source) -> dict[str, Any]:
    """The file as one JSON object.

    Raises:
        SourceError: it is no JSON, or JSON of another kind.
    """
    document = read_json(path, source)
    if not isinstance(document, dict):
        raise SourceError(path, f"a JSON {type(document).__name__} where an object is expected", source.id)
    return document


def objects(
    document: dict[str, Any], key: str, path: Path, source: Source, rejects: Rejects | None = None
) -> list[tuple[int, dict[str, Any]]]:
    """The objects in the list at ``key``, each with its 1-based place; what is no object is rejected.

    Raises:
        SourceError: there is no such list.
    """
    items = document.get(key)
    if not isinstance(items, list):
        held = ", ".join(list(document)[:8]) or "nothing"
        raise SourceError(path, f"no list {key!r} in the JSON, which has: {held}", source.id)
    found = []
    for at, item in enumerate(items, 1):
        if isinstance(item, dict):
            found.append((at, item))
        elif rejects is not None:
            rejects.add(at, item, "no JSON object")
    return found


def json_lines(path: Path, source: Source, rejects: Rejects) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a file with one JSON object a line, each with its line number; other lines are rejected.

    Raises:
        SourceError: unreadable, or no line at all is a JSON object.
    """
    good = 0
    for at, line in enumerate(read_text(path, source).split("\n"), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line) if len(line) <= MAX_LINE else None
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, dict):
            good += 1
            yield at, value
        else:
            rejects.add(at, line, "no JSON object in this line")
    if not good:
        raise SourceError(path, "not one line is a JSON object", source.id)


def text_of(value: object, limit: int = 200) -> str | None:
    """``value`` if it is text with something in it, trimmed and bounded; else None."""
    return (value.strip()[:limit] or None) if isinstance(value, str) else None


def instant(value: object) -> datetime | None:
    """A moment from ISO 8601 text or seconds since 1970; without a zone it is UTC. None where it is neither."""
    try:
        if isinstance(value, str):
            parsed = datetime.fromisoformat(value.strip())
            return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
        if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
            return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        pass
    return None
