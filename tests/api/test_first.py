"""A member asks who she is."""

from __future__ import annotations

import json
from typing import Any

import websockets


def test_a_member_is_told_who_she_is(api: Any) -> None:
    told = api.query("ines", "{ me { role organisation { name } clearance } }")
    assert told == {
        "data": {"me": {"role": api.town.role("ines"), "organisation": {"name": "cert"}, "clearance": "RED"}}
    }


def test_a_stranger_is_told_nothing(api: Any) -> None:
    answer = api.client().post("/graphql", json={"query": "{ me { role } }"})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_the_same_over_a_websocket(api: Any) -> None:
    async with websockets.connect(api.socket_url, subprotocols=["graphql-transport-ws"]) as socket:
        await socket.send(json.dumps({"type": "connection_init", "payload": {"authorization": f"Bearer {api.token('ines')}"}}))  # fmt: skip
        assert json.loads(await socket.recv()) == {"type": "connection_ack"}
        await socket.send(
            json.dumps({"id": "1", "type": "subscribe", "payload": {"query": "{ me { role } }"}})
        )
        told = json.loads(await socket.recv())
        assert told == {
            "id": "1",
            "type": "next",
            "payload": {"data": {"me": {"role": api.town.role("ines")}}},
        }
        assert json.loads(await socket.recv()) == {"id": "1", "type": "complete"}
