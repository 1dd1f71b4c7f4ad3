"""Syncing where something went wrong at the worst moment, or the server is not what it was."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest
from click.testing import CliRunner

import workbench as wb
from workbench.cli.commands import workbench as command
from workbench.store import Unreachable
from workbench.store.syncing import pushing


def _open(folder: Path, name: str) -> Any:
    return wb.open_case(str(folder / f"{name}.duckdb"))


@pytest.fixture
def lost_answer(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The process ends after the server has committed and before anything is written down here."""

    class Killed(BaseException):
        pass

    def kill(*_: Any) -> None:
        raise Killed

    def lost(case: Any, store: Any) -> None:
        with monkeypatch.context() as context:
            context.setattr(pushing, "_record", kill)
            with pytest.raises(Killed):
                case.sync(store)

    return lost


def test_a_tag_taken_away_meanwhile_does_not_come_back(town: Any, tmp_path: Path, lost_answer: Any) -> None:
    ines, ida = town.store("ines"), town.store("ida")
    with _open(tmp_path, "ines") as case:
        made = case.profiles.create("192.0.2.1", tags=["a"], notes="one")
        lost_answer(case, ines)
        there = ida.profiles.get("192.0.2.1")
        ida.profiles.update(there, tags=["b"], notes="two")
        assert case.sync(ines).unsettled == 0
        found = case.profiles.get(made.id)
        assert (found.tags, found.notes) == (("b",), "two")
        case.profiles.update(found, tags=["b", "c"], notes="three")
        lost_answer(case, ines)
        ida.profiles.update(ida.profiles.get(there.id), tags=["b"], notes="four")
        case.profiles.update(case.profiles.get(made.id), threat_level="high")
        assert case.sync(ines).unsettled == 0
        found = ida.profiles.get(there.id)
        assert (found.tags, found.notes, str(found.threat_level)) == (("b",), "four", "high")
        assert len(ida.profiles.search(limit=10)) == 1


def test_a_profile_created_without_an_answer_and_changed_since_is_one(town: Any, tmp_path: Path, lost_answer: Any) -> None:  # fmt: skip
    ines = town.store("ines")
    with _open(tmp_path, "ines") as case:
        made = case.profiles.create("192.0.2.1", notes="one")
        lost_answer(case, ines)
        case.profiles.update(made, notes="one, two")
        case.sync(ines)
        (found,) = ines.profiles.search(limit=10)
        assert (found.notes, case.conflicts()) == ("one, two", [])


def test_without_a_server_the_case_stays_as_it_is(town: Any, tmp_path: Path) -> None:
    with _open(tmp_path, "ines") as case:
        case.profiles.create("192.0.2.1", notes="kept")
        store = town.store("ines")
        store.url = f"postgresql://nobody@/none?host={tmp_path}"
        store.close()
        with pytest.raises(Unreachable):
            case.sync(store)
        assert case.profiles.get("192.0.2.1").notes == "kept"


def test_a_restored_server_is_noticed_and_nothing_is_overwritten(
    town: Any, server: str, tmp_path: Path
) -> None:
    ines = town.store("ines")
    kept, name = (
        ines.profiles.create("192.0.2.1", notes="before"),
        psycopg.conninfo.conninfo_to_dict(town.url)["dbname"],
    )
    same = ines.profiles.create("192.0.2.2", notes="same")
    ines.close()
    with psycopg.connect(server, autocommit=True) as con:
        con.execute(f"CREATE DATABASE backup_{town.number} TEMPLATE {name}")
    with _open(tmp_path, "ines") as case:
        ines.profiles.update(kept, notes="after the backup")
        case.sync(ines)
        ines.close()
        with psycopg.connect(server, autocommit=True) as con:
            con.execute(f"DROP DATABASE {name} WITH (FORCE)")
            con.execute(f"ALTER DATABASE backup_{town.number} RENAME TO {name}")
        again = town.store("ines")
        outcome = case.sync(again)
        assert "restored" in str(outcome)
        (one,) = case.conflicts()
        assert (one.field, one.mine, one.theirs) == ("notes", "after the backup", "before")
        case.settle(one, "mine")
        case.sync(again)
        assert again.profiles.get(kept.id).notes == "after the backup"
        assert case.profiles.get(same.id).version == 1
        assert str(case.sync(again)) == "nothing new on either side"


