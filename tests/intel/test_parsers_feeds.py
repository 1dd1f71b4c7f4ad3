"""Feeds of attackers and exits, in the forms their publishers give."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.addresses.text import to_text_of_ranges
from workbench.intel.entries import ParsedSource
from workbench.intel.parsers import parse
from workbench.intel.parsers.building import times
from workbench.intel.parsers.stix import addresses_in
from workbench.intel.source import Category, Layer, Source, SourceError
from workbench.secrecy import MARKING_IDS, TLP

Make = Callable[..., Source]


def table(parsed: ParsedSource) -> dict[str, dict[str, Any]]:
    """Rows of the membership layer by their range."""
    entries = parsed.layers[Layer.MEMBERSHIP]
    return dict(
        zip(to_text_of_ranges(entries.ranges).to_pylist(), entries.attributes.to_pylist(), strict=True)
    )


def written(tmp_path: Path, content: object) -> Path:
    path = tmp_path / "feed"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


# -- abuse.ch ------------------------------------------------------------------------------------------------

BANNER = """\
################################################################
# abuse.ch {title}
# Last updated: 2026-08-20 06:01:03 UTC                        #
#                                                              #
# For questions please contact someone                         #
################################################################
#
"""

FEODO = (
    BANNER
    + '"first_seen_utc","dst_ip","dst_port","c2_status","last_online","malware"\n'
    + '"2022-06-04 21:24:53","192.0.2.7","8080","online","2026-08-19","Emotet"\n'
    + '"2023-01-04 21:24:53","198.51.100.9","443","offline","2026-08-01","QakBot"\n'
    + "# END 2 entries\n"
)
THREATFOX = (
    BANNER
    + '# "first_seen_utc","ioc_id","ioc_value","ioc_type","threat_type","fk_malware","malware_alias",'
    + '"malware_printable","last_seen_utc","confidence_level","reference","tags","anonymous","reporter"\n'
    + '"2026-08-20 05:45:20", "1000001", "192.0.2.77:4444", "ip:port", "botnet_cc", "win.cobalt_strike",'
    + ' "Agentemis,BEACON", "Cobalt Strike", "", "75", "None", "c2,cs", "0", "someone"\n'
    + '"2026-08-20 05:40:20", "1000002", "bad.example", "domain", "botnet_cc", "win.x",'
    + ' "None", "X", "", "100", "None", "", "0", "someone"\n'
    + '"2026-08-20 05:41:20", "1000003", "http://198.51.100.3:81/a.sh", "url", "payload_delivery", "elf.mirai",'
    + ' "Katana", "Mirai", "2026-08-20 05:50:00", "40", "None", "", "0", "someone"\n'
    + "# Number of entries: 3\n"
)
URLHAUS = (
    BANNER
    + "# id,dateadded,url,url_status,last_online,threat,tags,urlhaus_link,reporter\n"
    + '"1","2026-08-20 05:58:08","http://203.0.113.99:36041/bin.sh","online","2026-08-20 05:58:08",'
    + '"malware_download","32-bit,elf","https://urlhaus.abuse.ch/url/1/","x"\n'
    + '"2","2026-08-20 05:58:08","https://cdn.example/x.exe","online","","malware_download","exe","https://x/","x"\n'
    + '"3","2026-08-20 05:58:08","http://user@[2001:db8::5]/y","offline","","malware_download","exe","https://x/","x"\n'
)
SSLBL = BANNER + "# Firstseen,DstIP,DstPort\n2026-08-10 10:00:00,203.0.113.4,443\n"


def test_feodo_tracker(tmp_path: Path, source: Make) -> None:
    parsed = parse(written(tmp_path, FEODO), source("abusech", category=Category.ATTACKER))
    found = table(parsed)
    assert list(found) == ["192.0.2.7/32", "198.51.100.9/32"]
    assert found["192.0.2.7/32"]["label"] == "Emotet"
    assert found["192.0.2.7/32"]["first_seen"] == datetime(2022, 6, 4, 21, 24, 53, tzinfo=UTC)
    assert found["192.0.2.7/32"]["last_seen"] == datetime(2026, 8, 19, tzinfo=UTC)
    assert parsed.published == datetime(2026, 8, 20, 6, 1, 3, tzinfo=UTC)


def test_feodo_tracker_with_nothing_to_report(tmp_path: Path, source: Make) -> None:
    text = "\n".join(line for line in FEODO.splitlines() if not line.startswith('"2'))
    assert table(parse(written(tmp_path, text), source("abusech", category=Category.ATTACKER))) == {}


def test_threatfox_keeps_addresses_and_passes_over_domains(tmp_path: Path, source: Make) -> None:
    parsed = parse(written(tmp_path, THREATFOX), source("abusech", category=Category.ATTACKER))
    found = table(parsed)
    assert {k: (v["label"], v["confidence"]) for k, v in found.items()} == {
        "192.0.2.77/32": ("Cobalt Strike", 75),
        "198.51.100.3/32": ("Mirai", 40),
    }
    assert parsed.metadata["passed_over"] == "1"
    assert parsed.rejected_count == 0
    sure = parse(
        written(tmp_path, THREATFOX), source("abusech", category=Category.ATTACKER, min_confidence=50)
    )
    assert list(table(sure)) == ["192.0.2.77/32"]


def test_urlhaus_and_sslbl(tmp_path: Path, source: Make) -> None:
    parsed = parse(written(tmp_path, URLHAUS), source("abusech", category=Category.ATTACKER))
    assert list(table(parsed)) == ["203.0.113.99/32", "2001:db8::5/128"]
    assert parsed.metadata["passed_over"] == "1"
    assert list(table(parse(written(tmp_path, SSLBL), source("abusech", category=Category.ATTACKER)))) == [
        "203.0.113.4/32"
    ]


def test_abusech_as_json(tmp_path: Path, source: Make) -> None:
    feodo = [{"ip_address": "192.0.2.7", "port": 443, "status": "offline", "hostname": None, "malware": "QakBot",
              "first_seen": "2023-01-04 21:24:53", "last_online": "2026-08-01"}]  # fmt: skip
    export = {"1": [{"ioc_value": "192.0.2.7:4444", "ioc_type": "ip:port", "malware_printable": "QakBot",
                     "first_seen_utc": "2023-01-04 21:24:53", "last_seen_utc": None, "confidence_level": 75}]}  # fmt: skip
    api = {"query_status": "ok", "data": [{"ioc": "192.0.2.7:4444", "ioc_type": "ip:port", "malware": "win.qakbot",
           "malware_printable": "QakBot", "first_seen": "2023-01-04 21:24:53 UTC", "confidence_level": 75}]}  # fmt: skip
    for document in (feodo, export, api):
        found = table(parse(written(tmp_path, document), source("abusech", category=Category.ATTACKER)))
        assert found["192.0.2.7/32"]["label"] == "QakBot"
        assert found["192.0.2.7/32"]["first_seen"] == datetime(2023, 1, 4, 21, 24, 53, tzinfo=UTC)


def test_a_damaged_row_is_put_aside_with_its_line(tmp_path: Path, source: Make) -> None:
    text = FEODO.replace(
        "# END", '"2023-01-04 21:24:53","198.51.100"\n"2023-01-04 21:24:53","nohost","1","","",""\n# END'
    )
    parsed = parse(written(tmp_path, text), source("abusech", category=Category.ATTACKER))
    assert len(table(parsed)) == 2
    assert [r.position for r in parsed.rejected] == [11, 12]


# -- Spamhaus, Onionoo, MISP ---------------------------------------------------------------------------------

DROP = (
    '{"cidr":"1.10.16.0/20","sblid":"SBL256894","rir":"apnic"}\n'
    '{"cidr":"2001:db8::/32","sblid":"SBL2","rir":"ripencc"}\n'
    '{"type":"metadata","timestamp":1780000000,"size":99,"records":2,"copyright":"(c) 2026","terms":"x"}\n'
)


def test_spamhaus_drop(tmp_path: Path, source: Make) -> None:
    parsed = parse(written(tmp_path, DROP), source("spamhaus", category=Category.ATTACKER))
    assert {k: v["label"] for k, v in table(parsed).items()} == {
        "1.10.16.0/20": "SBL256894",
        "2001:db8::/32": "SBL2",
    }
    assert parsed.published == datetime.fromtimestamp(1_780_000_000, UTC)


def test_spamhaus_bad_lines(tmp_path: Path, source: Make) -> None:
    bad = 'not json\n{"what": 1}\n'
    parsed = parse(written(tmp_path, DROP + bad), source("spamhaus", category=Category.ATTACKER))
    assert [r.position for r in parsed.rejected] == [4, 5]
    with pytest.raises(SourceError, match="lists 1 AS numbers and no address; take drop_v4"):
        parse(
            written(tmp_path, '{"asn":64500,"rir":"x","domain":"d"}\n'),
            source("spamhaus", category=Category.ATTACKER),
        )


def test_onionoo_gives_exits_only(tmp_path: Path, source: Make) -> None:
    document = {
        "version": "8.0", "relays_published": "2026-08-20 12:00:00",
        "relays": [
            {"nickname": "exit1", "fingerprint": "A" * 40, "or_addresses": ["185.220.101.4:9001", "[2001:db8::4]:9001"],
             "exit_addresses": ["185.220.101.5"], "flags": ["Exit", "Running"], "first_seen": "2020-01-01 00:00:00",
             "last_seen": "2026-08-20 11:00:00"},
            {"nickname": "guard", "fingerprint": "B" * 40, "or_addresses": ["192.0.2.1:443"], "flags": ["Guard"]},
            {"nickname": "hidden", "fingerprint": "C" * 40, "or_addresses": ["192.0.2.2:443"],
             "exit_addresses": ["192.0.2.3"], "flags": ["Running"]},
        ],
        "bridges": [],
    }  # fmt: skip
    parsed = parse(written(tmp_path, document), source("onionoo", category=Category.TOR))
    found = table(parsed)
    assert set(found) == {"185.220.101.5/32", "185.220.101.4/32", "2001:db8::4/128", "192.0.2.3/32"}
    assert found["185.220.101.5/32"]["note"] == f"relay exit1 {'A' * 40}"
    assert found["185.220.101.5/32"]["last_seen"] == datetime(2026, 8, 20, 11, tzinfo=UTC)
    assert parsed.published == datetime(2026, 8, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("version", "published"),
    [
        (20260801, datetime(2026, 8, 1, tzinfo=UTC)),
        (25121022, datetime(2025, 12, 10, 22, tzinfo=UTC)),
        (3, None),
    ],
)
def test_misp_warning_list(tmp_path: Path, source: Make, version: int, published: datetime | None) -> None:
    document = {"name": "List of known things", "type": "cidr", "version": version, "description": "",
                "list": ["192.0.2.0/24", "2001:db8::1", "198.51.100.7"], "matching_attributes": ["ip-src"]}  # fmt: skip
    parsed = parse(written(tmp_path, document), source("misp", category=Category.SCANNER))
    found = table(parsed)
    assert set(found) == {"192.0.2.0/24", "2001:db8::1/128", "198.51.100.7/32"}
    assert {row["label"] for row in found.values()} == {"List of known things"}
    assert parsed.published == published


def test_misp_list_of_other_things_is_refused(tmp_path: Path, source: Make) -> None:
    # "3::" is the fuzzy hash of an empty file, and an address by accident.
    document = {
        "name": "Hashes",
        "type": "string",
        "version": 1,
        "list": ["3::", "d41d8cd98f00b204", "da39a3ee5e6b4b0d"],
    }
    with pytest.raises(SourceError, match="2 of 3 entries are none"):
        parse(written(tmp_path, document), source("misp", category=Category.BENIGN))
    with pytest.raises(SourceError, match="type 'regex'"):
        parse(written(tmp_path, {**document, "type": "regex"}), source("misp", category=Category.BENIGN))


# -- STIX ----------------------------------------------------------------------------------------------------


def indicator(number: int, pattern: str, **more: Any) -> dict[str, Any]:
    return {
        "type": "indicator", "spec_version": "2.1", "id": f"indicator--{number:08d}-0000-4000-8000-000000000000",
        "created": "2026-06-01T00:00:00.000Z", "modified": "2026-06-02T00:00:00.000Z", "name": f"threat {number}",
        "indicator_types": ["malicious-activity"], "pattern": pattern, "pattern_type": "stix",
        "valid_from": "2026-06-01T00:00:00Z", **more,
    }  # fmt: skip


def bundle(*items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "bundle", "id": "bundle--00000000-0000-4000-8000-000000000000", "objects": list(items)}


def test_stix_indicators_become_entries(tmp_path: Path, source: Make) -> None:
    document = bundle(
        indicator(1, "[ipv4-addr:value = '192.0.2.1']", confidence=80),
        indicator(2, "[ipv4-addr:value ISSUBSET '198.51.100.0/24'] OR [ipv6-addr:value = '2001:db8::1']"),
        indicator(
            3,
            "[ipv4-addr:value = '192.0.2.3' OR ipv4-addr:value = '192.0.2.4']",
            indicator_types=["anonymization"],
        ),
        indicator(4, "[domain-name:value = 'bad.example']"),
        indicator(5, "[ipv4-addr:value = '192.0.2.5' AND network-traffic:dst_port = 80]"),
        indicator(6, "[ipv4-addr:value = '192.0.2.6']", revoked=True),
        indicator(7, "[ipv4-addr:value = '192.0.2.7']", valid_until="2026-06-01T12:00:00Z"),
        {"type": "identity", "id": "identity--1", "name": "x"},
        {"type": "ipv4-addr", "id": "ipv4-addr--1", "value": "203.0.113.9"},
    )
    parsed = parse(written(tmp_path, document), source("stix"))
    found = table(parsed)
    assert set(found) == {
        "192.0.2.1/32", "198.51.100.0/24", "2001:db8::1/128", "192.0.2.3/32", "192.0.2.4/32", "192.0.2.7/32",
    }  # fmt: skip
    first = found["192.0.2.1/32"]
    assert (first["category"], first["label"], first["confidence"]) == ("attacker", "threat 1", 80)
    assert first["first_seen"] == datetime(2026, 6, 1, tzinfo=UTC)
    assert first["last_seen"] == datetime(2026, 6, 2, tzinfo=UTC)
    assert found["192.0.2.7/32"]["last_seen"] == datetime(2026, 6, 1, 12, tzinfo=UTC)
    assert found["192.0.2.3/32"]["category"] == "proxy"
    assert [r.position for r in parsed.rejected] == [5]
    assert parsed.metadata["passed_over"] == "1"
    assert parsed.published == datetime(2026, 6, 2, tzinfo=UTC)


def test_the_newest_version_of_an_indicator_counts(tmp_path: Path, source: Make) -> None:
    old = indicator(1, "[ipv4-addr:value = '192.0.2.1']")
    new = {**old, "modified": "2026-07-01T00:00:00Z", "revoked": True}
    for order in ((old, new), (new, old)):
        assert table(parse(written(tmp_path, bundle(*order)), source("stix"))) == {}


@pytest.mark.parametrize("level", list(TLP))
def test_a_list_holds_nothing_that_is_red_and_no_name_that_is_not_for_all(tmp_path: Path, source: Make, level: TLP) -> None:  # fmt: skip
    """It goes into triage, reports and exports, whoever they are for."""
    marked = {"name": "C2 of the ministry", "object_marking_refs": [MARKING_IDS[level]]}
    parts = {
        "name": "C2 of the ministry",
        "granular_markings": [{"marking_ref": MARKING_IDS[level], "selectors": ["name"]}],
    }
    addresses = ["192.0.2.1", "192.0.2.2"]
    items = [
        indicator(number, f"[ipv4-addr:value = '{address}']", **how)
        for number, (address, how) in enumerate(zip(addresses, (marked, parts), strict=True))
    ]
    parsed = parse(written(tmp_path, bundle(*items)), source("stix"))
    if level == TLP.RED:
        assert table(parsed) == {}
        assert parsed.rejected_count == 2
        assert "workbench stix import" in parsed.rejected[0].reason
        return
    labels = {row["label"] for row in table(parsed).values()}
    assert set(table(parsed)) == {f"{address}/32" for address in addresses}
    assert labels == {"C2 of the ministry" if level == TLP.CLEAR else "malicious-activity"}


def test_a_bundle_of_addresses_alone_is_a_list(tmp_path: Path, source: Make) -> None:
    document = bundle(
        {"type": "ipv4-addr", "id": "ipv4-addr--1", "value": "203.0.113.0/28"},
        {"type": "ipv6-addr", "id": "ipv6-addr--2", "value": "2001:db8::9"},
    )
    assert set(table(parse(written(tmp_path, document), source("stix")))) == {
        "203.0.113.0/28",
        "2001:db8::9/128",
    }
    with pytest.raises(SourceError, match="without indicators or addresses"):
        parse(written(tmp_path, bundle({"type": "identity", "id": "identity--1"})), source("stix"))


@pytest.mark.parametrize(
    ("pattern", "addresses"),
    [
        ("[ ipv4-addr:value='1.2.3.4' ]", ["1.2.3.4"]),
        (
            "([ipv4-addr:value = '1.2.3.4']) OR [network-traffic:dst_ref.value = '5.6.7.8']",
            ["1.2.3.4", "5.6.7.8"],
        ),
        ("[ipv4-addr:value = '1.2.3.4'] FOLLOWEDBY [ipv4-addr:value = '5.6.7.8']", None),
        ("[ipv4-addr:value != '1.2.3.4']", None),
        ("[NOT ipv4-addr:value = '1.2.3.4']", None),
        ("[ipv4-addr:value = '1.2.3.4'] REPEATS 5 TIMES", None),
        ("[ipv4-addr:value IN ('1.2.3.4')]", None),
        ("[ipv4-addr:value = '1.2.3.4", None),
        ("", None),
    ],
)
def test_only_patterns_of_addresses_joined_by_or_are_a_list(
    pattern: str, addresses: list[str] | None
) -> None:
    assert addresses_in(pattern) == addresses


@given(st.text(st.sampled_from("[]() ORipv4-addr:value='1.2\\"), max_size=80))
def test_no_pattern_breaks_the_reader(pattern: str) -> None:
    found = addresses_in(pattern)
    assert found is None or all(isinstance(item, str) for item in found)


# -- times ---------------------------------------------------------------------------------------------------


@given(
    st.datetimes(datetime(1970, 1, 1), datetime(2199, 1, 1)),
    st.sampled_from(["", "Z", " UTC", "+00:00"]),
    st.sampled_from("T "),
)
def test_times_are_read_to_the_second(moment: datetime, zone: str, between: str) -> None:
    moment = moment.replace(microsecond=0)
    texts = [
        moment.isoformat(between) + zone,
        moment.isoformat(between) + ".250" + zone,
        moment.date().isoformat(),
    ]
    expected = [moment, moment, moment.replace(hour=0, minute=0, second=0)]
    assert times(texts).to_pylist() == [e.replace(tzinfo=UTC) for e in expected]


def test_what_is_no_time_is_null() -> None:
    texts = [
        None,
        "",
        "None",
        "soon",
        "2026-13-40",
        "2026-06-01 25:00:00",
        "2026-06-01T10:00:00+02:00",
        "20260601",
    ]
    assert times(texts).to_pylist() == [None] * len(texts)
