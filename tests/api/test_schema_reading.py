"""What members of several organisations are told by queries: all of what is theirs, and nothing of the rest."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch
from uuid import UUID

import psycopg
import pytest

import workbench as wb
from workbench.api.schema import schema
from workbench.store import Evidence, Footprint, Sighting, Store

TOR_EXIT = "185.246.188.74"
DAY = datetime(2026, 10, 5, tzinfo=UTC)
WORD = "xyzzy"
OF = """
fragment Whole on IpProfile {
  id address tlp threatLevel notes tags snapshot enrichedAt country region city latitude longitude accuracyKm asn asOrganisation
  networkType prefix isTor isVpn isProxy isDatacenter isKnownAttacker isKnownAbuser isAnonymous reputation confidence verdict reasons
  owner { name inCommunity isMine } version createdBy createdAt updatedBy updatedAt deletedAt recipients
  evidence { id source category entry label confidence firstSeen lastSeen licence stixId }
  sightings { firstSeen lastSeen count sensor target }
  footprint { kind value source firstSeen lastSeen profile { id } }
  investigations { id name state }
  entities { relation entity { name kind } }
  alerts { message state cause watchlist { name } profile { id } }
  history { version notes tlp threatLevel changedBy until verdict }
}
"""


@dataclass
class Scene:
    """``green`` and ``amber`` are profiles of cert with all that can hang on one; ``red`` has the WORD in it, and is
    for ines alone, as are ``matter_red`` and ``entity_red``."""

    api: Any
    ines: Store
    pia: Store
    green: Any
    amber: Any
    red: Any
    matter: Any
    matter_red: Any
    entity: Any
    entity_red: Any


@pytest.fixture(scope="module")
def scene(api: Any, api_town: Any) -> Scene:
    ines, pia = api_town.store("ines"), api_town.store("pia")
    matter = ines.investigations.create("Water", secrecy="green", description="intrusion")
    matter_red = ines.investigations.create(f"{WORD} matter", secrecy="red")
    entity = ines.entities.create("malware", "Kettle", secrecy="green")
    entity_red = ines.entities.create("threat-actor", f"{WORD} bear", secrecy="red")
    for name, level in (("ours", "amber+strict"), (f"{WORD} watch", "red")):
        ines.watchlists.create(name, network="185.246.188.0/24", secrecy=level)
    made = {}
    for level in ("green", "amber", "red"):
        word = WORD if level == "red" else level
        profile = ines.profiles.create(TOR_EXIT, secrecy=level, notes=f"{word} first", tags=[word])
        ines.evidence.add(
            profile, Evidence(f"{word} list", "attacker", TOR_EXIT, confidence=0.5, first_seen=DAY)
        )
        ines.footprint.add(profile, Footprint("domain", f"{word}.example", "pdns", DAY, DAY), Footprint("domain", "shared.example", "pdns"))  # fmt: skip
        ines.sightings.add(profile, Sighting(DAY, DAY, 3_000_000_000, "fw", word))
        ines.investigations.link(matter, profile)
        ines.investigations.link(matter_red, profile)
        ines.entities.link(entity, profile, "uses")
        ines.entities.link(entity_red, profile, "controls")
        made[level] = ines.profiles.update(profile, notes=f"{word} second", threat_level="high")
    return Scene(api, ines, pia, *made.values(), matter, matter_red, entity, entity_red)


def test_a_profile_with_all_that_hangs_on_it(scene: Scene) -> None:
    told = scene.api.query(
        "ines", "query ($id: UUID!) { ipProfile(id: $id) { ...Whole } }" + OF, {"id": str(scene.amber.id)}
    )
    assert "errors" not in told
    found = told["data"]["ipProfile"]
    assert (found["address"], found["tlp"], found["threatLevel"], found["isTor"]) == (TOR_EXIT, "AMBER", "HIGH", True)  # fmt: skip
    assert found["verdict"] == wb.lookup(TOR_EXIT).verdict.upper()
    assert found["owner"] == {"name": "cert", "inCommunity": True, "isMine": True}
    assert [item["source"] for item in found["evidence"]] == ["amber list"]
    assert found["sightings"][0]["count"] == 3_000_000_000
    assert {trace["value"] for trace in found["footprint"]} == {"amber.example", "shared.example"}
    assert {matter["name"] for matter in found["investigations"]} == {"Water", f"{WORD} matter"}
    assert [(link["relation"], link["entity"]["name"]) for link in found["entities"]] == [("CONTROLS", f"{WORD} bear"), ("USES", "Kettle")]  # fmt: skip
    assert {alert["watchlist"]["name"] for alert in found["alerts"]} == {"ours", f"{WORD} watch"}
    assert [(was["version"], was["notes"], was["threatLevel"]) for was in found["history"]] == [(1, "amber first", "NONE")]  # fmt: skip


EVERYTHING = (
    """
