"""The triage board: all addresses of a triage as filters that follow each other, a table, and actions on what is chosen."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import traitlets

from workbench.enrichment import Triage, open_engine
from workbench.enrichment.countries import country_name
from workbench.enrichment.record import evidence_of
from workbench.enrichment.triage import triage as judged
from workbench.notebook.board import actions
from workbench.notebook.board.actions import Action, Keeper
from workbench.notebook.board.rows import FLAGS, arrow_bytes, rows_of, world
from workbench.notebook.board.times import Met, Times, met_in_case, times_of
from workbench.notebook.browser.widget import Widget, front_end
from workbench.notebook.intake import arrow_table, roles_of
from workbench.notebook.intake.activity import seconds_of
from workbench.secrecy import TLP

if TYPE_CHECKING:
    from workbench.case import Case
    from workbench.intel import Snapshot
    from workbench.store import Store

__all__ = ["Board", "board", "triage_bundle"]

_ERRORS = (ValueError, LookupError, PermissionError, OSError)
"""What is told in its own words; the name of any other error is told with it."""


def board(
    data: Any,
    concern: Iterable[str] = (),
    *,
    store: Store | None = None,
    case: Case | None = None,
    source: str | None = None,
    time: str | None = None,
    title: str | None = None,
    height: int = 780,
    limit: int = 250_000,
    snapshot: Snapshot | str | None = None,
) -> Board:
    """Show a triage as a board.

    ``data`` is a triage, a case, a table with a column of addresses (pandas, Arrow, DuckDB; ``source`` and
    ``time`` name the columns where they have no usual name), or addresses. ``concern`` are countries of concern,
    where ``data`` is not triaged yet. Profiles are made in ``store``, or in ``case``; a triage of a case
    brings its case, and with it when the addresses were met. Beyond ``limit`` addresses the least bad are left out,
    and the board says so. ``height`` is in pixels.

    ``board.selected`` and ``board.shown`` are the rows chosen and those that pass ``board.filters``, which can be set too:
    ``board.filters = {"verdict": ["malicious"], "country": ["HK"]}``.

    Raises:
        TypeError: ``data`` is none of these.
        ValueError: a column is missing, or a country code is none.
    """
    found, times, name = _triaged(data, frozenset([concern] if isinstance(concern, str) else concern), source, time, snapshot)  # fmt: skip
    if case is None and found.origin is not None:
        case = found.origin.case
    return Board(found, times, Keeper(store, case), title=title or name, height=height, limit=limit)


def _bits(value: Any, _: Any) -> bytes:
    """What the browser sends as bytes arrives as a view of them."""
    return bytes(value)


class Board(Widget, entry="board/main.js", style="board/board.css"):
    """The board as a widget; see :func:`board`.

    ``filters`` are those in force: ``verdict``, ``flag``, ``country``, ``network`` and ``type`` with lists of values,
    ``text``, ``time`` with two moments (ISO 8601), ``area`` with west, south, east and north.
    """

    filters = traitlets.Dict().tag(sync=True)
    _facts = traitlets.Dict().tag(sync=True)
    _rows = traitlets.Bytes().tag(sync=True)
    _places = traitlets.Bytes().tag(sync=True)
    _events = traitlets.Bytes().tag(sync=True)
    _world = traitlets.Bytes().tag(sync=True)
    _selected = traitlets.Bytes().tag(sync=True, from_json=_bits)
    _shown = traitlets.Bytes().tag(sync=True, from_json=_bits)

    def __init__(
        self, triage: Triage, times: Times | None, keeper: Keeper, *, title: str, height: int, limit: int
    ) -> None:
        self.triage = triage
        self.keeper = keeper
        self._table = triage.table.slice(0, limit)
        if times is not None and len(triage) > limit:
            times = _cut(times, limit)
        self._times = times
        self._tasks: dict[str, _Task] = {}
        rows, places = rows_of(self._table, times)
        self._rows_here = len(rows)
        super().__init__(
            _facts=_facts(triage, times, keeper, title, height, len(rows)),
            _rows=arrow_bytes(rows),
            _places=arrow_bytes(places),
            _events=arrow_bytes(times.table()) if times is not None else b"",
            _world=world(),
        )
        self.on_msg(self._heard)

    def __len__(self) -> int:
        return self._rows_here

    def __repr__(self) -> str:
        return repr(self.triage)

    def __str__(self) -> str:
        return f"<Board of {self.triage.summary}>"

    @property
    def selected(self) -> pa.Table:
        """The rows that are chosen, with the columns of a triage, and ``first_seen`` and ``last_seen`` where they are
        known; ``.to_pandas()`` makes a frame of it."""
        return self._taken(self._selected)

    @property
    def shown(self) -> pa.Table:
        """The rows that pass the filters; all before the board is first drawn."""
        return self._taken(self._shown) if self._shown else self._with_times(self._table)

    def select(self, addresses: Iterable[str]) -> int:
        """Choose these addresses, and no others; how many of them are on the board."""
        wanted = pa.array([str(address) for address in addresses], pa.string())
        mask = pc.is_in(self._table.column("address"), value_set=wanted).to_numpy()
        self._selected = np.packbits(mask, bitorder="little").tobytes()
        return int(mask.sum())

    def static_html(self) -> str:
        from workbench.enrichment.page import triage_fragment

        return triage_fragment(self.triage)

    def _taken(self, bits: bytes) -> pa.Table:
        packed = np.zeros((len(self) + 7) // 8, np.uint8)
        given = np.frombuffer(bits, np.uint8)[: len(packed)]
        packed[: len(given)] = given
        rows = np.flatnonzero(np.unpackbits(packed, bitorder="little")[: len(self)])
        return self._with_times(self._table).take(pa.array(rows))

    def _with_times(self, table: pa.Table) -> pa.Table:
        if self._times is None:
            return table
        for name, seconds in (("first_seen", self._times.first), ("last_seen", self._times.last)):
            micros = np.nan_to_num(seconds * 1e6).astype(np.int64)
            moments = pa.array(micros, pa.int64(), mask=np.isnan(seconds)).cast(pa.timestamp("us", "UTC"))
            table = table.append_column(name, moments)
        return table

    def _heard(self, _: Any, content: dict[str, Any], __: Any) -> None:
        kind = content.get("kind")
        if kind == "evidence":
            self._tell_evidence(int(content["row"]))
        elif kind == "matters":
            self.send({"kind": "matters", "matters": self._matters()})
        elif kind == "act":
            self._begin(str(content["id"]), str(content["action"]), dict(content.get("options") or {}))
        elif kind == "stop" and (task := self._tasks.get(str(content["id"]))):
            task.stopped = True

    def _tell_evidence(self, row: int) -> None:
        """What the snapshot has of one address, and what is kept of it."""
        address = self._table.column("address")[row].as_py()
        answer: dict[str, Any] = {"kind": "evidence", "row": row}
        try:
            items = evidence_of(open_engine(self.triage.snapshot), address)
            answer["items"] = [
                {
                    "what": f"{item.category} {item.label}".strip(), "entry": item.entry, "title": item.title,
                    "reliability": item.reliability, "seen": f"{item.seen:%Y-%m-%d}" if item.seen else "undated",
                    "weight": round(item.weight, 2), "note": item.note or "", "licence": item.licence,
                }
                for item in items
            ]  # fmt: skip
            answer["profiles"] = [
                {"level": str(p.secrecy), "threat": str(p.threat_level), "tags": list(p.tags), "notes": p.notes[:500]}
                for p in (self.keeper.of([address]) if self.keeper else [])
            ]  # fmt: skip
        except Exception as error:
            answer["error"] = _said(error)
        self.send(answer)

    def _matters(self) -> list[dict[str, str]]:
        if self.keeper.store is None:
            return []
        try:
            return [
                {"id": str(each.id), "name": each.name, "level": str(each.secrecy)}
                for each in self.keeper.store.investigations.all(state="open")
            ]
        except _ERRORS:
            return []  # the action itself will say what is wrong

    def _action(self, name: str, options: dict[str, str]) -> Action:
        rows = self.selected
        if not len(rows):
            raise ValueError("nothing is chosen: choose addresses in the table first")
        made: dict[str, Callable[..., Action]] = {
            "profile": lambda: actions.create_profiles(rows, self.keeper, **options),
            "link": lambda: actions.link(rows, self.keeper, **options),
            "level": lambda: actions.set_level(rows, self.keeper, **options),
            "csv": lambda: actions.export_csv(rows, name=self._file_name()),
            "stix": lambda: actions.export_stix(rows, self.keeper, name=self._file_name(), **options),
        }
        if name not in made:
            raise ValueError(f"the board has no action {name!r}; there are: {', '.join(made)}")
        return made[name]()

    def _file_name(self) -> str:
        title = re.sub(r"[^\w.-]+", "-", self._facts["title"]).strip("-.")[:60] or "triage"
        return f"{title}-{self.triage.snapshot}"

    def _begin(self, key: str, name: str, options: dict[str, str]) -> None:
        task = _Task(key, self.send)
        self._tasks[key] = task
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            task.finish(lambda: self._action(name, options))
            return
        running = loop.create_task(task.run(lambda: self._action(name, options)))
        task.running = running  # a loop holds its tasks weakly
        running.add_done_callback(lambda _: self._tasks.pop(key, None))


class _Task:
    """An action under way, told to the browser as it goes; between two steps others get their turn."""

    def __init__(self, key: str, send: Callable[..., None]) -> None:
        self.key = key
        self.send = send
        self.stopped = False
        self.running: asyncio.Task[None] | None = None

    async def run(self, begin: Callable[[], Action]) -> None:
        for _ in self._steps(begin):
            await asyncio.sleep(0.001)

    def finish(self, begin: Callable[[], Action]) -> None:
        for _ in self._steps(begin):
            pass

    def _steps(self, begin: Callable[[], Action]) -> Iterable[None]:
        try:
            action, done = begin(), 0
            while True:
                if self.stopped:
                    action.close()
                    self._tell("stopped", text=f"stopped after {done:,}; what was done until then stays done")
                    return
                try:
                    step = next(action)
                except StopIteration as end:
                    outcome: actions.Outcome = end.value
                    file = outcome.file
                    self._tell(
                        "done", [file.content] if file else None, text=outcome.text, failed=list(outcome.failed[:100]),
                        file={"name": file.name, "type": file.kind} if file else None,
                    )  # fmt: skip
                    return
                done = step.done
                self._tell("progress", done=step.done, total=step.total)
                yield
        except Exception as error:
            self._tell("failed", text=_said(error))

    def _tell(self, kind: str, buffers: list[bytes] | None = None, **content: Any) -> None:
        self.send({"kind": kind, "id": self.key, **content}, buffers)


def _said(error: Exception) -> str:
    return str(error) if isinstance(error, _ERRORS) else f"{type(error).__name__}: {error}"


def _triaged(
    data: Any, concern: frozenset[str], source: str | None, time: str | None, snapshot: Snapshot | str | None
) -> tuple[Triage, Times | None, str]:
    """The triage, when its addresses were met, and a name for it."""
    from workbench.case import Case

    if isinstance(data, Case):
        data = data.triage(concern=concern)
    if isinstance(data, Triage):
        origin = data.origin
        if origin is None:
            return data, None, "Triage"
        name = "Case" if str(origin.case.path) == ":memory:" else origin.case.path.stem
        return data, times_of(met_in_case(origin), data.table.column("address")), name
    table, _ = arrow_table(data.to_arrow_table() if type(data).__name__ == "DuckDBPyRelation" else data)
    roles = roles_of(table, source, None, time)
    column = table.column(roles.source)
    found = judged(open_engine(snapshot), column, concern)
    if roles.time is None:
        return found, None, "Triage"
    met = Met.of(column, seconds_of(table.column(roles.time)))
    return found, times_of([met], found.table.column("address")), "Triage"


def _cut(times: Times, limit: int) -> Times:
    kept = times.row < limit
    return Times(
        times.start, times.step, times.bins, times.row[kept], times.bin[kept], times.hits[kept],
        times.first[:limit], times.last[:limit],
    )  # fmt: skip


def _facts(
    triage: Triage, times: Times | None, keeper: Keeper, title: str, height: int, rows: int
) -> dict[str, Any]:
    """What the browser must know beside the columns."""
    snapshot = open_engine(triage.snapshot).snapshot
    codes = pc.unique(triage.table.column("country").cast(pa.string()).combine_chunks())
    notes = [f"{count:,} {name} left out" for name, count in triage.left_out.items() if count]
    if rows < len(triage):
        notes.append(f"beyond the limit, {len(triage) - rows:,} addresses are left out, the least bad")
    return {
        "title": title,
        "height": height,
        "snapshot": triage.snapshot,
        "asOf": f"{snapshot.as_of:%Y-%m-%d}",
        "concern": [{"code": code, "name": country_name(code) or code} for code in sorted(triage.concern)],
        "notes": notes,
        "flags": [name.removeprefix("is_").replace("_", " ") for name in FLAGS],
        "countries": {code: country_name(code) or code for code in codes.to_pylist() if code},
        "time": {"start": times.start, "step": times.step, "bins": times.bins} if times is not None else None,
        "levels": [str(level) for level in TLP],
        "keeper": str(keeper) if keeper else "",
        "store": keeper.store is not None,
        "organisation": keeper.store.me.organisation.name if keeper.store is not None else "",
        "sources": [
            {"title": source.title, "asOf": f"{source.as_of:%Y-%m-%d}" if source.as_of else "undated", "licence": source.licence}
            for source in snapshot.sources
        ],
    }  # fmt: skip


def triage_bundle(triage: Any) -> Any:
    """What a notebook shows of a triage: the board, where somebody looks at it; else the table that it is."""
    if not front_end() or not len(triage):
        return None
    return board(triage)._repr_mimebundle_()
