"""``workbench stix …`` as it is typed, in processes of its own, on the shipped data."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

ROOT = Path(__file__).resolve().parents[2]
LOG = str(ROOT / "data" / "samples" / "firewall.log")
EXERCISE = str(ROOT / "data" / "samples" / "exercise-indicators.json")
OURS = ("--organisation", "CERT Example")


def stix(*arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "COLUMNS": "200"}
    return subprocess.run(
        [sys.executable, "-m", "workbench", "stix", *arguments], capture_output=True, text=True, input=text, env=environment, check=False
    )  # fmt: skip


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stix") / "bundle.json"
    done = stix("export", LOG, *OURS, "--tlp", "green", "--to", "community", "-o", str(path))
    assert done.returncode == 0, done.stderr
    assert "bundle for the community" in done.stdout
    assert "5 indicator" in done.stdout
    assert "clean" in done.stdout
    return path


def test_a_log_goes_out_as_a_bundle_that_finds_its_own_rows_again(bundle: Path) -> None:
    found = stix("match", str(bundle), LOG, "--json")
    assert found.returncode == 0, found.stderr
    rows = [json.loads(line) for line in found.stdout.splitlines()]
    sightings = [value for value in json.loads(bundle.read_text())["objects"] if value["type"] == "sighting"]
    assert len(rows) == sum(sighting["count"] for sighting in sightings) == 85
    assert rows[0].keys() == {"row", "time", "indicator", "name", "fields"}


def test_matches_are_shown_with_line_time_and_indicator() -> None:
    done = stix("match", EXERCISE, LOG)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    (found,) = [line for line in lines if "84.205.67.213" in line]
    assert found.split()[:4] == ["190", "2026-10-05", "00:51:00", "84.205.67.213"]
    assert "EXERCISE access with stolen VPN credentials" in found
    assert lines[-1] == "2 of 2 indicators match 31 rows of log"
    logged = Path(LOG).read_text(encoding="utf-8", errors="replace").splitlines()[189]
    assert "84.205.67.213" in logged


def test_what_was_imported_into_a_case_is_hunted_with(tmp_path: Path) -> None:
    import workbench as wb

    case = str(tmp_path / "intrusion.duckdb")
    done = stix("import", EXERCISE, "--case", case)
    assert done.returncode == 0, done.stderr
    assert "4 objects, 4 new" in done.stdout
    assert "2 addresses" in done.stdout
    with wb.open_case(case) as desk:
        desk.ingest(LOG)
        assert desk.tables() == ["firewall"]
        assert len(wb.stix.match(desk.con, "firewall", EXERCISE)) == 31
    done = stix("match", "--case", case, "--table", "firewall")
    assert done.stdout.splitlines()[-1] == "2 of 2 indicators match 31 rows of firewall"
    assert stix("match", EXERCISE, "--case", case).stdout == done.stdout
    out = stix(
        "export", "--case", case, *OURS, "--tlp", "amber", "--client", "Waterworks", "--to", "Waterworks"
    )
    assert out.returncode == 0, out.stderr
    assert {value["type"] for value in json.loads(out.stdout)["objects"]} >= {"indicator", "observed-data"}


def test_what_may_not_go_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    target = tmp_path / "bundle.json"
    done = stix("export", LOG, *OURS, "--tlp", "amber", "--to", "community", "-o", str(target))
    assert done.returncode == 1
    assert (
        "Error: nothing exported: 93.175.147.88 is TLP:AMBER and may not go to the community" in done.stderr
    )
    outside = stix("export", LOG, *OURS, "--tlp", "green", "--to", "Press", "--outside", "-o", str(target))
    assert "is TLP:GREEN and may not go to Press" in outside.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_bundle_is_told_object_by_object_and_hostile_names_do_not_reach_the_terminal(
    tmp_path: Path,
) -> None:
    bad = {"type": "indicator", "id": "indicator--\x1b[31mred"}
    good = {
        "type": "ipv4-addr",
        "id": "ipv4-addr--ff26c055-6336-5bc5-b98d-13d6226742dd",
        "value": "198.51.100.3",
    }
    text = json.dumps({"type": "bundle", "objects": [bad, good]})
    case = tmp_path / "case.duckdb"
    done = stix("import", "-", "--case", str(case), text=text)
    assert done.returncode == 0, done.stderr
    assert "1 objects, 1 new" in done.stdout
    assert "object 0" in done.stdout
    assert "\x1b" not in done.stdout
    cut = stix("import", "-", "--case", str(case), "--json", text=text[:-30])
    assert cut.returncode == 1
    assert "ends within its list" in json.loads(cut.stdout)["broken"]
    with duckdb.connect(str(case)) as con:
        assert con.sql("SELECT count(*) FROM stix_objects").fetchall() == [(1,)]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("match", EXERCISE), "give a pattern or bundle and a log"),
        (("match", EXERCISE, LOG, "--map", "visitor"), "--map wants ROLE=COLUMN"),
        (("match", EXERCISE, LOG, "--map", "src_ip=visitor"), "visitor"),
        (("match", EXERCISE, "no.log"), "no.log"),
        (("match", LOG, LOG), "no JSON object or list"),
        (("export", *OURS, "--tlp", "clear", "--to", "public"), "give a FILE"),
        (("import", "no.json", "--case", LOG), "cannot be opened as a case"),
    ],
)
def test_mistakes_are_told_in_one_line(arguments: tuple[str, ...], said: str) -> None:
    done = stix(*arguments)
    assert done.returncode in (1, 2)
    assert said in done.stderr
    assert "Traceback" not in done.stderr
