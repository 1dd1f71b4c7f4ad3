"""Everything a member may do, done over HTTP; and what she is told when it cannot be done."""

from __future__ import annotations

import json
from itertools import count
from typing import Any
from uuid import uuid4

import pytest

_ADDRESS = count()
PROBLEM = "__typename ... on Problem { message path } ... on Conflict { currentVersion }"
PROFILE = "... on IpProfile { id version address tlp threatLevel notes tags deletedAt snapshot recipients }"


def address() -> str:
    number = next(_ADDRESS)
    return f"198.18.{number // 256}.{number % 256}"


def do(api: Any, name: str, mutation: str, given: dict[str, Any], shown: str = PROFILE) -> dict[str, Any]:
    """The result of a mutation with one input."""
    kind = mutation[0].upper() + mutation[1:] + "Input"
    kind = {
        "DeleteIpProfileInput": "Versioned",
        "RestoreIpProfileInput": "Versioned",
        "DeleteEntityInput": "Versioned",
        "RestoreEntityInput": "Versioned",
        "UnwatchInput": "Versioned",
        "EnrichIpProfileInput": "EnrichInput",
        "AcknowledgeAlertInput": "AlertInput",
        "CloseAlertInput": "AlertInput",
    }.get(kind, kind)
    problem = PROBLEM if mutation != "bulkEnrich" else "__typename ... on Problem { message path }"
    told = api.query(
        name,
        f"mutation ($input: {kind}!) {{ it: {mutation}(input: $input) {{ {problem} {shown} }} }}",
        {"input": given},
    )
    assert "errors" not in told, told["errors"]
    found: dict[str, Any] = told["data"]["it"]
    return found


def made(api: Any, name: str = "ines", **more: Any) -> dict[str, Any]:
    found = do(api, name, "createIpProfile", {"address": address(), **more})
    assert found["__typename"] == "IpProfile", found
    return found


def test_a_profile_is_made_changed_deleted_and_restored(api: Any) -> None:
    first = made(api, notes="on the HMI", tags=[" SCADA "], tlp="GREEN", threatLevel="LOW")
    assert (first["version"], first["tags"], first["tlp"], first["threatLevel"]) == (1, ["scada"], "GREEN", "LOW")  # fmt: skip
    assert first["snapshot"]
    second = do(api, "ines", "updateIpProfile", {"id": first["id"], "expectedVersion": 1, "threatLevel": "CRITICAL"})  # fmt: skip
    assert (second["version"], second["threatLevel"], second["notes"]) == (2, "CRITICAL", "on the HMI")
    gone = do(api, "ines", "deleteIpProfile", {"id": first["id"], "expectedVersion": 2})
    assert gone["deletedAt"]
    back = do(api, "ines", "restoreIpProfile", {"id": first["id"], "expectedVersion": 3})
    assert (back["version"], back["deletedAt"]) == (4, None)


def test_who_changes_an_old_version_is_told_the_current_one(api: Any) -> None:
    first = made(api)
    do(api, "ida", "updateIpProfile", {"id": first["id"], "expectedVersion": 1, "notes": "ida"})
    for mutation in ("updateIpProfile", "deleteIpProfile"):
        given = {"id": first["id"], "expectedVersion": 1}
        told = do(api, "ines", mutation, {**given, "notes": "ines"} if mutation[0] == "u" else given)
        assert (told["__typename"], told["currentVersion"]) == ("Conflict", 2)
        assert told["path"] == ["input", "expectedVersion"]
        assert "changed it meanwhile" in told["message"]
    told = do(api, "ines", "setSecrecyLevel", {"id": first["id"], "expectedVersion": 1, "tlp": "GREEN", "reason": "x"})  # fmt: skip
    assert (told["__typename"], told["currentVersion"]) == ("Conflict", 2)


def test_creating_again_with_one_token_makes_one(api: Any) -> None:
    given = {"address": address(), "token": str(uuid4())}
    assert do(api, "ines", "createIpProfile", given) == do(api, "ines", "createIpProfile", given)


@pytest.mark.parametrize(
    ("given", "path", "says"),
    [
        ({"tags": [""]}, ["input", "tags"], "1 to 100 characters"),
        ({"notes": "x" * 100_001}, ["input", "notes"], "up to 100,000 characters"),
        ({"tags": [f"t{i}" for i in range(101)]}, ["input", "tags"], "up to 100 tags"),
        ({"tlp": "RED", "recipients": ["nobody"]}, ["input", "recipients"], "may receive TLP:RED"),
        ({"tlp": "RED", "reason": " "}, ["input", "reason"], "needs a reason"),
        ({"notes": "a\0b"}, ["input"], ""),
        ({"tags": ["a\0b"]}, ["input"], ""),
        ({"tlp": "RED", "recipients": ["x" * 500]}, ["input", "recipients"], ""),
    ],
)
def test_an_argument_that_breaks_a_rule_is_named(
    api: Any, given: dict[str, Any], path: list[str], says: str
) -> None:
    told = do(api, "ines", "createIpProfile", {"address": address(), **given})
    assert (told["__typename"], told["path"]) == ("InvalidInput", path), told
    assert says in told["message"]


