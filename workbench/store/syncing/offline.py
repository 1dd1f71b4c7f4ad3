"""Profiles in a case file: made, changed and looked at without a server."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from workbench.secrecy import TLP
from workbench.store.errors import NotFound, StoreError
from workbench.store.profiles.enriched import enriched
from workbench.store.profiles.many import level_of_many
from workbench.store.profiles.profile import Created, Profile, ThreatLevel, clean_tags, one_address, read_from
from workbench.store.syncing.casefile import COLUMNS, INTEL, SCHEMA, CaseFile
from workbench.store.syncing.merging import base_of, content_of
from workbench.store.things import only

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["CaseProfiles", "bounded"]

NOTES, TAGS = 100_000, 100


class CaseProfiles:
    """The profiles of a case file. Changes stay here until ``case.sync()``; a profile's ``version`` is the one both
    sides last had in common, 0 for one no server has yet."""

    def __init__(self, file: CaseFile) -> None:
        self._file = file

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
    ) -> Profile:
        """Make a profile of an address or network, with what the intel of this machine says of it. Fields are those of
        :meth:`workbench.store.profiles.profiles.Profiles.create`.

        Raises:
            ValueError: no address, or no such level.
            StoreError: there is a profile of it at this level here.
        """
        level, text, threat = TLP.parse(secrecy), one_address(address), int(ThreatLevel.parse(threat_level))
        labels = bounded(notes, tags)
        (intel,) = enriched([text])
        self._file.make()
        meta, now, key = self._file.meta(), datetime.now(UTC), uuid4()
        owner, me = meta.get("organisation_name", ""), meta.get("member", "")
        self._no_other(text, owner, level, key)
        self._file.insert(
            {
                **{name: intel[name] for name in INTEL if name != "enriched_at"},
                "enriched_at": now,
                "address": text,
                "owner": owner,
                "secrecy": int(level),
                "version": 0,
                "threat_level": threat,
                "notes": notes,
                "tags": labels,
                "created_by": me,
                "created_at": now,
                "updated_by": me,
                "updated_at": now,
                "key": key,
                "token": key,
                "dirty": True,
                "base_threat_level": 0,
                "base_notes": "",
                "base_tags": [],
                "base_secrecy": int(level),
                "base_deleted": False,
                "reason": reason,
                "recipients": list(recipients),
            }
        )
        return self.get(key)

    def bulk_create(
        self,
        table: pa.Table,
        *,
        secrecy: TLP | str = TLP.AMBER,
        threat_level: ThreatLevel | str = ThreatLevel.NONE,
        tags: Iterable[str] = (),
    ) -> Created:
        """Make a profile for each distinct address of an enriched table (``wb.enrich``), all or none; addresses that have
        one at this level keep it.

        Raises:
            KeyError: the table lacks a column of an enriched table.
            ValueError: TLP:RED, which is named for people one profile at a time.
        """
        import pyarrow as pa

        level, threat = level_of_many(secrecy), int(ThreatLevel.parse(threat_level))
        labels = bounded("", tags)
        self._file.make()
        meta, now = self._file.meta(), datetime.now(UTC)
        owner, me = meta.get("organisation_name", ""), meta.get("member", "")
        names = [name for name in INTEL if name != "enriched_at"]
        valid = table.filter(table.column("address").is_valid()).select(["address", *names])
        keys = pa.array([str(uuid4()) for _ in range(valid.num_rows)], pa.string())
        given = {
            "enriched_at": now, "owner": owner, "secrecy": int(level), "version": 0, "threat_level": threat, "notes": "",
            "tags": labels, "created_by": me, "created_at": now, "updated_by": me, "updated_at": now, "dirty": True,
            "base_threat_level": 0, "base_notes": "", "base_tags": [], "base_secrecy": int(level), "base_deleted": False,
            "reason": "created", "recipients": [],
        }  # fmt: skip
        con = self._file.con
        con.register("_incoming", valid.append_column("key", keys))
        try:
            with self._file.transaction():
                (distinct,) = con.execute("SELECT count(DISTINCT address) FROM _incoming").fetchall()[0]
                (made,) = con.execute(
                    f"INSERT INTO {SCHEMA}.profiles (address, {', '.join(names)}, key, token, {', '.join(given)}) "
                    f"SELECT address, {', '.join(names)}, key::UUID, key::UUID, {', '.join('?' * len(given))} "
                    "FROM (SELECT DISTINCT ON (address) * FROM _incoming) i WHERE NOT EXISTS ("
                    f"SELECT 1 FROM {SCHEMA}.profiles p WHERE p.address = i.address AND p.owner = ? AND p.secrecy = ? AND p.deleted_at IS NULL)",
                    [*given.values(), owner, int(level)],
                ).fetchall()[0]
        finally:
            con.unregister("_incoming")
        return Created(made, distinct - made, table.num_rows - valid.num_rows)

    def get(self, key: UUID | str) -> Profile:
        """The profile with an id, or of an address; of several of one address, that at the strictest level.

        Raises:
            NotFound: there is none.
        """
        return read_from(self, _profile(self._row(key)))

    def of(self, addresses: Iterable[str]) -> list[Profile]:
        """The profiles that are here of addresses and may be changed, by address and level."""
        own = "(id IS NULL OR owner = ?) AND deleted_at IS NULL AND list_contains(?::VARCHAR[], address)"
        values = [self._file.meta().get("organisation_name"), [one_address(each) for each in addresses]]
        return [_profile(row) for row in self._file.rows(own, values, "ORDER BY address, secrecy")]

    def list(self, *, deleted: bool = False, changed: bool | None = None, limit: int | None = None) -> list[Profile]:  # fmt: skip
        """All profiles by address; with ``deleted`` those too that are, with ``changed=True`` those alone that
        the store has not yet as they are here."""
        condition = "(deleted_at IS NULL OR ?) AND (?::BOOLEAN IS NULL OR dirty = ?)"
        order = "ORDER BY address, secrecy" + (f" LIMIT {int(limit)}" if limit is not None else "")
        rows = self._file.rows(condition, [deleted, changed, changed], order)
        return [read_from(self, _profile(row)) for row in rows]

    def __len__(self) -> int:
        return len(self.list())

    def __repr__(self) -> str:
        return f"<{len(self):,} profiles in the case>"

    def update(self, profile: Profile, **changes: Any) -> Profile:
        """Change ``threat_level``, ``notes`` or ``tags``.

        Raises:
            NotFound: it is gone.
            PermissionError: it is another organisation's.
            TypeError: a field that is not changed this way.
        """
        only(changes, ("threat_level", "notes", "tags"))
        row = self._own_row(profile)
        if "threat_level" in changes:
            changes["threat_level"] = int(ThreatLevel.parse(changes["threat_level"]))
        labels = bounded(changes.get("notes", ""), changes.get("tags", ()))
        if "tags" in changes:
            changes["tags"] = labels
        return self._change(row, **changes)

    def delete(self, profile: Profile) -> Profile:
        """Take a profile out of sight; :meth:`restore` brings it back. One that no store has is removed at once."""
        row = self._own_row(profile)
        if row["id"] is None and row["sent"] is None:
            self._file.remove(row["key"])
            return _profile({**row, "deleted_at": datetime.now(UTC)})
        return self._change(row, deleted_at=row["deleted_at"] or datetime.now(UTC))

    def restore(self, profile: Profile) -> Profile:
        """Bring a deleted profile back.

        Raises:
            StoreError: there is another of the address at this level meanwhile.
        """
        row = self._own_row(profile)
        self._no_other(row["address"], row["owner"], TLP(row["secrecy"]), row["key"])
        return self._change(row, deleted_at=None)

    def set_secrecy(
        self, profile: Profile, level: TLP | str, reason: str, recipients: Iterable[str] = ()
    ) -> Profile:
        """Raise or lower the level; the reason goes to the store's audit.

        Raises:
            StoreError: no reason, or there is another profile of the address at that level.
        """
        row, chosen = self._own_row(profile), TLP.parse(level)
        if not reason.strip():
            raise StoreError("a change of level needs a reason")
        self._no_other(row["address"], row["owner"], chosen, row["key"])
        more = {"base_secrecy": int(chosen)} if row["id"] is None and row["sent"] is None else {}
        return self._change(row, secrecy=int(chosen), reason=reason, recipients=list(recipients), **more)

    def _row(self, key: UUID | str) -> dict[str, Any]:
        if not isinstance(key, UUID) and len(str(key)) == 36 and str(key).count("-") == 4:
            key = UUID(str(key))
        condition = "key = ? OR id = ?" if isinstance(key, UUID) else "address = ? AND deleted_at IS NULL"
        values = [key, key] if isinstance(key, UUID) else [one_address(str(key))]
        found = self._file.rows(condition, values, "ORDER BY secrecy DESC LIMIT 1")
        if not found:
            raise NotFound(f"profile {key}: the case has none")
        return found[0]

    def _own_row(self, profile: Profile) -> dict[str, Any]:
        row = self._row(profile.id)
        if row["id"] is not None and row["owner"] != self._file.meta().get("organisation_name"):
            raise PermissionError(
                f"profile of {row['address']}: it is another organisation's, you may read it only"
            )
        return row

    def _no_other(self, address: str, owner: str, level: TLP, key: UUID) -> None:
        condition = "address = ? AND owner = ? AND secrecy = ? AND key <> ? AND deleted_at IS NULL"
        if level < TLP.RED and self._file.rows(condition, [address, owner, int(level), key]):
            raise StoreError(f"the case has a profile of {address} at {level} already: get it and change it")

    def _change(self, row: dict[str, Any], **changes: Any) -> Profile:
        now = datetime.now(UTC)
        me = self._file.meta().get("member", "")
        new = {**row, **changes}
        dirty = row["id"] is None or content_of(new) != base_of(row)
        with self._file.transaction():
            self._file.change(row["key"], **changes, dirty=dirty, updated_at=now, updated_by=me)
            for open_one in self._file.conflicts(row["key"]):
                if open_one["kind"] == "field":
                    mine = content_of(new).plain(open_one["field"])
                    self._file.con.execute(
                        f"UPDATE {SCHEMA}.conflicts SET mine = ? WHERE id = ?",
                        [json.dumps(mine), open_one["id"]],
                    )
        return self.get(row["key"])


def bounded(notes: str, tags: Iterable[str]) -> list[str]:
    """Tags as :func:`clean_tags` has them, within the server's bounds, which are told before it is there to tell them.

    Raises:
        StoreError: the notes or tags are more than it keeps, or hold a NUL character.
    """
    labels = clean_tags(tags)
    if len(notes) > NOTES:
        raise StoreError("notes have up to 100,000 characters")
    if len(labels) > TAGS:
        raise StoreError("a profile has up to 100 tags")
    if "\0" in notes or any("\0" in label for label in labels):
        raise StoreError("PostgreSQL keeps no text with a NUL character in it")
    return labels


def _profile(row: dict[str, Any]) -> Profile:
    values = {name: row[name] for name in COLUMNS}
    values.update(
        id=row["id"] or row["key"], secrecy=TLP(row["secrecy"]), threat_level=ThreatLevel(row["threat_level"]),
        tags=tuple(row["tags"] or ()), reasons=row["reasons"] or "", version=abs(row["version"]),
    )  # fmt: skip
    return Profile(**values)
