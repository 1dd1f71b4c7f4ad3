"""Files of one's own as sources, without a catalogue."""

from __future__ import annotations

import json
import os
import unicodedata
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import workbench as wb
from workbench.addresses.text import parse_networks
from workbench.cli.commands import workbench
from workbench.intel import Category, Layer, Reliability, Source, SourceError, holdings, library
from workbench.intel.entries import Entries, ParsedSource
from workbench.intel.parsers.building import visible

BASE = Source(
    id="base", title="Base", parser="list", layers=(Layer.MEMBERSHIP,), reliability=Reliability.B, licence="own",
    attribution="tests", category=Category.VPN,
)  # fmt: skip
SAMPLES = Path(__file__).parents[2] / "data" / "samples"


@pytest.fixture(autouse=True)
def base(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One small source in place of the pack, which takes seconds to build."""
    monkeypatch.setattr(holdings, "shipped", list)
    (tmp_path / "base.txt").write_text("9.9.8.1\n")
    holdings.add(BASE, tmp_path / "base.txt")


def test_a_list_of_ones_own_counts_after_the_next_build(home: Path, tmp_path: Path) -> None:
    blocklist = tmp_path / "Our Blocklist.txt"
    blocklist.write_text("# ours\n9.9.10.1 scans our VPN\n1.2.4.0/24, phishing host\n")
    added = wb.intel.add_file(blocklist, category="attacker", title="Our list")
    assert (added.source.id, added.source.parser) == ("our-blocklist", "list")
    wb.intel.build()
    found = wb.lookup("1.2.4.200")
    assert found.is_known_attacker
    assert "known attacker phishing host (Our list" in found.reasons
    assert "scans our VPN" in wb.lookup("9.9.10.1").reasons
    wb.intel.remove("our-blocklist")
    wb.intel.build()
    assert wb.lookup("1.2.4.200").verdict == "clean"


def test_a_list_without_a_date_is_as_old_as_its_file(home: Path, tmp_path: Path) -> None:
    for name, written in (("old", "2026-02-03"), ("zero", "1980-01-01")):
        feed = tmp_path / f"{name}.txt"
        feed.write_text("9.9.10.1\n")
        at = datetime.fromisoformat(written).replace(tzinfo=UTC).timestamp()
        os.utime(feed, (at, at))
        wb.intel.add_file(feed, category="attacker")
    today = f"fetched {datetime.now(UTC):%Y-%m-%d}"
    dated = {item.source.id: item.dated for item in holdings.available()}
    assert (dated["old"], dated["zero"]) == ("fetched 2026-02-03", today)
    told = wb.intel.add_file(feed, category="attacker", published=datetime(2026, 5, 6, tzinfo=UTC))
    assert told.dated == "2026-05-06"


def test_the_kind_of_a_file_is_told_by_what_is_in_it(home: Path, tmp_path: Path) -> None:
    (tmp_path / "ranges.csv").write_text("network,country,city\n1.2.4.0/24,NL,Delft\n")
    (tmp_path / "words.csv").write_text("address,why\n1.2.4.7,phishing\n1.2.4.8,scanning\n")
    (tmp_path / "warning.json").write_text(
        json.dumps({"name": "Ours", "type": "cidr", "version": 20261101, "list": ["1.2.5.0/24"]})
    )
    taken = {
        "ranges": wb.intel.add_file(tmp_path / "ranges.csv"),
        "words": wb.intel.add_file(tmp_path / "words.csv", category="abuser", reliability="C"),
        "warning": wb.intel.add_file(tmp_path / "warning.json", category="benign"),
        "sites": wb.intel.add_file(SAMPLES / "sites.mmdb"),
        "partner": wb.intel.add_file(SAMPLES / "exercise-indicators.json", id="partner"),
    }
    assert {name: item.source.parser for name, item in taken.items()} == {
        "ranges": "ranges", "words": "list", "warning": "misp", "sites": "mmdb", "partner": "stix",
    }  # fmt: skip
    wb.intel.build()
    assert wb.lookup("1.2.4.9").city == "Delft"
    assert wb.lookup("1.2.4.8").is_known_abuser
    assert wb.lookup("93.175.147.88").city == "Utrecht"
    assert "partner" in [item.source for item in wb.lookup("93.175.147.88").evidence]


def test_what_is_missing_or_wrong_is_told_with_the_mend(home: Path, tmp_path: Path) -> None:
    feed = tmp_path / "feed.txt"
    feed.write_text("9.9.9.1\n")
    for options, words in (
        ({}, r"what does it mean to be in feed.txt\? say its category, one of: tor"),
        ({"category": "bad"}, "no category 'bad'; there are: tor"),
        ({"category": "tor", "reliability": "Z"}, "no reliability 'Z'; there are: A, B"),
        ({"category": "tor", "parser": "xml"}, "no parser 'xml'; there are: abusech"),
        ({"category": "tor", "colour": 1}, "parser 'list' has no option 'colour'"),
        ({"category": "tor", "id": "../x"}, "'../x' is no id of a source"),
    ):
        with pytest.raises(ValueError, match=words):
            wb.intel.add_file(feed, **options)  # type: ignore[arg-type]
    with pytest.raises(SourceError, match="no such file"):
        wb.intel.add_file(tmp_path / "gone.txt", category="tor")
    (tmp_path / "odd.json").write_text("{}")
    with pytest.raises(ValueError, match="neither a STIX bundle nor a MISP warning list"):
        wb.intel.add_file(tmp_path / "odd.json", category="tor")
    with pytest.raises(LookupError, match="no source 'feed' was added; there are: base"):
        wb.intel.remove("feed")
    assert [item.source.id for item in holdings.available()] == ["base"]


def test_a_bad_file_leaves_the_one_before(home: Path, tmp_path: Path) -> None:
    feed = tmp_path / "feed.txt"
    feed.write_text("9.9.9.1\n")
    wb.intel.add_file(feed, category="attacker")
    feed.write_text("<!doctype html><html>moved</html>")
    with pytest.raises(SourceError, match="web page"):
        wb.intel.add_file(feed, category="attacker")
    (item,) = [item for item in holdings.available() if item.source.id == "feed"]
    assert item.path.read_text() == "9.9.9.1\n"


def test_add_and_remove_on_the_command_line(home: Path, tmp_path: Path) -> None:
    feed = tmp_path / "feed.txt"
    feed.write_text("9.9.10.1 ours\n")

    def run(*arguments: str) -> str:
        return CliRunner().invoke(workbench, ["intel", *arguments]).output

    assert "say its category" in run("add", str(feed))
    assert "taken in as feed, read as list" in run("add", str(feed), "--category", "attacker", "--grade", "a")
    assert wb.lookup("9.9.10.1").verdict == "malicious"
    assert "sources, as of" in run("remove", "feed")
    library.reread()
    assert wb.lookup("9.9.10.1").verdict == "clean"


STEERS = "evil\x1b]0;pwned\x07 \x1b[31mred \u202egpj"


def test_what_others_wrote_steers_no_terminal(home: Path, tmp_path: Path) -> None:
    indicator = {
        "type": "indicator", "spec_version": "2.1", "id": "indicator--8c939929-688f-4a72-badb-3dd1bd6af0fa", "created": "2026-11-01T00:00:00Z",
        "modified": "2026-11-01T00:00:00Z", "valid_from": "2026-11-01T00:00:00Z", "name": STEERS, "pattern_type": "stix",
        "pattern": "[ipv4-addr:value = '1.2.4.7']", "indicator_types": ["malicious-activity"],
    }  # fmt: skip
    bundle = {"type": "bundle", "id": "bundle--8c939929-688f-4a72-badb-3dd1bd6af0aa", "objects": [indicator]}
    (tmp_path / "partner.json").write_text(json.dumps(bundle))
    (tmp_path / "places.csv").write_text(f'network,country,city\n1.2.4.0/24,NL,"{STEERS}"\n')
    for name in ("partner.json", "places.csv"):
        wb.intel.add_file(tmp_path / name, title=STEERS)
    wb.intel.build()
    (tmp_path / "log.txt").write_text("1.2.4.7\n")
    for line in (
        ["lookup", "1.2.4.7"],
        ["triage", str(tmp_path / "log.txt")],
        ["intel", "list"],
        ["intel", "history", "1.2.4.7"],
    ):
        shown = CliRunner().invoke(workbench, line, color=True).stdout
        assert shown
        assert not set(STEERS) & {c for c in shown if not c.isprintable() and c != "\n"}, line
    record = wb.lookup("1.2.4.7")
    said = STEERS.translate(dict.fromkeys(map(ord, "\x1b\x07\u202e"), "\ufffd"))
    assert (record.city, record.evidence[0].label) == (said, said)


@given(st.lists(st.none() | st.text(), min_size=1), st.booleans())
def test_text_is_made_visible_and_otherwise_left_alone(texts: list[str | None], coded: bool) -> None:
    column = pa.array(texts, pa.string())
    table = pa.table({"label": column.dictionary_encode() if coded else column})
    entries = Entries(parse_networks(["192.0.2.0/24"] * len(texts)), table)
    (after,) = visible(ParsedSource({Layer.MEMBERSHIP: entries})).layers.values()
    assert after.attributes.schema == table.schema
    for before, shown in zip(texts, after.attributes.column("label").to_pylist(), strict=True):
        if before is None or before.isprintable():
            assert shown == before
        else:
            assert len(shown) == len(before)
            assert not any(unicodedata.category(c) in ("Cc", "Zl", "Zp") for c in shown)


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_a_table_of_ranges_may_be_divided_as_any_spreadsheet_does_it(
    home: Path, tmp_path: Path, mark: str
) -> None:
    table = tmp_path / "told.csv"
    table.write_text(
        mark.join(("network", "country", "city"))
        + "\n"
        + mark.join(("185.246.188.0/24", "RO", "Bucharest"))
        + "\n"
    )
    wb.intel.add_file(table)
    wb.intel.build()
    found = wb.lookup("185.246.188.9")
    assert (found.country, found.city) == ("RO", "Bucharest")
