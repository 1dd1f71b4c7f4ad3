"""Streams walk what changed in its order.

Revision ID: 0005
"""

from __future__ import annotations

from workbench.store.administering.migrations.steps import as_owner

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Give the index of changes the id behind the transaction."""
    as_owner("0005_changes")
