"""The audit suite of the npm package graphql-http: conformance with the GraphQL over HTTP specification."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

VERSIONS = ("graphql-http@1.23.1", "graphql@16")
SCRIPT = """
import { auditServer } from 'graphql-http';
const fetchFn = (url, init) => fetch(url, { ...init, headers: { ...init?.headers, authorization: process.env.AUTHORIZATION } });
const results = await auditServer({ url: process.env.URL, fetchFn });
console.log(JSON.stringify(results.map(({ id, name, status, reason }) => ({ id, name, status, reason }))));
"""


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the suite installed."""
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("needs node and npm: apt-get install nodejs npm")
    folder = tmp_path_factory.mktemp("audit")
    (folder / "package.json").write_text('{"private": true, "type": "module"}')
    (folder / "audit.js").write_text(SCRIPT)
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
