"""Bring sources up to date: those that are due, several at once, each on its own."""

from __future__ import annotations

import hashlib
import json
import queue
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from workbench._text import one_line
from workbench.intel import holdings
from workbench.intel.catalogue import keys_needed, load
from workbench.intel.downloading import How, download, file_name
from workbench.intel.home import home
from workbench.intel.locking import locked_if_free
from workbench.intel.parsers import parse_all
from workbench.intel.parsers.entries import write_entries
from workbench.intel.providers.keys import key_values
from workbench.intel.source import Source, SourceError
from workbench.intel.updates import Bars, Progress, Updated, Updates, bars
from workbench.intel.writing import sha256_of, write_text

__all__ = ["Failure", "Updated", "Updates", "last_failures", "update"]

LONGEST_DETAIL = 500
ABANDONED = 24 * 3600
"""Seconds after which the half-fetched files of a killed process are taken away."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why the last refresh of a source failed, and when."""

    id: str
    reason: str
    when: datetime


def update(
    ids: Iterable[str] | str | None = None,
    *,
    files: Mapping[str, Path | str] | None = None,
    force: bool = False,
    offline: bool = False,
    allow_private: bool = False,
    catalogue: Mapping[str, Source] | None = None,
    keys: Mapping[str, str] | None = None,
    jobs: int = 4,
    progress: Progress | None = None,
    finished: Callable[[Updated], None] | None = None,
) -> Updates:
    """Fetch the sources that are due and take them in for the next build; the results in order of id.

    By default all of the catalogue that are on by default; ``ids`` names others. ``files`` gives a file, or
    the folder that holds it, for a source instead of the net. ``force`` fetches what is not due or
    unchanged too; ``offline`` touches nothing but ``files``. Each file is read before it replaces the one
    before; a source that fails, for whatever reason, keeps what it had and holds up no other. One that another
    process is fetching is left to it. ``allow_private`` lets all of them lie in the own network, as the field of that name in
    the catalogue does for one. Keys of a location come from ``keys``, by default the environment and the keyring.

    ``progress`` is called with source, bytes done and bytes in all, ``finished`` with each result; in a terminal
    or a notebook bars are drawn where neither is given. Ctrl-C ends the fetches under way; what was taken in
    until then stays, and goes into the next :func:`workbench.intel.build`.

    Raises:
        KeyError: an id is not in the catalogue.
    """
    known = dict(catalogue if catalogue is not None else load())
    given = {name: Path(path) for name, path in (files or {}).items()}
    named = [ids] if isinstance(ids, str) else list(ids or [])
    wanted = list(dict.fromkeys([*named, *given]))
    if not wanted and not offline:
        wanted = [name for name, source in known.items() if source.default]
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise KeyError(f"not in the catalogue: {', '.join(unknown)}; there are: {', '.join(sorted(known))}")
    if keys is None:
        fetched = [] if offline else [known[name] for name in wanted if name not in given]
        keys = key_values({key for source in fetched for key in keys_needed(source)})
    with bars(len(wanted), drawn=progress is None and finished is None) as drawn:
        told = Bars(progress or drawn.progress, finished or drawn.finished, drawn.tick)
        how = How(
            force,
            offline,
            allow_private,
            keys,
            threading.Event(),
            told.progress,
        )
        results = _each([(known[name], given.get(name)) for name in wanted], how, jobs, told)
    return Updates(sorted(results, key=lambda result: result.id))


def _each(wanted: list[tuple[Source, Path | None]], how: How, jobs: int, told: Bars) -> list[Updated]:
    pool = ThreadPoolExecutor(jobs, thread_name_prefix="intel-update")
    results: list[Updated] = []
    try:
        # Not concurrent.futures.wait(): a Ctrl-C in the middle of it leaves a task locked, and its thread waits for ever.
        done: queue.SimpleQueue[Future[Updated]] = queue.SimpleQueue()
        for source, path in wanted:
            pool.submit(_one, source, path, how).add_done_callback(done.put)
        while len(results) < len(wanted):
            try:
                results.append(done.get(timeout=0.5).result())
            except queue.Empty:
                pass
            else:
                told.finished(results[-1])
            told.tick()
    except BaseException:  # Ctrl-C: nobody waits for a slow server; what was taken in is whole
        how.stop.set()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return results


def last_failures() -> list[Failure]:
    """The sources whose last refresh failed, whether or not an earlier file of theirs is at hand."""
    found = []
    for path in sorted((home() / "sources").glob("*/fetched.json")):
        notes = _notes(path.parent)
        if notes.get("error"):
            when = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            found.append(Failure(path.parent.name, str(notes["error"]), when))
    return found


