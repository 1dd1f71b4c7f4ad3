"""Ranges split into CIDR blocks as the standard library splits them."""

from __future__ import annotations

import ipaddress

from hypothesis import given
from hypothesis import strategies as st

from workbench.addresses import parse_networks, to_cidrs
from workbench.addresses.text import to_text_of_ranges

pairs = st.one_of(
    st.lists(st.ip_addresses(v=4), min_size=2, max_size=2).map(sorted),
    st.lists(st.ip_addresses(v=6), min_size=2, max_size=2).map(sorted),
    st.tuples(st.ip_addresses(v=6), st.integers(0, 2**70)).map(
        lambda p: [p[0], ipaddress.IPv6Address(min(int(p[0]) + p[1], 2**128 - 1))]
    ),
)


@given(st.lists(pairs, max_size=8))
def test_blocks_cover_each_range_exactly(ranges: list[list[ipaddress.IPv4Address]]) -> None:
    ranges = [r for r in ranges if int(r[0]) >> 32 != 0xFFFF and int(r[1]) >> 32 != 0xFFFF]
    blocks, rows = to_cidrs(parse_networks([f"{first}-{last}" for first, last in ranges]))
    found: dict[int, list[str]] = {}
    for row, text in zip(rows.tolist(), to_text_of_ranges(blocks).to_pylist(), strict=True):
        found.setdefault(row, []).append(str(ipaddress.ip_network(text)))
    for row, (first, last) in enumerate(ranges):
        assert found[row] == [str(n) for n in ipaddress.summarize_address_range(first, last)]


def test_whole_families_are_one_block() -> None:
    blocks, _ = to_cidrs(parse_networks(["0.0.0.0-255.255.255.255", "::/0", "junk"]))
    assert to_text_of_ranges(blocks).to_pylist() == ["0.0.0.0/0", "::/0"]
