"""Many observation expressions as few joins: those of one shape are rows of one table of parameters."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from workbench.exchange.stix.columns import Columns
from workbench.exchange.stix.dictionaries import AddressDictionary, text_values
from workbench.exchange.stix.predicates import Conjunction, Test, conjunctions
from workbench.exchange.stix.syntax import Expression

if TYPE_CHECKING:
    import duckdb

__all__ = ["Plan"]

MAX_COMBINED = 10_000
"""Rows of parameters one conjunction of INs is written out to."""
_SQL = {"=": "=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_TYPES: dict[type, pa.DataType] = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}


@dataclass(slots=True)
class _Leaves:
    """The tests over the distinct values of one expression, numbered."""

    table: str
    address: bool
    numbers: dict[Test, int] = field(default_factory=dict)
    guarded: bool = False
    """Whether the rows' values must be told apart by address family."""

    def number(self, test: Test) -> int:
        return self.numbers.setdefault(test, len(self.numbers))


@dataclass(slots=True)
class _Shape:
    tests: tuple[Test, ...]
    rows: list[tuple[Any, ...]] = field(default_factory=list)


class Plan:
    """Collects observation expressions, then finds their rows.

    ``hits`` is the name of a temporary table ``(oe, row, us)``: the number of the expression, of the
    row, and its time in microseconds since 1970. A row may be in it more than once.
    """

    hits = "__stix_hits"

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._shapes: dict[tuple[Any, ...], _Shape] = {}
        self._leaves: dict[tuple[bool, str], _Leaves] = {}
        self._numbers: dict[Expression, int] = {}

    def add(self, expression: Expression) -> int:
        """The number of an expression; the same one for the same expression.

        Raises:
            PatternError: it cannot be compiled.
        """
        if expression in self._numbers:
            return self._numbers[expression]
        found = [c for slot in self._columns.slots for c in conjunctions(expression, slot)]
        number = self._numbers[expression] = len(self._numbers)
        for conjunction in dict.fromkeys(found):
            self._place(number, conjunction)
        return number

    def _place(self, number: int, conjunction: Conjunction) -> None:
        choices: list[list[Test]] = []
        combined = 1
        for test in conjunction:
            spread = test.how == "parameter" and test.operator == "IN" and not test.negated
            if spread and combined * len(test.value) <= MAX_COMBINED:
                combined *= len(test.value)
                choices.append(
                    [
                        Test(test.property, "parameter", test.sql, "=", False, v, test.version)
                        for v in dict.fromkeys(test.value)
                    ]
                )
            else:
                choices.append([test])
        for tests in itertools.product(*choices):
            ordered = sorted(tests, key=_signature)
            key = tuple(_signature(test) for test in ordered)
            shape = self._shapes.setdefault(key, _Shape(tuple(ordered)))
            shape.rows.append((number, *(self._parameter(test) for test in ordered)))

    def _parameter(self, test: Test) -> Any:
        if test.how in ("address", "text"):
            return self._leaves_of(test).number(test)
        return list(test.value) if isinstance(test.value, tuple) else test.value

    def _leaves_of(self, test: Test) -> _Leaves:
        address = test.how == "address"
        return self._leaves.setdefault((address, test.sql), _Leaves(f"__stix_d{len(self._leaves)}", address))

    def run(self, con: duckdb.DuckDBPyConnection, source: str) -> None:
        """Fill :attr:`hits`. ``source`` is SQL of a table with the columns and ``__stix_row``."""
        con.execute(f"CREATE OR REPLACE TEMP TABLE {self.hits} (oe INTEGER, row BIGINT, us BIGINT)")
        for shape in self._shapes.values():
            for test in shape.tests:
                if _needs_guard(test):
                    self._leaves.setdefault(
                        (True, _address_of(test)), _Leaves(f"__stix_d{len(self._leaves)}", True)
                    ).guarded = True
        for (_, sql), leaves in self._leaves.items():
            self._evaluate(con, source, sql, leaves)
        for number, shape in enumerate(self._shapes.values()):
            self._join(con, source, f"__stix_p{number}", shape)

    def drop(self, con: duckdb.DuckDBPyConnection) -> None:
        """Remove every temporary table."""
        names = [self.hits, *(f"__stix_p{n}" for n in range(len(self._shapes)))]
        for leaves in self._leaves.values():
            names += [leaves.table, f"{leaves.table}_valid", f"{leaves.table}_values"]
        for name in names:
            con.execute(f"DROP TABLE IF EXISTS temp.{name}")

    def _evaluate(self, con: duckdb.DuckDBPyConnection, source: str, sql: str, leaves: _Leaves) -> None:
        distinct = f"SELECT DISTINCT {sql} AS __stix_value FROM {source} WHERE {sql} IS NOT NULL"  # noqa: S608
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE {leaves.table} (__stix_leaf INTEGER, __stix_value VARCHAR)"
        )
        numbered = [(number, test) for test, number in leaves.numbers.items()]
        if not leaves.address:
            con.execute(f"CREATE OR REPLACE TEMP TABLE {leaves.table}_values AS {distinct}")
            text_values(con, f"{leaves.table}_values", numbered, leaves.table)
            return
        values = con.sql(distinct).to_arrow_table().column(0).combine_chunks()
        dictionary = AddressDictionary(
            values if isinstance(values, pa.Array) else pa.concat_arrays(values.chunks)
        )
        if numbered:
            _insert(con, leaves.table, dictionary.matching(numbered))
        if leaves.guarded:
            con.execute(
                f"CREATE OR REPLACE TEMP TABLE {leaves.table}_valid (__stix_value VARCHAR, __stix_version UTINYINT)"
            )
            _insert(con, f"{leaves.table}_valid", dictionary.valid())

    def _join(self, con: duckdb.DuckDBPyConnection, source: str, name: str, shape: _Shape) -> None:
        columns = {"__stix_oe": pa.array([row[0] for row in shape.rows], pa.int32())}
        joins, conditions = [], []
        for at, test in enumerate(shape.tests):
            parameter = f"p.__stix_v{at}"
            values = [row[at + 1] for row in shape.rows]
            if test.how not in ("present", "absent"):
                columns[f"__stix_v{at}"] = pa.array(values, _arrow_type(test, values[0]))
            join, condition = self._condition(test, at, parameter)
            joins += join
            conditions += condition
        con.execute(f"DROP TABLE IF EXISTS temp.{name}")
        parameters = pa.table(columns)
        con.register(f"{name}_arrow", parameters)
        con.execute(f"CREATE TEMP TABLE {name} AS SELECT DISTINCT * FROM {name}_arrow")  # noqa: S608
        con.unregister(f"{name}_arrow")
        time = self._columns.time or "NULL"
        con.execute(
            f"INSERT INTO {self.hits} SELECT p.__stix_oe, __stix_row, {time} FROM {source} l, temp.{name} p{''.join(joins)} "  # noqa: S608
            f"WHERE {' AND '.join(conditions) or 'true'}"
        )

    def _condition(self, test: Test, at: int, parameter: str) -> tuple[list[str], list[str]]:
        """What a test adds to FROM and to WHERE."""
        conditions = list(self._guard(test))
        match test.how:
            case "present":
                return [], [f"{test.sql} IS NOT NULL", *conditions]
            case "absent":
                return [], [test.sql]
            case "address" | "text":
                table, alias = self._leaves[(test.how == "address", test.sql)].table, f"d{at}"
                if test.how == "address" and test.negated:
                    return [], [
                        *conditions,
                        f"NOT EXISTS (SELECT 1 FROM temp.{table} {alias} WHERE {alias}.__stix_leaf = {parameter} "  # noqa: S608
                        f"AND {alias}.__stix_value = {test.sql})",
                    ]
                return [f", temp.{table} {alias}"], [
                    f"{alias}.__stix_value = {test.sql}",
                    f"{alias}.__stix_leaf = {parameter}",
                    *conditions,
                ]
            case "list":
                inner = _compare(test, "item", parameter)
                return [], [f"len(list_filter({test.sql}, lambda item: {inner})) > 0"]
        return [], [_compare(test, test.sql, parameter), *conditions]

    def _guard(self, test: Test) -> Iterator[str]:
        if _needs_guard(test):
            expression = _address_of(test)
            table = self._leaves[(True, expression)].table
            version = f" AND g.__stix_version = {test.version}" if test.version else ""
            yield f"EXISTS (SELECT 1 FROM temp.{table}_valid g WHERE g.__stix_value = {expression}{version})"  # noqa: S608


