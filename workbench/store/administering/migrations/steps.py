"""What every migration does: SQL files run as the owner of the tables, functions handed to whom they belong.

A migration is a module in ``versions/`` (revision ``0004`` follows ``0003``) and SQL beside it in ``sql/``::

    def upgrade() -> None:
        as_owner("0004_what")
        hand_over_functions()

All of an upgrade is one transaction, with those before it. What was published is not changed any more; what it made
is replaced by the next. In the SQL:

- a new table with rows that are for some only carries ``audience`` and ``audience_key``, has ``ENABLE`` and ``FORCE ROW LEVEL
  SECURITY``, a policy for the warden, policies and column grants for members, indexes that begin with the audience or are on
  expressions that are not leakproof (md5() is, lower() is not), and no statistics (``ALTER COLUMN … SET STATISTICS 0``); see ``sql/0001_security.sql``;
- a function that searches for a member reads by an index that begins with the audience: how many rows a statement read is told to everybody
  (``pg_stat_xact_user_tables``), hidden ones that the function then left out too;
- a function that acts beyond a member's rights is ``SECURITY DEFINER SET search_path = workbench, pg_temp``, and is granted to
  ``workbench_member`` by name;
- and the attack on it is added to ``tests/store/test_attacks.py``, whose checks of the catalogue fail where one of these was forgotten.
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

__all__ = ["SQL", "as_owner", "hand_over_functions", "run"]

SQL = Path(__file__).parent / "sql"


def run(name: str) -> None:
    """Run a file of statements as the administrator; straight to the driver, which takes many at once."""
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute((SQL / f"{name}.sql").read_text(encoding="utf-8"))


def as_owner(name: str) -> None:
    """Run it as ``workbench_owner``, as whom nobody logs in, in the schema of the store."""
    op.execute("SET LOCAL ROLE workbench_owner")
    op.execute("SET LOCAL search_path = workbench, pg_temp")
    run(name)
    op.execute("RESET ROLE")


def hand_over_functions() -> None:
    """Let nobody call a function that is not granted, and give those that act beyond a member's rights to the warden."""
    op.execute("GRANT CREATE ON SCHEMA workbench TO workbench_warden")
    run("functions")
    op.execute("REVOKE CREATE ON SCHEMA workbench FROM workbench_warden")