def _one(source: Source, given: Path | None, how: How) -> Updated:
    try:
        if given is not None:
            return _from_files(source, given)
        if how.offline:
            return Updated(source.id, "skipped", "offline")
        folder = home() / "sources" / source.id
        folder.mkdir(parents=True, exist_ok=True)
        with locked_if_free(folder, ".updating") as mine:
            return (
                _fetched(source, how)
                if mine
                else Updated(source.id, "skipped", "another process is fetching it")
            )
    except Exception as error:  # a parser may trip over what no one foresaw: the other sources go on
        detail = _printable(error, source, how)
        if not how.stop.is_set():
            _note(source, error=detail)
        return Updated(source.id, "failed", detail)


def _printable(error: Exception, source: Source, how: How) -> str:
    """One bounded line for the terminal: others wrote parts of it, and no key is to be in it."""
    text = str(error) if isinstance(error, SourceError | OSError) else f"{type(error).__name__}: {error}"
    for key in keys_needed(source):
        if value := how.keys.get(key):
            text = text.replace(value, f"{{{key}}}")
    return one_line(text)[:LONGEST_DETAIL]


def _from_files(source: Source, given: Path) -> Updated:
    files = _files(source, given)
    with _scratch(source) as scratch:
        _take_in(source, files, Path(scratch))
    # The next refresh from the net asks for all of it, whatever the server said of its own file before.
    _note(source, error=None, validators={}, content=[], fetched=None)
    return Updated(source.id, "updated", f"from {given}")


def _files(source: Source, given: Path) -> list[Path]:
    if not given.is_dir():
        return [given]
    wanted = [file_name(location) for location in source.location]
    beside = sorted(path for path in given.iterdir() if path.is_file())
    found = [path for name in wanted for path in beside if path.name == name]
    if not found or len(found) != len(wanted):
        found = [path for path in beside if path.name.partition(".")[0] == source.id]
        if len(wanted) < 2:
            found = found or beside  # the only one there is, whatever its name
        if len(found) != 1:
            raise SourceError(
                given,
                f"must hold {' and '.join(wanted) or 'its file'}, or one file {source.id}.*",
                source.id,
            )
    return found


def _fetched(source: Source, how: How) -> Updated:
    missing = [key for key in keys_needed(source) if not how.keys.get(key)]
    if missing:
        return Updated(
            source.id,
            "skipped",
            f"needs {', '.join(missing)}: set the environment variable, or workbench intel key set {missing[0]}",
        )
    if not source.location:
        return Updated(source.id, "skipped", "has no location: give it a file")
    notes = _notes(home() / "sources" / source.id)
    now = datetime.now(UTC)
    defined = hashlib.sha256(repr(replace(source, refresh=timedelta())).encode()).hexdigest()
    # What was fetched under another entry of the catalogue was perhaps read otherwise, or is another file.
    kept = not how.force and _is_there(source) and notes.get("defined") == defined
    last = notes.get("fetched")
    # Fetched in the future is fetched by a clock that was wrong: it would not be due for years.
    if kept and last and abs(now - datetime.fromisoformat(last)) < source.refresh:
        return Updated(source.id, "not due", f"fetched {last[:16]}")
    how.progress(source.id, 0, None)
    with _scratch(source) as scratch:
        paths, validators, told = download(
            source, Path(scratch), now, notes.get("validators", {}) if kept else {}, how
        )
        content = [sha256_of(path) for path in paths] or notes.get("content", [])
        fresh = not kept or content != notes.get("content")
        if fresh:
            _take_in(source, paths, Path(scratch), told)
    _note(
        source, error=None, fetched=now.isoformat(), defined=defined, validators=validators, content=content
    )
    return Updated(source.id, "updated" if fresh else "unchanged")


def _is_there(source: Source) -> bool:
    return (home() / "sources" / source.id / "source.json").exists()


def _scratch(source: Source) -> tempfile.TemporaryDirectory[str]:
    folder = home() / "sources" / source.id
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(".fetching-*"):
        if time.time() - left.stat().st_mtime > ABANDONED:
            shutil.rmtree(left, ignore_errors=True)
    return tempfile.TemporaryDirectory(prefix=".fetching-", dir=folder)


def _take_in(source: Source, paths: list[Path], scratch: Path, told: datetime | None = None) -> None:
    """``told`` is the date of a source whose files do not tell one."""
    if len(paths) == 1:
        holdings.add(source, paths[0], told)
        return
    parsed = parse_all(paths, source)
    joined = scratch / f"{source.id}.parquet"
    write_entries(parsed, joined)
    holdings.add(replace(source, parser="entries", options={}), joined, parsed.published or told)


def _notes(folder: Path) -> dict[str, Any]:
    try:
        notes: dict[str, Any] = json.loads((folder / "fetched.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return notes


def _note(source: Source, **facts: Any) -> None:
    folder = home() / "sources" / source.id
    if folder.is_dir():
        write_text(folder / "fetched.json", json.dumps({**_notes(folder), **facts}, indent=1))
