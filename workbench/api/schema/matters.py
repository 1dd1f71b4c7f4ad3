"""Investigations, and the entities that stand behind addresses."""

from __future__ import annotations

from datetime import datetime

import strawberry

from workbench.api.schema.asking import First, Info, copied, described, several, word
from workbench.api.schema.enums import EntityKind, EntityRelation, InvestigationState, TlpLabel
from workbench.api.schema.nodes import Organisation, Thing
from workbench.api.schema.profiles import IpProfile
from workbench.store import Profile
from workbench.store.matters import entities, investigations
from workbench.store.serving import together

__all__ = ["Entity", "EntityLink", "Investigation"]


@strawberry.type(description="A matter under investigation, to which profiles are linked.")
class Investigation(Thing):
    record: strawberry.Private[investigations.Investigation]
    name: str = described("Its name, unique in the organisation at its level.")
    description: str = described("What it is about.")
    state: InvestigationState = described("Whether it is still worked on.")
    tlp: TlpLabel = described("Its secrecy level.")
    updated_by: str = described("The member (database role) who changed it last.")
    updated_at: datetime = described("When it was changed last.")

    @classmethod
    def of(cls, record: investigations.Investigation) -> Investigation:
        return copied(
            cls,
            record,
            record=record,
            owner=Organisation(name=record.owner),
            tlp=TlpLabel(record.secrecy),
            state=InvestigationState(record.state),
        )

    @strawberry.field(
        description="The linked profiles that you may see, worst first. To page through many: searchIpProfiles(filter: {investigation: …})."
    )
    async def profiles(self, info: Info, first: First = 20) -> list[IpProfile]:
        found = await several(info, together.profiles_of_investigations, self.record.id, first)
        return [IpProfile.of(each) for each in found]


@strawberry.type(description="Who or what stands behind addresses.")
class Entity(Thing):
    record: strawberry.Private[entities.Entity]
    kind: EntityKind = described("What it is.")
    name: str = described("What it is called.")
    description: str = described("What is known of it.")
    tlp: TlpLabel = described("Its secrecy level.")
    updated_by: str = described("The member (database role) who changed it last.")
    updated_at: datetime = described("When it was changed last.")

    @classmethod
    def of(cls, record: entities.Entity) -> Entity:
        return copied(
            cls,
            record,
            record=record,
            owner=Organisation(name=record.owner),
            tlp=TlpLabel(record.secrecy),
            kind=EntityKind(record.kind),
        )

    @strawberry.field(description="The profiles that it has to do with and that you may see, worst first.")
    async def profiles(self, info: Info, first: First = 20) -> list[EntityLink]:
        found = await several(info, together.profiles_of_entities, self.record.id, first)
        return [EntityLink.of(relation, self.record, profile) for relation, profile in found]


@strawberry.type(description="What an entity has to do with an address.")
class EntityLink:
    relation: EntityRelation | None = described("The entity's relation to the address.")
    entity: Entity = described("The entity.")
    profile: IpProfile = described("The profile of the address.")

    @classmethod
    def of(cls, relation: str, entity: entities.Entity, profile: Profile) -> EntityLink:
        return cls(
            relation=word(EntityRelation, relation), entity=Entity.of(entity), profile=IpProfile.of(profile)
        )
