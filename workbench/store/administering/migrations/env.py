"""Alembic's environment: the connection comes from the caller, the version table lies in the schema."""

from __future__ import annotations

from alembic import context

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    version_table="migrations",
    version_table_schema="workbench",
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
