"""Intel in SQL; against the shipped pack."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import duckdb
import pytest

import workbench as wb
from workbench.enrichment.engine import SCHEMA
from workbench.frames.duckdb import watched


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE logs AS FROM (VALUES ('185.246.188.74', 1), ('8.8.8.8', 2), ('junk', 3), (NULL, 4)) t(src_ip, n)"
        )
        yield connection


def test_functions_answer_in_any_query(con: duckdb.DuckDBPyConnection) -> None:
    wb.attach(con)
    rows = con.sql(
        "SELECT ip_country(src_ip), ip_is_tor(src_ip), ip_asn(src_ip), ip_verdict(src_ip) FROM logs ORDER BY n"
    ).fetchall()
    assert rows[0] == ("NL", True, 200651, "anonymised")
    assert rows[1] == ("US", False, 15169, "clean")
    assert rows[2] == rows[3] == (None, None, None, "invalid")


def test_the_struct_has_every_column(con: duckdb.DuckDBPyConnection) -> None:
    wb.attach(con)
    (found,) = con.sql("SELECT ip_enrich('8.8.8.8')").fetchall()[0]
    assert list(found) == SCHEMA.names
    assert found["as_org"] == "Google LLC"


def test_attaching_twice_is_harmless(con: duckdb.DuckDBPyConnection) -> None:
    wb.attach(wb.attach(con))
    assert con.sql("SELECT ip_version('::1')").fetchall() == [(6,)]


def test_a_table_is_enriched_whole(con: duckdb.DuckDBPyConnection) -> None:
    seen: list[tuple[int, int]] = []
    wb.enrich_table(
        con, "logs", "src_ip", into="logs_ip", progress=lambda done, total: seen.append((done, total))
    )
    assert con.sql("SELECT n, src_ip_verdict, src_ip_asn FROM logs_ip ORDER BY n").fetchall() == [
        (1, "anonymised", 200651), (2, "clean", 15169), (3, "invalid", None), (4, "invalid", None),
    ]  # fmt: skip
    assert seen[-1] == (4, 4)


def test_a_big_table_agrees_with_the_functions(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        "CREATE TABLE big AS SELECT concat_ws('.', hash(i) % 224, hash(i+1) % 256, hash(i+2) % 256, 1) AS ip FROM range(600_000) t(i)"
    )
    wb.attach(con)
    wb.enrich_table(con, "big", "ip", into="big_ip")
    assert con.sql("SELECT count(*) FROM big_ip").fetchall() == [(600_000,)]
    assert con.sql(
        "SELECT count(*) FROM (FROM big_ip USING SAMPLE 5000) WHERE ip_country IS DISTINCT FROM ip_country(ip)"
    ).fetchall() == [(0,)]


@pytest.mark.parametrize(
    ("table", "column", "into", "words"),
    [
        ("logs", "source", "x", "it has: src_ip, n"),
        ("nothing", "src_ip", "x", "nothing"),
        ("logs", "src_ip", "logs", "logs"),
    ],
)
def test_mistakes_are_told_and_leave_nothing_behind(
    con: duckdb.DuckDBPyConnection, table: str, column: str, into: str, words: str
) -> None:
    with pytest.raises((ValueError, duckdb.Error), match=words):
        wb.enrich_table(con, table, column, into=into)
    assert [name for (name,) in con.sql("SHOW TABLES").fetchall()] == ["logs"]


def test_names_are_never_taken_for_sql(con: duckdb.DuckDBPyConnection) -> None:
    con.execute('CREATE TABLE "a""; DROP TABLE logs; --" AS SELECT \'1.1.1.1\' AS "x y"')
    with pytest.raises(ValueError, match="it has"):
        wb.enrich_table(con, "logs", 'src_ip"; DROP TABLE logs; --', into="x")
    assert con.sql("SELECT count(*) FROM logs").fetchall() == [(4,)]


def test_cancelling_between_two_statements_cancels_as_well(con: duckdb.DuckDBPyConnection) -> None:
    asked = threading.Event()

    def cancelled(done: int, total: int) -> None:
        asked.set()
        raise KeyboardInterrupt

    def work() -> None:
        with watched(con, cancelled):
            con.execute("CREATE TABLE half AS SELECT 1")
            assert asked.wait(30)
            time.sleep(0.02)  # no statement runs that could be interrupted

    with pytest.raises(KeyboardInterrupt):
        work()
    assert con.sql("SHOW TABLES").fetchall() == [("logs",)]
