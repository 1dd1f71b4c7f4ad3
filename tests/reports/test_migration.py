"""A store with something in it gets its tables of reports without losing any of it."""

from __future__ import annotations

import psycopg
import pytest

from workbench.reports.scheduling.storeledger import StoreLedger
from workbench.store import Administration, Store
from workbench.store.administering.upgrading import configured

from .conftest import Town


def test_a_store_in_use_is_brought_along(town: Town) -> None:
    alembic = pytest.importorskip("alembic.command")
    from sqlalchemy import create_engine

    with psycopg.connect(town.url, autocommit=True) as con:
        con.execute("CREATE DATABASE older")
    url = town.url.replace("/postgres?", "/older?")
    assert url != town.url
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1))
    with engine.connect() as connection, connection.begin():
        connection.exec_driver_sql("CREATE SCHEMA workbench")
        config = configured()
        config.attributes["connection"] = connection
        alembic.upgrade(config, "0005")
        connection.exec_driver_sql("GRANT SELECT ON workbench.migrations TO PUBLIC")
    engine.dispose()
    with Administration(url) as administration:
        administration.add_organisation("cert")
        administration.add_member("ines", "cert", "red")
    mine = url.replace("postgres@", "ines@").replace("postgres:@", "ines@")
    with psycopg.connect(mine, autocommit=True, options="-c search_path=workbench") as con:
        con.execute("INSERT INTO watchlists (owner, name, network) SELECT organisation, 'plant', '203.0.113.0/24' FROM members WHERE role = current_user")  # fmt: skip
        con.execute("INSERT INTO profiles (owner, secrecy, address) SELECT organisation, 3, '203.0.113.7' FROM members WHERE role = current_user")  # fmt: skip
    with Administration(url) as administration:
        assert administration.migrate().schema == administration.status().newest
    with Store(mine) as store:
        assert [(one.name, one.network) for one in store.watchlists.all()] == [("plant", "203.0.113.0/24")]
        assert store.profiles.get("203.0.113.7").owner == "cert"
        assert len(store.alerts.all()) == 1
        assert StoreLedger(store).schedules() == []
        key = StoreLedger(store).begin("triage", {})
        assert key is not None
