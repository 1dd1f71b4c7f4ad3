CREATE FUNCTION count_version() RETURNS trigger LANGUAGE plpgsql SET search_path = workbench, pg_temp
AS $$
BEGIN
    NEW.version := OLD.version + 1;
    NEW.updated_by := acting();
    NEW.updated_at := now();
    NEW.changed_in := pg_current_xact_id();
    RETURN NEW;
END
$$;

-- A child shows itself to whom its thing does. Where there is no such thing the policy refuses the row, with the
-- same words as for one that may not be seen.
CREATE FUNCTION inherit_audience() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = workbench, pg_temp
AS $$
BEGIN
    -- Locked, so that a level set meanwhile either waits for the child or is seen by it.
    NEW.audience := coalesce((SELECT audience FROM profiles WHERE id = NEW.profile FOR SHARE), gen_random_uuid());
    IF TG_TABLE_NAME = 'investigation_profiles' THEN
        NEW.investigation_audience := coalesce((SELECT audience FROM investigations WHERE id = NEW.investigation FOR SHARE), gen_random_uuid());
    ELSIF TG_TABLE_NAME = 'entity_profiles' THEN
        NEW.entity_audience := coalesce((SELECT audience FROM entities WHERE id = NEW.entity FOR SHARE), gen_random_uuid());
    END IF;
    RETURN NEW;
END
$$;

-- Ids, never content: row-level security does not reach NOTIFY.
CREATE FUNCTION tell(kind text, ids uuid[]) RETURNS void LANGUAGE plpgsql SET search_path = workbench, pg_temp
AS $$
BEGIN
    IF cardinality(ids) > 1000 THEN
        PERFORM pg_notify('workbench', json_build_object('kind', kind, 'many', true)::text);
    ELSE
        FOR start IN 1 .. coalesce(cardinality(ids), 0) BY 150 LOOP
            PERFORM pg_notify('workbench', json_build_object('kind', kind, 'ids', ids[start : start + 149])::text);
        END LOOP;
    END IF;
END
$$;

CREATE FUNCTION profiles_added() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = workbench, pg_temp
AS $$
BEGIN
    INSERT INTO audit (actor, organisation, action, kind, subject, audience, audience_then) SELECT acting(), n.owner, 'create', 'profiles', n.id, n.audience, n.audience FROM new_rows n;
    INSERT INTO alerts (watchlist, watchlist_audience, profile, audience, cause, says)
    WITH matched AS MATERIALIZED (
        SELECT w.id AS watchlist, w.audience AS watching, n.id, n.audience, format('%s created', n.id) AS cause, format('new profile %s in %s', host(n.address), w.name) AS says
        FROM new_rows n JOIN watchlists w ON w.deleted_at IS NULL
            AND (n.address <<= w.network OR n.asn = w.asn OR n.country = w.country OR n.threat_level >= w.threat_level)
    ), heard AS MATERIALIZED (
        SELECT watching, audience FROM (SELECT DISTINCT watching, audience FROM matched) AS pair
        WHERE watching = audience OR seers(watching) <@ seers(audience)
    )
    SELECT watchlist, watching, id, audience, cause, says FROM matched JOIN heard USING (watching, audience)
    ON CONFLICT DO NOTHING;
    PERFORM tell('profiles', (SELECT array_agg(id) FROM new_rows));
    RETURN NULL;
END
$$;

CREATE FUNCTION profiles_changed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = workbench, pg_temp
AS $$
BEGIN
    INSERT INTO profile_history (profile, version, audience, audience_then, changed_by, was)
    SELECT o.id, o.version, n.audience, o.audience, n.updated_by,
        to_jsonb(o) - ARRAY['id', 'owner', 'audience', 'audience_key', 'words', 'rank', 'token', 'changed_in']
    FROM old_rows o JOIN new_rows n USING (id);
    INSERT INTO audit (actor, organisation, action, kind, subject, audience, audience_then, detail)
    SELECT acting(), n.owner, CASE WHEN n.deleted_at IS NOT NULL AND o.deleted_at IS NULL THEN 'delete' WHEN n.deleted_at IS NULL AND o.deleted_at IS NOT NULL THEN 'restore' ELSE 'update' END,
        'profiles', n.id, n.audience, o.audience, jsonb_build_object('version', n.version)
    FROM old_rows o JOIN new_rows n USING (id);
    INSERT INTO alerts (watchlist, watchlist_audience, profile, audience, cause, says)
    WITH matched AS MATERIALIZED (
    SELECT w.id AS watchlist, w.audience AS watching, n.id, n.audience, format('%s version %s', n.id, n.version) AS cause,
        CASE WHEN n.threat_level <> o.threat_level THEN format('%s in %s: threat level %s to %s', host(n.address), w.name, o.threat_level, n.threat_level)
        ELSE format('%s in %s: verdict %s to %s', host(n.address), w.name, coalesce(o.verdict, 'none'), coalesce(n.verdict, 'none')) END AS says
    FROM old_rows o JOIN new_rows n USING (id) JOIN watchlists w ON w.deleted_at IS NULL AND n.deleted_at IS NULL AND (
        (n.threat_level <> o.threat_level OR n.verdict IS DISTINCT FROM o.verdict) AND (n.address <<= w.network OR n.asn = w.asn OR n.country = w.country)
        OR o.threat_level < w.threat_level AND n.threat_level >= w.threat_level)
    ), heard AS MATERIALIZED (
        SELECT watching, audience FROM (SELECT DISTINCT watching, audience FROM matched) AS pair
        WHERE watching = audience OR seers(watching) <@ seers(audience)
    )
    SELECT watchlist, watching, id, audience, cause, says FROM matched JOIN heard USING (watching, audience)
    ON CONFLICT DO NOTHING;
    PERFORM tell('profiles', (SELECT array_agg(id) FROM new_rows));
    RETURN NULL;
