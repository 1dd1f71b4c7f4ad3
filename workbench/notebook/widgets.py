"""Widgets for the notebook: ``wb.widgets.lookup()``, ``wb.widgets.alerts(store)``, ``wb.widgets.conflicts(case)`` …"""

from __future__ import annotations

__all__ = []  # type: list[str]


def __dir__() -> list[str]:
    return __all__
