INSERT INTO organisation_names SELECT DISTINCT audience, as_org FROM profiles WHERE as_org IS NOT NULL AND secrecy < 4;

-- Only a module that is loaded knows its settings.
SELECT similarity('', '');

-- Names of AS organisations with a text in them, and an audience of the member in which a profile has it; null where that
-- is more than `most`.
CREATE FUNCTION organisations_like(words_like text, misspelt boolean, most integer, OUT audiences uuid[], OUT names text[])
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = workbench, pg_temp SET pg_trgm.word_similarity_threshold = 0.6
    SET enable_seqscan = off SET jit = off SET enable_bitmapscan = on
AS $$
DECLARE
    whole text := lower(words_like);
    pattern text := '%' || regexp_replace(whole, '([\\%_])', '\\\1', 'g') || '%';
    mine uuid[] := audiences_of_acting();
    red uuid[] := ARRAY(SELECT thing FROM recipients WHERE role = acting() AND thing = ANY (mine));
    shared uuid[] := ARRAY(SELECT unnest(mine) EXCEPT SELECT unnest(red));
BEGIN
    SELECT coalesce(array_agg(f.audience), '{}'), coalesce(array_agg(f.name), '{}') INTO audiences, names FROM (
        (SELECT DISTINCT a.audience, a.name FROM (
            SELECT m.audience, o.name FROM unnest(shared) AS m (audience) CROSS JOIN LATERAL (
                SELECT name FROM organisation_names WHERE audience = m.audience AND lower(name) LIKE pattern
                UNION ALL SELECT name FROM organisation_names WHERE misspelt AND audience = m.audience AND whole <% lower(name) OFFSET 0) AS o) AS a
        CROSS JOIN LATERAL (SELECT FROM profiles p WHERE p.audience = a.audience AND md5(p.as_org) = md5(a.name) AND p.as_org = a.name LIMIT 1) AS p
        LIMIT most + 1)
        -- At RED the audience of a profile is its id.
        UNION ALL (SELECT p.audience, p.as_org FROM profiles p WHERE p.id = ANY (red) AND p.audience = p.id
            AND (lower(p.as_org) LIKE pattern OR misspelt AND whole <% lower(p.as_org)) LIMIT most + 1)) AS f;
    IF cardinality(names) > most THEN
        audiences := NULL;
        names := NULL;
    END IF;
END
$$;

-- What matches, in the audiences that the member shares with others and in those that are RED; each kind of it up to
-- `most` and one more. An audience at a time, fenced off, so that the index is asked for it and the rest at once: for
-- want of statistics it would not seem worth it. `by_name` tells whether names of AS organisations are looked through too.
CREATE FUNCTION matched(whole text, misspelt boolean, tagged text[], covers inet, most integer, by_name boolean)
    RETURNS TABLE (id uuid, rank smallint, updated_at timestamptz, address inet)
    LANGUAGE plpgsql STABLE SET search_path = workbench, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    mine uuid[] := audiences_of_acting();
    red uuid[] := ARRAY(SELECT thing FROM recipients WHERE role = acting() AND thing = ANY (mine));
    shared uuid[] := ARRAY(SELECT unnest(mine) EXCEPT SELECT unnest(red));
    size integer := length(whole);
    pieces text[] := CASE WHEN size > 18 THEN ARRAY[left(whole, 6), substr(whole, size / 2 - 2, 6), right(whole, 6)] ELSE ARRAY[whole, '', ''] END;
    likes text[] := ARRAY(SELECT '%' || regexp_replace(piece, '([\\%_])', '\\\1', 'g') || '%' FROM unnest(pieces) WITH ORDINALITY AS p (piece, n) ORDER BY n);
    named record;
