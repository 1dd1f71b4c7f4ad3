-- Of one thing, of one member, of everything: each in the order of time, so that a page costs a page. Neither index serves
-- a member's own query, whose conditions are not leakproof: audit_lines looks for her.
DROP INDEX audit_of_subject;
CREATE INDEX audit_of_subject ON audit ((subject::text), at);
CREATE INDEX audit_of_actor ON audit (lower(actor::text), at);
-- Whether an organisation's reading was told of on a day. Not a partial one: how large that is, a plan of a member's would tell.
CREATE INDEX audit_read_elsewhere ON audit ((CASE WHEN action = 'read elsewhere' THEN lower(subject::text || (detail ->> 'day') || (detail ->> 'organisation')) END));
ALTER INDEX audit_of_subject ALTER COLUMN 1 SET STATISTICS 0;
ALTER INDEX audit_of_actor ALTER COLUMN 1 SET STATISTICS 0;
ALTER INDEX audit_read_elsewhere ALTER COLUMN 1 SET STATISTICS 0;

-- Ids of the newest lines that the member may see and that meet every condition, up to ``most``, from a place on
-- backwards. They are candidates: whoever reads them reads them under the policy. There are no statistics, so that the way
-- is given: along an index in the order of time, of the thing, the member, or each audience; what IS TRUE is no condition
-- of another index, and ordering by what is the same in all rows says that the index has the order.
CREATE FUNCTION audit_lines(things uuid[], who text, did text[], since timestamptz, until timestamptz, before_at timestamptz, before_id uuid, most integer) RETURNS uuid[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = workbench, pg_temp
    SET enable_sort = off SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off
AS $$
DECLARE
    mine uuid[] := ARRAY(SELECT DISTINCT unnest(audiences_of_acting() || audience_of_one(acting())));
    here uuid := own_organisation();
    earliest timestamptz := coalesce(since, '-infinity');
    latest timestamptz := least(coalesce(until, 'infinity'), coalesce(before_at, 'infinity'));
    found uuid[];
BEGIN
    IF things IS NOT NULL THEN
        SELECT array_agg(id) INTO found FROM (
            SELECT l.id FROM unnest(things) AS t (thing) CROSS JOIN LATERAL (
                SELECT a.id, a.at FROM audit a WHERE a.subject::text = t.thing::text AND a.at >= earliest AND a.at <= latest
                AND (a.organisation = here) IS TRUE AND (a.audience = ANY (mine)) IS TRUE AND (a.audience_then = ANY (mine)) IS TRUE
                AND (until IS NULL OR a.at < until) AND (before_at IS NULL OR (a.at, a.id) < (before_at, before_id))
                AND (who IS NULL OR a.actor = who) AND (did IS NULL OR a.action = ANY (did))
                ORDER BY a.subject::text DESC, a.at DESC, a.id DESC LIMIT most) AS l ORDER BY l.at DESC, l.id DESC LIMIT most) AS f;
    ELSIF who IS NOT NULL THEN
        SELECT array_agg(id) INTO found FROM (
            SELECT a.id FROM audit a WHERE lower(a.actor::text) = lower(who) AND a.at >= earliest AND a.at <= latest
            AND (a.organisation = here) IS TRUE AND (a.audience = ANY (mine)) IS TRUE AND (a.audience_then = ANY (mine)) IS TRUE AND a.actor = who
            AND (until IS NULL OR a.at < until) AND (before_at IS NULL OR (a.at, a.id) < (before_at, before_id))
            AND (did IS NULL OR a.action = ANY (did))
            ORDER BY lower(a.actor::text) DESC, a.at DESC, a.id DESC LIMIT most) AS f;
    ELSE
        SELECT array_agg(id) INTO found FROM (
            SELECT l.id FROM unnest(mine) AS m (audience) CROSS JOIN LATERAL (
                SELECT a.id, a.at FROM audit a WHERE a.organisation = here AND a.audience = m.audience AND a.at >= earliest AND a.at <= latest
                AND a.audience_then = ANY (mine)
                AND (until IS NULL OR a.at < until) AND (before_at IS NULL OR (a.at, a.id) < (before_at, before_id))
                AND (did IS NULL OR a.action = ANY (did))
                ORDER BY a.at DESC, a.id DESC LIMIT most) AS l ORDER BY l.at DESC, l.id DESC LIMIT most) AS f;
    END IF;
    RETURN coalesce(found, '{}');
END
$$;
GRANT EXECUTE ON FUNCTION audit_lines(uuid[], text, text[], timestamptz, timestamptz, timestamptz, uuid, integer) TO workbench_member;

-- The warden's own are replaced as the warden.
RESET ROLE;
GRANT CREATE ON SCHEMA workbench TO workbench_warden;
SET LOCAL ROLE workbench_warden;

-- As before, and the owner of what another organisation's member read hears of it: which organisation, and on which day
-- first. Not who, how often or how; those are lines for the reader's own organisation.
CREATE OR REPLACE FUNCTION note_rows_read(of_kind text, ids uuid[], how text) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = workbench, pg_temp
AS $$
DECLARE
    mine uuid[] := audiences_of_acting();
    here uuid := own_organisation();
    today text := to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD');
    noted bigint;
BEGIN
    IF of_kind NOT IN ('profiles', 'investigations', 'entities', 'watchlists') THEN
        RAISE EXCEPTION 'no kind %', of_kind USING ERRCODE = 'invalid_parameter_value';
    END IF;
    EXECUTE format(
        'WITH seen AS MATERIALIZED (
             SELECT id, owner, audience FROM %1$I WHERE id = ANY ($1) AND secrecy >= 2 AND audience = ANY ($3)
         ), told AS (
             INSERT INTO audit (actor, login, organisation, action, kind, subject, audience, audience_then, detail, backend)
             SELECT '''', '''', s.owner, ''read elsewhere'', %1$L, s.id, s.audience, s.audience, jsonb_build_object(''organisation'', o.name, ''day'', $5), 0
             FROM seen s JOIN organisations o ON o.id = $4 WHERE s.owner <> $4 AND NOT EXISTS (
                 SELECT FROM audit a WHERE CASE WHEN a.action = ''read elsewhere'' THEN lower(a.subject::text || (a.detail ->> ''day'') || (a.detail ->> ''organisation'')) END
                 = lower(s.id::text || $5 || o.name))
         )
         INSERT INTO audit (actor, organisation, action, kind, subject, audience, audience_then, detail)
         SELECT acting(), $4, ''read row'', %1$L, id, audience, audience, jsonb_build_object(''how'', left($2, 200)) FROM seen', of_kind)
        USING ids, how, mine, here, today;
    GET DIAGNOSTICS noted = ROW_COUNT;
    RETURN noted;
END
$$;
RESET ROLE;
REVOKE CREATE ON SCHEMA workbench FROM workbench_warden;
