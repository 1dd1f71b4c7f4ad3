-- A stream reads what changed in order of transaction and id: one walk an audience, however large the transaction.
DROP INDEX profiles_by_change;
CREATE INDEX profiles_by_change ON profiles (audience, changed_in, id);
