"""The store: organisations, members, profiles and what hangs on them, secrecy, audit.

Revision ID: 0001
"""

from __future__ import annotations

from alembic import op

from workbench.store.administering.migrations.steps import run

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make everything; the tables as ``workbench_owner``, as whom nobody logs in."""
    run("roles")
    run("0001_roles")
    op.execute("SET LOCAL ROLE workbench_owner")
    op.execute("SET LOCAL search_path = workbench, pg_temp")
    for part in ("tables", "security", "functions", "triggers"):
        run(f"0001_{part}")
    op.execute("RESET ROLE")
    op.execute("GRANT CREATE ON SCHEMA workbench TO workbench_warden")
    run("0001_ownership")
    op.execute("REVOKE CREATE ON SCHEMA workbench FROM workbench_warden")
