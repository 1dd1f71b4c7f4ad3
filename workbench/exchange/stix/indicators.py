"""Indicators to hunt with, from whatever holds them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from workbench.exchange.stix.stream import Envelope, objects_of, open_source

__all__ = ["Indicator", "indicators_of", "moment"]


@dataclass(frozen=True, slots=True)
class Indicator:
    """A pattern with its name and what its sender said of it. ``confidence`` is 0-100."""

    id: str
    name: str
    pattern: str
    pattern_type: str = "stix"
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    revoked: bool = False
    confidence: int | None = None


def indicators_of(source: Any) -> list[Indicator]:
    """Indicators from a pattern, patterns by name, a bundle, its path, an object store, or several of these.

    Of several versions of one indicator the newest counts (STIX 2.1 section 3.6).

    Raises:
        OSError, StreamError: a file cannot be read.
        TypeError: none of these.
    """
    found: dict[str, tuple[datetime, Indicator]] = {}
    for modified, indicator in _read(source):
        if indicator.id not in found or modified >= found[indicator.id][0]:
            found[indicator.id] = modified, indicator
    return [indicator for _, indicator in found.values()]


_EVER = datetime.min.replace(tzinfo=UTC)


def _read(source: Any) -> Iterator[tuple[datetime, Indicator]]:
    if isinstance(source, Indicator):
        yield _EVER, source
    elif (
        isinstance(source, str) and source.lstrip()[:1] in ("[", "(") and not source.lstrip().startswith("[{")
    ):
        yield _EVER, Indicator(source, source, source)
    elif isinstance(source, Mapping) and "type" not in source and "objects" not in source:
        for name, pattern in source.items():
            if not isinstance(pattern, str):
                raise TypeError(f"the pattern {name!r} is {type(pattern).__name__}, not text")
            yield _EVER, Indicator(str(name), str(name), pattern)
    elif isinstance(source, str | Path | bytes) or hasattr(source, "read") or hasattr(source, "serialize"):
        with open_source(json.loads(source) if _is_json(source) else source) as file:
            for item in objects_of(file, Envelope()):
                if item.value is not None:
                    yield from _of_object(item.value)
    elif hasattr(source, "indicators"):  # a store of objects
        for value in source.indicators():
            yield from _of_object(value)
    elif isinstance(source, Mapping):
        objects = source.get("objects") if source.get("type") != "indicator" else None
        for value in objects if isinstance(objects, list) else [source]:
            yield from _of_object(value)
    elif isinstance(source, Iterable):
        for item in source:
            yield from _read(item)
    else:
        raise TypeError(f"a pattern, a bundle or a path is wanted, not {type(source).__name__}")


def _is_json(source: Any) -> bool:
    return isinstance(source, str) and source.lstrip()[:1] in ("{", "[")


def _of_object(value: Mapping[str, Any]) -> Iterator[tuple[datetime, Indicator]]:
    if value.get("type") != "indicator" or not isinstance(value.get("pattern"), str):
        return
    confidence = value.get("confidence")
    name = str(value.get("name") or value["pattern"])
    yield (
        moment(value.get("modified")) or _EVER,
        Indicator(
            id=str(value.get("id") or value["pattern"]),
            name=name,
            pattern=value["pattern"],
            pattern_type=str(value.get("pattern_type") or "stix"),
            valid_from=moment(value.get("valid_from")),
            valid_until=moment(value.get("valid_until")),
            revoked=value.get("revoked") is True,
            confidence=confidence if isinstance(confidence, int) and 0 <= confidence <= 100 else None,
        ),
    )


def moment(text: object) -> datetime | None:
    """A STIX timestamp (RFC 3339, UTC, any number of decimals), ``None`` where it is none."""
    if isinstance(text, datetime):
        return text if text.tzinfo else text.replace(tzinfo=UTC)
    if not isinstance(text, str):
        return None
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):  # in UTC some are before the year 1, or after 9999
        return None
