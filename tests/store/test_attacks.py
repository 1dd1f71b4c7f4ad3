"""Members who are hostile and write their own SQL.

``pia`` is of another organisation and cleared for RED, ``otto`` of the owner's and cleared for GREEN, ``clara`` of a
client's; ``ines`` and ``ida`` have the secrets. Everything is tried on each server there is.

================================================================== ==============================================
tried                                                              outcome
================================================================== ==============================================
``SET`` of search_path, row_security, session_replication_role,    refused, an error, or without effect: what is
role, session_authorization, app.*, by SET and set_config          hers to see does not change
SET ROLE to owner, warden, API role, another member, superuser     refused; workbench_member sees nothing
functions, operators, views of hers, as cheap as can be, that      never called with a hidden row
raise notices of what they are called with; leakproof ones         leakproof: refused
tables and functions of pg_temp or her schema named like ours      not used by the functions of the store
an EXECUTE over SET ROLE of a statement prepared as another        the answer is that of the role it runs as
a child, link, foreign key to a hidden profile                     same refusal as for one that does not exist;
                                                                   REFERENCES is not granted
a duplicate of a hidden profile, by INSERT, ON CONFLICT            her own row, no violation; what she could not
                                                                   see at a level she cannot add at it
matching(), recipients_of(), set_secrecy(), merge_profiles(),      as for what does not exist
note_rows_read(), audit_lines() with hidden ids
COUNT, EXISTS, LIKE, aggregates, TABLESAMPLE, ctid                 nothing hidden
pg_stat_xact_user_tables and of its indexes after the functions    same counts as for what does not occur: hidden rows
that search, and after adding the name of a hidden organisation    are not touched
EXPLAIN, EXPLAIN ANALYZE by each index, each scan switched off     same counts and estimates as for a value that
                                                                   does not occur
pg_stats, pg_stats_ext, pg_statistic                               no row; refused
COPY from and to server files and programs, COPY FROM, lo_import   refused
UPDATE, DELETE, MERGE, SELECT FOR UPDATE by a hidden id            as for what does not exist
a run of another's scheduled report, a change of it, an alert      refused, or as for what does not exist, in her own
for it                                                             organisation too
LOCK TABLE of profiles, TRUNCATE, DROP, ALTER, triggers, rules,    refused
policies, CREATE STATISTICS, ANALYZE
the role of the API                                                sees nothing before SET ROLE, owns nothing
writing to members, clearances, recipients, audit, history, alerts, refused; so are columns that triggers fill
migrations; secrecy, owner, version, address, author of a profile
the store's own functions that are not for members                 refused
CAST, TYPE, OPERATOR, DOMAIN, COMMENT, SECURITY LABEL, default     refused
privileges, REASSIGN and DROP OWNED in the schema
extensions (dblink, postgres_fdw, file_fdw, pgstattuple), C and    refused
internal functions, subscriptions, replication slots, event
triggers, ALTER SYSTEM, server files, statistics reset, lo_export
table_to_xml, ts_stat, whole rows, pg_stat_activity, pg_locks,     nothing hidden
cursors, prepared statements, settings
COPY TO STDOUT; pg_dump                                            hers; refused
an exported snapshot of another's transaction                      what is hers
LISTEN while RED is made, changed, lowered, deleted                kinds and ids
forged notices                                                     a hint to look, and nothing raised
FOR UPDATE, NOWAIT, UPDATE of a locked hidden row                  no row, no waiting
a child added while the level is raised, either first              goes with the profile
holding the lock of the migrations                                 the administrator is told, within minutes
reading in a transaction rolled back, or read only                 in the log of the server
an open connection over a suspension                               sees nothing more (``test_connection.py``)
a table, view, function or column without its protection           the catalogue is checked for them
================================================================== ==============================================

From "writing to members" on it is in ``test_attacks_around.py``; history and audit after a level was set, and what
hangs on a profile, are in ``test_rule.py``.

**What remains**, and is PostgreSQL's own: how many rows a table has altogether (``pg_class.reltuples``,
``pg_relation_size``, ``pg_stat_user_tables``, a sequential scan), and so that somebody wrote; that a row of an id one knows exists
(``EXPLAIN ANALYZE`` by the primary key; adding a child waits while it is being changed; ids are random, and told by
NOTIFY); what she fetched before, a held cursor too; durations, and pages read (``BUFFERS``); a transaction that is REPEATABLE
READ and was opened before a level was raised goes on seeing what it could see, until it ends; any role may use memory,
locks of tables it may delete from, and disk for temporary tables; and on PostgreSQL 15 a member may grant her own role
to another, as she may tell her password.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import errors, sql

from workbench.secrecy import TLP
from workbench.store import Footprint, Profile
from workbench.store.profiles.observations import Evidence

from .conftest import build_town

WORD = "xyzzy"
HIDDEN = "203.0.113.66"
ABSENT = "203.0.113.67"
Denied = errors.InsufficientPrivilege


@dataclass
class Scene:
    """A town with secrets: ``hidden`` is RED and for ines alone, ``strict`` and ``amber`` are the organisation's,
    ``shown`` is GREEN and linked to a hidden investigation and entity, ``plain`` is GREEN and linked to nothing."""

    town: Any
    hidden: Profile
    strict: Profile
    amber: Profile
    shown: Profile
    plain: Profile
    investigation: UUID
    entity: UUID

    def sql(self, name: str) -> psycopg.Connection:
        return self.town.sql(name)


@pytest.fixture(scope="module")
def scene(server: str) -> Iterator[Scene]:
    for town in build_town(server):
        ines = town.store("ines")
        with town.superuser() as con:
            # She may have a schema of her own, which is more than members need.
            database = con.info.dbname
            con.execute(sql.SQL("GRANT CREATE ON DATABASE {} TO {}").format(sql.Identifier(database), sql.Identifier(town.role("pia"))))  # fmt: skip
        secret = {"notes": f"{WORD} victim", "tags": [WORD], "threat_level": "critical"}
        profiles = [
            ines.profiles.create(HIDDEN, secrecy="red", **secret),
            ines.profiles.create(HIDDEN, secrecy="amber+strict", **secret),
            ines.profiles.create("203.0.113.64", secrecy="amber", **secret),
            ines.profiles.create("203.0.113.1", secrecy="green", notes="open"),
            ines.profiles.create("203.0.113.2", secrecy="green", notes="open"),
        ]
        investigation = ines.investigations.create(f"{WORD} case", secrecy="amber+strict")
        entity = ines.entities.create("person", f"{WORD} person", secrecy="amber+strict")
        ines.investigations.link(investigation, *profiles[:4])
        for profile in profiles[:3]:
            ines.evidence.add(profile, Evidence(WORD, "attacker"))
            ines.footprint.add(profile, Footprint("domain", f"{WORD}.example", WORD))
        for profile in profiles[:4]:
            ines.entities.link(entity, profile, "uses")
        schedule_reports(town, "ines", TLP.RED, TLP.AMBER_STRICT)
        watching = ines.watchlists.create(f"{WORD} watch", network="203.0.113.0/24")
        assert ines.rows("listings", "SELECT raise_listings(%s, ARRAY[%s], ARRAY['2026-10-01'::timestamptz], ARRAY['2026-10-02'::timestamptz], ARRAY[%s])", (watching.id, f"{WORD} attacker", f"{WORD} is listed")) == [(1,)]  # fmt: skip
        with town.superuser() as con:
            # Many hidden rows of one kind, so that a plan would have something to count.
            con.execute(
                "INSERT INTO profiles (owner, secrecy, address, country, asn, as_org, verdict, reputation, notes, tags, threat_level, created_by) "
                "SELECT owner, 3, '198.51.100.0'::inet + n, 'QQ', 666, %s, 'hidden verdict', 99, %s, ARRAY[%s], 4, %s "
                "FROM profiles, generate_series(0, 199) AS n WHERE id = %s",
                (f"{WORD} network", f"{WORD} many", WORD, town.role("ida"), profiles[0].id),
            )
            con.execute("VACUUM ANALYZE")
        yield Scene(town, *profiles, investigation.id, entity.id)


def schedule_reports(town: Any, maker: str, *levels: TLP) -> None:
    """Scheduled reports and runs of them, with the word in all they say."""
    with town.sql(maker) as con:
        for level in levels:
            (schedule,) = con.execute(
                "INSERT INTO report_schedules (owner, secrecy, name, template, plan) SELECT organisation, %s, %s, 'dossier', %s "
                "FROM members WHERE role = current_user RETURNING id",
                (int(level), f"{WORD} report {level}", json.dumps({"parameters": {"investigation": WORD}})),
            ).fetchone()
            for attempt in range(1, 60):
                con.execute(
                    "INSERT INTO report_runs (owner, secrecy, schedule, template, due_at, attempt, told, machine) "
                    "SELECT organisation, %s, %s, 'dossier', '2026-11-02 07:00Z', %s, %s, %s FROM members WHERE role = current_user",
                    (int(level), schedule, attempt, json.dumps({"error": WORD}), WORD),
                )


def visible(con: psycopg.Connection) -> str:
    """Everything of every table that a connection can read, as text."""
    found = []
    for table in ("profiles", "investigations", "entities", "watchlists", "evidence", "sightings", "footprint", "profile_history",
                  "alerts", "investigation_profiles", "entity_profiles", "recipients", "report_schedules", "report_runs", "audit"):  # fmt: skip
        skip = "WHERE t.action <> 'read'" if table == "audit" else ""
        found += [row[0] for row in con.execute(f"SELECT t::text FROM workbench.{table} t {skip}")]
    return "\n".join(found)


def test_to_begin_with_each_sees_what_is_hers(scene: Scene) -> None:
    """Without this the tests below could pass for want of secrets."""
    with scene.sql("ines") as ines, scene.sql("pia") as pia, scene.sql("clara") as clara:
        assert visible(ines).count(WORD) > 200
        assert "203.0.113.1" in visible(pia)
        assert WORD not in visible(pia)
        assert clara.execute("SELECT host(address) FROM profiles WHERE tags @> ARRAY[%s]", (WORD,)).fetchall() == [
            ("203.0.113.64",)
        ]  # fmt: skip


# ---- variables and roles


@pytest.mark.parametrize(
    "setting",
    [
        "SET search_path = pg_temp, workbench, public",
        "SET row_security = off",
        "SET session_replication_role = replica",
        "SET role = 'workbench_owner'",
        "SET role = 'workbench_warden'",
        "SET ROLE workbench_api",
        "SET ROLE {ines}",
        "SET ROLE postgres",
        "SET ROLE workbench_member",
        "SET SESSION AUTHORIZATION {ines}",
        "SELECT set_config('role', '{ines}', false)",
        "SELECT set_config('role', 'workbench_warden', true)",
        "SELECT set_config('session_authorization', '{ines}', false)",
        "SELECT set_config('is_superuser', 'on', false)",
        "SET app.current_user = '{ines}'; SET app.role = '{ines}'; SET workbench.role = '{ines}'",
        "SET request.jwt.claim.role = '{ines}'",
        "SET transform_null_equals = on; SET array_nulls = off; SET quote_all_identifiers = on",
        "SET standard_conforming_strings = off; SET backslash_quote = on; SET escape_string_warning = off",
        "ALTER ROLE {pia} SUPERUSER",
        "ALTER ROLE {pia} BYPASSRLS",
        "ALTER ROLE {pia} SET role = 'workbench_warden'",
        "GRANT workbench_warden TO {pia}",
        "GRANT {ines} TO {pia}",
        "CREATE FUNCTION pg_temp.as_ines() RETURNS bigint SET role = '{ines}' LANGUAGE sql AS 'SELECT count(*) FROM workbench.profiles'; SELECT pg_temp.as_ines()",
    ],
)
def test_no_variable_and_no_role_shows_more(scene: Scene, setting: str) -> None:
    roles = {name: scene.town.role(name) for name in ("ines", "pia")}
    with scene.sql("pia") as con:
        before = con.execute("SELECT count(*) FROM workbench.profiles").fetchone()[0]
        try:
            con.execute(setting.format(**roles))
            after = con.execute("SELECT count(*) FROM workbench.profiles").fetchone()[0]
            assert after in (0, before)
            assert WORD not in visible(con)
            assert not con.execute("SELECT unnest(workbench.matching(%s, true, NULL, NULL, 1000))", (WORD,)).fetchall()  # fmt: skip
        except (psycopg.errors.InsufficientPrivilege, errors.CantChangeRuntimeParam, errors.InvalidParameterValue,
                errors.UndefinedObject, errors.SyntaxError, errors.FeatureNotSupported) as refused:  # fmt: skip
            assert WORD not in str(refused)  # noqa: PT017


def test_a_statement_prepared_in_one_role_answers_for_the_role_it_runs_in(scene: Scene) -> None:
    """The plan is of the API's connection, which changes its role from request to request."""
    gate = f"gate_{scene.town.number}"
    with scene.town.superuser() as con:
        con.execute(sql.SQL("CREATE ROLE {} LOGIN IN ROLE workbench_api").format(sql.Identifier(gate)))
    try:
        url = scene.town.url_of("pia").replace(scene.town.role("pia"), gate)
        with psycopg.connect(url, autocommit=True) as con:
            for refused in (
                "SELECT count(*) FROM workbench.profiles",
                "SELECT * FROM workbench.my_audiences",
            ):
                with pytest.raises(Denied):
                    con.execute(refused)
            con.execute("SET plan_cache_mode = force_generic_plan")
            con.execute(f"SET ROLE {scene.town.role('ines')}")
            con.execute(
                f"PREPARE p AS WITH x AS (SELECT * FROM workbench.profiles) SELECT count(*) FROM (SELECT * FROM x WHERE notes LIKE '%{WORD}%') s"
            )
            assert con.execute("EXECUTE p").fetchone()[0] > 200
            con.execute(f"SET ROLE {scene.town.role('pia')}")
            assert con.execute("EXECUTE p").fetchone()[0] == 0
            con.execute("RESET ROLE")
            with pytest.raises(Denied):
                con.execute("EXECUTE p")
    finally:
        with scene.town.superuser() as con:
            con.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(gate)))
    with scene.town.superuser() as con:
        owned = con.execute("SELECT count(*) FROM pg_shdepend WHERE refobjid = 'workbench_api'::regrole AND deptype = 'o'")  # fmt: skip
        assert owned.fetchone()[0] == 0


