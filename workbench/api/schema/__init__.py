"""The GraphQL schema: what may be asked, changed and listened to.

Types read from the store as the member who asks; :mod:`~workbench.api.schema.asking` does it in threads, and many
things in one statement. Mutations answer with unions (:mod:`~workbench.api.schema.problems`), streams come
from the database and go on from any cursor (:mod:`~workbench.api.schema.live`). ``workbench/api/schema.graphql`` is the
schema printed, ``workbench/api/README.md`` has queries to begin with.
"""

from __future__ import annotations

import strawberry
from strawberry.schema.config import StrawberryConfig

from workbench.api.guards import guarded_schema
from workbench.api.schema.alert_changes import AlertChanges
from workbench.api.schema.exchange import Exchange
from workbench.api.schema.live import Subscription
from workbench.api.schema.matter_changes import MatterChanges
from workbench.api.schema.profile_changes import ProfileChanges
from workbench.api.schema.query import Query
from workbench.api.schema.scalars import SCALARS

__all__ = ["schema"]


@strawberry.type(
    description="What may be done. Each answers with what it made or changed, or with why it did not."
)
class Mutation(ProfileChanges, MatterChanges, AlertChanges, Exchange):
    pass


schema = guarded_schema(
    Query,
    mutation=Mutation,
    subscription=Subscription,
    config=StrawberryConfig(scalar_map=SCALARS),
)
