"""Errors of the user's world in one line, with the mend; ``%tb`` shows where they came from.

These are the errors that the rooms raise on purpose (the command line tells the same ones in one line). What goes
wrong in the user's own code, and what is a bug of the workbench, keeps its traceback.
"""

from __future__ import annotations

import linecache
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

from workbench._extras import advice
from workbench.notebook.telling import told

__all__ = ["is_told", "register", "unregister"]

_PACKAGE = str(Path(__file__).resolve().parents[2])


def register(shell: Any) -> None:
    """Show the errors of a session this way."""
    shell.set_custom_exc((Exception, KeyboardInterrupt), _handle)


def unregister(shell: Any) -> None:
    """Show errors as IPython does."""
    shell.set_custom_exc((), None)


def _handle(shell: Any, kind: Any, error: BaseException, trace: Any, tb_offset: int | None = None) -> list[str]:  # fmt: skip
    if not is_told(error, trace):
        shell.showtraceback((kind, error, trace), tb_offset=tb_offset)
        return []
    sys.last_type, sys.last_value, sys.last_traceback = kind, error, trace  # for %tb
    where = "" if isinstance(error, KeyboardInterrupt) else "  \x1b[2m(%tb shows where)\x1b[0m"
    line = f"\x1b[31m{kind.__name__}\x1b[0m: {told(error)}{where}"
    shell._showtraceback(kind, error, [line])
    return [line]


def is_told(error: BaseException, trace: TracebackType | None) -> bool:
    """Whether the error was raised for the user by the workbench, which it came through by ``trace``."""
    from workbench.notebook.progress import Cancelled

    if isinstance(error, Cancelled):
        return True
    if _is_of(error, ("duckdb", "_duckdb")):
        return True  # of the query that she wrote, wherever she asked it
    frames = _frames(trace)
    if not any(file.startswith(_PACKAGE) for file, _ in frames):
        return False
    if isinstance(error, OSError | KeyboardInterrupt):
        return True
    if isinstance(error, ModuleNotFoundError):
        return advice(error) is not None
    file, line = frames[-1]
    if not file.startswith(_PACKAGE):
        return False
    if type(error).__module__.startswith("workbench."):
        return True
    # Said on purpose, not met by accident.
    raised = linecache.getline(file, line).lstrip().startswith("raise ")
    return raised and isinstance(error, ValueError | LookupError | TypeError | AttributeError)


def _is_of(error: BaseException, packages: tuple[str, ...]) -> bool:
    return any(kind.__module__.partition(".")[0] in packages for kind in type(error).__mro__)


def _frames(trace: TracebackType | None) -> list[tuple[str, int]]:
    """File and line of each, the innermost last."""
    found = []
    while trace is not None:
        found.append((trace.tb_frame.f_code.co_filename, trace.tb_lineno))
        trace = trace.tb_next
    return found
