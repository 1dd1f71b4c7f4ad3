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
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

__all__ = ["Serving", "certificate_in"]


def certificate_in(folder: Path) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "workbench test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return folder / "cert.pem", folder / "key.pem"


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
