"""Ctrl-C, also where DuckDB makes another error of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["ctrl_c", "is_ctrl_c"]

_SAID = ("Query interrupted", "KeyboardInterrupt")
"""What DuckDB says of it: in a query, and where it calls Python."""


def is_ctrl_c(error: BaseException | None) -> bool:
    """Whether it is Ctrl-C, or came of it: in the middle of DuckDB it is another error, or leads to one."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt) or any(said in str(error) for said in _SAID):
            return True
        error = error.__context__
    return False


@contextmanager
def ctrl_c() -> Iterator[None]:
    """Give it back as the KeyboardInterrupt that it is, in a notebook that of the stop button."""
    try:
        yield
    except Exception as error:
        if is_ctrl_c(error):
            raise KeyboardInterrupt("interrupted") from None
        raise
