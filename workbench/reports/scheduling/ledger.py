"""Where schedules and runs are kept on a machine without a store: one SQLite file below the workbench's home."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

from workbench.intel.home import home
from workbench.reports.scheduling.planning import Run, Schedule, planned
from workbench.secrecy import TLP

__all__ = ["FileLedger", "Ledger", "Lock", "open_ledger"]


class Lock(Protocol):
    """A schedule held against everybody else."""

    def still_held(self) -> bool:
        """Whether it still is."""


class Ledger(Protocol):
    """Schedules and runs, wherever they are kept; the file and the store behave alike."""

    def add(self, schedule: Schedule) -> Schedule:
        """Keep a new schedule, and give it back as it is kept.

        Raises:
            ValueError: there is one of this name.
        """

    def schedules(self) -> list[Schedule]:
        """Those that the caller may see, by name."""

    def remove(self, schedule: Schedule) -> None:
        """Run it no more; its runs stay."""

    def set_active(self, schedule: Schedule, active: bool) -> None:
        """Pause it, or go on with it."""

    def is_mine(self, schedule: Schedule) -> bool:
        """Whether it runs with the caller's rights."""

    def begin(self, template: str, told: Mapping[str, Any], schedule: Schedule | None = None, due_at: datetime | None = None, attempt: int = 1, missed: int = 0) -> str | None:  # fmt: skip
        """Record a run that begins; its id, or None where this attempt was begun already."""

    def tell(self, run: str, told: Mapping[str, Any]) -> None:
        """Record how far a run got."""

    def finish(self, run: str, status: str, told: Mapping[str, Any]) -> None:
        """Record its end: done or failed."""

    def runs(self, schedule: Schedule | None = None, limit: int = 100) -> list[Run]:
        """The latest, newest first."""

    def lock(self, schedule: Schedule) -> contextlib.AbstractContextManager[Lock | None]:
        """Hold a schedule as long as the block lasts and the process lives; None: somebody else does."""

    def alert(self, run: str) -> int:
        """Raise an alert for a run that failed; how many were raised."""

    def close(self) -> None:
        """Let go of it."""


def open_ledger(url: str | None) -> Ledger:
    """Schedules and runs of the store at ``url`` (``local``, ``env:NAME`` or a URL), or of this machine without one.

    Raises:
        Unreachable, StoreError, PermissionError: as :func:`workbench.store.connect_store`.
    """
    if url is None:
        return FileLedger()
    from workbench.reports.audience import open_store
    from workbench.reports.scheduling.storeledger import StoreLedger

    return StoreLedger(open_store(url))


_TABLES = """
CREATE TABLE IF NOT EXISTS schedules (id TEXT PRIMARY KEY, name TEXT NOT NULL, template TEXT NOT NULL, plan TEXT NOT NULL, secrecy INTEGER NOT NULL,
    active INTEGER NOT NULL DEFAULT 1, created_at TEXT NOT NULL, deleted_at TEXT);
CREATE UNIQUE INDEX IF NOT EXISTS schedule_name ON schedules (name) WHERE deleted_at IS NULL;
CREATE TABLE IF NOT EXISTS runs (id TEXT PRIMARY KEY, schedule TEXT REFERENCES schedules, template TEXT NOT NULL, due_at TEXT, attempt INTEGER NOT NULL,
    missed INTEGER NOT NULL, status TEXT NOT NULL, machine TEXT NOT NULL, started_at TEXT NOT NULL, finished_at TEXT, told TEXT NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS once ON runs (schedule, due_at, attempt) WHERE schedule IS NOT NULL;
"""


