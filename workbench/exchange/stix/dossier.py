"""What is handed to partners, as plain values: whoever keeps profiles and investigations fills these in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from workbench.secrecy import OWNER, Marking, Organisation, level_in

__all__ = ["SHARED", "Dossier", "Investigation", "Remark", "Seen", "dossiers_of"]

SHARED = ("malicious", "suspicious", "anonymised", "watch")
"""Verdicts worth telling a partner; that an address is clean is nobody's business but its visitors'."""


@dataclass(frozen=True, slots=True)
class Remark:
    """A note on an address. ``marking`` is its own, where it is closer than that of the dossier; ``key`` stays
    the same when the text is edited (by default it is the text)."""

    text: str
    author: str | None = None
    marking: Marking | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """Traffic of the address in somebody's logs between two moments. ``where`` names the organisation, where it
    is another than the one that exports; ``key`` tells it from others (by default ``where`` and ``first`` do)."""

    first: datetime
    last: datetime
    count: int = 1
    where: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """One address or prefix with what is known of it.

    ``intel`` has the columns of :data:`workbench.enrichment.engine.SCHEMA`, as many as are known.
    ``hits`` counts occurrences that nobody has dated; dated ones are ``sightings``. ``domains`` are names
    that resolve to the address. ``key`` says that this is all there is of one thing, which keeps it: what a recipient was given
    of it and is no longer part of it is revoked; ``withdrawn``, that the thing is no more.
    """

    address: str
    marking: Marking
    intel: Mapping[str, Any] = field(default_factory=dict)
    hits: int | None = None
    sightings: tuple[Seen, ...] = ()
    remarks: tuple[Remark, ...] = ()
    tags: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    key: str | None = None
    withdrawn: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Investigation:
    """A matter with its addresses. ``concluded`` makes it a report; until then it is a grouping. ``key`` stays
    the same when it is renamed (by default it is the name); ``withdrawn`` says that it is no more."""

    name: str
    marking: Marking
    dossiers: tuple[Dossier, ...]
    description: str | None = None
    concluded: datetime | None = None
    key: str | None = None
    withdrawn: bool = False


def dossiers_of(
    table: Any, marking: Marking, verdicts: Iterable[str] = SHARED
) -> tuple[list[Dossier], dict[str, int]]:
    """The distinct addresses of an enriched table or a triage as dossiers, and how many rows were left out and why.

    ``table`` is a Triage, a pyarrow Table, a pandas DataFrame, or a list of dicts, with ``address`` and
    ``verdict`` and any other columns of ``enrich``; ``hits`` counts occurrences, else rows are counted;
    ``first_seen`` and ``last_seen`` date them. A row whose own level (``tlp``, ``secrecy``) is not below that of
    ``marking`` keeps it, and its ``owner``.

    Raises:
        ValueError: a column is missing, or a verdict or level is none.
    """
    wanted = frozenset(verdicts)
    left_out: dict[str, int] = {}
    rows: dict[str, dict[str, Any]] = {}
    closer: dict[str, Marking] = {}
    for row in _rows(table):
        address, verdict = row.get("address"), row.get("verdict")
        reason = (
            "invalid" if not address else "unroutable" if row.get("scope", "global") != "global" else verdict
        )
        if not address or reason in ("invalid", "unroutable") or verdict not in wanted:
            left_out[str(reason)] = left_out.get(str(reason), 0) + 1
            continue
        level, before = level_in(row), closer.get(str(address), marking)
        owner = _owner(row.get(OWNER), marking.owner)
        if level is not None and (level > before.level or (level == before.level and owner != marking.owner)):
            closer[str(address)] = Marking(level, owner, marking.recipients)
        hits = row.get("hits")
        row["hits"] = 1 if hits is None else int(hits)
        if (known := rows.get(str(address))) is None:
            rows[str(address)] = row
            continue
        known["hits"] += row["hits"]
        for name, choose in (("first_seen", min), ("last_seen", max)):
            moments = [m for m in (known.get(name), row.get(name)) if m is not None]
            known[name] = choose(moments) if moments else None
    return [_dossier(address, row, closer.get(address, marking)) for address, row in rows.items()], left_out


def _owner(named: Any, own: Organisation) -> Organisation:
    # Whom another organisation serves is not for us to say: its AMBER goes back to it and nowhere else.
    return own if named in (None, "", own.name) else Organisation(str(named))


def _dossier(address: str, row: dict[str, Any], marking: Marking) -> Dossier:
    hits, first, last = (row.pop(name, None) for name in ("hits", "first_seen", "last_seen"))
    dated = first is not None and last is not None
    return Dossier(
        address=address,
        marking=marking,
        intel=row,
        hits=None if dated else hits,
        sightings=(Seen(first, last, hits),) if dated else (),
    )


def _rows(table: Any) -> Iterator[dict[str, Any]]:
    table = getattr(table, "table", table)  # a Triage
    if isinstance(table, list | tuple):
        rows = [dict(row) for row in table]
        if rows and not {"address", "verdict"} <= rows[0].keys():
            raise ValueError(_WANTED.format(", ".join(map(str, rows[0]))))
        yield from rows
        return
    import pyarrow as pa

    if not isinstance(table, pa.Table):
        table = pa.Table.from_pandas(table, preserve_index=False)
    if not {"address", "verdict"} <= set(table.column_names):
        raise ValueError(_WANTED.format(", ".join(table.column_names)))
    for batch in table.to_batches(max_chunksize=10_000):
        yield from batch.to_pylist()


_WANTED = "columns address and verdict are wanted, as wb.triage and wb.enrich give them; there are: {}"
