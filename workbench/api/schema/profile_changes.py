"""Changes of profiles, and what hangs on them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry import UNSET

from workbench.api.schema.asking import Info, described
from workbench.api.schema.bulk import BulkEnrichment, begin
from workbench.api.schema.enums import FootprintKind, ThreatLevelName, TlpLabel
from workbench.api.schema.problems import Conflict, Forbidden, InvalidInput, NotFound, attempt
from workbench.api.schema.profiles import IpProfile
from workbench.api.schema.scalars import BigInt, IPAddressOrCIDR
from workbench.store import Profile, Store
from workbench.store.profiles import observations

__all__ = ["ProfileChanges", "Versioned"]

IpProfileResult = Annotated[
    IpProfile | Conflict | NotFound | Forbidden | InvalidInput,
    strawberry.union("IpProfileResult", description="The profile as it is now, or why nothing was done."),
]
BulkEnrichResult = Annotated[
    BulkEnrichment | InvalidInput,
    strawberry.union("BulkEnrichResult", description="The bulk enrichment that runs now, or why none was begun."),
]  # fmt: skip


@strawberry.input(description="A thing, at the version that you saw.")
class Versioned:
    id: UUID = described("The `id` of the thing.")
    expected_version: int = described("The version that you saw: if it is at another now, nothing is done.")


@strawberry.input(description="A new profile.")
class CreateIpProfileInput:
    address: IPAddressOrCIDR = described("The address or network.")
    tlp: TlpLabel = described("Its secrecy level.", default=TlpLabel.AMBER)
    threat_level: ThreatLevelName = described("The threat level.", default=ThreatLevelName.NONE)
    notes: str = described("Notes, up to 100,000 characters.", default="")
    tags: list[str] = described("Tags, up to 100 of up to 100 characters; kept in lower case.", default_factory=list)  # fmt: skip
    recipients: list[str] = described("At TLP:RED, the members (database roles) it is named for, besides you.", default_factory=list)  # fmt: skip
    reason: str = described("At TLP:RED, why; kept in the audit.", default="created")
    token: UUID | None = described("Any UUID of yours: sent again after a lost answer, it makes no second profile.", default=None)  # fmt: skip


@strawberry.input(description="A change of a profile. What is left out stays.")
class UpdateIpProfileInput(Versioned):
    threat_level: ThreatLevelName | None = described("The threat level.", default=UNSET)
    notes: str | None = described("All the notes, up to 100,000 characters.", default=UNSET)
    tags: list[str] | None = described("All the tags.", default=UNSET)


@strawberry.input(description="Two profiles of one address and organisation.")
class MergeIpProfilesInput:
    kept: UUID = described("The `id` of the one that stays.")
    kept_expected_version: int = described("The version of it that you saw.")
    given_up: UUID = described("The `id` of the one whose content goes over to it.")
    given_up_expected_version: int = described("The version of it that you saw.")


@strawberry.input(description="A profile to be brought to the current intel.")
class EnrichInput:
    id: UUID = described("The `id` of the profile.")
    expected_version: int | None = described("The version that you saw, if it matters.", default=None)
    force_refresh: bool = described("Write it even if the intel is that of the same snapshot.", default=False)


@strawberry.input(description="Profiles to be brought to the current intel, in the background.")
class BulkEnrichInput:
    ids: list[UUID] | None = described("Up to 100,000 profiles; without it, all of your organisation.", default=None)  # fmt: skip
    force_refresh: bool = described("Also those that have the intel of the current snapshot.", default=False)


@strawberry.input(description="A trace of an address elsewhere.")
class AddFootprintInput:
    profile: UUID = described("The `id` of the profile.")
    kind: FootprintKind = described("What it is.")
    value: str = described(
        "The hostname, domain, URL, account, device or certificate; up to 2048 characters."
    )
    source: str = described("Who says so.")
    first_seen: datetime | None = described("Since when.", default=None)
    last_seen: datetime | None = described("When it was last confirmed.", default=None)


@strawberry.input(description="Why somebody thinks something of an address.")
class AddEvidenceInput:
    profile: UUID = described("The `id` of the profile.")
    source: str = described("Who says so; up to 500 characters.")
    category: str = described("What it means: one of IntelCategory in lower case, or the source's own word.")
    entry: str | None = described("The address or network that the source names.", default=None)
    label: str | None = described("The source's own word for it.", default=None)
    confidence: float | None = described("How sure the source is, 0 to 1.", default=None)
    first_seen: datetime | None = described("Since when.", default=None)
    last_seen: datetime | None = described("When it was last confirmed.", default=None)
    licence: str | None = described("The terms it may be used under.", default=None)


@strawberry.input(description="That an address was seen at one's own door.")
class AddSightingInput:
    profile: UUID = described("The `id` of the profile.")
    first_seen: datetime = described("When it was first seen.")
    last_seen: datetime = described("When it was last seen.")
    count: BigInt = described("How often.", default=BigInt(1))
    sensor: str = described("By which sensor.", default="")
    target: str = described("Busy with what.", default="")


def seen(store: Store, key: UUID, version: int | None) -> Profile:
    """The profile, as if at the version that the member saw."""
    found = store.profiles.get(key)
    return found if version is None else replace(found, version=version)


async def _profile(
    info: Info, which: UUID, work: Callable[[Store], Profile], **more: Any
) -> IpProfile | Conflict | NotFound | Forbidden | InvalidInput:
    return await attempt(
        info,
        work,
        IpProfile.of,
        version_of=lambda store: store.profiles.get(which).version,
        **more,
    )


@strawberry.type(description="Changes of profiles.")
class ProfileChanges:
    @strawberry.mutation(description="Make a profile, with what the intel says of its address.")
    async def create_ip_profile(
        self,
        info: Info,
        input: Annotated[CreateIpProfileInput, strawberry.argument(description="The profile.")],
    ) -> IpProfileResult:
        def work(store: Store) -> Profile:
            return store.profiles.create(
                input.address,
                secrecy=input.tlp.value,
                threat_level=input.threat_level.value,
                notes=input.notes,
                tags=input.tags,
                recipients=input.recipients,
                reason=input.reason,
                token=input.token,
            )

        return await attempt(info, work, IpProfile.of)

    @strawberry.mutation(description="Change threat level, notes or tags of a profile of your organisation.")
    async def update_ip_profile(
        self,
        info: Info,
        input: Annotated[UpdateIpProfileInput, strawberry.argument(description="The change.")],
    ) -> IpProfileResult:
        given = {"threat_level": input.threat_level, "notes": input.notes, "tags": input.tags}
        changes: dict[str, Any] = {name: value for name, value in given.items() if value not in (UNSET, None)}
        if level := changes.get("threat_level"):
            changes["threat_level"] = level.value
        return await _profile(
            info,
            input.id,
            lambda store: store.profiles.update(seen(store, input.id, input.expected_version), **changes),
        )

    @strawberry.mutation(description="Take a profile of your organisation out of sight, recoverably.")
    async def delete_ip_profile(
        self, info: Info, input: Annotated[Versioned, strawberry.argument(description="The profile.")]
    ) -> IpProfileResult:
        return await _profile(
            info,
            input.id,
            lambda store: store.profiles.delete(seen(store, input.id, input.expected_version)),
        )

    @strawberry.mutation(description="Bring a deleted profile of your organisation back.")
    async def restore_ip_profile(
        self, info: Info, input: Annotated[Versioned, strawberry.argument(description="The profile.")]
    ) -> IpProfileResult:
        return await _profile(
            info,
            input.id,
            lambda store: store.profiles.restore(seen(store, input.id, input.expected_version)),
            fields={"profile_address_unique": "id"},
        )

    @strawberry.mutation(
        description="Make one profile of two of the same address and of your organisation: at the stricter level, with what hangs on either."
    )
    async def merge_ip_profiles(
        self,
        info: Info,
        input: Annotated[MergeIpProfilesInput, strawberry.argument(description="The two.")],
    ) -> IpProfileResult:
        return await attempt(
            info,
            lambda store: store.profiles.merge(
                seen(store, input.kept, input.kept_expected_version),
                seen(store, input.given_up, input.given_up_expected_version),
            ),
            IpProfile.of,
            key="kept",
            fields={"different addresses": "givenUp", str(input.given_up): "givenUp"},
        )

    @strawberry.mutation(
        description="Bring a profile of your organisation to the current intel; nothing is written if it has that already, except with forceRefresh."
    )
    async def enrich_ip_profile(
        self, info: Info, input: Annotated[EnrichInput, strawberry.argument(description="The profile.")]
    ) -> IpProfileResult:
        return await _profile(
            info,
            input.id,
            lambda store: store.profiles.enrich(
                seen(store, input.id, input.expected_version), force_refresh=input.force_refresh
            ),
        )

    @strawberry.mutation(
        description="Bring many profiles of your organisation to the current intel in the background; subscribe to bulkEnrichmentProgress to see how far it is. One of yours runs at a time: asked meanwhile, that is the answer."
    )
    async def bulk_enrich(
        self,
        info: Info,
        input: Annotated[BulkEnrichInput, strawberry.argument(description="The profiles.")],
    ) -> BulkEnrichResult:
        if input.ids is not None and len(input.ids) > 100_000:
            return InvalidInput(message="ids: up to 100,000", path=["input", "ids"])
        return BulkEnrichment.of(begin(info.context, input.ids, input.force_refresh))

    @strawberry.mutation(description="Add a trace to a profile of your organisation; one that its source told before is not told twice.")  # fmt: skip
    async def add_footprint(
        self,
        info: Info,
        input: Annotated[AddFootprintInput, strawberry.argument(description="The trace.")],
    ) -> IpProfileResult:
        trace = observations.Footprint(
            input.kind.value, input.value, input.source, input.first_seen, input.last_seen
        )
        return await _adding(info, input.profile, lambda store, to: store.footprint.add(to, trace))

    @strawberry.mutation(description="Add evidence to a profile of your organisation.")
    async def add_evidence(
        self,
        info: Info,
        input: Annotated[AddEvidenceInput, strawberry.argument(description="The evidence.")],
    ) -> IpProfileResult:
        names = ("source", "category", "entry", "label", "confidence", "first_seen", "last_seen", "licence")
        item = observations.Evidence(**{name: getattr(input, name) for name in names})
        return await _adding(info, input.profile, lambda store, to: store.evidence.add(to, item))

    @strawberry.mutation(description="Add a sighting to a profile of your organisation.")
    async def add_sighting(
        self,
        info: Info,
        input: Annotated[AddSightingInput, strawberry.argument(description="The sighting.")],
    ) -> IpProfileResult:
        item = observations.Sighting(
            input.first_seen, input.last_seen, input.count, input.sensor, input.target
        )
        return await _adding(info, input.profile, lambda store, to: store.sightings.add(to, item))


async def _adding(
    info: Info, key: UUID, add: Callable[[Store, Profile], object]
) -> IpProfile | Conflict | NotFound | Forbidden | InvalidInput:
    def work(store: Store) -> Profile:
        profile = store.profiles.get(key)
        add(store, profile)
        return profile

    return await attempt(info, work, IpProfile.of, key="profile")