# ---- code of hers


def test_a_cheap_function_an_operator_or_a_view_is_never_given_a_hidden_row(scene: Scene) -> None:
    told: list[str] = []
    with scene.sql("pia") as con:
        con.add_notice_handler(lambda notice: told.append(notice.message_primary or ""))
        con.execute("""
            CREATE SCHEMA mine;
            CREATE FUNCTION mine.leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$ BEGIN RAISE NOTICE '%', $1; RETURN true; END $$;
            CREATE FUNCTION mine.leak2(text, text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$ BEGIN RAISE NOTICE '%', $1; RETURN true; END $$;
            CREATE OPERATOR mine.<<< (FUNCTION = mine.leak2, LEFTARG = text, RIGHTARG = text, RESTRICT = eqsel);
            CREATE VIEW mine.v AS SELECT * FROM workbench.profiles WHERE mine.leak(notes);
            CREATE VIEW mine.w WITH (security_barrier = false) AS SELECT p.* FROM workbench.profiles p JOIN workbench.evidence e ON e.profile = p.id AND mine.leak(e.source);
        """)
        for statement in (
            "SELECT count(*) FROM workbench.profiles WHERE mine.leak(notes)",
            "SELECT count(*) FROM workbench.profiles WHERE notes OPERATOR(mine.<<<) 'x'",
            "SELECT count(*) FROM mine.v",
            "SELECT count(*) FROM mine.w",
            "SELECT count(*) FROM workbench.profiles p JOIN workbench.profiles q ON mine.leak(p.notes || q.notes)",
            "SELECT count(*) FROM workbench.profiles GROUP BY mine.leak(notes) HAVING bool_or(mine.leak(notes))",
            "SELECT mine.leak(notes) FROM workbench.profiles ORDER BY mine.leak(notes)",
            "UPDATE workbench.profiles SET notes = notes WHERE mine.leak(notes)",
            "DELETE FROM workbench.evidence WHERE mine.leak(source)",
            "SELECT * FROM workbench.profile_history WHERE mine.leak(was::text)",
            "SELECT * FROM workbench.audit WHERE mine.leak(coalesce(detail::text, statement))",
            "SELECT * FROM workbench.investigation_profiles WHERE mine.leak(note)",
            "DO $$ DECLARE r record; BEGIN FOR r IN SELECT * FROM workbench.profiles LOOP RAISE NOTICE '%', r.notes; END LOOP; END $$",
        ):
            con.execute(statement)
        with pytest.raises(Denied):
            con.execute("CREATE FUNCTION mine.proof(text) RETURNS boolean LANGUAGE plpgsql LEAKPROOF AS $$ BEGIN RETURN true; END $$")  # fmt: skip
        # Division by zero, casts and the like tell as much as a notice would.
        con.execute("SELECT count(*) FROM workbench.profiles WHERE 1 / (CASE WHEN notes LIKE %s THEN 0 ELSE 1 END) = 1", (f"{WORD}%",))  # fmt: skip
        con.execute("DROP SCHEMA mine CASCADE")
    assert any("open" in line for line in told)
    assert not [line for line in told if WORD in line and "leak" not in line]


