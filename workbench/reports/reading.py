"""What templates read: a log with its addresses judged, and what a store shows of a matter."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

    from workbench.case import Case

__all__ = ["Reading", "network_of", "read_source"]

NOTABLE = ("malicious", "suspicious", "anonymised", "watch")


@dataclass(frozen=True)
class Reading:
    """A log or text in a case of its own; ``table`` has its distinct outside addresses, worst first, with ``hits`` and,
    where the log has times, ``first_seen`` and ``last_seen``. ``lines`` were read, ``unread`` not understood."""

    case: Case
    name: str
    kind: str
    lines: int
    unread: int
    table: pa.Table

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """The table as Python values, with ``network`` in words."""
        rows: list[dict[str, Any]] = self.table.to_pylist()
        return [{**row, "network": network_of(row)} for row in rows]

    @property
    def notable(self) -> list[dict[str, Any]]:
        """Those that are not clean."""
        return [row for row in self.rows if row["verdict"] in NOTABLE]

    @property
    def counts(self) -> list[tuple[str, int]]:
        """How many of each verdict that occurs, worst first."""
        verdicts = [row["verdict"] for row in self.rows]
        return [(name, verdicts.count(name)) for name in dict.fromkeys(verdicts)]

    def tally(self, field: str, rows: Iterable[dict[str, Any]] | None = None) -> list[tuple[str, int]]:
        """How many addresses have each value of a field."""
        counted: dict[str, int] = {}
        for row in self.rows if rows is None else rows:
            key = str(row[field] or "unknown")
            counted[key] = counted.get(key, 0) + 1
        return list(counted.items())

    def conversations(self, addresses: Iterable[str], most: int = 200) -> list[dict[str, Any]]:
        """Who talked with these addresses: ``address, partner, direction, port, packets, first, last``, the most first.
        Nothing where the log is none of flows."""
        import pyarrow as pa

        columns = set(self.case.con.table(self.name).columns)
        if not {"src_ip", "dst_ip"} <= columns:
            return []
        port = "dst_port" if "dst_port" in columns else "NULL"
        moment = "ts" if "ts" in columns else "NULL::TIMESTAMP"
        self.case.con.register("asked", pa.table({"address": pa.array(list(addresses), pa.string())}))
        one = "SELECT {outer} AS address, {inner} AS partner, '{way}' AS direction, {port} AS port, {moment} AS ts FROM log JOIN asked ON {outer} = asked.address"
        parts = [
            one.format(outer="src_ip", inner="dst_ip", way="from outside", port=port, moment=moment),
            one.format(outer="dst_ip", inner="src_ip", way="from inside", port=port, moment=moment),
        ]
        found = self.case.con.sql(
            f"SELECT address, partner, direction, port, count(*) AS packets, min(ts) AS first, max(ts) AS last FROM ({' UNION ALL '.join(parts)}) "  # noqa: S608  names are ours
            f"GROUP BY ALL ORDER BY packets DESC, address, partner, port LIMIT {int(most)}"
        )
        names = found.columns
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def read_source(
    source: str, log_format: str | None = None, concern: Iterable[str] = (), snapshot: Any = None
) -> Reading:
    """Read a log, CSV, Parquet, JSON lines or any text, and judge its addresses.

    Raises:
        ValueError: it holds no address, or is damaged.
        OSError: it cannot be read.
    """
    from workbench.case import Case
    from workbench.exchange.stix import observed

    case = Case(":memory:")
    log = case.ingest(Path(source), name="log", format=log_format)
    if log.format == "text":
        case.con.execute(
            "CREATE TABLE found AS SELECT address AS ip, count FROM log WHERE kind::VARCHAR = 'address'"
        )
        table = observed(case.con, "found", concern=concern, snapshot=snapshot)
    else:
        table = observed(case.con, "log", concern=concern, snapshot=snapshot)
    return Reading(case, "log", log.format, log.rows, log.unparsed, table)


def network_of(row: Any) -> str:
    """The network in words: ``AS64500 Example``."""
    get = row.get if isinstance(row, dict) else lambda name: getattr(row, name)
    return f"AS{get('asn')} {get('as_org') or ''}".strip() if get("asn") else ""
