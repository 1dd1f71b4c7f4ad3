"""What each provider's answer comes to, and what a hostile one cannot do.

The answers were composed from the providers' public documentation, not captured from the services.
"""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.intel.providers import PROVIDERS, ProviderError
from workbench.intel.providers.reading import boolean, integer, moment, text, texts, unpacked
from workbench.intel.source import Category

ADDRESS = "185.39.207.84"


def found(recorded: ModuleType, name: str, content: Any = None) -> list[tuple[str, str, int | None]]:
    parsed = PROVIDERS[name].parse(recorded.ALL[name] if content is None else content, ADDRESS)
    return [(str(f.category), f.label, f.confidence) for f in parsed.findings]


@pytest.mark.parametrize(
    ("name", "findings"),
    [
        ("abuseipdb", [("abuser", "reported", 83), ("datacenter", "Example Hosting B.V.", None)]),
        ("greynoise", [("attacker", "", 90)]),
        ("greynoise-context", [("attacker", "", 90), ("vpn", "Example VPN", None)]),
        ("internetdb", [("datacenter", "cloud", None), ("attacker", "c2", 80)]),
        ("ipinfo", [("vpn", "Example VPN", None), ("datacenter", "Example Hosting B.V.", None)]),
        ("ipinfo-lite", []),
        ("otx", [("abuser", "SSH brute force, honeypot", 28)]),
        ("virustotal", [("attacker", "malicious", 89)]),
    ],
)
def test_an_answer_becomes_these_findings(recorded: ModuleType, name: str, findings: list[Any]) -> None:
    assert found(recorded, name) == findings


def test_facts_inform_and_sightings_carry_their_dates(recorded: ModuleType) -> None:
    ports = PROVIDERS["internetdb"].parse(recorded.INTERNETDB, ADDRESS).facts
    assert ports["open ports"] == "22, 443, 8080"
    assert ports["weaknesses"] == "CVE-2018-15473"
    for name in ("abuseipdb", "greynoise-context", "otx", "virustotal"):
        finding = PROVIDERS[name].parse(recorded.ALL[name], ADDRESS).findings[0]
        assert finding.last_seen is not None
        assert finding.last_seen == recorded.YESTERDAY, name
    lite = PROVIDERS["ipinfo-lite"].parse(recorded.IPINFO_LITE, ADDRESS).facts
    assert lite["network"] == "AS64500 Example Hosting B.V."


def test_both_forms_of_ipinfo_are_read(recorded: ModuleType) -> None:
    assert found(recorded, "ipinfo", recorded.IPINFO_OLDER) == [("proxy", "", None), ("datacenter", "", None)]


def test_what_could_be_spoofed_is_not_held_against_the_address(recorded: ModuleType) -> None:
    content = copy.deepcopy(recorded.GREYNOISE_CONTEXT)
    content["internet_scanner_intelligence"]["spoofable"] = True
    assert [kind for kind, _, _ in found(recorded, "greynoise-context", content)] == ["vpn"]


def test_known_services_and_whitelists_speak_for_the_address(recorded: ModuleType) -> None:
    riot = {
        **recorded.GREYNOISE,
        "noise": False,
        "riot": True,
        "classification": "benign",
        "name": "Public DNS",
    }
    assert found(recorded, "greynoise", riot) == [("benign", "Public DNS", None)]
    scanner = {**recorded.GREYNOISE, "classification": "benign", "name": "Research Scanner"}
    assert found(recorded, "greynoise", scanner) == [("scanner", "Research Scanner", None)]
    unknown = {**recorded.GREYNOISE, "classification": "unknown"}
    assert found(recorded, "greynoise", unknown) == []
    listed = {"data": {**recorded.ABUSEIPDB["data"], "isWhitelisted": True, "abuseConfidenceScore": 0, "usageType": None}}  # fmt: skip
    assert found(recorded, "abuseipdb", listed) == [("benign", "AbuseIPDB whitelist", None)]
    validated = {
        **recorded.OTX,
        "pulse_info": {"count": 0, "pulses": []},
        "validation": [{"source": "majestic", "message": "Whitelisted domain", "name": "Whitelist"}],
    }
    assert found(recorded, "otx", validated) == [("benign", "OTX majestic", None)]


