"""What the records of MaxMind, DB-IP, IPinfo and kindred databases say, in the columns of a snapshot.

Vendors agree on the container and on nothing inside it. Each column below names the places where it is
found; which of them exist is seen from the records themselves.

Sources: MaxMind GeoIP2 and GeoIP database documentation (dev.maxmind.com), DB-IP MMDB schema, IPinfo
database schemas (ipinfo.io/developers), the ip-location-db packages.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import pyarrow as pa

from workbench.intel.entries import GEO, MEMBERSHIP, NETWORK
from workbench.intel.parsers.building import times
from workbench.intel.source import Category

__all__ = ["geo", "listings", "network"]

Records = list[dict[str, Any]]

USER_TYPES = {
    "residential": "isp", "router": "isp", "traveler": "isp", "cafe": "isp", "cable/dsl": "isp", "dialup": "isp",
    "satellite": "isp", "isp": "isp", "cellular": "mobile", "mobile": "mobile", "business": "business",
    "corporate": "business", "college": "education", "school": "education", "library": "education",
    "education": "education", "government": "government", "military": "government", "hosting": "hosting",
    "content_delivery_network": "cdn", "cdn": "cdn",
}  # fmt: skip
"""Network types as MaxMind (user type, connection type) and IPinfo (AS type) call them."""

FLAGS: tuple[tuple[str, Category, str], ...] = (
    ("is_tor_exit_node", Category.TOR, "Tor exit"),
    ("is_tor", Category.TOR, "Tor exit"),
    ("tor", Category.TOR, "Tor exit"),
    ("is_anonymous_vpn", Category.VPN, "VPN"),
    ("is_vpn", Category.VPN, "VPN"),
    ("vpn", Category.VPN, "VPN"),
    ("is_public_proxy", Category.PROXY, "public proxy"),
    ("is_residential_proxy", Category.PROXY, "residential proxy"),
    ("is_proxy", Category.PROXY, "proxy"),
    ("proxy", Category.PROXY, "proxy"),
    ("is_relay", Category.PROXY, "relay"),
    ("relay", Category.PROXY, "relay"),
    ("is_hosting_provider", Category.DATACENTER, "hosting"),
    ("is_hosting", Category.DATACENTER, "hosting"),
    ("hosting", Category.DATACENTER, "hosting"),
    ("is_legitimate_proxy", Category.BENIGN, "legitimate proxy of a company"),
)
_ANONYMISERS = (Category.TOR, Category.VPN, Category.PROXY)
_FLAG_GROUPS = ("traits", "anonymizer", "anonymous", "privacy")
_SIGNS = {flag for flag, _, _ in FLAGS} | {"is_anonymous", "ip_risk", "anonymizer_confidence", *_FLAG_GROUPS}


def geo(records: Records, locale: str) -> pa.Table:
    """Where each record says it is, in the geo schema; null where it does not."""
    keys = _keys(records)

    def region(value: Any) -> str | None:
        widest = value[0] if isinstance(value, list) and value else None
        return _localised(widest.get("names"), locale) if isinstance(widest, dict) else None

    columns = {
        "country": _first(
            _column(records, keys, ("country", "iso_code"), _country),
            _column(records, keys, ("country_code",), _country),
            _column(records, keys, ("country",), _country),
        ),
        "region": _first(
            _column(records, keys, ("subdivisions",), region),
            *(
                _column(records, keys, (key,), _text)
                for key in ("state1", "stateprov", "region", "region_name")
            ),
        ),
        "city": _first(
            _column(records, keys, ("city", "names"), lambda v: _localised(v, locale)),
            _column(records, keys, ("city",), _text),
            _column(records, keys, ("city_name",), _text),
        ),
        "latitude": _first(
            *(
                _column(records, keys, path, _degrees(90))
                for path in (("location", "latitude"), ("latitude",), ("lat",))
            ),
            _column(
                records,
                keys,
                ("loc",),
                lambda v: _degrees(90)(v.partition(",")[0]) if isinstance(v, str) else None,
            ),
        ),
        "longitude": _first(
            *(
                _column(records, keys, path, _degrees(180))
                for path in (("location", "longitude"), ("longitude",), ("lng",), ("lon",))
            ),
            _column(
                records,
                keys,
                ("loc",),
                lambda v: _degrees(180)(v.partition(",")[2]) if isinstance(v, str) else None,
            ),
        ),
        "accuracy_km": _first(
            _column(records, keys, ("location", "accuracy_radius"), _kilometres),
            _column(records, keys, ("radius",), _kilometres),
        ),
        "timezone": _first(
            _column(records, keys, ("location", "time_zone"), _text),
            _column(records, keys, ("timezone",), _text),
            _column(records, keys, ("time_zone",), _text),
        ),
    }
    return _table(columns, GEO, len(records))


def network(records: Records) -> pa.Table:
    """Whose network each record says it is, in the network schema."""
    keys = _keys(records)
    has_asn = "asn" in keys
    number = ("autonomous_system_number",), ("traits", "autonomous_system_number"), ("asn",), ("as_number",)
    organisation: list[tuple[str, ...]] = [
        ("autonomous_system_organization",), ("traits", "autonomous_system_organization"), ("as_name",),
        ("as_organization",),
    ]  # fmt: skip
    kind: list[tuple[str, ...]] = [
        ("traits", "user_type"), ("user_type",), ("as_type",), ("connection_type",), ("traits", "connection_type"),
    ]  # fmt: skip
    if has_asn:  # IPinfo's AS database: too common words elsewhere
        organisation.append(("name",))
        kind.append(("type",))
    columns = {
        "asn": _first(*(_column(records, keys, path, _asn) for path in number)),
        "as_org": _first(*(_column(records, keys, path, _text) for path in organisation)),
        "prefix": _first(_column(records, keys, ("route",), _text)),
        "network_type": _first(*(_column(records, keys, path, _network_type) for path in kind)),
    }
    return _table(columns, NETWORK, len(records))


def listings(records: Records, database_type: str, min_risk: float) -> tuple[list[int], pa.Table]:
    """What lists each record is on: how many rows of the membership table (in order) belong to each record."""
    counts = [0] * len(records)
    rows: list[tuple[str, str, int | None, str | None, str | None]] = []
    if _keys(records) & _SIGNS:
        residential = "residential-proxy" in database_type.lower()
        for at, record in enumerate(records):
            found = _listings_of(record, residential, min_risk)
            counts[at] = len(found)
            rows += found
    category, label, confidence, seen, first = ([row[k] for row in rows] for k in range(5))
    table = pa.table(
        {
            "category": pa.array(category, pa.string()),
            "label": pa.array(label, pa.string()),
            "level": pa.array([1] * len(rows), pa.uint16()),
            "confidence": pa.array(confidence, pa.uint8()),
            "first_seen": times(pa.array(first, pa.string())),
            "last_seen": times(pa.array(seen, pa.string())),
        }
    )
    assert all(table.schema.field(name).type == MEMBERSHIP.field(name).type for name in table.column_names)
    return counts, table


def _listings_of(
    record: dict[str, Any], residential: bool, min_risk: float
) -> list[tuple[str, str, int | None, str | None, str | None]]:
    flags: dict[str, Any] = {**record}
    for group in _FLAG_GROUPS:
        inner = record.get(group)
        if isinstance(inner, dict):
            flags.update(inner)
    found: dict[Category, list[str]] = {}
    for flag, category, label in FLAGS:
        if _true(flags.get(flag)):
            labels = found.setdefault(category, [])
            if label not in labels:
                labels.append(label)
    if not found.keys() & set(_ANONYMISERS):
        if residential and flags.get("anonymizer_confidence") is not None:
            found[Category.PROXY] = ["residential proxy"]
        elif _true(flags.get("is_anonymous")) and Category.DATACENTER not in found:
            found[Category.PROXY] = ["anonymous"]
    provider = next((p for k in ("provider_name", "service") if (p := _text(flags.get(k)))), None)
    confidence = _number(flags.get("anonymizer_confidence"), 0, 100)
    seen = _text(flags.get("network_last_seen")) or _text(flags.get("last_seen"))
    first = _text(flags.get("first_seen"))
    rows = []
    for category, labels in found.items():
        anonymiser = category in _ANONYMISERS
        rows.append(
            (
                str(category),
                provider if anonymiser and provider else ", ".join(labels),
                round(confidence) if anonymiser and confidence is not None else None,
                seen,
                first,
            )
        )
    risk = _number(flags.get("ip_risk"), 0, 100)
    if risk is not None and risk >= min_risk:
        rows.append((str(Category.ABUSER), "risk score", round(risk), seen, first))
    return rows


def _keys(records: Records) -> set[str]:
    return set().union(*records)


def _column(
    records: Records, keys: set[str], path: tuple[str, ...], read: Callable[[Any], Any]
) -> list[Any] | None:
    """``read`` of the value at ``path`` in each record; None where no record has it."""
    if path[0] not in keys:
        return None
    head = path[0]
    values: Iterable[Any] = [record.get(head) for record in records]
    for key in path[1:]:
        values = [value.get(key) if isinstance(value, dict) else None for value in values]
    return [None if value is None else read(value) for value in values]


def _first(*candidates: list[Any] | None) -> list[Any]:
    """Row by row the first candidate that is not None."""
    result: list[Any] | None = None
    for candidate in candidates:
        if candidate is None:
            continue
        if result is None:
            result = candidate
        else:
            result = [c if r is None else r for r, c in zip(result, candidate, strict=True)]
    return result or []


def _table(columns: dict[str, list[Any]], schema: pa.Schema, rows: int) -> pa.Table:
    return pa.table(
        {name: pa.array(values or [None] * rows, schema.field(name).type) for name, values in columns.items()}
    )


def _text(value: Any) -> str | None:
    return (value.strip()[:500] or None) if isinstance(value, str) else None


def _localised(names: Any, locale: str) -> str | None:
    if not isinstance(names, dict):
        return None
    return (
        _text(names.get(locale))
        or _text(names.get("en"))
        or next((t for n in names.values() if (t := _text(n))), None)
    )


def _country(value: Any) -> str | None:
    return (
        value.upper()
        if isinstance(value, str) and len(value) == 2 and value.isascii() and value.isalpha()
        else None
    )


def _number(value: Any, low: float, high: float) -> float | None:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        return None  # NaN compares false
    return value


def _degrees(limit: int) -> Callable[[Any], float | None]:
    def read(value: Any) -> float | None:
        number = _number(value, -limit, limit)
        return None if number is None else float(number)

    return read


def _kilometres(value: Any) -> int | None:
    number = _number(value, 0, 65535)
    return None if number is None else math.ceil(number)


def _asn(value: Any) -> int | None:
    if isinstance(value, str):
        digits = value.strip().upper().removeprefix("AS")
        value = int(digits) if digits.isdecimal() and digits.isascii() and len(digits) <= 10 else None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 2**32:
        return None
    return value


def _network_type(value: Any) -> str | None:
    return USER_TYPES.get(value.strip().lower()) if isinstance(value, str) else None


def _true(value: Any) -> bool:
    return value is True or value == 1 or (isinstance(value, str) and value.strip().lower() == "true")
