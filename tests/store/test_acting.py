"""One login that acts for members, on each server there is."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql

from workbench.secrecy import TLP
from workbench.store import NotFound, StoreError, Unreachable
from workbench.store.errors import Overtime
from workbench.store.serving.acting import Pool


@pytest.fixture(scope="module")
def pool(shared_town: Any) -> Iterator[Pool]:
    with shared_town.administration() as administration:
        administration.add_api_login(shared_town.role("gate"))
        administration.add_api_login(shared_town.role("gate"))  # harmless where it is there
    made = Pool(shared_town.url_of("gate"), 3)
    yield made
    made.close()
    with shared_town.superuser() as con:
        con.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(shared_town.role("gate"))))


def lost(town: Any) -> None:
    """Every connection of the login is cut."""
    with town.superuser() as con:
        con.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = %s", (town.role("gate"),))  # fmt: skip


def test_it_is_the_store_as_the_member_sees_it(shared_town: Any, pool: Pool) -> None:
    ines, pia = pool.act_as(shared_town.role("ines")), pool.act_as(shared_town.role("pia"))
    assert (ines.me.organisation.name, ines.me.clearance) == ("cert", TLP.RED)
    made = ines.profiles.create("203.0.113.5", secrecy="amber+strict", notes="ours")
    assert ines.profiles.get(made.id).notes == "ours"
    with pytest.raises(NotFound):
        pia.profiles.get(made.id)
    raised = ines.profiles.set_secrecy(made, "green", "for all")
    assert pia.profiles.get(raised.id).secrecy is TLP.GREEN
    with pytest.raises((PermissionError, NotFound, StoreError)):
        pia.profiles.update(raised, notes="theirs")
    assert {act.actor for act in ines.audit.of(raised)} == {shared_town.role("ines")}
    assert {act.login for act in ines.audit.of(raised)} == {shared_town.role("gate")}


def test_nothing_of_a_member_is_left_on_a_connection(shared_town: Any, pool: Pool) -> None:
    def work(name: str) -> None:
        store = pool.act_as(shared_town.role(name))
        for number in range(30):
            if number % 5 == 0:
                with pytest.raises(StoreError):
                    store.run("a failure", lambda con: con.execute("SELECT 'x'::inet"))
            seen.add((name, store.rows("who", "SELECT current_user, session_user")[0]))

    seen: set[Any] = set()
    threads = [
        threading.Thread(target=work, args=(name,)) for name in ("ines", "ida", "otto", "clara", "pia")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    gate = shared_town.role("gate")
    assert seen == {
        (name, (shared_town.role(name), gate)) for name in ("ines", "ida", "otto", "clara", "pia")
    }
    with psycopg.connect(shared_town.url_of("gate"), autocommit=True) as con, pytest.raises(psycopg.Error):
        con.execute("SELECT count(*) FROM workbench.profiles")


@pytest.mark.parametrize("role", ["postgres", "workbench_owner", "workbench_api", "none", "NONE", "", "x" * 64, "a\0b", "nobody"])  # fmt: skip
def test_it_acts_for_nobody_else(pool: Pool, role: str) -> None:
    store = pool.act_as(role)
    with pytest.raises(PermissionError):
        store.standing()
    with pytest.raises((PermissionError, psycopg.Error, StoreError)):
        store.rows("profiles", "SELECT count(*) FROM profiles")


def test_the_countries_of_a_member(shared_town: Any, pool: Pool) -> None:
    assert pool.act_as(shared_town.role("ida")).standing()[1] is None
    with shared_town.administration() as administration:
        administration.add_member(shared_town.role("ida"), "cert", "red", countries=["NL", "DE"])
    assert pool.act_as(shared_town.role("ida")).standing()[1] == {"DE", "NL"}


def test_lost_connections_are_replaced_and_the_work_is_repeated(shared_town: Any, pool: Pool) -> None:
    store = pool.act_as(shared_town.role("ines"))
    for _ in range(3):
        lost(shared_town)
        assert store.rows("a number", "SELECT 7") == [(7,)]


def test_work_that_may_not_be_done_twice_is_not_repeated_once_it_began(shared_town: Any, pool: Pool) -> None:
    store = pool.act_as(shared_town.role("ines"))
    done = 0

    def work(con: Any) -> None:
        nonlocal done
        done += 1
        lost(shared_town)
        con.execute("SELECT 1")

    with pytest.raises(Unreachable) as told:
        store.run("a change", work, repeatable=False)
    assert told.value.maybe_done
    assert done == 1
    lost(shared_town)
    assert store.run("a change", lambda con: con.execute("SELECT 1").fetchone(), repeatable=False) == (1,), "before it began nothing was done"  # fmt: skip


def test_a_statement_that_takes_too_long_is_ended(shared_town: Any) -> None:
    hasty = Pool(shared_town.url_of("gate"), 1, statement_seconds=0.2)
    store = hasty.act_as(shared_town.role("ines"))
    try:
        with pytest.raises(Overtime, match="longer than the server allows"):
            store.rows("a rest", "SELECT pg_sleep(60)")
        assert store.rows("a number", "SELECT 7") == [(7,)]
    finally:
        hasty.close()
