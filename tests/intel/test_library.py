"""Building snapshots from what is at hand, and what happens when a source is no good."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

import workbench as wb
from workbench.enrichment import open_engine
from workbench.intel import (
    Category,
    Layer,
    Reliability,
    SnapshotError,
    Source,
    SourceError,
    holdings,
    library,
)
from workbench.intel.snapshot import Snapshot


def listing(name: str = "mine", **options: object) -> Source:
    return Source(
        id=name, title="My list", parser="list", layers=(Layer.MEMBERSHIP,), reliability=Reliability.B,
        licence="own", attribution="tests", category=Category.ATTACKER, options=dict(options),
    )  # fmt: skip


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_the_first_use_builds_from_the_shipped_pack(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert wb.lookup("185.246.188.74").is_tor
    assert "Building the first intel snapshot" in capsys.readouterr().err
    assert [item.origin for item in wb.intel.sources()] == ["pack"] * len(wb.intel.sources())


def test_the_real_ipsum_list_names_attackers(home: Path, shared: Path) -> None:
    source = listing("ipsum", levels=True)
    before = wb.lookup("77.90.185.20")
    assert not before.is_known_attacker
    holdings.add(source, shared / "ipsum" / "ipsum-2026-08-22.txt.gz")
    snapshot = wb.intel.build()
    after = wb.lookup("77.90.185.20")
    assert after.is_known_attacker
    assert after.verdict == "malicious"  # ten lists agreed; six weeks later such addresses are still reported
    assert "on 10 lists (My list, 2026-08-22)" in after.reasons
    assert after.evidence[0].entry == "77.90.185.20/32"
    assert next(s.entries for s in snapshot.sources if s.id == "ipsum") > 100_000
    assert wb.lookup("77.90.185.20", snapshot=before.snapshot) == before


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("page.txt", b"<!DOCTYPE html><html><head><title>503 Service Unavailable</title></head></html>"),
        ("cut.txt.gz", gzip.compress(b"192.0.2.1\n" * 100_000)[:-30]),
        ("junk.txt", bytes(range(256)) * 50),
        ("empty.txt", b""),
    ],
)
def test_a_bad_file_is_refused_and_what_was_there_stays(
    home: Path, tmp_path: Path, name: str, content: bytes
) -> None:
    good = write(tmp_path / "good.txt", "9.9.9.1\n9.9.9.2\n")
    holdings.add(listing(), good)
    kept = wb.intel.build(only=False)
    bad = tmp_path / name
    bad.write_bytes(content)
    with pytest.raises(SourceError, match=name):
        holdings.add(listing(), bad)
    with pytest.raises(SourceError, match=name):
        wb.intel.build([(listing("other"), bad)])
    assert library.current().id == kept.id
    assert wb.lookup("9.9.9.1").is_known_attacker


@pytest.mark.parametrize(
    "name",
    ["libmaxminddb-corrupt-search-tree", "libmaxminddb-offset-integer-overflow", "libmaxminddb-deep-nesting"],
)
def test_damaged_databases_never_reach_a_snapshot(home: Path, shared: Path, name: str) -> None:
    city = Source(
        id="city", title="City", parser="mmdb", layers=(Layer.GEO,), reliability=Reliability.B, licence="test", attribution="test",
    )  # fmt: skip
    before = library.current().id
    with pytest.raises(SourceError, match=name):
        wb.intel.build([(city, shared / "mmdb-test" / "bad-data" / "libmaxminddb" / f"{name}.mmdb")])
    assert library.current().id == before


def test_a_source_gone_bad_later_is_left_out_with_a_warning(home: Path, tmp_path: Path) -> None:
    added = holdings.add(listing(), write(tmp_path / "list.txt", "9.9.9.1\n"))
    added.path.write_bytes(b"\x00garbage")
    with pytest.warns(UserWarning, match="left out of the snapshot"):
        snapshot = wb.intel.build()
    assert "mine" not in [s.id for s in snapshot.sources]


def test_snapshots_are_opened_by_id_and_by_date(home: Path, tmp_path: Path) -> None:
    first = wb.intel.build()
    assert wb.intel.open(first.id).id == first.id
    assert wb.intel.open(date(2026, 12, 31)).id == first.id
    with pytest.raises(SnapshotError, match=f"there are: {first.id}"):
        wb.intel.open("2020-01-01")
    with pytest.raises(SnapshotError, match="no snapshot 'nonsense'"):
        wb.intel.open("nonsense")


def test_a_date_means_the_whole_day_and_of_one_day_the_snapshot_built_last(
    home: Path, tmp_path: Path
) -> None:
    made = [build_with(tmp_path / f"{n}.txt", "9.9.9.1\n" * n) for n in range(1, 6)]  # ids that sort anyhow
    day = f"{made[-1].as_of:%Y-%m-%d}"
    assert library.snapshot_ids() == [snapshot.id for snapshot in made]
    for spelling in (
        day,
        day.replace("-", ""),
        f"{day}T23:59",
        f"{made[-1].as_of:%G-W%V-%u}",
        date.fromisoformat(day),
        made[-1].as_of,
    ):
        assert library.open_snapshot(spelling).id == made[-1].id, spelling
    before = made[0].as_of - timedelta(seconds=1)
    with pytest.raises(SnapshotError, match=r"no snapshot of .* or before"):
        library.open_snapshot(before)
    with pytest.raises(SnapshotError, match="or before"):
        library.open_snapshot("20010101")
    for nonsense in ("yesterday", "2026-13-01", ""):
        with pytest.raises(SnapshotError, match="wanted is a date"):
            library.open_snapshot(nonsense)


def build_with(path: Path, text: str) -> Snapshot:
    write(path, text + f"9.9.9.{len(text) % 100}\n")
    os.utime(path, (1_790_000_000, 1_790_000_000))
    made = library.build([(listing(), path)], only=True)
    # A second is as fine as `created` is written.
    manifest = made.path / "manifest.json"
    described = json.loads(manifest.read_text())
    described["created"] = (datetime(2026, 9, 21, tzinfo=UTC) + timedelta(seconds=len(text))).isoformat()
    manifest.write_text(json.dumps(described))
    return made


def test_one_unreadable_source_harms_no_other(home: Path, tmp_path: Path) -> None:
    holdings.add(listing(), write(tmp_path / "feed.txt", "9.9.9.1\n"))
    broken = home / "sources" / "broken"
    broken.mkdir()
    for text in ("{", "[]", '{"source": {"id": "broken"}}'):
        (broken / "source.json").write_text(text)
        with pytest.warns(UserWarning, match=r"passed over: .*broken.source.json"):
            assert "mine" in [item.source.id for item in holdings.available()]


def test_a_file_changed_behind_the_back_is_left_out_by_its_checksum(home: Path, tmp_path: Path) -> None:
    added = holdings.add(listing(), write(tmp_path / "feed.txt", "9.9.10.1\n"))
    added.path.write_text("9.9.10.2\n")
    with pytest.warns(
        UserWarning, match="left out of the snapshot: .*its checksum differs; update the source anew"
    ):
        library.build()
    assert wb.lookup("9.9.10.2").verdict == "clean"


def test_what_a_killed_build_left_is_taken_away_by_the_next(home: Path) -> None:
    left = home / "snapshots" / ".building-killed"
    left.mkdir(parents=True)
    (left / "rows.npy").write_bytes(b"x" * 1000)
    library.build()
    assert not left.exists()


def test_two_processes_that_update_and_build_at_once_lose_nothing(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holdings, "shipped", list)  # which takes seconds to build
    script = """
