"""Partners poll the store with the clients they have, and get what they may see: no less, and no more."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import httpx
import psycopg
import pytest

from tests.api.conftest import Api
from tests.api.partner import Partner
from workbench.secrecy import MARKING_IDS, TLP
from workbench.store import Evidence, Footprint, Sighting, Store

validator = pytest.importorskip("stix2validator", reason="the OASIS validator is a development dependency")


def test_the_server_is_found_by_the_client_everybody_has(api: Api, ines: Store) -> None:
    ines.investigations.create("Water", secrecy="green", description="intrusion")
    ines.investigations.create("Own affair", secrecy="amber+strict")
    pia = Partner(api, "pia")
    assert pia.server.title == "IP Workbench"
    assert pia.server.default.url == f"{api.url}/taxii2/store/"
    (root,) = pia.server.api_roots
    assert root.versions == ["application/taxii+json;version=2.1"]
    assert [(each.title, each.can_read, each.can_write) for each in root.collections] == [
        ("Everything", True, False), ("Water", True, False),
    ]  # fmt: skip
    assert {each.title for each in Partner(api, "ines").server.default.collections} == {
        "Everything",
        "Water",
        "Own affair",
    }
    water = pia.collection("Water")
    water.refresh()
    assert water.media_types == ["application/stix+json;version=2.1"]


def test_each_gets_what_she_may_see_and_everything_is_marked(api: Api, ines: Store) -> None:
    day = datetime(2026, 10, 5, tzinfo=UTC)
    green = ines.profiles.create(
        "93.175.147.88", secrecy="green", notes="beacons", tags=["scada"], threat_level="high"
    )
    ines.profiles.create("198.51.100.1", secrecy="clear")
    ines.profiles.create("198.51.100.2", secrecy="amber")
    ines.profiles.create("198.51.100.3", secrecy="amber+strict")
    ines.profiles.create("198.51.100.4", secrecy="red", recipients=[api.town.role("ida")], reason="source")
    ines.sightings.add(green, Sighting(day, day, 3, "fw-scada-01", "10.0.0.4"))
    ines.footprint.add(
        green, Footprint("domain", "c2.example", "pdns"), Footprint("account", "mallory", "forum")
    )
    ines.evidence.add(green, Evidence("partner feed", "attacker", "93.175.147.88", licence="CC0"))
    seen = {name: Partner(api, name).addresses() for name in ("pia", "clara", "otto", "ines", "ida")}
    assert seen == {
        "pia": {"93.175.147.88", "198.51.100.1"},
        "clara": {"198.51.100.1", "198.51.100.2"},
        "otto": {"93.175.147.88", "198.51.100.1"},
        "ines": {"93.175.147.88", *(f"198.51.100.{n}" for n in (1, 2, 3, 4))},
        "ida": {"93.175.147.88", *(f"198.51.100.{n}" for n in (1, 2, 3, 4))},
    }
    objects = Partner(api, "pia").all()
    levels = {MARKING_IDS[TLP.CLEAR], MARKING_IDS[TLP.GREEN]}
    assert {value["id"] for value in objects if value["type"] == "marking-definition"} == levels
    assert all(
        set(value["object_marking_refs"]) <= levels
        for value in objects
        if value["type"] != "marking-definition"
    )
    ids = {value["id"] for value in objects}
    assert {
        ref
        for value in objects
        for ref in [value.get("created_by_ref"), *value.get("object_refs", [])]
        if ref
    } <= ids
    text = json.dumps(objects)
    assert all(word in text for word in ("beacons", "scada", "c2.example", "partner feed", '"cert"'))
    assert not any(word in text for word in ("fw-scada-01", "10.0.0.4", "mallory", "198.51.100.2"))
    for each in Partner(api, "ines").all():
        errors = validator.validate_instance(
            each, validator.ValidationOptions(version="2.1", strict=True)
        ).errors
        assert [str(error) for error in errors] == []


def test_polling_misses_nothing_that_comes_changes_or_is_taken_back(api: Api, ines: Store) -> None:
    pia = Partner(api, "pia")
    first = ines.profiles.create("93.175.147.1", secrecy="green", threat_level="high")
    second = ines.profiles.create("93.175.147.2", secrecy="green", threat_level="high")
    hidden = ines.profiles.create("93.175.147.3", secrecy="amber", threat_level="high")
    assert pia.poll().complete
    assert sorted(each["name"] for each in pia.latest("indicator")) == [
        "93.175.147.1: malicious",
        "93.175.147.2: malicious",
    ]
    assert pia.poll().new == 0

    first = ines.profiles.update(first, notes="seen again")  # changed
    assert [each["content"] for each in (pia.poll(), pia.latest("note"))[1]] == ["seen again"]
    ines.sightings.add(
        first, Sighting(datetime(2026, 10, 5, tzinfo=UTC), datetime(2026, 10, 6, tzinfo=UTC), 9)
    )  # its child
    assert pia.poll().new > 0
    assert [each["count"] for each in pia.latest("sighting")] == [9]
    ines.profiles.set_secrecy(hidden, "green", "may be told now")  # opened, though older than what was polled
    pia.poll()
    assert len(pia.latest("indicator")) == 3

    first = ines.profiles.update(
        ines.profiles.get(first.id), threat_level="none", notes=""
    )  # no longer thought so
    ines.profiles.delete(second)
    pia.poll()
    revoked = {each["pattern"]: each.get("revoked", False) for each in pia.latest("indicator")}
    assert revoked == {
        "[ipv4-addr:value = '93.175.147.1']": True, "[ipv4-addr:value = '93.175.147.2']": True, "[ipv4-addr:value = '93.175.147.3']": False,
    }  # fmt: skip
    assert all(each.get("revoked") for each in pia.latest("note") if each["content"] == "withdrawn")
    assert "seen again" not in {each["content"] for each in pia.latest("note")}
    assert pia.poll().new == 0


def test_what_is_closed_to_her_disappears_without_a_word(api: Api, ines: Store) -> None:
    pia = Partner(api, "pia")
    profile = ines.profiles.create("93.175.147.1", secrecy="green", threat_level="high")
    indicator = next(value["id"] for value in pia.all() if value["type"] == "indicator")
    assert pia.collection().get_object(indicator)["objects"][0]["id"] == indicator
    ines.profiles.set_secrecy(profile, "amber", "an operation begins")
    assert "93.175.147.1" not in json.dumps(pia.all())
    assert "93.175.147.1" not in json.dumps(pia.all(added_after="2020-01-01T00:00:00Z"))
    with pytest.raises(httpx.HTTPStatusError):
        pia.http.get(f"{pia.collection().objects_url}{indicator}/").raise_for_status()
    assert pia.all(id=indicator) == []


def test_who_becomes_a_client_is_told_what_was_there_before(api: Api, ines: Store) -> None:
    ines.profiles.create("93.175.147.1", secrecy="amber")
    ines.profiles.create("93.175.147.2", secrecy="green")
    pia = Partner(api, "pia")
    pia.poll()
    with api.town.administration() as administration:
        administration.add_organisation("bank", client_of=["cert"])
        try:
            pia.poll()
        finally:
            administration.remove_client("cert", "bank")
    assert {each["value"] for each in pia.latest("ipv4-addr")} == {"93.175.147.1", "93.175.147.2"}


def test_an_investigation_is_a_collection_and_follows_its_links(api: Api, ines: Store) -> None:
    pia = Partner(api, "pia")
    old = ines.profiles.create("93.175.147.1", secrecy="green", threat_level="high")
    hidden = ines.profiles.create("93.175.147.2", secrecy="amber")
    matter = ines.investigations.create("Water", secrecy="green", description="intrusion")
    ines.investigations.link(matter, old, hidden)
    pia.poll("Water")
    (grouping,) = pia.latest("grouping")
    assert (grouping["name"], len(grouping["object_refs"])) == ("Water", 2), (
        "address and indicator of the one she sees"
    )
    late = ines.profiles.create("93.175.147.4", secrecy="green")
    Partner(api, "pia").all()
    ines.investigations.link(matter, late)
    pia.poll("Water")
    assert {each["value"] for each in pia.latest("ipv4-addr")} == {"93.175.147.1", "93.175.147.4"}
    assert len(pia.latest("grouping")[0]["object_refs"]) == 3
    matter = ines.investigations.update(ines.investigations.get(matter.id), state="closed")
    told = {each["type"]: each.get("revoked", False) for each in pia.all("Water")}
    assert (told["report"], told["grouping"]) == (False, True), "there is one of it, and it is closed"
    assert pia.addresses("Water") == {"93.175.147.1", "93.175.147.4"}


def test_pages_times_and_filters_agree(api: Api, ines: Store) -> None:
    for number in range(12):
        ines.profiles.create(
            f"93.175.147.{number}", secrecy="green", threat_level="high" if number % 2 else "none", notes="n"
        )
    pia = Partner(api, "pia")
    url = pia.collection().url
    whole = pia.http.get(f"{url}objects/").json()["objects"]
    manifest = pia.http.get(f"{url}manifest/").json()["objects"]
    assert [each["id"] for each in manifest] == [each["id"] for each in whole]
    assert [each["date_added"] for each in manifest] == sorted({each["date_added"] for each in manifest}), (
        "each at a time of its own"
    )
    for limit in (1, 3, 1000):
        after, got = None, []
        while True:  # by time alone, as the simplest of clients
            answer = pia.http.get(
                f"{url}objects/", params={"limit": limit, **({"added_after": after} if after else {})}
            )
            got += answer.json().get("objects", [])
            if not answer.json().get("more"):
                break
            after = answer.headers["X-TAXII-Date-Added-Last"]
        assert {json.dumps(each) for each in got} == {json.dumps(each) for each in whole}
    indicators = pia.all(type="indicator")
    assert len(indicators) == 6
    some = pia.all(id=[indicators[0]["id"], indicators[3]["id"]])
    assert [each["id"] for each in some] == [indicators[0]["id"], indicators[3]["id"]]
    assert pia.all(version=indicators[0]["modified"], type="indicator") == [indicators[0]]
    assert pia.all(spec_version="2.0") == []
    one = indicators[2]
    assert pia.collection().object_versions(one["id"])["versions"] == [one["modified"]]
    assert Partner(api, "otto").collection().get_object(one["id"])["objects"][0]["id"] == one["id"], (
        "asked for before anything was listed"
    )


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "", {"accept": "application/vnd.oasis.taxii+json; version=2.0"}, 406),
        ("GET", "", {"accept": "application/taxii+json;version=2.0"}, 406),
        ("GET", "", {"accept": "text/html, application/taxii+json; version=2.1"}, 200),
        ("GET", "", {"accept": "*/*"}, 200),
        ("GET", "", {"authorization": "Basic dG9rZW46d3Jvbmc="}, 401),
        ("GET", "", {"authorization": "Basic ???"}, 401),
        ("GET", "nowhere/", {}, 404),
        ("GET", "store/collections/11111111-1111-4111-8111-111111111111/objects/", {}, 404),
        ("GET", "store/collections/x/objects/", {}, 404),
        ("GET", "store/status/11111111-1111-4111-8111-111111111111/", {}, 404),
        ("GET", "{all}objects/indicator--11111111-1111-4111-8111-111111111111/", {}, 404),
        ("GET", "{all}objects/?added_after=0001-01-01T00:00:00Z", {}, 200),
        ("GET", "{all}objects/?added_after=9999-12-31T23:59:59Z", {}, 200),
        ("GET", "{all}objects/?next=9999-12-31T23:59:59.999999Z~0", {}, 200),
        ("GET", "{all}objects/?added_after=0001-01-01T00:00:00%2B10:00", {}, 400),
        ("GET", "{all}objects/?limit=0", {}, 400),
        ("GET", "{all}objects/?limit=many", {}, 400),
        ("GET", "{all}objects/?added_after=monday", {}, 400),
        ("GET", "{all}objects/?next=..", {}, 400),
        ("GET", "{all}objects/?match[version]=newest", {}, 400),
        ("POST", "{all}objects/", {}, 403),
        ("DELETE", "{all}objects/indicator--11111111-1111-4111-8111-111111111111/", {}, 403),
    ],
)  # fmt: skip
def test_errors_are_those_of_taxii(
    api: Api, ines: Store, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    pia = Partner(api, "pia")
    path = path.replace("{all}", pia.collection().url.partition("/taxii2/")[2])
    answer = pia.http.request(method, f"/taxii2/{path}", headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/taxii+json;version=2.1"
    if status >= 400:
        assert answer.json()["title"]
        assert answer.json()["http_status"] == str(status)


def test_two_who_poll_at_once_and_one_who_writes_lose_nothing(api: Api, ines: Store) -> None:
    import threading

    partners = [Partner(api, "pia"), Partner(api, "pia")]
    done = threading.Event()

    def write() -> None:
        store = api.town.store("ida")
        for number in range(24):
            profile = store.profiles.create(f"93.175.148.{number}", secrecy="green")
            if number % 3 == 0:
                store.profiles.update(profile, notes=f"note {number}")
        done.set()

    def poll(partner: Partner) -> None:
        while not done.is_set():
            partner.poll()

    threads = [
        threading.Thread(target=write),
        *(threading.Thread(target=poll, args=(each,)) for each in partners),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for partner in partners:
        partner.poll()
        assert {each["value"] for each in partner.latest("ipv4-addr")} == {
            f"93.175.148.{number}" for number in range(24)
        }
        noted = {each["content"] for each in partner.latest("note")}
        assert {f"note {number}" for number in range(0, 24, 3)} <= noted


def test_what_another_was_offered_is_no_ones_business(api: Api, ines: Store) -> None:
    ines.profiles.create("93.175.147.1", secrecy="green")
    assert Partner(api, "ines").addresses() == Partner(api, "pia").addresses() == {"93.175.147.1"}
    with api.town.sql("pia") as con:
        roles = {row[0] for row in con.execute("SELECT role FROM offers").fetchall()}
        assert roles == {api.town.role("pia")}
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            con.execute("UPDATE offers SET role = %s", (api.town.role("ines"),))
        assert con.execute("DELETE FROM offers WHERE role = %s", (api.town.role("ines"),)).rowcount == 0


def test_that_a_partner_read_it_is_written_down(api: Api, ines: Store) -> None:
    profile = ines.profiles.create("93.175.147.1", secrecy="amber")
    assert Partner(api, "clara").addresses() == {"93.175.147.1"}
    with api.town.superuser() as con:
        (read,) = con.execute(
            "SELECT count(*) FROM audit WHERE action = 'read row' AND actor = %s AND subject = %s",
            (api.town.role("clara"), profile.id),
        ).fetchone()
    assert read


def test_an_object_is_the_same_for_whoever_sees_it_wherever(api: Api, ines: Store) -> None:
    profile = ines.profiles.create("93.175.147.1", secrecy="green", threat_level="high", notes="n")
    day = datetime(2026, 10, 5, tzinfo=UTC)
    ines.sightings.add(profile, Sighting(day, day, 3))
    matter = ines.investigations.create("Water", secrecy="green")
    ines.investigations.link(matter, profile)

    def of(partner: Partner, title: str) -> dict[str, Any]:
        return {value["id"]: value for value in partner.all(title)}

    mine, theirs = of(Partner(api, "ines"), "Everything"), of(Partner(api, "pia"), "Everything")
    assert mine == theirs == of(Partner(api, "pia"), "Water")
    ines.sightings.remove(ines.sightings.of(profile))  # it leaves no time of its own
    again = of(Partner(api, "pia"), "Everything")
    assert {value["type"] for value in again.values() if value.get("revoked")} == {
        "sighting",
        "observed-data",
        "relationship",
    }
    for each in again.values():
        errors = validator.validate_instance(
            each, validator.ValidationOptions(version="2.1", strict=True)
        ).errors
        assert [str(error) for error in errors] == []
    indicator = next(value for value in again.values() if value["type"] == "indicator")
    assert indicator["modified"] > theirs[indicator["id"]]["modified"]