def test_text_that_is_no_unicode_breaks_nothing(api: Any) -> None:
    """A lone surrogate, which JSON can write and UTF-8 cannot."""
    client = api.client("ines")
    for query in (
        'mutation { createIpProfile(input: {address: "198.18.255.1", notes: "\\ud800"}) { __typename } }',
        '{ bulkLookup(addresses: ["\\ud800"]) { input verdict } }',
        '{ entities(name: "\\ud800") { nodes { name } } }',
        '{ searchIpProfiles(filter: {text: "\\ud800"}) { nodes { id } } }',
        '{ searchIpProfiles(after: "\\ud800") { nodes { id } } }',
        '{ ipAddress(address: "\\ud800") { verdict } }',
        '{ footprint(value: "\\ud800") { value } }',
    ):
        for body in (
            {"query": query.replace("\\\\", "\\")},
            {"query": query.encode().decode("unicode_escape")},
        ):
            answer = client.post(
                "/graphql", content=json.dumps(body), headers={"content-type": "application/json"}
            )
            assert answer.status_code < 500, answer.text
            assert "INTERNAL" not in answer.text, answer.text


def test_a_second_profile_of_an_address_at_one_level_is_refused(api: Any) -> None:
    first = made(api)
    told = do(api, "ines", "createIpProfile", {"address": first["address"]})
    assert (told["__typename"], told["path"]) == ("InvalidInput", ["input", "address"])
    assert "already: get it and change it" in told["message"]


def test_what_is_not_hers_she_may_not_change(api: Any) -> None:
    green = made(api, tlp="GREEN")
    given = {"id": green["id"], "expectedVersion": 1}
    for mutation in ("updateIpProfile", "deleteIpProfile", "enrichIpProfile"):
        told = do(api, "pia", mutation, {**given, **({"notes": "x"} if mutation[0] == "u" else {}), **({"forceRefresh": True} if mutation[0] == "e" else {})})  # fmt: skip
        assert told["__typename"] == "Forbidden", told
    told = do(api, "otto", "createIpProfile", {"address": address(), "tlp": "AMBER"})
    assert told["__typename"] == "Forbidden"
    told = do(api, "pia", "addFootprint", {"profile": green["id"], "kind": "DOMAIN", "value": "a.example", "source": "me"})  # fmt: skip
    assert told["__typename"] == "Forbidden"
    told = do(api, "pia", "setSecrecyLevel", {**given, "tlp": "CLEAR", "reason": "mine now"})
    assert told["__typename"] == "NotFound"


def test_two_profiles_of_an_address_are_merged_at_the_stricter_level(api: Any) -> None:
    kept = made(api, tlp="GREEN", notes="open")
    given_up = do(api, "ines", "createIpProfile", {"address": kept["address"], "tlp": "AMBER_STRICT", "notes": "secret"})  # fmt: skip
    both = {"kept": kept["id"], "keptExpectedVersion": 1, "givenUp": given_up["id"], "givenUpExpectedVersion": 1}  # fmt: skip
    told = do(api, "ines", "mergeIpProfiles", {**both, "givenUpExpectedVersion": 9})
    assert told["__typename"] == "Conflict"
    merged = do(api, "ines", "mergeIpProfiles", both)
    assert (merged["tlp"], merged["notes"]) == ("AMBER_STRICT", "open\n\nsecret")
    other = made(api)
    told = do(api, "ines", "mergeIpProfiles", {**both, "keptExpectedVersion": merged["version"], "givenUp": other["id"]})  # fmt: skip
    assert (told["__typename"], told["path"]) == ("InvalidInput", ["input", "givenUp"])


def test_the_current_intel_is_asked_again_on_demand(api: Any) -> None:
    first = made(api)
    same = do(api, "ines", "enrichIpProfile", {"id": first["id"]})
    assert same["version"] == 1
    again = do(api, "ines", "enrichIpProfile", {"id": first["id"], "expectedVersion": 1, "forceRefresh": True})  # fmt: skip
    assert again["version"] == 2
    told = do(api, "ines", "enrichIpProfile", {"id": first["id"], "expectedVersion": 1, "forceRefresh": True})  # fmt: skip
    assert (told["__typename"], told["currentVersion"]) == ("Conflict", 2)


