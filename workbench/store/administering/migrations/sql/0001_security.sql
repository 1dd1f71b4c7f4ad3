-- The audiences of whoever runs the query: members, clearances, clients and recipients each show her own rows.
CREATE VIEW my_audiences WITH (security_invoker) AS
    WITH me AS (
        SELECT m.role, m.organisation, c.level, o.in_community
        FROM members m JOIN clearances c USING (role) JOIN organisations o ON o.id = m.organisation
        WHERE m.role = current_user AND m.active
    )
    SELECT audience_of(0::smallint, organisation, NULL) AS audience FROM me
    UNION ALL SELECT audience_of(1::smallint, organisation, NULL) FROM me WHERE level >= 1 AND in_community
    UNION ALL SELECT audience_of(2::smallint, organisation, NULL) FROM me WHERE level >= 2
    UNION ALL SELECT audience_of(2::smallint, k.owner, NULL) FROM me JOIN clients k ON k.client = me.organisation WHERE level >= 2
    UNION ALL SELECT audience_of(3::smallint, organisation, NULL) FROM me WHERE level >= 3
    UNION ALL SELECT r.thing FROM me JOIN recipients r USING (role) WHERE level >= 4;

-- The same as keys of one object. Looking one up costs nothing in the planner's eyes, so that this comes before every
-- condition of hers; ``audience = ANY`` beside it is for the indexes. By itself that would be evaluated after a cheaper
-- leakproof condition, and only for a row which meets it: EXPLAIN ANALYZE would show whether its subquery was
-- executed, and so whether a hidden row meets the condition.
CREATE VIEW my_keys WITH (security_invoker) AS
    SELECT coalesce(jsonb_object_agg(audience, true), '{}') AS keys FROM (
        SELECT audience FROM my_audiences
        UNION SELECT audience_of_one(role) FROM members WHERE role = current_user AND active) AS every;

-- The same for the functions of the warden, who is not the one asking.
CREATE FUNCTION audiences_of(who name) RETURNS uuid[]
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = workbench, pg_temp
BEGIN ATOMIC
    WITH me AS (
        SELECT m.role, m.organisation, c.level, o.in_community
        FROM members m JOIN clearances c USING (role) JOIN organisations o ON o.id = m.organisation
        WHERE m.role = who AND m.active
    )
    SELECT coalesce(array_agg(audience), '{}') FROM (
        SELECT audience_of(0::smallint, organisation, NULL) AS audience FROM me
        UNION ALL SELECT audience_of(1::smallint, organisation, NULL) FROM me WHERE level >= 1 AND in_community
        UNION ALL SELECT audience_of(2::smallint, organisation, NULL) FROM me WHERE level >= 2
        UNION ALL SELECT audience_of(2::smallint, k.owner, NULL) FROM me JOIN clients k ON k.client = me.organisation WHERE level >= 2
        UNION ALL SELECT audience_of(3::smallint, organisation, NULL) FROM me WHERE level >= 3
        UNION ALL SELECT r.thing FROM me JOIN recipients r USING (role) WHERE level >= 4
    ) AS every;
END;

CREATE FUNCTION audiences_of_acting() RETURNS uuid[]
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = workbench, pg_temp
BEGIN ATOMIC
    SELECT audiences_of(acting());
END;

-- And the other way round: who an audience is, in order.
CREATE FUNCTION seers(of_audience uuid) RETURNS name[]
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = workbench, pg_temp
BEGIN ATOMIC
    SELECT coalesce(array_agg(m.role ORDER BY m.role), '{}')
    FROM members m JOIN clearances c USING (role) JOIN organisations o ON o.id = m.organisation
    WHERE m.active AND (
        of_audience = audience_of(0::smallint, NULL, NULL)
        OR c.level >= 1 AND o.in_community AND of_audience = audience_of(1::smallint, NULL, NULL)
        OR c.level >= 2 AND of_audience = audience_of(2::smallint, m.organisation, NULL)
        OR c.level >= 2 AND EXISTS (SELECT FROM clients k WHERE k.client = m.organisation AND of_audience = audience_of(2::smallint, k.owner, NULL))
        OR c.level >= 3 AND of_audience = audience_of(3::smallint, m.organisation, NULL)
        OR c.level >= 4 AND EXISTS (SELECT FROM recipients r WHERE r.role = m.role AND r.thing = of_audience));
END;

CREATE FUNCTION own_organisation() RETURNS uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = workbench, pg_temp
BEGIN ATOMIC
    SELECT organisation FROM members WHERE role = acting() AND active;
END;

