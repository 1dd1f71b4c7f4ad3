"""A table of DuckDB with a row an event, condensed there to a row for each pair of addresses and step of time."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from workbench._sql import identifier
from workbench.enrichment.engine import SCHEMA
from workbench.notebook.intake.roles import Roles
from workbench.secrecy import LEVELS, OWNER

__all__ = ["condensed", "in_utc"]

_STEPS, _FEW_STEPS, _MANY_ROWS = 2400, 96, 1_000_000
"""Steps in the time of the whole table, finer than the bins of a map; of a table of many rows twice its bins, so
that "last seen" is then as coarse as that."""


def condensed(relation: Any, roles: Roles) -> pa.Table:
    """The relation grouped by its addresses, their levels and owners and steps of its time, with ``hits``; of other columns that
    a map shows any value. Ten million rows of a log become as many as there are pairs and steps."""
    columns = dict(zip(relation.columns, map(str, relation.types), strict=True))
    groups = [name for name in (roles.source, roles.target) if name]
    chosen = [f"{identifier(n)}::VARCHAR AS {identifier(n)}" for n in groups]
    keys = [identifier(n) for n in groups]
    levels = [name for name in LEVELS if name in columns]
    levels += [OWNER] if levels and OWNER in columns else []
    chosen += levels
    keys += levels
    if roles.time and columns[roles.time].startswith(("TIMESTAMP", "DATE")):
        name = identifier(roles.time)
        at = in_utc(roles.time, columns[roles.time])
        first, last = relation.aggregate(f"epoch_us(min({at})), epoch_us(max({at}))").fetchall()[0]  # fmt: skip
        (rows,) = relation.count("*").fetchall()[0]
        step = max(1, ((last or 0) - (first or 0)) // (_FEW_STEPS if rows > _MANY_ROWS else _STEPS))
        bucket = f"epoch_us({at}) // {step}"
        chosen.append(f"min({at}) AS {name}")
        keys.append(bucket)
    elif roles.time:
        chosen.append(identifier(roles.time))
        keys.append(identifier(roles.time))
    weighed = "hits" in columns and "INT" in columns["hits"]
    chosen.append("sum(hits)::BIGINT AS hits" if weighed else "count(*) AS hits")
    taken = {*groups, *levels, roles.time, "hits"}
    wanted = {
        *((roles.label,) if roles.label else ()), *roles.extras,
        *SCHEMA.names, *(f"{g}_{n}" for g in groups for n in SCHEMA.names),
    }  # fmt: skip
    chosen += [f"any_value({identifier(n)}) AS {identifier(n)}" for n in columns if n in wanted - taken]
    return relation.aggregate(", ".join(chosen), ", ".join(keys)).to_arrow_table()


def in_utc(name: str, kind: str) -> str:
    """A column of moments as SQL that gives UTC, whatever the time zone of the session is."""
    return (
        f"make_timestamp(epoch_us({identifier(name)}))"
        if "TIME ZONE" in kind
        else f"{identifier(name)}::TIMESTAMP"
    )
