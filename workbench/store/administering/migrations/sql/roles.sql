-- Roles belong to the server, not to the database: another database of this server may have made them.
-- workbench_owner  owns every table and sees no row: row-level security is forced on it.
-- workbench_warden owns the few functions that act for a member beyond the member's own rights.
-- workbench_member is what every member's own role is in.
-- workbench_api    owns nothing, inherits nothing, and may only take on a member's role.
DO $$
DECLARE
    wanted record;
BEGIN
    FOR wanted IN VALUES ('workbench_owner', ''), ('workbench_warden', ''), ('workbench_member', ''), ('workbench_api', 'NOINHERIT') LOOP
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = wanted.column1) THEN
                EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN %s', wanted.column1, wanted.column2);
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;  -- made at the same moment for another database
        END;
    END LOOP;
    IF NOT pg_catalog.pg_has_role(current_user, 'workbench_owner', 'MEMBER') THEN
        EXECUTE pg_catalog.format('GRANT workbench_owner, workbench_warden TO %I', current_user);
    END IF;
END
$$;
