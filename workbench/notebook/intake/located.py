"""Addresses with a place: what a map draws, as columns, the worst first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from workbench.addresses.text import string_column
from workbench.enrichment.engine import SCHEMA, Engine
from workbench.enrichment.reputation import FLAGS
from workbench.notebook.intake.roles import Roles
from workbench.notebook.places import place_of
from workbench.notebook.verdicts import LOOKS, UNJUDGED

__all__ = ["Located", "dictionary", "distinct_places", "first_texts", "flags_of", "locate", "places_of"]

_KINDS = {look.name: rank for rank, look in enumerate(LOOKS)}
_TEXT_LIMIT = 2000
"""Characters of a text that are shown; more is no use in a popup, and may be an attack."""


@dataclass(frozen=True, slots=True)
class Located:
    """Distinct addresses that have a place, worst first.

    ``intel`` has the columns of :data:`~workbench.enrichment.engine.SCHEMA`; ``row_points`` names for each row
    of the table given, and each of its address columns, the point (-1: none), ``inside`` where it is an address
    of no place that can be at home (private).
    """

    intel: pa.Table
    latitude: NDArray[np.float64]
    longitude: NDArray[np.float64]
    exact: NDArray[np.bool_]
    km: NDArray[np.int64]
    verdict: NDArray[np.int64]
    hits: NDArray[np.int64]
    row_points: list[NDArray[np.int64]]
    inside: list[NDArray[np.bool_]]
    private: int
    nowhere: int
    invalid: int
    beyond: int
    """How many were left out by the limit."""

    def __len__(self) -> int:
        return len(self.verdict)


def locate(table: pa.Table, roles: Roles, engine: Engine, weights: NDArray[np.int64], limit: int) -> Located:
    """Find the distinct addresses of ``table``, what is known of them and their places.

    What the table itself says (columns of enrich, plain or prefixed with the address column) is kept; the rest
    is asked of ``engine``. An address without coordinates of its own is put into the middle of its country.
    """
    names = [roles.source] + ([roles.target] if roles.target else [])
    columns = [_chunk(string_column(table.column(name))).cast(pa.string()) for name in names]
    coded = _chunk(pa.chunked_array(columns)).dictionary_encode()
    codes = _filled(coded.indices)
    distinct = coded.dictionary
    intel = _intel_of(table, names, codes, distinct, engine)
    # Spellings of one address are one address.
    canonical = _chunk(intel.column("address")).dictionary_encode()
    same = _filled(canonical.indices)
    first = np.zeros(len(canonical.dictionary), np.int64)
    first[same[::-1][same[::-1] >= 0]] = np.arange(len(same))[::-1][same[::-1] >= 0]
    thing_of_row = np.where(codes >= 0, same[codes] if len(same) else -1, -1)
    intel = intel.take(pa.array(first))
    invalid = int((same < 0).sum())

    hits = np.bincount(thing_of_row[thing_of_row >= 0], np.tile(weights, len(names))[thing_of_row >= 0], len(first)).astype(np.int64)  # fmt: skip
    latitude, longitude, exact, km = places_of(intel)
    placed = np.isfinite(latitude)
    scope = np.asarray(intel.column("scope").cast(pa.string()).to_pylist(), object)
    outside = (scope == "global") | (scope == None)  # noqa: E711
    verdict = _verdicts(intel)
    reputation = np.asarray(pc.fill_null(intel.column("reputation").cast(pa.int64()), -1).to_numpy())
    order = np.lexsort((-hits, -reputation, verdict))
    order = order[placed[order]]
    kept = order[:limit]
    point_of = np.full(len(first) + 1, -1, np.int64)  # the last stands for "no address"
    point_of[kept] = np.arange(len(kept))
    inside = np.append(~placed & ~outside, False)
    rows = len(table)
    return Located(
        intel.take(pa.array(kept)), latitude[kept], longitude[kept], exact[kept], km[kept], verdict[kept], hits[kept],
        [point_of[thing_of_row[i * rows : (i + 1) * rows]] for i in range(len(names))],
        [inside[thing_of_row[i * rows : (i + 1) * rows]] for i in range(len(names))],
        int((~placed & ~outside).sum()), int((~placed & outside).sum()), invalid, len(order) - len(kept),
    )  # fmt: skip


def _intel_of(table: pa.Table, names: list[str], codes: NDArray[np.int64], distinct: pa.Array, engine: Engine) -> pa.Table:  # fmt: skip
    """One row for each of ``distinct``: the engine's, overlaid with what the table says."""
    rows = len(table)
    known = [n for n in SCHEMA.names if n not in ("address", "scope", "version")]
    prefixes = [f"{name}_" for name in names]
    if len(names) == 1 and not any(prefixes[0] + n in table.column_names for n in known):
        prefixes = [""]
    own = [[n for n in known if p + n in table.column_names] for p in prefixes]
    if not any(own):
        return engine.enrich(distinct)
    complete = len(names) == 1 and {"country", "verdict", "reasons"} <= set(own[0]) and prefixes[0] == ""
    if complete and "address" in table.column_names and {"scope"} <= set(table.column_names):
        first = _first_rows(codes, len(distinct))
        taken = table.take(pa.array(first))
        return pa.table({n: taken.column(n) if n in table.column_names else pa.nulls(len(first), SCHEMA.field(n).type) for n in SCHEMA.names}).set_column(0, "address", distinct)  # fmt: skip
    found = engine.enrich(distinct)
    for number, (prefix, columns) in enumerate(zip(prefixes, own, strict=True)):
        first = _first_rows(codes[number * rows : (number + 1) * rows], len(distinct))
        for name in columns:
            said = table.column(prefix + name).take(pa.array(first, mask=first < 0))
            kind = found.schema.field(name).type
            flat = kind.value_type if pa.types.is_dictionary(kind) else kind
            if pa.types.is_dictionary(said.type):
                said = said.cast(said.type.value_type)
            merged = pc.coalesce(said.cast(flat, safe=False), found.column(name).cast(flat))
            found = found.set_column(found.column_names.index(name), name, merged)
    return found


