"""What the administrator of a Jupyter server sets, and what the user of JupyterLab has set for herself."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from traitlets import Int, TraitError, Unicode, default, validate
from traitlets.config import Configurable

from workbench.secrecy import TLP

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp

__all__ = ["DEFAULT_LIMIT", "PLUGIN", "WorkbenchServer", "sharing_limit"]

PLUGIN = "ip-workbench:plugin"
"""The plugin of the JupyterLab extension whose settings hold ``shareUpTo``."""
DEFAULT_LIMIT = TLP.GREEN


class WorkbenchServer(Configurable):
    """Options of the server extension, for ``jupyter_server_config.py``: ``c.WorkbenchServer.share_up_to = "TLP:GREEN"``."""

    share_up_to = Unicode(
        "TLP:RED",
        help="The highest marking under which any user's notebook leaves this server; users can set a lower one.",
    ).tag(config=True)
    store_url = Unicode(
        help="The store of profiles, as postgresql://role@host/database; by default the environment variable "
        "WORKBENCH_STORE, else the store on this machine.",
    ).tag(config=True)
    max_addresses = Int(1000, min=1, help="The most addresses answered in one request.").tag(config=True)
    max_text_bytes = Int(
        2 << 20, min=1, help="The longest text, in bytes, that is searched for addresses."
    ).tag(config=True)

    @validate("share_up_to")
    def _is_label(self, proposal: Any) -> str:
        try:
            return str(TLP.parse(proposal["value"]))
        except ValueError as error:
            raise TraitError(f"WorkbenchServer.share_up_to: {error}") from None

    @default("store_url")
    def _store_of_environment(self) -> str:
        return os.environ.get("WORKBENCH_STORE", "")

    @property
    def ceiling(self) -> TLP:
        return TLP.parse(self.share_up_to)


def sharing_limit(serverapp: ServerApp) -> TLP:
    """The highest level that may leave: the user's setting, at most the administrator's ceiling.

    Where the user's settings cannot be read, :data:`DEFAULT_LIMIT` stands in for them.
    """
    workbench: WorkbenchServer = serverapp.web_app.settings["workbench"]
    return min(workbench.ceiling, _chosen(serverapp))


def _chosen(serverapp: ServerApp) -> TLP:
    from jupyterlab_server import LabServerApp
    from jupyterlab_server.settings_utils import get_settings
    from tornado.web import HTTPError

    apps = [app for named in serverapp.extension_manager.extension_apps.values() for app in named]
    lab = next((app for app in apps if isinstance(app, LabServerApp)), None)
    if lab is None:
        return DEFAULT_LIMIT
    try:
        found, _ = get_settings(
            lab.app_settings_dir,
            lab.schemas_dir,
            lab.user_settings_dir,
            schema_name=PLUGIN,
            labextensions_path=[*lab.extra_labextensions_path, *lab.labextensions_path],
        )
        standard = found["schema"]["properties"]["shareUpTo"]["default"]
        return TLP.parse(found["settings"].get("shareUpTo", standard))
    except (HTTPError, LookupError, ValueError) as error:
        serverapp.log.warning("settings of %s cannot be read, %s holds: %s", PLUGIN, DEFAULT_LIMIT, error)
        return DEFAULT_LIMIT
