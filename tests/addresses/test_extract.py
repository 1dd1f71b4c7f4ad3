"""Addresses found in text, however they are dressed up."""

from __future__ import annotations

import bz2
import gzip
import io
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.addresses.extract import extract
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
    ],
)
def test_what_is_no_address_is_not_taken(tmp_path: Path, text: str) -> None:
    assert found(tmp_path, text) == {}


def test_networks_are_told_apart(tmp_path: Path) -> None:
    assert found(tmp_path, "block 198.51.100.7/24 and 2001:db8::/32") == {
        "198.51.100.0/24": "network",
        "2001:db8::/32": "network",
    }


def test_malformed_ones_are_counted_with_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("ok 192.0.2.1\nbad 999.1.1.1\nbad 010.0.0.1:80 and 999.1.1.1\n")
    result = extract(path)
    assert [(item.line, item.text) for item in result.rejected] == [(2, "999.1.1.1"), (3, "010.0.0.1:80")]
    assert result.rejected_count == 3


def test_counts_and_lines(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("x\n192.0.2.1 192.0.2[.]1\n\n2001:DB8::1 192.0.2.1\n")
    assert extract(path).table.to_pylist() == [
        {"address": "192.0.2.1", "kind": "address", "count": 3, "first_line": 2, "last_line": 4},
        {"address": "2001:db8::1", "kind": "address", "count": 1, "first_line": 4, "last_line": 4},
    ]


@pytest.mark.parametrize(
    "pack", [gzip.compress, bz2.compress, lambda b: pa.compress(b, "zstd", asbytes=True)]
)
def test_compressed_files_are_read(tmp_path: Path, pack: object) -> None:
    data = b"one 192.0.2.1\n" * 1000
    if "lambda" in repr(pack):
        sink = io.BytesIO()
        with pa.CompressedOutputStream(sink, "zstd") as stream:
            stream.write(data)
            stream.flush()
            sink = io.BytesIO(sink.getvalue())
        with pa.CompressedOutputStream(str(tmp_path / "z.zst"), "zstd") as stream:
            stream.write(data)
        assert extract(tmp_path / "z.zst").table.column("count").to_pylist() == [1000]
        return
    assert found(tmp_path, pack(data)) == {"192.0.2.1": "address"}  # type: ignore[operator]


def test_parquet_is_read_row_by_row(tmp_path: Path) -> None:
    path = str(tmp_path / "t.parquet")
    duckdb.sql("SELECT 'x' AS a, '192.0.2.' || i AS b, 7 AS n FROM range(3) t(i)").write_parquet(path)
    assert extract(path).table.column("first_line").to_pylist() == [1, 2, 3]


@pytest.mark.parametrize(
    "data",
    [
        "192.0.2.1".encode("utf-16"),
        b"caf\xe9 192.0.2.1 \xff\n",
        b"19\x002.0.2.1\x00\r\n",
        b"x" * 3_000_000 + b"\n192.0.2.1\n",
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


words = st.text("abcxyz ,;()[]{}'\"=<>\n", max_size=12)
planted = st.one_of(
    st.ip_addresses(v=4),
    st.ip_addresses(v=6).filter(lambda a: any(c.isdigit() for c in str(a)) and a.ipv4_mapped is None),
)


@given(
    st.lists(st.tuples(words, planted, st.sampled_from(["plain", "port", "defanged", "url"])), max_size=12)
)
@settings(max_examples=40, deadline=None)
def test_what_is_planted_is_found_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, items: list[tuple[str, object, str]]
) -> None:
    text = ""
    for word, address, dress in items:
        shown = str(address)
        if dress == "port":
            shown = f"[{shown}]:443" if ":" in shown else f"{shown}:443"
        elif dress == "defanged":
            shown = shown.replace(".", "[.]")
        elif dress == "url" and "." in shown:
            shown = f"hxxps://{shown}/a"
        text += f"{word} {shown} \n"
    assert set(found(tmp_path_factory.mktemp("planted"), text)) == {str(address) for _, address, _ in items}
