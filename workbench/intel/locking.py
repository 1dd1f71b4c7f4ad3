"""One process at a time: advisory locks on folders, let go of when their holder ends, however it ends."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["locked", "locked_if_free"]


@contextmanager
def locked(folder: Path, *, shared: bool = False) -> Iterator[None]:
    """Hold the lock of ``folder`` (its file ``.lock``), for oneself or with others who only read.

    Waits for whoever holds it. Where the folder cannot be written, nobody writes to it: no lock is taken.
    """
    try:
        file = (folder / ".lock").open("a")
    except OSError:
        yield
        return
    with file:  # closing it unlocks
        fcntl.flock(file, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield


@contextmanager
def locked_if_free(folder: Path, name: str) -> Iterator[bool]:
    """Hold the lock ``name`` of ``folder``; false, and nothing is held, where another process has it."""
    with (folder / name).open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
