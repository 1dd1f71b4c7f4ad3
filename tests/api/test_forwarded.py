"""The client's address behind proxies, and that no client chooses it."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from workbench.api.forwarded import client_address, forwarded_hops
from workbench.api.settings import networks

PROXY = "10.0.0.5"
OURS = networks("10.0.0.0/24", "2001:db8:ff::/48")


def by_forwarded(*lines: str, peer: str = PROXY) -> str | None:
    return client_address(peer, lines, [], OURS)


def by_x(*lines: str, peer: str = PROXY) -> str | None:
    return client_address(peer, [], lines, OURS)


def test_without_a_trusted_proxy_the_connection_counts_whatever_headers_say() -> None:
    assert by_x("198.51.100.1", peer="203.0.113.9") == "203.0.113.9"
    assert by_forwarded("for=198.51.100.1", peer="203.0.113.9") == "203.0.113.9"
    assert client_address("10.0.0.5", ["for=198.51.100.1"], [], ()) == "10.0.0.5"


def test_a_proxy_that_says_nothing_is_the_client() -> None:
    assert client_address(PROXY, [], [], OURS) == PROXY


@pytest.mark.parametrize(
    ("line", "address"),
    [
        ("for=198.51.100.1", "198.51.100.1"),
        ("For=198.51.100.1", "198.51.100.1"),
        ("for=198.51.100.1;proto=https;by=10.0.0.5", "198.51.100.1"),
        ("proto=https; by=10.0.0.5 ;for=198.51.100.1", "198.51.100.1"),
        ('for="198.51.100.1:4711"', "198.51.100.1"),
        ("for=198.51.100.1:4711", "198.51.100.1"),
        ('for="[2001:db8::1]"', "2001:db8::1"),
        ('for="[2001:DB8:0::1]:4711"', "2001:db8::1"),
        ('for="[2001:db8::1]:_port"', "2001:db8::1"),
        ('for="[::ffff:198.51.100.1]"', "198.51.100.1"),
        ("for=6.6.6.6, for=198.51.100.1", "198.51.100.1"),
        ("for=6.6.6.6, for=198.51.100.1, for=10.0.0.7", "198.51.100.1"),
        ('for=6.6.6.6, for="[2001:db8:ff::7]"', "6.6.6.6"),
        ('for="198.51.100.\\1"', "198.51.100.1"),
        ("for=10.0.0.7, for=10.0.0.8", "10.0.0.7"),
        (",, for=198.51.100.1 ,", "198.51.100.1"),
    ],
)
def test_forwarded_gives_the_rightmost_hop_that_is_not_ours(line: str, address: str) -> None:
    assert by_forwarded(line) == address


@pytest.mark.parametrize(
    "line",
    [
        "for=unknown",
        "for=_hidden",
        'for="_SEVKISEK"',
        "for=6.6.6.6, for=_hidden",
        "for=6.6.6.6, for=unknown, for=10.0.0.7",
        "proto=https",
        "for=6.6.6.6, proto=https",
        "for=",
        'for=""',
        "for=999.1.1.1",
        "for=0x7f000001",
        "for=2130706433",
        "for=010.1.1.1",
        "for=[2001:db8::1]",
        'for="[2001:db8::1"',
        'for="[fe80::1%eth0]"',
        'for="[198.51.100.1]"',
        "for=198.51.100.1:99999x",
        "for=6.6.6.6;for=198.51.100.1",
        "for = 198.51.100.1",
        'for="198.51.100.1',
        "for=198.51.100.1 by=10.0.0.5",
        "198.51.100.1",
        "\x00",
    ],
)
def test_forwarded_that_hides_the_client_or_is_garbage_leaves_it_unknown(line: str) -> None:
    assert by_forwarded(line) is None


@pytest.mark.parametrize(
    ("line", "address"),
    [
        ("198.51.100.1", "198.51.100.1"),
        ("6.6.6.6, 198.51.100.1", "198.51.100.1"),
        ("6.6.6.6,198.51.100.1,10.0.0.7", "198.51.100.1"),
        ("198.51.100.1:4711", "198.51.100.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("6.6.6.6, unknown", None),
        ("6.6.6.6, garbage, 10.0.0.7", None),
        ("", None),
        ("for=198.51.100.1", None),
        ("<script>", None),
    ],
)
def test_x_forwarded_for_gives_the_rightmost_hop_that_is_not_ours(line: str, address: str | None) -> None:
    assert by_x(line) == address


def test_several_header_lines_are_one_list() -> None:
    assert by_x("6.6.6.6", "198.51.100.1") == "198.51.100.1"
    assert by_forwarded("for=6.6.6.6", "for=198.51.100.1") == "198.51.100.1"


def test_both_headers_must_agree() -> None:
    """The proxy sets one of the two; the other is the client's to write."""
    assert client_address(PROXY, ["for=6.6.6.6"], ["198.51.100.1"], OURS) is None
    assert client_address(PROXY, ["for=_x"], ["198.51.100.1"], OURS) is None
    assert client_address(PROXY, ["for=198.51.100.1"], ["6.6.6.6, 198.51.100.1"], OURS) == "198.51.100.1"


