"""What others wrote, on the terminal: it steers nothing there, and tables of it fold."""

from __future__ import annotations

from collections.abc import Sequence

from workbench._text import printable

__all__ = ["plain", "print_table"]


def plain(text: str) -> str:
    """Text of others without what a terminal would obey."""
    return "\n".join(printable(line, "\N{REPLACEMENT CHARACTER}") for line in text.split("\n"))


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]], whole: Sequence[str] = ()) -> None:
    """Print rows under headings; the columns named in ``whole`` are not folded."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, no_wrap=heading in whole, overflow="fold")
    for row in rows:
        table.add_row(*(Text(plain(cell)) for cell in row))
    Console().print(table)
