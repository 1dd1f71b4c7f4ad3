-- Only a module that is loaded knows its settings.
SELECT similarity('', '');

-- As before, but of a long text only three pieces are looked up in the index: each trigram is one more long list to go
-- through, and a few of them leave hardly more to compare with the whole than all do.
CREATE OR REPLACE FUNCTION matching(words_like text, misspelt boolean, tagged text[], covers inet, most integer) RETURNS uuid[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = workbench, pg_temp SET pg_trgm.word_similarity_threshold = 0.6
AS $$
DECLARE
    mine uuid[] := audiences_of_acting();
    whole text := lower(words_like);
    size integer := length(whole);
    pieces text[] := CASE WHEN size > 18 THEN ARRAY[left(whole, 6), substr(whole, size / 2 - 2, 6), right(whole, 6)] ELSE ARRAY[whole, '', ''] END;
    likes text[] := ARRAY(SELECT '%' || regexp_replace(piece, '([\\%_])', '\\\1', 'g') || '%' FROM unnest(pieces) WITH ORDINALITY AS p (piece, n) ORDER BY n);
    found uuid[];
BEGIN
    IF covers IS NOT NULL THEN
        SELECT array_agg(id) INTO found FROM (
            SELECT id FROM profiles p WHERE network(p.address)::inet >>= covers AND p.audience = ANY (mine)
            AND (tagged IS NULL OR p.tags @> tagged)
            AND (whole IS NULL OR strpos(lower(p.words), whole) > 0 OR misspelt AND whole <% lower(p.words)) LIMIT most + 1) AS f;
    ELSIF whole IS NULL THEN
        SELECT array_agg(id) INTO found FROM (
            SELECT id FROM profiles p WHERE p.tags @> tagged AND p.audience = ANY (mine) LIMIT most + 1) AS f;
    ELSE
        SELECT array_agg(id) INTO found FROM (
            SELECT id FROM profiles p WHERE lower(p.words) LIKE likes[1] AND lower(p.words) LIKE likes[2] AND lower(p.words) LIKE likes[3]
            AND strpos(lower(p.words), whole) > 0 AND p.audience = ANY (mine)
            AND (tagged IS NULL OR p.tags @> tagged) LIMIT most + 1) AS f;
        IF misspelt AND coalesce(cardinality(found), 0) < most THEN
            SELECT array_agg(id) INTO found FROM (
                SELECT unnest(found) AS id UNION
                (SELECT id FROM profiles p WHERE whole <% lower(p.words) AND p.audience = ANY (mine)
                AND (tagged IS NULL OR p.tags @> tagged) LIMIT most)) AS f;
        END IF;
    END IF;
    RETURN CASE WHEN cardinality(found) > most THEN NULL ELSE coalesce(found, '{}') END;
END
$$;