def test_names_like_ours_in_her_schema_are_not_used_by_the_functions_of_the_store(scene: Scene) -> None:
    me = scene.town.role("pia")
    ines = scene.town.role("ines")
    with scene.sql("pia") as con:
        con.execute(f"""
            CREATE SCHEMA shadow;
            CREATE TEMP TABLE members (role name, organisation uuid, active boolean);
            CREATE TEMP TABLE clearances (role name, level smallint);
            CREATE TEMP TABLE my_audiences AS SELECT '{uuid4()}'::uuid AS audience;
            CREATE TEMP TABLE profiles AS SELECT * FROM workbench.profiles;
            INSERT INTO pg_temp.members SELECT '{me}', organisation, true FROM workbench.members WHERE role = '{ines}';
            INSERT INTO pg_temp.clearances VALUES ('{me}', 4);
            CREATE FUNCTION shadow.acting() RETURNS name LANGUAGE sql AS $$ SELECT '{ines}'::name $$;
            CREATE FUNCTION shadow.current_setting(text) RETURNS text LANGUAGE sql AS $$ SELECT '{ines}' $$;
            CREATE FUNCTION shadow.audiences_of_acting() RETURNS uuid[] LANGUAGE sql AS $$ SELECT NULL::uuid[] $$;
            CREATE FUNCTION shadow.note_read() RETURNS boolean LANGUAGE sql AS $$ SELECT true $$;
            CREATE FUNCTION shadow.eq(uuid, uuid) RETURNS boolean LANGUAGE sql AS $$ SELECT true $$;
            CREATE OPERATOR shadow.= (FUNCTION = shadow.eq, LEFTARG = uuid, RIGHTARG = uuid);
            SET search_path = shadow, pg_temp, pg_catalog, workbench;
        """)
        assert con.execute("SELECT workbench.acting()").fetchone() == (me,)
        assert WORD not in visible(con)
        assert con.execute("SELECT workbench.matching(%s, true, NULL, NULL, 1000)", (WORD,)).fetchone() == (
            [],
        )
        with pytest.raises(errors.NoDataFound):
            con.execute("SELECT workbench.set_secrecy('profiles', %s, %s, 0::smallint, 'x', NULL)", (scene.strict.id, scene.strict.version))  # fmt: skip
        con.execute("SET search_path = workbench; DROP SCHEMA shadow CASCADE")


