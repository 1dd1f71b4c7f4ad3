CREATE SCHEMA IF NOT EXISTS workbench;
CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA workbench;
CREATE EXTENSION IF NOT EXISTS btree_gin WITH SCHEMA workbench;
CREATE EXTENSION IF NOT EXISTS btree_gist WITH SCHEMA workbench;
GRANT USAGE, CREATE ON SCHEMA workbench TO workbench_owner;
GRANT USAGE ON SCHEMA workbench TO workbench_member, workbench_warden;
