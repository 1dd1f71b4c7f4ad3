"""The map as an object: a folium map whose page holds everything it needs, marked with its TLP level."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from os import PathLike
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import folium
from branca.element import Element, Figure
from folium.template import Template
from jinja2 import Template as JinjaTemplate

from workbench.exchange.stix import recipient_of
from workbench.intel.snapshot import SnapshotSource
from workbench.notebook.browser.modules import unexported
from workbench.notebook.browser.shipped import asset, data_uri, packed, packed_asset, script
from workbench.notebook.maps.unscripted import unscripted
from workbench.notebook.markings import TLP_COLOURS, TLP_MEANING, tlp_class
from workbench.notebook.verdicts import LOOKS
from workbench.secrecy import TLP, Marking, Organisation, Recipient, may_receive

__all__ = ["AddressMap", "Tiles"]

_SCRIPTS = ("model", "base", "marks", "points", "popup", "panel", "time", "main")

# Tells the frame, which cannot look out, whether JupyterLab or VS Code around it is dark, now and when that changes.
# JupyterLab runs scripts of an output before it puts the output into the page, so look again for a while.
_TELL_THEME = """(function start(tries) {
  const frame = document.getElementById("%s");
  if (!frame) return tries && setTimeout(start, 200, tries - 1);
  const tell = () => {
    const { jpThemeLight: light, vscodeThemeKind: kind } = document.body.dataset;
    const dark = light ? light === "false" : kind ? kind.includes("dark") : null;
    if (dark !== null) frame.contentWindow?.postMessage({ workbenchTheme: dark ? "dark" : "light" }, "*");
  };
  frame.addEventListener("load", tell);
  tell();
  new MutationObserver(tell).observe(document.body, { attributeFilter: ["data-jp-theme-light", "data-vscode-theme-kind"] });
})(50);"""


class Tiles(NamedTuple):
    """A tile server that the user has chosen, and the origin that the page may load pictures from."""

    url: str
    attribution: str
    origin: str

    @classmethod
    def of(cls, url: str | None, attribution: str | None) -> Tiles | None:
        """Of the URL template, ``{s}`` standing for a subdomain.

        Raises:
            ValueError: the URL is no template of tiles.
        """
        if url is None:
            return None
        parts = urlsplit(url)
        if parts.scheme not in ("https", "http") or not all(f"{{{axis}}}" in url for axis in "zxy"):
            raise ValueError(f"tiles={url!r} is no tile server: https://…/{{z}}/{{x}}/{{y}}.png is wanted")
        host = parts.netloc.replace("{s}", "*")
        if not re.fullmatch(r"[\w.*:\-\[\]]+", host):
            raise ValueError(f"tiles={url!r}: {host!r} is no host")
        return cls(url, attribution or f"Tiles: {parts.netloc}", f"{parts.scheme}://{host}")


class _Page(Figure):  # type: ignore[misc]
    """A page under a policy that lets its own scripts run, by nonce, and lets nothing be fetched."""

    _template = JinjaTemplate(
        """<!DOCTYPE html>
{% if this.level %}<!-- {{ this.level }} -->
{% endif %}<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{{ this.policy }}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="IP Workbench">
{% if this.level %}<meta name="tlp" content="{{ this.level }}">
{% endif %}<title>{{ this.heading }}</title>
{{ this.header.render(**kwargs) }}
</head>
<body>
{{ this.html.render(**kwargs) }}
<script nonce="{{ this.nonce }}">
{{ this.script.render(**kwargs) }}
</script>
</body>
</html>
"""
    )

    def __init__(self, heading: str, level: TLP | None, tiles: Tiles | None) -> None:
        super().__init__()
        self.header._children.clear()
        self.heading = escape(heading)
        self.level = None if level is None else str(level)
        self.nonce = secrets.token_urlsafe(16)
        pictures = f"data: {tiles.origin}" if tiles else "data:"
        self.policy = (
            f"default-src 'none'; script-src 'nonce-{self.nonce}'; style-src 'unsafe-inline'; "
            f"img-src {pictures}; base-uri 'none'; form-action 'none'"
        )


class _Text(Element):  # type: ignore[misc]
    """Text that stands in the page as it is; it is no template."""

    _template = JinjaTemplate("{{ this.text }}")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


class AddressMap(folium.Map):  # type: ignore[misc]
    """A map of addresses. Shows itself in a notebook; :meth:`save` writes one file that works offline.

    It is a :class:`folium.Map`: ``folium.Circle``, ``GeoJson``, ``Marker`` and other things of folium itself can be
    added. Plugins of folium that load scripts from the net do not work, as the page lets nothing be fetched.

    ``tlp`` is the level it is marked with, or ``None``; ``summary`` says in a line what is on it.
    """

    default_js: list[tuple[str, str]] = []  # noqa: RUF012  the name is folium's
    default_css: list[tuple[str, str]] = []  # noqa: RUF012
    _template = Template(
        """
{% macro html(this, kwargs) %}
<div class="stage{{ ' timed' if this.timed else '' }}" id="face">
<div class="folium-map" id="{{ this.get_name() }}" role="application" aria-label="Map. Arrow keys move, plus and minus zoom, n and p walk through the addresses."></div>
</div>
{% endmacro %}
{% macro script(this, kwargs) %}
var {{ this.get_name() }} = L.map("{{ this.get_name() }}", {
  center: [20, 10], zoom: 2, minZoom: 1, maxZoom: {{ this.deepest }}, worldCopyJump: false, attributionControl: false,
  maxBounds: [[-89, -400], [89, 400]], zoomSnap: 0.5, preferCanvas: true, fadeAnimation: false,
});
workbenchMap({{ this.get_name() }});
{% endmacro %}
"""
    )

    def __init__(
        self, payload: dict[str, Any], *, level: TLP | None, summary: str, sources: Sequence[SnapshotSource],
        tiles: Tiles | None = None, height: int = 620, marks: Mapping[str, TLP] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(tiles=None, prefer_canvas=True)
        self.tlp = level
        self._marks = marks or {}
        self.summary = summary
        self.pixels = int(height)
        self.timed = payload["time"] is not None
        self.deepest = 18 if tiles else 9
        title = payload["title"] if level is None else f"{level} {payload['title']}"
        page = _Page(title, level, tiles)
        page.add_child(self)
        asked = tiles and {"url": tiles.url, "attribution": tiles.attribution, "max_zoom": self.deepest}
        page.header.add_child(_Text(_head(page.nonce)), name="assets")
        page.html.add_child(_Text(_banner(level)), name="tlp", index=0)
        page.html.add_child(_Text(unscripted(payload["title"], payload["points"])), name="unscripted")
        page.html.add_child(_Text(_foot(payload["notes"], sources, payload["snapshot"], level)), name="foot")
        data = {k: v for k, v in payload.items() if k not in ("notes", "snapshot")} | {"tiles": asked}
        page.html.add_child(
            _Text(
                f'<script type="text/plain" id="workbench-data">{packed(data)}</script>\n'
                f'<script type="text/plain" id="workbench-world">{packed_asset("world.json")}</script>'
            ),
            name="data",
        )

    def __repr__(self) -> str:
        return f"<AddressMap {'no TLP' if self.tlp is None else self.tlp}: {self.summary}>"

    def save(
        self,
        outfile: str | PathLike[str] | Any,
        close_file: bool = True,
        *,
        to: str | Recipient | Organisation | None = None,
        organisation: str | Organisation | None = None,
        recipients: Iterable[str] = (),
        **kwargs: Any,
    ) -> None:
        """Write the map as one HTML file that needs nothing else.

        With ``to`` (``"public"``, ``"community"``, an organisation, ``"member@organisation"``) only if the TLP level
        lets it go there; ``organisation`` is whose map it is, ``recipients`` the members it is named for at RED.

        Raises:
            PermissionError: it may not go to ``to``.
            OSError: the file cannot be written.
        """
        if to is not None:
            self._may_go(to, organisation, recipients)
        super().save(outfile, close_file, **kwargs)

    def _may_go(self, to: str | Recipient | Organisation, whose: str | Organisation | None, named: Iterable[str]) -> None:  # fmt: skip
        own = whose if isinstance(whose, Organisation) else Organisation(whose or "")
        recipient = recipient_of(to, own)
        if self.tlp is None:
            raise PermissionError(
                f"the map has no TLP level, so it cannot go to {recipient}: draw it with tlp="
            )
        # Whom another organisation serves is not for us to say: its AMBER goes back to it and nowhere else.
        others = [
            (level, Organisation(name)) for name, level in self._marks.items() if name not in ("", own.name)
        ]
        if not all(
            may_receive(recipient, Marking(level, owner, frozenset(named)))
            for level, owner in [(self.tlp, own), *others]
        ):
            raise PermissionError(f"the map is {self.tlp} and may not go to {recipient}")

    def _repr_html_(self, **kwargs: Any) -> str:
        # Without allow-same-origin the frame cannot reach the notebook around it, whatever it holds.
        page = escape(self.get_root().render(**kwargs))
        caption = escape(f"{self.tlp} · {self.summary}" if self.tlp is not None else self.summary)
        frame = f"workbench-map-{secrets.token_hex(8)}"
        return (
            f'<iframe id="{frame}" srcdoc="{page}" title="{caption}" sandbox="allow-scripts allow-popups allow-popups-to-escape-sandbox allow-downloads" '
            f'allow="clipboard-write; fullscreen" style="width:100%;height:{self.pixels}px;border:1px solid #8885;border-radius:6px" loading="lazy"></iframe>'
            f'<p style="font-size:12px;opacity:.75;margin:.2rem 0">{caption}</p>'
            f"<script>{_TELL_THEME % frame}</script>"
        )


def _head(nonce: str) -> str:
    """Styles and scripts, Leaflet's with its few pictures inside."""
    css = re.sub(r"url\((?:images/[^)]*|#default#VML)\)", "none", asset("vendor/leaflet.css"))
    verdicts = "\n".join(f".v-{look.name} {{ background: {look.fill}; color: {look.ink} }}" for look in LOOKS)
    ours = "\n".join([unexported("common/dom.js"), *(asset(f"map/{name}.js") for name in _SCRIPTS)])
    icons = (
        f'L.Icon.Default.imagePath = "";\nL.Icon.Default.mergeOptions({{ iconUrl: "{data_uri("vendor/marker-icon-2x.png", "image/png")}", '
        f'iconRetinaUrl: "{data_uri("vendor/marker-icon-2x.png", "image/png")}", shadowUrl: "{data_uri("vendor/marker-shadow.png", "image/png")}" }});\n'
        # All that folium's popups want of jQuery.
        "window.$ = (html) => { const t = document.createElement('template'); t.innerHTML = html.trim(); return [t.content.firstChild]; };"
    )
    scripts = [script(f"vendor/{n}.js") for n in ("leaflet", "supercluster.min", "topojson-client.min")]
    scripts += [icons, f'(() => {{\n"use strict";\n{ours}\n}})();']
    return f"<style>{css}\n{asset('map/map.css')}\n{verdicts}</style>\n" + "\n".join(
        f'<script nonce="{nonce}">{text}</script>' for text in scripts
    )


