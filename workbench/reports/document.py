"""What a template writes into: pieces in order, each with the level of what is in it."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from workbench.reports import pieces
from workbench.reports.audience import audience_of
from workbench.reports.hashing import content_hash
from workbench.reports.pieces import Column
from workbench.secrecy import TLP, Marking, Organisation, Recipient

if TYPE_CHECKING:
    import pyarrow as pa

    from workbench.enrichment import Engine
    from workbench.notebook.maps import AddressMap
    from workbench.store import Store

__all__ = ["MIME", "Document"]

MIME = "workbench"
"""The key of an output's metadata where the runner finds ``level``, ``hash``, ``opening`` and ``attachment``."""


class Document:
    """The report being written, in a notebook. ``recipient`` and ``store`` are the parameters of these kinds.

    ``store`` is then the store as the recipient sees it or, for one outside, as the author does: what is taken from it
    goes through :meth:`admit` before it is shown. ``level`` is the highest that was admitted so far.
    """

    def __init__(
        self,
        *,
        recipient: Mapping[str, str] | None = None,
        store: str | None = None,
        snapshot: str | None = None,
    ) -> None:
        from workbench.enrichment import open_engine

        self.audience, self._store = audience_of(recipient, store)
        self.level = TLP.CLEAR
        self.engine: Engine = open_engine(snapshot)
        self.snapshot = self.engine.snapshot

    @property
    def store(self) -> Store:
        """The store.

        Raises:
            ValueError: the parameter names none.
        """
        if self._store is None:
            raise ValueError("this report asks the store: name it with -p store=local, a URL, or env:NAME")
        return self._store

    @property
    def has_store(self) -> bool:
        """Whether a store was named."""
        return self._store is not None

    @property
    def organisation(self) -> Organisation:
        """Whose report it is.

        Raises:
            ValueError: no store is named that would know.
        """
        if not self.audience.own.name:
            raise ValueError("whose report is it? Name a store with -p store=…, or the organisation")
        return self.audience.own

    @property
    def reader(self) -> Recipient:
        """Who reads it, for what is handed on beside the page."""
        if self.audience.recipient is not None:
            return self.audience.recipient
        member = self.audience.member or (self._store.me if self._store is not None else None)
        if member is None:
            return Recipient(self.audience.own)
        return Recipient(member.organisation, member.role)

    def admit(self, level: TLP, marking: Marking | None = None) -> bool:
        """Whether a thing of the store may be shown; if so, the report is at least of its level. ``marking`` is needed
        where somebody outside the store reads, to whom the store itself shows nothing."""
        if not self.audience.admits(marking or Marking(level, self.audience.own), shown=True):
            return False
        self.level = max(self.level, level)
        return True

    def require(self, what: str, level: str | TLP) -> None:
        """Take in what is not of the store, a log perhaps, as a thing of the author's organisation at ``level``.

        Raises:
            PermissionError: it may not go to the audience.
        """
        marked = TLP.parse(level)
        if not self.audience.admits(Marking(marked, self.audience.own)):
            raise PermissionError(
                f"{what} is marked {marked} and may not go to {self.audience.label}"
                + (f" in a report up to {self.audience.cap}" if marked > self.audience.cap else "")
                + ": if it may, give its true level as tlp (-p tlp=… in a shell)"
            )
        self.level = max(self.level, marked)

    def opening(
        self,
        kicker: str,
        title: str,
        paragraphs: Sequence[str],
        numbers: Iterable[tuple[str, int | str]] = (),
    ) -> None:
        """Title, the answer in plain words, and the numbers behind it. Once, and first."""
        numbers = list(numbers)
        html = pieces.opening(kicker, title, paragraphs) + (pieces.counts(numbers) if numbers else "")
        about = {
            "kicker": kicker,
            "title": title,
            "snapshot": self.snapshot.id,
            "audience": self.audience.label,
        }
        self._show(
            html, f"{title}\n\n" + "\n\n".join(paragraphs), [title, *paragraphs, numbers], opening=about
        )

    def section(self, title: str, text: str = "", *, new_page: bool = False) -> None:
        """Begin a section."""
        self._show(pieces.section(title, text, new_page=new_page), title, [title, text])

    def paragraph(self, text: str, *, small: bool = False) -> None:
        """Text; empty lines part paragraphs."""
        self._show(pieces.paragraph(text, small=small), text, text)

    def items(self, texts: Iterable[str]) -> None:
        """A list."""
        every = list(texts)
        self._show(pieces.items(every), "\n".join(f"- {text}" for text in every), every)

    def table(
        self,
        columns: Sequence[Column],
        rows: Iterable[Mapping[str, Any]],
        *,
        most: int | None = None,
        dense: bool = False,
    ) -> None:
        """Rows under headings; with ``most`` no more than that, and a line that says so; ``dense`` in small type."""
        every = list(rows)
        shown = every if most is None else every[:most]
        html = pieces.table(columns, shown, dense=dense)
        if len(shown) < len(every):
            html += pieces.paragraph(f"The first {len(shown):,} of {len(every):,}.", small=True)
        keys = [column.key for column in columns]
        self._show(
            html, f"table of {len(every):,} rows", [keys, [[row.get(key) for key in keys] for row in every]]
        )

    def bars(self, *charts: tuple[str, Sequence[tuple[str, int]]]) -> None:
        """Charts beside one another: a title each, and what is counted."""
        inner = "".join(pieces.bars(title, parts) for title, parts in charts if parts)
        self._show(f'<div class="charts">{inner}</div>', ", ".join(title for title, _ in charts), charts)

    def map(self, drawn: AddressMap, table: pa.Table, caption: str = "") -> None:
        """A map, and for print the same ``table`` of addresses without its controls. One that is marked higher than what
        was admitted so far is asked for like a log."""
        if drawn.tlp is not None and drawn.tlp > self.level:
            self.require("the map", drawn.tlp)
        from workbench.reports.worldmap import printed_map

        page = drawn.get_root()
        html = pieces.figure(page.render(), printed_map(table), caption or drawn.summary)
        self._show(html, drawn.summary, drawn.summary, nonce=page.nonce)

    def attach(self, name: str, content: str, kind: str, says: str, about: Any = None) -> None:
        """A file that goes with the report; ``about`` is what of it counts for the content hash, by default all."""
        encoded = base64.b64encode(content.encode()).decode()
        link = pieces.attachment(name, encoded, kind, says)
        file = {"name": name, "kind": kind, "content": encoded}
        self._show(link, says, about if about is not None else content, attachment=file)

    def sources(self) -> None:
        """Which sources the verdicts rest on, with date, licence and attribution."""
        columns = [
            Column("title", "Source", share=24),
            Column("as_of", "Date", "day", 10),
            Column("entries", "Entries", "number", 11),
            Column("reliability", "Rel.", "text", 5),
            Column("licence", "Licence", "text", 17),
            Column("attribution", "Attribution", "links"),
        ]
        rows = [
            {"title": s.title, "as_of": s.as_of or "undated", "entries": s.entries, "reliability": s.reliability, "licence": s.licence, "attribution": s.attribution}
            for s in self.snapshot.sources
        ]  # fmt: skip
        self.section(
            "Sources",
            f"The verdicts rest on snapshot {self.snapshot.id}, in which these sources are compiled. Reliability is on the Admiralty scale, A to F.",
            new_page=True,
        )
        self.table(columns, rows, dense=True)

    def _show(self, html: str, text: str, said: Any, **about: Any) -> None:
        from IPython.display import display

        display(  # type: ignore[no-untyped-call]
            {"text/html": f'<div class="workbench-report">{html}</div>', "text/plain": text},
            raw=True,
            metadata={MIME: {"level": self.level.label, "hash": content_hash([said]), **about}},
        )
