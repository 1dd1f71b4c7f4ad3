"""What is told as it happens, each event as the subscriber may see it at that moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from functools import partial
from typing import Annotated, Any, TypeVar

import strawberry
from graphql import GraphQLError

from workbench.api.schema.alerts import Alert
from workbench.api.schema.asking import Info, Key, ask, described
from workbench.api.schema.bulk import BulkEnrichment, job_of
from workbench.api.schema.enums import ChangeKind
from workbench.api.schema.profiles import IpProfile
from workbench.api.schema.searching import IpProfileFilter, filters
from workbench.store import Store
from workbench.store.watching.changes import (
    Change,
    Changes,
    Place,
    alerts_since,
    changed_since,
    place,
    wanted,
)

__all__ = ["Subscription"]

T = TypeVar("T")
PAGE = 100
"""Events that are held for a subscriber; the rest stays in the database until these are taken."""
PAUSE_SECONDS = 0.05
"""Between two looks at the store, so that a burst of changes is one look."""
After = Annotated[
    str | None,
    strawberry.argument(
        description="Go on from this cursor of an earlier event: what was committed since is told first. Without it, from now."
    ),
]


@strawberry.type(description="That a profile changed, or, first of all, that the stream is open.")
class IpProfileChange:
    kind: ChangeKind = described("What happened.")
    profile: IpProfile | None = described("The profile as it is now, `version` and all; null with READY.")
    cursor: str = described("The place after this event: give it as `after` to go on from here.")


@strawberry.type(description="That an alert was raised, or, first of all, that the stream is open.")
class AlertRaised:
    alert: Alert | None = described(
        "The alert; null in the first event, which tells that the stream is open."
    )
    cursor: str = described("The place after this event: give it as `after` to go on from here.")


@strawberry.type(
    description="What is told as it happens. Events wait in the database, not in the server: a client that is slow or away costs nothing and loses nothing. It goes on from the cursor of the event it saw last, for as long as it likes."
)
class Subscription:
    @strawberry.subscription(
        description="Profiles as they are made, changed and deleted, each version once. The first event is READY. Changes that follow one another faster than they are taken are told as the last of them. A profile that you may no longer see, or that no longer matches, is not told of; nor is one that you may see since your clearance or your organisation's clients changed, for it did not: search for it."
    )
    async def ip_profile_changed(
        self,
        info: Info,
        filter: Annotated[
            IpProfileFilter | None,
            strawberry.argument(description="Only profiles that meet these conditions."),
        ] = None,
        after: After = None,
    ) -> AsyncGenerator[IpProfileChange, None]:
        conditions = await ask(info, lambda _: wanted(**filters(filter, stream=True)))
        here = await ask(info, lambda store: place(store, after))
        yield IpProfileChange(kind=ChangeKind.READY, profile=None, cursor=str(here))
        look = partial(changed_since, conditions=conditions, limit=PAGE)
        async for change in _told(info, here, look, "profiles"):
            yield IpProfileChange(
                kind=_kind(change.thing), profile=IpProfile.of(change.thing), cursor=str(change.place)
            )

    @strawberry.subscription(
        description="Alerts as they are raised, each once. The first event has no alert."
    )
    async def alert_raised(self, info: Info, after: After = None) -> AsyncGenerator[AlertRaised, None]:
        here = await ask(info, lambda store: place(store, after))
        yield AlertRaised(alert=None, cursor=str(here))
        async for change in _told(info, here, partial(alerts_since, limit=PAGE), "alerts"):
            yield AlertRaised(alert=Alert.of(change.thing), cursor=str(change.place))

    @strawberry.subscription(
        description="How far a bulk enrichment of yours is, now and whenever it got on; ends with it. A slow client is told the newest state only."
    )
    async def bulk_enrichment_progress(self, info: Info, id: Key) -> AsyncGenerator[BulkEnrichment, None]:
        job = job_of(info.context.member.role, id)
        if job is None:
            raise GraphQLError(
                f"bulk enrichment {id}: there is none such of yours, or the server was started anew",
                extensions={"code": "NOT_FOUND"},
            )
        async for now in job.watched():
            yield BulkEnrichment.of(now)


async def _told(
    info: Info, here: Place, look: Callable[..., Changes[T]], *kinds: str
) -> AsyncGenerator[Change[T], None]:
    """Changes from a place on, for ever: a page is read when the one before was taken."""
    async for _ in info.context.changes.hints(*kinds):
        more = True
        while more:
            page: Any = await _patiently(info, partial(look, here=here))
            for change in page.items:
                yield change
            here, more = page.place, page.more
        await asyncio.sleep(PAUSE_SECONDS)


async def _patiently(info: Info, work: Callable[[Store], T]) -> T:
    """A store that is away, or busy, is waited for: the place in the stream is kept meanwhile."""
    from workbench.store import Unreachable

    pause = 0.2
    while True:
        try:
            found: T = await info.context.run(work)
        except Exception as error:
            if not isinstance(error, Unreachable) and getattr(error, "code", "") not in ("BUSY", "TIMEOUT"):
                raise
            await asyncio.sleep(pause)
            pause = min(pause * 2, 5)
        else:
            return found


def _kind(profile: Any) -> ChangeKind:
    if profile.deleted_at is not None:
        return ChangeKind.DELETED
    return ChangeKind.CREATED if profile.version == 1 else ChangeKind.UPDATED
