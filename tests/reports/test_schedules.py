"""Reports that make themselves: when they are due, made once, again where they failed, and told of where they fail for
good. The file of one machine and the store of many behave alike."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from workbench import reports
from workbench.cli.commands import workbench
from workbench.reports.making.facts import Facts
from workbench.reports.parameters import ParameterError
from workbench.reports.scheduling import ticking
from workbench.reports.scheduling.ledger import FileLedger, Ledger
from workbench.reports.scheduling.planning import Schedule, due, next_due, planned
from workbench.reports.scheduling.storeledger import StoreLedger
from workbench.reports.scheduling.ticking import tick
from workbench.reports.scheduling.timers import cron_line, systemd_units
from workbench.secrecy import TLP
from workbench.store import Store

from .conftest import LOG, ROOT, Town, template

START = datetime(2026, 11, 2, 6, 30, tzinfo=UTC)


def daily(name: str, target: Path, **changes: Any) -> Schedule:
    plain = Schedule(
        id="00000000-0000-0000-0000-000000000001", name=name, template="feed-health", cron="0 7 * * *", zone="UTC", parameters={},
        formats=("html",), for_whom=None, deliveries=(str(target),), created_at=START,
    )  # fmt: skip
    return replace(plain, **changes)


@pytest.fixture(params=["file", "store"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    if request.param == "file":
        opened: Ledger = FileLedger(tmp_path / "ledger" / "reports.sqlite")
    else:
        town: Town = request.getfixturevalue("town")
        opened = StoreLedger(Store(town.url_of("ines")))
        for old in opened.schedules():
            if opened.is_mine(old):
                opened.remove(old)
    yield opened
    opened.close()


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Instead of a kernel, a maker of small reports that fails as long as ``fail`` is in what it has made."""
    log: list[str] = []

    def make(one: Any, values: Any, formats: Any, room: Path, *_: Any) -> tuple[Facts, list[Path]]:
        if "fail" in log:
            log.remove("fail")
            raise reports.ReportError("the sensor is gone")
        log.append("made")
        page = room / "report.html"
        page.write_text("<p>all is well</p>")
        facts = Facts("feed-health", "Feed health", "All is well", "its author", TLP.GREEN, "2026-10-05", {}, {}, datetime.now(UTC), "0" * 64)  # fmt: skip
        return facts, [page]

    monkeypatch.setattr(ticking, "make", make)
    return log


def ticked(ledger: Ledger, now: datetime, **options: Any) -> list[str]:
    return [outcome.status for outcome in tick(ledger, now=now, pause=lambda _: None, **options)]


def kept(ledger: Ledger, schedule: Schedule) -> Schedule:
    """Kept as if it had been made at START, which the store does not let one say."""
    made = ledger.add(schedule)
    if isinstance(ledger, StoreLedger):
        with psycopg.connect(ledger._store.url.replace("ines@", "postgres@"), autocommit=True) as con:
            con.execute("ALTER TABLE workbench.report_schedules DISABLE TRIGGER ALL")
            con.execute(
                "UPDATE workbench.report_schedules SET created_at = %s WHERE id = %s", (START, made.id)
            )
            con.execute("ALTER TABLE workbench.report_schedules ENABLE TRIGGER ALL")
    return made


# ---- when


@given(
    cron=st.sampled_from(["0 7 * * *", "*/5 * * * *", "30 2 * * 1-5", "0 0 1 * *", "15 9,17 * * *"]),
    zone=st.sampled_from(["UTC", "Europe/Amsterdam", "America/New_York", "Asia/Kathmandu"]),
    waited=st.integers(0, 60 * 24 * 70),
    step=st.integers(0, 60 * 24 * 70),
)
def test_what_is_due_is_the_latest_time_that_came_and_is_made_up_for_once(
    cron: str, zone: str, waited: int, step: int
) -> None:
    one = daily("x", Path("/x"), cron=cron, zone=zone)
    now = START + timedelta(minutes=waited)
    found = due(one, now)
    if found is None:
        assert next_due(one, START) > now
        return
    moment, missed = found
    assert START < moment <= now
    assert next_due(one, moment) > now
    assert missed >= 0
    assert (missed == 0) == (next_due(one, START) == moment)
    assert due(one, now, last=moment) is None
    later = due(one, now + timedelta(minutes=step), last=moment)
    assert later is None or later[0] > moment


