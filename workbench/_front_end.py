"""Whether somebody looks at what a kernel shows."""

from __future__ import annotations

import os

__all__ = ["front_end"]

_SIGNS = ("JPY_SESSION_NAME", "VSCODE_PID", "VSCODE_CWD", "VSCODE_IPC_HOOK_CLI", "COLAB_RELEASE_TAG")
"""What kernels find in their environment that were started for somebody who looks: by a Jupyter server for a notebook
or console, by VS Code, by Colab. Papermill and nbconvert leave none of them."""


def front_end() -> bool:
    """Whether widgets are likely to be shown: there is a kernel, and a front end that somebody looks at.

    A kernel that was started from within another, as for a report, has nobody who looks. ``WORKBENCH_WIDGETS``
    (``1`` or ``0``) in the environment decides where this guesses wrong.
    """
    said = os.environ.get("WORKBENCH_WIDGETS")
    if said is not None:
        return said.strip().lower() not in ("", "0", "no", "off", "false")
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    if getattr(get_ipython(), "kernel", None) is None:
        return False
    own = str(os.getpid())
    return os.environ.setdefault("WORKBENCH_KERNEL", own) == own and any(map(os.environ.get, _SIGNS))
