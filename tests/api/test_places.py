"""Who holds connections holds nobody up: silent ones make way for whoever comes, and members have their share."""

from __future__ import annotations

import asyncio
import json
import select
import socket
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from typing import Any

import httpx
import pytest
import websockets
from hypothesis import given
from hypothesis import strategies as st

from tests.api.conftest import Api, served
from tests.api.serving import certificate_in
from workbench.api.errors import ApiError
from workbench.api.places import Place, Places, places_for
from workbench.api.settings import Limits, networks

ME = {"query": "{ me { role } }"}
PROTOCOL: Any = ["graphql-transport-ws"]
FEW = {"connections": 4, "per_address": 1_000, "head_seconds": 600, "init_seconds": 600}
"""24 connections in all; nothing ends by itself."""


@pytest.fixture(scope="module")
def few(serve: Any) -> Api:
    api: Api = serve(limits=FEW)
    return api


@pytest.fixture(scope="module")
def encrypted(serve: Any, few: Api, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Api, Any]]:
    cert, key = certificate_in(tmp_path_factory.mktemp("door"))
    with served(few.town, few.settings, certificate=cert, key=key) as api:
        api.url = api.url.replace("http", "https", 1)
        yield api, ssl.create_default_context(cafile=cert)
        api.stop()


@contextmanager
def silent(api: Api, count: int, said: bytes = b"", source: str = "127.0.0.1") -> Iterator[list[socket.socket]]:  # fmt: skip
    """So many connections that say no more, once the server has them."""
    address = ("127.0.0.1", int(api.url.rpartition(":")[2]))
    with ExitStack() as stack:
        opened = []
        for _ in range(count):
            made = socket.create_connection(address, timeout=60, source_address=(source, 0))
            opened.append(stack.enter_context(made))
            made.sendall(said)
        yield opened


def ended(connections: list[socket.socket]) -> list[bool]:
    """Of each, whether the server ended it."""
    readable = set()
    for part in range(0, len(connections), 500):
        readable |= set(select.select(connections[part : part + 500], [], [], 0)[0])
    return [connection in readable for connection in connections]


def until(condition: Any) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it does not come about"
        time.sleep(0.02)


def served_to(api: Api) -> int:
    return sum(api.app.state.services.places.held.values())


@pytest.mark.parametrize(
    "said", [b"", b"POST /graphql HTTP/1.1\r\nhost: x\r\n"], ids=["nothing", "half a head"]
)
def test_whoever_holds_connections_in_silence_makes_way_for_a_member(few: Api, said: bytes) -> None:
    with silent(few, 200, said) as connections:
        until(lambda: sum(ended(connections)) >= 200 - places_for(4))
        assert few.query("ines", "{ me { role } }")["data"]["me"]["role"] == few.town.role("ines")
        assert ended(connections)[0], "the eldest first"
        assert not ended(connections)[-1]


def test_so_does_who_never_shakes_hands(encrypted: tuple[Api, Any]) -> None:
    api, trusted = encrypted
    with silent(api, 200) as connections:
        until(lambda: sum(ended(connections)) >= 200 - places_for(4))
        headers = {"authorization": f"Bearer {api.token('ines')}"}
        with httpx.Client(verify=trusted, timeout=60, headers=headers) as client:
            for _ in range(3):
                assert client.post(f"{api.url}/graphql", json=ME).json()["data"]["me"]["role"]
        assert not ended(connections)[-1]


async def test_websockets_that_do_not_say_who_they_are_make_way(few: Api) -> None:
    opened = [await websockets.connect(few.socket_url, subprotocols=PROTOCOL) for _ in range(60)]
    async with _let_in(few, "ines") as member:
        # What she has is hers: however many come after her, they end each other.
        opened += [await websockets.connect(few.socket_url, subprotocols=PROTOCOL) for _ in range(60)]
        await asyncio.wait_for(opened[0].wait_closed(), 60)
        assert await _asks(member) == few.town.role("ines")
    for each in opened:
        await each.close()


def test_members_have_all_there_are_and_a_further_one_is_told_to_come_back(few: Api) -> None:
    """Of no use for her to hold connections, either: each counts once she is served."""
    token = few.token("otto")
    begun = f"POST /graphql HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n"
    with silent(few, 4, begun.encode()) as connections:
        until(lambda: served_to(few) == 4)
        answer = few.client("ines").post("/graphql", json=ME)
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) >= 1
        assert answer.json()["errors"][0]["extensions"]["code"] == "BUSY"
        taxii = few.client("ines", accept="application/taxii+json;version=2.1").get("/taxii2/")
        assert (taxii.status_code, taxii.headers["retry-after"]) == (503, "1")
        assert asyncio.run(_refused(few, "ines")) == (1013, "the server is full: try again in a moment")
        metrics = few.client().get("/metrics").text
        assert 'workbench_connections{serves="member"} 4.0' in metrics
        assert 'workbench_refused_total{code="BUSY"}' in metrics
        connections[0].close()
        until(lambda: served_to(few) == 3)
        assert few.query("ines", "{ me { role } }")["data"]["me"]["role"]
    until(lambda: served_to(few) == 0)


