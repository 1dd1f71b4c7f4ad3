"""Short tables as text and as HTML, for what is shown where it is returned."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

__all__ = ["as_html", "as_text"]

Rows = Sequence[Sequence[str]]
UNBROKEN = 16
"""Letters of a cell that stays on one line: dates and names."""


def as_text(heads: Sequence[str], rows: Rows) -> str:
    """Columns as wide as their longest cell, without lines."""
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in ([heads] if any(heads) else []) + list(rows)
    )


def as_html(heads: Sequence[str], rows: Rows, *, below: str = "", right: Sequence[str] = ()) -> str:
    """A table, every cell escaped; the columns named in ``right`` hold numbers. ``below`` is a line after it."""

    def style(head: str, cell: str) -> str:
        aligned = "right" if head in right else "left"
        return f"text-align:{aligned};vertical-align:top" + (
            ";white-space:nowrap" if len(cell) <= UNBROKEN else ""
        )

    def line(tag: str, cells: Sequence[str]) -> str:
        aligned = zip(heads, cells, strict=True)
        return "<tr>" + "".join(
            f"<{tag} style='{style(head, cell)}'>{escape(cell)}</{tag}>"
            for head, cell in aligned
        ) + "</tr>"  # fmt: skip

    body = "".join(line("td", row) for row in rows)
    after = f"<div>{escape(below)}</div>" if below else ""
    return f"<table><thead>{line('th', heads)}</thead><tbody>{body}</tbody></table>{after}"
