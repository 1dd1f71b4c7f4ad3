"""The Jupyter server extension behind the JupyterLab panel: one module of handlers a topic, named in ``_TOPICS``.

Every handler is a :class:`~workbench.notebook.server.base.WorkbenchHandler`, and so takes part in Jupyter's own
authentication, authorisation (resource ``workbench``) and XSRF protection.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp

__all__ = ["_jupyter_server_extension_points", "_load_jupyter_server_extension"]

_TOPICS = ("lookup", "status", "sharing", "profiles", "alerts")
"""Modules of this package with ``routes(serverapp)``: (path below the base address, handler, arguments)."""


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "workbench.notebook.server"}]


def _load_jupyter_server_extension(serverapp: ServerApp) -> None:
    """Add the handlers; called by Jupyter when the server starts."""
    from jupyter_server.utils import url_path_join

    from workbench.notebook.server.settings import WorkbenchServer

    application: Any = serverapp.web_app
    base = application.settings["base_url"]
    application.settings["workbench"] = WorkbenchServer(parent=serverapp)
    routes = [
        (url_path_join(base, path), handler, arguments)
        for topic in _TOPICS
        for path, handler, arguments in import_module(f"{__name__}.{topic}").routes(serverapp)
    ]
    # Rules added later come before Jupyter's own: that is what lets `sharing` stand in front of /files and /nbconvert.
    application.add_handlers(".*$", routes)
