"""Changes of a case file, brought to the store."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from workbench.secrecy import TLP
from workbench.store.errors import Conflict, NotFound, StoreError, plain
from workbench.store.syncing.casefile import INTEL, CaseFile
from workbench.store.syncing.merging import Content, base_of, content_of

if TYPE_CHECKING:
    from workbench.store.connection import Store

__all__ = ["Pushed", "push", "sent_content"]

BATCH = 200
_MADE = tuple(name for name in INTEL if name != "enriched_at")


@dataclass(slots=True)
class Pushed:
    """How many profiles were changed and created, and refused. ``stale``: some were changed by others meanwhile,
    and are to be pulled and merged first."""

    changed: int = 0
    created: int = 0
    refused: int = 0
    stale: bool = False


@dataclass(frozen=True, slots=True)
class _Job:
    """A row, what the server has of it and what it shall have."""

    row: dict[str, Any]
    now: Content
    then: Content


def push(store: Store, file: CaseFile, progress: Callable[[int], None]) -> Pushed:
    """Bring every change to the store that is not in conflict, a batch a transaction. What each batch carries is
    written down here before it is sent, so that after a lost answer the next pull knows its own work."""
    outcome = Pushed()
    # Changes before creations: a profile deleted or moved to another level makes room for a new one.
    rows = file.rows("dirty", order="ORDER BY id IS NULL, key")
    for start in range(0, len(rows), BATCH):
        jobs = [job for row in rows[start : start + BATCH] if (job := _job(file, row))]
        with file.transaction():
            for job in jobs:
                file.change(job.row["key"], sent=_sent(job))

        def work(con: Any, jobs: list[_Job] = jobs) -> list[tuple[_Job, Any]]:
            return [(job, _try(con, job)) for job in jobs]

        answers = store.run("pushing changes", work)
        with file.transaction():
            for job, answer in answers:
                _record(file, job, answer, outcome)
        progress(len(jobs))
    return outcome


def sent_content(text: str) -> tuple[int, Content]:
    """The version that a push went out from, and what it carried."""
    sent = json.loads(text)
    version = sent.pop("version")
    return version, Content(**{**sent, "tags": frozenset(sent["tags"])})


def _sent(job: _Job) -> str:
    then = job.then
    return json.dumps(
        {"version": abs(job.row["version"]), "threat_level": then.threat_level, "notes": then.notes, "tags": sorted(then.tags),
         "secrecy": then.secrecy, "deleted": then.deleted}
    )  # fmt: skip


def _job(file: CaseFile, row: dict[str, Any]) -> _Job | None:
    if row["version"] < 0:
        return None  # of a restored server, and not asked for yet
    now, mine = base_of(row), content_of(row)
    then = mine
    for conflict in file.conflicts(row["key"]):
        if conflict["kind"] == "field":
            if conflict["field"] == "secrecy":
                return None
            theirs = json.loads(conflict["theirs"])
            now = replace(now, **{conflict["field"]: theirs})
            then = replace(then, **{conflict["field"]: theirs})
    return _Job(row, now, then) if row["id"] is None or now != then else None


def _try(con: Any, job: _Job) -> Any:
    """What the server says: its columns of the row, or the error."""
    try:
        with plain(f"profile of {job.row['address']}"), con.transaction():
            return _create(con, job) if job.row["id"] is None else _update(con, job)
    except (StoreError, PermissionError, NotFound) as error:
        return error


def _update(con: Any, job: _Job) -> Any:
    key, version = job.row["id"], job.row["version"]
    now, then = job.now, job.then
    # Raised before anything is written that is meant for the stricter level, lowered after what is not for more
    # readers was taken out.
    if then.secrecy > now.secrecy:
        version = _level(con, job, key, version)
    changes: dict[str, Any] = {
        name: getattr(then, name) for name in ("threat_level", "notes") if getattr(then, name) != getattr(now, name)
    }  # fmt: skip
    if then.tags != now.tags:
        changes["tags"] = sorted(then.tags)
    sets = [f"{name} = %s" for name in changes]
    if then.deleted != now.deleted:
        sets.append("deleted_at = now()" if then.deleted else "deleted_at = NULL")
    if sets:
        found = con.execute(
            f"UPDATE profiles SET {', '.join(sets)} WHERE id = %s AND version = %s AND owner = own_organisation() RETURNING version",
            (*changes.values(), key, version),
        ).fetchone()
        if found is None:
            raise Conflict("changed meanwhile")
        version = found[0]
    if then.secrecy < now.secrecy:
        version = _level(con, job, key, version)
    return _stamp(con, key)


def _create(con: Any, job: _Job) -> Any:
    row, then = job.row, job.then
    found = con.execute(
        "SELECT id FROM profiles WHERE created_by = current_user AND token = %s", (row["token"],)
    ).fetchone()
    if found:
        raise Conflict("created already, by a push whose answer was lost")
    names = ("address", "secrecy", "token", "enriched_at", "threat_level", "notes", "tags", *_MADE)
    level = TLP(then.secrecy)
    values = {**row, "secrecy": int(min(level, TLP.AMBER_STRICT)), "tags": sorted(then.tags)}
    (made,) = con.execute(
        f"INSERT INTO profiles (owner, {', '.join(names)}) VALUES (own_organisation(), {', '.join(['%s'] * len(names))}) RETURNING id",
        [values[name] for name in names],
    ).fetchone()
    version = 1
    if level == TLP.RED:
        version = _level(con, job, made, version)
    if then.deleted:
        con.execute("UPDATE profiles SET deleted_at = now() WHERE id = %s", (made,))
    return _stamp(con, made)


def _level(con: Any, job: _Job, key: Any, version: int) -> int:
    row = job.row
    (new,) = con.execute(
        "SELECT set_secrecy('profiles', %s, %s, %s::smallint, %s, %s::name[])",
        (key, version, job.then.secrecy, row["reason"], list(row["recipients"] or ())),
    ).fetchone()
    return int(new)


def _stamp(con: Any, key: Any) -> Any:
    found = con.execute(
        "SELECT id, version, created_by::text, created_at, updated_by::text, updated_at, deleted_at FROM profiles WHERE id = %s",
        (key,),
    ).fetchone()
    if found is None:
        raise StoreError("after this change you would not see the profile yourself")
    return found


def _record(file: CaseFile, job: _Job, answer: Any, outcome: Pushed) -> None:
    key, address, now = job.row["key"], job.row["address"], datetime.now(UTC)
    found = file.rows("key = ?", [key])
    if isinstance(answer, Conflict | NotFound):
        outcome.stale = True  # also what is no longer hers: the next pull sees to it
        return
    if not found:
        return
    (row,) = found
    if isinstance(answer, Exception):
        outcome.refused += 1
        # Somebody has made a profile of the address: it is pulled, and the two become one.
        outcome.stale |= row["id"] is None and "already" in str(answer)
        file.change(key, sent=None)
        file.note("refused", key, address, now, says=str(answer))
        return
    identity, version, created_by, created_at, updated_by, updated_at, deleted_at = answer
    base = job.then
    for conflict in file.conflicts(key):  # of these, what was in common before stays so
        if conflict["kind"] == "field":
            base = replace(base, **{conflict["field"]: getattr(base_of(row), conflict["field"])})
    file.settle(
        {**row, "id": identity, "deleted_at": row["deleted_at"] and deleted_at}, content_of(row), base, now
    )
    file.change(
        key, id=identity, version=version, created_by=created_by, created_at=created_at, updated_by=updated_by,
        updated_at=updated_at, sent=None,
    )  # fmt: skip
    file.drop_conflicts(key, "refused")
    if job.row["id"] is None:
        outcome.created += 1
    else:
        outcome.changed += 1
