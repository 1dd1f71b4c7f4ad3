"""How far each collection was read, in the file that holds its objects: both are committed together."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

__all__ = ["Cursor", "Place", "cursors"]

_TABLE = """
CREATE SCHEMA IF NOT EXISTS _workbench;
CREATE TABLE IF NOT EXISTS _workbench.taxii_cursors (
    collection VARCHAR NOT NULL, filters VARCHAR NOT NULL, title VARCHAR, added_after VARCHAR, unchecked_since VARCHAR,
    polled_at TIMESTAMPTZ NOT NULL
);
"""


@dataclass(frozen=True, slots=True)
class Place:
    """``added_after`` is what the next poll asks for, None: everything. What was added after
    ``unchecked_since`` (empty: ever) has not been held against the manifest; None: there is no such thing."""

    added_after: str | None = None
    unchecked_since: str | None = None


class Cursor:
    """The place in one collection, of one choice of its objects."""

    def __init__(
        self, con: duckdb.DuckDBPyConnection, collection: str, title: str, filters: Mapping[str, str]
    ) -> None:
        self._con = con
        self._key = [collection, json.dumps(filters, sort_keys=True)]
        self._title = title
        con.execute(_TABLE)

    def read(self) -> Place:
        """The place, as it was left."""
        found = self._con.execute(
            "SELECT added_after, unchecked_since FROM _workbench.taxii_cursors WHERE collection = ? AND filters = ?", self._key
        ).fetchone()  # fmt: skip
        return Place(*found) if found else Place()

    def write(self, place: Place) -> None:
        """Move to a place; the caller has begun a transaction."""
        self._con.execute(
            "DELETE FROM _workbench.taxii_cursors WHERE collection = ? AND filters = ?", self._key
        )
        self._con.execute(
            "INSERT INTO _workbench.taxii_cursors VALUES (?, ?, ?, ?, ?, ?)",
            [*self._key, self._title, place.added_after, place.unchecked_since, datetime.now(UTC)],
        )


def cursors(con: duckdb.DuckDBPyConnection) -> list[tuple[str, str, str, str | None, datetime]]:
    """``(collection, filters, title, added_after, polled_at)`` of every collection that was polled into a file."""
    con.execute(_TABLE)
    return con.execute(
        "SELECT collection, filters, title, added_after, polled_at FROM _workbench.taxii_cursors ORDER BY title, collection"
    ).fetchall()
