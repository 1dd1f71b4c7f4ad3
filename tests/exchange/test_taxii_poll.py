"""Collections of a partner's server come into a case, once each, whatever happens on the way."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import duckdb
import pytest

import workbench as wb
from tests.exchange.conftest import PASSWORD, USER, Medallion, indicator
from tests.exchange.flaky import Flaky
from workbench.exchange import stix, taxii

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


@pytest.mark.parametrize("seed", range(4))
async def test_a_line_that_truncates_delays_repeats_and_rejects_loses_and_doubles_nothing(
    medallion: Medallion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr("workbench.exchange.taxii.connection.PAUSE", 0.002)
    collection, case = medallion.collection(), tmp_path / "case.duckdb"
    objects = [indicator(number) for number in range(300)]
    medallion.add(collection, objects, batch=[7, 40, 150, 300][seed])
    with Flaky(medallion.port, seed=seed) as flaky:
        for _ in range(40):
            url = f"http://127.0.0.1:{flaky.port}/root/"
            try:
                polls = await taxii.poll(url, case, collections=collection, auth=(USER, PASSWORD), limit=20)
            except taxii.TaxiiError:  # it did not get as far as the collection
                continue
            polls.store.con.close()
            if polls.complete:
                break
        assert polls.complete, polls
        faults = flaky.counts
    assert sum(faults.values()) - faults["none"] >= 5
    assert held(case) == wanted(objects)
    with duckdb.connect(str(case)) as con:
        assert con.execute("SELECT count(*) FROM stix_rejected").fetchone() == (0,)


async def test_pages_that_a_middlebox_asked_for_twice_are_found_by_the_manifest(
    medallion: Medallion, tmp_path: Path
) -> None:
    collection, case = medallion.collection(), tmp_path / "case.duckdb"
    objects = [indicator(number) for number in range(200)]
    medallion.add(collection, objects)
    with Flaky(medallion.port, faults=("repeat",), chance=0.5, seed=3) as flaky:
        url = f"http://127.0.0.1:{flaky.port}/root/collections/{collection}/"
        polls = await taxii.poll(url, case, auth=(USER, PASSWORD), limit=20)
        polls.store.con.close()
    (told,) = polls.collections
    assert "objects that its pages had left out were fetched by the manifest" in told.notes[0]
    assert held(case) == wanted(objects)


POLLER = """
import asyncio, os, signal, sys
import duckdb
import workbench as wb
from workbench.exchange import stix, taxii
url, case, collection, left = sys.argv[1:]
left = int(left)
commit = duckdb.DuckDBPyConnection.commit
def killed_after(con):
    global left
    commit(con)
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
duckdb.DuckDBPyConnection.commit = killed_after
asyncio.run(taxii.poll(url, case, collections=collection, limit=30, progress=lambda done: print(done.pages, flush=True)))
print("done", flush=True)
"""


def test_killed_at_any_point_it_goes_on_without_loss_or_double(medallion: Medallion, tmp_path: Path) -> None:
    collection, case = medallion.collection(), tmp_path / "case.duckdb"
    objects = [indicator(number) for number in range(240)]
    medallion.add(collection, objects, batch=17)
    added = {(each["id"], each["version"]): each["date_added"] for each in medallion.manifest(collection)}
    die = random.Random(5)
    kills, after_commit = 0, 0
    while True:
        poller = subprocess.Popen(
            [sys.executable, "-c", POLLER, medallion.url, str(case), collection, str(die.choice([1, 2, 3, -1]))],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert poller.stdout is not None
        left, line = die.randint(2, 3), ""
        for line in poller.stdout:
            left -= 1
            if line == "done\n" or not left:
                break
        if line != "done\n" and left:  # it died by itself, right behind a transaction
            kills, after_commit = kills + 1, after_commit + 1
        elif line != "done\n":
            time.sleep(die.random() / 20)  # somewhere in the middle of the next page
            poller.kill()
            kills += 1
        poller.wait()
        poller.stdout.close()
        have = held(case)
        assert len(have) == len(set(have))
        with duckdb.connect(str(case)) as con:
            (place,) = con.execute("SELECT added_after FROM _workbench.taxii_cursors").fetchone() or ("",)
        assert {key for key, at in added.items() if at <= place} <= set(have), (
            "the place is never ahead of the objects"
        )
        if line == "done\n":
            break
    assert kills > 2
    assert after_commit > 1
    assert have == wanted(objects)


async def test_many_collections_are_asked_at_once_and_one_that_fails_harms_no_other(
    medallion: Medallion, tmp_path: Path
) -> None:
    several = [medallion.collection() for _ in range(4)]
    for number, collection in enumerate(several):
        medallion.add(collection, [indicator(1000 * number + each) for each in range(30)])
    with Flaky(medallion.port, chance=0, together=4) as flaky:
        flaky.broken = several[2]
        polls = await taxii.poll(
            f"http://127.0.0.1:{flaky.port}/root/",
            tmp_path / "case.duckdb",
            collections=several,
            auth=(USER, PASSWORD),
        )
    told = {each.collection.id: each for each in polls.collections}
    assert [told[each].new for each in several] == [30, 30, 0, 30]
    assert "the server answered 404" in told[several[2]].problem
    assert not polls.complete
    assert "stopped:" in str(polls)
    polls.store.con.close()


async def test_filters_go_to_the_server_and_have_a_place_of_their_own(medallion: Medallion) -> None:
    collection = medallion.collection()
    here = {
        "type": "ipv4-addr",
        "spec_version": "2.1",
        "id": "ipv4-addr--28bb3599-77cd-5a82-a950-b5bcb85bc8b6",
        "value": "198.51.100.3",
    }
    medallion.add(
        collection, [indicator(1), indicator(1, version=1), indicator(1, version=2), indicator(2), here]
    )
    store = stix.ObjectStore()
    only = await taxii.poll(medallion.url, store, collections=collection, types="indicator")
    assert only.new == 2, "the last version of each"
    every = await taxii.poll(
        medallion.url, store, collections=collection, types=["indicator"], versions="all"
    )
    assert every.new == 2
    assert [each["modified"][-6:-1] for each in store.versions(indicator(1)["id"])] == [
        "0.000",
        "1.000",
        "2.000",
    ]
    rest = await taxii.poll(medallion.url, store, collections=collection)
    assert (rest.new, rest.collections[0].objects) == (1, 3)
    one = await taxii.poll(medallion.url, None, collections=collection, ids=indicator(2)["id"])
    assert len(one.store) == 1
    assert (
        await taxii.poll(medallion.url, None, collections=collection, added_after="2126-01-01T00:00:00Z")
    ).new == 0


async def test_answers_are_bounded_and_smaller_pages_asked_for(medallion: Medallion) -> None:
    collection = medallion.collection()
    medallion.add(collection, [indicator(number, description="x" * 3000) for number in range(40)])
    polls = await taxii.poll(medallion.url, None, collections=collection, max_bytes=60_000)
    assert (polls.new, polls.complete) == (40, True)
    url = f"{medallion.root}collections/{collection}/"
    polls = await taxii.poll(url, None, max_bytes=3_000)
    assert "3,000" in polls.collections[0].problem
    with Flaky(medallion.port, faults=("huge",), chance=1) as flaky:
        url = f"http://127.0.0.1:{flaky.port}/root/"
        with pytest.raises(taxii.TooLargeError, match="99,999,999,999 bytes"):
            await taxii.poll(url, auth=(USER, PASSWORD))


async def test_a_busy_server_is_waited_for_as_long_as_it_asks_within_reason(medallion: Medallion) -> None:
    collection = medallion.collection()
    with Flaky(medallion.port, faults=("503", "429"), chance=0.5, seed=1, retry_after="1") as flaky:
        polls = await taxii.poll(
            f"http://127.0.0.1:{flaky.port}/root/collections/{collection}/", auth=(USER, PASSWORD)
        )
        assert polls.complete
        assert flaky.counts["503"] + flaky.counts["429"]
        flaky.retry_after, flaky.chance = "86400", 1
        with pytest.raises(taxii.TaxiiError, match="asks to come back in 86400 seconds"):
            await taxii.poll(f"http://127.0.0.1:{flaky.port}/root/", auth=(USER, PASSWORD))


def test_in_a_cell_whose_loop_is_running_and_in_a_script_it_is_the_same(medallion: Medallion) -> None:
    collection = medallion.collection()
    medallion.add(collection, [indicator(1)])

    async def cell() -> taxii.Polls:
        return wb.taxii.run(wb.taxii.poll(medallion.url, collections=collection))

    assert asyncio.run(cell()).new == 1
    assert wb.taxii.run(wb.taxii.poll(medallion.url, collections=collection)).new == 1
    with pytest.raises(LookupError, match="no collection 'x'"):
        wb.taxii.run(wb.taxii.poll(medallion.url, collections="x"))
