"""What STIX objects say of addresses, prefixes and autonomous systems."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from workbench.exchange.stix.indicators import moment
from workbench.exchange.stix.syntax import (
    AllOf,
    AnyOf,
    Comparison,
    Expression,
    Joined,
    Node,
    Observation,
    PatternError,
    Qualified,
    parse_pattern,
)
from workbench.secrecy import TLP

if TYPE_CHECKING:
    import pyarrow as pa

    from workbench.intel.entries import Entries

__all__ = ["Statement", "entries_of", "statements"]

_PATHS = {
    ("ipv4-addr", ("value",)),
    ("ipv6-addr", ("value",)),
    ("network-traffic", ("src_ref", "value")),
    ("network-traffic", ("dst_ref", "value")),
}
_CATEGORIES = {
    "malicious-activity": "attacker",
    "compromised": "attacker",
    "attribution": "attacker",
    "anomalous-activity": "abuser",
    "anonymization": "proxy",
    "benign": "benign",
}
"""STIX indicator types (section 10.9) as categories of membership; ``unknown`` has none."""
_TOR = frozenset({"tor", "tor-exit", "tor-exit-node", "tor-node"})


@dataclass(frozen=True, slots=True)
class Statement:
    """One entry an object names. ``entry`` is an address, a CIDR prefix, or ``AS64496``.

    ``category`` is a :class:`~workbench.intel.source.Category`, ``None`` where the object does not
    judge. ``conditional`` means that the address alone is not what the pattern describes.
    """

    entry: str
    kind: str
    made_from: str
    category: str | None = None
    label: str | None = None
    confidence: int | None = None
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    conditional: bool = False
    note: str | None = None


def statements(value: Mapping[str, Any]) -> Iterator[Statement]:
    """The statements of one object by itself; what others say of it is not looked at.

    Raises:
        PatternError: the pattern of an indicator is none.
    """
    kind = value["type"]
    if kind == "indicator":
        yield from _of_indicator(value)
    elif kind in ("ipv4-addr", "ipv6-addr", "autonomous-system"):
        entry = _entry(value)
        if entry:
            yield Statement(*entry, "sco", label=_text(value.get("name")))
    elif kind == "observed-data" and isinstance(value.get("objects"), Mapping):
        for inner in value["objects"].values():
            if isinstance(inner, Mapping) and (entry := _entry(inner)):
                yield Statement(
                    *entry,
                    "observed-data",
                    confidence=value.get("confidence"),
                    first_seen=moment(value.get("first_observed")),
                    last_seen=moment(value.get("last_observed")),
                )


def _entry(value: Mapping[str, Any]) -> tuple[str, str] | None:
    if value.get("type") == "autonomous-system":
        number = value.get("number")
        return (f"AS{number}", "asn") if type(number) is int and 0 <= number < 2**32 else None
    if value.get("type") in ("ipv4-addr", "ipv6-addr"):
        return _network(value.get("value"))
    return None


def _network(text: object) -> tuple[str, str] | None:
    if not isinstance(text, str) or len(text) > 60:
        return None
    try:
        network = ipaddress.ip_network(text.partition("%")[0], strict=False)
    except ValueError:
        return None
    if network.prefixlen == network.max_prefixlen:
        return str(network.network_address), "address"
    return str(network), "prefix"


def _of_indicator(value: Mapping[str, Any]) -> Iterator[Statement]:
    if value.get("pattern_type", "stix") != "stix":
        return
    pattern = value["pattern"]
    if not isinstance(pattern, str):
        raise PatternError("the pattern is not text")
    # In STIX 2.0 the types are labels.
    given = value.get("indicator_types") or value.get("labels") or []
    types = [t for t in given if isinstance(t, str)] if isinstance(given, list) else []
    category = "benign" if set(types) == {"benign"} else _first(types)
    if _TOR & {t.lower() for t in types + [x for x in value.get("labels") or [] if isinstance(x, str)]}:
        category = "tor"
    node = parse_pattern(pattern)
    conditional = not isinstance(node, Observation) or _has_conditions(node.expression)
    seen: set[str] = set()
    for entry, kind in _entries(node):
        if entry in seen:
            continue
        seen.add(entry)
        yield Statement(
            entry,
            kind,
            "pattern",
            category=category,
            label=_text(value.get("name")) or _text(", ".join(types)) or "indicator",
            confidence=value.get("confidence"),
            first_seen=moment(value.get("valid_from")),
            valid_from=moment(value.get("valid_from")),
            valid_until=moment(value.get("valid_until")),
            conditional=conditional,
            note=pattern[:500] if conditional else _text(value.get("description")),
        )


def _first(types: list[str]) -> str:
    """What an indicator is for is to find the suspicious, unless it says otherwise (STIX 2.1 section 4.7)."""
    return next((_CATEGORIES[t] for t in types if t in _CATEGORIES and t != "benign"), "attacker")


def _has_conditions(expression: Expression) -> bool:
    if isinstance(expression, AnyOf):
        return any(_has_conditions(operand) for operand in expression.operands)
    return isinstance(expression, AllOf) or (isinstance(expression, Comparison) and expression.negated)


def _entries(node: Node) -> Iterator[tuple[str, str]]:
    if isinstance(node, Qualified):
        yield from _entries(node.node)
    elif isinstance(node, Joined):
        for operand in node.operands:
            yield from _entries(operand)
    else:
        pending: list[Expression] = [node.expression]
        while pending:
            item = pending.pop(0)
            if not isinstance(item, Comparison):
                pending[:0] = item.operands
            elif not item.negated and item.operator in ("=", "IN", "ISSUBSET"):
                values = item.value if isinstance(item.value, tuple) else (item.value,)
                yield from _named(item, values)


def _named(item: Comparison, values: tuple[Any, ...]) -> Iterator[tuple[str, str]]:
    for value in values:
        if (item.path.type, item.path.steps) in _PATHS:
            entry = _network(value)
        elif item.path.type == "autonomous-system" and item.path.steps == ("number",):
            entry = _entry({"type": "autonomous-system", "number": value})
        else:
            return
        if entry:
            yield entry


def _text(value: object) -> str | None:
    return value[:500] if isinstance(value, str) and value else None


def entries_of(evidence: pa.Table, *, at: datetime | None = None, up_to: TLP = TLP.RED) -> Entries:
    """Evidence as membership entries for a snapshot: judged addresses and prefixes valid at a moment (now).

    What only holds under further conditions is left out, and what is marked more closely than ``up_to``: a
    snapshot passes its entries on without their markings. Unmarked evidence is taken. Autonomous systems
    have no range of addresses of their own and are not here. Labels and dates are those that
    :mod:`workbench.intel.parsers.stix` gives the same indicators.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    from workbench.addresses import parse_networks
    from workbench.intel.entries import MEMBERSHIP, Entries

    now = pa.scalar(at or datetime.now(UTC), pa.timestamp("us", "UTC"))
    until = evidence["valid_until"]
    wanted = pc.is_in(evidence["kind"], pa.array(["address", "prefix"]))
    for condition in (
        pc.is_valid(evidence["category"]),
        pc.invert(evidence["conditional"]),
        pc.fill_null(pc.less_equal(evidence["valid_from"], now), True),
        pc.fill_null(pc.greater(until, now), True),
        pc.or_(
            pc.is_null(evidence["tlp"]),
            pc.is_in(evidence["tlp"], pa.array([level.label for level in TLP if level <= up_to])),
        ),
    ):
        wanted = pc.and_(wanted, condition)
    rows = evidence.filter(wanted)
    columns = {
        "category": rows["category"],
        "label": rows["label"],
        "level": pa.array([1] * len(rows), pa.uint16()),
        "confidence": rows["confidence"],
        "first_seen": pc.floor_temporal(rows["first_seen"], unit="second"),
        "last_seen": pc.floor_temporal(rows["last_seen"], unit="second"),
        "note": rows["note"],
    }
    table = pa.table(
        [columns[name].cast(kind) for name, kind in zip(MEMBERSHIP.names, MEMBERSHIP.types, strict=True)],
        schema=MEMBERSHIP,
    )
    return Entries(parse_networks(rows["entry"]), table)
