"""Bring sources up to date: those that are due, several at once, each on its own."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from workbench.intel import library
from workbench.intel.catalogue import expand, keys_needed, load
from workbench.intel.fetch import fetch
from workbench.intel.home import home
from workbench.intel.packages import from_package, is_package
from workbench.intel.parsers import parse_all
from workbench.intel.parsers.entries import write_entries
from workbench.intel.source import Source, SourceError

__all__ = ["Updated", "update"]

Progress = Callable[[str, int, int | None], None]


@dataclass(frozen=True, slots=True)
class Updated:
    """What became of one source: ``status`` is updated, unchanged, not due, skipped or failed; ``detail`` says why."""

    id: str
    status: str
    detail: str = ""


def update(
    ids: Iterable[str] | None = None,
    *,
    files: Mapping[str, Path] | None = None,
    force: bool = False,
    offline: bool = False,
    allow_private: bool = False,
    catalogue: Mapping[str, Source] | None = None,
    jobs: int = 4,
    progress: Progress | None = None,
) -> list[Updated]:
    """Fetch the sources that are due and take them in for the next build; the results in order of id.

    By default all of the catalogue that are on by default; ``ids`` names others. ``files`` gives a file, or
    the folder that holds it, for a source instead of the net. ``force`` fetches what is not due or
    unchanged too; ``offline`` touches nothing but ``files``. Each file is read before it replaces the one
    before; a source that fails keeps what it had. Keys of a location come from the environment.

    Raises:
        KeyError: an id is not in the catalogue.
    """
    known = dict(catalogue if catalogue is not None else load())
    given = dict(files or {})
    wanted = list(dict.fromkeys([*(ids or []), *given])) or [
        name for name, source in known.items() if source.default
    ]
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise KeyError(f"not in the catalogue: {', '.join(unknown)}; there are: {', '.join(sorted(known))}")
    results: list[Updated] = []
    pool = ThreadPoolExecutor(jobs, thread_name_prefix="intel-update")
    try:
        tasks = [
            pool.submit(_one, known[name], given.get(name), force, offline, allow_private, progress)
            for name in wanted
        ]
        results = [task.result() for task in as_completed(tasks)]
    finally:  # on Ctrl-C: what has not begun does not begin; what was taken in is whole
        pool.shutdown(wait=True, cancel_futures=True)
    return sorted(results, key=lambda result: result.id)


def _one(
    source: Source,
    given: Path | None,
    force: bool,
    offline: bool,
    allow_private: bool,
    progress: Progress | None,
) -> Updated:
    try:
        if given is not None:
            library.add(source, _file(source, given))
            return Updated(source.id, "updated", f"from {given}")
        if offline:
            return Updated(source.id, "skipped", "offline")
        result = _fetched(source, force, allow_private, progress)
        _note(source, error=None)
        return result
    except (SourceError, OSError) as error:
        _note(source, error=str(error))
        return Updated(source.id, "failed", str(error))


def _file(source: Source, given: Path) -> Path:
    if not given.is_dir():
        return given
    names = {location.rpartition("/")[2].rpartition("#")[2] for location in source.location}
    found = [path for path in sorted(given.iterdir()) if path.name in names or path.stem == source.id]
    if len(found) != 1:
        raise SourceError(given, f"holds no file named {' or '.join(sorted(names))}", source.id)
    return found[0]


def _fetched(source: Source, force: bool, allow_private: bool, progress: Progress | None) -> Updated:
    missing = [key for key in keys_needed(source) if not os.environ.get(key)]
    if missing:
        return Updated(source.id, "skipped", f"needs {', '.join(missing)} in the environment")
    if not source.location:
        return Updated(source.id, "skipped", "has no location: give it a file")
    folder = home() / "sources" / source.id
    notes = _notes(folder)
    now = datetime.now(UTC)
    had = (folder / "source.json").exists()
    if (
        had
        and not force
        and "fetched" in notes
        and now - datetime.fromisoformat(notes["fetched"]) < source.refresh
    ):
        return Updated(source.id, "not due", f"fetched {notes['fetched'][:16]}")
    folder.mkdir(parents=True, exist_ok=True)
    validators: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix=".fetching-", dir=folder) as scratch:
        paths, fresh = [], False
        for number, location in enumerate(source.location):
            name = location.partition("?")[0].rpartition("/")[2].rpartition("#")[2]
            target = Path(scratch) / f"{number}-{name or 'file'}"
            if is_package(location):
                from_package(location, target)
                fresh = True
            else:
                before = (
                    {}
                    if force or not had or len(source.location) > 1
                    else notes.get("validators", {}).get(location, {})
                )
                answer = fetch(
                    expand(location, now, os.environ), target,
                    etag=before.get("etag"), last_modified=before.get("last_modified"), allow_private=allow_private,
                    progress=(lambda done, total: progress(source.id, done, total)) if progress else None,
                )  # fmt: skip
                fresh |= answer.new
                validators[location] = {"etag": answer.etag, "last_modified": answer.last_modified}
            paths.append(target)
        if fresh:
            _take_in(source, paths, Path(scratch))
    _note(source, error=None, fetched=now.isoformat(), validators=validators)
    return Updated(source.id, "updated" if fresh else "unchanged")


def _take_in(source: Source, paths: list[Path], scratch: Path) -> None:
    if len(paths) == 1:
        library.add(source, paths[0])
        return
    parsed = parse_all(paths, source)
    joined = scratch / f"{source.id}.parquet"
    write_entries(parsed, joined)
    library.add(replace(source, parser="entries", options={}), joined, parsed.published)


def _notes(folder: Path) -> dict[str, Any]:
    try:
        notes: dict[str, Any] = json.loads((folder / "fetched.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return notes


def _note(source: Source, **facts: Any) -> None:
    folder = home() / "sources" / source.id
    if folder.is_dir():
        library.write_text(folder / "fetched.json", json.dumps({**_notes(folder), **facts}, indent=1))
