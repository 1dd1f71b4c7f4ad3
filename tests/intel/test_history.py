"""One address through several snapshots, and two snapshots against each other."""

from __future__ import annotations

import ipaddress
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench.addresses import parse, parse_networks
from workbench.cli.commands import workbench
from workbench.enrichment.engine import Engine
from workbench.intel import Category, Layer, Reliability, Snapshot, SnapshotError, Source
from workbench.intel.compile import compile_snapshot
from workbench.intel.condensed import Condensed, condense
from workbench.intel.entries import Entries, ParsedSource
from workbench.intel.layers import Input
from workbench.intel.past import said_by


def made(home: Path, day: int, attackers: list[str], asn: int) -> Snapshot:
    moment = datetime(2026, 9, day, tzinfo=UTC)

    def item(
        name: str,
        layer: Layer,
        prefixes: list[str],
        columns: dict[str, pa.Array],
        category: Category | None = None,
    ) -> Input:
        source = Source(
            id=name, title=name.title(), parser="entries", layers=(layer,), reliability=Reliability.B,
            licence="own", attribution="tests", category=category,
        )  # fmt: skip
        return Input(
            source,
            ParsedSource({layer: Entries(parse_networks(prefixes), pa.table(columns))}, moment),
            f"{day}{name}",
        )

    labels = pa.array(["bot"] * len(attackers))
    return Snapshot(
        compile_snapshot(
            [
                item("feed", Layer.MEMBERSHIP, attackers, {"label": labels}, Category.ATTACKER),
                item("net", Layer.NETWORK, ["9.9.0.0/16", "2a00::/16"], {"asn": pa.array([asn] * 2, pa.uint32()), "as_org": pa.array(["Org"] * 2)}),
            ],
            home / "snapshots",
        )
    )  # fmt: skip


def test_an_address_through_time(home: Path) -> None:
    made(home, 1, ["9.9.9.1"], 64500)
    made(home, 8, ["9.9.9.1", "9.9.9.2"], 64500)
    made(home, 15, ["9.9.9.2"], 64501)
    made(home, 22, ["9.9.9.0/24"], 64501)
    past = wb.intel.history("9.9.9.1")
    assert [(i.entry, i.first.day, i.last.day) for i in past.listed] == [
        ("9.9.9.1/32", 1, 8),
        ("9.9.9.0/24", 22, 22),
    ]
    assert [(p.asn, p.first.day, p.last.day) for p in past.located] == [(64500, 1, 8), (64501, 15, 22)]
    assert "2026-09-01 – 2026-09-08  attacker bot: 9.9.9.1/32, Feed" in str(past)
    assert "on no list" in str(wb.intel.history("2a00::1"))
    with pytest.raises(ValueError, match="'nonsense' is not an IP address"):
        wb.intel.history("nonsense")


def test_two_snapshots_against_each_other(home: Path) -> None:
    before, after = made(home, 1, ["9.9.9.1", "9.9.9.2"], 64500), made(home, 8, ["9.9.9.2", "9.9.9.3"], 64500)
    found = wb.intel.diff(before, after)
    assert found.listed.column("entry").to_pylist() == ["9.9.9.3/32"]
    assert found.unlisted.column("entry").to_pylist() == ["9.9.9.1/32"]
    assert "feed: changed, 2 → 2 entries, +1 −1 listed" in str(found)
    assert "nothing changed" in str(wb.intel.diff(after, after))
    for said in (("2026-09-07", after.id), (before.id, date(2026, 9, 30))):
        assert str(wb.intel.diff(*said)) == str(found)
    assert wb.intel.diff(before).after == wb.intel.current().id


@given(st.lists(st.ip_addresses(), min_size=1, max_size=30))
@settings(max_examples=30, deadline=None)
def test_one_address_is_found_where_the_engine_finds_it(
    tmp_path_factory: pytest.TempPathFactory, some: list[ipaddress.IPv4Address]
) -> None:
    entries = [f"{a}/{min(a.max_prefixlen, 40)}" for a in some if a.version == 4 or not a.ipv4_mapped]  # type: ignore[attr-defined]
    if not entries:
        return
    snapshot = made(tmp_path_factory.mktemp("any"), 1, entries, 64500)
    engine = Engine(snapshot)
    texts = [str(a) for a in some]
    parsed = parse(texts)
    for at, rows in enumerate(engine.evidence_rows(texts)):
        row = snapshot.row_of(int(parsed.version[at]), int(parsed.high[at]), int(parsed.low[at]))
        judged = snapshot.array("judged")[snapshot.array("rows")[row, 2]]
        np.testing.assert_array_equal(rows, snapshot.evidence_rows(int(judged[0])))


def test_rows_are_judged_by_what_was_known_at_their_own_time(home: Path) -> None:
    made(home, 1, ["9.9.9.1"], 64500)
    made(home, 15, ["9.9.9.2"], 64501)
    log = pd.DataFrame({
        "src": ["9.9.9.1", "9.9.9.2", "9.9.9.1", "9.9.9.2", "9.9.9.1", "junk"],
        "ts": pd.to_datetime(["2026-08-31", "2026-09-01", "2026-09-14", "2026-09-15", None, "2026-09-20"]),
    })  # fmt: skip
    wide = log.ip.enrich("src", asof="ts")
    spelt = log.assign(ts=["2026-08-31", "2026-09-01T02:00:00+02:00", "2026-09-14 23:59", "2026-09-15T00:00:00Z", None, "2026-09-20"])  # fmt: skip
    pd.testing.assert_frame_equal(
        spelt.ip.enrich("src", asof="ts").drop(columns="ts"), wide.drop(columns="ts")
    )
    assert wide["src_verdict"].astype(object).where(wide["src_verdict"].notna(), None).tolist() == [
        None, "clean", "malicious", "malicious", None, "invalid",
    ]  # fmt: skip
    assert wide["src_asn"].tolist()[1:4] == [64500, 64500, 64501]
    assert wide["src_asn"].isna().tolist() == [True, False, False, False, True, True]
    with pytest.raises(KeyError, match="no column 'when' for asof"):
        log.ip.enrich("src", asof="when")
    with pytest.raises(ValueError, match="give either"):
        log.ip.enrich("src", asof="ts", snapshot="2026-09-01")


