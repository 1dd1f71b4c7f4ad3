"""How a notebook shows what the rooms give.

The rooms know nothing of notebooks: their objects have a ``__repr__`` for terminals. In a notebook ``import workbench``
registers a formatter by the name of each class below, which imports nothing until such an object is shown. It gives
HTML and Markdown at once, as ``_repr_mimebundle_`` would. To have another class shown: a function that makes its
:class:`~workbench.notebook.showing.sheets.Sheet`, and its name in ``SHEETS``.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

__all__ = ["BUNDLES", "SHEETS", "register", "shown"]

SHEETS = {
    ("workbench.case", "Case"): "showing.described:case",
    ("workbench.case", "Ingested"): "showing.described:ingested",
    ("workbench.store.connection", "Store"): "showing.described:store",
    ("workbench.store.profiles.searching", "Page"): "showing.described:found",
    ("workbench.store.profiles.profile", "Created"): "showing.described:created",
    ("workbench.store.matters.investigations", "Investigation"): "showing.described:investigation",
    ("workbench.store.matters.entities", "Entity"): "showing.described:entity",
    ("workbench.store.watching.alerts", "Alert"): "showing.described:alert",
    ("workbench.store.watching.alerts", "Watchlist"): "showing.described:watchlist",
    ("workbench.store.syncing.sync", "Synced"): "showing.described:synced",
    ("workbench.store.syncing.offline", "CaseProfiles"): "showing.described:case_profiles",
    ("workbench.store.syncing.settling", "Unsettled"): "showing.described:unsettled",
    ("workbench.intel.snapshot", "Snapshot"): "showing.described:snapshot",
    ("workbench.intel.timeline", "History"): "showing.described:history",
    ("workbench.intel.timeline", "Difference"): "showing.described:difference",
    ("workbench.exchange.stix.exporting", "Export"): "showing.exchanged:export",
    ("workbench.exchange.stix.intake", "Imported"): "showing.exchanged:imported",
    ("workbench.exchange.stix.matching", "Matches"): "showing.exchanged:matches",
    ("workbench.exchange.taxii.polling", "Polls"): "showing.exchanged:polls",
    ("workbench.exchange.taxii.pushing", "Pushed"): "showing.exchanged:pushed",
}
"""Class by module and name, and the function that makes its sheet."""

BUNDLES = {
    ("workbench.enrichment.record", "Intel"): "cards:intel_bundle",
    ("workbench.store.profiles.profile", "Profile"): "widgets.bundles:profile_bundle",
    ("workbench.enrichment.triage", "Triage"): "board:triage_bundle",
}
"""The same of those that are shown as widgets: functions that make the whole bundle, or None where there are none."""


def register(shell: Any) -> None:
    """Register with a session that shows more than text, once."""
    display = getattr(shell, "display_formatter", None)
    if display is None or display.active_types == ["text/plain"]:
        return
    for (module, name), maker in {**SHEETS, **BUNDLES}.items():
        display.mimebundle_formatter.for_type_by_name(module, name, _formatter(maker))


def _formatter(maker: str) -> Callable[..., Any]:
    def bundle(thing: Any, include: Any = None, exclude: Any = None) -> Any:
        try:
            return shown(thing, maker)
        except ModuleNotFoundError:  # without the lab extra it stays the text that it is
            return None

    return bundle


def shown(thing: Any, maker: str | None = None) -> Any:
    """What a notebook gets of a thing: MIME types and what is shown as each.

    Raises:
        KeyError: nothing is known of its class.
    """
    key = (type(thing).__module__, type(thing).__name__)
    chosen = maker or {**SHEETS, **BUNDLES}[key]
    room, _, function = chosen.partition(":")
    made = getattr(import_module(f"workbench.notebook.{room}"), function)(thing)
    if chosen not in SHEETS.values():
        return made
    return {"text/html": made.html(), "text/markdown": made.markdown()}
