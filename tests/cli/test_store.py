"""The commands of the store, as they are typed."""

from __future__ import annotations

import base64
import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import workbench as wb
from workbench.cli.commands import workbench as command
from workbench.store import Footprint
from workbench.store.administering.server import as_role, embedded
from workbench.store.watching.webhook import signature


@pytest.fixture(scope="module")
def machine() -> Iterator[Path]:
    """The home of a person who has no store yet, with the snapshot of the shipped pack."""
    from workbench.intel import library

    home = Path(tempfile.mkdtemp(prefix="workbench-home-"))
    built = library.current().path.parent
    with pytest.MonkeyPatch.context() as context:
        shutil.copytree(built, home / "snapshots")
        context.setenv("WORKBENCH_HOME", str(home))
        context.delenv("WORKBENCH_STORE_URL", raising=False)
        library.reread()
        yield home
    library.reread()
    shutil.rmtree(home, ignore_errors=True)


def run(*arguments: str, **options: Any) -> Result:
    return CliRunner().invoke(command, ["store", *arguments], catch_exceptions=False, **options)


@pytest.fixture
def member(machine: Path) -> str:
    """The URL of ines of CERT."""
    assert run("init").exit_code == 0
    assert run("organisation", "CERT").exit_code == 0
    assert run("member", "ines", "--organisation", "CERT", "--clearance", "red").exit_code == 0
    return as_role(embedded(), "ines")


def test_a_store_is_set_up_and_told_of(machine: Path) -> None:
    first = run("init")
    assert first.exit_code == 0
    assert "up to date\n0 organisations, 0 members, 0 profiles" in first.stdout
    assert run("migrate").stdout == run("status").stdout == first.stdout
    assert run("organisation", "CERT").stdout == "CERT: in the community\n"
    grid = run("organisation", "Grid", "--client-of", "CERT", "--outside")
    assert grid.stdout == "Grid: outside the community, client of CERT\n"
    made = run(
        "member", "ines", "--organisation", "CERT", "--clearance", "red", "--name", "Ines", "--country", "de"
    )
    assert made.stdout == "ines (Ines) of CERT, cleared up to TLP:RED, API from DE only\n"
    assert (
        run("members").stdout
        == f"CERT: in the community\n  {made.stdout}Grid: outside the community, client of CERT\n"
    )


def test_what_is_not_named_stays_as_it_is(member: str) -> None:
    run("organisation", "Grid", "--client-of", "CERT", "--outside")
    assert run("organisation", "Grid").stdout == "Grid: outside the community, client of CERT\n"
    assert (
        run("organisation", "Grid", "--inside", "--not-client-of", "CERT").stdout
        == "Grid: in the community\n"
    )
    run("member", "nina", "--organisation", "CERT", "--clearance", "red", "--country", "DE", "--name", "Nina")
    assert "TLP:GREEN, API from DE only" in run("member", "nina", "--clearance", "green").stdout
    assert run("member", "nina", "--suspend").stdout == "nina (Nina) of CERT, suspended, API from DE only\n"
    assert (
        run("member", "nina", "--country", "any").stdout == "nina (Nina) of CERT, cleared up to TLP:GREEN\n"
    )


