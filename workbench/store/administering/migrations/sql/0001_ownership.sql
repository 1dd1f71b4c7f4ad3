-- The functions that act beyond a member's rights belong to the warden; nobody calls one that is not granted.
DO $$
DECLARE
    each record;
BEGIN
    FOR each IN
        SELECT p.oid::regprocedure AS signature, p.prosecdef AS definer
        FROM pg_catalog.pg_proc p
        WHERE p.pronamespace = 'workbench'::regnamespace AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
    LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', each.signature);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO workbench_warden', each.signature);
        IF each.definer THEN
            EXECUTE format('ALTER FUNCTION %s OWNER TO workbench_warden', each.signature);
        END IF;
    END LOOP;
END
$$;
GRANT EXECUTE ON FUNCTION
    workbench.acting(), workbench.own_organisation(), workbench.audience_of(smallint, uuid, uuid), workbench.audience_of_one(name), workbench.words_of(text, text[], text, text),
    workbench.note_read(), workbench.matching(text, boolean, text[], inet, integer), workbench.recipients_of(uuid),
    workbench.note_rows_read(text, uuid[], text), workbench.set_secrecy(text, uuid, integer, smallint, text, name[]),
    workbench.merge_profiles(uuid, integer, uuid, integer), workbench.raise_alert(uuid, text, text)
    TO workbench_member;
