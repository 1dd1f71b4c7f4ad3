"""What changed since: everything committed is told once, in whatever order it was begun and committed."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from workbench.secrecy import TLP
from workbench.store import Store
from workbench.store.watching.changes import Place, alerts_since, changed_since, place, wanted


def told(store: Store, here: Place, limit: int = 200, **filters: Any) -> tuple[list[tuple[str, int]], Place]:
    """Address and version of every change up to now, read page by page."""
    found = []
    while True:
        page = changed_since(store, here, wanted(**filters), limit)
        found += [(change.thing.address, change.thing.version) for change in page.items]
        here = page.place
        if not page.more:
            return found, here


def test_a_stream_begins_now_and_tells_what_is_made_changed_and_deleted(town: Any) -> None:
    store = town.store("ines")
    before = store.profiles.create("192.0.2.1")
    here = place(store)
    assert told(store, here)[0] == []
    store.profiles.update(before, notes="seen again")
    made = store.profiles.create("192.0.2.2")
    found, here = told(store, here)
    assert found == [("192.0.2.1", 2), ("192.0.2.2", 1)]
    store.profiles.delete(made)
    assert told(store, here)[0] == [("192.0.2.2", 2)]


def test_who_began_earlier_and_commits_later_is_not_passed_over(town: Any) -> None:
    store = town.store("ines")
    here = place(store)
    with town.sql("ida") as slow, slow.transaction():
        slow.execute(
            "INSERT INTO profiles (address, owner, secrecy) SELECT '192.0.2.1', organisation, 2 FROM members WHERE role = current_user"
        )
        store.profiles.create("192.0.2.2")
        found, here = told(store, here)
        assert found == [("192.0.2.2", 1)]
        assert told(store, here)[0] == []
    again, here = told(store, Place.parse(str(here)))
    assert again == [("192.0.2.1", 1)]
    assert told(store, here)[0] == []


def test_a_page_that_was_cut_off_goes_on_after_the_event_last_seen_though_others_commit_meanwhile(
    town: Any,
) -> None:
    store = town.store("ines")
    here = place(store)
    with town.sql("ida") as slow, slow.transaction():
        slow.execute(
            "INSERT INTO profiles (address, owner, secrecy) SELECT '192.0.2.100', organisation, 2 FROM members WHERE role = current_user"
        )
        for i in range(7):
            store.profiles.create(f"192.0.2.{i}")
        changes = changed_since(store, here, wanted(), 4).items
        assert [change.thing.address for change in changes] == [f"192.0.2.{i}" for i in range(4)]
    store.profiles.update(store.profiles.get("192.0.2.0"), notes="changed meanwhile")
    third = Place.parse(str(changes[2].place))
    found, here = told(store, third, limit=2)
    assert sorted(found) == sorted(
        [(f"192.0.2.{i}", 1) for i in range(3, 7)] + [("192.0.2.100", 1), ("192.0.2.0", 2)]
    )
    assert told(store, here)[0] == []


def test_only_what_matches_and_only_what_may_be_seen_is_told(town: Any) -> None:
    ines, ida, pia = town.store("ines"), town.store("ida"), town.store("pia")
    starts = {store: place(store) for store in (ines, ida, pia)}
    ines.profiles.create("192.0.2.1", secrecy="red")
    ines.profiles.create("192.0.2.2", secrecy="amber", tags=["scada"], threat_level="high")
    shared = ines.profiles.create("192.0.2.3", secrecy="green")
    assert len(told(ines, starts[ines])[0]) == 3
    assert [address for address, _ in told(ida, starts[ida])[0]] == ["192.0.2.2", "192.0.2.3"]
    assert [address for address, _ in told(pia, starts[pia])[0]] == ["192.0.2.3"]
    for filters in ({"tag": "scada"}, {"threat_level": "medium"}, {"within": "192.0.2.2/32"}):
        assert told(ines, starts[ines], **filters)[0] == [("192.0.2.2", 1)]
    ines.profiles.set_secrecy(shared, TLP.RED, "names a victim")
    assert told(pia, starts[pia])[0] == []


def test_reading_changes_of_amber_is_written_down(town: Any) -> None:
    store = town.store("ines")
    here = place(store)
    made = store.profiles.create("192.0.2.1", secrecy="amber")
    told(store, here)
    acts = [act for act in store.audit.of(made) if act.action == "read row" and act.detail]
    assert "changes" in [act.detail["how"] for act in acts if act.detail]


def test_alerts_are_told_once_each_to_those_who_may_see_watchlist_and_profile(town: Any) -> None:
    ines, ida, pia = town.store("ines"), town.store("ida"), town.store("pia")
    watch = ines.watchlists.create("ours", network="192.0.2.0/24", secrecy="amber+strict")
    starts = {store: place(store) for store in (ines, ida, pia)}
    with town.sql("ida") as slow, slow.transaction():
        slow.execute(
            "INSERT INTO profiles (address, owner, secrecy) SELECT '192.0.2.1', organisation, 2 FROM members WHERE role = current_user"
        )
        ines.profiles.create("192.0.2.2")
        first = alerts_since(ines, starts[ines])
        assert len(first.items) == 1
    second = alerts_since(ines, first.place)
    assert [change.thing.watchlist for change in second.items] == [watch.id]
    assert "192.0.2.1" in second.items[0].thing.says
    assert alerts_since(ines, second.place).items == ()
    for i in range(3, 8):
        ines.profiles.create(f"192.0.2.{i}")
    page = alerts_since(ines, second.place, 2)
    rest = alerts_since(ines, Place.parse(str(page.items[0].place)))
    assert len(rest.items) == 4
    assert not {change.thing.id for change in rest.items} & {page.items[0].thing.id}
    assert len(alerts_since(ida, starts[ida]).items) == 7
    assert alerts_since(pia, starts[pia]).items == ()


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "e30", "W10", "bnVsbA", "A" * 30_000, "WyJhIiwgMSwgMl0", "' OR 1=1", "\u00e9"],
)
def test_what_is_no_cursor_is_refused(shared_town: Any, cursor: str) -> None:
    with pytest.raises(ValueError, match="no cursor that a stream gave"):
        place(shared_town.store("ines"), cursor)


def test_a_cursor_of_another_store_or_of_the_future_is_refused(shared_town: Any) -> None:
    store = shared_town.store("ines")
    here = place(store)
    for other in (Place("0" * 32, here.told), Place(here.lineage, "9000000000:9000000000:")):
        with pytest.raises(ValueError, match="of another database"):
            place(store, str(other))
    within = Place(here.lineage, here.told, here.told, ("7", uuid4()))
    assert Place.parse(str(within)) == within


def test_a_hostile_member_learns_nothing_of_hidden_alerts_by_when_they_were_raised(town: Any) -> None:
    ines = town.store("ines")
    ines.watchlists.create("ours", network="192.0.2.0/24", secrecy="amber+strict")
    ines.profiles.create("192.0.2.1")
    assert alerts_since(ines, Place(place(ines).lineage, "3:3:")).items
    for attacker in ("pia", "otto"):
        with town.sql(attacker) as con:
            everything = "SELECT raised_since('0', '{0}', NULL, '{}', NULL, NULL, 1000)"
            assert con.execute(everything).fetchall() == []
            con.execute("SET enable_seqscan = off; SET enable_bitmapscan = off; SET jit = off")
            for condition in ("raised_in >= '3'", "raised_in::text::numeric >= 3"):
                plan = con.execute(
                    f"EXPLAIN (ANALYZE, COSTS OFF) SELECT count(*) FROM alerts WHERE {condition}"
                ).fetchall()
                assert "alerts_by_raising" not in str(plan)
                assert con.execute(f"SELECT count(*) FROM alerts WHERE {condition}").fetchone() == (0,)
