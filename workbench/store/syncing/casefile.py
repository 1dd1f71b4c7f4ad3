"""The part of a case file that goes with a store: profiles as they are here, and as both sides last had them."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from workbench.store.syncing.merging import Content

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

__all__ = ["COLUMNS", "INTEL", "SCHEMA", "CaseFile"]

SCHEMA = "_workbench"
"""Schema of the case file that these tables are in, apart from those of the analyst."""

# As workbench.store.profiles.profile.SELECT has them.
_TYPES = {
    "id": "UUID", "address": "VARCHAR", "owner": "VARCHAR", "secrecy": "TINYINT", "version": "INTEGER",
    "snapshot": "VARCHAR", "enriched_at": "TIMESTAMPTZ", "country": "VARCHAR", "region": "VARCHAR", "city": "VARCHAR",
    "latitude": "DOUBLE", "longitude": "DOUBLE", "accuracy_km": "INTEGER", "asn": "BIGINT", "as_org": "VARCHAR",
    "network_type": "VARCHAR", "prefix": "VARCHAR", "is_tor": "BOOLEAN", "is_vpn": "BOOLEAN", "is_proxy": "BOOLEAN",
    "is_datacenter": "BOOLEAN", "is_known_attacker": "BOOLEAN", "is_known_abuser": "BOOLEAN", "is_anonymous": "BOOLEAN",
    "reputation": "SMALLINT", "confidence": "DOUBLE", "verdict": "VARCHAR", "reasons": "VARCHAR",
    "threat_level": "TINYINT", "notes": "VARCHAR", "tags": "VARCHAR[]", "created_by": "VARCHAR",
    "created_at": "TIMESTAMPTZ", "updated_by": "VARCHAR", "updated_at": "TIMESTAMPTZ", "deleted_at": "TIMESTAMPTZ",
}  # fmt: skip
COLUMNS = tuple(_TYPES)
INTEL = COLUMNS[5:28]
# ``key`` names a profile here for good; ``id`` is the server's, null before there is one. ``sent`` is what
# a push that was not answered yet carries.
_OWN = {
    "key": "UUID", "token": "UUID", "dirty": "BOOLEAN", "base_threat_level": "TINYINT", "base_notes": "VARCHAR",
    "base_tags": "VARCHAR[]", "base_secrecy": "TINYINT", "base_deleted": "BOOLEAN", "sent": "VARCHAR",
    "reason": "VARCHAR", "recipients": "VARCHAR[]",
}  # fmt: skip
_CLEAN_OF_INCOMING = (
    ", ".join(f"i.{name}" for name in COLUMNS)
    + ", coalesce(p.key, i.id), i.token, false, i.threat_level, i.notes, i.tags, i.secrecy, i.deleted_at IS NOT NULL, NULL, NULL, NULL"
)

# A restored server may be behind what both sides had in common: a version of it is below zero here until asked for.
_OLDER = (
    "p.version < 0 AND i.version <= -p.version AND (i.threat_level, i.notes, i.secrecy, i.deleted_at IS NOT NULL, list_sort(i.tags)) "
    "IS DISTINCT FROM (p.base_threat_level, p.base_notes, p.base_secrecy, p.base_deleted, list_sort(p.base_tags))"
)


class CaseFile:
    """Tables of a case file for its profiles; made when first written to. Every method is one transaction, or
    joins that of :meth:`transaction`."""

    def __init__(self, con: duckdb.DuckDBPyConnection, path: Path) -> None:
        self.con = con
        self._path = path
        self._depth = 0
        self._there = False

    def there(self) -> bool:
        """Whether the case has profiles at all."""
        if not self._there:
            self._there = bool(
                self.con.execute(
                    "SELECT 1 FROM duckdb_tables() WHERE schema_name = ? AND table_name = 'conflicts' AND database_name = current_database()",
                    [SCHEMA],
                ).fetchall()
            )
        return self._there

    def make(self) -> None:
        """Make the tables where they are not there."""
        if self.there():
            return
        columns = ", ".join(f"{name} {kind}" for name, kind in {**_TYPES, **_OWN}.items())
        with self.transaction():
            self.con.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
            self.con.execute(f"CREATE TABLE IF NOT EXISTS {SCHEMA}.meta (name VARCHAR, value VARCHAR)")
            self.con.execute(f"CREATE TABLE IF NOT EXISTS {SCHEMA}.profiles ({columns})")
            self.con.execute(
                f"CREATE TABLE IF NOT EXISTS {SCHEMA}.conflicts (id UUID, kind VARCHAR, profile UUID, address VARCHAR, "
                "field VARCHAR, base VARCHAR, mine VARCHAR, theirs VARCHAR, says VARCHAR, noted_at TIMESTAMPTZ)"
            )
        self.guard()

    def guard(self) -> None:
        """Let nobody but its owner read the file and its log."""
        for path in (self._path, self._path.with_name(self._path.name + ".wal")):
            with contextlib.suppress(OSError):
                if path.is_file() and path.stat().st_mode & 0o077:
                    os.chmod(path, 0o600)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it or nothing of it; within another it is part of that."""
        if self._depth:
            yield
            return
        try:
            self._depth = 1
            self.con.begin()
            yield
            self.con.commit()
        except BaseException:
            with contextlib.suppress(Exception):  # interrupted before it began, or after it was committed
                self.con.rollback()
            raise
        finally:
            self._depth = 0
        self.guard()

    def abandon(self) -> None:
        """After an interruption at whatever point: what was under way is undone, and nothing is any more."""
        for undo in (self.con.abort, self.con.rollback):
            with contextlib.suppress(Exception):
                undo()
        for name in ("_listing", "_incoming"):
            with contextlib.suppress(Exception):
                self.con.unregister(name)
        self._depth = 0

    def meta(self) -> dict[str, str]:
        """What the file knows of its store."""
        if not self.there():
            return {}
        return dict(self.con.execute(f"SELECT name, value FROM {SCHEMA}.meta").fetchall())

    def remember(self, **values: Any) -> None:
        """Change what it knows; None forgets."""
        with self.transaction():
            for name, value in values.items():
                self.con.execute(f"DELETE FROM {SCHEMA}.meta WHERE name = ?", [name])
                if value is not None:
                    self.con.execute(f"INSERT INTO {SCHEMA}.meta VALUES (?, ?)", [name, str(value)])

    def rows(self, condition: str = "true", values: Sequence[Any] = (), order: str = "") -> list[dict[str, Any]]:  # fmt: skip
        """Profiles as dictionaries; ``id`` and ``key`` as UUID."""
        if not self.there():
            return []
        cursor = self.con.execute(f"SELECT * FROM {SCHEMA}.profiles WHERE {condition} {order}", list(values))
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def insert(self, row: dict[str, Any]) -> None:
        """Add a profile; what is not given is null."""
        places = ", ".join(["?"] * len(row))
        with self.transaction():
            self.con.execute(
                f"INSERT INTO {SCHEMA}.profiles ({', '.join(row)}) VALUES ({places})", list(row.values())
            )

    def change(self, key: UUID, **values: Any) -> None:
        """Change columns of a profile."""
        sets = ", ".join(f"{name} = ?" for name in values)
        with self.transaction():
            self.con.execute(f"UPDATE {SCHEMA}.profiles SET {sets} WHERE key = ?", [*values.values(), key])

    def remove(self, key: UUID) -> None:
        """Take a profile and its conflicts out."""
        with self.transaction():
            self.con.execute(f"DELETE FROM {SCHEMA}.profiles WHERE key = ?", [key])
            self.con.execute(f"DELETE FROM {SCHEMA}.conflicts WHERE profile = ?", [key])

    def settle(self, row: dict[str, Any], content: Content, base: Content, now: Any, **more: Any) -> None:
        """Write what a profile is from now on and what both sides have in common."""
        deleted = (row["deleted_at"] or now) if content.deleted else None
        self.change(
            row["key"],
            threat_level=content.threat_level, notes=content.notes, tags=sorted(content.tags), secrecy=content.secrecy,
            deleted_at=deleted, base_threat_level=base.threat_level, base_notes=base.notes, base_tags=sorted(base.tags),
            base_secrecy=base.secrecy, base_deleted=base.deleted, dirty=content != base or row["id"] is None, **more,
        )  # fmt: skip

    # What syncing does with many at once.

    def differing(self, listing: pa.Table) -> list[UUID]:
        """Of ``id`` and ``version`` at the server, the ids that are not here at that version."""
        self.con.register("_listing", listing)
        try:
            found = self.con.execute(
                f"SELECT i.id::UUID FROM _listing i LEFT JOIN {SCHEMA}.profiles p ON p.id = i.id::UUID "
                "WHERE p.version IS DISTINCT FROM i.version::INTEGER ORDER BY 1"
            ).fetchall()
        finally:
            self.con.unregister("_listing")
        return [row[0] for row in found]

    def held(self) -> list[UUID]:
        """Ids of the server's profiles that are here."""
        found = self.con.execute(f"SELECT id FROM {SCHEMA}.profiles WHERE id IS NOT NULL ORDER BY 1")
        return [row[0] for row in found.fetchall()]

    def take(self, incoming: pa.Table) -> list[dict[str, Any]]:
        """Take rows of the server in, of texts as COPY writes them, where nothing was changed here; the others are
        given back, to be merged."""
        types = {**_TYPES, "token": "UUID"}
        casts = ", ".join(
            f"from_json({name}, '[\"VARCHAR\"]') AS {name}" if name == "tags" else f"{name}::{kind} AS {name}"
            for name, kind in types.items()
        )
        with self.transaction():
            self.con.register("_incoming", incoming)
            try:
                self.con.execute(f"CREATE OR REPLACE TEMP TABLE coming AS SELECT {casts} FROM _incoming")
            finally:
                self.con.unregister("_incoming")
            # One made here is known by its token, or by its address at its level.
            cursor = self.con.execute(
                f"SELECT DISTINCT i.* FROM coming i JOIN {SCHEMA}.profiles p ON p.id = i.id AND (p.dirty OR p.sent IS NOT NULL "
                f"OR {_OLDER} OR p.key IN (SELECT profile FROM {SCHEMA}.conflicts)) "
                "OR p.id IS NULL AND (p.token = i.token OR p.address = i.address AND p.owner = i.owner AND p.secrecy = i.secrecy "
                "AND i.secrecy < 4 AND i.deleted_at IS NULL AND p.deleted_at IS NULL)"
            )
            names = [column[0] for column in cursor.description or ()]
            apart = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
            self.con.execute("DELETE FROM coming WHERE list_contains(?::UUID[], id)", [[row["id"] for row in apart]])  # fmt: skip
            self.con.execute(
                f"CREATE OR REPLACE TEMP TABLE came AS SELECT {_CLEAN_OF_INCOMING} FROM coming i "
                f"LEFT JOIN {SCHEMA}.profiles p ON p.id = i.id"
            )
            self.con.execute(f"DELETE FROM {SCHEMA}.profiles WHERE id IN (SELECT id FROM coming)")
            self.con.execute(
                f"INSERT INTO {SCHEMA}.profiles ({', '.join([*COLUMNS, *_OWN])}) SELECT * FROM came"
            )
            self.con.execute("DROP TABLE coming")
            self.con.execute("DROP TABLE came")
        return apart

    def forget_versions(self) -> None:
        """Have everything asked for again, as of a server that was restored."""
        with self.transaction():
            self.con.execute(
                f"UPDATE {SCHEMA}.profiles SET version = -version WHERE id IS NOT NULL AND version > 0"
            )

    # Conflicts.

    def conflicts(self, profile: UUID | None = None) -> list[dict[str, Any]]:
        """What is to be settled, oldest first."""
        if not self.there():
            return []
        cursor = self.con.execute(
            f"SELECT * FROM {SCHEMA}.conflicts WHERE ?::UUID IS NULL OR profile = ? ORDER BY noted_at, id",
            [profile, profile],
        )
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def note(self, kind: str, profile: UUID | None, address: str | None, now: Any, *, field: str | None = None,
             base: Any = None, mine: Any = None, theirs: Any = None, says: str = "") -> None:  # fmt: skip
        """Note a conflict; one of the same profile, kind and field is replaced."""
        with self.transaction():
            if profile is not None:
                self.con.execute(
                    f"DELETE FROM {SCHEMA}.conflicts WHERE profile = ? AND kind = ? AND field IS NOT DISTINCT FROM ?",
                    [profile, kind, field],
                )
            values = [
                uuid4(),
                kind,
                profile,
                address,
                field,
                *(json.dumps(v) for v in (base, mine, theirs)),
                says,
                now,
            ]
            self.con.execute(f"INSERT INTO {SCHEMA}.conflicts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)

    def drop_conflicts(self, profile: UUID, kind: str, field: str | None = None) -> None:
        """Take conflicts of a profile out: of a kind, and of a field if given."""
        with self.transaction():
            self.con.execute(
                f"DELETE FROM {SCHEMA}.conflicts WHERE profile = ? AND kind = ? AND (?::VARCHAR IS NULL OR field = ?)",
                [profile, kind, field, field],
            )

    def drop_conflict(self, identity: UUID) -> None:
        """Take one conflict out."""
        with self.transaction():
            self.con.execute(f"DELETE FROM {SCHEMA}.conflicts WHERE id = ?", [identity])

    def purge(self) -> None:
        """Rewrite the tables and overwrite the blocks of the file that became free, so that removed rows are not
        to be read from it. Copies elsewhere (backups, the blocks a solid-state disk set aside) remain.

        DuckDB keeps deleted rows in their blocks until a table is written anew, and free blocks as they were.
        """
        with self.transaction():
            self.con.execute(f"DROP TABLE IF EXISTS {SCHEMA}.filler")
            for name in ("profiles", "conflicts"):
                self.con.execute(f"CREATE TABLE {SCHEMA}.{name}_again AS SELECT * FROM {SCHEMA}.{name}")
                self.con.execute(f"DROP TABLE {SCHEMA}.{name}")
                self.con.execute(f"ALTER TABLE {SCHEMA}.{name}_again RENAME TO {name}")
        if str(self._path) == ":memory:":
            return
        self.con.execute("FORCE CHECKPOINT")
        self.con.execute("FORCE CHECKPOINT")  # blocks that the first one let go are free only now
        free, size = self.con.execute("SELECT free_blocks, block_size FROM pragma_database_size() WHERE database_name = current_database()").fetchall()[0]  # fmt: skip
        if free:
            # Random bytes are not compressed, so that they fill what they are to fill.
            self.con.execute(f"CREATE TABLE {SCHEMA}.filler (bytes BLOB)")
            for _ in range(int(free) + 1):
                self.con.execute(f"INSERT INTO {SCHEMA}.filler VALUES (?)", [os.urandom(int(size))])
            self.con.execute("FORCE CHECKPOINT")
            self.con.execute(f"DROP TABLE {SCHEMA}.filler")
            self.con.execute("FORCE CHECKPOINT")
        self.guard()
