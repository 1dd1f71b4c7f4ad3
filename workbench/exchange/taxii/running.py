"""A coroutine run to its end from where no ``await`` is: a script, or a notebook cell whose loop is running."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

__all__ = ["run"]

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """``taxii.run(taxii.poll(URL, case))``: what ``await taxii.poll(URL, case)`` gives.

    Where a loop is running already the work has one of its own, in a thread. An interrupt (Ctrl-C, the stop button
    of a notebook) ends it in good order.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    outcome: list[Any] = []
    started = threading.Event()
    inner: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]]] = []

    async def main() -> Any:
        task = asyncio.current_task()
        assert task is not None
        inner.append((asyncio.get_running_loop(), task))
        started.set()
        return await work

    def aside() -> None:
        try:
            outcome.extend((True, asyncio.run(main())))
        except BaseException as error:
            outcome.extend((False, error))
        finally:
            started.set()

    thread = threading.Thread(target=aside, name="taxii", daemon=True)
    thread.start()
    try:
        while thread.is_alive():
            thread.join(0.2)  # not for ever: an interrupt is to be heard
    except KeyboardInterrupt:
        started.wait()
        if inner:
            loop, task = inner[0]
            loop.call_soon_threadsafe(task.cancel)
        thread.join()
        raise
    good, value = outcome
    if good:
        return value  # type: ignore[no-any-return]
    raise value
