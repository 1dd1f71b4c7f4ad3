"""Attacks on the door that once went through, and what became of them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
import websockets

from tests.api.conftest import Api
from workbench.store.errors import Broken

NESTED = "query($n: Int!) { investigations(first: $n) { nodes { profiles(first: $n) { evidence(first: $n) { source } } } } }"
JSON = {"content-type": "application/json"}


@pytest.mark.parametrize("number", ["1000", "1000.0", "1e3", "1e308", "1e999", "9" * 4000])
def test_a_page_is_as_large_however_its_number_is_written(api: Api, number: str) -> None:
    body = f'{{"query": {json.dumps(NESTED)}, "variables": {{"n": {number}}}}}'
    answer = api.client("ines").post("/graphql", content=body, headers=JSON).json()
    assert answer["errors"][0]["extensions"]["code"] == "TOO_HEAVY"


def _deep(levels: int) -> str:
    """A token whose header is a list in a list in a list."""
    parts = (b'{"alg":"EdDSA","kid":' + b"[" * levels, b"{}", b"x")
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


@pytest.mark.parametrize(
    "token", [_deep(2500), "\ud800.a.b", "é.é.é"], ids=["nested", "surrogate", "letters"]
)
async def test_what_is_no_token_is_refused_over_websocket_in_words(
    api: Api, token: str, capfd: pytest.CaptureFixture[str]
) -> None:
    async with websockets.connect(api.socket_url, subprotocols=["graphql-transport-ws"]) as client:  # type: ignore[list-item]
        init = {"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}}
        await client.send(json.dumps(init))
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await client.recv()
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4403, "the token is no JWT")
    assert '"level": "error"' not in capfd.readouterr().err


async def _open(api: Api, token: str) -> Any:
    client = await websockets.connect(api.socket_url, subprotocols=["graphql-transport-ws"])  # type: ignore[list-item]
    await client.send(
        json.dumps({"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}})
    )
    assert json.loads(await client.recv())["type"] == "connection_ack"
    return client


async def test_half_a_character_in_a_query_is_the_clients_error(api: Api) -> None:
    operation = (
        r'{"query": "{ me { role } } #\ud800", "extensions": {"persistedQuery": {"sha256Hash": "00"}}}'
    )
    answer = api.client("ines").post("/graphql", content=operation, headers=JSON)
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (400, "BAD_REQUEST")
    client = await _open(api, api.token("ines"))
    await client.send(f'{{"type": "subscribe", "id": "1", "payload": {operation}}}')
    assert json.loads(await client.recv())["payload"][0]["extensions"]["code"] == "BAD_REQUEST"
    await client.close()


async def test_a_revoked_token_asks_nothing_more_over_an_open_connection(api: Api) -> None:
    """The watch of the connection looks every fifteen seconds; that is too late for the next question."""
    token = api.token("ines")
    client = await _open(api, token)
    api.ring.revoke(jwt.decode(token, options={"verify_signature": False})["jti"])
    operation = {"type": "subscribe", "id": "1", "payload": {"query": "{ me { role } }"}}
    await client.send(json.dumps(operation))
    answer = json.loads(await client.recv())
    assert answer["type"] == "error"
    assert answer["payload"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    await client.close()


async def test_who_cannot_be_checked_any_more_is_shown_out(serve: Any) -> None:
    """As when the file of tokens is damaged: whether hers was revoked, nobody can say."""
    api: Api = serve(limits={"check_seconds": 0.2})
    client = await _open(api, api.token("ines"))
    (file,) = api.settings.home.rglob("keys.json")
    file.write_text("no JSON")
    with pytest.raises(websockets.ConnectionClosed) as closed:
        await client.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1011
    assert str(file) not in closed.value.rcvd.reason


@pytest.mark.parametrize("where", ["?match[id]=%00", "%00/", "x--%00/"])
def test_taxii_refuses_what_the_database_cannot_hold(api: Api, where: str) -> None:
    client = api.client("ines", accept="application/taxii+json;version=2.1")
    collection = client.get("/taxii2/store/collections/").json()["collections"][0]["id"]
    answer = client.get(f"/taxii2/store/collections/{collection}/objects/{where}")
    assert answer.status_code == 400
    assert answer.json()["http_status"] == "400"


@pytest.fixture
def unreadable(api: Api) -> Iterator[None]:
    """A file of the database that its server may not open."""
    with api.town.superuser() as con:
        ((folder,),) = con.execute("SHOW data_directory").fetchall()
        ((name,),) = con.execute("SELECT pg_relation_filepath('workbench.watchlists')").fetchall()
        file = Path(folder) / name
        mode = file.stat().st_mode
        file.chmod(0)
        # Those who have it open go on; new connections find it closed.
        con.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")  # fmt: skip
    yield
    file.chmod(mode)


@pytest.mark.usefixtures("unreadable")
def test_files_of_the_database_are_not_told_of(api: Api) -> None:
    body = api.query("ines", "{ watchlists { nodes { name } } }")
    (error,) = body["errors"]
    assert error["extensions"]["code"] == "INTERNAL"
    assert "base/" not in json.dumps(body)
    assert "ermission" not in json.dumps(body)
    with pytest.raises(Broken, match="could not open file"):  # whoever is at the database is
        api.town.store("ines").watchlists.all()


@pytest.mark.parametrize("text", [r"\ud800", r"\u0000"], ids=["surrogate", "nul"])
@pytest.mark.parametrize(
    "asked",
    [
        "query($t: String!) { searchIpProfiles(filter: {text: $t}) { edges { node { id } } } }",
        "query($t: String!) { searchIpProfiles(filter: {tags: [$t]}) { edges { node { id } } } }",
        "query($t: String!) { searchIpProfiles(after: $t) { edges { node { id } } } }",
        "query($t: String!) { footprint(value: $t) { source } }",
        "query($t: String!) { audit(filter: {member: $t}) { nodes { id } } }",
        "query($t: String!) { audit(after: $t) { nodes { id } } }",
        "query($t: String!) { bulkLookup(addresses: [$t]) { verdict } }",
        'mutation($t: String!) { createIpProfile(input: {address: "192.0.2.77", notes: $t}) { __typename } }',
        "mutation($t: String!) { watch(input: {name: $t, asn: 1}) { __typename } }",
        "mutation($t: String!) { exportStix(input: {profiles: [], to: $t}) { __typename } }",
    ],
    ids=lambda asked: asked.split("{")[1].strip().partition("(")[0],
)
def test_what_the_database_cannot_hold_is_the_clients_error(api: Api, asked: str, text: str) -> None:
    body = f'{{"query": {json.dumps(asked)}, "variables": {{"t": "{text}"}}}}'
    answer = api.client("ines").post("/graphql", content=body, headers=JSON).text
    assert "INTERNAL" not in answer
    assert any(sign in answer for sign in ("BAD_USER_INPUT", "InvalidInput", "INVALID"))
