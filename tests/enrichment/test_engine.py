"""What enrich says of columns of addresses, from small snapshots made here."""

from __future__ import annotations

import ipaddress
import random
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.addresses import parse, parse_networks, to_text
from workbench.enrichment.engine import SCHEMA, Engine
from workbench.intel.compile import compile_snapshot
from workbench.intel.entries import Entries, ParsedSource
from workbench.intel.layers import Input
from workbench.intel.snapshot import Snapshot
from workbench.intel.source import Category, Layer, Reliability, Source

DAY = datetime(2026, 10, 5, tzinfo=UTC)


def source(name: str, layer: Layer, category: Category | None = None, priority: int = 50) -> Source:
    return Source(
        id=name, title=name.title(), parser="entries", layers=(layer,), reliability=Reliability.B,
        licence="CC0-1.0", attribution="tests", category=category, priority=priority,
    )  # fmt: skip


def given_source(
    name: str,
    layer: Layer,
    rows: dict[str, dict[str, object]],
    category: Category | None = None,
    priority: int = 50,
) -> Input:
    """A source with one entry for each prefix of ``rows``."""
    attributes = pa.Table.from_pylist(list(rows.values()))
    if layer is Layer.MEMBERSHIP:
        attributes = pa.table({"label": [str(row.get("label", "")) for row in rows.values()]})
    elif "asn" in attributes.column_names:
        attributes = attributes.set_column(
            attributes.column_names.index("asn"), "asn", attributes.column("asn").cast(pa.uint32())
        )
    entries = Entries(parse_networks(list(rows)), attributes)
    return Input(source(name, layer, category, priority), ParsedSource({layer: entries}, DAY), "0" * 64)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    inputs = [
        given_source("coarse", Layer.GEO, {
            "1.0.0.0/8": {"country": "AU"}, "2001:db8::/16": {"country": "DE"}, "9.0.0.0/8": {"country": "US"},
        }, priority=10),
        given_source("fine", Layer.GEO, {
            "1.2.0.0/16": {"country": "AU", "city": "Perth", "latitude": -31.95, "longitude": 115.86},
            "1.3.0.0/16": {"country": "NZ", "city": "Nelson", "latitude": -41.27, "longitude": 173.28},
            "1.2.3.0/24": {"country": "AU", "city": "Darwin", "latitude": -12.46, "longitude": 130.84},
        }, priority=60),
        given_source("networks", Layer.NETWORK, {
            "1.2.0.0/16": {"asn": 64500, "as_org": "Perth Telecom"},
            "9.9.0.0/16": {"asn": 4200000000, "as_org": "Resolvers Hosting"},
            "2a00::/12": {"asn": 64502, "as_org": "Universitas"},
        }),
        given_source("bad", Layer.MEMBERSHIP, {
            "1.2.3.4": {}, "10.0.0.0/8": {}, "9.9.9.9": {}, "2a00:1::/32": {"label": "worm"},
        }, Category.ATTACKER),
        given_source("exits", Layer.MEMBERSHIP, {"1.2.3.5": {}, "1.2.3.4/30": {}}, Category.TOR),
        given_source("resolvers", Layer.MEMBERSHIP, {"9.9.9.9": {"label": "Quad9"}}, Category.RESOLVER),
    ]  # fmt: skip
    return Engine(Snapshot(compile_snapshot(inputs, tmp_path_factory.mktemp("snapshots"))))


def row(engine: Engine, address: str) -> dict[str, object]:
    return engine.enrich([address]).to_pylist()[0]


def test_every_column_comes_for_every_input_in_the_same_order(engine: Engine) -> None:
    table = engine.enrich(["9.9.9.9", "nonsense", None, "1.2.3.9"])
    assert table.schema == SCHEMA
    assert table.column("address").to_pylist() == ["9.9.9.9", None, None, "1.2.3.9"]
    assert table.column("verdict").to_pylist()[1:3] == ["invalid", "invalid"]


