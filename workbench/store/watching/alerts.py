"""Watchlists, and the alerts raised for them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from workbench.secrecy import TLP
from workbench.store.errors import NotFound, Unreachable
from workbench.store.profiles.profile import ThreatLevel, one_address
from workbench.store.things import NOW, change, create, set_level

if TYPE_CHECKING:
    from workbench.store.connection import Store
    from workbench.store.watching.changes import Place

__all__ = ["SELECT_ALERT", "SELECT_WATCHLIST", "Alert", "Alerts", "Watchlist", "Watchlists", "watchlist_of"]  # fmt: skip

_BACKLOG = 100_000

SELECT_WATCHLIST = (
    "SELECT t.id, t.name, t.network::text, t.asn, t.country, t.threat_level, (SELECT o.name FROM organisations o WHERE o.id = t.owner) AS owner, "
    "t.secrecy, t.version, t.created_by, t.created_at, t.deleted_at FROM watchlists t"
)
SELECT_ALERT = (
    "SELECT a.id, a.watchlist, w.name, a.profile, a.cause, a.says, a.state, a.note, a.raised_at, a.changed_by, a.changed_at "
    "FROM alerts a JOIN watchlists w ON w.id = a.watchlist"
)


@dataclass(frozen=True, slots=True)
class Watchlist:
    """What is watched: a ``network`` (an address is one), an ``asn``, a ``country``, or profiles that reach a
    ``threat_level``; one of the four."""

    id: UUID
    name: str
    network: str | None
    asn: int | None
    country: str | None
    threat_level: ThreatLevel | None
    owner: str
    secrecy: TLP
    version: int
    created_by: str
    created_at: datetime
    deleted_at: datetime | None


@dataclass(frozen=True, slots=True)
class Alert:
    """Something happened to what is watched. ``state`` is raised, acknowledged or closed; ``cause`` is unique
    in a watchlist, so that nothing is told twice."""

    id: UUID
    watchlist: UUID
    name: str
    profile: UUID | None
    cause: str
    says: str
    state: str
    note: str
    raised_at: datetime
    changed_by: str | None
    changed_at: datetime | None

    def __str__(self) -> str:
        return f"{self.raised_at:%Y-%m-%d %H:%M} {self.state}: {self.says}"

    __repr__ = __str__


class Watchlists:
    """The watchlists that the member may see."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create(
        self, name: str, *, network: str | None = None, asn: int | None = None, country: str | None = None,
        threat_level: ThreatLevel | str | None = None, secrecy: TLP | str = TLP.AMBER_STRICT,
        recipients: Iterable[str] = (),
    ) -> Watchlist:  # fmt: skip
        """Watch one thing: a network or address, an AS number, a country (ISO 3166-1 alpha-2), or profiles that
        reach a threat level. An alert is raised when a profile there is made, comes to be there, or its verdict or
        threat level changes, and when new intel lists something there (:meth:`check`).

        Raises:
            StoreError: none of the four is given, or more than one.
            ValueError: the network or the country is none.
        """
        from workbench.enrichment.countries import country_code

        values = {
            "name": name,
            "network": one_address(network) if network is not None else None,
            "asn": asn,
            "country": country_code(country) if country is not None else None,
            "threat_level": int(ThreatLevel.parse(threat_level)) if threat_level is not None else None,
        }
        made = create(self._store, "watchlists", values, TLP.parse(secrecy), "created", recipients)
        return self.get(made)

    def get(self, key: UUID) -> Watchlist:
        """By id.

        Raises:
            NotFound: there is none, or none the member may see.
        """
        found = self._store.read(
            "watchlists", f"watchlist {key}", f"{SELECT_WATCHLIST} WHERE t.id = %s", (key,)
        )
        if not found:
            raise NotFound(f"watchlist {key}: not found, or not for you")
        return watchlist_of(found[0])

    def all(self, *, limit: int | None = None, after: tuple[str, UUID] | None = None) -> list[Watchlist]:
        """All the member may see, in order of name; or those ``after`` one of this name and id."""
        last, key = after or (None, None)
        rows = self._store.read(
            "watchlists",
            "watchlists",
            f"{SELECT_WATCHLIST} WHERE t.deleted_at IS NULL AND (%(last)s::text IS NULL OR (t.name, t.id) > (%(last)s, %(key)s)) "
            "ORDER BY t.name, t.id LIMIT %(limit)s",
            {"last": last, "key": key, "limit": limit},
        )
        return [watchlist_of(row) for row in rows]

    def delete(self, watchlist: Watchlist) -> None:
        """Watch no more; alerts raised stay."""
        change(self._store, "watchlists", watchlist.id, watchlist.version, watchlist.name, {"deleted_at": NOW}, ("deleted_at",))  # fmt: skip

    def set_secrecy(
        self, watchlist: Watchlist, level: TLP | str, reason: str, recipients: Iterable[str] = ()
    ) -> Watchlist:
        """Raise or lower the level; see :meth:`workbench.store.profiles.profiles.Profiles.set_secrecy`."""
        set_level(self._store, "watchlists", watchlist.id, watchlist.version, level, reason, recipients)
        return self.get(watchlist.id)

    def check(self, before: Any = None, after: Any = None) -> int:
        """Raise an alert for what one snapshot lists in watched networks, ASes and countries and an earlier one did
        not; how many. To be called when new intel was built: ``workbench store refresh`` does.

        ``before`` and ``after`` are snapshots, ids or dates: by default the one that this was last done for on this
        machine, and the current one. However often and by how many it is called, a listing that goes on is told
        once. :meth:`workbench.store.profiles.profiles.Profiles.enrich_all` does the same for the verdicts of profiles.

        Raises:
            SnapshotError: there is no such snapshot.
        """
        from workbench.store.watching.listings import check

        return check(self._store, self.all(), before, after)


