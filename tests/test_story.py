"""The mission from end to end: 23 addresses of a log, two organisations and a partner, and who sees what at each step.

``cert`` keeps the store; ines and ida are hers, clara is of ``grid``, a client of cert, pia of ``bank``, another
organisation of the community. The ``partner`` has a store of its own.
"""

from __future__ import annotations

import asyncio
import io
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import websockets

import workbench as wb
from tests.api.conftest import api, api_town, postgres, serve, served
from tests.exchange.conftest import credential, medallion
from tests.store.conftest import Town, build_town
from workbench.api import Settings
from workbench.exchange import taxii
from workbench.exchange.stix import ObjectStore, WithheldError, import_into
from workbench.reports import schedule, tick_now
from workbench.store import NotFound

__all__ = ["api", "api_town", "credential", "medallion", "postgres", "serve"]

SAMPLE = Path(__file__).resolve().parents[1] / "data" / "samples" / "firewall.log"
ATTACKER, OTHER_ATTACKER, EXIT = "84.205.67.213", "93.175.147.88", "185.246.188.74"
SOURCE, HINT = "the plant's own sensor saw it", "an informant named it"
"""What must not leave cert and its client, and what must not leave ines."""


@pytest.fixture(scope="module")
def partner(postgres: str) -> Iterator[Town]:
    """Another store, of other people; pia is one of them."""
    yield from build_town(postgres)


class Listening:
    """A GraphQL subscription of a member, and what it has told so far."""

    def __init__(self, api: Any, member: str, query: str, ready: str) -> None:
        self.told: list[dict[str, Any]] = []
        self._ready, self._more, self._ended = threading.Event(), threading.Condition(), False
        self._loop = asyncio.new_event_loop()
        self._opened = self._loop.create_task(self._listen(api, member, query, ready))
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._ready.wait(30), f"{member} is not subscribed: {self.told}"

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._opened)
        except asyncio.CancelledError:
            pass
        finally:
            self._loop.close()

    async def _listen(self, api: Any, member: str, query: str, ready: str) -> None:
        async with websockets.connect(api.socket_url, subprotocols=["graphql-transport-ws"]) as socket:
            bearer = {"authorization": f"Bearer {api.token(member)}"}
            await socket.send(json.dumps({"type": "connection_init", "payload": bearer}))
            assert json.loads(await socket.recv()) == {"type": "connection_ack"}
            await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": {"query": query}}))
            async for text in socket:
                message = json.loads(text)
                if message["type"] == "error":
                    self.told.append(message)
                    return
                if message["type"] != "next":
                    continue
                if not self._ready.is_set():
                    assert ready in text
                    self._ready.set()
                    continue
                with self._more:
                    self.told.append(message["payload"]["data"])
                    self._more.notify_all()

    def until(self, condition: Any) -> None:
        with self._more:
            assert self._more.wait_for(lambda: condition(self.told), 60), self.told

    def end(self) -> None:
        self._loop.call_soon_threadsafe(self._opened.cancel)
        self._thread.join(10)


def everything(town: Town, name: str) -> str:
    """All that a member can read of the store, as text."""
    tables = (
        "profiles",
        "evidence",
        "sightings",
        "footprint",
        "profile_history",
        "investigations",
        "alerts",
        "audit",
    )
    with town.sql(name) as con:
        return "\n".join(str(con.execute(f"SELECT * FROM {table}").fetchall()) for table in tables)


