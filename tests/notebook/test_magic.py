"""SQL over a case in a cell, and looking addresses up in a line, in a real kernel."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.notebook.session.magic import bound

if TYPE_CHECKING:
    from tests.notebook.conftest import Kernel

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "samples" / "firewall.log"
ATTACKER = "84.205.67.213"


@pytest.fixture(scope="module")
def case(kernel: Kernel, tmp_path_factory: pytest.TempPathFactory) -> Kernel:
    """A kernel with the sample log in a case named ``case``."""
    path = str(tmp_path_factory.mktemp("case") / "c.duckdb")
    ran = kernel.run(
        f"%load_ext workbench\nimport workbench as wb\ncase = wb.open_case({path!r})\n"
        f"case.ingest({str(SAMPLE)!r})"
    )
    assert ran.status == "ok", ran.error
    return kernel


def test_a_cell_of_sql_gives_a_frame_with_the_functions_attached(case: Kernel) -> None:
    ran = case.run(
        "%%ip case\nSELECT src_ip, ip_country(src_ip) AS land, ip_asn('192.168.1.1') AS none, sum(line) AS lines "
        f"FROM firewall WHERE src_ip = '{ATTACKER}' GROUP BY ALL"
    )
    assert "84.205.67.213" in ran.html
    assert "NL" in ran.html
    # Integers stay integers, also where some are null and where they are sums.
    assert case.run("print(_.dtypes.none, _.dtypes.lines, _.lines[0])").printed == "UInt32 Int64 190\n"


def test_variables_are_bound_and_never_pasted(case: Kernel) -> None:
    case.run(
        "evil = \"x' OR 1=1 --\"\nbad = ['84.205.67.213', evil]\nimport ipaddress\none = ipaddress.ip_address('84.205.67.213')"
    )
    counted = "%%ip --into found\nSELECT count(*) AS n FROM firewall WHERE src_ip "
    assert case.run(counted + "= {evil}\n").status == "ok"
    assert case.run("print(found.n[0])").printed == "0\n"
    case.run(counted + "IN {bad}")
    assert case.run("print(found.n[0])").printed == "1\n"
    case.run(counted + "= { one }")
    assert case.run("print(found.n[0])").printed == "1\n"


def test_frames_and_triages_are_tables(case: Kernel) -> None:
    case.run(
        "import pandas as pd\nseen = pd.DataFrame({'ip': ['84.205.67.213'], 'who': ['ours']})\nworst = case.triage()"
    )
    ran = case.run("%%ip\nSELECT who, verdict FROM {seen} JOIN {worst} ON ip = address")
    assert "ours" in ran.html
    assert "malicious" in ran.html
    assert case.run("print(case.con.sql('SHOW TABLES').fetchall())").printed.count("py_") == 0


def test_all_rows_go_into_a_variable_and_few_are_shown(case: Kernel) -> None:
    assert case.run("%%ip --into log\nFROM firewall").printed == "log: 346 rows, 12 columns\n"
    ran = case.run("%%ip --rows 5\nFROM firewall")
    assert "the first 5 rows; --into NAME keeps all" in ran.printed
    assert case.run("print(len(_))").printed == "5\n"


def test_several_statements_run_in_order(case: Kernel) -> None:
    case.run("n = 41")
    ran = case.run(
        "%%ip\nCREATE TABLE t AS SELECT {n} AS a;\nINSERT INTO t VALUES (42);\nSELECT max(a) AS top FROM t"
    )
    assert "42" in ran.html
    assert case.run("%%ip\nDELETE FROM t").printed == "2 rows\n"


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ("%%ip\nSELECT * FROM nowhere", "SQL: no table nowhere; there are: firewall, firewall_unparsed"),
        ("%%ip\nSELECT wrong FROM firewall", 'Referenced column "wrong" not found'),
        ("%%ip\nSELECT 1;\n\nSELEC 2", 'syntax error at or near "SELEC" in line 3: SELEC 2'),
        ("%%ip\nSELECT {unknown}", "{unknown}: there is no variable unknown in this notebook"),
        ("%%ip\nSELECT {case}", "{case}: a Case is no value and no table for SQL"),
        ("%%ip other\nSELECT 1", "other is no case: there are case"),
        ("%%ip --into 1x\nSELECT 1", "--into 1x: no name for a variable"),
        ("%%ip\n-- nothing", "there is no statement in the cell"),
        ("%ip nothing here", "'nothing here' holds no IP address"),
        ("case.ingest('nowhere.log')", "No such file or directory: nowhere.log"),
        ("case.con.sql('SELECT * FROM nowhere')", "Table with name nowhere does not exist!"),
    ],
)  # fmt: skip
def test_errors_are_told_in_one_line_with_the_mend(case: Kernel, cell: str, told: str) -> None:
    ran = case.run(cell)
    assert ran.status == "error"
    (line,) = ran.error
    assert told in line
    assert "\n" not in line


def test_two_cases_are_told_apart(case: Kernel) -> None:
    case.run("second = wb.open_case(':memory:')")
    told = case.run("%%ip\nSELECT 1").error[0]
    assert "which case? there are case, second: write %%ip case" in told
    assert case.run("%%ip second\nSELECT 7 AS n").status == "ok"
    case.run("del second")


def test_without_a_case_a_database_in_memory_is_asked(case: Kernel) -> None:
    case.run("apart = [case]\ndel case")
    assert "US" in case.run("%%ip\nSELECT ip_country('8.8.8.8')").html
    case.run("case = apart[0]")


def test_a_closed_case_is_told(case: Kernel) -> None:
    case.run("shut = wb.open_case(':memory:')\nshut.close()")
    told = case.run("%%ip shut\nSELECT 1").error[0]
    case.run("del shut")
    assert "the case is closed: open it again" in told


def test_a_line_looks_addresses_up_also_defanged_ones(case: Kernel) -> None:
    assert "malicious" in case.run("%ip 84[.]205[.]67[.]213").shown[0]["text/plain"]
    case.run("several = ['84.205.67.213', '8.8.8.8']")
    assert "8.8.8.8" in case.run("%ip {several}").html


def test_help_of_the_magic_tells_how_it_is_used(case: Kernel) -> None:
    said = case.run("%ip?")
    text = str(said.shown) + said.printed + case.help("%ip")
    assert "never pasted into the query" in text


QUOTED = st.sampled_from(["'{a}'", '"{a}"', "-- {a}\n", "/* {a} */", "$$ {a} $$", "'it''s {a}'"])


@given(
    st.lists(
        st.one_of(QUOTED, st.just("{a}"), st.sampled_from([" ", "SELECT", "{'k': 1}", "{k: 1}", ","])),
        max_size=12,
    )
)
def test_only_places_outside_quotes_and_comments_are_filled(parts: list[str]) -> None:
    # A space between, or '' of two neighbours would be one quote.
    sql, values, tables = bound(" ".join(parts), {"a": 1})
    assert sql == " ".join("$py_a" if part == "{a}" else part for part in parts)
    assert values == ({"py_a": 1} if "{a}" in parts else {})
    assert not tables


@given(
    st.recursive(
        st.none() | st.text() | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False),
        lambda inner: st.lists(inner, max_size=3),
        max_leaves=6,
    )
)
def test_whatever_is_bound_is_not_in_the_text(value: Any) -> None:
    sql, values, _ = bound("SELECT {v}", {"v": value})
    assert sql == "SELECT $py_v"
    assert values == {"py_v": value}
