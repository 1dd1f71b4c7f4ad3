"""Schedules and runs in the store: shared by an organisation's machines, under row-level security."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from workbench.reports.scheduling.ledger import Lock
from workbench.reports.scheduling.planning import Run, Schedule, planned
from workbench.secrecy import TLP

if TYPE_CHECKING:
    import psycopg

    from workbench.store import Store

__all__ = ["StoreLedger"]


class StoreLedger:
    """What the member may see of her organisation's schedules and runs. A schedule runs with its maker's rights, and
    only she changes it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        me = store.me
        self._role = me.role
        if me.clearance < TLP.AMBER_STRICT:
            # At a level she is cleared for, others than her organisation would read what it makes reports of.
            raise PermissionError(
                "schedules and runs are kept in the store at TLP:AMBER+STRICT, above your clearance: keep them on this machine, without --url"
            )

    def close(self) -> None:
        self._store.close()

    def add(self, schedule: Schedule) -> Schedule:
        from psycopg.types.json import Jsonb

        if any(one.name == schedule.name and self.is_mine(one) for one in self.schedules()):
            raise ValueError(
                f"there is a schedule {schedule.name!r} already: workbench report unschedule {schedule.name}"
            )
        row = self._store.run(
            f"schedule {schedule.name!r}",
            lambda con: con.execute(
                "INSERT INTO report_schedules (owner, secrecy, name, template, plan) VALUES "
                "((SELECT organisation FROM members WHERE role = current_user), %s, %s, %s, %s) RETURNING id::text, created_at",
                (int(schedule.secrecy), schedule.name, schedule.template, Jsonb(schedule.plan())),
            ).fetchone(),
            repeatable=False,
        )
        self._watch(schedule.secrecy)
        assert row is not None
        return replace(schedule, id=row[0], created_at=row[1], created_by=self._role)

    def _watch(self, level: TLP) -> None:
        """Somebody is to hear of failures: a watchlist of reports at this level, if the member sees none."""
        from workbench.store.things import create

        there = self._store.rows(
            "watchlists",
            "SELECT 1 FROM watchlists WHERE reports AND deleted_at IS NULL AND secrecy = %s "
            "AND owner = (SELECT organisation FROM members WHERE role = current_user) AND (secrecy < 4 OR created_by = current_user)",
            (int(level),),
        )
        if not there:
            values = {"name": "Scheduled reports that fail", "reports": True}
            create(self._store, "watchlists", values, level, "reports are scheduled", ())

    def schedules(self) -> list[Schedule]:
        rows = self._store.rows(
            "schedules",
            "SELECT id::text, name, template, plan, secrecy, active, created_by, created_at FROM report_schedules "
            "WHERE deleted_at IS NULL ORDER BY name, id",
        )
        return [
            planned(
                plan, id=key, name=name, template=template, secrecy=TLP(secrecy), active=active, created_by=maker, created_at=made,
            )
            for key, name, template, plan, secrecy, active, maker, made in rows
        ]  # fmt: skip

    def remove(self, schedule: Schedule) -> None:
        self._change(
            schedule, "UPDATE report_schedules SET deleted_at = now() WHERE id = %s", (UUID(schedule.id),)
        )

    def set_active(self, schedule: Schedule, active: bool) -> None:
        self._change(
            schedule, "UPDATE report_schedules SET active = %s WHERE id = %s", (active, UUID(schedule.id))
        )

    def _change(self, schedule: Schedule, query: str, values: Any) -> None:
        done = self._store.run("a schedule", lambda con: con.execute(query.encode(), values).rowcount)
        if not done:
            raise PermissionError(
                f"schedule {schedule.name!r} is {schedule.created_by}'s: only its maker changes it"
            )

    def is_mine(self, schedule: Schedule) -> bool:
        return schedule.created_by == self._role

    def begin(self, template: str, told: Mapping[str, Any], schedule: Schedule | None = None, due_at: datetime | None = None, attempt: int = 1, missed: int = 0) -> str | None:  # fmt: skip
        from psycopg.types.json import Jsonb

        level = schedule.secrecy if schedule else TLP.AMBER_STRICT
        found = self._store.run(
            "a run",
            lambda con: con.execute(
                "INSERT INTO report_runs (owner, secrecy, schedule, template, due_at, attempt, missed, machine, told) VALUES "
                "((SELECT organisation FROM members WHERE role = current_user), %s, %s, %s, %s, %s, %s, %s, %s) "
                "ON CONFLICT DO NOTHING RETURNING id::text",
                (int(level), schedule and UUID(schedule.id), template, due_at, attempt, missed, socket.gethostname(), Jsonb(dict(told))),
            ).fetchone(),
            repeatable=False,
        )  # fmt: skip
        return found[0] if found else None

    def tell(self, run: str, told: Mapping[str, Any]) -> None:
        from psycopg.types.json import Jsonb

        self._store.run(
            "a run",
            lambda con: con.execute(
                "UPDATE report_runs SET told = %s WHERE id = %s", (Jsonb(dict(told)), UUID(run))
            ),
        )

    def finish(self, run: str, status: str, told: Mapping[str, Any]) -> None:
        from psycopg.types.json import Jsonb

        self._store.run(
            "a run",
            lambda con: con.execute(
                "UPDATE report_runs SET status = %s, finished_at = clock_timestamp(), told = %s WHERE id = %s",
                (status, Jsonb(dict(told)), UUID(run)),
            ),
        )

    def runs(self, schedule: Schedule | None = None, limit: int = 100) -> list[Run]:
        key = schedule.id if schedule else None
        rows = self._store.rows(
            "runs",
            "SELECT id::text, schedule::text, template, due_at, attempt, missed, status, machine, created_by, created_at, finished_at, told "
            "FROM report_runs WHERE (%s::text IS NULL OR schedule::text = %s) ORDER BY created_at DESC, attempt DESC LIMIT %s",
            (key, key, limit),
        )
        return [Run(*row) for row in rows]

    @contextmanager
    def lock(self, schedule: Schedule) -> Iterator[Lock | None]:
        import psycopg

        from workbench.store.errors import plain

        # A connection of its own: the server lets the lock go with it, also when this machine dies.
        with plain("the lock of a schedule"):
            con = psycopg.connect(
                self._store.url, autocommit=True, application_name="ip-workbench report",
                keepalives_idle=15, keepalives_interval=5, keepalives_count=3,
            )  # fmt: skip
        with con:
            key = UUID(schedule.id).int >> 65
            row = con.execute("SELECT pg_try_advisory_lock(%s)", (key,)).fetchone()
            yield _Held(con) if row and row[0] else None

    def alert(self, run: str) -> int:
        found = self._store.run(
            "an alert", lambda con: con.execute("SELECT raise_report_alert(%s)", (UUID(run),)).fetchone()
        )
        return int(found[0]) if found else 0


class _Held:
    def __init__(self, con: psycopg.Connection[Any]) -> None:
        self._con = con

    def still_held(self) -> bool:
        """The server may have been restarted meanwhile, and somebody else hold it."""
        import psycopg

        try:
            self._con.execute("SELECT 1")
        except psycopg.Error:
            return False
        return True
