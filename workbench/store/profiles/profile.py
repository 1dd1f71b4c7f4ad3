"""What a profile is."""

from __future__ import annotations

import ipaddress
import weakref
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Any
from uuid import UUID

from workbench.secrecy import TLP
from workbench.store.errors import StoreError
from workbench.store.things import note_read

__all__ = ["SELECT", "Created", "Past", "Profile", "ThreatLevel", "clean_tags", "note_profiles", "one_address", "origin_of", "profile_of", "read_from"]  # fmt: skip


class ThreatLevel(IntEnum):
    """An analyst's own judgement of an address; the verdict is that of the intel."""

    NONE = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4

    @classmethod
    def parse(cls, text: str | int) -> ThreatLevel:
        """By name or number.

        Raises:
            ValueError: neither.
        """
        try:
            return cls[text.strip().upper()] if isinstance(text, str) else cls(text)
        except (KeyError, ValueError):
            raise ValueError(
                f"{text!r} is no threat level; there are: none, low, medium, high, critical"
            ) from None

    def __str__(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Profile:
    """One address (or network) as an organisation knows it.

    ``version`` counts its changes. From ``snapshot`` to ``reasons`` it is what the intel says, see
    :data:`workbench.enrichment.engine.SCHEMA`; ``threat_level``, ``notes`` and ``tags`` are the analysts'.
    """

    id: UUID
    address: str
    owner: str
    secrecy: TLP
    version: int
    snapshot: str | None
    enriched_at: datetime | None
    country: str | None
    region: str | None
    city: str | None
    latitude: float | None
    longitude: float | None
    accuracy_km: int | None
    asn: int | None
    as_org: str | None
    network_type: str | None
    prefix: str | None
    is_tor: bool
    is_vpn: bool
    is_proxy: bool
    is_datacenter: bool
    is_known_attacker: bool
    is_known_abuser: bool
    is_anonymous: bool
    reputation: int | None
    confidence: float | None
    verdict: str | None
    reasons: str
    threat_level: ThreatLevel
    notes: str
    tags: tuple[str, ...]
    created_by: str
    created_at: datetime
    updated_by: str
    updated_at: datetime
    deleted_at: datetime | None

    def __str__(self) -> str:
        where = f"AS{self.asn} {self.as_org or ''}".strip() if self.asn else ""
        facts = [
            str(self.secrecy),
            self.verdict or "",
            f"threat {self.threat_level}",
            self.country or "",
            where,
        ]
        return f"{self.address}: " + ", ".join(fact for fact in facts if fact)

    __repr__ = __str__


@dataclass(frozen=True, slots=True)
class Past:
    """What a profile was, as ``version``, until it was changed. ``was`` has its fields by name."""

    version: int
    until: datetime
    changed_by: str
    was: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Created:
    """Outcome of a bulk create: profiles made, addresses that had one at this level, rows that are no address."""

    created: int
    existing: int
    invalid: int


SELECT = (
    "p.id, CASE WHEN masklen(p.address) = CASE family(p.address) WHEN 4 THEN 32 ELSE 128 END "
    "THEN host(p.address) ELSE p.address::text END AS address, "
    "(SELECT o.name FROM organisations o WHERE o.id = p.owner) AS owner, p.secrecy, p.version, p.snapshot, p.enriched_at, "
    "p.country, p.region, p.city, p.latitude, p.longitude, p.accuracy_km, p.asn, p.as_org, p.network_type, p.prefix::text, "
    "p.is_tor, p.is_vpn, p.is_proxy, p.is_datacenter, p.is_known_attacker, p.is_known_abuser, p.is_anonymous, "
    "p.reputation, p.confidence, p.verdict, p.reasons, p.threat_level, p.notes, p.tags, "
    "p.created_by, p.created_at, p.updated_by, p.updated_at, p.deleted_at"
)


def profile_of(row: Sequence[Any]) -> Profile:
    """A row of :data:`SELECT` as a profile."""
    values = list(row)
    values[3] = TLP(values[3])
    values[28] = ThreatLevel(values[28])
    values[30] = tuple(values[30])
    return Profile(*values)


def note_profiles(con: Any, how: str, rows: Iterable[Sequence[Any]], first: int = 0) -> None:
    """Write down that profiles were read: rows of :data:`SELECT`, whose columns begin at the ``first``."""
    secret = (row[first] for row in rows if row[first] is not None and row[first + 3] >= TLP.AMBER)
    note_read(con, "profiles", how, secret)


_ORIGINS: dict[int, tuple[weakref.ref[Profile], Any]] = {}


def read_from(origin: Any, profile: Profile) -> Profile:
    """Remember for a notebook where a profile was read: a ``Store`` or the profiles of a case. That is no part of it:
    neither compared nor copied nor written."""
    key = id(profile)
    _ORIGINS[key] = (weakref.ref(profile, lambda _: _ORIGINS.pop(key, None)), origin)
    return profile


def origin_of(profile: Profile) -> Any:
    """Where this very object was read, or None."""
    known, origin = _ORIGINS.get(id(profile), (None, None))
    return origin if known is not None and known() is profile else None


def one_address(text: str) -> str:
    """An address or network in canonical text.

    Raises:
        ValueError: it is neither.
    """
    try:
        network = ipaddress.ip_network(str(text).strip(), strict=False)
    except ValueError:
        raise ValueError(f"{str(text)[:100]!r} is no IP address and no network") from None
    return str(network.network_address) if network.num_addresses == 1 else str(network)


def clean_tags(tags: Iterable[str]) -> list[str]:
    """Tags in lower case, trimmed, each once, sorted.

    Raises:
        StoreError: a tag is empty or has more than 100 characters.
    """
    found = sorted({tag.strip().lower() for tag in ([tags] if isinstance(tags, str) else tags)})
    if any(not 0 < len(tag) <= 100 for tag in found):
        raise StoreError("a tag has 1 to 100 characters")
    return found
