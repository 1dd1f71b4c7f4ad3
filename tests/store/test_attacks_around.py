"""Attacks around the tables: on what belongs to the server, by waiting, by what is left open, and by what was forgotten.

Their table is in ``test_attacks.py``.
"""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import threading
import time
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import errors

from workbench.store.administering.backup import _program

from .test_attacks import HIDDEN, WORD, Denied, Scene, scene, visible

__all__ = ["scene"]
REFUSED = (Denied, errors.WrongObjectType, errors.ObjectNotInPrerequisiteState, errors.FeatureNotSupported,
           errors.UndefinedFile, errors.InvalidParameterValue, errors.ActiveSqlTransaction, errors.CantChangeRuntimeParam,
           errors.UndefinedObject, errors.DependentObjectsStillExist)  # fmt: skip


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT lo_export(lo_create(0), '/tmp/out')",
        "COMMENT ON TABLE workbench.profiles IS 'x'",
        "SECURITY LABEL ON TABLE workbench.profiles IS 'x'",
        "ALTER DEFAULT PRIVILEGES FOR ROLE workbench_owner GRANT ALL ON TABLES TO PUBLIC",
        "REASSIGN OWNED BY workbench_owner TO CURRENT_USER",
        "DROP OWNED BY workbench_owner",
        "CREATE CAST (workbench.tlp AS integer) WITHOUT FUNCTION",
        "ALTER DOMAIN workbench.tlp DROP CONSTRAINT tlp_check",
        "CREATE TYPE workbench.t AS (a int)",
        "CREATE OPERATOR workbench.= (FUNCTION = uuid_eq, LEFTARG = uuid, RIGHTARG = uuid)",
        "CREATE EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "CREATE EXTENSION dblink",
        "CREATE EXTENSION postgres_fdw",
        "CREATE EXTENSION file_fdw",
        "CREATE EXTENSION pgstattuple",
        "CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE c AS 'x', 'y'",
        "CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE internal AS 'now'",
        "CREATE SUBSCRIPTION s CONNECTION 'host=evil.example' PUBLICATION p",
        "ALTER SYSTEM SET log_min_messages = 'fatal'",
        "ALTER DATABASE {database} SET row_security = off; SET session_replication_role = replica",
        "SELECT pg_reload_conf()",
        "SELECT pg_switch_wal()",
        "SELECT pg_stat_reset()",
        "SELECT pg_current_logfile()",
        "SELECT pg_read_binary_file('global/pg_control')",
        "SELECT pg_stat_file('postgresql.conf')",
        "SELECT * FROM pg_hba_file_rules",
        "SELECT * FROM pg_shadow",
        "SELECT * FROM pg_user_mapping",
        "SELECT pg_create_physical_replication_slot('s')",
        "SELECT pg_logical_emit_message(true, 'a', 'b'), pg_read_file('PG_VERSION')",
        "SELECT pg_log_backend_memory_contexts(pg_backend_pid())",
        "REINDEX TABLE workbench.profiles",
        "CLUSTER workbench.profiles USING profiles_by_address",
        "SET ROLE pg_read_all_data",
        "SET ROLE pg_monitor",
        "COPY workbench.clearances FROM STDIN",
        "SET log_statement = 'none'",
        "SET log_min_error_statement = panic",
        "SET debug_print_plan = on; LOAD '$libdir/plugins/x'",
        # What is written for her by defaults, triggers and functions.
        "INSERT INTO workbench.members (role, organisation) SELECT 'x', organisation FROM workbench.members LIMIT 1",
        "UPDATE workbench.members SET organisation = organisation",
        "UPDATE workbench.clearances SET level = 4",
        "INSERT INTO workbench.recipients (role, thing, named_by) VALUES (current_user, '{hidden}', 'x')",
        "DELETE FROM workbench.recipients",
        "UPDATE workbench.organisations SET in_community = true",
        "INSERT INTO workbench.clients SELECT id, id FROM workbench.organisations",
        "INSERT INTO workbench.audit (actor, action, audience, audience_then) VALUES ('ines', 'x', '{hidden}', '{hidden}')",
        "UPDATE workbench.audit SET actor = 'ida'",
        "DELETE FROM workbench.audit",
        "DELETE FROM workbench.profiles",
        "DELETE FROM workbench.profile_history",
        "INSERT INTO workbench.alerts (watchlist, watchlist_audience, audience, cause, says) VALUES ('{hidden}', '{hidden}', '{hidden}', 'x', 'x')",
        "UPDATE workbench.alerts SET cause = 'x'",
        "UPDATE workbench.alerts SET audience = audience",
        "UPDATE workbench.store SET id = id",
        "SELECT * FROM workbench.organisation_names",
        "INSERT INTO workbench.organisation_names (audience, name) VALUES ('{hidden}', 'x')",
        "DELETE FROM workbench.organisation_names",
        "UPDATE workbench.migrations SET version_num = '0000'",
        "UPDATE workbench.profiles SET secrecy = 0",
        "UPDATE workbench.profiles SET owner = owner",
        "UPDATE workbench.profiles SET version = 1",
        "UPDATE workbench.profiles SET address = '192.0.2.1'",
        "UPDATE workbench.profiles SET changed_in = '0'",
        "UPDATE workbench.profiles SET updated_by = 'ida'",
        "UPDATE workbench.evidence SET source = 'x'",
        "INSERT INTO workbench.profiles (id, owner, secrecy, address) SELECT gen_random_uuid(), organisation, 1, '192.0.2.9' FROM workbench.members",
        "INSERT INTO workbench.profiles (created_by, owner, secrecy, address) SELECT 'ida', organisation, 1, '192.0.2.9' FROM workbench.members",
        "INSERT INTO workbench.evidence (profile, source, category, recorded_by) VALUES ('{hidden}', 'x', 'tor', 'ida')",
        "SELECT workbench.audiences_of('{ines}')",
        "SELECT workbench.seers('{hidden}')",
        "SELECT workbench.spread_audience('profiles', '{hidden}', '{hidden}', '{hidden}')",
        "SELECT workbench.raise_for_new_seers('{hidden}', '{{}}')",
        "SELECT workbench.tell('profiles', ARRAY['{hidden}'::uuid])",
    ],
)  # fmt: skip
def test_refused(scene: Scene, statement: str) -> None:
    with scene.sql("pia") as con:
        given = {"hidden": scene.hidden.id, "ines": scene.town.role("ines"), "database": con.info.dbname}
        with pytest.raises(REFUSED) as refused:
            con.execute(statement.format(**given))
        assert WORD not in str(refused.value)
        con.rollback()
        assert WORD not in visible(con)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT table_to_xml('workbench.profiles', true, true, '')::text",
        "SELECT schema_to_xml('workbench', true, true, '')::text",
        "SELECT query_to_xml('SELECT * FROM workbench.evidence', true, true, '')::text",
        "SELECT string_agg(t.word, ' ') FROM ts_stat('SELECT to_tsvector(notes) FROM workbench.profiles') t",
        "SELECT string_agg(row_to_json(p)::text || p::text, ' ') FROM workbench.profiles p",
        "SELECT string_agg(query, ' ') FROM pg_stat_activity WHERE pid <> pg_backend_pid()",
        "SELECT string_agg(l::text, ' ') FROM pg_locks l",
        "SELECT string_agg(s::text, ' ') FROM pg_stat_all_indexes s",
        "SELECT string_agg(s::text, ' ') FROM pg_prepared_statements s",
        "SELECT string_agg(s::text, ' ') FROM pg_cursors s",
        "SELECT string_agg(s::text, ' ') FROM pg_largeobject_metadata s",
        "SELECT string_agg(s::text, ' ') FROM pg_settings s",
        "SELECT string_agg(s::text, ' ') FROM workbench.offers s",
    ],
)
def test_nothing_hidden_is_told(scene: Scene, query: str) -> None:
    with scene.sql("ines") as ines, scene.sql("pia") as pia, ines.transaction():
        ines.execute("SELECT %s, * FROM profiles WHERE notes LIKE %s FOR UPDATE", (WORD, f"{WORD}%"))
        try:
            (told,) = pia.execute(query.encode()).fetchone() or ("",)
        except errors.FeatureNotSupported:
            pytest.skip("this server was built without XML")
        assert WORD not in (told or "").replace(query, "")
        assert HIDDEN not in (told or "")


