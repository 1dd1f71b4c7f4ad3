"""Earlier versions of what a member was offered: of profiles, as the history tells what they were.

A version is told only if nothing of it is a secret from her. Row-level security shows the history of a profile to those
who may see it now and could see it then; here, of that, is what she was shown herself, at a level no more open than
that of today, and of which nothing was taken back since. What cannot be told as exactly what it was is not told.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from workbench.store.profiles.observations import Evidence, Footprint, Sighting
from workbench.store.profiles.profile import SELECT, profile_of
from workbench.store.serving import together
from workbench.store.serving.offers import HANGING, MOST_HANGING, Offer, Offered

if TYPE_CHECKING:
    from workbench.store.connection import Store

__all__ = ["content_before", "first_told"]

# What hangs there now and was recorded by then has the mark of what hung there then, or else it is something else.
_TOLD = f"""
    SELECT {SELECT}, b.offered_at, b.objects, h.ids
    FROM offered_before b
    JOIN profiles n ON n.id = b.thing
    LEFT JOIN profile_history o ON o.profile = b.thing AND o.version = b.version
    CROSS JOIN LATERAL jsonb_populate_record(n, coalesce(o.was, '{{}}')) AS p
    CROSS JOIN LATERAL (
        SELECT count(*) AS total, coalesce(sum(mark) FILTER (WHERE by_then), 0) AS mark, coalesce(array_agg(id) FILTER (WHERE by_then), '{{}}') AS ids
        FROM (SELECT id, mark, date_trunc('milliseconds', recorded_at) <= b.changed_at AS by_then FROM ({HANGING}) AS every WHERE profile = b.thing) AS e
    ) AS h
    WHERE b.role = current_user AND b.collection = %(collection)s AND b.thing = ANY (%(things)s)
        AND p.version = b.version AND p.secrecy >= n.secrecy AND h.mark = b.mark AND h.total <= {MOST_HANGING}
    ORDER BY b.offered_at"""


def content_before(store: Store, collection: UUID, offers: Sequence[Offer]) -> list[Offered]:
    """Those of past offers that may be told, with the profiles as they were and what hung on them."""
    things = list({offer.thing for offer in offers})
    if not things:
        return []
    rows = store.read("profiles", "earlier", _TOLD, {"collection": collection, "things": things})
    told = {(row[0], row[-3]): (profile_of(row[:-3]), frozenset(row[-1])) for row in rows}
    evidence = together.observed(store, Evidence, things, MOST_HANGING)
    sightings = together.observed(store, Sighting, things, MOST_HANGING)
    footprint = together.observed(store, Footprint, things, MOST_HANGING)
    found = []
    for offer in offers:
        if (offer.thing, offer.at) not in told:
            continue
        profile, ids = told[offer.thing, offer.at]
        each = Offered(offer, profile)
        each.evidence = [item for item in evidence.get(offer.thing, ()) if item.id in ids]
        each.sightings = [item for item in sightings.get(offer.thing, ()) if item.id in ids]
        each.footprint = [item for item in footprint.get(offer.thing, ()) if item.id in ids]
        found.append(each)
    return found


def first_told(store: Store, collection: UUID, things: Iterable[UUID]) -> dict[str, datetime]:
    """When the earliest version that may be told was offered, of each object of profiles that has an earlier one."""
    rows = store.read("profiles", "earlier", _TOLD, {"collection": collection, "things": list(things)})
    first: dict[str, datetime] = {}
    for row in rows:
        for identifier in row[-2]:
            first.setdefault(identifier, row[-3])
    return first
