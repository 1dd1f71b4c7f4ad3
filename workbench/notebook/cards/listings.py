"""Who listed an address, from when to when: what the current snapshot says, joined with those before it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from workbench.notebook.showing.tree import Element, Node, tag

__all__ = ["Span", "spans_of", "timeline"]

HOSTILE = frozenset({"attacker", "abuser"})
HIDING = frozenset({"tor", "vpn", "proxy"})
WIDTH, ROW = 240, 14


@dataclass(frozen=True, slots=True)
class Span:
    """One listing through time. ``weight`` (0-1) is None where it is listed no longer, or was told by a person."""

    source: str
    title: str
    category: str
    label: str
    entry: str
    first: datetime | None
    last: datetime | None
    weight: float | None
    reliability: str
    note: str = ""
    now: bool = True


def spans_of(evidence: Iterable[Any], listed: Iterable[Any]) -> list[Span]:
    """Of an address's evidence and of its listings in earlier snapshots, what counts most first, what is over last."""
    before: dict[tuple[str, ...], list[Any]] = {}
    for item in listed:
        before.setdefault((item.source, item.category, item.label, item.entry), []).append(item)
    found = []
    for item in evidence:
        past = before.pop((item.source, item.category, item.label, item.entry), [])
        firsts = [item.first_seen, *(each.first for each in past)]
        lasts = [item.last_seen or item.published, *(each.last for each in past)]
        found.append(
            Span(item.source, item.title, item.category, item.label, item.entry, _least(firsts) or item.published, _most(lasts),
                 item.weight, item.reliability, item.note or "")
        )  # fmt: skip
    ended = [
        Span(each.source, each.title, each.category, each.label, each.entry, each.first, each.last, None, "", now=False)
        for past in before.values()
        for each in past
    ]  # fmt: skip
    return [*found, *sorted(ended, key=lambda span: span.last or datetime.min.replace(tzinfo=UTC), reverse=True)]  # fmt: skip


def timeline(spans: Sequence[Span], until: datetime | None, limit: int = 40) -> Node:
    """The spans as a table, each with a bar on one axis of time up to ``until``."""
    if not spans:
        return tag("p", "On no list.", class_="wb-quiet")
    moments = [m for span in spans for m in (span.first, span.last) if m] + ([until] if until else [])
    start, end = (min(moments), max(moments)) if moments else (None, None)
    axis = f"{start:%Y-%m-%d} – {end:%Y-%m-%d}" if start and end and start.date() != end.date() else ""
    rows = [
        tag(
            "tr", tag("td", tag("b", span.category, class_=f"wb-as wb-as-{_kind(span.category)}"), f" {span.label}".rstrip(),
                      tag("small", f" {span.note}", class_="wb-quiet") if span.note and span.note != span.label else None),
            tag("td", tag("bdi", span.title), tag("small", f" ({span.reliability})", class_="wb-quiet") if span.reliability else None,
                tag("div", tag("code", span.entry), class_="wb-quiet") if span.entry else None),
            tag("td", _when(span), tag("div", "listed no longer", class_="wb-quiet") if not span.now else None, class_="wb-when"),
            tag("td", f"{span.weight:.2f}" if span.weight is not None else "", class_="wb-n"),
            tag("td", _bar(span, start, end) if start and end else None) if axis else None,
            class_=None if span.now else "wb-over",
        )
        for span in spans[:limit]
    ]  # fmt: skip
    head = tag("tr", [tag("th", name, scope="col") for name in ("listed as", "source", "from – to", "weight", *([axis] if axis else []))])  # fmt: skip
    return [
        tag(
            "table",
            tag("thead", head),
            tag("tbody", rows),
            class_=f"wb-listing wb-timeline{' wb-drawn' if axis else ''}",
        ),
        tag("p", f"… and {len(spans) - limit:,} more", class_="wb-quiet") if len(spans) > limit else None,
    ]


def _when(span: Span) -> str:
    first, last = (f"{m:%Y-%m-%d}" if m else "" for m in (span.first, span.last))
    return first if first == last else f"{first or '…'} – {last or '…'}"


def _kind(category: str) -> str:
    return "hostile" if category in HOSTILE else "hiding" if category in HIDING else "plain"


def _bar(span: Span, start: datetime, end: datetime) -> Element:
    whole = max(1.0, (end - start).total_seconds())

    def place(moment: datetime) -> float:
        return 5 + (WIDTH - 10) * (moment - start).total_seconds() / whole

    first = place(span.first or span.last or start)
    last = place(span.last or span.first or end)
    shape = f"wb-span wb-span-{_kind(span.category)}"
    return tag(
        "svg",
        tag("line", x1=5, x2=WIDTH - 5, y1=ROW / 2, y2=ROW / 2, class_="wb-axis"),
        tag("rect", x=f"{first - 3:.1f}", y=3, width=f"{max(6.0, last - first + 6):.1f}", height=ROW - 6, rx=4, class_=shape),
        viewBox=f"0 0 {WIDTH} {ROW}", width=WIDTH, height=ROW, aria_hidden="true", class_="wb-line",
    )  # fmt: skip


def _least(moments: Sequence[datetime | None]) -> datetime | None:
    return min((m for m in moments if m), default=None)


def _most(moments: Sequence[datetime | None]) -> datetime | None:
    return max((m for m in moments if m), default=None)
