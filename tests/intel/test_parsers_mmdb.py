"""MaxMind databases of any vendor give the same answers as maxminddb, and broken ones are refused."""

from __future__ import annotations

import bisect
import gzip
import ipaddress
import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import maxminddb
import numpy as np
import pytest

from workbench.addresses.columns import Ranges
from workbench.intel.entries import Entries, ParsedSource
from workbench.intel.parsers import mmdb
from workbench.intel.parsers.mmdb import parse
from workbench.intel.source import Layer, Source, SourceError

Make = Callable[..., Source]


# -- a writer for databases of shapes that the test files lack ----------------------------------------------


def encode(value: Any) -> bytes:
    """A value of the data section (MaxMind DB specification, "Output Data Section")."""

    def head(kind: int, size: int) -> bytes:
        extra = b""
        if size >= 285:
            extra, size = struct.pack("!H", size - 285), 30
        elif size >= 29:
            extra, size = bytes([size - 29]), 29
        return (bytes([kind << 5 | size]) if kind < 8 else bytes([size, kind - 7])) + extra

    if isinstance(value, tuple):  # an integer of a type: 5 uint16, 6 uint32, 9 uint64
        kind, number = value
        octets = number.to_bytes((number.bit_length() + 7) // 8, "big")
        return head(kind, len(octets)) + octets
    if isinstance(value, dict):
        return head(7, len(value)) + b"".join(encode(k) + encode(v) for k, v in value.items())
    if isinstance(value, list):
        return head(11, len(value)) + b"".join(encode(v) for v in value)
    if isinstance(value, bool):
        return head(14, int(value))
    if isinstance(value, int):
        octets = value.to_bytes((value.bit_length() + 7) // 8, "big")
        return head(9 if len(octets) > 4 else 6, len(octets)) + octets
    if isinstance(value, float):
        return head(3, 8) + struct.pack("!d", value)
    octets = str(value).encode()
    return head(2, len(octets)) + octets


def database(
    records: dict[str, Any],
    kind: str = "Test",
    size: int = 24,
    version: int = 6,
    aliases: tuple[str, ...] = (),
) -> bytes:
    """A database with ``records`` by network; ``aliases`` point at the IPv4 subtree, as MaxMind's do."""
    nodes: list[list[Any]] = [[None, None]]

    def path(network: str) -> str:
        n = ipaddress.ip_network(network)
        width = 128 if version == 6 else 32
        bits = format(int(n.network_address), f"0{width}b")
        return bits[: n.prefixlen + (96 if version == 6 and n.version == 4 else 0)]

    def place(bits: str, target: Any) -> None:
        node = 0
        for bit in bits[:-1]:
            if nodes[node][int(bit)] is None:
                nodes.append([None, None])
                nodes[node][int(bit)] = len(nodes) - 1
            node = nodes[node][int(bit)]
        nodes[node][int(bits[-1])] = target

    data = b""
    for network, record in records.items():
        place(path(network), ("data", len(data)))
        data += encode(record)
    root = 0
    for _ in range(96 if aliases else 0):
        root = nodes[root][0]
    for alias in aliases:
        place(path(alias), root)

    def number(target: Any) -> int:
        if target is None:
            return len(nodes)
        return len(nodes) + 16 + target[1] if isinstance(target, tuple) else int(target)

    tree = b""
    for left, right in nodes:
        one, two = number(left), number(right)
        if size == 28:
            middle = (one >> 24) << 4 | two >> 24
            tree += (
                (one & 0xFFFFFF).to_bytes(3, "big") + bytes([middle]) + (two & 0xFFFFFF).to_bytes(3, "big")
            )
        else:
            tree += one.to_bytes(size // 8, "big") + two.to_bytes(size // 8, "big")
    metadata = {
        "node_count": (6, len(nodes)), "record_size": (5, size), "ip_version": (5, version), "database_type": kind,
        "languages": ["en"], "binary_format_major_version": (5, 2), "binary_format_minor_version": (5, 0),
        "build_epoch": (9, 1_780_000_000), "description": {"en": "made in a test"},
    }  # fmt: skip
    return tree + b"\0" * 16 + data + mmdb.MARKER + encode(metadata)


def made(tmp_path: Path, records: dict[str, Any], **how: Any) -> Path:
    path = tmp_path / "made.mmdb"
    path.write_bytes(database(records, **how))
    return path


# -- looking up what was parsed ------------------------------------------------------------------------------


class Lookup:
    """Attributes by address, found in the sorted ranges of a layer."""

    def __init__(self, entries: Entries) -> None:
        ranges = entries.ranges
        self.rows = entries.attributes.to_pylist()
        self.first = self._keys(ranges, ranges.start_high, ranges.start_low)
        self.last = self._keys(ranges, ranges.end_high, ranges.end_low)
        assert self.first == sorted(self.first), "ranges are in order"
        assert all(a < b for a, b in zip(self.last, self.first[1:], strict=False)), "ranges do not overlap"

    @staticmethod
    def _keys(ranges: Ranges, high: np.ndarray, low: np.ndarray) -> list[tuple[int, int]]:
        return [
            (v, h << 64 | x)
            for v, h, x in zip(ranges.version.tolist(), high.tolist(), low.tolist(), strict=True)
        ]

    def __call__(self, address: Any) -> dict[str, Any]:
        key = (address.version, int(address))
        at = bisect.bisect_right(self.first, key) - 1
        return self.rows[at] if at >= 0 and self.last[at] >= key else {}


def sample(parsed: Lookup, count: int, seed: int = 7) -> list[Any]:
    """Random addresses of both families, and the edges of the ranges, where mistakes are."""
    pick = random.Random(seed)
    found: list[Any] = [ipaddress.IPv4Address(pick.getrandbits(32)) for _ in range(count)]
    found += [ipaddress.IPv6Address(0x2 << 124 | pick.getrandbits(124)) for _ in range(count)]
    for version, first in pick.sample(parsed.first, min(len(parsed.first), count)):
        kind = ipaddress.IPv4Address if version == 4 else ipaddress.IPv6Address
        found += [kind(first), kind(max(0, first - 1))]
    for version, last in pick.sample(parsed.last, min(len(parsed.last), count)):
        kind = ipaddress.IPv4Address if version == 4 else ipaddress.IPv6Address
        found += [kind(last), kind(min(last + 1, 2 ** (32 if version == 4 else 128) - 1))]
    return found


def aliased(address: Any) -> bool:
    """IPv6 networks that MaxMind's databases answer with the IPv4 address inside them."""
    networks = ("::/95", "::ffff:0:0/95", "2001::/32", "2002::/16")
    return address.version == 6 and any(address in ipaddress.ip_network(n, strict=False) for n in networks)


def database_file(shared: Path, name: str) -> Path:
    return shared / "mmdb-test" / "test-data" / f"{name}.mmdb"


def names_en(value: Any) -> str | None:
    names = (value or {}).get("names", {})
    return names.get("en") or next(iter(names.values()), None)


@pytest.mark.parametrize(
    "name", ["GeoIP2-City-Test", "GeoLite2-City-Test", "GeoIP2-Enterprise-Test", "GeoIP2-Country-Test"]
)
def test_places_are_those_of_maxminddb(shared: Path, source: Make, name: str) -> None:
    path = database_file(shared, name)
    ours = Lookup(parse(path, source("mmdb", Layer.GEO)).layers[Layer.GEO])
    known = 0
    with maxminddb.open_database(path) as reader:
        for address in sample(ours, 5000):
            if aliased(address):
                continue
            record: Any = reader.get(address) or {}
            found = ours(address)
            known += bool(record)
            assert found.get("country") == record.get("country", {}).get("iso_code")
            assert found.get("city") == names_en(record.get("city"))
            assert found.get("region") == names_en((record.get("subdivisions") or [{}])[0])
            for field, key in (("latitude", "latitude"), ("longitude", "longitude"), ("timezone", "time_zone"),
                               ("accuracy_km", "accuracy_radius")):  # fmt: skip
                assert found.get(field) == record.get("location", {}).get(key)
    assert known > 30


@pytest.mark.parametrize("name", ["GeoLite2-ASN-Test", "GeoIP2-ISP-Test"])
def test_as_numbers_are_those_of_maxminddb(shared: Path, source: Make, name: str) -> None:
    path = database_file(shared, name)
    ours = Lookup(parse(path, source("mmdb", Layer.NETWORK)).layers[Layer.NETWORK])
    with maxminddb.open_database(path) as reader:
        for address in sample(ours, 5000):
            if aliased(address):
                continue
            record: Any = reader.get(address) or {}
            assert ours(address).get("asn") == record.get("autonomous_system_number")
            assert ours(address).get("as_org") == record.get("autonomous_system_organization")


def categories(parsed: ParsedSource, address: str) -> set[str]:
    """Categories of the entries that cover ``address``."""
    value = ipaddress.ip_address(address)
    entries = parsed.layers[Layer.MEMBERSHIP]
    ranges = entries.ranges
    first = (ranges.start_high.astype(object) << 64) | ranges.start_low
    last = (ranges.end_high.astype(object) << 64) | ranges.end_low
    inside = (ranges.version == value.version) & (first <= int(value)) & (int(value) <= last)
    return set(np.array(entries.attributes.column("category").to_pylist())[inside.astype(bool)])


FLAGS = {
    "is_tor_exit_node": "tor", "is_anonymous_vpn": "vpn", "is_public_proxy": "proxy", "is_residential_proxy": "proxy",
    "is_hosting_provider": "datacenter",
}  # fmt: skip


@pytest.mark.parametrize("name", ["GeoIP2-Anonymous-IP-Test", "GeoIP-Anonymous-Plus-Test"])
def test_anonymisers_become_listings(shared: Path, source: Make, name: str) -> None:
    path = database_file(shared, name)
    parsed = parse(path, source("mmdb", *Layer))
    seen: set[str] = set()
    with maxminddb.open_database(path) as reader:
        for network, record in reader:
            assert isinstance(record, dict)
            expected = {category for flag, category in FLAGS.items() if record.get(flag)}
            if not expected and record.get("is_anonymous"):
                expected = {"proxy"}
            if network.version == 4 or not aliased(network.network_address):
                assert categories(parsed, str(network.network_address)) == expected
                seen |= expected
    assert seen == {"tor", "vpn", "proxy", "datacenter"}


def test_anonymous_plus_keeps_provider_confidence_and_date(shared: Path, source: Make) -> None:
    parsed = parse(database_file(shared, "GeoIP-Anonymous-Plus-Test"), source("mmdb", *Layer))
    rows = parsed.layers[Layer.MEMBERSHIP].attributes.to_pylist()
    row = next(r for r in rows if r["label"] == "foo")
    assert (row["category"], row["confidence"], row["last_seen"].date().isoformat()) == (
        "vpn",
        30,
        "2025-04-14",
    )


def test_residential_proxies_and_risk(shared: Path, source: Make) -> None:
    proxies = parse(database_file(shared, "GeoIP-Residential-Proxy-Test"), source("mmdb", *Layer))
    assert set(proxies.layers[Layer.MEMBERSHIP].attributes.column("category").to_pylist()) == {"proxy"}
    risk = parse(database_file(shared, "GeoIP2-IP-Risk-Test"), source("mmdb", *Layer, min_risk=75))
    rows = risk.layers[Layer.MEMBERSHIP].attributes.to_pylist()
    risky = [row["confidence"] for row in rows if row["category"] == "abuser"]
    assert risky
    assert min(risky) >= 75


def test_enterprise_gives_all_three_layers(shared: Path, source: Make) -> None:
    parsed = parse(database_file(shared, "GeoIP2-Enterprise-Test"), source("mmdb", *Layer))
    assert set(parsed.layers) == set(Layer)
    kinds = set(parsed.layers[Layer.NETWORK].attributes.column("network_type").to_pylist())
    assert {"business", "mobile"} <= kinds


def test_names_come_in_the_language_asked_for(shared: Path, source: Make) -> None:
    parsed = parse(database_file(shared, "GeoIP2-City-Test"), source("mmdb", *Layer, locale="ja"))
    assert "ロンドン" in parsed.layers[Layer.GEO].attributes.column("city").to_pylist()


@pytest.mark.parametrize("size", [24, 28, 32])
@pytest.mark.parametrize("version", [4, 6])
def test_records_of_every_width_are_walked(tmp_path: Path, source: Make, size: int, version: int) -> None:
    pick = random.Random(size)
    records: dict[str, Any] = {
        f"{n}.{pick.randrange(256)}.0.0/{pick.randrange(16, 33)}": {"country_code": pick.choice(["DE", "FR"])}
        for n in range(1, 200)
    }
    records = {str(ipaddress.ip_network(k, strict=False)): v for k, v in records.items()}
    if version == 6:
        records |= {f"2001:{n:x}::/{n % 60 + 33}": {"country_code": "JP"} for n in range(1, 500, 7)}
    path = made(tmp_path, records, size=size, version=version)
    ours = Lookup(parse(path, source("mmdb", Layer.GEO)).layers[Layer.GEO])
    with maxminddb.open_database(path) as reader:
        for address in sample(ours, 2000):
            if address.version <= version:
                record: Any = reader.get(address) or {}
                assert ours(address).get("country") == record.get("country_code"), address


def test_aliases_of_ipv4_are_counted_once(tmp_path: Path, source: Make) -> None:
    records = {"192.0.2.0/24": {"country_code": "DE"}, "2600::/16": {"country_code": "US"}}
    path = made(tmp_path, records, aliases=("::ffff:0:0/96", "2002::/16", "2001::/32"))
    with maxminddb.open_database(path) as reader:
        assert reader.get("2002:c000:0201::") == {"country_code": "DE"}
    entries = parse(path, source("mmdb", Layer.GEO)).layers[Layer.GEO]
    assert entries.ranges.version.tolist() == [4, 6]
    assert entries.attributes.column("country").to_pylist() == ["DE", "US"]


def test_a_record_above_all_of_ipv4_holds_for_ipv4(tmp_path: Path, source: Make) -> None:
    path = made(tmp_path, {"::/64": {"country_code": "DE"}})
    with maxminddb.open_database(path) as reader:
        assert reader.get("192.0.2.1") == {"country_code": "DE"}
    ours = Lookup(parse(path, source("mmdb", Layer.GEO)).layers[Layer.GEO])
    assert ours(ipaddress.ip_address("192.0.2.1")) == {"country": "DE"}
    assert ours(ipaddress.ip_address("::1:0:0:1")) == {"country": "DE"}


SHAPES: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any], set[str]]] = [
    (  # the ip-location-db packages of DB-IP
        {"city": "Sydney", "country_code": "AU", "latitude": -33.5, "longitude": 151.25, "postcode": "",
         "state1": "New South Wales", "state2": "", "timezone": ""},
        {"country": "AU", "region": "New South Wales", "city": "Sydney", "latitude": -33.5, "longitude": 151.25},
        {}, set(),
    ),
    (  # DB-IP's own
        {"city": {"names": {"en": "Berlin"}}, "country": {"iso_code": "DE"}, "location": {"latitude": 52.5,
         "longitude": 13.5, "time_zone": "Europe/Berlin"}, "subdivisions": [{"names": {"en": "Land Berlin"}}],
         "traits": {"autonomous_system_number": 3320, "autonomous_system_organization": "DTAG", "user_type": "residential"}},
        {"country": "DE", "region": "Land Berlin", "city": "Berlin", "latitude": 52.5, "longitude": 13.5,
         "timezone": "Europe/Berlin"},
        {"asn": 3320, "as_org": "DTAG", "network_type": "isp"}, set(),
    ),
    (  # IPinfo Lite
        {"asn": "AS15169", "as_name": "Google LLC", "as_domain": "google.com", "country": "United States",
         "country_code": "US", "continent": "North America"},
        {"country": "US"}, {"asn": 15169, "as_org": "Google LLC"}, set(),
    ),
    (  # IPinfo location
        {"city": "Paris", "region": "Île-de-France", "country": "FR", "loc": "48.8534,2.3488", "timezone": "Europe/Paris"},
        {"country": "FR", "region": "Île-de-France", "city": "Paris", "latitude": 48.8534, "longitude": 2.3488,
         "timezone": "Europe/Paris"}, {}, set(),
    ),
    (  # IPinfo location, newer, numbers as text
        {"city": "Paris", "country_code": "FR", "lat": "48.5", "lng": "2.25"},
        {"country": "FR", "city": "Paris", "latitude": 48.5, "longitude": 2.25}, {}, set(),
    ),
    (  # IPinfo AS
        {"asn": "AS64500", "name": "Example", "domain": "example.net", "route": "192.0.2.0/24", "type": "hosting"},
        {}, {"asn": 64500, "as_org": "Example", "prefix": "192.0.2.0/24", "network_type": "hosting"}, set(),
    ),
    (  # IPinfo privacy
        {"hosting": "true", "proxy": "", "relay": "true", "tor": "", "vpn": "true", "service": "NordVPN"},
        {}, {}, {"datacenter", "proxy", "vpn"},
    ),
    ({"vpn": False, "tor": True, "proxy": False, "country": "DE"}, {"country": "DE"}, {}, {"tor"}),
    ({"country_code": "AU"}, {"country": "AU"}, {}, set()),
]  # fmt: skip


