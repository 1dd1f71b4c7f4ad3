"""Asked together, things give what they give when asked one by one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from workbench.store import Evidence, Footprint, Sighting, Store
from workbench.store.serving import together

DAY = datetime(2026, 10, 5, tzinfo=UTC)


@pytest.fixture(scope="module")
def filled(shared_town: Any) -> tuple[Store, Store, list[Any]]:
    """Five profiles of cert, the last of them RED, all linked to an investigation and an entity."""
    ines, pia = shared_town.store("ines"), shared_town.store("pia")
    made = [ines.profiles.create(f"192.0.2.{i}", secrecy="green") for i in range(4)]
    made.append(ines.profiles.create("192.0.2.4", secrecy="red"))
    investigation = ines.investigations.create("Water", secrecy="green")
    entity = ines.entities.create("malware", "Kettle", secrecy="green")
    watch = ines.watchlists.create("ours", network="192.0.2.0/24", secrecy="amber")
    ines.investigations.link(investigation, *made)
    for number, profile in enumerate(made):
        ines.entities.link(entity, profile, "uses")
        for i in range(number):
            ines.evidence.add(profile, Evidence(f"list {i}", "attacker"))
            ines.footprint.add(profile, Footprint("domain", f"d{i}.example", "pdns", last_seen=DAY))
            ines.sightings.add(profile, Sighting(DAY, DAY.replace(day=6 + i), 2))
        ines.profiles.update(profile, threat_level="high")
    assert watch
    return ines, pia, [ines.profiles.get(profile.id) for profile in made]


def test_each_set_is_the_same_as_one_by_one(filled: Any) -> None:
    ines, _, made = filled
    ids = [profile.id for profile in made]
    assert together.profiles(ines, ids) == {profile.id: profile for profile in made}
    for kind, room in ((Evidence, ines.evidence), (Footprint, ines.footprint), (Sighting, ines.sightings)):
        found = together.observed(ines, kind, ids, 100)
        assert {key: found.get(key, []) for key in ids} == {profile.id: room.of(profile) for profile in made}
    assert together.investigations_of(ines, ids, 9) == {p.id: ines.investigations.of(p) for p in made}
    assert together.entities_of(ines, ids, 9) == {p.id: ines.entities.of(p) for p in made}
    assert together.histories(ines, ids, 9) == {p.id: ines.profiles.history(p) for p in made}
    assert {a.id for found in together.alerts_of(ines, ids, 9).values() for a in found} == {
        a.id for a in ines.alerts.all()
    }
    (matter,) = ines.investigations.all()
    (entity,) = ines.entities.find()
    assert together.profiles_of_investigations(ines, [matter.id], 9) == {
        matter.id: ines.investigations.profiles(matter)
    }
    assert together.profiles_of_entities(ines, [entity.id], 9) == {entity.id: ines.entities.profiles(entity)}
    assert together.investigations(ines, [matter.id]) == {matter.id: matter}
    assert together.entities(ines, [entity.id]) == {entity.id: entity}
    assert together.profiles_at(ines, ["192.0.2.1", "192.0.2.99"], 9) == {"192.0.2.1": [made[1]]}


def test_each_gives_the_first_of_its_own_only(filled: Any) -> None:
    ines, _, made = filled
    ids = [profile.id for profile in made]
    found = together.observed(ines, Sighting, ids, 2)
    assert [len(found.get(key, [])) for key in ids] == [0, 1, 2, 2, 2]
    assert found[ids[4]] == ines.sightings.of(made[4])[:2]
    (matter,) = ines.investigations.all()
    assert len(together.profiles_of_investigations(ines, [matter.id], 3)[matter.id]) == 3


def test_another_organisation_sees_its_part(filled: Any) -> None:
    ines, pia, made = filled
    ids = [profile.id for profile in made]
    assert set(together.profiles(pia, ids)) == set(ids[:4])
    assert set(together.observed(pia, Evidence, ids, 100)) == set(ids[1:4])
    (matter,) = ines.investigations.all()
    assert len(together.profiles_of_investigations(pia, [matter.id], 9)[matter.id]) == 4
    assert together.alerts_of(pia, ids, 9) == {}
    assert together.kinds_of(pia, [*ids, matter.id]) == {**dict.fromkeys(ids[:4], "profiles"), matter.id: "investigations"}  # fmt: skip
    assert together.profiles_at(pia, ["192.0.2.4"], 9) == {}


def test_a_trace_leads_to_the_other_profiles_that_left_it(filled: Any) -> None:
    ines, pia, made = filled
    assert {key for key, _ in together.traces(ines, value="d2.example")} == {made[3].id, made[4].id}
    assert {key for key, _ in together.traces(pia, value="d2.example")} == {made[3].id}
    assert together.traces(ines, value="d2.example", kinds=["account"]) == []
    assert [trace.value for _, trace in together.traces(ines, profile=made[1].id)] == ["d0.example"]
    with pytest.raises(ValueError, match="a value or a profile"):
        together.traces(ines)


def test_some_profiles_are_brought_to_the_current_intel_and_the_others_are_left(filled: Any) -> None:
    ines, _, made = filled
    before = ines.profiles.get(made[0].id).version
    assert ines.profiles.enrich_all(only=[made[1].id], force_refresh=True) == 1
    assert ines.profiles.get(made[0].id).version == before
    assert ines.profiles.get(made[1].id).version == made[1].version + 1