def test_a_level_is_set_with_a_reason_and_red_for_those_who_are_named(api: Any) -> None:
    first = made(api, notes="names a victim")
    red = do(api, "ines", "setSecrecyLevel", {"id": first["id"], "expectedVersion": 1, "tlp": "RED", "reason": "victim", "recipients": [api.town.role("pia")]})  # fmt: skip
    assert (red["tlp"], set(red["recipients"])) == ("RED", {api.town.role("ines"), api.town.role("pia")})
    seen = "query ($id: UUID!) { ipProfile(id: $id) { notes } }"
    assert api.query("pia", seen, {"id": first["id"]})["data"]["ipProfile"]["notes"] == "names a victim"
    assert api.query("ida", seen, {"id": first["id"]})["data"]["ipProfile"] is None
    told = do(api, "ines", "setSecrecyLevel", {"id": first["id"], "expectedVersion": red["version"], "tlp": "GREEN", "reason": " "})  # fmt: skip
    assert (told["__typename"], told["path"]) == ("InvalidInput", ["input", "reason"])


def test_investigations_are_opened_linked_and_closed(api: Any) -> None:
    shown = "... on Investigation { id version name state tlp profiles { address } }"
    name = f"Water {uuid4()}"
    matter = do(api, "ines", "createInvestigation", {"name": name, "description": "x", "tlp": "GREEN"}, shown)
    told = do(api, "ines", "createInvestigation", {"name": name, "tlp": "GREEN"}, shown)
    assert (told["__typename"], told["path"]) == ("InvalidInput", ["input", "name"])
    profiles = [made(api, tlp="GREEN") for _ in range(3)]
    link = {"investigation": matter["id"], "profiles": [each["id"] for each in profiles]}
    linked = do(api, "ines", "linkInvestigation", {**link, "note": "same certificate"}, shown)
    assert {each["address"] for each in linked["profiles"]} == {each["address"] for each in profiles}
    for mutation in ("linkInvestigation", "unlinkInvestigation"):
        assert do(api, "pia", mutation, link, shown)["__typename"] == "Forbidden"
    fewer = do(api, "ines", "unlinkInvestigation", {**link, "profiles": link["profiles"][:2]}, shown)
    assert len(fewer["profiles"]) == 1
    told = do(api, "ines", "linkInvestigation", {**link, "profiles": [str(uuid4())]}, shown)
    assert (told["__typename"], told["path"]) == ("NotFound", ["input", "profiles"])
    told = do(api, "ines", "linkInvestigation", {**link, "investigation": str(uuid4())}, shown)
    assert (told["__typename"], told["path"]) == ("NotFound", ["input", "investigation"])
    closed = do(api, "ines", "updateInvestigation", {"id": matter["id"], "expectedVersion": 1, "state": "CLOSED"}, shown)  # fmt: skip
    assert (closed["state"], closed["name"]) == ("CLOSED", name)
    red = do(api, "ines", "setSecrecyLevel", {"id": matter["id"], "expectedVersion": 2, "tlp": "RED", "reason": "source"}, shown)  # fmt: skip
    assert red["tlp"] == "RED"


def test_entities_are_made_linked_and_forgotten(api: Any) -> None:
    shown = (
        "... on Entity { id version kind name description deletedAt profiles { relation profile { id } } }"
    )
    bear = do(api, "ines", "createEntity", {"kind": "THREAT_ACTOR", "name": "Bear"}, shown)
    profile = made(api)
    link = {"entity": bear["id"], "profile": profile["id"], "relation": "COMMUNICATES_WITH"}
    assert do(api, "ines", "linkEntity", link, shown)["profiles"] == [
        {"relation": "COMMUNICATES_WITH", "profile": {"id": profile["id"]}}
    ]
    assert do(api, "ines", "unlinkEntity", link, shown)["profiles"] == []
    renamed = do(api, "ines", "updateEntity", {"id": bear["id"], "expectedVersion": 1, "name": "Fancy", "kind": "PERSON"}, shown)  # fmt: skip
    assert (renamed["name"], renamed["kind"], renamed["version"]) == ("Fancy", "PERSON", 2)
    told = do(api, "ines", "updateEntity", {"id": bear["id"], "expectedVersion": 2, "name": ""}, shown)
    assert (told["__typename"], told["path"]) == ("InvalidInput", ["input", "name"])
    gone = do(api, "ines", "deleteEntity", {"id": bear["id"], "expectedVersion": 2}, shown)
    assert gone["deletedAt"]
    back = do(api, "ines", "restoreEntity", {"id": bear["id"], "expectedVersion": 3}, shown)
    assert back["deletedAt"] is None


