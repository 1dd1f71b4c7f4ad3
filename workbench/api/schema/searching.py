"""What may be asked of profiles: the filter of a search, and of a stream."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import strawberry
from graphql import GraphQLError

from workbench.api.schema.asking import described
from workbench.api.schema.enums import IpFlag, ThreatLevelName, TlpLabel, Verdict
from workbench.api.schema.scalars import ASN, CIDR, CountryCode, IPAddress, IPAddressOrCIDR

__all__ = ["IpProfileFilter", "ReputationRange", "filters"]


@strawberry.input(description="A range of reputations, both ends included.")
class ReputationRange:
    min: int | None = described("The lowest wanted, 0 to 100.", default=None)
    max: int | None = described("The highest wanted, 0 to 100.", default=None)


@strawberry.input(
    description="Conditions, all of which a profile has to meet. Those that are left out ask nothing."
)
class IpProfileFilter:
    text: str | None = described("Occurs in notes, tags, AS organisation or city, anywhere in a word; up to 200 characters.", default=None)  # fmt: skip
    misspelt: bool = described("Find what nearly matches `text` as well; slower, and not for streams.", default=False)  # fmt: skip
    address: IPAddressOrCIDR | None = described("Is of exactly this address or network.", default=None)
    within: CIDR | None = described("Lies in this network.", default=None)
    covering: IPAddress | None = described("Is of this address, or of a network that it lies in.", default=None)  # fmt: skip
    countries: list[CountryCode] | None = described("Is in one of these countries.", default=None)
    asns: list[ASN] | None = described("Is of one of these autonomous systems.", default=None)
    flags: list[IpFlag] | None = described("Has all of these flags.", default=None)
    verdicts: list[Verdict] | None = described("Has one of these verdicts.", default=None)
    min_threat_level: ThreatLevelName | None = described("Has this threat level or a higher one.", default=None)  # fmt: skip
    reputation: ReputationRange | None = described("Has a reputation in this range.", default=None)
    tlp: TlpLabel | None = described("Has this secrecy level.", default=None)
    investigation: UUID | None = described("Is linked to this investigation.", default=None)
    entity: UUID | None = described("Has to do with this entity.", default=None)
    tags: list[str] | None = described("Has all of these tags.", default=None)
    updated_since: datetime | None = described("Was changed then or later.", default=None)
    updated_until: datetime | None = described("Was last changed before then.", default=None)
    own: bool = described("Is of your own organisation.", default=False)
    deleted: bool = described("Is deleted; without it, is not. A stream tells both.", default=False)


def filters(given: IpProfileFilter | None, *, stream: bool = False) -> dict[str, Any]:
    """The filter in the store's words.

    Raises:
        GraphQLError: a condition cannot be one.
    """
    if given is None:
        return {}
    for name, most in (("countries", 300), ("asns", 1000), ("tags", 100)):
        if len(getattr(given, name) or ()) > most:
            raise _bad(f"filter.{name} has up to {most} members")
    found: dict[str, Any] = {
        "text": given.text,
        "address": given.address,
        "within": given.within,
        "covering": given.covering,
        "country": given.countries,
        "asn": given.asns,
        "flags": [flag.value for flag in given.flags or ()],
        "verdict": [verdict.value for verdict in given.verdicts] if given.verdicts is not None else None,
        "threat_level": given.min_threat_level.value if given.min_threat_level else None,
        "secrecy": given.tlp.value if given.tlp else None,
        "investigation": given.investigation,
        "entity": given.entity,
        "tag": given.tags or None,
        "updated_since": given.updated_since,
        "updated_until": given.updated_until,
        "own": given.own,
    }
    if given.reputation is not None:
        found["reputation"] = (_percent(given.reputation.min), _percent(given.reputation.max))
    if given.text is not None and "\0" in given.text:
        raise _bad("filter.text: no text of the store has the character U+0000")
    if stream and (given.misspelt or given.deleted):
        raise _bad("filter.misspelt and filter.deleted are for searches, not for streams")
    return found if stream else {**found, "misspelt": given.misspelt, "deleted": given.deleted}


def _percent(value: int | None) -> int | None:
    if value is not None and not 0 <= value <= 100:
        raise _bad(f"filter.reputation is of 0 to 100, not {value}")
    return value


def _bad(message: str) -> GraphQLError:
    return GraphQLError(message, extensions={"code": "BAD_USER_INPUT"})
