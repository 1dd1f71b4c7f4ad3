"""Addresses found in text, however they are dressed up."""

from __future__ import annotations

import bz2
import gzip
import io
import ipaddress
import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from workbench.addresses import lines, runs, scan
from workbench.addresses.extract import extract, extract_text
from workbench.addresses.lines import LinesError


def found(tmp_path: Path, text: str | bytes, name: str = "text.txt") -> dict[str, str]:
    path = tmp_path / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return {row["address"]: row["kind"] for row in extract(path).table.to_pylist()}


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("seen 192.0.2.1 today", "192.0.2.1"),
        ("C2 at hxxp://192[.]0[.]2[.]1/gate.php?id=1", "192.0.2.1"),
        ("192(dot)0(dot)2(dot)1", "192.0.2.1"),
        ("192[dot]0[DOT]2.1", "192.0.2.1"),
        ("2001[:]db8[:]:1", "2001:db8::1"),
        ("https://192.0.2.1:8443/path/1.html", "192.0.2.1"),
        ("peer [2001:db8::7]:443 closed", "2001:db8::7"),
        ("connect to 192.0.2.1:51820.", "192.0.2.1"),
        ("(192.0.2.1), then", "192.0.2.1"),
        ('{"ip":"192.0.2.1","n":1}', "192.0.2.1"),
        ("a,192.0.2.1,b", "192.0.2.1"),
        ("SRC=192.0.2.1 DST=x", "192.0.2.1"),
        ("Built inbound for outside:192.0.2.1/55123 (192.0.2.1/55123)", "192.0.2.1"),
        ("via fe80::1%eth0 dev", "fe80::1"),
        ("host 192.0.2.1/32 only", "192.0.2.1"),
        ("mapped ::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
        ("ends with 192.0.2.1.", "192.0.2.1"),
        ("192.0.2[.]1[:]8080", "192.0.2.1"),
        (r"SetEnvIf Remote_Addr ^192\.0\.2\.1$ bad", "192.0.2.1"),
        ("2001[:]db8[::]1", "2001:db8::1"),
        ("wget+http%3A%2F%2F192.0.2.1%2Fbot.sh", "192.0.2.1"),
        ("q=%20192.0.2.1%20", "192.0.2.1"),
        (r'{"message":"gone\n192.0.2.1\tagain"}', "192.0.2.1"),
        (r"x\u003d192.0.2.1", "192.0.2.1"),
        ("IP 192.0.2.1.54321 > 192.0.2.1.443: Flags [S]", "192.0.2.1"),
        ("IP6 2001:db8::1.443 > 2001:db8::1.51000: Flags [.]", "2001:db8::1"),
        ("2001:db8:0:0:0:0:0:1:443", "2001:db8::1"),
        ("::ffff:192.0.2.1:443", "192.0.2.1"),
        ("permitted tcp outside/192.0.2.1(4431) -> DMZ/192.0.2.1(80)", "192.0.2.1"),
        ("Deny tcp src 192.0.2.1/22 dst 192.0.2.1/443", "192.0.2.1"),
        ("inet6 addr:2001:db8::1/64", "2001:db8::1"),
        ("fe80::1%25eth0", "fe80::1"),
        ("10:32:05:192.0.2.1", "192.0.2.1"),
        ("来自192.0.2.1的连接", "192.0.2.1"),
        ("::1", "::1"),
        ("tcp [::]:80", "::"),
    ],
)
def test_an_address_is_found(tmp_path: Path, text: str, address: str) -> None:
    assert found(tmp_path, text) == {address: "address"}