query ($red: UUID!, $matter: UUID!, $entity: UUID!, $ids: [ID!]!) {
  me { role clearance organisation { name } }
  members { role organisation }
  ipProfile(id: $red) { ...Whole }
  byAddress: ipProfile(address: "185.246.188.74") { ...Whole }
  ipAddress(address: "185.246.188.74") { profiles { ...Whole } }
  searchIpProfiles(first: 40) { edges { cursor node { ...Whole } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }
  byWord: searchIpProfiles(filter: {text: "xyzzy"}) { nodes { id } }
  misspelt: searchIpProfiles(filter: {text: "xyzzi", misspelt: true}) { nodes { id } }
  byTag: searchIpProfiles(filter: {tags: ["xyzzy"]}) { nodes { id } }
  byMatter: searchIpProfiles(filter: {investigation: $matter}) { nodes { id } }
  byEntity: searchIpProfiles(filter: {entity: $entity}) { nodes { id } }
  byLevel: searchIpProfiles(filter: {tlp: RED}) { nodes { id } }
  investigation(id: $matter) { id name profiles { id } }
  investigations { edges { cursor } nodes { id name description profiles { id address } } }
  entity(id: $entity) { id name profiles { profile { id } } }
  entities { edges { cursor } nodes { id name profiles { relation profile { id address notes } } } }
  footprint(value: "shared.example") { value source profile { id } }
  hidden: footprint(value: "xyzzy.example") { value profile { id } }
  alerts { edges { cursor } nodes { id message cause profile { id notes } watchlist { id name } } }
  watchlists { edges { cursor } nodes { id name } }
  audit(first: 1000) { edges { cursor } nodes { id actor login organisation { name } kind detail statement thing { id } } }
  auditOfRed: audit(filter: {things: [$red, $matter, $entity]}) { nodes { id } }
  nodes(ids: $ids) { __typename id }
}
"""
    + OF
)


def _everything(scene: Scene, name: str) -> dict[str, Any]:
    secret = [scene.red.id, scene.matter_red.id, scene.entity_red.id, *(a.id for a in scene.ines.alerts.all() if a.profile == scene.red.id)]  # fmt: skip
    told: dict[str, Any] = scene.api.query(
        name,
        EVERYTHING,
        {
            "red": str(scene.red.id),
            "matter": str(scene.matter_red.id),
            "entity": str(scene.entity_red.id),
            "ids": [str(key) for key in secret],
        },
    )
    assert "errors" not in told, told["errors"]
    return told["data"]


def test_who_it_is_named_for_is_told_of_what_is_red(scene: Scene) -> None:
    told = _everything(scene, "ines")
    assert told["ipProfile"]["notes"] == f"{WORD} second"
    assert told["ipProfile"]["recipients"] == [scene.api.town.role("ines")]
    assert [node["__typename"] for node in told["nodes"]][:3] == ["IpProfile", "Investigation", "Entity"]
    for way in ("byWord", "misspelt", "byTag", "byLevel"):
        assert [node["id"] for node in told[way]["nodes"]] == [str(scene.red.id)]


@pytest.mark.parametrize("name", ["ida", "otto", "clara", "pia"])
def test_nobody_else_is_told_anything_of_it_in_any_way(scene: Scene, name: str) -> None:
    told = _everything(scene, name)
    text = json.dumps(told)
    for secret in (WORD, str(scene.red.id), str(scene.matter_red.id), str(scene.entity_red.id)):
        assert secret not in text
    assert told["ipProfile"] is told["investigation"] is told["entity"] is None
    assert told["nodes"] == [None] * len(told["nodes"])
    for way in ("byWord", "misspelt", "byTag", "byLevel", "byMatter", "byEntity"):
        assert told[way]["nodes"] == []
    levels = {edge["node"]["tlp"] for edge in told["searchIpProfiles"]["edges"]}
    shown = {"ida": {"GREEN", "AMBER"}, "otto": {"GREEN"}, "clara": {"AMBER"}, "pia": {"GREEN"}}
    assert levels == shown[name]


@pytest.mark.parametrize("name", ["ida", "pia"])
def test_an_error_about_what_is_hidden_reads_like_one_about_what_is_not_there(
    scene: Scene, name: str
) -> None:
    absent = "00000000-0000-4000-8000-000000000000"
    asked = """mutation ($id: UUID!) {
      updateIpProfile(input: {id: $id, expectedVersion: 1, notes: "x"}) { ...P }
      setSecrecyLevel(input: {id: $id, expectedVersion: 1, tlp: CLEAR, reason: "x"}) { ...S }
      exportStix(input: {profiles: [$id], to: "public"}) { ...E }
    }
    fragment P on IpProfileResult { __typename ... on Problem { message path } ... on Conflict { currentVersion } }
    fragment S on SecrecyResult { __typename ... on Problem { message path } ... on Conflict { currentVersion } }
    fragment E on StixExportResult { __typename ... on Problem { message path } }"""
    hidden = json.dumps(scene.api.query(name, asked, {"id": str(scene.red.id)}))
    nothing = json.dumps(scene.api.query(name, asked, {"id": absent}))
    assert hidden.replace(str(scene.red.id), absent) == nothing
    assert hidden.count("NotFound") == 3


def test_every_filter_and_order_of_the_store_can_be_asked(scene: Scene) -> None:
    filters = [
        {"text": "amber", "address": TOR_EXIT, "within": "185.246.188.0/24", "covering": TOR_EXIT},
        {"countries": ["NL", "DE"], "flags": ["TOR", "ANONYMOUS"], "minThreatLevel": "HIGH"},
        {"verdicts": [wb.lookup(TOR_EXIT).verdict.upper()], "reputation": {"min": 0, "max": 100}},
        {"tlp": "AMBER", "tags": ["amber"], "own": True},
        {"updatedSince": "2020-01-01T00:00:00Z", "updatedUntil": "2100-01-01T00:00:00+01:00"},
        {"investigation": str(scene.matter.id), "entity": str(scene.entity.id)},
        {"asns": [wb.lookup(TOR_EXIT).asn]},
    ]
    for given in filters:
        for order in ("REPUTATION", "UPDATED", "ADDRESS", None):
            told = scene.api.query(
                "ines",
                "query ($f: IpProfileFilter, $o: IpProfileOrder) { searchIpProfiles(filter: $f, orderBy: $o) { nodes { id } } }",
                {"f": given, "o": order},
            )
            assert str(scene.amber.id) in {node["id"] for node in told["data"]["searchIpProfiles"]["nodes"]}
    for given in ({"text": "nowhere"}, {"deleted": True}, {"asns": []}, {"countries": ["VN"]}):
        told = scene.api.query(
            "ines",
            "query ($f: IpProfileFilter) { searchIpProfiles(filter: $f) { nodes { id } } }",
            {"f": given},
        )
        assert told["data"]["searchIpProfiles"]["nodes"] == []


def test_pages_follow_one_another_from_any_edge(scene: Scene) -> None:
    asked = "query ($after: String) { searchIpProfiles(first: 2, after: $after) { edges { cursor node { id } } pageInfo { hasNextPage endCursor startCursor hasPreviousPage } } }"

    def page(after: str | None) -> dict[str, Any]:
        found: dict[str, Any] = scene.api.query("ines", asked, {"after": after})["data"]["searchIpProfiles"]
        return found

    first = page(None)
    second = page(first["pageInfo"]["endCursor"])
    assert (first["pageInfo"]["hasNextPage"], second["pageInfo"]["hasNextPage"]) == (True, False)
    ids = [edge["node"]["id"] for edge in first["edges"] + second["edges"]]
    assert sorted(ids) == sorted(str(each.id) for each in (scene.green, scene.amber, scene.red))
    from_the_middle = page(first["edges"][0]["cursor"])
    assert [edge["node"]["id"] for edge in from_the_middle["edges"]] == ids[1:3]


def test_whatever_has_an_id_is_found_by_it_and_by_who_may_see_it_alone(scene: Scene) -> None:
    kinds = [
        kind.name
        for kind in schema._schema.get_possible_types(schema._schema.type_map["Node"])  # type: ignore[arg-type]
    ]
    seen = {
        "IpProfile": scene.amber.id,
        "Investigation": scene.matter.id,
        "Entity": scene.entity.id,
        "Watchlist": scene.ines.watchlists.all()[0].id,
        "Alert": next(alert.id for alert in scene.ines.alerts.all() if alert.profile == scene.amber.id),
        "Evidence": scene.ines.evidence.of(scene.amber)[0].id,
        "Sighting": scene.ines.sightings.of(scene.amber)[0].id,
        "Footprint": scene.ines.footprint.of(scene.amber)[0].id,
    }
    assert set(seen) == set(kinds)
    asked = (
        "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id ... on Footprint { profile { address } } } }"
    )
    ids = {"ids": [str(key) for key in seen.values()]}
    told = scene.api.query("ines", asked, ids)["data"]["nodes"]
    assert {(node["__typename"], node["id"]) for node in told} == {(kind, str(key)) for kind, key in seen.items()}  # fmt: skip
    others = scene.api.query("pia", asked, ids)["data"]["nodes"]
    assert {node["__typename"] for node in others if node} == {"Investigation", "Entity"}
    for text in ("", "x", "x" * 36, "00000000-0000-4000-8000-000000000000"):
        assert scene.api.query("ines", "query ($id: ID!) { node(id: $id) { id } }", {"id": text})["data"] == {"node": None}  # fmt: skip


def test_lists_are_paged_too_and_no_page_loses_or_doubles_anything(scene: Scene) -> None:
    for i in range(7):
        scene.ines.investigations.create(f"paged {i}")
        scene.ines.entities.create("device", f"paged {i % 2}")
        scene.ines.watchlists.create(f"paged {i % 2}", asn=64496 + i)
    for field in ("investigations", "entities", "watchlists", "alerts"):
        whole = scene.api.query("ines", f"{{ {field}(first: 1000) {{ nodes {{ id }} }} }}")["data"][field]
        ids, after = [], None
        while True:
            asked = f"query ($after: String) {{ {field}(first: 2, after: $after) {{ nodes {{ id }} pageInfo {{ hasNextPage endCursor }} }} }}"
            page = scene.api.query("ines", asked, {"after": after})["data"][field]
            ids += [node["id"] for node in page["nodes"]]
            after = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                break
        assert ids == [node["id"] for node in whole["nodes"]]
        assert len(ids) >= 2


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ('searchIpProfiles(after: "x") { pageInfo { endCursor } }', "is not one that a page gave"),
        ("searchIpProfiles(first: 0) { pageInfo { endCursor } }", "first is 1 to 1000, not 0"),
        ("searchIpProfiles(first: 1001) { pageInfo { endCursor } }", "first is 1 to 1000, not 1001"),
        ("searchIpProfiles(first: -5) { pageInfo { endCursor } }", "first is 1 to 1000"),
        ('searchIpProfiles(filter: {text: "%s"}) { pageInfo { endCursor } }' % ("x" * 201), "up to 200 characters"),
        ('searchIpProfiles(filter: {tags: [""]}) { pageInfo { endCursor } }', "a tag has 1 to 100 characters"),
        ('searchIpProfiles(filter: {countries: ["XX"]}) { pageInfo { endCursor } }', "'XX' is no country code: ISO 3166-1 alpha-2 is wanted, such as NL"),
        ('searchIpProfiles(filter: {countries: ["nl"]}) { pageInfo { endCursor } }', "'nl' is no country code: it is written NL"),
        ("searchIpProfiles(filter: {reputation: {min: 101}}) { pageInfo { endCursor } }", "reputation is of 0 to 100"),
        ("ipProfile { id }", "ipProfile wants id or address"),
        ("footprint { id }", "a value or a profile"),
        ('ipAddress(address: "8.8.8.8", snapshot: "../../etc") { verdict }', "no snapshot"),
        ('ipAddress(address: "8.8.8.8", snapshot: "1999-01-01") { verdict }', "no snapshot of 1999-01-01 or before"),
        ('ipAddress(address: "8.8.8") { verdict }', "is no IP address"),
        ('history(address: "fe80::1%1") { address }', "is no IP address"),
        ('sources(snapshot: "x") { id }', "no snapshot"),
        ('entities(name: "a\\u0000b") { nodes { id } }', ""),
        ('alerts(after: "x") { nodes { id } }', "is no cursor of this list"),
        ('alerts(first: 5000) { nodes { id } }', "first is 1 to 1000"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused_in_plain_words(scene: Scene, asked: str, says: str) -> None:
    answer = scene.api.client("ines").post("/graphql", json={"query": f"{{ {asked} }}"})
    assert answer.status_code in (200, 400), answer.text
    (error,) = answer.json()["errors"]
    assert says in error["message"]
    assert error.get("extensions", {}).get("code") != "INTERNAL"


def test_an_address_needs_no_profile(scene: Scene) -> None:
    told = scene.api.query(
        "otto",
        "{ ipAddress(address: \"93.175.147.88\") { input address version scope country countryName asn asOrganisation verdict reputation reasons snapshot"
        " registry timezone networkType evidence { source title category entry weight reliability licence } profiles { id } } }",
    )["data"]["ipAddress"]  # fmt: skip
    intel = wb.lookup("93.175.147.88")
    assert (told["country"], told["asn"], told["verdict"]) == (intel.country, intel.asn, intel.verdict.upper())  # fmt: skip
    assert [item["entry"] for item in told["evidence"]] == [item.entry for item in intel.evidence]
    assert told["profiles"] == []


def test_ten_thousand_addresses_are_looked_up_at_once_and_bad_ones_stop_nothing(scene: Scene) -> None:
    addresses = [f"185.246.{i // 256}.{i % 256}" for i in range(9_998)] + ["no address", ""]
    told = scene.api.query(
        "ines",
        "query ($a: [String!]!) { bulkLookup(addresses: $a) { input address verdict country isTor } }",
        {"a": addresses},
    )["data"]["bulkLookup"]
    assert [row["input"] for row in told] == addresses
    assert [row["verdict"] for row in told[-2:]] == ["INVALID", "INVALID"]
    assert told[-1]["address"] is None
    expected = wb.enrich(addresses).column("country").to_pylist()
    assert [row["country"] for row in told] == expected
    more = scene.api.query(
        "ines", "query ($a: [String!]!) { bulkLookup(addresses: $a) { input } }", {"a": [*addresses, "x"]}
    )
    assert "up to 10,000" in more["errors"][0]["message"]


def test_sources_snapshots_and_history_tell_what_verdicts_rest_on(scene: Scene) -> None:
    told = scene.api.query(
        "otto",
        "{ sources { id title layers category reliability licence attribution published entries rejected }"
        ' snapshots { id asOf created isCurrent sources { id } } history(address: "185.246.188.74")'
        " { address snapshots listed { source category entry first last } located { country asn first last } } }",
    )["data"]
    snapshot = wb.intel.current()
    assert {source["id"] for source in told["sources"]} == {source.id for source in snapshot.sources}
    assert [each["id"] for each in told["snapshots"] if each["isCurrent"]] == [snapshot.id]
    assert told["history"]["snapshots"] == wb.intel.snapshots()
    assert "TOR" in {listing["category"] for listing in told["history"]["listed"]}


def test_a_row_that_somebody_wrote_by_hand_breaks_no_query(scene: Scene, api_town: Any) -> None:
    with api_town.sql("pia") as con:
        (key,) = con.execute(
            "INSERT INTO profiles (address, owner, secrecy, verdict, network_type, country, reasons) "
            "SELECT '198.51.100.0/24', organisation, 3, 'gruesome', 'submarine', 'ZZ', '' FROM members WHERE role = current_user RETURNING id"
        ).fetchone()
        con.execute("INSERT INTO evidence (profile, source, category) VALUES (%s, 'me', 'whatever')", (key,))
    told = scene.api.query("pia", "query ($id: UUID!) { ipProfile(id: $id) { ...Whole } }" + OF, {"id": str(key)})  # fmt: skip
    assert "errors" not in told
    found = told["data"]["ipProfile"]
    assert (found["address"], found["verdict"], found["networkType"], found["country"]) == ("198.51.100.0/24", None, None, "ZZ")  # fmt: skip
    with api_town.sql("pia") as con:
        con.execute("UPDATE profiles SET deleted_at = now() WHERE id = %s", (key,))


def test_reading_is_written_down(scene: Scene) -> None:
    scene.api.query("ida", "query ($id: UUID!) { ipProfile(id: $id) { notes } }", {"id": str(scene.amber.id)})
    acts = scene.ines.audit.of(scene.amber)
    assert scene.api.town.role("ida") in {act.actor for act in acts if act.action == "read row"}


AUDIT = """
query ($filter: AuditFilter, $after: String, $first: Int) { audit(filter: $filter, first: $first, after: $after) {
  nodes { at actor organisation { name } action kind subject detail thing { __typename id ... on IpProfile { address } } }
  pageInfo { hasNextPage endCursor }
} }"""


def _audit(scene: Scene, name: str, first: int = 100, after: str | None = None, **asked: Any) -> Any:
    told = scene.api.query(name, AUDIT, {"filter": asked, "first": first, "after": after})
    assert "errors" not in told, told["errors"]
    return told["data"]["audit"]


def test_the_audit_is_asked_by_thing_member_action_and_time(scene: Scene) -> None:
    amber = str(scene.amber.id)
    lines = _audit(scene, "ines", address=TOR_EXIT, actions=["CREATE", "SET_SECRECY", "ADD"])["nodes"]
    assert {line["thing"]["address"] for line in lines} == {TOR_EXIT}
    assert len({line["subject"] for line in lines}) == 3, "green, amber and red"
    of_amber = _audit(scene, "ines", things=[amber], member=scene.api.town.role("ines"))["nodes"]
    assert {line["subject"] for line in of_amber} == {amber}
    assert {"PROFILE", "EVIDENCE", "INVESTIGATION_LINK"} <= {line["kind"] for line in of_amber}
    assert _audit(scene, "ines", address=TOR_EXIT, things=[str(scene.matter.id)])["nodes"] == []
    newest = of_amber[0]["at"]
    assert _audit(scene, "ines", things=[amber], since=newest)["nodes"][-1]["at"] == newest
    assert newest not in [line["at"] for line in _audit(scene, "ines", things=[amber], until=newest)["nodes"]]
    assert _audit(scene, "pia", things=[amber])["nodes"] == []


def test_pages_of_the_audit_make_up_the_whole(scene: Scene) -> None:
    asked = {"things": [str(scene.amber.id)], "actions": ["CREATE", "UPDATE", "ADD"]}
    whole = _audit(scene, "ines", **asked)["nodes"]
    pages, after = [], None
    while True:
        page = _audit(scene, "ines", 2, after, **asked)
        pages += page["nodes"]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert pages == whole
    assert len(whole) > 4


def test_the_owner_hears_who_read_elsewhere(scene: Scene) -> None:
    key = str(scene.ines.profiles.create("203.0.113.200", secrecy="amber").id)
    assert scene.api.query("clara", "query ($id: UUID!) { ipProfile(id: $id) { notes } }", {"id": key})["data"]["ipProfile"]  # fmt: skip
    (line,) = _audit(scene, "ines", things=[key], actions=["READ_ELSEWHERE"])["nodes"]
    assert (line["actor"], line["organisation"]["name"], line["kind"]) == (None, "grid", "PROFILE")
    assert [each["action"] for each in _audit(scene, "clara", things=[key])["nodes"]][-1] == "READ_ROW"


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("{ audit(first: 1001) { nodes { id } } }", "first is 1 to 1000"),
        ('{ audit(after: "x") { nodes { id } } }', "no cursor of this list"),
        ("{ audit(filter: {things: [" + f'"{UUID(int=1)}" ' * 1001 + "]}) { nodes { id } } }", "up to 1,000"),
        ("{ audit(first: 1000) { nodes { thing { ... on IpProfile { evidence(first: 1000) { id } } } } } }", "ask for less"),
    ],
    ids=["page", "cursor", "things", "cost"],
)  # fmt: skip
def test_the_audit_is_bounded(scene: Scene, query: str, says: str) -> None:
    assert says in json.dumps(scene.api.query("ines", query)["errors"])


def _statements(scene: Scene, name: str, query: str, variables: dict[str, Any] | None = None) -> int:
    """How many statements with SELECT a query costs."""
    seen: list[Any] = []
    execute = psycopg.Connection.execute

    def counted(self: Any, statement: Any, *values: Any, **more: Any) -> Any:
        text = statement if isinstance(statement, str | bytes) else b""
        if (text.encode() if isinstance(text, str) else text).lstrip().startswith((b"SELECT", b"WITH")):
            seen.append(text)
        return execute(self, statement, *values, **more)

    with patch.object(psycopg.Connection, "execute", counted):
        told = scene.api.query(name, query, variables)
    assert "errors" not in told, told
    return len(seen)


def test_thirty_profiles_cost_as_many_statements_as_one(scene: Scene) -> None:
    many = [scene.ines.profiles.create(f"203.0.113.{i}", secrecy="amber") for i in range(30)]
    for number, profile in enumerate(many):
        scene.ines.footprint.add(profile, Footprint("domain", f"n{number}.example", "pdns"))
        scene.ines.entities.link(scene.entity, profile, "uses")
    scene.ines.investigations.link(scene.matter, *many)
    asked = """query ($n: Int!) { searchIpProfiles(first: $n, orderBy: ADDRESS) { nodes {
        owner { inCommunity } evidence(first: 2) { source } sightings(first: 2) { count } footprint(first: 2) { value profile { id } }
        alerts(first: 2) { message watchlist { name } profile { id } } history(first: 2) { notes }
        investigations(first: 2) { name profiles(first: 2) { address } }
        entities(first: 2) { relation entity { profiles(first: 2) { profile { investigations(first: 2) { name } footprint(first: 2) { value } } } } }
    } } }"""
    # Streams of the same server may ask something meanwhile: the fewest are those of the query.
    one, thirty = (min(_statements(scene, "ida", asked, {"n": n}) for _ in range(3)) for n in (1, 30))
    for profile in many:
        scene.ines.profiles.delete(scene.ines.profiles.get(profile.id))
    assert one <= 40
    assert thirty <= one + 4
