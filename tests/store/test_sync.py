"""A case file and a store, brought together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import workbench as wb
from workbench.case import Case
from workbench.store import StoreError


def _open(folder: Path, name: str) -> Case:
    return wb.open_case(str(folder / f"{name}.duckdb"))


def test_made_offline_by_one_and_seen_by_the_other(town: Any, tmp_path: Path) -> None:
    ines, ida = town.store("ines"), town.store("ida")
    with _open(tmp_path, "ines") as mine, _open(tmp_path, "ida") as hers:
        made = mine.profiles.create(
            "185.246.188.74", notes="on the HMI", tags=["intrusion"], threat_level="high"
        )
        assert (made.version, made.is_tor) == (0, True)
        assert mine.sync(ines).created == 1
        assert hers.sync(ida).pulled == 1
        there = hers.profiles.get("185.246.188.74")
        assert (there.notes, there.tags, there.created_by) == (
            "on the HMI",
            ("intrusion",),
            town.role("ines"),
        )
        assert there == ida.profiles.get("185.246.188.74")
        assert mine.profiles.get(made.id).id == there.id
        assert str(mine.sync(ines)) == "nothing new on either side"


def test_different_fields_are_merged_and_the_same_one_is_shown(town: Any, tmp_path: Path) -> None:
    ines, ida = town.store("ines"), town.store("ida")
    with _open(tmp_path, "ines") as mine, _open(tmp_path, "ida") as hers:
        first = mine.profiles.create("192.0.2.1", notes="scanner", tags=["a", "b"])
        mine.sync(ines)
        hers.sync(ida)
        mine.profiles.update(first, notes="a scanner, known", tags=["b", "c"])
        other = hers.profiles.get("192.0.2.1")
        hers.profiles.update(other, notes="an attacker", threat_level="high", tags=["a", "b", "d"])
        hers.sync(ida)
        assert mine.sync(ines).unsettled == 1
        (one,) = mine.conflicts()
        assert (one.field, one.base, one.mine, one.theirs) == (
            "notes",
            "scanner",
            "a scanner, known",
            "an attacker",
        )
        assert mine.profiles.get("192.0.2.1").notes == "a scanner, known"
        assert ida.profiles.get("192.0.2.1").notes == "an attacker"
        assert ida.profiles.get("192.0.2.1").tags == ("b", "c", "d")
        mine.settle(one, value="a scanner, known, that attacks")
        assert mine.sync(ines).unsettled == 0
        hers.sync(ida)
        for case in (mine, hers):
            found = case.profiles.get("192.0.2.1")
            assert (found.notes, str(found.threat_level), found.tags) == (
                "a scanner, known, that attacks",
                "high",
                ("b", "c", "d"),
            )


def test_two_who_made_a_profile_of_one_address_have_one(town: Any, tmp_path: Path) -> None:
    ines, ida = town.store("ines"), town.store("ida")
    with _open(tmp_path, "ines") as mine, _open(tmp_path, "ida") as hers:
        mine.profiles.create("192.0.2.1", notes="seen at the gate", tags=["a"])
        hers.profiles.create("192.0.2.1", threat_level="low", tags=["b"])
        mine.sync(ines)
        hers.sync(ida)
        mine.sync(ines)
        assert len(ines.profiles.search(limit=10)) == 1
        for case in (mine, hers):
            (found,) = case.profiles.list()
            assert (found.notes, str(found.threat_level), found.tags) == (
                "seen at the gate",
                "low",
                ("a", "b"),
            )


def test_revoked_profiles_leave_the_file_and_own_words_stay(town: Any, tmp_path: Path) -> None:
    ines, ida = town.store("ines"), town.store("ida")
    secret = ida.profiles.create("192.0.2.66", notes="UNDISCLOSABLE informant reports")
    other = ida.profiles.create("192.0.2.67", notes="UNDISCLOSABLE too")
    with _open(tmp_path, "ines") as mine:
        mine.sync(ines)
        held = mine.profiles.get(secret.id)
        mine.profiles.update(
            held, notes=held.notes + " and I phoned the ISP", tags=["phoned"], threat_level="high"
        )
        mine.con.execute("CHECKPOINT")
        assert b"UNDISCLOSABLE" in (tmp_path / "ines.duckdb").read_bytes()
        for each in (secret, other):
            ida.profiles.set_secrecy(each, "red", "source protection")
        assert mine.sync(ines).revoked == 2
        assert mine.profiles.list(deleted=True) == []
        (kept,) = mine.conflicts()
        assert (kept.kind, kept.address, kept.mine) == (
            "revoked",
            None,
            {"threat_level": 3, "notes": "and I phoned the ISP", "tags": ["phoned"]},
        )
        everything = b"".join(path.read_bytes() for path in tmp_path.iterdir())
        assert b"UNDISCLOSABLE" not in everything
        assert b"192.0.2.66" not in everything
    assert b"UNDISCLOSABLE" not in (tmp_path / "ines.duckdb").read_bytes()
    assert (tmp_path / "ines.duckdb").stat().st_mode & 0o777 == 0o600


def test_what_becomes_visible_without_a_change_of_it_is_pulled(town: Any, tmp_path: Path) -> None:
    ines, clara = town.store("ines"), town.store("clara")
    with _open(tmp_path, "clara") as case:
        case.sync(clara)
        with town.administration() as administration:
            administration.remove_client("cert", "grid")
        ines.profiles.create("192.0.2.1", secrecy="amber")
        assert case.sync(clara).pulled == 0
        case.sync(clara)
        with town.administration() as administration:
            administration.add_organisation("grid", client_of=["cert"], in_community=False)
        assert (case.sync(clara).pulled, len(case.profiles)) == (1, 1)
        with town.administration() as administration:
            administration.remove_client("cert", "grid")
        assert (case.sync(clara).revoked, len(case.profiles)) == (1, 0)


def test_a_case_goes_with_one_member_of_one_store(town: Any, tmp_path: Path) -> None:
    with _open(tmp_path, "ines") as mine:
        mine.profiles.create("192.0.2.1")
        mine.sync(town.store("ines"))
        mine.profiles.create("192.0.2.2")
        with pytest.raises(StoreError, match=r"goes with ines_.* of cert, and this is pia_.* of bank"):
            mine.sync(town.store("pia"))
        assert len(town.store("pia").profiles.search(limit=10)) == 0


def test_reading_of_amber_by_a_sync_is_in_the_audit(town: Any, tmp_path: Path) -> None:
    ida = town.store("ida")
    made = ida.profiles.create("192.0.2.1", secrecy="amber")
    with _open(tmp_path, "ines") as mine:
        mine.sync(town.store("ines"))
    acts = [act for act in ida.audit.of(made) if act.action == "read row" and act.actor == town.role("ines")]
    assert [act.detail for act in acts] == [{"how": "sync"}]


def test_levels_set_offline_are_set_with_their_reason(town: Any, tmp_path: Path) -> None:
    ines, ida, otto = town.store("ines"), town.store("ida"), town.store("otto")
    with _open(tmp_path, "ines") as mine:
        red = mine.profiles.create("192.0.2.1", secrecy="red", recipients=[town.role("ida")], notes="for two")
        low = mine.profiles.create("192.0.2.2", notes="secret, and public")
        mine.sync(ines)
        assert ida.profiles.get(red_id := mine.profiles.get(red.id).id).notes == "for two"
        assert ida.profiles.recipients(ida.profiles.get(red_id)) == sorted(
            [town.role("ida"), town.role("ines")]
        )
        mine.profiles.update(low, notes="public")
        mine.profiles.set_secrecy(low, "green", "the ISP published it")
        mine.sync(ines)
        seen = otto.profiles.get("192.0.2.2")
        assert (seen.notes, seen.secrecy.name) == ("public", "GREEN")
        assert "secret" not in str(otto.profiles.history(seen))
        assert any((act.detail or {}).get("reason") == "the ISP published it" for act in ines.audit.of(seen))


def test_words_for_few_are_not_sent_to_where_many_read(town: Any, tmp_path: Path) -> None:
    ines, ida, otto = town.store("ines"), town.store("ida"), town.store("otto")
    made = ida.profiles.create("192.0.2.1")
    with _open(tmp_path, "ines") as mine:
        mine.sync(ines)
        mine.profiles.update(made, notes="the victim is the grid")
        ida.profiles.set_secrecy(made, "green", "shared with the community")
        assert mine.sync(ines).unsettled == 1
        assert otto.profiles.get(made.id).notes == ""
        (one,) = mine.conflicts()
        assert (one.field, one.mine, one.theirs) == ("secrecy", 2, 1)
        mine.settle(one, "mine", reason="the victim is named")
        mine.sync(ines)
        assert (ida.profiles.get(made.id).secrecy, ida.profiles.get(made.id).notes) == (
            2,
            "the victim is the grid",
        )


def test_a_refused_change_stays_here_and_says_why(town: Any, tmp_path: Path) -> None:
    with _open(tmp_path, "otto") as case:
        case.profiles.create("192.0.2.1", secrecy="amber")
        case.profiles.create("192.0.2.2", secrecy="green")
        done = case.sync(town.store("otto"))
        assert (done.created, done.refused) == (1, 1)
        (one,) = case.conflicts()
        assert one.kind == "refused"
        assert "clearance" in one.says
        case.settle(one, "theirs")
        assert [each.address for each in case.profiles.list()] == ["192.0.2.2"]


def test_an_edit_of_a_deleted_profile_is_to_be_settled(town: Any, tmp_path: Path) -> None:
    ines, ida = town.store("ines"), town.store("ida")
    made = ida.profiles.create("192.0.2.1")
    with _open(tmp_path, "ines") as mine:
        mine.sync(ines)
        mine.profiles.update(made, notes="still of use")
        ida.profiles.delete(ida.profiles.get(made.id))
        mine.sync(ines)
        mine.sync(ines)
        (one,) = mine.conflicts()
        assert (one.field, one.mine, one.theirs) == ("deleted", False, True)
        mine.settle(one, "mine")
        mine.sync(ines)
        back = ida.profiles.get(made.id)
        assert (back.deleted_at, back.notes) == (None, "still of use")
