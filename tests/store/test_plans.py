"""Searches are answered by indexes, under row-level security and without statistics too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.bench.plans import plan_of

from .conftest import build_town

ROWS = 20_000


@pytest.fixture(scope="module")
def filled(server: str) -> Iterator[Any]:
    """So many profiles of one organisation, at three levels, that a plan is worth choosing."""
    for town in build_town(server):
        with town.superuser() as con:
            con.execute(
                "SET session_replication_role = replica"
            )  # what triggers write down is of no use here
            con.execute(
                "INSERT INTO profiles (owner, secrecy, address, country, asn, as_org, verdict, reputation, is_tor, threat_level, notes, tags, created_by) "
                "SELECT (SELECT id FROM organisations WHERE name = 'cert'), 1 + n %% 3, '198.18.0.0'::inet + n, (ARRAY['DE', 'NL', 'US', 'FR'])[1 + n %% 4], "
                "64496 + n %% 50, 'Carrier ' || n %% 50, (ARRAY['clean', 'watch'])[1 + n %% 2], n %% 101, n %% 500 = 0, n %% 5, "
                "CASE WHEN n %% 997 = 0 THEN 'rare bird' ELSE 'carrier bravo' END, ARRAY['tag ' || n %% 40], 'x' FROM generate_series(1, %s) AS n",
                (ROWS,),
            )
            con.execute("VACUUM ANALYZE profiles")
        yield town


@pytest.mark.parametrize(
    ("filters", "index"),
    [
        ({}, "profiles_by_reputation"),
        ({"order": "updated"}, "profiles_by_update"),
        ({"order": "address"}, "profiles_by_address"),
        ({"address": "198.18.0.9"}, "profiles_by_address"),
        ({"within": "198.18.1.0/24"}, "profiles_by_address"),
        ({"country": "DE"}, "profiles_by_country"),
        ({"country": ["DE", "NL"], "asn": 64497}, "profiles_by_asn"),
        ({"asn": [64497, 64498]}, "profiles_by_asn"),
        ({"flags": ["tor"]}, "profiles_tor"),
        ({"verdict": "clean"}, "profiles_by_verdict"),
        ({"threat_level": "high"}, "profiles_by_threat_level"),
        ({"reputation": (20, 30)}, "profiles_by_reputation"),
        ({"tag": "tag 7"}, "profiles_by_reputation"),
        ({"text": "rare bird"}, "profiles_pkey"),
        ({"covering": "198.18.0.9"}, "profiles_pkey"),
    ],
)
def test_an_index_answers_every_filter(filled: Any, filters: dict[str, Any], index: str) -> None:
    assert index in plan_of(filled.store("ines"), **filters)


@pytest.mark.parametrize(
    ("condition", "index"),
    [
        ("lower(words) LIKE '%rare%'", "profiles_words"),
        ("lower('rare brid') <% lower(words)", "profiles_words"),
        ("tags @> ARRAY['tag 7']", "profiles_tags"),
        ("network(address)::inet >>= '198.18.0.9' AND masklen(address) < CASE family(address) WHEN 4 THEN 32 ELSE 128 END", "profiles_networks"),
        ("md5(as_org) = md5('Carrier 7')", "profiles_by_organisation"),
    ],
)  # fmt: skip
def test_an_index_answers_what_the_function_for_words_tags_and_networks_asks(
    filled: Any, condition: str, index: str
) -> None:
    with filled.superuser() as con:
        con.execute("SET enable_seqscan = off; SET ROLE workbench_warden")
        rows = con.execute(f"EXPLAIN SELECT id FROM profiles WHERE audience = audience_of(1::smallint, NULL, NULL) AND {condition}")  # fmt: skip
        plan = "\n".join(row[0] for row in rows)
        assert index in plan
        assert "(audience = '00000000-0000-0000-0000-000000000001'::uuid) AND" in plan


def test_an_index_answers_what_changed_since_the_last_sync(filled: Any) -> None:
    with filled.sql("ines") as con:
        plan = con.execute("EXPLAIN SELECT id, version FROM profiles WHERE changed_in >= '100000000'::text::xid8").fetchall()  # fmt: skip
        assert "profiles_by_change" in str(plan)
