"""Back-test of the reputation: is what it says of an address on a day what later days bring?

    python tests/bench/reputation.py --packages FOLDER    keep what is fetched (70 MB) in FOLDER
    python tests/bench/reputation.py --ipsum FILE         another dated IPsum list than ../shared/data's

**On the day** 2026-08-22: IPsum (120,430 IPv4 addresses with the number of blacklists that carry them, public
domain) and the membership lists of the shipped pack, compiled to a snapshot as a user would, once with IPsum
of that day, once 22 and once 29 days old.

**Later**: the plevin databases of 2026-09-03, 2026-09-27 and 2026-10-04 (PyPI, fetched when run), each folded
from some fifty feeds of attackers of that day. An address counts as reported where one of the twenty that look
back at most 14 days names it: AbuseIPDB at full confidence, blocklist.de, CINS, GreenSnow, Emerging Threats, Turris, DShield,
ThreatFox, URLhaus and others. IPsum looks back 30 in that reckoning, so it is no witness for itself.

**What that does not show.** Many of the later feeds are among those that IPsum counts, so this measures
whether lists go on naming an address, not whether it attacks. The 14 days before the first database begin two
before the day. Addresses that the later database names as Tor, VPN, proxy or relay are left out, for its
window may be that of the service. One list, one summer, IPv4. The pack is newer than the day: benign ranges
are as of October.

Halves are split by /16: the constants were fitted on one, the tables are of the other unless they say both.
``results/`` holds what was printed last, and the reliability diagram.
"""

from __future__ import annotations

import argparse
import gzip
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from measures import auc, brier, half_of, reliability, reliability_svg
from numpy.typing import NDArray
from packages import database, reader

HERE = Path(__file__).parent
IPSUM = HERE.parents[2] / "shared" / "data" / "ipsum" / "ipsum-2026-08-22.txt.gz"
DAY = datetime(2026, 8, 22, 1, tzinfo=UTC)
LATER = {"2026.9.3": 0, "2026.9.27": 22, "2026.10.4.2": 29}
"""Databases and how old IPsum was 14 days before them, when the score is given."""
TOP_SITES = (
    15169, 32934, 2906, 714, 6185, 8075, 8068, 13414, 14413, 36646, 26101, 14907, 55967, 13238, 47541, 46489, 62955, 17012,
    14340, 36459, 30103, 19679, 40027, 54113, 13335, 16625, 20940, 54994, 32787, 19551, 209242, 396982,
)  # fmt: skip
"""Google, Meta, Netflix, Apple, Microsoft, X, LinkedIn, Yahoo, Wikimedia, Baidu, Yandex, VK, Twitch, eBay, PayPal …"""
WARNING_LISTS = ("akamai", "stackpath", "smtp-receiving-ips", "googlebot", "microsoft-office365-ip", "zscaler")  # fmt: skip

SHARED = "shared: |benign|announced scanner|sinkhole|Tor exit"
"""What reasons say of infrastructure that holds against the blame."""


@dataclass(frozen=True)
class Trial:
    """One pair of dates: what the snapshot says of addresses, and which were reported in the 14 days after."""

    age: int
    score: NDArray[np.float64]
    level: NDArray[np.int64]
    verdict: NDArray[np.object_]
    shared: NDArray[np.bool_]
    reported: NDArray[np.bool_]
    counted: NDArray[np.bool_]
    named: NDArray[np.uint32]
    services: dict[str, NDArray[np.uint32]]


def main() -> None:
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--ipsum", type=Path, default=IPSUM)
    arguments.add_argument("--packages", type=Path, help="folder where fetched packages are kept")
    arguments.add_argument("--diagram", type=Path, default=HERE / "results" / "reputation-reliability.svg")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["WORKBENCH_HOME"] = scratch
        folder = options.packages or Path(scratch)
        addresses, levels = listed(options.ipsum)
        benign = benign_addresses(folder)
        trials = [
            trial(folder, Path(scratch), options.ipsum, addresses, levels, version, age)
            for version, age in LATER.items()
        ]
        report(addresses, trials, benign, Path(scratch), options.ipsum, options.diagram)


