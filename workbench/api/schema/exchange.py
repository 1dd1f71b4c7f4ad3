"""STIX in and out."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import strawberry

from workbench.api.schema.asking import First, Info, at_most, described
from workbench.api.schema.enums import TlpLabel
from workbench.api.schema.problems import Conflict, Forbidden, InvalidInput, NotFound, Problem, attempt
from workbench.api.schema.profiles import IpProfile
from workbench.api.schema.scalars import StixBundle
from workbench.store import NotFound as NotFoundError
from workbench.store import Store
from workbench.store.serving import together

__all__ = ["Exchange"]


@strawberry.type(description="An object of a bundle that was set aside, or is worth a look.")
class StixProblem:
    index: int = described("Its place in the bundle, from 0.")
    object_id: str | None = described("Its STIX id, where it has one.")
    reason: str = described("What is wrong with it.")


@strawberry.type(description="Statements that were not taken, and why.")
class LeftOut:
    reason: str = described("Why.")
    count: int = described("How many.")


@strawberry.type(description="What an import did.")
class StixImport:
    objects: int = described("How many well-formed objects the bundle has.")
    made: strawberry.Private[Any]
    profiles_count: int = described("How many profiles the bundle speaks of.")
    profiles_created: int = described("How many of them are new.")
    evidence_added: int = described("How many pieces of evidence are new.")
    evidence_known: int = described("How many were there already.")
    left_out: list[LeftOut] = described("What was not taken.")
    rejected: list[StixProblem] = described("The first hundred objects that were set aside.")
    rejected_count: int = described("How many were set aside.")
    notes: list[StixProblem] = described("The first hundred objects that are worth a look.")

    @strawberry.field(description="The profiles that the bundle speaks of, the first of them.")
    def profiles(self, first: First = 50) -> list[IpProfile]:
        return [IpProfile.of(profile) for profile in self.made[: at_most(first)]]


@strawberry.type(description="Something that a recipient may not have.")
class WithheldThing:
    name: str = described("What it is, for your eyes only.")
    tlp: TlpLabel = described("Its secrecy level.")


@strawberry.type(description="A bundle for one recipient.")
class StixExport:
    bundle: StixBundle = described("The STIX 2.1 bundle, with its TLP 2.0 markings.")
    objects: int = described("How many objects it has.")
    recipient: str = described("Whom it is for.")
    withheld: list[WithheldThing] = described("What was left out since the recipient may not have it.")
    notes: list[str] = described("What is worth knowing of it.")


@strawberry.type(description="The recipient may not have all of it under TLP, and nothing was exported.")
class Withheld(Problem):
    things: list[WithheldThing] = described("What the recipient may not have.")


StixImportResult = Annotated[
    StixImport | Conflict | NotFound | Forbidden | InvalidInput,
    strawberry.union("StixImportResult", description="What the import did, or why it did nothing."),
]
StixExportResult = Annotated[
    StixExport | Withheld | Conflict | NotFound | Forbidden | InvalidInput,
    strawberry.union("StixExportResult", description="The bundle, or why there is none."),
]


@strawberry.input(description="A bundle to be taken in.")
class ImportStixInput:
    bundle: StixBundle = described("The bundle; it may speak of up to 10,000 addresses.")
    tlp: TlpLabel = described("The level of what the sender did not mark.", default=TlpLabel.AMBER)
    investigation: UUID | None = described("The `id` of an investigation of your organisation to link the profiles to.", default=None)  # fmt: skip
    name: str = described("What the bundle is called, where the sender of a statement is not named.", default="STIX bundle")  # fmt: skip


@strawberry.input(description="What is to be exported, and for whom.")
class ExportStixInput:
    profiles: list[UUID] = described("The `id`s of profiles, up to 1000.", default_factory=list)
    investigations: list[UUID] = described("The `id`s of investigations, whose linked profiles go with them, up to 100.", default_factory=list)  # fmt: skip
    to: str = described("Whom it is for: public, community, the name of an organisation, or member@organisation.")  # fmt: skip
    drop: bool = described("Leave out what the recipient may not have, and tell; without it, nothing is exported then.", default=False)  # fmt: skip


@strawberry.type(description="STIX in and out.")
class Exchange:
    @strawberry.mutation(
        description="Take a STIX 2.0 or 2.1 bundle in: addresses and prefixes get profiles, what is said of them becomes evidence, at the level it is marked with. What is marked TLP:RED is for you alone. Malformed objects are set aside and the rest goes in; the same bundle again adds nothing."
    )
    async def import_stix(
        self, info: Info, input: Annotated[ImportStixInput, strawberry.argument(description="The bundle.")]
    ) -> StixImportResult:
        from workbench.exchange.stix import import_into

        def work(store: Store) -> Any:
            matter = store.investigations.get(input.investigation) if input.investigation else None
            return import_into(
                store, input.bundle, tlp=input.tlp.value, investigation=matter, name=input.name[:500]
            )

        return await attempt(info, work, _imported, key="investigation", fields={"addresses": "bundle"})

    @strawberry.mutation(
        description="Make a STIX 2.1 bundle of profiles and investigations, as far as the recipient may have them under TLP."
    )
    async def export_stix(
        self,
        info: Info,
        input: Annotated[ExportStixInput, strawberry.argument(description="What, and for whom.")],
    ) -> StixExportResult:
        from workbench.exchange.stix import WithheldError, export

        def work(store: Store) -> Any:
            things = _things(store, input.profiles, input.investigations)
            return export(things, store=store, to=input.to, withheld="drop" if input.drop else "refuse")

        try:
            return await attempt(info, work, _exported, key="profiles", fields={"recipient": "to"})
        except WithheldError as error:
            return Withheld(
                message=f"{len(error.withheld)} of these may not go to the recipient",
                path=["input", "to"],
                things=_withheld(error.withheld),
            )


def _things(store: Store, profiles: list[UUID], investigations: list[UUID]) -> list[Any]:
    if not profiles and not investigations:
        raise ValueError("nothing to export: name profiles or investigations")
    if len(profiles) > 1000 or len(investigations) > 100:
        raise ValueError("up to 1,000 profiles and 100 investigations are exported at once")
    found: dict[UUID, Any] = {
        **together.profiles(store, profiles),
        **together.investigations(store, investigations),
    }
    for key in [*profiles, *investigations]:
        if key not in found:
            raise NotFoundError(f"{key}: not found, or not for you")
    return [found[key] for key in dict.fromkeys([*profiles, *investigations])]


def _imported(done: Any) -> StixImport:
    return StixImport(
        objects=done.read.objects,
        made=done.profiles,
        profiles_count=len(done.profiles),
        profiles_created=done.created,
        evidence_added=done.added,
        evidence_known=done.known,
        left_out=[LeftOut(reason=reason, count=count) for reason, count in sorted(done.left_out.items())],
        rejected=[_problem(each) for each in done.read.rejected],
        rejected_count=done.read.rejected_count,
        notes=[_problem(each) for each in done.read.notes],
    )


def _problem(found: Any) -> StixProblem:
    return StixProblem(index=found.index, object_id=found.id, reason=found.reason)


def _exported(done: Any) -> StixExport:
    return StixExport(
        bundle=StixBundle(done.bundle()),
        objects=len(done),
        recipient=str(done.recipient),
        withheld=_withheld(done.withheld),
        notes=list(done.notes),
    )


def _withheld(things: Any) -> list[WithheldThing]:
    return [WithheldThing(name=thing.name, tlp=TlpLabel(thing.level)) for thing in things]
