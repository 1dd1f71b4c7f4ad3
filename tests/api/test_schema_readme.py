"""Every block of the API's page does what the page says."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import websockets

from workbench.store import Footprint

PAGE = (Path(__file__).parents[2] / "workbench" / "api" / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


async def test_the_page_is_true(api: Any) -> None:
    store = api.town.store("ines")
    seed = store.profiles.create("198.51.100.7")
    store.footprint.add(seed, Footprint("domain", "c2.example", "pdns"))
    told: dict[str, Any] = {}
    values: dict[str, Any] = {"after": None}
    for block in blocks("graphql"):
        (name,) = re.findall(r"^(?:query|mutation) (\w+)", block, re.MULTILINE)
        wanted = {key: values[key] for key in re.findall(r"\$(\w+):", block)}
        answer = await asyncio.to_thread(api.query, "ines", block, wanted)
        assert "errors" not in answer, (name, answer["errors"])
        (told[name], *_) = answer["data"].values()
        if name == "Create":
            values |= {"id": told[name]["id"], "version": told[name]["version"]}
        elif name == "Change":
            values["version"] = told[name]["version"]
    assert told["Lookup"]["isTor"]
    assert [row["verdict"] for row in told["Bulk"]][-1] == "INVALID"
    assert [each["profile"]["address"] for each in told["Pivot"]] == ["198.51.100.7"]
    assert told["When"]["listed"]
    assert told["Change"]["__typename"] == "IpProfile"
    assert told["Name"]["tlp"] == "RED"
    assert told["Watch"]["network"] == "192.0.2.0/24"
    assert [each["tlp"] for each in told["Share"]["withheld"]] == ["RED"]


async def test_the_client_of_the_page_hears_of_changes_across_lost_connections(api: Any) -> None:
    (code,) = blocks("python")
    opened: list[Any] = []

    class Connect(websockets.connect):
        async def __aenter__(self) -> Any:
            opened.append(await super().__aenter__())
            return opened[-1]

    scope: dict[str, Any] = {}
    exec(code, scope)
    scope["websockets"] = SimpleNamespace(connect=Connect, ConnectionClosed=websockets.ConnectionClosed)
    store = api.town.store("ines")
    heard = scope["changes"](api.socket_url, api.token("ines"))

    async def first() -> Any:
        async with asyncio.timeout(60):
            return await anext(heard)

    waiting = asyncio.create_task(first())
    await asyncio.sleep(0.5)
    await asyncio.to_thread(store.profiles.create, "198.51.100.8", threat_level="high")
    assert (await waiting)["profile"]["address"] == "198.51.100.8"
    opened[-1].transport.abort()
    await asyncio.to_thread(store.profiles.create, "198.51.100.9", threat_level="high")
    assert (await first())["profile"]["address"] == "198.51.100.9"
    await heard.aclose()
    assert len(opened) == 2


def test_every_code_that_is_told_is_on_the_page() -> None:
    room = Path(__file__).parents[2] / "workbench" / "api"
    told = set()
    for path in room.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        told |= set(re.findall(r'"code": "([A-Z_]+)"|code = "([A-Z_]+)"', text))
    codes = {first or second for first, second in told}
    missing = {code for code in codes if f"`{code}`" not in PAGE}
    assert not missing