def _banner(level: TLP | None) -> str:
    if level is None:
        return ""
    return f'<header class="tlp {tlp_class(level)}" style="color:{TLP_COLOURS[level]}">{level}<small>{TLP_MEANING[level]}</small></header>'


def _foot(notes: Sequence[str], sources: Sequence[SnapshotSource], snapshot: str, level: TLP | None) -> str:
    said = (
        f'<section class="notes" aria-label="Notes">{" ".join(escape(note) for note in notes)}</section>'
        if notes
        else ""
    )
    named = dict.fromkeys(s.attribution for s in sources if s.attribution and "geo" in s.layers)
    others = dict.fromkeys(s.attribution for s in sources if s.attribution and s.attribution not in named)
    first = " · ".join(_with_links(text) for text in named)
    more = "".join(f" · {_with_links(text)}" for text in others)
    marked = "" if level is not None else " · no TLP level set"
    return (
        f'{said}<footer id="sources">{first}{" · " if first else ""}Basemap: Natural Earth · Leaflet · Intel {escape(snapshot)}{marked}'
        f"{f' · <details><summary>more sources</summary>{more}</details>' if more else ''}</footer>"
    )


def _with_links(text: str) -> str:
    return re.sub(
        r"https://[\w./\-#]*[\w/]",
        lambda found: f'<a href="{found[0]}" target="_blank" rel="noreferrer">{found[0]}</a>',
        escape(text),
    )
