"""What a request knows: who asks, from where, and the store as she sees it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from workbench.api.errors import Busy, TooLong

if TYPE_CHECKING:
    from workbench.api.changes import Changes
    from workbench.api.settings import Settings
    from workbench.api.tokens import Grant
    from workbench.enrichment import Engine
    from workbench.intel.snapshot import Snapshot
    from workbench.secrecy import Member
    from workbench.store import Store

__all__ = ["Client", "Context", "Workers"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Client:
    """From where a request comes: canonical ``address``, and ``country`` (ISO 3166-1 alpha-2) by our snapshot. None
    is not known."""

    address: str | None
    country: str | None = None


class Workers:
    """Threads that ask the database, together no more than there are connections, and a bounded number of those who
    wait. Streams have a third of the threads to themselves: however many listen, who asks does not wait for them."""

    def __init__(self, size: int, waiting: int, seconds: float, *, streams: bool = True) -> None:
        apart = max(1, size // 3) if streams else 0
        self.for_streams: Workers = Workers(apart, waiting, seconds, streams=False) if streams else self
        self._threads = ThreadPoolExecutor(max(1, size - apart), thread_name_prefix="workbench-api")
        self._most = size + waiting
        self._seconds = seconds
        self._count = 0
        self._lock = threading.Lock()

    async def run(self, work: Callable[[], T], seconds: float | None = None) -> T:
        """Do ``work`` in a thread. Given up by the caller, it still holds its thread until it is done.

        Raises:
            Busy: too many wait.
            TooLong: it took longer than a request may.
        """
        with self._lock:
            if self._count >= self._most:
                raise Busy("the server is busy: try again in a moment")
            self._count += 1
        future = self._threads.submit(work)
        future.add_done_callback(self._done)
        try:
            async with asyncio.timeout(seconds or self._seconds):
                return await asyncio.wrap_future(future)
        except TimeoutError:
            if future.done() and not future.cancelled() and future.exception() is not None:
                raise
            raise TooLong(f"not done within {seconds or self._seconds:g} seconds: ask for less") from None

    def _done(self, _: object) -> None:
        with self._lock:
            self._count -= 1

    def close(self) -> None:
        """Take no more work; what waits is dropped, what runs is let end."""
        if self.for_streams is not self:
            self.for_streams.close()
        self._threads.shutdown(wait=True, cancel_futures=True)


@dataclass(slots=True)
class Context:
    """The context of one operation: ``info.context`` in a resolver, ``request.state.context`` in a route.

    ``cache`` is empty at the beginning of every operation: a place for data loaders. ``request_id`` is in every
    line of the log.
    """

    member: Member
    store: Store
    client: Client
    grant: Grant
    settings: Settings
    changes: Changes
    workers: Workers
    request_id: str = ""
    cache: dict[Any, Any] = field(default_factory=dict)

    async def run(self, work: Callable[[Store], T], *, seconds: float | None = None) -> T:
        """``work`` with the store as the member sees it, in a thread; up to the time a request may take.

        Raises:
            Busy: too many requests wait for the database.
            TooLong: it takes too long.
        """
        store = self.store
        return await self.workers.run(lambda: work(store), seconds)

    @property
    def engine(self) -> Engine:
        """The engine over the current snapshot."""
        from workbench.enrichment import open_engine

        return open_engine()

    @property
    def snapshot(self) -> Snapshot:
        """The current snapshot."""
        return self.engine.snapshot
