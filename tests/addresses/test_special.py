"""Scope of an address by the IANA special-purpose registries."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.addresses import parse, scope, special_purpose


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("8.8.8.8", "global"),
        ("10.255.255.255", "private"),
        ("172.32.0.0", "global"),
        ("100.64.0.1", "shared"),
        ("169.254.169.254", "link-local"),
        ("192.0.0.9", "global"),
        ("192.0.0.11", "reserved"),
        ("198.51.100.7", "documentation"),
        ("198.19.0.1", "benchmarking"),
        ("239.1.1.1", "multicast"),
        ("255.255.255.255", "broadcast"),
        ("0.0.0.0", "unspecified"),
        ("2606:4700::1111", "global"),
        ("2001:db8::1", "documentation"),
        ("3fff::1", "documentation"),
        ("fd00::1", "private"),
        ("fe80::1%eth0", "link-local"),
        ("::1", "loopback"),
        ("64:ff9b::1", "global"),
        ("64:ff9b:1::1", "private"),
        ("4000::1", "reserved"),
        ("::ffff:10.0.0.1", "private"),
        ("not an address", "invalid"),
    ],
)
def test_scope(address: str, expected: str) -> None:
    assert scope(parse([address])).to_pylist() == [expected]


@given(st.ip_addresses(v=4))
def test_ipv4_scope_agrees_with_the_standard_library(address: ipaddress.IPv4Address) -> None:
    ours = scope(parse([str(address)])).to_pylist()[0]
    # The library calls multicast global, keeps the relay prefix that RFC 7526 withdrew, and before 3.12.4
    # knows only a /29 of the protocol assignments.
    differs = [ipaddress.ip_network("192.88.99.0/24"), ipaddress.ip_network("192.0.0.0/24")]
    if address.is_multicast or any(address in network for network in differs):
        return
    assert (ours == "global") == address.is_global


def test_the_block_and_its_rfc_are_named() -> None:
    (block,) = special_purpose(parse(["100.100.1.1"]))
    assert block is not None
    assert (block.prefix, block.rfc) == ("100.64.0.0/10", "RFC 6598")
