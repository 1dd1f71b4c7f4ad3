"""Scheduled reports, every making of one, and alerts when one fails.

Revision ID: 0006
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

SQL = Path(__file__).parents[1] / "sql" / "0006_reports.sql"


def upgrade() -> None:
    """Add the tables with their policies, and the function of the warden that raises alerts."""
    # The triggers of the new tables are to call it, and only whoever makes a trigger is asked whether she may.
    op.execute("SET LOCAL ROLE workbench_warden")
    op.execute("GRANT EXECUTE ON FUNCTION workbench.note_thing() TO workbench_owner")
    op.execute("SET LOCAL ROLE workbench_owner")
    op.execute("SET LOCAL search_path = workbench, pg_temp")
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(SQL.read_text(encoding="utf-8"))
    op.execute("SET LOCAL ROLE workbench_warden")
    op.execute("REVOKE EXECUTE ON FUNCTION workbench.note_thing() FROM workbench_owner")
    op.execute("RESET ROLE")
    op.execute("GRANT CREATE ON SCHEMA workbench TO workbench_warden")
    op.execute("ALTER FUNCTION workbench.raise_report_alert(uuid) OWNER TO workbench_warden")
    op.execute("REVOKE CREATE ON SCHEMA workbench FROM workbench_warden")
