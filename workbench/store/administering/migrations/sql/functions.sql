DO $$
DECLARE
    each record;
BEGIN
    FOR each IN
        SELECT p.oid::regprocedure AS signature, p.prosecdef AS definer
        FROM pg_catalog.pg_proc p
        WHERE p.pronamespace = 'workbench'::regnamespace AND p.proowner <> 'workbench_warden'::regrole
            AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
    LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', each.signature);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO workbench_warden', each.signature);
        IF each.definer THEN
            EXECUTE format('ALTER FUNCTION %s OWNER TO workbench_warden', each.signature);
        END IF;
    END LOOP;
END
$$;
