"""STIX bundles in: nothing lost, nothing twice, nothing believed unchecked."""

from __future__ import annotations

import gzip
import io
import json
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.exchange import stix
from workbench.exchange.stix import ObjectStore, import_bundle
from workbench.exchange.stix.stream import StreamError
from workbench.secrecy import TLP

ROOT = Path(__file__).resolve().parents[2]
EXERCISE = ROOT / "data" / "samples" / "exercise-indicators.json"
validator = pytest.importorskip("stix2validator", reason="the OASIS validator is a development dependency")
EXAMPLES = sorted(Path(validator.__file__).parent.glob("schemas-2.*/examples/**/*.json"))
RED_1 = "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed"
GREEN_2 = "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"
WHEN = "2026-03-01T00:00:00.000Z"


def indicator(pattern: str = "[ipv4-addr:value = '198.51.100.7']", **properties: Any) -> dict[str, Any]:
    return {
        "type": "indicator", "spec_version": "2.1", "id": f"indicator--{uuid.uuid4()}", "created": WHEN,
        "modified": WHEN, "pattern": pattern, "pattern_type": "stix", "valid_from": WHEN, **properties,
    }  # fmt: skip


def bundle(*objects: Any) -> dict[str, Any]:
    return {"type": "bundle", "id": f"bundle--{uuid.uuid4()}", "objects": list(objects)}


def written(store: ObjectStore) -> list[dict[str, Any]]:
    file = io.BytesIO()
    store.write_bundle(file)
    found: list[dict[str, Any]] = json.loads(file.getvalue())["objects"]
    return found


def in_order(objects: list[dict[str, Any]]) -> list[str]:
    return sorted(json.dumps(value, sort_keys=True) for value in objects)


@pytest.mark.parametrize("path", [EXERCISE, *EXAMPLES], ids=lambda p: f"{p.parent.parent.name}-{p.stem}")
def test_published_bundles_come_back_out_as_they_went_in(path: Path) -> None:
    document = json.loads(path.read_text(encoding="utf-8"))
    objects = document["objects"] if document["type"] == "bundle" else [document]
    imported = import_bundle(path)
    assert imported.rejected_count == 0
    assert not imported.broken
    assert in_order(written(imported.store)) == in_order(objects)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
CUSTOM = st.dictionaries(st.from_regex(r"\Ax_[a-z]{1,8}\Z"), JSON, max_size=3)
WHENS = st.sampled_from([WHEN, "2026-03-02T00:00:00Z", "2026-03-02T00:00:00.123456Z"])
OBJECT = st.one_of(
    st.builds(
        lambda i, modified, revoked, custom: indicator(id=f"indicator--{uuid.UUID(int=i)}", modified=modified, revoked=revoked, **custom),
        st.integers(0, 3), WHENS, st.booleans(), CUSTOM,
    ),
    st.builds(lambda i, custom: {"type": "ipv4-addr", "id": f"ipv4-addr--{uuid.UUID(int=i)}", "value": "192.0.2.1", **custom}, st.integers(0, 3), CUSTOM),
    st.builds(
        lambda i, when, custom: {"type": "x-acme-thing", "id": f"x-acme-thing--{uuid.UUID(int=i)}", "created": WHEN, "modified": when, **custom},
        st.integers(0, 3), WHENS, CUSTOM,
    ),
)  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(st.lists(OBJECT, max_size=12), st.integers(0, 12))
def test_every_object_version_and_property_survives_import_and_export(
    objects: list[dict[str, Any]], cut: int
) -> None:
    store = ObjectStore()
    import_bundle(bundle(*objects[:cut]), store)
    import_bundle(bundle(*objects[cut:]), store)
    again = import_bundle(bundle(*objects), store)
    assert again.new == 0
    assert again.objects == len(objects)
    assert set(in_order(written(store))) == set(in_order(objects))
    assert len(store) == len(set(in_order(objects)))


