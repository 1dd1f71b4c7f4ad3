"""A case file from log to verdicts."""

from __future__ import annotations

import bz2
import gc
import gzip
from pathlib import Path

import pytest

import workbench as wb
from workbench.frames.interrupts import ctrl_c

SAMPLE = Path(__file__).resolve().parents[1] / "data" / "samples" / "firewall.log"


def test_from_log_to_verdicts(tmp_path: Path) -> None:
    with wb.open_case(tmp_path / "intrusion.duckdb") as case:
        log = case.ingest(SAMPLE)
        assert (log.name, log.format, log.rows, log.unparsed) == ("firewall", "netfilter", 346, 2)
        case.enrich("firewall", "src_ip")
        assert case.con.sql(
            "SELECT count(DISTINCT src_ip) FROM firewall_ip WHERE src_ip_is_tor"
        ).fetchall() == [(3,)]
        result = case.triage("firewall", concern={"HK"})
        assert result.counts == {"malicious": 2, "anonymised": 3, "watch": 1, "clean": 17}
        assert case.con.sql("SELECT ip_country('8.8.8.8')").fetchall() == [("US",)]
        assert case.profile("84.205.67.213").verdict == "malicious"
    with wb.open_case(tmp_path / "intrusion.duckdb") as again:
        assert again.tables() == ["firewall", "firewall_ip"]


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("t.csv", b"src_ip,n\n8.8.8.8,1\njunk,2\n", "csv"),
        ("t.jsonl", b'{"src_ip": "8.8.8.8", "n": 1}\n{"src_ip": null, "n": 2}\n', "json"),
        ("note.txt.gz", gzip.compress(b"they came from 8[.]8[.]8[.]8 and 10.0.0.1", mtime=0), "text"),
    ],
)
def test_other_files_become_tables_too(tmp_path: Path, name: str, data: bytes, kind: str) -> None:
    (tmp_path / name).write_bytes(data)
    with wb.open_case(tmp_path / "case.duckdb") as case:
        made = case.ingest(tmp_path / name)
        assert (made.format, made.rows) == (kind, 2)
        assert case.triage().table.column("address").to_pylist() == ["8.8.8.8"]


