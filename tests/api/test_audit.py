"""The reference implementations of npm: graphql-http's audit suite holds the server to the GraphQL over HTTP
specification, graphql-ws, whose authors wrote the protocol graphql-transport-ws, is a client of it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

VERSIONS = ("graphql-http@1.23.1", "graphql-ws@6", "ws@8", "graphql@16")
SCRIPT = """
import { auditServer } from 'graphql-http';
const fetchFn = (url, init) => fetch(url, { ...init, headers: { ...init?.headers, authorization: process.env.AUTHORIZATION } });
const results = await auditServer({ url: process.env.URL, fetchFn });
console.log(JSON.stringify(results.map(({ id, name, status, reason }) => ({ id, name, status, reason }))));
"""
CLIENT = """
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
const client = createClient({ url: process.env.URL, webSocketImpl: WebSocket, retryAttempts: 0, connectionParams: { authorization: process.env.AUTHORIZATION } });
const say = (word, value) => console.log(JSON.stringify([word, value]));
try {
    for await (const { data } of client.iterate({ query: '{ __typename }' })) say('query', data);
    for await (const { errors } of client.iterate({ query: '{ nothing }' })) say('never', errors);
} catch (errors) { say(Array.isArray(errors) ? 'errors' : `closed ${errors.code}`, errors.reason ?? errors.map((each) => each.message)); }
if (process.env.QUERY) {
    for await (const { data } of client.iterate({ query: process.env.QUERY })) {
        say('event', data.ipProfileChanged.profile?.address ?? 'ready');
        if (data.ipProfileChanged.profile) break;
    }
}
await client.dispose();
"""


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the suite installed."""
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("needs node and npm: apt-get install nodejs npm")
    folder = tmp_path_factory.mktemp("audit")
    (folder / "package.json").write_text('{"private": true, "type": "module"}')
    (folder / "audit.js").write_text(SCRIPT)
    (folder / "client.js").write_text(CLIENT)
    command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", *VERSIONS]
    installed = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=180, check=False)
    if installed.returncode:
        pytest.skip(f"npm cannot install {VERSIONS[0]} here: {installed.stderr.strip().splitlines()[:1]}")
    return folder


def test_the_server_passes_all_of_it(suite: Path, api: Any) -> None:
    ran = subprocess.run(
        ["node", "audit.js"], cwd=suite, capture_output=True, text=True, timeout=180, check=True,
        env={"URL": f"{api.url}/graphql", "AUTHORIZATION": f"Bearer {api.token('ines')}", "PATH": "/usr/local/bin:/usr/bin:/bin"},
    )  # fmt: skip
    results = json.loads(ran.stdout)
    assert len(results) > 50
    assert [result for result in results if result["status"] != "ok"] == []


def client(suite: Path, api: Any, token: str, query: str = "") -> subprocess.Popen[str]:
    environment = {"URL": api.socket_url, "AUTHORIZATION": f"Bearer {token}", "QUERY": query, "PATH": "/usr/local/bin:/usr/bin:/bin"}  # fmt: skip
    return subprocess.Popen(
        ["node", "client.js"], cwd=suite, env=environment, stdout=subprocess.PIPE, text=True
    )


def test_the_client_of_the_protocols_authors_is_served(suite: Path, api: Any) -> None:
    listen = "subscription { ipProfileChanged { profile { address } } }"
    with client(suite, api, api.token("ines"), listen) as node:
        assert node.stdout is not None
        told = (json.loads(line) for line in node.stdout)
        assert next(told) == ["query", {"__typename": "Query"}]
        assert next(told)[0] == "errors"
        assert next(told) == ["event", "ready"]
        api.town.store("ines").profiles.create("203.0.113.99")
        assert next(told) == ["event", "203.0.113.99"]
        assert node.wait(60) == 0


def test_it_is_told_that_its_token_is_no_good(suite: Path, api: Any) -> None:
    with client(suite, api, "x.y.z") as node:
        said, _ = node.communicate(timeout=60)
    assert json.loads(said.splitlines()[0]) == ["closed 4403", "the token is no JWT"]
