"""Getting to a store, losing it, and getting back."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import workbench as wb
from workbench.store import Administration, Conflict, Store, StoreError, Unreachable
from workbench.store.administering.server import as_role, embedded
from workbench.store.errors import Broken, plain

USE = "import os, sys, workbench as wb; s = wb.connect_store(); print(s.me.role, len(s.profiles.search()), flush=True); sys.stdin.readline()"


@pytest.fixture(scope="module")
def machine() -> Iterator[Path]:
    """A home where nobody ever had a store."""
    yield from _machine()


@pytest.fixture
def new_machine() -> Iterator[Path]:
    yield from _machine()


def _machine() -> Iterator[Path]:
    # Not in pytest's own folder, which another run of pytest closes to the user the server runs as where that is root's.
    home = Path(tempfile.mkdtemp(prefix="workbench-home-"))
    with pytest.MonkeyPatch.context() as context:
        context.setenv("WORKBENCH_HOME", str(home))
        yield home
    shutil.rmtree(home, ignore_errors=True)


def _analyst(home: Path) -> subprocess.Popen[str]:
    started = subprocess.Popen(
        [sys.executable, "-c", USE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "WORKBENCH_HOME": str(home)}
    )  # fmt: skip
    assert started.stdout is not None
    assert started.stdout.readline().strip(), "it does not start"
    return started


def _leave(process: subprocess.Popen[str]) -> None:
    process.communicate("\n", timeout=60)


def _server(home: Path) -> int | None:
    try:
        return int((home / "store" / "postmaster.pid").read_text().split()[0])
    except FileNotFoundError:
        return None


def test_without_a_url_a_server_is_started_and_stopped_when_the_last_who_uses_it_is_gone(machine: Path) -> None:  # fmt: skip
    first = _analyst(machine)
    pid = _server(machine)
    second = _analyst(machine)
    assert _server(machine) == pid
    _leave(first)
    assert _server(machine) == pid
    second.send_signal(signal.SIGKILL)  # and says no good-bye
    second.wait()
    third = _analyst(machine)
    assert _server(machine) == pid
    _leave(third)
    assert _server(machine) is None


def test_nobody_else_on_the_machine_gets_at_it(machine: Path) -> None:
    using = _analyst(machine)
    try:
        (socket,) = (machine / "store").glob(".s.PGSQL.*[0-9]")
        assert socket.stat().st_mode & 0o077 == 0
        assert (machine / "store").stat().st_mode & 0o077 == 0
        assert machine.stat().st_mode & 0o044 == 0
    finally:
        _leave(using)


def test_a_server_that_was_killed_is_started_again(machine: Path) -> None:
    with wb.connect_store() as store:
        store.profiles.create("192.0.2.1", notes="kept")
    pid = _server(machine)
    assert pid
    os.kill(pid, signal.SIGKILL)
    while Path(f"/proc/{pid}/cmdline").exists() and Path(f"/proc/{pid}/cmdline").read_bytes():
        time.sleep(0.02)
    with wb.connect_store() as store:
        assert store.profiles.get("192.0.2.1").notes == "kept"


def test_who_set_the_store_of_the_machine_up_by_hand_is_let_in_too(
    new_machine: Path,
) -> None:
    with Administration(embedded()) as administration:
        administration.migrate()
        administration.add_organisation("CERT")
        administration.add_member("ines", "CERT", "red")
    with wb.connect_store(organisation="CERT") as store:
        assert (store.me.organisation.name, store.me.clearance.name) == ("CERT", "RED")


def test_a_server_that_does_not_start_says_why(new_machine: Path) -> None:
    (new_machine / "store").mkdir()
    (new_machine / "store" / "PG_VERSION").write_text("9.6\n")
    with pytest.raises(OSError, match="does not start"):
        wb.connect_store()


def test_a_database_without_a_store_and_a_stranger_are_told_the_mend(town: Any, server: str) -> None:
    with pytest.raises(StoreError, match="workbench store init"):
        Store(server)
    stranger = f"stranger_{town.number}"
    with town.superuser() as con:
        con.execute(f"CREATE ROLE {stranger} LOGIN")
    try:
        with pytest.raises(PermissionError, match="workbench store member"):
            Store(as_role(town.url, stranger))
        with town.superuser() as con:
            con.execute("UPDATE migrations SET version_num = '0000'")
        with pytest.raises(StoreError, match=r"schema 0000, .*workbench store migrate"):
            town.store("ines")
    finally:
        with town.superuser() as con:
            con.execute(f"DROP ROLE {stranger}")


def test_a_suspended_member_sees_nothing_over_an_open_connection_too(town: Any) -> None:
    ines = town.store("ines")
    ines.profiles.create("192.0.2.1", secrecy="clear")
    with town.sql("ines") as con, town.administration() as administration:
        assert con.execute("SELECT count(*) FROM profiles").fetchone() == (1,)
        administration.suspend_member(town.role("ines"))
        assert con.execute("SELECT count(*) FROM profiles").fetchone() == (0,)
        with pytest.raises(PermissionError, match="no active member"):
            _ = ines.me


def _cut(town: Any, store: Store) -> None:
    """End the connection of a store, as a broken network or a restart would."""
    assert store._con is not None
    with town.superuser() as con:
        con.execute("SELECT pg_terminate_backend(%s)", (store._con.info.backend_pid,))


def test_a_read_is_repeated_over_a_new_connection(town: Any) -> None:
    store = town.store("ines")
    made = store.profiles.create("192.0.2.1")
    _cut(town, store)
    assert store.profiles.get(made.id).id == made.id
    _cut(town, store)
    assert len(store.profiles.search()) == 1


def test_a_write_is_repeated_where_the_connection_was_lost_before_it_began_and_else_reported(
    town: Any,
) -> None:
    store = town.store("ines")
    made = store.profiles.create("192.0.2.1")
    _cut(town, store)
    assert store.profiles.update(made, notes="once").version == 2

    def lost_on_the_way(con: Any) -> None:
        con.execute("UPDATE profiles SET notes = 'twice' WHERE id = %s", (made.id,))
        con.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(Unreachable, match="look before repeating it") as lost:
        store.run("a change", lost_on_the_way, repeatable=False)
    assert lost.value.maybe_done
    assert store.profiles.get(made.id).notes == "once"


def test_creating_a_profile_is_repeated_and_makes_one(town: Any) -> None:
    store = town.store("ines")
    store.profiles.search()
    _cut(town, store)
    store.profiles.create("192.0.2.1")
    assert len(store.profiles.search()) == 1


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("statement_timeout = '100ms'", "longer than the server allows"),
        ("lock_timeout = '100ms'", "somebody else is changing it"),
    ],
)
def test_waiting_too_long_is_told_as_that_and_not_as_a_lost_connection(town: Any, setting: str, says: str) -> None:  # fmt: skip
    store = town.store("ines")
    made = store.profiles.create("192.0.2.1")
    with town.sql("ida") as con, con.transaction():
        con.execute("UPDATE profiles SET notes = 'held' WHERE id = %s", (made.id,))
        with store.connection("settings") as mine:
            mine.execute(f"SET {setting}")
        with pytest.raises(StoreError, match=says):
            store.profiles.update(made, notes="mine")


def test_a_server_that_only_reads_is_read_and_says_so_to_who_writes(town: Any) -> None:
    store = town.store("ines")
    matter = store.investigations.create("Water", secrecy="amber")
    profile = store.profiles.create("192.0.2.7", secrecy="amber")
    store.investigations.link(matter, profile)
    with store.connection("settings") as con:
        con.execute("SET default_transaction_read_only = on")
    assert store.investigations.get(matter.id) == matter
    assert store.profiles.get("192.0.2.7") == profile
    assert list(store.profiles.search()) == store.profiles.of(["192.0.2.7"]) == [profile]
    assert store.investigations.profiles(matter) == [profile]
    with pytest.raises(StoreError, match="takes no changes"):
        store.profiles.create("192.0.2.1")


def test_two_changes_that_wait_for_one_another_end_with_one_conflict(town: Any) -> None:
    import threading

    ines, ida = town.store("ines"), town.store("ida")
    one, two = ines.profiles.create("192.0.2.1"), ines.profiles.create("192.0.2.2")
    both, failed = threading.Barrier(2), []

    def change(store: Store, first: Any, second: Any) -> None:
        try:
            with store.connection("both") as con:
                con.execute("UPDATE profiles SET notes = 'a' WHERE id = %s", (first.id,))
                both.wait(30)
                con.execute("UPDATE profiles SET notes = 'a' WHERE id = %s", (second.id,))
        except Conflict as error:
            failed.append(str(error))

    threads = [threading.Thread(target=change, args=a) for a in ((ines, one, two), (ida, two, one))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(failed) == 1
    assert "repeat yours" in failed[0]


def test_a_url_that_cannot_be_reached_is_told_at_once_where_waiting_is_of_no_use(server: str) -> None:
    began = time.monotonic()
    with pytest.raises(Unreachable, match="does not exist"):
        Store(as_role(server, "nobody_at_all"))
    assert time.monotonic() - began < 30
    with pytest.raises(ValueError, match="no URL of a PostgreSQL"):
        Store("store.example/workbench")


@pytest.mark.parametrize(
    ("says", "kind"),
    [
        ('could not open file "base/16384/2608": Permission denied', Broken),
        ("konnte Datei »base/16384/2608« nicht öffnen: Keine Berechtigung", Broken),
        ('could not open file "backup_label": Permission denied', Broken),
        ("permission denied for table members", PermissionError),
        ("keine Berechtigung für Tabelle members", PermissionError),
    ],
)
def test_rights_of_the_member_are_told_from_those_of_the_server(town: Any, says: str, kind: type) -> None:
    """Both have the same SQLSTATE, and the server speaks the language of whoever set it up."""
    with town.superuser() as con, pytest.raises(OSError, match=says) as raised, plain("it"):
        con.execute(f"DO $$BEGIN RAISE EXCEPTION '{says}' USING ERRCODE = 'insufficient_privilege'; END$$")
    assert type(raised.value) is kind


@pytest.mark.parametrize("state", ["data_corrupted", "internal_error", "disk_full", "io_error"])
def test_a_server_that_cannot_is_told_of_as_one(town: Any, state: str) -> None:
    with town.superuser() as con, pytest.raises(Broken, match="it: the server cannot do it: oh"), plain("it"):
        con.execute(f"DO $$BEGIN RAISE EXCEPTION 'oh' USING ERRCODE = '{state}'; END$$")
