"""What of an enriched table is kept with a profile."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["COLUMNS", "FLAGS", "enriched", "lines"]

FLAGS = ("is_tor", "is_vpn", "is_proxy", "is_datacenter", "is_known_attacker", "is_known_abuser", "is_anonymous")  # fmt: skip
COLUMNS = (
    "snapshot", "country", "region", "city", "latitude", "longitude", "accuracy_km", "asn", "as_org", "network_type", "prefix",
    *FLAGS, "reputation", "confidence", "verdict", "reasons",
)  # fmt: skip
"""Columns of an enriched table that are columns of a profile too."""


def enriched(addresses: list[str], snapshot: Any = None) -> list[dict[str, Any]]:
    """Intel on addresses, a dictionary each, with the columns of a profile.

    Networks (``192.0.2.0/24``) get that of their first address.
    """
    from workbench.enrichment import open_engine

    table = open_engine(snapshot).enrich([address.partition("/")[0] for address in addresses])
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def lines(table: pa.Table) -> Iterator[bytes]:
    """The rows as PostgreSQL's COPY reads CSV, in chunks; DuckDB-free and without a Python object a cell.

    Raises:
        KeyError: a column is missing.
    """
    import pyarrow as pa
    import pyarrow.csv as csv

    chosen = table.select(["address", *COLUMNS])
    flat = pa.table(
        {
            name: column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
            for name, column in zip(chosen.column_names, chosen.columns, strict=True)
        }
    )
    for start in range(0, flat.num_rows, 50_000):
        sink = pa.BufferOutputStream()
        csv.write_csv(flat.slice(start, 50_000), sink, csv.WriteOptions(include_header=False))
        yield sink.getvalue().to_pybytes()
