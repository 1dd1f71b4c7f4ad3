"""The protocol graphql-transport-ws with a real client: its edges, and who may stay."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import strawberry
import websockets
from strawberry.types import Info
from websockets.exceptions import ConnectionClosedError, InvalidStatus

from workbench.api.context import Context
from workbench.api.guards import guarded_schema
from workbench.api.settings import networks

PROTOCOL = "graphql-transport-ws"
LIVE: set[str] = set()
SENT: dict[str, int] = {}


async def _role(info: Info[Context, None]) -> str:
    return info.context.member.role


@strawberry.type
class Query:
    role: str = strawberry.field(resolver=_role)


async def _ticks(name: str, every: float = 0, size: int = 1) -> AsyncIterator[str]:
    LIVE.add(name)
    try:
        for number in range(100_000):
            SENT[name] = number
            yield f"{number} " + "x" * size
            await asyncio.sleep(every)
    finally:
        LIVE.discard(name)


async def _changes(info: Info[Context, None]) -> AsyncIterator[list[str]]:
    async for kinds in info.context.changes.hints("profiles", "investigations"):
        yield sorted(kinds)


async def _fails() -> AsyncIterator[int]:
    yield 1
    raise RuntimeError("a secret in the message")


@strawberry.type
class Subscription:
    ticks: AsyncIterator[str] = strawberry.subscription(resolver=_ticks)
    changes: AsyncIterator[list[str]] = strawberry.subscription(resolver=_changes)
    fails: AsyncIterator[int] = strawberry.subscription(resolver=_fails)


@pytest.fixture(scope="module")
def live(serve: Any) -> Any:
    schema = guarded_schema(Query, subscription=Subscription)
    limits = {"init_seconds": 1, "check_seconds": 0.3, "send_seconds": 2, "sockets": 20, "subscriptions": 3}
    return serve(schema, limits=limits, trusted_proxies=networks("127.0.0.1"))


class Talk:
    """One connection, in the words of the protocol."""

    def __init__(self, socket: Any) -> None:
        self.socket = socket

    async def say(self, **message: Any) -> None:
        await self.socket.send(json.dumps(message))

    async def hear(self, seconds: float = 30) -> Any:
        async with asyncio.timeout(seconds):
            return json.loads(await self.socket.recv())

    async def init(self, token: str) -> None:
        await self.say(type="connection_init", payload={"authorization": f"Bearer {token}"})
        assert await self.hear() == {"type": "connection_ack"}

    async def subscribe(self, identity: str, query: str, **more: Any) -> None:
        await self.say(id=identity, type="subscribe", payload={"query": query, **more})

    async def closed(self, seconds: float = 30) -> tuple[int, str]:
        """Hear to the end, and with what it ended."""
        async with asyncio.timeout(seconds):
            with suppress(ConnectionClosedError):
                async for _ in self.socket:
                    pass
            await self.socket.wait_closed()
        return self.socket.close_code, self.socket.close_reason


@asynccontextmanager
async def talk(api: Any, name: str | None = None, **options: Any) -> AsyncIterator[Talk]:
    """A connection, and if a name is given its member let in."""
    options.setdefault("subprotocols", [PROTOCOL])
    async with websockets.connect(api.socket_url, **options) as socket:
        conversation = Talk(socket)
        if name:
            await conversation.init(api.token(name))
        yield conversation


async def until(condition: Any) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.05)


# ---- the protocol


async def test_queries_are_answered_over_it_too(live: Any) -> None:
    async with talk(live, "ines") as with_ines:
        await with_ines.subscribe("a", "{ role }")
        assert await with_ines.hear() == {"id": "a", "type": "next", "payload": {"data": {"role": live.town.role("ines")}}}  # fmt: skip
        assert await with_ines.hear() == {"id": "a", "type": "complete"}


async def test_another_protocol_is_not_spoken(live: Any) -> None:
    for protocols in (["graphql-ws"], None):
        async with talk(live, subprotocols=protocols) as old:
            assert (await old.closed())[0] == 4406


async def test_who_does_not_say_who_she_is_is_shown_out(live: Any) -> None:
    async with talk(live) as silent:
        assert await silent.closed() == (4408, "Connection initialisation timeout")


async def test_saying_it_twice_is_once_too_often(live: Any) -> None:
    async with talk(live, "ines") as twice:
        await twice.say(type="connection_init", payload={"authorization": f"Bearer {live.token('ines')}"})
        assert await twice.closed() == (4429, "Too many initialisation requests")


async def test_nothing_is_answered_before(live: Any) -> None:
    async with talk(live) as early:
        await early.subscribe("a", "{ role }")
        assert await early.closed() == (4401, "Unauthorized")


@pytest.mark.parametrize(
    "message",
    [
        "{", "[]", "null", "7", '"text"', "{}", '{"type": 7}', '{"type": "start"}', '{"type": ["ping"]}', b"\x00\x01",
        '{"type": "subscribe"}', '{"type": "subscribe", "id": "a"}', '{"type": "subscribe", "id": 7, "payload": {"query": "{role}"}}',
        '{"type": "subscribe", "id": "", "payload": {"query": "{role}"}}', '{"type": "subscribe", "id": "a", "payload": []}',
        '{"type": "subscribe", "id": "a", "payload": {"query": 7}}', '{"type": "subscribe", "id": "a", "payload": {"query": "{role}", "variables": []}}',
        '{"type": "complete"}', "[" * 100_000,
    ],
)  # fmt: skip
async def test_what_is_no_message_ends_the_connection(live: Any, message: str | bytes) -> None:
    async with talk(live, "ines") as odd:
        await odd.socket.send(message)
        assert (await odd.closed())[0] == 4400


@pytest.mark.parametrize("payload", [[], "text", 7])
async def test_a_first_message_that_is_none_ends_it_as_well(live: Any, payload: Any) -> None:
    async with talk(live) as odd:
        await odd.say(type="connection_init", payload=payload)
        assert (await odd.closed())[0] == 4400


async def test_an_id_is_for_one_operation_at_a_time(live: Any) -> None:
    async with talk(live, "ines") as same:
        await same.subscribe("a", 'subscription { ticks(name: "one", every: 60) }')
        assert (await same.hear())["type"] == "next"
        await same.subscribe("a", "{ role }")
        assert await same.closed() == (4409, "Subscriber for a already exists")
    await until(lambda: "one" not in LIVE)


async def test_a_subscription_ends_when_the_client_says_so_and_its_id_is_free(live: Any) -> None:
    async with talk(live, "ines") as ending:
        await ending.subscribe("a", 'subscription { ticks(name: "two", every: 0.01) }')
        assert (await ending.hear())["payload"]["data"]["ticks"].startswith("0 ")
        await ending.say(id="a", type="complete")
        await ending.say(id="unknown", type="complete")
        await until(lambda: "two" not in LIVE)
        await ending.subscribe("a", "{ role }")
        while (heard := await ending.hear())["type"] != "complete":
            assert heard["id"] == "a"


async def test_an_operation_that_is_none_is_an_error_of_its_own(live: Any) -> None:
    async with talk(live, "ines") as wrong:
        await wrong.subscribe("a", "{ nothing }")
        told = await wrong.hear()
        assert (told["type"], told["id"]) == ("error", "a")
        assert "Cannot query field" in told["payload"][0]["message"]
        assert told["payload"][0]["extensions"] == {"code": "BAD_USER_INPUT"}
        await wrong.subscribe("b", "{ role }")
        assert (await wrong.hear())["type"] == "next", "the connection goes on"


async def test_pings_are_answered(live: Any) -> None:
    async with talk(live) as pinging:
        await pinging.say(type="ping")
        assert await pinging.hear() == {"type": "pong"}
        await pinging.say(type="pong", payload={"any": "thing"})
        await pinging.say(type="ping", payload={"any": "thing"})
        assert await pinging.hear() == {"type": "pong"}


async def test_an_error_that_is_not_expected_is_masked(live: Any, capfd: pytest.CaptureFixture[str]) -> None:
    async with talk(live, "ines") as failing:
        await failing.subscribe("a", "subscription { fails }")
        assert (await failing.hear())["payload"]["data"] == {"fails": 1}
        error = (await failing.hear())["payload"]["errors"][0]
        assert "secret" not in json.dumps(error)
        assert error["extensions"]["code"] == "INTERNAL"
        assert error["extensions"]["id"] in error["message"]


# ---- who may stay


async def test_the_token_may_come_with_the_handshake(live: Any) -> None:
    headers = {"authorization": f"Bearer {live.token('ines')}"}
    async with talk(live, additional_headers=headers) as shown:
        await shown.say(type="connection_init")
        assert await shown.hear() == {"type": "connection_ack"}


@pytest.mark.parametrize("token", [None, "", "Bearer x", 7])
async def test_without_a_good_token_nobody_is_let_in(live: Any, token: Any) -> None:
    async with talk(live) as stranger:
        await stranger.say(
            type="connection_init", payload={"authorization": token} if token is not None else {}
        )
        assert (await stranger.closed())[0] == 4403


async def test_the_connection_ends_with_the_token(live: Any) -> None:
    async with talk(live) as short:
        await short.init(live.ring.create(live.town.role("ines"), audience="ip-workbench", days=3 / 86400))
        await short.subscribe("a", 'subscription { ticks(name: "short", every: 0.1) }')
        assert await short.closed() == (4401, "the token has expired")
    await until(lambda: "short" not in LIVE)


async def test_a_renewed_token_keeps_it_open(live: Any) -> None:
    async with talk(live) as renewing:
        await renewing.init(live.ring.create(live.town.role("ines"), audience="ip-workbench", days=3 / 86400))
        await renewing.say(type="ping", payload={"authorization": f"Bearer {live.token('ines')}"})
        told = await renewing.hear()
        assert told["type"] == "pong"
        assert told["payload"]["renewed"] is True
        with pytest.raises(TimeoutError):
            await renewing.hear(seconds=5)
        await renewing.subscribe("a", "{ role }")
        assert (await renewing.hear())["type"] == "next"


async def test_it_is_not_renewed_by_somebody_elses_token_or_a_bad_one(live: Any) -> None:
    for token in (live.token("ida"), "x.y.z"):
        async with talk(live, "ines") as renewing:
            await renewing.say(type="ping", payload={"authorization": f"Bearer {token}"})
            assert (await renewing.closed())[0] == 4403


async def test_a_revoked_token_ends_the_connection(live: Any) -> None:
    token = live.token("ines")
    async with talk(live) as going:
        await going.init(token)
        live.ring.revoke(live.ring.tokens()[-1].id)
        assert await going.closed() == (4403, "the token was revoked")


async def test_a_suspended_member_is_shown_out(live: Any) -> None:
    with live.town.administration() as administration:
        async with talk(live, "otto") as going:
            administration.suspend_member(live.town.role("otto"))
            try:
                assert (await going.closed())[0] == 4403
            finally:
                administration.add_member(live.town.role("otto"), "cert", "green")


async def test_countries_hold_on_connecting_and_when_the_token_is_renewed(live: Any) -> None:
    german = {"additional_headers": {"x-forwarded-for": "185.220.101.4"}}
    dutch = {"additional_headers": {"x-forwarded-for": "193.0.6.139"}}
    ida = live.town.role("ida")
    with live.town.administration() as administration:
        administration.add_member(ida, "cert", "red", countries=["DE"])
        live.app.state.services.admission.forget()
        try:
            async with talk(live, **dutch) as elsewhere:
                await elsewhere.say(type="connection_init", payload={"authorization": f"Bearer {live.token('ida')}"})  # fmt: skip
                code, reason = await elsewhere.closed()
                assert (code, "from NL" in reason) == (4403, True)
            async with talk(live, "ida", **german) as here:
                administration.add_member(ida, "cert", "red", countries=["FR"])
                live.app.state.services.admission.forget()
                await here.say(type="ping", payload={"authorization": f"Bearer {live.token('ida')}"})
                code, reason = await here.closed()
                assert (code, "from DE" in reason) == (4403, True)
        finally:
            administration.add_member(ida, "cert", "red")
            live.app.state.services.admission.forget()


async def test_a_page_of_another_origin_does_not_connect(live: Any) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with talk(live, origin="https://evil.example"):
            pass
    assert refused.value.response.status_code == 403


# ---- bounds


async def test_operations_of_a_connection_are_bounded(live: Any) -> None:
    async with talk(live, "ines") as many:
        for number in range(4):
            await many.subscribe(str(number), f'subscription {{ ticks(name: "m{number}", every: 60) }}')
        heard = [await many.hear() for _ in range(4)]
        assert sorted(each["type"] for each in heard) == ["error", "next", "next", "next"]


async def test_the_guards_of_the_other_door_hold_here_too(serve: Any, tmp_path: Path) -> None:
    listed = "{ role }"
    queries = tmp_path / "queries.json"
    queries.write_text(json.dumps({hashlib.sha256(listed.encode()).hexdigest(): listed}))
    schema = guarded_schema(Query, subscription=Subscription)
    strict = serve(schema, queries=queries)
    async with talk(strict, "ines") as asking:
        await asking.subscribe("a", "{ __typename }")
        assert (await asking.hear())["payload"][0]["extensions"]["code"] == "QUERY_NOT_ALLOWED"
        await asking.subscribe("b", listed)
        assert (await asking.hear())["payload"]["data"] == {"role": strict.town.role("ines")}
    bounded = serve(schema, introspection=False, limits={"per_minute": 30, "aliases": 1})
    async with talk(bounded, "ines") as asking:
        await asking.subscribe("a", "{ __schema { types { name } } }")
        assert "introspection" in (await asking.hear())["payload"][0]["message"]
        await asking.subscribe("b", "{ one: role two: role }")
        assert (await asking.hear())["payload"][0]["extensions"]["code"] == "TOO_HEAVY"
        codes = []
        for number in range(10):
            await asking.subscribe(f"r{number}", "{ nothing }")
            codes.append((await asking.hear())["payload"][0]["extensions"]["code"])
        assert codes[0] == "BAD_USER_INPUT"
        assert codes[-1] == "RATE_LIMITED"


async def test_connections_of_a_member_are_bounded(live: Any) -> None:
    await until(lambda: not live.app.state.services.places.held[live.town.role("pia"), "websocket"])
    open_now = [talk(live, "pia") for _ in range(20)]
    for each in open_now:
        await each.__aenter__()
    async with talk(live) as one_more:
        await one_more.say(type="connection_init", payload={"authorization": f"Bearer {live.token('pia')}"})
        assert (await one_more.closed())[0] == 4429
    for each in open_now:
        await each.__aexit__(None, None, None)
    await until(lambda: not live.app.state.services.places.held[live.town.role("pia"), "websocket"])
    async with talk(live, "pia"):
        pass


async def test_a_client_that_takes_nothing_holds_up_nothing_and_is_let_go(live: Any) -> None:
    async with talk(live, "ines", max_queue=1) as slow:
        await slow.subscribe("a", 'subscription { ticks(name: "slow", size: 100000) }')
        await until(lambda: "slow" in LIVE)
        async with talk(live, "ines") as other:
            await other.subscribe("a", "{ role }")
            assert (await other.hear())["type"] == "next"
        await until(lambda: "slow" not in LIVE)
        assert SENT["slow"] < 1000, "what is not taken is not made"


async def test_a_message_that_is_too_large_ends_the_connection(live: Any) -> None:
    async with talk(live, "ines") as large:
        await large.subscribe("a", "{ role }" + " " * (3 << 20))
        assert (await large.closed())[0] == 1009


# ---- hints


async def test_changes_are_heard_of_by_those_who_wait(live: Any) -> None:
    async with talk(live, "pia") as hearing:
        await hearing.subscribe("a", "subscription { changes }")
        first = await hearing.hear()
        assert first["payload"]["data"]["changes"] == ["investigations", "profiles"], (
            "at once, for what was missed"
        )
        store = live.town.store("ines")
        await asyncio.to_thread(store.investigations.create, "a case", secrecy="green")
        assert (await hearing.hear())["payload"]["data"]["changes"] == ["investigations"]
        with live.town.sql("pia") as con:
            con.execute("SELECT pg_notify('workbench', 'garbage')")
            con.execute("SELECT pg_notify('workbench', '{\"kind\": {}}')")
        await asyncio.to_thread(store.profiles.create, "203.0.113.77", secrecy="red")
        assert (await hearing.hear())["payload"]["data"]["changes"] == ["profiles"], "a hint is no content"


async def test_a_lost_connection_to_the_store_is_regained_and_those_who_wait_look_again(live: Any) -> None:
    async with talk(live, "ines") as hearing:
        await hearing.subscribe("a", "subscription { changes }")
        await hearing.hear()
        with live.town.superuser() as con:
            con.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", (live.town.role("gate"),))  # fmt: skip
        assert (await hearing.hear())["payload"]["data"]["changes"] == ["investigations", "profiles"]
        await hearing.subscribe("b", "{ role }")
        assert (await hearing.hear())["id"] == "b"


async def test_a_server_that_stops_tells_its_clients_to_come_back(serve: Any) -> None:
    api = serve(guarded_schema(Query, subscription=Subscription))
    async with talk(api, "ines") as going:
        await going.subscribe("a", 'subscription { ticks(name: "end", every: 0.05) }')
        await going.hear()
        stopping = asyncio.create_task(asyncio.to_thread(api.stop))
        assert (await going.closed())[0] == 1012
        await stopping
    await until(lambda: "end" not in LIVE)
