"""A real HTTP server on this machine that plays the providers, and providers pointed at it.

The recorded answers in :mod:`recorded` were composed from the providers' public documentation, with values of
our own; they were not captured from the services.
"""

from __future__ import annotations

import asyncio
import http.server
import importlib.util
import json
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from workbench.intel import providers as room
from workbench.intel.providers import asking
from workbench.intel.providers.provider import Rate

KEY = "k3y-0f-the-analyst-4711"


@dataclass
class Reply:
    """One answer; a function as the body writes to the connection what it likes."""

    body: bytes | Callable[[Any], None]
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Request:
    path: str
    query: dict[str, str]
    headers: dict[str, str]


class Service:
    """Gives the replies in turn, the last one again and again, and remembers what it was asked."""

    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self.requests: list[Request] = []
        self.pauses: list[float] = []
        """How long the asker wanted to wait, in seconds; it does not wait in tests."""
        self.ended = threading.Event()
        self.lock = threading.Lock()
        self.busy = self.busiest = 0
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                parts = urllib.parse.urlsplit(self.path)
                asked = Request(
                    parts.path, dict(urllib.parse.parse_qsl(parts.query)), {k.lower(): v for k, v in self.headers.items()}
                )  # fmt: skip
                with service.lock:
                    service.requests.append(asked)
                    reply = service.replies.pop(0) if len(service.replies) > 1 else service.replies[0]
                    service.busy += 1
                    service.busiest = max(service.busiest, service.busy)
                try:
                    self.send_response(reply.status)
                    for name, value in reply.headers.items():
                        self.send_header(name, value)
                    if callable(reply.body):
                        self.send_header("Connection", "close")
                        self.end_headers()
                        self.close_connection = True
                        reply.body(self.wfile)
                    else:
                        self.send_header("Content-Length", str(len(reply.body)))
                        self.end_headers()
                        self.wfile.write(reply.body)
                except OSError:
                    self.close_connection = True
                finally:
                    with service.lock:
                        service.busy -= 1

            def log_message(self, *_: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def says(self, *contents: Any) -> None:
        """JSON for what is no bytes and no function; ``(status, headers)`` or ``(status, headers, content)``."""
        self.replies = []
        for one in contents:
            status, headers, content = (*one, b"")[:3] if isinstance(one, tuple) else (200, {}, one)
            raw = isinstance(content, bytes) or callable(content)
            self.replies.append(Reply(content if raw else json.dumps(content).encode(), status, headers))


@pytest.fixture(scope="session")
def recorded() -> ModuleType:
    """The answers of ``recorded.py``."""
    spec = importlib.util.spec_from_file_location("recorded", Path(__file__).with_name("recorded.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def key() -> str:
    """The key that every provider has in these tests."""
    return KEY


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Service]:
    """The server, with all providers pointed at it, fast, and an empty cache."""
    from workbench.intel import library

    playing = Service()
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    library.reread()
    for name, provider in list(room.PROVIDERS.items()):
        quick = replace(provider, url=playing.url, rate=Rate(1000, 1.0, burst=1000))
        monkeypatch.setitem(room.PROVIDERS, name, quick)
        if provider.key:
            monkeypatch.setenv(f"WORKBENCH_{provider.key.upper()}_KEY", KEY)

    async def sleep(seconds: float) -> None:
        playing.pauses.append(seconds)
        await asyncio.sleep(0)

    monkeypatch.setattr(asking, "sleep", sleep)
    yield playing
    playing.ended.set()
    playing.server.shutdown()
    playing.server.server_close()
    library.reread()
