"""A schedule that the scheduler of a running JupyterLab wakes: a real server, its own API, a job that runs."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from workbench.cli.commands import workbench
from workbench.reports.scheduling.ledger import FileLedger

httpx = pytest.importorskip("httpx")


@dataclass
class Server:
    url: str
    token: str
    folder: Path
    home: Path

    def ask(self, method: str, path: str, **options: Any) -> Any:
        headers = {"Authorization": f"token {self.token}"}
        answer = httpx.request(method, f"{self.url}{path}", headers=headers, timeout=60, **options)
        answer.raise_for_status()
        return answer.json() if answer.content else None


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    pytest.importorskip("jupyter_scheduler", reason="needs the reports extra")
    root = tmp_path_factory.mktemp("jupyter")
    made = Server("", secrets.token_hex(12), root / "work", root / "home")
    made.folder.mkdir()
    made.home.mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    made.url = f"http://127.0.0.1:{port}"
    env = {
        **os.environ, "JUPYTER_TOKEN": made.token, "WORKBENCH_HOME": str(made.home), "JUPYTER_DATA_DIR": str(root / "data"),
        "JUPYTER_CONFIG_DIR": str(root / "config"), "JUPYTER_RUNTIME_DIR": str(root / "runtime"), "IPYTHONDIR": str(root / "ipython"),
    }  # fmt: skip
    command = [
        sys.executable, "-m", "jupyter", "server", "--no-browser", f"--ServerApp.port={port}", "--ServerApp.ip=127.0.0.1", "--allow-root",
        f"--ServerApp.root_dir={made.folder}", "--ServerApp.jpserver_extensions=jupyter_scheduler=True", f"--SchedulerApp.db_url=sqlite:///{root}/scheduler.sqlite",
    ]  # fmt: skip
    log = (root / "log").open("w")
    process = subprocess.Popen(command, env=env, stdout=log, stderr=log, cwd=root)
    try:
        _until(lambda: _answers(made), process, root / "log")
        yield made
    finally:
        process.terminate()
        process.wait(30)
        log.close()


def _answers(server: Server) -> bool:
    try:
        return bool(server.ask("GET", "/scheduler/runtime_environments"))
    except httpx.HTTPError:
        return False


def _until(done: Any, process: Any = None, log: Path | None = None, seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert process is None or process.poll() is None, log and log.read_text()[-2000:]
        assert time.monotonic() < deadline, log and log.read_text()[-2000:]
        time.sleep(0.3)


def schedule(server: Server, out: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("WORKBENCH_HOME", str(server.home))
    monkeypatch.setenv("JUPYTER_TOKEN", server.token)
    for one in FileLedger().schedules():
        FileLedger().remove(one)
    command = ["report", "schedule", "feed-health", "--cron", "0 7 * * *", "--zone", "UTC", "--deliver", str(out), "--jupyter", server.url]  # fmt: skip
    told = CliRunner().invoke(workbench, command)
    assert told.exit_code == 0, told.output
    return told.output.partition("job definition ")[2].strip()


def test_a_job_is_defined_and_its_notebook_makes_what_is_due(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = schedule(server, tmp_path / "out", monkeypatch)
    definition = server.ask("GET", f"/scheduler/job_definitions/{key}")
    assert (definition["name"], definition["schedule"], definition["timezone"]) == (
        "feed-health",
        "0 7 * * *",
        "UTC",
    )
    FileLedger()._con.execute("UPDATE schedules SET created_at = '2026-01-01T00:00:00+00:00'")
    job = server.ask("POST", f"/scheduler/job_definitions/{key}/jobs", json={})["job_id"]
    _until(lambda: server.ask("GET", f"/scheduler/jobs/{job}")["status"] in ("COMPLETED", "FAILED"))
    done = server.ask("GET", f"/scheduler/jobs/{job}")
    assert done["status"] == "COMPLETED", json.dumps(done)
    (folder,) = (tmp_path / "out").iterdir()
    assert {path.name for path in folder.iterdir()} == {"feed-health.html", "manifest.json"}
    assert [run.status for run in FileLedger().runs()] == ["done"]


def test_scheduling_it_again_replaces_the_job(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = schedule(server, tmp_path / "out", monkeypatch)
    second = schedule(server, tmp_path / "out", monkeypatch)
    assert first != second
    jobs = server.ask("GET", "/scheduler/job_definitions")["job_definitions"]
    assert [job["job_definition_id"] for job in jobs] == [second]


def test_a_server_that_refuses_is_told(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    command = ["report", "schedule", "feed-health", "--cron", "0 7 * * *", "--deliver", str(tmp_path), "--jupyter", server.url]  # fmt: skip
    told = CliRunner().invoke(workbench, command, env={"JUPYTER_TOKEN": "wrong"})
    assert told.exit_code == 1
    assert "was refused with 403" in told.output
    assert FileLedger().schedules() == []
    told = CliRunner().invoke(workbench, command, env={"JUPYTER_TOKEN": ""})
    assert "needs the token" in told.output
