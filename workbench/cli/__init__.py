"""The command line: ``workbench …``."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run ``workbench``: errors of the user's world in one line, a broken pipe in silence."""
    from workbench.cli.commands import workbench

    try:
        workbench(prog_name="workbench")
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(141)
