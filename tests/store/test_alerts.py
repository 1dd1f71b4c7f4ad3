"""Watchlists raise one alert a cause, and tell only those who may know."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from workbench.store import NotFound, StoreError
from workbench.store.webhook import deliver, forward, signature

SECRET = b"of the two"


def test_a_profile_in_a_watched_network_raises_one_alert_and_a_change_another(town: Any) -> None:
    store = town.store("ines")
    watch = store.watchlists.create("substation", network="192.0.2.0/24")
    made = store.profiles.create("192.0.2.1")
    store.profiles.create("198.51.100.1")
    assert [alert.says for alert in store.alerts.all()] == ["new profile 192.0.2.1 in substation"]
    noted = store.profiles.update(made, notes="nothing to see")
    assert len(store.alerts.all()) == 1
    store.profiles.update(noted, threat_level="high")
    newest, _ = store.alerts.all()
    assert (newest.says, newest.watchlist) == ("192.0.2.1 in substation: threat level 0 to 3", watch.id)


@pytest.mark.parametrize(
    "watched", [{"asn": 200651}, {"country": "NL"}, {"threat_level": "high"}, {"network": "185.246.188.74"}]
)
def test_each_kind_of_thing_can_be_watched(town: Any, watched: dict[str, Any]) -> None:
    store = town.store("ines")
    store.watchlists.create("watch", **watched)
    store.profiles.create("185.246.188.74", threat_level="critical")
    assert len(store.alerts.all()) == 1
    store.profiles.create("9.9.9.9", threat_level="low")
    assert len(store.alerts.all()) == 1


def test_a_watchlist_watches_one_thing(town: Any) -> None:
    with pytest.raises(StoreError, match="a watchlist watches one thing"):
        town.store("ines").watchlists.create("both", asn=1, country="DE")


def test_an_alert_about_a_profile_that_is_not_for_the_watcher_is_not_shown_until_it_is(town: Any) -> None:
    ines, pia = town.store("ines"), town.store("pia")
    pia.watchlists.create("ours", network="192.0.2.0/24")
    made = ines.profiles.create("192.0.2.1", secrecy="amber")
    assert pia.alerts.all() == []
    ines.profiles.set_secrecy(made, "green", "cleared for the community")
    assert [alert.says for alert in pia.alerts.all()] == ["new profile 192.0.2.1 in ours"]
    assert ines.alerts.all() == []


def test_an_alert_is_acknowledged_and_closed_by_the_watching_organisation(town: Any) -> None:
    ines = town.store("ines")
    ines.watchlists.create("watch", network="192.0.2.0/24", secrecy="green")
    ines.profiles.create("192.0.2.1", secrecy="green")
    (alert,) = ines.alerts.all(state="raised")
    acknowledged = ines.alerts.acknowledge(alert, "on it")
    assert (acknowledged.state, acknowledged.note, acknowledged.changed_by) == (
        "acknowledged",
        "on it",
        town.role("ines"),
    )
    pia = town.store("pia")
    assert [seen.id for seen in pia.alerts.all()] == [alert.id]
    with pytest.raises(NotFound):
        pia.alerts.close(alert)
    assert ines.alerts.close(alert).state == "closed"


def test_a_new_listing_in_a_watched_network_raises_one_alert_however_often_it_is_checked(
    town: Any, home: Path, tmp_path: Path
) -> None:
    from workbench.intel import build, library
    from workbench.intel.catalogue import load

    before = library.current().id
    listed = tmp_path / "ipsum.txt"
    listed.write_text("# IPsum\n203.0.113.9\t6\n8.8.4.4\t3\n1.2.3.4\t5\n", encoding="utf-8")
    library.add(load()["ipsum"], listed)
    build()
    store = town.store("ines")
    store.watchlists.create("watch", network="1.2.0.0/16")
    store.watchlists.create("elsewhere", network="5.0.0.0/8")
    assert store.watchlists.check(before) == 1
    assert store.watchlists.check(before) == 0
    (alert,) = store.alerts.all()
    assert alert.says.startswith("1.2.3.4")
    assert "by ipsum" in alert.says


def test_alerts_arrive_while_listening_and_none_is_missed_when_the_connection_breaks(town: Any) -> None:
    store, other = town.store("ines"), town.store("ida")
    store.watchlists.create("watch", network="192.0.2.0/24")
    got: list[str] = []
    end = store.alerts.on_alert(lambda alert: got.append(alert.says))
    time.sleep(0.5)
    other.profiles.create("192.0.2.1")
    _until(lambda: len(got) == 1)
    with town.superuser() as con:
        con.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s AND query LIKE 'LISTEN%%'",
            (town.role("ines"),),
        )
    other.profiles.create("192.0.2.2")
    _until(lambda: len(got) == 2)
    end()
    assert got == ["new profile 192.0.2.1 in watch", "new profile 192.0.2.2 in watch"]


class _Receiver(BaseHTTPRequestHandler):
    answers: list[int]
    taken: list[tuple[dict[str, str], str]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        status = self.answers.pop(0) if self.answers else 200
        self.taken.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(status)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@pytest.fixture
def receiver() -> Iterator[tuple[str, type[_Receiver]]]:
    handler = type("Receiver", (_Receiver,), {"answers": [], "taken": []})
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/alerts", handler
    server.shutdown()
    server.server_close()


def test_a_webhook_gets_ids_only_signed_and_again_until_it_takes_them(
    town: Any, receiver: tuple[str, type[_Receiver]]
) -> None:
    url, handler = receiver
    handler.answers.extend([503, 500])
    store = town.store("ines")
    store.watchlists.create("very secret name", network="192.0.2.0/24")
    made = store.profiles.create("192.0.2.1")
    (alert,) = store.alerts.all()
    deliver(alert, url, SECRET, first_pause=0.01)
    assert len(handler.taken) == 3
    headers, body = handler.taken[-1]
    assert headers["webhook-signature"] == signature(
        SECRET, str(alert.id), headers["webhook-timestamp"], body
    )
    assert {taken["webhook-id"] for taken, _ in handler.taken} == {str(alert.id)}
    assert json.loads(body)["data"] == {
        "alert": str(alert.id),
        "watchlist": str(alert.watchlist),
        "profile": str(made.id),
    }
    assert "192.0.2.1" not in body
    assert "secret" not in body


def test_what_was_raised_while_nobody_forwarded_is_forwarded_first(
    town: Any, receiver: tuple[str, type[_Receiver]]
) -> None:
    url, handler = receiver
    store = town.store("ines")
    store.watchlists.create("watch", network="192.0.2.0/24")
    store.profiles.create("192.0.2.1")
    stop = threading.Event()
    thread = threading.Thread(target=forward, args=(store, url, SECRET), kwargs={"stop": stop})
    thread.start()
    _until(lambda: len(handler.taken) == 1)
    town.store("ida").profiles.create("192.0.2.2")
    _until(lambda: len(handler.taken) == 2)
    stop.set()
    thread.join(5)
    assert not thread.is_alive()


def _until(done: Any, seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)
