"""The audit: whatever of AMBER and above was read is named, and so is whatever was written; nobody takes it back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from workbench.store import Evidence, Footprint, Sighting, Store
from workbench.store.serving import together

DAY = datetime(2026, 10, 5, tzinfo=UTC)


class Matter:
    """A profile at a level, with one of each thing on it, made by ines."""

    def __init__(self, store: Store, number: int, level: str) -> None:
        self.profile = store.profiles.create(f"203.0.113.{number}", secrecy=level, notes="words")
        self.investigation = store.investigations.create(f"matter {number}", secrecy=level)
        self.entity = store.entities.create("malware", f"Kettle {number}", secrecy=level)
        store.investigations.link(self.investigation, self.profile)
        store.entities.link(self.entity, self.profile, "uses")
        store.evidence.add(self.profile, Evidence("sensor", "attacker"))
        store.sightings.add(self.profile, Sighting(DAY, DAY))
        store.footprint.add(self.profile, Footprint("domain", f"n{number}.example", "pdns"))
        self.watchlist = store.watchlists.create(
            f"watch {number}", network=f"203.0.113.{number}", secrecy=level
        )
        self.profile = store.profiles.update(self.profile, threat_level="high")
        (self.alert,) = [alert for alert in store.alerts.all() if alert.profile == self.profile.id]
        self.trace: Any = store.footprint.of(self.profile)[0]

    def name(self, subject: Any) -> str:
        """Which of its things an id is of."""
        named = {self.profile.id: "profile", self.investigation.id: "investigation", self.entity.id: "entity", self.watchlist.id: "watchlist"}  # fmt: skip
        return named.get(subject, "another")


@pytest.fixture(scope="module")
def matters(shared_town: Any) -> dict[str, Matter]:
    ines = shared_town.store("ines")
    return {level: Matter(ines, number, level) for number, level in enumerate(("amber", "green"), 1)}


READS: dict[str, tuple[Callable[[Store, Matter], Any], str]] = {
    "a profile": (lambda store, of: store.profiles.get(of.profile.id), "profile"),
    "a profile by address": (lambda store, of: store.profiles.get(of.profile.address), "profile"),
    "a search": (lambda store, of: store.profiles.search(address=of.profile.address), "profile"),
    "its history": (lambda store, of: store.profiles.history(of.profile), "profile"),
    "its evidence": (lambda store, of: store.evidence.of(of.profile), "profile"),
    "its sightings": (lambda store, of: store.sightings.of(of.profile), "profile"),
    "its footprint": (lambda store, of: store.footprint.of(of.profile), "profile"),
    "its investigations": (lambda store, of: store.investigations.of(of.profile), "investigation"),
    "its entities": (lambda store, of: store.entities.of(of.profile), "entity"),
    "an investigation": (lambda store, of: store.investigations.get(of.investigation.id), "investigation"),
    "an investigation by name": (lambda store, of: store.investigations.get(of.investigation.name), "investigation"),
    "the investigations": (lambda store, of: store.investigations.all(), "investigation"),
    "profiles of an investigation": (lambda store, of: store.investigations.profiles(of.investigation), "profile"),
    "an entity": (lambda store, of: store.entities.get(of.entity.id), "entity"),
    "entities by name": (lambda store, of: store.entities.find(of.entity.name), "entity"),
    "profiles of an entity": (lambda store, of: store.entities.profiles(of.entity), "profile"),
    "a watchlist": (lambda store, of: store.watchlists.get(of.watchlist.id), "watchlist"),
    "the watchlists": (lambda store, of: store.watchlists.all(), "watchlist"),
    "an alert": (lambda store, of: store.alerts.get(of.alert.id), "profile"),
    "the alerts": (lambda store, of: store.alerts.all(), "profile"),
    "who shares a domain": (lambda store, of: together.traces(store, value=of.trace.value), "profile"),
    "a trace by its id": (lambda store, of: together.observed_by_id(store, Footprint, [of.trace.id]), "profile"),
    "several investigations": (lambda store, of: together.investigations(store, [of.investigation.id]), "investigation"),
    "investigations of several": (lambda store, of: together.investigations_of(store, [of.profile.id], 9), "investigation"),
    "entities of several": (lambda store, of: together.entities_of(store, [of.profile.id], 9), "entity"),
    "several alerts": (lambda store, of: together.alerts(store, [of.alert.id]), "profile"),
}  # fmt: skip


@pytest.mark.parametrize("what", READS)
def test_what_was_read_of_amber_is_named_to_the_organisation_and_what_is_green_is_not(
    shared_town: Any, matters: dict[str, Matter], what: str
) -> None:
    read, named = READS[what]
    ines, reader = shared_town.store("ines"), shared_town.store("ida")
    for level, matter in matters.items():
        before = len(ines.audit.by(reader.me.role, limit=10_000))
        assert read(reader, matter)
        acts = ines.audit.by(reader.me.role, limit=10_000)
        told = [matter.name(act.subject) for act in acts[: len(acts) - before] if act.action == "read row"]
        assert (named in told) == (level == "amber"), f"{what} at {level}: {told}"


def test_a_statement_of_her_own_is_in_it_for_herself(shared_town: Any, matters: dict[str, Matter]) -> None:
    ines, ida = shared_town.store("ines"), shared_town.store("ida")
    with shared_town.sql("ida") as con:
        con.execute("SELECT 'of her own', notes FROM profiles").fetchall()
    assert [act for act in ida.audit.by(ida.me.role) if "of her own" in (act.statement or "")]
    assert not [act for act in ines.audit.by(ida.me.role) if act.statement]


def test_every_write_is_in_it(town: Any) -> None:
    store = town.store("ines")
    matter = Matter(store, 9, "green")
    other = store.profiles.create(matter.profile.address, secrecy="amber")
    matter.profile = store.profiles.merge(matter.profile, other)
    gone = store.profiles.delete(matter.profile)
    store.profiles.set_secrecy(store.profiles.restore(gone), "green", "published")
    for room in (store.evidence, store.sightings, store.footprint):
        room.remove(room.of(matter.profile))
    store.investigations.unlink(matter.investigation, matter.profile)
    store.entities.unlink(matter.entity, matter.profile, "uses")
    closed = store.investigations.update(matter.investigation, state="closed")
    store.investigations.set_secrecy(closed, "amber", "names a victim")
    store.entities.restore(store.entities.delete(matter.entity))
    store.alerts.close(store.alerts.acknowledge(matter.alert))
    store.watchlists.delete(matter.watchlist)
    acts = {(act.action, act.kind) for act in store.audit.by(store.me.role, limit=10_000)}
    hung = ("evidence", "sightings", "footprint", "investigation_profiles", "entity_profiles")
    assert acts >= {
        *((action, "profiles") for action in ("create", "update", "delete", "restore", "set secrecy")),
        *((action, kind) for action in ("create", "update") for kind in ("investigations", "entities", "watchlists")),
        ("set secrecy", "investigations"), *((action, kind) for action in ("add", "remove") for kind in hung),
        *((action, "alerts") for action in ("raise", "acknowledged", "closed")),
    }  # fmt: skip


# ---- who reads elsewhere


def _elsewhere(store: Store, profile: Any) -> list[tuple[Any, ...]]:
    return [
        (act.organisation, act.actor, act.login)
        for act in store.audit.search(things=[profile.id], actions=["read elsewhere"])
    ]


def test_the_owner_hears_which_organisation_read_what_is_amber_and_not_who(town: Any) -> None:
    ines, clara = town.store("ines"), town.store("clara")
    amber = ines.profiles.create("203.0.113.70", secrecy="amber")
    green = ines.profiles.create("203.0.113.71", secrecy="green")
    for _ in range(3):
        assert clara.profiles.search(within="203.0.113.0/24").items == (amber,)  # grid is no community
    assert _elsewhere(ines, amber) == [("grid", None, None)], "once a day, however often"
    assert town.store("pia").profiles.get(green.id)
    assert _elsewhere(ines, green) == []
    with town.superuser() as con:
        line = con.execute(
            "SELECT to_jsonb(a) - ARRAY['id', 'at', 'asked_at'] FROM audit a WHERE action = 'read elsewhere'"
        ).fetchone()
        assert town.role("clara") not in str(line)
        assert line[0]["backend"] == 0
        assert set(line[0]["detail"]) == {"organisation", "day"}
        (day,) = con.execute("SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD')").fetchone()
        assert line[0]["detail"]["day"] == day


def test_what_the_owner_hears_is_for_those_who_see_the_thing_and_not_for_who_read_it(town: Any) -> None:
    ines, clara = town.store("ines"), town.store("clara")
    amber = ines.profiles.create("203.0.113.70", secrecy="amber")
    red = ines.profiles.create(
        "203.0.113.71", secrecy="red", reason="a victim", recipients=[town.role("pia")]
    )
    assert clara.profiles.get(amber.id)
    assert town.store("pia").profiles.get(red.id)
    assert _elsewhere(town.store("ida"), amber) == [("grid", None, None)]
    assert _elsewhere(ines, red) == [("bank", None, None)]
    assert _elsewhere(town.store("ida"), red) == [], "it is not named for her"
    for other in ("otto", "clara", "pia"):
        with town.sql(other) as con:
            assert con.execute("SELECT count(*) FROM audit WHERE action = 'read elsewhere'").fetchone() == (0,), other  # fmt: skip
    # Her own organisation hears of it as before.
    assert [act.actor for act in clara.audit.search(things=[amber.id])] == [town.role("clara")]
    lowered = ines.profiles.set_secrecy(red, "amber", "it was published to clients")
    assert _elsewhere(town.store("ida"), lowered) == [], "then it was RED, and not for her"
    raised = ines.profiles.set_secrecy(amber, "amber+strict", "names a victim")
    with pytest.raises(LookupError):
        clara.profiles.get(amber.id)
    assert _elsewhere(ines, raised) == [("grid", None, None)]


def test_nobody_tells_of_reading_what_she_may_not_see(town: Any) -> None:
    ines = town.store("ines")
    hidden = [ines.profiles.create(f"203.0.113.{n}", secrecy=level) for n, level in ((1, "amber+strict"), (2, "red"), (3, "amber"))]  # fmt: skip
    with town.sql("pia") as con:
        ids = [profile.id for profile in hidden]
        assert con.execute("SELECT note_rows_read('profiles', %s, 'x')", (ids,)).fetchone() == (0,)
    assert [line for profile in hidden for line in _elsewhere(ines, profile)] == []


@pytest.mark.parametrize(
    ("kind", "made", "read"),
    [
        ("investigations", lambda of: of.investigations.create("m", secrecy="amber"), lambda of, it: of.investigations.get(it.id)),
        ("entities", lambda of: of.entities.create("malware", "m", secrecy="amber"), lambda of, it: of.entities.get(it.id)),
        ("watchlists", lambda of: of.watchlists.create("m", asn=1, secrecy="amber"), lambda of, it: of.watchlists.get(it.id)),
    ],
)  # fmt: skip
def test_so_it_is_with_every_kind_of_thing(shared_town: Any, kind: str, made: Any, read: Any) -> None:
    ines = shared_town.store("ines")
    thing = made(ines)
    assert read(shared_town.store("clara"), thing)
    (act,) = ines.audit.search(things=[thing.id], actions=["read elsewhere"])
    assert (act.kind, act.organisation) == (kind, "grid")


# ---- asking it


def test_it_is_asked_by_thing_member_action_and_time_a_page_at_a_time(town: Any) -> None:
    ines, ida = town.store("ines"), town.store("ida")
    one, other = (ines.profiles.create(f"203.0.113.{n}", secrecy="amber") for n in (1, 2))
    noon = ines.rows("now", "SELECT clock_timestamp()")[0][0]
    ida.profiles.get(one.id)
    ines.profiles.update(one, notes="x")
    every = ines.audit.search(limit=1000)
    assert [act.at for act in every] == sorted((act.at for act in every), reverse=True)
    assert every == ines.audit.search()
    assert len(every) >= 4
    assert {act.subject for act in ines.audit.search(things=[other.id])} == {other.id}
    assert ines.audit.search(things=[]) == []
    assert {act.actor for act in ines.audit.search(member=ida.me.role)} == {ida.me.role}
    assert {act.organisation for act in ines.audit.search(member=ida.me.role)} == {"cert"}
    assert ines.audit.search(member="nobody") == []
    assert {act.action for act in ines.audit.search(actions=["create", "update"])} == {"create", "update"}
    before, since = ines.audit.search(until=noon), ines.audit.search(since=noon)
    assert [*since, *before] == every
    assert ida.me.role not in {act.actor for act in before}
    both = {"things": [one.id, other.id], "member": ines.me.role, "actions": ["create", "update"]}
    for conditions in ({}, {"member": ines.me.role}, both):
        whole, pages, after = ines.audit.search(**conditions, limit=1000), [], None
        while page := ines.audit.search(**conditions, limit=1, after=after):
            pages += page
            after = (page[-1].at, page[-1].id)
        assert pages == whole


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"actions": ["steal"]}, "no action 'steal'; there are: read, read row"),
        ({"since": datetime(2026, 1, 1)}, "has no time zone"),
        ({"limit": 0}, "1 to 10,000"),
        ({"limit": 10_001}, "1 to 10,000"),
    ],
)
def test_what_is_asked_wrongly_is_told(shared_town: Any, wrong: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        shared_town.store("ines").audit.search(**wrong)


def test_things_are_named_as_far_as_she_may_see_them(town: Any) -> None:
    ines, ida = town.store("ines"), town.store("ida")
    profile = ines.profiles.create("203.0.113.9", secrecy="amber")
    network = ines.profiles.create("203.0.113.0/24", secrecy="red", reason="a victim")
    matter = ines.investigations.create("Water", secrecy="amber")
    acts = ines.audit.search()
    assert ines.audit.names(acts) == {profile.id: "203.0.113.9", network.id: "203.0.113.0/24", matter.id: "Water"}  # fmt: skip
    assert ida.audit.names(acts) == {profile.id: "203.0.113.9", matter.id: "Water"}
    told = ines.audit.search(member=ida.me.role, actions=["read row"])
    assert {act.subject for act in told} == {profile.id, matter.id}, "that she read their names is written down"  # fmt: skip
    assert ines.audit.at("203.0.113.9") == [profile.id]
    assert ida.audit.at("203.0.113.0/24") == []


@pytest.mark.parametrize("change", ["UPDATE audit SET actor = 'nobody'", "UPDATE audit SET detail = NULL, statement = NULL", "DELETE FROM audit", "TRUNCATE audit"])  # fmt: skip
def test_not_even_the_administrator_changes_what_is_in_it(
    shared_town: Any, matters: dict[str, Matter], change: str
) -> None:
    with shared_town.superuser() as con:
        assert con.execute("SELECT count(*) FROM audit").fetchone() > (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="the audit is only added to"):
            con.execute(change)
