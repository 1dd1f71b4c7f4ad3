"""What a partner was given and is no longer said is taken back: under the ids it was given, and with nothing else."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.api.conftest import Api
from tests.api.partner import Partner
from workbench.store import Sighting, Store

validator = pytest.importorskip("stix2validator", reason="the OASIS validator is a development dependency")
DAY = datetime(2026, 10, 5, tzinfo=UTC)


def moved(api: Api, country: str) -> None:
    """Geolocation says another country of every address."""
    with api.town.sql("ines") as con:
        con.execute("UPDATE profiles SET country = %s, city = NULL, region = NULL", (country,))


def shown(partner: Partner, kind: str = "relationship") -> list[dict[str, Any]]:
    """What the partner's case shows of a kind after one more poll."""
    partner.poll()
    return [value for value in partner.latest(kind) if not value.get("revoked")]


def countries(partner: Partner) -> set[str]:
    """Where the partner's case has addresses, by the relationships in it."""
    places = {each["target_ref"] for each in shown(partner) if each["relationship_type"] == "related-to"}
    return {partner.case.get(place)["country"] for place in places}  # type: ignore[index]


def came_back(partner: Partner) -> list[tuple[str]]:
    """What was revoked and then had a later version, which revoking rules out (STIX 2.1 section 3.2)."""
    return partner.case.con.execute(
        "SELECT DISTINCT o.id FROM stix_objects o JOIN stix_objects dead USING (id) "
        "WHERE dead.revoked AND NOT o.revoked AND o.modified > dead.modified"
    ).fetchall()


def test_an_address_that_moved_is_no_longer_where_it_was(api: Api, ines: Store) -> None:
    pia, late = Partner(api, "pia"), Partner(api, "pia")
    ines.profiles.create("93.175.147.1", secrecy="green")
    moved(api, "SE")
    assert countries(pia) == countries(late) == {"SE"}
    moved(api, "NO")
    assert countries(pia) == {"NO"}
    moved(api, "FI")
    assert countries(pia) == {"FI"}
    assert countries(late) == {"FI"}, "who was away in between is told of both"
    moved(api, "SE")
    assert countries(pia) == countries(late) == {"SE"}, "and back"
    assert countries(pia) == {"SE"}, "asked again it is the same"
    moved(api, "NO")
    assert countries(pia) == countries(late) == {"NO"}
    assert came_back(pia) == came_back(late) == []
    for each in pia.all():
        errors = validator.validate_instance(each, validator.ValidationOptions(version="2.1", strict=True)).errors  # fmt: skip
        assert [str(error) for error in errors] == []


def test_a_sighting_that_was_removed_takes_what_rested_on_it_along(api: Api, ines: Store) -> None:
    pia = Partner(api, "pia")
    profile = ines.profiles.create("93.175.147.1", secrecy="green", threat_level="high")
    ines.sightings.add(profile, Sighting(DAY, DAY, 3))
    assert "based-on" in {each["relationship_type"] for each in shown(pia)}
    ines.sightings.remove(ines.sightings.of(profile))
    assert "based-on" not in {each["relationship_type"] for each in shown(pia)}
    assert shown(pia, "sighting") == shown(pia, "observed-data") == []
    ines.profiles.update(ines.profiles.get(profile.id), threat_level="none")
    assert shown(pia, "indicator") == []


def test_a_deleted_profile_leaves_no_relationship_behind(api: Api, ines: Store) -> None:
    pia = Partner(api, "pia")
    profile = ines.profiles.create("93.175.147.1", secrecy="green", threat_level="high")
    moved(api, "SE")
    ines.sightings.add(ines.profiles.get(profile.id), Sighting(DAY, DAY, 3))
    assert {each["relationship_type"] for each in shown(pia)} == {"based-on", "related-to"}
    ines.profiles.delete(ines.profiles.get(profile.id))
    assert shown(pia) == shown(pia, "indicator") == []


