"""A triage as one HTML file that needs nothing else: no script, no font, no request."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html import escape
from typing import Any

from workbench.enrichment.triage import Triage
from workbench.intel.snapshot import Snapshot

__all__ = ["triage_fragment", "triage_page"]

_PAGE_STYLE = """
:root { color-scheme: light dark }
body { font: 14px/1.45 system-ui, sans-serif; color: light-dark(#1b1f24, #e6e8eb); background: light-dark(#fff, #14181d); margin: 2.5rem auto; padding: 0 1.5rem; max-width: 96rem }
h1 { font-size: 1.6rem; margin: 0 0 .3rem } a { color: inherit }
.counts { display: flex; flex-wrap: wrap; gap: .6rem; margin: 1.4rem 0 }
.counts div { border: 1px solid #8885; border-radius: .5rem; padding: .5rem .9rem; min-width: 7rem }
.counts b { display: block; font-size: 1.5rem }
@media print { .v { -webkit-print-color-adjust: exact; print-color-adjust: exact } .triage tr { break-inside: avoid } .triage th { position: static } body { margin: 0; max-width: none } }
"""

# Colours from the surroundings, as the table also stands in notebooks, light and dark; the class is named twice
# to outrank Jupyter's own rules for tables.
_TABLE_STYLE = """
.triage.triage table { border-collapse: collapse; width: 100%; table-layout: auto; margin: 1rem 0 2rem; font-size: 13px }
.triage.triage th { text-align: left; font-weight: 600; opacity: .75; border-bottom: 2px solid #8886; padding: .4rem }
.triage.triage td { text-align: left; padding: .4rem; border-bottom: 1px solid #8883; vertical-align: top }
.triage.triage td.n { text-align: right; font-variant-numeric: tabular-nums }
.triage.triage td.a { font-family: ui-monospace, monospace; min-width: 8.5rem; max-width: 15rem; overflow-wrap: anywhere }
.triage.triage td.w { min-width: 14rem } .triage.triage td.o { min-width: 9rem } .triage p { margin: .3rem 0; opacity: .75 }
.triage .v, .counts .v { display: inline-block; border-radius: .3rem; padding: .05rem .5rem; font-weight: 600; white-space: nowrap }
.v::before { content: attr(data-mark); margin-right: .35em }
.v.malicious { background: #a40e26; color: #fff } .v.suspicious { background: #c4501b; color: #fff }
.v.anonymised { background: #6639ba; color: #fff } .v.watch { background: #f2c744; color: #1b1f24 } .v.clean { background: #d5e8f7; color: #0b3d66 }
"""

# A sign beside each colour: told apart in print and by the colour-blind.
_MARKS = {"malicious": "✖", "suspicious": "▲", "anonymised": "◆", "watch": "●", "clean": "✓"}
_HEADS = (
    "Verdict",
    "Address",
    "Hits",
    "Country",
    "Network",
    "Type",
    "Flags",
    "Reputation",
    "Confidence",
    "Why",
)


def triage_page(result: Triage, snapshot: Snapshot, title: str) -> str:
    """The whole page. Everything that comes from a log or a list is escaped."""
    counts = "".join(
        f"<div><b>{count:,}</b>{_verdict(verdict)}</div>" for verdict, count in result.counts.items()
    )
    sources = "".join(
        "<tr>"
        + "".join(
            f"<td>{text}</td>"
            for text in (
                _linked(source.title, source.homepage),
                f"{source.as_of:%Y-%m-%d}" if source.as_of else "undated",
                f"{source.entries:,}",
                escape(source.reliability),
                escape(source.licence),
                _with_links(source.attribution),
            )
        )
        + "</tr>"
        for source in snapshot.sources
    )
    age = (datetime.now(UTC) - snapshot.as_of).days
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Triage of {escape(title)}</title><style>{_PAGE_STYLE}{_TABLE_STYLE}</style></head><body class="triage"><main>
<h1>Triage of {escape(title)}</h1>
<p>{escape(result.summary)}</p>
<p>Snapshot {escape(snapshot.id)}, intel as of {snapshot.as_of:%Y-%m-%d}, {age} days old when this was written.</p>
<div class="counts">{counts}</div>
{_table(result.rows())}
<h2>Sources</h2>
<table><thead><tr><th>Source</th><th>Date</th><th>Entries</th><th>Reliability (A–F)</th><th>Licence</th><th>Attribution</th></tr></thead>
<tbody>{sources}</tbody></table>
</main></body></html>
"""


def triage_fragment(result: Triage, limit: int = 200) -> str:
    """The summary and the worst ``limit`` rows, to stand inside another page."""
    rows = result.rows(limit)
    more = f"<p>… and {len(result) - len(rows):,} more</p>" if len(rows) < len(result) else ""
    return f"<div class='triage'><style>{_TABLE_STYLE}</style><p>{escape(result.summary)}</p>{_table(rows)}{more}</div>"


def _table(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return ""
    heads = "".join(f"<th>{name}</th>" for name in _HEADS)
    return (
        f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(_row(row) for row in rows)}</tbody></table>"
    )


def _linked(text: str, address: str | None) -> str:
    """A link where the address is one of the web; licences such as DB-IP's ask for it."""
    if not address or not address.startswith(("https://", "http://")):
        return escape(text)
    return f'<a href="{escape(address)}" rel="noreferrer">{escape(text)}</a>'


def _with_links(text: str) -> str:
    return re.sub(r"https://[\w./\-#]*[\w/]", lambda found: _linked(found[0], found[0]), escape(text))


def _verdict(verdict: str) -> str:
    return f'<span class="v {verdict}" data-mark="{_MARKS.get(verdict, "·")}">{verdict}</span>'


def _row(row: dict[str, Any]) -> str:
    network = f"AS{row['asn']} {row['as_org'] or ''}".strip() if row["asn"] else ""
    return (
        f"<tr><td>{_verdict(row['verdict'])}</td><td class='a'>{escape(row['address'])}</td><td class='n'>{row['hits']:,}</td>"
        f"<td>{escape(row['country'] or '')}</td><td class='o'>{escape(network)}</td><td>{escape(row['network_type'] or '')}</td>"
        f"<td>{escape(row['flags'])}</td><td class='n'>{row['reputation']}</td><td class='n'>{row['confidence']:.2f}</td>"
        f"<td class='w'>{escape(row['reasons'])}</td></tr>"
    )
