"""What a partner may have is pushed to its collection, in batches, until its server has it."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.exchange.conftest import MOST_TAKEN, PASSWORD, USER, Medallion, indicator
from tests.exchange.flaky import Flaky
from tests.exchange.slow_backend import SLOW
from workbench.exchange import stix, taxii
from workbench.exchange.stix.markings import marking
from workbench.secrecy import MARKING_IDS, TLP, Organisation

pytestmark = pytest.mark.usefixtures("credential")
CERT = Organisation("CERT Example", frozenset({"Waterworks"}))


def exported(tlp: str = "green", to: str = "CERT B") -> stix.Export:
    rows = [
        {"address": f"93.175.147.{n}", "verdict": "malicious", "reasons": "exercise"} for n in range(1, 30)
    ]
    return stix.export(rows, organisation=CERT, tlp=tlp, to=to, versions=stix.Ledger(None))


def there(medallion: Medallion, collection: str) -> list[str]:
    return sorted(each["id"] for each in medallion.manifest(collection))


async def test_an_export_arrives_whole_and_pushing_it_again_changes_nothing(medallion: Medallion) -> None:
    collection, out = medallion.collection(), exported()
    told = await taxii.push(medallion.url, collection, out)
    assert (told.total, told.taken, told.known, told.complete) == (len(out), len(out), 0, True)
    assert there(medallion, collection) == sorted(value["id"] for value in out.objects)
    again = await taxii.push(medallion.url, collection, out)
    assert (again.taken, again.known, again.complete) == (0, len(out), True)
    assert len(there(medallion, collection)) == len(out)
    with pytest.raises(ValueError, match="the export is for CERT B: make one for CERT C"):
        await taxii.push(medallion.url, collection, out, to="CERT C")


@pytest.mark.parametrize(
    ("objects", "size", "requests", "largest"),
    [(40, 4 << 20, 15, 40_000), (10_000, 20_000, 12, 20_000), (10_000, 4 << 20, 2, MOST_TAKEN)],
)
async def test_a_request_is_bounded_in_objects_and_bytes_and_by_what_the_server_takes(
    medallion: Medallion,
    monkeypatch: pytest.MonkeyPatch,
    objects: int,
    size: int,
    requests: int,
    largest: int,
) -> None:
    monkeypatch.setattr("workbench.exchange.taxii.connection.PAUSE", 0.002)
    monkeypatch.setattr("workbench.exchange.taxii.pushing.OBJECTS", objects)
    monkeypatch.setattr("workbench.exchange.taxii.pushing.BYTES", size)
    collection, given = medallion.collection(), [indicator(number) for number in range(600)]
    with Flaky(medallion.port, chance=0) as flaky:
        told = await taxii.push(
            f"http://127.0.0.1:{flaky.port}/root/", collection, given, organisation=CERT, to="community", auth=(USER, PASSWORD)
        )  # fmt: skip
    assert told.complete
    posted = [
        int(head.lower().partition(b"content-length: ")[2].split()[0])
        for head in flaky.headers
        if head.startswith(b"POST")
    ]
    assert max(posted) <= largest
    assert len(posted) >= requests


@pytest.mark.parametrize("seed", range(3))
async def test_over_a_bad_line_each_object_arrives_once(
    medallion: Medallion, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr("workbench.exchange.taxii.connection.PAUSE", 0.002)
    monkeypatch.setattr("workbench.exchange.taxii.pushing.OBJECTS", 15)
    collection, out = medallion.collection(), exported()
    with Flaky(medallion.port, seed=seed, chance=0.3) as flaky:
        for _ in range(30):
            try:
                told = await taxii.push(
                    f"http://127.0.0.1:{flaky.port}/root/", collection, out, auth=(USER, PASSWORD)
                )
            except taxii.TaxiiError:  # as an analyst would: once more
                continue
            if told.complete:
                break
    assert told.complete, told
    assert there(medallion, collection) == sorted(value["id"] for value in out.objects)


async def test_markings_are_asked_before_anything_leaves(medallion: Medallion, tmp_path: Path) -> None:
    collection = medallion.collection()
    amber = exported("amber", "Waterworks")
    path = tmp_path / "amber.json"
    amber.write(path)
    with pytest.raises(
        stix.WithheldError,
        match=r"nothing pushed: ipv4-addr 93\.175\.147\.1 is TLP:AMBER and may not go to CERT B",
    ):
        await taxii.push(medallion.url, collection, path, organisation=CERT, to="CERT B")
    assert there(medallion, collection) == []
    told = await taxii.push(medallion.url, collection, path, organisation=CERT, to="Waterworks")
    assert told.complete
    assert len(there(medallion, collection)) == len(amber)


async def test_what_others_made_goes_no_further_than_they_said(medallion: Medallion) -> None:
    theirs = f"identity--{uuid.UUID(int=9, version=4)}"
    maker = {
        "type": "identity", "spec_version": "2.1", "id": theirs, "created": "2026-10-01T00:00:00.000Z", "modified": "2026-10-01T00:00:00.000Z",
        "name": "CERT X", "identity_class": "organization", "object_marking_refs": [MARKING_IDS[TLP.CLEAR]],
    }  # fmt: skip
    amber = indicator(1, created_by_ref=theirs, object_marking_refs=[MARKING_IDS[TLP.AMBER]])
    red = indicator(2, created_by_ref=theirs, object_marking_refs=[MARKING_IDS[TLP.RED]])
    unknown = indicator(
        3, created_by_ref=theirs, object_marking_refs=[f"marking-definition--{uuid.UUID(int=5, version=4)}"]
    )
    partly = indicator(
        4,
        created_by_ref=theirs,
        granular_markings=[{"selectors": ["name"], "marking_ref": MARKING_IDS[TLP.AMBER_STRICT]}],
    )
    green = indicator(5, created_by_ref=theirs)
    bundle = [marking(TLP.AMBER), maker, amber, red, unknown, partly, green]
    collection = medallion.collection()

    async def push(to: str, **options: Any) -> taxii.Pushed:
        return await taxii.push(
            medallion.url, collection, bundle, organisation=CERT, to=to, withheld="drop", **options
        )

    told = await push("Waterworks")
    assert [each.name for each in told.withheld] == [
        "indicator partner 1",
        "indicator partner 2",
        "indicator partner 3",
        "indicator partner 4",
    ]
    assert green["id"] in there(medallion, collection)
    assert amber["id"] not in there(medallion, collection)
    told = await push("CERT X")
    assert [each.name for each in told.withheld] == ["indicator partner 2", "indicator partner 3"], (
        "back to its maker"
    )
    told = await push("otto@CERT X", recipients=["otto"])
    assert told.withheld == ()


async def test_what_bears_no_marking_goes_as_far_as_is_said(medallion: Medallion) -> None:
    bare = indicator(1)
    del bare["object_marking_refs"]
    collection = medallion.collection()
    with pytest.raises(ValueError, match="indicator partner 1 bears no TLP marking"):
        await taxii.push(medallion.url, collection, [bare], organisation=CERT, to="CERT B")
    with pytest.raises(stix.WithheldError):
        await taxii.push(medallion.url, collection, [bare], organisation=CERT, to="CERT B", tlp="amber")
    assert (
        await taxii.push(medallion.url, collection, [bare], organisation=CERT, to="CERT B", tlp="green")
    ).taken == 1
    with pytest.raises(ValueError, match="object 0: valid_from is missing: nothing pushed"):
        await taxii.push(
            medallion.url,
            collection,
            [{k: v for k, v in bare.items() if k != "valid_from"}],
            organisation=CERT,
            to="CERT B",
            tlp="green",
        )


async def test_how_something_is_said_may_go_unless_it_is_marked_itself(medallion: Medallion) -> None:
    extension = {
        "type": "extension-definition", "spec_version": "2.1", "id": f"extension-definition--{uuid.UUID(int=3, version=4)}",
        "created": "2026-10-01T00:00:00.000Z", "modified": "2026-10-01T00:00:00.000Z", "name": "ours", "schema": "https://x.example",
        "version": "1.0", "extension_types": ["property-extension"],
    }  # fmt: skip
    collection = medallion.collection()
    told = await taxii.push(medallion.url, collection, [extension], organisation=CERT, to="public")
    assert told.taken == 1
    with pytest.raises(stix.WithheldError):
        await taxii.push(
            medallion.url, collection, [{**extension, "object_marking_refs": [MARKING_IDS[TLP.RED]]}], organisation=CERT, to="CERT B"
        )  # fmt: skip


async def test_a_case_passes_on_what_it_got(medallion: Medallion) -> None:
    source, target = medallion.collection(), medallion.collection()
    medallion.add(source, [indicator(1), indicator(1, version=1), indicator(2)])
    got = await taxii.poll(medallion.url, collections=source, versions="all")
    told = await taxii.push(medallion.url, target, got.store, organisation=CERT, to="community")
    assert told.taken == 3
    assert sorted(each["version"] for each in medallion.manifest(target)) == sorted(
        each["version"] for each in medallion.manifest(source)
    )


async def test_where_nothing_may_be_written_it_is_said(medallion: Medallion) -> None:
    with pytest.raises(LookupError, match=r"Bulletin \(2222.*\): you may not write to it"):
        await taxii.push(medallion.url, "Bulletin", exported())
    told = await taxii.push(medallion.url, "Mailbox", exported())
    assert told.complete, "a collection that cannot be read is written to all the same"


async def test_the_status_is_followed_and_only_failures_are_sent_again(
    medallion: Medallion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.exchange.taxii.connection.PAUSE", 0.002)
    objects = [indicator(number) for number in range(60)] + [indicator(60, name="never")]
    heard: list[taxii.Pushed] = []
    with Flaky(medallion.port, chance=0) as flaky:
        told = await taxii.push(
            f"http://127.0.0.1:{flaky.port}/root/", "Slow", objects, organisation=CERT, to="community", auth=(USER, PASSWORD), progress=heard.append
        )  # fmt: skip
    assert (told.total, told.taken, told.pending, told.complete) == (61, 60, 0, False)
    assert str(told.failed[0]) == f"{objects[-1]['id']}: try later"
    assert there(medallion, SLOW) == sorted(value["id"] for value in objects[:-1])
    posted = [
        int(head.lower().partition(b"content-length: ")[2].split()[0])
        for head in flaky.headers
        if head.startswith(b"POST")
    ]
    assert posted[0] > posted[1] > posted[2], "halved until the server takes it"
    assert min(posted) < 2_500, "what failed alone"
    assert heard[-1] == told


async def test_an_object_larger_than_the_server_takes_fails_alone(
    medallion: Medallion, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server says how much it takes, and refuses what is more before it has read it."""
    monkeypatch.setattr("workbench.exchange.taxii.connection.PAUSE", 0.002)
    collection = medallion.collection()
    large = indicator(1, description="x" * (MOST_TAKEN + 1))
    with Flaky(medallion.port, chance=0) as flaky:
        told = await taxii.push(
            f"http://127.0.0.1:{flaky.port}/root/", collection, [indicator(0), large, indicator(2)], organisation=CERT, to="community",
            auth=(USER, PASSWORD),
        )  # fmt: skip
    assert (told.taken, len(told.failed), told.complete) == (2, 1, False)
    assert told.failed[0].id == large["id"]
    assert "larger than the server takes" in told.failed[0].message
    assert there(medallion, collection) == sorted([indicator(0)["id"], indicator(2)["id"]])
