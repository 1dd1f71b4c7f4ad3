"""What others wrote steers nothing where it is shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench._text import one_line, printable


@pytest.mark.parametrize(
    ("text", "shown", "line"),
    [
        ("8.8.8.8", "8.8.8.8", "8.8.8.8"),
        ("a\x1b[31mred\x1b[0m", "a?[31mred?[0m", "a [31mred [0m"),
        ("two\r\nlines\t of it ", "two??lines? of it ", "two lines of it"),
        ("gpj.\u202eexe", "gpj.?exe", "gpj. exe"),
        ("Zürich 東京", "Zürich 東京", "Zürich 東京"),
        ("\ud800", "?", ""),
        ("", "", ""),
    ],
)
def test_what_would_steer_a_terminal_is_replaced(text: str, shown: str, line: str) -> None:
    assert printable(text, "?") == shown
    assert one_line(text) == line


@given(st.text())
def test_nothing_that_steers_is_left_and_nothing_else_is_touched(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert len(shown) == len(text)
    assert all(a == b or (not a.isprintable() and b == " ") for a, b in zip(text, shown, strict=True))
    assert one_line(shown) == one_line(text)
    assert "  " not in one_line(text)
