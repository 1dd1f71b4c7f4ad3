"""Many clients at once, each a member with a token: some search, some write, some listen. They come back when the
server or its database goes away, and afterwards it is counted what was lost."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any
from uuid import uuid4

import aiohttp

SEARCH = "query search($asn: ASN!) { searchIpProfiles(filter: {asns: [$asn]}, first: 20) { nodes { id version } } }"
CREATE = "mutation create($input: CreateIpProfileInput!) { createIpProfile(input: $input) { __typename ... on IpProfile { id version } ... on Problem { message } } }"
UPDATE = "mutation update($input: UpdateIpProfileInput!) { updateIpProfile(input: $input) { __typename ... on IpProfile { id version } ... on Problem { message } } }"
LISTEN = "subscription listen($after: String) { ipProfileChanged(after: $after) { kind cursor profile { id version } } }"
WORDS = ("cobalt", "emotet", "phishing", "scanner", "botnet", "grid", "substation", "bank", "fraud", "proxy")
ASNS = range(64496, 64596)
AGAIN = ("UNAVAILABLE", "OUTCOME_UNKNOWN", "BUSY", "TIMEOUT", "RATE_LIMITED")


@dataclass
class Swarm:
    """``url`` is the server's, which is the same when it is started anew. ``pause`` is the mean of seconds that a
    client thinks."""

    url: str
    tokens: list[str]
    readers: int
    writers: int
    subscribers: int
    pause: float = 1.0
    seconds: dict[str, list[float]] = field(default_factory=lambda: {"read": [], "write": []})
    written: dict[str, int] = field(default_factory=dict)
    """Version of each profile that a writer was told of."""
    heard: list[dict[str, int]] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)
    """Seconds from the answer to a writer until a subscriber heard of it."""
    trouble: Counter[str] = field(default_factory=Counter)
    _told_at: dict[tuple[str, int], float] = field(default_factory=dict)
    _addresses: Any = field(default_factory=lambda: itertools.count(int(ip_address("10.0.0.1"))))
    _over: bool = False
    _listening: int = 0

    async def run(self, seconds: float, meanwhile: Callable[[], Any] | None = None) -> None:
        """All clients for so long; then until every subscriber has heard of everything, up to two minutes."""
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(
            connector=connector, timeout=aiohttp.ClientTimeout(total=90)
        ) as session:
            listening = [
                asyncio.create_task(self._listen(session, number)) for number in range(self.subscribers)
            ]
            deadline = time.monotonic() + 60
            while self._listening < self.subscribers:
                assert time.monotonic() < deadline, f"subscribers are not served: {self.trouble}"
                await asyncio.sleep(0.05)
            working = [asyncio.create_task(self._read(session, number)) for number in range(self.readers)]
            working += [asyncio.create_task(self._write(session, number)) for number in range(self.writers)]
            ends = time.monotonic() + seconds
            if meanwhile is not None:
                await meanwhile()
            await asyncio.sleep(max(0, ends - time.monotonic()))
            self._over = True
            await asyncio.gather(*working)
            deadline = time.monotonic() + 120
            while self.lost() and time.monotonic() < deadline:
                await asyncio.sleep(0.5)
            for task in listening:
                task.cancel()
            await asyncio.gather(*listening, return_exceptions=True)

    def lost(self) -> int:
        """Events that a subscriber has not heard of: a profile that was written, at its last version."""
        return sum(
            heard.get(key, 0) < version for heard in self.heard for key, version in self.written.items()
        )

    def _token(self, number: int) -> str:
        return self.tokens[number % len(self.tokens)]

    async def _think(self) -> None:
        await asyncio.sleep(random.expovariate(1 / self.pause))

    async def _read(self, session: aiohttp.ClientSession, number: int) -> None:
        await asyncio.sleep(random.random() * self.pause)
        while not self._over:
            await self._ask(session, number, "read", SEARCH, {"asn": random.choice(ASNS)})
            await self._think()

    async def _write(self, session: aiohttp.ClientSession, number: int) -> None:
        await asyncio.sleep(random.random() * self.pause)
        while not self._over:
            made = {
                "address": str(ip_address(next(self._addresses))), "tlp": "GREEN", "token": str(uuid4()),
                "notes": random.choice(WORDS),
            }  # fmt: skip
            told = (await self._ask(session, number, "write", CREATE, {"input": made}))["createIpProfile"]
            assert told["__typename"] == "IpProfile", told
            self._note(told)
            await self._think()
            changed = {
                "id": told["id"],
                "expectedVersion": told["version"],
                "notes": random.choice(WORDS) + " again",
            }
            told = (await self._ask(session, number, "write", UPDATE, {"input": changed}))["updateIpProfile"]
            if told["__typename"] == "IpProfile":
                self._note(told)
            else:  # asked twice, since the first answer was lost
                assert told["__typename"] == "Conflict", told
                self.trouble["done already"] += 1
                self._note({"id": changed["id"], "version": 2})
            await self._think()

    def _note(self, told: dict[str, Any]) -> None:
        self.written[told["id"]] = told["version"]
        self._told_at[told["id"], told["version"]] = time.monotonic()

    async def _ask(
        self, session: aiohttp.ClientSession, number: int, what: str, query: str, variables: Any
    ) -> Any:
        """The data of an answer, asked again until there is one."""
        headers = {"authorization": f"Bearer {self._token(number)}"}
        wait = 0.1
        while True:
            begun = time.perf_counter()
            try:
                async with session.post(f"{self.url}/graphql", json={"query": query, "variables": variables}, headers=headers) as answer:  # fmt: skip
                    body = json.loads(await answer.read())
                errors = body.get("errors")
                if not errors:
                    self.seconds[what].append(time.perf_counter() - begun)
                    return body["data"]
                code = errors[0].get("extensions", {}).get("code")
                assert code in AGAIN, errors
                self.trouble[f"{what} {code}"] += 1
            except (aiohttp.ClientError, ConnectionError, json.JSONDecodeError) as error:
                self.trouble[f"{what} {type(error).__name__}"] += 1
            await asyncio.sleep(wait * (0.5 + random.random()))
            wait = min(wait * 2, 2)

    async def _listen(self, session: aiohttp.ClientSession, number: int) -> None:
        """One subscriber, for ever: connected again after each end, from the cursor it had come to."""
        heard: dict[str, int] = {}
        self.heard.append(heard)
        cursor, counted = None, False
        while True:
            try:
                async with session.ws_connect(f"{self.url}/graphql", protocols=["graphql-transport-ws"], max_msg_size=0) as socket:  # fmt: skip
                    await socket.send_json({"type": "connection_init", "payload": {"authorization": f"Bearer {self._token(number)}"}})  # fmt: skip
                    assert (await socket.receive_json())["type"] == "connection_ack"
                    await socket.send_json({"type": "subscribe", "id": "1", "payload": {"query": LISTEN, "variables": {"after": cursor}}})  # fmt: skip
                    async for raw in socket:
                        message = json.loads(raw.data)
                        assert message["type"] == "next", message
                        payload = message["payload"]
                        assert not payload.get("errors"), payload
                        event = payload["data"]["ipProfileChanged"]
                        cursor = event["cursor"]
                        if event["profile"] is not None:
                            self._hear(heard, event["profile"])
                        if not counted:
                            counted, self._listening = True, self._listening + 1
                self.trouble[f"listen closed {socket.close_code}"] += 1
            except (aiohttp.ClientError, ConnectionError, TypeError, ValueError) as error:
                self.trouble[f"listen {type(error).__name__}"] += 1
            except AssertionError as error:
                if "UNAVAILABLE" not in str(error):
                    self.trouble[f"listen {error}"[:200]] += 1
            await asyncio.sleep(0.1 + random.random() * 0.5)

    def _hear(self, heard: dict[str, int], profile: dict[str, Any]) -> None:
        key, version = profile["id"], profile["version"]
        if heard.get(key, 0) >= version:
            self.trouble["heard twice"] += 1
            return
        heard[key] = version
        at = self._told_at.get((key, version))
        if at is not None:
            self.delays.append(max(0.0, time.monotonic() - at))


def percentile(values: list[float], share: float) -> float:
    """In milliseconds; of nothing, nan."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000 if ordered else float("nan")