def test_the_most_specific_range_of_the_better_source_speaks(engine: Engine) -> None:
    assert (row(engine, "1.2.3.99")["city"], row(engine, "1.2.4.1")["city"]) == ("Darwin", "Perth")
    assert row(engine, "1.3.0.1")["country"] == "NZ"
    assert row(engine, "1.9.0.1")["country"] == "AU"
    assert row(engine, "1.9.0.1")["city"] is None


def test_a_malformed_address_is_nulls_and_invalid(engine: Engine) -> None:
    found = row(engine, "1.2.3.4.5")
    assert found.pop("scope") == "invalid"
    assert found.pop("verdict") == "invalid"
    assert found.pop("reasons") == "not an IP address"
    assert found.pop("snapshot") == engine.snapshot.id
    assert set(found.values()) == {None}


def test_a_private_address_is_nobodys_even_when_a_list_carries_it(engine: Engine) -> None:
    found = row(engine, "10.1.2.3")
    assert (found["scope"], found["verdict"], found["reputation"]) == ("private", "unroutable", None)
    assert found["is_known_attacker"] is False
    assert found["asn"] is None


def test_as_numbers_of_32_bits_survive(engine: Engine) -> None:
    assert row(engine, "9.9.1.1")["asn"] == 4200000000


def test_mapped_addresses_are_ipv4(engine: Engine) -> None:
    found = row(engine, "::ffff:1.2.3.4")
    assert (found["address"], found["version"], found["is_known_attacker"]) == ("1.2.3.4", 4, True)


def test_the_prefix_is_the_block_of_the_routing_range(engine: Engine) -> None:
    assert row(engine, "1.2.3.4")["prefix"] == "1.2.0.0/16"


def test_the_network_type_comes_from_the_name_where_no_list_says_it(engine: Engine) -> None:
    kinds = [row(engine, a)["network_type"] for a in ("1.2.9.9", "9.9.1.1", "2a00:5::1", "1.9.0.1")]
    assert kinds == ["isp", "hosting", "education", "unknown"]


def test_an_attacker_is_malicious_and_says_by_whom_and_when(engine: Engine) -> None:
    found = row(engine, "2a00:1::77")
    assert found["verdict"] == "malicious"
    assert found["reasons"] == "known attacker worm (Bad, 2026-10-05)"


def test_shared_infrastructure_is_never_called_malicious(engine: Engine) -> None:
    resolver, tor = row(engine, "9.9.9.9"), row(engine, "1.2.3.4")
    assert resolver["is_known_attacker"]
    assert resolver["verdict"] != "malicious"
    assert "shared: public resolver Quad9" in str(resolver["reasons"])
    assert tor["is_tor"]
    assert tor["is_known_attacker"]
    assert tor["verdict"] in ("suspicious", "anonymised")


def test_a_tor_exit_is_anonymised(engine: Engine) -> None:
    found = row(engine, "1.2.3.5")
    assert (found["verdict"], found["is_tor"], found["is_anonymous"]) == ("anonymised", True, True)


def test_clean_says_how_many_lists_were_asked(engine: Engine) -> None:
    assert (
        row(engine, "1.2.9.9")["reasons"]
        == "on none of 2 lists of attackers and anonymisers as of 2026-10-05; isp network"
    )


addresses = st.one_of(
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(str),
    st.ip_addresses(v=6).map(lambda a: a.exploded.upper()),
    st.sampled_from(["1.2.3.4", "1.2.3.5 ", "9.9.9.9", "2a00:1::1", "10.0.0.1", "x", "::ffff:1.2.3.4", ""]),
    st.none(),
)


