"""Load and faults at once: the server is stopped, killed, and its database killed while many clients are at work.
They come back, and nothing is lost. ``tests/bench/api.py`` does the same with hundreds."""

from __future__ import annotations

import asyncio
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.serving import Serving
from tests.api.swarm import Swarm
from tests.store.conftest import Town, build_town
from tests.store.test_sync_crashes import Cluster
from workbench.api.keys import KeyRing
from workbench.intel.home import home


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not pytest's own: the database's user is to get there."""
    made = Path(tempfile.mkdtemp(prefix="workbench-load-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def cluster(folder: Path) -> Iterator[Cluster]:
    made = Cluster(folder / "data")
    yield made
    made.server.cleanup()


@pytest.fixture
def town(cluster: Cluster) -> Iterator[Town]:
    yield from build_town(cluster.url)


async def test_clients_come_back_and_nothing_is_lost(cluster: Cluster, town: Town, folder: Path) -> None:
    with town.administration() as administration:
        administration.add_api_login(town.role("gate"))
    (folder / "home").symlink_to(home())
    ring = KeyRing(home() / "api")
    tokens = [
        ring.create(town.role(name), audience="ip-workbench") for name in ("ines", "ida", "otto", "pia")
    ]
    serving = Serving(town.url_of("gate"), folder, "--per-minute", "1000000", "--log", "json")
    swarm = Swarm(serving.url, tokens, readers=10, writers=8, subscribers=12, pause=0.2)

    async def faults() -> None:
        await asyncio.sleep(1)
        assert await asyncio.to_thread(serving.stop) == 0, "stopped, it drains"
        await asyncio.to_thread(serving.start)
        await asyncio.sleep(1)
        await asyncio.to_thread(cluster.crash)
        await asyncio.sleep(1)
        await asyncio.to_thread(serving.stop, signal.SIGKILL)
        await asyncio.to_thread(serving.start)

    try:
        await swarm.run(8, faults)
    finally:
        serving.stop()
    assert len(swarm.written) > 20
    assert swarm.lost() == 0, swarm.trouble
    with town.superuser() as con:
        kept = {str(key): version for key, version in con.execute("SELECT id, version FROM profiles")}
    assert kept == swarm.written, "what a client was told of is there, once, and nothing else"
    assert {name for name in swarm.trouble if "Assertion" in name or "INTERNAL" in name} == set()
    assert swarm.trouble["heard twice"] == 0
    assert any(name.startswith("listen") for name in swarm.trouble), "they were cut off"
    log = serving.log.read_text()
    assert "unexpected error" not in log
    assert "Traceback" not in log
