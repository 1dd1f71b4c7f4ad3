"""A triage as one HTML file that needs nothing else: no script, no font, no request."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html import escape
from typing import Any

from workbench.enrichment.triage import Triage
from workbench.intel.snapshot import Snapshot

__all__ = ["triage_page"]

_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #59636e; --line: #d9dee3; --paper: #fff; --row: #f6f8fa; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8eb; --soft: #9aa4ae; --line: #333b44; --paper: #14181d; --row: #1b2027; } }
* { box-sizing: border-box }
body { font: 14px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 2.5rem auto; padding: 0 1.5rem; max-width: 96rem }
h1 { font-size: 1.6rem; margin: 0 0 .3rem } p { margin: .3rem 0; color: var(--soft) }
.counts { display: flex; flex-wrap: wrap; gap: .6rem; margin: 1.4rem 0 }
.counts div { border: 1px solid var(--line); border-radius: .5rem; padding: .5rem .9rem; min-width: 7rem }
.counts b { display: block; font-size: 1.5rem }
table { border-collapse: collapse; width: 100%; margin: 1rem 0 2rem }
th { text-align: left; font-weight: 600; color: var(--soft); border-bottom: 2px solid var(--line); padding: .4rem .6rem; position: sticky; top: 0; background: var(--paper) }
td { padding: .4rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top }
tbody tr:nth-child(even) { background: var(--row) }
td.n { text-align: right; font-variant-numeric: tabular-nums } td.a { font-family: ui-monospace, monospace; min-width: 11.5rem; max-width: 15rem; overflow-wrap: anywhere }
td.w { min-width: 20rem } td.o { min-width: 13rem }
.v { display: inline-block; border-radius: .3rem; padding: .05rem .5rem; font-weight: 600; white-space: nowrap }
.v::before { content: attr(data-mark); margin-right: .35em }
.malicious { background: #a40e26; color: #fff } .suspicious { background: #c4501b; color: #fff }
.anonymised { background: #6639ba; color: #fff } .watch { background: #f2c744; color: #1b1f24 } .clean { background: #d5e8f7; color: #0b3d66 }
@media print { th { position: static } body { margin: 0; max-width: none } }
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
    rows = "".join(_row(row) for row in result.rows())
    heads = "".join(f"<th>{name}</th>" for name in _HEADS)
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
<title>Triage of {escape(title)}</title><style>{_STYLE}</style></head><body>
<h1>Triage of {escape(title)}</h1>
<p>{escape(result.summary)}</p>
<p>Snapshot {escape(snapshot.id)}, intel as of {snapshot.as_of:%Y-%m-%d}, {age} days old when this was written.</p>
<div class="counts">{counts}</div>
<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>
<h2>Sources</h2>
<table><thead><tr><th>Source</th><th>Date</th><th>Entries</th><th>Reliability (A–F)</th><th>Licence</th><th>Attribution</th></tr></thead>
<tbody>{sources}</tbody></table>
</body></html>
"""


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
