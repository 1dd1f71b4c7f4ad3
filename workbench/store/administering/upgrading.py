"""The schema, made or brought up to this version by alembic."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.store.errors import plain

if TYPE_CHECKING:
    from alembic.config import Config

__all__ = ["LOCK_SECONDS", "configured", "newest", "upgrade"]

LOCK_SECONDS = 300


def newest() -> str:
    """The migration that this version of the package wants."""
    from alembic.script import ScriptDirectory

    head = ScriptDirectory.from_config(configured()).get_current_head()
    assert head is not None
    return head


def upgrade(url: str) -> None:
    """Bring the store in a database to the newest schema, in one transaction.

    Raises:
        StoreError: somebody else holds the lock for longer than ``LOCK_SECONDS``.
        PermissionError: the role may not create roles or schemas.
    """
    import psycopg
    from alembic import command
    from sqlalchemy import create_engine
    from sqlalchemy.exc import DBAPIError

    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(url))
    try:
        with plain("the schema"), _driver_s(DBAPIError), engine.connect() as connection, connection.begin():
            # Two administrators at once: the second waits, and finds it done. Anybody can hold the lock, though.
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('workbench migrations'))")
            connection.exec_driver_sql("CREATE SCHEMA IF NOT EXISTS workbench")
            config = configured()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.exec_driver_sql("GRANT SELECT ON workbench.migrations TO PUBLIC")
    finally:
        engine.dispose()


def configured() -> Config:
    """Where alembic finds the migrations."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


@contextmanager
def _driver_s(wrapped: type[Exception]) -> Iterator[None]:
    """The driver's own error, of which SQLAlchemy made one of its own."""
    try:
        yield
    except wrapped as error:
        original = getattr(error, "orig", None)
        raise original if isinstance(original, Exception) else error from None
