"""STIX patterns over tables mean what OASIS's own matcher says they mean."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from workbench.exchange import stix

matcher = pytest.importorskip("stix2matcher.matcher", reason="the OASIS matcher is a development dependency")

START = datetime(2026, 1, 1, tzinfo=UTC)
V4 = ["10.0.0.1", "10.0.0.2", "10.0.1.1", "192.0.2.7"]
V6 = ["2001:db8::1", "2001:db8:0:1::1"]
ROW = st.fixed_dictionaries(
    {
        "ts": st.integers(0, 12),
        "src_ip": st.sampled_from([*V4, *V6, None]),
        "dst_ip": st.sampled_from([*V4, None]),
        "dst_port": st.sampled_from([22, 53, 80, 443, None]),
        "protocol": st.sampled_from(["tcp", "udp", None]),
        "domain": st.sampled_from(
            ["a.example", "b.example", "a.b.example", "x_y.test", "münchen.example", None]
        ),
        "size": st.sampled_from([0, 1, 10, 2.5, None]),
        "flag": st.sampled_from([True, False, None]),
        "tags": st.lists(st.sampled_from(["red", "blue", "green"]), max_size=2),
    }
)


def stamp(seconds: float) -> str:
    return (START + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def observed(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows as observed-data of STIX 2.1: what the mapping says the columns are."""
    objects: list[dict[str, Any]] = []
    for number, row in enumerate(rows):
        refs: list[str] = []

        def add(kind: str, refs: list[str] = refs, number: int = number, **properties: Any) -> str:
            name = f"{kind}--{number}-{len(refs)}"
            objects.append({"type": kind, "id": name, **properties})
            refs.append(name)
            return name

        traffic: dict[str, Any] = {"start": stamp(row["ts"])}
        for column, ref in (("src_ip", "src_ref"), ("dst_ip", "dst_ref")):
            if row[column] is not None:
                version = ipaddress.ip_address(row[column]).version
                traffic[ref] = add(f"ipv{version}-addr", value=row[column])
        if row["dst_port"] is not None:
            traffic["dst_port"] = row["dst_port"]
        if row["protocol"] is not None:
            traffic["protocols"] = [row["protocol"]]
        add("network-traffic", **traffic)
        if row["domain"] is not None:
            add("domain-name", value=row["domain"])
        custom = {name: row[name] for name in ("size", "flag") if row[name] is not None}
        add("x-row", tags=row["tags"], **custom)
        objects.append(
            {
                "type": "observed-data",
                "id": f"observed-data--{number}",
                "first_observed": stamp(row["ts"]),
                "last_observed": stamp(row["ts"]),
                "number_observed": 1,
                "object_refs": refs,
            }
        )
    return [{"type": "bundle", "id": "bundle--0", "objects": objects}]


def oracle(pattern: str, rows: list[dict[str, Any]]) -> set[int]:
    """Rows that take part in any binding."""
    listener = matcher.MatchListener(observed(rows), False, stix_version="2.1")
    matcher.Stix2Pattern21(pattern).walk(listener)
    return {row for binding in listener.matched() for row in binding if row is not None}


def ours(pattern: str, rows: list[dict[str, Any]]) -> set[int]:
    con = duckdb.connect()
    con.execute(
        "CREATE TABLE logs (ts TIMESTAMP, src_ip VARCHAR, dst_ip VARCHAR, dst_port USMALLINT, protocol VARCHAR, "
        "domain VARCHAR, size DOUBLE, flag BOOLEAN, tags VARCHAR[])"
    )
    names = ["src_ip", "dst_ip", "dst_port", "protocol", "domain", "size", "flag", "tags"]
    for row in rows:
        moment = (START + timedelta(seconds=row["ts"])).replace(tzinfo=None)
        con.execute("INSERT INTO logs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", [moment, *(row[n] for n in names)])
    mapping = {"x-row:size": "size", "x-row:flag": "flag", "x-row:tags": "tags"}
    matches = stix.match(con, "logs", pattern, mapping)
    assert all(item.reason.startswith("no column is") for item in matches.not_used), matches.not_used
    return set(matches.table.column("row").to_pylist())


def quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


ADDRESS = st.sampled_from([*V4, *V6, "198.51.100.9"])
NETWORK = st.sampled_from(["10.0.0.0/24", "10.0.0.0/8", "10.0.0.2/32", "192.0.2.0/25"])
NOT = st.sampled_from(["", "", "NOT "])
ORDER = st.sampled_from(["<", "<=", ">", ">="])
EQUAL = st.sampled_from(["=", "!="])
TEXT = st.sampled_from(
    ["a.example", "b.example", "zzz", "tcp", "udp", "red", "10.0.0.1", "münchen.example", stamp(3)]
)
LITERAL = st.one_of(
    TEXT.map(quoted),
    st.sampled_from(["22", "53", "443", "-1", "2.5", "10.0", "1", "0", "true", "false"]),
    st.just("h'612e6578616d706c65'"),
    st.just("b'YS5leGFtcGxl'"),
)
SET = st.one_of(
    st.lists(TEXT.map(quoted), max_size=3),
    st.lists(st.sampled_from(["22", "80", "443", "2.5", "10"]), min_size=1, max_size=3),
).map(lambda items: f"({', '.join(items)})")
LIKE = st.sampled_from(
    ["%example", "a.%", "_.example", "%", "x_y.test", "x.y.test", "%\\\\%", "10.0.0._", "%n%"]
)
REGEX = st.sampled_from(
    ["^a", "example$", "[ab]\\\\.", "(red|tcp)", "10\\\\.0\\\\.0\\\\.", ".", "^$", "ü", "^\\\\w+$"]
)
PATH = st.sampled_from(
    [
        "ipv4-addr:value", "ipv6-addr:value", "network-traffic:src_ref.value", "network-traffic:dst_ref.value",
        "network-traffic:dst_port", "network-traffic:protocols[*]", "network-traffic:protocols[0]",
        "network-traffic:protocols[1]", "network-traffic:protocols", "domain-name:value", "x-row:size", "x-row:flag",
        "x-row:tags[*]", "x-row:tags[0]", "x-row:tags[1]", "domain-name:nothing",
    ]
)  # fmt: skip


