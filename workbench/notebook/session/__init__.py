"""What an IPython session learns of the workbench.

``import workbench`` alone teaches it to complete (:mod:`~workbench.notebook.session.completing`) and, in a notebook, to show
what the rooms give (:mod:`~workbench.notebook.showing`). ``%load_ext workbench`` adds the magics and errors in one line;
in a kernel of ``workbench lab`` the import does that too. Nothing is imported before it is used.
"""

from __future__ import annotations

import os
import sys
from typing import Any

__all__ = ["IN_LAB", "greet", "load", "unload"]

IN_LAB = "WORKBENCH_LAB"
"""Set in the environment of kernels that ``workbench lab`` starts."""


def greet() -> None:
    """Teach the session that runs, if one does."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None and hasattr(ipython, "get_ipython") else None
    if shell is None:
        return
    if os.environ.get(IN_LAB) and getattr(shell, "kernel", None) is not None:
        load(shell)
    else:
        _teach(shell)


def load(shell: Any) -> None:
    """``%load_ext workbench``."""
    from workbench.notebook.session import errors, magic

    _teach(shell)
    magic.register(shell)
    errors.register(shell)


def unload(shell: Any) -> None:
    """``%unload_ext workbench``: errors are again as IPython shows them."""
    from workbench.notebook.session import errors

    errors.unregister(shell)


def _teach(shell: Any) -> None:
    from workbench.notebook import showing
    from workbench.notebook.session import completing

    if getattr(shell, "kernel", None) is not None:
        os.environ.setdefault(
            "WORKBENCH_KERNEL", str(os.getpid())
        )  # kernels started from here see it is not theirs
    completing.register(shell)
    showing.register(shell)
