"""Pieces of a page, as HTML: everything that comes from data is escaped here and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any, NamedTuple

__all__ = [
    "Column",
    "attachment",
    "bars",
    "counts",
    "figure",
    "items",
    "opening",
    "paragraph",
    "section",
    "table",
    "with_links",
]

_MARKS = {"malicious": "✖", "suspicious": "▲", "anonymised": "◆", "watch": "●", "clean": "✓"}
_LINK = re.compile(r"https://[\w./\-#]*[\w/]")


class Column(NamedTuple):
    """A column of a table: the key of its values in a row, its heading, and how they are shown: ``text``, ``name``
    (monospaced, unbroken), ``number``, ``verdict``, ``time``, ``day``, ``wide`` (takes the room that is left) or
    ``links`` (text with web addresses in it). ``share`` is its part of the width in per cent, 0 for its own."""

    key: str
    heading: str
    shown: str = "text"
    share: int = 0


def opening(kicker: str, title: str, paragraphs: Sequence[str]) -> str:
    """What the page begins with: what it is, what it is about, and the answer."""
    first = "".join(f"<p>{escape(text)}</p>" for text in paragraphs)
    return f'<header class="opening"><p class="kicker">{escape(kicker)}</p><h1>{escape(title)}</h1></header><div class="lead">{first}</div>'


def section(title: str, text: str = "", *, new_page: bool = False) -> str:
    """A heading, and what the section is about."""
    said = f'<p class="intro">{escape(text)}</p>' if text else ""
    return f"<h2{' class=new' if new_page else ''}>{escape(title)}</h2>{said}"


def paragraph(text: str, *, small: bool = False) -> str:
    """Text; empty lines part paragraphs."""
    parts = [part for part in re.split(r"\n\s*\n", text.strip()) if part]
    return "".join(f"<p{' class=small' if small else ''}>{escape(part)}</p>" for part in parts)


def items(texts: Iterable[str]) -> str:
    """A list."""
    return "<ul>" + "".join(f"<li>{escape(text)}</li>" for text in texts) + "</ul>"


def counts(numbers: Iterable[tuple[str, int | str]]) -> str:
    """Numbers in a row, each with what it counts; a verdict has its colour and sign."""
    cells = "".join(
        f'<div class="count {_class(label)}"><b>{f"{number:,}" if isinstance(number, int) else escape(number)}</b>'
        f"<span>{_mark(label)}{escape(label)}</span></div>"
        for label, number in numbers
    )
    return f'<div class="counts">{cells}</div>'


def bars(title: str, parts: Sequence[tuple[str, int]], most: int = 8) -> str:
    """What is counted, the most first, as bars; what is beyond ``most`` in one."""
    ordered = sorted(parts, key=lambda part: (-part[1], part[0]))
    rest = sum(number for _, number in ordered[most:])
    shown = [*ordered[:most], *([("others", rest)] if rest else [])]
    top = max((number for _, number in shown), default=1) or 1
    rows = "".join(
        f'<tr{" class=rest" if rest and label == "others" else ""}><th scope="row">{escape(label)}</th><td><i style="width:{max(1, round(100 * number / top))}%"></i></td>'
        f"<td>{number:,}</td></tr>"
        for label, number in shown
    )
    return f'<div><table class="bars"><caption>{escape(title)}</caption><tbody>{rows}</tbody></table></div>'


def table(columns: Sequence[Column], rows: Iterable[Mapping[str, Any]], *, dense: bool = False) -> str:
    """Rows under headings, which are repeated on each page; ``dense`` for what is looked up rather than read."""
    widths = "".join(f'<col style="width:{c.share}%">' if c.share else "<col>" for c in columns)
    heads = "".join(f'<th class="{c.shown}">{escape(c.heading)}</th>' for c in columns)
    body = "".join(
        "<tr>"
        + "".join(f'<td class="{c.shown}">{_cell(row.get(c.key), c.shown)}</td>' for c in columns)
        + "</tr>"
        for row in rows
    )
    return f'<table class="rows{" dense" if dense else ""}"><colgroup>{widths}</colgroup><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>'


def figure(page: str, printed: str, caption: str, height: int = 560) -> str:
    """A page within the page, in a frame that cannot reach out of itself; ``printed`` (HTML) takes its place on paper."""
    return (
        f'<figure class="map"><iframe srcdoc="{escape(page)}" title="{escape(caption)}" sandbox="allow-scripts" '
        f'height="{height}"></iframe>{printed}<figcaption>{escape(caption)}</figcaption></figure>'
    )


def with_links(text: str) -> str:
    """Text whose https addresses can be followed."""
    return _LINK.sub(lambda found: f'<a href="{found[0]}" rel="noreferrer">{found[0]}</a>', escape(text))


def _cell(value: Any, shown: str) -> str:
    if value is None or value == "":
        return ""
    if shown == "number":
        return f"{value:,}" if isinstance(value, int) else escape(str(value))
    if shown == "verdict":
        return f'<span class="v {_class(str(value))}">{_mark(str(value))}{escape(str(value))}</span>'
    if shown in ("time", "day") and isinstance(value, datetime):
        return f"{value:%Y-%m-%d}" if shown == "day" else f"{value:%Y-%m-%d %H:%M}"
    if shown == "links":
        return with_links(str(value))
    return escape(str(value))


def _class(label: str) -> str:
    return label if label in _MARKS else ""


def _mark(label: str) -> str:
    return f'<span class="mark">{_MARKS[label]}</span>' if label in _MARKS else ""


def attachment(name: str, encoded: str, kind: str, says: str) -> str:
    """A file that the page carries: base64 inside a link that saves it."""
    return (
        f'<p class="attachment"><a download="{escape(name)}" href="data:{escape(kind)};base64,{escape(encoded)}">{escape(name)}</a> '
        f"{escape(says)}</p>"
    )
