"""IP profiles: what an organisation knows and holds of an address."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from workbench.secrecy import TLP
from workbench.store.errors import NotFound
from workbench.store.profiles.enriched import COLUMNS, enriched
from workbench.store.profiles.many import BATCH, create_many, enrich_many
from workbench.store.profiles.profile import (
    SELECT,
    Created,
    Past,
    Profile,
    ThreatLevel,
    clean_tags,
    note_profiles,
    one_address,
    profile_of,
    read_from,
)  # fmt: skip
from workbench.store.profiles.searching import Page, search
from workbench.store.things import NOW, OWN, change, only, set_level

if TYPE_CHECKING:
    import pyarrow as pa

    from workbench.store.connection import Store

__all__ = ["Created", "Profiles"]


class Profiles:
    """The profiles that the member may see; those of her own organisation she may change."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create(
        self,
        address: str,
        *,
        secrecy: TLP | str = TLP.AMBER,
        threat_level: ThreatLevel | str = ThreatLevel.NONE,
        notes: str = "",
        tags: Iterable[str] = (),
        recipients: Iterable[str] = (),
        reason: str = "created",
        snapshot: Any = None,
        token: UUID | None = None,
    ) -> Profile:
        """Make a profile of an address or network, with what the intel says of it.

        At TLP:RED it is for ``recipients`` (database roles) and its creator alone. ``token`` makes creating it
        twice, after a lost connection, the same as once.

        Raises:
            ValueError: no address, or no such level.
            StoreError: the organisation has a profile of it at this level.
            PermissionError: the level is above the member's clearance.
        """
        level, text = TLP.parse(secrecy), one_address(address)
        threat, key = ThreatLevel.parse(threat_level), token or uuid4()
        (intel,) = enriched([text], snapshot)

        def work(con: Any) -> Any:
            found = con.execute(
                "SELECT id FROM profiles WHERE created_by = current_user AND token = %s", (key,)
            ).fetchone()
            if found:
                return found[0]
            columns = ", ".join(COLUMNS)
            places = ", ".join(["%s"] * len(COLUMNS))
            (made,) = con.execute(
                f"INSERT INTO profiles (address, owner, secrecy, token, enriched_at, threat_level, notes, tags, {columns}) "
                f"VALUES (%s, {OWN}, %s, %s, now(), %s, %s, %s, {places}) RETURNING id",
                (text, min(level, TLP.AMBER_STRICT), key, int(threat), notes, clean_tags(tags), *(intel[name] for name in COLUMNS)),
            ).fetchone()  # fmt: skip
            if level == TLP.RED:
                con.execute(
                    "SELECT set_secrecy('profiles', %s, 1, 4::smallint, %s, %s::name[])",
                    (made, reason, list(recipients)),
                )
            return made

        return self.get(self._store.run(f"profile of {text}", work))

    def bulk_create(
        self,
        table: pa.Table,
        *,
        secrecy: TLP | str = TLP.AMBER,
        threat_level: ThreatLevel | str = ThreatLevel.NONE,
        tags: Iterable[str] = (),
        investigation: UUID | None = None,
    ) -> Created:
        """Make a profile for each distinct address of an enriched table (``wb.enrich``), all or none.

        Addresses that the organisation has at this level keep the profile they have; with ``investigation``
        new and old are linked to it.

        Raises:
            KeyError: the table lacks a column of an enriched table.
            ValueError: TLP:RED, which is named for people one profile at a time.
        """
        return create_many(self._store, table, secrecy, threat_level, tags, investigation)

    def get(self, key: UUID | str) -> Profile:
        """The profile with an id, or of an address. Of several of one address, that of the member's own
        organisation at its strictest level comes first; :meth:`search` gives all.

        Raises:
            NotFound: there is none, or none the member may see.
        """
        by_id = key if isinstance(key, UUID) else _uuid(key)
        condition, value = ("p.id = %s", by_id) if by_id else ("p.address = %s", one_address(str(key)))
        query = (
            f"SELECT {SELECT} FROM profiles p WHERE {condition} AND (deleted_at IS NULL OR p.id = %s) "
            f"ORDER BY p.owner = {OWN} DESC, secrecy DESC LIMIT 1"
        )

        def work(con: Any) -> Any:
            row = con.execute(query.encode(), (value, by_id)).fetchone()
            note_profiles(con, "get", [row] if row is not None else ())
            return row

        row = self._store.run(f"profile {key}", work)
        if row is None:
            raise NotFound(f"profile {key}: not found, or not for you")
        return read_from(self._store, profile_of(row))

    def of(self, addresses: Iterable[str]) -> list[Profile]:
        """The profiles that the member's organisation has of addresses, by address and level; those that may be changed.

        Raises:
            ValueError: one is no address.
        """
        texts = [one_address(address) for address in addresses]
        query = (
            f"SELECT {SELECT} FROM profiles p WHERE p.address = ANY (%s::inet[]) AND deleted_at IS NULL "
            f"AND p.owner = {OWN} ORDER BY p.address, secrecy"
        )

        def work(con: Any) -> list[Any]:
            rows: list[Any] = con.execute(query, (texts,)).fetchall()
            note_profiles(con, "of", rows)
            return rows

        return [profile_of(row) for row in self._store.run("profiles of addresses", work)]

    def update(self, profile: Profile, **changes: Any) -> Profile:
        """Change ``threat_level``, ``notes`` or ``tags`` of a profile, if it is still as given.

        Raises:
            Conflict: somebody changed it meanwhile.
            NotFound: it is gone, or no longer for the member.
            PermissionError: it is another organisation's.
            TypeError: a field that is not changed this way.
        """
        only(changes, ("threat_level", "notes", "tags"))
        if "threat_level" in changes:
            changes["threat_level"] = int(ThreatLevel.parse(changes["threat_level"]))
        if "tags" in changes:
            changes["tags"] = clean_tags(changes["tags"])
        return self._change(profile, changes) if changes else self.get(profile.id)

    def delete(self, profile: Profile) -> Profile:
        """Take a profile out of sight; :meth:`restore` brings it back.

        Raises:
            Conflict, NotFound, PermissionError: as :meth:`update`.
        """
        return self._change(profile, {"deleted_at": NOW})

    def restore(self, profile: Profile) -> Profile:
        """Bring a deleted profile back.

        Raises:
            StoreError: the address has a new profile at this level meanwhile: merge the two.
        """
        return self._change(profile, {"deleted_at": None})

    def merge(self, kept: Profile, given_up: Profile) -> Profile:
        """Make one profile of two of the same address; it has the stricter level, and of RED the recipients of both.

        Raises:
            Conflict, NotFound: as :meth:`update`.
            StoreError: they are of different addresses.
        """
        self._store.run(
            f"merging {kept.address}",
            lambda con: con.execute(
                "SELECT merge_profiles(%s, %s, %s, %s)",
                (kept.id, kept.version, given_up.id, given_up.version),
            ),
            repeatable=False,
        )
        return self.get(kept.id)

    def set_secrecy(
        self, profile: Profile, level: TLP | str, reason: str, recipients: Iterable[str] = ()
    ) -> Profile:
        """Raise or lower the level; the reason is kept in the audit. At RED ``recipients`` replace those named before.

        Raises:
            Conflict, NotFound: as :meth:`update`.
            StoreError: no reason is given, a recipient may not receive RED, or the address has a profile at that level.
            PermissionError: the level is above the member's clearance.
        """
        set_level(self._store, "profiles", profile.id, profile.version, level, reason, recipients)
        return self.get(profile.id)

    def recipients(self, profile: Profile) -> list[str]:
        """The database roles for whom a RED profile was named."""
        return [
            r[0] for r in self._store.rows("recipients", "SELECT recipients_of(%s) ORDER BY 1", (profile.id,))
        ]

    def enrich(
        self, profile: Profile, *, force_refresh: bool = False, providers: Sequence[str] = (), snapshot: Any = None
    ) -> Profile:  # fmt: skip
        """Ask the current intel again; unchanged if the snapshot is the one it has, except with ``force_refresh``.

        ``providers`` names online services to be asked as well (:mod:`workbench.intel.providers`); with
        ``force_refresh`` they are asked even if an answer of theirs is at hand. What they say becomes evidence of the
        profile, in the place of what they said before; one that cannot be asked is warned of. The verdict of a
        profile stays that of its snapshot, so that it can be had again: ``wb.lookup(address, providers=…)`` tells
        what it would be with their answers.

        Raises:
            Conflict, NotFound, PermissionError: as :meth:`update`.
            StoreError: the profile is above TLP:AMBER, and providers are to be asked: they would learn of it.
            ProviderError: there is no such provider.
        """
        from workbench.enrichment import open_engine

        if providers:
            from workbench.store.profiles.asking import ask_about

            ask_about(self._store, profile, providers, force_refresh)
        engine = open_engine(snapshot)
        if profile.snapshot == engine.snapshot.id and not force_refresh:
            return profile
        (intel,) = enriched([profile.address], engine.snapshot)
        return self._change(profile, {**{name: intel[name] for name in COLUMNS}, "enriched_at": NOW})

    def enrich_all(
        self, *, only: Sequence[UUID] | None = None, snapshot: Any = None, force_refresh: bool = False,
        progress: Callable[[int], None] | None = None,
    ) -> int:  # fmt: skip
        """Bring every profile of the member's organisation, or ``only`` some, to the current intel, in batches; how many
        changed.

        What was done stays done if it is stopped; profiles changed by others meanwhile, or brought to newer intel
        than is here, are left as they are, the latter except for a given ``snapshot`` or with ``force_refresh``.
        Watchlists see the changes. ``progress`` is called with how many more were looked at.
        """
        return enrich_many(self._store, only, snapshot, force_refresh, progress)

    def own(self, after: UUID | None = None, limit: int = BATCH) -> list[UUID]:
        """Ids of the profiles of the member's organisation, in order, a page of them."""
        found = self._store.rows(
            "profiles",
            "SELECT id FROM profiles WHERE id > %s AND deleted_at IS NULL "
            f"AND owner = {OWN} ORDER BY id LIMIT %s",
            (after or UUID(int=0), limit),
        )
        return [row[0] for row in found]

    def history(self, profile: Profile) -> list[Past]:
        """What it was before each change, newest first; without what the member could not see then."""
        found = self._store.read(
            "profiles",
            "history",
            "SELECT profile, version, until, changed_by, was FROM profile_history WHERE profile = %s ORDER BY version DESC",
            (profile.id,),
        )
        return [Past(*row[1:]) for row in found]

    def search(self, **filters: Any) -> Page[Profile]:
        """Profiles that match all ``filters``, a page of them; see :func:`workbench.store.profiles.searching.search` and
        :func:`workbench.store.profiles.filters.filters_of`."""
        return search(self._store, SELECT, lambda row: read_from(self._store, profile_of(row)), **filters)

    def _change(self, profile: Profile, changes: dict[str, Any]) -> Profile:
        change(
            self._store,
            "profiles",
            profile.id,
            profile.version,
            f"profile of {profile.address}",
            changes,
            changes,
        )
        return self.get(profile.id)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text) if len(text) == 36 else None
    except ValueError:
        return None
