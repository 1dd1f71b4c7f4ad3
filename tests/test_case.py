"""A case file from log to verdicts."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

import workbench as wb

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
        with pytest.raises(ValueError, match="it has: a, b"):
            case.enrich("t")