def test_times_are_those_of_the_zone_through_summer_and_winter() -> None:
    one = daily("x", Path("/x"), zone="Europe/Amsterdam")
    assert next_due(one, datetime(2026, 7, 1, tzinfo=UTC)).astimezone(UTC).hour == 5
    assert next_due(one, datetime(2026, 12, 1, tzinfo=UTC)).astimezone(UTC).hour == 6


@pytest.mark.parametrize(("cron", "zone"), [("0 7 * *", "UTC"), ("61 * * * *", "UTC"), ("soon", "UTC"), ("0 7 * * *", "Mars/Base"), ("0 7 * * *", "../etc/passwd")])  # fmt: skip
def test_a_time_that_is_none_is_told_when_it_is_scheduled(home: Path, cron: str, zone: str) -> None:
    with pytest.raises(ValueError, match=r"is no cron expression|is no time zone"):
        reports.schedule("feed-health", cron=cron, zone=zone, deliver=[str(home / "out")])


def test_everything_else_that_is_wrong_is_told_then_too(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good: dict[str, Any] = {"cron": "0 7 * * *", "deliver": [str(home / "out")]}
    monkeypatch.setenv("WORKBENCH_SMTP_URL", "smtp://127.0.0.1:2525")
    with pytest.raises(ParameterError, match="source is needed"):
        reports.schedule("triage", **good)
    with pytest.raises(ValueError, match="takes reports that were made for somebody"):
        reports.schedule("feed-health", **{**good, "deliver": ["mailto:a@b.example"]})
    with pytest.raises(ValueError, match="key in its URL"):
        reports.schedule("feed-health", **{**good, "deliver": ["s3://key:secret@bucket/x"]}, for_whom={"tlp": "green"})  # fmt: skip
    with pytest.raises(ValueError, match="WORKBENCH_WEBHOOK_SECRET"):
        reports.schedule("feed-health", **{**good, "deliver": ["https://hook.example"]})
    with pytest.raises(ValueError, match="cannot be told of failures"):
        reports.schedule("feed-health", **good, on_failure=[str(home)])
    reports.schedule("feed-health", **good)
    with pytest.raises(ValueError, match="there is a schedule 'feed-health' already"):
        reports.schedule("feed-health", **good)
    assert len(FileLedger().schedules()) == 1


def test_a_file_is_kept_by_its_whole_path_and_a_plan_comes_back_as_it_was(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(LOG.parent)
    made = reports.schedule("triage", cron="0 7 * * *", deliver=["out"], parameters={"source": "firewall.log", "concern": "hk"})  # fmt: skip
    assert made.parameters == {"source": str(LOG), "concern": ["HK"]}
    assert made.deliveries == (str(LOG.parent / "out"),)
    assert FileLedger().schedules() == [made]
    assert planned(made.plan(), id=made.id, name=made.name, template=made.template, created_at=made.created_at) == made  # fmt: skip


# ---- made once


def test_it_is_made_when_it_is_due_and_once(ledger: Ledger, made: list[str], tmp_path: Path) -> None:
    kept(ledger, daily("morning", tmp_path / "out"))
    assert ticked(ledger, START) == ["waiting"]
    assert ticked(ledger, START + timedelta(hours=1)) == ["done"]
    assert ticked(ledger, START + timedelta(hours=1)) == ["waiting"]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["morning-20261102T070000Z"]
    (run,) = ledger.runs(ledger.schedules()[0])
    assert (run.status, run.attempt, run.told["tlp"], run.told["content_hash"]) == ("done", 1, "TLP:GREEN", "0" * 64)  # fmt: skip
    assert run.seconds is not None
    assert run.told["outputs"] == {str(tmp_path / "out"): str(tmp_path / "out" / "morning-20261102T070000Z")}


def test_what_was_missed_is_made_up_for_once(ledger: Ledger, made: list[str], tmp_path: Path) -> None:
    kept(ledger, daily("morning", tmp_path / "out"))
    assert ticked(ledger, START + timedelta(days=4, hours=1)) == ["done"]
    assert made == ["made"]
    (run,) = ledger.runs(ledger.schedules()[0])
    assert run.missed == 4
    assert run.due_at == datetime(2026, 11, 6, 7, tzinfo=UTC)


def test_a_paused_schedule_waits_and_is_made_up_for_when_it_goes_on(
    ledger: Ledger, made: list[str], tmp_path: Path
) -> None:
    one = kept(ledger, daily("morning", tmp_path / "out"))
    ledger.set_active(one, False)
    assert ticked(ledger, START + timedelta(days=2)) == []
    ledger.set_active(one, True)
    assert ticked(ledger, START + timedelta(days=2)) == ["done"]


def test_two_machines_at_once_make_it_once(ledger: Ledger, made: list[str], tmp_path: Path) -> None:
    one = kept(ledger, daily("morning", tmp_path / "out"))
    with another(ledger) as elsewhere:
        with elsewhere.lock(one) as held:
            assert held is not None
            assert held.still_held()
            assert ticked(ledger, START + timedelta(hours=1)) == ["busy"]
        assert made == []
        together: list[str] = []
        threads = [
            threading.Thread(target=lambda: together.extend(_quietly(ledger_of(ledger)))) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert made == ["made"]
        assert together.count("done") == 1


def _quietly(opened: Ledger) -> list[str]:
    try:
        return ticked(opened, START + timedelta(hours=1))
    finally:
        opened.close()


def ledger_of(ledger: Ledger) -> Ledger:
    """The same, as another process would open it."""
    return (
        StoreLedger(Store(ledger._store.url)) if isinstance(ledger, StoreLedger) else FileLedger(ledger._path)
    )  # type: ignore[attr-defined]


@contextlib.contextmanager
def another(ledger: Ledger) -> Iterator[Ledger]:
    opened = ledger_of(ledger)
    yield opened
    opened.close()


def test_a_lock_that_is_lost_with_its_connection_stops_the_delivery(
    town: Town, made: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = StoreLedger(Store(town.url_of("ines")))
    for old in ledger.schedules():
        ledger.remove(old)
    kept(ledger, daily("morning", tmp_path / "out", retries=0))
    real = ticking.make

    def cut(*arguments: Any) -> Any:
        with psycopg.connect(town.url, autocommit=True) as con:
            con.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'ip-workbench report'")  # fmt: skip
        return real(*arguments)

    monkeypatch.setattr(ticking, "make", cut)
    (outcome,) = tick(ledger, now=START + timedelta(hours=1), pause=lambda _: None)
    assert outcome.status == "failed"
    assert "not delivered, lest it be twice" in outcome.says
    assert not (tmp_path / "out").exists()
    ledger.close()


# ---- again, and told of


def test_what_fails_is_tried_again_with_growing_pauses(
    ledger: Ledger, made: list[str], tmp_path: Path
) -> None:
    kept(ledger, daily("morning", tmp_path / "out"))
    made += ["fail", "fail"]
    pauses: list[float] = []
    (outcome,) = tick(ledger, now=START + timedelta(hours=1), pause=pauses.append, first_pause=7)
    assert outcome.status == "done"
    assert pauses == [7, 14]
    runs = ledger.runs(ledger.schedules()[0])
    assert sorted((run.attempt, run.status) for run in runs) == [(1, "failed"), (2, "failed"), (3, "done")]
    assert {run.told.get("error") for run in runs} == {"the sensor is gone", None}


def test_what_fails_for_good_waits_for_the_next_time(ledger: Ledger, made: list[str], tmp_path: Path) -> None:
    kept(ledger, daily("morning", tmp_path / "out"))
    made += ["fail"] * 3
    assert ticked(ledger, START + timedelta(hours=1)) == ["failed"]
    assert ticked(ledger, START + timedelta(hours=2)) == ["waiting"]
    assert not (tmp_path / "out").exists()
    assert ticked(ledger, START + timedelta(days=1, hours=1)) == ["done"]


def test_a_target_that_failed_is_tried_again_and_the_others_get_it_once(
    ledger: Ledger, made: list[str], tmp_path: Path
) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where a folder should be")
    kept(
        ledger,
        daily("morning", tmp_path / "out", deliveries=(str(tmp_path / "out"), str(blocked)), retries=1),
    )

    def mend(_: float) -> None:
        blocked.unlink()

    assert [outcome.status for outcome in tick(ledger, now=START + timedelta(hours=1), pause=mend)] == [
        "done"
    ]
    assert len(list((tmp_path / "out").iterdir())) == 1
    assert len(list(blocked.iterdir())) == 1


def test_a_run_that_was_killed_is_found_out_and_repeated(
    ledger: Ledger, made: list[str], tmp_path: Path
) -> None:
    one = kept(ledger, daily("morning", tmp_path / "out"))
    moment = datetime(2026, 11, 2, 7, tzinfo=UTC)
    assert ledger.begin(one.template, {}, one, moment, 1, 0)
    assert ledger.begin(one.template, {}, one, moment, 1, 0) is None
    assert ticked(ledger, START + timedelta(hours=1)) == ["done"]
    told = {run.attempt: (run.status, run.told.get("error")) for run in ledger.runs(one)}
    assert told == {
        1: ("failed", "it ended without a word: killed, or the machine went down"),
        2: ("done", None),
    }


def test_one_that_is_killed_each_time_is_told_of_once(
    ledger: Ledger, made: list[str], tmp_path: Path
) -> None:
    one = kept(ledger, daily("morning", tmp_path / "out", retries=0))
    ledger.begin(one.template, {}, one, datetime(2026, 11, 2, 7, tzinfo=UTC), 1, 0)
    assert ticked(ledger, START + timedelta(hours=1)) == ["failed"]
    assert ticked(ledger, START + timedelta(hours=1)) == ["waiting"]
    assert made == []


@pytest.mark.parametrize("level", ["amber+strict", "red"])
def test_a_failure_raises_an_alert_in_the_store(
    town: Town, made: list[str], tmp_path: Path, level: str
) -> None:
    ledger = StoreLedger(Store(town.url_of("ines")))
    for old in ledger.schedules():
        ledger.remove(old)
    one = kept(ledger, daily(f"{level} report", tmp_path / "out", retries=0, secrecy=TLP.parse(level)))
    made += ["fail"]
    assert ticked(ledger, START + timedelta(hours=1)) == ["failed"]
    for role, sees in (("ines", True), ("ida", level != "red"), ("clara", False), ("pia", False)):
        with Store(town.url_of(role)) as store:
            told = [alert for alert in store.alerts.all() if f"{level} report failed" in alert.says]
            assert len(told) == sees, role
            if told:
                assert "the sensor is gone" in told[0].says
            assert any(run.schedule == one.id for run in StoreLedger(store).runs(limit=1000)) == sees, role
    assert ledger.alert(ledger.runs(one)[0].id) == 0, "once"
    ledger.close()


def test_a_schedule_is_its_makers_alone_to_change_and_to_run(
    town: Town, made: list[str], tmp_path: Path
) -> None:
    mine = StoreLedger(Store(town.url_of("ines")))
    for old in mine.schedules():
        mine.remove(old)
    one = kept(mine, daily("morning", tmp_path / "out"))
    hers = StoreLedger(Store(town.url_of("ida")))
    assert [schedule.name for schedule in hers.schedules()] == ["morning"]
    with pytest.raises(PermissionError, match="is ines's: only its maker changes it"):
        hers.remove(one)
    assert ticked(hers, START + timedelta(hours=1)) == []
    assert made == []
    for opened in (mine, hers):
        opened.close()
    with pytest.raises(PermissionError, match="above your clearance"):
        StoreLedger(Store(town.url_of("otto")))


def test_what_a_cell_said_stays_on_the_machine_and_the_record_says_where(
    ledger: Ledger, tmp_path: Path, home: Path
) -> None:
    """The record is for the organisation; what was being read may be for fewer."""
    mine = template(tmp_path, "raise ValueError('the narwhal is RED')")
    kept(ledger, daily("morning", tmp_path / "out", template=mine, retries=0))
    (outcome,) = tick(ledger, now=START + timedelta(hours=1), pause=lambda _: None)
    assert outcome.status == "failed"
    (run,) = ledger.runs(ledger.schedules()[0])
    assert "narwhal" not in str(run.told) + outcome.says
    (notebook,) = (home / "reports" / "failed").iterdir()
    assert str(notebook) in run.told["error"]
    assert "the narwhal is RED" in notebook.read_text()
    assert notebook.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("level", [TLP.AMBER_STRICT, TLP.RED])
def test_who_is_told_of_a_failure_by_mail_is_told_the_name_unless_it_is_red(
    ledger: Ledger, made: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, level: TLP
) -> None:
    """What a mail says in the end is in ``test_delivering.py``."""
    told: list[tuple[str, str | None]] = []
    monkeypatch.setattr(ticking, "tell_failure", lambda target, name, _: told.append((target, name)))
    made.append("fail")
    mail = "mailto:soc@cert.example"
    kept(ledger, daily("the minister", tmp_path, secrecy=level, retries=0, on_failure=(mail,)))
    assert ticked(ledger, START + timedelta(hours=1)) == ["failed"]
    assert told == [(mail, "the minister" if level < TLP.RED else None)]


# ---- on the command line, with a kernel and a signal that nobody can catch


def test_a_tick_that_is_killed_delivers_nothing_and_the_next_one_delivers_it_whole(
    tmp_path: Path, home: Path
) -> None:
    marker, out = tmp_path / "running", tmp_path / "out"
    mine = template(
        tmp_path, "from workbench.reports import Document\ndoc = Document(recipient=recipient)\ndoc.opening('Mine', 'My title', ['All is well.'])",
        "from pathlib import Path\nimport time\nfirst = not Path(marker).exists()\nPath(marker).touch()\nif first:\n    time.sleep(300)",
        parameters='marker: "text" = ...  # tells that it runs\nrecipient: "recipient" = None  # whom',
    )  # fmt: skip
    made = reports.schedule(mine, cron="* * * * *", zone="UTC", deliver=[str(out)], parameters={"marker": str(marker)}, called="mine")  # fmt: skip
    FileLedger()._con.execute("UPDATE schedules SET created_at = ?", ((made.created_at - timedelta(hours=1)).isoformat(),))  # fmt: skip
    command = [sys.executable, "-m", "workbench", "report", "tick"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 120
        while not marker.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        assert marker.exists()
        assert "is being made elsewhere" in CliRunner().invoke(workbench, ["report", "tick"]).output
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not out.exists()
    told = CliRunner().invoke(workbench, ["report", "tick"])
    assert told.exit_code == 0, told.output
    (folder,) = out.iterdir()
    assert {path.name for path in folder.iterdir()} == {"mine.html", "manifest.json"}
    listed = CliRunner().invoke(workbench, ["report", "runs"], env={"COLUMNS": "200"}).output
    assert "done" in listed
    assert "it ended without a word" in listed
    assert "mine" in CliRunner().invoke(workbench, ["report", "list"]).output
    assert CliRunner().invoke(workbench, ["report", "unschedule", "mine"]).exit_code == 0
    assert "there is no schedule 'mine'" in CliRunner().invoke(workbench, ["report", "pause", "mine"]).output


def test_a_report_on_request_is_recorded_without_the_name_of_the_matter(home: Path, tmp_path: Path) -> None:
    command = ["report", "run", "investigation", "-p", "investigation=narwhal", "-p", "store=postgresql://nobody@127.0.0.1:1/none", "-o", str(tmp_path)]  # fmt: skip
    told = CliRunner().invoke(workbench, command)
    assert told.exit_code == 1
    (run,) = FileLedger().runs()
    assert (run.status, run.template) == ("failed", "investigation")
    assert "narwhal" not in str(run.told)
    assert run.told["parameters"] == {"store": "a shared store"}


def test_what_wakes_it_names_this_python_and_no_secret(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUR_STORE", "postgresql://ines:hunter2@db/x")
    units = systemd_units("env:OUR_STORE")
    for text in (cron_line("env:OUR_STORE"), units["workbench-reports.service"]):
        assert sys.executable in text
        assert "env:OUR_STORE" in text
        assert "hunter2" not in text
        assert str(home) in text
    assert "Persistent=true" in units["workbench-reports.timer"]
    line = CliRunner().invoke(workbench, ["report", "timer", "cron", "--url", "env:OUR_STORE"]).output
    assert cron_line("env:OUR_STORE") in line
