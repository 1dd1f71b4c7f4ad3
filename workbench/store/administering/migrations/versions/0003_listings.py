"""What a list says is told once, whichever snapshots were compared; what comes to be in a watched place is told.

Revision ID: 0003
"""

from __future__ import annotations

from workbench.store.administering.migrations.steps import as_owner, hand_over_functions

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Give alerts what they are told of and when it came about, and the triggers that raise them another look."""
    as_owner("0003_listings")
    hand_over_functions()
