"""`workbench serve` and `workbench token` as they are typed, in processes of their own."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from tests.api.serving import Serving, certificate_in
from workbench.api.admission import country_of
from workbench.api.keys import KeyRing
from workbench.cli.commands import workbench
from workbench.intel.home import home

ME = {"query": "{ me { __typename } }"}
Typed = Callable[..., subprocess.CompletedProcess[str]]


def tried(*arguments: str, **environment: str) -> Result:
    """In this process, for what ends at once."""
    return CliRunner().invoke(workbench, arguments, env=environment)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the home of the commands is: that of these tests, which has its snapshot."""
    (tmp_path / "home").symlink_to(home())
    return tmp_path


@pytest.fixture
def typed(folder: Path) -> Typed:
    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "workbench", *arguments], capture_output=True, text=True, check=False, timeout=120,
            env={**os.environ, "WORKBENCH_HOME": str(folder / "home"), "COLUMNS": "160", **environment},
        )  # fmt: skip

    return run


@pytest.fixture
def certificate(folder: Path) -> tuple[Path, Path]:
    return certificate_in(folder)


@pytest.fixture
def serving(api_town: Any, folder: Path) -> Iterator[Callable[..., Serving]]:
    running: list[Serving] = []

    def start(*options: str, **more: Any) -> Serving:
        running.append(Serving(api_town.url_of("gate"), folder, *options, **more))
        return running[-1]

    yield start
    for each in running:
        if each.process.poll() is None:
            each.stop(signal.SIGKILL)


def test_a_token_is_made_used_listed_and_taken_back(api_town: Any, typed: Typed, serving: Any) -> None:
    server = serving()
    where = {"WORKBENCH_SERVE_URL": api_town.url_of("gate")}
    nobody = typed("token", "create", "nobody-here", **where)
    assert (nobody.returncode, nobody.stdout) == (1, "")
    assert "nobody-here is no member of the store: workbench store member nobody-here" in nobody.stderr
    made = typed("token", "create", api_town.role("ines"), "--days", "2", "--note", "laptop [x]", **where)
    assert made.returncode == 0, made.stderr
    token = made.stdout.strip()
    assert "not shown again" in made.stderr

    def ask() -> httpx.Response:
        return httpx.post(
            f"{server.url}/graphql", json=ME, headers={"authorization": f"Bearer {token}"}, timeout=60
        )

    assert ask().status_code == 200
    line = next(line for line in typed("token", "list").stdout.splitlines() if "laptop [x]" in line)
    identity, role, state = line.split()[:3]
    assert (role, state) == (api_town.role("ines"), "valid")
    assert token not in typed("token", "list").stdout
    assert "revoked" in typed("token", "revoke", identity[:6]).stdout
    assert ask().status_code == 401, "without the server being started anew"
    rotated = typed("token", "rotate", "--at-once")
    assert "no earlier token holds" in rotated.stdout


