"""Where the workbench keeps what it downloads and builds."""

from __future__ import annotations

import os
import tempfile
from functools import cache
from pathlib import Path

import platformdirs

__all__ = ["data_path", "home"]


def home() -> Path:
    """The directory for sources and snapshots: ``WORKBENCH_HOME``, else the user's data directory.

    Where neither can be written (a read-only home), a directory under the system's temporary one is used.
    """
    configured = os.environ.get("WORKBENCH_HOME")
    return Path(configured).expanduser() if configured else _default()


@cache
def _default() -> Path:
    preferred = platformdirs.user_data_path("ip-workbench")
    try:
        preferred.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=preferred):
            return preferred
    except OSError:
        fallback = Path(tempfile.gettempdir()) / f"ip-workbench-{os.getuid()}"
        fallback.mkdir(mode=0o700, parents=True, exist_ok=True)
        if fallback.stat().st_uid != os.getuid():
            raise PermissionError(
                f"{fallback} belongs to another user: set WORKBENCH_HOME to a directory of yours"
            ) from None
        return fallback


def data_path() -> Path:
    """The data that ships with the workbench: inside the installed package, or ``data/`` of a checkout."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "_data"
    return installed if installed.is_dir() else package.parent / "data"
