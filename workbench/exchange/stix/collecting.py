"""The rows that patterns matched, from the rows that matched their observations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from workbench.exchange.stix import bindings
from workbench.exchange.stix.indicators import Indicator
from workbench.exchange.stix.plan import Plan
from workbench.exchange.stix.syntax import PatternError

if TYPE_CHECKING:
    import duckdb

__all__ = ["Compiled", "Occurrence", "collect"]

Occurrence = tuple[int, int | None, int | None]
"""An observation expression by its number in the plan, and the microseconds from which and before which it counts."""


@dataclass(slots=True)
class Compiled:
    """An indicator, and its pattern over :data:`Occurrence` numbers."""

    indicator: Indicator
    tree: bindings.Tree


def collect(
    con: duckdb.DuckDBPyConnection,
    plan: Plan,
    compiled: list[Compiled],
    occurrences: list[Occurrence],
) -> tuple[pa.Table, list[tuple[Indicator, str]]]:
    """The table of :class:`~workbench.exchange.stix.matching.Matches`, and the indicators that cannot be answered, with why."""
    refused: list[tuple[Indicator, str]] = []
    simple: list[tuple[int, int]] = []
    parts: list[pa.Table] = []
    for number, item in enumerate(compiled):
        if isinstance(item.tree, bindings.Leaf):
            simple += [(number, at) for at in item.tree.occurrences]
            continue
        try:
            rows = bindings.participants(
                item.tree, _Occurrences(con, plan, occurrences, bindings.timed(item.tree))
            )
        except PatternError as error:
            refused.append((item.indicator, str(error)))
            continue
        parts.append(_with_time(con, plan, item.tree, occurrences, number, rows))
    parts.append(_simple(con, plan, simple, occurrences))
    found = pa.concat_tables(parts)
    con.register("__stix_found", found)
    try:
        found = con.sql("SELECT * FROM __stix_found ORDER BY us NULLS LAST, row, indicator").to_arrow_table()
    finally:
        con.unregister("__stix_found")
    return _labelled(found, compiled), refused


@dataclass(slots=True)
class _Occurrences:
    """Rows and times of occurrences, read when asked for."""

    con: duckdb.DuckDBPyConnection
    plan: Plan
    occurrences: list[Occurrence]
    timed: bool

    def __call__(self, numbers: tuple[int, ...]) -> tuple[bindings.Rows, bindings.Rows]:
        parts = []
        for number in numbers:
            oe, start, stop = self.occurrences[number]
            parts.append(
                f"(oe = {oe}"
                + (f" AND us >= {start}" if start is not None else "")
                + (f" AND us < {stop}" if stop is not None else "")
                + ")"
            )
        known = "us IS NOT NULL AND " if self.timed else ""
        rows = self.con.execute(
            f"SELECT DISTINCT row, coalesce(us, 0) AS us FROM {self.plan.hits} WHERE {known}({' OR '.join(parts)}) ORDER BY us, row"  # noqa: S608  numbers only
        ).fetchnumpy()
        return np.asarray(rows["row"], np.int64), np.asarray(rows["us"], np.int64)


def _with_time(
    con: duckdb.DuckDBPyConnection,
    plan: Plan,
    tree: bindings.Tree,
    occurrences: list[Occurrence],
    number: int,
    rows: bindings.Rows,
) -> pa.Table:
    con.register("__stix_rows", pa.table({"row": pa.array(rows)}))
    try:
        expressions = sorted({occurrences[at][0] for at in bindings.leaves(tree)})
        return con.sql(
            f"SELECT DISTINCT {number}::INTEGER AS indicator, h.row, h.us FROM {plan.hits} h JOIN __stix_rows r ON r.row = h.row "  # noqa: S608
            f"WHERE h.oe IN ({', '.join(map(str, expressions))})"
        ).to_arrow_table()
    finally:
        con.unregister("__stix_rows")


def _simple(
    con: duckdb.DuckDBPyConnection,
    plan: Plan,
    pairs: list[tuple[int, int]],
    occurrences: list[Occurrence],
) -> pa.Table:
    """The rows of patterns of one observation, or of several joined by OR: all at once."""
    con.register(
        "__stix_rows",
        pa.table(
            {
                "indicator": pa.array([indicator for indicator, _ in pairs], pa.int32()),
                "oe": pa.array([occurrences[at][0] for _, at in pairs], pa.int32()),
                "start": pa.array([occurrences[at][1] for _, at in pairs], pa.int64()),
                "stop": pa.array([occurrences[at][2] for _, at in pairs], pa.int64()),
            }
        ),
    )
    try:
        return con.sql(
            f"SELECT DISTINCT o.indicator, h.row, h.us FROM {plan.hits} h JOIN __stix_rows o ON o.oe = h.oe "  # noqa: S608
            "WHERE (o.start IS NULL OR h.us >= o.start) AND (o.stop IS NULL OR h.us < o.stop)"
        ).to_arrow_table()
    finally:
        con.unregister("__stix_rows")


def _labelled(found: pa.Table, compiled: list[Compiled]) -> pa.Table:
    indices = found.column("indicator").combine_chunks()
    indices = indices if isinstance(indices, pa.Array) else pa.concat_arrays(indices.chunks)
    ids = pa.array([item.indicator.id for item in compiled], pa.string())
    names = pa.array([item.indicator.name for item in compiled], pa.string())
    return pa.table(
        {
            "indicator": pa.DictionaryArray.from_arrays(indices, ids),
            "name": pa.DictionaryArray.from_arrays(indices, names),
            "row": found.column("row"),
            "time": found.column("us").cast(pa.timestamp("us", "UTC")),
        }
    )
