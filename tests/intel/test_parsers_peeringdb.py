"""PeeringDB's list of networks: which answer is read how, and what it changes in an enriched table."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from workbench.addresses import parse_networks
from workbench.enrichment.engine import Engine
from workbench.intel.compile import compile_snapshot
from workbench.intel.entries import Entries, ParsedSource
from workbench.intel.layers import Input
from workbench.intel.parsers import parse
from workbench.intel.snapshot import Snapshot
from workbench.intel.source import Layer, Source, SourceError

Make = Callable[..., Source]

NETWORKS: list[Any] = [
    {"id": 822, "org_id": 1061, "name": "Comcast", "asn": 64500, "info_type": "Cable/DSL/ISP", "info_types": ["Cable/DSL/ISP"]},
    {"id": 2, "asn": 64501, "info_type": "Enterprise"},
    {"id": 3, "asn": 64502, "info_type": "Content", "info_types": ["Content", "Educational/Research"]},
    {"id": 4, "asn": 64503, "info_type": "NSP"},
    {"id": 5, "asn": 64504, "info_type": "Content"},
    {"id": 6, "asn": 4200000000, "info_type": "Government"},
    {"id": 7, "asn": 64505, "info_type": ""},
    {"id": 8, "asn": 64506, "info_type": "NSP"},
]  # fmt: skip


def written(tmp_path: Path, document: object) -> Path:
    path = tmp_path / "net.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def types(parsed: ParsedSource) -> dict[int, str]:
    assert parsed.systems is not None
    return dict(zip(*(parsed.systems.column(n).to_pylist() for n in ("asn", "network_type")), strict=True))


def test_the_first_type_that_tells_something_counts(tmp_path: Path, source: Make) -> None:
    parsed = parse(written(tmp_path, {"meta": {}, "data": NETWORKS}), source("peeringdb", Layer.NETWORK))
    assert types(parsed) == {
        64500: "isp", 64501: "business", 64502: "education", 64503: "isp", 4200000000: "government", 64506: "isp",
    }  # fmt: skip


def test_bad_networks_are_counted_and_the_rest_is_read(tmp_path: Path, source: Make) -> None:
    bad = [{"asn": "64500", "info_type": "NSP"}, {"asn": 1 << 32}, {"asn": -1}, {"asn": True}, {"info_type": "NSP"}, "text",
           {"asn": 7, "info_type": ["NSP"], "info_types": "NSP"}]  # fmt: skip
    parsed = parse(written(tmp_path, {"data": [*bad, *NETWORKS]}), source("peeringdb", Layer.NETWORK))
    assert len(types(parsed)) == 6
    assert parsed.rejected_count == 6


@pytest.mark.parametrize(
    "document", ["", "[]", "{", "<html>", {"data": []}, {"data": {}}, {"meta": {"error": "Too many"}}]
)
def test_what_is_no_answer_is_refused_by_name(tmp_path: Path, source: Make, document: object) -> None:
    with pytest.raises(SourceError, match=r"net\.json"):
        parse(written(tmp_path, document), source("peeringdb", Layer.NETWORK))


def test_the_operators_word_goes_before_the_name_unless_the_name_is_finer(
    tmp_path: Path, source: Make
) -> None:
    systems = {
        "1.0.0.0/24": (64500, "Acme", "isp"),
        "1.0.1.0/24": (64501, "Acme Telecom", "business"),
        "1.0.2.0/24": (64503, "Host Palace", "hosting"),
        "1.0.3.0/24": (64505, "Acme Telecom", "isp"),
        "1.0.4.0/24": (4200000000, "Riigi Teenused", "government"),
        "1.0.5.0/24": (64506, "Universitas", "education"),
        "1.0.6.0/24": (64507, "Nobody in particular", "unknown"),
    }
    path = written(tmp_path, {"data": NETWORKS})
    names = pa.table({
        "asn": pa.array([asn for asn, _, _ in systems.values()], pa.uint32()),
        "as_org": [name for _, name, _ in systems.values()],
    })  # fmt: skip
    routes = ParsedSource(
        {Layer.NETWORK: Entries(parse_networks(list(systems)), names)}, datetime(2026, 10, 5, tzinfo=UTC)
    )
    peeringdb = source("peeringdb", Layer.NETWORK)
    inputs = [Input(source("ranges", Layer.NETWORK), routes, "0" * 64), Input(peeringdb, parse(path, peeringdb), "1" * 64)]  # fmt: skip
    snapshot = Snapshot(compile_snapshot(inputs, tmp_path / "snapshots"))
    table = Engine(snapshot).enrich([prefix.replace("0/24", "9") for prefix in systems])
    assert table.column("network_type").to_pylist() == [kind for _, _, kind in systems.values()]
    assert {s.id: s.entries for s in snapshot.sources}["test-peeringdb"] == 6