def listed(path: Path) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """The addresses of an IPsum file in ascending order, and on how many lists each is."""
    with gzip.open(path, "rt") as lines:
        rows = [line.split() for line in lines if line.strip() and not line.startswith("#")]
    addresses = numbers([row[0] for row in rows])
    order = np.argsort(addresses)
    return addresses[order], np.array([int(row[1]) for row in rows], np.int64)[order]


def numbers(texts: list[str]) -> NDArray[np.uint32]:
    from workbench.addresses import parse

    low: NDArray[np.uint32] = parse(texts).low.astype(np.uint32)
    return low


def texts(addresses: NDArray[np.uint32]) -> pa.Array:
    from workbench.addresses import Addresses, to_text

    size = len(addresses)
    mapped = addresses.astype(np.uint64)
    return to_text(Addresses(np.full(size, 4, np.uint8), np.zeros(size, np.uint64), mapped))


def trial(
    folder: Path,
    scratch: Path,
    ipsum: Path,
    addresses: NDArray[np.uint32],
    levels: NDArray[np.int64],
    version: str,
    age: int,
) -> Trial:
    np.save(scratch / "wanted.npy", addresses)
    out = scratch / f"{version}.npz"
    environment = {**os.environ, "PYTHONPATH": str(reader(folder, version))}
    command = [sys.executable, str(HERE / "reported.py"), str(database(folder, version)), str(scratch / "wanted.npy"), str(out)]  # fmt: skip
    subprocess.run(command, check=True, env=environment)
    told = np.load(out)
    table = enriched(ipsum, age, addresses)
    window = told["window"]
    return Trial(
        age,
        table.column("reputation").to_numpy() / 100,
        levels,
        np.array(table.column("verdict").to_pylist(), object),
        pc.match_substring_regex(table.column("reasons").cast(pa.string()), SHARED).to_numpy(),
        (window > 0) & (window <= 14),
        ~told["service"],
        told["named"],
        {name: told[name] for name in ("tor", "vpn", "proxy")},
    )


def enriched(ipsum: Path, age: int, addresses: NDArray[np.uint32]) -> pa.Table:
    """What a snapshot of the pack's lists and of IPsum, ``age`` days old, says of addresses."""
    from workbench.enrichment.engine import Engine
    from workbench.intel import Category, Layer, Reliability, Snapshot, Source
    from workbench.intel.compile import compile_snapshot
    from workbench.intel.holdings import available
    from workbench.intel.layers import Input
    from workbench.intel.parsers import parse

    source = Source(
        id="ipsum", title="IPsum", parser="list", layers=(Layer.MEMBERSHIP,), reliability=Reliability.C,
        licence="Unlicense", attribution="stamparm/ipsum", category=Category.ATTACKER, options={"levels": True},
    )  # fmt: skip
    today = DAY + timedelta(days=age)
    inputs = [Input(source, replace(parse(ipsum, source), published=DAY), "0" * 64)]
    for item in available():
        if item.source.layers == (Layer.MEMBERSHIP,) and item.source.id != "exercise":
            inputs.append(
                Input(item.source, replace(parse(item.path, item.source), published=today), item.sha256)
            )
    path = compile_snapshot(inputs, Path(os.environ["WORKBENCH_HOME"]) / f"age-{age}")
    return Engine(Snapshot(path)).enrich(texts(addresses))