CSV = "src_ip,n\n93.175.147.88,1\n8.8.8.8,2\n"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("t.csv", CSV.encode("utf-8-sig")),
        ("t.csv", CSV.encode("utf-16")),
        ("t.csv", CSV.encode("utf-16-le")),  # without a mark
        ("t.csv", gzip.compress(CSV.encode())),  # the name does not say so
        ("t.csv.gz", CSV.encode()),  # the name is wrong
        ("t.csv", CSV.replace(",", ";").replace("\n", "\r\n").encode()),
    ],
    ids=["utf-8-sig", "utf-16", "utf-16-le", "gzip", "named gzip", "semicolons"],
)
def test_a_csv_is_read_whatever_its_encoding_and_packing(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    with wb.open_case(tmp_path / "case.duckdb") as case:
        made = case.ingest(tmp_path / name)
        assert (made.format, made.rows, made.unparsed) == ("csv", 2, 0)
        assert case.con.sql("FROM t").fetchall() == [("93.175.147.88", 1), ("8.8.8.8", 2)]
        assert case.con.sql("SHOW TABLES").fetchall() == [("t",)]


def test_a_csv_as_western_spreadsheets_write_it_keeps_its_letters(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(
        "Straße;src_ip\r\nMünster;93.175.147.88\r\nKöln;8.8.8.8\r\n".encode("latin-1")
    )
    with wb.open_case(tmp_path / "case.duckdb") as case:
        case.ingest(tmp_path / "t.csv")
        assert case.con.sql('SELECT "Straße" FROM t').fetchall() == [("Münster",), ("Köln",)]


def test_lines_of_a_csv_that_do_not_fit_are_put_aside_and_the_rest_is_read(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(CSV + "a\n1.1.1.1,2,3,4\n" + "9.9.9.9,3\n" * 30_000 + "9.9.9.9,many\n")
    with wb.open_case(tmp_path / "case.duckdb") as case:
        made = case.ingest(tmp_path / "t.csv")
        assert (made.rows, made.unparsed) == (30_002, 3)
        aside = case.con.sql("FROM t_unparsed").fetchall()
        assert aside == [(4, "a"), (5, "1.1.1.1,2,3,4"), (30_006, "9.9.9.9,many")]
        assert case.tables() == ["t"]


def test_a_title_above_the_columns_of_a_csv_is_put_aside(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("Export of 2026-10-05\n\n" + CSV)
    with wb.open_case(tmp_path / "case.duckdb") as case:
        made = case.ingest(tmp_path / "t.csv")
        assert (made.rows, made.unparsed) == (2, 2)
        assert case.con.sql("FROM t_unparsed").fetchall() == [(1, "Export of 2026-10-05"), (2, "")]
        assert case.con.table("t").columns == ["src_ip", "n"]


LINE = '{"src_ip":"93.175.147.88","n":1,"at":"2026-10-05T06:00:00Z"}\n'


def test_lines_of_json_that_are_damaged_are_put_aside_and_the_rest_is_read(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text(
        LINE * 2 + '{"src_ip":"8.8.8.8","n":\n\nnot json\n[1]\n' + LINE * 30_000
    )
    with wb.open_case(tmp_path / "case.duckdb") as case:
        made = case.ingest(tmp_path / "t.jsonl")
        assert (made.format, made.rows, made.unparsed) == ("json", 30_002, 3)
        aside = case.con.sql("FROM t_unparsed").fetchall()
        assert aside == [(3, '{"src_ip":"8.8.8.8","n":'), (5, "not json"), (6, "[1]")]
        assert [str(kind) for kind in case.con.table("t").types] == [
            "VARCHAR",
            "BIGINT",
            "TIMESTAMP WITH TIME ZONE",
        ]
        assert case.tables() == ["t"]


def test_a_value_of_another_kind_far_down_loses_neither_itself_nor_the_rest(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text(LINE * 30_000 + '{"src_ip":"8.8.8.8","n":"many"}\n')
    with wb.open_case(tmp_path / "case.duckdb") as case:
        made = case.ingest(tmp_path / "t.jsonl")
        assert (made.rows, made.unparsed, case.tables()) == (30_001, 0, ["t"])
        assert case.con.sql("SELECT n ->> '$' FROM t WHERE src_ip = '8.8.8.8'").fetchall() == [("many",)]


@pytest.mark.parametrize(
    ("name", "data", "rows"),
    [
        ("t.jsonl", (LINE * 2).encode("utf-16"), [("93.175.147.88",)] * 2),
        ("t.jsonl", gzip.compress((LINE * 2).encode()), [("93.175.147.88",)] * 2),
        ("t.jsonl.bz2", bz2.compress(LINE.encode()), [("93.175.147.88",)]),
        ("t.json", b'{"src_ip":"8.8.8.8\xe9"}\n{"src_ip":"8.8.4.4"}\n', [("8.8.8.8\ufffd",), ("8.8.4.4",)]),
    ],
    ids=["utf-16", "gzip", "bzip2", "latin-1"],
)
def test_json_is_read_whatever_its_encoding_and_packing(
    tmp_path: Path, name: str, data: bytes, rows: list[tuple[str]]
) -> None:
    (tmp_path / name).write_bytes(data)
    with wb.open_case(tmp_path / "case.duckdb") as case:
        assert case.ingest(tmp_path / name).unparsed == 0
        assert case.con.sql("SELECT src_ip FROM t").fetchall() == rows


def test_a_json_array_of_addresses_is_a_column_of_them(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text('["93.175.147.88", "8.8.8.8"]')
    with wb.open_case(tmp_path / "case.duckdb") as case:
        case.ingest(tmp_path / "t.json")
        assert case.con.sql("SELECT json FROM t").fetchall() == [("93.175.147.88",), ("8.8.8.8",)]


@pytest.mark.parametrize(
    ("name", "data"),
    [("t.csv", bytes(range(256)) * 40), ("t.csv", b"\xfe\xff" + CSV.encode("utf-16-be")), ("t.json", b'{"a":'), ("t.parquet", b"PAR1")],
    ids=["binary", "big-endian", "json", "parquet"],
)  # fmt: skip
def test_a_damaged_file_is_refused_by_name_in_one_line(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    with wb.open_case(tmp_path / "case.duckdb") as case:
        with pytest.raises(ValueError, match=name) as told:
            case.ingest(tmp_path / name)
        assert "\n" not in str(told.value)
        assert case.tables() == []


@pytest.mark.parametrize("name", ["t.csv", "t.json", "firewall.log", "empty"])
def test_what_is_no_case_is_not_opened_as_one_and_left_as_it_is(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_text("" if name == "empty" else '{"src_ip": "8.8.8.8"}' if name == "t.json" else CSV)
    file.chmod(0o644)
    with pytest.raises(OSError, match="no DuckDB file"):
        wb.open_case(file)
    assert file.stat().st_mode & 0o777 == 0o644
    with pytest.raises(OSError, match="is a folder"):
        wb.open_case(tmp_path)


def test_a_mistyped_table_is_told_with_those_there_are(tmp_path: Path) -> None:
    with wb.open_case(tmp_path / "case.duckdb") as case:
        with pytest.raises(ValueError, match="ingest a log first"):
            case.triage("firewal")
        case.ingest(SAMPLE)
        for use in (
            lambda: case.triage("firewal"),
            lambda: case.enrich("firewal"),
            lambda: case.enrich("firewal", "src_ip"),
            lambda: case.map("firewal"),
        ):
            with pytest.raises(ValueError, match="no table 'firewal'; there are: firewall"):
                use()


def test_cells_that_are_run_again_say_what_to_do_and_do_it(tmp_path: Path) -> None:
    case = wb.open_case(tmp_path / "case.duckdb")
    case.ingest(SAMPLE)
    case.enrich("firewall", "src_ip")
    case = wb.open_case(
        tmp_path / "case.duckdb"
    )  # as a cell does: the case before is still open, then no more
    assert case.con.sql("SELECT ip_country('8.8.8.8')").fetchall() == [("US",)]
    with pytest.raises(ValueError, match=r"firewall.*replace=True"):
        case.ingest(SAMPLE)
    with pytest.raises(ValueError, match=r"firewall_ip.*into=.*replace=True"):
        case.enrich("firewall", "src_ip")
    assert case.ingest(SAMPLE, replace=True).rows == 346
    assert len(case.enrich("firewall", "dst_ip", replace=True)) == 346
    assert "dst_ip_verdict" in case.con.table("firewall_ip").columns
    assert case.tables() == ["firewall", "firewall_ip"]
    case.close()


def test_a_table_that_cannot_be_read_anew_stays_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "firewall.log.gz").write_bytes(gzip.compress(SAMPLE.read_bytes())[:-40])
    with wb.open_case(tmp_path / "case.duckdb") as case:
        case.ingest(SAMPLE)
        with pytest.raises(ValueError, match=r"firewall\.log\.gz"):
            case.ingest(tmp_path / "firewall.log.gz", format="netfilter", replace=True)
        assert case.con.table("firewall").count("*").fetchall() == [(346,)]


@pytest.mark.parametrize("name", ["own.jsonl", "own.csv", "own.txt"])
def test_tables_of_every_kind_are_read_anew_with_what_was_not_understood(tmp_path: Path, name: str) -> None:
    texts = {
        "own.jsonl": ('{"ip": "8.8.8.8"}\n', '{"ip": "8.8.4.4"}\n{"ip": \n'),
        "own.csv": ("ip,n\n8.8.8.8,1\n", "ip,n\n8.8.4.4,1\n1.1.1.1,2\n9.9.9.9,3\n1,2,3,4\n"),
        "own.txt": ("8.8.8.8", "8.8.4.4"),
    }
    with wb.open_case(tmp_path / "case.duckdb") as case:
        for text in texts[name]:
            (tmp_path / name).write_text(text)
            made = case.ingest(tmp_path / name, replace=True)
        assert made.name == "own"
        assert case.tables() == ["own"]
        assert "8.8.8.8" not in case.con.table("own").to_arrow_table().column("address" if name == "own.txt" else "ip").to_pylist()  # fmt: skip
        assert case.con.table("own_unparsed").count("*").fetchall() == [(1,)] if made.unparsed else True


def test_a_case_that_is_closed_leaves_the_functions_of_another_on_the_same_file(tmp_path: Path) -> None:
    first = wb.open_case(tmp_path / "case.duckdb")
    with wb.open_case(tmp_path / "case.duckdb") as second:
        first.close()
        del first
        gc.collect()
        assert second.con.sql("SELECT ip_country('8.8.8.8')").fetchall() == [("US",)]


@pytest.mark.parametrize("name", ["Quell-IP", "IP Address", "client", "wer"])
def test_the_column_of_addresses_in_a_table_of_ones_own_is_found_by_name_or_content(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / "own.csv").write_text(
        f"wann;{name};wieviel\n2026-10-04;185.246.188.74;5\n2026-10-05;8.8.8.8;6\n"
    )
    with wb.open_case(tmp_path / "case.duckdb") as case:
        case.ingest(tmp_path / "own.csv")
        assert case.triage("own").table.column("address").to_pylist() == ["185.246.188.74", "8.8.8.8"]
        assert case.triage("own", column=name).counts == {"anonymised": 1, "clean": 1}
        assert "1 anonymised, 1 clean" in case.map("own").summary
        with pytest.raises(ValueError, match=r"own has no column 'ip'; it has: wann, .*, wieviel"):
            case.triage("own", column="ip")
        case.enrich("own")


def test_a_failed_ingest_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "cut.log.gz").write_bytes(gzip.compress(SAMPLE.read_bytes())[:-40])
    with wb.open_case(tmp_path / "case.duckdb") as case:
        with pytest.raises(ValueError, match=r"cut\.log\.gz"):
            case.ingest(tmp_path / "cut.log.gz", format="netfilter")
        assert case.tables() == []


def test_a_table_is_never_replaced_unasked(tmp_path: Path) -> None:
    with wb.open_case(tmp_path / "case.duckdb") as case:
        case.ingest(SAMPLE)
        with pytest.raises(ValueError, match="name="):
            case.ingest(SAMPLE)


def test_an_unclear_column_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n1,x\n")
    with wb.open_case(tmp_path / "case.duckdb") as case:
        case.ingest(tmp_path / "t.csv")
        with pytest.raises(ValueError, match="pass column=, one of: a, b"):
            case.enrich("t")


def test_ctrl_c_is_one_wherever_it_meets_duckdb_and_leaves_nothing_half_done(tmp_path: Path) -> None:
    def pressed(*_: object) -> None:
        raise KeyboardInterrupt

    with wb.open_case(tmp_path / "case.duckdb") as case:
        case.ingest(SAMPLE)
        with pytest.raises(KeyboardInterrupt, match="interrupted"):
            case.enrich("firewall", "src_ip", progress=pressed)
        with pytest.raises(KeyboardInterrupt):
            case.ingest(SAMPLE, name="again", progress=pressed)
        assert case.tables() == ["firewall"]
    with pytest.raises(KeyboardInterrupt), ctrl_c():
        raise RuntimeError("Query interrupted")  # as DuckDB has it in a query
    with pytest.raises(ValueError, match="else"), ctrl_c():
        raise ValueError("something else")


def test_a_binary_file_is_no_table(tmp_path: Path) -> None:
    (tmp_path / "dump.bin").write_bytes(bytes(range(256)) * 20)
    with wb.open_case(tmp_path / "case.duckdb") as case:
        with pytest.raises(ValueError, match=r"dump\.bin is binary"):
            case.ingest(tmp_path / "dump.bin")
        assert case.tables() == []


@pytest.mark.parametrize(
    ("text", "words"), [("8.8.8", "'8.8.8' is not an IP address"), ("8.8.8.0/24", "8.8.8.0/24 is a network: look up an address")]
)  # fmt: skip
def test_a_lookup_of_what_is_no_address_says_what_it_was_given(text: str, words: str) -> None:
    assert words in str(wb.lookup(text))


def test_a_path_given_for_addresses_is_told_the_way(tmp_path: Path) -> None:
    for path in (SAMPLE, str(SAMPLE)):
        with pytest.raises(TypeError, match="ingest"):
            wb.triage(path)  # type: ignore[arg-type]