@pytest.mark.parametrize("name", PROVIDERS)
def test_an_answer_about_another_address_is_refused(recorded: ModuleType, name: str) -> None:
    with pytest.raises(ProviderError, match=r"the answer is about '185\.39\.207\.84', not 9\.9\.9\.9"):
        PROVIDERS[name].parse(recorded.ALL[name], "9.9.9.9")


@pytest.mark.parametrize("name", PROVIDERS)
@pytest.mark.parametrize("content", [None, [], "text", 7, {}, {"data": []}, {"data": {"attributes": []}}])
def test_an_answer_of_another_shape_is_refused(name: str, content: Any) -> None:
    with pytest.raises(ProviderError, match=name):
        PROVIDERS[name].parse(content, ADDRESS)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@pytest.mark.parametrize("name", PROVIDERS)
@given(data=st.data())
def test_no_value_of_a_wrong_type_gets_through(recorded: ModuleType, name: str, data: st.DataObject) -> None:
    """Any one value of a true answer replaced by any other JSON gives findings within bounds, or a plain error."""
    content = copy.deepcopy(recorded.ALL[name])
    places: list[tuple[Any, Any]] = []

    def walk(node: Any) -> None:
        for at, inner in node.items() if isinstance(node, dict) else enumerate(node):
            places.append((node, at))
            if isinstance(inner, dict | list):
                walk(inner)

    walk(content)
    node, at = data.draw(st.sampled_from(places))
    node[at] = data.draw(_JSON)
    try:
        parsed = PROVIDERS[name].parse(content, ADDRESS)
    except ProviderError:
        return
    for finding in parsed.findings:
        assert isinstance(finding.category, Category)
        assert len(finding.label) <= 200
        assert finding.confidence is None or 0 <= finding.confidence <= 100
        for when in (finding.first_seen, finding.last_seen):
            assert when is None or (when.tzinfo is not None and when <= datetime.now(UTC) + timedelta(days=1))
    for fact in parsed.facts.values():
        assert isinstance(fact, str)
        assert len(fact) < 2500
        assert fact.isprintable()


def test_text_loses_what_deceives_the_eye() -> None:
    assert text("a\u202eb\x00c\x1b[31m\nd") == "abc[31m d"
    assert text("a\xa0b\u2028c") == "a b c"
    assert text("x" * 500) == "x" * 199 + "…"
    assert text(["x"]) == text(None) == ""
    assert texts(range(20), 3) == "0, 1, 2 and 17 more"


def test_numbers_and_dates_out_of_range_are_absent() -> None:
    assert [integer(value, 0, 100) for value in (5, 5.0, True, "5", -1, 101, 1e300, None)] == [
        5,
        5,
        *[None] * 6,
    ]
    assert not boolean("true")
    assert not boolean(1)
    nobody = ["", "soon", "0001-01-01", "9999-12-31T23:59:59", 10**30, -5, True, None, 1.5, "2026-01-01" * 9]
    assert [moment(value) for value in nobody] == [None] * len(nobody)
    assert moment("2026-03-01 04:05:06") == moment("2026-03-01T05:05:06+01:00") == datetime(2026, 3, 1, 4, 5, 6, tzinfo=UTC)  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"{", b"\xff\xfe", b'{"a": NaN}', b"[" * 200_000, b"1" * 5000, b'{"a": Infinity}'],
)
def test_a_body_that_is_no_json_is_refused_in_words(body: bytes) -> None:
    with pytest.raises(ProviderError, match="otx: the answer cannot be read"):
        unpacked(body, "otx")


def test_the_recorded_answers_are_json(recorded: ModuleType) -> None:
    for name, content in recorded.ALL.items():
        assert unpacked(json.dumps(content).encode(), name) == content