def benign_addresses(folder: Path) -> dict[str, NDArray[np.uint32]]:
    """Infrastructure that many use: what the pack knows as such, and what it does not."""
    import json

    import pyarrow.parquet as pq
    from packages import installed

    from workbench.addresses import parse_networks
    from workbench.intel.home import data_path

    rng = np.random.default_rng(20260822)

    def drawn(first: NDArray[np.uint64], span: NDArray[np.uint64], count: int) -> NDArray[np.uint32]:
        weight = span.astype(float) + 1
        rows = rng.choice(len(first), count, p=weight / weight.sum())
        return (first[rows] + (rng.random(count) * weight[rows]).astype(np.uint64)).astype(np.uint32)

    pack = data_path() / "pack"
    found = {}
    for name, count in (
        ("resolvers", 78),
        ("cdn", 3000),
        ("crawlers", 1000),
        ("services", 1000),
        ("cloud", 3000),
    ):
        table = pq.read_table(pack / f"{name}.parquet", columns=["version", "start_low", "span_low"])
        four = table.filter(pc.equal(table.column("version"), 4))
        first, span = (four.column(c).to_numpy().astype(np.uint64) for c in ("start_low", "span_low"))
        found[f"{name}, known to the pack"] = first.astype(np.uint32) if name == "resolvers" else drawn(first, span, count)  # fmt: skip
    table = pq.read_table(pack / "asn.parquet", columns=["version", "start_low", "span_low", "asn"])
    wanted = pc.and_(
        pc.equal(table.column("version"), 4),
        pc.is_in(table.column("asn").cast(pa.int64()), pa.array(TOP_SITES, pa.int64())),
    )
    ranges = table.filter(wanted)
    found["networks of top sites"] = drawn(
        *(ranges.column(c).to_numpy().astype(np.uint64) for c in ("start_low", "span_low")), 5000
    )
    lists = installed(folder, "misp", "pymispwarninglists==1.7.0")
    for name in WARNING_LISTS:
        (path,) = lists.rglob(f"lists/{name}/list.json")
        blocks = parse_networks([block for block in json.loads(path.read_text())["list"] if ":" not in block])
        found[f"{name} (MISP)"] = drawn(blocks.start_low, blocks.end_low - blocks.start_low, 500)
    return found


def report(
    addresses: NDArray[np.uint32],
    trials: list[Trial],
    benign: dict[str, NDArray[np.uint32]],
    scratch: Path,
    ipsum: Path,
    diagram: Path,
) -> None:
    held = half_of(addresses)
    print(f"{len(addresses):,} addresses on the day, {held.sum():,} of them in the half held out\n")
    by_level(trials, held)
    quality(trials, held)
    verdicts(trials, held)
    rows = reliability(
        np.concatenate([t.score[held & t.counted & ~t.shared] for t in trials]),
        np.concatenate([t.reported[held & t.counted & ~t.shared] for t in trials]),
    )
    print("\nReliability of addresses that nobody shares, three dates together, half held out")
    print_table([("reputation", "addresses", "mean forecast", "reported"),
                 *((f"{a * 100:.0f}-{b * 100:.0f}", f"{n:,}", f"{f:.3f}", f"{c:.3f}") for a, b, n, f, c in rows)])  # fmt: skip
    diagram.parent.mkdir(parents=True, exist_ok=True)
    diagram.write_text(reliability_svg("Reported within 14 days, by reputation", rows))
    separation(addresses, trials, benign, ipsum)
    persistence(trials)


def by_level(trials: list[Trial], held: NDArray[np.bool_]) -> None:
    print(
        "Reported in the 14 days after the score, by number of lists and age of the list (nobody shares, held out)"
    )
    table: list[tuple[object, ...]] = [
        ("lists", *(h for t in trials for h in (f"n at {t.age} d", "reported", "forecast")))
    ]
    for low, high in ((1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 6), (7, 10)):
        row: list[object] = [str(low) if low == high else f"{low}-{high}"]
        for t in trials:
            mine = held & t.counted & ~t.shared & (t.level >= low) & (t.level <= high)
            row += [f"{mine.sum():,}", f"{t.reported[mine].mean():.3f}", f"{t.score[mine].mean():.3f}"]
        table.append(tuple(row))
    print_table(table)


def quality(trials: list[Trial], held: NDArray[np.bool_]) -> None:
    print("\nAmong listed addresses: who is reported again (held out)")
    table: list[tuple[object, ...]] = [
        ("age", "of", "n", "reported", "AUC score", "AUC lists", "Brier score", "Brier lists/10", "Brier any list")
    ]  # fmt: skip
    for t in trials:
        for name, kind in (
            ("all", np.ones(len(held), bool)),
            ("shared", t.shared),
            ("nobody shares", ~t.shared),
        ):
            mine, fitted = held & t.counted & kind, ~held & t.counted & kind
            truth = t.reported[mine]
            table.append((
                f"{t.age} d", name, f"{mine.sum():,}", f"{truth.mean():.3f}", f"{auc(t.score[mine], truth):.3f}",
                f"{auc(t.level[mine], truth):.3f}", f"{brier(t.score[mine], truth):.4f}",
                f"{brier(np.minimum(t.level[mine], 10) / 10, truth):.4f}",
                f"{brier(np.full(mine.sum(), t.reported[fitted].mean()), truth):.4f}",
            ))  # fmt: skip
    print_table(table)