def test_it_speaks_https_and_only_newer_tls(
    api_town: Any, serving: Any, certificate: tuple[Path, Path]
) -> None:
    server = serving("--tls-cert", str(certificate[0]), "--tls-key", str(certificate[1]))
    trusted = ssl.create_default_context(cafile=str(certificate[0]))
    answer = httpx.get(f"{server.url}/healthz", verify=trusted)
    assert answer.text == "ok\n"
    assert "max-age" in answer.headers["strict-transport-security"]
    old = ssl.create_default_context(cafile=str(certificate[0]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((httpx.ConnectError, ssl.SSLError)):
        httpx.get(f"{server.url}/healthz", verify=old)


def test_a_client_needs_a_certificate_where_that_is_asked(
    serving: Any, certificate: tuple[Path, Path]
) -> None:
    cert, key = map(str, certificate)
    server = serving("--tls-cert", cert, "--tls-key", key, "--tls-client-ca", cert, identity=certificate)
    trusted = ssl.create_default_context(cafile=cert)
    with pytest.raises(httpx.HTTPError):
        httpx.get(f"{server.url}/healthz", verify=trusted)
    trusted.load_cert_chain(cert, key)
    assert httpx.get(f"{server.url}/healthz", verify=trusted).text == "ok\n"


def test_told_to_stop_it_lets_requests_end(api_town: Any, serving: Any) -> None:
    server = serving("--log", "json")
    token = KeyRing(home() / "api").create(api_town.role("ines"), audience="ip-workbench")
    body = json.dumps(ME).encode()
    head = (
        f"POST /graphql HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as slow:
        slow.sendall(head.encode() + body[:5])
        httpx.get(f"{server.url}/healthz")  # by now the first one is being read
        server.process.send_signal(signal.SIGINT)
        while server.ready():
            pass
        slow.sendall(body[5:])
        assert b"200 OK" in slow.recv(4096)
    assert server.process.wait(60) == 0
    log = server.log.read_text()
    assert "Traceback" not in log
    assert token not in log
    assert [json.loads(line)["says"] for line in log.splitlines() if line.startswith("{")][-1] == "ended"


def test_what_is_wrong_is_told_in_one_line(api_town: Any) -> None:
    gate = api_town.url_of("gate")
    country_of("192.0.2.1")  # builds the first snapshot and says so, where that was not done
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        told = tried("serve", "--url", gate, "--port", port)
        assert (told.exit_code, told.stderr.count("\n")) == (1, 1), told.stderr
        assert f"cannot listen on 127.0.0.1 port {port}" in told.stderr
    for options, words in (
        (["--url", "postgresql://gate@127.0.0.1:9/none"], "cannot be reached"),
        (["--url", api_town.url_of("ines")], "is a member herself"),
        (["--url", gate, "--trusted-proxy", "10.0.0.300"], "'10.0.0.300' is no network"),
        (["--url", gate, "--tls-cert", __file__, "--tls-key", __file__], "no certificate and key"),
        (["--url", gate, "--queries", __file__], "no JSON"),
    ):
        told = tried("serve", "--port", "0", *options)
        assert told.exit_code == 1, (options, told.stderr)
        assert words in told.stderr, told.stderr
        assert "Traceback" not in told.stderr
    for options in (["--oidc-issuer", "https://x"], ["--tls-cert", __file__], ["--oidc-issuer", "https://x", "--oidc-audience", "y", "--oidc-algorithm", "HS256"]):  # fmt: skip
        told = tried("serve", "--url", gate, *options)
        assert (told.exit_code, "Usage:" in told.stderr) == (2, True)
    told = tried("token", "revoke", "x")
    assert (told.exit_code, "at least 4" in told.stderr) == (1, True)
    assert tried("token", "create", "ines", "--days", "9999").exit_code == 1


def test_more_connections_than_the_system_gives_files_are_refused_at_once(api_town: Any) -> None:
    arguments = [sys.executable, "-m", "workbench", "serve", "--url", api_town.url_of("gate"), "--port", "0"]
    told = subprocess.run(
        ["/bin/sh", "-c", 'ulimit -n 1000; exec "$0" "$@"', *arguments],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert told.returncode == 1
    assert told.stderr.count("\n") == 1, told.stderr
    assert "2,000 connections need 2,466 open files" in told.stderr
    assert "--max-connections" in told.stderr


def test_options_can_be_given_by_the_environment(api_town: Any) -> None:
    told = tried("serve", WORKBENCH_SERVE_URL=api_town.url_of("gate"), WORKBENCH_SERVE_TRUSTED_PROXY="10.0.0.1 nonsense")  # fmt: skip
    assert "'nonsense' is no network" in told.stderr


def test_help_teaches() -> None:
    told = tried("serve", "--help").output
    for words in (
        "workbench token create",
        "--trusted-proxy",
        "--oidc-issuer",
        "/readyz",
        "WORKBENCH_SERVE_",
    ):
        assert words in told
