"""Running the application: uvicorn, set up for it."""

from __future__ import annotations

import contextlib
import gc
import logging
import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.api.places import places_for

if TYPE_CHECKING:
    import strawberry
    import uvicorn

    from workbench.api.settings import Settings

__all__ = ["listen", "make_room", "make_server", "run"]

DRAIN_SECONDS = 20
OTHER_FILES = 256
"""Of the snapshot, of libraries, of the log."""
log = logging.getLogger("workbench.api")


def make_server(settings: Settings, schema: strawberry.Schema | None = None, *, certificate: Path | None = None, key: Path | None = None, client_ca: Path | None = None) -> uvicorn.Server:  # fmt: skip
    """A server ready to :func:`run`. Told to stop, it takes no more connections, ends those of WebSocket with 1012
    (their clients resume elsewhere or later), and lets requests that run end within :data:`DRAIN_SECONDS`.

    Raises:
        Unreachable: the store does not answer.
        OSError: the certificate or its key cannot be read, or do not go together.
    """
    import ssl

    import uvicorn
    from uvicorn.protocols.websockets.auto import AutoWebSocketsProtocol

    from workbench.api.app import build_app
    from workbench.api.patience import bounded
    from workbench.api.reception import Server, leaving

    tls: dict[str, Any] = {}
    if certificate is not None:
        tls = {"ssl_certfile": certificate, "ssl_keyfile": key}
        if client_ca is not None:
            tls |= {"ssl_ca_certs": client_ca, "ssl_cert_reqs": ssl.CERT_REQUIRED}
    limits, app = settings.limits, build_app(settings, schema)
    config = uvicorn.Config(
        app, http=leaving(bounded(limits.head_seconds, limits.send_seconds)), ws=leaving(AutoWebSocketsProtocol),
        log_config=None, access_log=False, server_header=False,
        proxy_headers=False,  # whom to believe is ours to say: workbench.api.forwarded
        ws_max_size=limits.body_bytes, ws_per_message_deflate=False,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        **tls,
    )  # fmt: skip
    try:
        config.load()
    except ssl.SSLError as error:
        raise OSError(
            f"{certificate}, {key}: no certificate and key that go together: {error.reason}"
        ) from None
    return Server(config, app.state.services.places, limits.head_seconds)


def make_room(settings: Settings) -> None:
    """Let this process have as many files open as it may have connections, beside its others.

    Raises:
        OSError: the system does not let it.
    """
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    most = settings.limits.connections
    needed = places_for(most) + settings.pool_size + OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and needed > hard:
        raise OSError(
            f"{most:,} connections need {needed:,} open files, and the system gives a process {hard:,}: "
            "raise that (ulimit -Hn, or LimitNOFILE= of the service), or lower --max-connections"
        )
    if soft != resource.RLIM_INFINITY and needed > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes a free one.

    Raises:
        OSError: the address is not of this machine, or the port is taken.
    """
    try:
        family, *_, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(address[:2], family=family, backlog=2048)
    except OSError as error:
        raise OSError(f"cannot listen on {host} port {port}: {error.strerror or error}") from None


def run(server: uvicorn.Server, on: socket.socket) -> None:
    """Serve until a signal ends it: SIGINT and SIGTERM drain, a second one does not wait."""
    scheme = "https" if server.config.is_ssl else "http"
    host, port = on.getsockname()[:2]
    log.info("serving", extra={"url": f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}/graphql"})
    # A thread that has an answer of the database does not wait 5 ms for the loop to let go.
    sys.setswitchinterval(0.0005)
    # What was imported and opened is no garbage: looking it through again and again would hold up every answer, and an
    # answer is thousands of objects.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    # uvicorn drains, then repeats the signal: by then it has been heeded.
    signal.signal(signal.SIGTERM, lambda *_: None)
    with contextlib.suppress(KeyboardInterrupt):
        server.run(sockets=[on])
    log.info("ended")
