"""A store as one file, and back. Made with PostgreSQL's own ``pg_dump`` and ``pg_restore``.

The file holds everything that is in the store, TLP:RED too, with tables, policies, grants and functions. It does not
hold what belongs to the server and not to the database: the passwords of the members, and the logins of the API.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.store.administering.administration import Administration, Status
from workbench.store.administering.server import binaries
from workbench.store.errors import StoreError, plain

__all__ = ["Restored", "backup", "restore"]


@dataclass(frozen=True, slots=True)
class Restored:
    """``status`` of the store as it is now; ``roles`` are the members whose database roles had to be made: they have
    no password yet."""

    status: Status
    roles: list[str]


def backup(url: str, path: Path) -> int:
    """Write the store at ``url`` to ``path``, as it is at one moment, while others go on working; bytes written.

    The file is there whole or not at all, and is its owner's alone.

    Raises:
        StoreError: there is no store, or the role may not see all of it, as only a superuser does.
    """
    with Administration(url) as administration:
        if administration.status().schema is None:
            raise StoreError("the database has no store")
        program = _program("pg_dump", administration.con.info.server_version // 10000)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.touch(mode=0o600)
    try:
        _run(program, "--format=custom", f"--file={fresh}", "--schema=workbench", "--extension=pg_trgm",
             "--extension=btree_gin", "--extension=btree_gist", url=url)  # fmt: skip
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    return path.stat().st_size


def restore(url: str, path: Path) -> Restored:
    """Make the store that ``path`` holds in the database at ``url``, which has none yet: all of it or nothing.

    Members whose roles the server does not have get one, without a password. A store of an older version is to be
    migrated then.

    Raises:
        StoreError: the database has a store, or the file is no backup of one.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        if file.read(5) != b"PGDMP":
            raise StoreError(f"{path} is no backup of a store")
    with Administration(url) as administration:
        if administration.status().schema is not None:
            raise StoreError(
                "the database has a store already, which a backup does not replace: restore it to a new one (createdb)"
            )
        program = _program("pg_restore", administration.con.info.server_version // 10000)
        if "workbench" not in _run(program, "--list", str(path)):
            raise StoreError(f"{path} is a dump of something else, and no backup of a store")
        administration.make_server_roles()
        with plain("the schema"):
            # Left by an installation that never came to an end; were there something in it, this would fail.
            administration.con.execute("DROP SCHEMA IF EXISTS workbench")
        _run(program, "--single-transaction", "--exit-on-error", str(path), url=url)
        roles = administration.make_roles()
        with administration.con.transaction():
            _forget_transactions(administration.con)
        return Restored(administration.status(), roles)


def _forget_transactions(con: Any) -> None:
    """Rows remember the transaction that changed them, by number. Those of another server may be far ahead of this
    one's, and would be sent with every sync until it has caught up."""
    con.execute("SET LOCAL session_replication_role = replica")
    found = con.execute(
        "SELECT c.relname, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE c.relnamespace = 'workbench'::regnamespace "
        "AND c.relkind = 'r' AND a.atttypid = 'xid8'::regtype AND NOT a.attisdropped"
    ).fetchall()
    for table, column in found:
        con.execute(f"UPDATE workbench.{table} SET {column} = '0' WHERE {column} > pg_current_xact_id()")


def _program(name: str, version: int) -> Path:
    """The program of the server's own version where it is installed, else of the next newer one: older ones refuse."""
    found: dict[int, Path] = {}
    installed = [
        *Path("/usr/lib/postgresql").glob(f"*/bin/{name}"),
        *Path("/usr").glob(f"pgsql-*/bin/{name}"),
    ]
    installed += [Path(folder) / name for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    for path in [*installed, binaries() / name]:
        if path.is_file() and os.access(path, os.X_OK):
            said = subprocess.run([str(path), "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603  # fmt: skip
            if number := re.search(r" (\d+)[.\d]*", said):
                found.setdefault(int(number[1]), path)
    fitting = [number for number in sorted(found) if number >= version]
    if not fitting:
        raise StoreError(
            f"{name} of PostgreSQL {version} or newer is needed; there is none on this machine: install postgresql-client-{version}"
        )
    return found[fitting[0]]


def _run(program: Path, *arguments: str, url: str | None = None) -> str:
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    environment = dict(os.environ)
    if url is not None:
        target = conninfo_to_dict(url)
        # Everybody on the machine can read the arguments of a process.
        if password := target.pop("password", None):
            environment["PGPASSWORD"] = str(password)
        arguments = ("--dbname", make_conninfo("", **target), *arguments)
    done = subprocess.run([str(program), *arguments], capture_output=True, text=True, check=False, env=environment)  # noqa: S603  # fmt: skip
    if done.returncode != 0:
        said = next((line for line in done.stderr.splitlines() if "error:" in line), done.stderr.strip())
        reason = said.partition("error: ")[2] or said
        if "row-level security" in done.stderr:
            reason = "the role does not see all of the store: only a superuser, or who bypasses row-level security, can back it up"
        raise StoreError(f"{program.name}: {reason}")
    return done.stdout