END
$$;

CREATE FUNCTION note_write() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = workbench, pg_temp
AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        INSERT INTO audit (actor, organisation, action, kind, subject, audience, audience_then, detail)
        SELECT acting(), own_organisation(), 'remove', TG_TABLE_NAME, n.profile, n.audience, n.audience, to_jsonb(n) - ARRAY['audience', 'investigation_audience', 'entity_audience', 'audience_key', 'investigation_audience_key', 'entity_audience_key'] FROM old_rows n;
        PERFORM tell('profiles', (SELECT array_agg(DISTINCT profile) FROM old_rows));
    ELSE
        INSERT INTO audit (actor, organisation, action, kind, subject, audience, audience_then)
        SELECT acting(), own_organisation(), 'add', TG_TABLE_NAME, n.profile, n.audience, n.audience FROM new_rows n;
        PERFORM tell('profiles', (SELECT array_agg(DISTINCT profile) FROM new_rows));
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION note_thing() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = workbench, pg_temp
AS $$
BEGIN
    INSERT INTO audit (actor, organisation, action, kind, subject, audience, audience_then, detail)
    SELECT acting(), n.owner, CASE TG_OP WHEN 'INSERT' THEN 'create' ELSE 'update' END, TG_TABLE_NAME, n.id, n.audience, n.audience, jsonb_build_object('version', n.version) FROM new_rows n;
    PERFORM tell(TG_TABLE_NAME, (SELECT array_agg(id) FROM new_rows));
    RETURN NULL;
END
$$;

CREATE FUNCTION alerts_raised() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = workbench, pg_temp
AS $$
BEGIN
    INSERT INTO audit (actor, organisation, action, kind, subject, audience, audience_then)
    SELECT acting(), w.owner, 'raise', 'alerts', n.id, n.audience, n.watchlist_audience FROM new_rows n JOIN watchlists w ON w.id = n.watchlist;
    -- Of one about a profile the notice of the profile tells enough: a second would tell everybody how many
    -- watchlists the address is on.
    PERFORM tell('alerts', (SELECT array_agg(id) FROM new_rows WHERE profile IS NULL));
    RETURN NULL;
END
$$;

CREATE FUNCTION alerts_changed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = workbench, pg_temp
AS $$
DECLARE
    changed uuid[];
BEGIN
    SELECT array_agg(n.id) INTO changed FROM new_rows n JOIN old_rows o USING (id) WHERE (n.state, n.note) <> (o.state, o.note);
    IF changed IS NULL THEN
        RETURN NULL;  -- a level was set, and that is written down elsewhere
    END IF;
    INSERT INTO audit (actor, organisation, action, kind, subject, audience, audience_then)
    SELECT acting(), own_organisation(), n.state, 'alerts', n.id, n.audience, n.watchlist_audience FROM new_rows n WHERE n.id = ANY (changed);
    PERFORM tell('alerts', changed);
    RETURN NULL;
END
$$;

CREATE FUNCTION stamp_alert() RETURNS trigger LANGUAGE plpgsql SET search_path = workbench, pg_temp
AS $$
BEGIN
    IF NEW.state <> OLD.state OR NEW.note <> OLD.note THEN
        NEW.changed_by := acting();
        NEW.changed_at := now();
    END IF;
    RETURN NEW;
END
$$;

CREATE FUNCTION keep_audit() RETURNS trigger LANGUAGE plpgsql SET search_path = workbench, pg_temp
AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND to_jsonb(NEW) - ARRAY['audience', 'audience_then', 'audience_key', 'audience_then_key'] = to_jsonb(OLD) - ARRAY['audience', 'audience_then', 'audience_key', 'audience_then_key'] THEN
        RETURN NEW;  -- a level was raised or lowered, and the line with it
    END IF;
    RAISE EXCEPTION 'the audit is only added to' USING ERRCODE = 'insufficient_privilege';
END
$$;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['profiles', 'investigations', 'entities', 'watchlists'] LOOP
        EXECUTE format('CREATE TRIGGER count_version BEFORE UPDATE ON %I FOR EACH ROW EXECUTE FUNCTION count_version()', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['investigations', 'entities', 'watchlists'] LOOP
        EXECUTE format('CREATE TRIGGER note_added AFTER INSERT ON %I REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION note_thing()', name);
        EXECUTE format('CREATE TRIGGER note_changed AFTER UPDATE ON %I REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION note_thing()', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['evidence', 'sightings', 'footprint', 'investigation_profiles', 'entity_profiles'] LOOP
        EXECUTE format('CREATE TRIGGER inherit_audience BEFORE INSERT ON %I FOR EACH ROW EXECUTE FUNCTION inherit_audience()', name);
        EXECUTE format('CREATE TRIGGER note_added AFTER INSERT ON %I REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION note_write()', name);
        EXECUTE format('CREATE TRIGGER note_removed AFTER DELETE ON %I REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION note_write()', name);
    END LOOP;
END
$$;
CREATE TRIGGER profiles_added AFTER INSERT ON profiles REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION profiles_added();
CREATE TRIGGER profiles_changed AFTER UPDATE ON profiles REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION profiles_changed();
CREATE TRIGGER alerts_raised AFTER INSERT ON alerts REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION alerts_raised();
CREATE TRIGGER alerts_changed AFTER UPDATE ON alerts REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION alerts_changed();
CREATE TRIGGER stamp_alert BEFORE UPDATE ON alerts FOR EACH ROW EXECUTE FUNCTION stamp_alert();
CREATE TRIGGER keep_audit BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION keep_audit();
CREATE TRIGGER keep_audit_whole BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION keep_audit();
