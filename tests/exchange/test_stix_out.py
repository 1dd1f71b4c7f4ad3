"""STIX bundles out: valid in the strict sense, stable, and only what the recipient may have."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench.exchange import stix
from workbench.exchange.stix import Dossier, Investigation, Ledger, Remark, Seen, WithheldError, export
from workbench.secrecy import (
    COMMUNITY,
    LEVEL_OF_ID,
    PUBLIC,
    TLP,
    Marking,
    Organisation,
    Recipient,
    may_receive,
)

validator = pytest.importorskip("stix2validator", reason="the OASIS validator is a development dependency")

OWN = Organisation("CERT Example", frozenset({"Waterworks"}))
CERT_B = Organisation("CERT B")
NOW = datetime(2026, 10, 6, tzinfo=UTC)
INTEL = {
    "verdict": "malicious", "country": "NL", "country_name": "Netherlands", "region": "Utrecht", "city": "Utrecht",
    "latitude": 52.09, "longitude": 5.12, "accuracy_km": 20, "asn": 64500, "as_org": "Example", "rir": "ripencc",
    "is_tor": True, "reputation": 80, "confidence": 0.845, "reasons": "on a list", "snapshot": "2026-10-05-abc",
}  # fmt: skip


def seen(day: int, count: int = 3, where: str | None = None) -> Seen:
    return Seen(datetime(2026, 10, day, tzinfo=UTC), datetime(2026, 10, day, 5, tzinfo=UTC), count, where)


def dossier(address: str = "198.51.100.7", level: TLP = TLP.GREEN, **more: Any) -> Dossier:
    marking = Marking(level, OWN, frozenset({"anna"}))
    return Dossier(**{"address": address, "marking": marking, "intel": INTEL, **more})


def exported(what: Any, to: Any = "community", **options: Any) -> stix.Export:
    return export(what, organisation=OWN, to=to, **{"versions": Ledger(None), "now": NOW, **options})


def of_type(result: stix.Export, kind: str) -> list[dict[str, Any]]:
    return [value for value in result.objects if value["type"] == kind]


def strictly_valid(result: stix.Export) -> list[str]:
    options = validator.ValidationOptions(version="2.1", strict=True)
    return [str(error) for error in validator.validate_instance(result.bundle(), options).errors]


FULL = dossier(
    sightings=(seen(1), seen(2, 9, "CERT B")),
    remarks=(Remark("beacons every five minutes", "ops"),),
    tags=("scada",),
    domains=("C2.example.", "www.example"),
)
CLEAN = dossier("2001:DB8::/48", intel={"verdict": "clean", "confidence": 0.5, "country": "DE"})


@pytest.mark.parametrize("concluded", [None, NOW])
def test_an_investigation_becomes_a_bundle_that_the_strict_validator_passes(
    concluded: datetime | None,
) -> None:
    matter = Investigation(
        name="Water",
        description="intrusion",
        marking=FULL.marking,
        dossiers=(FULL, CLEAN),
        concluded=concluded,
    )
    result = exported(matter)
    assert strictly_valid(result) == []
    assert {value["type"] for value in result.objects} == {
        "marking-definition", "identity", "ipv4-addr", "ipv6-addr", "autonomous-system", "domain-name", "location",
        "relationship", "indicator", "sighting", "observed-data", "note", "report" if concluded else "grouping",
    }  # fmt: skip
    ids = {value["id"] for value in result.objects}
    named = {ref for value in result.objects for ref in _references(value)}
    assert named <= ids, "everything referred to is in the bundle"
    assert len(result.to_stix2().objects) == len(result)


def _references(value: dict[str, Any]) -> list[str]:
    found: list[str] = []
    for name, content in value.items():
        found += [content] if name.endswith("_ref") else content if name.endswith("_refs") else []
    return found


def test_what_is_known_of_an_address_stands_where_stix_has_a_place_for_it() -> None:
    result = exported(FULL)
    (address,) = of_type(result, "ipv4-addr")
    namespace = uuid.UUID("00abedb4-aa42-466c-9c01-fed23315a9b7")  # STIX 2.1 section 2.9
    assert (
        address["id"]
        == f"ipv4-addr--{uuid.uuid5(namespace, json.dumps({'value': '198.51.100.7'}, separators=(',', ':')))}"
    )
    (system,) = of_type(result, "autonomous-system")
    assert address["belongs_to_refs"] == [system["id"]]
    assert (system["number"], system["rir"]) == (64500, "ripencc")
    assert [(d["value"], d["resolves_to_refs"]) for d in of_type(result, "domain-name")] == [
        ("c2.example", [address["id"]]), ("www.example", [address["id"]]),
    ]  # fmt: skip
    (location,) = of_type(result, "location")
    assert (location["country"], location["city"], location["precision"]) == ("NL", "Utrecht", 20_000.0)
    related = [
        (r["source_ref"], r["relationship_type"])
        for r in of_type(result, "relationship")
        if r["target_ref"] == location["id"]
    ]
    assert related == [(address["id"], "related-to")]
    (indicator,) = of_type(result, "indicator")
    assert indicator["pattern"] == "[ipv4-addr:value = '198.51.100.7']"
    assert indicator["indicator_types"] == ["malicious-activity", "anonymization"]
    assert (indicator["confidence"], indicator["labels"]) == (84, ["tor", "scada"])
    assert indicator["valid_from"] == "2026-10-05T00:00:00.000Z"
    assert indicator["valid_until"] == "2026-11-04T00:00:00.000Z"
    names = {value["id"]: value["name"] for value in of_type(result, "identity")}
    sightings = {names[s["where_sighted_refs"][0]]: s for s in of_type(result, "sighting")}
    assert {name: s["count"] for name, s in sightings.items()} == {"CERT Example": 3, "CERT B": 9}
    assert sightings["CERT B"]["first_seen"] == "2026-10-02T00:00:00.000Z"
    assert sightings["CERT B"]["last_seen"] == "2026-10-02T05:00:00.000Z"
    assert sorted((o["number_observed"], o["last_observed"]) for o in of_type(result, "observed-data")) == [
        (3, "2026-10-01T05:00:00.000Z"), (9, "2026-10-02T05:00:00.000Z"),
    ]  # fmt: skip
    assert [note["content"] for note in of_type(result, "note")] == ["beacons every five minutes"]
    assert {value["object_marking_refs"][0] for value in of_type(result, "ipv4-addr")} == {
        "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"
    }


def test_a_prefix_is_a_pattern_of_its_addresses_and_a_clean_one_no_indicator() -> None:
    bad = exported(replace(CLEAN, intel={"verdict": "suspicious"}))
    assert [i["pattern"] for i in of_type(bad, "indicator")] == ["[ipv6-addr:value ISSUBSET '2001:db8::/48']"]
    clean = exported(CLEAN)
    assert of_type(clean, "indicator") == []
    assert [note["content"] for note in of_type(clean, "note")] == ["Verdict: clean."]


def test_a_triage_goes_out_without_the_clean_and_comes_back_as_evidence() -> None:
    triage = wb.triage(["93.175.147.88", "93.175.147.88", "8.8.8.8", "185.220.101.4", "10.0.0.1", "junk"])
    result = exported(triage, tlp="green", investigation="Water utility")
    assert strictly_valid(result) == []
    assert result.left_out == {"clean": 1}
    assert sorted(value["value"] for value in of_type(result, "ipv4-addr")) == [
        "185.220.101.4",
        "93.175.147.88",
    ]
    assert sorted(s["count"] for s in of_type(result, "sighting")) == [1, 2]
    assert of_type(result, "grouping")[0]["name"] == "Water utility"
    evidence = stix.import_bundle(result).evidence().to_pylist()
    patterns = {
        row["entry"]: (row["category"], row["tlp"]) for row in evidence if row["made_from"] == "pattern"
    }
    assert patterns == {"185.220.101.4": ("tor", "green"), "93.175.147.88": ("attacker", "green")}
    assert exported(triage.to_pandas(), tlp="green", investigation="Water utility").objects == result.objects


def test_a_looked_up_address_goes_out_with_the_lists_that_name_it_whatever_its_verdict() -> None:
    bad, good = wb.lookup("93.175.147.88"), wb.lookup("8.8.8.8")
    result = exported([bad, good], tlp="clear", to="public")
    assert strictly_valid(result) == []
    (indicator,) = of_type(result, "indicator")
    assert [r["source_name"] for r in indicator["external_references"]] == [e.title for e in bad.evidence]
    assert bad.evidence[0].licence in indicator["external_references"][0]["description"]
    assert len(of_type(result, "ipv4-addr")) == 2
    assert len(of_type(exported(good, tlp="clear", to="public"), "note")) == 1


def test_rows_of_one_address_are_counted_and_dated() -> None:
    first, last = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 10, 3, tzinfo=UTC)
    rows = [
        {"address": "198.51.100.7", "verdict": "malicious", "first_seen": last, "last_seen": last},
        {"address": "198.51.100.7", "verdict": "malicious", "first_seen": first, "last_seen": first},
        {"address": None, "verdict": "invalid"},
    ]
    result = exported(rows, tlp=TLP.CLEAR, to=PUBLIC)
    (observed,) = of_type(result, "observed-data")
    assert (observed["number_observed"], observed["first_observed"]) == (2, "2026-10-01T00:00:00.000Z")
    assert result.left_out == {"invalid": 1}
    with pytest.raises(ValueError, match="columns address and verdict are wanted"):
        exported([{"ip": "1.2.3.4"}], tlp="clear")
    with pytest.raises(ValueError, match="which TLP level"):
        exported(rows)


def test_export_refuses_and_names_what_the_recipient_may_not_have() -> None:
    secret = replace(FULL, remarks=(Remark("from a source in the ministry", marking=Marking(TLP.RED, OWN)),))
    with pytest.raises(WithheldError) as refused:
        exported([secret, dossier("203.0.113.9", TLP.AMBER)])
    assert isinstance(refused.value, PermissionError)
    assert "203.0.113.9 is TLP:AMBER and may not go to the community" in str(refused.value)
    assert "note 'from a source in the ministry' on 198.51.100.7 is TLP:RED" in str(refused.value)
    result = exported([secret, dossier("203.0.113.9", TLP.AMBER)], withheld="drop")
    assert len(result.withheld) == 2
    assert "203.0.113.9" not in result.serialize()
    assert "ministry" not in result.serialize()


@pytest.mark.parametrize("column", ["tlp", "secrecy"])
@pytest.mark.parametrize("written", ["red", "TLP:RED", 4, TLP.RED])
def test_a_row_with_a_level_of_its_own_keeps_it_whatever_is_said_of_the_table(
    column: str, written: Any
) -> None:
    """A table of profiles, or one that a partner sent."""
    closed = {"address": "203.0.113.9", "verdict": "malicious", column: written}
    open_ = {"address": "198.51.100.7", "verdict": "malicious", column: None}
    with pytest.raises(WithheldError, match=r"203.0.113.9 is TLP:RED and may not go to the community"):
        exported([closed, open_], tlp="green")
    result = exported([closed, {**closed, column: "green"}, open_], tlp="green", withheld="drop")
    assert "203.0.113.9" not in result.serialize()
    assert "198.51.100.7" in result.serialize()
    lower = exported([{**closed, column: "clear"}], tlp="green")
    (indicator,) = of_type(lower, "indicator")
    assert [LEVEL_OF_ID[mark] for mark in indicator["object_marking_refs"]] == [TLP.GREEN]


def test_a_profile_that_is_passed_without_its_store_keeps_its_level() -> None:
    profile = wb.open_case(":memory:").profiles.create("185.220.101.4", secrecy="red")
    with pytest.raises(WithheldError):
        exported(profile, tlp="clear")


def test_what_another_organisation_marked_amber_is_not_for_those_we_serve() -> None:
    row = {"address": "203.0.113.9", "verdict": "malicious", "secrecy": "amber", "owner": "CERT B"}
    with pytest.raises(WithheldError):
        exported([row], "Waterworks", tlp="amber")
    assert exported([row], "CERT B", tlp="amber").objects
    assert exported([{**row, "owner": OWN.name}], "Waterworks", tlp="amber").objects


def test_a_row_whose_level_is_none_is_told() -> None:
    with pytest.raises(ValueError, match="'purple' is no TLP label"):
        exported([{"address": "203.0.113.9", "verdict": "malicious", "tlp": "purple"}], tlp="clear")


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(list(TLP)), st.sampled_from(list(TLP)), st.booleans()), min_size=1, max_size=4),
    st.sampled_from([PUBLIC, COMMUNITY, Recipient(CERT_B), Recipient(Organisation("Waterworks")), Recipient(OWN, "anna"), Recipient(CERT_B, "anna")]),
    st.sampled_from(list(TLP)),
)  # fmt: skip
def test_nothing_in_a_bundle_is_marked_beyond_its_recipient(
    levels: list[tuple[TLP, TLP, bool]], recipient: Recipient, matter: TLP
) -> None:
    dossiers = tuple(
        dossier(
            "198.51.100.7" if same else f"203.0.113.{number}",
            level,
            remarks=(Remark(f"remark-{number}", marking=Marking(note, OWN, frozenset({"anna"}))),),
            tags=(f"tag-{number}",),
        )
        for number, (level, note, same) in enumerate(levels)
    )
    marking = Marking(matter, OWN, frozenset({"anna"}))
    result = exported(
        Investigation(name="Water", marking=marking, dossiers=dossiers), recipient, withheld="drop"
    )
    text = result.serialize()
    for number, item in enumerate(dossiers):
        if not may_receive(recipient, item.marking):
            assert f"tag-{number}" not in text
        if not (
            may_receive(recipient, item.marking)
            and may_receive(recipient, item.remarks[0].marking or item.marking)
        ):
            assert f"remark-{number}" not in text
    for value in result.objects:
        for mark in value.get("object_marking_refs", []):
            assert may_receive(recipient, Marking(LEVEL_OF_ID[mark], OWN, frozenset({"anna"})))
    # What is said of an address is marked at least as closely as the dossier that says it.
    for value in result.objects:
        if value["type"] == "indicator":
            number = int(next(label for label in value["labels"] if label.startswith("tag-"))[4:])
            assert LEVEL_OF_ID[value["object_marking_refs"][0]] >= dossiers[number].marking.level


@pytest.mark.parametrize(("own", "member"), [(TLP.GREEN, TLP.AMBER), (TLP.AMBER, TLP.GREEN)])
def test_an_investigation_is_as_closed_as_itself_and_its_most_closed_member(own: TLP, member: TLP) -> None:
    members = (dossier(level=member), dossier("198.51.100.8", level=TLP.CLEAR))
    matter = Investigation(name="Water", marking=Marking(own, OWN), dossiers=members)
    (grouping,) = of_type(exported(matter, Organisation("Waterworks")), "grouping")
    assert [LEVEL_OF_ID[mark] for mark in grouping["object_marking_refs"]] == [TLP.AMBER]


def test_a_remark_that_is_closer_than_its_address_bears_its_own_level() -> None:
    remarks = (Remark("open"), Remark("closer", marking=Marking(TLP.AMBER, OWN)))
    result = exported(dossier(remarks=remarks), Organisation("Waterworks"))
    told = {each["content"]: LEVEL_OF_ID[each["object_marking_refs"][0]] for each in of_type(result, "note")}
    assert told == {"open": TLP.GREEN, "closer": TLP.AMBER}


def test_the_same_again_is_the_same_version_and_a_change_is_a_newer_one(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "exported.sqlite")
    first = exported(FULL, versions=ledger)
    assert (tmp_path / "exported.sqlite").stat().st_mode & 0o077 == 0, "nobody else reads what was handed out"
    again = exported(FULL, versions=ledger, now=NOW + timedelta(days=1))
    assert again.bundle() == first.bundle()
    changed = exported(replace(FULL, tags=("scada", "apt")), versions=ledger, now=NOW + timedelta(days=2))
    before = {value["id"]: value for value in first.objects}
    assert {value["id"] for value in changed.objects} == before.keys()
    newer = [value for value in changed.objects if value != before[value["id"]]]
    assert [value["type"] for value in newer] == ["indicator"]
    assert newer[0]["created"] == before[newer[0]["id"]]["created"]
    assert newer[0]["modified"] == "2026-10-08T00:00:00.000Z"
    store = stix.import_bundle(first).store
    assert stix.import_bundle(changed, store).new == 1


def test_an_indicator_whose_verdict_no_longer_holds_is_revoked(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "exported.sqlite")
    store = stix.import_bundle(exported(FULL, versions=ledger)).store
    cleared = replace(FULL, intel={**INTEL, "verdict": "clean"})
    result = exported(cleared, versions=ledger, now=NOW + timedelta(days=1))
    assert [indicator["revoked"] for indicator in of_type(result, "indicator")] == [True]
    assert strictly_valid(result) == []
    stix.import_bundle(result, store)
    assert "pattern" not in store.evidence().column("made_from").to_pylist()
    again = exported(cleared, versions=ledger, now=NOW + timedelta(days=2))
    assert of_type(again, "indicator") == of_type(result, "indicator"), "it may not have arrived"
    assert "revoked" in str(result)
    assert "revoked" not in str(again)
    # It is the community's to know; what only clients were told is not recalled in public.
    closer = Ledger(tmp_path / "other.sqlite")
    exported(dossier(level=TLP.AMBER), Organisation("Waterworks"), versions=closer)
    assert of_type(exported(cleared, versions=closer), "indicator") == []


def test_what_holds_again_after_it_was_revoked_has_another_id(tmp_path: Path) -> None:
    """Revoking is for good: no later version under the same id (STIX 2.1, section 3.2)."""
    ledger = Ledger(tmp_path / "exported.sqlite")
    cleared = replace(FULL, intel={**INTEL, "verdict": "clean"})
    results, dead = [], set[str]()
    for day, what in enumerate([FULL, cleared, FULL, FULL, cleared, cleared, FULL]):
        results.append(exported(what, versions=ledger, now=NOW + timedelta(days=day)))
        for value in results[-1].objects:
            assert value.get("revoked") or value["id"] not in dead, "a later version of what was revoked"
        dead |= {value["id"] for value in results[-1].objects if value.get("revoked")}
        assert strictly_valid(results[-1]) == []
    living = [[v["id"] for v in of_type(each, "indicator") if not v.get("revoked")] for each in results]
    assert [len(ids) for ids in living] == [1, 0, 1, 1, 0, 0, 1]
    assert living[2] == living[3], "the same again is the same"
    assert len({living[0][0], living[2][0], living[6][0]}) == 3
    (now,) = living[6]
    sources = {v["source_ref"] for v in of_type(results[6], "relationship") if not v.get("revoked")}
    assert now in sources, "what is said of it is said of the one that holds"
    assert {v["sighting_of_ref"] for v in of_type(results[6], "sighting") if not v.get("revoked")} <= {now}
    store = stix.import_bundle(results[0]).store
    for each in results[1:]:
        stix.import_bundle(each, store)
    assert store.evidence().column("made_from").to_pylist().count("pattern") == 1


def test_indicators_that_no_longer_hold_are_told() -> None:
    assert "1 indicator is expired, valid until" in str(exported(FULL, now=NOW + timedelta(days=90)))
    assert exported(FULL, now=NOW + timedelta(days=90), valid_for=timedelta(days=365)).notes == ()


def test_a_recipient_is_named_as_people_say_it() -> None:
    assert stix.recipient_of("public") is PUBLIC
    assert stix.recipient_of("Community") is COMMUNITY
    assert stix.recipient_of("CERT B") == Recipient(CERT_B)
    assert stix.recipient_of("anna@CERT Example", OWN) == Recipient(OWN, "anna")
    with pytest.raises(ValueError, match="no name"):
        stix.recipient_of(" ")


def test_an_organisation_keeps_the_stix_id_it_has() -> None:
    theirs = "identity--a78a0707-f074-43de-8bb7-c30db1515969"
    result = exported(FULL, identity=theirs)
    assert {value["created_by_ref"] for value in result.objects if "created_by_ref" in value} == {theirs}
    assert strictly_valid(result) == []
    with pytest.raises(ValueError, match="identity--UUID, not 'CERT'"):
        exported(FULL, identity="CERT")


def test_a_value_that_stix_does_not_allow_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="latitude"):
        exported(dossier(intel={**INTEL, "latitude": 152.0}))
    with pytest.raises(ValueError, match=r"'198\.51\.100'"):
        exported(dossier("198.51.100"))


def test_a_damaged_record_of_exports_is_named(tmp_path: Path) -> None:
    path = tmp_path / "exported.sqlite"
    path.write_text("this is not SQLite" * 100)
    with pytest.raises(OSError, match=r"exported\.sqlite"):
        exported(FULL, versions=Ledger(path))