@pytest.mark.parametrize(("record", "geo", "network", "listed"), SHAPES)
def test_the_field_shapes_of_vendors(
    tmp_path: Path,
    source: Make,
    record: dict[str, Any],
    geo: dict[str, Any],
    network: dict[str, Any],
    listed: set[str],
) -> None:
    parsed = parse(made(tmp_path, {"192.0.2.0/24": record}, version=4), source("mmdb", *Layer))
    for layer, expected in ((Layer.GEO, geo), (Layer.NETWORK, network)):
        found = parsed.layers[layer].attributes.to_pylist() if layer in parsed.layers else [{}]
        assert found == [expected]
    found_categories = (
        set(parsed.layers[Layer.MEMBERSHIP].attributes.column("category").to_pylist())
        if Layer.MEMBERSHIP in parsed.layers
        else set()
    )
    assert found_categories == listed


def test_values_of_wrong_types_are_left_out(tmp_path: Path, source: Make) -> None:
    records: dict[str, Any] = {
        "192.0.2.0/24": {
            "country_code": 5,
            "city": [1],
            "latitude": "north",
            "longitude": 500.0,
            "asn": "ASx",
        },
        "198.51.100.0/24": {
            "country_code": "DEU",
            "city": {"names": "x"},
            "latitude": float("nan"),
            "asn": 2**40,
        },
        "203.0.113.0/24": {
            "country_code": "de",
            "country": {"iso_code": True},
            "location": "there",
            "traits": 7,
        },
    }
    parsed = parse(made(tmp_path, records, version=4), source("mmdb", *Layer))
    assert parsed.layers[Layer.GEO].attributes.to_pylist() == [{"country": "DE"}]
    assert set(parsed.layers) == {Layer.GEO}


