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
from workbench.store.watching.webhook import deliver, forward, signature

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


def test_a_watched_threat_level_is_told_of_when_it_is_reached_and_not_again_above_it(town: Any) -> None:
    store = town.store("ines")
    store.watchlists.create("loud", threat_level="high")
    profile = store.profiles.create("192.0.2.1", threat_level="low")
    for level in ("medium", "high", "critical", "low", "critical"):
        profile = store.profiles.update(profile, threat_level=level)
    assert [alert.says for alert in store.alerts.all()] == [
        "192.0.2.1 in loud: threat level 1 to 4",
        "192.0.2.1 in loud: threat level 2 to 3",
    ]


def test_two_who_check_a_listing_at_once_raise_one_alert(town: Any) -> None:
    """Of different snapshots: the spans in which it may have begun overlap, and are not the same."""
    watch = town.store("ines").watchlists.create("watch", network="192.0.2.0/24")
    told = "SELECT raise_listings(%s, ARRAY['192.0.2.1 by x'], ARRAY[%s::timestamptz], ARRAY['2026-10-05'::timestamptz], ARRAY['listed'])"
    with town.sql("ines") as first, town.sql("ida") as second:
        raised: list[int] = []
        with first.transaction():
            assert first.execute(told, (watch.id, "2026-10-01")).fetchone() == (1,)
            other = threading.Thread(target=lambda: raised.append(second.execute(told, (watch.id, "2026-10-02")).fetchone()[0]))  # fmt: skip
            other.start()
            with town.superuser() as con:
                _until(lambda: con.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone()[0] or raised)  # fmt: skip
        other.join(15)
    assert raised == [0]
    assert len(town.store("ida").alerts.all()) == 1


def test_a_watchlist_watches_one_thing(town: Any) -> None:
    with pytest.raises(StoreError, match="a watchlist watches one thing"):
        town.store("ines").watchlists.create("both", asn=1, country="DE")


def test_a_country_that_is_none_is_not_watched(town: Any) -> None:
    watchlists = town.store("ines").watchlists
    with pytest.raises(ValueError, match="'XX' is no country code"):
        watchlists.create("nowhere", country="XX")
    assert watchlists.all() == []
    assert watchlists.create("land", country="nl").country == "NL"


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


@pytest.fixture(scope="module")
def snapshots(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A home with six small snapshots: without a list, and with one on which addresses come and go."""
    from workbench.intel import Layer, Reliability, Source, build
    from workbench.intel.catalogue import load

    folder = tmp_path_factory.mktemp("intel")
    where = Source("where", "Where", "ranges", (Layer.GEO, Layer.NETWORK), Reliability.A, "CC0-1.0", "Where")
    ranges = folder / "where.csv"
    ranges.write_text("network,country,asn,as_org\n185.246.188.0/22,NL,200651,FlokiNET\n")
    listed = folder / "ipsum.txt"
    with pytest.MonkeyPatch.context() as context:
        context.setenv("WORKBENCH_HOME", str(folder))
        ids = [build([(where, ranges)], only=True).id]
        days = ([], ["185.246.188.1"], ["185.246.188.1", "185.246.188.2"], ["185.246.188.2"], ["185.246.188.1", "185.246.188.2"])  # fmt: skip
        for day, entries in enumerate(days, 10):
            listed.write_text(f"# Last updated: 2026-11-{day}\n203.0.113.9\t6\n8.8.4.4\t3\n" + "".join(f"{e}\t5\n" for e in entries))  # fmt: skip
            ids.append(build([(where, ranges), (load()["ipsum"], listed)], only=True).id)
    return folder, ids


def test_new_intel_raises_one_alert_a_listing_however_often_and_with_what_it_is_checked(
    town: Any, snapshots: tuple[Path, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from workbench.intel import library

    folder, ids = snapshots
    monkeypatch.setenv("WORKBENCH_HOME", str(folder))
    monkeypatch.setattr(library, "_pack_is_newer", lambda _: False)
    (folder / "checked.json").unlink(missing_ok=True)

    def built(number: int) -> None:
        (folder / "snapshots" / "current").write_text(ids[number])
        library.reread()

    store, colleague = town.store("ines"), town.store("ida")
    for name, watched in (
        ("net", {"network": "185.246.188.0/22"}), ("carrier", {"asn": 200651}), ("again", {"asn": 200651}),
        ("land", {"country": "NL"}), ("elsewhere", {"network": "5.0.0.0/8"}), ("loud", {"threat_level": "high"}),
    ):  # fmt: skip
        store.watchlists.create(name, **watched)
    built(0)
    assert store.watchlists.check() == 0  # there is nothing to compare with yet
    built(1)
    assert store.watchlists.check() == 0
    built(2)
    assert store.watchlists.check() == 4
    assert {alert.name for alert in store.alerts.all()} == {"net", "carrier", "again", "land"}
    assert {alert.says.partition(" in ")[0] for alert in store.alerts.all()} == {"185.246.188.1"}
    assert "listed as attacker by ipsum" in store.alerts.all()[0].says
    # The same listing between other snapshots, and by a colleague, is no other cause.
    for before, after in ((ids[0], ids[2]), (ids[1], library.current()), (ids[0], None)):
        assert store.watchlists.check(before, after) == 0
    built(3)
    assert colleague.watchlists.check(ids[1]) == 4
    assert store.watchlists.check() == 0
    assert len(store.alerts.all()) == 8
    # Gone and listed again is a cause of its own.
    built(4)
    assert store.watchlists.check() == 0
    built(5)
    assert store.watchlists.check() == 4
    assert colleague.watchlists.check(ids[4]) == 0
    assert colleague.watchlists.check(ids[3]) == 0
    assert len(store.alerts.all()) == 12
    library.reread()


def test_a_profile_that_new_intel_moves_into_a_watched_network_raises_an_alert(town: Any) -> None:
    store = town.store("ines")
    with town.superuser() as con:
        store.profiles.create("185.246.188.74")
        con.execute("UPDATE profiles SET asn = 64496, country = 'DE', snapshot = NULL")
    store.watchlists.create("carrier", asn=200651)
    store.watchlists.create("land", country="NL")
    seen: list[int] = []
    assert store.profiles.enrich_all(progress=seen.append) == 1
    assert seen == [1]
    assert {alert.says for alert in store.alerts.all()} == {
        "185.246.188.74 has come to be in carrier", "185.246.188.74 has come to be in land"
    }  # fmt: skip
    assert store.profiles.enrich_all() == 0


def test_profiles_are_not_brought_back_to_older_intel_than_a_colleague_has(town: Any) -> None:
    store = town.store("ines")
    made = store.profiles.create("185.246.188.74")
    with town.superuser() as con:
        con.execute("UPDATE profiles SET snapshot = '9999-01-01-of-a-colleague', verdict = 'newer'")
    assert store.profiles.enrich_all() == 0
    assert store.profiles.get(made.id).verdict == "newer"
    assert store.profiles.enrich_all(force_refresh=True) == 1


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
