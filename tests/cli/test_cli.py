"""The commands as they are typed, in processes of their own, on the shipped data."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from workbench.cli import commands

ROOT = Path(__file__).resolve().parents[2]
INDICATORS = ROOT / "data" / "samples" / "exercise-indicators.json"
SAMPLE = ROOT / "data" / "samples" / "firewall.log"


def workbench(*arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "COLUMNS": "200"}
    return subprocess.run(
        [sys.executable, "-m", "workbench", *arguments], capture_output=True, text=True, input=text, env=environment, check=False
    )  # fmt: skip


def test_triage_of_the_sample_gives_what_the_readme_says(tmp_path: Path) -> None:
    page = tmp_path / "triage.html"
    done = workbench("triage", str(SAMPLE), "--concern", "hk", "--html", str(page))
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    verdicts = [
        words[0] for words in lines if words and words[0] in ("malicious", "anonymised", "watch", "clean")
    ]
    assert verdicts == ["malicious"] * 2 + ["anonymised"] * 3 + ["watch"] + ["clean"] * 17
    assert done.stdout.splitlines()[-1].startswith(
        "23 external addresses: 2 known attackers, 3 Tor exits, 1 datacenter in HK, 17 clean"
    )
    assert "2 not understood, the first is line 183" in done.stderr
    html = page.read_text()
    assert html.count("<td class='a'>") == 23
    assert 'href="https://db-ip.com"' in html
    assert "<script" not in html


def test_the_page_is_written_whoever_stops_reading_what_is_printed(tmp_path: Path) -> None:
    page = tmp_path / "triage.html"
    reading, writing = os.pipe()
    os.close(reading)  # as `| head` does after its lines
    subprocess.run([sys.executable, "-m", "workbench", "triage", str(SAMPLE), "--html", str(page)], stdout=writing, stderr=subprocess.DEVNULL, check=False)  # fmt: skip
    os.close(writing)
    text = page.read_text()
    assert text.count("<td class='a'>") == 23
    assert "<h1>Triage of firewall.log</h1>" in text  # not where it lies on this machine


def test_where_nothing_is_from_outside_it_says_so_without_an_empty_table() -> None:
    done = workbench("triage", "-", text="10.0.0.1 192.168.1.1")
    assert done.returncode == 0
    assert done.stdout.startswith("0 external addresses")
    assert "2 private or unroutable" in done.stdout


def test_triage_reads_standard_input_and_prints_json() -> None:
    done = workbench("triage", "-", "--json", text="from 185[.]246[.]188[.]74 and 10.0.0.1")
    (row,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert (row["address"], row["verdict"], row["is_tor"]) == ("185.246.188.74", "anonymised", True)
    assert row["snapshot"]


def test_hostile_text_stays_text_in_the_page(tmp_path: Path) -> None:
    log = tmp_path / "<img src=x onerror=alert(1)>.log"
    log.write_text("8.8.8.8 <script>alert(1)</script>\n")
    page = tmp_path / "page.html"
    assert workbench("triage", str(log), "--html", str(page)).returncode == 0
    assert "<img" not in page.read_text()
    assert "<script" not in page.read_text()


def test_lookup_tells_the_evidence_and_fails_for_what_is_no_address() -> None:
    done = workbench("lookup", "84.205.67.213", "1.2.3")
    assert done.returncode == 1
    assert "Exercise indicators" in done.stdout
    assert "1.2.3: not an IP address" in done.stdout


def test_lookup_takes_an_address_as_it_was_pasted() -> None:
    written = [
        "185.246.188[.]74",
        "185.246.188.74:443",
        "hxxp://185.246.188[.]74/x",
        "[2620:fe::fe]:53",
        "<9.9.9.9>",
    ]
    done = workbench("lookup", "--json", *written)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["address"] for row in found] == ["185.246.188.74"] * 3 + ["2620:fe::fe", "9.9.9.9"]
    assert [row["input"] for row in found] == written
    assert done.returncode == 0


@pytest.mark.parametrize(
    "text", ["8.8.8.0/24", "8.8.8.8,9.9.9.9", "8.8.8.8 9.9.9.9", "localhost", "08.8.8.8", "8.8.8.8 " * 99]
)
def test_lookup_does_not_guess(text: str) -> None:
    done = workbench("lookup", text)
    assert (done.returncode, "not an IP address" in done.stdout) == (1, True)


def test_extract_prints_one_address_a_line() -> None:
    done = workbench("extract", "-", text="a 192.0.2.1, hxxp://198[.]51[.]100[.]7/x, 999.1.1.1")
    assert done.stdout.split() == ["192.0.2.1", "198.51.100.7"]
    assert "1 malformed addresses, the first: '999.1.1.1' in line 1" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["triage", "nowhere.log"], "Error: nowhere.log: no such file or directory"),
        (["triage", "8.8.8.8"], "one address: workbench lookup 8.8.8.8"),
        (["triage", "/dev/null"], "no address found: /dev/null is empty"),
        (["stix", "match", str(SAMPLE), str(INDICATORS)], "firewall.log is no bundle"),
        (["triage", str(ROOT / "LICENSE"), "--format", "sshd"], "is sshd, the first is line 2"),
        (["triage", str(SAMPLE), "--html", "/nowhere/page.html"], "/nowhere: no such folder"),
        (["sync", str(SAMPLE)], "it is no DuckDB file"),
        (["stix", "match", "[ipv4-addr:value = 8.8.8.8]", str(SAMPLE)], "not a STIX pattern: 1:22"),
        (["stix", "match", "8.8.8.8", str(SAMPLE)], "no pattern, such as [ipv4-addr:value = '198.51.100.7']"),
        (["triage", str(SAMPLE), "--concern", "ZZ"], "'ZZ' is no country code"),
        (["triage", str(SAMPLE), "--format", "nonsense"], "there are: netfilter"),
        (["lookup", "8.8.8.8", "--snapshot", "2001-01-01"], "no snapshot of 2001-01-01 or before"),
        (["intel", "build", "--source", "nothing=x"], "no source 'nothing' in the catalogue"),
    ],
)
def test_mistakes_are_one_line_with_the_mend(arguments: list[str], words: str) -> None:
    done = workbench(*arguments)
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_every_command_explains_itself() -> None:
    overview = workbench("--help").stdout
    for command in ("triage", "lookup", "extract", "intel", "doctor"):
        assert command in overview
        assert len(workbench(command, "--help").stdout) > 100


def test_doctor_finds_the_installation_sound() -> None:
    done = workbench("doctor")
    assert done.returncode == 0, done.stdout
    assert "checksums right" in done.stdout


def test_doctor_says_where_ones_own_catalogue_lies_and_what_is_wrong_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "mine.toml"
    monkeypatch.setenv("WORKBENCH_CATALOGUE", str(own))
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.setattr("workbench.intel.snapshot.Snapshot.verify", lambda self: None)
    own.write_text("[feed]\ntitle = 3\n")
    done = CliRunner().invoke(commands.workbench, ["doctor"])
    assert done.exit_code == 1
    assert f"catalogue    {own}: source 'feed': missing: parser" in done.stdout
    own.write_text("[ipsum]\ndisabled = true\n")
    assert f"yours: {own}\n" in CliRunner().invoke(commands.workbench, ["doctor"]).stdout


def test_readme_and_ci_name_the_same_command() -> None:
    command = (ROOT / ".ci" / "run").read_text().splitlines()[-1]
    assert command in (ROOT / "README.md").read_text()