def test_another_store_is_refused_by_name(town: Any, server: str, tmp_path: Path) -> None:
    from tests.store.conftest import build_town

    towns = build_town(server)
    other = next(towns)
    try:
        with other.administration() as administration:
            administration.add_member(town.role("ines"), "cert", "red")
        with _open(tmp_path, "ines") as case:
            case.sync(town.store("ines"))
            elsewhere = type(other)(other.url, town.number)
            with pytest.raises(ValueError, match="another store"):
                case.sync(elsewhere.store("ines"))
            for store in elsewhere.open:
                store.close()
    finally:
        next(towns, None)


def test_from_the_command_line(town: Any, tmp_path: Path) -> None:
    path = tmp_path / "ines.duckdb"
    with wb.open_case(str(path)) as case:
        case.profiles.create("192.0.2.1", notes="one")
    first = CliRunner().invoke(command, ["sync", str(path), "--url", town.url_of("ines")])
    assert (first.exit_code, first.stdout) == (0, "1 created\n")
    assert CliRunner().invoke(command, ["sync", str(path)]).stdout == "nothing new on either side\n"
    wrong = CliRunner().invoke(command, ["sync", str(path), "--url", town.url_of("ida")])
    assert wrong.exit_code == 1
    assert "nothing was exchanged" in wrong.stderr


def test_ctrl_c_at_any_moment_leaves_a_case_that_the_next_sync_goes_on_with(
    town: Any, tmp_path: Path
) -> None:
    ines, ida = town.store("ines"), town.store("ida")
    ida.profiles.bulk_create(
        wb.enrich([f"198.18.{n // 250}.{n % 250}" for n in range(2_500)]), tags=["theirs"]
    )
    chance = random.Random(7)
    interrupted = 0
    with _open(tmp_path, "ines") as case:
        for n in range(40):
            case.profiles.create(f"192.0.2.{n}", notes=f"note {n}")
        for _ in range(8):
            at = signal.signal(signal.SIGALRM, signal.default_int_handler)
            try:
                try:
                    signal.setitimer(signal.ITIMER_REAL, chance.random() * 0.8)
                    case.sync(ines)
                finally:  # what was raised meanwhile is raised here, and caught
                    signal.setitimer(signal.ITIMER_REAL, 0)
            except KeyboardInterrupt:
                interrupted += 1
            finally:
                signal.signal(signal.SIGALRM, at)
            case.profiles.list(limit=1)  # the file is not in the middle of anything
        case.sync(ines)
        assert str(case.sync(ines)) == "nothing new on either side"
        assert len(case.profiles) == 2_540
        assert case.conflicts() == []
    assert ines.rows("count", "SELECT count(*), count(DISTINCT address) FROM profiles") == [(2_540, 2_540)]
    assert interrupted


def test_ctrl_c_where_duckdb_calls_python_is_ctrl_c_too(
    town: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DuckDB catches it there and raises an error of its own, as it did while an Arrow table was registered."""

    def stopped(*_: object) -> None:
        raise duckdb.InvalidInputException("reading the schema of the object failed: KeyboardInterrupt: ")

    monkeypatch.setattr("workbench.store.syncing.sync.pull", stopped)
    with _open(tmp_path, "ines") as case, pytest.raises(KeyboardInterrupt):
        case.sync(town.store("ines"))


def test_how_far_a_sync_is_is_shown_in_a_terminal_and_a_notebook_and_gone_after_it(town: Any, tmp_path: Path) -> None:  # fmt: skip
    import pty

    town.store("ida").profiles.create("192.0.2.1")
    script = (
        "import sys, workbench as wb, time\nfrom workbench.store.syncing import pulling\n"
        "case = wb.open_case(sys.argv[1])\nwb.connect_store(sys.argv[2]).profiles.create('192.0.2.9')\n"
        "original = pulling.feed.rows\npulling.feed.rows = lambda *a: (time.sleep(0.5), original(*a))[1]\nprint(case.sync(wb.connect_store(sys.argv[2])))"
    )
    main, other = pty.openpty()
    running = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "case.duckdb"), town.url_of("ines")], stdout=subprocess.PIPE, stderr=other, text=True, env={**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    )  # fmt: skip
    os.close(other)
    shown = b""
    with contextlib.suppress(OSError):
        while block := os.read(main, 65536):
            shown += block
    assert running.communicate()[0] == "2 pulled\n"
    assert b"pulling" in shown
    assert b"0/2" in shown


def test_importing_the_workbench_does_not_load_the_sync() -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", "import workbench, sys; print([m for m in sys.modules if m.startswith('workbench.store') or m == 'duckdb'])"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert loaded.strip() == "[]"
