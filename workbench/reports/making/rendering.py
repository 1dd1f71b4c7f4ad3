"""An executed notebook as one HTML file that needs nothing else, and asks nothing of the network."""

from __future__ import annotations

from functools import cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.notebook.markings import TLP_COLOURS, TLP_MEANING

if TYPE_CHECKING:
    from workbench.reports.making.facts import Facts

__all__ = ["byline", "colophon", "html_of"]

_ASSETS = Path(__file__).parent / "assets"


def html_of(notebook: Any, facts: Facts) -> str:
    """The whole page. Code stays away, outputs stand as they were written: :mod:`workbench.reports.pieces` escaped them."""
    from nbconvert.exporters import HTMLExporter
    from traitlets.config import Config

    config = Config()
    config.HTMLExporter.exclude_input = True
    config.HTMLExporter.exclude_markdown = True
    # What comes first is shown; a widget or script is nothing for a report.
    config.NbConvertBase.display_data_priority = ["text/html", "image/png", "text/plain"]
    exporter = HTMLExporter(
        config=config, template_name="report", extra_template_basedirs=[str(_ASSETS / "nbconvert")]
    )
    scripts = " ".join(f"'nonce-{nonce}'" for nonce in facts.nonces) or "'none'"
    page = {
        "level": str(facts.level),
        "tlp_class": f"tlp-{facts.level.label.partition('+')[0]}",
        "meaning": TLP_MEANING[facts.level],
        "title": facts.title,
        "audience_line": f"For {facts.audience}",
        "policy": f"default-src 'none'; script-src {scripts}; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'",
        "style": _style(),
        "print_style": _pages(facts),
    }
    body, _ = exporter.from_notebook_node(notebook, resources={"workbench": page})
    return str(body)


@cache
def _style() -> str:
    return (_ASSETS / "report.css").read_text(encoding="utf-8")


def _pages(facts: Facts) -> str:
    """What stands on every printed page: the marking above and below, as TLP 2.0 has it, and whose page it is."""
    label = f"font: 700 12pt Arial, 'Nimbus Sans', sans-serif; color: {TLP_COLOURS[facts.level]}; background: #000"
    plain = "font: 8pt Arial, 'Nimbus Sans', sans-serif; color: #59636e"
    marking = f'content: " {facts.level} "; white-space: pre; {label}'
    # A margin box is as high as the margin: its vertical padding makes of the black ground a label.
    top, bottom = "height: 7mm; margin: 5mm 0 auto auto", "height: 7mm; margin: auto 0 5mm auto"
    return f"""@page {{ size: A4; margin: 21mm 17mm 21mm 17mm;
  @top-left {{ content: {_css(facts.short_title)}; {plain}; width: 74%; text-align: left }}
  @top-center {{ content: ""; width: 0 }}
  @top-right {{ {marking}; width: 26%; text-align: center; {top} }}
  @bottom-left {{ content: {_css(f"For {facts.audience}")}; {plain}; width: 48%; text-align: left }}
  @bottom-center {{ content: "Page " counter(page) " of " counter(pages); {plain}; width: 26% }}
  @bottom-right {{ {marking}; width: 26%; text-align: center; {bottom} }}
}}"""


def _css(text: str) -> str:
    """A string of CSS that holds any text."""
    kept = "".join(c if c.isalnum() or c in " .,:;-+/()·@_" else f"\\{ord(c):x} " for c in text)
    return f'"{kept}"'


def colophon(rows: list[tuple[str, str]]) -> str:
    """What a reader needs to make the report again."""
    lines = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in rows)
    return f'<div class="workbench-report"><footer class="colophon"><dl>{lines}</dl></footer></div>'


def byline(text: str) -> str:
    """The line below the title."""
    return f'<p class="byline">{escape(text)}</p>'