def test_a_packed_database_is_read_from_its_archive(tmp_path: Path, source: Make, shared: Path) -> None:
    path = tmp_path / "x.mmdb.gz"
    path.write_bytes(gzip.compress(database_file(shared, "GeoLite2-Country-Test").read_bytes()))
    assert len(parse(path, source("mmdb", Layer.GEO)).layers[Layer.GEO].ranges) > 200


def bad_files() -> list[str]:
    root = Path(__file__).parents[2].parent / "shared" / "data" / "mmdb-test"
    named = [
        p for p in root.rglob("*.mmdb") if "bad-data" in p.parts or "roken" in p.name or "Invalid" in p.name
    ]
    return sorted(str(p.relative_to(root)) for p in named)


@pytest.mark.parametrize("name", bad_files() or ["absent"])
def test_every_damaged_database_is_refused_by_name(shared: Path, source: Make, name: str) -> None:
    path = shared / "mmdb-test" / name
    with pytest.raises(SourceError) as caught:
        parse(path, source("mmdb", *Layer))
    assert str(path) in str(caught.value)
    assert len(caught.value.reason) > 10


@pytest.mark.parametrize(
    "name", ["GeoIP2-Static-IP-Score-Test", "GeoIP2-DensityIncome-Test", "MaxMind-DB-test-ipv4-24"]
)
def test_a_database_of_other_things_says_what_it_has(shared: Path, source: Make, name: str) -> None:
    with pytest.raises(
        SourceError, match=r"holds nothing for layers geo, network, membership; its records have: \w+"
    ):
        parse(database_file(shared, name), source("mmdb", *Layer))


