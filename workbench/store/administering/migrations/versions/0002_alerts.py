"""Alerts remember the transaction that raised them.

Revision ID: 0002
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SQL = Path(__file__).parents[1] / "sql" / "0002_alerts.sql"


def upgrade() -> None:
    """Add the column, its index, and the function of the warden that uses it."""
    op.execute("SET LOCAL ROLE workbench_owner")
    op.execute("SET LOCAL search_path = workbench, pg_temp")
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(SQL.read_text(encoding="utf-8"))
    op.execute("RESET ROLE")
    op.execute("GRANT CREATE ON SCHEMA workbench TO workbench_warden")
    op.execute(
        "ALTER FUNCTION workbench.raised_since(xid8, xid8[], xid8, xid8[], xid8, uuid, integer) OWNER TO workbench_warden"
    )
    op.execute("REVOKE CREATE ON SCHEMA workbench FROM workbench_warden")
