"""What is done with the addresses chosen on a board: profiles, links, levels, files.

Each action is a generator: it yields how far it is and returns what came of it, so that whoever runs it can show
progress and stop it between two batches. What was done until then stays done.
"""

from __future__ import annotations

import io
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv

from workbench.secrecy import TLP

if TYPE_CHECKING:
    from workbench.case import Case
    from workbench.store import Profile, Store

__all__ = ["Action", "Keeper", "Outcome", "Step", "create_profiles", "export_csv", "export_stix", "link", "set_level"]  # fmt: skip

_BATCH = 2_000
_MOST_IN_BUNDLE = 20_000


class Step(NamedTuple):
    """How far an action is."""

    done: int
    total: int


class File(NamedTuple):
    """What the reader saves."""

    name: str
    kind: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an action did, in a sentence; ``failed`` names what it could not do, thing by thing."""

    text: str
    failed: tuple[str, ...] = ()
    file: File | None = None


Action: TypeAlias = Generator[Step, None, Outcome]


@dataclass(frozen=True, slots=True)
class Keeper:
    """Where profiles are kept: the store, where there is one, else the case."""

    store: Store | None = None
    case: Case | None = None

    def __bool__(self) -> bool:
        return self.store is not None or self.case is not None

    def __str__(self) -> str:
        if self.store is not None:
            return f"the store of {self.store.me.organisation.name}"
        if self.case is None:
            return "nowhere"
        return "the case" if str(self.case.path) == ":memory:" else f"the case {self.case.path.stem}"

    def of(self, addresses: Iterable[str]) -> list[Profile]:
        """The profiles there are of addresses and may be changed."""
        return self._room().of(addresses)  # type: ignore[no-any-return]

    def _room(self) -> Any:
        if self.store is not None:
            return self.store.profiles
        if self.case is not None:
            return self.case.profiles
        raise ValueError(
            "the board knows no place for profiles: wb.board(triage, store=wb.connect_store()), or case=wb.open_case(…)"
        )

    def create(self, rows: pa.Table, level: TLP, threat: str, tags: list[str]) -> Generator[int, None, tuple[int, int]]:  # fmt: skip
        """Make a profile of each row; yields the rows done, returns how many were made and how many were there."""
        room = self._room()
        made = there = done = 0
        for start in range(0, len(rows), _BATCH):
            batch = rows.slice(start, _BATCH)
            created = room.bulk_create(batch, secrecy=level, threat_level=threat, tags=tags)
            made, there, done = made + created.created, there + created.existing, done + len(batch)
            yield done
        return made, there


def create_profiles(
    rows: pa.Table, keeper: Keeper, *, level: str, threat: str = "none", tags: str = ""
) -> Action:
    """Make a profile of each address at a level; those that have one there keep it.

    Raises:
        ValueError: TLP:RED, or no place for profiles.
    """
    wanted = _shareable(level)
    labels = [tag for tag in (part.strip() for part in tags.split(",")) if tag]
    work = keeper.create(rows, wanted, threat, labels)
    made, there = yield from _counted(work, len(rows))
    parts = [f"{_profiles(made)} created at {wanted} in {keeper}"]
    if there:
        parts.append(f"{there:,} had one already")
    return Outcome("; ".join(parts))


def link(
    rows: pa.Table, keeper: Keeper, *, investigation: str, level: str = "amber", threat: str = "none"
) -> Action:
    """Link the profiles of the addresses to an investigation, named or by its id; one that is not there is opened, and
    profiles that are not there are made, both at ``level``.

    Raises:
        ValueError: no investigation is named, or there is no store.
    """
    store = keeper.store
    if store is None:
        raise ValueError(
            "investigations are in a store, not in a case file: wb.board(triage, store=wb.connect_store())"
        )
    name = investigation.strip()
    if not name:
        raise ValueError("which investigation? choose one, or name a new one")
    wanted = _shareable(level)
    found = [each for each in store.investigations.all() if name in (str(each.id), each.name)]
    own = [each for each in found if each.owner == store.me.organisation.name] or found
    matter = own[0] if own else store.investigations.create(name, secrecy=wanted)
    linked = made = 0
    total = len(rows)
    for start in range(0, total, _BATCH):
        batch = rows.slice(start, _BATCH)
        addresses = batch.column("address").to_pylist()
        profiles = keeper.of(addresses)
        known = {profile.address for profile in profiles}
        missing = [address for address in addresses if address not in known]
        if missing:
            absent = batch.filter(pc.is_in(batch.column("address"), pa.array(missing, pa.string())))
            for _ in keeper.create(absent, wanted, threat, []):
                pass
            profiles += keeper.of(missing)
            made += len(missing)
        linked += store.investigations.link(matter, *profiles)
        yield Step(min(start + _BATCH, total), total)
    parts = [f"{_profiles(linked)} linked to {matter.name!r}" + ("" if own else f", opened at {wanted}")]
    if made:
        parts.append(f"{_profiles(made)} created at {wanted}")
    return Outcome("; ".join(parts))


def set_level(rows: pa.Table, keeper: Keeper, *, level: str, reason: str, recipients: str = "") -> Action:
    """Set the level of the profiles that there are of the addresses; ``reason`` goes to the audit, ``recipients`` are the
    members that TLP:RED is named for.

    Raises:
        ValueError: no reason, or none of the addresses has a profile.
    """
    wanted = TLP.parse(level)
    if not reason.strip():
        raise ValueError("why? a change of level is recorded with its reason")
    addresses = rows.column("address").to_pylist()
    profiles = [
        each for start in range(0, len(addresses), _BATCH) for each in keeper.of(addresses[start : start + _BATCH])
    ]  # fmt: skip
    if not profiles:
        raise ValueError("none of these addresses has a profile of yours: create profiles first")
    named = [each for each in (part.strip() for part in recipients.split(",")) if each]
    room, done, failed = keeper._room(), 0, []
    for number, profile in enumerate(profiles, 1):
        if profile.secrecy != wanted or named:
            try:
                room.set_secrecy(profile, wanted, reason, named)
                done += 1
            except (ValueError, LookupError, PermissionError) as error:
                failed.append(f"{profile.address}: {error}")
        if number % 20 == 0 or number == len(profiles):
            yield Step(number, len(profiles))
    parts = [f"{_profiles(done)} set to {wanted}"]
    if already := len(profiles) - done - len(failed):
        parts.append(f"{already:,} there already")
    if without := len(rows) - len({profile.address for profile in profiles}):
        parts.append(f"{without:,} {'address has' if without == 1 else 'addresses have'} no profile")
    if failed:
        parts.append(f"{len(failed):,} refused")
    return Outcome("; ".join(parts), tuple(failed))


def export_csv(rows: pa.Table, *, name: str) -> Action:
    """All columns as CSV. Text that a spreadsheet would take for a formula gets an apostrophe before it."""
    yield Step(0, len(rows))
    plain = {
        field.name: _harmless(rows.column(field.name)) if _is_text(field.type) else rows.column(field.name)
        for field in rows.schema
    }
    sink = io.BytesIO()
    csv.write_csv(pa.table(plain), sink)
    return Outcome(f"{_addresses(len(rows))} in {name}.csv", file=File(f"{name}.csv", "text/csv", sink.getvalue()))  # fmt: skip


def export_stix(
    rows: pa.Table, keeper: Keeper, *, organisation: str, to: str, level: str, name: str, matter: str = ""
) -> Action:
    """A STIX 2.1 bundle for a recipient (``public``, ``community``, an organisation, ``member@organisation``). That an
    address is clean is told to nobody.

    Raises:
        PermissionError: the recipient may not have it at this level, or a profile of one of the addresses is marked
            higher than the bundle.
        ValueError: no organisation or recipient is named, or there are more addresses than a bundle takes.
    """
    from workbench.exchange.stix import export
    from workbench.exchange.stix.fromstore import known_recipient

    wanted = TLP.parse(level)
    if len(rows) > _MOST_IN_BUNDLE:
        raise ValueError(f"a bundle takes up to {_MOST_IN_BUNDLE:,} addresses here: choose fewer, or use wb.stix.export")  # fmt: skip
    if not to.strip():
        raise ValueError("whom is it for? public, community, an organisation, or member@organisation")
    yield Step(0, len(rows))
    if keeper:
        closer = [f"{p.address} ({p.secrecy})" for p in keeper.of(rows.column("address").to_pylist()) if p.secrecy > wanted]  # fmt: skip
        if closer:
            more = f" and {len(closer) - 5:,} more" if len(closer) > 5 else ""
            raise PermissionError(f"nothing exported: {', '.join(closer[:5])}{more} marked above {wanted}: leave them out, or raise the level")  # fmt: skip
    store = keeper.store
    owner = store.me.organisation if store is not None else organisation
    found = export(
        rows, organisation=owner, to=to if store is None else known_recipient(store, to), tlp=wanted,
        investigation=matter.strip() or None,
    )  # fmt: skip
    parts = [f"{len(found):,} STIX objects for {found.recipient} at {wanted} in {name}.json"]
    if found.left_out:
        parts.append("left out: " + ", ".join(f"{count:,} {why}" for why, count in found.left_out.items()))
    if not len(found):
        return Outcome(f"nothing to tell: {parts[-1]}")
    content = found.serialize().encode()
    return Outcome("; ".join([*parts, *found.notes]), file=File(f"{name}.json", "application/stix+json;version=2.1", content))  # fmt: skip


def _counted(work: Generator[int, None, tuple[int, int]], total: int) -> Generator[Step, None, tuple[int, int]]:  # fmt: skip
    while True:
        try:
            yield Step(next(work), total)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]


def _shareable(level: str) -> TLP:
    wanted = TLP.parse(level)
    if wanted == TLP.RED:
        raise ValueError(
            "TLP:RED is for named recipients: make profiles at another level first, then set theirs"
        )
    return wanted


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_dictionary(kind))


def _harmless(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.replace_substring_regex(column.cast(pa.string()), r"^([=+\-@\t\r])", r"'\1")


def _profiles(count: int) -> str:
    return f"{count:,} {'profile' if count == 1 else 'profiles'}"


def _addresses(count: int) -> str:
    return f"{count:,} {'address' if count == 1 else 'addresses'}"
