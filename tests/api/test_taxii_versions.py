"""A partner that was told something, and then a correction, gets both versions: those that are still for it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
import stix2

from tests.api.conftest import Api
from tests.api.partner import Partner
from workbench.store import Evidence, Profile, Sighting, Store
from workbench.store.serving import offers

DAY = datetime(2026, 10, 5, tzinfo=UTC)


def content(found: list[dict[str, Any]]) -> list[str]:
    """The analysts' notes, in the order they came."""
    return [value["content"] for value in found if value["type"] == "note" and "abstract" not in value]


def note_of(found: list[dict[str, Any]]) -> str:
    """The id of the analysts' note."""
    return str(next(v["id"] for v in found if v["type"] == "note" and "abstract" not in v))


def told_twice(ines: Store, pia: Partner) -> tuple[Profile, list[dict[str, Any]], list[dict[str, Any]]]:
    """A profile that pia was told of, and was told a correction of."""
    profile = ines.profiles.create("93.175.147.1", secrecy="green", threat_level="high", notes="scans us")
    before = pia.all()
    profile = ines.profiles.update(profile, threat_level="medium", notes="scans everybody")
    return profile, before, pia.all()


def test_who_was_told_and_then_corrected_has_both(api: Api, ines: Store) -> None:
    pia = Partner(api, "pia")
    _, before, after = told_twice(ines, pia)
    first, last = (next(v for v in each if v["type"] == "indicator") for each in (before, after))
    assert (first["name"], last["name"]) == ("93.175.147.1: malicious", "93.175.147.1: suspicious")
    one = first["id"]
    collection = pia.collection()
    assert collection.get_object(one)["objects"] == [last]
    assert collection.get_object(one, version="all")["objects"] == [first, last]
    assert collection.get_object(one, version="first")["objects"] == [first]
    assert collection.get_object(one, version="last")["objects"] == [last]
    assert collection.get_object(one, version=["first", "last"])["objects"] == [first, last]
    assert collection.get_object(one, version=first["modified"])["objects"] == [first]
    assert "objects" not in collection.get_object(one, version="2020-01-01T00:00:00Z")
    assert collection.object_versions(one)["versions"] == [first["modified"], last["modified"]]
    assert pia.all(id=one, version="all") == [first, last]
    # As the library of OASIS asks, on which others are built.
    source = stix2.TAXIICollectionSource(collection)
    assert {str(v.name) for v in source.all_versions(one)} == {first["name"], last["name"]}
    assert str(source.get(one).name) == last["name"]


def test_a_whole_collection_comes_with_every_version_in_the_order_they_were_added(
    api: Api, ines: Store
) -> None:
    pia = Partner(api, "pia")
    profile, before, after = told_twice(ines, pia)
    profile = ines.profiles.update(profile, notes="scans nobody")
    pia.all()
    ines.profiles.create("93.175.147.2", secrecy="green", notes="another")
    latest = pia.all()
    assert content(pia.all(version="all")) == ["scans us", "scans everybody", "scans nobody", "another"]
    assert content(pia.all(version="first")) == ["scans us", "another"]
    assert content(pia.all(version="first,last")) == ["scans us", "scans nobody", "another"]
    assert content(pia.all()) == content(pia.all(version="last")) == ["scans nobody", "another"]
    whole = {json.dumps(value) for value in pia.all(version="all")}
    assert whole == {json.dumps(value) for value in [*before, *after, *latest]} - {
        json.dumps(value)
        for value in [*before, *after]
        if "modified" not in value and value not in latest  # an observable is what it was last
    }
    url = pia.collection().url
    wanted = {"match[version]": "all"}
    manifest = pia.http.get(f"{url}manifest/", params=wanted).json()["objects"]
    objects = pia.http.get(f"{url}objects/", params=wanted).json()["objects"]
    assert [each["id"] for each in manifest] == [each["id"] for each in objects]
    assert {each["version"] for each in manifest} >= {v["modified"] for v in objects if "modified" in v}
    added = [each["date_added"] for each in manifest]
    assert added == sorted(set(added))
    for limit in (1, 4):  # by time alone, and page by page
        after_, got = None, []
        while True:
            asked = {**wanted, "limit": limit, **({"added_after": after_} if after_ else {})}
            answer = pia.http.get(f"{url}objects/", params=asked)
            got += answer.json().get("objects", [])
            if not answer.json().get("more"):
                break
            after_ = answer.headers["X-TAXII-Date-Added-Last"]
        assert {json.dumps(value) for value in got} == whole
    since = manifest[len(before) - 1]["date_added"]
    assert "scans us" not in content(pia.all(version="all", added_after=since))


def test_our_own_poll_brings_both_into_the_case(api: Api, ines: Store) -> None:
    from workbench.exchange import taxii

    pia = Partner(api, "pia")
    told_twice(ines, pia)
    taxii.run(taxii.poll(f"{api.url}/taxii2/", pia.case, collections="Everything", auth=pia.token, versions="all"))  # fmt: skip
    rows = pia.case.con.execute("SELECT raw FROM stix_objects WHERE type = 'note'").fetchall()
    assert {json.loads(raw)["content"] for (raw,) in rows} == {"scans us", "scans everybody"}
    assert [each["content"] for each in pia.latest("note")] == ["scans everybody"]


