-- Of what a list says: the entry, and from when it was not on it yet to when it was. Two that overlap are one cause,
-- whoever compared which snapshots. Indexed by expressions that are not leakproof, as lower() and unlike md5(): a member's
-- own condition stays behind the policy. No constraint: what pg_dump does not keep of the index of one is that it has no statistics.
ALTER TABLE alerts ADD COLUMN listing text, ADD COLUMN during tstzrange;
ALTER TABLE alerts ALTER COLUMN listing SET STATISTICS 0, ALTER COLUMN during SET STATISTICS 0;
CREATE INDEX alerts_of_listing ON alerts ((watchlist::text), (lower(listing))) WHERE listing IS NOT NULL;
ALTER INDEX alerts_of_listing ALTER COLUMN 1 SET STATISTICS 0, ALTER COLUMN 2 SET STATISTICS 0;

-- NOT VALID: one that is there already and can never match does no harm.
ALTER TABLE watchlists ADD CONSTRAINT asn_range CHECK (asn BETWEEN 0 AND 4294967295) NOT VALID;

-- Small, since many rows change at once, and so tempting to a planner without statistics: only for who asks by it.
DROP INDEX profiles_by_change;
CREATE INDEX profiles_by_change ON profiles (audience, changed_in) WHERE changed_in IS NOT NULL;

-- Alerts of what lists say anew; how many are. Not the causes that the triggers give: that one is taken would tell of
-- a profile.
CREATE FUNCTION raise_listings(watch uuid, listings text[], absent timestamptz[], present timestamptz[], they_say text[]) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = workbench, pg_temp
AS $$
DECLARE
    raised bigint;
    seen record;
BEGIN
    -- Locked: of two who check at once the second finds what the first has raised.
    SELECT w.id, w.audience INTO seen FROM watchlists w
    WHERE w.id = watch AND w.owner = own_organisation() AND w.audience = ANY (audiences_of_acting()) AND w.deleted_at IS NULL FOR UPDATE;
    INSERT INTO alerts (watchlist, watchlist_audience, audience, listing, during, cause, says)
    SELECT seen.id, seen.audience, seen.audience, n.listing, n.during, format('listed %s, %s', n.listing, n.during), left(n.says, 1000)
    FROM (SELECT left(g.listing, 500) AS listing, g.says,
            tstzrange(CASE WHEN g.absent < g.present THEN g.absent WHEN g.absent IS NOT NULL THEN g.present END, g.present, '[]') AS during
        FROM unnest(listings, absent, present, they_say) AS g (listing, absent, present, says)) AS n
    WHERE seen.id IS NOT NULL AND n.listing IS NOT NULL AND upper(n.during) IS NOT NULL AND n.says IS NOT NULL AND NOT EXISTS (
        SELECT FROM alerts a WHERE a.watchlist::text = watch::text AND lower(a.listing) = lower(n.listing) AND a.listing = n.listing AND a.during && n.during)
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS raised = ROW_COUNT;
    RETURN raised;
END
$$;
GRANT EXECUTE ON FUNCTION raise_listings(uuid, text[], timestamptz[], timestamptz[], text[]) TO workbench_member;

-- The warden's own are replaced as the warden.
RESET ROLE;
GRANT CREATE ON SCHEMA workbench TO workbench_warden;
SET LOCAL ROLE workbench_warden;
DROP FUNCTION raise_alert(uuid, text, text);

CREATE OR REPLACE FUNCTION profiles_changed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = workbench, pg_temp
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
        WHEN n.asn = w.asn AND o.asn IS DISTINCT FROM n.asn OR n.country = w.country AND o.country IS DISTINCT FROM n.country THEN format('%s has come to be in %s', host(n.address), w.name)
        ELSE format('%s in %s: verdict %s to %s', host(n.address), w.name, coalesce(o.verdict, 'none'), coalesce(n.verdict, 'none')) END AS says
    FROM old_rows o JOIN new_rows n USING (id) JOIN watchlists w ON w.deleted_at IS NULL AND n.deleted_at IS NULL AND (
        (n.threat_level <> o.threat_level OR n.verdict IS DISTINCT FROM o.verdict) AND (n.address <<= w.network OR n.asn = w.asn OR n.country = w.country)
        OR n.asn = w.asn AND o.asn IS DISTINCT FROM n.asn
        OR n.country = w.country AND o.country IS DISTINCT FROM n.country
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
RESET ROLE;
REVOKE CREATE ON SCHEMA workbench FROM workbench_warden;
