"""Entries written to Parquet are read back as they were."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.addresses import parse_networks
from workbench.addresses.columns import Ranges
from workbench.addresses.text import to_text_of_ranges
from workbench.intel.entries import Entries, ParsedSource
from workbench.intel.parsers.entries import parse, write_entries
from workbench.intel.source import Layer, Source, SourceError

Make = Callable[..., Source]


def parsed_source() -> ParsedSource:
    networks = parse_networks(["2001:db8::/32", "192.0.2.0/24", "::/0", "0.0.0.0/0", "10.0.0.1-10.0.0.9"])
    geo = pa.table({"country": ["DE", "FR", None, "US", "IT"], "latitude": [1.5, None, 3.0, -4.0, 0.0]})
    members = pa.table({"category": ["tor", "cdn"], "label": ["exit", None]})
    return ParsedSource(
        {
            Layer.GEO: Entries(networks, geo),
            Layer.MEMBERSHIP: Entries(parse_networks(["1.2.3.4", "2001:db8::1"]), members),
        },
        published=datetime(2026, 6, 1, tzinfo=UTC),
        metadata={"made-by": "a test"},
    )


def rows(entries: Entries) -> set[tuple[object, ...]]:
    columns = [entries.attributes.column(n).to_pylist() for n in entries.attributes.column_names]
    return set(zip(to_text_of_ranges(entries.ranges).to_pylist(), *columns, strict=True))


def test_all_layers_come_back_with_date_and_metadata(tmp_path: Path, source: Make) -> None:
    before = parsed_source()
    write_entries(before, tmp_path / "pack.parquet")
    after = parse(tmp_path / "pack.parquet", source("entries"))
    assert set(after.layers) == set(before.layers)
    for layer, entries in before.layers.items():
        assert rows(after.layers[layer]) == rows(entries)
    assert after.published == before.published
    assert after.metadata == before.metadata
    assert after.layers[Layer.GEO].attributes.column_names == ["country", "latitude"]


halves = st.one_of(st.integers(0, 2**64 - 1), st.sampled_from([0, 1, 2**63, 2**64 - 1, 2**32]))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just(4), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)),
            st.tuples(st.just(6), *[st.builds(lambda h, low: (h << 64) | low, halves, halves)] * 2),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_any_range_survives_the_round_trip(
    tmp_path: Path, source: Make, items: list[tuple[int, int, int]]
) -> None:
    mask = 2**64 - 1
    low_first = [(v, min(a, b), max(a, b)) for v, a, b in items]
    ranges = Ranges(
        np.array([v for v, _, _ in low_first], np.uint8),
        *[
            np.array([(row[k] >> shift) & mask for row in low_first], np.uint64)
            for k in (1, 2)
            for shift in (64, 0)
        ],
    )
    numbers = pa.table({"asn": pa.array(range(len(items)), pa.uint32())})
    before = Entries(ranges, numbers)
    write_entries(ParsedSource({Layer.NETWORK: before}), tmp_path / "x.parquet")
    after = parse(tmp_path / "x.parquet", source("entries")).layers[Layer.NETWORK]
    assert rows(after) == rows(before)


def test_a_damaged_or_foreign_file_is_refused(tmp_path: Path, source: Make) -> None:
    good = tmp_path / "good.parquet"
    write_entries(parsed_source(), good)
    cut = tmp_path / "cut.parquet"
    cut.write_bytes(good.read_bytes()[:-20])
    with pytest.raises(SourceError, match=r"cut\.parquet"):
        parse(cut, source("entries"))
    other = tmp_path / "other.parquet"
    pq.write_table(pa.table({"a": [1]}), other)
    with pytest.raises(SourceError, match="not one of entries"):
        parse(other, source("entries"))


def test_a_file_whose_ranges_run_backwards_is_refused(tmp_path: Path, source: Make) -> None:
    good = tmp_path / "good.parquet"
    write_entries(parsed_source(), good)
    table = pq.read_table(good)
    spans = pa.array(np.full(len(table), 2**63, np.uint64))
    bad = table.set_column(table.column_names.index("span_low"), "span_low", spans)
    pq.write_table(bad, tmp_path / "bad.parquet")
    with pytest.raises(SourceError, match="no address range in row"):
        parse(tmp_path / "bad.parquet", source("entries"))


def test_columns_that_are_none_of_the_layer_are_an_error(tmp_path: Path) -> None:
    entries = Entries(parse_networks(["192.0.2.1"]), pa.table({"colour": ["red"]}))
    with pytest.raises(ValueError, match="colour"):
        write_entries(ParsedSource({Layer.GEO: entries}), tmp_path / "x.parquet")
