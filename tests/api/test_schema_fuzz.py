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
    max_examples=int(os.environ.get("WORKBENCH_FUZZ_EXAMPLES", "60")),
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
    assert SEEN["answered"] > 30, SEEN
