"""Address text: what is read is what inet_pton reads, what is written is RFC 5952."""

from __future__ import annotations

import ipaddress
import socket

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.addresses import Addresses, kernels, parse, parse_networks, to_text
from workbench.addresses.text import string_buffers, to_text_of_ranges

ipv4_texts = st.ip_addresses(v=4).map(str)
ipv6_numbers = st.integers(0, 2**128 - 1) | st.lists(
    st.sampled_from([0, 0, 0, 1, 0xFFFF, 0xDB8]), min_size=8, max_size=8
).map(lambda groups: sum(g << 16 * k for k, g in enumerate(groups)))
nearly_addresses = st.text("0123456789abcdefABCDEF:.% /x", max_size=46)


def value_of(column: Addresses, row: int) -> tuple[int, int]:
    return int(column.version[row]), int(column.high[row]) << 64 | int(column.low[row])


def by_the_standard_library(text: str) -> tuple[int, int]:
    """What inet_pton says of it, with IPv4-mapped as IPv4."""
    try:
        return 4, int.from_bytes(socket.inet_pton(socket.AF_INET, text), "big")
    except (OSError, ValueError):
        pass
    try:
        number = int.from_bytes(socket.inet_pton(socket.AF_INET6, text), "big")
    except (OSError, ValueError):
        return 0, 0
    return (4, number & 0xFFFFFFFF) if number >> 32 == 0xFFFF else (6, number)


@given(st.lists(ipv4_texts | ipv6_numbers.map(lambda n: str(ipaddress.IPv6Address(n))) | nearly_addresses))
@settings(max_examples=300)
def test_reads_exactly_what_inet_pton_reads(texts: list[str]) -> None:
    parsed = parse(texts)
    for row, text in enumerate(texts):
        if "%" not in text:
            assert value_of(parsed, row) == by_the_standard_library(text.strip()), text


@given(st.lists(nearly_addresses | ipv4_texts, min_size=1, max_size=20))
@settings(max_examples=60, deadline=None)
def test_compiled_and_interpreted_kernels_agree(texts: list[str]) -> None:
    data, offsets = string_buffers(pa.array(texts))
    columns = []
    for run in (kernels.parse_ranges.compiled, kernels.parse_ranges):
        out = [np.zeros(len(texts), t) for t in (np.uint8, np.uint64, np.uint64) * 2]
        arguments = [data, offsets, 0, len(texts), *out]
        run(
            *[
                memoryview(a) if run is kernels.parse_ranges and isinstance(a, np.ndarray) else a
                for a in arguments
            ]
        )
        columns.append(out)
    for compiled, interpreted in zip(*columns, strict=True):
        np.testing.assert_array_equal(compiled, interpreted)


