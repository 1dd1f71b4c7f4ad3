"""What is shown, as a tree of elements that is written twice: as HTML where no widget can be, and by a front end
(``assets/common/tree.js``) as a page. Text of data is escaped here and set as text there."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from typing import Any, NamedTuple

__all__ = ["ATTRIBUTES", "TAGS", "Element", "Node", "html", "link", "plain", "tag"]

TAGS = frozenset({
    "a", "article", "b", "bdi", "button", "caption", "code", "dd", "del", "details", "div", "dl", "dt", "em", "footer", "h3", "h4",
    "header", "i", "ins", "li", "ol", "p", "pre", "section", "small", "span", "strong", "summary", "table", "tbody", "td", "th", "thead",
    "time", "tr", "ul", "svg", "g", "path", "circle", "rect", "line", "text", "title",
})  # fmt: skip
ATTRIBUTES = frozenset({
    "class", "title", "role", "href", "rel", "target", "scope", "colspan", "datetime", "open", "hidden", "dir", "tabindex",
    "viewBox", "width", "height", "preserveAspectRatio", "d", "x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "rx", "text-anchor",
})  # fmt: skip
"""Those allowed, beside ``aria-…`` and ``data-…``: nothing that runs, and nothing that is fetched."""

Node = Any
"""An element, text, or None for nothing."""


class Element(NamedTuple):
    """One element. ``children`` are elements and texts."""

    name: str
    attributes: dict[str, str]
    children: tuple[Any, ...]


def tag(name: str, *children: Node | Iterable[Node], **attributes: Any) -> Element:
    """``tag("p", "text", tag("b", "more"), class_="x", aria_label="y")``. Children and attributes that are None or
    False are left out, lists of children are spread.

    Raises:
        ValueError: no element or attribute of :data:`TAGS` and :data:`ATTRIBUTES`.
    """
    if name not in TAGS:
        raise ValueError(f"no element {name!r} is shown")
    given = {}
    for key, value in attributes.items():
        written = key.rstrip("_").replace("_", "-")
        if written not in ATTRIBUTES and not written.startswith(("aria-", "data-")):
            raise ValueError(f"no attribute {written!r} is shown")
        if value is not None and value is not False:
            given[written] = "" if value is True else str(value)
    if not given.get("href", "https://").startswith(("https://", "http://")):
        raise ValueError("a link leads to the web only")
    return Element(name, given, tuple(_spread(children)))


def link(text: str, address: str | None) -> Node:
    """A link where the address is one of the web, else the text."""
    if not address or not address.startswith(("https://", "http://")):
        return text
    return tag("a", text, href=address, target="_blank", rel="noreferrer noopener")


def _spread(children: Iterable[Any]) -> list[Any]:
    found: list[Any] = []
    for child in children:
        if child is None or child is False:
            continue
        if isinstance(child, Element):
            found.append(child)
        elif isinstance(child, list | tuple):
            found += _spread(child)
        else:
            found.append(_printable(str(child)))
    return found


def _printable(text: str) -> str:
    """Without control characters, which say nothing to a reader, and without those that turn the order of letters."""
    return text if text.isprintable() else _CONTROL.sub("�", text.replace("\r\n", "\n"))


_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def html(node: Node) -> str:
    """As HTML."""
    if isinstance(node, str):
        return escape(node)
    attributes = "".join(f' {name}="{escape(value)}"' for name, value in node.attributes.items())
    return f"<{node.name}{attributes}>{''.join(map(html, node.children))}</{node.name}>"


def plain(node: Node) -> Any:
    """As JSON knows it: ``[name, {attribute: value}, child, …]``."""
    return node if isinstance(node, str) else [node.name, node.attributes, *map(plain, node.children)]