# ---- constraints as witnesses


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO evidence (profile, source, category) VALUES (%s, 'x', 'tor')",
        "INSERT INTO sightings (profile, first_seen, last_seen) VALUES (%s, now(), now())",
        "INSERT INTO footprint (profile, kind, value, source) VALUES (%s, 'domain', 'xyzzy.example', 'xyzzy')",
        "INSERT INTO footprint (profile, kind, value, source) VALUES (%s, 'domain', 'xyzzy.example', 'xyzzy') ON CONFLICT DO NOTHING",
        "INSERT INTO investigation_profiles (investigation, profile) SELECT id, %s FROM investigations LIMIT 1",
        "INSERT INTO entity_profiles (entity, profile, relation) SELECT gen_random_uuid(), %s, 'uses'",
        "UPDATE profiles SET notes = 'mine' WHERE id = %s",
        "DELETE FROM evidence WHERE profile = %s",
        "SELECT set_secrecy('profiles', %s, 1, 0::smallint, 'x', NULL)",
        "SELECT merge_profiles(%s, 1, gen_random_uuid(), 1)",
        "SELECT recipients_of(%s)",
        "SELECT note_rows_read('profiles', ARRAY[%s]::uuid[], 'x')",
        "SELECT * FROM profiles WHERE id = %s FOR UPDATE",
        "MERGE INTO profiles p USING (SELECT %s::uuid AS id) s ON p.id = s.id WHEN MATCHED THEN UPDATE SET notes = 'mine' WHEN NOT MATCHED THEN DO NOTHING",
    ],
)
@pytest.mark.parametrize("attacker", ["pia", "otto", "ida"])
def test_a_hidden_profile_is_answered_like_one_that_does_not_exist(
    scene: Scene, statement: str, attacker: str
) -> None:
    def answer(con: psycopg.Connection, key: UUID) -> tuple[str, ...]:
        try:
            done = con.execute(statement, (key,))
            return ("done", str(done.rowcount), str(done.fetchall() if done.description else ""))
        except psycopg.Error as error:
            said = (error.sqlstate or "", error.diag.message_primary or "", error.diag.message_detail or "", error.diag.context or "")  # fmt: skip
            return tuple(text.replace(str(key), "ID") for text in said)

    with scene.sql(attacker) as con:
        if "FROM investigations" in statement:
            con.execute("INSERT INTO investigations (owner, secrecy, name) SELECT organisation, 1, %s FROM members WHERE role = current_user", (uuid4().hex,))  # fmt: skip
        assert answer(con, scene.hidden.id) == answer(con, uuid4())


def test_a_duplicate_of_a_hidden_profile_is_no_violation(scene: Scene) -> None:
    insert = "INSERT INTO profiles (owner, secrecy, address) SELECT organisation, %s, %s FROM members WHERE role = current_user RETURNING id"
    for attacker in ("pia", "otto"):
        with scene.sql(attacker) as con, con.transaction(force_rollback=True):
            assert con.execute(insert, (TLP.GREEN, HIDDEN)).fetchone()
    with scene.sql("otto") as con:
        for suffix in ("", " ON CONFLICT DO NOTHING"):
            plain = insert.replace(" RETURNING id", suffix)
            for address in (HIDDEN, ABSENT):
                with pytest.raises(Denied, match="row-level security"):
                    con.execute(plain, (TLP.AMBER_STRICT, address))
    with scene.sql("clara") as con, pytest.raises(Denied, match="row-level security"):
        # grid is outside the community and would not see its own GREEN.
        con.execute(insert, (TLP.GREEN, HIDDEN))
    with scene.sql("pia") as con, pytest.raises(Denied, match="row-level security"):
        con.execute("INSERT INTO profiles (owner, secrecy, address) VALUES (%s, 3, %s)", (uuid4(), HIDDEN))


