"""Work that was stopped by whoever waited for it."""

from __future__ import annotations

__all__ = ["Cancelled"]


class Cancelled(KeyboardInterrupt):
    """The cancel button was pressed: what Ctrl-C is in a shell, so that everything that is safe to interrupt is safe
    to cancel. It ends the cell, and those that were to run after it."""

    def _render_traceback_(self) -> list[str]:
        """For IPython: whoever pressed the button knows where."""
        return [f"Cancelled: {self}"]
