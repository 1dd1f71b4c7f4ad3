"""The client's address behind proxies: RFC 7239 ``Forwarded`` and ``X-Forwarded-For``.

Only what a trusted proxy says counts, and of that only the right-most hop which is none of ours: everything to its
left was written by whoever sent it. Anything that cannot be read ends the walk: the address is then unknown, never
guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address

from workbench.api.settings import Network

__all__ = ["client_address", "forwarded_hops"]

Address = IPv4Address | IPv6Address
LONGEST = 16_384

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z:-]+"  # a colon is for ports that proxies forget to quote  # noqa: S105
_PAIR = re.compile(rf'\s*([!#$%&\'*+.^_`|~0-9A-Za-z-]+)=(?:"((?:[^"\\]|\\.)*)"|({_TOKEN}))\s*')
_PORT = re.compile(r"(?::(?:\d{1,5}|_[A-Za-z0-9._-]+))?\Z")


def client_address(
    peer: str | None, forwarded: Sequence[str], x_forwarded_for: Sequence[str], trusted: Iterable[Network]
) -> str | None:
    """The canonical address of the client, or None where it is not known.

    ``peer`` is the other end of the connection, the others are the values of all headers of the name, in order.
    Where both kinds are there they must agree: a client may add the one that its proxy does not know.
    """
    here = _address(peer)
    ours = tuple(trusted)
    if here is None or not _in(here, ours) or not (forwarded or x_forwarded_for):
        return str(here) if here else None
    found = set()
    if forwarded:
        hops = forwarded_hops(forwarded)
        found.add(_rightmost(hops, ours) if hops is not None else None)
    if x_forwarded_for:
        line = ",".join(x_forwarded_for)
        found.add(_rightmost(line.split(","), ours) if len(line) <= LONGEST else None)
    agreed = found.pop()
    return None if found or agreed is None else str(agreed)


def forwarded_hops(lines: Sequence[str]) -> list[str] | None:
    """The ``for`` of each hop, empty where it has none; None if the header is not well formed as a whole, for then
    a quote that a client opened may have swallowed what the proxy added."""
    text = ",".join(lines)
    if len(text) > LONGEST:
        return None
    hops: list[str] = []
    seen: dict[str, str] = {}
    at = 0
    while True:
        pair = _PAIR.match(text, at)
        if pair is None:
            # Empty elements of a list are allowed, and say nothing.
            gap = re.compile(r"\s*").match(text, at)
            at = gap.end() if gap else at
        else:
            name = pair[1].lower()
            if name in seen:
                return None
            seen[name] = re.sub(r"\\(.)", r"\1", pair[2]) if pair[2] is not None else pair[3]
            at = pair.end()
        if at == len(text) or text[at] == ",":
            if seen:
                hops.append(seen.get("for", ""))
                seen = {}
            if at == len(text):
                return hops
        elif text[at] != ";":
            return None
        at += 1


def _rightmost(hops: Sequence[str], trusted: Sequence[Network]) -> Address | None:
    """The right-most hop that is no proxy of ours; the left-most one if all are."""
    address = None
    for hop in reversed(hops):
        address = _address(hop)
        if address is None or not _in(address, trusted):
            return address
    return address


def _address(text: str | None) -> Address | None:
    """``192.0.2.1``, ``192.0.2.1:80``, ``2001:db8::1``, ``[2001:db8::1]:80``; ``unknown``, ``_hidden`` and garbage
    are none. An IPv4 address in the form of an IPv6 one is the IPv4 address."""
    if text is None or len(text) > 100:
        return None
    text = text.strip(" \t")
    if text.startswith("["):
        inside, bracket, port = text[1:].partition("]")
        if not bracket or not _PORT.match(port) or ":" not in inside:
            return None
        text = inside
    elif text.count(":") == 1:
        head, _, port = text.partition(":")
        if not _PORT.match(":" + port):
            return None
        text = head
    if "%" in text:
        return None
    try:
        found = ip_address(text)
    except ValueError:
        return None
    if isinstance(found, IPv6Address) and found.ipv4_mapped:
        return found.ipv4_mapped
    return found


def _in(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)
