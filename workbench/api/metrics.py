"""What Prometheus reads, and one line in the log for each operation."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

if TYPE_CHECKING:
    from workbench.api.context import Context

__all__ = [
    "CONNECTIONS",
    "MADE_WAY",
    "REFUSED",
    "REGISTRY",
    "REQUESTS",
    "SOCKETS",
    "SUBSCRIPTIONS",
    "WAITING",
    "observe",
]

log = logging.getLogger("workbench.api.operations")

REGISTRY = CollectorRegistry()
REQUESTS = Counter("workbench_http_requests", "HTTP requests by route and status.", ["route", "status"], registry=REGISTRY)  # fmt: skip
OPERATIONS = Histogram("workbench_graphql_seconds", "Duration of GraphQL operations.", ["kind", "failed"], registry=REGISTRY)  # fmt: skip
REFUSED = Counter("workbench_refused", "Requests refused before they were run, by code.", ["code"], registry=REGISTRY)  # fmt: skip
CONNECTIONS = Gauge("workbench_connections", "Open connections, by whether they serve a member or nobody.", ["serves"], registry=REGISTRY)  # fmt: skip
MADE_WAY = Counter("workbench_connections_made_way", "Connections that served nobody and were ended for others, by the limit.", ["limit"], registry=REGISTRY)  # fmt: skip
SOCKETS = Gauge("workbench_websockets", "Open WebSocket connections.", registry=REGISTRY)
SUBSCRIPTIONS = Gauge("workbench_subscriptions", "Subscribers waiting for changes.", registry=REGISTRY)
WAITING = Gauge("workbench_database_waiting", "Transactions waiting for a connection to the database.", registry=REGISTRY)  # fmt: skip


def observe(context: Context, operation: dict[str, Any], seconds: float) -> None:
    """Count an operation, and write it down: who, from where, which, how long; nothing of what it asked or got."""
    failed = "yes" if operation["failed"] else "no"
    if operation["kind"] != "subscription":
        OPERATIONS.labels(operation["kind"], failed).observe(seconds)
    log.info(
        "operation",
        extra={
            **operation, "member": context.member.role, "client": context.client.address,
            "country": context.client.country, "token": context.grant.id, "request": context.request_id,
            "milliseconds": round(seconds * 1000, 1),
        },
    )  # fmt: skip
