"""From the locations of a source to files, and when those were made."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from typing import Any

from workbench.intel.catalogue import expand, keys_needed
from workbench.intel.fetch import fetch
from workbench.intel.holdings import EARLIEST
from workbench.intel.packages import from_package, is_package
from workbench.intel.source import Source
from workbench.intel.updates import Progress

__all__ = ["How", "download", "file_name"]

CLOCKS_APART = timedelta(minutes=10)
"""How far a server's clock may be ahead of this one's."""


@dataclass(frozen=True, slots=True)
class How:
    """How an update goes about it: the arguments of ``update`` that every source of it shares."""

    force: bool
    offline: bool
    allow_private: bool
    keys: Mapping[str, str]
    stop: threading.Event
    progress: Progress


def download(
    source: Source, scratch: Path, now: datetime, before: dict[str, Any], how: How
) -> tuple[list[Path], dict[str, Any], datetime | None]:
    """The files of all locations, the validators of each, and when the oldest of them was made as far as server or
    registry tell; no files where none has changed.

    Where one of several changed, the others are fetched as well: only their union was kept.
    """
    paths = [
        scratch / f"{number}-{file_name(location) or 'file'}"
        for number, location in enumerate(source.location)
    ]
    validators: dict[str, Any] = {}
    told: dict[str, datetime | None] = {}
    changed = set()
    for conditional in (True, False):
        for path, location in zip(paths, source.location, strict=True):
            if path in changed:
                continue
            # The date of today in it, and no key: what a validator belongs to, and what errors may tell.
            name = expand(location, now, {key: key for key in keys_needed(source)})
            if is_package(location):
                told[name] = from_package(location, path, how.stop)
                changed.add(path)
                continue
            known = before.get(name, {}) if conditional else {}
            answer = fetch(
                expand(location, now, how.keys), path, name=name, allow_private=how.allow_private or source.allow_private, stop=how.stop,
                etag=known.get("etag"), last_modified=known.get("last_modified"), progress=partial(how.progress, source.id),
            )  # fmt: skip
            if answer.new:
                changed.add(path)
            validators[name] = {"etag": answer.etag, "last_modified": answer.last_modified}
            told[name] = _made(answer.last_modified, now)
        if not changed:
            break
    made = min((moment for moment in told.values() if moment), default=None)
    return paths if changed else [], validators, made


def _made(last_modified: str | None, now: datetime) -> datetime | None:
    """``Last-Modified`` (RFC 9110, 8.8.2) as a moment: a list that says nothing of its age is as old as its file.
    Not what cannot be: the epoch of a server that does not know, or the future of one with a wrong clock."""
    try:
        moment = parsedate_to_datetime(last_modified or "")
    except ValueError:
        return None
    moment = moment.replace(tzinfo=moment.tzinfo or UTC)
    return min(moment, now) if EARLIEST <= moment <= now + CLOCKS_APART else None


def file_name(location: str) -> str:
    """The name that the file of a location has."""
    return location.partition("?")[0].rpartition("/")[2].rpartition("#")[2]