class FileLedger:
    """Kept in ``reports/reports.sqlite`` of the workbench's home, for one person on one machine."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or home() / "reports" / "reports.sqlite"
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._con = sqlite3.connect(self._path, timeout=60, isolation_level=None)
        self._path.chmod(0o600)
        self._con.executescript(_TABLES)

    def close(self) -> None:
        self._con.close()

    def add(self, schedule: Schedule) -> Schedule:
        try:
            self._con.execute(
                "INSERT INTO schedules (id, name, template, plan, secrecy, created_at) VALUES (?, ?, ?, ?, ?, ?)",
                (schedule.id, schedule.name, schedule.template, json.dumps(schedule.plan()), int(schedule.secrecy), schedule.created_at.isoformat()),
            )  # fmt: skip
        except sqlite3.IntegrityError:
            raise ValueError(
                f"there is a schedule {schedule.name!r} already: workbench report unschedule {schedule.name}"
            ) from None
        return schedule

    def schedules(self) -> list[Schedule]:
        rows = self._con.execute("SELECT id, name, template, plan, secrecy, active, created_at FROM schedules WHERE deleted_at IS NULL ORDER BY name")  # fmt: skip
        return [
            planned(
                json.loads(plan), id=key, name=name, template=template, secrecy=TLP(secrecy), active=bool(active),
                created_at=datetime.fromisoformat(created),
            )
            for key, name, template, plan, secrecy, active, created in rows
        ]  # fmt: skip

    def remove(self, schedule: Schedule) -> None:
        self._con.execute("UPDATE schedules SET deleted_at = ? WHERE id = ?", (_now(), schedule.id))

    def set_active(self, schedule: Schedule, active: bool) -> None:
        self._con.execute("UPDATE schedules SET active = ? WHERE id = ?", (active, schedule.id))

    def is_mine(self, schedule: Schedule) -> bool:
        return True

    def begin(self, template: str, told: Mapping[str, Any], schedule: Schedule | None = None, due_at: datetime | None = None, attempt: int = 1, missed: int = 0) -> str | None:  # fmt: skip
        key = str(uuid4())
        done = self._con.execute(
            "INSERT INTO runs (id, schedule, template, due_at, attempt, missed, status, machine, started_at, told) "
            "VALUES (?, ?, ?, ?, ?, ?, 'running', ?, ?, ?) ON CONFLICT DO NOTHING",
            (key, schedule and schedule.id, template, due_at and due_at.astimezone(UTC).isoformat(), attempt, missed, socket.gethostname(), _now(), json.dumps(dict(told))),
        )  # fmt: skip
        return key if done.rowcount else None

    def tell(self, run: str, told: Mapping[str, Any]) -> None:
        self._con.execute("UPDATE runs SET told = ? WHERE id = ?", (json.dumps(dict(told)), run))

    def finish(self, run: str, status: str, told: Mapping[str, Any]) -> None:
        self._con.execute(
            "UPDATE runs SET status = ?, finished_at = ?, told = ? WHERE id = ?",
            (status, _now(), json.dumps(dict(told)), run),
        )

    def runs(self, schedule: Schedule | None = None, limit: int = 100) -> list[Run]:
        rows = self._con.execute(
            "SELECT id, schedule, template, due_at, attempt, missed, status, machine, '', started_at, finished_at, told FROM runs "
            "WHERE ? IS NULL OR schedule = ? ORDER BY started_at DESC, attempt DESC LIMIT ?",
            (schedule and schedule.id, schedule and schedule.id, limit),
        )
        return [
            Run(
                key, of, template, _moment(due_at), attempt, missed, status, machine, maker, datetime.fromisoformat(started),
                _moment(finished), json.loads(told),
            )
            for key, of, template, due_at, attempt, missed, status, machine, maker, started, finished, told in rows
        ]  # fmt: skip

    @contextmanager
    def lock(self, schedule: Schedule) -> Iterator[Lock | None]:
        folder = self._path.parent / "locks"
        folder.mkdir(exist_ok=True, mode=0o700)
        with (folder / f"{schedule.id}.lock").open("w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                yield None
                return
            os.set_inheritable(handle.fileno(), False)
            yield _Held()

    def alert(self, run: str) -> int:
        return 0  # nobody is listening here but those named in on_failure


class _Held:
    def still_held(self) -> bool:
        return True


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