def test_an_investigation_without_profiles_is_taken_back_and_comes_again(api: Api, ines: Store) -> None:
    pia = Partner(api, "pia")
    profile = ines.profiles.create("93.175.147.1", secrecy="green")
    matter = ines.investigations.create("Water", secrecy="green")
    ines.investigations.link(matter, profile)
    assert [len(each["object_refs"]) for each in shown(pia, "grouping")] == [1]
    ines.investigations.unlink(matter, profile)
    assert shown(pia, "grouping") == []
    for each in pia.all():
        errors = validator.validate_instance(each, validator.ValidationOptions(version="2.1", strict=True)).errors  # fmt: skip
        assert [str(error) for error in errors] == []
    ines.investigations.link(matter, profile)
    assert [len(each["object_refs"]) for each in shown(pia, "grouping")] == [1]
    assert came_back(pia) == []


def test_what_holds_again_is_said_under_another_id(api: Api, ines: Store) -> None:
    pia, late = Partner(api, "pia"), Partner(api, "pia")
    profile = ines.profiles.create("93.175.147.1", secrecy="green", threat_level="high")
    ines.sightings.add(profile, Sighting(DAY, DAY, 3))
    matter = ines.investigations.create("Water", secrecy="green")
    ines.investigations.link(matter, profile)
    indicators = []
    for level in ("high", "none", "high", "none", "high"):
        ines.profiles.update(ines.profiles.get(profile.id), threat_level=level)
        indicators += [each["id"] for each in shown(pia, "indicator")]
    assert len(set(indicators)) == len(indicators) == 3
    assert [each["id"] for each in shown(pia, "indicator")] == indicators[-1:], "asked again it is the same"
    assert [each["id"] for each in shown(late, "indicator")] == indicators[-1:]
    for partner in (pia, late):
        assert {each["source_ref"] for each in shown(partner) if each["relationship_type"] == "based-on"} == {indicators[-1]}  # fmt: skip
        assert {each["sighting_of_ref"] for each in shown(partner, "sighting")} == {indicators[-1]}
        (grouping,) = shown(partner, "grouping")
        assert [ref for ref in grouping["object_refs"] if ref.startswith("indicator")] == indicators[-1:]
    assert came_back(pia) == came_back(late) == []
    deleted = ines.profiles.delete(ines.profiles.get(profile.id))
    assert shown(pia, "indicator") == shown(late, "indicator") == []
    assert shown(pia, "indicator") == [], "and stays so"
    ines.profiles.restore(deleted)
    assert len(shown(pia, "indicator")) == len(shown(late, "indicator")) == 1
    assert came_back(pia) == came_back(late) == []
    identifiers = [each["id"] for each in pia.all()]
    assert len(identifiers) == len(set(identifiers))


def test_taking_back_tells_nobody_what_he_was_not_given(api: Api, ines: Store) -> None:
    pia, otto = Partner(api, "pia"), Partner(api, "otto")
    profile = ines.profiles.create("93.175.147.1", secrecy="green", threat_level="high")
    moved(api, "SE")
    ines.sightings.add(ines.profiles.get(profile.id), Sighting(DAY, DAY, 3))
    pia.poll()
    ines.sightings.remove(ines.sightings.of(profile))
    moved(api, "NO")
    assert [each for each in otto.all() if each.get("revoked")] == [], "he comes later"
    given = set(pia.case.con.execute("SELECT DISTINCT id FROM stix_objects").fetchall())
    revoked = [each for each in pia.all() if each.get("revoked")]
    assert {each["type"] for each in revoked} == {"sighting", "observed-data", "relationship"}
    for each in revoked:
        refs = {ref for name, ref in each.items() if name.endswith("_ref")} | set(each.get("object_refs", ()))
        assert {(ref,) for ref in refs | {each["id"]}} <= given
    # What is closed to her is not taken back: that would tell her that it was closed.
    ines.profiles.set_secrecy(ines.profiles.get(profile.id), "amber", "an operation begins")
    assert "93.175.147.1" not in json.dumps(pia.all())
    assert [each for each in pia.all() if each.get("revoked")] == []
