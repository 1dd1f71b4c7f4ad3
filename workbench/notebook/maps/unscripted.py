"""What a map says where no script runs: in the preview of a mail client, or under a strict browser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from workbench.notebook.verdicts import LOOKS

__all__ = ["unscripted"]

ROWS = 200
_HEADS = ("Verdict", "Address", "Country", "Network", "Reputation", "Why")


def unscripted(title: str, points: Mapping[str, Any]) -> str:
    """The addresses of a map as a table, worst first and at most :data:`ROWS`, which no script hides."""
    count = len(points["address"])
    worst = sorted(range(count), key=lambda at: (points["verdict"][at], -(points["reputation"][at] or 0)))
    rows = "".join(_row(points, at) for at in worst[:ROWS])
    more = f"<p>… and {count - ROWS:,} more.</p>" if count > ROWS else ""
    heads = "".join(f'<th scope="col">{head}</th>' for head in _HEADS)
    return (
        "<noscript><style>.stage { display: none } body { overflow: auto }</style>"
        f'<main class="unscripted"><h1>{escape(title)}</h1><p>The map is drawn by its own script, which does not run here.</p>'
        f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>{more}</main></noscript>"
    )


def _row(points: Mapping[str, Any], at: int) -> str:
    look = LOOKS[points["verdict"][at]]
    country, code = (_text(points[name], at) for name in ("country_name", "country"))
    network = f"AS{points['asn'][at]} {_text(points['as_org'], at)}" if points["asn"][at] else ""
    reputation = points["reputation"][at]
    cells: Sequence[str] = (
        f'<span class="chip v-{look.name}">{look.mark} {look.name}</span>',
        escape(points["address"][at]),
        escape(country or code),
        escape(network.strip()),
        "" if reputation is None else str(reputation),
        escape(_text(points["reasons"], at)),
    )
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _text(column: Mapping[str, Any], at: int) -> str:
    code = column["codes"][at]
    return "" if code is None or code < 0 else str(column["values"][code] or "")
