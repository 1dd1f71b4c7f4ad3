"""A member's connection to a store, and its rooms."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from workbench.secrecy import TLP, Member, Organisation
from workbench.store.administering.upgrading import newest
from workbench.store.errors import StoreError, Unreachable, plain
from workbench.store.things import note_read

if TYPE_CHECKING:
    import psycopg

    from workbench.store.auditing import Audit
    from workbench.store.matters.entities import Entities
    from workbench.store.matters.investigations import Investigations
    from workbench.store.profiles.observations import Evidence, Footprint, Observations, Sighting
    from workbench.store.profiles.profiles import Profiles
    from workbench.store.watching.alerts import Alerts, Watchlists

__all__ = ["SESSION", "TIMEOUT_SECONDS", "Store"]

T = TypeVar("T")
ATTEMPTS = 5
TIMEOUT_SECONDS = 10
SESSION: dict[str, Any] = {
    "connect_timeout": TIMEOUT_SECONDS,
    "application_name": "ip-workbench",
    # A search forbids the planner some ways; the costs that come of it would have JIT compile it. A time without a zone is
    # UTC, as in the rest of the workbench, and not that of wherever the server is.
    "options": "-c search_path=workbench -c jit=off -c timezone=UTC",
    # A dead peer is noticed within half a minute, not after hours.
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}
"""How a connection to a store is opened, whoever opens it."""
_STRANGER = "your database role is no active member of this store: its administrator adds you with: workbench store member ROLE --organisation NAME"


class Store:
    """A store, seen by the member as whom ``url`` connects. Safe to share between threads; use it in a ``with``
    block or :meth:`close` it.

    ``profiles``, ``investigations``, ``entities``, ``evidence``, ``sightings``, ``footprint``, ``watchlists``,
    ``alerts`` and ``audit`` are its rooms.

    Raises:
        Unreachable: the server does not answer.
        StoreError: there is no store in the database, or not of this version.
        PermissionError: the role is no active member.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._lock = threading.RLock()
        self._con: psycopg.Connection[Any] | None = None
        self.run("the store", self._check)

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Store of {self.me.organisation.name}, seen by {self.me.role} up to {self.me.clearance}>"

    def close(self) -> None:
        """Let the connection go."""
        with self._lock:
            if self._con is not None:
                self._con.close()
                self._con = None

    @cached_property
    def profiles(self) -> Profiles:
        """IP profiles."""
        from workbench.store.profiles.profiles import Profiles

        return Profiles(self)

    @cached_property
    def investigations(self) -> Investigations:
        """Investigations, and the profiles linked to them."""
        from workbench.store.matters.investigations import Investigations

        return Investigations(self)

    @cached_property
    def entities(self) -> Entities:
        """People, organisations, threat actors, malware, devices and accounts."""
        from workbench.store.matters.entities import Entities

        return Entities(self)

    @cached_property
    def watchlists(self) -> Watchlists:
        """What alerts are raised for."""
        from workbench.store.watching.alerts import Watchlists

        return Watchlists(self)

    @cached_property
    def alerts(self) -> Alerts:
        """Alerts raised, and their end."""
        from workbench.store.watching.alerts import Alerts

        return Alerts(self)

    @cached_property
    def audit(self) -> Audit:
        """What was read and written, as far as it is for this member."""
        from workbench.store.auditing import Audit

        return Audit(self)

    @cached_property
    def evidence(self) -> Observations[Evidence]:
        """Evidence of profiles."""
        from workbench.store.profiles.observations import Evidence, Observations

        return Observations(self, Evidence)

    @cached_property
    def sightings(self) -> Observations[Sighting]:
        """Sightings of profiles."""
        from workbench.store.profiles.observations import Observations, Sighting

        return Observations(self, Sighting)

    @cached_property
    def footprint(self) -> Observations[Footprint]:
        """Digital footprint of profiles."""
        from workbench.store.profiles.observations import Footprint, Observations

        return Observations(self, Footprint)

    @property
    def me(self) -> Member:
        """The member, as the database knows her now."""
        return self._identity()[1]

    @property
    def organisation_id(self) -> Any:
        """The id of the member's organisation."""
        return self._identity()[0]

    def members(self) -> list[tuple[str, str]]:
        """Every active member: database role and organisation. RED is named for these."""
        return self.rows(
            "members",
            "SELECT m.role, o.name FROM members m JOIN organisations o ON o.id = m.organisation WHERE active ORDER BY 2, 1",
        )

    def rows(self, what: str, query: str, values: Any = ()) -> list[Any]:
        """The rows of a query that only reads; asked again if the connection was lost."""
        return self.run(what, lambda con: con.execute(query.encode(), values).fetchall())

    def read(self, kind: str, what: str, query: str, values: Any = (), *, column: int = 0) -> list[Any]:
        """The same, of rows that are, or tell of, things of a ``kind`` whose ids are in a ``column``: that those of AMBER
        and above were read is written down; see :func:`workbench.store.things.note_read`."""

        def work(con: psycopg.Connection[Any]) -> list[Any]:
            found = con.execute(query.encode(), values).fetchall()
            note_read(con, kind, what, {row[column] for row in found} - {None})
            return found

        return self.run(what, work)

    def run(self, what: str, work: Callable[[psycopg.Connection[Any]], T], *, repeatable: bool = True) -> T:
        """Do ``work`` in a transaction. ``repeatable`` work, which leaves the same when done twice, is repeated
        with growing pauses if the connection is lost; other work is not.

        Raises:
            Unreachable: the connection is lost and was not regained, or the work is not repeatable.
        """
        for attempt in range(ATTEMPTS):
            begun = False
            try:
                with plain(what), self._transaction() as con:
                    begun = True
                    return work(con)
            except Unreachable as error:
                self._forget()
                error.maybe_done = begun and not repeatable
                if error.maybe_done:
                    error.args = (f"{error.args[0]}; whether it was done is not known: look before repeating it",)  # fmt: skip
                if error.maybe_done or attempt == ATTEMPTS - 1 or not _worth_another_try(error):
                    raise
                time.sleep(0.1 * 2**attempt * (1 + random.random()))  # noqa: S311
        raise AssertionError

    @contextmanager
    def connection(self, what: str) -> Iterator[psycopg.Connection[Any]]:
        """A transaction for a block of work; errors in the user's words, nothing repeated."""
        with plain(what), self._transaction() as con:
            yield con

    @contextmanager
    def _transaction(self) -> Iterator[psycopg.Connection[Any]]:
        """A transaction as the member. Where it fails before it begins, nothing was done."""
        with self._lock:
            con = self._connected()
            try:
                with con.transaction():
                    yield con
            except KeyboardInterrupt:
                self.close()  # nobody knows what was on its way
                raise

    def _forget(self) -> None:
        """Let go of what was lost, so that the next transaction finds something that works."""
        self.close()

    def _connected(self) -> psycopg.Connection[Any]:
        import psycopg

        if self._con is None or self._con.closed:
            self._con = psycopg.connect(
                self.url,
                autocommit=True,
                **SESSION,
            )
        return self._con

    def _check(self, con: psycopg.Connection[Any]) -> None:
        (entered,) = _one(con, "SELECT has_schema_privilege(to_regnamespace('workbench'), 'USAGE')")
        if entered is False:
            raise PermissionError(_STRANGER)
        if not entered or not _one(con, "SELECT to_regclass('workbench.migrations')")[0]:
            raise StoreError(
                "the database has no store: its administrator makes one with: workbench store init URL"
            )
        (version,) = _one(con, "SELECT version_num FROM migrations")
        if version > newest():
            raise StoreError(
                f"the store is at schema {version}, newer than this version of the workbench: update it"
            )
        if version != newest():
            raise StoreError(
                f"the store is at schema {version}, this version wants {newest()}: workbench store migrate URL"
            )
        self._identity(con)

    def _identity(self, con: psycopg.Connection[Any] | None = None) -> tuple[Any, Member]:
        query = """
            SELECT m.role, m.organisation, o.name, o.in_community, c.level,
                array(SELECT k.name FROM clients JOIN organisations k ON k.id = client WHERE owner = m.organisation)
            FROM members m JOIN organisations o ON o.id = m.organisation JOIN clearances c USING (role)
            WHERE m.role = current_user AND m.active"""
        found = (
            con.execute(query.encode()).fetchall() if con is not None else self.rows("your membership", query)
        )
        if not found:
            raise PermissionError(_STRANGER)
        role, organisation, name, in_community, level, clients = found[0]
        return organisation, Member(role, Organisation(name, frozenset(clients), in_community), TLP(level))


def _one(con: psycopg.Connection[Any], query: str) -> Sequence[Any]:
    row = con.execute(query.encode()).fetchone()
    assert row is not None
    return row  # type: ignore[no-any-return]


def _worth_another_try(error: Unreachable) -> bool:
    """A wrong password or database will be wrong in a second too."""
    text = str(error)
    return not any(
        sign in text
        for sign in (
            "authentication failed",
            "does not exist",
            "no pg_hba.conf",
            "not permitted",
            "get a connection after",
        )
    )
