"""Search: every filter, alone and together, finds what it should and only what may be seen."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

import workbench as wb
from workbench.store import Store

N = 300


@pytest.fixture(scope="module")
def filled(shared_town: Any) -> Iterator[tuple[Any, Store, Store]]:
    """Profiles of two organisations at several levels: 300 of cert, 100 of bank."""
    ines, pia = shared_town.store("ines"), shared_town.store("pia")
    ines.profiles.bulk_create(_table(0, 200), secrecy="green", tags=["green"])
    ines.profiles.bulk_create(_table(200, 100), secrecy="amber+strict", tags=["strict"])
    pia.profiles.bulk_create(_table(0, 100), secrecy="amber", tags=["bank"])
    return shared_town, ines, pia


def _table(start: int, count: int) -> pa.Table:
    table = wb.enrich([f"198.18.{i // 256}.{i % 256}" for i in range(start, start + count)])
    numbers = range(start, start + count)

    def put(name: str, values: list[Any]) -> None:
        nonlocal table
        table = table.set_column(
            table.column_names.index(name), name, pa.array(values, table.schema.field(name).type)
        )

    put("reputation", [i % 101 for i in numbers])
    put("country", pa.array(["EU" if i % 50 == 7 else "DE" if i % 3 else "NL" for i in numbers]).dictionary_encode().cast(table.schema.field("country").type))  # type: ignore[arg-type]  # fmt: skip
    put("asn", [64496 + i % 5 for i in numbers])
    put("as_org", pa.array([f"Carrier {'Bravo' if i % 5 else 'Alpha'} 100%" for i in numbers]).dictionary_encode().cast(table.schema.field("as_org").type))  # type: ignore[arg-type]  # fmt: skip
    put("is_tor", [i % 10 == 0 for i in numbers])
    return table


def _everything(store: Store, **filters: Any) -> list[Any]:
    found, after = [], None
    while True:
        page = store.profiles.search(**filters, after=after, limit=37)
        found.extend(page)
        if page.next is None:
            return found
        after = page.next


def test_pages_follow_one_another_without_gap_or_double_worst_first(filled: Any) -> None:
    _, ines, _ = filled
    found = _everything(ines)
    assert len(found) == len({profile.id for profile in found}) == N
    ranks = [profile.reputation for profile in found]
    assert ranks == sorted(ranks, reverse=True)


@pytest.mark.parametrize(
    ("filters", "right"),
    [
        ({"country": "DE"}, lambda p: p.country == "DE"),
        ({"country": "de"}, lambda p: p.country == "DE"),
        ({"country": "EU"}, lambda p: p.country == "EU"),
        ({"country": ["DE", "NL"], "asn": 64497}, lambda p: p.asn == 64497),
        ({"asn": [64497, 64498]}, lambda p: p.asn in (64497, 64498)),
        ({"flags": ["tor"]}, lambda p: p.is_tor),
        ({"flags": "is_tor", "country": "NL"}, lambda p: p.is_tor and p.country == "NL"),
        ({"reputation": (20, 30)}, lambda p: 20 <= p.reputation <= 30),
        ({"reputation": (90, None)}, lambda p: p.reputation >= 90),
        ({"within": "198.18.1.0/24"}, lambda p: p.address.startswith("198.18.1.")),
        (
            {"within": "198.18.0.0/15", "order": "reputation", "country": "NL"},
            lambda p: p.country == "NL",
        ),
        ({"address": "198.18.0.9"}, lambda p: p.address == "198.18.0.9"),
        ({"tag": "strict"}, lambda p: p.tags == ("strict",)),
        ({"tag": ["green"], "asn": 64496}, lambda p: p.tags == ("green",) and p.asn == 64496),
        ({"text": "alph"}, lambda p: p.asn == 64496),
        ({"text": "100%"}, lambda p: True),
        ({"text": "1_0%"}, lambda p: False),
        ({"text": "carier alpah", "misspelt": True}, lambda p: p.asn == 64496),
        ({"secrecy": "green"}, lambda p: p.tags == ("green",)),
        ({"own": True}, lambda p: True),
        ({"order": "updated"}, lambda p: True),
        ({"order": "address"}, lambda p: True),
        ({"deleted": True}, lambda p: False),
        ({"threat_level": "low"}, lambda p: False),
        ({"verdict": "malicious"}, lambda p: p.verdict == "malicious"),
        ({"verdict": ["unroutable", "malicious"]}, lambda p: True),
        ({"country": " de "}, lambda p: p.country == "DE"),
        ({"asn": ["AS64497", "as64498"]}, lambda p: p.asn in (64497, 64498)),
    ],
)
def test_a_filter_finds_exactly_what_it_says(filled: Any, filters: dict[str, Any], right: Any) -> None:
    _, ines, _ = filled
    every = {profile.id: profile for profile in _everything(ines)}
    found = _everything(ines, **filters)
    assert {profile.id for profile in found} == {key for key, profile in every.items() if right(profile)}
    assert len(found) == len({profile.id for profile in found})


def test_a_filter_that_there_is_not_is_told_with_those_there_are(filled: Any) -> None:
    with pytest.raises(ValueError, match="no filter 'colour'; there are: text, misspelt, address"):
        filled[1].profiles.search(colour="red")


@pytest.mark.parametrize(("look", "few"), [(1, 3), (5, 3), (40, 3), (40, 5_000), (5_000, 5_000)])
@pytest.mark.parametrize("order", ["reputation", "updated", "address"])
def test_a_common_word_is_found_alike_however_it_is_looked_for(
    filled: Any, monkeypatch: pytest.MonkeyPatch, look: int, few: int, order: str
) -> None:
    _, ines, _ = filled
    for filters in (
        {"text": "bravo"}, {"text": "bravo", "country": ["DE", "NL"]}, {"tag": "strict", "asn": [64496, 64497]}, {"text": "none such"},
    ):  # fmt: skip
        looked_up = _everything(ines, order=order, **filters)
        with monkeypatch.context() as context:
            context.setattr("workbench.store.profiles.searching.LOOK", look)
            context.setattr("workbench.store.profiles.searching.FEW", few)
            assert [p.id for p in _everything(ines, order=order, **filters)] == [p.id for p in looked_up]
        assert bool(looked_up) == (filters != {"text": "none such"})


def test_each_sees_her_own_share_of_the_same_search(filled: Any) -> None:
    town, _, pia = filled
    assert len(_everything(pia)) == 300  # 200 green of cert, 100 of her own
    assert {p.tags for p in _everything(pia, text="carrier")} == {("green",), ("bank",)}
    assert not _everything(pia, tag="strict")
    assert len(_everything(town.store("otto"))) == 200
    assert not _everything(town.store("clara"))


def test_an_investigation_an_entity_and_a_time_narrow_a_search(filled: Any) -> None:
    _, ines, _ = filled
    investigation = ines.investigations.create("narrow")
    some = list(ines.profiles.search(limit=5))
    ines.investigations.link(investigation, *some)
    entity = ines.entities.create("malware", "narrower")
    for profile in some[:2]:
        ines.entities.link(entity, profile, "uses")
    assert {p.id for p in _everything(ines, entity=entity.id)} == {p.id for p in some[:2]}
    assert {p.id for p in _everything(ines, entity=str(entity.id), investigation=investigation.id)} == {
        p.id for p in some[:2]
    }
    assert {p.id for p in _everything(ines, investigation=investigation.id)} == {p.id for p in some}
    assert len(_everything(ines, investigation=investigation.id, reputation=(100, None))) == sum(
        p.reputation == 100 for p in some
    )
    now = datetime.now(UTC)
    assert len(_everything(ines, updated_since=now - timedelta(hours=1))) == N
    assert not _everything(ines, updated_since=now + timedelta(hours=1))
    assert len(_everything(ines, updated_until=now + timedelta(hours=1))) == N
    assert not _everything(ines, updated_until=now - timedelta(hours=1))


@pytest.mark.parametrize(
    ("filters", "says"),
    [
        ({"within": "nonsense"}, "within='nonsense' is no IP address and no network"),
        ({"flags": ["evil"]}, "no flag 'evil'; there are: is_tor"),
        ({"order": "colour"}, "no order 'colour'"),
        ({"limit": 100_000}, "limit is 1 to 1000"),
        ({"after": "rubbish"}, "it is not one that a page gave"),
        ({"text": "x" * 201}, "up to 200 characters"),
        ({"threat_level": "dire"}, "no threat level"),
        ({"country": "Germany"}, "'Germany' is no country code: that of Germany is DE"),
        ({"country": "XX"}, "'XX' is no country code: ISO 3166-1 alpha-2 is wanted, such as NL"),
        ({"country": ["DE", "D"]}, "'D' is no country code"),
        ({"asn": "Telekom"}, "asn='Telekom': a number of 0 to 4294967295 is wanted, such as 3320 or AS3320"),
        ({"asn": [1, -1]}, "asn='-1'"),
        ({"asn": 2**32}, "asn='4294967296'"),
        ({"verdict": "evil"}, "no verdict 'evil'; there are: invalid, unroutable, malicious"),
        ({"investigation": "Water"}, "investigation='Water' is no id"),
        ({"entity": "Bear"}, "entity='Bear' is no id"),
    ],
)
def test_a_filter_that_is_not_understood_is_said_so(filled: Any, filters: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        filled[1].profiles.search(**filters)


def test_a_page_of_one_order_does_not_continue_another(filled: Any) -> None:
    _, ines, _ = filled
    page = ines.profiles.search(limit=5)
    with pytest.raises(ValueError, match="in order of reputation, this is address"):
        ines.profiles.search(order="address", after=page.next)


def test_what_amber_profiles_a_search_gave_is_in_the_audit(filled: Any) -> None:
    _, ines, _ = filled
    (found,) = ines.profiles.search(address="198.18.1.1")
    acts = [act for act in ines.audit.of(found) if act.action == "read row"]
    assert acts[0].detail == {"how": "search"}
    assert acts[0].actor == ines.me.role
