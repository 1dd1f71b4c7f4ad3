-- Reports that are made again and again, and every making of one. At RED such a row is for its maker alone, who is
-- not to name others for it; its level is never changed.
CREATE FUNCTION audience_of_report(level smallint, owner uuid, maker name) RETURNS uuid
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE level WHEN 4 THEN audience_of_one(maker) ELSE audience_of(level, owner, NULL) END;
REVOKE ALL ON FUNCTION audience_of_report(smallint, uuid, name) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audience_of_report(smallint, uuid, name) TO workbench_member, workbench_warden;

CREATE TABLE report_schedules (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    owner uuid NOT NULL REFERENCES organisations,
    secrecy tlp NOT NULL DEFAULT 3,
    audience uuid NOT NULL GENERATED ALWAYS AS (audience_of_report(secrecy, owner, created_by)) STORED,
    audience_key text NOT NULL GENERATED ALWAYS AS (audience_of_report(secrecy, owner, created_by)::text) STORED,
    version integer NOT NULL DEFAULT 1,
    name text NOT NULL CONSTRAINT schedule_name_length CHECK (length(name) BETWEEN 1 AND 200),
    template text NOT NULL CONSTRAINT report_template_length CHECK (length(template) BETWEEN 1 AND 500),
    plan jsonb NOT NULL CONSTRAINT report_plan_size CHECK (length(plan::text) <= 100000),
    active boolean NOT NULL DEFAULT true,
    created_by name NOT NULL DEFAULT current_user, created_at timestamptz NOT NULL DEFAULT now(),
    updated_by name NOT NULL DEFAULT current_user, updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    changed_in xid8 NOT NULL DEFAULT pg_current_xact_id()
);
-- Of her own schedules at a level that she sees: a violation tells her nothing.
CREATE UNIQUE INDEX schedule_name_unique ON report_schedules (audience, created_by, name) WHERE deleted_at IS NULL;

CREATE TABLE report_runs (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    owner uuid NOT NULL REFERENCES organisations,
    secrecy tlp NOT NULL DEFAULT 3,
    audience uuid NOT NULL GENERATED ALWAYS AS (audience_of_report(secrecy, owner, created_by)) STORED,
    audience_key text NOT NULL GENERATED ALWAYS AS (audience_of_report(secrecy, owner, created_by)::text) STORED,
    version integer NOT NULL DEFAULT 1,
    schedule uuid REFERENCES report_schedules,
    template text NOT NULL CONSTRAINT report_template_length CHECK (length(template) BETWEEN 1 AND 500),
    due_at timestamptz,
    attempt integer NOT NULL DEFAULT 1 CONSTRAINT report_attempt CHECK (attempt > 0),
    missed integer NOT NULL DEFAULT 0 CONSTRAINT report_missed CHECK (missed >= 0),
    status text NOT NULL DEFAULT 'running' CONSTRAINT report_status CHECK (status IN ('running', 'done', 'failed')),
    finished_at timestamptz,
    machine text NOT NULL DEFAULT '',
    told jsonb NOT NULL DEFAULT '{}' CONSTRAINT report_told_size CHECK (length(told::text) <= 200000),
    created_by name NOT NULL DEFAULT current_user, created_at timestamptz NOT NULL DEFAULT now(),
    updated_by name NOT NULL DEFAULT current_user, updated_at timestamptz NOT NULL DEFAULT now(),
    changed_in xid8 NOT NULL DEFAULT pg_current_xact_id(),
    CONSTRAINT report_due CHECK (num_nonnulls(schedule, due_at) IN (0, 2))
);
-- What is due is made once an attempt, wherever it is tried. As text: a cast is not leakproof, and stays behind the policy.
CREATE UNIQUE INDEX report_run_once ON report_runs (audience, (schedule::text), due_at, attempt) WHERE schedule IS NOT NULL;
CREATE INDEX report_runs_by_time ON report_runs (audience, created_at);

-- What is watched may be the organisation's own scheduled reports, and then an alert says that one failed.
ALTER TABLE watchlists ADD COLUMN reports boolean CONSTRAINT watches_reports CHECK (reports);
ALTER TABLE watchlists DROP CONSTRAINT watches_one_thing;
ALTER TABLE watchlists ADD CONSTRAINT watches_one_thing CHECK (num_nonnulls(network, asn, country, threat_level, reports) = 1);
GRANT INSERT (reports) ON watchlists TO workbench_member;

