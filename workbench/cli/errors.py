"""Errors of the user's world, told in one line."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

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
            raise click.ClickException(
                str(error.args[0] if isinstance(error, KeyError) else error)
            ) from error
        except Exception as error:
            from workbench.intel import SnapshotError

            if isinstance(error, SnapshotError):
                raise click.ClickException(str(error)) from error
            raise

    return wrapped