def test_bytes_of_an_object_are_kept_as_they_were_sent() -> None:
    raw = f'{{"objects":[ {{"type":"x-thing" , "id":"x-thing--{uuid.UUID(int=1)}", "number": 1.50e2, "text":"\\u00e9 é"}} ],"type":"bundle"}}'
    store = import_bundle(raw.encode()).store
    assert next(store.objects()).decode() in raw


def test_malformed_objects_are_told_one_by_one_and_the_rest_goes_in() -> None:
    good = indicator()
    imported = import_bundle(
        bundle(
            good,
            indicator(pattern="[ipv4-addr:value = "),
            {"type": "indicator", "id": "indicator--1"},
            indicator(confidence=200),
            "a text",
            indicator(valid_from="yesterday"),
            {k: v for k, v in indicator().items() if k != "pattern"},
            {**indicator(), "id": f"malware--{uuid.uuid4()}"},
        )
    )
    assert [problem.index for problem in imported.rejected] == [1, 2, 3, 4, 5, 6, 7]
    reasons = [problem.reason for problem in imported.rejected]
    assert "indicator--1" in reasons[1]
    assert "200" in reasons[2]
    assert reasons[3] == "no JSON object"
    assert "'yesterday'" in reasons[4]
    assert reasons[5] == "pattern is missing"
    assert "not of type indicator" in reasons[6]
    assert written(imported.store) == [good]
    assert imported.store.con.sql("SELECT count(*) FROM stix_rejected").fetchall() == [(7,)]
    assert "7 set aside" in str(imported)
    assert "object 5" in str(imported)


@pytest.mark.parametrize(
    "moment", ["0001-01-01T00:00:00+10:00", "9999-12-31T23:59:59-10:00", "2026-02-30T00:00:00Z", ""]
)
def test_a_moment_that_is_none_sets_one_object_aside(moment: str) -> None:
    good = {
        "type": "indicator", "spec_version": "2.1", "id": "indicator--00000000-0000-4000-8000-000000000001",
        "created": "2026-10-01T00:00:00Z", "modified": "2026-10-01T00:00:00Z", "valid_from": "2026-10-01T00:00:00Z",
        "pattern": "[ipv4-addr:value = '198.51.100.3']", "pattern_type": "stix",
    }  # fmt: skip
    report = import_bundle([{**good, "valid_from": moment}, good])
    assert (report.objects, report.rejected_count) == (1, 1)
    assert "valid_from" in report.rejected[0].reason


def test_a_document_cut_off_gives_what_was_whole_and_says_so() -> None:
    text = json.dumps(bundle(indicator(), indicator(), indicator())).encode()
    imported = import_bundle(text[: len(text) - 40])
    assert imported.objects == 2
    assert "ends within its list" in imported.broken
    assert imported.rejected[0].reason == "cut off"
    with pytest.raises(StreamError, match="no JSON"):
        import_bundle(b"PK\x03\x04 not a bundle")


def test_depth_and_size_of_an_object_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    from workbench.exchange.stix import stream

    monkeypatch.setattr(stream, "MAX_OBJECT", 1 << 16)
    deep: Any = 1
    for _ in range(300):
        deep = [deep]
    objects = [indicator(x_deep=deep), indicator(x_big="a" * (1 << 17)), good := indicator()]
    for imported in (import_bundle(bundle(*objects)), ObjectStore().put(objects, "put")):
        assert [p.reason for p in imported.rejected] == ["nested deeper than 100 levels", "larger than 0 MiB"]
        assert written(imported.store) == [good]


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode), st.integers(0, 400))
def test_no_bytes_make_an_import_fail_otherwise_than_by_saying_so(noise: bytes, at: int) -> None:
    text = json.dumps(bundle(indicator(), indicator())).encode()
    try:
        imported = import_bundle(text[:at] + noise + text[at:])
    except StreamError:
        return
    assert imported.objects <= 4


def test_an_object_that_says_something_else_under_the_same_version_is_kept_and_noted() -> None:
    first = indicator(name="one")
    imported = import_bundle(bundle(first, {**first, "name": "two"}, dict(reversed(first.items()))))
    assert len(imported.store) == 2
    assert imported.repeated == 1
    assert [(n.index, n.reason) for n in imported.notes] == [
        (1, "differs from another object of the same id and version: both kept")
    ]


