"""STIX patterns as queries over tables: what is asked for is found, what cannot be asked is told."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest

from workbench.exchange import stix


@pytest.fixture
def con() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute(
        "CREATE TABLE logs AS SELECT * FROM (VALUES "
        "(TIMESTAMP '2026-01-01 00:00:00', '10.0.0.1', '192.0.2.7', 443, 'tcp', 'a.example', 'x'), "
        "(TIMESTAMP '2026-01-01 00:00:05', '10.0.0.0/24', '2001:DB8:0::1', 22, 'tcp', 'b.example', 'y'), "
        "(TIMESTAMP '2026-01-01 00:01:00', '10.0.0.9', '192.0.2.8', 53, 'udp', NULL, 'z')) "
        "t (ts, src_ip, dst_ip, dst_port, protocol, domain, visitor)"
    )
    return con


def rows(con: duckdb.DuckDBPyConnection, pattern: Any, **options: Any) -> list[int]:
    found: list[int] = stix.match(con, "logs", pattern, **options).table.column("row").to_pylist()
    return found


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [
        ("[ipv4-addr:value ISSUPERSET '10.0.0.1']", [0, 1]),
        ("[ipv4-addr:value ISSUPERSET '10.0.0.0/25']", [1]),
        ("[ipv4-addr:value ISSUBSET '10.0.0.0/29']", [0]),
        ("[ipv6-addr:value = '2001:db8::1']", [1]),
        ("[ipv6-addr:value ISSUBSET '2001:db8::/32']", [1]),
        ("[network-traffic:dst_port IN (22, 443)]", [0, 1]),
        ("[network-traffic:protocols[*] = 'udp' AND network-traffic:dst_port < 100]", [2]),
        ("[domain-name:value LIKE '_.example' AND domain-name:value NOT = 'a.example']", [1]),
        ("[domain-name:value MATCHES '^[ab]\\\\.']", [0, 1]),
        ("[ipv4-addr:value = '10.0.0.1'] START t'2026-01-01T00:00:00Z' STOP t'2026-01-01T00:00:01Z'", [0]),
        ("[ipv4-addr:value = '10.0.0.1'] START t'2026-01-01T00:00:01Z' STOP t'2026-01-01T00:00:02Z'", []),
        ("([ipv4-addr:value = '10.0.0.1'] FOLLOWEDBY [network-traffic:dst_port = 53]) WITHIN 90 SECONDS", [0, 2]),
        ("([ipv4-addr:value = '10.0.0.1'] FOLLOWEDBY [network-traffic:dst_port = 53]) WITHIN 30 SECONDS", []),
        ("[network-traffic:protocols[*] = 'tcp'] REPEATS 2 TIMES WITHIN 10 SECONDS", [0, 1]),
    ],
)  # fmt: skip
def test_each_operator_finds_its_rows(
    con: duckdb.DuckDBPyConnection, pattern: str, wanted: list[int]
) -> None:
    assert rows(con, pattern) == wanted


def test_a_match_tells_row_time_and_indicator(con: duckdb.DuckDBPyConnection) -> None:
    found = stix.match(
        con, "logs", {"c2": "[ipv4-addr:value = '192.0.2.7']", "dns": "[network-traffic:dst_port = 53]"}
    )
    assert [(row["row"], f"{row['time']:%H:%M:%S}", row["name"]) for row in found.table.to_pylist()] == [
        (0, "00:00:00", "c2"), (2, "00:01:00", "dns"),
    ]  # fmt: skip
    assert found.summary == "2 of 2 indicators match 2 rows of logs"


def test_columns_are_found_by_name_and_can_be_said(con: duckdb.DuckDBPyConnection) -> None:
    assert "dst_port" in str(stix.columns_of(con, "logs"))
    assert rows(con, "[network-traffic:src_port = 53]", mapping={"src_port": "dst_port"}) == [2]
    assert rows(con, "[x-person:name = 'y']", mapping={"x-person:name": "visitor"}) == [1]
    assert rows(con, "[network-traffic:dst_port = 53]", mapping={"dst_port": None}) == []
    with pytest.raises(ValueError, match="nope"):
        rows(con, "[network-traffic:dst_port = 53]", mapping={"dst_port": "nope"})


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("[ipv4-addr:value = '10.0.0.1'; DROP TABLE logs; --]", "not a STIX pattern"),
        ("[[", "not a STIX pattern"),
        ("[" + "(" * 5000 + "ipv4-addr:value = '1'" + ")" * 5000 + "]", ""),
        ("[domain-name:value MATCHES '(?=a)']", "RE2, in linear time"),
        ("[file:hashes.'SHA-256' = 'x']", "no column is"),
        (f"[network-traffic:dst_port = 1{'0' * 5000}]", "more than 64 bits"),
        (f"[network-traffic:protocols[1{'0' * 5000}] = 'tcp']", "more than 64 bits"),
        (f"[ipv4-addr:value = '10.0.0.1'] REPEATS 1{'0' * 5000} TIMES", "more than 64 bits"),
        ("[ipv4-addr:value = '10.0.0.1'] REPEATS 2000000 TIMES", "a count from 1"),
    ],
)
def test_what_cannot_be_hunted_with_is_told_and_harms_no_other(
    con: duckdb.DuckDBPyConnection, pattern: str, reason: str
) -> None:
    found = stix.match(con, "logs", {"bad": pattern, "good": "[ipv4-addr:value = '10.0.0.1']"})
    assert [item.name for item in found.not_used] == ["bad"]
    assert reason in found.not_used[0].reason
    assert found.table.column("row").to_pylist() == [0]
    assert con.sql("SELECT count(*) FROM logs").fetchall() == [(3,)]


def test_an_address_of_the_other_family_is_another_object(con: duckdb.DuckDBPyConnection) -> None:
    assert rows(con, "[ipv6-addr:value NOT = '2001:db8::ffff']") == [1]


def test_and_over_or_is_written_out_to_a_bound(con: duckdb.DuckDBPyConnection) -> None:
    several = " AND ".join(
        "(" + " OR ".join(f"network-traffic:dst_port = {port + each}" for each in range(3)) + ")"
        for port in range(0, 60, 10)
    )
    found = stix.match(con, "logs", {"bad": f"[{several}]"})
    assert "more than 512 alternatives" in found.not_used[0].reason


def test_hostile_values_are_values(con: duckdb.DuckDBPyConnection) -> None:
    assert rows(con, r"[domain-name:value = '\'; DROP TABLE logs; --']") == []
    assert rows(con, "[domain-name:value MATCHES '(a+)+$']") == []
    assert rows(con, " OR ".join(["[ipv4-addr:value = '10.0.0.1']"] * 500)) == [0]
    assert con.sql("SELECT count(*) FROM logs").fetchall() == [(3,)]


def test_an_indicator_outside_its_validity_is_left_out_where_that_is_asked(
    con: duckdb.DuckDBPyConnection,
) -> None:
    indicator = {
        "type": "indicator", "id": "indicator--1", "pattern": "[ipv4-addr:value = '10.0.0.1']", "pattern_type": "stix",
        "valid_from": "2026-01-02T00:00:00Z",
    }  # fmt: skip
    assert rows(con, [indicator]) == [0]
    assert rows(con, [indicator], within_validity=True) == []
    for first, until, wanted in (
        (
            "2025-12-01T00:00:00Z",
            "2026-01-01T00:00:00Z",
            [],
        ),  # STIX 2.1 section 4.7: the moment itself is past it
        ("2025-12-01T00:00:00Z", "2026-01-01T00:00:00.001Z", [0]),
        ("2026-01-01T00:00:00Z", None, [0]),
        ("2026-01-01T00:00:00.001Z", None, []),
    ):
        dated = {**indicator, "valid_from": first} | ({"valid_until": until} if until else {})
        assert rows(con, [dated], within_validity=True) == wanted, dated
    assert rows(con, [indicator | {"revoked": True}]) == []


def test_a_case_is_hunted_in_as_its_connection_is(con: duckdb.DuckDBPyConnection) -> None:
    import workbench as wb

    with wb.open_case(":memory:") as case:
        case.con.from_arrow(con.table("logs").to_arrow_table()).create("logs")
        assert "ts is network-traffic:start" in str(stix.columns_of(case, "logs"))
        assert len(stix.match(case, "logs", "[network-traffic:dst_port = 53]")) == 1
        assert stix.observed(case, "logs").num_rows == 0  # 192.0.2.0/24 is for documentation


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("[ipv4-addr:value = '10.0.0.1'", "1:29: the end where ']' is expected"),
        ("[ipv4-addr:value = '10.0.0.1'] FOLLOWED BY", "1:31: 'FOLLOWED' where the end is expected"),
        ("10.0.0.1", "cannot stand here; one looks like [ipv4-addr:value = '192.0.2.1']"),
        ("[x-own:p.'a b' = 1]", "mapping={\"x-own:p.'a b'\": …}"),
    ],
)
def test_a_pattern_with_a_typing_error_is_told_in_words(
    con: duckdb.DuckDBPyConnection, pattern: str, words: str
) -> None:
    (said,) = stix.match(con, "logs", {"mine": pattern}).not_used
    assert words in said.reason