import sys
from pathlib import Path
from workbench.intel import holdings, library, Category, Layer, Reliability, Source
holdings.shipped = list
for n in range(4):
    path = Path(sys.argv[1]) / f"{sys.argv[2]}-{n}.txt"
    path.write_text(f"9.9.{sys.argv[2]}.{n}\\n")
    for name in ("shared", "own-" + sys.argv[2]):
        holdings.add(Source(id=name, title=name, parser="list", layers=(Layer.MEMBERSHIP,), reliability=Reliability.B,
            licence="own", attribution="tests", category=Category.ATTACKER), path)
library.build()
"""
    runs = [
        subprocess.Popen([sys.executable, "-W", "error", "-c", script, str(tmp_path), str(n)], env={**os.environ}, stderr=subprocess.PIPE, text=True)
        for n in (1, 2)
    ]  # fmt: skip
    for run in runs:
        _, complaint = run.communicate(timeout=300)
        assert run.returncode == 0, complaint
    library.reread()
    assert library.is_built()
    assert {"own-1", "own-2", "shared"} <= {source.id for source in library.current().sources}


def test_damage_to_a_snapshot_is_noticed(home: Path) -> None:
    snapshot = wb.intel.build()
    path = snapshot.path / "rows.npy"
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(data)
    with pytest.raises(SnapshotError, match=r"rows\.npy has changed"):
        snapshot.verify()
    path.write_bytes(data[:-8])
    with pytest.raises(SnapshotError, match=r"rows\.npy has \d+ bytes"):
        Snapshot(snapshot.path)
    library.reread()
    path.unlink()
    with pytest.raises(SnapshotError, match=r"rows\.npy is missing"):
        Snapshot(snapshot.path)


def test_an_older_format_is_told_to_be_built_anew(home: Path) -> None:
    snapshot = wb.intel.build()
    manifest = json.loads((snapshot.path / "manifest.json").read_text())
    (snapshot.path / "manifest.json").write_text(json.dumps({**manifest, "format": 0}))
    with pytest.raises(SnapshotError, match="build it anew"):
        Snapshot(snapshot.path)


def test_the_judgement_is_kept_beside_the_snapshot_and_damage_to_it_heals(home: Path) -> None:
    snapshot = wb.intel.build()
    first = open_engine(snapshot).judgement
    (kept,) = snapshot.path.glob("judgement-*")
    (kept / "codes.npy").write_bytes(b"cut")
    from workbench.enrichment.reputation import judgement_of

    assert (judgement_of(Snapshot(snapshot.path)).codes == first.codes).all()


def test_a_source_given_twice_is_refused(home: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", "9.9.9.1\n")
    snapshot = wb.intel.build([(listing(), path), (listing(), path)], only=True)
    assert [s.id for s in snapshot.sources] == ["mine"]
