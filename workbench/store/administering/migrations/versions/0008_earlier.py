"""What members who poll were offered before it was changed.

Revision ID: 0008
"""

from __future__ import annotations

from workbench.store.administering.migrations.steps import as_owner

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table with its policy."""
    as_owner("0008_earlier")