def test_from_a_log_to_a_partner(
    api: Any, partner: Town, medallion: Any, credential: None, tmp_path: Path
) -> None:
    town = api.town
    ines, ida, clara, pia = (town.store(name) for name in ("ines", "ida", "clara", "pia"))

    # The log, judged, offline.
    case = wb.open_case(str(tmp_path / "intrusion.duckdb"))
    assert case.ingest(SAMPLE).rows == 346
    triage = case.triage(concern={"HK"})
    rows = triage.table.to_pylist()
    verdicts = [row["verdict"] for row in rows]
    assert len(rows) == 23
    assert [verdicts.count(name) for name in ("malicious", "anonymised", "watch", "clean")] == [2, 3, 1, 17]
    assert all(row["reasons"] and row["snapshot"] for row in rows)
    assert {row["address"] for row in rows[:2]} == {ATTACKER, OTHER_ATTACKER}

    # The map, whole and silent.
    drawn = case.map("firewall")
    assert "23 placed: 2 malicious, 3 anonymised, 18 clean" in repr(drawn)
    drawn.save(str(tmp_path / "map.html"))
    page = (tmp_path / "map.html").read_text()
    assert "unpkg.com" not in page
    assert "tile.openstreetmap" not in page

    # Profiles in the case, classified; ines shares them, ida and the others see what is for them.
    case.profiles.create(ATTACKER, secrecy="amber", threat_level="critical", notes=SOURCE, tags=["scada"])
    case.profiles.create(EXIT, secrecy="green", threat_level="low", notes="an exit like others")
    synced = case.sync(ines)
    assert "2" in str(synced)
    red = ines.profiles.create(OTHER_ATTACKER, secrecy="red", notes=HINT, recipients=[town.role("ida")])
    matter = ines.investigations.create("Water utility", secrecy="amber")
    assert ines.investigations.link(matter, ines.profiles.get(ATTACKER), ines.profiles.get(EXIT), red) == 3

    assert ida.profiles.get(ATTACKER).notes == SOURCE
    assert ida.profiles.get(OTHER_ATTACKER).notes == HINT
    assert {p.address for p in ida.investigations.profiles(ida.investigations.get("Water utility"))} == {ATTACKER, EXIT, OTHER_ATTACKER}  # fmt: skip
    assert clara.profiles.get(ATTACKER).notes == SOURCE  # AMBER is for clients too
    for store, address in ((clara, OTHER_ATTACKER), (pia, ATTACKER), (pia, OTHER_ATTACKER)):
        with pytest.raises(NotFound):
            store.profiles.get(address)
    assert pia.profiles.get(EXIT).owner == "cert"
    assert pia.investigations.all() == []
    assert SOURCE in everything(town, "clara")
    assert HINT not in everything(town, "clara")
    for secret in (SOURCE, HINT, ATTACKER, OTHER_ATTACKER, "Water utility"):
        assert secret not in everything(town, "pia")

    # The second organisation's own case holds what is for it, and an edit of its own comes back to it alone.
    with wb.open_case(str(tmp_path / "bank.duckdb")) as other:
        other.sync(pia)
        assert [p.address for p in other.profiles.list()] == [EXIT]
        other.profiles.create("203.0.113.77", secrecy="amber+strict", notes="our own matter")
        other.sync(pia)
    assert pia.profiles.get("203.0.113.77").notes == "our own matter"
    with pytest.raises(NotFound):
        ines.profiles.get("203.0.113.77")
    for secret in (SOURCE, HINT):
        assert secret.encode() not in (tmp_path / "bank.duckdb").read_bytes()

    # Whoever listens hears of what she may see, when it changes.
    changed = "subscription { ipProfileChanged { kind profile { address tlp notes } } }"
    hears_green, hears_all = (Listening(api, name, changed, "READY") for name in ("pia", "ida"))
    case.sync(ines)
    held = case.profiles.get(ATTACKER)
    case.profiles.update(held, notes=f"{SOURCE}; seen again")
    case.sync(ines)
    ines.profiles.update(ines.profiles.get(EXIT), tags=["tor"])
    hears_green.until(lambda told: any(EXIT in str(event) for event in told))
    hears_all.until(lambda told: ATTACKER in str(told) and EXIT in str(told))
    assert ATTACKER not in str(hears_green.told)
    for listening in (hears_green, hears_all):
        listening.end()

    # Every morning a report on the matter for the client, by a schedule: without what is named for others.
    url = town.url_of("ines")
    schedule(
        "investigation", called="for the grid", cron="0 7 * * *", deliver=[str(tmp_path / "reports")], to=["html", "ipynb"],
        parameters={"investigation": str(matter.id), "store": url}, for_whom={"organisation": "grid"}, url=url,
    )  # fmt: skip
    assert [outcome.status for outcome in tick_now(url=url)] == ["waiting"]
    assert [outcome.status for outcome in tick_now(url=url, force=True)] == ["done"]
    written = [path.read_text() for path in (tmp_path / "reports").rglob("*") if path.is_file()]
    for shown in (ATTACKER, SOURCE, "TLP:AMBER"):
        assert any(shown in text for text in written)
    for secret in (HINT, OTHER_ATTACKER, EXIT):  # GREEN is for the community, which the grid is not of
        assert not any(secret in text for text in written)

    # To the partner goes what the community may have; the rest stops the push, or stays.
    inbox = medallion.collection()
    things = [ines.profiles.get(ATTACKER), ines.profiles.get(EXIT), ines.profiles.get(OTHER_ATTACKER)]
    with pytest.raises(WithheldError, match=ATTACKER):
        taxii.run(taxii.push(medallion.url, inbox, things, to="community", store=ines))
    assert medallion.manifest(inbox) == []
    pushed = taxii.run(taxii.push(medallion.url, inbox, things, to="community", store=ines, withheld="drop"))
    assert pushed.complete
    assert {str(thing.level) for thing in pushed.withheld} == {"TLP:AMBER", "TLP:RED"}
    assert {ATTACKER, OTHER_ATTACKER} <= set(" ".join(thing.name for thing in pushed.withheld).split())

    # The partner polls it into a case, and from there into a store of its own, where it raises an alert once.
    theirs = partner.store("pia")
    theirs.watchlists.create("exits", network="185.246.188.0/24")
    settings = Settings(_gate(partner), tmp_path / "partner").with_limits(per_minute=60_000)
    with served(partner, settings) as partner_api:
        alarms = Listening(
            partner_api, "pia", "subscription { alertRaised { cursor alert { message } } }", "null"
        )
        received = tmp_path / "received.duckdb"
        for _ in range(2):  # the second finds nothing new
            taxii.run(taxii.poll(medallion.url, str(received), collections=[inbox]))
            bundle = io.BytesIO()
            ObjectStore(received).write_bundle(bundle)
            import_into(theirs, bundle.getvalue(), tlp="green")
        alarms.until(lambda told: EXIT in str(told))
        assert [alert.says for alert in theirs.alerts.all()] == [f"new profile {EXIT} in exits"]
        alarms.end()
        partner_api.stop()
    assert theirs.profiles.get(EXIT).secrecy.name == "GREEN"
    for secret in (SOURCE, HINT, ATTACKER, OTHER_ATTACKER):
        assert secret.encode() not in received.read_bytes()
        assert secret not in everything(partner, "pia")
    case.close()


def _gate(town: Town) -> str:
    with town.administration() as administration:
        administration.add_api_login(town.role("gate"))
    return town.url_of("gate")