def test_a_level_is_not_set_to_where_she_would_not_see_the_thing_herself(scene: Scene) -> None:
    clara = scene.town.store("clara")
    made = clara.profiles.create("203.0.113.90", secrecy="amber")
    with pytest.raises(PermissionError, match="you would not see it yourself"):
        clara.profiles.set_secrecy(made, "green", "to see whether there is one")


def test_no_foreign_key_trigger_rule_or_change_of_definition(scene: Scene) -> None:
    with scene.sql("pia") as con:
        con.execute("CREATE TEMP TABLE own (id uuid)")
        for statement in (
            "CREATE SCHEMA fk CREATE TABLE child (id uuid REFERENCES workbench.profiles)",
            "CREATE TEMP TABLE heir () INHERITS (workbench.profiles)",
            "CREATE TRIGGER t AFTER INSERT ON workbench.profiles EXECUTE FUNCTION suppress_redundant_updates_trigger()",
            "CREATE RULE r AS ON SELECT TO workbench.profiles DO INSTEAD SELECT 1",
            "CREATE POLICY p ON workbench.profiles USING (true)",
            "ALTER POLICY see ON workbench.profiles USING (true)",
            "DROP POLICY see ON workbench.profiles",
            "ALTER TABLE workbench.profiles DISABLE ROW LEVEL SECURITY",
            "ALTER TABLE workbench.profiles NO FORCE ROW LEVEL SECURITY",
            "ALTER TABLE workbench.profiles ALTER COLUMN notes SET STATISTICS 100",
            f"ALTER TABLE workbench.profiles OWNER TO {scene.town.role('pia')}",
            "TRUNCATE workbench.profiles",
            "DROP TABLE workbench.audit",
            "BEGIN; LOCK TABLE workbench.profiles IN ACCESS EXCLUSIVE MODE",
            "CREATE STATISTICS s ON country, asn FROM workbench.profiles",
            "CREATE INDEX ON workbench.profiles (notes)",
            "CREATE TABLE workbench.t ()",
            "CREATE FUNCTION workbench.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "CREATE OR REPLACE FUNCTION workbench.acting() RETURNS name LANGUAGE sql AS $$ SELECT 'x'::name $$",
            "CREATE OR REPLACE VIEW workbench.my_audiences AS SELECT audience FROM workbench.profiles",
            "ALTER FUNCTION workbench.acting() RESET search_path",
            "CREATE PUBLICATION p FOR TABLE workbench.profiles",
            "SELECT pg_create_logical_replication_slot('s', 'pgoutput')",
            "SELECT * FROM pg_statistic",
            "SELECT * FROM pg_authid",
            "SELECT pg_read_file('postgresql.conf')",
            "SELECT pg_ls_dir('.')",
            "SELECT lo_import('/etc/passwd')",
            "COPY workbench.profiles TO '/tmp/out'",
            "COPY workbench.profiles TO PROGRAM 'cat'",
            "COPY pg_temp.own FROM '/etc/passwd'",
            "COPY workbench.audit FROM STDIN",
            "LOAD 'auto_explain'",
            "SET log_min_messages = fatal",
            "SET auto_explain.log_min_duration = 0; LOAD 'auto_explain'",
            "CREATE EXTENSION pageinspect",
        ):
            with pytest.raises((psycopg.errors.InsufficientPrivilege, errors.WrongObjectType, errors.ObjectNotInPrerequisiteState,
                                errors.FeatureNotSupported, errors.UndefinedFile)) as refused:  # fmt: skip
                con.execute(statement)
            assert WORD not in str(refused.value)
            con.rollback()
        con.execute("ANALYZE workbench.profiles")  # a warning, and nothing done
        assert not con.execute("SELECT tablename FROM pg_stats WHERE schemaname = 'workbench' AND tablename <> ALL (%s)", (["organisations", "members", "migrations"],)).fetchall()  # fmt: skip
        assert not con.execute("SELECT * FROM pg_stats_ext").fetchall()


# ---- reports


def test_a_report_is_seen_as_it_is_marked_and_at_red_by_its_maker_alone(scene: Scene) -> None:
    for name, schedules, runs in (
        ("ines", 2, 118),
        ("ida", 1, 59),
        ("otto", 0, 0),
        ("clara", 0, 0),
        ("pia", 0, 0),
    ):
        with scene.sql(name) as con:
            assert con.execute("SELECT count(*) FROM report_schedules").fetchone() == (schedules,), name
            assert con.execute("SELECT count(*) FROM report_runs").fetchone() == (runs,), name


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO report_runs (owner, secrecy, schedule, template, due_at) SELECT organisation, 1, %s, 'x', now() FROM members WHERE role = current_user",
        "INSERT INTO report_runs (owner, secrecy, schedule, template, due_at, attempt) SELECT organisation, 3, %s, 'x', '2026-11-02 07:00Z', 1 FROM members WHERE role = current_user",
        "INSERT INTO report_runs (owner, secrecy, schedule, template, due_at, attempt) SELECT organisation, 4, %s, 'x', '2026-11-02 07:00Z', 1 FROM members WHERE role = current_user ON CONFLICT DO NOTHING",
        "UPDATE report_schedules SET active = false WHERE id = %s",
        "UPDATE report_schedules SET deleted_at = now() WHERE id = %s",
        "UPDATE report_runs SET told = '{}' WHERE schedule = %s",
        "SELECT * FROM report_schedules WHERE id = %s FOR UPDATE",
        "SELECT raise_report_alert((SELECT id FROM report_runs WHERE schedule = %s LIMIT 1))",
        "SELECT raise_report_alert(%s)",
    ],
)  # fmt: skip
@pytest.mark.parametrize("attacker", ["pia", "otto", "ida", "clara"])
def test_a_hidden_schedule_is_answered_like_one_that_does_not_exist(
    scene: Scene, statement: str, attacker: str
) -> None:
    def answer(con: psycopg.Connection, key: UUID) -> tuple[str, ...]:
        try:
            done = con.execute(statement, (key,))
            return ("done", str(done.rowcount), str(done.fetchall() if done.description else ""))
        except psycopg.Error as error:
            return (error.sqlstate or "", (error.diag.message_primary or "").replace(str(key), "ID"), error.diag.message_detail or "")  # fmt: skip

    with scene.town.superuser() as con:
        (hidden,) = con.execute("SELECT id FROM report_schedules WHERE secrecy = 4").fetchone()
        (run,) = con.execute("SELECT id FROM report_runs WHERE secrecy = 4 LIMIT 1").fetchone()
    with scene.sql(attacker) as con:
        for key in (hidden, run):
            assert answer(con, key) == answer(con, uuid4())