def _address_of(test: Test) -> str:
    """The address column of a test as text, whatever the test makes of it."""
    return test.property.sql


def _needs_guard(test: Test) -> bool:
    return test.version is not None and not (test.how == "address" and not test.negated)


def _insert(con: duckdb.DuckDBPyConnection, table: str, rows: pa.Table) -> None:
    con.register("__stix_rows", rows)
    con.execute(f"INSERT INTO {table} SELECT * FROM __stix_rows")  # noqa: S608
    con.unregister("__stix_rows")


def _signature(test: Test) -> tuple[str, ...]:
    value = test.value[0] if isinstance(test.value, tuple) else test.value
    many = "list" if isinstance(test.value, tuple) else ""
    # Address tests differ in their literals only, which their leaf holds.
    operator = test.how if test.how in ("address", "text") else test.operator
    negated = str(test.negated) if test.how != "text" else ""
    return (
        test.how,
        test.sql,
        operator,
        negated,
        str(test.version) if _needs_guard(test) else "",
        type(value).__name__,
        many,
    )


def _arrow_type(test: Test, value: Any) -> pa.DataType:
    if test.how in ("address", "text"):
        return pa.int32()
    if isinstance(value, list):
        return pa.list_(_TYPES[type(value[0])])
    return _TYPES[type(value)]


def _compare(test: Test, expression: str, parameter: str) -> str:
    match test.operator:
        case "IN":
            sql = f"list_contains({parameter}, {expression})"
        case "LIKE":
            sql = f"nfc_normalize({expression}) LIKE {parameter}"
        case "MATCHES":
            sql = f"regexp_matches(nfc_normalize({expression}), {parameter})"
        case operator:
            sql = f"{expression} {_SQL[operator]} {parameter}"
    if not test.negated:
        return sql
    if test.operator == "=":
        return f"{expression} <> {parameter}"
    return f"NOT ({sql}) AND {expression} IS NOT NULL" if test.operator == "IN" else f"NOT ({sql})"
