"""The bars of :class:`workbench.notebook.progress.Progress`, in a notebook."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import traitlets

from workbench.notebook.browser.talking import Talking
from workbench.notebook.showing.sheets import Listing, Sheet

__all__ = ["ProgressBars"]


class ProgressBars(Talking, entry="progress/main.js"):
    """``state`` is running, done, cancelled or failed; a bar has ``name``, ``done`` and ``total`` (null: not known)."""

    title = traitlets.Unicode().tag(sync=True)
    bars: Any = traitlets.List().tag(sync=True)
    state = traitlets.Unicode("running").tag(sync=True)
    seconds = traitlets.Float().tag(sync=True)

    def __init__(self, title: str, cancel: Callable[[], None]) -> None:
        self._cancel = cancel
        super().__init__(title=title)
        # JupyterLab sends clicks to a subshell, which listens while a cell runs. ipykernel would hand them to the shell
        # that last wrote to this widget, which is the one that is busy.
        if hasattr(self.comm, "_reply_subshell_for"):
            self.comm._reply_subshell_for = lambda data, default: default

    def take(self, bars: Mapping[str, tuple[int, int | None]], state: str, seconds: float) -> None:
        """What there is to show now."""
        with self.hold_sync():
            self.bars = [{"name": name, "done": done, "total": total} for name, (done, total) in bars.items()]
            self.state, self.seconds = state, seconds

    def acts(self) -> dict[str, Callable[[dict[str, Any]], dict[str, Any] | str | None]]:
        return {"cancel": self._stop}

    def static_html(self) -> str:
        rows = [(bar["name"] or self.title, bar["done"], bar["total"] or "") for bar in self.bars]
        return Sheet(self.title, [("state", self.state)], [Listing("", ("", "done", "of"), rows)]).html()

    def _stop(self, said: dict[str, Any]) -> str:
        self._cancel()
        return "It ends at the next safe point." if self.state == "running" else ""
