"""A store of an earlier version, with profiles in it, is brought to this one: nothing is lost, or nothing is done."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic import command
from sqlalchemy import create_engine

from workbench.secrecy import TLP
from workbench.store import Administration, Store, StoreError
from workbench.store.administering.server import as_role
from workbench.store.administering.upgrading import configured, newest

REVISIONS = sorted(path.stem[:4] for path in (Path(__file__).parents[2] / "workbench/store/administering/migrations/versions").glob("[0-9]*.py"))  # fmt: skip

DERIVED = {"words"}
"""What a migration may make anew of the rest."""


@pytest.fixture
def database(town: Any, server: str) -> Iterator[str]:
    name = f"older_{town.number}"
    with psycopg.connect(server, autocommit=True) as con:
        con.execute(f"CREATE DATABASE {name}")
    yield re.sub(r"/town_\d+", f"/{name}", town.url)
    with psycopg.connect(server, autocommit=True) as con:
        con.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _upgrade(url: str, revision: str) -> None:
    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(url))
    with engine.connect() as connection, connection.begin():
        connection.exec_driver_sql("CREATE SCHEMA IF NOT EXISTS workbench")
        config = configured()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        connection.exec_driver_sql("GRANT SELECT ON workbench.migrations TO PUBLIC")
    engine.dispose()


def _rows(url: str) -> dict[str, list[dict[str, Any]]]:
    with psycopg.connect(url, options="-c search_path=workbench") as con:
        tables = con.execute("SELECT relname FROM pg_class WHERE relnamespace = 'workbench'::regnamespace AND relkind = 'r' AND relname <> 'migrations'").fetchall()  # fmt: skip
        return {
            t: [row[0] for row in con.execute(f"SELECT to_jsonb(t) FROM {t} t ORDER BY t::text")]
            for (t,) in tables
        }


@pytest.mark.parametrize("revision", REVISIONS[:-1])
def test_a_populated_store_of_each_earlier_version_comes_to_this_one_whole(town: Any, database: str, revision: str) -> None:  # fmt: skip
    _upgrade(database, revision)
    ines, pia = town.role("ines"), town.role("pia")
    with Administration(database) as administration:
        for role, organisation in ((ines, "cert"), (pia, "bank")):
            administration.add_organisation(organisation)
            administration.add_member(role, organisation, TLP.RED)
        assert administration.status().schema == revision
    with pytest.raises(StoreError, match="workbench store migrate"):
        Store(as_role(database, ines))
    with psycopg.connect(as_role(database, ines), autocommit=True, options="-c search_path=workbench") as con:
        own = "(SELECT organisation FROM members WHERE role = current_user)"
        con.execute(
            f"INSERT INTO watchlists (owner, secrecy, name, network) VALUES ({own}, 3, 'w', '192.0.2.0/24')"
        )
        for n, level in enumerate((1, 2, 3)):
            con.execute(f"INSERT INTO profiles (owner, secrecy, address, notes, as_org) VALUES ({own}, %s, %s, 'kept', 'Carrier')", (level, f"192.0.2.{n}"))  # fmt: skip
        con.execute(
            "INSERT INTO evidence (profile, source, category) SELECT id, 'sensor', 'tor' FROM profiles"
        )
        for kind, columns, values in (("investigations", "name", "'m'"), ("entities", "kind, name", "'person', 'p'")):  # fmt: skip
            con.execute(f"INSERT INTO {kind} (owner, secrecy, {columns}) VALUES ({own}, 2, {values})")
        con.execute("INSERT INTO investigation_profiles (investigation, profile, note) SELECT i.id, p.id, 'n' FROM investigations i, profiles p")  # fmt: skip
        con.execute("INSERT INTO entity_profiles (entity, profile, relation) SELECT e.id, p.id, 'uses' FROM entities e, profiles p")  # fmt: skip
        con.execute("INSERT INTO sightings (profile, first_seen, last_seen, count) SELECT id, now(), now(), 7 FROM profiles")  # fmt: skip
        con.execute("INSERT INTO footprint (profile, kind, value, source) SELECT id, 'domain', 'a.example', 'pdns' FROM profiles")  # fmt: skip
        con.execute(
            "SELECT set_secrecy('profiles', id, 1, 4::smallint, 'red', '{}') FROM profiles WHERE secrecy = 3"
        )
        con.execute("UPDATE profiles SET notes = 'changed' WHERE secrecy = 1")
    before = _rows(database)
    assert {table for table, rows in before.items() if not rows} <= {"clients", "offers", "offered_before", "report_schedules", "report_runs"}  # fmt: skip
    with Administration(database) as administration:
        assert administration.migrate().schema == newest()
    after = _rows(database)
    for table, rows in before.items():
        kept = {column for row in rows for column in row} - DERIVED
        cut = [{name: value for name, value in row.items() if name in kept} for row in after[table]]
        were = [{name: value for name, value in row.items() if name in kept} for row in rows]
        assert sorted(map(repr, cut)) == sorted(map(repr, were)), table
    with Store(as_role(database, ines)) as store, Store(as_role(database, pia)) as other:
        assert len(store.profiles.search()) == 3
        assert (
            len(store.profiles.search(text="carr"))
            == len(store.profiles.search(text="carier", misspelt=True))
            == 3
        )
        assert [profile.notes for profile in other.profiles.search(text="carrier")] == ["changed"]
        assert not other.profiles.search(text="kept")
        store.profiles.create("192.0.2.77")
        assert len(store.alerts.all()) == 4


def test_a_migration_that_fails_changes_nothing(town: Any, database: str) -> None:
    _upgrade(database, "0001")
    with psycopg.connect(database, autocommit=True) as con:
        con.execute("CREATE TABLE workbench.offers ()")  # in the way of a later migration
    with Administration(database) as administration:
        with pytest.raises(Exception, match="offers"):
            administration.migrate()
        assert administration.status().schema == "0001"
        administration.con.execute("DROP TABLE workbench.offers")
        assert administration.migrate().schema == newest()


def test_a_store_of_a_newer_version_is_left_alone(town: Any) -> None:
    with town.superuser() as con:
        con.execute("UPDATE migrations SET version_num = '9999'")
    with town.administration() as administration:
        assert "newer than" in str(administration.status())
        with pytest.raises(StoreError, match=r"newer .*update the workbench; nothing was changed"):
            administration.migrate()
    with pytest.raises(StoreError, match="newer than this version"):
        town.store("ines")
