"""How far long work is, and how it is cancelled."""

from __future__ import annotations

from workbench.notebook.progress.cancelling import Cancelled
from workbench.notebook.progress.meter import Progress

__all__ = ["Cancelled", "Progress"]