def test_a_damaged_snapshot_is_named_and_stops_only_what_needs_it(home: Path) -> None:
    damaged = made(home, 1, ["9.9.9.1"], 64500)
    made(home, 15, ["9.9.9.2"], 64501)
    (damaged.path / "rows.npy").unlink()
    past = wb.intel.history("9.9.9.2")
    assert past.unread == (damaged.id,)
    assert f"not read, for they are damaged: {damaged.id}" in str(past)
    late = pd.DataFrame({"src": ["9.9.9.2"], "ts": ["2026-09-20"]})
    assert late.ip.enrich("src", asof="ts")["src_verdict"].tolist() == ["malicious"]
    early = pd.DataFrame({"src": ["9.9.9.2"], "ts": ["2026-09-02"]})
    with pytest.raises(SnapshotError, match=f"{damaged.id} is damaged"):
        early.ip.enrich("src", asof="ts")


@given(st.lists(st.ip_addresses(), min_size=1, max_size=20), st.lists(st.ip_addresses(), max_size=20))
@settings(max_examples=20, deadline=None)
def test_a_condensed_snapshot_tells_of_every_address_what_the_whole_one_does(
    tmp_path_factory: pytest.TempPathFactory,
    some: list[ipaddress.IPv4Address],
    others: list[ipaddress.IPv4Address],
) -> None:
    entries = [f"{a}/{min(a.max_prefixlen, 40)}" for a in some if a.version == 4 or not a.ipv4_mapped]  # type: ignore[attr-defined]
    if not entries:
        return
    folder = tmp_path_factory.mktemp("any")
    snapshot = made(folder, 1, entries, 4_200_000_000)
    condense(snapshot, folder / "history")
    small = Condensed(folder / "history" / snapshot.id)
    edges = [
        "0.0.0.0",
        "255.255.255.255",
        "::",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "9.9.9.9",
        "2a00::1",
    ]
    parsed = parse([*map(str, [*some, *others]), *edges])
    for version, high, low in zip(
        parsed.version.tolist(), parsed.high.tolist(), parsed.low.tolist(), strict=True
    ):
        assert small.said(version, high, low) == said_by(snapshot, version, high, low)


def test_history_outlives_the_snapshots_that_are_pruned(home: Path) -> None:
    for day, attackers in ((1, ["9.9.9.1"]), (8, ["9.9.9.1", "2a00::9"]), (15, ["9.9.9.2"])):
        made(home, day, attackers, 64500)
    wb.intel.build()  # the current one, which stays
    asked = ["9.9.9.1", "2a00::9", "9.9.9.2"]
    before = [wb.intel.history(address) for address in asked]
    pruned = wb.intel.prune(0)
    assert len(pruned.snapshots) == 3
    assert wb.intel.snapshots() == [wb.intel.current().id]
    assert [wb.intel.history(address) for address in asked] == before
    assert wb.intel.prune(0).snapshots == ()
    with pytest.raises(SnapshotError, match=f"{pruned.snapshots[1]} was condensed"):
        wb.intel.open("2026-09-10")
    log = pd.DataFrame({"src": ["9.9.9.1"], "ts": ["2026-09-10"]})
    with pytest.raises(SnapshotError, match="no verdict can be given by it"):
        log.ip.enrich("src", asof="ts")
    (home / "history" / pruned.snapshots[0] / "segments.parquet").write_bytes(b"PAR1")
    assert wb.intel.history("9.9.9.1").unread == (pruned.snapshots[0],)


def test_pruning_by_days_keeps_the_young_the_current_and_the_damaged(home: Path) -> None:
    old, damaged = made(home, 1, ["9.9.9.1"], 64500), made(home, 2, ["9.9.9.1"], 64500)
    (damaged.path / "rows.npy").unlink()
    young = made(home, 20, ["9.9.9.1"], 64500)
    current = wb.intel.build()
    age = datetime.now(UTC) - young.as_of
    shown = CliRunner().invoke(workbench, ["intel", "prune", "--keep-days", str(age.days + 1)])
    assert "1 condensed for their history" in shown.stdout
    assert set(wb.intel.snapshots()) == {damaged.id, young.id, current.id}
    listed = CliRunner().invoke(workbench, ["intel", "snapshots"]).stdout
    assert any(old.id in line and line.endswith("condensed") for line in listed.splitlines())
    with pytest.raises(ValueError, match="number of days, not -1"):
        wb.intel.prune(-1)


def test_the_entries_of_a_snapshot_by_category_and_by_source(home: Path) -> None:
    snapshot = made(home, 1, ["9.9.9.1", "2a00::/32"], 64500)
    attackers = snapshot.entries("attacker")
    assert sorted(attackers.column("entry").to_pylist()) == ["2a00::/32", "9.9.9.1/32"]
    assert set(attackers.column("source").to_pylist()) == {"feed"}
    assert snapshot.entries(source="feed").equals(attackers)
    assert snapshot.entries("tor").num_rows == snapshot.entries(source="net").num_rows == 0
    with pytest.raises(LookupError, match="no 'ipsum' in snapshot"):
        snapshot.entries(source="ipsum")
    with pytest.raises(LookupError, match=r"no 'Tor' .*there are: tor, vpn"):
        snapshot.entries("Tor")
