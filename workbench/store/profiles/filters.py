"""What may be asked of profiles, as conditions of SQL."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from workbench.secrecy import TLP
from workbench.store.profiles.enriched import FLAGS
from workbench.store.profiles.profile import ThreatLevel, clean_tags
from workbench.store.things import OWN

__all__ = ["Filters", "filters_of"]

_LONGEST_TEXT = 200
_NEARLY = 0.6
"""The least word similarity, as pg_trgm counts it, of a text and what it may be misspelt for; as in the store's functions."""


@dataclass(slots=True)
class Filters:
    """Conditions on ``profiles p`` with their ``values``; ``sets`` are queries for ids.

    ``matching`` are the arguments of the function of that name, ``matching_wants`` the same as conditions, the text's
    first; ``said`` is that one where the names of AS organisations that have it are known, and ``beyond`` that of a later page.
    ``several`` are columns that may have any of some values, with their types. ``common`` where many may match,
    ``selective`` where few are expected, so that sorting them is sooner done than walking along an order.
    """

    wants: list[str] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    sets: list[str] = field(default_factory=list)
    several: dict[str, str] = field(default_factory=dict)
    matching: dict[str, Any] = field(default_factory=dict)
    matching_wants: list[str] = field(default_factory=list)
    said: str = ""
    beyond: str = "true"
    common: bool = False
    selective: bool = False
    order: str = "reputation"

    def want(self, condition: str, **values: Any) -> None:
        """Add a condition."""
        self.wants.append(condition)
        self.values.update(values)


def filters_of(
    *,
    text: str | None = None,
    misspelt: bool = False,
    address: str | None = None,
    within: str | None = None,
    covering: str | None = None,
    country: str | Iterable[str] | None = None,
    asn: int | str | Iterable[int | str] | None = None,
    flags: str | Iterable[str] = (),
    verdict: str | Iterable[str] | None = None,
    threat_level: ThreatLevel | str | int | None = None,
    reputation: tuple[int | None, int | None] | None = None,
    secrecy: TLP | str | None = None,
    investigation: UUID | str | None = None,
    entity: UUID | str | None = None,
    tag: str | Iterable[str] | None = None,
    updated_since: datetime | None = None,
    updated_until: datetime | None = None,
    own: bool = False,
    deleted: bool | None = False,
) -> Filters:
    """The conditions of a search.

    ``text`` is looked for in notes, tags, AS organisation and city, in each by itself and anywhere in a word, and with
    ``misspelt`` (slower) nearly so; ``within`` is a network whose profiles are wanted, ``covering`` an address whose
    networks are; ``flags`` are names such as ``"is_tor"`` or ``"tor"``, all of which are to be set; ``threat_level``
    is the lowest wanted; ``reputation`` a range with both ends, either of which may be None; ``country`` an ISO 3166-1
    alpha-2 code, ``asn`` a number or ``"AS3320"``; ``own`` leaves out
    other organisations' profiles; ``deleted`` wants the deleted ones, None both.

    Raises:
        ValueError: a filter is not understood.
    """
    found = Filters()
    if deleted is not None:
        found.want("p.deleted_at IS NOT NULL" if deleted else "p.deleted_at IS NULL")
    if address is not None:
        found.want("p.address = %(address)s", address=_network(address, "address"))
        found.selective = True
    if within is not None:
        network = ipaddress.ip_network(_network(within, "within"))
        found.want(
            "p.address BETWEEN %(lowest)s AND %(highest)s AND p.address <<= %(within)s",
            lowest=str(network),
            highest=str(network.broadcast_address),
            within=str(network),
        )
        found.selective, found.order = True, "address"
    for name, kind, given, read in (
        ("country", "text", country, _country),
        ("asn", "bigint", asn, _asn),
        ("verdict", "text", verdict, _verdict),
    ):
        if isinstance(given, str | int):
            found.want(f"p.{name} = %({name})s", **{name: read(given)})
        elif given is not None:
            found.several[name] = kind
            found.values[name] = sorted({read(one) for one in given})
    for flag in [flags] if isinstance(flags, str) else flags:
        column = flag if flag.startswith("is_") else f"is_{flag}"
        if column not in FLAGS:
            raise ValueError(f"no flag {flag!r}; there are: {', '.join(FLAGS)}")
        found.want(f"p.{column}")
    if threat_level is not None:
        found.several["threat_level"] = "smallint"
        found.values["threat_level"] = list(range(ThreatLevel.parse(threat_level), 5))
    if reputation is not None:
        low, high = reputation
        found.want(
            "p.rank BETWEEN %(low)s AND %(high)s",
            low=0 if low is None else low,
            high=100 if high is None else high,
        )
    if secrecy is not None:
        found.want("p.secrecy = %(secrecy)s", secrecy=int(TLP.parse(secrecy)))
    if updated_since is not None:
        found.want("p.updated_at >= %(since)s", since=updated_since)
        found.order = "updated"
    if updated_until is not None:
        found.want("p.updated_at < %(until)s", until=updated_until)
        found.order = "updated"
    if own:
        found.want(f"p.owner = {OWN}")
    if investigation is not None:
        found.sets.append(
            "SELECT profile FROM investigation_profiles WHERE investigation = %(investigation)s"
        )
        found.values["investigation"] = _id(investigation, "investigation")
    if entity is not None:
        found.sets.append("SELECT profile FROM entity_profiles WHERE entity = %(entity)s")
        found.values["entity"] = _id(entity, "entity")
    _match(found, text, misspelt, tag, covering)
    return found


