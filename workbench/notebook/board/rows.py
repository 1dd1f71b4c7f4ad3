"""A triage as the columns that the board reads in the browser: Arrow, without nulls, texts by dictionary."""

from __future__ import annotations

import gzip
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from workbench.addresses.text import parse
from workbench.enrichment.reputation import FLAGS as INTEL_FLAGS
from workbench.notebook.board.times import Times
from workbench.notebook.browser.shipped import asset
from workbench.notebook.intake.located import distinct_places, places_of
from workbench.notebook.verdicts import LOOKS, UNJUDGED

__all__ = ["FLAGS", "arrow_bytes", "rows_of", "world"]

FLAGS = (*(name for name in INTEL_FLAGS if name != "is_anonymous"), "concern")
"""Bits of the column ``flags``, the lowest first."""
_LONGEST = 2000
"""Characters of a text that go to the browser."""


def rows_of(triage: pa.Table, times: Times | None) -> tuple[pa.Table, pa.Table]:
    """The rows, in the order of the triage, and the places that their column ``place`` counts in.

    ``verdict`` is a place in :data:`~workbench.notebook.verdicts.LOOKS`, ``rank`` the order of the addresses as
    numbers, ``confidence`` in hundredths, ``place`` the number of places where none is known.
    """
    lat, lon, exact, km = places_of(triage)
    known = np.isfinite(lat)
    first, place = distinct_places(lat[known], lon[known], exact[known], km[known])
    places = np.full(len(triage), len(first), np.uint32)
    places[known] = place
    columns: dict[str, Any] = {
        "address": triage.column("address").combine_chunks(),
        "rank": _ranks(triage.column("address")),
        "verdict": _codes_of_verdicts(triage.column("verdict")),
        "hits": triage.column("hits").cast(pa.float64()),
        "reputation": pc.fill_null(triage.column("reputation"), 0).cast(pa.uint8()),
        "confidence": np.round(_numbers(triage.column("confidence")) * 100).astype(np.uint8),
        "flags": _flags(triage),
        "place": places,
        "country": _coded(triage.column("country")),
        "network": _coded(_networks(triage)),
        "type": _coded(triage.column("network_type")),
        "city": _coded(_cities(triage)),
        "prefix": _coded(triage.column("prefix")),
        "reasons": _coded(triage.column("reasons")),
    }
    if times is not None:
        columns |= {"first": times.first, "last": times.last}
    where = {"lat": lat[known][first], "lon": lon[known][first], "km": km[known][first].astype(np.uint16),
             "exact": exact[known][first].astype(np.uint8)}  # fmt: skip
    return pa.table(columns), pa.table(where)


def arrow_bytes(table: pa.Table) -> bytes:
    """The table as an Arrow IPC stream of one batch."""
    whole = table.combine_chunks()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, whole.schema) as writer:
        writer.write_table(whole)
    return bytes(sink.getvalue())


@cache
def world() -> bytes:
    """The basemap, compressed."""
    return gzip.compress(asset("world.json").encode(), 9, mtime=0)


def _numbers(column: pa.ChunkedArray) -> NDArray[np.float64]:
    """With 0 for null and for what is no number."""
    return np.nan_to_num(np.array(pc.fill_null(column.cast(pa.float64()), 0.0).to_numpy(), np.float64))


def _ranks(addresses: pa.ChunkedArray) -> NDArray[np.uint32]:
    parsed = parse(addresses)
    ranks = np.empty(len(addresses), np.uint32)
    ranks[np.lexsort((parsed.low, parsed.high, parsed.version))] = np.arange(len(addresses), dtype=np.uint32)
    return ranks


def _codes_of_verdicts(column: pa.ChunkedArray) -> NDArray[np.uint8]:
    names = pa.array([look.name for look in LOOKS])
    codes = pc.fill_null(pc.index_in(column.cast(pa.string()), value_set=names), len(LOOKS) - 1)
    assert LOOKS[-1].name == UNJUDGED
    return np.asarray(codes.to_numpy(), np.uint8)


def _flags(triage: pa.Table) -> NDArray[np.uint8]:
    bits = np.zeros(len(triage), np.uint8)
    for at, name in enumerate(FLAGS):
        bits |= pc.fill_null(triage.column(name), False).cast(pa.uint8()).to_numpy() << at
    return bits


def _networks(triage: pa.Table) -> pa.ChunkedArray:
    """``AS64496 Example``, or empty."""
    number = pc.binary_join_element_wise("AS", triage.column("asn").cast(pa.string()), "")
    name = triage.column("as_org").cast(pa.string())
    return pc.coalesce(pc.binary_join_element_wise(number, name, " "), number, name)


def _cities(triage: pa.Table) -> pa.ChunkedArray:
    """``City, Region``, as much of it as is known."""
    city, region = (triage.column(name).cast(pa.string()) for name in ("city", "region"))
    return pc.coalesce(pc.binary_join_element_wise(city, region, ", "), city, region)


def _coded(column: pa.ChunkedArray) -> pa.Array:
    """By a dictionary of what occurs alone, empty text where nothing is known."""
    text = column if pa.types.is_string(column.type) else column.cast(pa.string())
    whole = pc.fill_null(text, "").combine_chunks()
    if isinstance(whole, pa.ChunkedArray):
        whole = pa.concat_arrays(whole.chunks) if whole.num_chunks else pa.array([], pa.string())
    coded = whole.dictionary_encode()
    shown = pc.utf8_slice_codeunits(coded.dictionary, 0, _LONGEST)
    return pa.DictionaryArray.from_arrays(coded.indices, shown)
