"""``workbench taxii …`` as it is typed, against a real server."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import workbench as wb
from tests.exchange.conftest import PASSWORD, USER, Medallion, indicator, medallion  # noqa: F401
from workbench.cli.commands import workbench

ROOT = Path(__file__).resolve().parents[2]
LOG = str(ROOT / "data" / "samples" / "firewall.log")


def run(*arguments: str, server: Medallion | None = None, text: str | None = None) -> Result:
    return CliRunner().invoke(workbench, list(arguments), input=text, env=environment(server))


def environment(server: Medallion | None) -> dict[str, str]:
    known = {f"WORKBENCH_TAXII_127_0_0_1_{server.port}_KEY": f"{USER}:{PASSWORD}"} if server else {}
    return {
        **os.environ,
        "COLUMNS": "200",
        "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
        **known,
    }


def test_what_two_organisations_do(medallion: Medallion, tmp_path: Path) -> None:  # noqa: F811
    collection, bundle, case = (
        medallion.collection(),
        str(tmp_path / "bundle.json"),
        str(tmp_path / "case.duckdb"),
    )
    done = run("taxii", "discover", medallion.url, server=medallion)
    assert done.stdout.startswith("Partner: "), done.stderr
    done = run("taxii", "collections", medallion.root, server=medallion)
    assert f"{collection}  rw  Collection" in done.stdout
    assert "-w  Mailbox" in done.stdout

    out = run(
        "stix", "export", LOG, "--organisation", "CERT A", "--tlp", "green", "--to", "CERT B", "-o", bundle
    )
    assert out.exit_code == 0, out.stderr
    push = [
        "taxii",
        "push",
        medallion.url,
        bundle,
        "--collection",
        collection,
        "--organisation",
        "CERT A",
        "--to",
    ]
    done = run(*push, "public", server=medallion)
    assert done.exit_code == 1
    assert re.match(r"Error: nothing pushed: .* is TLP:GREEN and may not go to the public", done.stderr)
    done = run(*push, "CERT B", server=medallion)
    assert done.exit_code == 0, done.stderr
    count = len(json.loads(Path(bundle).read_text())["objects"])
    assert f"{count} objects for CERT B: {count} taken, 0 known there already, 0 failed" in done.stdout

    done = run("taxii", "poll", medallion.url, "--collection", collection, "--into", case, server=medallion)
    assert done.exit_code == 0, done.stderr
    listed = run(
        "taxii",
        "manifest",
        medallion.root,
        "--collection",
        collection,
        "--type",
        "indicator",
        server=medallion,
    )
    assert len(listed.stdout.splitlines()) == 5
    assert all("  indicator--" in line for line in listed.stdout.splitlines())
    assert f"{count} objects, {count} new, 0 revoked, 0 set aside, up to 20" in done.stdout
    assert done.stdout.splitlines()[-1].startswith(f"{case}: 5 indicators, evidence on ")
    done = run(
        "taxii", "poll", medallion.url, "--collection", collection, "--into", case, "--json", server=medallion
    )
    assert json.loads(done.stdout)["new"] == 0
    with wb.open_case(case) as desk:
        desk.ingest(LOG)
    found = run("stix", "match", "--case", case)
    assert found.stdout.splitlines()[-1] == "5 of 5 indicators match 85 rows of firewall", found.stderr


def test_stopped_by_ctrl_c_it_says_what_is_kept(medallion: Medallion, tmp_path: Path) -> None:  # noqa: F811
    collection, case = medallion.collection(), tmp_path / "case.duckdb"
    medallion.add(collection, [indicator(number) for number in range(300)], batch=100)
    poll = ["taxii", "poll", medallion.url, "--collection", collection, "--into", str(case), "--limit", "2"]
    # What runs in the background of a shell ignores the interrupt, and so would its children.
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from workbench.cli import main; main()"
    running = subprocess.Popen(
        [sys.executable, "-c", code, *poll], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(medallion)
    )  # fmt: skip
    while not case.exists():
        assert running.poll() is None
        time.sleep(0.05)
    time.sleep(0.5)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 1
    assert f"Error: stopped; what came so far is in {case}, the next poll goes on from there" in said
    assert "Traceback" not in said
    assert run(*poll[:-2], server=medallion).exit_code == 0
    import duckdb

    with duckdb.connect(str(case)) as con:
        assert con.sql("SELECT count(*) FROM stix_objects").fetchall() == [(300,)]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("discover", "https://anna:secret@taxii.example/"), "a password in a URL ends up in histories"),
        (("discover", "http://127.0.0.1:1/"), "cannot be reached"),
        (
            ("poll", "http://127.0.0.1:1/", "--into", "case.duckdb", "--added-after", "monday"),
            "added_after is a timestamp",
        ),
        (
            ("push", "https://taxii.example", "--collection", "x", "--to", "CERT B"),
            "give a BUNDLE or case and --organisation",
        ),
        (
            ("push", "https://taxii.example", LOG, "--collection", "x", "--to", "B", "--organisation", "A"),
            "no JSON object or list",
        ),
        (
            (
                "push",
                "https://taxii.example",
                "--collection",
                "x",
                "--to",
                "B",
                "--store",
                "local",
                "--tlp",
                "red",
            ),
            "--store goes with",
        ),
        (("login", "https://taxii.example", "--token", "--stdin"), "keyring of this system cannot be used"),
    ],
)
def test_mistakes_are_told_in_one_line(arguments: tuple[str, ...], said: str, tmp_path: Path) -> None:
    done = run("taxii", *arguments, text="abcdefghij\n")
    assert done.exit_code in (1, 2)
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert "secret" not in done.stderr