def test_what_is_watched_raises_alerts_which_are_acknowledged_and_closed(api: Any) -> None:
    shown = "... on Watchlist { id version name network asn country threatLevel deletedAt }"
    where = address()
    watch = do(api, "ines", "watch", {"name": "one address", "network": where}, shown)
    assert watch["network"] == f"{where}/32"
    for given in ({}, {"asn": 64496, "country": "NL"}):
        told = do(api, "ines", "watch", {"name": "x", **given}, shown)
        assert told["__typename"] == "InvalidInput"
        assert "watches one thing" in told["message"]
    do(api, "ines", "createIpProfile", {"address": where})
    alerts = api.query("ines", "{ alerts(state: RAISED) { nodes { id message watchlist { id } } } }")["data"][
        "alerts"
    ]["nodes"]
    (alert,) = [each for each in alerts if each["watchlist"]["id"] == watch["id"]]
    assert where in alert["message"]
    alert_shown = "... on Alert { state note changedBy }"
    for name, state in (("acknowledgeAlert", "ACKNOWLEDGED"), ("closeAlert", "CLOSED")):
        told = do(api, "ida", name, {"id": alert["id"], "note": f"note of {state}"}, alert_shown)
        assert (told["state"], told["note"], told["changedBy"]) == (state, f"note of {state}", api.town.role("ida"))  # fmt: skip
    assert do(api, "pia", "closeAlert", {"id": alert["id"]}, alert_shown)["__typename"] == "NotFound"
    told = do(api, "ines", "unwatch", {"id": watch["id"], "expectedVersion": 7}, shown)
    assert (told["__typename"], told["currentVersion"]) == ("Conflict", 1)
    assert do(api, "ines", "unwatch", {"id": watch["id"], "expectedVersion": 1}, shown)["deletedAt"]
    for given in ({"asn": 64496}, {"country": "VN"}, {"threatLevel": "HIGH", "tlp": "RED"}):
        assert do(api, "ines", "watch", {"name": "w", **given}, shown)["__typename"] == "Watchlist"


def test_evidence_sightings_and_footprint_are_added(api: Any) -> None:
    first = made(api)
    shown = "... on IpProfile { evidence { source confidence } sightings { count } footprint { kind value } }"
    do(api, "ines", "addEvidence", {"profile": first["id"], "source": "me", "category": "attacker", "confidence": 0.75}, shown)  # fmt: skip
    do(api, "ines", "addSighting", {"profile": first["id"], "firstSeen": "2026-10-05T12:00:00Z", "lastSeen": "2026-10-05T14:00:00+02:00", "count": 5}, shown)  # fmt: skip
    for _ in range(2):
        told = do(api, "ines", "addFootprint", {"profile": first["id"], "kind": "CERTIFICATE", "value": "ab:cd", "source": "me"}, shown)  # fmt: skip
    assert told["evidence"] == [{"source": "me", "confidence": 0.75}]
    assert told["sightings"] == [{"count": 5}]
    assert told["footprint"] == [{"kind": "CERTIFICATE", "value": "ab:cd"}]
    for given, field in (
        ({"confidence": 2}, "confidence"),
        ({"source": ""}, "source"),
    ):
        told = do(api, "ines", "addEvidence", {"profile": first["id"], "source": "me", "category": "x", **given}, shown)  # fmt: skip
        assert (told["__typename"], told["path"]) == ("InvalidInput", ["input", field]), told
    told = do(api, "ines", "addSighting", {"profile": first["id"], "firstSeen": "2026-10-06T12:00:00Z", "lastSeen": "2026-10-05T12:00:00Z"}, shown)  # fmt: skip
    assert (told["__typename"], told["path"]) == ("InvalidInput", ["input", "firstSeen"])


