-- What is looked for in words is either said of one profile, in notes, tags and city, or is the name of an AS organisation,
-- which thousands may share: the first is found in the words of profiles, the second among the few names there are. A text
-- lies within one of the fields: no one types what stands between two of them.
CREATE FUNCTION words_of(notes text, tags text[], city text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN pg_catalog.lower(pg_catalog.concat_ws(pg_catalog.chr(31), notes, pg_catalog.array_to_string(tags, pg_catalog.chr(31)), city));
REVOKE ALL ON FUNCTION words_of(text, text[], text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION words_of(text, text[], text) TO workbench_member, workbench_warden;

ALTER TABLE profiles DROP COLUMN words, ADD COLUMN words text NOT NULL GENERATED ALWAYS AS (words_of(notes, tags, city)) STORED;
ALTER TABLE profiles ALTER COLUMN words SET STATISTICS 0;
DROP FUNCTION words_of(text, text[], text, text);
-- The functions of the warden find by these, an audience at a time, and a list of what is not sorted in yet would be read
-- through for each. They begin with the audience as the others do: what a function touches of
-- hidden rows is counted where a member may read it (pg_stat_xact_user_tables).
CREATE INDEX profiles_words ON profiles USING gin (audience, lower(words) gin_trgm_ops) WITH (fastupdate = off);
ALTER INDEX profiles_words ALTER COLUMN 2 SET STATISTICS 0;
DROP INDEX profiles_tags;
CREATE INDEX profiles_tags ON profiles USING gin (audience, tags) WITH (fastupdate = off);
DROP INDEX profiles_networks;
CREATE INDEX profiles_networks ON profiles USING gist (audience, (network(address)::inet) inet_ops)
    WHERE masklen(address) < CASE family(address) WHEN 4 THEN 32 ELSE 128 END;
ALTER INDEX profiles_networks ALTER COLUMN 2 SET STATISTICS 0;
-- By md5, which is leakproof, since a name may be longer than an entry of an index.
CREATE INDEX profiles_by_organisation ON profiles (audience, md5(as_org), rank, id) WHERE as_org IS NOT NULL;
ALTER INDEX profiles_by_organisation ALTER COLUMN 2 SET STATISTICS 0;

-- Names of AS organisations that profiles of an audience have, or had. The warden looks a name up in it, and then whether
-- there is a profile that has it; nobody else reads it. It is only added to, and not unique: who writes waits for nobody
-- who adds the same name, which is then there twice. That a name is there already tells who writes it of nothing but
-- what her audience may see.
CREATE TABLE organisation_names (
    audience uuid NOT NULL,
    name text NOT NULL
);
CREATE INDEX organisation_names_same ON organisation_names (audience, md5(name));
CREATE INDEX organisation_names_like ON organisation_names USING gin (audience, lower(name) gin_trgm_ops) WITH (fastupdate = off);
ALTER TABLE organisation_names ENABLE ROW LEVEL SECURITY;
ALTER TABLE organisation_names FORCE ROW LEVEL SECURITY;
CREATE POLICY warden ON organisation_names TO workbench_warden USING (true) WITH CHECK (true);
GRANT SELECT, INSERT ON organisation_names TO workbench_warden;
ALTER TABLE organisation_names ALTER COLUMN audience SET STATISTICS 0, ALTER COLUMN name SET STATISTICS 0;
ALTER INDEX organisation_names_same ALTER COLUMN 2 SET STATISTICS 0;
ALTER INDEX organisation_names_like ALTER COLUMN 2 SET STATISTICS 0;

CREATE FUNCTION note_organisations() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = workbench, pg_temp
    SET enable_seqscan = off SET jit = off
AS $$
BEGIN
    -- At RED there is one profile to an audience, and it is looked at itself.
    INSERT INTO organisation_names (audience, name)
    SELECT n.audience, n.name FROM (SELECT DISTINCT audience, as_org FROM new_rows WHERE as_org IS NOT NULL AND secrecy < 4) AS n (audience, name)
    WHERE NOT EXISTS (SELECT FROM organisation_names o WHERE o.audience = n.audience AND md5(o.name) = md5(n.name));
    RETURN NULL;
END
$$;
CREATE TRIGGER organisations_added AFTER INSERT ON profiles REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION note_organisations();
CREATE TRIGGER organisations_changed AFTER UPDATE ON profiles REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION note_organisations();
