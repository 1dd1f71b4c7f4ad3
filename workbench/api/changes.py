"""That something changed in the store: one connection per process listens, everybody who waits is woken."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

from workbench.store.connection import SESSION

__all__ = ["KINDS", "Changes"]

log = logging.getLogger("workbench.api")
KINDS = frozenset({"profiles", "investigations", "entities", "watchlists", "alerts"})


class Changes:
    """Hints of changes, told by the server's NOTIFY: kinds, never ids or content, since they go to everybody.

    A subscription keeps a place of its own (:mod:`workbench.store.watching.changes`), reads what came after it under its member's
    rights, and waits here for a reason to look again::

        async for _ in context.changes.hints("profiles"):
            found = await context.run(lambda store: changed_since(store, here, conditions))
            for change in found.items:
                yield change
            here = found.place

    The first hint comes at once, so that nothing between the cursor and the beginning is missed; another comes after
    a lost connection is regained, and one every ``quiet_seconds`` in any case. Hints that come while a
    subscriber is busy become one: the slowest consumer costs no memory and loses nothing. Each hint is a look at the
    store; all subscribers together are given ``looks_per_second``, so that a few hear at once, and hundreds leave the
    store time for others.
    """

    def __init__(self, url: str, *, quiet_seconds: float = 30, looks_per_second: float = 100) -> None:
        self._url = url
        self._quiet = quiet_seconds
        self._looks = looks_per_second
        self._waiting: set[_Waiting] = set()
        self._task: asyncio.Task[None] | None = None
        self.connected = asyncio.Event()

    @property
    def subscribers(self) -> int:
        """How many wait."""
        return len(self._waiting)

    async def hints(self, *kinds: str) -> AsyncIterator[frozenset[str]]:
        """The kinds that changed since the last hint, all of :data:`KINDS` or those named; for ever."""
        waiting = _Waiting(frozenset(kinds) or KINDS)
        self.start()
        self._waiting.add(waiting)
        try:
            while True:
                yield await waiting.next(self._quiet)
                await asyncio.sleep(len(self._waiting) / self._looks)
        finally:
            self._waiting.discard(waiting)

    def start(self) -> None:
        """Begin to listen, where nobody does yet; in the running event loop."""
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._listen())

    async def stop(self) -> None:
        """Listen no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _listen(self) -> None:
        import psycopg

        pause = 0.1
        while True:
            try:
                connection = await psycopg.AsyncConnection.connect(
                    self._url, **{**SESSION, "autocommit": True}
                )
                async with connection as con:
                    await con.execute("LISTEN workbench")
                    pause = 0.1
                    self.connected.set()
                    self._wake(KINDS)
                    while True:
                        async for notice in con.notifies(timeout=self._quiet / 2):
                            self._wake(_kinds_of(notice.payload))
                        await con.execute("SELECT 1")  # a dead peer is noticed here
            except (psycopg.Error, OSError) as error:
                self.connected.clear()
                log.warning("listening was interrupted", extra={"error": type(error).__name__})
                await asyncio.sleep(pause)
                pause = min(pause * 2, 5)

    def _wake(self, kinds: frozenset[str]) -> None:
        for waiting in self._waiting:
            waiting.tell(kinds)


class _Waiting:
    """One who waits, and the kinds that changed since she looked."""

    def __init__(self, wanted: frozenset[str]) -> None:
        self._wanted = wanted
        self._changed = wanted
        self._event = asyncio.Event()
        self._event.set()

    def tell(self, kinds: frozenset[str]) -> None:
        if kinds & self._wanted:
            self._changed |= kinds & self._wanted
            self._event.set()

    async def next(self, quiet: float) -> frozenset[str]:
        try:
            async with asyncio.timeout(quiet):
                await self._event.wait()
        except TimeoutError:
            self._changed = self._wanted
        changed, self._changed = self._changed, frozenset()
        self._event.clear()
        return changed


def _kinds_of(payload: str) -> frozenset[str]:
    """Anybody who may connect can send a notice: what is none of ours is a hint of everything.

    A notice of a profile stands for its alerts as well (``alerts_raised`` in the migrations).
    """
    try:
        told: Any = json.loads(payload)
        kind = told.get("kind")
    except (ValueError, AttributeError, RecursionError):
        return frozenset()
    if kind == "profiles":
        return frozenset({"profiles", "alerts"})
    return KINDS & {kind} if isinstance(kind, str) else frozenset()