def _match(
    found: Filters, text: str | None, misspelt: bool, tag: str | Iterable[str] | None, covering: str | None
) -> None:
    if not (text and text.strip()) and tag is None and covering is None:
        return
    if text and len(text) > _LONGEST_TEXT:
        raise ValueError(f"the text to look for has up to {_LONGEST_TEXT} characters")
    found.matching = {"text": None, "misspelt": misspelt, "tags": None, "covering": None}
    if text and text.strip():
        words = text.strip().lower()
        found.matching["text"] = words
        found.values["pattern"] = (
            "%" + words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        )
        said, named = (
            f"{where} LIKE %(pattern)s" + misspelt * f" OR word_similarity(%(text)s, {where}) >= {_NEARLY}"
            for where in ("p.words", "lower(p.as_org)")
        )
        found.said = f"({said} OR p.as_org = ANY (%(names)s))"
        found.matching_wants.append(f"({said} OR {named})")
    if tag is not None:
        found.matching["tags"] = clean_tags(tag)
        found.matching_wants.append("p.tags @> %(tags)s")
    found.common = covering is None
    if covering is not None:
        found.matching["covering"] = _network(covering, "covering")
        found.matching_wants.append("p.address >>= %(covering)s")


def _country(given: Any) -> str:
    """Refused where it is none: nothing would be found, as if there were no profile."""
    from workbench.enrichment.countries import country_code

    return country_code(str(given))


def _asn(given: Any) -> int:
    digits = str(given).strip().upper().removeprefix("AS")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 10 and int(digits) < 2**32):
        raise ValueError(
            f"asn={str(given)[:60]!r}: a number of 0 to 4294967295 is wanted, such as 3320 or AS3320"
        )
    return int(digits)


def _verdict(given: Any) -> str:
    from workbench.enrichment.reputation import VERDICTS

    text = str(given).strip().lower()
    if text not in VERDICTS:
        raise ValueError(f"no verdict {str(given)[:60]!r}; there are: {', '.join(VERDICTS)}")
    return text


def _id(given: UUID | str, name: str) -> UUID:
    try:
        return given if isinstance(given, UUID) else UUID(given)
    except (ValueError, TypeError, AttributeError):
        raise ValueError(f"{name}={str(given)[:60]!r} is no id: that is its .id") from None


def _network(text: str, name: str) -> str:
    try:
        return str(ipaddress.ip_network(text.strip(), strict=False))
    except ValueError:
        raise ValueError(f"{name}={text[:60]!r} is no IP address and no network") from None
