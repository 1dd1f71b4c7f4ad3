"""One source, two speeds: kernels that run as plain Python for a few rows and compiled for many.

Importing and warming numba costs about half a second, which a lookup of 23 addresses should not wait for.
A :class:`Kernel` is called as it is written, or through ``.compiled``, which numba compiles on first use
and keeps in its on-disk cache. There is no second implementation that could disagree.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import FunctionType
from typing import Any

import numpy as np

__all__ = ["Kernel", "kernel", "run"]

INTERPRETED_ROWS = 1500
"""Up to this many rows the interpreter is done before numba would be loaded."""

_lock = threading.RLock()


class Kernel:
    """A function over arrays that may call other kernels of its module."""

    def __init__(self, function: FunctionType) -> None:
        self.python = function
        self.__doc__ = function.__doc__
        self.__name__ = function.__name__
        self._compiled: Callable[..., Any] | None = None

    def __call__(self, *arguments: Any) -> Any:
        return self.python(*arguments)

    @property
    def compiled(self) -> Callable[..., Any]:
        """The same function in machine code; releases the GIL."""
        if self._compiled is None:
            with _lock:
                if self._compiled is None:
                    self._compiled = self._compile()
        return self._compiled

    def _compile(self) -> Callable[..., Any]:
        import numba

        names = dict(self.python.__globals__)
        for name in self.python.__code__.co_names:
            if isinstance(names.get(name), Kernel):
                names[name] = names[name].compiled
        twin = FunctionType(self.python.__code__, names, self.python.__name__)
        twin.__module__ = self.python.__module__
        twin.__qualname__ = self.python.__qualname__
        try:
            compiled: Callable[..., Any] = numba.njit(nogil=True, cache=True)(twin)
        except RuntimeError:  # neither the installation nor the home can be written: compile in every process
            compiled = numba.njit(nogil=True)(twin)
        return compiled


def kernel(function: Callable[..., Any]) -> Kernel:
    """Decorator: make ``function`` a :class:`Kernel`."""
    assert isinstance(function, FunctionType)
    return Kernel(function)


def run(function: Kernel, rows: int, *arguments: Any) -> Any:
    """Call ``function`` compiled when ``rows`` are worth it, else interpreted.

    Interpreted, arrays are handed over as memoryviews: their items are Python numbers, which neither
    overflow nor cost a numpy scalar each.
    """
    if rows > INTERPRETED_ROWS:
        return function.compiled(*arguments)
    return function(*[_as_python(a) for a in arguments])


def _as_python(argument: Any) -> Any:
    if isinstance(argument, tuple):
        return tuple(_as_python(item) for item in argument)
    return memoryview(argument) if isinstance(argument, np.ndarray) else argument  # type: ignore[arg-type]
