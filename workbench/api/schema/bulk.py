"""Bringing many profiles to the current intel, in the background: what was done stays done."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import strawberry

from workbench.api.schema.asking import described
from workbench.api.schema.enums import BulkState

__all__ = ["BulkEnrichment", "Job", "begin", "job_of"]

log = logging.getLogger("workbench.api")
BATCH = 500
KEPT = 200
"""Ended jobs that are remembered."""
TRIES = 8


@dataclass(eq=False)
class Job:
    """A bulk enrichment: ``total`` profiles are known so far, ``done`` of them looked at, ``changed`` changed."""

    role: str
    id: UUID = field(default_factory=uuid4)
    state: Any = BulkState.RUNNING
    done: int = 0
    total: int = 0
    changed: int = 0
    begun: datetime = field(default_factory=lambda: datetime.now(UTC))
    ended: datetime | None = None
    error: str | None = None
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    async def watched(self) -> AsyncIterator[Job]:
        """The job, now and whenever it got on; the last time when it has ended. Who looks late sees the newest."""
        while True:
            moved = self.moved
            yield self
            if self.state is not BulkState.RUNNING and moved is self.moved:
                return
            await moved.wait()

    def tell(self) -> None:
        """Wake those who watch."""
        moved, self.moved = self.moved, asyncio.Event()
        moved.set()


_JOBS: dict[UUID, Job] = {}


def job_of(role: str, key: UUID) -> Job | None:
    """The job, for the member who began it."""
    found = _JOBS.get(key)
    return found if found is not None and found.role == role else None


def begin(context: Any, ids: Sequence[UUID] | None, force_refresh: bool) -> Job:
    """Begin to enrich some profiles, or all of the member's organisation; the one that runs already, if one does.

    Must be called in the event loop.
    """
    for job in _JOBS.values():
        if job.role == context.member.role and job.state is BulkState.RUNNING:
            return job
    for key in [key for key, job in _JOBS.items() if job.state is not BulkState.RUNNING][:-KEPT]:
        del _JOBS[key]
    job = Job(context.member.role, total=len(ids or ()))
    _JOBS[job.id] = job
    job.task = asyncio.get_running_loop().create_task(_run(job, context, ids, force_refresh))
    return job


async def _run(job: Job, context: Any, ids: Sequence[UUID] | None, force_refresh: bool) -> None:
    """A batch at a time, so that others have their turn in between."""
    try:
        wanted = list(dict.fromkeys(ids)) if ids is not None else []
        if ids is None:
            after: UUID | None = None
            while page := await _again(context, lambda store, after=after: store.profiles.own(after)):
                wanted += page
                after = page[-1]
        job.total = len(wanted)
        for start in range(0, len(wanted), BATCH):
            batch = wanted[start : start + BATCH]
            job.changed += await _again(
                context,
                lambda store, batch=batch: store.profiles.enrich_all(only=batch, force_refresh=force_refresh),
            )
            job.done += len(batch)
            job.tell()
        job.state = BulkState.DONE
    except BaseException as error:
        job.state = BulkState.FAILED
        job.error = str(error) if isinstance(error, ValueError | PermissionError) else "the server gave up"
        log.error("bulk enrichment failed", extra={"error": type(error).__name__, "job": str(job.id)})
        if not isinstance(error, Exception):
            raise
    finally:
        job.ended = datetime.now(UTC)
        job.tell()


async def _again(context: Any, work: Any) -> Any:
    """A lost connection or a busy server is waited for: enriching twice is the same as once."""
    from workbench.store import Unreachable

    for attempt in range(TRIES):
        try:
            return await context.run(work)
        except Exception as error:
            passing = isinstance(error, Unreachable) or getattr(error, "code", "") in ("BUSY", "TIMEOUT")
            if not passing or attempt == TRIES - 1:
                raise
            await asyncio.sleep(min(0.2 * 2**attempt, 10) * (1 + random.random()))  # noqa: S311
    raise AssertionError


@strawberry.type(description="A bulk enrichment: how far it is. It is known to the member who began it, until the server is started anew.")  # fmt: skip
class BulkEnrichment:
    id: strawberry.ID = described("Its id.")
    state: BulkState = described("How far it is.")
    done: int = described("How many profiles were looked at.")
    total: int = described("How many there are to look at.")
    changed: int = described("How many of them are at another version now.")
    begun: datetime = described("When it began.")
    ended: datetime | None = described("When it ended; null while it runs.")
    error: str | None = described("What stopped it, where something did.")

    @classmethod
    def of(cls, job: Job) -> BulkEnrichment:
        return cls(
            id=strawberry.ID(str(job.id)),
            state=job.state,
            done=job.done,
            total=job.total,
            changed=job.changed,
            begun=job.begun,
            ended=job.ended,
            error=job.error,
        )

    @classmethod
    def known(cls, role: str, key: UUID) -> BulkEnrichment | None:
        """By id, for the member who began it."""
        job = job_of(role, key)
        return cls.of(job) if job else None
