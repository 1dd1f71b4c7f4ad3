"""What a store shows of addresses and investigations, as far as it is for the reader."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from workbench.exchange.stix.fromstore import marking_of
from workbench.store import NotFound

if TYPE_CHECKING:
    from workbench.reports.document import Document
    from workbench.store import Investigation, Profile

__all__ = ["Matter", "known_of", "matter_of", "shown_profiles"]


@dataclass(frozen=True, slots=True)
class Matter:
    """An investigation with those of its profiles that are for the reader."""

    investigation: Investigation
    profiles: list[Profile]

    @property
    def name(self) -> str:
        return self.investigation.name

    @property
    def addresses(self) -> set[str]:
        """Of the profiles, each once."""
        return {profile.address for profile in self.profiles}


def matter_of(doc: Document, name: str) -> Matter:
    """The investigation of a name (or id), and what of it may be shown.

    Raises:
        NotFound: there is none, or it is not for the reader: the two are not told apart.
    """
    try:
        found = doc.store.investigations.get(_key(name))
    except NotFound:
        found = None
    if found is None or not shown(doc, found):
        raise NotFound(f"investigation {name}: not found, or not for {doc.audience.label}")
    return Matter(found, shown_profiles(doc, doc.store.investigations.profiles(found)))


def shown_profiles(doc: Document, profiles: Iterable[Profile]) -> list[Profile]:
    """Those that may be shown."""
    return [profile for profile in profiles if shown(doc, profile)]


def shown(doc: Document, thing: Any) -> bool:
    """Whether a profile, investigation, entity or watchlist may be shown; if so the report is at least of its level."""
    if doc.audience.recipient is None:
        return doc.admit(thing.secrecy)
    return doc.admit(thing.secrecy, marking_of(doc.store, thing.id, thing.secrecy, thing.owner))


def known_of(doc: Document, addresses: Iterable[str], most: int = 2_000) -> dict[str, list[dict[str, Any]]]:
    """By address, the profiles that may be shown: ``address, owner, secrecy, threat, tags, notes``."""
    from workbench.store.profile import SELECT, profile_of

    asked = list(dict.fromkeys(addresses))[:most]

    def work(con: Any) -> list[Any]:
        rows: list[Any] = con.execute(
            f"SELECT {SELECT} FROM profiles p WHERE p.address = ANY (%s::inet[]) AND p.deleted_at IS NULL ORDER BY p.address, p.secrecy, p.id",  # noqa: S608  names are ours
            (asked,),
        ).fetchall()
        con.execute("SELECT note_rows_read('profiles', %s, 'report')", ([row[0] for row in rows],))
        return rows

    found: dict[str, list[dict[str, Any]]] = {}
    for profile in shown_profiles(doc, map(profile_of, doc.store.run("profiles", work))):
        row = {
            "address": profile.address, "owner": profile.owner, "secrecy": str(profile.secrecy), "threat": str(profile.threat_level),
            "tags": ", ".join(profile.tags), "notes": profile.notes[:2_000],
        }  # fmt: skip
        found.setdefault(profile.address, []).append(row)
    return found


def _key(name: str) -> UUID | str:
    try:
        return UUID(name) if len(name) == 36 else name
    except ValueError:
        return name