def test_nobody_has_a_hand_in_anothers_schedule(scene: Scene) -> None:
    """It runs with its maker's rights, also where others of her organisation see it."""
    with scene.sql("ida") as con:
        (seen,) = con.execute("SELECT id FROM report_schedules").fetchone()
        assert con.execute("UPDATE report_schedules SET active = false").rowcount == 0
        assert con.execute("UPDATE report_runs SET status = 'done'").rowcount == 0
        with pytest.raises(Denied):
            con.execute("INSERT INTO report_runs (owner, secrecy, schedule, template, due_at) SELECT organisation, 3, %s, 'x', now() FROM members WHERE role = current_user", (seen,))  # fmt: skip
    with scene.sql("ines") as con:
        for statement in (
            "UPDATE report_schedules SET plan = '{}'",
            "UPDATE report_schedules SET secrecy = 0",
            "UPDATE report_schedules SET created_by = 'ida'",
            "UPDATE report_runs SET created_at = now()",
            "DELETE FROM report_runs",
            "INSERT INTO report_schedules (owner, name, template, plan, created_by) SELECT organisation, 'x', 'x', '{}', 'ida' FROM members WHERE role = current_user",
        ):
            with pytest.raises(Denied):
                con.execute(statement)
    for attacker, level in (("otto", 3), ("otto", 4), ("clara", 1)):
        with scene.sql(attacker) as con, pytest.raises(Denied, match="row-level security"):
            con.execute("INSERT INTO report_schedules (owner, secrecy, name, template, plan) SELECT organisation, %s, 'x', 'x', '{}' FROM members WHERE role = current_user", (level,))  # fmt: skip


# ---- counts, plans, statistics


@pytest.mark.parametrize(
    "query",
    [
        "SELECT count(*) FROM profiles WHERE notes LIKE '%xyzzy%'",
        "SELECT count(*) FROM profiles WHERE words ~ 'xyzzy' OR tags @> ARRAY['xyzzy']",
        "SELECT count(*) FROM profiles TABLESAMPLE SYSTEM (100) WHERE country = 'QQ'",
        "SELECT count(*) FROM profiles WHERE address <<= '198.51.100.0/24'",
        "SELECT count(*) FROM (SELECT max(threat_level) AS m, country FROM profiles GROUP BY ROLLUP (country)) x WHERE m = 4",
        "SELECT count(*) FROM profiles p FULL JOIN (VALUES ('QQ')) v(c) ON p.country = v.c WHERE p.country IS NOT NULL AND v.c IS NOT NULL",
        "SELECT count(*) FROM profiles WHERE ctid = ANY (ARRAY(SELECT format('(%s,%s)', a, b)::tid FROM generate_series(0, 40) a, generate_series(1, 60) b)) AND asn = 666",
        "SELECT count(*) FROM profiles WHERE xmin::text <> '0' AND asn = 666",
        "SELECT coalesce(cardinality(matching('xyzzy', true, NULL, NULL, 1000)), 1000)",
        "SELECT coalesce(cardinality(matching('xyzzy', true, NULL, NULL, 0)), 1000)",
        "SELECT coalesce(cardinality(matching('xyzzi', true, NULL, NULL, 1000)), 1000)",
        "SELECT coalesce(cardinality(matching(NULL, NULL, ARRAY['xyzzy'], NULL, 1)), 1000)",
        "SELECT coalesce(cardinality(matching(NULL, NULL, NULL, '198.51.100.9', 1)), 1000)",
        "SELECT coalesce(cardinality((organisations_like('xyzzy', true, 1000)).names), 1000)",
        "SELECT coalesce(cardinality((organisations_like('xyzzy', false, 0)).names), 1000)",
        "SELECT count(*) FROM profiles WHERE as_org LIKE '%xyzzy%' OR md5(as_org) = md5('xyzzy network')",
        "SELECT count(*) FROM footprint WHERE value = 'xyzzy.example'",
        "SELECT count(*) FROM evidence WHERE source = 'xyzzy'",
        "SELECT count(*) FROM investigation_profiles",
        "SELECT count(*) FROM entity_profiles",
        "SELECT count(*) FROM audit WHERE kind = 'watchlists' OR action = 'raise' OR detail::text LIKE '%xyzzy%'",
        "SELECT count(*) FROM recipients",
        "SELECT count(*) FROM report_schedules WHERE plan::text LIKE '%xyzzy%'",
        "SELECT count(*) FROM report_runs WHERE machine = 'xyzzy' OR status = 'failed'",
        "SELECT count(*) FROM clearances WHERE role <> current_user",
        "SELECT count(*) FROM clients",
    ],
)
def test_nothing_hidden_is_counted(scene: Scene, query: str) -> None:
    with scene.sql("pia") as con:
        assert con.execute(query.encode()).fetchone() == (0,)
    with scene.sql("otto") as con:
        own = 1 if query.endswith("clients") else 0
        assert con.execute(query.encode()).fetchone() == (own,)


