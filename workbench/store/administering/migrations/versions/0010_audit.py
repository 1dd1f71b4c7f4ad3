"""The audit is asked by thing, member, action and time; owners hear which organisations read what is theirs.

Revision ID: 0010
"""

from __future__ import annotations

from workbench.store.administering.migrations.steps import as_owner, hand_over_functions

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Index the audit in the order of time, and let reading elsewhere be told of."""
    as_owner("0010_audit")
    hand_over_functions()
