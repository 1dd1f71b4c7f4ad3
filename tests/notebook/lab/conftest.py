"""A JupyterLab as `workbench lab` starts it, with a hostile source in its intel, and a browser to look at it."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import pytest

ATTACKER, EXIT, RESOLVER = "84.205.67.213", "185.246.188.74", "8.8.8.8"
"""Of the shipped intel: an invented attacker, a Tor exit, a public resolver."""
HOSTILE_ADDRESS = "198.18.100.7"
MARKUP = "<img src=x onerror=\"window.pwned='yes'\"><script>window.pwned='yes'</script>"


_READERS = '''
from jupyter_server.auth import Authorizer


class Readers(Authorizer):
    """Whoever says so may only read of the workbench, or nothing at all."""

    def is_authorized(self, handler, user, action, resource):
        role = handler.request.headers.get("X-Role", "")
        return resource != "workbench" or not role or (role == "reader" and action == "read")
'''


@dataclass(frozen=True)
class Reply:
    status: int
    text: str
    headers: Any

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@dataclass(frozen=True)
class Lab:
    """The running server: its address, token, the folder it serves, and its WORKBENCH_HOME."""

    url: str
    token: str
    folder: Path
    home: Path

    def request(
        self, method: str, path: str, body: object = None, *, token: bool = True, **headers: str
    ) -> Reply:
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        request = Request(f"{self.url}{path}", data, method=method)
        for name, value in headers.items():
            request.add_header(name.replace("_", "-"), value)
        if token:
            request.add_header("Authorization", f"token {self.token}")
        try:
            with urlopen(request, timeout=20) as answer:
                return Reply(answer.status, answer.read().decode(), answer.headers)
        except HTTPError as error:
            return Reply(error.code, error.read().decode(), error.headers)

    def write(self, name: str, *cells: tuple[str, list[dict[str, Any]]], tlp: str | None = None) -> str:
        """A notebook of code cells with these sources and outputs."""
        metadata: dict[str, Any] = {
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}
        }
        if tlp is not None:
            metadata["workbench"] = {"tlp": tlp}
        content = {
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": metadata,
            "cells": [
                {"cell_type": "code", "id": f"cell-{number}", "metadata": {}, "source": source,
                 "outputs": outputs, "execution_count": None}
                for number, (source, outputs) in enumerate(cells)
            ],
        }  # fmt: skip
        (self.folder / name).write_text(json.dumps(content))
        return name

    def metadata(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / name).read_text())["metadata"]
        return found


def stream(text: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": text}


def shown(**data: object) -> dict[str, Any]:
    return {
        "output_type": "display_data",
        "metadata": {},
        "data": {name.replace("__", "/"): value for name, value in data.items()},
    }


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    pytest.importorskip("jupyterlab", reason="needs the lab extra")
    base = tmp_path_factory.mktemp("jupyter")
    folder = base / "work"
    folder.mkdir()
    # Not below pytest's folders: the embedded PostgreSQL may run as a user who cannot enter them.
    home = Path(tempfile.mkdtemp(prefix="workbench-lab-"))
    home.chmod(0o755)
    environment = os.environ | {
        "WORKBENCH_HOME": str(home),
        "JUPYTER_CONFIG_DIR": str(base / "config"),
        "JUPYTER_DATA_DIR": str(base / "data"),
        "JUPYTER_RUNTIME_DIR": str(base / "runtime"),
        "IPYTHONDIR": str(base / "ipython"),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(base), os.environ.get("PYTHONPATH")])),
    }
    (base / "readers.py").write_text(_READERS)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    command = [
        sys.executable, "-m", "workbench", "lab", str(folder), "--no-browser", "--port", str(port),
        "--ServerApp.authorizer_class=readers.Readers", f"--IdentityProvider.token={token}", "--ServerApp.allow_root=True", "--ServerApp.port_retries=0",
    ]  # fmt: skip
    log = base / "log"
    with log.open("wb") as output:
        server = subprocess.Popen(command, env=environment, stdout=output, stderr=output, cwd=base)
        found = Lab(f"http://127.0.0.1:{port}", token, folder, home)
        try:
            _home_with_hostile_intel(home)
            _wait(found, server, log)
            yield found
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
            shutil.rmtree(home, ignore_errors=True)


def _wait(lab: Lab, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(1_800):  # a busy machine takes its time
        if server.poll() is not None:
            break
        try:
            if lab.request("GET", "/api/status").status == 200:
                return
        except (URLError, OSError):
            pass
        time.sleep(0.1)
    pytest.fail(f"JupyterLab did not start:\n{log.read_text()[-3000:]}")


def _home_with_hostile_intel(home: Path) -> Path:
    """The shipped intel, and a source whose every text is markup."""
    from workbench.intel import library
    from workbench.intel.source import Category, Layer, Reliability, Source

    ranges = home / "ranges.csv"
    quoted = MARKUP.replace('"', '""')
    ranges.write_text(f'network,asn,as_org\n185.246.188.0/24,64666,"{quoted}"\n')
    listed = home / "listed.csv"
    listed.write_text(f'network,label,note\n{EXIT}/32,"{quoted}","{quoted}"\n')
    for file in (ranges, listed):
        # As old as the shipped intel, or all of it would count as older, and weigh less.
        os.utime(file, (1_791_158_400, 1_791_158_400))
    facts: dict[str, Any] = {"reliability": Reliability.B, "licence": "CC0-1.0", "attribution": ""}
    before = os.environ.get("WORKBENCH_HOME")
    os.environ["WORKBENCH_HOME"] = str(home)
    library.reread()
    try:
        library.build([
            (Source("hostile-as", MARKUP, "ranges", (Layer.NETWORK,), priority=99, **facts), ranges),
            (Source("hostile-list", MARKUP, "ranges", (Layer.MEMBERSHIP,), category=Category.ATTACKER, **facts), listed),
        ])  # fmt: skip
    finally:
        if before is None:
            del os.environ["WORKBENCH_HOME"]
        else:
            os.environ["WORKBENCH_HOME"] = before
        library.reread()
    return home


@pytest.fixture(scope="module")
def _page(lab: Lab, browser: Any) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    page = context.new_page()
    page.set_default_timeout(45_000)
    page.outside = []
    page.on("request", lambda request: _note_outside(page, request.url, lab.url))
    # The token in the address logs in: from there on the browser has the cookie.
    page.goto(f"{lab.url}/lab?token={lab.token}")
    page.wait_for_selector("[data-id=ip-workbench-panel]")
    yield page
    context.close()


@pytest.fixture
def page(_page: Any) -> Iterator[Any]:
    """A page of JupyterLab that, when the test is over, ran no markup and asked nothing of the network."""
    yield _page
    assert _page.evaluate("window.pwned") is None
    assert _page.outside == []


def _note_outside(page: Any, address: str, server: str) -> None:
    if not address.startswith((server, server.replace("http", "ws"), "data:", "blob:")):
        page.outside.append(address)