def test_a_tree_that_leads_back_is_refused(tmp_path: Path, source: Make) -> None:
    content = bytearray(database({"192.0.2.0/24": {"country_code": "DE"}}, version=4))
    content[0:6] = b"\0" * 6  # both children of the root are the root
    (tmp_path / "loop.mmdb").write_bytes(bytes(content))
    with pytest.raises(SourceError, match="search tree"):
        parse(tmp_path / "loop.mmdb", source("mmdb", *Layer))


def test_records_that_multiply_by_reference_are_given_up(
    tmp_path: Path, source: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = {f"{n}.0.0.0/8": {"country_code": "DE", "n": n} for n in range(1, 200)}
    path = made(tmp_path, records, version=4)
    assert parse(path, source("mmdb", *Layer))
    monkeypatch.setattr(mmdb, "SECONDS_FREE", -1.0)
    monkeypatch.setattr(mmdb, "SECONDS_A_RECORD", 0.0)
    with pytest.raises(SourceError, match="unreasonably long"):
        parse(path, source("mmdb", *Layer))


def test_flipped_octets_are_refused_or_read_but_never_crash(source: Make, tmp_path: Path) -> None:
    records: dict[str, Any] = {
        f"{n}.0.0.0/{n % 20 + 8}": {"country_code": "DE", "city": "x" * n} for n in range(1, 60)
    }
    content = database({str(ipaddress.ip_network(k)): v for k, v in records.items()}, version=4)
    pick = random.Random(3)
    refused = 0
    for _ in range(300):
        damaged = bytearray(content)
        for _ in range(pick.randrange(1, 6)):
            damaged[pick.randrange(len(damaged))] = pick.randrange(256)
        path = tmp_path / "flipped.mmdb"
        path.write_bytes(bytes(damaged))
        try:
            parse(path, source("mmdb", *Layer))
        except SourceError:
            refused += 1
    assert refused > 20


def test_a_database_cut_anywhere_is_refused(source: Make, tmp_path: Path) -> None:
    content = database({"192.0.2.0/24": {"country_code": "DE"}}, version=4)
    for length in range(0, len(content), 7):
        path = tmp_path / "cut.mmdb"
        path.write_bytes(content[:length])
        with pytest.raises(SourceError):
            parse(path, source("mmdb", *Layer))
