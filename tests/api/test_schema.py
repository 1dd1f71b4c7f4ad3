"""The schema: printed, described, and of the terms that others use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    validate_schema,
)

from workbench.api.schema import scalars, schema

PRINTED = Path(__file__).parents[2] / "workbench" / "api" / "schema.graphql"


def _own() -> list[Any]:
    return [kind for name, kind in schema._schema.type_map.items() if not name.startswith("__")]


def test_the_printed_schema_is_current() -> None:
    assert PRINTED.read_text(encoding="utf-8") == schema.as_str() + "\n", (
        "print it again: python -c 'from workbench.api.schema import schema; print(schema.as_str())' > workbench/api/schema.graphql"
    )


def test_it_is_a_valid_schema() -> None:
    assert validate_schema(schema._schema) == []


def test_everything_is_described() -> None:
    silent = []
    for kind in _own():
        if kind.name in ("Int", "Float", "String", "Boolean", "ID"):
            continue
        if not kind.description:
            silent.append(kind.name)
        if isinstance(kind, GraphQLEnumType):
            silent += [f"{kind.name}.{name}" for name, value in kind.values.items() if not value.description]
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
            for name, field in kind.fields.items():
                if not field.description:
                    silent.append(f"{kind.name}.{name}")
                silent += [
                    f"{kind.name}.{name}({argument})"
                    for argument, value in getattr(field, "args", {}).items()
                    if not value.description
                ]
    assert silent == []


def test_every_list_that_may_be_long_is_bounded_by_an_argument() -> None:
    """So that the cost of a query is known before it is run."""
    short = {"members", "sources", "recipients", "tags"}
    for kind in (schema._schema.query_type, schema._schema.type_map["IpProfile"]):
        assert isinstance(kind, GraphQLObjectType)
        for name, field in kind.fields.items():
            listed = str(field.type).startswith("[") or str(field.type).endswith("Connection!")
            if listed and name not in short:
                assert set(field.args) & {"first", "ids", "addresses"}, f"{kind.name}.{name}"


@pytest.mark.parametrize(
    ("kind", "given", "read"),
    [
        ("IPAddress", "192.0.2.1", "192.0.2.1"),
        ("IPAddress", "2001:DB8:0:0::1", "2001:db8::1"),
        ("IPAddress", "::ffff:192.0.2.1", "192.0.2.1"),
        ("CIDR", "2001:db8::/32", "2001:db8::/32"),
        ("CIDR", "192.0.2.1/32", "192.0.2.1/32"),
        ("IPAddressOrCIDR", "192.0.2.1/32", "192.0.2.1"),
        ("IPAddressOrCIDR", "10.0.0.0/8", "10.0.0.0/8"),
        ("CountryCode", "NL", "NL"),
        ("CountryCode", "XK", "XK"),
        ("ASN", 4294967295, 4294967295),
        ("BigInt", 9007199254740991, 9007199254740991),
        ("UUID", "6BA7B810-9DAD-11D1-80B4-00C04FD430C8", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"),
        ("DateTime", "2026-10-05T12:00:00Z", "2026-10-05T12:00:00Z"),
        ("DateTime", "2026-10-05t12:00:00.25+02:00", "2026-10-05T10:00:00.250000Z"),
        ("DateTime", "2026-10-05T12:00:00.123456789Z", "2026-10-05T12:00:00.123456Z"),
    ],
)
def test_a_scalar_reads_what_is_one_and_writes_it_in_one_way(kind: str, given: Any, read: Any) -> None:
    scalar: Any = schema._schema.type_map[kind]
    assert scalar.serialize(scalar.parse_value(given)) == read


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        *[
            ("IPAddress", wrong)
            for wrong in (
                "", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.4/32", "fe80::1%eth0", "::1%", " 1.2.3.4", "1.2.3.4\n",
                "\u0661.2.3.4", "localhost", 16909060, None, True, ["1.2.3.4"], "1" * 5000,
            )
        ],
        *[("CIDR", wrong) for wrong in ("1.2.3.4", "1.2.3.4/24", "1.2.3.0/33", "1.2.3.0/255.255.255.0", "1.2.3.0/-1", "/24", 5)],
        *[("IPAddressOrCIDR", wrong) for wrong in ("1.2.3.4/24", "x", "1.2.3.4/", 5, {})],
        *[("CountryCode", wrong) for wrong in ("nl", "NLD", "XX", "", "N L", 31, "Ǹ")],
        *[("ASN", wrong) for wrong in (-1, 4294967296, 1.5, "64496", "AS64496", True, None)],
        *[("BigInt", wrong) for wrong in (-1, 2**53, "5", 1.0, True)],
        *[("UUID", wrong) for wrong in ("", "6ba7b8109dad11d180b400c04fd430c8", "{6ba7b810-9dad-11d1-80b4-00c04fd430c8}", 1, "x" * 36)],
        *[
            ("DateTime", wrong)
            for wrong in (
                "2026-10-05", "2026-10-05T12:00:00", "2026-10-05 12:00:00Z", "2026-13-05T12:00:00Z", "2026-10-05T24:00:01Z",
                "2026-10-05T12:00Z", "2026-10-05T12:00:00+0200", "2026-10-05T12:00:00.Z", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59",
                1759665600, "2026-10-05T12:00:00+25:00", "now",
            )
        ],
        *[("StixBundle", wrong) for wrong in ({}, [], "{}", {"type": "indicator"}, None)],
    ],
)  # fmt: skip
def test_a_scalar_refuses_what_is_none(kind: str, wrong: Any) -> None:
    scalar: Any = schema._schema.type_map[kind]
    with pytest.raises(ValueError, match=r"\w"):
        scalar.parse_value(wrong)


def test_scalars_are_specified() -> None:
    assert {definition.name for definition in scalars.SCALARS.values()} <= set(schema._schema.type_map)
