"""A sheet: what is shown of a thing in a notebook, in a few facts and short tables, as HTML and as Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from workbench._text import one_line
from workbench.notebook.browser.modules import stylesheet
from workbench.notebook.markings import tlp_class
from workbench.notebook.showing.tree import Element, Node, html, tag
from workbench.notebook.verdicts import LOOKS
from workbench.secrecy import TLP

__all__ = ["Listing", "Sheet", "banner", "chip", "facts", "listing_tree", "moment", "page"]

_MARKS = {look.name: look.mark for look in LOOKS}


@dataclass(frozen=True, slots=True)
class Listing:
    """A table of a sheet. ``more`` counts the rows that are not shown."""

    caption: str
    heads: Sequence[str]
    rows: Sequence[Sequence[Any]]
    more: int = 0


@dataclass(frozen=True, slots=True)
class Sheet:
    """``facts`` that are empty or zero are left out; ``hint`` is a piece of code to go on with."""

    title: str
    facts: Sequence[tuple[str, Any]] = ()
    listings: Sequence[Listing] = ()
    level: TLP | None = None
    verdict: str | None = None
    hint: str = ""
    notes: Sequence[str] = field(default=())

    def tree(self) -> Element:
        """The sheet as elements, in which all text is still to be escaped."""
        return tag(
            "div",
            banner(self.level),
            tag("h4", tag("bdi", self.title), " ", chip(self.verdict) if self.verdict else None),
            facts(self.facts),
            [listing_tree(listing) for listing in self.listings],
            [tag("p", note) for note in self.notes],
            tag("p", tag("code", self.hint), class_="wb-quiet") if self.hint else None,
            class_="wb wb-sheet",
        )

    def html(self) -> str:
        """For a notebook, with its style."""
        return page(self.tree())

    def markdown(self) -> str:
        """For readers of plain text and tools that take Markdown."""
        lines = [f"**{_marked(self.title)}**" + (f" {_chip_text(self.verdict)}" if self.verdict else "")]
        if self.level is not None:
            lines.insert(0, f"**{self.level}** {_marked(self.level.definition)}\n")
        lines += ["", *(f"- {_marked(name)}: {_marked(_text(value))}" for name, value in self.facts if value and _text(value))]  # fmt: skip
        for listing in self.listings:
            lines += ["", f"{_marked(listing.caption)}", ""] if listing.caption else [""]
            lines += [_row(listing.heads), _row(["---"] * len(listing.heads), marked=False)]
            lines += [_row([_text(cell) for cell in row]) for row in listing.rows]
            if listing.more:
                lines += ["", f"… and {listing.more:,} more"]
        lines += [f"\n{_marked(note)}" for note in self.notes]
        return "\n".join(lines) + "\n"


def page(tree: Element) -> str:
    """A tree as HTML with the styles it needs."""
    return f"<style>{stylesheet('common/theme.css', 'card/card.css')}</style>{html(tree)}"


def banner(level: TLP | None) -> Node:
    """The label and what it means, in FIRST's words."""
    if level is None:
        return None
    return tag("p", tag("strong", str(level), class_=tlp_class(level)), " ", tag("small", level.definition), class_="wb-banner", role="note")  # fmt: skip


def chip(verdict: str | None) -> Node:
    """The verdict with its sign."""
    if not verdict:
        return None
    known = verdict if verdict in _MARKS else "unjudged"
    return tag("span", f"{_MARKS[known]} {verdict}", class_=f"wb-chip wb-{known}")


def facts(pairs: Sequence[tuple[str, Any]]) -> Node:
    """Names and values as a table, which forges show as one."""
    rows = [
        tag("tr", tag("th", name, scope="row"), tag("td", value if isinstance(value, Element) else tag("bdi", _text(value))))
        for name, value in pairs
        if value and (isinstance(value, Element) or _text(value))
    ]  # fmt: skip
    return tag("table", tag("tbody", rows), class_="wb-facts") if rows else None


def moment(when: datetime | date | None) -> str:
    """A day, or a minute where it matters."""
    if when is None:
        return ""
    return f"{when:%Y-%m-%d %H:%M}" if isinstance(when, datetime) else f"{when:%Y-%m-%d}"


def listing_tree(listing: Listing) -> list[Node]:
    """A listing as a table; nothing where it has no rows."""
    if not listing.rows:
        return []
    table = tag(
        "table",
        tag("caption", listing.caption) if listing.caption else None,
        tag("thead", tag("tr", [tag("th", head, scope="col") for head in listing.heads])),
        tag("tbody", [tag("tr", [_cell(cell) for cell in row]) for row in listing.rows]),
        class_="wb-listing",
    )
    return [table, tag("p", f"… and {listing.more:,} more", class_="wb-quiet") if listing.more else None]


def _cell(value: Any) -> Element:
    if isinstance(value, Element):
        return tag("td", value)
    text = _text(value)
    right = isinstance(value, int | float) and not isinstance(value, bool | TLP)
    # A date, a number or a word is not broken; only what is long is.
    return tag("td", tag("bdi", text), class_="wb-n" if right else "wb-w" if len(text) <= 20 else None)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Element):
        return "".join(_text(child) for child in value.children)
    if isinstance(value, TLP):
        return str(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and type(value) is int:
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.2f}"
    if isinstance(value, datetime | date):
        return moment(value)
    return str(value)


def _marked(text: str) -> str:
    """Text that Markdown takes as it is."""
    return re.sub(r"([\\`*_{}\[\]<>#|~&!$])", r"\\\1", one_line(text))


def _row(cells: Sequence[str], marked: bool = True) -> str:
    return "| " + " | ".join(_marked(cell) if marked else cell for cell in cells) + " |"


def _chip_text(verdict: str) -> str:
    return f"{_MARKS.get(verdict, '·')} {_marked(verdict)}"