DO $$
DECLARE
    name text;
    own text := 'owner = (SELECT organisation FROM members WHERE role = current_user AND active)';
    mine text := 'audience = ANY (ARRAY(SELECT audience FROM my_audiences UNION ALL SELECT audience_of_one(role) FROM clearances WHERE role = current_user AND level >= 4))';
    seen text := '((SELECT keys FROM my_keys))[audience_key] IS NOT NULL AND ' || mine || ' AND (SELECT note_read())';
    hers text := ' AND created_by = current_user';
BEGIN
    FOREACH name IN ARRAY ARRAY['report_schedules', 'report_runs'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY warden ON %I TO workbench_warden USING (true) WITH CHECK (true)', name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO workbench_warden', name);
        EXECUTE format('GRANT SELECT ON %I TO workbench_member', name);
        EXECUTE format('CREATE POLICY see ON %I FOR SELECT TO workbench_member USING (%s)', name, seen);
        -- A schedule runs with its maker's rights: nobody else has a hand in it.
        EXECUTE format('CREATE POLICY change ON %I FOR UPDATE TO workbench_member USING (%s AND %s %s) WITH CHECK (%s)', name, seen, own, hers, own);
        EXECUTE format('CREATE TRIGGER count_version BEFORE UPDATE ON %I FOR EACH ROW EXECUTE FUNCTION count_version()', name);
        EXECUTE format('CREATE TRIGGER note_added AFTER INSERT ON %I REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION note_thing()', name);
        EXECUTE format('CREATE TRIGGER note_changed AFTER UPDATE ON %I REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION note_thing()', name);
    END LOOP;
    EXECUTE format('CREATE POLICY add ON report_schedules FOR INSERT TO workbench_member WITH CHECK (%s AND %s)', own, mine);
    -- A run is as secret as its schedule.
    EXECUTE format('CREATE POLICY add ON report_runs FOR INSERT TO workbench_member WITH CHECK (%s AND %s AND (schedule IS NULL OR EXISTS (SELECT FROM report_schedules s WHERE s.id = schedule AND s.created_by = current_user AND s.secrecy = report_runs.secrecy)))', own, mine);
END
$$;
GRANT INSERT (owner, secrecy, name, template, plan), UPDATE (active, deleted_at) ON report_schedules TO workbench_member;
GRANT INSERT (owner, secrecy, schedule, template, due_at, attempt, missed, machine, told), UPDATE (status, finished_at, told) ON report_runs TO workbench_member;

-- An alert for whoever watches the reports of the organisation and sees the run: on watchlists of the very same
-- audience, or, where the run is its maker's alone, on one that is.
CREATE FUNCTION raise_report_alert(of_run uuid) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = workbench, pg_temp
AS $$
DECLARE
    raised bigint;
BEGIN
    INSERT INTO alerts (watchlist, watchlist_audience, audience, cause, says)
    SELECT w.id, w.audience, w.audience, format('report run %s failed', r.id),
        left(format('scheduled report %s failed: %s', s.name, coalesce(r.told ->> 'error', 'no reason is known')), 1000)
    FROM report_runs r JOIN report_schedules s ON s.id = r.schedule
        JOIN watchlists w ON w.reports AND w.owner = r.owner AND w.deleted_at IS NULL
            AND (w.audience = r.audience OR r.secrecy = 4 AND seers(w.audience) = ARRAY[r.created_by])
    WHERE r.id = of_run AND r.status = 'failed' AND r.created_by = acting() AND r.owner = own_organisation()
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS raised = ROW_COUNT;
    RETURN raised;
END
$$;
REVOKE ALL ON FUNCTION raise_report_alert(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION raise_report_alert(uuid) TO workbench_member, workbench_warden;

DO $$
DECLARE
    each record;
BEGIN
    FOR each IN
        SELECT a.attrelid::regclass AS named, a.attname AS col FROM pg_catalog.pg_attribute a
        WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attrelid IN ('report_schedules'::regclass, 'report_runs'::regclass, 'watchlists'::regclass)
    LOOP
        EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET STATISTICS 0', each.named, each.col);
    END LOOP;
    ALTER INDEX report_run_once ALTER COLUMN 2 SET STATISTICS 0;
END
$$;
