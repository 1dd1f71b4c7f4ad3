"""A profile as a card: what the intel says, what the analysts wrote, what hangs on it; and changed in place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.notebook.cards.card import Card, Section
from workbench.notebook.cards.intel import attributions_of, listed_before, opened
from workbench.notebook.cards.listings import Span, spans_of
from workbench.notebook.showing.conflicting import differences, words_of
from workbench.notebook.showing.sheets import Listing, Sheet, facts
from workbench.notebook.showing.tree import Element, Node, tag
from workbench.secrecy import TLP

if TYPE_CHECKING:
    from workbench.store.profiles.profile import Past, Profile

__all__ = ["profile_sheet", "profile_tree"]

VERSIONS = 30
_CHANGED = ("threat_level", "tags", "notes", "secrecy", "deleted_at", "verdict", "reputation", "snapshot")


def profile_tree(profile: Profile, origin: Any = None) -> Element:
    """The card of a profile. ``origin`` is where it was read: of a ``Store`` its evidence, footprint, entities,
    investigations and versions are on the card."""
    store = origin if hasattr(origin, "investigations") else None
    snapshot = opened(profile.snapshot)
    spans = [*_told(store, profile), *spans_of(_evidence(profile), listed_before(profile.address))]
    return Card(
        profile, spans, snapshot.as_of if snapshot else None, profile.secrecy, _analysts(profile, store),
        _sections(store, profile) if store else (), attributions_of(snapshot), _notes(profile),
    ).tree()  # fmt: skip


def profile_sheet(profile: Profile) -> Sheet:
    """The same in plain facts."""
    network = f"AS{profile.asn} {profile.as_org or ''}".strip() if profile.asn else ""
    return Sheet(
        profile.address,
        [
            ("threat level", str(profile.threat_level)), ("tags", ", ".join(profile.tags)), ("notes", profile.notes), ("reputation", profile.reputation),
            ("country", profile.country), ("network", network), ("prefix", profile.prefix), ("why", profile.reasons), ("owner", profile.owner),
            ("changed", f"{profile.updated_at:%Y-%m-%d %H:%M} by {profile.updated_by}, version {profile.version}"), ("snapshot", profile.snapshot),
        ],
        level=profile.secrecy, verdict=profile.verdict,
    )  # fmt: skip


def _evidence(profile: Profile) -> list[Any]:
    """What the lists of its snapshot, or of the current one, say."""
    from workbench.enrichment import open_engine
    from workbench.enrichment.record import evidence_of

    if "/" in profile.address:
        return []
    snapshot = opened(profile.snapshot)
    return evidence_of(open_engine(snapshot), profile.address)


def _told(store: Any, profile: Profile) -> list[Span]:
    """Evidence that analysts and partners gave."""
    if store is None:
        return []
    return [
        Span(item.source, item.source, item.category, item.label or "", item.entry or "", item.first_seen, item.last_seen, item.confidence, "")
        for item in store.evidence.of(profile)
    ]  # fmt: skip


def _notes(profile: Profile) -> list[str]:
    return [f"Deleted {profile.deleted_at:%Y-%m-%d %H:%M}."] if profile.deleted_at else []


def _analysts(profile: Profile, store: Any) -> Element:
    named = ", ".join(store.profiles.recipients(profile)) if store and profile.secrecy == TLP.RED else ""
    labels = tag("div", [tag("span", label, class_="wb-tag") for label in profile.tags]) if profile.tags else None  # fmt: skip
    version = f"version {profile.version}" if profile.version else "not in a store yet"
    return tag(
        "section",
        facts([
            ("Threat level", tag("b", str(profile.threat_level), class_=f"wb-threat wb-threat-{profile.threat_level}")), ("Tags", labels),
            ("Notes", tag("div", profile.notes, class_="wb-notes-text", dir="auto") if profile.notes else None), ("For", named),
            ("Owner", profile.owner), ("Changed", f"{profile.updated_at:%Y-%m-%d %H:%M} by {profile.updated_by or 'you'}, {version}"),
        ]),
        class_="wb-own", aria_label="What the analysts say",
    )  # fmt: skip


def _sections(store: Any, profile: Profile) -> list[Section]:
    footprint = [(item.kind, item.value, item.source, _span(item)) for item in store.footprint.of(profile)]
    seen = [(item.sensor or "", item.target or "", item.count, _span(item)) for item in store.sightings.of(profile)]  # fmt: skip
    entities = [(relation, entity.kind, entity.name, entity.secrecy) for relation, entity in store.entities.of(profile)]  # fmt: skip
    matters = [(item.name, item.state, item.secrecy, item.owner) for item in store.investigations.of(profile)]
    past = store.profiles.history(profile)
    rows = [("footprint", Listing("", ("kind", "value", "source", "seen"), footprint[:100], max(0, len(footprint) - 100))),
            ("sightings", Listing("", ("sensor", "target", "times", "seen"), seen[:100], max(0, len(seen) - 100))),
            ("entities", Listing("", ("relation", "kind", "name", "TLP"), entities)),
            ("investigations", Listing("", ("investigation", "state", "TLP", "owner"), matters))]  # fmt: skip
    found = [Section(f"{name.capitalize()} ({len(listing.rows) + listing.more:,})", listing, len(listing.rows) > 8) for name, listing in rows if listing.rows]  # fmt: skip
    if past:
        found.append(Section(f"Versions ({len(past) + 1:,})", _versions(profile, past), folded=True))
    return found


def _span(item: Any) -> str:
    first, last = (f"{moment:%Y-%m-%d}" if moment else "" for moment in (item.first_seen, item.last_seen))
    return first if first == last else f"{first or '…'} – {last or '…'}"


def _versions(profile: Profile, past: list[Past]) -> list[Node]:
    """What each change changed, the newest first."""
    after: dict[str, Any] = {name: getattr(profile, name) for name in _CHANGED}
    rows = []
    for each in past[:VERSIONS]:
        changed = [part for name in _CHANGED if (part := _change(name, each.was.get(name), after[name]))]
        rows.append(
            tag("tr", tag("td", f"{each.version} → {each.version + 1}", class_="wb-when"), tag("td", f"{each.until:%Y-%m-%d %H:%M}", class_="wb-when"),
                tag("td", tag("bdi", each.changed_by)), tag("td", [tag("div", part) for part in changed] or "what hangs on it"))
        )  # fmt: skip
        after = {name: each.was.get(name) for name in _CHANGED}
    head = tag("tr", [tag("th", name, scope="col") for name in ("version", "when", "by", "what")])
    more = f"… and {len(past) - VERSIONS:,} earlier ones" if len(past) > VERSIONS else ""
    return [tag("table", tag("thead", head), tag("tbody", rows), class_="wb-listing"), tag("p", more, class_="wb-quiet") if more else None]  # fmt: skip


def _change(name: str, before: Any, after: Any) -> Node:
    old, new = words_of(name, _plain(before)), words_of(name, _plain(after))
    if old == new:
        return None
    if name == "deleted_at":
        return "deleted" if new else "restored"
    label = {"threat_level": "threat level", "secrecy": "TLP", "snapshot": "intel"}.get(name, name)
    if name not in ("notes", "tags"):
        return f"{label}: {old or 'none'} → {new or 'none'}"
    pieces = [tag({"gone": "del", "new": "ins"}[how], text) if how != "same" else _short(text) for how, text in differences(old, new)]  # fmt: skip
    return [f"{label}: ", *pieces]


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _short(text: str) -> str:
    """What stayed as it was, cut where it is long."""
    return text if len(text) <= 80 else f"{text[:35]} … {text[-35:]}"
