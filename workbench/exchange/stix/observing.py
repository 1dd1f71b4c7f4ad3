"""What a table of logs says of its addresses: how often, from when to when, and what the intel makes of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from workbench._sql import identifier
from workbench.exchange.stix.columns import HasConnection, connection_of, read_columns
from workbench.exchange.stix.matching import quoted

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

__all__ = ["observed"]

_ADDRESSES = ("src_ip", "dst_ip", "ip")


def observed(
    con: duckdb.DuckDBPyConnection | HasConnection,
    table: str,
    mapping: Mapping[str, str | Sequence[str] | None] | None = None,
    *,
    concern: Iterable[str] = (),
    snapshot: Any = None,
) -> pa.Table:
    """The distinct outside addresses of a table of a case or connection, judged, for :func:`~workbench.exchange.stix.export`.

    The columns of :func:`workbench.triage` with ``hits`` (int64), and ``first_seen`` and ``last_seen``
    (timestamp[us, UTC], null where no column of the table has a time). Columns are found by their names
    or named in ``mapping``, as for :func:`~workbench.exchange.stix.match`.

    Raises:
        ValueError: the table is not there, or no column of it holds addresses.
    """
    import duckdb
    import pyarrow as pa
    import pyarrow.compute as pc

    from workbench.enrichment import open_engine
    from workbench.enrichment.triage import triage

    con = connection_of(con)
    source = quoted(table)
    try:
        columns = read_columns(con, source, table, mapping)
    except duckdb.CatalogException as error:
        raise ValueError(
            f"no table {table!r}: {str(error).partition(':')[2].strip().splitlines()[0]}"
        ) from None
    names = [name for role in _ADDRESSES for name in columns.roles.get(role, ())]
    if not names:
        raise ValueError(
            f"no column of {table} is known to hold addresses: name one with mapping={{'ip': …}}"
        )
    moment = f"make_timestamp({columns.time})" if columns.time else "NULL::TIMESTAMP"
    parts = " UNION ALL ".join(
        f"SELECT {identifier(name)}::VARCHAR AS address, {moment} AS ts FROM {source}"  # noqa: S608  quoted
        for name in names
    )
    counted = con.sql(
        f"SELECT address, count(*) AS hits, min(ts) AS first_seen, max(ts) AS last_seen FROM ({parts}) "  # noqa: S608
        "WHERE address IS NOT NULL GROUP BY address"
    ).to_arrow_table()
    engine = open_engine(snapshot)
    judged = triage(engine, counted.column("address"), concern, counted.column("hits")).table
    # The triage has one spelling of an address where the table may have several.
    spelled = pa.table(
        {
            "address": engine.enrich(counted.column("address")).column("address"),
            **{name: counted.column(name) for name in ("first_seen", "last_seen")},
        }
    )
    when = spelled.group_by("address").aggregate([("first_seen", "min"), ("last_seen", "max")])
    rows = pc.index_in(judged.column("address"), value_set=when.column("address").combine_chunks())
    utc = pa.timestamp("us", "UTC")
    for name, column in (("first_seen", "first_seen_min"), ("last_seen", "last_seen_max")):
        judged = judged.append_column(name, when.column(column).take(rows).cast(pa.timestamp("us")).cast(utc))
    return judged
