"""Errors of the user's world, told in one line."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from workbench.cli.terminal import plain

__all__ = ["plain_errors"]


def plain_errors(function: Callable[..., Any]) -> Callable[..., Any]:
    """What went wrong with the user's input is told in one line, without a traceback."""

    @wraps(function)
    def wrapped(*arguments: Any, **options: Any) -> Any:
        try:
            return function(*arguments, **options)
        except BrokenPipeError:
            raise
        except (ValueError, OSError, LookupError) as error:
            raise click.ClickException(plain(_told(error))) from error
        except Exception as error:
            from workbench.intel import SnapshotError

            if isinstance(error, (SnapshotError, *_of_files())):
                raise click.ClickException(plain(_told(error))) from error
            raise

    return wrapped


def _told(error: Exception) -> str:
    if isinstance(error, KeyError):
        return str(error.args[0])
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        from workbench.intel.home import home

        where = f": {error.filename}" if error.filename else ""
        return f"the disk is full{where}; make room and run it again (intel is kept in {home()}, WORKBENCH_HOME moves it)"
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror[:1].lower()}{error.strerror[1:]}"
    return str(error)


def _of_files() -> tuple[type[Exception], ...]:
    """What DuckDB says of files that are damaged or on a full disk; nothing where it is not in use."""
    duckdb = sys.modules.get("duckdb")
    return (duckdb.IOException, duckdb.OutOfMemoryException) if duckdb else ()
