"""The store: organisations, members, profiles and what hangs on them, secrecy, audit.

Revision ID: 0001
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    """Make everything; the tables as ``workbench_owner``, as whom nobody logs in."""
    _run("0001_roles")
    op.execute("SET LOCAL ROLE workbench_owner")
    op.execute("SET LOCAL search_path = workbench, pg_temp")
    for part in ("tables", "security", "functions", "triggers"):
        _run(f"0001_{part}")
    op.execute("RESET ROLE")
    op.execute("GRANT CREATE ON SCHEMA workbench TO workbench_warden")
    _run("0001_ownership")
    op.execute("REVOKE CREATE ON SCHEMA workbench FROM workbench_warden")


def _run(name: str) -> None:
    # Straight to the driver, and without parameters: each text is many statements.
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute((SQL / f"{name}.sql").read_text(encoding="utf-8"))
