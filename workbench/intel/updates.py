"""What an update tells: bars while it runs, and what became of each source."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from workbench.intel.listing import as_html, as_text

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["Bars", "Finished", "Progress", "Updated", "Updates", "bars", "in_kernel"]


@dataclass(frozen=True, slots=True)
class Updated:
    """What became of one source: ``status`` is updated, unchanged, not due, skipped or failed; ``detail`` says why."""

    id: str
    status: str
    detail: str = ""


Progress = Callable[[str, int, int | None], None]
Finished = Callable[[Updated], None]


class Updates(list[Updated]):
    """The results in order of id; reads as a table."""

    def __repr__(self) -> str:
        return as_text(*self._shown()) + f"\n{self.summary}"

    def _repr_html_(self) -> str:
        return as_html(*self._shown(), below=self.summary)

    def _shown(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        return ("status", "source", ""), [(one.status, one.id, one.detail) for one in self]

    @property
    def summary(self) -> str:
        """How many there are of each status, and what to do with what is new."""
        counts = [
            f"{count} {status}"
            for status in ("updated", "unchanged", "not due", "skipped", "failed")
            if (count := sum(one.status == status for one in self))
        ]
        new = any(one.status == "updated" for one in self)
        return (", ".join(counts) or "nothing to update") + (
            "; wb.intel.build() takes them in" if new else ""
        )


@dataclass(frozen=True, slots=True)
class Bars:
    """Where an update tells how far it is."""

    progress: Progress
    finished: Finished
    tick: Callable[[], None] = lambda: None
    """Called now and then by the thread that waits: a notebook takes changes of the display from that one alone."""


def in_kernel() -> bool:
    """Whether a notebook's kernel runs this; a program that has merely imported one shows nothing."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None and "ipykernel" in sys.modules else None
    return getattr(shell, "kernel", None) is not None


@contextmanager
def bars(sources: int, *, drawn: bool = True, console: Console | None = None) -> Iterator[Bars]:
    """A bar for each source under way and one for all; none where it is not ``drawn`` or nobody would see it.

    Finished sources make room for others, so that forty fit on a screen.
    """
    if not drawn or not sources:
        yield Bars(lambda *_: None, lambda _: None)
    elif console is not None or sys.stderr.isatty():
        with _on_terminal(sources, console) as shown:
            yield shown
    elif in_kernel():
        with _in_notebook(sources) as shown:
            yield shown
    else:
        yield Bars(lambda *_: None, lambda _: None)


@contextmanager
def _on_terminal(sources: int, console: Console | None) -> Iterator[Bars]:
    from rich.console import Console
    from rich.filesize import decimal
    from rich.progress import BarColumn, TaskID, TextColumn
    from rich.progress import Progress as Screen

    columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[told]}")
    with Screen(*columns, console=console or Console(stderr=True), transient=True) as screen:
        tasks: dict[str, TaskID] = {"": screen.add_task("sources", total=sources, told=f"0 of {sources}")}
        lock = threading.Lock()
        ended: set[str] = set()

        def progress(name: str, done: int, total: int | None) -> None:
            with lock:
                if name in ended:
                    return
                if name not in tasks:
                    tasks[name] = screen.add_task(name, total=total, told="")
            told = decimal(done) + (f" of {decimal(total)}" if total else "") if done else ""
            screen.update(tasks[name], completed=done, total=total, told=told)

        def finished(result: Updated) -> None:
            with lock:
                ended.add(result.id)
                if result.id in tasks:
                    screen.remove_task(tasks.pop(result.id))
            failed.extend([result.id] if result.status == "failed" else [])
            told = f"{len(ended)} of {sources}" + (f", {len(failed)} failed" if failed else "")
            screen.update(tasks[""], completed=len(ended), told=told)

        failed: list[str] = []
        yield Bars(progress, finished)


@contextmanager
def _in_notebook(sources: int) -> Iterator[Bars]:
    """A line of HTML that is replaced as things go on, and empty in the end."""
    from IPython.display import HTML, display

    under_way: dict[str, str] = {}
    ended: list[Updated] = []

    def line() -> Any:
        failed = sum(one.status == "failed" for one in ended)
        told = f"{len(ended)} of {sources} sources" + (f", {failed} failed" if failed else "")
        names = ", ".join(f"{name} {size}".strip() for name, size in sorted(under_way.copy().items()))
        return HTML(  # type: ignore[no-untyped-call]
            f"<progress max={sources} value={len(ended)}></progress> {escape(f'{told}; fetching {names}' if names else told)}"
        )

    def progress(name: str, done: int, total: int | None) -> None:
        under_way[name] = (
            f"{done / 1e6:,.1f} MB" + (f" of {total / 1e6:,.1f} MB" if total else "") if done else ""
        )

    def finished(result: Updated) -> None:
        under_way.pop(result.id, None)
        ended.append(result)

    handle = display(line(), display_id=True)  # type: ignore[no-untyped-call]
    try:
        yield Bars(progress, finished, lambda: handle.update(line()))
    finally:
        handle.update(HTML(""))  # type: ignore[no-untyped-call]
