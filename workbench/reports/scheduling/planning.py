"""What is to be made when, for whom, and where to: a schedule, and the record of each making."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from workbench.secrecy import TLP

__all__ = ["Run", "Schedule", "due", "local_zone", "next_due", "planned"]

_MOST_MISSED = 100_000


@dataclass(frozen=True, slots=True)
class Schedule:
    """A report that is made again and again. ``cron`` has five fields, in the time of ``zone``; ``deliveries`` and
    ``on_failure`` are targets of :mod:`workbench.reports.scheduling.delivering`; ``retries`` come after the first attempt.

    ``secrecy`` is that of the schedule and of the record of its runs, not that of the report; at RED both are for
    their maker alone.
    """

    id: str
    name: str
    template: str
    cron: str
    zone: str
    parameters: Mapping[str, Any]
    formats: tuple[str, ...]
    for_whom: Mapping[str, str] | None
    deliveries: tuple[str, ...]
    on_failure: tuple[str, ...] = ()
    retries: int = 2
    secrecy: TLP = TLP.AMBER_STRICT
    active: bool = True
    created_by: str = ""
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def plan(self) -> dict[str, Any]:
        """What of it is kept as JSON."""
        return {
            "cron": self.cron, "zone": self.zone, "parameters": dict(self.parameters), "formats": list(self.formats),
            "for_whom": dict(self.for_whom) if self.for_whom else None, "deliveries": list(self.deliveries),
            "on_failure": list(self.on_failure), "retries": self.retries,
        }  # fmt: skip


def planned(plan: Mapping[str, Any], **facts: Any) -> Schedule:
    """A schedule from :meth:`Schedule.plan` and the rest of its facts."""
    values = dict(plan)
    for name in ("formats", "deliveries", "on_failure"):
        values[name] = tuple(values.get(name, ()))
    return Schedule(**values, **facts)


@dataclass(frozen=True, slots=True)
class Run:
    """One attempt at a report. ``status`` is running, done or failed; ``missed`` counts times that came and went
    before ``due_at`` and are made up for by this one. ``told`` has ``parameters``, ``outputs``, ``snapshot``,
    ``content_hash``, ``tlp`` and ``error``, as far as there are."""

    id: str
    schedule: str | None
    template: str
    due_at: datetime | None
    attempt: int
    missed: int
    status: str
    machine: str
    created_by: str
    started_at: datetime
    finished_at: datetime | None
    told: Mapping[str, Any]

    @property
    def seconds(self) -> float | None:
        """How long it took."""
        return (self.finished_at - self.started_at).total_seconds() if self.finished_at else None


def due(schedule: Schedule, now: datetime, last: datetime | None = None) -> tuple[datetime, int] | None:
    """The latest time at which it was due, if nothing was made for it yet, and how many times before were missed.

    ``last`` is the time that the latest run was due at. What was due before the schedule was made does not count.
    """
    latest = _cron(schedule, now + timedelta(seconds=1)).get_prev(datetime)
    begun = last or schedule.created_at
    if latest <= begun:
        return None
    missed, times = 0, _cron(schedule, begun)
    while missed < _MOST_MISSED and times.get_next(datetime) < latest:
        missed += 1
    return latest.astimezone(UTC), missed


def next_due(schedule: Schedule, now: datetime) -> datetime:
    """When it is due next."""
    following: datetime = _cron(schedule, now).get_next(datetime)
    return following


def _cron(schedule: Schedule, moment: datetime) -> Any:
    """The times of a schedule around a moment.

    Raises:
        ValueError: the expression is none of five fields, or there is no such time zone.
    """
    from croniter import croniter

    try:
        zone = ZoneInfo(schedule.zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError(
            f"{schedule.zone!r} is no time zone; one is named such as Europe/Amsterdam"
        ) from None
    if len(schedule.cron.split()) != 5 or not croniter.is_valid(schedule.cron):
        raise ValueError(
            f"{schedule.cron!r} is no cron expression: five fields, minute hour day month weekday, such as '0 7 * * 1-5'"
        )
    return croniter(schedule.cron, moment.astimezone(zone))


def local_zone() -> str:
    """The time zone of this machine by its name; UTC where it has none."""
    for name in (os.environ.get("TZ", ""), os.path.realpath("/etc/localtime").partition("zoneinfo/")[2]):
        try:
            if name:
                return ZoneInfo(name).key
        except (ZoneInfoNotFoundError, ValueError):
            continue
    return "UTC"
