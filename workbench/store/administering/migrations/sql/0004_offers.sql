-- What a member was offered of each collection, and when: the clock that those who poll go by. A thing gets a later
-- time whenever it, or what hangs on it, is another than when it was offered, and when she comes to see it. Times are
-- given under a lock and after all that were given before, so that whoever has read up to one of them misses nothing.
CREATE TABLE offers (
    role name NOT NULL,
    collection uuid NOT NULL,
    thing uuid NOT NULL,
    kind smallint NOT NULL CONSTRAINT offer_kind CHECK (kind BETWEEN 0 AND 3),
    version integer NOT NULL,
    mark numeric NOT NULL,
    withdrawn boolean NOT NULL,
    changed_at timestamptz NOT NULL,
    offered_at timestamptz NOT NULL,
    objects text[] NOT NULL DEFAULT '{}',
    shown boolean NOT NULL DEFAULT false,
    PRIMARY KEY (role, collection, thing)
);
CREATE INDEX offers_in_order ON offers (role, collection, offered_at);
ALTER TABLE offers ENABLE ROW LEVEL SECURITY;
ALTER TABLE offers FORCE ROW LEVEL SECURITY;
-- Of nobody's rows but her own: what is in them she was shown.
CREATE POLICY own ON offers TO workbench_member USING (role = current_user) WITH CHECK (role = current_user);
GRANT SELECT, INSERT, UPDATE, DELETE ON offers TO workbench_member;
DO $$
DECLARE
    col name;
BEGIN
    FOR col IN SELECT attname FROM pg_catalog.pg_attribute WHERE attrelid = 'offers'::regclass AND attnum > 0 LOOP
        EXECUTE format('ALTER TABLE offers ALTER COLUMN %I SET STATISTICS 0', col);
    END LOOP;
END
$$;
