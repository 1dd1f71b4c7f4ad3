"""Scalars that say what a text or number is, and refuse what it is not."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NewType
from uuid import UUID

import strawberry
from strawberry.types.scalar import ScalarDefinition

from workbench.enrichment.countries import country_code

__all__ = ["ASN", "CIDR", "SCALARS", "BigInt", "CountryCode", "IPAddress", "IPAddressOrCIDR", "StixBundle"]

IPAddress = NewType("IPAddress", str)
CIDR = NewType("CIDR", str)
IPAddressOrCIDR = NewType("IPAddressOrCIDR", str)
CountryCode = NewType("CountryCode", str)
ASN = NewType("ASN", int)
BigInt = NewType("BigInt", int)
StixBundle = NewType("StixBundle", dict[str, Any])

_MOMENT = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)\Z",
)
_LONGEST = 64


def _text(value: Any, wanted: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{wanted} is written as a string")
    if len(value) > _LONGEST:
        raise ValueError(f"{wanted} has no more than {_LONGEST} characters")
    return value


def _address(value: Any) -> str:
    text = _text(value, "an IP address")
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        found = None
    if found is None or getattr(found, "scope_id", None):
        raise ValueError(f"{text!r} is no IP address")
    return str(getattr(found, "ipv4_mapped", None) or found)


def _network(value: Any) -> str:
    text = _text(value, "a network")
    try:
        if "/" not in text or not text.rpartition("/")[2].isdigit():
            raise ValueError
        return str(ipaddress.ip_network(text))
    except ValueError as error:
        if "host bits" in str(error):
            near = ipaddress.ip_network(text, strict=False)
            raise ValueError(f"{text!r} has host bits set; the network is {near}") from None
        raise ValueError(f"{text!r} is no network in CIDR notation, such as 192.0.2.0/24") from None


def _either(value: Any) -> str:
    text = _text(value, "an IP address or network")
    if "/" not in text:
        return _address(text)
    network = ipaddress.ip_network(_network(text))
    return str(network.network_address) if network.num_addresses == 1 else str(network)


def _country(value: Any) -> str:
    text = _text(value, "a country code")
    code = country_code(text)
    if code != text:
        raise ValueError(f"{text!r} is no country code: it is written {code}")
    return code


def _whole(value: Any, wanted: str, highest: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= highest:
        raise ValueError(f"{wanted} is a whole number from 0 to {highest}")
    return value


def _moment(value: Any) -> datetime:
    text = _text(value, "a time")
    if not _MOMENT.match(text):
        raise ValueError(
            f"{text!r} is no time by RFC 3339 with a zone, such as 2026-10-05T12:00:00Z or 2026-10-05T12:00:00.5+02:00"
        )
    whole, dot, rest = text.upper().partition(".")
    digits = re.match(r"\d*", rest)
    assert digits is not None
    cut = f"{whole}.{digits[0][:6]:0<6}{rest[digits.end() :]}" if dot else whole
    try:
        return datetime.fromisoformat(cut).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is no time there is") from None


def _write_moment(value: datetime) -> str:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _uuid(value: Any) -> UUID:
    text = _text(value, "a UUID")
    try:
        if len(text) != 36:
            raise ValueError
        return UUID(text)
    except ValueError:
        raise ValueError(f"{text!r} is no UUID") from None


def _bundle(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or value.get("type") != "bundle":
        raise ValueError('a STIX bundle is an object with "type": "bundle"')
    return value


def _scalar(
    name: str, description: str, parse: Callable[[Any], Any], write: Callable[[Any], Any], url: str | None
) -> ScalarDefinition:
    return strawberry.scalar(
        name=name, description=description, specified_by_url=url, serialize=write, parse_value=parse
    )


SCALARS: dict[object, ScalarDefinition] = {
    IPAddress: _scalar(
        "IPAddress",
        "An IPv4 or IPv6 address without zone. Written in canonical form (RFC 5952 for IPv6), read in any; an IPv4-mapped IPv6 address is the IPv4 address.",
        _address,
        str,
        "https://www.rfc-editor.org/rfc/rfc5952",
    ),
    CIDR: _scalar(
        "CIDR",
        "A network in CIDR notation without host bits, such as 192.0.2.0/24 or 2001:db8::/32.",
        _network,
        str,
        "https://www.rfc-editor.org/rfc/rfc4632",
    ),
    IPAddressOrCIDR: _scalar(
        "IPAddressOrCIDR",
        "An IP address, or a network in CIDR notation without host bits. A network of one address is that address.",
        _either,
        str,
        None,
    ),
    CountryCode: _scalar(
        "CountryCode",
        "A country by its ISO 3166-1 alpha-2 code, in capitals, such as NL; of addresses also XK (Kosovo), EU and AP (all of Europe, of Asia and the Pacific).",
        _country,
        str,
        "https://www.iso.org/iso-3166-country-codes.html",
    ),
    ASN: _scalar(
        "ASN",
        "The number of an autonomous system, 0 to 4294967295, without AS in front. It may be beyond the range of Int.",
        lambda value: _whole(value, "an AS number", 2**32 - 1),
        int,
        "https://www.rfc-editor.org/rfc/rfc6793",
    ),
    BigInt: _scalar(
        "BigInt",
        "A whole number from 0 to 9007199254740991: what a JSON number carries exactly. It may be beyond the range of Int.",
        lambda value: _whole(value, "this", 2**53 - 1),
        int,
        None,
    ),
    datetime: _scalar(
        "DateTime",
        "A moment by RFC 3339, always with its zone: written in UTC with Z, read in any. Fractions beyond microseconds are cut off.",
        _moment,
        _write_moment,
        "https://www.rfc-editor.org/rfc/rfc3339",
    ),
    UUID: _scalar(
        "UUID",
        "A universally unique identifier in its form with hyphens. The `id` of every node is one.",
        _uuid,
        str,
        "https://www.rfc-editor.org/rfc/rfc9562",
    ),
    StixBundle: _scalar(
        "StixBundle",
        "A STIX 2.0 or 2.1 bundle as a JSON object.",
        _bundle,
        lambda value: value,
        "https://docs.oasis-open.org/cti/stix/v2.1/stix-v2.1.html",
    ),
}
