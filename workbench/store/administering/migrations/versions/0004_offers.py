"""What members who poll were offered, and when.

Revision ID: 0004
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

SQL = Path(__file__).parents[1] / "sql" / "0004_offers.sql"


def upgrade() -> None:
    """Add the table with its policy."""
    op.execute("SET LOCAL ROLE workbench_owner")
    op.execute("SET LOCAL search_path = workbench, pg_temp")
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(SQL.read_text(encoding="utf-8"))
    op.execute("RESET ROLE")
