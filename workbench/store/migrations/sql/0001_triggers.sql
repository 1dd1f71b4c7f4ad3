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
    NEW.audience := coalesce((SELECT audience FROM profiles WHERE id = NEW.profile), gen_random_uuid());
    IF TG_TABLE_NAME = 'investigation_profiles' THEN
        NEW.investigation_audience := coalesce((SELECT audience FROM investigations WHERE id = NEW.investigation), gen_random_uuid());
    ELSIF TG_TABLE_NAME = 'entity_profiles' THEN
        NEW.entity_audience := coalesce((SELECT audience FROM entities WHERE id = NEW.entity), gen_random_uuid());
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
    INSERT INTO audit (actor, organisation, action, kind, subject, audience) SELECT acting(), n.owner, 'create', 'profiles', n.id, n.audience FROM new_rows n;
    INSERT INTO alerts (watchlist, watchlist_audience, profile, audience, cause, says)
    SELECT w.id, w.audience, n.id, n.audience, format('%s created', n.id), format('new profile %s in %s', host(n.address), w.name)
    FROM new_rows n JOIN watchlists w ON w.deleted_at IS NULL
        AND (n.address <<= w.network OR n.asn = w.asn OR n.country = w.country OR n.threat_level >= w.threat_level)
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
        to_jsonb(o) - ARRAY['id', 'owner', 'audience', 'words', 'rank', 'token', 'changed_in']
    FROM old_rows o JOIN new_rows n USING (id);
    INSERT INTO audit (actor, organisation, action, kind, subject, audience, detail)
    SELECT acting(), n.owner, CASE WHEN n.deleted_at IS NOT NULL AND o.deleted_at IS NULL THEN 'delete' WHEN n.deleted_at IS NULL AND o.deleted_at IS NOT NULL THEN 'restore' ELSE 'update' END,
        'profiles', n.id, n.audience, jsonb_build_object('version', n.version)
    FROM old_rows o JOIN new_rows n USING (id);
    INSERT INTO alerts (watchlist, watchlist_audience, profile, audience, cause, says)
    SELECT w.id, w.audience, n.id, n.audience, format('%s version %s', n.id, n.version),
        CASE WHEN n.threat_level <> o.threat_level THEN format('%s in %s: threat level %s to %s', host(n.address), w.name, o.threat_level, n.threat_level)
        ELSE format('%s in %s: verdict %s to %s', host(n.address), w.name, coalesce(o.verdict, 'none'), coalesce(n.verdict, 'none')) END
    FROM old_rows o JOIN new_rows n USING (id) JOIN watchlists w ON w.deleted_at IS NULL AND n.deleted_at IS NULL AND (
        (n.threat_level <> o.threat_level OR n.verdict IS DISTINCT FROM o.verdict) AND (n.address <<= w.network OR n.asn = w.asn OR n.country = w.country)
        OR o.threat_level < w.threat_level AND n.threat_level >= w.threat_level)
    ON CONFLICT DO NOTHING;
    PERFORM tell('profiles', (SELECT array_agg(id) FROM new_rows));
    RETURN NULL;
END
$$;

CREATE FUNCTION note_write() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = workbench, pg_temp
AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        INSERT INTO audit (actor, organisation, action, kind, subject, audience, detail)
        SELECT acting(), own_organisation(), 'remove', TG_TABLE_NAME, n.profile, n.audience, to_jsonb(n) - ARRAY['audience', 'investigation_audience', 'entity_audience'] FROM old_rows n;
        PERFORM tell('profiles', (SELECT array_agg(DISTINCT profile) FROM old_rows));
    ELSE
        INSERT INTO audit (actor, organisation, action, kind, subject, audience)
        SELECT acting(), own_organisation(), 'add', TG_TABLE_NAME, n.profile, n.audience FROM new_rows n;
        PERFORM tell('profiles', (SELECT array_agg(DISTINCT profile) FROM new_rows));
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION note_thing() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = workbench, pg_temp
AS $$
BEGIN
    INSERT INTO audit (actor, organisation, action, kind, subject, audience, detail)
    SELECT acting(), n.owner, CASE TG_OP WHEN 'INSERT' THEN 'create' ELSE 'update' END, TG_TABLE_NAME, n.id, n.audience, jsonb_build_object('version', n.version) FROM new_rows n;
    PERFORM tell(TG_TABLE_NAME, (SELECT array_agg(id) FROM new_rows));
    RETURN NULL;
END
$$;

CREATE FUNCTION alerts_changed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = workbench, pg_temp
AS $$
BEGIN
    INSERT INTO audit (actor, organisation, action, kind, subject, audience, detail)
    SELECT acting(), own_organisation(), CASE TG_OP WHEN 'INSERT' THEN 'raise' ELSE n.state END, 'alerts', n.id, n.audience, NULL FROM new_rows n;
    PERFORM tell('alerts', (SELECT array_agg(id) FROM new_rows));
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
    IF TG_OP = 'UPDATE' AND to_jsonb(NEW) - 'audience' = to_jsonb(OLD) - 'audience' THEN
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
CREATE TRIGGER alerts_raised AFTER INSERT ON alerts REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION alerts_changed();
CREATE TRIGGER stamp_alert BEFORE UPDATE ON alerts FOR EACH ROW EXECUTE FUNCTION stamp_alert();
CREATE TRIGGER keep_audit BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION keep_audit();
CREATE TRIGGER keep_audit_whole BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION keep_audit();
