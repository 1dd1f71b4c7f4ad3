"""Versions of what was handed out: the same again keeps its version, what changed becomes a newer one."""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

__all__ = ["Ledger", "Versions", "id_after", "ids_again", "stable_id", "timestamp"]


def stable_id(kind: str, *key: str) -> str:
    """The id of an object about ``key``, the same whenever and wherever it is made.

    STIX 2.1 section 2.9 wants version 4 for all but observables; RFC 9562 section 5.4 lets its bits be
    pseudo-random. Here they are a hash of the key, whose first part is the organisation.
    """
    text = "\x1f".join(("ip-workbench", kind, *key))
    bits = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).digest()
    return f"{kind}--{uuid.UUID(bytes=bits, version=4)}"


def timestamp(moment: datetime) -> str:
    """A STIX timestamp in UTC, to the millisecond; a moment without a zone is taken as UTC."""
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


class Versions(Protocol):
    """What the export asks of whoever remembers versions."""

    def stamp(self, objects: Sequence[dict[str, Any]], now: datetime) -> list[dict[str, Any]]:
        """The objects with ``created`` and ``modified``."""

    def last(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """The newest version handed out, of those ids that have one."""

    def hand(self, recipient: str, made: Mapping[str, Iterable[str]]) -> None:
        """Remember that a recipient was given objects, by the source they were made of."""

    def handed(self, recipients: Collection[str], sources: Iterable[str]) -> dict[str, set[str]]:
        """The ids that any of these recipients was given of these sources, by source."""

    def holders(self, recipients: Collection[str], ids: Iterable[str]) -> dict[str, set[str]]:
        """The sources of which any of these recipients was given these ids, by id."""


def id_after(identifier: str) -> str:
    """The id under which is said again what was revoked under this one: revoking an object is permanent, and
    there must be no later version of it (STIX 2.1 section 3.2)."""
    return stable_id(identifier.partition("--")[0], identifier)


def ids_again(versions: Versions, ids: Iterable[str]) -> dict[str, str]:
    """Of these ids those that were revoked, each with the one under which the same is to be said now."""
    again: dict[str, str] = {}
    asked = {identifier: identifier for identifier in ids}
    while asked:
        known = versions.last(list(asked))
        asked = {id_after(each): first for each, first in asked.items() if known.get(each, {}).get("revoked")}
        again.update({first: each for each, first in asked.items()})
    return again


class Ledger:
    """Versions in an SQLite file, which several processes may use at once. A path of ``None`` keeps nothing."""

    def __init__(self, path: Path | None) -> None:
        self.path = path

    @classmethod
    def at_home(cls) -> Ledger:
        """The ledger of this user, in the directory of the workbench."""
        from workbench.intel.home import home

        return cls(home() / "stix-exported.sqlite")

    def stamp(self, objects: Sequence[dict[str, Any]], now: datetime) -> list[dict[str, Any]]:
        """The objects with ``created`` and ``modified``: as before where nothing else changed."""
        with self._open(writing=True) as con:
            known = self._known(con, [value["id"] for value in objects])
            stamped = [_stamped(value, known.get(value["id"]), now) for value in objects]
            fresh = [v for v in stamped if v != known.get(v["id"])]
            con.executemany(
                "INSERT INTO exported VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET raw = excluded.raw",
                [(value["id"], json.dumps(value)) for value in fresh],
            )
        return stamped

    def last(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """The newest version handed out, of those ids that have one."""
        with self._open(writing=False) as con:
            return self._known(con, ids)

    def hand(self, recipient: str, made: Mapping[str, Iterable[str]]) -> None:
        """Remember that a recipient was given objects, by the source they were made of."""
        rows = [(recipient, source, identifier) for source, ids in made.items() for identifier in ids]
        with self._open(writing=True) as con:
            con.executemany("INSERT OR IGNORE INTO handed VALUES (?, ?, ?)", rows)

    def handed(self, recipients: Collection[str], sources: Iterable[str]) -> dict[str, set[str]]:
        """The ids that any of these recipients was given of these sources, by source."""
        return self._pairs("source", "id", recipients, sources)

    def holders(self, recipients: Collection[str], ids: Iterable[str]) -> dict[str, set[str]]:
        """The sources of which any of these recipients was given these ids, by id."""
        return self._pairs("id", "source", recipients, ids)

    def _pairs(
        self, by: str, what: str, recipients: Collection[str], keys: Iterable[str]
    ) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        query = f"SELECT {what} FROM handed WHERE recipient = ? AND {by} = ?"  # noqa: S608  names of columns
        with self._open(writing=False) as con:
            for key in keys:
                for recipient in recipients:
                    for (value,) in con.execute(query, (recipient, key)):
                        found.setdefault(key, set()).add(value)
        return found

    @contextlib.contextmanager
    def _open(self, writing: bool) -> Iterator[sqlite3.Connection]:
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.touch(mode=0o600)  # it holds what was handed out, TLP:RED included
        try:
            con = sqlite3.connect(self.path or ":memory:", timeout=60, isolation_level=None)
        except sqlite3.OperationalError as error:
            raise OSError(f"{self.path}: {error}") from error
        with contextlib.closing(con):
            try:
                con.execute("BEGIN IMMEDIATE" if writing or self.path is None else "BEGIN")
                con.execute(
                    "CREATE TABLE IF NOT EXISTS exported (id TEXT PRIMARY KEY, raw TEXT NOT NULL) WITHOUT ROWID"
                )
                con.execute(
                    "CREATE TABLE IF NOT EXISTS handed (recipient TEXT, source TEXT, id TEXT, "
                    "PRIMARY KEY (recipient, source, id)) WITHOUT ROWID"
                )
                con.execute("CREATE INDEX IF NOT EXISTS handed_by_id ON handed (recipient, id)")
                yield con
                con.execute("COMMIT")
            except sqlite3.DatabaseError as error:
                raise OSError(
                    f"{self.path}: the record of earlier exports cannot be used: {error}"
                ) from error

    @staticmethod
    def _known(con: sqlite3.Connection, ids: Iterable[str]) -> dict[str, dict[str, Any]]:
        con.execute("CREATE TEMP TABLE wanted (id TEXT PRIMARY KEY)")
        con.executemany("INSERT OR IGNORE INTO wanted VALUES (?)", [(identifier,) for identifier in ids])
        rows = con.execute("SELECT id, raw FROM exported JOIN wanted USING (id)").fetchall()
        con.execute("DROP TABLE temp.wanted")
        return {identifier: json.loads(raw) for identifier, raw in rows}


def _stamped(value: dict[str, Any], before: dict[str, Any] | None, now: datetime) -> dict[str, Any]:
    if before is None:
        return {**value, "created": timestamp(now), "modified": timestamp(now)}
    created, modified = before["created"], before["modified"]
    if {**value, "created": created, "modified": modified} != before:
        earliest = datetime.fromisoformat(modified) + timedelta(milliseconds=1)
        modified = timestamp(max(now, earliest))
    return {**value, "created": created, "modified": modified}
