"""STIX bundles out: what the recipient may have, marked, and nothing else."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from workbench.exchange.stix.dossier import SHARED, Dossier, Investigation, dossiers_of
from workbench.exchange.stix.markings import marking
from workbench.exchange.stix.recipients import WithheldError, recipient_of
from workbench.exchange.stix.revoking import Sources
from workbench.exchange.stix.versions import Ledger, Versions, ids_again, stable_id, timestamp
from workbench.secrecy import (
    LEVEL_OF_ID,
    TLP,
    Marking,
    Organisation,
    Recipient,
    Withheld,
    may_receive,
    withheld,
)

if TYPE_CHECKING:
    from workbench.exchange.stix.building import Builder
    from workbench.store import Store

__all__ = ["Export", "export"]


@dataclass(frozen=True, slots=True)
class Export:
    """A bundle for one recipient. ``withheld`` was left out because of its marking, ``left_out`` counts table rows
    by the verdict or scope for which they were."""

    id: str
    objects: tuple[dict[str, Any], ...]
    recipient: Recipient
    withheld: tuple[Withheld, ...] = ()
    left_out: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.objects)

    def bundle(self) -> dict[str, Any]:
        """The bundle as a dict."""
        return {"type": "bundle", "id": self.id, "objects": list(self.objects)}

    def serialize(self) -> str:
        """The bundle as JSON, as objects of the ``stix2`` library give theirs."""
        return json.dumps(self.bundle(), indent=2, ensure_ascii=False)

    def to_stix2(self) -> Any:
        """The bundle as a ``stix2.Bundle``."""
        import stix2

        return stix2.parse(self.bundle(), version="2.1")

    def write(self, path: Path | str) -> None:
        """Write the bundle to a file, all of it or nothing."""
        target = Path(path)
        draft = target.with_name(f"{target.name}.part")
        draft.write_text(self.serialize() + "\n", encoding="utf-8")
        draft.replace(target)

    def __str__(self) -> str:
        counts = Counter(value["type"] for value in self.objects)
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))
        lines = [f"bundle for {self.recipient}: {len(self)} objects ({kinds})"]
        if self.left_out:
            lines.append(
                "  not exported: " + ", ".join(f"{n} {why}" for why, n in sorted(self.left_out.items()))
            )
        lines += [f"  note: {note}" for note in self.notes]
        lines += [f"  withheld: {thing}" for thing in self.withheld[:20]]
        if len(self.withheld) > 20:
            lines.append(f"  … and {len(self.withheld) - 20} more withheld")
        return "\n".join(lines)

    __repr__ = __str__


def export(
    what: Any,
    *,
    organisation: str | Organisation | None = None,
    to: str | Recipient | Organisation,
    tlp: str | TLP | None = None,
    recipients: Iterable[str] = (),
    withheld: Literal["refuse", "drop"] = "refuse",
    verdicts: Iterable[str] = SHARED,
    valid_for: timedelta = timedelta(days=30),
    identity: str | None = None,
    investigation: str | None = None,
    store: Store | None = None,
    versions: Versions | None = None,
    now: datetime | None = None,
) -> Export:
    """Make a STIX 2.1 bundle of what one recipient may have.

    ``what`` is a triage, an enriched table (pyarrow, pandas, list of dicts), what a lookup gave, a
    :class:`~workbench.exchange.stix.Dossier`, an :class:`~workbench.exchange.stix.Investigation`, or a list
    of these two. Of a table the rows with one of ``verdicts`` go; its columns ``hits``, ``first_seen`` and
    ``last_seen`` become sightings and observed data. ``tlp`` is the level of a table, ``recipients`` the
    members it is named for at RED, ``investigation`` the matter it belongs to; a row with a level of its own above that
    (``tlp``, ``secrecy``) keeps it, and dossiers bring their own markings.
    With ``store`` its profiles and investigations are exported, as far as its member sees them.

    ``organisation`` makes the bundle: an :class:`~workbench.secrecy.Organisation` to name its clients, to
    whom AMBER may go, by default that of the ``store``; ``identity`` is its STIX id, where it has one. ``to`` is ``"public"``,
    ``"community"``, the name of an organisation, ``"member@organisation"``, or a
    :class:`~workbench.secrecy.Recipient`. What ``to`` may not have stops the export;
    ``withheld="drop"`` leaves it out instead and says so in the result.

    An indicator holds from the day of the snapshot its verdict rests on for ``valid_for``. Ids follow from the
    organisation and the thing, so the same thing exported again is a newer version, or the same one
    where nothing changed. What ``to`` was given before and is no longer so is revoked: an indicator whose verdict no longer holds,
    and of what is in a store also sightings, notes and relationships that were taken out, and all of what was deleted.
    Revoking is for good, so what holds again after it has another id.
    ``versions`` remembers what was handed out to whom, by default in the directory of the workbench.

    Raises:
        WithheldError: something may not go to ``to``; it is a PermissionError and names each thing.
        ValueError: an address, column, level or name is none.
        OSError: the record of earlier exports cannot be read or written.
    """
    from workbench.exchange.stix.building import Builder

    if store is not None:
        from workbench.exchange.stix.fromstore import kept_all, known_recipient, standing

        to = known_recipient(store, to)
        organisation = organisation or store.me.organisation
        what = kept_all(store, what if isinstance(what, list | tuple) else [what])
    if organisation is None:
        raise ValueError("who makes the bundle? pass organisation='CERT Example'")
    own = Organisation(organisation) if isinstance(organisation, str) else organisation
    if not own.name.strip():
        raise ValueError("the organisation that makes the bundle has no name")
    if identity is not None and not _IDENTITY.fullmatch(identity):
        raise ValueError(f"identity is the STIX id of the organisation, identity--UUID, not {identity!r}")
    if withheld not in ("refuse", "drop"):
        raise ValueError(f"withheld is 'refuse' or 'drop', not {withheld!r}")
    recipient = recipient_of(to, own)
    marked = None if tlp is None else Marking(TLP.parse(tlp), own, frozenset(recipients))
    dossiers, matters, left_out = _things(what, marked, verdicts)
    if investigation is not None:
        if marked is None:
            raise ValueError("investigation names the matter of a table; dossiers go into an Investigation")
        matters = [Investigation(name=investigation, marking=marked, dossiers=tuple(dossiers))]
        dossiers = []
    sources = Sources(own.name, recipient)
    chosen = _Chosen(recipient, sources)
    kept = [kept for dossier in dossiers if (kept := chosen.dossier(dossier))]
    told = [chosen.investigation(matter) for matter in matters]
    if chosen.withheld and withheld == "refuse":
        raise WithheldError(list(dict.fromkeys(chosen.withheld)))

    moment = now or datetime.now(UTC)
    builder = Builder(own.name, identity or stable_id("identity", own.name), valid_for, moment)
    for dossier in kept:
        _add(builder, sources, dossier)
    for matter, members, itself in told:
        added = [_add(builder, sources, dossier) for dossier in members]
        refs, made = [ref for about, _ in added for ref in about], {i for _, ids in added for i in ids}
        if refs and itself:
            builder.investigation(matter, refs)
            made |= builder.latest
        if itself:
            sources.investigation(matter, made)
    remembered = versions or Ledger.at_home()
    again = ids_again(remembered, builder.versioned)
    builder.rename(again)
    sources.rename(again)
    gone = sources.dropped(remembered, None if store is None else partial(standing, store, recipient))
    before = remembered.last(sorted(gone))
    revoked = _revoked(
        before.values(), recipient, own, [*kept, *(each for _, members, _ in told for each in members)]
    )
    if not builder.levels and not revoked:
        return Export(stable_id("bundle", own.name, "empty"), (), recipient, tuple(chosen.withheld), left_out)
    builder.maker()
    objects = _versioned(builder, revoked, remembered, moment)
    sources.hand(remembered)
    key = [f"{value['id']} {value.get('modified', '')}" for value in objects]
    return Export(
        stable_id("bundle", own.name, *key),
        tuple(objects),
        recipient,
        tuple(dict.fromkeys(chosen.withheld)),
        left_out,
        tuple(_notes(objects, before, moment)),
    )


def _add(builder: Builder, sources: Sources, dossier: Dossier) -> tuple[list[str], set[str]]:
    """The ids of what is about a dossier, and of all with versions that were made of it."""
    about, made = ([], set()) if dossier.withdrawn else (builder.dossier(dossier), builder.latest)
    sources.dossier(dossier, made)
    return about, made


def _revoked(
    before: Iterable[dict[str, Any]], recipient: Recipient, own: Organisation, dossiers: Iterable[Dossier]
) -> list[dict[str, Any]]:  # fmt: skip
    """What is revoked, of objects as they were handed out last, as far as the recipient may have it: that may be
    closer than what it was given."""
    named = frozenset().union(*(dossier.marking.recipients for dossier in dossiers))
    found = []
    for value in before:
        level = max(LEVEL_OF_ID[mark] for mark in value["object_marking_refs"])
        if may_receive(recipient, Marking(level, own, named)):
            found.append({k: v for k, v in value.items() if k not in _TIMES} | {"revoked": True})
    return found


def _notes(objects: list[dict[str, Any]], before: dict[str, dict[str, Any]], now: datetime) -> Iterator[str]:
    past = [v for v in objects if "valid_until" in v and v["valid_until"] <= timestamp(now)]
    current = [v for v in past if not v.get("revoked")]
    if current:
        ends = sorted({value["valid_until"][:10] for value in current})
        yield (
            f"{len(current):,} {_indicators(len(current))} expired, valid until {ends[0]}"
            + (f" to {ends[-1]}" if len(ends) > 1 else "")
            + ": they count from the date of the intel, so build newer intel, or make them valid for longer"
        )
    fresh = [v for v in objects if v.get("revoked") and not before.get(v["id"], {}).get("revoked")]
    if fresh:
        kinds = ", ".join(
            f"{count} {kind}" for kind, count in sorted(Counter(v["type"] for v in fresh).items())
        )
        yield f"revoked, for it was handed out before and is no longer so: {kinds}"


def _indicators(count: int) -> str:
    return "indicator is" if count == 1 else "indicators are"


def _things(
    what: Any, marking: Marking | None, verdicts: Iterable[str]
) -> tuple[list[Dossier], list[Investigation], dict[str, int]]:
    items = [what] if isinstance(what, Dossier | Investigation) or _is_profile(what) else what
    if (
        isinstance(items, list | tuple)
        and items
        and all(isinstance(i, Dossier | Investigation) for i in items)
    ):
        if marking is not None:
            raise ValueError("dossiers and investigations bring their own markings: leave tlp out")
        dossiers = [_canonical(i) for i in items if isinstance(i, Dossier)]
        matters = [
            replace(i, dossiers=tuple(map(_canonical, i.dossiers)))
            for i in items
            if isinstance(i, Investigation)
        ]
        return dossiers, matters, {}
    if marking is None:
        raise ValueError(
            "which TLP level does the table have? pass tlp='green' (clear, green, amber, amber+strict, red)"
        )
    if isinstance(items, list | tuple) and items and all(map(_is_profile, items)):
        # Somebody looked them up and chose them: whatever their verdict.
        items = [asdict(item) for item in items]
        verdicts = {row["verdict"] for row in items}
    found, left_out = dossiers_of(items, marking, verdicts)
    return found, [], left_out


def _is_profile(item: Any) -> bool:
    return is_dataclass(item) and hasattr(item, "address") and hasattr(item, "verdict")


def _canonical(dossier: Dossier) -> Dossier:
    network = ip_network(dossier.address, strict=False)
    single = network.prefixlen == network.max_prefixlen
    return replace(dossier, address=str(network.network_address if single else network))


@dataclass(slots=True)
class _Chosen:
    """Asks the one rule of every thing, and collects what the recipient may not have."""

    recipient: Recipient
    sources: Sources
    withheld: list[Withheld] = field(default_factory=list)

    def dossier(self, dossier: Dossier) -> Dossier | None:
        if not self._may((dossier.address, dossier.marking)):
            return None
        remarks = [
            remark
            for remark in dossier.remarks
            if remark.marking is None
            or self._may((f"note {remark.text[:40]!r} on {dossier.address}", remark.marking))
        ]
        for remark in dossier.remarks:
            if remark not in remarks:
                self.sources.kept_back(dossier.address, remark.key or remark.text)
        return dossier if len(remarks) == len(dossier.remarks) else replace(dossier, remarks=tuple(remarks))

    def investigation(self, investigation: Investigation) -> tuple[Investigation, list[Dossier], bool]:
        if investigation.withdrawn:
            investigation = replace(investigation, dossiers=())
        itself = self._may((f"investigation {investigation.name!r}", investigation.marking))
        members = [kept for dossier in investigation.dossiers if (kept := self.dossier(dossier))]
        return investigation, members, itself

    def _may(self, thing: tuple[str, Marking]) -> bool:
        found = withheld(self.recipient, [thing])
        self.withheld += found
        return not found


def _versioned(
    builder: Builder, revoked: list[dict[str, Any]], versions: Versions, now: datetime
) -> list[dict[str, Any]]:
    import stix2

    contents = [*(builder.marked(value) for value in builder.versioned.values()), *revoked]
    known = versions.last([value["id"] for value in contents])
    for value in contents:
        before = known.get(value["id"], {})
        if value != {k: v for k, v in before.items() if k not in _TIMES}:
            # The library's word that it is STIX; what was handed out before has had it.
            try:
                stix2.parse({"created": timestamp(now), "modified": timestamp(now), **value}, version="2.1")
            except stix2.exceptions.STIXError as error:
                raise ValueError(f"{value['id']} is not STIX: {error}") from error
    stamped = [_ordered(value) for value in versions.stamp(contents, now)]
    observables = [_ordered(builder.marked(value)) for value in builder.observables.values()]
    used = {LEVEL_OF_ID[mark] for value in [*stamped, *observables] for mark in value["object_marking_refs"]}
    identities = [value for value in stamped if value["type"] == "identity"]
    others = [value for value in stamped if value["type"] != "identity"]
    return [*map(marking, sorted(used)), *identities, *observables, *others]


_IDENTITY = re.compile(r"identity--[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TIMES = ("created", "modified")
_FIRST = ("type", "spec_version", "id", "created_by_ref", "created", "modified", "revoked")


def _ordered(value: dict[str, Any]) -> dict[str, Any]:
    """The properties as the specification lists them: common ones first, markings last."""
    last = ("object_marking_refs",)
    middle = [name for name in value if name not in _FIRST and name not in last]
    return {name: value[name] for name in (*_FIRST, *middle, *last) if name in value}
