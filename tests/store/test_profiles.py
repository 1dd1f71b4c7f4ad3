"""Profiles, as an analyst keeps them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

import workbench as wb
from workbench.secrecy import TLP
from workbench.store import Conflict, Footprint, NotFound, Sighting, StoreError, ThreatLevel

TOR_EXIT = "185.246.188.74"


def test_a_new_profile_carries_what_the_intel_says(shared_town: Any) -> None:
    store = shared_town.store("ines")
    made = store.profiles.create(TOR_EXIT, secrecy="amber", notes="on the HMI", tags=[" Intrusion "])
    assert (made.country, made.is_tor, made.verdict) == ("NL", True, wb.lookup(TOR_EXIT).verdict)
    assert made.snapshot == wb.intel.current().id
    assert made.tags == ("intrusion",)
    assert store.profiles.get(TOR_EXIT) == made


def test_a_change_counts_a_version_and_keeps_what_was(shared_town: Any) -> None:
    store = shared_town.store("ines")
    first = store.profiles.create("192.0.2.1", notes="first")
    second = store.profiles.update(first, notes="second", threat_level="high")
    assert (second.version, second.notes, second.threat_level) == (2, "second", ThreatLevel.HIGH)
    (past,) = store.profiles.history(second)
    assert (past.version, past.was["notes"], past.changed_by) == (1, "first", shared_town.role("ines"))


def test_two_who_change_the_same_version_do_not_overwrite_one_another(shared_town: Any) -> None:
    ines, ida = shared_town.store("ines"), shared_town.store("ida")
    made = ines.profiles.create("192.0.2.2")
    ida.profiles.update(ida.profiles.get(made.id), notes="ida was here")
    with pytest.raises(Conflict, match="changed it meanwhile"):
        ines.profiles.update(made, notes="ines was here")
    assert ines.profiles.get(made.id).notes == "ida was here"


def test_creating_twice_with_one_token_after_a_lost_answer_makes_one(shared_town: Any) -> None:
    store = shared_town.store("ines")
    token = uuid4()
    assert (
        store.profiles.create("192.0.2.3", token=token).id
        == store.profiles.create("192.0.2.3", token=token).id
    )


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"address": "300.1.1.1"}, "'300.1.1.1' is no IP address"),
        ({"address": "192.0.2.4", "secrecy": "purple"}, "no TLP label"),
        ({"address": "192.0.2.4", "threat_level": "dire"}, "no threat level"),
        ({"address": "192.0.2.4", "tags": [""]}, "a tag has 1 to 100 characters"),
        ({"address": "192.0.2.4", "notes": "x" * 100_001}, "notes have up to 100,000 characters"),
    ],
)
def test_what_cannot_be_is_refused_in_plain_words(shared_town: Any, wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        shared_town.store("ines").profiles.create(**wrong)


def test_every_rule_of_the_database_is_told_in_words(shared_town: Any) -> None:
    """But those that a member cannot break: where ``ON CONFLICT`` or a function stands before them, or the administrator."""
    from workbench.store.errors import _CONSTRAINTS

    unbroken = {"alert_cause_unique", "audit_once_a_statement", "client_unique", "entity_link_unique", "history_unique", "investigation_link_unique", "offer_kind", "store_one_check"}  # fmt: skip
    with shared_town.superuser() as con:
        rules = con.execute(
            "SELECT conname FROM pg_constraint WHERE contype IN ('c', 'u', 'x') AND connamespace = 'workbench'::regnamespace UNION "
            "SELECT relname FROM pg_index JOIN pg_class ON oid = indexrelid WHERE indisunique AND NOT indisprimary AND relnamespace = 'workbench'::regnamespace"
        ).fetchall()
    assert {name for (name,) in rules} - unbroken == set(_CONSTRAINTS)


def test_what_is_missing_is_named(shared_town: Any) -> None:
    store = shared_town.store("ines")
    made = store.profiles.create("192.0.2.30")
    with pytest.raises(StoreError, match="footprint: source is missing"):
        store.footprint.add(made, Footprint("domain", "a.example", None))  # type: ignore[arg-type]


def test_a_time_without_a_zone_is_utc_wherever_the_server_is(town: Any) -> None:
    with town.superuser() as con:
        con.execute(f"ALTER DATABASE {con.info.dbname} SET timezone = 'Asia/Tokyo'")
    store = town.store("ines")
    made = store.profiles.create("192.0.2.31")
    store.sightings.add(made, Sighting(datetime(2026, 10, 5, 12), datetime(2026, 10, 5, 13)))
    (seen,) = store.sightings.of(made)
    assert seen.first_seen == datetime(2026, 10, 5, 12, tzinfo=UTC)
    assert store.profiles.search(updated_since=datetime.now(UTC).replace(tzinfo=None) - timedelta(hours=1))


def test_a_second_profile_of_an_address_at_one_level_is_refused_but_not_at_another(shared_town: Any) -> None:
    store = shared_town.store("ines")
    store.profiles.create("192.0.2.5", secrecy="amber")
    with pytest.raises(StoreError, match="has a profile of this address at this level already"):
        store.profiles.create("192.0.2.5", secrecy="amber")
    assert store.profiles.create("192.0.2.5", secrecy="green").secrecy is TLP.GREEN


def test_a_deleted_profile_can_be_brought_back(shared_town: Any) -> None:
    store = shared_town.store("ines")
    made = store.profiles.create("192.0.2.6")
    gone = store.profiles.delete(made)
    with pytest.raises(NotFound):
        store.profiles.get("192.0.2.6")
    assert [found.id for found in store.profiles.search(address="192.0.2.6", deleted=True)] == [made.id]
    assert store.profiles.restore(gone).deleted_at is None
    assert store.profiles.get("192.0.2.6").id == made.id


def test_merging_takes_the_stricter_level_and_loses_nothing(shared_town: Any) -> None:
    store = shared_town.store("ines")
    open_one = store.profiles.create("192.0.2.8", secrecy="green", notes="open", tags=["a"])
    secret = store.profiles.create("192.0.2.8", secrecy="amber+strict", notes="secret", tags=["b"], threat_level="high")  # fmt: skip
    store.footprint.add(secret, Footprint("domain", "evil.example", "pdns"))
    investigation = store.investigations.create("merged")
    store.investigations.link(investigation, secret)
    merged = store.profiles.merge(open_one, secret)
    assert (merged.id, merged.secrecy, merged.threat_level) == (
        open_one.id,
        TLP.AMBER_STRICT,
        ThreatLevel.HIGH,
    )
    assert merged.notes == "open\n\nsecret"
    assert merged.tags == ("a", "b")
    assert [trace.value for trace in store.footprint.of(merged)] == ["evil.example"]
    assert [found.id for found in store.investigations.profiles(investigation)] == [merged.id]
    with pytest.raises(NotFound):
        shared_town.store("pia").profiles.get(merged.id)


def test_a_level_is_raised_and_lowered_with_a_reason_that_is_kept(shared_town: Any) -> None:
    store = shared_town.store("ines")
    made = store.profiles.create("192.0.2.9", secrecy="green")
    with pytest.raises(StoreError, match="needs a reason"):
        store.profiles.set_secrecy(made, "amber", "  ")
    raised = store.profiles.set_secrecy(made, "amber", "victim named in notes")
    acts = [act for act in store.audit.of(raised) if act.action == "set secrecy"]
    assert [(act.detail["from"], act.detail["to"], act.detail["reason"]) for act in acts if act.detail] == [
        (1, 2, "victim named in notes")
    ]
    assert store.profiles.set_secrecy(raised, "clear", "published by the ISP").secrecy is TLP.CLEAR
    newest = next(act for act in store.audit.of(raised) if act.action == "set secrecy")
    assert newest.detail is not None
    assert (newest.detail["from"], newest.detail["to"], newest.detail["reason"]) == (
        2,
        0,
        "published by the ISP",
    )


def test_nobody_sets_a_level_above_their_own_clearance(shared_town: Any) -> None:
    otto = shared_town.store("otto")
    made = otto.profiles.create("192.0.2.10", secrecy="green")
    with pytest.raises(PermissionError, match="above your clearance"):
        otto.profiles.set_secrecy(made, "amber", "why not")
    with pytest.raises(PermissionError, match="above your clearance"):
        otto.profiles.create("192.0.2.11", secrecy="amber")


def test_red_reaches_its_named_recipients_and_nobody_else(shared_town: Any) -> None:
    ines = shared_town.store("ines")
    made = ines.profiles.create("192.0.2.12", secrecy="red", recipients=[shared_town.role("pia")])
    assert sorted(ines.profiles.recipients(made)) == sorted(
        [shared_town.role("ines"), shared_town.role("pia")]
    )
    assert shared_town.store("pia").profiles.get(made.id).notes == ""
    for other in ("ida", "otto", "clara"):
        with pytest.raises(NotFound):
            shared_town.store(other).profiles.get(made.id)
    with pytest.raises(StoreError, match="no member who may receive TLP:RED"):
        ines.profiles.set_secrecy(made, "red", "wider", [shared_town.role("otto")])
    narrowed = ines.profiles.set_secrecy(made, "red", "pia has left", [])
    with pytest.raises(NotFound):
        shared_town.store("pia").profiles.get(narrowed.id)


def test_a_profile_of_another_organisation_is_read_but_not_written(shared_town: Any) -> None:
    made = shared_town.store("ines").profiles.create("192.0.2.13", secrecy="green")
    pia = shared_town.store("pia")
    seen = pia.profiles.get(made.id)
    with pytest.raises(PermissionError, match="another organisation's"):
        pia.profiles.update(seen, notes="mine now")
    with pytest.raises(NotFound):
        pia.profiles.set_secrecy(seen, "clear", "leak it")
    with pytest.raises(PermissionError):
        pia.footprint.add(seen, Footprint("domain", "evil.example", "me"))


def test_an_enriched_table_becomes_profiles_by_one_call(shared_town: Any) -> None:
    store = shared_town.store("ines")
    table = wb.enrich([TOR_EXIT, "9.9.9.9", "9.9.9.9", "not one", None, "2620:fe::fe"])
    investigation = store.investigations.create("bulk")
    made = store.profiles.bulk_create(table, secrecy="green", tags=["bulk"], investigation=investigation.id)
    assert (made.created, made.existing, made.invalid) == (3, 0, 2)
    again = store.profiles.bulk_create(table, secrecy="green", investigation=investigation.id)
    assert (again.created, again.existing) == (0, 3)
    found = {profile.address: profile for profile in store.investigations.profiles(investigation)}
    assert found.keys() == {TOR_EXIT, "9.9.9.9", "2620:fe::fe"}
    assert found[TOR_EXIT].reasons == wb.lookup(TOR_EXIT).reasons
    assert found[TOR_EXIT].is_tor


def test_a_network_can_be_profiled_and_is_found_by_what_it_covers(shared_town: Any) -> None:
    store = shared_town.store("ines")
    made = store.profiles.create("198.51.100.7/25")
    assert made.address == "198.51.100.0/25"
    assert [found.id for found in store.profiles.search(covering="198.51.100.99")] == [made.id]
    assert [found.id for found in store.profiles.search(within="198.51.0.0/16")] == [made.id]
    assert not store.profiles.search(covering="198.51.100.200")
