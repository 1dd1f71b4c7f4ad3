"""What a manifest lists, held against what is here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from workbench.exchange.stix.indicators import moment
from workbench.exchange.stix.stream import Found

if TYPE_CHECKING:
    import duckdb

__all__ = ["Listed", "lacking"]


@dataclass(slots=True)
class Listed:
    """Ids and versions of a manifest."""

    ids: list[str] = field(default_factory=list)
    versions: list[datetime | None] = field(default_factory=list)

    def add(self, items: Iterable[Found]) -> None:
        """Add a page of manifest records; what is none is passed over."""
        for item in items:
            record = item.value or {}
            if isinstance(record.get("id"), str):
                self.ids.append(record["id"])
                self.versions.append(moment(record.get("version")))


def lacking(con: duckdb.DuckDBPyConnection, listed: Listed, source: str) -> list[str]:
    """Ids of what is listed and neither here in its version nor set aside when it came from ``source``.

    Objects without versions, observables among them, are here when any is: their version in a manifest is
    whatever the server took for one.
    """
    import pyarrow as pa

    table = pa.table(
        {
            "id": pa.array(listed.ids, pa.string()),
            "version": pa.array(listed.versions, pa.timestamp("us", "UTC")),
        }
    )
    con.register("__taxii_listed", table)
    try:
        found = con.execute(
            """
            SELECT DISTINCT l.id FROM __taxii_listed l
            WHERE NOT EXISTS (
                SELECT 1 FROM stix_objects o WHERE o.id = l.id
                AND (o.modified = l.version OR o.modified IS NULL OR o.type = 'marking-definition' OR l.version IS NULL)
            ) AND l.id NOT IN (SELECT id FROM stix_rejected WHERE source = ? AND id IS NOT NULL) ORDER BY l.id
            """,
            [source],
        ).fetchall()
    finally:
        con.unregister("__taxii_listed")
    return [identifier for (identifier,) in found]
