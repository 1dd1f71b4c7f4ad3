"""Special-purpose addresses: who may never be blamed, because the address is nobody's.

The IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890 as updated by RFC 8190, and the later
assignments named below), with multicast (RFC 5771, RFC 4291) and the IPv6 space outside 2000::/3.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from workbench.addresses.columns import Addresses
from workbench.addresses.text import parse_networks

__all__ = ["REGISTRY", "SCOPES", "SpecialPurpose", "scope", "scope_codes", "special_purpose"]

SCOPES = (
    "invalid",
    "global",
    "private",
    "shared",
    "loopback",
    "link-local",
    "documentation",
    "benchmarking",
    "multicast",
    "broadcast",
    "unspecified",
    "reserved",
)
"""Values of ``scope``; a code is an index into this."""


@dataclass(frozen=True, slots=True)
class SpecialPurpose:
    """One registered block: its CIDR, what the registry calls it, and the scope it gives an address."""

    prefix: str
    name: str
    scope: str
    rfc: str


def _block(prefix: str, scope: str, name: str, rfc: str) -> SpecialPurpose:
    return SpecialPurpose(prefix, name, scope, rfc)


REGISTRY = (
    _block("0.0.0.0/8", "reserved", "this network", "RFC 791"),
    _block("0.0.0.0/32", "unspecified", "this host on this network", "RFC 1122"),
    _block("10.0.0.0/8", "private", "private use", "RFC 1918"),
    _block("100.64.0.0/10", "shared", "shared address space (carrier-grade NAT)", "RFC 6598"),
    _block("127.0.0.0/8", "loopback", "loopback", "RFC 1122"),
    _block("169.254.0.0/16", "link-local", "link local", "RFC 3927"),
    _block("172.16.0.0/12", "private", "private use", "RFC 1918"),
    _block("192.0.0.0/24", "reserved", "IETF protocol assignments", "RFC 6890"),
    _block("192.0.0.9/32", "global", "Port Control Protocol anycast", "RFC 7723"),
    _block("192.0.0.10/32", "global", "TURN anycast", "RFC 8155"),
    _block("192.0.2.0/24", "documentation", "documentation (TEST-NET-1)", "RFC 5737"),
    _block("192.31.196.0/24", "global", "AS112-v4", "RFC 7535"),
    _block("192.52.193.0/24", "global", "AMT", "RFC 7450"),
    _block("192.88.99.0/24", "reserved", "deprecated 6to4 relay anycast", "RFC 7526"),
    _block("192.168.0.0/16", "private", "private use", "RFC 1918"),
    _block("192.175.48.0/24", "global", "direct delegation AS112 service", "RFC 7534"),
    _block("198.18.0.0/15", "benchmarking", "benchmarking", "RFC 2544"),
    _block("198.51.100.0/24", "documentation", "documentation (TEST-NET-2)", "RFC 5737"),
    _block("203.0.113.0/24", "documentation", "documentation (TEST-NET-3)", "RFC 5737"),
    _block("224.0.0.0/4", "multicast", "multicast", "RFC 5771"),
    _block("240.0.0.0/4", "reserved", "reserved", "RFC 1112"),
    _block("255.255.255.255/32", "broadcast", "limited broadcast", "RFC 8190"),
    # Outside 2000::/3 the IETF holds all that is not listed further down.
    _block("::/3", "reserved", "reserved by the IETF", "RFC 4291"),
    _block("4000::/2", "reserved", "reserved by the IETF", "RFC 4291"),
    _block("8000::/1", "reserved", "reserved by the IETF", "RFC 4291"),
    _block("::/128", "unspecified", "unspecified address", "RFC 4291"),
    _block("::1/128", "loopback", "loopback address", "RFC 4291"),
    _block("64:ff9b::/96", "global", "IPv4-IPv6 translation", "RFC 6052"),
    _block("64:ff9b:1::/48", "private", "local-use IPv4-IPv6 translation", "RFC 8215"),
    _block("100::/64", "reserved", "discard-only", "RFC 6666"),
    _block("100:0:0:1::/64", "reserved", "dummy IPv6 prefix", "RFC 9780"),
    _block("2001::/23", "reserved", "IETF protocol assignments", "RFC 2928"),
    # Teredo and 6to4 carry real peers across the global Internet; the registry leaves reachability open.
    _block("2001::/32", "global", "Teredo", "RFC 4380"),
    _block("2001:1::1/128", "global", "Port Control Protocol anycast", "RFC 7723"),
    _block("2001:1::2/128", "global", "TURN anycast", "RFC 8155"),
    _block("2001:1::3/128", "global", "DNS-SD Service Registration Protocol anycast", "RFC 9665"),
    _block("2001:2::/48", "benchmarking", "benchmarking", "RFC 5180"),
    _block("2001:3::/32", "global", "AMT", "RFC 7450"),
    _block("2001:4:112::/48", "global", "AS112-v6", "RFC 7535"),
    _block("2001:10::/28", "reserved", "deprecated ORCHID", "RFC 4843"),
    _block("2001:20::/28", "global", "ORCHIDv2", "RFC 7343"),
    _block("2001:30::/28", "global", "drone remote ID protocol entity tags", "RFC 9374"),
    _block("2001:db8::/32", "documentation", "documentation", "RFC 3849"),
    _block("2002::/16", "global", "6to4", "RFC 3056"),
    _block("2620:4f:8000::/48", "global", "direct delegation AS112 service", "RFC 7534"),
    _block("3fff::/20", "documentation", "documentation", "RFC 9637"),
    _block("5f00::/16", "reserved", "segment routing (SRv6) SIDs", "RFC 9602"),
    _block("fc00::/7", "private", "unique local", "RFC 4193"),
    _block("fe80::/10", "link-local", "link-local unicast", "RFC 4291"),
    _block("fec0::/10", "private", "deprecated site-local", "RFC 3879"),
    _block("ff00::/8", "multicast", "multicast", "RFC 4291"),
)
"""Nested blocks are meant: the most specific one speaks."""


@cache
def _ordered() -> tuple[NDArray[np.intp], tuple[NDArray[np.uint64], ...], NDArray[np.uint8]]:
    """Rows of the registry from the widest block to the narrowest, with bounds and scope codes."""
    ranges = parse_networks([block.prefix for block in REGISTRY])
    span = (ranges.end_high - ranges.start_high).astype(np.float64) * 2.0**64 + (
        ranges.end_low - ranges.start_low
    )
    order = np.argsort(-span, kind="stable")
    codes = np.array([SCOPES.index(REGISTRY[row].scope) for row in order], np.uint8)
    bounds = tuple(
        part[order] for part in (ranges.start_high, ranges.start_low, ranges.end_high, ranges.end_low)
    )
    versions = ranges.version[order]
    return order, (*bounds, versions.astype(np.uint64)), codes


def _registry_rows(addresses: Addresses) -> NDArray[np.int16]:
    """For every address the position in :func:`_ordered` of the block it lies in, or -1."""
    _, (start_high, start_low, end_high, end_low, versions), _ = _ordered()
    found = np.full(len(addresses), -1, np.int16)
    high, low = addresses.high, addresses.low
    for row in range(len(start_high)):
        inside = addresses.version == versions[row]
        inside &= (high > start_high[row]) | ((high == start_high[row]) & (low >= start_low[row]))
        inside &= (high < end_high[row]) | ((high == end_high[row]) & (low <= end_low[row]))
        found[inside] = row
    return found


def scope_codes(addresses: Addresses) -> NDArray[np.uint8]:
    """Index into :data:`SCOPES` for every address; 0 (``invalid``) where there is none."""
    _, _, codes = _ordered()
    rows = _registry_rows(addresses)
    result = np.where(rows >= 0, codes[rows], np.uint8(SCOPES.index("global"))).astype(np.uint8)
    result[addresses.version == 0] = 0
    return result


def scope(addresses: Addresses) -> pa.DictionaryArray:
    """The scope of every address as a dictionary column over :data:`SCOPES`."""
    return pa.DictionaryArray.from_arrays(pa.array(scope_codes(addresses).astype(np.int8)), pa.array(SCOPES))


def special_purpose(addresses: Addresses) -> list[SpecialPurpose | None]:
    """The most specific registered block each address lies in; for a few addresses, to explain them."""
    order, _, _ = _ordered()
    return [REGISTRY[order[row]] if row >= 0 else None for row in _registry_rows(addresses)]
