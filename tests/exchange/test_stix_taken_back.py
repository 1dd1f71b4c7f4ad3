"""What a partner was given and is no longer so is revoked, under the ids it was given; of the rest nothing is said."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.exchange.conftest import Medallion
from workbench.exchange import taxii
from workbench.exchange.stix import Dossier, Investigation, Ledger, ObjectStore, Remark, Seen, export
from workbench.secrecy import TLP, Marking, Organisation
from workbench.store import Profile, Sighting, Store

validator = pytest.importorskip("stix2validator", reason="the OASIS validator is a development dependency")
DAY = datetime(2026, 10, 5, tzinfo=UTC)
CERT = Organisation("CERT Example", frozenset({"Waterworks"}))
GREEN, AMBER = Marking(TLP.GREEN, CERT), Marking(TLP.AMBER, CERT)
MALICIOUS = {"verdict": "malicious", "country": "SE", "snapshot": "2026-10-05-x"}


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "exported.sqlite")


def dossier(**more: Any) -> Dossier:
    given = {"address": "93.175.147.1", "marking": GREEN, "intel": MALICIOUS, "key": "one"}
    return Dossier(**given | more)


def told(what: Any, ledger: Ledger, to: str = "CERT B", **options: Any) -> tuple[set[str], set[str]]:
    """The kinds of what holds and of what is revoked in an export."""
    result = export(what, organisation=CERT, to=to, versions=ledger, **options)
    errors = validator.validate_instance(result.bundle(), validator.ValidationOptions(version="2.1", strict=True)).errors  # fmt: skip
    assert [str(error) for error in errors] == []
    revoked = {value["id"] for value in result.objects if value.get("revoked")}
    return {v["type"] for v in result.objects if v["id"] not in revoked}, {v.partition("--")[0] for v in revoked}  # fmt: skip


class Partner:
    """Bank, with a case of its own, that polls what cert pushes to it."""

    def __init__(self, medallion: Medallion, ledger: Ledger, case: Path) -> None:
        self.server, self.ledger, self.collection = medallion, ledger, medallion.collection()
        self.case = ObjectStore(case)

    def given(self, store: Store, what: Any, **options: Any) -> None:
        """Cert pushes, bank polls."""
        out = export(what, store=store, to="bank", versions=self.ledger, **options)
        assert taxii.run(taxii.push(self.server.url, self.collection, out)).complete
        taxii.run(taxii.poll(self.server.url, self.case, collections=self.collection))

    def shows(self, kind: str = "relationship") -> list[dict[str, Any]]:
        """What her case has of a kind today."""
        ids = self.case.con.execute("SELECT DISTINCT id FROM stix_objects WHERE type = ?", [kind]).fetchall()
        found = [self.case.get(identifier) for (identifier,) in ids]
        return [value for value in found if value and not value.get("revoked")]

    def relations(self) -> set[str]:
        return {each["relationship_type"] for each in self.shows()}


@pytest.fixture
def bank(medallion: Medallion, credential: None, ledger: Ledger, tmp_path: Path) -> Partner:
    return Partner(medallion, ledger, tmp_path / "bank.duckdb")


def seen(store: Store, address: str) -> Profile:
    profile = store.profiles.create(address, secrecy="green", threat_level="high", notes="scans")
    store.sightings.add(profile, Sighting(DAY, DAY, 3))
    return profile


def test_after_the_second_push_the_partners_case_no_longer_shows_the_relationship(
    store: Store, bank: Partner
) -> None:
    profile, other = seen(store, "93.175.147.1"), seen(store, "93.175.147.2")
    matter = store.investigations.create("Taken back", secrecy="green")
    store.investigations.link(matter, profile, other)
    bank.given(store, matter)
    assert len([each for each in bank.shows() if each["relationship_type"] == "based-on"]) == 2
    assert len(bank.shows("sighting")) == 2
    store.sightings.remove(store.sightings.of(profile))
    bank.given(store, matter)
    assert len([each for each in bank.shows() if each["relationship_type"] == "based-on"]) == 1
    assert len(bank.shows("sighting")) == len(bank.shows("observed-data")) == 1
    assert len(bank.shows("indicator")) == 2

    # One is no longer of the matter, which says nothing of the address itself.
    store.investigations.unlink(matter, other)
    bank.given(store, matter)
    (grouping,) = bank.shows("grouping")
    assert not any("93.175.147.2" in str(bank.case.get(ref)) for ref in grouping["object_refs"])
    assert len(bank.shows("indicator")) == 2

    # The other is deleted, and with it all that was said of it.
    store.profiles.delete(store.profiles.get(profile.id))
    bank.given(store, matter)
    assert bank.shows("grouping") == []
    assert [each["name"] for each in bank.shows("indicator")] == ["93.175.147.2: malicious"]
    store.profiles.delete(store.profiles.get(other.id))
    bank.given(store, store.profiles.get(other.id))
    assert bank.shows() == bank.shows("indicator") == bank.shows("note") == bank.shows("sighting") == []


def test_of_what_is_no_longer_for_a_partner_nothing_is_said(store: Store, bank: Partner) -> None:
    profile, other = seen(store, "93.175.147.3"), seen(store, "93.175.147.4")
    matter = store.investigations.create("Raised", secrecy="green")
    store.investigations.link(matter, profile, other)
    bank.given(store, matter)
    before = bank.relations(), len(bank.shows("indicator")), len(bank.shows("sighting"))
    profile = store.profiles.set_secrecy(store.profiles.get(profile.id), "amber", "an operation begins")
    store.sightings.remove(store.sightings.of(profile))
    for what in (matter, [profile, other]):
        out = export(what, store=store, to="bank", versions=bank.ledger, withheld="drop")
        assert [each.name for each in out.withheld] == ["93.175.147.3"]
        assert not [value for value in out.objects if value.get("revoked")]
        assert "93.175.147.3" not in out.serialize()
    bank.given(store, matter, withheld="drop")
    assert (bank.relations(), len(bank.shows("indicator")), len(bank.shows("sighting"))) == before
    # And deleted after that, it was not deleted at a level the partner may hear of.
    store.profiles.delete(store.profiles.get(profile.id))
    out = export(matter, store=store, to="bank", versions=bank.ledger, withheld="drop")
    assert not [value for value in out.objects if value.get("revoked")]


def test_only_who_was_given_something_hears_that_it_is_taken_back(ledger: Ledger) -> None:
    seen_once = dossier(sightings=(Seen(DAY, DAY, 3, key="s"),))
    everything = {"indicator", "sighting", "observed-data", "relationship"}
    assert told(seen_once, ledger)[0] >= everything
    assert told(seen_once, ledger, "CERT C")[0] >= everything
    assert told(dossier(), ledger) == (
        told(dossier(), ledger)[0],
        {"sighting", "observed-data", "relationship"},
    )
    assert told(dossier(), ledger, "CERT D")[1] == set(), "was not given it"
    assert told(dossier(), ledger, "CERT C")[1] == {"sighting", "observed-data", "relationship"}
    assert told(dossier(), ledger)[1] == {"sighting", "observed-data", "relationship"}, (
        "it may not have arrived"
    )
    again, revoked = told(seen_once, ledger)
    assert again >= everything, "it is so after all, under other ids"
    assert revoked == {"sighting", "observed-data", "relationship"}, "those it had stay revoked"


def test_what_everybody_was_given_is_taken_back_from_each(ledger: Ledger) -> None:
    told(dossier(remarks=(Remark("scans", key="notes"),)), ledger, "community")
    assert told(dossier(), ledger, "CERT B")[1] == {"note"}
    assert told(dossier(), ledger, "anna@CERT B")[1] == {"note"}
    assert told(dossier(), Ledger(None), "CERT B")[1] == set()


def test_what_was_told_at_a_level_the_recipient_may_not_have_is_not_taken_back_from_it(
    ledger: Ledger,
) -> None:
    remark = (Remark("scans", key="notes"),)
    told(dossier(remarks=remark), ledger)
    told(dossier(remarks=remark, marking=AMBER), ledger, "Waterworks")
    assert told(dossier(), ledger)[1] == set(), "what was said last of it is AMBER"
    assert told(dossier(marking=AMBER), ledger, "Waterworks")[1] == {"note"}


def test_a_remark_that_is_closer_now_is_not_taken_back(ledger: Ledger) -> None:
    told(dossier(remarks=(Remark("scans", key="notes"),)), ledger)
    closer = dossier(remarks=(Remark("scans", key="notes", marking=AMBER),))
    assert told(closer, ledger, withheld="drop")[1] == set()


def test_a_place_that_changed_takes_the_relationship_along(ledger: Ledger) -> None:
    told(dossier(), ledger)
    assert told(dossier(intel=MALICIOUS | {"country": "NO"}), ledger)[1] == {"relationship"}


def test_what_another_thing_says_as_well_stays(ledger: Ledger) -> None:
    told([dossier(), dossier(key="two")], ledger)
    assert told(dossier(withdrawn=True), ledger)[1] == set(), "of the other nobody said that it is gone"
    assert told([dossier(withdrawn=True), dossier(key="two", withdrawn=True)], ledger)[1] == {
        "indicator",
        "relationship",
    }


def test_a_table_takes_back_verdicts_and_nothing_else(ledger: Ledger) -> None:
    row = {"address": "93.175.147.1", "verdict": "malicious", "hits": 3, "first_seen": DAY, "last_seen": DAY}
    told([row], ledger, tlp="green")
    later = {**row, "first_seen": DAY.replace(day=6), "last_seen": DAY.replace(day=6)}
    assert told([later], ledger, tlp="green")[1] == set(), "both were seen"
    assert told([{**later, "verdict": "watch"}], ledger, tlp="green")[1] == {"indicator"}


def test_a_matter_that_was_closed_or_is_gone_is_taken_back(ledger: Ledger) -> None:
    matter = Investigation(name="Water", marking=GREEN, dossiers=(dossier(),), key="m")
    assert told(matter, ledger)[0] >= {"grouping"}
    closed = Investigation(name="Water", marking=GREEN, dossiers=(dossier(),), key="m", concluded=DAY)
    holds, revoked = told(closed, ledger)
    assert ("report" in holds, revoked) == (True, {"grouping"})
    gone = Investigation(name="Water", marking=GREEN, dossiers=(dossier(),), key="m", withdrawn=True)
    assert told(gone, ledger)[1] == {"grouping", "report"}, "and its members as they are"