def test_a_quote_opened_by_the_client_swallows_nothing() -> None:
    assert by_forwarded('for=6.6.6.6;x="', "for=198.51.100.1") is None
    assert by_forwarded('for=6.6.6.6;x="', 'for="[2001:db8::1]"') is None
    assert by_forwarded('for=6.6.6.6;x="\\', 'for="198.51.100.1"') is None


def test_a_long_header_is_not_read() -> None:
    assert by_x("6.6.6.6," * 10_000 + "198.51.100.1") is None
    assert by_forwarded("for=6.6.6.6," * 10_000 + "for=198.51.100.1") is None


ADDRESSES = st.ip_addresses().filter(
    lambda address: not any(address in ip_network(network) for network in map(str, OURS))
    and not getattr(address, "ipv4_mapped", None) and not getattr(address, "scope_id", None)
)  # fmt: skip
HOSTILE = st.one_of(
    st.text(st.characters(codec="latin-1"), max_size=60),
    st.sampled_from(['for="', 'x="a', "for=6.6.6.6", 'for="[::1]"', "for=_x;", ",", ";", '\\"', "for=6.6.6.6;x=\"", 'for=6.6.6.6,x="\\']),
    st.lists(st.sampled_from(["for=", '"', "\\", ",", ";", "6.6.6.6", "10.0.0.7", "[", "]", ":", " ", "x="]), max_size=12).map("".join),
)  # fmt: skip


@given(st.lists(HOSTILE, max_size=4), ADDRESSES, st.integers(0, 2), st.booleans())
@example(['for=6.6.6.6;x="'], ip_address("198.51.100.1"), 0, True)
def test_whatever_a_client_writes_she_is_herself_or_unknown(said: list[str], client: object, inner: int, port: bool) -> None:  # fmt: skip
    """The proxy adds the client's address, further proxies of ours that of the one before them."""
    quoted = f"[{client}]" if ":" in str(client) else str(client)
    added = [f'for="{quoted}:4711"' if port or ":" in quoted else f"for={quoted}"]
    plain = [f"{quoted}:4711" if port else str(client)]
    hops = [f"10.0.0.{each}" for each in range(7, 7 + inner)]
    for joined in (True, False):
        lines = [*said, *added, *(f"for={hop}" for hop in hops)]
        assert by_forwarded(*([", ".join(lines)] if joined else lines)) in (str(client), None)
        lines = [*said, *plain, *hops]
        assert by_x(*([", ".join(lines)] if joined else lines)) == str(client)


@given(
    st.lists(st.text(max_size=200), max_size=4),
    st.lists(st.text(max_size=200), max_size=4),
    st.text(max_size=50),
)
def test_garbage_is_an_address_or_unknown_and_never_an_error(
    forwarded: list[str], x: list[str], peer: str
) -> None:
    for each in (peer, PROXY):
        found = client_address(each, forwarded, x, OURS)
        assert found is None or str(ip_address(found)) == found


@given(st.lists(st.tuples(st.sampled_from(["for", "by", "proto", "Host"]), st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)), max_size=4, unique_by=lambda pair: pair[0].lower()))  # fmt: skip
def test_a_quoted_value_is_read_back_as_it_was_written(pairs: list[tuple[str, str]]) -> None:
    def quoted(text: str) -> str:
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    line = ";".join(f"{name}={quoted(value)}" for name, value in pairs)
    wanted = [dict(pairs).get("for", "")] if pairs else []
    assert forwarded_hops([line]) == wanted
