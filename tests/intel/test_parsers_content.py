"""Files are opened whatever they are packed in, and refused when they are not what they should be."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.intel.parsers import PARSERS, parse, parse_all
from workbench.intel.parsers.content import lines_of, read_bytes, read_text
from workbench.intel.source import Category, Layer, Reliability, Source, SourceError

Make = Callable[..., Source]
LIST = b"# a list\n" + b"".join(b"192.0.2.%d\n" % n for n in range(200))


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def tarred(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def zstd(content: bytes) -> bytes:
    return bytes(pa.Codec("zstd").compress(content, asbytes=True))


PACKED = {
    "plain": LIST,
    "gzip": gzip.compress(LIST),
    "gzip of two members": gzip.compress(LIST[:500]) + gzip.compress(LIST[500:]),
    "bzip2": bz2.compress(LIST),
    "xz": lzma.compress(LIST),
    "zstd": zstd(LIST),
    "zip": zipped(only=LIST),
    "tar": tarred(only=LIST),
    "tar.gz": gzip.compress(tarred(only=LIST)),
}


@pytest.mark.parametrize("packing", PACKED)
def test_a_list_reads_the_same_however_it_is_packed(tmp_path: Path, source: Make, packing: str) -> None:
    (tmp_path / "f").write_bytes(PACKED[packing])
    assert read_bytes(tmp_path / "f", source("list")) == LIST


@pytest.mark.parametrize("packing", ["gzip", "bzip2", "xz", "zstd", "zip", "tar.gz"])
def test_a_file_cut_short_is_refused(tmp_path: Path, source: Make, packing: str) -> None:
    content = PACKED[packing]
    path = tmp_path / "short"
    path.write_bytes(content[: len(content) - 20])
    with pytest.raises(SourceError, match="short"):
        read_bytes(path, source("list"))


def test_of_several_files_in_an_archive_one_must_be_chosen(tmp_path: Path, source: Make) -> None:
    for name, content in (
        ("z", zipped(a=b"1.2.3.4", b=LIST)),
        ("t", gzip.compress(tarred(a=b"1.2.3.4", b=LIST))),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(SourceError, match=r"option `member` must choose one of: a, b"):
            read_bytes(path, source("list"))
        assert read_bytes(path, source("list", member="b*")) == LIST
        with pytest.raises(SourceError, match="0 files match"):
            read_bytes(path, source("list", member="c"))


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, zstd])
def test_what_expands_without_end_is_refused(
    tmp_path: Path, source: Make, pack: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "bomb"
    path.write_bytes(pack(b"\n" * (80 << 20)))
    with pytest.raises(SourceError, match="expands more than 300 fold"):
        read_bytes(path, source("list"))
    path.write_bytes(pack(LIST))
    with pytest.raises(SourceError, match="more than 1000 bytes; raise max_bytes"):
        read_bytes(path, source("list", max_bytes=1000))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "the file is empty"),
        (b" \n\n\t\n", "nothing but white space"),
        (gzip.compress(b"", mtime=0), "holds nothing once unpacked"),
        (b"<!DOCTYPE html><html><body>503 Service Unavailable</body></html>", "a web page"),
        (b"\n\n<html lang='en'>\n192.0.2.1\n</html>", "a web page"),
        (b'<?xml version="1.0"?>\n<html xmlns="http://www.w3.org/1999/xhtml"></html>', "a web page"),
        (bytes(range(256)) * 40, "a binary file"),
        (b"\x89PNG\r\n\x1a\n" + b"\xff\xfe\xfd" * 500, "a binary file"),
    ],
)
def test_what_is_no_text_is_refused(tmp_path: Path, source: Make, content: bytes, complaint: str) -> None:
    path = tmp_path / "x.txt"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=complaint) as caught:
        read_text(path, source("list"))
    assert str(path) in str(caught.value)
    assert caught.value.source == "test-list"


HOSTILE = {
    "empty": b"",
    "web page": b"<!doctype html><title>Sign in</title>",
    "half a gzip": gzip.compress(LIST)[:60],
    "binary": bytes(range(256)) * 16,
    "null": b"null",
    "number": b"1e999",
    "empty object": b"{}",
    "empty list": b"[]",
    "deep": b"[" * 100_000,
    "long number": b'{"prefixes": ' + b"9" * 5000 + b"}",
    "strange shapes": b'{"prefixes": [1, null, [], "x"], "ipv6_prefixes": {}, "values": [[]], "regions": [{"cidrs": 7}],'
    b' "relays": [null, {"exit_addresses": 5, "flags": "Exit"}], "list": {"a": 1}, "type": 7, "objects": "none",'
    b' "data": [1, {"ioc": []}], "addresses": "x", "result": [], "cidr": [1]}',
    "bundle of nonsense": b'{"type": "bundle", "objects": [{"type": "indicator", "pattern": [1]}, 7, {"type": "ipv4-addr",'
    b' "value": {}}]}',
    "prose": b"All systems operational.\nNothing to see here, move along.\nThank you.\n",
    "other csv": b"name,colour\napple,red\npear,green\n",
}


@pytest.mark.parametrize("name", sorted(PARSERS))
@pytest.mark.parametrize("kind", HOSTILE)
def test_no_parser_breaks_on_a_file_that_is_something_else(
    tmp_path: Path, source: Make, name: str, kind: str
) -> None:
    path = tmp_path / "x"
    path.write_bytes(HOSTILE[kind])
    given = source(name, *Layer, category=Category.ATTACKER)
    try:
        parsed = parse(path, given)
    except SourceError as error:
        message = str(error)
    else:
        message = None
    if message is not None:
        assert str(path) in message
    else:  # an empty list in a known form is an answer: nothing is listed today
        assert kind in ("empty list", "empty object", "bundle of nonsense", "strange shapes"), (name, parsed)
        assert all(len(entries.ranges) == 0 for entries in parsed.layers.values())


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just("192.0.2.1"),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(
            ["prefixes", "ipv6_prefixes", "ip_prefix", "values", "properties", "addressPrefixes", "regions", "cidrs",
             "cidr", "relays", "flags", "exit_addresses", "or_addresses", "list", "type", "objects", "pattern", "data",
             "ioc", "ioc_type", "result", "ipv4_cidrs", "addresses", "ipv6_addresses", "tags", "service", "value",
             "valid_from", "modified", "confidence", "createDate", "version", "timestamp", "first_seen"]
        ),
        inner,
        max_size=5,
    ),
    max_leaves=20,
)  # fmt: skip


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(document=st.dictionaries(st.sampled_from(["prefixes", "values", "regions", "relays", "list", "objects", "data",
                                                 "result", "addresses", "type", "cidr"]), json_like, max_size=4))  # fmt: skip
def test_json_of_any_shape_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, document: object
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_text(json.dumps(document))
    for name in (
        "aws",
        "gcp",
        "azure",
        "oracle",
        "fastly",
        "cloudflare",
        "misp",
        "onionoo",
        "abusech",
        "spamhaus",
        "stix",
    ):
        given_source = Source(
            name, "t", name, (Layer.MEMBERSHIP,), Reliability.B, "", "", category=Category.CDN
        )
        try:
            parse(path, given_source)
        except SourceError:
            continue


@given(st.text(st.sampled_from("ab\n\r\u00e9\u2028 "), max_size=60))
def test_lines_are_those_of_the_text(text: str) -> None:
    expected = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if expected[-1] == "":
        expected.pop()
    assert lines_of(text).to_pylist() == expected


def test_a_source_in_several_files_is_one(tmp_path: Path, source: Make) -> None:
    (tmp_path / "4").write_text("192.0.2.0/24\nnonsense\n198.51.100.1\n")
    (tmp_path / "6").write_text("2001:db8::/32\n")
    parsed = parse_all([tmp_path / "4", tmp_path / "6"], source("list", category=Category.CDN))
    assert parsed.layers[Layer.MEMBERSHIP].ranges.version.tolist() == [4, 4, 6]
    assert len(parsed.layers[Layer.MEMBERSHIP].attributes) == 3
    assert parsed.rejected_count == 1
