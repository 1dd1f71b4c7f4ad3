-- Each of these acts as the warden, and therefore asks first who is acting and what she may see.

-- The ids of what the member may see and that matches; null where that is more than `most`, for then it is sooner
-- found by walking along the order asked for. The indexes used here are closed to her own queries, whose plans
-- would count what matched and was hidden.
CREATE FUNCTION matching(words_like text, misspelt boolean, tagged text[], covers inet, most integer) RETURNS uuid[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = workbench, pg_temp SET pg_trgm.word_similarity_threshold = 0.6
AS $$
DECLARE
    mine uuid[] := audiences_of_acting();
    pattern text := '%' || replace(replace(replace(lower(words_like), '\', '\\'), '%', '\%'), '_', '\_') || '%';
    found uuid[];
BEGIN
    IF covers IS NOT NULL THEN
        SELECT array_agg(id) INTO found FROM (
            SELECT id FROM profiles p WHERE network(p.address)::inet >>= covers AND p.audience = ANY (mine)
            AND (tagged IS NULL OR p.tags @> tagged)
            AND (words_like IS NULL OR lower(p.words) LIKE pattern OR misspelt AND lower(words_like) <% lower(p.words)) LIMIT most + 1) AS f;
    ELSIF words_like IS NULL THEN
        SELECT array_agg(id) INTO found FROM (
            SELECT id FROM profiles p WHERE p.tags @> tagged AND p.audience = ANY (mine) LIMIT most + 1) AS f;
    ELSE
        SELECT array_agg(id) INTO found FROM (
            SELECT id FROM profiles p WHERE lower(p.words) LIKE pattern AND p.audience = ANY (mine)
            AND (tagged IS NULL OR p.tags @> tagged) LIMIT most + 1) AS f;
        IF misspelt AND coalesce(cardinality(found), 0) < most THEN
            SELECT array_agg(id) INTO found FROM (
                SELECT unnest(found) AS id UNION
                (SELECT id FROM profiles p WHERE lower(words_like) <% lower(p.words) AND p.audience = ANY (mine)
                AND (tagged IS NULL OR p.tags @> tagged) LIMIT most)) AS f;
        END IF;
    END IF;
    RETURN CASE WHEN cardinality(found) > most THEN NULL ELSE coalesce(found, '{}') END;
END
$$;

CREATE FUNCTION recipients_of(thing_id uuid) RETURNS SETOF name
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = workbench, pg_temp
BEGIN ATOMIC
    SELECT r.role FROM recipients r WHERE r.thing::text = thing_id::text AND thing_id = ANY (audiences_of_acting());
END;

-- One line in the audit for each of these that is AMBER or above and that the member may see.
CREATE FUNCTION note_rows_read(of_kind text, ids uuid[], how text) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = workbench, pg_temp
AS $$
DECLARE
    mine uuid[] := audiences_of_acting();
    noted bigint;
BEGIN
    IF of_kind NOT IN ('profiles', 'investigations', 'entities', 'watchlists') THEN
        RAISE EXCEPTION 'no kind %', of_kind USING ERRCODE = 'invalid_parameter_value';
    END IF;
    EXECUTE format(
        'INSERT INTO audit (actor, organisation, action, kind, subject, audience, audience_then, detail)
         SELECT acting(), own_organisation(), ''read row'', %L, id, audience, audience, jsonb_build_object(''how'', left($2, 200))
         FROM %I WHERE id = ANY ($1) AND secrecy >= 2 AND audience = ANY ($3)', of_kind, of_kind)
        USING ids, how, mine;
    GET DIAGNOSTICS noted = ROW_COUNT;
    RETURN noted;
END
$$;

-- Tables that hang on a thing, and the column that carries its audience.
CREATE FUNCTION spread_audience(of_kind text, thing uuid, old_audience uuid, new_audience uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = workbench, pg_temp
AS $$
DECLARE
    name text;
    sealed uuid := gen_random_uuid();
BEGIN
    IF of_kind = 'profiles' THEN
        FOREACH name IN ARRAY ARRAY['evidence', 'sightings', 'footprint', 'investigation_profiles', 'entity_profiles', 'profile_history', 'alerts'] LOOP
            EXECUTE format('UPDATE %I SET audience = $1 WHERE ' || CASE WHEN name IN ('investigation_profiles', 'entity_profiles', 'alerts') THEN 'profile::text = $2::text' ELSE 'profile = $2' END || ' AND audience = $3', name)
                USING new_audience, thing, old_audience;
        END LOOP;
    ELSIF of_kind = 'investigations' THEN
        UPDATE investigation_profiles SET investigation_audience = new_audience WHERE investigation::text = thing::text AND investigation_audience = old_audience;
    ELSIF of_kind = 'entities' THEN
        UPDATE entity_profiles SET entity_audience = new_audience WHERE entity::text = thing::text AND entity_audience = old_audience;
    ELSIF of_kind = 'watchlists' THEN
        UPDATE alerts SET watchlist_audience = new_audience WHERE watchlist::text = thing::text AND watchlist_audience = old_audience;
        UPDATE alerts SET audience = new_audience WHERE watchlist::text = thing::text AND profile IS NULL;
    END IF;
    UPDATE audit SET audience = new_audience WHERE subject::text = thing::text;
    -- What was RED stays with those it was named for, whoever it may be named for another time.
    IF old_audience = thing THEN
        UPDATE profile_history SET audience_then = sealed WHERE profile = thing AND audience = new_audience AND audience_then = thing;
        UPDATE audit SET audience_then = sealed WHERE subject::text = thing::text AND audience_then = thing;
        UPDATE recipients r SET thing = sealed WHERE r.thing::text = spread_audience.thing::text;
    END IF;
END
$$;

-- A level is set, and two profiles are merged, by what is there at the time: under an older snapshot a row that
-- was hung on the thing meanwhile would keep its old audience.
CREATE FUNCTION in_read_committed() RETURNS void
    LANGUAGE plpgsql SET search_path = workbench, pg_temp
AS $$
BEGIN
    IF pg_catalog.current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'this is done in transactions that are READ COMMITTED' USING ERRCODE = 'invalid_transaction_state';
    END IF;
END
$$;

-- A watchlist hears of a profile if whoever sees the watchlist may see the profile. An alert kept from some of them
-- would, by being there, tell them that their network has a profile they may not see.
CREATE FUNCTION raise_for_new_seers(of_profile uuid, saw name[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = workbench, pg_temp
AS $$
BEGIN
    INSERT INTO alerts (watchlist, watchlist_audience, profile, audience, cause, says)
    SELECT m.id, m.audience, of_profile, m.seen_by, format('%s created', of_profile), m.says
    FROM (SELECT w.id, w.audience, p.audience AS seen_by, seers(w.audience) AS watchers, format('new profile %s in %s', host(p.address), w.name) AS says
        FROM profiles p JOIN watchlists w ON p.deleted_at IS NULL AND w.deleted_at IS NULL
            AND (p.address <<= w.network OR p.asn = w.asn OR p.country = w.country OR p.threat_level >= w.threat_level)
        WHERE p.id = of_profile) AS m
    WHERE NOT m.watchers <@ saw AND m.watchers <@ seers(m.seen_by)
    ON CONFLICT DO NOTHING;
END
$$;

-- Raise or lower a level, with a reason that is kept. At RED ``named`` are the recipients, the actor with them.
CREATE FUNCTION set_secrecy(of_kind text, thing uuid, expected integer, new_level smallint, reason text, named name[]) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = workbench, pg_temp
AS $$
DECLARE
    me record;
    old record;
    new_audience uuid;
    new_version integer;
    stranger name;
    saw name[];
BEGIN
    PERFORM in_read_committed();
    IF of_kind NOT IN ('profiles', 'investigations', 'entities', 'watchlists') THEN
        RAISE EXCEPTION 'no kind %', of_kind USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT m.role, m.organisation, c.level INTO me FROM members m JOIN clearances c USING (role) WHERE m.role = acting() AND m.active;
    EXECUTE format('SELECT id, owner, secrecy, audience, version FROM %I WHERE id = $1 AND owner = $2 AND audience = ANY ($3) FOR UPDATE', of_kind)
        INTO old USING thing, me.organisation, audiences_of_acting();
    IF old.id IS NULL THEN
        RAISE EXCEPTION 'not found, or not of your organisation' USING ERRCODE = 'no_data_found';
    END IF;
    IF old.version IS DISTINCT FROM expected THEN
        RAISE EXCEPTION 'version is %, not %', old.version, expected USING ERRCODE = 'serialization_failure';
    END IF;
    IF new_level > me.level THEN
        RAISE EXCEPTION 'the level is above your clearance' USING ERRCODE = 'insufficient_privilege';
    ELSIF new_level < 4 AND audience_of(new_level, old.owner, thing) <> ALL (audiences_of_acting()) THEN
        RAISE EXCEPTION 'at this level you would not see it yourself' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF length(trim(coalesce(reason, ''))) = 0 THEN
        RAISE EXCEPTION 'a change of level needs a reason' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF new_level = 4 THEN
        SELECT n INTO stranger FROM unnest(named) AS n
        WHERE NOT EXISTS (SELECT FROM members m JOIN clearances c USING (role) WHERE m.role = n AND m.active AND c.level >= 4) LIMIT 1;
        IF stranger IS NOT NULL THEN
            RAISE EXCEPTION '% is no member who may receive TLP:RED', stranger USING ERRCODE = 'invalid_parameter_value';
        END IF;
    END IF;
    saw := seers(old.audience);
    IF new_level = 4 THEN
        DELETE FROM recipients r WHERE r.thing::text = set_secrecy.thing::text AND r.role <> me.role AND r.role <> ALL (coalesce(named, '{}'));
        INSERT INTO recipients (role, thing, named_by)
        SELECT DISTINCT n, set_secrecy.thing, me.role FROM unnest(array_append(coalesce(named, '{}'), me.role)) AS n ON CONFLICT DO NOTHING;
    END IF;
    EXECUTE format('UPDATE %I SET secrecy = $2 WHERE id = $1 RETURNING audience, version', of_kind)
        INTO new_audience, new_version USING thing, new_level;
    -- The reason may tell what is secret: it is for those who saw the thing before as well.
    INSERT INTO audit (actor, organisation, action, kind, subject, audience, audience_then, detail)
    VALUES (me.role, me.organisation, 'set secrecy', of_kind, thing, old.audience, old.audience,
        jsonb_build_object('from', old.secrecy, 'to', new_level, 'reason', reason, 'version', new_version, 'recipients', to_jsonb(CASE WHEN new_level = 4 THEN named END)));
    IF new_audience <> old.audience THEN
        PERFORM spread_audience(of_kind, thing, old.audience, new_audience);
    END IF;
    IF of_kind = 'profiles' THEN
        PERFORM raise_for_new_seers(thing, saw);
    END IF;
    RETURN new_version;
END
$$;

-- Two profiles of one address become one: at the stricter level, for those alone who could see both.
CREATE FUNCTION merge_profiles(kept uuid, kept_version integer, given_up uuid, given_up_version integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = workbench, pg_temp
AS $$
DECLARE
    mine uuid[] := audiences_of_acting();
    here uuid := own_organisation();
    a profiles; b profiles;
    new_level tlp; both_named name[]; new_version integer; new_audience uuid; name text;
BEGIN
    PERFORM in_read_committed();
    -- Locked in the order of their ids, so that two who merge the same pair do not wait for one another.
    PERFORM FROM profiles WHERE id IN (kept, given_up) AND owner = here AND audience = ANY (mine) ORDER BY id FOR UPDATE;
    SELECT * INTO a FROM profiles WHERE id = kept AND owner = here AND audience = ANY (mine) AND deleted_at IS NULL;
    SELECT * INTO b FROM profiles WHERE id = given_up AND owner = here AND audience = ANY (mine) AND deleted_at IS NULL;
    IF a.id IS NULL OR b.id IS NULL OR kept = given_up THEN
        RAISE EXCEPTION 'not found, or not of your organisation' USING ERRCODE = 'no_data_found';
    END IF;
    IF a.version IS DISTINCT FROM kept_version OR b.version IS DISTINCT FROM given_up_version THEN
        RAISE EXCEPTION 'one of the two was changed meanwhile' USING ERRCODE = 'serialization_failure';
    END IF;
    IF a.address <> b.address THEN
        RAISE EXCEPTION 'profiles of different addresses are not merged' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    new_level := greatest(a.secrecy, b.secrecy);
    IF new_level = 4 THEN
        SELECT array_agg(s) INTO both_named FROM unnest(seers(a.audience)) AS s WHERE s = ANY (seers(b.audience));
    END IF;
    -- The level first: nothing of the stricter one is ever at the other's level, in its history neither.
    UPDATE profiles SET deleted_at = now(), merged_into = kept WHERE id = given_up;
    new_audience := a.audience;
    new_version := a.version;
    IF new_level > a.secrecy OR new_level = 4 THEN
        new_version := set_secrecy('profiles', kept, new_version, new_level::smallint, format('merged with %s', given_up), both_named);
        new_audience := audience_of(new_level, a.owner, kept);
    END IF;
    FOREACH name IN ARRAY ARRAY['evidence', 'sightings'] LOOP
        EXECUTE format('UPDATE %I SET profile = $1, audience = $3 WHERE profile = $2 AND audience = $4', name) USING kept, given_up, new_audience, b.audience;
    END LOOP;
    UPDATE footprint f SET profile = kept, audience = new_audience WHERE f.profile = given_up AND f.audience = b.audience
        AND NOT EXISTS (SELECT FROM footprint g WHERE g.audience = new_audience AND g.profile = kept AND (g.kind, g.value, g.source) = (f.kind, f.value, f.source));
    INSERT INTO investigation_profiles (investigation, profile, audience, investigation_audience, note, linked_by, linked_at)
        SELECT investigation, kept, new_audience, investigation_audience, note, linked_by, linked_at FROM investigation_profiles WHERE profile::text = given_up::text ON CONFLICT DO NOTHING;
    INSERT INTO entity_profiles (entity, profile, relation, audience, entity_audience, note, linked_by, linked_at)
        SELECT entity, kept, relation, new_audience, entity_audience, note, linked_by, linked_at FROM entity_profiles WHERE profile::text = given_up::text ON CONFLICT DO NOTHING;
    UPDATE profiles SET
        notes = CASE WHEN b.notes IN ('', a.notes) THEN a.notes WHEN a.notes = '' THEN b.notes ELSE a.notes || E'\n\n' || b.notes END,
        tags = (SELECT coalesce(array_agg(DISTINCT t), '{}') FROM unnest(a.tags || b.tags) AS t),
        threat_level = greatest(a.threat_level, b.threat_level)
    WHERE id = kept RETURNING version INTO new_version;
    RETURN new_version;
END
$$;

CREATE FUNCTION raise_alert(watch uuid, because text, it_says text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = workbench, pg_temp
AS $$
DECLARE
    raised uuid;
BEGIN
    -- Not the causes that the triggers give: that one is taken would tell of a profile.
    IF because IS NULL OR because NOT LIKE 'listed %' THEN
        RAISE EXCEPTION 'a cause begins with "listed "' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    INSERT INTO alerts (watchlist, watchlist_audience, audience, cause, says)
    SELECT w.id, w.audience, w.audience, left(because, 1000), left(it_says, 1000) FROM watchlists w
    WHERE w.id = watch AND w.owner = own_organisation() AND w.audience = ANY (audiences_of_acting()) AND w.deleted_at IS NULL
    ON CONFLICT DO NOTHING RETURNING id INTO raised;
    RETURN raised IS NOT NULL;
END
$$;
