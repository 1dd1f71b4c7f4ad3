"""What was asked and answered: one SQLite file below ``WORKBENCH_HOME``, shared by all processes of a user.

It holds answers as they were understood (never raw, never a key), what was used of each quota, and the state
of each token bucket. Every read-and-change is one ``BEGIN IMMEDIATE`` transaction. The file is readable
by its owner alone: it tells what is being investigated.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from workbench.intel.home import home
from workbench.intel.providers.provider import Finding, Parsed
from workbench.intel.source import Category

__all__ = ["Ledger", "LedgerError", "Stored", "open_ledger"]

KEPT = timedelta(days=90)
READER = 1
"""Raised when a parser understands more than before: answers understood by another one are asked anew."""

_TABLES = """
CREATE TABLE IF NOT EXISTS answer (
    provider TEXT, address TEXT, reader INTEGER, retrieved INTEGER, content TEXT, PRIMARY KEY (provider, address)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS used (
    account TEXT, period TEXT, start INTEGER, requests INTEGER, PRIMARY KEY (account, period)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS told (
    account TEXT PRIMARY KEY, most INTEGER, remaining INTEGER, until INTEGER
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS bucket (account TEXT PRIMARY KEY, empty_at REAL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS closed (account TEXT PRIMARY KEY, until REAL) WITHOUT ROWID;
"""


class LedgerError(OSError):
    """The file of answers and quotas cannot be used: names it and the mend."""


class Stored:
    """A cached answer and when the provider gave it."""

    def __init__(self, parsed: Parsed, retrieved: datetime) -> None:
        self.parsed, self.retrieved = parsed, retrieved


class Ledger:
    """One connection to the file; may be used from several threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            self._db = sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False)
        except (OSError, sqlite3.Error) as error:
            raise LedgerError(f"{path} cannot be opened: {error}") from None
        with self.change() as db:
            for statement in _TABLES.split(";"):
                db.execute(statement)
            db.execute("DELETE FROM answer WHERE retrieved < ?", (int(time.time() - KEPT.total_seconds()),))

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._db.close()

    @contextmanager
    def change(self) -> Iterator[sqlite3.Connection]:
        """A transaction that no other process can come between.

        Raises:
            LedgerError: the file is damaged, full or locked for a minute.
        """
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                try:
                    yield self._db
                except BaseException:
                    self._db.execute("ROLLBACK")
                    raise
                self._db.execute("COMMIT")
            except sqlite3.Error as error:
                raise LedgerError(
                    f"{self.path}: {error}. If it is damaged, remove it: only cached answers and counts are lost"
                ) from None

    def answer(self, provider: str, address: str) -> Stored | None:
        """The cached answer, however old."""
        with self.change() as db:
            row = db.execute(
                "SELECT content, retrieved FROM answer WHERE provider = ? AND address = ? AND reader = ?",
                (provider, address, READER),
            ).fetchone()
        if row is None:
            return None
        try:
            return Stored(_parsed(json.loads(row[0])), datetime.fromtimestamp(row[1], UTC))
        except (ValueError, TypeError, KeyError, AttributeError):
            return None  # written by something else: as good as absent

    def keep(self, provider: str, address: str, parsed: Parsed, retrieved: datetime) -> None:
        """Keep what a provider answered."""
        content = json.dumps({"findings": [asdict(f) for f in parsed.findings], "facts": dict(parsed.facts)}, default=_stamp)  # fmt: skip
        with self.change() as db:
            db.execute(
                "INSERT OR REPLACE INTO answer VALUES (?, ?, ?, ?, ?)",
                (provider, address, READER, int(retrieved.timestamp()), content),
            )


def open_ledger() -> Ledger:
    """The ledger of this user: ``providers.sqlite`` below :func:`workbench.intel.home.home`."""
    return Ledger(home() / "providers.sqlite")


def _stamp(value: Any) -> Any:
    if isinstance(value, datetime):
        return int(value.timestamp())
    raise TypeError(type(value).__name__)


def _parsed(content: dict[str, Any]) -> Parsed:
    def moment(value: int | None) -> datetime | None:
        return None if value is None else datetime.fromtimestamp(value, UTC)

    findings = tuple(
        Finding(
            Category(item["category"]), item["label"], item["confidence"], moment(item["first_seen"]),
            moment(item["last_seen"]), item["note"],
        )
        for item in content["findings"]
    )  # fmt: skip
    return Parsed(findings, dict(content["facts"]))