@given(st.lists(addresses, min_size=1, max_size=40))
@settings(max_examples=60, deadline=None)
def test_many_rows_and_few_rows_say_the_same(engine: Engine, texts: list[str | None]) -> None:
    """The compiled kernels over a long column agree with the interpreted ones over a short one."""
    few = engine.enrich(texts)
    many = engine.enrich(texts * (2000 // len(texts) + 1)).slice(0, len(texts))
    assert few.to_pylist() == many.to_pylist()
    assert few.column("address").to_pylist() == to_text(parse(texts)).to_pylist()


@pytest.mark.parametrize("kind", ["dictionary", "chunked", "sliced", "large"])
def test_the_shape_of_the_column_does_not_matter(engine: Engine, kind: str) -> None:
    texts = ["1.2.3.4", None, "junk", "9.9.9.9", "2a00:1::5"] * 700
    plain = pa.array(texts)
    column = {
        "dictionary": plain.dictionary_encode(),
        "chunked": pa.chunked_array([texts[:11], [], texts[11:]]),
        "sliced": pa.array(["8.8.8.8", *texts])[1:],
        "large": plain.cast(pa.large_string()),
    }[kind]
    assert engine.enrich(column).to_pylist() == engine.enrich(plain).to_pylist()


def test_blocks_join_without_a_seam(engine: Engine) -> None:
    rows = 300_001
    texts = [f"1.2.{n >> 8 & 255}.{n & 255}" for n in range(rows)]
    texts[131_072] = "broken"
    table = engine.enrich(texts)
    assert table.column("address").null_count == 1
    assert table.column("address")[131_071].as_py() == texts[131_071]
    assert table.column("version").to_pylist()[131_070:131_074] == [4, 4, None, 4]
    assert set(table.column("asn").to_pylist()) == {64500, None}


def test_a_city_database_is_answered_as_maxminddb_answers(shared: Path, tmp_path: Path) -> None:
    import maxminddb

    from workbench.intel.parsers import parse as parse_source

    path = shared / "mmdb-test" / "test-data" / "GeoLite2-City-Test.mmdb"
    city = Source(
        id="city", title="City", parser="mmdb", layers=(Layer.GEO,), reliability=Reliability.B, licence="test", attribution="MaxMind",
    )  # fmt: skip
    snapshot = Snapshot(compile_snapshot([Input(city, parse_source(path, city), "0" * 64)], tmp_path))
    reader = maxminddb.open_database(path)
    random.seed(1)
    texts = []
    for network, _ in reader:
        for _ in range(200):
            first = int(network.network_address)
            texts.append(
                str(
                    type(network.network_address)(first + random.randrange(min(network.num_addresses, 2**64)))
                )
            )
    texts += [str(ipaddress.IPv4Address(random.getrandbits(32))) for _ in range(20_000)]
    table = Engine(snapshot).enrich(texts)
    compared = 0
    for text, mine in zip(
        texts,
        table.select(["scope", "country", "city", "latitude", "longitude", "timezone"]).to_pylist(),
        strict=True,
    ):
        if mine.pop("scope") != "global" or ipaddress.ip_address(text) in ipaddress.ip_network("2002::/16"):
            continue
        record = reader.get(text) or {}
        assert isinstance(record, dict)
        location = record.get("location", {})
        theirs = {
            "country": record.get("country", {}).get("iso_code"),
            "city": record.get("city", {}).get("names", {}).get("en"),
            "latitude": location.get("latitude"),
            "longitude": location.get("longitude"),
            "timezone": location.get("time_zone"),
        }
        if theirs["country"]:
            compared += 1
            assert mine == theirs, text
    assert compared > 5_000


def test_the_same_inputs_give_the_same_snapshot(engine: Engine, tmp_path: Path) -> None:
    inputs = [given_source("bad", Layer.MEMBERSHIP, {"1.2.3.4": {}}, Category.ATTACKER)]
    first, again = compile_snapshot(inputs, tmp_path / "a"), compile_snapshot(inputs, tmp_path / "b")
    assert first.name == again.name != engine.snapshot.id
    assert np.load(first / "rows.npy").tobytes() == np.load(again / "rows.npy").tobytes()
