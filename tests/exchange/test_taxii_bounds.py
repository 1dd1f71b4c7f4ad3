"""What a server may make a poll or a push do has an end: of time, of size, of repetition."""

from __future__ import annotations

import asyncio
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from tests.exchange.conftest import PASSWORD, USER, Medallion, indicator
from tests.exchange.flaky import Flaky
from workbench.exchange import stix, taxii
from workbench.exchange.stix.markings import MARKING_IDS
from workbench.secrecy import TLP, Organisation

pytestmark = pytest.mark.usefixtures("credential")
CERT = Organisation("CERT Example", frozenset({"Waterworks"}))
COLLECTION = {"id": "c", "title": "C", "can_read": True, "can_write": True}
BUSY = "workbench.exchange.taxii.connection."


def answer(document: Any, **headers: str) -> bytes:
    """An answer of a server that says what it likes."""
    lines = ["HTTP/1.1 200 OK", "Content-Type: application/taxii+json;version=2.1", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + json.dumps(document).encode()


def scripted(medallion: Medallion, answers: dict[str, bytes]) -> Flaky:
    """A server that answers these requests as written."""
    flaky = Flaky(medallion.port, faults=("stale",), chance=1)
    flaky.answers |= {f"{asked} HTTP/1.1": text for asked, text in answers.items()}
    flaky.answers["GET /root/collections/c/ HTTP/1.1"] = answer(COLLECTION)
    return flaky


async def test_a_server_that_gives_the_same_page_for_ever_is_left(medallion: Medallion) -> None:
    page = answer({"more": True, "next": "x", "objects": [indicator(1)]})
    first, rest = "GET /root/collections/c/objects/", "GET /root/collections/c/objects/?next=x&limit=1"
    with scripted(medallion, {first: page, rest: page}) as flaky:
        async with asyncio.timeout(60):
            polls = await taxii.poll(f"http://127.0.0.1:{flaky.port}/root/collections/c/")
    assert "the same page again and again" in polls.collections[0].problem
    assert polls.new == 1


async def test_an_answer_that_never_ends_has_an_end(
    medallion: Medallion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BUSY + "PAUSE", 0.001)
    monkeypatch.setattr(BUSY + "SECONDS", 0.3)
    with Flaky(medallion.port, faults=("hang",), chance=1) as flaky:
        async with asyncio.timeout(50):
            with pytest.raises(taxii.TaxiiError, match="no whole answer within"):
                await taxii.discover(f"http://127.0.0.1:{flaky.port}/taxii2/")


@pytest.mark.parametrize("packed", [False, True])
async def test_an_answer_that_does_not_tell_its_length_is_counted_unpacked(
    medallion: Medallion, packed: bool
) -> None:
    large = {"title": "x" * 1_000_000, "api_roots": []}
    text = answer(large, Content_Encoding="gzip") if packed else answer(large)
    if packed:
        head, _, body = text.partition(b"\r\n\r\n")
        text = head + b"\r\n\r\n" + gzip.compress(body)
        assert len(text) < 3_000
    with (
        scripted(medallion, {"GET /taxii2/": text}) as flaky,
        pytest.raises(taxii.TooLargeError, match="more than the 3,000 bytes allowed"),
    ):
        await taxii.poll(f"http://127.0.0.1:{flaky.port}/taxii2/", max_bytes=3_000)


async def test_what_fails_again_and_again_is_asked_a_few_times(
    medallion: Medallion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BUSY + "PAUSE", 0.001)
    with Flaky(medallion.port, faults=("500",), chance=1) as flaky:
        async with asyncio.timeout(60):
            with pytest.raises(taxii.TaxiiError, match="6 attempts"):
                await taxii.discover(f"http://127.0.0.1:{flaky.port}/taxii2/")
    assert len(flaky.requests) == 6


async def test_pages_that_never_arrive_are_given_up(
    medallion: Medallion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BUSY + "PAUSE", 0.0001)
    cut = answer({"objects": [indicator(1)]})[:-20]
    with scripted(medallion, {"GET /root/collections/c/objects/": cut}) as flaky:
        async with asyncio.timeout(60):
            polls = await taxii.poll(f"http://127.0.0.1:{flaky.port}/root/collections/c/")
    assert "cut off" in polls.collections[0].problem
    assert len([each for each in flaky.requests if "objects" in each]) == 9


async def test_one_poll_takes_so_many_objects_and_the_next_goes_on(
    medallion: Medallion, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    collection, case = medallion.collection(), tmp_path / "case.duckdb"
    medallion.add(collection, [indicator(number) for number in range(120)], batch=1)
    monkeypatch.setattr("workbench.exchange.taxii.polling.MAX_OBJECTS", 50)
    polls = await taxii.poll(medallion.url, case, collections=collection, limit=30)
    assert (polls.new, polls.complete) == (60, False)
    assert "more than 50 objects: poll again to go on" in polls.collections[0].problem
    polls.store.con.close()
    monkeypatch.undo()
    monkeypatch.setenv(f"WORKBENCH_TAXII_127_0_0_1_{medallion.port}_KEY", f"{USER}:{PASSWORD}")
    polls = await taxii.poll(medallion.url, case, collections=collection, limit=30)
    assert (polls.new, polls.complete, len(polls.store)) == (60, True, 120)
    polls.store.con.close()


async def test_a_server_that_is_never_through_is_not_waited_for_without_end(
    medallion: Medallion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.exchange.taxii.pushing.PATIENCE", 0.0)
    objects = [indicator(9000 + number) for number in range(3)]
    told = await taxii.push(medallion.url, "Slow", objects, organisation=CERT, to="community")
    assert (told.total, told.taken, told.pending, told.complete) == (3, 0, 3, False)
    assert "3 still being worked on there" in str(told)


async def test_what_a_server_failed_to_take_is_sent_again_alone_and_its_words_are_shown_short_and_plain(
    medallion: Medallion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BUSY + "PAUSE", 0.0001)
    status = {
        "id": "2d086da7-4bdc-4f91-900e-d77486753710", "status": "complete", "total_count": 2, "success_count": 1, "pending_count": 0,
        "failure_count": 1, "failures": [{"id": indicator(1)["id"], "message": "no\x1b[31m\n" * 1_000}],
    }  # fmt: skip
    with scripted(medallion, {"POST /root/collections/c/objects/": answer(status)}) as flaky:
        url = f"http://127.0.0.1:{flaky.port}/root/collections/c/"
        flaky.answers["GET /root/collections/c/ HTTP/1.1"] = answer({**COLLECTION, "can_read": False})
        given = [indicator(1), indicator(2)]
        told = await taxii.push(url, "c", given, organisation=CERT, to="community")
    (failure,) = told.failed
    assert (failure.id, told.taken) == (given[0]["id"], 1)
    assert failure.message.startswith("no [31m no")
    assert len(failure.message) == 300
    assert failure.message.isprintable()
    whole, *again = [
        int(head.lower().partition(b"content-length: ")[2].split()[0])
        for head in flaky.headers
        if head.startswith(b"POST")
    ]
    assert [size < whole * 0.6 for size in again] == [True, True], "three attempts, two of them of one object"


async def test_failures_a_server_counts_and_does_not_name_are_failures_of_all(
    medallion: Medallion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BUSY + "PAUSE", 0.0001)
    status = {
        "id": "2d086da7-4bdc-4f91-900e-d77486753710", "status": "complete", "total_count": 2, "success_count": 1, "pending_count": 0,
        "failure_count": 1,
    }  # fmt: skip
    with scripted(medallion, {"POST /root/collections/c/objects/": answer(status)}) as flaky:
        url = f"http://127.0.0.1:{flaky.port}/root/collections/c/"
        flaky.answers["GET /root/collections/c/ HTTP/1.1"] = answer({**COLLECTION, "can_read": False})
        told = await taxii.push(url, "c", [indicator(1), indicator(2)], organisation=CERT, to="community")
    assert (told.taken, len(told.failed)) == (0, 2)
    assert "does not say what failed" in str(told)


@pytest.mark.parametrize("status", [404, 403])
async def test_a_server_that_keeps_no_status_is_asked_for_what_it_has(
    medallion: Medallion, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setattr(BUSY + "PAUSE", 0.0001)
    pending = {
        "id": "2d086da7-4bdc-4f91-900e-d77486753710", "status": "pending", "total_count": 1, "success_count": 0, "pending_count": 1,
        "failure_count": 0,
    }  # fmt: skip
    manifest = {
        "objects": [
            {
                "id": indicator(1)["id"],
                "version": indicator(1)["modified"],
                "date_added": "2026-10-05T00:00:00Z",
            }
        ]
    }
    asked = f"match%5Bid%5D={indicator(1)['id']}&match%5Bversion%5D=all"
    gone = b"HTTP/1.1 %d No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" % status
    answers = {
        "POST /root/collections/c/objects/": answer(pending), f"GET /root/status/{pending['id']}/": gone,
        f"GET /root/collections/c/manifest/?{asked}": answer(manifest),
    }  # fmt: skip
    with scripted(medallion, answers) as flaky:
        pushing = taxii.push(
            f"http://127.0.0.1:{flaky.port}/root/collections/c/", "c", [indicator(1)], organisation=CERT, to="community"
        )  # fmt: skip
        if status == 404:
            told = await pushing
            assert (told.known, told.complete) == (1, True)
        else:
            with pytest.raises(taxii.RejectedError, match="403"):
                await pushing


async def test_of_a_bundle_that_is_cut_off_nothing_is_pushed(medallion: Medallion, tmp_path: Path) -> None:
    path = tmp_path / "cut.json"
    whole = json.dumps({"type": "bundle", "id": "bundle--1", "objects": [indicator(1), indicator(2)]})
    path.write_text(whole[:-1])
    collection = medallion.collection()
    with pytest.raises(ValueError, match=r"the bundle cannot be read to its end: .*: nothing pushed"):
        await taxii.push(medallion.url, collection, path, organisation=CERT, to="community")
    assert medallion.manifest(collection) == []


async def test_the_closest_of_several_markings_decides(medallion: Medallion) -> None:
    several = [MARKING_IDS[TLP.CLEAR], MARKING_IDS[TLP.AMBER_STRICT], MARKING_IDS[TLP.GREEN]]
    collection = medallion.collection()
    given = [indicator(1, object_marking_refs=several)]
    with pytest.raises(stix.WithheldError, match=r"TLP:AMBER\+STRICT"):
        await taxii.push(medallion.url, collection, given, organisation=CERT, to="Waterworks")
    assert medallion.manifest(collection) == []