def verdicts(trials: list[Trial], held: NDArray[np.bool_]) -> None:
    print("\nReported, by verdict (held out)")
    names = ("malicious", "suspicious", "anonymised", "watch", "clean")
    table: list[tuple[object, ...]] = [("age", *(h for name in names for h in (name, "reported")))]
    for t in trials:
        row: list[object] = [f"{t.age} d"]
        for name in names:
            mine = held & t.counted & (t.verdict == name)
            row += [f"{mine.sum():,}", f"{t.reported[mine].mean():.3f}" if mine.any() else "-"]
        table.append(tuple(row))
    print_table(table)


def separation(
    addresses: NDArray[np.uint32], trials: list[Trial], benign: dict[str, NDArray[np.uint32]], ipsum: Path
) -> None:
    print("\nReported later against shared infrastructure (both halves)")
    everywhere = np.concatenate(list(benign.values()))
    table: list[tuple[object, ...]] = [
        ("age", "reported", "on the list before", "benign", "AUC score", "AUC lists", "AUC any list", "AUC score, listed only")
    ]  # fmt: skip
    for t in trials:
        both = np.concatenate([t.named, everywhere])
        truth = np.arange(len(both)) < len(t.named)
        score = enriched(ipsum, t.age, both).column("reputation").to_numpy(zero_copy_only=False)
        score = np.nan_to_num(score.astype(float))
        place = np.minimum(np.searchsorted(addresses, both), len(addresses) - 1)
        lists = np.where(addresses[place] == both, t.level[place], 0)
        known = (lists > 0) | ~truth
        table.append((
            f"{t.age} d", f"{len(t.named):,}", f"{(lists[truth] > 0).mean():.3f}", f"{len(everywhere):,}",
            f"{auc(score, truth):.3f}", f"{auc(lists, truth):.3f}", f"{auc(lists > 0, truth):.3f}",
            f"{auc(score[known], truth[known]):.3f}",
        ))  # fmt: skip
    print_table(table)
    print("\nShared infrastructure, list of the day")
    rows: list[tuple[object, ...]] = [("what", "addresses", "on IPsum", "malicious", "suspicious", "watch", "highest reputation")]  # fmt: skip
    for name, sample in benign.items():
        enriched_sample = enriched(ipsum, 0, sample)
        verdict = np.array(enriched_sample.column("verdict").to_pylist(), object)
        highest = pc.max(enriched_sample.column("reputation")).as_py()
        rows.append((name, f"{len(sample):,}", int(np.isin(sample, addresses).sum()),
                     *(int((verdict == v).sum()) for v in ("malicious", "suspicious", "watch")), highest))  # fmt: skip
    print_table(rows)


def persistence(trials: list[Trial]) -> None:
    """How long anonymisers stay what they are, with the decay of the formula. The last database counts no Tor relays."""
    from workbench.enrichment.reputation import HALF_LEFT_DAYS
    from workbench.intel import Category

    print("\nAnonymisers named on 2026-09-03 that are still named (formula)")
    first, *later = trials
    table: list[tuple[object, ...]] = [("kind", "addresses", "24 days on", "31 days on")]
    for name, addresses in first.services.items():
        row = []
        for days, trial in zip((24, 31), later, strict=True):
            share = np.isin(addresses, trial.services[name]).mean()
            row.append(f"{share:.3f} ({1 / (1 + days / HALF_LEFT_DAYS[Category(name)]):.3f})")
        table.append((name, f"{len(addresses):,}", *row))
    print_table(table)


def print_table(rows: list[tuple[object, ...]]) -> None:
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[at]) for row in cells) for at in range(len(cells[0]))]
    for row in cells:
        print("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)))


if __name__ == "__main__":
    main()
