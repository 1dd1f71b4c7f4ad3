"""Make what is due: once, wherever it is tried from, again where it failed, and say so where it fails for good."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from workbench.intel.home import home
from workbench.reports.making.executing import Progress, ReportError, secrets_behind, without
from workbench.reports.making.running import keep_failed, make, workroom
from workbench.reports.notebooks import template
from workbench.reports.parameters import checked, public
from workbench.reports.scheduling.delivering import DeliveryError, check_target, deliver, tell_failure
from workbench.reports.scheduling.ledger import Ledger, Lock
from workbench.reports.scheduling.planning import Run, Schedule, due
from workbench.secrecy import TLP

__all__ = ["Outcome", "is_due", "tick"]

FIRST_PAUSE = 30.0
"""Seconds before the second attempt; each further one waits twice as long."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a schedule: ``status`` is done, failed, busy (made elsewhere at the moment) or waiting (not due)."""

    schedule: Schedule
    status: str
    says: str = ""
    outputs: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.schedule.name}: {self.status}" + (f", {self.says}" if self.says else "")


def tick(
    ledger: Ledger, *, now: datetime | None = None, only: str | None = None, force: bool = False, progress: Progress | None = None,
    pause: Callable[[float], None] = time.sleep, first_pause: float = FIRST_PAUSE,
) -> Iterator[Outcome]:  # fmt: skip
    """Make every report of the caller's that is due, and tell what came of each.

    What was missed while nothing ran is made up for once. ``only`` names one schedule; with ``force`` it is made
    also where it is not due. A schedule that is being made, by whichever machine, is left alone.
    """
    for schedule in ledger.schedules():
        if (
            not ledger.is_mine(schedule)
            or (only is not None and schedule.name != only)
            or not (schedule.active or force)
        ):
            continue
        moment = now or datetime.now(UTC)
        if not force and _wanted(ledger, schedule, moment) is None:
            yield Outcome(schedule, "waiting")
            continue
        with ledger.lock(schedule) as held:
            if held is None:
                yield Outcome(schedule, "busy", "it is being made elsewhere")
                continue
            # Asked again: whoever held the lock until now may have made it.
            wanted = _wanted(ledger, schedule, moment)
            if wanted is None and force:
                wanted = moment, 0, 1
            if wanted is None:
                yield Outcome(schedule, "waiting")
                continue
            yield _made(ledger, schedule, held, wanted, progress, pause, first_pause)


def is_due(ledger: Ledger, schedule: Schedule, now: datetime) -> bool:
    """Whether there is something to make."""
    return _wanted(ledger, schedule, now) is not None


def _wanted(ledger: Ledger, schedule: Schedule, now: datetime) -> tuple[datetime, int, int] | None:
    """What is due: when, how many times were missed before, and which attempt it would be. The caller need not
    hold the lock; without it the answer may be late."""
    runs = [run for run in ledger.runs(schedule, limit=200) if run.due_at is not None]
    last = max((run.due_at for run in runs if run.due_at), default=None)
    fresh = due(schedule, now, last)
    if fresh is not None:
        return *fresh, 1
    attempts = [run for run in runs if run.due_at == last]
    if not attempts or any(run.status == "done" for run in attempts):
        return None
    newest = max(attempts, key=lambda run: run.attempt)
    # One that runs, and whose lock is free, was killed. One that failed for good stays failed until it is due anew.
    if newest.attempt > schedule.retries and newest.status == "failed":
        return None
    assert last is not None
    return last, newest.missed, newest.attempt + 1


def _made(
    ledger: Ledger, schedule: Schedule, held: Lock, wanted: tuple[datetime, int, int], progress: Progress | None,
    pause: Callable[[float], None], first_pause: float,
) -> Outcome:  # fmt: skip
    due_at, missed, attempt = wanted
    delivered = _settle(ledger, schedule, due_at)
    error = "it was killed each time"
    run: str | None = _last(ledger, schedule, due_at)
    while attempt <= schedule.retries + 1:
        run = ledger.begin(schedule.template, {}, schedule, due_at, attempt, missed)
        if run is None:
            return Outcome(schedule, "busy", "this attempt was begun elsewhere")
        told: dict[str, Any] = {"outputs": dict(delivered)}
        try:
            _attempt(ledger, schedule, held, due_at, run, told, progress)
        except KeyboardInterrupt:
            ledger.finish(run, "failed", {**told, "error": "it was interrupted"})
            raise
        except Exception as problem:
            error = _reason(schedule, problem)
            delivered = told["outputs"]
            ledger.finish(run, "failed", {**told, "error": error})
            attempt += 1
            if attempt <= schedule.retries + 1:
                pause(first_pause * 2 ** (attempt - 2))
            continue
        ledger.finish(run, "done", told)
        where = tuple(told["outputs"].values())
        late = f", {missed} missed before" if missed else ""
        return Outcome(schedule, "done", f"{told['tlp']}, for {told['for']}{late}", where)
    return Outcome(schedule, "failed", _alarm(ledger, schedule, run, error))