-- Each statement of a member cleared for AMBER or above is written down: once, with its text, and also to the
-- server's log, which a rollback does not reach.
CREATE FUNCTION note_read() RETURNS boolean
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = workbench, pg_temp
AS $$
DECLARE
    me record;
    asked text := pg_catalog.left(pg_catalog.current_query(), 4000);
BEGIN
    SELECT m.role, m.organisation, c.level INTO me
    FROM members m JOIN clearances c USING (role) WHERE m.role = acting() AND m.active;
    IF me.level >= 2 THEN
        RAISE LOG 'workbench: % (login %) reads: %', me.role, session_user, pg_catalog.translate(pg_catalog.left(asked, 1000), E'\r\n', '  ');
        IF NOT pg_catalog.current_setting('transaction_read_only')::boolean THEN
            INSERT INTO audit (actor, organisation, action, audience, audience_then, statement)
            VALUES (me.role, me.organisation, 'read', audience_of_one(me.role), audience_of_one(me.role), asked) ON CONFLICT DO NOTHING;
        END IF;
    END IF;
    RETURN true;
END
$$;

DO $$
DECLARE
    name text;
    secret text[] := ARRAY['profiles', 'investigations', 'entities', 'watchlists'];
    child text[] := ARRAY['evidence', 'sightings', 'footprint'];
    own text := 'owner = (SELECT organisation FROM members WHERE role = current_user AND active)';
    known text := '((SELECT keys FROM my_keys))[audience_key] IS NOT NULL';
    seen text := known || ' AND audience = ANY (ARRAY(SELECT audience FROM my_audiences)) AND (SELECT note_read())';
    hers text := 'audience = ANY (ARRAY(SELECT audience FROM my_audiences))';
BEGIN
    FOREACH name IN ARRAY secret || child || ARRAY['organisations', 'clients', 'members', 'clearances', 'recipients', 'investigation_profiles', 'entity_profiles', 'profile_history', 'alerts', 'audit'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY warden ON %I TO workbench_warden USING (true) WITH CHECK (true)', name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO workbench_warden', name);
        EXECUTE format('GRANT SELECT ON %I TO workbench_member', name);
    END LOOP;
    -- RED comes about by set_secrecy alone, which names the recipients. What she adds she must be able to see, or
    -- a unique violation would tell of what is there already.
    FOREACH name IN ARRAY secret LOOP
        EXECUTE format('CREATE POLICY see ON %I FOR SELECT TO workbench_member USING (%s)', name, seen);
        EXECUTE format('CREATE POLICY add ON %I FOR INSERT TO workbench_member WITH CHECK (secrecy < 4 AND %s AND %s)', name, own, hers);
        EXECUTE format('CREATE POLICY change ON %I FOR UPDATE TO workbench_member USING (%s AND %s) WITH CHECK (%s)', name, seen, own, own);
    END LOOP;
    FOREACH name IN ARRAY child LOOP
        EXECUTE format('CREATE POLICY see ON %I FOR SELECT TO workbench_member USING (%s)', name, seen);
        EXECUTE format('CREATE POLICY add ON %I FOR INSERT TO workbench_member WITH CHECK (EXISTS (SELECT FROM profiles p WHERE p.id = profile AND p.%s))', name, own);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['evidence', 'sightings', 'footprint'] LOOP
        EXECUTE format('CREATE POLICY remove ON %I FOR DELETE TO workbench_member USING (%s AND EXISTS (SELECT FROM profiles p WHERE p.id = profile AND p.%s))', name, known, own);
    END LOOP;
    FOR name IN SELECT unnest(ARRAY['investigation', 'entity']) LOOP
        EXECUTE format('CREATE POLICY see ON %I FOR SELECT TO workbench_member USING (((SELECT keys FROM my_keys))[%I] IS NOT NULL AND %s AND %I = ANY (ARRAY(SELECT audience FROM my_audiences)))', name || '_profiles', name || '_audience_key', seen, name || '_audience');
        EXECUTE format('CREATE POLICY add ON %I FOR INSERT TO workbench_member WITH CHECK (EXISTS (SELECT FROM profiles p WHERE p.id = profile) AND EXISTS (SELECT FROM %I t WHERE t.id = %I AND t.%s))', name || '_profiles', CASE name WHEN 'entity' THEN 'entities' ELSE 'investigations' END, name, own);
        EXECUTE format('CREATE POLICY remove ON %I FOR DELETE TO workbench_member USING (((SELECT keys FROM my_keys))[%I] IS NOT NULL AND %s AND EXISTS (SELECT FROM %I t WHERE t.id = %I AND t.%s))', name || '_profiles', name || '_audience_key', known, CASE name WHEN 'entity' THEN 'entities' ELSE 'investigations' END, name, own);
    END LOOP;
