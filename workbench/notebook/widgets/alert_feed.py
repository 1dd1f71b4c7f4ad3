"""Alerts as they are raised."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import traitlets

from workbench.notebook.browser.talking import Talking
from workbench.notebook.showing.sheets import Listing, Sheet
from workbench.notebook.telling import told

if TYPE_CHECKING:
    from workbench.store import Alert, Store

__all__ = ["AlertFeed"]

SHOWN = 200


class AlertFeed(Talking, entry="alerts/main.js"):
    """The newest alerts of a store, live; to acknowledge and to close. :meth:`close` ends the listening."""

    alerts: Any = traitlets.List().tag(sync=True)
    listening = traitlets.Bool(True).tag(sync=True)

    def __init__(self, store: Store) -> None:
        self._store = store
        self._stop = threading.Event()
        self._one_at_a_time = threading.Lock()
        super().__init__()
        self._read()
        self._thread = threading.Thread(target=self._listen, name="workbench-alert-feed", daemon=True)
        self._thread.start()

    def acts(self) -> dict[str, Callable[[dict[str, Any]], dict[str, Any] | str | None]]:
        return {"acknowledge": self._acknowledge, "close": self._close}

    def close(self) -> None:
        """Stop listening and take the widget away."""
        self._stop.set()
        super().close()

    def static_html(self) -> str:
        rows = [
            (
                datetime.fromtimestamp(item["raised"], UTC),
                item["state"],
                item["says"],
                item["name"],
                item["note"],
            )
            for item in self.alerts[:50]
        ]
        return Sheet("Alerts", (), [Listing("", ("raised", "state", "what", "watchlist", "note"), rows)]).html()  # fmt: skip

    def _read(self) -> None:
        with self._one_at_a_time:
            self.alerts = [_plain(alert) for alert in self._store.alerts.all(limit=SHOWN)]

    def _listen(self) -> None:
        try:
            for alert in self._store.alerts.listen(stop=self._stop, backlog=True):
                if str(alert.id) not in {item["id"] for item in self.alerts}:
                    self._read()
                    self.tell(f"New alert: {alert.says}")
        except Exception as error:
            if not self._stop.is_set():
                self.tell(told(error), "error")
        self.listening = False

    def _acknowledge(self, said: dict[str, Any]) -> str:
        self._store.alerts.acknowledge(self._store.alerts.get(UUID(said["id"])), str(said.get("note", "")))
        self._read()
        return "Acknowledged."

    def _close(self, said: dict[str, Any]) -> str:
        self._store.alerts.close(self._store.alerts.get(UUID(said["id"])), str(said.get("note", "")))
        self._read()
        return "Closed."


def _plain(alert: Alert) -> dict[str, Any]:
    return {
        "id": str(alert.id), "says": alert.says, "name": alert.name, "state": alert.state, "note": alert.note,
        "raised": alert.raised_at.timestamp(), "by": alert.changed_by or "",
    }  # fmt: skip
