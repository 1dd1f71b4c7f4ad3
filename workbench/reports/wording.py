"""Plain words for a summary: numbers spelled out, things counted, names listed."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["counted", "listed", "sentence", "spelled"]

_NUMBERS = (
    "no",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
)


def spelled(number: int) -> str:
    """Up to twelve as a word, beyond in digits."""
    return _NUMBERS[number] if 0 <= number < len(_NUMBERS) else f"{number:,}"


def counted(number: int, one: str, many: str | None = None) -> str:
    """``three exits``, ``one exit``, ``no exits``."""
    return f"{spelled(number)} {one if number == 1 else many or one + 's'}"


def listed(names: Iterable[str], most: int = 3) -> str:
    """``a, b and c``, or the first and how many more there are."""
    every = list(names)
    shown = every if len(every) <= most + 1 else [*every[:most], f"{len(every) - most:,} more"]
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else "".join(shown)


def sentence(text: str) -> str:
    """With a capital first and a full stop last."""
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")
