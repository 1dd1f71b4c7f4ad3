"""A box to look addresses up in."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import traitlets

from workbench.notebook.browser.talking import Talking
from workbench.notebook.cards.intel import intel_card
from workbench.notebook.showing.sheets import Listing, Sheet
from workbench.notebook.showing.tree import plain

if TYPE_CHECKING:
    from workbench.enrichment import Intel
    from workbench.intel import Snapshot

__all__ = ["LookupBox"]

SHOWN = 100
OPENED = 1
"""So many addresses are shown as cards at once; of more, each on a click."""
_ORDER = ("malicious", "suspicious", "anonymised", "watch", "clean", "unroutable")


class LookupBox(Talking, entry="lookup/main.js"):
    """Type or paste addresses, also out of a report and defanged. ``box.records`` are the Intel records found, worst first."""

    text = traitlets.Unicode().tag(sync=True)
    rows: Any = traitlets.List().tag(sync=True)
    left = traitlets.Int().tag(sync=True)
    cards = traitlets.Dict().tag(sync=True)

    def __init__(self, text: str = "", *, snapshot: Snapshot | str | None = None) -> None:
        from workbench import enrichment

        self._engine = enrichment.open_engine(snapshot)
        self.records: list[Intel] = []
        super().__init__(text=text)
        if text:
            self.look(text)

    def acts(self) -> dict[str, Callable[[dict[str, Any]], dict[str, Any] | str | None]]:
        return {"look": lambda said: self.look(str(said["text"])), "open": self._open}

    def look(self, text: str) -> str:
        """Look up every address in a text; what was found, in words.

        Raises:
            ValueError: there is none in it.
        """
        from workbench.addresses.extract import extract_text
        from workbench.enrichment import record

        found = extract_text(text)
        rows = found.table.to_pylist()
        addresses = [row["address"] for row in rows if row["kind"] == "address"]
        if not addresses:
            wrong = f": {found.rejected[0].text!r} is none" if found.rejected else ""
            raise ValueError(f"no IP address in it{wrong}")
        table = self._engine.enrich(addresses).select(["address", "verdict", "reputation"]).to_pylist()
        table.sort(key=lambda row: (_ORDER.index(row["verdict"]) if row["verdict"] in _ORDER else 9, -(row["reputation"] or 0)))  # fmt: skip
        self.records = [record.lookup(self._engine, row["address"]) for row in table[:SHOWN]]
        self.cards = {}
        self.left = len(table) - len(self.records)
        self.rows = [
            {"address": item.address, "verdict": item.verdict, "line": _line(item)} for item in self.records
        ]
        if len(self.records) <= OPENED:
            self.cards = {str(item.address): plain(intel_card(item).tree()) for item in self.records}
        networks = sum(row["kind"] == "network" for row in rows)
        return _summary([row["verdict"] for row in table], networks, found.rejected_count)

    def static_html(self) -> str:
        from workbench.notebook.showing.sheets import chip

        rows = [(item.address, chip(item.verdict) or "", _line(item)) for item in self.records]
        return Sheet("Looked up", (), [Listing("", ("address", "verdict", ""), rows, self.left)]).html() if rows else ""  # fmt: skip

    def _open(self, said: dict[str, Any]) -> str:
        (item,) = [item for item in self.records if item.address == said["address"]]
        self.cards = {**self.cards, str(item.address): plain(intel_card(item).tree())}
        return ""


def _line(item: Intel) -> str:
    parts = [f"AS{item.asn} {item.as_org or ''}".strip() if item.asn else "", item.country_name or "", item.reasons.partition("; ")[0]]  # fmt: skip
    return " · ".join(part for part in parts if part)


def _summary(verdicts: list[str], networks: int, malformed: int) -> str:
    counts = [f"{verdicts.count(name):,} {name}" for name in _ORDER if name in verdicts]
    said = f"{len(verdicts):,} {'address' if len(verdicts) == 1 else 'addresses'}: {', '.join(counts)}"
    left = [f"{networks:,} {'network' if networks == 1 else 'networks'}"] if networks else []
    left += [f"{malformed:,} malformed"] if malformed else []
    return said + (f" (left out: {', '.join(left)})" if left else "")
