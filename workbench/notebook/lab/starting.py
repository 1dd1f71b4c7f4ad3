"""Start JupyterLab with everything of the workbench in it."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

from workbench.notebook.session import IN_LAB

__all__ = ["lab_arguments", "start"]

SERVER_EXTENSION = "workbench.notebook.server"
_CONFIG = Path(__file__).parent / "config"
_CHECKOUT = Path(__file__).resolve().parents[3] / "extensions" / "prebuilt"


def lab_arguments(folder: Path, opened: str | None = None) -> list[str]:
    """The command line for ``jupyter lab``: on ``folder``, with ``opened`` (a path below it) in front.

    Raises:
        LookupError: the prebuilt JupyterLab extension is neither installed nor beside this package.
    """
    arguments = [
        f"--ServerApp.root_dir={folder}",
        f"--ServerApp.jpserver_extensions={SERVER_EXTENSION}=True",
        # Nothing is asked of the network. That nobody is asked whether it may be is set in config/labconfig.
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.extension_manager=readonly",
    ]
    if opened:
        arguments.append(f"--LabApp.default_url=/lab/tree/{quote(opened)}")
    if (_CHECKOUT / "ip-workbench" / "package.json").is_file():
        # Of a checkout, the extension as it lies here comes before one that was installed earlier.
        arguments.append(f"--LabApp.extra_labextensions_path={_CHECKOUT}")
    elif not _is_installed():
        raise LookupError(
            "the JupyterLab extension of IP Workbench is not installed: reinstall with `pip install 'ip-workbench[lab]'`"
        )
    return arguments


def start(arguments: list[str]) -> None:
    """Run JupyterLab until it is stopped.

    Raises:
        LookupError: JupyterLab is not installed.
    """
    os.environ[IN_LAB] = "1"  # kernels inherit it
    os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join(
        filter(None, [str(_CONFIG), os.environ.get("JUPYTER_CONFIG_PATH")])
    )
    try:
        from jupyterlab.labapp import LabApp  # type: ignore[import-untyped]
    except ImportError:
        raise LookupError("JupyterLab is not installed: `pip install 'ip-workbench[lab]'`") from None
    LabApp.launch_instance(arguments)


def _is_installed() -> bool:
    from jupyter_core.paths import jupyter_path

    return any((Path(path) / "ip-workbench").is_dir() for path in jupyter_path("labextensions"))
