"""Streams, with real clients on real sockets: nothing lost, nothing twice, nothing that is not for the subscriber."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

import workbench as wb
from tests.api.test_websocket import Talk, talk

CHANGED = """subscription ($filter: IpProfileFilter, $after: String) {
  ipProfileChanged(filter: $filter, after: $after) { kind cursor profile { id address version notes tlp owner { name } footprint { value } } }
}"""
RAISED = "subscription ($after: String) { alertRaised(after: $after) { cursor alert { id message watchlist { name } profile { address } } } }"


class Stream:
    """One subscription: its events in order, and the cursor of the last."""

    def __init__(self, conversation: Talk, field: str) -> None:
        self.conversation, self.field = conversation, field
        self.cursor = ""

    async def next(self, seconds: float = 60) -> Any:
        message = await self.conversation.hear(seconds)
        assert message["type"] == "next", message
        assert "errors" not in message["payload"], message
        event = message["payload"]["data"][self.field]
        self.cursor = event["cursor"]
        return event

    async def profiles(self, count: int) -> list[tuple[str, str, int]]:
        """Kind, address and version of the next events."""
        events = [await self.next() for _ in range(count)]
        return [(event["kind"], event["profile"]["address"], event["profile"]["version"]) for event in events]

    async def quiet(self, seconds: float = 0.7) -> None:
        """Nothing more is told."""
        with pytest.raises(TimeoutError):
            await self.next(seconds)


@asynccontextmanager
async def stream(api: Any, name: str, query: str = CHANGED, **variables: Any) -> AsyncIterator[Stream]:
    field = "alertRaised" if query is RAISED else "ipProfileChanged"
    async with talk(api, name) as conversation:
        await conversation.subscribe("s", query, variables=variables)
        found = Stream(conversation, field)
        first = await found.next()
        assert first.get("kind", "READY") == "READY"
        yield found


def insert(con: Any, address: str, level: int = 2) -> None:
    con.execute(
        "INSERT INTO profiles (address, owner, secrecy) SELECT %s, organisation, %s FROM members WHERE role = current_user",
        (address, level),
    )


async def test_what_is_made_changed_and_deleted_is_told_as_it_happens(api: Any) -> None:
    store = api.town.store("ines")
    async with stream(api, "ida") as told:
        made = await asyncio.to_thread(store.profiles.create, "192.0.2.1")
        assert await told.profiles(1) == [("CREATED", "192.0.2.1", 1)]
        changed = await asyncio.to_thread(store.profiles.update, made, notes="seen again")
        event = await told.next()
        assert (event["kind"], event["profile"]["notes"]) == ("UPDATED", "seen again")
        assert event["profile"]["owner"] == {"name": "cert"}
        await asyncio.to_thread(store.profiles.delete, changed)
        assert await told.profiles(1) == [("DELETED", "192.0.2.1", 3)]
        await told.quiet()


async def test_who_was_away_goes_on_where_she_was(api: Any) -> None:
    store = api.town.store("ines")
    async with stream(api, "ines") as told:
        await asyncio.to_thread(store.profiles.create, "192.0.2.10")
        await told.profiles(1)
    for i in range(11, 20):
        store.profiles.create(f"192.0.2.{i}")
    seen = []
    cursor = told.cursor
    for _ in range(9):
        async with stream(api, "ines", after=cursor) as again:
            seen += await again.profiles(1)
            cursor = again.cursor
    assert seen == [("CREATED", f"192.0.2.{i}", 1) for i in range(11, 20)]
    async with stream(api, "ines", after=cursor) as again:
        await again.quiet()


async def test_a_stream_that_was_only_just_opened_can_be_resumed_too(api: Any) -> None:
    store = api.town.store("ines")
    async with stream(api, "ines") as told:
        pass
    store.profiles.create("192.0.2.30")
    async with stream(api, "ines", after=told.cursor) as again:
        assert await again.profiles(1) == [("CREATED", "192.0.2.30", 1)]


async def test_who_began_earlier_and_commits_later_is_told_of_too(api: Any) -> None:
    store = api.town.store("ines")
    async with stream(api, "ines") as told:
        with api.town.sql("ida") as slow, slow.transaction():
            insert(slow, "192.0.2.40")
            await asyncio.to_thread(store.profiles.create, "192.0.2.41")
            assert await told.profiles(1) == [("CREATED", "192.0.2.41", 1)]
            held = told.cursor
        assert await told.profiles(1) == [("CREATED", "192.0.2.40", 1)]
    async with stream(api, "ines", after=held) as again:
        assert await again.profiles(1) == [("CREATED", "192.0.2.40", 1)]
        await again.quiet()


async def test_many_writers_and_a_reader_who_comes_and_goes_lose_nothing_and_hear_nothing_twice(
    api: Any,
) -> None:
    """Eight writers with transactions of random length; a subscriber that is cut off every few events."""
    writers, each = 8, 12

    def write(number: int) -> None:
        with api.town.sql("ines" if number % 2 else "ida") as con:
            for i in range(each):
                with con.transaction():
                    insert(con, f"203.0.{113 + number}.{i}")
                    con.execute("SELECT pg_sleep(random() * 0.05)")

    heard: list[tuple[str, int]] = []
    async with stream(api, "ines") as told:
        cursor = told.cursor
    work = asyncio.gather(*(asyncio.to_thread(write, number) for number in range(writers)))
    while len(heard) < writers * each:
        async with stream(api, "ines", after=cursor) as told:
            for _ in range(min(7, writers * each - len(heard))):
                ((_, address, version),) = await told.profiles(1)
                heard.append((address, version))
            cursor = told.cursor
    await work
    assert sorted(heard) == sorted(
        (f"203.0.{113 + number}.{i}", 1) for number in range(writers) for i in range(each)
    )
    async with stream(api, "ines", after=cursor) as told:
        await told.quiet()


async def test_each_is_told_what_she_may_see_and_red_is_told_to_its_recipients_alone(api: Any) -> None:
    ines = api.town.store("ines")
    names = ("ines", "ida", "otto", "clara", "pia")
    cursors = {}
    for name in names:
        async with stream(api, name) as told:
            cursors[name] = told.cursor
    for number, level in enumerate(("clear", "green", "amber", "amber+strict", "red")):
        ines.profiles.create(f"192.0.2.{60 + number}", secrecy=level, notes=f"notes {level}")
    expected = {"ines": 5, "ida": 4, "otto": 2, "clara": 2, "pia": 2}
    for name in names:
        async with stream(api, name, after=cursors[name]) as told:
            events = [await told.next() for _ in range(expected[name])]
            await told.quiet()
        levels = {event["profile"]["tlp"] for event in events}
        assert len(levels) == expected[name]
        assert ("RED" in levels) == (name == "ines")
        if name == "clara":
            assert levels == {"CLEAR", "AMBER"}


async def test_what_comes_within_sight_is_told_and_what_goes_is_not(api: Any) -> None:
    ines = api.town.store("ines")
    made = ines.profiles.create("192.0.2.70", secrecy="red", notes="xyzzy")
    async with stream(api, "pia") as told:
        await told.quiet()
        shown = await asyncio.to_thread(ines.profiles.set_secrecy, made, "green", "may be shared")
        assert await told.profiles(1) == [("UPDATED", "192.0.2.70", shown.version)]
        hidden = await asyncio.to_thread(ines.profiles.set_secrecy, shown, "red", "names a victim")
        await asyncio.to_thread(ines.profiles.update, hidden, notes="xyzzy again")
        await told.quiet()


async def test_only_what_matches_is_told(api: Any) -> None:
    ines = api.town.store("ines")
    async with stream(api, "ines", filter={"tags": ["scada"], "minThreatLevel": "HIGH", "text": "hmi"}) as told:  # fmt: skip
        ines.profiles.create("192.0.2.80", tags=["scada"])
        made = ines.profiles.create("192.0.2.81", tags=["scada"], notes="the HMI", threat_level="high")
        assert await told.profiles(1) == [("CREATED", "192.0.2.81", 1)]
        await asyncio.to_thread(ines.profiles.update, made, threat_level="low")
        await told.quiet()


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"after": "x"}, "no cursor that a stream gave"),
        ({"after": "A" * 30_000}, "no cursor that a stream gave"),
        ({"filter": {"misspelt": True, "text": "x"}}, "not for streams"),
        ({"filter": {"text": "x" * 201}}, "up to 200 characters"),
    ],
)
async def test_a_stream_that_cannot_be_is_refused_in_plain_words(
    api: Any, variables: dict[str, Any], says: str
) -> None:
    async with talk(api, "ines") as conversation:
        await conversation.subscribe("s", CHANGED, variables=variables)
        message = await conversation.hear()
        errors = message["payload"]["errors"] if message["type"] == "next" else message["payload"]
        assert says in errors[0]["message"]
        assert errors[0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_a_slow_client_is_let_go_and_goes_on_from_its_cursor_without_loss(serve: Any) -> None:
    """It takes nothing while thousands of profiles with long notes are made: what waits stays in the database."""
    api = serve(limits={"send_seconds": 1})
    store = api.town.store("ines")
    count = 400
    async with talk(api, "ines", max_queue=1, close_timeout=0.5) as slow:
        await slow.subscribe("s", CHANGED, variables={"filter": {"tags": ["slow"]}})
        ready = json.loads(await slow.socket.recv())
        cursor = ready["payload"]["data"]["ipProfileChanged"]["cursor"]
        with api.town.sql("ines") as con:
            con.execute(
                "INSERT INTO profiles (address, owner, secrecy, tags, notes) SELECT '198.18.0.0'::inet + i, organisation, 2, '{slow}', repeat('x', 50000) "
                "FROM members, generate_series(1, %s) AS i WHERE role = current_user",
                (count,),
            )
        async with asyncio.timeout(120):
            while api.app.state.services.changes.subscribers:
                await asyncio.sleep(0.1)
    heard = []
    async with stream(api, "ines", after=cursor, filter={"tags": ["slow"]}) as told:
        for _ in range(count):
            event = await told.next()
            heard.append(event["profile"]["address"])
    assert len(set(heard)) == len(heard) == count
    assert store.profiles.search(tag="slow", limit=1)


async def test_a_restart_of_the_database_connection_is_lived_through(api: Any) -> None:
    store = api.town.store("ines")
    async with stream(api, "ines") as told:
        with api.town.superuser() as con:
            con.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", (api.town.role("gate"),))  # fmt: skip
        await asyncio.to_thread(store.profiles.create, "192.0.2.90")
        assert await told.profiles(1) == [("CREATED", "192.0.2.90", 1)]


async def test_alerts_are_told_once_to_who_may_see_them_and_resumed(api: Any) -> None:
    ines = api.town.store("ines")
    ines.watchlists.create("strict", network="198.51.100.0/24", secrecy="amber+strict")
    async with stream(api, "ida", RAISED) as told, stream(api, "pia", RAISED) as other:
        await asyncio.to_thread(ines.profiles.create, "198.51.100.1", secrecy="green")
        event = await told.next()
        assert event["alert"]["watchlist"] == {"name": "strict"}
        assert event["alert"]["profile"] == {"address": "198.51.100.1"}
        await other.quiet()
    for i in range(2, 6):
        ines.profiles.create(f"198.51.100.{i}")
    ines.profiles.create("198.51.100.66", secrecy="red")
    async with stream(api, "ida", RAISED, after=told.cursor) as again:
        events = [await again.next() for _ in range(4)]
        assert [event["alert"]["profile"]["address"] for event in events] == [
            f"198.51.100.{i}" for i in range(2, 6)
        ]
        await again.quiet()


async def test_a_bulk_enrichment_tells_how_far_it_is_to_who_began_it(api: Any) -> None:
    pia = api.town.store("pia")
    pia.profiles.bulk_create(wb.enrich([f"100.64.{i // 250}.{i % 250}" for i in range(1200)]))
    begun = api.query(
        "pia", "mutation { bulkEnrich(input: {forceRefresh: true}) { ... on BulkEnrichment { id state } } }"
    )
    key = begun["data"]["bulkEnrich"]["id"]
    progress = "subscription ($id: UUID!) { bulkEnrichmentProgress(id: $id) { state done total changed } }"
    async with talk(api, "pia") as conversation:
        await conversation.subscribe("s", progress, variables={"id": key})
        states = []
        while (message := await conversation.hear(60))["type"] == "next":
            states.append(message["payload"]["data"]["bulkEnrichmentProgress"])
    assert message["type"] == "complete"
    assert states[-1]["state"] == "DONE"
    assert states[-1]["done"] == states[-1]["total"] == states[-1]["changed"] >= 1200
    assert [state["done"] for state in states] == sorted(state["done"] for state in states)
    told = api.query("pia", f'{{ bulkEnrichment(id: "{key}") {{ state ended error }} }}')
    assert told["data"]["bulkEnrichment"]["state"] == "DONE"
    assert api.query("ida", f'{{ bulkEnrichment(id: "{key}") {{ state }} }}')["data"]["bulkEnrichment"] is None  # fmt: skip
    async with talk(api, "ida") as conversation:
        await conversation.subscribe("s", progress, variables={"id": key})
        assert "none such of yours" in json.dumps(await conversation.hear())


async def test_some_profiles_are_enriched_and_others_left(api: Any) -> None:
    ines = api.town.store("ines")
    one, two = ines.profiles.create("192.0.2.201"), ines.profiles.create("192.0.2.202")
    begun = api.query(
        "ines",
        "mutation ($ids: [UUID!]) { bulkEnrich(input: {ids: $ids, forceRefresh: true}) { ... on BulkEnrichment { id total } } }",
        {"ids": [str(one.id)]},
    )["data"]["bulkEnrich"]
    assert begun["total"] == 1
    async with asyncio.timeout(60):
        while (ines.profiles.get(one.id)).version == 1:
            await asyncio.sleep(0.1)
    assert ines.profiles.get(two.id).version == 1
