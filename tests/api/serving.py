"""`workbench serve` in a process of its own, which may be stopped and started again at its port."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

__all__ = ["Serving"]


class Serving:
    """The command, with its log in ``folder``; ready when made. ``identity`` is a certificate and key to show it."""

    def __init__(
        self, store_url: str, folder: Path, *options: str, identity: tuple[Path, Path] | None = None
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"{'https' if '--tls-cert' in options else 'http'}://127.0.0.1:{self.port}"
        self.log = folder / "serve.log"
        self._tls = ssl.create_default_context()
        self._tls.check_hostname, self._tls.verify_mode = False, ssl.CERT_NONE
        if identity is not None:
            self._tls.load_cert_chain(*identity)
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
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=10, context=self._tls) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End it, and how it ended."""
        self.process.send_signal(how)
        return self.process.wait(60)
