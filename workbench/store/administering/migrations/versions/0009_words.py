"""AS organisations are found by their names, of which there are few, and words without them.

Revision ID: 0009
"""

from __future__ import annotations

from alembic import op

from workbench.store.administering.migrations.steps import as_owner, hand_over_functions, run

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Write the column of words anew, with its index; add the names, and the functions of the warden that use them."""
    as_owner("0009_words")
    hand_over_functions()
    op.execute("GRANT CREATE ON SCHEMA workbench TO workbench_warden")
    op.execute("SET LOCAL ROLE workbench_warden")
    op.execute("SET LOCAL search_path = workbench, pg_temp")
    run("0009_search")
    op.execute("RESET ROLE")
    op.execute("REVOKE CREATE ON SCHEMA workbench FROM workbench_warden")