def test_a_bundle_that_unpacks_without_end_is_read_to_a_bound(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from workbench.exchange.stix import stream

    monkeypatch.setattr(stream, "CHUNK", 1 << 16)
    monkeypatch.setattr(stream, "MAX_DOCUMENT", 1 << 20)
    bomb = tmp_path / "bomb.json.gz"
    text = json.dumps(bundle(indicator())).encode()
    bomb.write_bytes(gzip.compress(text[:-2] + b"," + b" " * (1 << 22)))
    assert bomb.stat().st_size < 1 << 14
    imported = import_bundle(bomb)
    assert imported.objects == 1
    assert "more than 1,048,576 bytes" in imported.broken


class Endless(io.RawIOBase):
    """``begin``, then so many bytes of text, then ``end``; made as they are read."""

    def __init__(self, begin: bytes, count: int, end: bytes) -> None:
        self.left, self.begin, self.end = count, begin, end

    def read(self, size: int = -1) -> bytes:
        if self.begin:
            begin, self.begin = self.begin, b""
            return begin
        if self.left:
            part = min(size, self.left)
            self.left -= part
            return b"a" * part
        end, self.end = self.end, b""
        return end


def test_an_object_that_is_too_large_is_not_held_in_memory_before_it_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import tracemalloc

    from workbench.exchange.stix import stream

    monkeypatch.setattr(stream, "CHUNK", 1 << 14)
    monkeypatch.setattr(stream, "MAX_OBJECT", 1 << 16)
    good = indicator()
    source = Endless(
        b'{"type": "bundle", "objects": [{"id": "x", "x": "',
        8 << 20,
        b'"}, ' + json.dumps(good).encode() + b"]}",
    )
    tracemalloc.start()
    try:
        found = list(stream.objects_of(source, stream.Envelope()))  # type: ignore[arg-type]
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [each.reason for each in found] == ["larger than 0 MiB", ""]
    assert found[1].value == good
    assert most < 2 << 20


@pytest.mark.parametrize(
    ("begin", "end"),
    [(b'{"type": "bundle", "x": "', b'", "objects": []}'), (b'{"objects": [], "x": "', b'"}')],
)
def test_text_around_the_objects_is_read_to_a_bound(
    monkeypatch: pytest.MonkeyPatch, begin: bytes, end: bytes
) -> None:
    from workbench.exchange.stix import stream

    monkeypatch.setattr(stream, "CHUNK", 1 << 14)
    monkeypatch.setattr(stream, "MAX_OBJECT", 1 << 16)
    monkeypatch.setattr(stream, "MAX_ENVELOPE", 1 << 16)
    envelope, source = stream.Envelope(), Endless(begin, 8 << 20, end)
    assert list(stream.objects_of(source, envelope)) == []  # type: ignore[arg-type]
    assert "of text outside of a list of objects" in envelope.broken
    assert source.left > 7 << 20, "no more was read"


def test_so_many_references_of_an_object_are_looked_after_and_it_is_kept_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from workbench.exchange.stix import objects

    monkeypatch.setattr(objects, "_MAX_REFERENCES", 5)
    grouping = {
        "type": "grouping", "spec_version": "2.1", "created": "2026-10-01T00:00:00.000Z", "modified": "2026-10-01T00:00:00.000Z",
        "id": "grouping--84e4d88f-44ea-4bcd-bbf3-b2c1c320bcb3", "context": "unspecified",
    }  # fmt: skip
    grouping["object_refs"] = [indicator()["id"] for _ in range(6)]
    imported = import_bundle(bundle(grouping))
    assert imported.missing_count == 5
    assert written(imported.store) == [grouping]


def test_a_large_bundle_is_written_away_while_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is in memory is bounded by a chunk of the text and a batch of objects, not by the size of the bundle."""
    from workbench.exchange.stix import intake, stream

    monkeypatch.setattr(stream, "CHUNK", 1 << 12)
    monkeypatch.setattr(intake, "BATCH", 50)
    source = io.BytesIO(json.dumps(bundle(*(indicator() for _ in range(1_000)))).encode())
    told: list[tuple[int, int]] = []
    imported = import_bundle(source, progress=lambda objects: told.append((objects, source.tell())))
    assert imported.new == 1_000
    assert max(objects for objects, _ in told) <= 50
    for batch, (_, place) in enumerate(told, 1):
        assert place <= len(source.getvalue()) * batch * 50 / 1_000 + 2 * (1 << 12)


def test_references_to_nothing_are_named() -> None:
    absent = f"identity--{uuid.uuid4()}"
    imported = import_bundle(bundle(indicator(created_by_ref=absent, object_marking_refs=[RED_1])))
    assert imported.missing == (absent,)
    assert (
        import_bundle(
            bundle({"type": "identity", "id": absent, "created": WHEN, "modified": WHEN, "name": "A"}),
            imported.store,
        ).missing_count
        == 0
    )


def test_an_import_that_is_interrupted_leaves_nothing(tmp_path: Path) -> None:
    class Torn(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell():
                raise ConnectionError("the line broke")
            return super().read(5_000)

    store = ObjectStore(tmp_path / "case.duckdb")
    with pytest.raises(ConnectionError):
        import_bundle(Torn(json.dumps(bundle(*(indicator() for _ in range(100)))).encode()), store)
    assert len(store) == 0
    assert import_bundle(EXERCISE, store).new == 4


def test_objects_go_in_with_the_transaction_of_the_caller() -> None:
    con = duckdb.connect()
    store = ObjectStore(con)
    con.execute("CREATE TABLE cursors (position VARCHAR)")
    for end, expected in ((con.rollback, 0), (con.commit, 1)):
        con.begin()
        report = store.put([indicator()], "partner", in_transaction=True)
        con.execute("INSERT INTO cursors VALUES ('2026')")
        end()
        assert report.new == 1
        assert len(store) == expected == con.table("cursors").count("*").fetchall()[0][0]


def test_a_source_that_breaks_off_leaves_the_transaction_to_its_owner() -> None:
    con = duckdb.connect()
    store = ObjectStore(con)

    def torn() -> Any:
        yield indicator()
        raise ConnectionError("the line broke")

    con.begin()
    with pytest.raises(ConnectionError):
        store.put(torn(), "partner", in_transaction=True)
    con.rollback()
    with pytest.raises(ConnectionError):
        store.put(torn(), "partner")
    assert len(store) == 0
    assert store.put([indicator(), json.dumps(indicator()).encode()], "partner").new == 2


def test_addresses_become_evidence_with_confidence_validity_and_level() -> None:
    source = {
        "type": "identity",
        "id": f"identity--{uuid.uuid4()}",
        "created": WHEN,
        "modified": WHEN,
        "name": "CERT A",
    }
    imported = import_bundle(
        bundle(
            source,
            indicator(
                "[ipv4-addr:value ISSUBSET '198.51.100.0/24'] OR [ipv6-addr:value = '2001:DB8::1']", name="beacon",
                confidence=70, valid_until="2026-09-01T00:00:00Z", created_by_ref=source["id"],
                indicator_types=["anonymization"], object_marking_refs=[GREEN_2],
            ),
            {"type": "autonomous-system", "id": f"autonomous-system--{uuid.uuid4()}", "number": 64500},
        )
    )  # fmt: skip
    rows = imported.evidence().to_pylist()
    assert [row["entry"] for row in rows] == ["198.51.100.0/24", "2001:db8::1", "AS64500"]
    assert [row["kind"] for row in rows] == ["prefix", "address", "asn"]
    first = rows[0]
    assert (first["category"], first["confidence"], first["tlp"], first["said_by"]) == (
        "proxy",
        70,
        "green",
        "CERT A",
    )
    assert first["valid_until"] == datetime(2026, 9, 1, tzinfo=UTC)
    assert first["label"] == "beacon"


def test_the_newest_version_speaks_and_a_revoked_object_is_silent() -> None:
    old = indicator(confidence=10)
    new = {**old, "modified": "2026-03-05T00:00:00.000Z", "confidence": 90}
    store = import_bundle(bundle(new, old)).store
    assert [row["confidence"] for row in store.evidence().to_pylist()] == [90]
    report = import_bundle(bundle({**new, "modified": "2026-03-06T00:00:00.000Z", "revoked": True}), store)
    assert report.revoked == 1
    assert len(store.evidence()) == 0
    assert [v.get("revoked", False) for v in store.versions(old["id"])] == [False, False, True]


def test_stix_2_0_observed_data_and_tlp_1_0_are_read() -> None:
    observed = {
        "type": "observed-data", "id": f"observed-data--{uuid.uuid4()}", "created": WHEN, "modified": WHEN,
        "first_observed": "2026-01-01T00:00:00Z", "last_observed": "2026-01-02T00:00:00Z", "number_observed": 3,
        "object_marking_refs": [RED_1],
        "objects": {"0": {"type": "ipv4-addr", "value": "203.0.113.9"}, "1": {"type": "file", "name": "x"}},
    }  # fmt: skip
    (row,) = import_bundle(bundle(observed)).evidence().to_pylist()
    assert (row["entry"], row["tlp"], row["made_from"]) == ("203.0.113.9", "red", "observed-data")
    assert row["last_seen"] == datetime(2026, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("marking", "level"),
    [
        ("613f2e26-407d-48c7-9eca-b8e91df99dc9", TLP.CLEAR),  # WHITE of 1.0
        ("34098fce-860f-48ae-8e50-ebd3cc5e41da", TLP.GREEN),
        ("f88d31f6-486f-44da-b317-01333bde0b82", TLP.AMBER),
        ("5e57c739-391a-4eb3-b6be-7d15ca92d5ed", TLP.RED),
        ("94868c89-83c2-464b-929b-a1a8aa3c8487", TLP.CLEAR),
        ("bab4a63c-aed9-4cf5-a766-dfca5abac2bb", TLP.GREEN),
        ("55d920b0-5e8b-4f79-9ee9-91f868d9b421", TLP.AMBER),
        ("939a9414-2ddd-4d32-a0cd-375ea402b003", TLP.AMBER_STRICT),
        ("e828b379-4e03-4974-9ac4-e53a884c97c1", TLP.RED),
    ],
)
def test_the_markings_of_tlp_1_0_and_2_0_are_known_without_their_definitions(
    marking: str, level: TLP
) -> None:
    given = indicator(object_marking_refs=[f"marking-definition--{marking}"])
    imported = import_bundle(bundle(given))
    assert {row["tlp"] for row in imported.evidence().to_pylist()} == {level.name.lower().replace("_", "+")}
    assert written(imported.store) == [given]
    assert imported.missing == ()


def test_a_marking_whose_definition_comes_later_counts_as_red_until_then() -> None:
    mine = f"marking-definition--{uuid.uuid4()}"
    store = import_bundle(bundle(indicator(object_marking_refs=[mine]))).store
    assert [row["tlp"] for row in store.evidence().to_pylist()] == ["red"]
    definition = {
        "type": "marking-definition", "id": mine, "created": WHEN, "definition_type": "tlp", "definition": {"tlp": "amber"},
    }  # fmt: skip
    import_bundle(bundle(definition), store)
    assert [row["tlp"] for row in store.evidence().to_pylist()] == ["amber"]


def test_a_sighting_dates_the_indicator_it_is_of() -> None:
    seen = indicator()
    sighting = {
        "type": "sighting", "id": f"sighting--{uuid.uuid4()}", "created": WHEN, "modified": WHEN,
        "sighting_of_ref": seen["id"], "first_seen": "2026-04-01T00:00:00Z", "last_seen": "2026-04-03T00:00:00Z",
    }  # fmt: skip
    (row,) = import_bundle(bundle(seen, sighting)).evidence().to_pylist()
    assert row["last_seen"] == datetime(2026, 4, 3, tzinfo=UTC)


def test_a_bundle_gives_the_same_entries_here_and_as_a_source(tmp_path: Path) -> None:
    from workbench.intel.parsers.stix import parse
    from workbench.intel.source import Layer, Reliability, Source

    objects = [
        indicator(
            "[ipv4-addr:value = '198.51.100.7']",
            name="c2",
            confidence=80,
            indicator_types=["malicious-activity"],
        ),
        indicator(
            "[ipv4-addr:value ISSUBSET '198.51.100.0/25' OR ipv6-addr:value = '2001:db8::7']",
            indicator_types=["anomalous-activity"],
        ),
        indicator("[ipv4-addr:value = '192.0.2.5']", indicator_types=["benign"]),
        indicator("[ipv4-addr:value = '192.0.2.6']", valid_until="2026-05-01T00:00:00Z"),
        indicator("[ipv4-addr:value = '192.0.2.8']", revoked=True),
        indicator("[ipv4-addr:value = '192.0.2.9' AND network-traffic:dst_port = 22]"),
    ]
    path = tmp_path / "bundle.json"
    path.write_text(json.dumps(bundle(*objects)))
    source = Source("s", "S", "stix", (Layer.MEMBERSHIP,), Reliability.B, "CC0", "S")
    theirs = parse(path, source).layers[Layer.MEMBERSHIP]
    mine = stix.entries_of(import_bundle(path).evidence(), at=datetime(2026, 4, 1, tzinfo=UTC))
    assert _plain(mine) == _plain(theirs)


def _plain(entries: Any) -> list[tuple[Any, ...]]:
    columns = entries.attributes.select(
        ["category", "label", "confidence", "first_seen", "last_seen"]
    ).to_pylist()
    ranges = entries.ranges
    return sorted(
        (
            int(ranges.start_high[at]),
            int(ranges.start_low[at]),
            int(ranges.end_low[at]),
            *map(str, row.values()),
        )
        for at, row in enumerate(columns)
    )


def test_evidence_closer_than_asked_is_not_passed_to_a_snapshot() -> None:
    evidence = import_bundle(
        bundle(indicator(object_marking_refs=[RED_1]), indicator("[ipv4-addr:value = '192.0.2.1']"))
    ).evidence()
    assert len(stix.entries_of(evidence).attributes) == 2
    assert len(stix.entries_of(evidence, up_to=TLP.AMBER).attributes) == 1


def test_a_gzip_file_and_a_case_are_taken(tmp_path: Path) -> None:
    import workbench as wb

    packed = tmp_path / "bundle.json.gz"
    packed.write_bytes(gzip.compress(EXERCISE.read_bytes()))
    with wb.open_case(str(tmp_path / "case.duckdb")) as case:
        assert import_bundle(packed, case).new == 4
    packed.write_bytes(packed.read_bytes()[:300])
    assert "end" in import_bundle(packed).broken


def test_versions_follow_one_another_in_time_not_in_spelling() -> None:
    first = indicator(modified="2026-03-02T00:00:00Z", confidence=1)
    second = {**first, "modified": "2026-03-02T00:00:00.5Z", "confidence": 2}
    store = import_bundle(bundle(second, first)).store
    assert store.get(first["id"]) == second
    assert store.versions(first["id"]) == [first, second]
    assert [row["confidence"] for row in store.evidence().to_pylist()] == [2]
    con = duckdb.connect()
    con.execute("CREATE TABLE log AS SELECT '203.0.113.1' AS src_ip")
    changed = {**second, "pattern": "[ipv4-addr:value = '203.0.113.1']"}
    assert len(stix.match(con, "log", bundle(changed, first))) == 1


def test_a_part_that_is_marked_closer_closes_what_is_said_of_the_whole() -> None:
    statement = {
        "type": "marking-definition", "id": f"marking-definition--{uuid.uuid4()}", "created": WHEN,
        "definition_type": "statement", "definition": {"statement": "Copyright 2026"},
    }  # fmt: skip
    marked = indicator(
        object_marking_refs=[GREEN_2, statement["id"]],
        granular_markings=[{"marking_ref": RED_1, "selectors": ["description"]}],
    )
    open_ = indicator("[ipv4-addr:value = '198.51.100.8']", object_marking_refs=[statement["id"]])
    rows = import_bundle(bundle(statement, marked, open_)).evidence().to_pylist()
    assert [row["tlp"] for row in rows] == ["red", None]


def test_nobody_redefines_a_tlp_marking() -> None:
    loose = {"type": "marking-definition", "id": RED_1, "created": WHEN, "definition_type": "tlp", "definition": {"tlp": "white"}}  # fmt: skip
    (row,) = import_bundle(bundle(loose, indicator(object_marking_refs=[RED_1]))).evidence().to_pylist()
    assert row["tlp"] == "red"


def test_an_observable_is_what_others_relate_to_it() -> None:
    address = {"type": "ipv4-addr", "id": f"ipv4-addr--{uuid.uuid4()}", "value": "198.51.100.9"}
    malware = {"type": "malware", "id": f"malware--{uuid.uuid4()}", "created": WHEN, "modified": WHEN, "name": "Emotet", "is_family": True}  # fmt: skip
    beacons = {
        "type": "relationship", "id": f"relationship--{uuid.uuid4()}", "created": WHEN, "modified": WHEN,
        "relationship_type": "communicates-with", "source_ref": malware["id"], "target_ref": address["id"],
        "object_marking_refs": [GREEN_2],
    }  # fmt: skip
    observed = {
        "type": "observed-data", "id": f"observed-data--{uuid.uuid4()}", "created": WHEN, "modified": WHEN,
        "first_observed": "2026-01-01T00:00:00Z", "last_observed": "2026-01-02T00:00:00Z", "number_observed": 3,
        "object_refs": [address["id"]],
    }  # fmt: skip
    store = import_bundle(bundle(address)).store
    assert store.evidence().column("category").to_pylist() == [None]
    import_bundle(bundle(malware, beacons, observed), store)
    (row,) = store.evidence().to_pylist()
    assert (row["category"], row["label"], row["tlp"]) == ("attacker", "Emotet", "green")
    assert row["last_seen"] == datetime(2026, 1, 2, tzinfo=UTC)
    import_bundle(bundle({**beacons, "modified": "2026-04-01T00:00:00Z", "revoked": True}), store)
    assert store.evidence().column("category").to_pylist() == [None]


@pytest.mark.parametrize("closer", ["sighting", "relationship", "indicator"])
def test_what_is_put_together_goes_as_far_as_its_closest_part(closer: str) -> None:
    """The indicator, what tells that it is of a malware, and who saw it: one of them is RED."""

    def marked(kind: str) -> dict[str, Any]:
        return {"object_marking_refs": [RED_1 if kind == closer else GREEN_2]}

    named = indicator(**marked("indicator"))
    malware = {"type": "malware", "id": f"malware--{uuid.uuid4()}", "created": WHEN, "modified": WHEN, "name": "Emotet", "is_family": True}  # fmt: skip
    of_it = {
        "type": "relationship", "id": f"relationship--{uuid.uuid4()}", "created": WHEN, "modified": WHEN,
        "relationship_type": "indicates", "source_ref": malware["id"], "target_ref": named["id"], **marked("relationship"),
    }  # fmt: skip
    seen = {
        "type": "sighting", "id": f"sighting--{uuid.uuid4()}", "created": WHEN, "modified": WHEN, "sighting_of_ref": named["id"],
        **marked("sighting"),
    }  # fmt: skip
    (row,) = import_bundle(bundle(named, malware, of_it, seen)).evidence().to_pylist()
    assert row["tlp"] == "red"


def test_an_indicator_that_another_creator_revises_is_noted() -> None:
    first = indicator(created_by_ref=f"identity--{uuid.uuid4()}")
    store = import_bundle(bundle(first)).store
    foreign = {**first, "created_by_ref": f"identity--{uuid.uuid4()}", "modified": "2026-05-01T00:00:00Z", "revoked": True}  # fmt: skip
    assert "another creator" in import_bundle(bundle(foreign), store).notes[0].reason
