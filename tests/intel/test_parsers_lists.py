"""Plain lists and their relatives, as publishers write them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.addresses.text import to_text_of_ranges
from workbench.intel.entries import Entries, ParsedSource
from workbench.intel.parsers import parse
from workbench.intel.source import Category, Layer, Source, SourceError

Make = Callable[..., Source]


def members(parsed: ParsedSource) -> Entries:
    return parsed.layers[Layer.MEMBERSHIP]


def texts(parsed: ParsedSource) -> list[str]:
    return list(to_text_of_ranges(members(parsed).ranges).to_pylist())


def column(parsed: ParsedSource, name: str) -> list[object]:
    return list(members(parsed).attributes.column(name).to_pylist())


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "list.txt"
    path.write_text(text)
    return path


def test_every_way_to_write_an_entry_is_read(tmp_path: Path, source: Make) -> None:
    text = """\
# comment
; another
// and another
192.0.2.1
192.0.2.2 # with a comment
192.0.2.3;SBL1234
  192.0.2.4\ttext
192.0.2.5, text, more
192.0.2.6:8080
198.51.100.0/24 ; SBL5
198.51.100.77/25
203.0.113.4-203.0.113.9
203.0.113.20 - 203.0.113.30
203.0.113.40 - de.example
2001:db8::/32
2001:DB8:0:0::1
"192.0.2.7"
::ffff:192.0.2.8
"""
    parsed = parse(written(tmp_path, text), source("list", category=Category.ATTACKER))
    assert texts(parsed) == [
        "192.0.2.1/32", "192.0.2.2/32", "192.0.2.3/32", "192.0.2.4/32", "192.0.2.5/32", "192.0.2.6/32",
        "198.51.100.0/24", "198.51.100.0/25", "203.0.113.4-203.0.113.9", "203.0.113.20-203.0.113.30",
        "203.0.113.40/32", "2001:db8::/32", "2001:db8::1/128", "192.0.2.7/32", "192.0.2.8/32",
    ]  # fmt: skip
    assert parsed.rejected_count == 0
    assert set(column(parsed, "category")) == {"attacker"}


def test_a_bad_line_is_reported_with_its_number_and_never_fails_the_list(
    tmp_path: Path, source: Make
) -> None:
    text = "# head\n192.0.2.1\n192.0.2.256\n192.0.2.2\n\nhost.example\n192.0.2.3\n010.0.0.1\n192.0.2.4\x07\n192.0.2.5\n"
    parsed = parse(written(tmp_path, text), source("list", category=Category.ATTACKER))
    assert texts(parsed) == ["192.0.2.1/32", "192.0.2.2/32", "192.0.2.3/32", "192.0.2.5/32"]
    assert [(r.position, r.text) for r in parsed.rejected] == [
        (3, "192.0.2.256"), (6, "host.example"), (8, "010.0.0.1"), (9, "192.0.2.4\ufffd"),
    ]  # fmt: skip


def test_a_list_that_is_mostly_something_else_is_refused(tmp_path: Path, source: Make) -> None:
    text = "192.0.2.1\n" + "host.example\n" * 3
    with pytest.raises(SourceError, match=r"3 of 4 entries are none \('host.example' at 2\)"):
        parse(written(tmp_path, text), source("list", category=Category.ATTACKER))


def test_nobody_can_list_the_whole_internet(tmp_path: Path, source: Make) -> None:
    text = "192.0.2.1\n0.0.0.0/0\n::/0\n2001:db8::/32\n128.0.0.0/3\n2.0.0.0/8\n"
    parsed = parse(written(tmp_path, text), source("list", category=Category.ATTACKER))
    assert texts(parsed) == ["192.0.2.1/32", "2001:db8::/32", "2.0.0.0/8"]
    assert [r.position for r in parsed.rejected] == [2, 3, 5]


def test_a_list_of_comments_says_that_nothing_is_listed_today(tmp_path: Path, source: Make) -> None:
    parsed = parse(
        written(tmp_path, "# Last updated: 2026-08-20 06:01:03 UTC\n# no entries\n"),
        source("list", category=Category.TOR),
    )
    assert texts(parsed) == []
    assert parsed.published == datetime(2026, 8, 20, 6, 1, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("# Last update: Sat, 22 Aug 2026 03:00:29 +0200", datetime(2026, 8, 22, 1, 0, 29, tzinfo=UTC)),
        ("# Source File Date: Fri Jun  5 08:01:07 UTC 2026", datetime(2026, 6, 5, 8, 1, 7, tzinfo=UTC)),
        ("; Last-Modified: Fri, 05 Jun 2026 08:01:07 GMT", datetime(2026, 6, 5, 8, 1, 7, tzinfo=UTC)),
        ("# updated 2026-06-05T08:01:07Z", datetime(2026, 6, 5, 8, 1, 7, tzinfo=UTC)),
        ("# no date at all", None),
        ("# updated often, see 12 months ago", None),
    ],
)
def test_the_date_of_a_list_is_taken_from_its_head(
    tmp_path: Path, source: Make, head: str, expected: datetime | None
) -> None:
    assert (
        parse(written(tmp_path, f"{head}\n192.0.2.1\n"), source("list", category=Category.TOR)).published
        == expected
    )


def test_firehol_netset(tmp_path: Path, source: Make) -> None:
    text = """\