@pytest.mark.parametrize("level", ["amber", "amber+strict", "red"])
def test_what_was_said_under_a_more_open_marking_is_not_told_again(api: Api, ines: Store, level: str) -> None:
    ida, pia = Partner(api, "ida"), Partner(api, "pia")
    profile, _, after = told_twice(ines, pia)
    assert content(ida.all(version="all")) == ["scans everybody"], "she was told of it later"
    one = note_of(after)
    profile = ines.profiles.update(profile, notes="scans")
    assert content(ida.all(version="all")) == ["scans everybody", "scans"]
    named = {"recipients": [api.town.role("ida")]} if level == "red" else {}
    ines.profiles.set_secrecy(profile, level, "an operation begins", **named)
    assert content(ida.all(version="all")) == ["scans"], "with the marking of today alone"
    assert ida.collection().object_versions(one)["versions"] == [ida.all(id=one)[0]["modified"]]
    for version in ("all", "first", after[-1]["modified"]):
        assert "93.175.147.1" not in json.dumps(pia.all(version=version))
        assert pia.all(id=one, version=version) == []
    with pytest.raises(Exception, match="404"):
        pia.collection().object_versions(one)


def test_who_is_let_in_when_a_level_is_lowered_gets_nothing_of_before(api: Api, ines: Store) -> None:
    pia, ida, clara = (Partner(api, name) for name in ("pia", "ida", "clara"))
    profile = ines.profiles.create("93.175.147.1", secrecy="amber", notes="our source says so")
    told = [content(each.all()) for each in (pia, ida, clara)]
    assert told == [[], ["our source says so"], ["our source says so"]]
    profile = ines.profiles.update(profile, notes="it is known")
    ines.profiles.set_secrecy(profile, "green", "may be told now")
    said = [content(each.all(version="all")) for each in (pia, ida)]
    assert said == [["it is known"], ["our source says so", "it is known"]]
    with api.town.administration() as administration:  # and who was told as a client, and is none any more
        clara.all()
        administration.remove_client("cert", "grid")
        try:
            assert "our source" not in json.dumps(clara.all(version="all"))
        finally:
            administration.add_organisation("grid", client_of=["cert"])


def test_what_was_taken_back_is_not_told_again(api: Api, ines: Store) -> None:
    pia = Partner(api, "pia")
    profile = ines.profiles.create("93.175.147.1", secrecy="green", threat_level="high")
    clean = next(v for v in pia.all() if v["type"] == "indicator")
    ines.evidence.add(profile, Evidence("a source that erred", "attacker", "93.175.147.1"))
    ines.sightings.add(profile, Sighting(DAY, DAY, 3))
    assert "a source that erred" in json.dumps(pia.all())
    ines.evidence.remove(ines.evidence.of(profile))
    pia.all()
    whole = pia.all(version="all")
    assert "a source that erred" not in json.dumps(whole)
    assert next(v for v in whole if v["id"] == clean["id"]) == clean, "what was said before it is"
    assert len([v for v in whole if v["id"] == clean["id"]]) == 2


def test_of_what_was_deleted_the_versions_before_stay(api: Api, ines: Store) -> None:
    pia = Partner(api, "pia")
    profile, before, _ = told_twice(ines, pia)
    ines.profiles.delete(profile)
    one = note_of(before)
    assert [v.get("revoked", False) for v in pia.all(id=one)] == [True]
    assert [v.get("revoked", False) for v in pia.all(id=one, version="all")] == [False, False, True]


def test_only_so_many_versions_are_kept(api: Api, ines: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offers, "_REFRESH", offers._REFRESH.replace(f"OFFSET {offers.KEPT - 1}", "OFFSET 2"))
    pia = Partner(api, "pia")
    profile = ines.profiles.create("93.175.147.1", secrecy="green", notes="0")
    for number in range(1, 7):
        pia.all()
        profile = ines.profiles.update(profile, notes=str(number))
    assert content(pia.all(version="all")) == ["3", "4", "5", "6"]


def test_what_was_shown_to_another_is_no_ones_business(api: Api, ines: Store) -> None:
    pia = Partner(api, "pia")
    profile, _, _ = told_twice(ines, pia)
    otto = Partner(api, "otto")
    assert content(otto.all(version="all")) == ["scans everybody"]
    ines.profiles.update(profile, notes="scans")
    assert content(otto.all(version="all")) == ["scans everybody", "scans"]
    with api.town.sql("otto") as con:
        roles = {row[0] for row in con.execute("SELECT role FROM offered_before").fetchall()}
        assert roles == {api.town.role("otto")}
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            con.execute("UPDATE offered_before SET version = 1")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            con.execute("INSERT INTO offered_before SELECT %s, collection, thing, kind, version, mark, withdrawn, changed_at, offered_at, objects FROM offered_before", (api.town.role("ines"),))  # fmt: skip
        assert con.execute("DELETE FROM offered_before WHERE role = %s", (api.town.role("pia"),)).rowcount == 0  # fmt: skip
