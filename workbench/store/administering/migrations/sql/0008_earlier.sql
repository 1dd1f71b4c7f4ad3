-- What a member was shown of a profile before it was offered to her anew, for partners that ask for its versions. There
-- is no content here: that is in the history of profiles, for those who may see it now and could see it then.
CREATE TABLE offered_before (
    role name NOT NULL,
    collection uuid NOT NULL,
    thing uuid NOT NULL,
    kind smallint NOT NULL CONSTRAINT offer_kind CHECK (kind BETWEEN 0 AND 3),
    version integer NOT NULL,
    mark numeric NOT NULL,
    withdrawn boolean NOT NULL,
    changed_at timestamptz NOT NULL,
    offered_at timestamptz NOT NULL,
    objects text[] NOT NULL,
    PRIMARY KEY (role, collection, thing, offered_at)
);
CREATE INDEX offered_before_in_order ON offered_before (role, collection, offered_at);
ALTER TABLE offered_before ENABLE ROW LEVEL SECURITY;
ALTER TABLE offered_before FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON offered_before TO workbench_member USING (role = current_user) WITH CHECK (role = current_user);
GRANT SELECT, INSERT, DELETE ON offered_before TO workbench_member;
DO $$
DECLARE
    col name;
BEGIN
    FOR col IN SELECT attname FROM pg_catalog.pg_attribute WHERE attrelid = 'offered_before'::regclass AND attnum > 0 LOOP
        EXECUTE format('ALTER TABLE offered_before ALTER COLUMN %I SET STATISTICS 0', col);
    END LOOP;
END
$$;
