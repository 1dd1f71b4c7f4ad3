"""Whom a bundle is for, and the refusal to make one of what they may not have."""

from __future__ import annotations

from workbench.secrecy import COMMUNITY, PUBLIC, Organisation, Recipient, Withheld

__all__ = ["WithheldError", "recipient_of"]


class WithheldError(PermissionError):
    """The recipient may not have everything that was to be exported; ``withheld`` says what and why."""

    def __init__(self, things: list[Withheld], nothing: str = "nothing exported") -> None:
        shown = "; ".join(str(thing) for thing in things[:20])
        more = f"; and {len(things) - 20} more" if len(things) > 20 else ""
        super().__init__(f"{nothing}: {shown}{more}")
        self.withheld = tuple(things)


def recipient_of(text: str | Recipient | Organisation, own: Organisation | None = None) -> Recipient:
    """Who is meant by ``public``, ``community``, ``CERT B`` (an organisation) or ``anna@CERT B`` (one of its members).

    An organisation is taken to belong to the community; pass an ``Organisation`` for one that does not.
    """
    if isinstance(text, Recipient):
        return text
    if isinstance(text, Organisation):
        return Recipient(text)
    name = text.strip()
    if not name:
        raise ValueError(
            "the recipient has no name: say public, community, an organisation, or member@organisation"
        )
    if name.lower() in ("public", "community"):
        return PUBLIC if name.lower() == "public" else COMMUNITY
    member, at, organisation = name.partition("@")
    if not at:
        member, organisation = "", name
    if own is not None and organisation == own.name:
        return Recipient(own, member or None)
    return Recipient(Organisation(organisation), member or None)