def test_copying_gives_what_is_hers_and_dumping_nothing(scene: Scene) -> None:
    with scene.sql("pia") as con, con.cursor().copy("COPY workbench.profiles TO STDOUT") as copy:
        told = b"".join(copy).decode()
    assert "203.0.113.1" in told
    assert WORD not in told
    with scene.sql("pia") as con:
        program = _program("pg_dump", con.info.server_version // 10000)
    url = scene.town.url_of("pia")
    for option in (
        "--no-comments",
        "--enable-row-security",
    ):  # its connection allows no views, as the policies have
        done = subprocess.run([program, "--data-only", option, "--table=workbench.profiles", url], capture_output=True, text=True, check=False)  # fmt: skip
        assert done.returncode != 0
        assert WORD not in done.stdout


def test_a_cursor_or_snapshot_of_another_s_is_of_no_use(scene: Scene) -> None:
    with scene.sql("ines") as ines, scene.sql("pia") as pia, ines.transaction():
        (snapshot,) = ines.execute("SELECT pg_export_snapshot()").fetchone() or ("",)
        with pia.transaction():
            pia.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            pia.execute(f"SET TRANSACTION SNAPSHOT '{snapshot}'")
            assert WORD not in visible(pia)


# ---- notices


def test_notices_name_kinds_and_ids_and_nothing_else(scene: Scene) -> None:
    ines = scene.town.store("ines")
    with scene.sql("pia") as con:
        con.execute("LISTEN workbench")
        made = ines.profiles.create("203.0.113.70", secrecy="red", notes=WORD, tags=[WORD])
        changed = ines.profiles.update(made, notes=f"{WORD} again", threat_level="critical")
        ines.profiles.set_secrecy(changed, "amber", f"{WORD} reason")
        ines.profiles.delete(ines.profiles.get(made.id))
        told = [notice.payload for notice in con.notifies(timeout=2.0)]
    assert told
    for payload in told:
        said = json.loads(payload)
        assert said.keys() <= {"kind", "ids", "many"}
        assert re.fullmatch(r"[a-z]+", said["kind"])
        assert all(re.fullmatch(r"[0-9a-f-]{36}", each) for each in said.get("ids", []))


def test_a_forged_notice_is_no_more_than_a_hint(scene: Scene) -> None:
    ines, got = scene.town.store("ines"), []
    end = ines.alerts.on_alert(lambda alert: got.append(alert.says))
    try:
        with scene.sql("pia") as con:
            for payload in ("", "rubbish", "[]", '{"kind": "alerts", "ids": ["x"]}', json.dumps({"kind": "alerts", "ids": [str(uuid4())]})):  # fmt: skip
                con.execute("SELECT pg_notify('workbench', %s)", (payload,))
        deadline = time.monotonic() + 30
        number = 0
        while not got and time.monotonic() < deadline:
            number += 1
            ines.profiles.create(f"203.0.113.{100 + number}")
            time.sleep(0.3)
    finally:
        end()
    assert got
    assert all(says.startswith("new profile 203.0.113.1") for says in got)


# ---- waiting, and things at once


def test_no_lock_of_a_hidden_row_is_met_or_taken(scene: Scene) -> None:
    with scene.sql("ines") as ines, scene.sql("pia") as pia, ines.transaction():
        ines.execute("UPDATE profiles SET notes = notes WHERE id = %s", (scene.hidden.id,))
        pia.execute("SET lock_timeout = '5s'")
        for query in (
            "SELECT * FROM profiles WHERE id = %s FOR UPDATE NOWAIT",
            "SELECT * FROM profiles WHERE id = %s FOR SHARE",
            "UPDATE profiles SET notes = 'x' WHERE id = %s",
        ):
            assert pia.execute(query, (scene.hidden.id,)).rowcount == 0
        with pytest.raises(errors.NoDataFound):
            pia.execute("SELECT set_secrecy('profiles', %s, 1, 0::smallint, 'x', NULL)", (scene.hidden.id,))


@pytest.mark.parametrize("child_first", [True, False])
def test_what_is_hung_on_a_profile_while_its_level_is_raised_is_raised_too(scene: Scene, child_first: bool) -> None:  # fmt: skip
    ines, ida = scene.town.store("ines"), scene.town.store("ida")
    made = ines.profiles.create(f"203.0.113.{80 + child_first}", secrecy="green")
    add = "INSERT INTO evidence (profile, source, category) VALUES (%s, %s, 'attacker')"
    raise_it = "SELECT set_secrecy('profiles', %s, 1, 4::smallint, 'x', '{}')"
    first, second = ((add, (made.id, WORD)), (raise_it, (made.id,)))[:: 1 if child_first else -1]
    done = threading.Event()

    def late() -> None:
        with scene.sql("ida" if not child_first else "ines") as con:
            with contextlib.suppress(psycopg.Error):  # it may be no longer hers to add to
                con.execute(*second)
            done.set()

    with scene.sql("ines") as con, con.transaction():
        con.execute(*first)
        thread = threading.Thread(target=late)
        thread.start()
        done.wait(0.5)  # it waits, or it is done
    thread.join(30)
    assert not thread.is_alive()
    assert ines.profiles.get(made.id).secrecy.name == "RED"
    with scene.sql("pia") as pia, scene.sql("ida") as other:
        for con in (pia, other):
            assert con.execute("SELECT count(*) FROM evidence WHERE profile = %s", (made.id,)).fetchone() == (0,)  # fmt: skip
    assert ida.rows("x", "SELECT count(*) FROM profiles WHERE id = %s", (made.id,)) == [(0,)]


def test_a_member_who_holds_the_lock_of_the_migrations_is_told_of(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setattr("workbench.store.administering.upgrading.LOCK_SECONDS", 1)
    with scene.sql("pia") as con, scene.town.administration() as administration:
        con.execute("SELECT pg_advisory_lock(hashtext('workbench migrations'))")
        with pytest.raises(ValueError, match="somebody else"):
            administration.migrate()
        con.execute("SELECT pg_advisory_unlock_all()")
        assert administration.migrate().schema == administration.status().newest


# ---- reading without a trace


def test_a_read_that_is_rolled_back_or_read_only_is_in_the_log_of_the_server(scene: Scene) -> None:
    data = Path(scene.town.url.partition("host=")[2].replace("%2F", "/"))
    log = next((path for path in (data / "log", data.parent / "log") if path.is_file()), None)
    if log is None:
        pytest.skip("the log of this server is not at hand")
    marks = [f"mark{uuid4().hex}" for _ in range(2)]
    with scene.sql("ines") as con:
        with con.transaction(force_rollback=True):
            con.execute(f"SELECT '{marks[0]}' FROM profiles")
        con.execute("SET default_transaction_read_only = on")
        con.execute(f"SELECT '{marks[1]}' FROM profiles")
    text = log.read_text(encoding="utf-8", errors="replace")
    for mark in marks:
        assert re.search(rf"workbench: {scene.town.role('ines')} .*{mark}", text)


# ---- what a migration may have forgotten

OPEN = ("store", "migrations")
"""Tables that are the same for everybody."""
SEEN_BY_ALL = ("organisations", "members", "migrations")


def test_every_table_hides_its_rows_from_its_owner_too(scene: Scene) -> None:
    with scene.town.superuser() as con:
        found = con.execute(
            "SELECT relname, relowner::regrole::text, relrowsecurity AND relforcerowsecurity FROM pg_class WHERE relnamespace = 'workbench'::regnamespace AND relkind IN ('r', 'p')"
        ).fetchall()
        assert {name for name, _, secured in found if not secured} == set(OPEN)
        assert {owner for name, owner, _ in found if name != "migrations"} == {"workbench_owner"}
        # Numbers that count up would tell how much there is.
        assert not con.execute("SELECT relname FROM pg_class WHERE relnamespace = 'workbench'::regnamespace AND relkind = 'S'").fetchall()  # fmt: skip
        views = con.execute("SELECT relname FROM pg_class WHERE relnamespace = 'workbench'::regnamespace AND relkind IN ('v', 'm') AND NOT coalesce(reloptions, '{}') @> '{security_invoker=true}'").fetchall()  # fmt: skip
        assert not views


def test_functions_that_act_for_a_member_are_the_warden_s_with_a_fixed_search_path(scene: Scene) -> None:
    with scene.town.superuser() as con:
        found = con.execute(
            "SELECT p.oid::regprocedure::text, p.proowner::regrole::text, p.prosecdef, coalesce(p.proconfig::text, ''), coalesce(p.proacl::text, 'PUBLIC') FROM pg_proc p "
            "WHERE p.pronamespace = 'workbench'::regnamespace AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')"
        ).fetchall()
    assert len(found) > 20
    for name, owner, definer, settings, grants in found:
        assert "PUBLIC" not in grants, name
        assert not re.search(r"[{,]=X", grants), name
        if definer:
            assert owner == "workbench_warden", name
            assert 'search_path=workbench, pg_temp' in settings, name  # fmt: skip


def test_the_planner_knows_nothing_of_hidden_rows(scene: Scene) -> None:
    with scene.town.superuser() as con:
        found = con.execute(
            "SELECT c.relname, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid LEFT JOIN pg_index i ON i.indexrelid = c.oid "
            "WHERE c.relnamespace = 'workbench'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped AND coalesce(a.attstattarget, -1) <> 0 "
            "AND (c.relkind = 'r' AND c.relname <> ALL (%(all)s) OR c.relkind = 'i' AND i.indexprs IS NOT NULL AND i.indkey[a.attnum - 1] = 0 "
            "AND (SELECT relname FROM pg_class WHERE oid = i.indrelid) <> ALL (%(all)s))",
            {"all": list(SEEN_BY_ALL)},
        ).fetchall()
    assert not found
