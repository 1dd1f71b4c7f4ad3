"""The command line: ``workbench …``."""

from __future__ import annotations

import sys

__all__ = ["main"]


_EXTRA = {"lab": "lab", "report": "reports", "serve": "server", "stix": "exchange", "taxii": "exchange"}


def main() -> None:
    """Run ``workbench``: errors of the user's world in one line, a broken pipe in silence."""
    from workbench._extras import naming_extras
    from workbench.cli.commands import workbench

    try:
        with naming_extras(_EXTRA.get(sys.argv[1]) if len(sys.argv) > 1 else None):
            workbench(prog_name="workbench")
    except ModuleNotFoundError as error:
        if error.__cause__ is None:  # no extra of ours
            raise
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(141)
