"""How far long work is, with a button that ends it at a point where nothing is left half done."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Any

from workbench.notebook.progress.cancelling import Cancelled

__all__ = ["Progress"]

EVERY = 0.1
"""Seconds between two looks at most: more would keep the browser busier than the work."""


class Progress:
    """Use it in a ``with`` block, and as the ``progress=`` of what is done there::

        with wb.widgets.progress("Enriching") as progress:
            case.enrich("firewall", "src_ip", progress=progress)

    It takes what any of them tells: how many more, how many of how many, of what, or a step in words. Cancelled,
    by its button or by interrupting the kernel, the work is undone or stops between two batches, as its own
    documentation says, and the block ends with :class:`~workbench.notebook.progress.Cancelled`. Outside a notebook it is a line on
    standard error, where somebody looks at it.
    """

    def __init__(self, title: str = "Working") -> None:
        self.title = title
        self.bars: dict[str, tuple[int, int | None]] = {}
        self.state = "running"
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._started = self._looked = time.monotonic()
        self._view: Any = None

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self._started

    @property
    def cancelled(self) -> bool:
        """Whether it is to end."""
        return self._stop.is_set()

    def cancel(self) -> None:
        """End the work, from another thread, with the next thing it tells."""
        self._stop.set()

    def __enter__(self) -> Progress:
        self._started = time.monotonic()
        self._view = _view(self)
        return self

    def __call__(self, *said: Any) -> None:
        """Take what the work tells: ``(more)``, ``(done, total)``, ``(name, done, total)``, ``(done, total, step)``,
        ``(step,)``, or how far it is with a collection of a TAXII server.

        Raises:
            Cancelled: it is to end.
        """
        if self._stop.is_set():
            raise Cancelled(f"{self.title}: cancelled")
        with self._lock:
            name, done, total = _understood(said, self.bars.get("", (0, None))[0])
            self.bars[name] = (done, total)
            now = time.monotonic()
            if now - self._looked < EVERY and done != total:
                return
            self._looked = now
            if self._view is not None:
                self._view.show(self)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:  # fmt: skip
        stopped = kind is not None and (self._stop.is_set() or issubclass(kind, KeyboardInterrupt))
        self.state = "cancelled" if stopped else "failed" if kind is not None else "done"
        if self._view is not None:
            self._view.show(self)
            self._view.end()
        if stopped and not isinstance(error, Cancelled):
            # What DuckDB or a thread made of it on its way.
            raise Cancelled(f"{self.title}: cancelled") from None


def _understood(said: tuple[Any, ...], before: int) -> tuple[str, int, int | None]:
    """The name of a bar, how much is done, and of how much where that is known."""
    match said:
        case (str(name),):
            return name, 1, 1  # a step begins when the one before is done
        case (str(name), done, total):
            return name, int(done), None if total is None else int(total)
        case (done, total) | (done, total, str()):
            return "", int(done), None if total is None else int(total)
        case (int(more),):
            return "", before + more, None
        case (outcome,):  # of a poll (objects) or a push (of total taken, known there, or failed)
            whole = getattr(outcome, "total", None)
            done = outcome.objects if whole is None else outcome.taken + outcome.known + len(outcome.failed)
            return str(outcome.collection.title), done, whole
    raise TypeError(f"progress of {said!r} is not understood")


def _view(progress: Progress) -> Any:
    try:
        from workbench.notebook.browser.widget import front_end
    except ModuleNotFoundError:  # without the lab extra
        return _Line(progress)
    return _Shown(progress) if front_end() else _Line(progress)


class _Shown:
    """The widget, in a notebook."""

    def __init__(self, progress: Progress) -> None:
        from IPython.display import display

        from workbench.notebook.progress.bars import ProgressBars

        self._bars = ProgressBars(progress.title, progress.cancel)
        display(self._bars)  # type: ignore[no-untyped-call]

    def show(self, progress: Progress) -> None:
        self._bars.take(progress.bars, progress.state, progress.seconds)

    def end(self) -> None:
        """It stays as it is."""


class _Line:
    """Bars on standard error, in a terminal."""

    def __init__(self, progress: Progress) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bars

        console = Console(stderr=True)
        self._bars = Bars(
            TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
            console=console, transient=True, disable=not console.is_terminal,
        )  # fmt: skip
        self._tasks: dict[str, Any] = {}
        self._bars.start()

    def show(self, progress: Progress) -> None:
        for name, (done, total) in progress.bars.items():
            if name not in self._tasks:
                self._tasks[name] = self._bars.add_task(name or progress.title, total=total)
            self._bars.update(self._tasks[name], completed=done, total=total)

    def end(self) -> None:
        self._bars.stop()