BEGIN
    IF cardinality(red) > 0 THEN
        RETURN QUERY SELECT p.id, p.rank, p.updated_at, p.address FROM profiles p WHERE p.id = ANY (red) AND p.audience = p.id
            AND (covers IS NULL OR p.address >>= covers) AND (tagged IS NULL OR p.tags @> tagged) AND (whole IS NULL
                OR strpos(p.words, whole) > 0 OR misspelt AND whole <% p.words
                OR by_name AND (strpos(lower(p.as_org), whole) > 0 OR misspelt AND whole <% lower(p.as_org)))
            LIMIT most + 1;
    END IF;
    IF covers IS NOT NULL THEN
        RETURN QUERY SELECT p.id, p.rank, p.updated_at, p.address FROM unnest(shared) AS m (audience) CROSS JOIN LATERAL (
                SELECT * FROM profiles WHERE audience = m.audience AND address = covers
                UNION ALL SELECT * FROM profiles WHERE audience = m.audience AND network(address)::inet >>= covers
                    AND masklen(address) < CASE family(address) WHEN 4 THEN 32 ELSE 128 END OFFSET 0) AS p
            WHERE (tagged IS NULL OR p.tags @> tagged) AND (whole IS NULL
                OR strpos(p.words, whole) > 0 OR misspelt AND whole <% p.words
                OR by_name AND (strpos(lower(p.as_org), whole) > 0 OR misspelt AND whole <% lower(p.as_org)))
            LIMIT most + 1;
    ELSIF whole IS NULL THEN
        RETURN QUERY SELECT p.id, p.rank, p.updated_at, p.address FROM unnest(shared) AS m (audience) CROSS JOIN LATERAL (
                SELECT * FROM profiles WHERE audience = m.audience AND tags @> tagged OFFSET 0) AS p
            LIMIT most + 1;
    ELSE
        RETURN QUERY SELECT p.id, p.rank, p.updated_at, p.address FROM unnest(shared) AS m (audience) CROSS JOIN LATERAL (
                SELECT * FROM profiles WHERE audience = m.audience
                AND lower(words) LIKE likes[1] AND lower(words) LIKE likes[2] AND lower(words) LIKE likes[3] OFFSET 0) AS p
            WHERE strpos(p.words, whole) > 0 AND (tagged IS NULL OR p.tags @> tagged) LIMIT most + 1;
        IF misspelt THEN
            RETURN QUERY SELECT p.id, p.rank, p.updated_at, p.address FROM unnest(shared) AS m (audience) CROSS JOIN LATERAL (
                    SELECT * FROM profiles WHERE audience = m.audience AND whole <% lower(words) OFFSET 0) AS p
                WHERE tagged IS NULL OR p.tags @> tagged LIMIT most + 1;
        END IF;
        IF by_name THEN
            named := organisations_like(whole, misspelt, 1000000);
            RETURN QUERY SELECT p.id, p.rank, p.updated_at, p.address FROM unnest(named.audiences, named.names) AS n (audience, name)
                CROSS JOIN LATERAL (SELECT * FROM profiles q WHERE q.audience = n.audience AND md5(q.as_org) = md5(n.name) AND q.as_org = n.name OFFSET 0) AS p
                WHERE tagged IS NULL OR p.tags @> tagged LIMIT most + 1;
        END IF;
    END IF;
END
$$;

-- As before, but without touching what is hidden; and in the order asked for, so that whoever wants the first of them
-- need not look all up.
DROP FUNCTION matching(text, boolean, text[], inet, integer);
CREATE FUNCTION matching(
    words_like text, misspelt boolean, tagged text[], covers inet, most integer, ordered text DEFAULT 'reputation', by_name boolean DEFAULT true
) RETURNS uuid[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = workbench, pg_temp SET pg_trgm.word_similarity_threshold = 0.6
    SET enable_seqscan = off SET jit = off SET enable_bitmapscan = on SET enable_sort = on
AS $$
DECLARE
    found uuid[];
BEGIN
    SELECT array_agg(f.id ORDER BY CASE ordered WHEN 'reputation' THEN f.rank END DESC, CASE ordered WHEN 'updated' THEN f.updated_at END DESC,
        CASE ordered WHEN 'address' THEN f.address END, CASE ordered WHEN 'address' THEN f.id END, f.id DESC) INTO found
    FROM (SELECT DISTINCT * FROM matched(lower(words_like), misspelt, tagged, covers, most, by_name OR covers IS NOT NULL)) AS f;
    RETURN CASE WHEN cardinality(found) > most THEN NULL ELSE coalesce(found, '{}') END;
END
$$;

DO $$
DECLARE
    signature text;
BEGIN
    FOREACH signature IN ARRAY ARRAY['organisations_like(text, boolean, integer)', 'matching(text, boolean, text[], inet, integer, text, boolean)'] LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', signature);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO workbench_member', signature);
    END LOOP;
    REVOKE ALL ON FUNCTION matched(text, boolean, text[], inet, integer, boolean) FROM PUBLIC;
END
$$;
