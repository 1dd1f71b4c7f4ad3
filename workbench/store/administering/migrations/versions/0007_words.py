"""Long words are looked for by pieces of them.

Revision ID: 0007
"""

from __future__ import annotations

from alembic import op

from workbench.store.administering.migrations.steps import run

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Replace the warden's function that finds profiles by words, tags and networks."""
    op.execute("GRANT CREATE ON SCHEMA workbench TO workbench_warden")
    op.execute("SET LOCAL ROLE workbench_warden")
    op.execute("SET LOCAL search_path = workbench, pg_temp")
    run("0007_words")
    op.execute("RESET ROLE")
    op.execute("REVOKE CREATE ON SCHEMA workbench FROM workbench_warden")