@given(st.lists(ipv6_numbers, min_size=1))
def test_ipv6_is_written_as_rfc_5952(numbers: list[int]) -> None:
    column = Addresses(
        np.full(len(numbers), 6, np.uint8),
        np.array([n >> 64 for n in numbers], np.uint64),
        np.array([n & 2**64 - 1 for n in numbers], np.uint64),
    )
    for number, text in zip(numbers, to_text(column).to_pylist(), strict=True):
        if number >> 32 == 0xFFFF or number >> 32 == 0:
            continue  # the standard library writes these in mixed notation since 3.13
        assert text == ipaddress.IPv6Address(number).compressed


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        (" 8.8.8.8\t\r\n", "8.8.8.8"),
        ("2001:DB8:0:0:1::1", "2001:db8::1:0:0:1"),
        ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
        ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
        ("fe80::1%eth0", "fe80::1"),
        ("::ffff:192.0.2.128", "192.0.2.128"),
        ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"),
        ("::", "::"),
        ("0x7f.1", None),
        ("010.0.0.1", None),
        ("127.1", None),
        ("1.2.3.4.5", None),
        ("1.2.3.256", None),
        ("1.2.3.4:80", None),
        ("fe80::1%", None),
        ("fe80::1% eth0", None),
        (":::", None),
        ("1::2::3", None),
        ("", None),
        ("١.٢.٣.٤", None),
        (None, None),
    ],
)
def test_forms_an_analyst_meets(text: str | None, canonical: str | None) -> None:
    assert to_text(parse([text])).to_pylist() == [canonical]


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["1.2.3.4", None, "::1"], pa.large_string()),
        pa.array(["1.2.3.4", None, "::1"]).dictionary_encode(),
        pa.array(["1.2.3.4", None, "::1"]).cast(pa.string_view()),
        pa.chunked_array([["1.2.3.4"], [None, "::1"]]),
        pa.array(["9.9.9.9", "1.2.3.4", None, "::1"])[1:],
        pd.Series(["1.2.3.4", None, "::1"]),
        pd.Series(["1.2.3.4", None, "::1"], dtype=object),
        pd.Series(["1.2.3.4", None, "::1"], dtype="category"),
        np.array(["1.2.3.4", None, "::1"], dtype=object),
        ("1.2.3.4", None, "::1"),
        [ipaddress.ip_address("1.2.3.4"), None, ipaddress.ip_address("::1")],
    ],
    ids=lambda c: type(c).__name__,
)
def test_any_column_of_text_is_read(column: object) -> None:
    assert to_text(parse(column)).to_pylist() == ["1.2.3.4", None, "::1"]


def test_a_stray_number_in_a_column_is_a_malformed_address_not_an_error() -> None:
    assert to_text(parse(["1.2.3.4", 17, 3.5])).to_pylist() == ["1.2.3.4", None, None]


def test_a_column_of_numbers_is_refused_with_its_type() -> None:
    with pytest.raises(TypeError, match="int64"):
        parse(pa.array([1, 2]))


def test_one_string_is_refused_with_the_mend() -> None:
    with pytest.raises(TypeError, match="lookup"):
        parse("1.2.3.4")


@given(
    st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).flatmap(
        lambda a: st.tuples(st.just(a), st.integers(0, a.max_prefixlen))
    )
)
def test_prefixes_clear_and_set_their_host_bits(case: tuple[ipaddress.IPv4Address, int]) -> None:
    address, length = case
    network = ipaddress.ip_network(f"{address}/{length}", strict=False)
    ranges = parse_networks([f"{address}/{length}", f"{network[0]} - {network[-1]}"])
    if int(address) >> 32 == 0xFFFF:
        return
    for row in (0, 1):
        start = int(ranges.start_high[row]) << 64 | int(ranges.start_low[row])
        end = int(ranges.end_high[row]) << 64 | int(ranges.end_low[row])
        assert (start, end) == (int(network[0]), int(network[-1]))


def test_ranges_are_written_as_cidr_where_they_are_one_block() -> None:
    texts = [
        "10.1.2.3/8",
        "1.2.3.4",
        "1.2.3.4-1.2.3.9",
        "::ffff:10.0.0.0/104",
        "2001:db8::/33",
        "1.2.3.4/33",
        "b-a",
    ]
    assert to_text_of_ranges(parse_networks(texts)).to_pylist() == [
        "10.0.0.0/8", "1.2.3.4/32", "1.2.3.4-1.2.3.9", "10.0.0.0/8", "2001:db8::/33", None, None,
    ]  # fmt: skip


def test_a_column_in_unaligned_memory_is_read() -> None:
    """As buffers are that arrive from another process."""
    plain = pa.array(["1.2.3.4", "::1"], pa.large_string())
    _, offsets, data = plain.buffers()
    odd = pa.py_buffer(b"x" + offsets.to_pybytes()).slice(1)
    assert to_text(parse(pa.Array.from_buffers(pa.large_string(), 2, [None, odd, data]))).to_pylist() == [
        "1.2.3.4",
        "::1",
    ]