@pytest.mark.parametrize(
    "text",
    [
        "version 1.2.3.4.5 and v1.2.3.4",
        "at 12:30:45 and 2026-10-05T12:30:45.123Z",
        "MAC=52:54:00:12:34:56:52:54:00:65:43:21:08:00 and 52:54:00:12:34:56",
        "EUI-64 12:34:56:78:9a:bc:de:f0",
        "std::vector, Foo::Bar, dead::beef",
        "10.1.2 and 3.14",
        "1.2.3.4.example.com",
        "Mozilla/5.0 (X11) Chrome/120.0.0.0 Safari/537.36 Edg/121.0.0.0 OPR/106.0.0.0",
        'Sec-CH-UA: "Chromium";v="120.0.99.1" and version: 1.2.3.4, "appVersion":"1.2.3.4"',
        "openssl-1.1.1.1 foo>=1.2.3.4 1.2.3.4-beta 1.2.3.4-1",
        "oid .1.3.6.1 and 1.3.6.1.4.1.311",
        "4.3.2.1.in-addr.arpa",
        "a.1.2.3.4 host_1.2.3.4 1.2.3.4_x 1.2.3.4a",
        "x[1:2] a::b C::D 12:30 :: 2024:01:02",
        "sha1 aa:bb:cc:dd:ee:ff:00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd",
        "1[.]2[.]3[.]4[.]5",
    ],
)
def test_what_is_no_address_is_not_taken(tmp_path: Path, text: str) -> None:
    assert found(tmp_path, text) == {}


def test_networks_are_told_apart(tmp_path: Path) -> None:
    text = "block 198.51.100.0/24, 203.0.113.0[/]25 and 2001:db8::/32, v6 off is ::/0, spf ip4:192.0.2.0/24"
    assert found(tmp_path, text) == dict.fromkeys(
        ["198.51.100.0/24", "203.0.113.0/25", "2001:db8::/32", "::/0", "192.0.2.0/24"], "network"
    )


def test_an_interface_with_its_prefix_is_an_address(tmp_path: Path) -> None:
    assert found(tmp_path, "inet 198.51.100.7/24 http://192.0.2.9/24 2001:db8::5/64") == dict.fromkeys(
        ["198.51.100.7", "192.0.2.9", "2001:db8::5"], "address"
    )


def test_version_numbers_passed_over_can_be_looked_at() -> None:
    result = extract_text("Chrome/120.0.0.0\nChrome/120.0.0.0 and 12:34:56:78:9a:bc:de:f0")
    assert [tuple(row.values()) for row in result.lookalikes.to_pylist()] == [
        ("120.0.0.0", "version number", 2, 1, 2),
        ("12:34:56:78:9a:bc:de:f0", "hardware address", 1, 2, 2),
    ]
    assert (len(result), result.rejected_count) == (0, 0)


def test_malformed_ones_are_counted_with_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("ok 192.0.2.1\nbad 999.1.1.1\nbad 010.0.0.1:80 and 999.1.1.1\n")
    result = extract(path)
    assert [(item.line, item.text) for item in result.rejected] == [(2, "999.1.1.1"), (3, "010.0.0.1")]
    assert result.rejected_count == 3
    assert [r.text for r in extract_text("2001:db8::1::2 or 2001:db8::zz or 1.2.3.256").rejected] == [
        "1.2.3.256",
        "2001:db8::",
        "2001:db8::1::2",
    ]


def test_malformed_ones_are_kept_within_bounds() -> None:
    result = extract_text("\n".join(f"999.1.{n // 250}.{n % 250}" for n in range(20_000)))
    assert result.rejected_count == 20_000
    assert len(result.rejected) == 1000
    assert result.rejected[-1].line == 1000


def test_counts_and_lines(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("x\n192.0.2.1 192.0.2[.]1\n\n2001:DB8::1 192.0.2.1\n")
    assert extract(path).table.to_pylist() == [
        {"address": "192.0.2.1", "kind": "address", "count": 3, "first_line": 2, "last_line": 4},
        {"address": "2001:db8::1", "kind": "address", "count": 1, "first_line": 4, "last_line": 4},
    ]


def zstd(data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    return bytes(sink.getvalue())


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, zstd])
@pytest.mark.parametrize("name", ["log.gz", "log"])
def test_compressed_files_are_read(tmp_path: Path, pack: Callable[[bytes], bytes], name: str) -> None:
    path = tmp_path / name
    path.write_bytes(pack(b"one 192.0.2.1\n" * 1000))
    assert extract(path).table["count"].to_pylist() == [1000]