#
# firehol_level1
#
# ipv4 hash:net ipset
#
# Maintainer      : FireHOL
# Source File Date: Fri Jun  5 08:01:07 UTC 2026
# This File Date  : Fri Jun  5 08:06:50 UTC 2026
# Update Frequency: 1 min
#
1.10.16.0/20
1.19.0.0/16
223.254.0.0/16
"""
    parsed = parse(written(tmp_path, text), source("list", category=Category.ATTACKER))
    assert texts(parsed) == ["1.10.16.0/20", "1.19.0.0/16", "223.254.0.0/16"]
    assert parsed.published == datetime(2026, 6, 5, 8, 1, 7, tzinfo=UTC)


def test_ipsum_counts_lists_as_level(shared: Path, source: Make) -> None:
    path = shared / "ipsum" / "ipsum-2026-08-22.txt.gz"
    parsed = parse(path, source("list", category=Category.ATTACKER, levels=True))
    assert len(members(parsed).ranges) == 120_430
    levels = column(parsed, "level")
    assert max(levels) == 10
    assert min(levels) == 1
    few = parse(path, source("list", category=Category.ATTACKER, levels=True, min_level=3))
    assert len(members(few).ranges) == sum(level >= 3 for level in levels)
    assert parsed.published == datetime(2026, 8, 22, 1, 0, 29, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "entries"), [("vpn-ipv4", 10_862), ("datacenter-ipv4", None), ("datacenter-ipv6", 8_752)]
)
def test_real_lists_of_ranges(shared: Path, source: Make, name: str, entries: int | None) -> None:
    parsed = parse(shared / "vpn-ranges" / f"{name}.txt.gz", source("list", category=Category.VPN))
    assert parsed.rejected_count == 0
    assert len(members(parsed).ranges) > 5000
    assert entries is None or len(members(parsed).ranges) == entries


TOR = """\
ExitNode 0011BD2485AD45D984EC4159C88FC066E5E3300E
Published 2026-08-20 16:15:39
LastStatus 2026-08-21 00:00:00
ExitAddress 162.247.74.201 2026-08-21 00:08:29
ExitNode 0011CB2E2F6E8B1E9D4B9C1F6F1B1C1D1E1F2021
Published 2026-08-20 16:15:39
LastStatus 2026-08-21 01:00:00
ExitAddress 185.220.101.4 2026-08-20 23:08:29
ExitAddress 185.220.101.5 2026-08-20 23:09:29
"""


def test_tor_exit_addresses_keep_relay_and_time(tmp_path: Path, source: Make) -> None:
    parsed = parse(written(tmp_path, TOR), source("tor-exits", category=Category.TOR))
    assert texts(parsed) == ["162.247.74.201/32", "185.220.101.4/32", "185.220.101.5/32"]
    assert column(parsed, "note")[1:] == ["relay 0011CB2E2F6E8B1E9D4B9C1F6F1B1C1D1E1F2021"] * 2
    assert column(parsed, "last_seen")[0] == datetime(2026, 8, 21, 0, 8, 29, tzinfo=UTC)
    assert parsed.published == datetime(2026, 8, 21, 1, tzinfo=UTC)
    assert parsed.rejected_count == 0


def test_tor_bulk_list(tmp_path: Path, source: Make) -> None:
    parsed = parse(
        written(tmp_path, "162.247.74.201\n185.220.101.4\n"), source("tor-exits", category=Category.TOR)
    )
    assert texts(parsed) == ["162.247.74.201/32", "185.220.101.4/32"]


def test_a_damaged_tor_record_is_reported(tmp_path: Path, source: Make) -> None:
    parsed = parse(
        written(tmp_path, TOR + "ExitAddress nonsense 2026-08-20 23:09:29\nwhat is this\n"),
        source("tor-exits", category=Category.TOR),
    )
    assert len(texts(parsed)) == 3
    assert [(r.position, r.text) for r in parsed.rejected] == [(10, "nonsense"), (11, "what is this")]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.ip_addresses().filter(lambda a: getattr(a, "ipv4_mapped", None) is None),
            st.sampled_from(["", " ", "\t", " # x", "; y", ",z", " text with 1.2.3.4"]),
        ),
        min_size=1,
        max_size=30,
    )
)
def test_any_address_with_any_tail_is_read(
    tmp_path: Path, source: Make, items: list[tuple[object, str]]
) -> None:
    text = "\n".join(f"{address}{tail}" for address, tail in items)
    parsed = parse(written(tmp_path, text), source("list", category=Category.ATTACKER))
    assert [t.rpartition("/")[0] for t in texts(parsed)] == [str(address) for address, _ in items]


def test_a_spaced_range_beside_a_line_that_is_no_entry_fails_neither(tmp_path: Path, source: Make) -> None:
    text = "203.0.113.4 - 203.0.113.9\nhost.example\n192.0.2.2\n192.0.2.3\n"
    parsed = parse(written(tmp_path, text), source("list", category=Category.ATTACKER))
    assert texts(parsed) == ["203.0.113.4-203.0.113.9", "192.0.2.2/32", "192.0.2.3/32"]
    assert [(r.position, r.text) for r in parsed.rejected] == [(2, "host.example")]
