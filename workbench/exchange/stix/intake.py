"""The way of STIX objects into the store: checked one by one, staged in batches, moved over all together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from workbench.exchange.stix.evidence import statements
from workbench.exchange.stix.indicators import moment
from workbench.exchange.stix.markings import level_of_marking
from workbench.exchange.stix.objects import MalformedError, check, marking_refs, references
from workbench.exchange.stix.stream import Envelope, Found, parsed_alone
from workbench.exchange.stix.syntax import PatternError
from workbench.secrecy import LEVEL_OF_ID

if TYPE_CHECKING:
    from workbench.exchange.stix.objectstore import ObjectStore

__all__ = ["Imported", "Intake", "Problem", "found_in"]

BATCH = 5_000
"""Rows held in memory at most, and a sixteenth of the bytes of text."""
BATCH_BYTES = 8 << 20
SHOWN = 100

_TIME = pa.timestamp("us", "UTC")
_STAGED: Mapping[str, pa.Schema] = {
    "objects": pa.schema(
        {
            "seq": pa.int64(), "index": pa.int64(), "id": pa.string(), "type": pa.string(), "version": pa.string(), "modified": _TIME,
            "spec": pa.string(), "revoked": pa.bool_(), "markings": pa.list_(pa.string()), "marks": pa.uint8(),
            "name": pa.string(), "created_by": pa.string(), "first_observed": _TIME, "last_observed": _TIME,
            "digest": pa.string(), "raw": pa.string(),
        }
    ),
    "evidence": pa.schema(
        {
            "entry": pa.string(), "kind": pa.string(), "seq": pa.int64(), "made_from": pa.string(),
            "category": pa.string(), "label": pa.string(), "confidence": pa.uint8(), "first_seen": _TIME,
            "last_seen": _TIME, "valid_from": _TIME, "valid_until": _TIME, "conditional": pa.bool_(), "note": pa.string(),
        }
    ),
    "references": pa.schema({"seq": pa.int64(), "property": pa.string(), "target": pa.string()}),
    "rejected": pa.schema({"index": pa.int64(), "id": pa.string(), "reason": pa.string(), "raw": pa.binary()}),
}  # fmt: skip
_SQL: Mapping[pa.DataType, str] = {
    pa.int64(): "BIGINT", pa.uint8(): "UTINYINT", pa.bool_(): "BOOLEAN", pa.string(): "VARCHAR", pa.binary(): "BLOB",
    pa.list_(pa.string()): "VARCHAR[]", _TIME: "TIMESTAMPTZ",
}  # fmt: skip
_KEPT = "seq, id, type, version, modified, spec, revoked, markings, marks, name, created_by, first_observed, last_observed"


@dataclass(frozen=True, slots=True)
class Problem:
    """One object that was set aside or is worth a look: its place in the list from 0, its id, what is wrong."""

    index: int
    id: str | None
    reason: str

    def __str__(self) -> str:
        return f"object {self.index} {self.id or ''}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Imported:
    """What one import did. The objects are in ``store``; ``rejected``, ``notes`` and ``missing`` show the first hundred.

    ``objects`` counts those that are well formed, ``new`` those (and versions) the store did not have,
    ``repeated`` the others; ``revoked`` those of ``new`` that take an object back. ``missing`` are ids that
    are referred to and in no bundle so far. ``broken`` says why reading stopped early. Everything set aside
    is in the table ``stix_rejected`` with its text.
    """

    store: ObjectStore
    source: str
    objects: int
    new: int
    revoked: int
    rejected: tuple[Problem, ...]
    rejected_count: int
    missing: tuple[str, ...]
    missing_count: int
    notes: tuple[Problem, ...]
    broken: str = ""
    envelope: dict[str, Any] = field(default_factory=dict)

    @property
    def repeated(self) -> int:
        """Objects and versions that were here already."""
        return self.objects - self.new

    def evidence(self) -> pa.Table:
        """What the store now says of addresses: see :meth:`ObjectStore.evidence`."""
        return self.store.evidence()

    def __str__(self) -> str:
        lines = [
            f"{self.source}: {self.objects} objects, {self.new} new, {self.repeated} known already, "
            f"{self.revoked} revoked, {self.rejected_count} set aside"
        ]
        if self.broken:
            lines.append(f"  reading stopped: {self.broken}")
        lines += [f"  set aside: {problem}" for problem in self.rejected[:10]]
        if self.rejected_count > 10:
            lines.append(f"  … {self.rejected_count - 10} more in table stix_rejected")
        if self.missing_count:
            shown = ", ".join(self.missing[:3]) + (" …" if self.missing_count > 3 else "")
            lines.append(f"  referred to and not here: {self.missing_count}: {shown}")
        lines += [f"  note: {problem}" for problem in self.notes[:10]]
        return "\n".join(lines)

    __repr__ = __str__


def found_in(objects: Iterable[Mapping[str, Any] | bytes]) -> Iterator[Found]:
    """Objects that somebody else took out of their envelope, under the same bounds as those of a bundle."""
    for index, item in enumerate(objects):
        if isinstance(item, Mapping):
            try:
                item = json.dumps(item, allow_nan=False).encode()
            except (TypeError, ValueError, RecursionError) as error:
                yield Found(index, repr(type(item)).encode(), None, f"no JSON: {error}")
                continue
        yield parsed_alone(index, bytes(item))


class Intake:
    """One import into a store; use it in a ``with`` block, which is a transaction unless the caller has one."""

    def __init__(self, store: ObjectStore, source: str, in_transaction: bool = False) -> None:
        self._store, self._con, self._source = store, store.con, source
        self._begins = not in_transaction
        self.read = 0
        self._good = self._rejected_count = self._bytes = 0
        self._shown: list[Problem] = []
        self._notes: list[Problem] = []
        self._rows: dict[str, list[tuple[Any, ...]]] = {name: [] for name in _STAGED}
        self._first = 0

    def __enter__(self) -> Intake:
        if self._begins:
            self._con.begin()
        try:
            for name, schema in _STAGED.items():
                columns = ", ".join(
                    f'"{column}" {_SQL[kind]}'
                    for column, kind in zip(schema.names, schema.types, strict=True)
                )
                self._con.execute(f"CREATE OR REPLACE TEMP TABLE __stix_{name} ({columns})")
            (self._first,) = self._con.execute(
                "SELECT coalesce(max(seq) + 1, 0) FROM stix_objects"
            ).fetchall()[0]
        except BaseException:
            if self._begins:
                self._con.rollback()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._begins:
            if kind is None:
                self._con.commit()
            else:
                self._con.rollback()

    def take(self, found: Found) -> int:
        """Check one object and keep it; returns how many were written out with it, mostly 0."""
        self.read += 1
        value = found.value
        if value is None:
            self._reject(found, None, found.reason)
        else:
            try:
                check(value)
                said = list(statements(value))
            except (MalformedError, PatternError) as error:
                identifier = value.get("id")
                self._reject(found, identifier if isinstance(identifier, str) else None, str(error))
            else:
                self._keep(found, value, said)
        self._bytes += len(found.raw)
        if self._bytes >= BATCH_BYTES or any(len(rows) >= BATCH for rows in self._rows.values()):
            return self._flush()
        return 0

    def _keep(self, found: Found, value: Mapping[str, Any], said: list[Any]) -> None:
        self._good += 1
        seq = self._first + found.index
        # The same object with other spacing, escapes or order of properties is the same.
        digest = hashlib.blake2b(json.dumps(value, sort_keys=True).encode(), digest_size=16).hexdigest()
        version = str(value.get("modified") or value.get("created") or "")
        level = level_of_marking(value) if value["type"] == "marking-definition" else None
        self._rows["objects"].append(
            (
                seq, found.index, value["id"], value["type"], version, moment(version),
                _clean(value.get("spec_version")), value.get("revoked") is True, [_clean(m) for m in marking_refs(value)],
                None if level is None else level.value, _clean(value.get("name")), _clean(value.get("created_by_ref")),
                moment(value.get("first_observed") or value.get("first_seen")),
                moment(value.get("last_observed") or value.get("last_seen")),
                digest, found.raw.decode(),
            )
        )  # fmt: skip
        self._rows["evidence"] += [
            (
                s.entry, s.kind, seq, s.made_from, s.category, _clean(s.label), s.confidence, s.first_seen, s.last_seen,
                s.valid_from, s.valid_until, s.conditional, _clean(s.note),
            )
            for s in said
        ]  # fmt: skip
        self._rows["references"] += [
            (seq, _clean(name), _clean(target)) for name, target in references(value)
        ]
        if value["type"] in ("ipv4-addr", "ipv6-addr") and not said:
            shown = _clean(str(value["value"])[:80])
            self._note(found.index, value["id"], f"{shown!r} is no address or prefix: kept, no evidence")

    def _note(self, index: int, identifier: str, reason: str) -> None:
        if len(self._notes) < SHOWN:
            self._notes.append(Problem(index, identifier, reason))

    def _reject(self, found: Found, identifier: str | None, reason: str) -> None:
        self._rejected_count += 1
        problem = Problem(found.index, _clean(identifier), _clean(reason[:500]) or "")
        if len(self._shown) < SHOWN:
            self._shown.append(problem)
        self._rows["rejected"].append((problem.index, problem.id, problem.reason, found.raw))

    def _flush(self) -> int:
        done = len(self._rows["objects"]) + len(self._rows["rejected"])
        for name, rows in self._rows.items():
            if rows:
                columns = [
                    pa.array(column, kind)
                    for column, kind in zip(zip(*rows, strict=True), _STAGED[name].types, strict=True)
                ]
                # Not registered: the transaction would hold every batch until its end.
                table = pa.table(columns, schema=_STAGED[name])
                self._con.from_arrow(table).insert_into(f"temp.__stix_{name}")
                rows.clear()
        self._bytes = 0
        return done

    def settle(self, envelope: Envelope | None = None) -> Imported:
        """Move what the store does not have from the staging tables into it."""
        self._flush()
        con = self._con
        con.execute(
            "DELETE FROM __stix_objects o WHERE EXISTS (SELECT 1 FROM stix_objects k WHERE k.id = o.id "
            "AND k.version = o.version AND k.digest = o.digest) OR seq NOT IN "
            "(SELECT min(seq) FROM __stix_objects GROUP BY id, version, digest)"
        )
        new, revoked = con.execute(
            "SELECT count(*), count(*) FILTER (revoked) FROM __stix_objects"
        ).fetchall()[0]
        self._note_conflicts()
        con.execute(
            f"INSERT INTO stix_objects SELECT {_KEPT}, $source, digest, raw FROM __stix_objects",  # noqa: S608
            {"source": self._source},
        )
        for name in ("evidence", "references"):
            con.execute(
                f"INSERT INTO stix_{name} SELECT DISTINCT * FROM __stix_{name} "  # noqa: S608
                "WHERE seq IN (SELECT seq FROM __stix_objects)"
            )
        con.execute(
            "INSERT INTO stix_rejected SELECT $source, * FROM __stix_rejected r WHERE NOT EXISTS "
            "(SELECT 1 FROM stix_rejected k WHERE k.source = $source AND k.raw = r.raw AND k.reason = r.reason)",
            {"source": self._source},
        )
        missing = [
            target
            for (target,) in con.execute(
                "SELECT DISTINCT target FROM __stix_references WHERE target LIKE '%--%' "
                "AND target NOT IN (SELECT id FROM stix_objects) ORDER BY target"
            ).fetchall()
            if target not in LEVEL_OF_ID
        ]
        for name in _STAGED:
            con.execute(f"DROP TABLE temp.__stix_{name}")
        return Imported(
            store=self._store,
            source=self._source,
            objects=self._good,
            new=new,
            revoked=revoked,
            rejected=tuple(self._shown),
            rejected_count=self._rejected_count,
            missing=tuple(missing[:SHOWN]),
            missing_count=len(missing),
            notes=tuple(self._notes),
            broken=envelope.broken if envelope else "",
            envelope=envelope.properties if envelope else {},
        )

    def _note_conflicts(self) -> None:
        """Tell of objects that contradict others of their id; all of them are kept."""
        known = (
            "(SELECT id, version, digest, created_by, seq FROM stix_objects WHERE id IN (SELECT id FROM __stix_objects) "
            "UNION ALL SELECT id, version, digest, created_by, seq FROM __stix_objects)"
        )
        for index, identifier in self._con.execute(
            f"SELECT min(o.index), o.id FROM __stix_objects o JOIN {known} k ON k.id = o.id AND k.version = o.version "  # noqa: S608
            f"AND k.digest <> o.digest AND k.seq < o.seq GROUP BY o.id ORDER BY 1 LIMIT {SHOWN}"
        ).fetchall():
            self._note(index, identifier, "differs from another object of the same id and version: both kept")
        for index, identifier in self._con.execute(
            f"SELECT min(o.index), o.id FROM __stix_objects o JOIN {known} k ON k.id = o.id AND k.seq < o.seq "  # noqa: S608
            f"AND k.created_by <> o.created_by GROUP BY o.id ORDER BY 1 LIMIT {SHOWN}"
        ).fetchall():
            self._note(
                index,
                identifier,
                "is by another creator than the versions known before (STIX 2.1 section 3.6.2)",
            )


def _clean(text: object) -> str | None:
    """Text that can be stored: JSON can spell half a surrogate pair, UTF-8 cannot."""
    return text.encode("utf-8", "replace").decode() if isinstance(text, str) else None
