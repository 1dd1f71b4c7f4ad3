"""What others wrote, as it may be shown."""

from __future__ import annotations

__all__ = ["one_line", "printable"]


def printable(text: str, instead: str = " ") -> str:
    """Text in which nothing steers a terminal, breaks a line or turns the order of letters: such a character is
    ``instead``."""
    return text if text.isprintable() else "".join(c if c.isprintable() else instead for c in text)


def one_line(text: str) -> str:
    """The same with one space for every run of such characters and of white space, and none at its ends."""
    return " ".join(printable(text).split())
