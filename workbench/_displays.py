"""How things look in a notebook where widgets can be shown: told to IPython by name, so that nothing is imported for it."""

from __future__ import annotations

import sys
from typing import Any

__all__ = ["register_in_ipython"]


def register_in_ipython() -> None:
    """Have the triage of an interactive session shown as a board; elsewhere it stays the table that it is."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is not None:
        formatter = shell.display_formatter.mimebundle_formatter
        formatter.for_type_by_name("workbench.enrichment.triage", "Triage", _triage)


def _triage(triage: Any, **options: Any) -> Any:
    try:
        from workbench.notebook.widget import front_end
    except ImportError:  # without the lab extra
        return None
    if not front_end() or not len(triage):
        return None
    from workbench.notebook.board import board

    return board(triage)._repr_mimebundle_(**options)