def test_compressed_standard_input_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = io.BufferedReader(io.BytesIO(gzip.compress("192.0.2.1\r\n".encode("utf-16"))))  # type: ignore[arg-type]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(packed))
    assert extract("-").table["address"].to_pylist() == ["192.0.2.1"]


def test_parquet_is_read_row_by_row_in_all_its_text_columns(tmp_path: Path) -> None:
    table = pa.table({
        "plain": ["192.0.2.1", None, "two\n192.0.2.2"],
        "list": [["2001:db8::1", "192.0.2.3"], [], None],
        "struct": [{"ip": "192.0.2.4"}, None, {"ip": "192.0.2.5"}],
        "category": pa.array(["192.0.2.6", "192.0.2.6", "x"]).dictionary_encode(),
        "bytes": pa.array([b"\xff192.0.2.7", None, b""]),
        "number": [1, 2, 3],
    })  # fmt: skip
    parquet.write_table(table, tmp_path / "t.parquet")
    result = extract(tmp_path / "t.parquet")
    lines = {row["address"]: (row["first_line"], row["last_line"]) for row in result.table.to_pylist()}
    assert lines == {
        **dict.fromkeys(["192.0.2.1", "192.0.2.3", "192.0.2.4", "192.0.2.7", "2001:db8::1"], (1, 1)),
        "192.0.2.6": (1, 2),
        **dict.fromkeys(["192.0.2.2", "192.0.2.5"], (3, 3)),
    }
    assert result.lines == 3


def test_broken_parquet_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cut.parquet"
    parquet.write_table(pa.table({"a": ["192.0.2.1"]}), path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(LinesError, match="Parquet"):
        extract(path)


@pytest.mark.parametrize(
    "data",
    [
        "192.0.2.1".encode("utf-16"),
        b"caf\xe9 192.0.2.1 \xff\n",
        b"\x00\x00\x00192.0.2.1\x00 and more text\r\n",
        "before 192.0.2.1 behind\r\n".encode("utf-16-le"),
        b"x" * 3_000_000 + b"\n192.0.2.1\n",
        b'{"all on one line": [' + b'"x", ' * 800_000 + b'"192.0.2.1"]}',
        "é".encode("latin-1") + b"192.0.2.1" + b"\xff",
    ],
)
def test_odd_bytes_do_not_matter(tmp_path: Path, data: bytes) -> None:
    assert found(tmp_path, data) == {"192.0.2.1": "address"}


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(b"\n" * 100_000_000))
    with pytest.raises(LinesError, match="expands to more than"):
        extract(path)


def test_a_cut_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cut.gz"
    path.write_bytes(gzip.compress(b"192.0.2.1 and more\n" * 5000)[:-20])
    with pytest.raises(LinesError, match="damaged or cut short"):
        extract(path)


words = st.text("abcxyz ,;()[]{}'\"=<>\n", max_size=12) | st.sampled_from(
    [
        "12:30:45",
        "52:54:00:12:34:56",
        "3.14",
        "std::map",
        "Chrome/1.0",
        "2026-10-05T12:30:45Z",
        "a.b.c",
        "\x00é",
    ]
)
addresses = st.one_of(
    st.ip_addresses(v=4),
    st.ip_addresses(v=6).filter(lambda a: a.ipv4_mapped is None and int(a) != 0),
    st.integers(0, 2**64 - 1).map(lambda n: ipaddress.IPv6Address((0x20010DB8 << 96) + n)),
)
DRESSES: dict[str, Callable[[str], str]] = {
    "plain": lambda a: a,
    "port": lambda a: f"[{a}]:443" if ":" in a else f"{a}:443",
    "defanged": lambda a: a.replace(".", "[.]").replace(":", "[:]"),
    "defanged in part": lambda a: a.replace(".", "[dot]", 1).replace(":", "(:)", 1),
    "url": lambda a: f"hxxps://[{a}]/a" if ":" in a else f"hxxps://{a}/a",
    "encoded": lambda a: f"%3D{a}%26",
    "json": lambda a: json.dumps({"ip": f"\n{a}\t"}),
    "quoted": lambda a: f"'{a}',",
    "sentence": lambda a: f"{a}.",
}
planted = st.lists(st.tuples(words, addresses, st.sampled_from(sorted(DRESSES))), max_size=12)


