"""Words are found in notes, tags, AS organisation and city exactly as a plain look at every profile finds them, whichever
way the search takes, in each order, and whatever others write."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from .conftest import build_town

ORGANISATIONS = (
    "Hetzner Online GmbH", "Hetzner Cloud", "Deutsche Telekom AG", "TELEKOM Romania", "Emotet Hosting", r"100%_\ Carrier", None,
)  # fmt: skip
NOTES = ("", "", "seen with emotet\nand a bank", "Hetzner, abuse desk told", "50% of it")
TAGS = ("emotet", "bank", "phishing", "telekom", "hetzner on line")
CITIES = ("Falkenstein", "Bonn", "Iași", None)
PLAIN = """
    SELECT id FROM profiles WHERE deleted_at IS NULL AND ({conditions}) AND (
        EXISTS (SELECT FROM unnest(ARRAY[notes, as_org, city] || tags) AS field WHERE strpos(lower(field), %(text)s) > 0)
        OR %(misspelt)s AND (word_similarity(%(text)s, lower(as_org)) >= 0.6
            OR word_similarity(%(text)s, lower(concat_ws(chr(31), notes, array_to_string(tags, chr(31)), city))) >= 0.6))
    ORDER BY {order}"""
ORDERS = {"reputation": "rank DESC, id DESC", "updated": "updated_at DESC, id DESC", "address": "address, id"}
FILTERS: tuple[tuple[dict[str, Any], str], ...] = (
    ({}, "true"),
    ({"country": "DE"}, "country = 'DE'"),
    ({"asn": [64496, 64498]}, "asn IN (64496, 64498)"),
    ({"tag": "bank"}, "tags @> '{{bank}}'"),
    ({"within": "198.18.0.0/25"}, "address <<= '198.18.0.0/25'"),
    ({"covering": "198.18.0.7"}, "address >>= '198.18.0.7'"),
)


@pytest.fixture(scope="module")
def mixed(server: str) -> Iterator[Any]:
    """Three hundred profiles of two organisations at every level, some of them networks, deleted, renamed or closed since."""
    rng = random.Random(7)
    for town in build_town(server):
        for name in ("ines", "pia"):
            with town.sql(name) as con:
                for n in range(150):
                    address = f"198.18.{n // 100}.{n % 100}" + rng.choice(("", "", "", "/31"))
                    _add(con, rng, address, rng.choice((0, 1, 1, 2, 3)))
                _add(
                    con, rng, "198.18.9.9", 1, "".join(rng.choices("0123456789abcdef ", k=4_000))
                )  # longer than an entry of an index
                con.execute(
                    "UPDATE profiles SET deleted_at = now() WHERE owner = own_organisation() AND rank % 9 = 0"
                )
                con.execute(
                    "UPDATE profiles SET as_org = 'Renamed Since' WHERE owner = own_organisation() AND rank % 7 = 0"
                )
                to_red = con.execute(
                    "SELECT id, version FROM profiles WHERE owner = own_organisation() AND rank % 5 = 0"
                ).fetchall()
                for key, version in to_red:
                    con.execute(
                        "SELECT set_secrecy('profiles', %s, %s, 4::smallint, 'x', %s)",
                        (key, version, [town.role("ida")]),
                    )
        yield town  # fmt: skip


def _add(con: Any, rng: random.Random, address: str, level: int, organisation: str | None = "") -> None:
    con.execute(
        "INSERT INTO profiles (owner, secrecy, address, reputation, country, asn, as_org, city, notes, tags) "
        "SELECT own_organisation(), %s, network(%s), %s, %s, %s, %s, %s, %s, %s ON CONFLICT DO NOTHING",
        (level, address, rng.choice((None, 0, 0, rng.randrange(101))), rng.choice(("DE", "NL")), 64496 + rng.randrange(4),
         rng.choice(ORGANISATIONS) if organisation == "" else organisation, rng.choice(CITIES), rng.choice(NOTES), rng.sample(TAGS, rng.randrange(3))),
    )  # fmt: skip


def _texts(rng: random.Random, count: int) -> list[str]:
    """Pieces of what there is, of where two fields meet, with mistakes, and of what there is not."""
    found = ["0", "%", r"\ c", "emotet hetzner", "bank falkenstein", "nowhere at all", "iași", "renamed"]
    while len(found) < count:
        whole = str(rng.choice([*ORGANISATIONS, *NOTES, *TAGS, *CITIES]) or "gmbh bonn").lower()
        start = rng.randrange(len(whole))
        piece = whole[start : start + rng.randrange(1, 14)].strip()
        if len(piece) > 4 and rng.random() < 0.4:
            piece = piece[:2] + piece[3:]
        if piece:
            found.append(piece)
    return found


@pytest.mark.parametrize(
    ("look", "few", "further", "names"),
    [(300, 20_000, 5, 1_000), (1, 20_000, 5, 1_000), (1, 2, 2, 1_000), (2, 5, 3, 1), (1, 0, 2, 0)],
)
@pytest.mark.parametrize("order", ORDERS)
def test_words_are_found_as_a_plain_look_at_every_profile_finds_them(
    mixed: Any, monkeypatch: pytest.MonkeyPatch, look: int, few: int, further: int, names: int, order: str
) -> None:
    for name, value in (("LOOK", look), ("FEW", few), ("FURTHER", further), ("NAMES", names)):
        monkeypatch.setattr(f"workbench.store.profiles.searching.{name}", value)
    rng = random.Random(f"{look} {few} {order}")
    some = 0
    for member in ("ines", "pia", "ida"):
        store = mixed.store(member)
        for text in _texts(rng, 16):
            misspelt = rng.random() < 0.4
            filters, conditions = rng.choice(FILTERS)
            with mixed.sql(member) as con:
                query = PLAIN.format(conditions=conditions, order=ORDERS[order])
                right = [row[0] for row in con.execute(query, {"text": text, "misspelt": misspelt})]
            asked = {"text": text, "misspelt": misspelt, "order": order, **filters}
            assert _all(store, **asked) == right, asked
            some += len(right)
        store.close()
    assert some > 200


def _all(store: Any, **filters: Any) -> list[UUID]:
    found: list[UUID] = []
    after = None
    while True:
        page = store.profiles.search(**filters, after=after, limit=14)
        found += [profile.id for profile in page]
        if page.next is None:
            return found
        after = page.next


def test_a_name_that_two_add_at_once_keeps_neither_waiting_and_is_found(town: Any) -> None:
    with town.sql("ines") as one, town.sql("ida") as other:
        one.execute("SET lock_timeout = '30s'")
        other.execute("SET lock_timeout = '30s'")
        add = "INSERT INTO profiles (owner, secrecy, address, as_org) SELECT own_organisation(), 1, %s, %s"
        with one.transaction(), other.transaction():  # each adds what the other has added and not committed
            one.execute(add, ("198.18.0.1", "Newly Founded"))
            other.execute(add, ("198.18.0.2", "Newly Founded"))
            other.execute(add, ("198.18.0.3", "Just Renamed"))
            one.execute(add, ("198.18.0.4", "Just Renamed"))
        with one.transaction(force_rollback=True):
            one.execute(add, ("198.18.0.5", "Never Was"))
    for text, count in (("newly found", 2), ("renamed", 2), ("newli fuonded", 0), ("never", 0)):
        assert len(town.store("pia").profiles.search(text=text)) == count


def test_a_name_is_not_found_any_more_once_no_profile_has_it(town: Any) -> None:
    ines, pia = town.store("ines"), town.store("pia")
    with town.sql("ines") as con:
        con.execute(
            "INSERT INTO profiles (owner, secrecy, address, as_org) SELECT own_organisation(), 1, '198.18.0.1', 'Old Name'"
        )
        assert pia.rows("names", "SELECT names FROM organisations_like('old', false, 9)") == [(["Old Name"],)]
        con.execute("UPDATE profiles SET as_org = 'New Name'")
    assert pia.rows("names", "SELECT names FROM organisations_like('old', false, 9)") == [([],)]
    (profile,) = pia.profiles.search(text="new name")
    ines.profiles.set_secrecy(ines.profiles.get(profile.id), "amber", "closed")
    assert pia.rows("names", "SELECT names FROM organisations_like('name', false, 9)") == [([],)]
    assert len(ines.profiles.search(text="new name")) == 1
    assert not pia.profiles.search(text="new name")  # fmt: skip