LIKELY = {
    "ipv4-addr:value": [quoted(a) for a in V4],
    "ipv6-addr:value": [quoted(a) for a in V6],
    "network-traffic:src_ref.value": [quoted(a) for a in V4 + V6],
    "network-traffic:dst_ref.value": [quoted(a) for a in V4],
    "network-traffic:dst_port": ["22", "53", "80", "443"],
    "network-traffic:protocols[*]": ["'tcp'", "'udp'"],
    "network-traffic:protocols[0]": ["'tcp'", "'udp'"],
    "domain-name:value": ["'a.example'", "'b.example'", "'a.b.example'", "'münchen.example'"],
    "x-row:size": ["0", "1", "10", "2.5"],
    "x-row:flag": ["true", "false"],
    "x-row:tags[*]": ["'red'", "'blue'"],
    "x-row:tags[0]": ["'red'", "'blue'"],
}


@st.composite
def comparison(draw: st.DrawFn, path: str | None = None) -> str:
    where = path or draw(PATH)
    if where in LIKELY and draw(st.integers(0, 2)):
        operator = draw(st.sampled_from(["=", "=", "!=", ">", "<="])) if where != "x-row:flag" else "="
        return f"{where} {operator} {draw(st.sampled_from(LIKELY[where]))}"
    kind = draw(st.sampled_from(["equal", "order", "in", "like", "matches", "subset", "superset", "time"]))
    no = draw(NOT)
    if kind == "subset" and where in ("ipv4-addr:value", "network-traffic:dst_ref.value"):
        return f"{where} {no}ISSUBSET {quoted(draw(NETWORK))}"
    if kind == "time":
        return f"network-traffic:start {no}{draw(st.sampled_from(['=', '!=', '<', '<=', '>', '>=']))} t{quoted(stamp(draw(st.integers(0, 12))))}"
    if kind == "order":
        return f"{where} {no}{draw(ORDER)} {draw(LITERAL.filter(lambda v: v not in ('true', 'false')))}"
    if kind == "in":
        return f"{where} {no}IN {draw(SET)}"
    if kind == "like":
        return f"{where} {no}LIKE '{draw(LIKE)}'"
    if kind == "matches":
        return f"{where} {no}MATCHES '{draw(REGEX)}'"
    value = quoted(draw(ADDRESS)) if "ref" in where or "addr" in where else draw(LITERAL)
    return f"{where} {no}{draw(EQUAL)} {value}"


@st.composite
def bracket(draw: st.DrawFn) -> str:
    parts = [draw(comparison())]
    for _ in range(draw(st.integers(0, 3))):
        parts += [draw(st.sampled_from(["AND", "OR"])), draw(comparison())]
    if len(parts) == 5 and draw(st.booleans()):
        return f"[({' '.join(parts[:3])}) {' '.join(parts[3:])}]"
    return f"[{' '.join(parts)}]"


@st.composite
def qualified(draw: st.DrawFn, depth: int) -> str:
    text = draw(bracket()) if depth == 0 else f"({draw(pattern(depth - 1))})"
    kinds = draw(st.lists(st.sampled_from(["WITHIN", "REPEATS", "START"]), max_size=2, unique=True))
    for kind in kinds:
        if kind == "WITHIN":
            text += f" WITHIN {draw(st.sampled_from(['1', '2', '4', '0.5', '12']))} SECONDS"
        elif kind == "REPEATS":
            text += f" REPEATS {draw(st.integers(1, 3))} TIMES"
        else:
            begin = draw(st.integers(0, 10))
            text += f" START t'{stamp(begin)}' STOP t'{stamp(begin + draw(st.integers(0, 8)))}'"
    return text


@st.composite
def pattern(draw: st.DrawFn, depth: int = 1) -> str:
    parts = [draw(qualified(draw(st.integers(0, depth))))]
    for _ in range(draw(st.integers(0, 2))):
        parts += [draw(st.sampled_from(["AND", "OR", "FOLLOWEDBY"])), draw(qualified(0))]
    return " ".join(parts)


CHECKS = [HealthCheck.too_slow, HealthCheck.data_too_large]


@settings(max_examples=250, deadline=None, suppress_health_check=CHECKS)
@given(text=bracket(), rows=st.lists(ROW, max_size=6))
@example(text="[network-traffic:dst_port NOT != 53]", rows=[])
def test_one_observation_matches_the_rows_the_oasis_matcher_finds(
    text: str, rows: list[dict[str, Any]]
) -> None:
    assert ours(text, rows) == oracle(text, rows), text


@settings(max_examples=250, deadline=None, suppress_health_check=CHECKS)
@given(text=pattern(), rows=st.lists(ROW, max_size=5))
def test_several_observations_bind_the_rows_the_oasis_matcher_binds(
    text: str, rows: list[dict[str, Any]]
) -> None:
    assert ours(text, rows) == oracle(text, rows), text
