"""Tests evaluated once for every distinct value of a column, not once for every row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from workbench.addresses import Ranges, parse_networks
from workbench.exchange.stix.predicates import Test
from workbench.exchange.stix.syntax import PatternError

if TYPE_CHECKING:
    import duckdb

__all__ = ["AddressDictionary", "check_regex", "text_values"]

MAX_PAIRS = 200_000_000


@dataclass(frozen=True, slots=True)
class _Keys:
    """Range bounds of one family in an order numpy can search: ``uint64`` for IPv4, 16 bytes for IPv6."""

    start: NDArray[Any]
    end: NDArray[Any]


def _keys(ranges: Ranges, version: int) -> _Keys:
    if version == 4:
        return _Keys(ranges.start_low, ranges.end_low)
    return _Keys(_bytes(ranges.start_high, ranges.start_low), _bytes(ranges.end_high, ranges.end_low))


def _bytes(high: NDArray[np.uint64], low: NDArray[np.uint64]) -> NDArray[Any]:
    return np.ascontiguousarray(np.column_stack([high, low]).astype(">u8")).view("S16").ravel()


class AddressDictionary:
    """The distinct values of an address column, parsed; finds those that satisfy tests, all tests at once."""

    def __init__(self, values: pa.Array) -> None:
        self.values = values
        parsed = parse_networks(values)
        self.version = parsed.version
        self._families: dict[int, tuple[NDArray[np.intp], _Keys]] = {}
        for version in (4, 6):
            rows = np.flatnonzero(parsed.version == version)
            keys = _keys(parsed.take(rows), version)
            order = np.argsort(keys.start, kind="stable")
            self._families[version] = rows[order], _Keys(keys.start[order], keys.end[order])

    def matching(self, tests: Sequence[tuple[int, Test]]) -> pa.Table:
        """``__stix_leaf`` (int32), ``__stix_value``: which values satisfy which tests, NOT left aside."""
        literals = [
            (leaf, test.version or 0, test.operator, text) for leaf, test in tests for text in test.value
        ]
        leaf = np.array([item[0] for item in literals], np.int32)
        wanted = np.array([item[1] for item in literals], np.uint8)
        kind = np.array(
            [{"=": 0, "IN": 0, "ISSUBSET": 1, "ISSUPERSET": 2}[item[2]] for item in literals], np.int8
        )
        ranges = parse_networks(pa.array([item[3] for item in literals], pa.string()))
        found: list[tuple[NDArray[np.int32], NDArray[np.intp]]] = []
        for version in (4, 6):
            chosen = np.flatnonzero((ranges.version == version) & ((wanted == 0) | (wanted == version)))
            keys = _keys(ranges.take(chosen), version)
            within = kind[chosen] != 2
            found.append(
                self._within(
                    version,
                    leaf[chosen][within],
                    kind[chosen][within],
                    _Keys(keys.start[within], keys.end[within]),
                )
            )
            for at in np.flatnonzero(~within):
                rows, own = self._families[version]
                hit = (own.start <= keys.start[at]) & (own.end >= keys.end[at])
                found.append((np.full(int(hit.sum()), leaf[chosen[at]], np.int32), rows[hit]))
        leaves = np.concatenate([f[0] for f in found])
        rows = np.concatenate([f[1] for f in found])
        table = pa.table({"__stix_leaf": pa.array(leaves), "__stix_value": self.values.take(pa.array(rows))})
        return (
            table.group_by(table.column_names).aggregate([])
            if any(len(t.value) > 1 for _, t in tests)
            else table
        )

    def _within(
        self, version: int, leaf: NDArray[np.int32], kind: NDArray[np.int8], keys: _Keys
    ) -> tuple[NDArray[np.int32], NDArray[np.intp]]:
        rows, own = self._families[version]
        first = np.searchsorted(own.start, keys.start, "left")
        last = np.searchsorted(own.start, np.where(kind == 0, keys.start, keys.end), "right")
        counts = last - first
        total = int(counts.sum())
        if total > MAX_PAIRS:
            raise PatternError(
                f"the prefixes of these indicators cover addresses of the log {total} times: too many to list"
            )
        of = np.repeat(np.arange(len(leaf)), counts)
        at = np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(first, counts)
        ends, wanted = own.end[at], keys.end[of]
        fits = np.where(kind[of] == 0, ends == wanted, ends <= wanted)
        return leaf[of][fits], rows[at][fits]

    def valid(self) -> pa.Table:
        """``__stix_value``, ``__stix_version`` (uint8): the values that are addresses."""
        table = pa.table({"__stix_value": self.values, "__stix_version": pa.array(self.version)})
        return table.filter(pa.array(self.version != 0))


def text_values(
    con: duckdb.DuckDBPyConnection, table: str, tests: Iterable[tuple[int, Test]], into: str
) -> None:
    """Write which values of ``table`` satisfy which LIKE and MATCHES tests, NOT included, to ``into``."""
    for leaf, test in tests:
        predicate = (
            "__stix_value LIKE $value" if test.operator == "LIKE" else "regexp_matches(__stix_value, $value)"
        )
        con.execute(
            f"INSERT INTO {into} SELECT $leaf, __stix_value FROM {table} WHERE {'NOT ' if test.negated else ''}{predicate}",  # noqa: S608  names are ours
            {"leaf": leaf, "value": test.value},
        )


def check_regex(con: duckdb.DuckDBPyConnection, text: str) -> None:
    """Refuse what RE2 cannot do, with the mend.

    Raises:
        PatternError: look-around, back-references, possessive or atomic groups, counts above 1000, or too large.
    """
    import duckdb

    try:
        con.execute("SELECT regexp_matches('', $text)", {"text": text}).fetchall()
    except duckdb.Error as error:
        reason = str(error).partition(":")[2].strip() or str(error)
        raise PatternError(
            f"MATCHES {text[:80]!r}: {reason}. Expressions run in RE2, in linear time; it has no look-around, "
            "back-references, possessive or atomic groups, and no counts above 1000"
        ) from None