ELSEWHERE = "CASE WHEN action = 'read elsewhere' THEN lower(subject::text || (detail ->> 'day') || (detail ->> 'organisation')) END = %s"
SCANS = ("", "enable_seqscan", "enable_seqscan enable_indexscan", "enable_seqscan enable_bitmapscan", "enable_seqscan enable_bitmapscan enable_indexonlyscan")  # fmt: skip
ESTIMATED = [
    ("profiles", "address = %s", HIDDEN, ABSENT),
    ("profiles", "address <<= %s::inet", "198.51.100.0/25", "198.18.0.0/25"),
    ("profiles", "country = %s", "QQ", "QX"),
    ("profiles", "country = %s AND is_tor", "QQ", "QX"),
    ("profiles", "asn = %s::bigint", "666", "667"),
    ("profiles", "verdict = %s", "hidden verdict", "absent verdict"),
    ("profiles", "rank = %s::smallint", "99", "98"),
    ("profiles", "threat_level = %s::smallint", "4", "3"),
    ("profiles", "secrecy = %s::smallint", "3", "2"),
    ("profiles", "as_org = %s", f"{WORD} network", f"{WORD} none"),
    ("profiles", "md5(as_org) = md5(%s) AND as_org IS NOT NULL", f"{WORD} network", f"{WORD} none"),
    ("profiles", "notes = %s", f"{WORD} many", f"{WORD} none"),
    ("profiles", "words LIKE %s", f"{WORD}%", "absent%"),
    ("profiles", "lower(words) = %s", f"{WORD} many {WORD}", f"{WORD} none {WORD}"),
    ("profiles", "lower(words) LIKE %s", f"%{WORD}%", "%absen%"),
    ("profiles", "tags @> ARRAY[%s]", WORD, "other"),
    ("profiles", "tags = ARRAY[%s]", WORD, "other"),
    ("profiles", "network(address)::inet = %s", "198.51.100.9", "198.18.0.9"),
    ("profiles", "network(address)::inet >>= %s", "198.51.100.9", "198.18.0.9"),
    ("profiles", "created_by = %s", "{ida}", "{nobody}"),
    ("profiles", "audience = %s::uuid", "{strict}", "{random}"),
    ("profiles", "secrecy < 4 AND deleted_at IS NULL AND owner IS NOT NULL AND address = %s", "198.51.100.9", ABSENT),
    ("evidence", "profile = %s::uuid", "{hidden}", "{random}"),
    ("footprint", "kind = 'domain' AND value = %s", f"{WORD}.example", "none.example"),
    ("profile_history", "profile = %s::uuid", "{hidden}", "{random}"),
    ("investigation_profiles", "profile = %s::uuid", "{shown}", "{plain}"),
    ("investigation_profiles", "investigation = %s::uuid", "{investigation}", "{random}"),
    ("entity_profiles", "profile = %s::uuid", "{shown}", "{plain}"),
    ("entity_profiles", "entity = %s::uuid", "{entity}", "{random}"),
    ("alerts", "profile = %s::uuid", "{shown}", "{random}"),
    ("alerts", "watchlist = %s::uuid", "{watch}", "{random}"),
    ("alerts", "cause = %s", "{shown} created", "{random} created"),
    ("alerts", "listing = %s", f"{WORD} attacker", "none attacker"),
    ("alerts", "md5(listing) = md5(%s)", f"{WORD} attacker", "none attacker"),
    ("alerts", "lower(listing) = lower(%s)", f"{WORD} attacker", "none attacker"),
    ("alerts", "md5(cause) = md5(%s)", "{shown} created", "{random} created"),
    ("alerts", "during && tstzrange(%s::timestamptz, NULL)", "2026-01-01", "2027-01-01"),
    ("audit", "subject = %s::uuid", "{hidden}", "{random}"),
    ("audit", "actor = %s AND action = 'set secrecy'", "{ines}", "{nobody}"),
    ("audit", "lower(actor::text) = lower(%s) AND action = 'set secrecy'", "{ines}", "{nobody}"),
    ("audit", "subject::text = %s", "{hidden}", "{random}"),
    ("audit", ELSEWHERE, "{elsewhere}", "{random}"),
    ("audit", "action = %s", "read elsewhere", "read nowhere"),
    ("audit", "action = 'read' AND backend = %s::int AND actor <> current_user", "{backend}", "0"),
    ("report_schedules", "name = %s", f"{WORD} report TLP:AMBER+STRICT", f"{WORD} report none"),
    ("report_schedules", "created_by = %s", "{ines}", "{nobody}"),
    ("report_schedules", "audience = %s::uuid", "{strict}", "{random}"),
    ("report_runs", "schedule = %s::uuid", "{schedule}", "{random}"),
    ("report_runs", "due_at = %s::timestamptz", "2026-11-02 07:00Z", "2026-11-03 07:00Z"),
    ("report_runs", "status = %s", "running", "failed"),
    ("report_runs", "created_at < %s::timestamptz", "2999-01-01", "1999-01-01"),
    ("recipients", "role = %s", "{ines}", "{nobody}"),
    ("recipients", "thing = %s::uuid", "{hidden}", "{random}"),
    ("clients", "owner = %s::uuid", "{cert}", "{bank}"),
    ("clients", "client = %s::uuid", "{grid}", "{bank}"),
    ("clearances", "role = %s", "{ines}", "{nobody}"),
    ("clearances", "level = %s::smallint AND role <> current_user", "4", "3"),
]  # fmt: skip


