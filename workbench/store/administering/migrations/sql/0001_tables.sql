-- Every row that may be secret carries its audience: one uuid that stands for the set of those who may see it.
-- A policy is then one comparison, and every index begins with the audience, so that a plan touches no entry
-- its reader may not see, and EXPLAIN has nothing of it to count.
CREATE FUNCTION audience_of(level smallint, owner uuid, thing uuid) RETURNS uuid
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE level
        WHEN 0 THEN '00000000-0000-0000-0000-000000000000'::uuid
        WHEN 1 THEN '00000000-0000-0000-0000-000000000001'::uuid
        WHEN 4 THEN thing
        ELSE pg_catalog.md5(level::text || owner::text)::uuid
    END;

-- Who the server says is acting. Only a role that was granted can be taken on, also within a definer function,
-- where current_user is the function's owner.
CREATE FUNCTION acting() RETURNS name
    LANGUAGE sql STABLE
    RETURN CASE pg_catalog.current_setting('role') WHEN 'none' THEN session_user ELSE pg_catalog.current_setting('role')::name END;

-- Stands for one member alone: what she read is for nobody else.
CREATE FUNCTION audience_of_one(role name) RETURNS uuid
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN pg_catalog.md5('alone ' || role::text)::uuid;

CREATE FUNCTION words_of(notes text, tags text[], as_org text, city text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN pg_catalog.lower(pg_catalog.concat_ws(' ', notes, pg_catalog.array_to_string(tags, ' '), as_org, city));

CREATE DOMAIN tlp AS smallint CHECK (VALUE BETWEEN 0 AND 4);
CREATE DOMAIN country_code AS text CHECK (VALUE ~ '^[A-Z]{2}$');

-- Which store this is: a case file goes with one. A dump and what is restored from it are the same.
CREATE TABLE store (id uuid NOT NULL DEFAULT gen_random_uuid(), one boolean PRIMARY KEY DEFAULT true CHECK (one));
INSERT INTO store DEFAULT VALUES;
GRANT SELECT ON store TO workbench_member;

CREATE TABLE organisations (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name text NOT NULL CONSTRAINT organisation_name_unique UNIQUE CONSTRAINT organisation_name_length CHECK (length(name) BETWEEN 1 AND 200),
    in_community boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE clients (
    owner uuid NOT NULL REFERENCES organisations,
    client uuid NOT NULL REFERENCES organisations,
    CONSTRAINT client_of_itself CHECK (owner <> client)
);
-- As text, here and below: a member's own condition on a uuid would be looked up in the index, and what the
-- policy then hides be counted by EXPLAIN ANALYZE. A cast is not leakproof, and stays behind the policy.
CREATE UNIQUE INDEX client_unique ON clients ((owner::text), (client::text));
CREATE TABLE members (
    role name PRIMARY KEY,
    organisation uuid NOT NULL REFERENCES organisations,
    display_name text NOT NULL DEFAULT '',
    active boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE clearances (
    role name PRIMARY KEY REFERENCES members,
    level tlp NOT NULL,
    countries country_code[]
);

CREATE TABLE profiles (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    address inet NOT NULL,
    owner uuid NOT NULL REFERENCES organisations,
    secrecy tlp NOT NULL,
    audience uuid NOT NULL GENERATED ALWAYS AS (audience_of(secrecy, owner, id)) STORED,
    audience_key text NOT NULL GENERATED ALWAYS AS (audience_of(secrecy, owner, id)::text) STORED,
    version integer NOT NULL DEFAULT 1,
    snapshot text,
    enriched_at timestamptz,
    country country_code, region text, city text, latitude double precision, longitude double precision, accuracy_km integer,
    asn bigint CONSTRAINT asn_range CHECK (asn BETWEEN 0 AND 4294967295),
    as_org text, network_type text, prefix cidr,
    is_tor boolean NOT NULL DEFAULT false, is_vpn boolean NOT NULL DEFAULT false, is_proxy boolean NOT NULL DEFAULT false,
    is_datacenter boolean NOT NULL DEFAULT false, is_known_attacker boolean NOT NULL DEFAULT false,
    is_known_abuser boolean NOT NULL DEFAULT false, is_anonymous boolean NOT NULL DEFAULT false,
    reputation smallint CONSTRAINT reputation_range CHECK (reputation BETWEEN 0 AND 100),
    rank smallint NOT NULL GENERATED ALWAYS AS (coalesce(reputation, -1)) STORED,
    confidence real CONSTRAINT confidence_range CHECK (confidence BETWEEN 0 AND 1),
    verdict text, reasons text NOT NULL DEFAULT '',
    threat_level smallint NOT NULL DEFAULT 0 CONSTRAINT threat_level_range CHECK (threat_level BETWEEN 0 AND 4),
    notes text NOT NULL DEFAULT '' CONSTRAINT notes_length CHECK (length(notes) <= 100000),
    tags text[] NOT NULL DEFAULT '{}' CONSTRAINT tags_count CHECK (cardinality(tags) <= 100),
    words text NOT NULL GENERATED ALWAYS AS (words_of(notes, tags, as_org, city)) STORED,
    merged_into uuid REFERENCES profiles,
    token uuid NOT NULL DEFAULT gen_random_uuid(),
    created_by name NOT NULL DEFAULT current_user, created_at timestamptz NOT NULL DEFAULT now(),
    updated_by name NOT NULL DEFAULT current_user, updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    changed_in xid8 NOT NULL DEFAULT pg_current_xact_id()
);
-- Whoever may write at a level sees all of her organisation at that level, RED excepted: a violation tells
-- her nothing she could not see. A token is random.
CREATE UNIQUE INDEX profile_address_unique ON profiles (audience, owner, address) WHERE secrecy < 4 AND deleted_at IS NULL;
CREATE UNIQUE INDEX profile_token_unique ON profiles (token);
CREATE INDEX profiles_by_address ON profiles (audience, address);
CREATE INDEX profiles_by_reputation ON profiles (audience, rank, id);
CREATE INDEX profiles_by_country ON profiles (audience, country, rank, id);
CREATE INDEX profiles_by_asn ON profiles (audience, asn, rank, id);
CREATE INDEX profiles_by_threat_level ON profiles (audience, threat_level, rank, id);
CREATE INDEX profiles_by_verdict ON profiles (audience, verdict, rank, id);
CREATE INDEX profiles_by_update ON profiles (audience, updated_at, id);
CREATE INDEX profiles_by_change ON profiles (audience, changed_in);
CREATE INDEX profiles_tor ON profiles (audience, rank, id) WHERE is_tor;
CREATE INDEX profiles_vpn ON profiles (audience, rank, id) WHERE is_vpn;
CREATE INDEX profiles_proxy ON profiles (audience, rank, id) WHERE is_proxy;
CREATE INDEX profiles_datacenter ON profiles (audience, rank, id) WHERE is_datacenter;
CREATE INDEX profiles_known_attacker ON profiles (audience, rank, id) WHERE is_known_attacker;
CREATE INDEX profiles_known_abuser ON profiles (audience, rank, id) WHERE is_known_abuser;
CREATE INDEX profiles_anonymous ON profiles (audience, rank, id) WHERE is_anonymous;
-- Only the functions of the warden can use these: lower(), network() and @> are not leakproof, so that the
-- planner keeps a member's own condition with them behind the policy.
CREATE INDEX profiles_words ON profiles USING gin (lower(words) gin_trgm_ops);
CREATE INDEX profiles_tags ON profiles USING gin (tags);
CREATE INDEX profiles_networks ON profiles USING gist ((network(address)::inet) inet_ops);

CREATE TABLE investigations (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    owner uuid NOT NULL REFERENCES organisations,
    secrecy tlp NOT NULL,
    audience uuid NOT NULL GENERATED ALWAYS AS (audience_of(secrecy, owner, id)) STORED,
    audience_key text NOT NULL GENERATED ALWAYS AS (audience_of(secrecy, owner, id)::text) STORED,
    version integer NOT NULL DEFAULT 1,
    name text NOT NULL CONSTRAINT investigation_name_length CHECK (length(name) BETWEEN 1 AND 200),
    description text NOT NULL DEFAULT '' CONSTRAINT description_length CHECK (length(description) <= 100000),
    state text NOT NULL DEFAULT 'open' CONSTRAINT investigation_state CHECK (state IN ('open', 'closed')),
    created_by name NOT NULL DEFAULT current_user, created_at timestamptz NOT NULL DEFAULT now(),
    updated_by name NOT NULL DEFAULT current_user, updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    changed_in xid8 NOT NULL DEFAULT pg_current_xact_id()
);
CREATE INDEX investigations_by_name ON investigations (audience, name);
CREATE UNIQUE INDEX investigation_name_unique ON investigations (audience, owner, name) WHERE secrecy < 4 AND deleted_at IS NULL;

CREATE TABLE entities (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    owner uuid NOT NULL REFERENCES organisations,
    secrecy tlp NOT NULL,
    audience uuid NOT NULL GENERATED ALWAYS AS (audience_of(secrecy, owner, id)) STORED,
    audience_key text NOT NULL GENERATED ALWAYS AS (audience_of(secrecy, owner, id)::text) STORED,
    version integer NOT NULL DEFAULT 1,
    kind text NOT NULL CONSTRAINT entity_kind CHECK (kind IN ('person', 'organisation', 'threat-actor', 'malware', 'device', 'account')),
    name text NOT NULL CONSTRAINT entity_name_length CHECK (length(name) BETWEEN 1 AND 500),
    description text NOT NULL DEFAULT '' CONSTRAINT description_length CHECK (length(description) <= 100000),
    created_by name NOT NULL DEFAULT current_user, created_at timestamptz NOT NULL DEFAULT now(),
    updated_by name NOT NULL DEFAULT current_user, updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    changed_in xid8 NOT NULL DEFAULT pg_current_xact_id()
);
CREATE INDEX entities_by_name ON entities (audience, kind, name);

CREATE TABLE watchlists (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    owner uuid NOT NULL REFERENCES organisations,
    secrecy tlp NOT NULL DEFAULT 3,
    audience uuid NOT NULL GENERATED ALWAYS AS (audience_of(secrecy, owner, id)) STORED,
    audience_key text NOT NULL GENERATED ALWAYS AS (audience_of(secrecy, owner, id)::text) STORED,
    version integer NOT NULL DEFAULT 1,
    name text NOT NULL CONSTRAINT watchlist_name_length CHECK (length(name) BETWEEN 1 AND 200),
    network cidr, asn bigint, country country_code, threat_level smallint,
    created_by name NOT NULL DEFAULT current_user, created_at timestamptz NOT NULL DEFAULT now(),
    updated_by name NOT NULL DEFAULT current_user, updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    changed_in xid8 NOT NULL DEFAULT pg_current_xact_id(),
    CONSTRAINT watches_one_thing CHECK (num_nonnulls(network, asn, country, threat_level) = 1)
);
CREATE INDEX watchlists_by_name ON watchlists (audience, name);

-- Who a RED thing was named for.
CREATE TABLE recipients (
    role name NOT NULL REFERENCES members,
    thing uuid NOT NULL,
    named_by name NOT NULL,
    named_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (role, thing)
);
CREATE INDEX recipients_of_thing ON recipients ((thing::text));

CREATE TABLE investigation_profiles (
    investigation uuid NOT NULL REFERENCES investigations,
    profile uuid NOT NULL REFERENCES profiles,
    audience uuid NOT NULL,
    audience_key text NOT NULL GENERATED ALWAYS AS (audience::text) STORED,
    investigation_audience uuid NOT NULL,
    investigation_audience_key text NOT NULL GENERATED ALWAYS AS (investigation_audience::text) STORED,
    note text NOT NULL DEFAULT '' CONSTRAINT note_length CHECK (length(note) <= 10000),
    linked_by name NOT NULL DEFAULT current_user, linked_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX investigation_link_unique ON investigation_profiles (audience, investigation_audience, (investigation::text), (profile::text));
-- A link is for those who see both its ends: an index that begins with one of the two audiences would tell how
-- many hidden things a profile is linked to.
CREATE INDEX investigation_links_of_profile ON investigation_profiles ((profile::text));
CREATE INDEX investigation_links ON investigation_profiles ((investigation::text));
CREATE TABLE entity_profiles (
    entity uuid NOT NULL REFERENCES entities,
    profile uuid NOT NULL REFERENCES profiles,
    relation text NOT NULL CONSTRAINT relation_type CHECK (relation IN ('uses', 'owns', 'controls', 'communicates-with', 'targets', 'hosts', 'attributed-to', 'related-to')),
    audience uuid NOT NULL,
    audience_key text NOT NULL GENERATED ALWAYS AS (audience::text) STORED,
    entity_audience uuid NOT NULL,
    entity_audience_key text NOT NULL GENERATED ALWAYS AS (entity_audience::text) STORED,
    note text NOT NULL DEFAULT '' CONSTRAINT note_length CHECK (length(note) <= 10000),
    linked_by name NOT NULL DEFAULT current_user, linked_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX entity_link_unique ON entity_profiles (audience, entity_audience, (entity::text), (profile::text), (lower(relation)));
CREATE INDEX entity_links_of_profile ON entity_profiles ((profile::text));
CREATE INDEX entity_links ON entity_profiles ((entity::text));

CREATE TABLE evidence (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    profile uuid NOT NULL REFERENCES profiles,
    audience uuid NOT NULL,
    audience_key text NOT NULL GENERATED ALWAYS AS (audience::text) STORED,
    source text NOT NULL CONSTRAINT source_length CHECK (length(source) BETWEEN 1 AND 500),
    category text NOT NULL, entry text, label text,
    confidence real CONSTRAINT evidence_confidence_range CHECK (confidence BETWEEN 0 AND 1),
    first_seen timestamptz, last_seen timestamptz, licence text, stix_id text,
    recorded_by name NOT NULL DEFAULT current_user, recorded_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON evidence (audience, profile);
CREATE TABLE sightings (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    profile uuid NOT NULL REFERENCES profiles,
    audience uuid NOT NULL,
    audience_key text NOT NULL GENERATED ALWAYS AS (audience::text) STORED,
    first_seen timestamptz NOT NULL, last_seen timestamptz NOT NULL,
    count bigint NOT NULL DEFAULT 1 CONSTRAINT sighting_count CHECK (count > 0),
    sensor text NOT NULL DEFAULT '', target text NOT NULL DEFAULT '',
    recorded_by name NOT NULL DEFAULT current_user, recorded_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT sighting_order CHECK (first_seen <= last_seen)
);
CREATE INDEX ON sightings (audience, profile);
CREATE TABLE footprint (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    profile uuid NOT NULL REFERENCES profiles,
    audience uuid NOT NULL,
    audience_key text NOT NULL GENERATED ALWAYS AS (audience::text) STORED,
    kind text NOT NULL CONSTRAINT footprint_kind CHECK (kind IN ('hostname', 'domain', 'url', 'account', 'device', 'certificate')),
    value text NOT NULL CONSTRAINT footprint_value_length CHECK (length(value) BETWEEN 1 AND 2048),
    source text NOT NULL,
    first_seen timestamptz, last_seen timestamptz,
    recorded_by name NOT NULL DEFAULT current_user, recorded_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT footprint_unique UNIQUE (audience, profile, kind, value, source)
);
CREATE INDEX ON footprint (audience, profile);
CREATE INDEX ON footprint (audience, kind, value);

-- What a profile was before each change, its enrichment included. A row is for those who may see the profile now and could see it then:
-- what was taken out before a level was lowered stays where it was.
CREATE TABLE profile_history (
    profile uuid NOT NULL REFERENCES profiles,
    version integer NOT NULL,
    audience uuid NOT NULL,
    audience_key text NOT NULL GENERATED ALWAYS AS (audience::text) STORED,
    audience_then uuid NOT NULL,
    audience_then_key text NOT NULL GENERATED ALWAYS AS (audience_then::text) STORED,
    until timestamptz NOT NULL DEFAULT now(),
    changed_by name NOT NULL,
    was jsonb NOT NULL,
    CONSTRAINT history_unique UNIQUE (audience, profile, version)
);

CREATE TABLE alerts (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    watchlist uuid NOT NULL REFERENCES watchlists,
    watchlist_audience uuid NOT NULL,
    watchlist_audience_key text NOT NULL GENERATED ALWAYS AS (watchlist_audience::text) STORED,
    profile uuid REFERENCES profiles,
    audience uuid NOT NULL,
    audience_key text NOT NULL GENERATED ALWAYS AS (audience::text) STORED,
    cause text NOT NULL,
    says text NOT NULL,
    state text NOT NULL DEFAULT 'raised' CONSTRAINT alert_state CHECK (state IN ('raised', 'acknowledged', 'closed')),
    note text NOT NULL DEFAULT '' CONSTRAINT note_length CHECK (length(note) <= 10000),
    raised_at timestamptz NOT NULL DEFAULT now(),
    changed_by name, changed_at timestamptz
);
CREATE UNIQUE INDEX alert_cause_unique ON alerts (watchlist_audience, audience, (watchlist::text), md5(cause));
CREATE INDEX alerts_of_profile ON alerts ((profile::text));
CREATE INDEX alerts_of_watchlist ON alerts ((watchlist::text));

-- A line is for the actor's organisation, there for those who may see its subject now and could see it then.
CREATE TABLE audit (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor name NOT NULL,
    login name NOT NULL DEFAULT session_user,
    organisation uuid,
    action text NOT NULL,
    kind text, subject uuid,
    audience uuid NOT NULL,
    audience_key text NOT NULL GENERATED ALWAYS AS (audience::text) STORED,
    audience_then uuid NOT NULL,
    audience_then_key text NOT NULL GENERATED ALWAYS AS (audience_then::text) STORED,
    detail jsonb,
    statement text,
    backend integer NOT NULL DEFAULT pg_backend_pid(),
    asked_at timestamptz NOT NULL DEFAULT statement_timestamp()
);
CREATE UNIQUE INDEX audit_once_a_statement ON audit (audience, backend, asked_at) WHERE action = 'read';
-- Subject and actor are in none as they are: before PostgreSQL 17 a plan may leave the second set of audiences to the
-- filter, and would count what that removes.
CREATE INDEX ON audit (organisation, audience, at);
CREATE INDEX audit_of_subject ON audit ((subject::text));

-- Estimates are made from statistics of all rows, hidden ones too: there are none.
DO $$
DECLARE
    each record;
BEGIN
    FOR each IN
        SELECT a.attrelid::regclass AS named, a.attname AS col FROM pg_catalog.pg_attribute a
        WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attrelid IN (
            'store'::regclass, 'clients'::regclass, 'clearances'::regclass, 'profiles'::regclass, 'investigations'::regclass, 'entities'::regclass, 'watchlists'::regclass, 'recipients'::regclass,
            'investigation_profiles'::regclass, 'entity_profiles'::regclass, 'evidence'::regclass,
            'sightings'::regclass, 'footprint'::regclass, 'profile_history'::regclass, 'alerts'::regclass, 'audit'::regclass)
    LOOP
        EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET STATISTICS 0', each.named, each.col);
    END LOOP;
    -- An index on an expression has statistics of its own.
    FOR each IN
        SELECT i.indexrelid::regclass AS named, a.attnum AS col
        FROM pg_catalog.pg_index i JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indexrelid
        JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
        WHERE c.relnamespace = 'workbench'::regnamespace AND i.indexprs IS NOT NULL AND i.indkey[a.attnum - 1] = 0
    LOOP
        EXECUTE format('ALTER INDEX %s ALTER COLUMN %s SET STATISTICS 0', each.named, each.col);
    END LOOP;
END
$$;
