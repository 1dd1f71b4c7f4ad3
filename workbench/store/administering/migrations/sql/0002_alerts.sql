-- The transaction that raised an alert, by which a stream of alerts is resumed without loss. Those there were before
-- belong to none.
ALTER TABLE alerts ADD COLUMN raised_in xid8 NOT NULL DEFAULT '0';
ALTER TABLE alerts ALTER COLUMN raised_in SET DEFAULT pg_current_xact_id();
ALTER TABLE alerts ALTER COLUMN raised_in SET STATISTICS 0;
-- On an expression with casts that are not leakproof: only the function below can use it, a member's own query, whose plan
-- would count what is hidden from her, cannot.
CREATE INDEX alerts_by_raising ON alerts ((raised_in::text::numeric));
ALTER INDEX alerts_by_raising ALTER COLUMN 1 SET STATISTICS 0;

-- The first alerts, in order of transaction and id, that the member may see and that were raised in the transaction
-- ``new`` or later, or in one of ``also``; where ``until`` is given, before that and in none of ``but``, and after ``last``.
CREATE FUNCTION raised_since(new xid8, also xid8[], until xid8, but xid8[], last xid8, last_id uuid, most integer) RETURNS SETOF uuid
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = workbench, pg_temp
AS $$
DECLARE
    mine uuid[] := audiences_of_acting();
BEGIN
    RETURN QUERY
    SELECT f.id FROM (
        SELECT a.id, a.raised_in FROM alerts a
        WHERE a.raised_in::text::numeric >= raised_since.new::text::numeric AND a.watchlist_audience = ANY (mine) AND a.audience = ANY (mine)
        UNION ALL
        SELECT a.id, a.raised_in FROM alerts a
        WHERE a.raised_in::text::numeric = ANY (also::text[]::numeric[]) AND a.watchlist_audience = ANY (mine) AND a.audience = ANY (mine)
    ) AS f
    WHERE raised_since.until IS NULL OR (f.raised_in < raised_since.until AND f.raised_in <> ALL (but) AND (f.raised_in, f.id) > (raised_since.last, last_id))
    ORDER BY f.raised_in, f.id LIMIT most;
END
$$;
REVOKE ALL ON FUNCTION raised_since(xid8, xid8[], xid8, xid8[], xid8, uuid, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION raised_since(xid8, xid8[], xid8, xid8[], xid8, uuid, integer) TO workbench_member, workbench_warden;