def test_requests_of_a_member_under_way_are_bounded_and_others_do_not_wait_for_her(serve: Any) -> None:
    api: Api = serve(limits={"requests": 3})
    begun = f"POST /graphql HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {api.token('otto')}\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n"
    with silent(api, 3, begun.encode()):
        until(lambda: served_to(api) == 3)
        answer = api.client("otto").post("/graphql", json=ME)
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
        assert answer.json()["errors"][0] == {
            "message": "you have 3 requests under way, up to that many are served at a time",
            "extensions": {"code": "RATE_LIMITED"},
        }
        assert api.query("ines", "{ me { role } }")["data"]["me"]["role"]
    until(lambda: served_to(api) == 0)
    assert api.query("otto", "{ me { role } }")["data"]["me"]["role"]


def test_one_address_ends_its_own_connections_and_no_others(serve: Any) -> None:
    api: Api = serve(limits={"per_address": 10, "head_seconds": 600})
    with silent(api, 5, source="127.0.0.2") as others, silent(api, 100) as connections:
        until(lambda: sum(ended(connections)) == 90)
        assert not any(ended(others))
        assert api.query("ines", "{ me { role } }")["data"]["me"]["role"], "who comes last is let in"
        made_way = [line for line in api.client().get("/metrics").text.splitlines() if "made_way_total{" in line]  # fmt: skip
        assert any('limit="address"' in line and float(line.split()[-1]) >= 90 for line in made_way)


def test_what_comes_by_a_trusted_proxy_is_not_one_address(serve: Any) -> None:
    api: Api = serve(limits={"per_address": 2, "head_seconds": 600}, trusted_proxies=networks("127.0.0.1"))
    with silent(api, 50) as connections:
        until(lambda: len(api.app.state.services.places.resting) >= 50)
        assert not any(ended(connections))


def test_a_connection_that_is_kept_open_holds_its_place_for_a_request_only(few: Api) -> None:
    clients = [few.client("ines") for _ in range(4)]
    for client in clients:
        assert client.post("/graphql", json=ME).status_code == 200
    assert few.client("otto").post("/graphql", json=ME).status_code == 200


@asynccontextmanager
async def _let_in(api: Api, name: str) -> AsyncIterator[Any]:
    """A WebSocket of a member."""
    async with websockets.connect(api.socket_url, subprotocols=PROTOCOL) as client:
        init = {"type": "connection_init", "payload": {"authorization": f"Bearer {api.token(name)}"}}
        await client.send(json.dumps(init))
        assert json.loads(await client.recv())["type"] == "connection_ack"
        yield client


async def _asks(member: Any) -> str:
    await member.send(json.dumps({"type": "subscribe", "id": "1", "payload": ME}))
    role: str = json.loads(await member.recv())["payload"]["data"]["me"]["role"]
    return role


async def _refused(api: Api, name: str) -> tuple[int, str]:
    with pytest.raises(websockets.ConnectionClosed) as closed:
        async with _let_in(api, name):
            pass
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code, closed.value.rcvd.reason


# ---- the book


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["arrive", "serve", "rest", "leave"]),
        st.integers(0, 30),
        st.sampled_from(["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2", "10.0.0.1", None, "nonsense"]),
        st.sampled_from([("ines", "request"), ("ines", "websocket"), ("otto", "request")]),
    ),
    max_size=200,
)  # fmt: skip


@given(STEPS)
def test_whatever_happens_no_limit_is_passed_and_no_place_is_lost(steps: Any) -> None:
    limits = Limits(connections=5, per_address=3, requests=2, sockets=2)
    places = Places(limits, networks("10.0.0.0/8"))
    there: list[Place] = []
    for what, which, address, holder in steps:
        if what == "arrive":
            there.append(places.arrive(list, address))
        elif there:
            place = there[which % len(there)]
            if what == "serve" and place.holder is None:
                before = dict(places.held)
                try:
                    place.serve(*holder)
                except ApiError:
                    assert dict(places.held) == before
            elif what == "rest":
                place.rest()
            elif what == "leave":
                place.leave()
                there.remove(place)
        serving = [place for place in there if place.holder is not None]
        assert sum(places.held.values()) == len(serving) <= 5
        assert all(count <= 2 for count in places.held.values())
        assert len(places.resting) + len(serving) <= places_for(5)
        of_address = [place.address for place in places.resting if place.address]
        assert all(of_address.count(each) <= 3 for each in of_address)
    for place in there:
        place.leave()
        place.leave()
    assert not places.resting
    assert not places.held


def test_an_address_of_ipv6_is_its_network_and_one_of_ipv4_is_one_in_either_form() -> None:
    places = Places(Limits())
    assert places.arrive(list, "2001:db8:0:1::9").address == "2001:db8:0:1::/64"
    assert places.arrive(list, "::ffff:192.0.2.1").address == "192.0.2.1"
    assert places.arrive(list, "fe80::1%eth0").address == "fe80::/64"
