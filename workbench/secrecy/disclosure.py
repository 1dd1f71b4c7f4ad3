"""Who may see what, and to whom it may be passed on: the one rule, as pure functions.

The row-level security policies of the store say the same in SQL, and are tested against this module.

========== ======================================================= =====================================
level      a member sees it who                                    it may be passed on to
========== ======================================================= =====================================
CLEAR      is anyone                                               anyone, the public included
GREEN      belongs to an organisation of the community             members and organisations of it
AMBER      belongs to the owning organisation or one of its        the owning organisation, its clients,
           named clients                                           and their members
AMBER+     belongs to the owning organisation                      the owning organisation and its
STRICT                                                             members
RED        is one of the named recipients                          the named recipients, each alone
========== ======================================================= =====================================

and in every case nobody sees what is above their clearance.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from workbench.secrecy.tlp import TLP

__all__ = ["COMMUNITY", "PUBLIC", "Marking", "Member", "Organisation", "Recipient", "Withheld", "may_receive", "may_see", "withheld"]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Organisation:
    """An organisation; ``clients`` are the names of those it serves, for whom AMBER is meant as well."""

    name: str
    clients: frozenset[str] = frozenset()
    in_community: bool = True


@dataclass(frozen=True, slots=True)
class Member:
    """A person; ``role`` is the database role, ``clearance`` the highest level shown to her."""

    role: str
    organisation: Organisation
    clearance: TLP = TLP.RED


@dataclass(frozen=True, slots=True)
class Marking:
    """What is known of the secrecy of a thing: its level, the organisation that owns it, and, at RED, the roles
    of those it was named for."""

    level: TLP
    owner: Organisation
    recipients: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Recipient:
    """Someone outside the database to whom a document goes: the public, the community, an organisation, or one
    of its members."""

    organisation: Organisation | None = None
    member: str | None = None
    is_public: bool = field(default=False, kw_only=True)

    def __str__(self) -> str:
        if self.organisation is None:
            return "the public" if self.is_public else "the community"
        return f"{self.member} of {self.organisation.name}" if self.member else self.organisation.name


PUBLIC = Recipient(is_public=True)
COMMUNITY = Recipient()


def may_see(member: Member, marking: Marking) -> bool:
    """Whether a member of the store sees a thing so marked."""
    return marking.level <= member.clearance and may_receive(
        Recipient(member.organisation, member.role), marking
    )


def may_receive(recipient: Recipient, marking: Marking) -> bool:
    """Whether a thing so marked may be handed to the recipient."""
    organisation = recipient.organisation
    if marking.level == TLP.CLEAR:
        return True
    if recipient.is_public:
        return False
    if marking.level == TLP.GREEN:
        return organisation is None or organisation.in_community
    if organisation is None:
        return False
    if marking.level == TLP.RED:
        return recipient.member is not None and recipient.member in marking.recipients
    if organisation.name == marking.owner.name:
        return True
    return marking.level == TLP.AMBER and organisation.name in marking.owner.clients


@dataclass(frozen=True, slots=True)
class Withheld:
    """A thing that a recipient may not have. ``name`` is for the eyes of the sender only."""

    name: str
    level: TLP
    recipient: Recipient

    def __str__(self) -> str:
        return f"{self.name} is {self.level} and may not go to {self.recipient}"


def withheld(recipient: Recipient, things: Iterable[tuple[str, Marking]]) -> list[Withheld]:
    """Those of some named things that the recipient may not have."""
    return [
        Withheld(name, marking.level, recipient)
        for name, marking in things
        if not may_receive(recipient, marking)
    ]
