"""STIX bundles in: read in one pass with bounded memory, from wherever they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.exchange.stix.intake import Imported, Intake, Problem
from workbench.exchange.stix.objectstore import ObjectStore
from workbench.exchange.stix.stream import Envelope, objects_of, open_source

if TYPE_CHECKING:
    import duckdb

__all__ = ["MAX_OBJECTS", "Imported", "Problem", "import_bundle", "object_store"]

MAX_OBJECTS = 20_000_000


def import_bundle(
    source: Any,
    store: ObjectStore | Path | str | duckdb.DuckDBPyConnection | Any = None,
    *,
    name: str | None = None,
    in_transaction: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Imported:
    """Take a STIX 2.0 or 2.1 bundle into a case or other store; into memory where none is given.

    ``source`` is a path (``.gz`` too), an open binary file, ``bytes``, a bundle as a dict or list, a TAXII
    envelope, or an object of the ``stix2`` library. It is read in one pass with bounded memory, and what it
    says is in the store all together or, should this be interrupted, not at all. ``store`` is a case, its
    path, a DuckDB connection or an :class:`ObjectStore`. ``in_transaction`` says that the caller has begun a
    transaction and will commit it. ``progress`` is called with the number of objects read since the last call.

    A malformed object is set aside with its place and reason, and the rest goes in. TLP 1.0 markings count
    as the TLP 2.0 level that replaced them; the objects keep the marking they came with.

    Raises:
        OSError: the source cannot be opened.
        StreamError: it holds no JSON object or list.
    """
    kept = object_store(store)
    label = name or (str(source) if isinstance(source, str | Path) else "the bundle")
    envelope = Envelope()
    with open_source(source) as file, Intake(kept, label, in_transaction) as intake:
        try:
            for found in objects_of(file, envelope):
                done = intake.take(found)
                if done and progress:
                    progress(done)
                if intake.read >= MAX_OBJECTS:
                    envelope.broken = f"more than {MAX_OBJECTS} objects"
                    break
        except EOFError as error:  # a gzip file that was cut off
            envelope.broken = str(error)
        return intake.settle(envelope)


def object_store(store: Any = None) -> ObjectStore:
    """The store of objects in a case, its path, or a DuckDB connection; one in memory where nothing is given."""
    if isinstance(store, ObjectStore):
        return store
    if store is None:
        return ObjectStore()
    return ObjectStore(getattr(store, "con", store))  # a case, or what an ObjectStore takes
