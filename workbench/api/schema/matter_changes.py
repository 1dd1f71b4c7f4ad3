"""Changes of investigations and entities, their links to profiles, and of levels of secrecy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry import UNSET

from workbench.api.schema.alerts import Watchlist
from workbench.api.schema.asking import Info, described
from workbench.api.schema.enums import EntityKind, EntityRelation, InvestigationState, TlpLabel
from workbench.api.schema.matters import Entity, Investigation
from workbench.api.schema.problems import Conflict, Forbidden, InvalidInput, NotFound, attempt
from workbench.api.schema.profile_changes import Versioned
from workbench.api.schema.profiles import IpProfile
from workbench.store import NotFound as NotFoundError
from workbench.store import Profile, Store
from workbench.store.matters import entities
from workbench.store.serving import together

__all__ = ["MatterChanges"]

InvestigationResult = Annotated[
    Investigation | Conflict | NotFound | Forbidden | InvalidInput,
    strawberry.union("InvestigationResult", description="The investigation as it is now, or why nothing was done."),
]  # fmt: skip
EntityResult = Annotated[
    Entity | Conflict | NotFound | Forbidden | InvalidInput,
    strawberry.union("EntityResult", description="The entity as it is now, or why nothing was done."),
]
SecrecyResult = Annotated[
    IpProfile | Investigation | Entity | Watchlist | Conflict | NotFound | Forbidden | InvalidInput,
    strawberry.union("SecrecyResult", description="The thing at its new level, or why nothing was done."),
]


@strawberry.input(description="A new level of secrecy for a profile, investigation, entity or watchlist.")
class SetSecrecyLevelInput(Versioned):
    tlp: TlpLabel = described("The level.")
    reason: str = described("Why; kept in the audit, for those who could see the thing before.")
    recipients: list[str] = described("At TLP:RED, the members (database roles) it is named for, besides you, instead of those before.", default_factory=list)  # fmt: skip


@strawberry.input(description="A new investigation.")
class CreateInvestigationInput:
    name: str = described("Its name, 1 to 200 characters, unique in the organisation at its level.")
    description: str = described("What it is about, up to 100,000 characters.", default="")
    tlp: TlpLabel = described("Its secrecy level.", default=TlpLabel.AMBER)
    recipients: list[str] = described("At TLP:RED, the members (database roles) it is named for, besides you.", default_factory=list)  # fmt: skip
    reason: str = described("At TLP:RED, why; kept in the audit.", default="created")


@strawberry.input(description="A change of an investigation. What is left out stays.")
class UpdateInvestigationInput(Versioned):
    name: str | None = described("Its name, 1 to 200 characters.", default=UNSET)
    description: str | None = described("What it is about, up to 100,000 characters.", default=UNSET)
    state: InvestigationState | None = described("Whether it is still worked on.", default=UNSET)


@strawberry.input(description="Profiles and an investigation of your organisation.")
class LinkInvestigationInput:
    investigation: UUID = described("The `id` of the investigation.")
    profiles: list[UUID] = described("The `id`s of the profiles, up to 10,000.")
    note: str = described("What they have to do with it, up to 10,000 characters.", default="")


@strawberry.input(description="Profiles that are linked to an investigation.")
class UnlinkInvestigationInput:
    investigation: UUID = described("The `id` of the investigation.")
    profiles: list[UUID] = described("The `id`s of the profiles, up to 10,000.")


@strawberry.input(description="A new entity.")
class CreateEntityInput:
    kind: EntityKind = described("What it is.")
    name: str = described("What it is called, 1 to 500 characters.")
    description: str = described("What is known of it, up to 100,000 characters.", default="")
    tlp: TlpLabel = described("Its secrecy level.", default=TlpLabel.AMBER)
    recipients: list[str] = described("At TLP:RED, the members (database roles) it is named for, besides you.", default_factory=list)  # fmt: skip
    reason: str = described("At TLP:RED, why; kept in the audit.", default="created")


@strawberry.input(description="A change of an entity. What is left out stays.")
class UpdateEntityInput(Versioned):
    kind: EntityKind | None = described("What it is.", default=UNSET)
    name: str | None = described("What it is called, 1 to 500 characters.", default=UNSET)
    description: str | None = described("What is known of it, up to 100,000 characters.", default=UNSET)


@strawberry.input(description="An entity of your organisation, and what it has to do with a profile.")
class LinkEntityInput:
    entity: UUID = described("The `id` of the entity.")
    profile: UUID = described("The `id` of the profile.")
    relation: EntityRelation = described("The entity's relation to the address.")
    note: str = described("How that is known, up to 10,000 characters.", default="")


@strawberry.input(description="A link between an entity and a profile.")
class UnlinkEntityInput:
    entity: UUID = described("The `id` of the entity.")
    profile: UUID = described("The `id` of the profile.")
    relation: EntityRelation = described("The entity's relation to the address.")


@strawberry.type(description="Changes of investigations, entities, links and levels of secrecy.")
class MatterChanges:
    @strawberry.mutation(description="Raise or lower the level of a thing of your organisation: a recorded act, with its reason.")  # fmt: skip
    async def set_secrecy_level(
        self,
        info: Info,
        input: Annotated[SetSecrecyLevelInput, strawberry.argument(description="The thing and its level.")],
    ) -> SecrecyResult:
        def work(store: Store) -> Any:
            room, made = _room(store, input.id)
            thing = replace(room.get(input.id), version=input.expected_version)
            return made(room.set_secrecy(thing, input.tlp.value, input.reason, input.recipients))

        def version(store: Store) -> int:
            found: int = _room(store, input.id)[0].get(input.id).version
            return found

        return await attempt(info, work, lambda made: made, version_of=version, fields=_AT_THAT_LEVEL)

    @strawberry.mutation(description="Open an investigation.")
    async def create_investigation(
        self,
        info: Info,
        input: Annotated[CreateInvestigationInput, strawberry.argument(description="The investigation.")],
    ) -> InvestigationResult:
        return await attempt(
            info,
            lambda store: store.investigations.create(
                input.name,
                description=input.description,
                secrecy=input.tlp.value,
                recipients=input.recipients,
                reason=input.reason,
            ),
            Investigation.of,
        )

    @strawberry.mutation(description="Change name, description or state of an investigation of your organisation.")  # fmt: skip
    async def update_investigation(
        self,
        info: Info,
        input: Annotated[UpdateInvestigationInput, strawberry.argument(description="The change.")],
    ) -> InvestigationResult:
        return await attempt(
            info,
            lambda store: store.investigations.update(
                replace(store.investigations.get(input.id), version=input.expected_version),
                **_given(input, "name", "description", "state"),
            ),
            Investigation.of,
            version_of=lambda store: store.investigations.get(input.id).version,
        )

    @strawberry.mutation(description="Link profiles to an investigation of your organisation; those that are linked stay so.")  # fmt: skip
    async def link_investigation(
        self,
        info: Info,
        input: Annotated[LinkInvestigationInput, strawberry.argument(description="The link.")],
    ) -> InvestigationResult:
        def work(store: Store) -> Any:
            found = store.investigations.get(input.investigation)
            store.investigations.link(found, *_profiles(store, input.profiles), note=input.note)
            return found

        return await attempt(info, work, Investigation.of, key="investigation", fields=_LINKS)

    @strawberry.mutation(description="Take profiles from an investigation of your organisation; those that are not linked stay so.")  # fmt: skip
    async def unlink_investigation(
        self,
        info: Info,
        input: Annotated[UnlinkInvestigationInput, strawberry.argument(description="The link.")],
    ) -> InvestigationResult:
        def work(store: Store) -> Any:
            found = store.investigations.get(input.investigation)
            _own(store, found)
            store.investigations.unlink(found, *_profiles(store, input.profiles))
            return found

        return await attempt(info, work, Investigation.of, key="investigation", fields=_LINKS)

    @strawberry.mutation(description="Make an entity.")
    async def create_entity(
        self, info: Info, input: Annotated[CreateEntityInput, strawberry.argument(description="The entity.")]
    ) -> EntityResult:
        return await attempt(
            info,
            lambda store: store.entities.create(
                input.kind.value,
                input.name,
                description=input.description,
                secrecy=input.tlp.value,
                recipients=input.recipients,
                reason=input.reason,
            ),
            Entity.of,
        )

    @strawberry.mutation(description="Change kind, name or description of an entity of your organisation.")
    async def update_entity(
        self, info: Info, input: Annotated[UpdateEntityInput, strawberry.argument(description="The change.")]
    ) -> EntityResult:
        return await _entity(
            info,
            input,
            lambda store, it: store.entities.update(it, **_given(input, "kind", "name", "description")),
        )

    @strawberry.mutation(description="Take an entity of your organisation out of sight, recoverably.")
    async def delete_entity(
        self, info: Info, input: Annotated[Versioned, strawberry.argument(description="The entity.")]
    ) -> EntityResult:
        return await _entity(info, input, lambda store, it: store.entities.delete(it))

    @strawberry.mutation(description="Bring a deleted entity of your organisation back.")
    async def restore_entity(
        self, info: Info, input: Annotated[Versioned, strawberry.argument(description="The entity.")]
    ) -> EntityResult:
        return await _entity(info, input, lambda store, it: store.entities.restore(it))

    @strawberry.mutation(description="Say what an entity of your organisation has to do with a profile; what was said stays so.")  # fmt: skip
    async def link_entity(
        self, info: Info, input: Annotated[LinkEntityInput, strawberry.argument(description="The link.")]
    ) -> EntityResult:
        def work(store: Store) -> Any:
            found = store.entities.get(input.entity)
            (profile,) = _profiles(store, [input.profile])
            store.entities.link(found, profile, input.relation.value, note=input.note)
            return found

        return await attempt(info, work, Entity.of, key="entity", fields={"profile ": "profile"})

    @strawberry.mutation(description="Take back what an entity of your organisation has to do with a profile.")  # fmt: skip
    async def unlink_entity(
        self, info: Info, input: Annotated[UnlinkEntityInput, strawberry.argument(description="The link.")]
    ) -> EntityResult:
        def work(store: Store) -> Any:
            found = store.entities.get(input.entity)
            _own(store, found)
            (profile,) = _profiles(store, [input.profile])
            store.entities.unlink(found, profile, input.relation.value)
            return found

        return await attempt(info, work, Entity.of, key="entity", fields={"profile ": "profile"})


_AT_THAT_LEVEL = {
    "profile_address_unique": "tlp",
    "investigation_name_unique": "tlp",
}
_LINKS = {"up to 10,000 profiles": "profiles", "profile ": "profiles"}


def _room(store: Store, key: UUID) -> tuple[Any, Any]:
    """The room that a thing is in, and what makes a GraphQL type of it."""
    kind = together.kinds_of(store, [key]).get(key)
    rooms: dict[str, tuple[Any, Any]] = {
        "profiles": (store.profiles, IpProfile.of),
        "investigations": (store.investigations, Investigation.of),
        "entities": (store.entities, Entity.of),
        "watchlists": (store.watchlists, Watchlist.of),
    }
    if kind not in rooms:
        raise NotFoundError(f"{key}: not found, or not for you")
    return rooms[kind]


def _profiles(store: Store, keys: list[UUID]) -> list[Profile]:
    if len(keys) > 10_000:
        raise ValueError("up to 10,000 profiles are linked at once")
    found = together.profiles(store, keys)
    for key in keys:
        if key not in found:
            raise NotFoundError(f"profile {key}: not found, or not for you")
    return [found[key] for key in dict.fromkeys(keys)]


def _own(store: Store, thing: Any) -> None:
    """Row-level security would let a removal of another organisation's links remove nothing, silently."""
    if thing.owner != store.me.organisation.name:
        raise PermissionError(f"{thing.name}: it is another organisation's, you may read it only")


def _given(input: Any, *names: str) -> dict[str, Any]:
    """What the input gives of these, in the store's words."""
    values = {name: getattr(input, name) for name in names}
    return {
        name: getattr(value, "value", value) for name, value in values.items() if value not in (UNSET, None)
    }


async def _entity(
    info: Info, input: Any, change: Callable[[Store, entities.Entity], entities.Entity]
) -> Entity | Conflict | NotFound | Forbidden | InvalidInput:
    return await attempt(
        info,
        lambda store: change(store, replace(store.entities.get(input.id), version=input.expected_version)),
        Entity.of,
        version_of=lambda store: store.entities.get(input.id).version,
    )
