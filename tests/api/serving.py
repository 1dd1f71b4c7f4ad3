"""`workbench serve` in a process of its own, which may be stopped and started again at its port."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

__all__ = ["Serving"]


class Serving:
    """The command, with its log in ``folder``; ready when made."""

    def __init__(self, store_url: str, folder: Path, *options: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "serve.log"
        self._home = folder / "home"
        self._command = [
            sys.executable,
            "-m",
            "workbench",
            "serve",
            "--url",
            store_url,
            "--port",
            str(self.port),
            *options,
        ]
        self.start()

    def start(self) -> None:
        """Begin, and wait until it can answer."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command, stderr=log, stdout=log, env={**os.environ, "WORKBENCH_HOME": str(self._home)}
            )
        deadline = time.monotonic() + 120
        while not self.ready():
            assert self.process.poll() is None, self.log.read_text()[-2000:]
            assert time.monotonic() < deadline, "the server does not start"
            time.sleep(0.1)

    def ready(self) -> bool:
        """Whether it says that it can answer."""
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=10) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End it, and how it ended."""
        self.process.send_signal(how)
        return self.process.wait(60)
