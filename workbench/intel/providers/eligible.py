"""Which addresses may be named to a provider: those of the open Internet, and nothing else."""

from __future__ import annotations

import ipaddress

from workbench.addresses.special import scope
from workbench.addresses.text import parse, to_text

__all__ = ["eligible", "why_not"]

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def eligible(text: str) -> tuple[str | None, str | None]:
    """The canonical address to ask about, or None and why nobody is asked about it."""
    address = to_text(parse([text]))[0].as_py()
    if address is None:
        return None, "not an IP address"
    reason = why_not(address)
    return (None, reason) if reason else (address, None)


def why_not(address: str) -> str | None:
    """Why a canonical address may not be named, also by the IPv4 address inside it; None where it may."""
    inside = [address]
    parsed = ipaddress.ip_address(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.sixtofour:
            inside.append(str(parsed.sixtofour))
        if parsed.teredo:
            inside += [str(part) for part in parsed.teredo]
        if parsed in _NAT64:
            inside.append(str(ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)))
    for part, kind in zip(inside, scope(parse(inside)).to_pylist(), strict=True):
        if kind != "global":
            where = "" if part == address else f" (it holds {part})"
            return f"{kind} address{where}, no provider is told of it"
    return None
