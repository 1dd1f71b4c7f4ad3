"""A card: everything known of one address, as a tree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from workbench.addresses.text import parse
from workbench.enrichment.countries import country_name
from workbench.notebook.cards.listings import Span, timeline
from workbench.notebook.cards.little_map import little_map
from workbench.notebook.places import place_of
from workbench.notebook.showing.sheets import Listing, banner, chip, facts, listing_tree
from workbench.notebook.showing.tree import Element, Node, link, tag
from workbench.secrecy import TLP

__all__ = ["Card", "Section"]


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a card below the facts; ``folded`` ones are opened by a click."""

    title: str
    body: Node
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Card:
    """``said`` is what names the intel: an Intel record, or a profile, which has the same columns. ``level`` marks it."""

    said: Any
    spans: Sequence[Span] = ()
    until: datetime | None = None
    level: TLP | None = None
    analysts: Node = None
    sections: Sequence[Section] = ()
    attributions: Sequence[tuple[str, str | None]] = ()
    notes: Sequence[str] = field(default=())

    def tree(self) -> Element:
        """The card as elements, in which all text is still to be escaped."""
        said = self.said
        return tag(
            "article",
            banner(self.level),
            tag("header", tag("h3", tag("bdi", said.address or "not an address")), " ", chip(said.verdict), " ", _standing(said), class_="wb-top"),
            [tag("p", note, class_="wb-note", role="note") for note in self.notes],
            _reasons(said.reasons),
            self.analysts,
            tag("div", tag("div", facts(_facts(said)), class_="wb-left"), _map(said), class_="wb-pair"),
            tag("section", tag("h4", f"Evidence ({len(self.spans)})" if self.spans else "Evidence"), timeline(self.spans, self.until)) if self._judged else None,
            [_section(section) for section in self.sections],
            self._foot(),
            class_="wb wb-card", aria_label=f"{said.address}: {said.verdict}",
        )  # fmt: skip

    @property
    def _judged(self) -> bool:
        return bool(self.spans) or self.said.verdict not in ("invalid", "unroutable")

    def _foot(self) -> Element:
        parts: list[Node] = [f"Snapshot {self.said.snapshot}" if self.said.snapshot else "Not enriched yet"]
        for text, address in self.attributions if _spot(self.said) else ():
            parts += [" · ", link(text, address)]
        if _spot(self.said):
            parts.append(" · Basemap: Natural Earth")
        return tag("footer", tag("small", parts), class_="wb-quiet")


def _standing(said: Any) -> Node:
    if said.reputation is None:
        return None
    confidence = f" · confidence {said.confidence:.2f}" if said.confidence is not None else ""
    width = max(1, round(said.reputation * 1.2))
    known = said.verdict if said.verdict in ("malicious", "suspicious", "anonymised", "watch", "clean") else "unjudged"  # fmt: skip
    return tag(
        "span",
        tag(
            "svg",
            tag("rect", width=120, height=8, rx=4, class_="wb-empty"),
            tag("rect", width=width, height=8, rx=4, class_=f"wb-full wb-full-{known}"),
            viewBox="0 0 120 8", width=120, height=8, aria_hidden="true",
        ),
        f" reputation {said.reputation}/100{confidence}",
        title="0 to 100, 100 is worst; confidence 0 to 1", class_="wb-standing",
    )  # fmt: skip


def _reasons(text: str | None) -> Node:
    sentences = [part for part in (text or "").split("; ") if part]
    if len(sentences) < 2:
        return tag("p", tag("bdi", sentences[0])) if sentences else None
    return tag("ul", [tag("li", tag("bdi", sentence)) for sentence in sentences], class_="wb-reasons")


def _facts(said: Any) -> list[tuple[str, Any]]:
    name = country_name(said.country) if said.country else ""
    place = ", ".join(part for part in (said.city, said.region, name) if part)
    scope = getattr(said, "scope", "global")
    flags = [name[3:].replace("_", " ") for name in _FLAGS if getattr(said, name, False)]
    whole = tag("div", [tag("span", flag, class_="wb-tag") for flag in flags]) if flags else None
    version = int(parse([said.address.partition("/")[0]]).version[0]) if said.address else 0
    return [
        ("Place", f"{place} ({said.country})" if place and said.country else place),
        ("Network", f"AS{said.asn} {said.as_org or ''}".strip() if said.asn else ""),
        ("Type", "" if said.network_type == "unknown" else said.network_type),
        ("Prefix", said.prefix), ("Registry", getattr(said, "rir", None)),
        ("Flags", whole), ("Scope", "" if scope == "global" else scope), ("Version", f"IPv{version}" if version == 6 else ""),
    ]  # fmt: skip


_FLAGS = ("is_known_attacker", "is_known_abuser", "is_tor", "is_vpn", "is_proxy", "is_datacenter")


def _spot(said: Any) -> tuple[float, float, float | None, bool] | None:
    """Latitude, longitude, radius in km, and whether more than the country is known."""
    if said.latitude is not None and said.longitude is not None:
        return said.latitude, said.longitude, said.accuracy_km, True
    middle = place_of(said.country) if said.country else None
    return (middle.latitude, middle.longitude, middle.radius_km, False) if middle else None


def _map(said: Any) -> Node:
    spot = _spot(said)
    if spot is None:
        return None
    latitude, longitude, radius, exact = spot
    name = country_name(said.country) if said.country else ""
    if exact:
        told = f"within {radius:,.0f} km" if radius else "accuracy not known"
        label = f"{said.city or name or 'The place'}, {told}"
    else:
        label = f"{name}: only the country is known"
    return tag("div", little_map(latitude, longitude, radius, said.country, f"Map. {label}", exact), tag("div", tag("small", label), class_="wb-quiet"), class_="wb-right")  # fmt: skip


def _section(section: Section) -> Node:
    body = listing_tree(section.body) if isinstance(section.body, Listing) else section.body
    if not body:
        return None
    if section.folded:
        return tag("details", tag("summary", section.title), body)
    return tag("section", tag("h4", section.title), body)
