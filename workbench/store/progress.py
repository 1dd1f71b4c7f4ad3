"""How far long work is, for whoever waits for it: a bar in a terminal, a line in a notebook, nothing where nobody looks."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from html import escape
from typing import Any

from workbench._front_end import front_end

__all__ = ["Progress", "bar", "bar_if_long"]

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is (0: not known)."""


@contextmanager
def bar() -> Iterator[Progress]:
    """What is shown while the block runs, and gone after it, however it ends."""
    if sys.stderr.isatty():
        with _on_terminal() as shown:
            yield shown
    elif front_end():  # in a report it would be part of what it says
        with _in_notebook() as shown:
            yield shown
    else:
        yield lambda *_: None


@contextmanager
def bar_if_long(what: str, after: float = 2.0) -> Iterator[Callable[[int, int | None], None]]:
    """The same for one piece of work, called with how much is done and how much there is, and only from ``after``
    seconds on: what is over at once draws nothing."""
    begun = time.monotonic()
    with ExitStack() as stack:
        shown: list[Progress] = []

        def progress(done: int, total: int | None) -> None:
            if not shown:
                if time.monotonic() - begun < after:
                    return
                shown.append(stack.enter_context(bar()))
            shown[0](what, done, total or 0)

        yield progress


@contextmanager
def _on_terminal() -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Screen

    columns = TextColumn("{task.description:10}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Screen(*columns, console=Console(stderr=True), transient=True) as screen:
        tasks: dict[str, TaskID] = {}

        def progress(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = screen.add_task(what)
            screen.update(tasks[what], completed=done, total=total or None)

        yield progress


@contextmanager
def _in_notebook() -> Iterator[Progress]:
    from IPython.display import HTML, display

    def line(what: str, done: int, total: int) -> Any:
        drawn = f"<progress max={total} value={done}></progress> " if total else ""
        return HTML(f"{drawn}{escape(what)} {done:,}" + (f" of {total:,}" if total else ""))  # type: ignore[no-untyped-call]

    handle = display(HTML("…"), display_id=True)  # type: ignore[no-untyped-call]
    try:
        yield lambda what, done, total: handle.update(line(what, done, total))
    finally:
        handle.update(HTML(""))  # type: ignore[no-untyped-call]