@given(planted)
@settings(max_examples=200, deadline=None)
def test_what_is_planted_is_found_and_nothing_else(items: list[tuple[str, object, str]]) -> None:
    text = "".join(f"{word} {DRESSES[dress](str(address))} \n" for word, address, dress in items)
    assert set(extract_text(text).table["address"].to_pylist()) == {str(address) for _, address, _ in items}


@given(st.text("0123456789abf.:/[]%x- \n", max_size=200))
@example("[" * 100)
@example("1[.]")
@settings(max_examples=300, deadline=None)
def test_nothing_is_found_that_does_not_stand_there(text: str) -> None:
    """Each address found is in the text, letter by letter, once defanging and the writing of IPv6 are undone."""
    fanged = text.replace("[.]", ".").replace("[:]", ":").replace("[::]", "::")
    pieces = {fanged[i:j] for i in range(len(fanged)) for j in range(i + 2, min(i + 46, len(fanged)) + 1)}
    standing = set()
    for piece in pieces:
        try:
            standing.add(ipaddress.ip_address(piece))
        except ValueError:
            continue
    mapped = {a.ipv4_mapped for a in standing if isinstance(a, ipaddress.IPv6Address) and a.ipv4_mapped}
    for row in extract_text(text).table.to_pylist():
        assert ipaddress.ip_address(row["address"].partition("/")[0]) in standing | mapped


@given(
    st.lists(st.sampled_from([".", ":", "::", "[.]", "/24", "1", "255", "fe80", "-", " ", "\n", "%25", "v"]))
)
@settings(max_examples=100, deadline=None)
def test_the_compiled_scanner_agrees_with_the_interpreted_one(pieces: list[str]) -> None:
    data = np.frombuffer("".join(pieces).encode() or b" ", np.uint8)
    results = []
    for function, shown in ((scan.scan.compiled, np.asarray), (scan.scan, memoryview)):
        out = [np.zeros(size, kind) for size, kind in ((4096, np.uint8), (65, np.int32), (64, np.int64), (64, np.int16), (64, np.int8), (runs.FACTS, np.int64))]  # fmt: skip
        at, count, line = function(
            shown(data), 0, len(data), len(data), 1, shown(runs.CLASSES), *[shown(part) for part in out]
        )
        text, offsets, lines, prefixes, verdicts, _ = out
        results.append([
            at, count, line, text[: offsets[count]].tobytes(), lines[:count].tolist(), prefixes[:count].tolist(),
            verdicts[:count].tolist(),
        ])  # fmt: skip
    assert results[0] == results[1]


@pytest.mark.parametrize("size", [1, 7, 100, 1021])
def test_addresses_across_the_borders_of_blocks_are_found_once(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "".join(f"at 192[.]0[.]2[.]{n} and 2001[:]db8::{n:x}, v 1.2.3.4\n" for n in range(256)).encode()
    monkeypatch.setattr(lines, "BLOCK", size)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(text))))  # type: ignore[arg-type]
    result = extract("-")
    assert len(result) == 512
    assert set(result.table["count"].to_pylist()) == {1}
    row = result.table.to_pylist()[-1]
    assert (row["address"], row["first_line"], result.lines) == ("2001:db8::ff", 256, 256)
