"""Comparisons of a pattern as tests of the columns of one object.

What a comparison means between types follows section 9.6.1 of STIX 2.1 as OASIS's matcher reads it: values
of types that do not compare are unequal, and never less or greater. A property that is not there fails
every comparison, NOT or no NOT.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from workbench.exchange.stix.columns import ADDRESS_TYPES, Property, Slot
from workbench.exchange.stix.syntax import AllOf, AnyOf, Comparison, Expression, PatternError, Scalar

__all__ = ["Conjunction", "Test", "conjunctions", "never", "paths_of"]

MAX_CONJUNCTIONS = 512
_ORDER = ("<", "<=", ">", ">=")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Test:
    """One test of one column of a row; ``sql`` is the expression tested.

    ``how`` tells the way it is evaluated: ``address`` and ``text`` (LIKE, MATCHES) once for every distinct
    value of the expression, ``parameter`` with the value as a column of a join, ``list`` the same for any
    item of a list, ``present``, ``absent``. ``version`` is 4 or 6 where only addresses of that family count,
    0 for both, ``None`` where the value need not be an address.
    """

    __test__ = False  # pytest collects what is called Test

    property: Property
    how: str
    sql: str
    operator: str
    negated: bool
    value: Any
    version: int | None = None


Conjunction = tuple[Test, ...]


def conjunctions(expression: Expression, slot: Slot) -> list[Conjunction]:
    """The tests that make an object of the row satisfy the expression: any of the list, all of a tuple.

    Raises:
        PatternError: AND and OR are mixed so that writing them out takes more than 512 alternatives.
    """
    if isinstance(expression, Comparison):
        tests = _resolve(expression, slot)
        return [] if tests is None else [(test,) for test in tests]
    if isinstance(expression, AnyOf):
        found = [c for operand in expression.operands for c in conjunctions(operand, slot)]
        return list(dict.fromkeys(found))
    result: list[Conjunction] = [()]
    for operand in expression.operands:
        parts = conjunctions(operand, slot)
        if len(result) * len(parts) > max(MAX_CONJUNCTIONS, len(result)):
            raise PatternError(
                f"AND over OR: written out it has more than {MAX_CONJUNCTIONS} alternatives; use IN for lists of values"
            )
        result = [tuple(dict.fromkeys(left + right)) for left in result for right in parts]
    return result


def paths_of(expression: Expression) -> list[Comparison]:
    """All comparisons of an expression."""
    if isinstance(expression, Comparison):
        return [expression]
    return [c for operand in expression.operands for c in paths_of(operand)]


def never(expression: Expression) -> str | None:
    """Why an expression cannot be true of any object: AND over different object types; ``None`` where it can."""
    if isinstance(expression, AllOf):
        kinds = {c.path.type for c in paths_of(expression) if not isinstance(c.value, tuple) or c.value}
        if len(kinds) > 1 and all(isinstance(o, Comparison) for o in expression.operands):
            return (
                f"[… AND …] joins {' and '.join(sorted(kinds))}: within brackets AND is about one object, so this never "
                f"matches; write [… ] AND [… ] for two objects"
            )
    return None


def _resolve(comparison: Comparison, slot: Slot) -> list[Test] | None:
    """The alternatives of one comparison on one object; ``None`` where it cannot be true."""
    path = comparison.path
    if path.type not in slot.types:
        return None
    version = _version(path.type, slot)
    found, index = _find(path.steps, slot)
    if found is None:
        if comparison.operator == "EXISTS" and comparison.negated:
            return _object_is_there(slot, version)
        return None
    kind, sql = found.kind, found.sql
    if kind == "address" and version is None:
        version = 0
    inside = kind == "list" and index is None
    if kind in ("list", "single") and index is not _WHOLE:
        if index is not None and not (
            isinstance(index, int) and 0 <= index < (1 if kind == "single" else 1 << 30)
        ):
            return None
        if kind == "list" and isinstance(index, int):
            sql = f"({sql})[{index + 1}]"
        kind = "text"
    there = f"nullif(len({sql}), 0)" if inside else sql
    present = Test(found, "present", there, "EXISTS", False, None, version)
    if comparison.operator == "EXISTS":
        if not comparison.negated:
            return [present]
        others = [p.sql for p in slot.properties.values() if p is not found]
        if not others:
            return None
        object_there = " OR ".join(f"{other} IS NOT NULL" for other in others)
        return [Test(found, "absent", f"({there} IS NULL AND ({object_there}))", "EXISTS", True, None)]
    if kind in ("list", "single"):  # a list is unequal to every literal
        return [present] if comparison.negated and comparison.operator not in _ORDER else None
    if inside:
        return _typed(comparison, found, kind, sql, version, present, inside=True)
    return _typed(comparison, found, kind, sql, version, present)


_WHOLE = object()


def _find(steps: tuple[str | int | None, ...], slot: Slot) -> tuple[Property | None, object]:
    for known, prop in slot.properties.items():
        if prop.kind in ("list", "single"):
            if steps == known:
                return prop, _WHOLE
            if len(steps) == len(known) + 1 and steps[:-1] == known and not isinstance(steps[-1], str):
                return prop, steps[-1]
        elif len(steps) == len(known) and all(
            a == b or (b is None and a == 0) for a, b in zip(steps, known, strict=True)
        ):
            return prop, None
    return None, None


def _version(kind: str, slot: Slot) -> int | None:
    if kind in ADDRESS_TYPES and any(p.kind == "address" for p in slot.properties.values()):
        return 4 if kind == "ipv4-addr" else 6
    return None


def _object_is_there(slot: Slot, version: int | None) -> list[Test]:
    return [Test(p, "present", p.sql, "EXISTS", False, None, version if p.kind == "address" else None) for p in slot.properties.values()]  # fmt: skip


def _typed(
    comparison: Comparison,
    prop: Property,
    kind: str,
    sql: str,
    version: int | None,
    present: Test,
    inside: bool = False,
) -> list[Test] | None:
    operator, negated, value = comparison.operator, comparison.negated, comparison.value
    if operator in ("ISSUBSET", "ISSUPERSET", "LIKE", "MATCHES"):
        compares = kind == "address" or (kind in ("text", "timestamp") and operator in ("LIKE", "MATCHES"))
        if operator in ("ISSUBSET", "ISSUPERSET"):
            _check_network(operator, str(value))
    elif operator == "IN":
        values = value if isinstance(value, tuple) else ()
        compares = bool(values) and _comparable(kind, values[0])
    else:
        compares = not isinstance(value, tuple) and value is not None and _comparable(kind, value)
    if not compares:
        return [present] if negated and operator not in _ORDER else None
    if kind == "address" and operator in ("=", "IN", "ISSUBSET", "ISSUPERSET"):
        literals = value if isinstance(value, tuple) else (value,)
        texts = tuple(v.decode("latin-1") if isinstance(v, bytes) else v for v in literals)
        return [Test(prop, "address", sql, operator, negated, texts, version)]
    if inside:
        return [Test(prop, "list", sql, operator, negated, _literal(kind, sql, operator, value, prop)[1])]
    sql, ready = _literal(kind, sql, operator, value, prop)
    if operator in ("LIKE", "MATCHES"):
        return [Test(prop, "text", sql, operator, negated, ready, version)]
    return [Test(prop, "parameter", sql, operator, negated, ready, version)]


def _comparable(kind: str, value: Scalar) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if isinstance(value, int | float):
        return kind in ("integer", "number")
    if isinstance(value, datetime):
        return kind in ("timestamp", "text")
    return kind in ("text", "address", "timestamp")


def _literal(kind: str, sql: str, operator: str, value: Any, prop: Property) -> tuple[str, Any]:
    """The expression and the literal in the one type they compare in."""
    first = value[0] if isinstance(value, tuple) else value
    if isinstance(first, datetime):
        if kind == "text":
            sql = f"epoch_us(TRY_CAST({sql} AS TIMESTAMP))"
        return sql, _each(value, lambda v: (v - _EPOCH) // _EPOCH.resolution)
    if kind == "timestamp":  # in STIX it is text to whoever compares it with text
        sql = f"strftime(make_timestamp({sql}), '%Y-%m-%dT%H:%M:%S.%gZ')"
    if isinstance(first, bytes):
        if operator in _ORDER:
            sql = f"CASE WHEN regexp_full_match({sql}, '[\\x00-\\x{{FF}}]*') THEN {sql} END"
        value = _each(value, lambda v: v.decode("latin-1"))
    if isinstance(first, str | bytes):
        if operator == "MATCHES":
            return f"nfc_normalize({sql})", ("(?i)" if prop.fold else "") + _regex(value)
        if operator == "LIKE":
            sql, value = f"nfc_normalize({sql})", _nfc(value)
        if prop.fold:
            dotted = prop.sql.startswith("rtrim(") and operator in ("=", "IN")
            value = _each(value, lambda v: v.lower().rstrip(".") if dotted else v.lower())
    elif isinstance(first, float) or (isinstance(value, tuple) and any(isinstance(v, float) for v in value)):
        value = _each(value, float)
    return sql, value


def _each(value: Any, change: Any) -> Any:
    return tuple(change(v) for v in value) if isinstance(value, tuple) else change(value)


def _nfc(text: str) -> str:
    import unicodedata

    return unicodedata.normalize("NFC", text)


def _regex(text: str) -> str:
    if len(text) > 4096:
        raise PatternError(f"MATCHES with an expression of {len(text)} characters; at most 4096 are taken")
    return _nfc(text)


def _check_network(operator: str, text: str) -> None:
    import ipaddress

    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise PatternError(f"{operator} {text!r}: not an address or prefix ({error})") from None
