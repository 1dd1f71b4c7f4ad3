"""Names in SQL."""

from __future__ import annotations

__all__ = ["identifier"]


def identifier(name: str) -> str:
    """A quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'
