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


@pytest.mark.parametrize("change", ["UPDATE audit SET actor = 'nobody'", "UPDATE audit SET detail = NULL, statement = NULL", "DELETE FROM audit", "TRUNCATE audit"])  # fmt: skip
def test_not_even_the_administrator_changes_what_is_in_it(
    shared_town: Any, matters: dict[str, Matter], change: str
) -> None:
    with shared_town.superuser() as con:
        assert con.execute("SELECT count(*) FROM audit").fetchone() > (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="the audit is only added to"):
            con.execute(change)
