"""Collections of a partner's server come into a case, once each, whatever happens on the way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.exchange.conftest import Medallion, indicator
from workbench.exchange import taxii

pytestmark = pytest.mark.usefixtures("credential")


def held(path: Path) -> list[tuple[str, str]]:
    with duckdb.connect(str(path)) as con:
        return con.execute("SELECT id, version FROM stix_objects ORDER BY ALL").fetchall()


def wanted(objects: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return sorted((value["id"], value["modified"]) for value in objects)


async def test_what_is_new_comes_in_once_and_the_next_poll_goes_on_from_there(
    medallion: Medallion, tmp_path: Path
) -> None:
    collection, case = medallion.collection(), tmp_path / "case.duckdb"
    first = [indicator(number) for number in range(250)]
    medallion.add(collection, first, batch=60)
    heard: list[taxii.Polled] = []
    got = await taxii.poll(medallion.url, case, collections=collection, progress=heard.append)
    (told,) = got.collections
    assert (told.objects, told.new, told.pages, told.problem) == (250, 250, 3, "")
    assert [each.objects for each in heard] == [100, 200, 250]
    assert got.evidence().num_rows == 250
    got.store.con.close()

    later = [indicator(7, version=1, revoked=True), indicator(1000)]
    medallion.add(collection, later)
    again = await taxii.poll(medallion.url, case, collections=collection)
    assert again.new == 2
    assert again.collections[0].revoked == 1
    assert again.collections[0].objects < 100, "not the whole collection once more"
    assert again.evidence().num_rows == 250
    again.store.con.close()
    assert held(case) == wanted(first + later)
