"""10,000 STIX indicators over 10,000,000 rows of a log: ``python tests/bench/bench_stix_patterns.py [rows] [indicators]``.

The mix is that of feeds: mostly addresses with ``=``, some prefixes with ISSUBSET, addresses with a port,
domain names, a few LIKE and MATCHES, and one of each operator between observations.
"""

from __future__ import annotations

import sys
import time

import duckdb
import numpy as np

from workbench.exchange import stix


def logs(rows: int) -> duckdb.DuckDBPyConnection:
    """A log with 400,000 distinct sources, a million distinct destinations and 200,000 names, 5 % of it IPv6."""
    con = duckdb.connect()
    con.execute("SELECT setseed(0.5)")
    con.execute(f"""
        CREATE TABLE logs AS
        SELECT TIMESTAMP '2026-01-01' + to_microseconds((i * 8640)::BIGINT) AS ts,
            concat('10.', s >> 16 & 255, '.', s >> 8 & 255, '.', s & 255) AS src_ip,
            CASE WHEN i % 20 = 0 THEN concat('2001:db8:', printf('%x', d & 65535), '::', printf('%x', d >> 16))
                ELSE concat(20 + (d >> 18 & 127), '.', d >> 10 & 255, '.', d >> 2 & 255, '.', d & 3) END AS dst_ip,
            (random() * 65535)::USMALLINT AS src_port,
            [443, 80, 53, 22, 25, 8080, 3389, 445][1 + (random() * 7)::INT]::USMALLINT AS dst_port,
            ['tcp', 'udp'][1 + (random() * 1)::INT] AS protocol,
            concat('h', q % 50, '.d', q, '.example') AS domain
        FROM (SELECT i, (random() * 400000)::INT AS s, (random() * 1000000)::INT * 17 AS d, (random() * 200000)::INT AS q
              FROM range({rows}) t(i))
    """)
    return con


def indicators(count: int) -> dict[str, str]:
    random = np.random.default_rng(7)
    found: dict[str, str] = {}
    for number in range(count):
        d = int(random.integers(0, 1_000_000)) * 17
        address = f"{20 + (d >> 18 & 127)}.{d >> 10 & 255}.{d >> 2 & 255}.{d & 3}"
        match number % 20:
            case 0 | 1:
                pattern = (
                    f"[ipv4-addr:value ISSUBSET '{address.rsplit('.', 1)[0]}.0/{random.integers(20, 30)}']"
                )
            case 2 | 3:
                pattern = f"[network-traffic:dst_ref.value = '{address}' AND network-traffic:dst_port = {random.choice([80, 443, 22])}]"
            case 4 | 5:
                pattern = f"[domain-name:value = 'h{number % 50}.d{random.integers(0, 200000)}.example']"
            case 6:
                pattern = f"[ipv6-addr:value = '2001:db8:{d & 65535:x}:0:0:0:0:{d >> 16:x}']"
            case 7:
                pattern = f"[ipv4-addr:value = '{address}' OR domain-name:value = 'bad{number}.example']"
            case _:
                pattern = f"[ipv4-addr:value = '{address}']"
        found[f"i{number}"] = pattern
    for number in range(min(20, count)):
        found[f"like{number}"] = f"[domain-name:value LIKE '%.d{number}1_.example']"
        found[f"matches{number}"] = f"[domain-name:value MATCHES '^h{number}\\\\.d1{number}[0-9]\\\\.']"
    found["repeats"] = (
        "[network-traffic:dst_port = 22 AND network-traffic:src_ref.value = '10.0.1.7'] REPEATS 3 TIMES WITHIN 60000 SECONDS"
    )
    found["followed"] = (
        "([network-traffic:src_ref.value = '10.0.1.7'] FOLLOWEDBY [domain-name:value = 'h1.d1.example']) WITHIN 300 SECONDS"
    )
    return found


def main(rows: int = 10_000_000, count: int = 10_000) -> None:
    con = logs(rows)
    patterns = indicators(count)
    stix.match(con, "logs", {"warm": "[ipv4-addr:value = '1.2.3.4']"})
    start = time.perf_counter()
    matches = stix.match(con, "logs", patterns)
    seconds = time.perf_counter() - start
    threads = con.execute("SELECT current_setting('threads')").fetchone()
    print(
        f"{len(patterns)} indicators over {rows} rows on {threads[0] if threads else '?'} threads: {seconds:.1f} s"
    )
    print(matches.summary)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
