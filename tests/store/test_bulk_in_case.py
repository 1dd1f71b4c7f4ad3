"""Profiles made in bulk in a case file, without a server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import workbench as wb
from workbench.secrecy import TLP

if TYPE_CHECKING:
    from tests.store.conftest import Town

ADDRESSES = ["84.205.67.213", "185.246.188.74", "2620:fe::fe"]


def test_they_are_as_those_made_one_by_one(tmp_path: Path) -> None:
    own = {"key", "token", "enriched_at", "created_at", "updated_at"}
    with wb.open_case(str(tmp_path / "one.duckdb")) as one, wb.open_case(str(tmp_path / "many.duckdb")) as many:  # fmt: skip
        for address in ADDRESSES:
            one.profiles.create(address, secrecy="green", threat_level="high", tags=["B", "a"])
        made = many.profiles.bulk_create(wb.enrich([*ADDRESSES, ADDRESSES[0], "no address", None]), secrecy="green", threat_level="high", tags=["B", "a"])  # fmt: skip
        assert (made.created, made.existing, made.invalid) == (3, 0, 2)
        rows = [
            [{k: v for k, v in row.items() if k not in own} for row in case._file.rows(order="ORDER BY address")]
            for case in (one, many)
        ]  # fmt: skip
        assert rows[0] == rows[1]
        assert all(row["key"] == row["token"] for row in many._file.rows())
        assert len({row["key"] for row in many._file.rows()}) == 3


def test_those_that_are_there_at_the_level_are_kept(tmp_path: Path) -> None:
    with wb.open_case(str(tmp_path / "case.duckdb")) as case:
        kept = case.profiles.create(ADDRESSES[0], notes="mine")
        case.profiles.create(ADDRESSES[1], secrecy="clear")
        made = case.profiles.bulk_create(wb.triage(ADDRESSES).table)
        assert (made.created, made.existing) == (2, 1)
        assert case.profiles.get(kept.id).notes == "mine"
        assert [p.secrecy for p in case.profiles.of([ADDRESSES[1]])] == [TLP.CLEAR, TLP.AMBER]
        with pytest.raises(ValueError, match="named recipients"):
            case.profiles.bulk_create(wb.enrich(ADDRESSES), secrecy="red")


def test_they_are_pushed_by_the_next_sync(town: Town, tmp_path: Path) -> None:
    store = town.store("ines")
    with wb.open_case(str(tmp_path / "case.duckdb")) as case:
        case.profiles.bulk_create(wb.enrich(ADDRESSES), secrecy="green", tags=["vpn"])
        case.sync(store)
        assert {(p.address, p.tags) for p in store.profiles.of(ADDRESSES)} == {
            (a, ("vpn",)) for a in ADDRESSES
        }
        assert case.profiles.list(changed=True) == []
