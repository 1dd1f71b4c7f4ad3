"""Addresses: text to numbers and back, what an address is by itself, finding addresses in text and logs."""

from __future__ import annotations

from workbench.addresses.cidr import to_cidrs
from workbench.addresses.columns import Addresses, Ranges
from workbench.addresses.special import SCOPES, scope, special_purpose
from workbench.addresses.text import parse, parse_networks, to_text

__all__ = [
    "SCOPES",
    "Addresses",
    "Ranges",
    "parse",
    "parse_networks",
    "scope",
    "special_purpose",
    "to_cidrs",
    "to_text",
]