def _attempt(
    ledger: Ledger, schedule: Schedule, held: Lock, due_at: datetime, run: str, told: dict[str, Any], progress: Progress | None
) -> None:  # fmt: skip
    one = template(schedule.template)
    values = checked(one.parameters, schedule.parameters)
    told["parameters"] = public(one.parameters, values)
    for target in schedule.deliveries:
        check_target(target, schedule.for_whom)
    with workroom() as room:
        try:
            facts, files = make(one, values, schedule.formats, room, schedule.for_whom, progress)
        except ReportError as error:
            raise _kept(error, schedule, run) from None
        if facts.level <= schedule.secrecy:  # else who sees the record is not to see what the report is about
            told["title"] = facts.title
        told |= {
            "tlp": str(facts.level), "snapshot": facts.snapshot, "content_hash": facts.content_hash, "for": facts.audience,
        }  # fmt: skip
        stem = f"{_stem(schedule.name)}-{due_at:%Y%m%dT%H%M%SZ}"
        failed = []
        for target in schedule.deliveries:
            if target in told["outputs"]:
                continue
            if not held.still_held():
                raise ReportError(
                    "the connection to the store was lost, and with it the lock: not delivered, lest it be twice"
                )
            try:
                told["outputs"][target] = deliver(target, files, facts, stem, run)
            except DeliveryError as error:
                failed.append(str(error))
            else:
                ledger.tell(run, told)
        if failed:
            raise DeliveryError("; ".join(failed))


def _kept(error: ReportError, schedule: Schedule, run: str) -> ReportError:
    """The notebook as far as it got stays on this machine. What the error says may be above the level of the record,
    which others see, so the record says where the notebook is, and no more."""
    if error.notebook is None:
        return error
    kept = keep_failed(error.notebook, f"{_stem(schedule.name)}-{run[:8]}", home() / "reports" / "failed")
    said = f"{error}; " if schedule.secrecy == TLP.RED else ""
    return ReportError(f"{said}a cell failed; the notebook up to there, the error first: {kept}", kept)


def _settle(ledger: Ledger, schedule: Schedule, due_at: datetime) -> dict[str, str]:
    """Mark as failed what runs although the lock is free, and tell what was delivered already of what is due."""
    delivered: dict[str, str] = {}
    for run in reversed(ledger.runs(schedule, limit=200)):
        if run.due_at == due_at:
            delivered |= run.told.get("outputs", {})
        if run.status == "running":
            ledger.finish(run.id, "failed", {**run.told, "error": "it ended without a word: killed, or the machine went down"})  # fmt: skip
    return delivered


def _last(ledger: Ledger, schedule: Schedule, due_at: datetime) -> str | None:
    runs: list[Run] = [run for run in ledger.runs(schedule, limit=200) if run.due_at == due_at]
    return max(runs, key=lambda run: run.attempt).id if runs else None


def _alarm(ledger: Ledger, schedule: Schedule, run: str | None, error: str) -> str:
    """Everybody who should know is told; who cannot be told stops nobody else from being told."""
    said = [error]
    if run is not None:
        try:
            ledger.alert(run)
        except Exception as problem:
            said.append(f"no alert could be raised: {problem}")
        for target in schedule.on_failure:
            try:
                tell_failure(target, schedule.name if schedule.secrecy < TLP.RED else None, run)
            except DeliveryError as problem:
                said.append(f"not told: {problem}")
    return "; ".join(said)


def _reason(schedule: Schedule, problem: Exception) -> str:
    text = f"{problem}" if str(problem) else type(problem).__name__
    return without(text, secrets_behind(_named(schedule.parameters)))[:2_000]


def _named(parameters: Mapping[str, Any]) -> list[Any]:
    return [*parameters.values(), "env:WORKBENCH_SMTP_URL", "env:WORKBENCH_WEBHOOK_SECRET"]


def _stem(name: str) -> str:
    return "".join(c if c.isalnum() or c in "-_" else "-" for c in name)[:80].strip("-") or "report"
