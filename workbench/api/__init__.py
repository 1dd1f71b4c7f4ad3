"""The API server: GraphQL over HTTP and WebSocket, and TAXII 2.1, on a store.

``build_app(Settings(...))`` makes the ASGI application; ``workbench serve`` runs it. Whoever asks is a member of the
store: each request takes on her database role, and row-level security decides what she sees.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.api.app import build_app
    from workbench.api.context import Context
    from workbench.api.settings import Settings

__all__ = ["Context", "Settings", "build_app"]

_FROM = {"Context": "context", "Settings": "settings", "build_app": "app"}


def __getattr__(name: str) -> Any:
    if name not in _FROM:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_FROM[name]}"), name)