@pytest.mark.parametrize("attacker", ["pia", "otto"])
def test_plans_count_a_hidden_value_as_they_count_one_that_does_not_occur(
    scene: Scene, attacker: str
) -> None:
    skipped = {"clients"} if attacker == "otto" else set()  # of his own organisation
    assert scene.town.store("clara").profiles.get(scene.amber.id)
    with scene.town.superuser() as con:
        (elsewhere,) = con.execute("SELECT lower(subject::text || (detail ->> 'day') || (detail ->> 'organisation')) FROM audit WHERE action = 'read elsewhere' LIMIT 1").fetchone()  # fmt: skip
        (watch,) = con.execute("SELECT id::text FROM watchlists WHERE name LIKE %s", (f"{WORD}%",)).fetchone()
        (schedule,) = con.execute("SELECT id::text FROM report_schedules WHERE secrecy = 4").fetchone()
        (strict,) = con.execute("SELECT audience::text FROM profiles WHERE id = %s", (scene.strict.id,)).fetchone()  # fmt: skip
        (backend,) = con.execute("SELECT max(backend)::text FROM audit WHERE action = 'read' AND actor LIKE 'ines%' AND backend NOT IN (SELECT backend FROM audit WHERE action = 'read' AND actor NOT LIKE 'ines%')").fetchone()  # fmt: skip
        organisations = dict(con.execute("SELECT name, id::text FROM organisations").fetchall())
        con.execute("ANALYZE")
    given = {
        "ines": scene.town.role("ines"), "ida": scene.town.role("ida"), "nobody": "nobody", "random": str(uuid4()), "hidden": str(scene.hidden.id),
        "shown": str(scene.shown.id), "plain": str(scene.plain.id), "investigation": str(scene.investigation),
        "entity": str(scene.entity), "watch": watch, "schedule": schedule, "strict": strict, "backend": backend, "elsewhere": elsewhere, **organisations,
    }  # fmt: skip
    with scene.sql(attacker) as con:
        con.execute("SET jit = off")
        for switched in SCANS:
            con.execute("RESET ALL; SET search_path = workbench; SET jit = off")
            for name in switched.split():
                con.execute(f"SET {name} = off")
            for table, condition, there, absent in ESTIMATED:
                if table in skipped:
                    continue
                plans = [_plan(con, table, condition, value.format(**given)) for value in (there, absent)]
                assert plans[0] == plans[1], (switched, table, condition)


@pytest.mark.parametrize("attacker", ["pia", "otto"])
@pytest.mark.parametrize(
    "asked",
    [
        ("matching(%s, false, NULL, NULL, 1000)", f"{WORD} many", f"{WORD} none"),
        ("matching(%s, false, NULL, NULL, 1000)", f"{WORD} network", f"{WORD} nowhere"),
        ("matching(%s, true, NULL, NULL, 1000)", f"{WORD[:-1]} may", "qwert may"),
        ("matching(%s, true, NULL, NULL, 1000)", f"{WORD} netwrk", "qwertz netwrk"),
        ("matching(NULL, NULL, ARRAY[%s], NULL, 1000)", WORD, "other"),
        ("matching(NULL, NULL, NULL, %s, 1000)", "198.51.100.9", "198.18.0.9"),
        ("organisations_like(%s, false, 1000)", f"{WORD} network", f"{WORD} nowhere"),
        ("organisations_like(%s, true, 1000)", f"{WORD} netwrk", "qwertz netwrk"),
    ],
    ids=str,
)
def test_what_is_hidden_is_not_even_touched_by_the_functions_that_search(scene: Scene, attacker: str, asked: tuple[str, str, str]) -> None:  # fmt: skip
    """PostgreSQL counts what a statement reads where every role may look, also what a function read for her."""
    call, there, absent = asked
    counts = []
    for text in (there, absent):
        with scene.sql(attacker) as con, con.transaction():
            con.execute(f"SELECT {call}", (text,))
            counts.append(
                con.execute(
                    "SELECT relname, coalesce(pg_stat_get_xact_tuples_returned(oid), 0), coalesce(pg_stat_get_xact_tuples_fetched(oid), 0) FROM pg_class "
                    "WHERE relnamespace = 'workbench'::regnamespace AND relname ~ '^profiles|^organisation_names' ORDER BY 1"
                ).fetchall()
            )
    assert counts[0] == counts[1]
    assert ("profiles", 0, 0) in counts[0]


def test_that_a_name_of_a_hidden_profile_is_known_is_not_told_to_who_adds_it(scene: Scene) -> None:
    added = []
    for n, name in enumerate((f"{WORD} network", f"{WORD} nowhere")):
        with scene.sql("pia") as con, con.transaction(force_rollback=True):
            con.execute("INSERT INTO profiles (owner, secrecy, address, as_org) SELECT own_organisation(), 1, %s, %s", (f"203.0.113.{200 + n}", name))  # fmt: skip
            added += con.execute("SELECT n_tup_ins, idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'organisation_names'").fetchall()  # fmt: skip
    assert added[0] == added[1]
    assert added[0][0] == 1


def _plan(con: psycopg.Connection, table: str, condition: str, value: str) -> Any:
    counted = "EXPLAIN (ANALYZE, TIMING off, COSTS on, SUMMARY off, FORMAT json) SELECT * FROM {} WHERE {}"
    asked = counted.format(table, condition).replace("%s", "{}") if "LIKE" in condition else counted.format(table, condition)  # fmt: skip
    text = (asked.format("%s") if "LIKE" in condition else asked).replace(
        "%s", sql.Literal(value).as_string(con)
    )
    (found,) = con.execute(text.encode()).fetchone()

    def counts(node: dict[str, Any]) -> dict[str, Any]:
        kept = {
            name: node[name]
            for name in node
            if name.startswith(("Node", "Index Name", "Plan Rows", "Actual", "Rows Removed", "Exact", "Lossy", "Relation"))
        }  # fmt: skip
        return {**kept, "Plans": [counts(inner) for inner in node.get("Plans", [])]}

    return counts(found[0]["Plan"])


def test_what_a_plan_tells_of_an_id_that_one_knows_is_that_it_is_taken(scene: Scene) -> None:
    """Documented as remaining: were it mended, the text above should say so."""
    with scene.sql("pia") as con:
        con.execute("SET enable_seqscan = off; SET enable_bitmapscan = off")
        (plan,) = con.execute(
            "EXPLAIN (ANALYZE, FORMAT json) SELECT * FROM profiles WHERE id = %s", (scene.hidden.id,)
        ).fetchone()
        assert WORD not in json.dumps(plan)
        assert "203.0.113" not in json.dumps(plan)