def test_a_password_is_asked_for_and_not_shown(member: str) -> None:
    done = run("member", "ines", "--password", input="geheim4711\ngeheim4711\n")
    assert done.exit_code == 0
    assert "geheim4711" not in done.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["member", "stranger"], "stranger is no member yet: --organisation NAME"),
        (["member", "stranger", "--suspend"], "there is no member 'stranger'"),
        (["member", "ines", "--organisation", "Nope"], "workbench store organisation NAME"),
        (["member", "ines", "--clearance", "pink"], "'pink' is no TLP label; there are: clear"),
        (["member", "ines", "--country", "XX1"], "'XX1' is no country code"),
        (["member", "ines", "--country", "XX"], "'XX' is no country code"),
        (["member", "postgres", "--organisation", "CERT"], "superuser"),
        (["organisation", "X", "--client-of", "Nope"], "there is no organisation 'Nope'"),
        (["organisation", "CERT", "--client-of", "CERT"], "an organisation is not its own client"),
        (["status", "--url", "postgresql://nobody@127.0.0.1:1/x"], "cannot be reached"),
        (["status", "--url", "db.example/workbench"], "no URL of a PostgreSQL database"),
        (["watch", "x"], "watchlist 'x': a watchlist watches one thing"),
        (["watch", "x", "--network", "10.0.0.300"], "'10.0.0.300' is no IP address"),
        (["watch", "x", "--asn", "-1"], "an AS number is 0 to 4294967295"),
        (["watch", "x", "--country", "Germany"], "'Germany' is no country code: that of Germany is DE"),
        (["alerts", "--close", "0123"], "alert 0123: not found, or not for you"),
        (["forward", "https://hook.example"], "put the secret shared with the receiver into WORKBENCH_WEBHOOK_SECRET"),
        (["forward", "hook.example"], "no http or https URL"),
        (["audit", "1.2.3.4"], "1.2.3.4: there is no profile of it that you may see"),
        (["audit", "Water"], "'Water' is neither an address or network nor the id of a thing"),
        (["audit", "--since", "soon"], "'soon' is no time: 7d, 12h"),
        (["audit", "--since", "999999w"], "'999999w' is no time"),
        (["audit", "--action", "steal"], "no action 'steal'; there are: read, read row"),
        (["refresh", "--url", "postgresql://nobody@127.0.0.1:1/x"], "cannot be reached"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line_with_the_mend(
    member: str, arguments: list[str], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "hook.example" in arguments:
        monkeypatch.setenv("WORKBENCH_WEBHOOK_SECRET", "s")
    monkeypatch.setattr("time.sleep", lambda _: None)
    done = run(*arguments)
    assert done.exit_code == 1
    assert words in done.stderr
    assert len(done.stderr.splitlines()) <= 3


def test_a_backup_is_written_and_restored(member: str, machine: Path, tmp_path: Path) -> None:
    import psycopg

    done = run("backup", str(tmp_path / "store.dump"))
    assert done.exit_code == 0, done.output
    assert "store.dump: 0." in done.stdout
    again = run("restore", str(tmp_path / "store.dump"))
    assert "restore it to a new one (createdb)" in again.stderr
    with psycopg.connect(embedded(), autocommit=True) as con:
        con.execute("DROP DATABASE IF EXISTS second")
        con.execute("CREATE DATABASE second")
    url = embedded().replace("/postgres?", "/second?")
    restored = run("restore", str(tmp_path / "store.dump"), "--url", url)
    assert restored.exit_code == 0, restored.output
    assert "up to date" in restored.stdout
    assert run("members", "--url", url).stdout == run("members").stdout


def test_what_is_watched_alerts_and_is_looked_after(member: str) -> None:
    assert run("watch", "substation", "--network", "192.0.2.7/24", "--url", member).stdout == "substation: 192.0.2.0/24, TLP:AMBER+STRICT\n"  # fmt: skip
    assert "no alerts that nobody looks after" in run("alerts", "--url", member).stderr
    with wb.connect_store(member) as store:
        store.profiles.create("192.0.2.1", notes="x")
    listed = run("alerts", "--url", member).stdout
    assert "raised: new profile 192.0.2.1 in substation" in listed
    (told,) = [json.loads(line) for line in run("alerts", "--json", "--url", member).stdout.splitlines()]
    assert told["says"] == "new profile 192.0.2.1 in substation"
    key = listed.split()[0]
    assert "acknowledged: new profile 192.0.2.1 in substation (on it)" in run("alerts", "--acknowledge", key, "--note", "on it", "--url", member).stdout  # fmt: skip
    assert run("alerts", "--url", member).stdout == ""
    assert "closed" in run("alerts", "--close", told["id"], "--url", member).stdout
    assert "closed: new profile" in run("alerts", "--all", "--url", member).stdout


def test_the_audit_is_told_in_a_table_as_json_and_as_csv(member: str) -> None:
    with wb.connect_store(member) as store:
        profile = store.profiles.create("84.205.67.213", secrecy="amber")
        store.footprint.add(profile, Footprint("domain", "=cmd|x", "pdns"))
        store.footprint.remove(store.footprint.of(profile))
        store.profiles.set_secrecy(profile, "amber+strict", "names a \x1b[31mvictim")
    told = run("audit", "84.205[.]67.213", "--url", member, env={"COLUMNS": "160"})
    assert told.exit_code == 0, told.output
    lines = told.stdout.splitlines()
    assert lines[0].split() == ["when", "who", "of", "did", "to", "which", "more"]
    (level,) = [line for line in lines if "set secrecy" in line]
    assert all(word in level for word in ("ines", "CERT", "profile", "84.205.67.213", "TLP:AMBER to TLP:AMBER+STRICT: names a"))  # fmt: skip
    assert "\x1b" not in told.output
    assert "domain" in next(line for line in lines if "remove" in line)
    by_id = [json.loads(line) for line in run("audit", str(profile.id), "--json", "--url", member).stdout.splitlines()]  # fmt: skip
    assert {each["thing"] for each in by_id} == {"84.205.67.213"}
    assert {"create", "add", "remove", "set secrecy", "read row"} <= {each["action"] for each in by_id}
    rows = list(csv.DictReader(run("audit", "--action", "remove", "--csv", "--url", member).stdout.splitlines()))  # fmt: skip
    assert [(row["action"], row["kind"], row["thing"]) for row in rows] == [("remove", "footprint", "84.205.67.213")]  # fmt: skip
    few = run("audit", "--by", "ines", "--since", "1h", "--limit", "2", "--json", "--url", member)
    assert len(few.stdout.splitlines()) == 2
    assert "the newest 2; --limit N or --all shows more" in few.stderr
    every = run("audit", "--by", "ines", "--all", "--json", "--url", member).stdout.splitlines()
    assert len(every) > len(by_id)
    nothing = run("audit", "--until", "2001-01-01", "--url", member)
    assert (nothing.exit_code, nothing.stderr) == (0, "nothing in the audit that you may see\n")
    assert run("audit", "--json", "--csv", "--url", member).exit_code == 2


def test_refresh_brings_profiles_to_the_current_intel(member: str) -> None:
    import psycopg

    with wb.connect_store(member) as store:
        made = store.profiles.create("185.246.188.74")
    with psycopg.connect(embedded(), autocommit=True) as con:
        con.execute(
            "UPDATE workbench.profiles SET snapshot = NULL, verdict = 'old' WHERE id = %s", (made.id,)
        )
    assert run("refresh", "--url", member).stdout == "1 profiles brought to the current intel, 0 alerts of new listings\n"  # fmt: skip
    with wb.connect_store(member) as store:
        assert store.profiles.get(made.id).verdict == made.verdict


def test_building_intel_brings_the_store_along(member: str, machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    import psycopg

    monkeypatch.setenv("WORKBENCH_STORE_URL", member)
    with wb.connect_store(member) as store:
        store.watchlists.create("carrier", asn=200651)
    run("refresh")
    listed = tmp_path / "ipsum.txt"
    listed.write_text("# IPsum\n203.0.113.9\t6\n8.8.4.4\t3\n185.246.188.99\t5\n")
    build = ["intel", "build", "--source", f"ipsum={listed}"]
    done = CliRunner().invoke(command, build, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "store: " in done.stdout
    assert "1 alerts of new listings" in done.stdout
    assert "185.246.188.99 in carrier: listed as attacker by ipsum" in run("alerts").stdout
    with psycopg.connect(embedded(), autocommit=True) as con:
        con.execute("UPDATE workbench.members SET active = false WHERE role = 'ines'")
    failed = CliRunner().invoke(command, build, catch_exceptions=False)
    assert failed.exit_code == 0
    assert "the store was not brought along: your database role is no active member" in failed.stderr


class _Receiver(BaseHTTPRequestHandler):
    taken: list[tuple[dict[str, str], str]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        self.taken.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Quiet."""


def test_alerts_are_followed_and_forwarded_until_stopped(member: str) -> None:
    handler = type("Receiver", (_Receiver,), {"taken": []})
    server = HTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    secret = b"of the two"
    environment = {**os.environ, "WORKBENCH_WEBHOOK_SECRET": "whsec_" + base64.b64encode(secret).decode()}

    def start(*arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen([sys.executable, "-m", "workbench", "store", *arguments, "--url", member], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)  # fmt: skip

    with wb.connect_store(member) as store:
        for alert in store.alerts.all(state="raised"):
            store.alerts.close(alert)
        store.watchlists.create("followed", network="198.51.100.0/24")
        store.profiles.create("198.51.100.1")
        (first,) = store.alerts.all(state="raised")
        following, forwarding = (
            start("alerts", "--follow"),
            start("forward", f"http://127.0.0.1:{server.server_port}/x"),
        )
        try:
            assert following.stdout is not None
            assert "new profile 198.51.100.1 in followed" in following.stdout.readline()
            deadline = time.monotonic() + 60
            number = 1
            while len(handler.taken) < 2 and time.monotonic() < deadline:
                number += 1
                store.profiles.create(f"198.51.100.{number}")
                time.sleep(0.5)
            assert "in followed" in following.stdout.readline()
        finally:
            following.send_signal(signal.SIGINT)
            forwarding.send_signal(signal.SIGTERM)
            followed, forwarded = following.communicate(timeout=60), forwarding.communicate(timeout=60)
            server.shutdown()
            server.server_close()
    assert (following.returncode, forwarding.returncode) == (0, 0), (followed, forwarded)
    headers, body = handler.taken[0]
    assert json.loads(body)["data"]["alert"] == str(first.id)
    assert headers["webhook-signature"] == signature(
        secret, str(first.id), headers["webhook-timestamp"], body
    )
    assert f"posted {first.id}" in forwarded[0]
