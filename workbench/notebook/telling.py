"""An error as one line says it, on a widget or in a cell."""

from __future__ import annotations

from workbench._extras import advice
from workbench._text import one_line

__all__ = ["told"]


def told(error: BaseException) -> str:
    """The error in one line."""
    if isinstance(error, ModuleNotFoundError) and not error.__cause__ and (said := advice(error)):
        return said  # one that has a cause says it already
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.strerror}: {error.filename}"
    text = str(error.args[0] if isinstance(error, KeyError) and error.args else error) or type(error).__name__
    return one_line(text)
