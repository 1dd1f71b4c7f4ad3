"""A campaign of operations made from the schema: none ends in an error that the server did not expect.

The operations are made by hypothesis-graphql, the engine of schemathesis, from the printed schema, with good and bad
values for our scalars and ids of things that are there, and sent over HTTP to a real server on a real store. ``WORKBENCH_FUZZ_EXAMPLES=5000`` makes it longer, and another one each time.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from graphql import parse_value
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

hypothesis_graphql = pytest.importorskip(
    "hypothesis_graphql", reason="comes with schemathesis, of the dev group"
)
from hypothesis_graphql import nodes  # noqa: E402

SCHEMA = (Path(__file__).parents[2] / "workbench" / "api" / "schema.graphql").read_text(encoding="utf-8")
IDS: list[str] = []
SEEN: Counter[str] = Counter()
TEXT = st.text(st.characters(exclude_categories=()), max_size=30)


def _values(*good: str, bad: Any = TEXT) -> Any:
    return st.one_of(st.sampled_from(good), st.sampled_from(good), bad).map(nodes.String)


SCALARS = {
    "IPAddress": _values("192.0.2.1", "2001:db8::1", "185.246.188.74", "::", "999.1.1.1"),
    "CIDR": _values("192.0.2.0/24", "::/0", "0.0.0.0/0", "192.0.2.1/24"),
    "IPAddressOrCIDR": _values("192.0.2.7", "198.51.100.0/30", "2001:db8::/127"),
    "CountryCode": _values("NL", "VN", "XX"),
    "DateTime": _values("2026-10-05T12:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-10-05"),
    "UUID": st.deferred(lambda: st.sampled_from([*IDS, "00000000-0000-4000-8000-000000000000"])).map(nodes.String),
    "ASN": st.integers(-1, 2**33).map(nodes.Int),
    "BigInt": st.integers(-1, 2**60).map(nodes.Int),
    "StixBundle": st.sampled_from([
        '{type: "bundle", objects: []}', '{type: "bundle"}', '{type: "bundle", objects: [{type: "ipv4-addr", value: "192.0.2.9"}, 5, {}]}', '{type: 5}',
    ]).map(parse_value),
}  # fmt: skip


@pytest.fixture(scope="module")
def client(api: Any) -> Any:
    """A member of a store that has something of each kind."""
    store = api.town.store("ines")
    things: list[Any] = [store.profiles.create(f"192.0.2.{i}", secrecy="green", notes="x") for i in range(5)]
    things.append(store.investigations.create("Water"))
    things.append(store.entities.create("malware", "Kettle"))
    things.append(store.watchlists.create("ours", network="192.0.2.0/24"))
    IDS[:] = [str(thing.id) for thing in things]
    return api.client("ines")


def _sent(client: Any, operation: str) -> None:
    answer = client.post(
        "/graphql",
        content=json.dumps({"query": operation}).encode(),
        headers={"content-type": "application/json"},
    )
    assert answer.status_code < 500, f"{answer.status_code} {answer.text}\n{operation}"
    told = answer.json()
    assert "data" in told or told["errors"]
    SEEN["answered" if told.get("data") else "refused"] += 1
    codes = {error.get("extensions", {}).get("code") for error in told.get("errors", ())}
    assert not codes & {"INTERNAL", "UNAVAILABLE", "OUTCOME_UNKNOWN", "TIMEOUT"}, (
        f"{answer.text}\n{operation}"
    )


CAMPAIGN = settings(
    max_examples=int(os.environ.get("WORKBENCH_FUZZ_EXAMPLES", "40")),
    deadline=None,
    derandomize="WORKBENCH_FUZZ_EXAMPLES" not in os.environ,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@CAMPAIGN
@given(operation=hypothesis_graphql.queries(SCHEMA, custom_scalars=SCALARS, allow_x00=True))
def test_no_query_ends_in_an_error_of_the_servers(client: Any, operation: str) -> None:
    _sent(client, operation)


@CAMPAIGN
@given(operation=hypothesis_graphql.mutations(SCHEMA, custom_scalars=SCALARS, allow_x00=True))
def test_no_mutation_ends_in_an_error_of_the_servers(client: Any, operation: str) -> None:
    _sent(client, operation)


def test_the_campaign_reached_the_store() -> None:
    """Most of what is refused is too heavy, or has a value that is none."""
    assert SEEN["answered"] > 15, SEEN


@CAMPAIGN
@given(
    operation=st.one_of(
        hypothesis_graphql.queries(SCHEMA, custom_scalars=SCALARS, mode=hypothesis_graphql.Mode.NEGATIVE),
        hypothesis_graphql.mutations(SCHEMA, custom_scalars=SCALARS, mode=hypothesis_graphql.Mode.NEGATIVE),
    )
)
def test_no_operation_that_is_none_does_either(client: Any, operation: str) -> None:
    _sent(client, operation)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT | st.sampled_from(["AMBER", "192.0.2.1", "\ud800", "RED"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "objects", "id", "min"]) | TEXT, inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
INPUTS = {
    "createIpProfile": ("CreateIpProfileInput", ["address", "tlp", "notes", "tags", "recipients", "token", "threatLevel"]),
    "setSecrecyLevel": ("SetSecrecyLevelInput", ["id", "expectedVersion", "tlp", "reason", "recipients"]),
    "updateIpProfile": ("UpdateIpProfileInput", ["id", "expectedVersion", "notes", "tags", "threatLevel"]),
    "watch": ("WatchInput", ["name", "network", "asn", "country", "threatLevel", "tlp"]),
    "importStix": ("ImportStixInput", ["bundle", "tlp", "name", "investigation"]),
    "exportStix": ("ExportStixInput", ["profiles", "investigations", "to", "drop"]),
    "addSighting": ("AddSightingInput", ["profile", "firstSeen", "lastSeen", "count", "sensor"]),
}  # fmt: skip
GOOD: dict[str, Any] = {
    "address": "192.0.2.77", "id": "00000000-0000-4000-8000-000000000000", "profile": "00000000-0000-4000-8000-000000000000",
    "expectedVersion": 1, "tlp": "AMBER", "reason": "x", "name": "x", "to": "public", "firstSeen": "2026-10-05T12:00:00Z",
    "lastSeen": "2026-10-05T12:00:00Z", "bundle": {"type": "bundle", "objects": []},
}  # fmt: skip


@CAMPAIGN
@given(data=st.data(), name=st.sampled_from(sorted(INPUTS)))
def test_no_value_of_a_variable_does(client: Any, data: st.DataObject, name: str) -> None:
    kind, fields = INPUTS[name]
    given_ = {
        field: data.draw(st.just(GOOD[field]) | JSON if field in GOOD else JSON)
        for field in fields
        if data.draw(st.booleans()) or field in GOOD
    }
    body = {
        "query": f"mutation ($input: {kind}!) {{ {name}(input: $input) {{ __typename }} }}",
        "variables": {"input": given_},
    }
    answer = client.post(
        "/graphql", content=json.dumps(body).encode(), headers={"content-type": "application/json"}
    )
    assert answer.status_code < 500, answer.text
    assert "INTERNAL" not in answer.text, f"{answer.text}\n{body}"


def test_a_bundle_of_anything_is_taken_or_refused(client: Any) -> None:
    objects = [
        5, None, [], {}, {"type": 5}, {"type": "indicator"}, {"type": "ipv4-addr", "value": 5}, {"type": "ipv4-addr", "id": "x", "value": "192.0.2.200"},
        {"type": "indicator", "id": "indicator--x", "pattern": "[" * 500, "pattern_type": "stix"}, {"type": "bundle", "objects": [{}]},
        {"type": "identity", "id": "identity--" + "x" * 5000, "name": "\ud800"},
    ]  # fmt: skip
    body = {
        "query": "mutation ($b: StixBundle!) { importStix(input: {bundle: $b}) { __typename ... on StixImport { rejectedCount } ... on Problem { message } } }",
        "variables": {"b": {"type": "bundle", "objects": objects}},
    }
    answer = client.post(
        "/graphql", content=json.dumps(body).encode(), headers={"content-type": "application/json"}
    )
    assert answer.status_code == 200, answer.text
    assert "INTERNAL" not in answer.text, answer.text