def places_of(
    intel: pa.Table,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_], NDArray[np.int64]]:
    """Latitude, longitude, whether they are of the address and not of its country, and how far they may be off in
    kilometres; NaN where nothing is known."""
    lat, lon = (np.array(intel.column(n).cast(pa.float64()).to_numpy(), np.float64) for n in ("latitude", "longitude"))  # fmt: skip
    exact = np.isfinite(lat) & np.isfinite(lon) & (np.abs(lat) <= 90) & (np.abs(lon) <= 180)
    km = np.array(pc.fill_null(intel.column("accuracy_km").cast(pa.int64()), 0).to_numpy())
    country = _chunk(intel.column("country").cast(pa.string())).dictionary_encode()
    places = [place_of(code) for code in country.dictionary.to_pylist()] + [None]
    middle = np.array([(p.latitude, p.longitude, p.radius_km) if p else (np.nan, np.nan, 0) for p in places])
    codes = _filled(country.indices)
    lat = np.where(exact, lat, middle[codes, 0])
    lon = np.where(exact, lon, middle[codes, 1])
    km = np.where(exact, km, middle[codes, 2].astype(np.int64))
    return np.round(lat, 4), np.round(lon, 4), exact, km


def distinct_places(
    latitude: NDArray[np.float64], longitude: NDArray[np.float64], exact: NDArray[np.bool_], km: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:  # fmt: skip
    """For each distinct place the first row that is there, and for each row its place; rows without one are not
    among them."""
    lat, lon = (np.round(column * 1e4).astype(np.int64) for column in (latitude, longitude))
    near = np.clip(km, 0, 65_535)
    key = (((lat + 900_000) * 3_600_001 + lon + 1_800_000) * 2 + ~exact) * 65_536 + near
    _, first, place = np.unique(key, return_index=True, return_inverse=True)
    return first, place


def _verdicts(intel: pa.Table) -> NDArray[np.int64]:
    coded = _chunk(intel.column("verdict").cast(pa.string())).dictionary_encode()
    kinds = np.array(
        [_KINDS.get(v, _KINDS[UNJUDGED]) for v in coded.dictionary.to_pylist()] + [_KINDS[UNJUDGED]]
    )
    return kinds[_filled(coded.indices)]


def flags_of(intel: pa.Table) -> pa.Array:
    """The flags of each row as one text, such as ``tor, known attacker``."""
    names = [name for name in FLAGS if name != "is_anonymous"]
    bits = sum((np.asarray(pc.fill_null(intel.column(n).cast(pa.bool_()), False)).astype(np.int64) << i for i, n in enumerate(names)), np.zeros(len(intel), np.int64))  # fmt: skip
    patterns, codes = np.unique(bits, return_inverse=True)
    texts = [", ".join(n[3:].replace("_", " ") for i, n in enumerate(names) if p >> i & 1) or None for p in patterns]  # fmt: skip
    return pa.array(texts, pa.string()).take(pa.array(codes))


def dictionary(column: pa.Array | pa.ChunkedArray) -> dict[str, Any]:
    """A column of text for the browser: its distinct values, cut to what can be shown, and a code a row."""
    coded = _chunk(
        column if pa.types.is_string(column.type) else column.cast(pa.string())
    ).dictionary_encode()
    values = pc.utf8_slice_codeunits(coded.dictionary, 0, _TEXT_LIMIT).to_pylist()
    return {"values": values, "codes": _filled(coded.indices).tolist()}


def first_texts(column: pa.ChunkedArray, points: NDArray[np.int64], count: int) -> pa.Array:
    """For each point the first value that ``column`` has in one of its rows."""
    text = column.cast(pa.string()) if not pa.types.is_list(column.type) else pa.array([None if v is None else ", ".join(map(str, v)) for v in column.to_pylist()], pa.string())  # fmt: skip
    known = np.asarray(pc.is_valid(text).to_numpy(zero_copy_only=False) if isinstance(text, pa.Array) else pc.is_valid(text).to_numpy())  # fmt: skip
    first = _first_rows(np.where(known, points, -1), count)
    return _chunk(pa.chunked_array([text]) if isinstance(text, pa.Array) else text).take(pa.array(first, mask=first < 0))  # fmt: skip


def _first_rows(codes: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """The first row of each code, -1 where there is none."""
    first = np.full(count, -1, np.int64)
    rows = np.flatnonzero(codes >= 0)[::-1]
    first[codes[rows]] = rows
    return first


def _filled(indices: pa.Array) -> NDArray[np.int64]:
    return np.asarray(pc.fill_null(indices, -1).to_numpy(zero_copy_only=False), np.int64)


def _chunk(column: Any) -> pa.Array:
    if not isinstance(column, pa.ChunkedArray):
        return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
