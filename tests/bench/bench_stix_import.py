"""A large STIX bundle into a case file: ``python tests/bench/bench_stix_import.py [megabytes] [megabytes for DuckDB]``.

The bundle is indicators with one address each, a custom property and a marking. Time, objects a second and the
peak of the process's memory are printed; the bundle is written to a temporary folder and removed.
"""

from __future__ import annotations

import json
import random
import resource
import sys
import tempfile
import time
import uuid
from pathlib import Path

import duckdb

from workbench.exchange.stix import import_bundle

WHEN = "2026-03-01T00:00:00.000Z"


def write(path: Path, size: int) -> int:
    """Write a bundle of about ``size`` bytes; returns how many objects it has."""
    random.seed(1)
    count = written = 0
    with path.open("w") as file:
        file.write('{"type": "bundle", "id": "bundle--5d0092c5-5f74-4287-9642-33f4c354e56d", "objects": [')
        while written < size:
            address = ".".join(str(random.randrange(1, 224)) for _ in range(4))
            text = json.dumps(
                {
                    "type": "indicator", "spec_version": "2.1", "id": f"indicator--{uuid.UUID(int=random.getrandbits(128))}",
                    "created": WHEN, "modified": WHEN, "name": f"c2 {count}", "description": "x" * 150,
                    "indicator_types": ["malicious-activity"], "pattern": f"[ipv4-addr:value = '{address}']",
                    "pattern_type": "stix", "valid_from": WHEN, "confidence": count % 101, "x_custom": {"n": count},
                    "object_marking_refs": ["marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"],
                }
            )  # fmt: skip
            written += file.write(("," if count else "") + text)
            count += 1
        file.write("]}")
    return count


def main() -> None:
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    limit = int(sys.argv[2]) if len(sys.argv) > 2 else 400
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bundle.json"
        count = write(path, size * 1_000_000)
        with duckdb.connect(f"{folder}/case.duckdb", config={"memory_limit": f"{limit}MB"}) as con:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
            start = time.perf_counter()
            report = import_bundle(path, con)
            took = time.perf_counter() - start
            held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
            assert report.new == count
            start = time.perf_counter()
            rows = len(report.evidence())
            read = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(f"{size} MB, {count:,} objects: {took:.0f} s, {count / took:,.0f} objects a second")
    print(f"evidence: {rows:,} rows in {read:.1f} s")
    print(
        f"peak memory: {held} MiB importing, {peak} MiB with the evidence as one table "
        f"({before} MiB before; DuckDB was allowed {limit} MB)"
    )


if __name__ == "__main__":
    main()