END
$$;

CREATE POLICY see ON organisations FOR SELECT TO workbench_member USING (EXISTS (SELECT FROM members WHERE role = current_user AND active));
CREATE POLICY see ON clients FOR SELECT TO workbench_member
    USING ((SELECT organisation FROM members WHERE role = current_user AND active) = ANY (ARRAY[owner, client]));
CREATE POLICY see ON members FOR SELECT TO workbench_member USING (role = current_user OR (SELECT own_organisation()) IS NOT NULL);
CREATE POLICY see ON clearances FOR SELECT TO workbench_member USING (role = current_user);
CREATE POLICY see ON recipients FOR SELECT TO workbench_member USING (role = current_user);
CREATE POLICY see ON profile_history FOR SELECT TO workbench_member
    USING (((SELECT keys FROM my_keys))[audience_key] IS NOT NULL AND ((SELECT keys FROM my_keys))[audience_then_key] IS NOT NULL
        AND audience = ANY (ARRAY(SELECT audience FROM my_audiences)) AND audience_then = ANY (ARRAY(SELECT audience FROM my_audiences)) AND (SELECT note_read()));
CREATE POLICY see ON alerts FOR SELECT TO workbench_member
    USING (((SELECT keys FROM my_keys))[watchlist_audience_key] IS NOT NULL AND ((SELECT keys FROM my_keys))[audience_key] IS NOT NULL
        AND watchlist_audience = ANY (ARRAY(SELECT audience FROM my_audiences)) AND audience = ANY (ARRAY(SELECT audience FROM my_audiences)) AND (SELECT note_read()));
CREATE POLICY change ON alerts FOR UPDATE TO workbench_member
    USING (((SELECT keys FROM my_keys))[watchlist_audience_key] IS NOT NULL AND ((SELECT keys FROM my_keys))[audience_key] IS NOT NULL
        AND EXISTS (SELECT FROM watchlists w WHERE w.id = watchlist AND w.owner = (SELECT organisation FROM members WHERE role = current_user AND active)));
CREATE POLICY see ON audit FOR SELECT TO workbench_member
    USING (((SELECT keys FROM my_keys))[audience_key] IS NOT NULL AND ((SELECT keys FROM my_keys))[audience_then_key] IS NOT NULL
        AND organisation = (SELECT organisation FROM members WHERE role = current_user AND active)
        AND audience = ANY (ARRAY(SELECT audience FROM my_audiences UNION ALL SELECT audience_of_one(current_user)))
        AND audience_then = ANY (ARRAY(SELECT audience FROM my_audiences UNION ALL SELECT audience_of_one(current_user))));

-- What a member sets herself; the rest has defaults, triggers and functions.
GRANT INSERT (address, owner, secrecy, token, snapshot, enriched_at, country, region, city, latitude, longitude, accuracy_km, asn, as_org, network_type, prefix, is_tor, is_vpn, is_proxy, is_datacenter, is_known_attacker, is_known_abuser, is_anonymous, reputation, confidence, verdict, reasons, threat_level, notes, tags) ON profiles TO workbench_member;
GRANT UPDATE (snapshot, enriched_at, country, region, city, latitude, longitude, accuracy_km, asn, as_org, network_type, prefix, is_tor, is_vpn, is_proxy, is_datacenter, is_known_attacker, is_known_abuser, is_anonymous, reputation, confidence, verdict, reasons, threat_level, notes, tags, deleted_at) ON profiles TO workbench_member;
GRANT INSERT (owner, secrecy, name, description), UPDATE (name, description, state, deleted_at) ON investigations TO workbench_member;
GRANT INSERT (owner, secrecy, kind, name, description), UPDATE (kind, name, description, deleted_at) ON entities TO workbench_member;
GRANT INSERT (owner, secrecy, name, network, asn, country, threat_level), UPDATE (name, deleted_at) ON watchlists TO workbench_member;
GRANT INSERT (profile, source, category, entry, label, confidence, first_seen, last_seen, licence, stix_id), DELETE ON evidence TO workbench_member;
GRANT INSERT (profile, first_seen, last_seen, count, sensor, target), DELETE ON sightings TO workbench_member;
GRANT INSERT (profile, kind, value, source, first_seen, last_seen), DELETE ON footprint TO workbench_member;
GRANT INSERT (investigation, profile, note), DELETE ON investigation_profiles TO workbench_member;
GRANT INSERT (entity, profile, relation, note), DELETE ON entity_profiles TO workbench_member;
GRANT UPDATE (state, note) ON alerts TO workbench_member;
GRANT SELECT ON my_audiences, my_keys TO workbench_member;
