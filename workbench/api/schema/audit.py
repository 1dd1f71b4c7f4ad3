"""The audit: who read and wrote what."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import strawberry
from graphql import GraphQLError
from strawberry.scalars import JSON

from workbench.api.schema.asking import Info, copied, described, word
from workbench.api.schema.by_id import by_id
from workbench.api.schema.enums import AuditAction, AuditKind
from workbench.api.schema.nodes import Node, Organisation
from workbench.api.schema.scalars import IPAddressOrCIDR
from workbench.store import Store, auditing

__all__ = ["AuditEntry", "AuditFilter"]

MOST_THINGS = 1_000


@strawberry.input(
    description="Conditions, all of which a line of the audit has to meet. Those that are left out ask nothing."
)
class AuditFilter:
    things: list[UUID] | None = described("Is about one of these things, or what hangs on these profiles; up to 1000.", default=None)  # fmt: skip
    address: IPAddressOrCIDR | None = described("Is about a profile of exactly this address or network, deleted ones included.", default=None)  # fmt: skip
    member: str | None = described("Was done by this member (database role).", default=None)
    actions: list[AuditAction] | None = described("Is one of these actions.", default=None)
    since: datetime | None = described("Was done then or later.", default=None)
    until: datetime | None = described("Was done before then.", default=None)

    def search(self, store: Store, limit: int, after: Any) -> list[auditing.Act]:
        """The lines that meet them.

        Raises:
            GraphQLError: there are too many things.
        """
        things = self.things
        if things is not None and len(things) > MOST_THINGS:
            raise GraphQLError(f"filter.things has up to {MOST_THINGS:,} members", extensions={"code": "BAD_USER_INPUT"})  # fmt: skip
        if self.address is not None:
            there = store.audit.at(str(self.address))
            things = there if things is None else [each for each in there if each in set(things)]
        return store.audit.search(
            things=things,
            member=self.member,
            actions=None if self.actions is None else [action.value for action in self.actions],
            since=self.since,
            until=self.until,
            limit=limit,
            after=after,
        )


@strawberry.type(description="A line of the audit, which is only ever added to.")
class AuditEntry:
    record: strawberry.Private[auditing.Act]
    id: UUID = described("The id of the line.")
    at: datetime = described("When it was done.")
    actor: str | None = described("The member (database role) who did it; null where another organisation read what is yours.")  # fmt: skip
    login: str | None = described("The database role that the member was logged in as: the server's, where she came by an API.")  # fmt: skip
    action: AuditAction | None = described("What was done.")
    kind: AuditKind | None = described("What kind of thing it was done to; null of a statement.")
    subject: UUID | None = described("The id of the thing: of what hangs on a profile, the profile's.")
    detail: JSON | None = described("More, by the action: `version`, `from`, `to`, `reason` and `recipients` of a level that was set, what a removed thing said, `how` it was read.")  # fmt: skip
    statement: str | None = described("The SQL of a statement of your own.")

    @classmethod
    def of(cls, record: auditing.Act) -> AuditEntry:
        return copied(
            cls,
            record,
            record=record,
            action=word(AuditAction, record.action),
            kind=word(AuditKind, record.kind),
        )

    @strawberry.field(description="The organisation of the actor; of READ_ELSEWHERE, the one that read.")
    def organisation(self) -> Organisation | None:
        return Organisation(name=self.record.organisation) if self.record.organisation else None

    @strawberry.field(
        description="The thing, as it is now; null if it is none for you any more. That you read it is written down."
    )
    async def thing(self, info: Info) -> Node | None:
        kind, key = self.record.on, self.record.subject
        return await by_id(info, kind, key) if kind and key else None