BUNDLE = {
    "type": "bundle",
    "id": "bundle--44af6c39-c09b-49c5-9de2-394224b04982",
    "objects": [
        {"type": "identity", "spec_version": "2.1", "id": "identity--a463ffb3-1bd9-4d94-b02d-74e4f1658283", "created": "2026-10-01T00:00:00.000Z",
         "modified": "2026-10-01T00:00:00.000Z", "name": "CERT Partner", "identity_class": "organization"},
        *[
            {"type": "indicator", "spec_version": "2.1", "id": f"indicator--26ffb872-1dd9-446e-b6f5-d58527e5b5d{i}", "created": "2026-10-01T00:00:00.000Z",
             "modified": "2026-10-01T00:00:00.000Z", "created_by_ref": "identity--a463ffb3-1bd9-4d94-b02d-74e4f1658283", "name": f"c2 {i}", "confidence": 80,
             "indicator_types": ["malicious-activity"], "pattern": f"[ipv4-addr:value = '198.19.0.{i}']", "pattern_type": "stix",
             "valid_from": "2026-10-01T00:00:00Z", "object_marking_refs": marking}
            for i, marking in enumerate((
                ["marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"],
                ["marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1"],
                [],
            ))
        ],
        {"type": "indicator", "id": "indicator--broken", "spec_version": "2.1"},
        {"type": "autonomous-system", "spec_version": "2.1", "id": "autonomous-system--f720c34b-98ae-597f-ade5-27dc241e8c74", "number": 64496},
    ],
}  # fmt: skip
IMPORTED = "... on StixImport { objects profilesCreated evidenceAdded evidenceKnown rejectedCount rejected { index reason } leftOut { reason count } profiles { id address tlp recipients evidence { source stixId confidence category } } }"


def test_a_bundle_is_taken_in_at_its_levels_and_again_adds_nothing(api: Any) -> None:
    told = do(api, "ines", "importStix", {"bundle": BUNDLE, "tlp": "AMBER_STRICT"}, IMPORTED)
    assert (told["profilesCreated"], told["evidenceAdded"], told["rejectedCount"]) == (3, 3, 1), told
    assert {each["address"]: each["tlp"] for each in told["profiles"]} == {"198.19.0.0": "GREEN", "198.19.0.1": "RED", "198.19.0.2": "AMBER_STRICT"}  # fmt: skip
    for each in told["profiles"]:
        assert [(item["source"], item["confidence"]) for item in each["evidence"]] == [("CERT Partner", pytest.approx(0.8))]  # fmt: skip
    red = next(each for each in told["profiles"] if each["tlp"] == "RED")
    assert red["recipients"] == [api.town.role("ines")]
    assert told["leftOut"] == [{"reason": "autonomous systems", "count": 1}]
    again = do(api, "ines", "importStix", {"bundle": BUNDLE, "tlp": "AMBER_STRICT"}, IMPORTED)
    assert (again["profilesCreated"], again["evidenceAdded"], again["evidenceKnown"]) == (0, 0, 3)
    low = do(api, "otto", "importStix", {"bundle": BUNDLE, "tlp": "GREEN"}, IMPORTED)
    assert {"reason": "above your clearance", "count": 1} in low["leftOut"]


def test_a_bundle_goes_out_only_as_far_as_its_recipient_may_have_it(api: Any) -> None:
    shown = "... on StixExport { bundle objects recipient withheld { name tlp } notes } ... on Withheld { things { name tlp } }"
    green, amber = made(api, tlp="GREEN"), made(api, tlp="AMBER")
    both = {"profiles": [green["id"], amber["id"]]}
    told = do(api, "ines", "exportStix", {**both, "to": "bank"}, shown)
    assert (told["__typename"], told["path"]) == ("Withheld", ["input", "to"])
    assert told["things"] == [{"name": amber["address"], "tlp": "AMBER"}]
    told = do(api, "ines", "exportStix", {**both, "to": "bank", "drop": True}, shown)
    text = str(told["bundle"])
    assert green["address"] in text
    assert amber["address"] not in text
    assert [each["name"] for each in told["withheld"]] == [amber["address"]]
    whole = do(api, "ines", "exportStix", {**both, "to": "cert"}, shown)
    assert whole["bundle"]["type"] == "bundle"
    assert amber["address"] in str(whole["bundle"])
    for given, path in (({"to": "cert"}, ["input"]), ({**both, "to": " "}, ["input", "to"])):
        told = do(api, "ines", "exportStix", given, shown)
        assert (told["__typename"], told["path"]) == ("InvalidInput", path)
    assert do(api, "pia", "exportStix", {**both, "to": "bank"}, shown)["__typename"] == "NotFound"


def test_what_goes_out_comes_in_at_the_other_organisation(api: Any) -> None:
    green = made(api, tlp="GREEN", threatLevel="CRITICAL")
    out = do(api, "ines", "exportStix", {"profiles": [green["id"]], "to": "bank"}, "... on StixExport { bundle }")  # fmt: skip
    told = do(api, "pia", "importStix", {"bundle": out["bundle"]}, IMPORTED)
    assert told["profilesCreated"] == 1, told
    assert told["profiles"][0]["address"] == green["address"]
    assert told["profiles"][0]["tlp"] == "GREEN"
