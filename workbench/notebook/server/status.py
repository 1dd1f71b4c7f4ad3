"""``GET workbench/status``: the snapshot in use and the limits of this server."""

from __future__ import annotations

from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from workbench.notebook.server.base import WorkbenchHandler
from workbench.notebook.server.shared import store_at_hand

__all__ = ["StatusHandler", "routes"]


class StatusHandler(WorkbenchHandler):
    """Which snapshot answers, how old it is and from which sources; the administrator's ceiling for sharing."""

    @web.authenticated
    @authorized("read")  # type: ignore[untyped-decorator]
    async def get(self) -> None:
        options = self.workbench
        limits = {
            "ceiling": str(options.ceiling),
            "max_addresses": options.max_addresses,
            "max_text_bytes": options.max_text_bytes,
        }
        await self.answer(lambda: {**limits, "store": store_at_hand(options), "snapshot": _snapshot()})


def routes(_serverapp: Any) -> list[tuple[str, type[WorkbenchHandler], dict[str, Any]]]:
    return [("/workbench/status", StatusHandler, {})]


def _snapshot() -> dict[str, Any]:
    from workbench.enrichment import open_engine

    snapshot = open_engine().snapshot
    return {
        "id": snapshot.id,
        "as_of": snapshot.as_of.isoformat(),
        "sources": [
            {
                "title": source.title,
                "as_of": source.as_of,
                "reliability": source.reliability,
                "licence": source.licence,
                "attribution": source.attribution,
            }
            for source in snapshot.sources
        ],
    }
