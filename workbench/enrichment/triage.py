"""Triage: the addresses of a case, worst first, with the reasons."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from workbench.addresses.text import string_column
from workbench.enrichment.countries import country_code
from workbench.enrichment.engine import Engine
from workbench.enrichment.reputation import FLAGS, datacenter_confidence

__all__ = ["Triage", "triage"]

_ORDER = ("malicious", "suspicious", "anonymised", "watch", "clean", "unroutable", "invalid")
_SHOWN = ("verdict", "address", "hits", "country", "asn", "as_org", "network_type", "flags", "reputation", "confidence", "reasons")  # fmt: skip


_LINES = 20


@dataclass(frozen=True, slots=True)
class Triage:
    """Distinct external addresses, worst first: the columns of ``enrich``, ``hits`` and ``concern``.

    ``hits`` (int64) counts how often an address occurred; ``concern`` (bool) tells that it is a datacenter
    in one of the countries asked about. ``left_out`` counts what is not triaged: private and other
    unroutable addresses, and malformed text. ``origin`` is what it was made from, where that knows more, such as
    when the addresses were met: a case.
    """

    table: pa.Table
    left_out: dict[str, int]
    concern: frozenset[str]
    snapshot: str
    origin: Any = field(default=None, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.table)

    @property
    def counts(self) -> dict[str, int]:
        """Addresses a verdict, in order of severity; verdicts that do not occur are left out."""
        found = {
            row["values"]: row["counts"]
            for row in self.table.column("verdict").cast(pa.string()).value_counts().to_pylist()
        }
        return {verdict: found[verdict] for verdict in _ORDER if verdict in found}

    @property
    def summary(self) -> str:
        """One line: how many addresses, what they are, what was left out, as of when."""
        flags = {
            name: pc.sum(self.table.column(name)).as_py() or 0
            for name in ("is_tor", "is_known_attacker", "concern")
        }
        notable = [
            f"{flags['is_known_attacker']} known {_plural(flags['is_known_attacker'], 'attacker')}",
            f"{flags['is_tor']} Tor {_plural(flags['is_tor'], 'exit')}",
        ]
        if self.concern:
            places = "/".join(sorted(self.concern))
            notable.append(f"{flags['concern']} {_plural(flags['concern'], 'datacenter')} in {places}")
        notable.append(f"{self.counts.get('clean', 0)} clean")
        left = [f"{count} {name}" for name, count in self.left_out.items() if count]
        return (
            f"{len(self)} external {_plural(len(self), 'address', 'addresses')}: {', '.join(notable)}"
            + (f" (left out: {', '.join(left)})" if left else "")
            + f"; intel {self.snapshot}"
        )

    def to_pandas(self) -> Any:
        """The table as a pandas DataFrame."""
        return self.table.to_pandas()

    def rows(self, limit: int | None = None) -> list[dict[str, Any]]:
        """Rows for display, all or the first ``limit``: the shown columns as Python values, flags as one text."""
        table = self.table if limit is None else self.table.slice(0, limit)
        shown = table.select([name for name in _SHOWN if name != "flags"] + list(FLAGS) + ["concern"])
        rows = []
        for row in shown.to_pylist():
            names = [name[3:] for name in FLAGS if row.pop(name) and name != "is_anonymous"]
            row["flags"] = ", ".join(name.replace("known_", "") for name in names)
            rows.append({name: row[name] for name in _SHOWN})
        return rows

    def __repr__(self) -> str:
        lines = [
            f"  {row['verdict']:<11}{row['address']:<16} {row['reputation'] or 0:>3}  {row['reasons']}"[:160]
            for row in self.rows(_LINES)
        ]
        more = [f"  … and {len(self) - _LINES:,} more in .table"] if len(self) > _LINES else []
        return "\n".join([self.summary, *lines, *more])

    def _repr_html_(self) -> str:
        from workbench.enrichment.page import triage_fragment

        return triage_fragment(self)


def _plural(count: int, one: str, many: str | None = None) -> str:
    return one if count == 1 else many or f"{one}s"


def triage(engine: Engine, addresses: Any, concern: Iterable[str] = (), hits: Any = None) -> Triage:
    """Judge the distinct external addresses among ``addresses`` and sort them worst first.

    ``concern`` are ISO 3166-1 alpha-2 codes: a datacenter there that is otherwise clean gets the verdict
    ``watch`` and the reason. ``hits`` (integers, as long as ``addresses``) says how often each occurred
    where the column is distinct already.

    Raises:
        ValueError: a code of ``concern`` is not assigned in ISO 3166-1.
    """
    codes = _checked(concern)
    column = string_column(addresses)
    if hits is None:
        counted = column.value_counts()
        if isinstance(counted, pa.ChunkedArray):
            counted = counted.combine_chunks()
        distinct, counts = counted.field("values"), counted.field("counts")
        if pa.types.is_dictionary(distinct.type):
            distinct = distinct.dictionary_decode()
    else:
        distinct, counts = column, pa.array(hits, pa.int64())
    table = engine.enrich(distinct).append_column("hits", counts.cast(pa.int64()))
    scope = table.column("scope").cast(pa.string())
    external = pc.equal(scope, "global")
    malformed = pc.sum(pc.equal(scope, "invalid")).as_py() or 0
    unroutable = len(table) - (pc.sum(external).as_py() or 0) - malformed
    table = _one_row_an_address(table.filter(external))
    table = _with_concern(engine, table, codes)
    rank = pa.array(
        [_ORDER.index(v) for v in table.column("verdict").cast(pa.string()).to_pylist()], pa.int8()
    )
    order = pc.sort_indices(
        pa.table({
            "rank": rank,
            "reputation": table.column("reputation"),
            "hits": table.column("hits"),
            "address": table.column("address"),
        }),
        sort_keys=[("rank", "ascending"), ("reputation", "descending"), ("hits", "descending"), ("address", "ascending")],
    )  # fmt: skip
    left_out = {"private or unroutable": unroutable, "malformed": malformed}
    return Triage(table.take(order), left_out, codes, engine.snapshot.id)


def _checked(concern: Iterable[str]) -> frozenset[str]:
    return frozenset(country_code(text) for text in ([concern] if isinstance(concern, str) else concern))


def _one_row_an_address(table: pa.Table) -> pa.Table:
    """Different spellings of one address (``::ffff:1.2.3.4``, upper case) are one address."""
    coded = table.column("address").combine_chunks().dictionary_encode()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.combine_chunks()
    codes = coded.indices.to_numpy(zero_copy_only=False)
    if len(coded.dictionary) == len(table):
        return table
    hits = np.bincount(codes, table.column("hits").to_numpy()).astype(np.int64)
    _, first = np.unique(codes, return_index=True)
    kept = table.take(pa.array(first))
    return kept.set_column(kept.column_names.index("hits"), "hits", pa.array(hits))


def _with_concern(engine: Engine, table: pa.Table, codes: frozenset[str]) -> pa.Table:
    country = table.column("country").cast(pa.string())
    concerned = pc.and_(
        pc.fill_null(pc.is_in(country, pa.array(sorted(codes), pa.string())), False),
        table.column("is_datacenter"),
    )
    verdict = table.column("verdict").cast(pa.string())
    raised = pc.and_(concerned, pc.equal(verdict, "clean"))
    reason = pc.binary_join_element_wise(
        pc.binary_join_element_wise(
            "datacenter in ", table.column("country_name").cast(pa.string()), ", a country of concern", ""
        ),
        table.column("reasons").cast(pa.string()),
        "; ",
    )
    reasons = pc.if_else(concerned, reason, table.column("reasons").cast(pa.string()))
    for name, column in (("verdict", pc.if_else(raised, "watch", verdict)), ("reasons", reasons)):
        table = table.set_column(
            table.column_names.index(name), name, column.combine_chunks().dictionary_encode()
        )
    # Such a verdict rests on where and what it is, and no more on what lists of attackers would have named.
    rows = engine.evidence_rows(table.filter(raised).column("address").to_pylist())
    confidence = np.array(table.column("confidence").to_numpy())
    confidence[raised.to_numpy(zero_copy_only=False).astype(bool)] = datacenter_confidence(
        engine.snapshot, rows
    )
    table = table.set_column(
        table.column_names.index("confidence"), "confidence", pa.array(confidence, pa.float32())
    )
    return table.append_column("concern", concerned)
