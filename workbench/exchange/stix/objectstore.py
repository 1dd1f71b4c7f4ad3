"""STIX objects as they came, in DuckDB: every version, every property, byte for byte."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from workbench.secrecy import LEVEL_OF_ID, TLP

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from workbench.exchange.stix.intake import Imported

__all__ = ["ObjectStore"]

_TABLES = """
CREATE TABLE IF NOT EXISTS stix_objects (
    seq BIGINT NOT NULL, id VARCHAR NOT NULL, type VARCHAR NOT NULL, version VARCHAR NOT NULL, modified TIMESTAMPTZ, spec VARCHAR,
    revoked BOOLEAN NOT NULL, markings VARCHAR[] NOT NULL, marks UTINYINT, name VARCHAR, created_by VARCHAR, first_observed TIMESTAMPTZ,
    last_observed TIMESTAMPTZ, source VARCHAR, digest VARCHAR NOT NULL, raw VARCHAR NOT NULL
);
CREATE TABLE IF NOT EXISTS stix_evidence (
    entry VARCHAR NOT NULL, kind VARCHAR NOT NULL, seq BIGINT NOT NULL, made_from VARCHAR NOT NULL,
    category VARCHAR, label VARCHAR, confidence UTINYINT, first_seen TIMESTAMPTZ, last_seen TIMESTAMPTZ,
    valid_from TIMESTAMPTZ, valid_until TIMESTAMPTZ, conditional BOOLEAN NOT NULL, note VARCHAR
);
CREATE TABLE IF NOT EXISTS stix_references (seq BIGINT NOT NULL, property VARCHAR NOT NULL, target VARCHAR NOT NULL);
CREATE TABLE IF NOT EXISTS stix_rejected (source VARCHAR, index BIGINT, id VARCHAR, reason VARCHAR NOT NULL, raw BLOB NOT NULL);
"""


class ObjectStore:
    """STIX objects in a DuckDB file, a case file among them, in an open connection, or in memory.

    ``con`` is the connection. Table ``stix_objects`` has a row an object and version: ``seq`` (order of
    arrival), ``version`` (``modified``, else ``created``, else empty) and the moment it says, ``raw`` (the JSON as it was received).
    Two objects of one id and version that say different things are both kept.
    """

    def __init__(self, database: Path | str | duckdb.DuckDBPyConnection = ":memory:") -> None:
        from workbench.frames.files import open_file

        if isinstance(database, str | Path):
            self.con = open_file(database)
        else:
            self.con = database
        self.con.execute(_TABLES)

    def __len__(self) -> int:
        return int(self.con.execute("SELECT count(*) FROM stix_objects").fetchall()[0][0])

    def __repr__(self) -> str:
        return f"<ObjectStore: {len(self)} objects and versions>"

    def put(
        self,
        objects: Iterable[Mapping[str, Any] | bytes],
        source: str,
        *,
        in_transaction: bool = False,
    ) -> Imported:
        """Take objects in, all together; the report says what was new and what was set aside.

        An object is a dict, or its JSON as bytes, which is kept byte for byte. ``in_transaction`` says that
        the caller has begun a transaction on ``con`` and will commit it: objects and whatever else is
        written in it are then there together or not at all. What is known already is not taken twice.
        """
        from workbench.exchange.stix.intake import Intake, found_in

        with Intake(self, source, in_transaction) as intake:
            for found in found_in(objects):
                intake.take(found)
            return intake.settle()

    def get(self, identifier: str) -> dict[str, Any] | None:
        """The newest version of an object, ``None`` where it is not here."""
        row = self.con.execute(
            "SELECT raw FROM stix_objects WHERE id = ? ORDER BY modified DESC NULLS LAST, seq DESC LIMIT 1",
            [identifier],
        ).fetchone()
        return None if row is None else json.loads(row[0])

    def versions(self, identifier: str) -> list[dict[str, Any]]:
        """All versions of an object, oldest first."""
        rows = self.con.execute(
            "SELECT raw FROM stix_objects WHERE id = ? ORDER BY modified NULLS FIRST, seq", [identifier]
        )
        return [json.loads(raw) for (raw,) in rows.fetchall()]

    def objects(self) -> Iterator[bytes]:
        """The JSON of every object and version in the order of arrival."""
        rows = self.con.cursor().execute("SELECT raw FROM stix_objects ORDER BY seq")
        while batch := rows.fetchmany(1000):
            for (raw,) in batch:
                yield raw.encode()

    def indicators(self) -> Iterator[dict[str, Any]]:
        """Every version of every indicator, for :func:`~workbench.exchange.stix.match`, which takes the store itself."""
        rows = self.con.execute(
            "SELECT raw FROM stix_objects WHERE type = 'indicator' ORDER BY seq"
        ).fetchall()
        for (raw,) in rows:
            yield json.loads(raw)

    def write_bundle(self, target: Path | str | IO[bytes]) -> int:
        """Write every object and version, unchanged, as one bundle; returns how many. Not TLP-checked.

        For what goes to somebody else there is :func:`workbench.exchange.stix.export`.
        """
        if isinstance(target, str | Path):
            with Path(target).open("wb") as file:
                return self.write_bundle(file)
        target.write(b'{"type": "bundle", "id": "bundle--%s", "objects": [' % str(uuid.uuid4()).encode())
        count = 0
        for raw in self.objects():
            target.write((b",\n" if count else b"\n") + raw)
            count += 1
        target.write(b"\n]}\n")
        return count

    def evidence(self) -> pa.Table:
        """What the newest, unrevoked versions say of addresses, prefixes and autonomous systems.

        Columns: ``entry`` (address, CIDR, or ``AS64496``), ``kind`` (address, prefix, asn), ``object_id``,
        ``made_from`` (sco, pattern, observed-data), ``category``, ``label``, ``confidence`` (uint8, 0-100),
        ``first_seen``, ``last_seen``, ``valid_from``, ``valid_until``, ``modified`` (timestamp[us, UTC]),
        ``conditional`` (bool: the address alone is not what the pattern describes), ``tlp`` (label of TLP 2.0,
        null where unmarked), ``note``, ``said_by`` (name of the creator), ``source``.

        ``last_seen`` of a pattern is its last sighting; without any, when the sender last stood by it:
        ``modified``, but not beyond ``valid_until``. The level is that of the most closed marking involved; a marking whose definition nobody sent counts
        as red.
        """
        import pyarrow as pa

        found = self.con.sql(_EVIDENCE).to_arrow_table()
        # DuckDB names the zone of the session; the moments are the same.
        utc = pa.timestamp("us", "UTC")
        return found.cast(
            pa.schema([f.with_type(utc) if pa.types.is_timestamp(f.type) else f for f in found.schema])
        )


_FIXED = ", ".join(f"('{identifier}', {level.value})" for identifier, level in sorted(LEVEL_OF_ID.items()))
_LABELS = [level.label for level in TLP]
# An observable is what others say of it: who relates to it, who saw it, and the observations it is part of. What
# is put together from several objects may go no further than the most closed of them.
_EVIDENCE = f"""
WITH newest AS (
    SELECT id, max_by(seq, (coalesce(modified, '-infinity'), seq)) AS seq FROM stix_objects GROUP BY id
), fixed (id, rank) AS (VALUES {_FIXED}
), levels AS (
    SELECT id, rank FROM fixed UNION ALL
    SELECT id, max(marks) FROM stix_objects
    WHERE type = 'marking-definition' AND id NOT IN (SELECT id FROM fixed) GROUP BY id
), ranks AS (
    SELECT m.seq, max(CASE WHEN l.id IS NULL THEN {TLP.RED.value} ELSE l.rank END) AS rank
    FROM (SELECT seq, unnest(markings) AS mark FROM stix_objects) m LEFT JOIN levels l ON l.id = m.mark
    GROUP BY m.seq
), live AS (
    SELECT o.id, o.seq, o.name, o.created_by, o.first_observed, o.last_observed, o.source,
        o.modified, ranks.rank
    FROM stix_objects o JOIN newest USING (seq) LEFT JOIN ranks USING (seq) WHERE NOT o.revoked
), said AS (
    SELECT r.*, live.id, live.rank FROM stix_references r JOIN live USING (seq)
), judged AS (
    SELECT t.target AS id, min(l.name) AS name, max(greatest(t.rank, l.rank)) AS rank
    FROM said s JOIN said t USING (seq) JOIN live l ON l.id = s.target
    WHERE s.property = 'source_ref' AND t.property = 'target_ref' AND s.id LIKE 'relationship--%'
        AND regexp_matches(s.target, '^(malware|threat-actor|intrusion-set|campaign|infrastructure)--')
    GROUP BY t.target
), observed AS (
    SELECT s.target AS id, min(l.first_observed) AS first_seen, max(l.last_observed) AS last_seen, max(l.rank) AS rank
    FROM said s JOIN live l USING (seq)
    WHERE (s.property = 'object_refs' AND s.id LIKE 'observed-data--%') OR s.property = 'sighting_of_ref'
    GROUP BY s.target
)
SELECT DISTINCT v.entry, v.kind, l.id AS object_id, v.made_from,
    coalesce(v.category, CASE WHEN j.id IS NOT NULL THEN 'attacker' END) AS category,
    coalesce(v.label, j.name) AS label, v.confidence,
    least(v.first_seen, o.first_seen) AS first_seen, coalesce(
        greatest(v.last_seen, o.last_seen),
        CASE v.made_from WHEN 'pattern' THEN least(greatest(v.valid_from, l.modified), v.valid_until) END
    ) AS last_seen,
    v.valid_from, v.valid_until, l.modified, v.conditional,
    {_LABELS}[greatest(l.rank, j.rank, o.rank) + 1] AS tlp,
    v.note, who.name AS said_by, l.source
FROM stix_evidence v JOIN live l USING (seq)
LEFT JOIN judged j ON j.id = l.id LEFT JOIN observed o ON o.id = l.id
LEFT JOIN live who ON who.id = l.created_by
ORDER BY v.entry, object_id
"""  # noqa: S608  constants only