class Alerts:
    """The alerts of watchlists that the member may see, about profiles that she may see."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def all(
        self, *, state: str | None = None, limit: int = 1000, after: tuple[datetime, UUID] | None = None
    ) -> list[Alert]:
        """Alerts, newest first; or those ``after`` one that was raised then and has this id."""
        at, key = after or (None, None)
        rows = self._store.read(
            "profiles",
            "alerts",
            f"{SELECT_ALERT} WHERE (%(state)s::text IS NULL OR a.state = %(state)s) "
            "AND (%(at)s::timestamptz IS NULL OR a.raised_at < %(at)s OR a.raised_at = %(at)s AND a.id > %(key)s) "
            "ORDER BY a.raised_at DESC, a.id LIMIT %(limit)s",
            {"state": state, "at": at, "key": key, "limit": limit},
            column=3,
        )
        return [Alert(*row) for row in rows]

    def get(self, key: UUID) -> Alert:
        """By id.

        Raises:
            NotFound: there is none, or none the member may see.
        """
        rows = self._store.read(
            "profiles", f"alert {key}", f"{SELECT_ALERT} WHERE a.id = %s", (key,), column=3
        )
        if not rows:
            raise NotFound(f"alert {key}: not found, or not for you")
        return Alert(*rows[0])

    def acknowledge(self, alert: Alert, note: str = "") -> Alert:
        """Say that somebody looks after it."""
        return self._set(alert, "acknowledged", note)

    def close(self, alert: Alert, note: str = "") -> Alert:
        """Say that it is done with."""
        return self._set(alert, "closed", note)

    def listen(self, *, stop: threading.Event | None = None, backlog: bool = False) -> Iterator[Alert]:
        """Alerts as they are raised, for ever or until ``stop`` is set; with ``backlog`` those raised and not
        acknowledged first. A lost connection is regained, and what was raised meanwhile is not missed.

        The server's notice names ids only; each alert is then read with the member's own rights.

        Raises:
            Unreachable: the connection is lost and was not regained.
        """
        import psycopg

        from workbench.store.watching.changes import alerts_since, place

        here = place(self._store)
        told = set()
        if backlog:
            for alert in reversed(self.all(state="raised", limit=_BACKLOG)):
                told.add(alert.id)
                yield alert
        while not (stop and stop.is_set()):
            con = None
            try:
                con = psycopg.connect(self._store.url, autocommit=True, options="-c search_path=workbench")
                con.execute("LISTEN workbench")
                while not (stop and stop.is_set()):
                    found = alerts_since(self._store, here)
                    for change in found.items:
                        if change.thing.state == "raised" and change.thing.id not in told:
                            yield change.thing
                    here = found.place
                    if not found.more:
                        self._wait(con, stop)
            except psycopg.OperationalError as error:
                if stop and stop.wait(1):
                    return
                try:
                    here = self._still(here)
                except Unreachable:
                    raise Unreachable(f"alerts: the connection is lost: {error}") from error
            finally:
                if con is not None:
                    con.close()

    def _still(self, here: Place) -> Place:
        """The same place in the stream, or, in a database that was restored meanwhile, its end."""
        from workbench.store.watching.changes import place

        try:
            return place(self._store, str(here))
        except ValueError:
            return place(self._store)

    def on_alert(self, call: Callable[[Alert], None]) -> Callable[[], None]:
        """Call ``call`` with each alert raised from now on, in a thread of its own; the result ends that."""
        stop = threading.Event()

        def run() -> None:
            for alert in self.listen(stop=stop):
                call(alert)

        thread = threading.Thread(target=run, name="workbench-alerts", daemon=True)
        thread.start()

        def end() -> None:
            stop.set()
            thread.join(5)

        return end

    def _wait(self, con: Any, stop: threading.Event | None) -> None:
        """Until the server tells of a change, or half a minute is over. A notice is no more than a hint: it comes
        with every profile, and anybody who may connect can send one."""
        for _ in range(30):
            for _notice in con.notifies(timeout=1.0, stop_after=1):
                return
            if stop and stop.is_set():
                return

    def _set(self, alert: Alert, state: str, note: str) -> Alert:
        def work(con: Any) -> None:
            done = con.execute(
                "UPDATE alerts SET state = %s, note = CASE WHEN %s = '' THEN note ELSE %s END WHERE id = %s",
                (state, note, note, alert.id),
            )
            if done.rowcount == 0:
                raise NotFound(f"alert {alert.id}: not found, or not of your organisation")

        self._store.run("alert", work)
        return self.get(alert.id)


def watchlist_of(row: Any) -> Watchlist:
    """A row of :data:`SELECT_WATCHLIST` as a watchlist."""
    values = list(row)
    if values[5] is not None:
        values[5] = ThreatLevel(values[5])
    values[7] = TLP(values[7])
    return Watchlist(*values)
