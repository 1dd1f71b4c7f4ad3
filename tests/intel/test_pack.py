"""The shipped data: whole, dated, licensed, small; and the sample log that it is tried on."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pytest
from stix2validator import ValidationOptions, validate_instance

from workbench.addresses import parse as parse_addresses
from workbench.addresses.columns import Ranges
from workbench.intel.entries import ParsedSource
from workbench.intel.parsers import parse
from workbench.intel.source import Category, Layer, Reliability, Source

DATA = Path(__file__).parents[2] / "data"
PACK = DATA / "pack"
LOG = DATA / "samples" / "firewall.log"
BUNDLE = DATA / "samples" / "exercise-indicators.json"
LISTED: list[dict[str, Any]] = tomllib.loads((PACK / "pack.toml").read_text(encoding="utf-8"))["source"]
IDS = [entry["id"] for entry in LISTED]

TORS = {"185.246.188.74", "178.17.174.164", "109.228.160.190"}
ATTACKERS = {"84.205.67.213", "93.175.147.88"}


def source_of(entry: dict[str, Any]) -> Source:
    return Source(
        id=entry["id"],
        title=entry["title"],
        parser=entry["parser"],
        layers=tuple(Layer(layer) for layer in entry["layers"]),
        reliability=Reliability(entry["reliability"]),
        licence=entry["licence"],
        attribution=entry["attribution"],
        category=Category(entry["category"]) if "category" in entry else None,
        priority=entry["priority"],
    )


def read(name: str) -> ParsedSource:
    entry = next(entry for entry in LISTED if entry["id"] == name)
    return parse(PACK / entry["file"], source_of(entry))


def rows_of(ranges: Ranges, text: str) -> list[int]:
    """Rows whose range holds the address: every row compared, without the index that the engine uses."""
    address = int(ipaddress.ip_address(text))
    high, low = np.uint64(address >> 64), np.uint64(address & (1 << 64) - 1)
    after = (ranges.start_high < high) | ((ranges.start_high == high) & (ranges.start_low <= low))
    before = (ranges.end_high > high) | ((ranges.end_high == high) & (ranges.end_low >= low))
    held = after & before & (ranges.version == ipaddress.ip_address(text).version)
    return [int(row) for row in np.flatnonzero(held)]


def outside_addresses() -> set[str]:
    """The global addresses of the sample log by the standard library, which shares no code with the workbench."""
    found = set()
    for text in re.findall(rb"(?:SRC|DST)=(\S+)", LOG.read_bytes()):
        try:
            address = ipaddress.ip_address(text.decode("ascii"))
        except ValueError:
            continue
        if address.is_global and not address.is_multicast:
            found.add(str(address))
    return found


def said(name: str, address: str, column: str, layer: Layer = Layer.MEMBERSHIP) -> list[Any]:
    entries = read(name).layers[layer]
    return [entries.attributes.column(column)[row].as_py() for row in rows_of(entries.ranges, address)]


def test_the_pack_is_at_most_15_mb() -> None:
    assert sum(path.stat().st_size for path in PACK.iterdir()) <= 15e6


def test_every_file_of_the_pack_is_listed_once_and_every_listed_one_is_there() -> None:
    assert len(IDS) == len(set(IDS))
    assert {entry["file"] for entry in LISTED} == {path.name for path in PACK.iterdir()} - {"pack.toml"}


@pytest.mark.parametrize("entry", LISTED, ids=IDS)
def test_a_source_of_the_pack_says_whence_when_and_under_which_licence(entry: dict[str, Any]) -> None:
    assert entry["licence"] in {
        "CC-BY-4.0",
        "CC0-1.0",
        "Apache-2.0",
        "published by the operators for use by machines",
    }
    assert len(entry["attribution"]) > 15
    if entry["licence"] == "CC-BY-4.0":
        assert "CC BY 4.0" in entry["attribution"]
        assert "https://db-ip.com" in entry["attribution"], "DB-IP asks for a link"
    published = datetime.fromisoformat(entry["published"]).replace(tzinfo=UTC)
    assert datetime(2023, 1, 1, tzinfo=UTC) < published < datetime.now(UTC)
    assert re.fullmatch(r"(npm|pypi):\S+@[\d.]+|[\w/-]+\.(csv|json)", entry["made_from"])
    assert source_of(entry).title


@pytest.mark.parametrize("entry", LISTED, ids=IDS)
def test_a_file_of_the_pack_is_the_listed_one_and_can_be_read(entry: dict[str, Any]) -> None:
    path = PACK / entry["file"]
    assert hashlib.sha256(path.read_bytes()).hexdigest() == entry["sha256"]
    parsed = parse(path, source_of(entry))
    assert [str(layer) for layer in parsed.layers] == entry["layers"]
    assert sum(len(entries.ranges) for entries in parsed.layers.values()) == entry["entries"]
    assert parsed.published is not None
    assert f"{parsed.published:%Y-%m-%d}" == entry["published"]
    assert parsed.rejected_count == 0
    for layer, entries in parsed.layers.items():
        if layer is Layer.MEMBERSHIP:
            assert pc.unique(entries.attributes.column("category")).to_pylist() == [entry["category"]]


def test_data_without_a_clear_licence_is_in_no_source() -> None:
    unlicensed = {
        "Akamai", "BunnyCDN", "BuyVM", "CDN77", "Cogent", "Contabo", "DataCamp", "GTHost", "GleSYS", "Melbicom",
        "Scalaxy", "Vercel",
    }  # fmt: skip
    for entry in LISTED:
        if entry["layers"] == ["membership"]:
            labels = read(entry["id"]).layers[Layer.MEMBERSHIP].attributes.column("label")
            assert not unlicensed & set(pc.unique(labels).to_pylist()), entry["id"]


@pytest.mark.parametrize("name", ["country", "asn", "rir"])
def test_both_families_are_covered(name: str) -> None:
    (entries,) = read(name).layers.values()
    assert set(np.unique(entries.ranges.version)) == {4, 6}


@pytest.mark.parametrize(
    ("name", "address", "column", "value"),
    [
        ("country", "2001:200::1", "country", "JP"),  # Australia in the whois tables of the same publisher
        ("country", "193.0.6.139", "country", "NL"),
        ("asn", "8.8.8.8", "asn", 15169),
        ("asn", "2606:4700:4700::1111", "asn", 13335),
        ("rir", "1.1.1.1", "rir", "apnic"),
        ("rir", "8.8.8.8", "rir", "arin"),
        ("rir", "2001:200::1", "rir", "apnic"),
        ("rir", "2a01:e14::1", "rir", "ripencc"),
    ],
)
def test_well_known_addresses_are_told_right(name: str, address: str, column: str, value: object) -> None:
    (layer,) = read(name).layers
    assert said(name, address, column, layer) == [value]


def test_a_legacy_block_shared_by_all_registries_is_given_to_none_against_the_country() -> None:
    # 153/8 is "administered by APNIC", but this is a German provider's.
    assert said("country", "153.97.34.77", "country", Layer.GEO) == ["DE"]
    assert said("rir", "153.97.34.77", "rir", Layer.NETWORK) == []


def test_known_resolvers_scanners_and_clouds_are_named() -> None:
    assert said("resolvers", "8.8.8.8", "label") == ["Google"]
    assert said("resolvers", "2620:fe::fe", "label") == ["Quad9"]
    assert "Censys" in said("scanners", "162.142.125.10", "label")
    assert said("cdn", "104.16.132.229", "label") == ["Cloudflare"]
    assert said("cloud", "52.95.110.1", "label") == ["Amazon AWS"]


def test_open_resolvers_of_households_are_not_whitewashed() -> None:
    assert len(read("resolvers").layers[Layer.MEMBERSHIP].ranges) < 500


def test_no_list_speaks_of_inner_networks() -> None:
    for entry in LISTED:
        if entry["layers"] == ["membership"]:
            ranges = read(entry["id"]).layers[Layer.MEMBERSHIP].ranges
            for inside in (
                "10.192.0.1",
                "192.168.1.1",
                "127.0.0.1",
                "169.254.0.1",
                "fe80::1",
                "fd00::1",
                "::1",
            ):
                assert not rows_of(ranges, inside), (entry["id"], inside)


def test_the_sample_log_holds_23_outside_addresses_among_inner_and_damaged_ones() -> None:
    addresses = outside_addresses()
    assert len(addresses) == 23
    assert {ipaddress.ip_address(a).version for a in addresses} == {4, 6}
    raw = LOG.read_bytes()
    with pytest.raises(UnicodeDecodeError):
        raw.decode()
    for text in (
        b"SRC=999.10.2.1 ",
        b"SRC=10.1.2 ",
        b"SRC=010.20.30.40 ",
        b"SRC=fe80::",
        b"SRC=100.64.",
        b"SRC=169.254.",
    ):
        assert text in raw, text
    parsed = parse_addresses(sorted(addresses))
    assert (parsed.version != 0).all()


def test_the_sample_log_is_in_order_of_time() -> None:
    stamps = re.findall(rb"^Oct  (\d) (\d\d:\d\d:\d\d) ", LOG.read_bytes(), re.MULTILINE)
    assert len(stamps) > 300
    assert stamps == sorted(stamps)


def test_the_pack_says_of_the_sample_what_the_story_tells() -> None:
    addresses = outside_addresses()
    on = {
        name: {
            address for address in addresses if rows_of(read(name).layers[Layer.MEMBERSHIP].ranges, address)
        }
        for name in IDS
        if Layer.MEMBERSHIP in read(name).layers
    }
    assert on["tor"] == TORS
    assert on["exercise"] == ATTACKERS
    assert on["hosting"] == {"119.28.0.93"}
    assert said("country", "119.28.0.93", "country", Layer.GEO) == ["HK"]
    assert on["resolvers"] == {"8.8.8.8"}
    assert on["cdn"] == {"104.16.132.229"}
    assert not on["vpn"] | on["relays"] | on["scanners"] | on["sinkholes"] | on["services"] | on["crawlers"]
    for address in addresses:
        assert len(said("country", address, "country", Layer.GEO)) == 1, address
        assert said("asn", address, "asn", Layer.NETWORK), address


def test_the_exercise_indicators_are_strictly_valid_stix_marked_clear_and_as_an_exercise() -> None:
    bundle = json.loads(BUNDLE.read_text(encoding="utf-8"))
    result = validate_instance(bundle, ValidationOptions(version="2.1", strict=True))
    assert result.is_valid, [str(error) for error in result.errors]
    indicators = [item for item in bundle["objects"] if item["type"] == "indicator"]
    assert {re.search(r"'(.+)'", item["pattern"]).group(1) for item in indicators} == ATTACKERS  # type: ignore[union-attr]
    clear = "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487"
    for item in indicators:
        assert item["name"].startswith("EXERCISE")
        assert "exercise" in item["labels"]
        assert item["object_marking_refs"] == [clear]
        assert item["valid_from"] <= item["created"] < item["valid_until"]


def test_the_exercise_source_of_the_pack_is_what_the_bundle_says() -> None:
    entry = next(entry for entry in LISTED if entry["id"] == "exercise")
    shipped = read("exercise").layers[Layer.MEMBERSHIP]
    source = source_of({**entry, "parser": "stix"})
    anew = parse(BUNDLE, source).layers[Layer.MEMBERSHIP]
    for column in ("label", "confidence", "first_seen", "last_seen"):
        assert sorted(shipped.attributes.column(column).to_pylist()) == sorted(
            anew.attributes.column(column).to_pylist()
        )


def test_the_attackers_of_the_exercise_are_addresses_of_a_measurement_network() -> None:
    for address in ATTACKERS:
        assert said("asn", address, "asn", Layer.NETWORK) == [12654], "RIPE NCC, Routing Information Service"
