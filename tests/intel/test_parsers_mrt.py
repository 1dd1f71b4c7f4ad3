"""Routing tables, written octet by octet as RFC 6396 has it, give prefixes with their origin."""

from __future__ import annotations

import bz2
import ipaddress
import signal
import struct
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.addresses.text import to_text_of_ranges
from workbench.intel.entries import ParsedSource
from workbench.intel.parsers.mrt import parse
from workbench.intel.source import Layer, Source, SourceError

Make = Callable[..., Source]
Path_ = list[tuple[int, list[int]]]
WHEN = 1_780_000_000


def record(subtype: int, body: bytes, kind: int = 13) -> bytes:
    return struct.pack("!IHHI", WHEN, kind, subtype, len(body)) + body


def peer_table(peers: int) -> bytes:
    view = b"collector"
    body = struct.pack("!IH", 0x0A000001, len(view)) + view + struct.pack("!H", peers)
    for n in range(peers):  # type 2: IPv4 peer, AS of four octets
        body += struct.pack("!BIII", 2, n, 0x0A000000 + n, 64500 + n)
    return record(1, body)


def attributes(path: Path_, extended: bool = False) -> bytes:
    segments = b"".join(
        struct.pack("!BB", k, len(a)) + b"".join(struct.pack("!I", n) for n in a) for k, a in path
    )
    size = struct.pack("!H", len(segments)) if extended else struct.pack("!B", len(segments))
    origin = bytes([0x40, 1, 1, 0])
    return (
        origin + bytes([0x50 if extended else 0x40, 2]) + size + segments + bytes([0x40, 3, 4, 10, 0, 0, 1])
    )


def rib(prefix: str, paths: list[Path_], add_path: bool = False, extended: bool = False) -> bytes:
    network = ipaddress.ip_network(prefix)
    octets = network.network_address.packed[: (network.prefixlen + 7) // 8]
    body = struct.pack("!IB", 7, network.prefixlen) + octets + struct.pack("!H", len(paths))
    for peer, path in enumerate(paths):
        given = attributes(path, extended)
        body += struct.pack("!HI", peer, WHEN) + (struct.pack("!I", 1) if add_path else b"")
        body += struct.pack("!H", len(given)) + given
    subtype = (2 if network.version == 4 else 4) + (6 if add_path else 0)
    return record(subtype, body)


def sequence(*numbers: int) -> Path_:
    return [(2, list(numbers))]


def origins(parsed: ParsedSource) -> dict[str, int | None]:
    table = parsed.layers[Layer.NETWORK].attributes
    prefixes = table.column("prefix").to_pylist()
    assert to_text_of_ranges(parsed.layers[Layer.NETWORK].ranges).to_pylist() == prefixes
    return dict(zip(prefixes, table.column("asn").to_pylist(), strict=True))


TABLE = peer_table(3) + b"".join(
    [
        rib("192.0.2.0/24", [sequence(3356, 1299, 13335), sequence(174, 13335)]),
        rib("198.51.100.0/23", [sequence(174, 15169)], extended=True),
        rib("203.0.113.128/25", [sequence(174, 3), sequence(174, 1103), sequence(3356, 1103)]),
        rib("2001:db8::/32", [sequence(6939, 3320)]),
        rib("2001:db8:1::/48", [[(2, [6939, 3320]), (1, [3333, 1103])]]),
        rib("2001:db8:2::/48", [[(2, [6939, 3320]), (1, [3333])]]),
        rib("10.1.0.0/16", [sequence(174, 64512)]),
        rib("0.0.0.0/0", [sequence(174)]),
        rib("100.64.0.0/10", [sequence(174, 7018)], add_path=True),
    ]
)


def test_each_prefix_has_the_origin_most_routes_agree_on(tmp_path: Path, source: Make) -> None:
    (tmp_path / "rib").write_bytes(TABLE)
    parsed = parse(tmp_path / "rib", source("mrt", Layer.NETWORK))
    assert origins(parsed) == {
        "192.0.2.0/24": 13335,
        "198.51.100.0/23": 15169,
        "203.0.113.128/25": 1103,
        "2001:db8::/32": 3320,
        "2001:db8:1::/48": None,
        "2001:db8:2::/48": 3333,
        "10.1.0.0/16": None,
        "100.64.0.0/10": 7018,
    }
    assert parsed.published == datetime.fromtimestamp(WHEN, UTC)
    assert parsed.metadata["several_origins"] == "1"
    assert parsed.metadata["peers"] == "3"


def test_the_compiled_reader_agrees_with_mrtparse(tmp_path: Path, source: Make) -> None:
    mrtparse = pytest.importorskip("mrtparse")
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # importing it lets a closed socket kill the whole test run
    content = TABLE * 40  # long enough that the compiled kernel reads it
    (tmp_path / "rib.bz2").write_bytes(bz2.compress(content))
    expected: dict[str, int] = {}
    (tmp_path / "rib").write_bytes(content)
    for entry in mrtparse.Reader(str(tmp_path / "rib")):
        data = entry.data
        if next(iter(data["subtype"])) not in (2, 4):
            continue
        last = data["rib_entries"][-1]["path_attributes"]
        path = next(a["value"] for a in last if 2 in a["type"])
        expected[f"{data['prefix']}/{data['length']}"] = int(path[-1]["value"][-1])
    ours = origins(parse(tmp_path / "rib.bz2", source("mrt", Layer.NETWORK)))
    compared = {prefix: asn for prefix, asn in ours.items() if asn is not None and prefix in expected}
    assert len(compared) == 5
    assert compared == {prefix: expected[prefix] for prefix in compared}


def test_prefixes_that_too_few_peers_see_can_be_left_out(tmp_path: Path, source: Make) -> None:
    (tmp_path / "rib").write_bytes(TABLE)
    found = origins(parse(tmp_path / "rib", source("mrt", Layer.NETWORK, min_routes=2)))
    assert set(found) == {"192.0.2.0/24", "203.0.113.128/25"}


def test_a_table_cut_short_is_refused(tmp_path: Path, source: Make) -> None:
    (tmp_path / "rib").write_bytes(TABLE[:-5])
    with pytest.raises(SourceError, match="cut short within record 10"):
        parse(tmp_path / "rib", source("mrt", Layer.NETWORK))


def test_a_record_that_lies_about_its_lengths_is_put_aside(tmp_path: Path, source: Make) -> None:
    lying = bytearray(rib("192.0.2.0/24", [sequence(174, 13335)]))
    lying[12 + 4] = 77  # a prefix length no IPv4 address has
    (tmp_path / "rib").write_bytes(TABLE + bytes(lying))
    parsed = parse(tmp_path / "rib", source("mrt", Layer.NETWORK))
    assert parsed.rejected_count == 1
    assert parsed.rejected[0].position == 11


@pytest.mark.parametrize(
    "content",
    [b"not a table at all, but long enough for a header", record(1, b"x" * 20, kind=16), peer_table(2)],
)
def test_what_is_no_table_is_refused(tmp_path: Path, source: Make, content: bytes) -> None:
    (tmp_path / "rib").write_bytes(content)
    with pytest.raises(SourceError):
        parse(tmp_path / "rib", source("mrt", Layer.NETWORK))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_flipped_octets_never_break_the_reader(tmp_path: Path, source: Make, data: st.DataObject) -> None:
    content = bytearray(TABLE)
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    (tmp_path / "rib").write_bytes(bytes(content))
    try:
        parsed = parse(tmp_path / "rib", source("mrt", Layer.NETWORK))
    except SourceError:
        return
    assert len(parsed.layers[Layer.NETWORK].ranges) <= 9
