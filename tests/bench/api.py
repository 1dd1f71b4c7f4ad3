"""Hundreds of members at once: `workbench serve` in a process of its own, a client process that searches, writes and
listens, and what plain psycopg takes for the same search under the same load.

Run by hand: ``python tests/bench/api.py [--clients 500] [--seconds 60] [--profiles 50000] [--faults]``. Everything is on
one machine: what the clients and PostgreSQL take of its processors, the server lacks.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path
from queue import Queue
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.api.serving import Serving
from tests.api.swarm import ASNS, Swarm, percentile
from tests.store.conftest import Town, build_town
from workbench.api.keys import KeyRing
from workbench.store import Store

MEMBERS = ("ines", "ida", "otto", "pia")
CONNECTIONS = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--profiles", type=int, default=50_000)
    parser.add_argument("--pause", type=float, default=5.0, help="mean seconds that a client thinks")
    parser.add_argument(
        "--faults", action="store_true", help="stop, kill and start server and database meanwhile"
    )
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="workbench-bench-"))
    folder.chmod(0o755)
    try:
        measure(folder, options)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def measure(folder: Path, options: argparse.Namespace) -> None:
    from tests.store.test_sync_crashes import Cluster

    cluster = Cluster(folder / "data")
    for town in build_town(cluster.url):
        fill(town, options.profiles)
        with town.administration() as administration:
            administration.add_api_login(town.role("gate"))
        ring = KeyRing(folder / "home" / "api")
        tokens = [ring.create(town.role(name), audience="ip-workbench") for name in MEMBERS]
        serving = Serving(
            town.url_of("gate"), folder, "--per-minute", "10000000", "--max-sockets", "1000", "--max-requests", "1000",
            "--log", "json", "--pool", str(CONNECTIONS),
        )  # fmt: skip
        listeners, writers = options.clients // 5, options.clients // 20
        readers = options.clients - listeners - writers
        swarm = Swarm(serving.url, tokens, readers, writers, listeners, options.pause)
        print(
            f"{readers} search, {writers} write, {listeners} listen; each thinks {options.pause:g} s on average"
        )
        asyncio.run(swarm.run(options.seconds, faults(cluster, serving) if options.faults else None))
        busy = processor_seconds(serving.process.pid)
        serving.stop()
        report(swarm, town, options.seconds)
        if not options.faults:
            print(
                f"processors: {os.cpu_count()}; the server itself took {busy:.1f} s of them; load average {os.getloadavg()[1]:.1f}"
            )
        if not options.faults:
            peer(town, len(swarm.seconds["read"]) / options.seconds, readers, options)
    cluster.server.cleanup()


def fill(town: Town, rows: int) -> None:
    """Profiles of two organisations, GREEN, in a hundred autonomous systems."""
    for name, first in (("ines", "198.18.0.0"), ("pia", "198.20.0.0")):
        store = town.store(name)
        with town.superuser() as con:
            con.execute(
                "INSERT INTO profiles (owner, secrecy, address, country, asn, verdict, reputation, notes, created_by) "
                "SELECT %s, 1, %s::inet + n, 'DE', 64496 + n %% 100, 'suspicious', n %% 100, "
                "'nothing of note, seen ' || n, %s "
                "FROM generate_series(0, %s) AS n",
                (store.organisation_id, first, town.role(name), rows // 2 - 1),
            )
    with town.superuser() as con:
        con.execute("VACUUM ANALYZE")


def faults(cluster: Any, serving: Serving) -> Any:
    async def happen() -> None:
        await asyncio.sleep(8)
        print("the server is told to stop, and started again")
        await asyncio.to_thread(serving.stop)
        await asyncio.to_thread(serving.start)
        await asyncio.sleep(8)
        print("PostgreSQL is killed, and started again")
        await asyncio.to_thread(cluster.crash)
        await asyncio.sleep(8)
        print("the server is killed, and started again")
        await asyncio.to_thread(serving.stop, signal.SIGKILL)
        await asyncio.to_thread(serving.start)

    return happen


def report(swarm: Swarm, town: Town, seconds: float) -> None:
    print(f"\n{'':<28}{'count':>8}{'per s':>8}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}")
    for name, values in (("search over GraphQL", swarm.seconds["read"]), ("write over GraphQL", swarm.seconds["write"]), ("event after the write", swarm.delays)):  # fmt: skip
        row(name, values, seconds)
    events = len(swarm.written) and sum(len(heard) for heard in swarm.heard)
    print(f"\n{len(swarm.written):,} profiles written; {events:,} of them heard of by {len(swarm.heard)} subscribers; lost: {swarm.lost()}")  # fmt: skip
    with town.superuser() as con:
        kept = {str(key): version for key, version in con.execute("SELECT id, version FROM profiles WHERE address << '10.0.0.0/8'")}  # fmt: skip
    print(f"answered writes that are not in the database: {sum(kept.get(key) != version for key, version in swarm.written.items())}, written and never answered: {len(kept.keys() - swarm.written.keys())}")  # fmt: skip
    print("trouble:", dict(swarm.trouble) or "none")


def processor_seconds(pid: int) -> float:
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def row(name: str, values: list[float], seconds: float) -> None:
    print(f"{name:<28}{len(values):>8,}{len(values) / seconds:>8.1f}" + "".join(f"{percentile(values, share):>9.1f}" for share in (0.5, 0.95, 0.99)))  # fmt: skip


def peer(town: Town, per_second: float, clients: int, options: argparse.Namespace) -> None:
    """The same statements by members' own connections: as many as the server's pool, and the same number of clients,
    which think as long and wait for a free connection."""
    seconds = min(20.0, options.seconds)
    free: Queue[Store] = Queue()
    for number in range(CONNECTIONS):
        free.put(town.store(MEMBERS[number % len(MEMBERS)]))
    taken: list[float] = []
    alone: list[float] = []
    store = free.get()
    for _ in range(200):
        alone.append(ask(store, random.choice(ASNS)))
    free.put(store)
    over = time.monotonic() + seconds

    def work() -> None:
        time.sleep(random.random() * options.pause)
        while time.monotonic() < over:
            begun = time.perf_counter()
            store = free.get()
            ask(store, random.choice(ASNS))
            free.put(store)
            taken.append(time.perf_counter() - begun)
            time.sleep(random.expovariate(1 / options.pause))

    threads = [threading.Thread(target=work) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"\nthe same search in plain psycopg ({CONNECTIONS} connections of members)")
    row(f"{clients} clients, no writers", taken, seconds)
    row("one client, nothing else", alone, seconds)


def ask(store: Store, asn: int) -> float:
    begun = time.perf_counter()
    store.profiles.search(asn=[asn], limit=20)
    return time.perf_counter() - begun


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        main()
