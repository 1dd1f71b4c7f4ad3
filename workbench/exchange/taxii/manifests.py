"""What is in a collection, before anything of it is taken: ids, versions, and when they were added."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from workbench.exchange.stix.indicators import moment
from workbench.exchange.taxii.connection import Connection, parsed_url
from workbench.exchange.taxii.errors import TaxiiError
from workbench.exchange.taxii.paging import filters_of, pages
from workbench.exchange.taxii.resources import chosen, offered

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["manifest"]

MOST = 5_000_000


async def manifest(
    url: str,
    collection: str,
    *,
    types: Iterable[str] = (),
    ids: Iterable[str] = (),
    versions: Iterable[str] = (),
    spec_versions: Iterable[str] = (),
    added_after: str | None = None,
    **options: Any,
) -> pa.Table:
    """The manifest of a collection: columns ``id``, ``date_added`` (timestamp[us, UTC]), ``version`` and ``media_type``
    (text), a row an object and version, in the order they were added.

    Filters are those of :func:`workbench.exchange.taxii.poll`, ``options`` those of
    :class:`~workbench.exchange.taxii.connection.Connection`.

    Raises:
        TaxiiError: the server cannot be reached, wants other credentials, or speaks no TAXII 2.1.
        LookupError: it has no such collection.
        ValueError: no URL of a server, or a filter that is none.
    """
    import pyarrow as pa

    filters = filters_of(types, ids, versions, spec_versions)
    if added_after is not None and moment(added_after) is None:
        raise ValueError(f"added_after is a timestamp, like 2026-10-05T00:00:00Z, not {added_after!r}")
    # A page may come twice; a record is the same then.
    found: dict[tuple[str, str], tuple[datetime | None, str | None]] = {}
    async with Connection(parsed_url(url), **options) as connection:
        (wanted,) = chosen(await offered(connection), (collection,))
        async for page in pages(connection, wanted.url + "manifest/", filters, added_after, None):
            for item in page.items:
                record = item.value or {}
                if isinstance(record.get("id"), str):
                    kind = record.get("media_type")
                    found[record["id"], str(record.get("version"))] = (
                        moment(record.get("date_added")), kind if isinstance(kind, str) else None,
                    )  # fmt: skip
            if len(found) > MOST:
                raise TaxiiError(
                    f"{wanted.url}: more than {MOST:,} records: filter, or begin later with added_after"
                )
    return pa.table(
        {
            "id": pa.array([key[0] for key in found], pa.string()),
            "date_added": pa.array([at for at, _ in found.values()], pa.timestamp("us", "UTC")),
            "version": pa.array([key[1] for key in found], pa.string()),
            "media_type": pa.array([kind for _, kind in found.values()], pa.string()),
        }
    )
