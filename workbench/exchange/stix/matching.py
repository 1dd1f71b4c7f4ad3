"""STIX patterns over a table of logs: rows, indicators, times."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from workbench._sql import identifier
from workbench.exchange.stix import bindings
from workbench.exchange.stix.collecting import Compiled, Occurrence, collect
from workbench.exchange.stix.columns import Columns, HasConnection, connection_of, read_columns
from workbench.exchange.stix.dictionaries import check_regex
from workbench.exchange.stix.indicators import Indicator, indicators_of
from workbench.exchange.stix.plan import Plan
from workbench.exchange.stix.predicates import conjunctions, never, paths_of
from workbench.exchange.stix.syntax import (
    Comparison,
    Expression,
    Node,
    Observation,
    PatternError,
    parse_pattern,
)

if TYPE_CHECKING:
    import duckdb

__all__ = ["Matches", "NotUsed", "columns_of", "match", "quoted"]


@dataclass(frozen=True, slots=True)
class NotUsed:
    """An indicator that was not hunted with, or only in part, and why."""

    id: str
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Matches:
    """Which rows match which indicators.

    ``table``: ``indicator`` (id) and ``name`` (dictionary of string), ``row`` (int64), ``time``
    (timestamp[us, UTC], null where the row has none), sorted by time, row and indicator. ``row`` is the
    ``rowid`` of a table, and the position from 0 in a view or relation. Of patterns of several
    observations every row that takes part in a match is there.
    """

    table: pa.Table
    columns: Columns
    hunted: int
    not_used: tuple[NotUsed, ...]
    notes: tuple[NotUsed, ...]

    def __len__(self) -> int:
        return len(self.table)

    @property
    def summary(self) -> str:
        """One line: how many indicators matched how many rows, and how many could not be used."""
        rows = len(self.table.column("row").unique())
        matched = len(self.table.column("indicator").unique())
        line = (
            f"{matched:,} of {self.hunted:,} {'indicator' if self.hunted == 1 else 'indicators'} "
            f"{'matches' if matched == 1 else 'match'} {rows:,} {'row' if rows == 1 else 'rows'} of {self.columns.table}"
        )
        return line + (f"; {len(self.not_used):,} not used" if self.not_used else "")

    def __str__(self) -> str:
        lines = [self.summary]
        for row in self.table.slice(0, 20).to_pylist():
            time = f"{row['time']:%Y-%m-%d %H:%M:%S}" if row["time"] else "no time"
            lines.append(f"  row {row['row']}  {time}  {row['name']}")
        if len(self.table) > 20:
            lines.append(f"  … {len(self.table) - 20} more in .table")
        lines += [f"  not used: {item.name}: {item.reason}" for item in self.not_used[:10]]
        lines += [f"  note: {item.name}: {item.reason}" for item in self.notes[:10]]
        return "\n".join(lines)

    __repr__ = __str__

    def to_pandas(self) -> Any:
        """The table as a pandas DataFrame."""
        return self.table.to_pandas()


def columns_of(
    con: duckdb.DuckDBPyConnection | HasConnection,
    table: str,
    mapping: Mapping[str, str | Sequence[str] | None] | None = None,
) -> Columns:
    """What the columns of a table of ``con``, a case or a connection, are taken for; print it to read it."""
    return read_columns(connection_of(con), quoted(table), table, mapping)


def match(
    con: duckdb.DuckDBPyConnection | HasConnection,
    table: Any,
    patterns: Any,
    mapping: Mapping[str, str | Sequence[str] | None] | None = None,
    *,
    within_validity: bool = False,
) -> Matches:
    """Find the rows of a table that match STIX patterns.

    ``con`` is a case or a connection, ``table`` the name of a table or view in it (``schema.name`` too), or a relation. ``patterns``
    is a pattern, patterns by name, a bundle (dict, JSON or ``stix2``), the path of one, an object store, or a list of
    indicators. Columns are found by their names (:func:`columns_of` says as what); ``mapping`` names
    others: ``{"dst_ip": "server", "file:hashes.'SHA-256'": "sha", "domain": None}``.

    Addresses compare as numbers, so any spelling of an IPv6 address is the same; domain names, protocols and hashes
    compare without regard to case. MATCHES is RE2. Revoked indicators are not used. ``within_validity``
    leaves out rows before ``valid_from`` and from ``valid_until`` on.

    A pattern that cannot be used is told in ``not_used`` and stops no other.

    Raises:
        ValueError: the table or a column of the mapping is not there.
        TypeError, OSError, StreamError: ``patterns`` cannot be read.
    """
    con = connection_of(con)
    indicators = indicators_of(patterns)
    with _rows_of(con, table, mapping) as (source, columns):
        plan = Plan(columns)
        occurrences: list[Occurrence] = []
        compiled, not_used, notes = _compile(con, indicators, columns, plan, occurrences, within_validity)
        try:
            plan.run(con, source)
            found, refused = collect(con, plan, compiled, occurrences)
            not_used += [NotUsed(each.id, each.name, why) for each, why in refused]
        finally:
            plan.drop(con)
    return Matches(found, columns, len(compiled), tuple(not_used), tuple(notes))


def _compile(
    con: duckdb.DuckDBPyConnection,
    indicators: list[Indicator],
    columns: Columns,
    plan: Plan,
    occurrences: list[Occurrence],
    within_validity: bool,
) -> tuple[list[Compiled], list[NotUsed], list[NotUsed]]:
    compiled: list[Compiled] = []
    not_used: list[NotUsed] = []
    notes: list[NotUsed] = []
    known: dict[Occurrence, int] = {}
    checked: set[str] = set()
    for indicator in indicators:
        window = _validity(indicator) if within_validity else None
        texts: list[str] = []
        mapped: dict[str, bool] = {}

        def occurrence(
            node: Node,
            between: tuple[int, int] | None,
            window: tuple[int | None, int | None] | None = window,
            texts: list[str] = texts,
            mapped: dict[str, bool] = mapped,
        ) -> int:
            assert isinstance(node, Observation)
            _check(con, node.expression, checked, texts)
            for comparison in paths_of(node.expression):
                mapped[str(comparison.path)] = _mapped(comparison, columns)
            starts = [t for t in (between and between[0], window and window[0]) if t is not None]
            stops = [t for t in (between and between[1], window and window[1]) if t is not None]
            key = plan.add(node.expression), max(starts, default=None), min(stops, default=None)
            if (starts or stops) and columns.time is None:
                raise PatternError(_NO_TIME)
            if key not in known:
                known[key] = len(occurrences)
                occurrences.append(key)
            return known[key]

        try:
            if indicator.revoked:
                raise PatternError("revoked by its sender")
            if indicator.pattern_type != "stix":
                raise PatternError(
                    f"a pattern of type {indicator.pattern_type}; only stix patterns are compiled"
                )
            tree = bindings.tree_of(parse_pattern(indicator.pattern), occurrence)
            missing = sorted(path for path, found in mapped.items() if not found)
            if len(missing) == len(mapped):
                raise PatternError(
                    f"no column is {', '.join(missing)}: name one with mapping={{{missing[0]!r}: …}}"
                )
            texts += [f"no column is {path}: that part never matches" for path in missing]
            if bindings.timed(tree) and columns.time is None:
                raise PatternError(_NO_TIME)
        except PatternError as error:
            not_used.append(NotUsed(indicator.id, indicator.name, str(error)))
            continue
        compiled.append(Compiled(indicator, tree))
        notes += [NotUsed(indicator.id, indicator.name, text) for text in dict.fromkeys(texts)]
    return compiled, not_used, notes


_NO_TIME = "it needs the time of the rows and no column has it: name one with mapping={'ts': …}"


def _check(
    con: duckdb.DuckDBPyConnection,
    expression: Expression,
    checked: set[str],
    notes: list[str],
) -> None:
    """Refuse regular expressions that cannot run; note what is likely not what was meant."""
    comparisons = paths_of(expression)
    if reason := never(expression):
        notes.append(reason)
    for comparison in comparisons:
        if comparison.operator == "MATCHES" and str(comparison.value) not in checked:
            check_regex(con, str(comparison.value))
            checked.add(str(comparison.value))
        if (
            comparison.operator in ("=", "IN")
            and comparison.path.type in ("ipv4-addr", "ipv6-addr")
            and any(
                "/" in str(v)
                for v in (comparison.value if isinstance(comparison.value, tuple) else (comparison.value,))
            )
        ):
            notes.append(
                f"{comparison.path} = a prefix matches only the prefix itself; ISSUBSET matches its addresses"
            )


def _mapped(comparison: Comparison, columns: Columns) -> bool:
    exists = Comparison(comparison.path, "EXISTS", False, None)
    return any(conjunctions(exists, slot) for slot in columns.slots_of(comparison.path.type))


def _validity(indicator: Indicator) -> tuple[int | None, int | None]:
    bounds = (indicator.valid_from, indicator.valid_until)
    start, stop = (round(b.timestamp() * 1_000_000) if b else None for b in bounds)
    return start, stop


def quoted(table: str) -> str:
    """A name as it would be typed in SQL: ``logs``, ``schema.logs``, ``"any name"``."""
    parts = re.findall(r'"(?:[^"]|"")*"|[^."]+', table)
    return ".".join(part if part.startswith('"') else identifier(part) for part in parts)


@contextlib.contextmanager
def _rows_of(
    con: duckdb.DuckDBPyConnection, table: Any, mapping: Mapping[str, str | Sequence[str] | None] | None
) -> Iterator[tuple[str, Columns]]:
    """SQL of the rows with their numbers: the table itself, or a copy of the columns wanted of a view or relation."""
    import duckdb

    if isinstance(table, str):
        source, name = quoted(table), table
    else:
        table.create_view("__stix_relation", replace=True)
        source, name = "__stix_relation", "the relation"
    try:
        try:
            columns = read_columns(con, source, name, mapping)
        except duckdb.CatalogException as error:
            raise ValueError(
                f"no table {name!r}: {str(error).partition(':')[2].strip().splitlines()[0]}"
            ) from None
        try:
            con.execute(f"SELECT rowid FROM {source} LIMIT 0")  # noqa: S608  quoted
            yield f"(SELECT rowid AS __stix_row, * FROM {source})", columns  # noqa: S608
        except duckdb.BinderException:
            used = dict.fromkeys(c for names in columns.roles.values() for c in names)
            wanted = "".join(f", {identifier(c)}" for c in used)
            con.execute(
                f"CREATE OR REPLACE TEMP TABLE __stix_copy AS SELECT row_number() OVER () - 1 AS __stix_row{wanted} FROM {source}"  # noqa: S608
            )
            yield "temp.__stix_copy", columns
    finally:
        con.execute("DROP TABLE IF EXISTS temp.__stix_copy")
        if not isinstance(table, str):
            con.execute("DROP VIEW IF EXISTS __stix_relation")
