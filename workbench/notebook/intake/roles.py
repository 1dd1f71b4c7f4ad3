"""What people hand to a map, as an Arrow table, and which of its columns mean what."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, is_dataclass
from typing import Any

import pyarrow as pa

__all__ = ["MOMENTS", "Roles", "arrow_table", "roles_of"]

_PAIRS = (
    ("src_ip", "dst_ip"), ("source_ip", "destination_ip"), ("source_ip", "dest_ip"), ("src", "dst"), ("src_addr", "dst_addr"),
    ("source", "target"), ("source", "destination"), ("source_address", "destination_address"), ("orig_h", "resp_h"),
    ("id.orig_h", "id.resp_h"), ("id_orig_h", "id_resp_h"), ("client_ip", "server_ip"), ("srcaddr", "dstaddr"), ("saddr", "daddr"),
)  # fmt: skip
_SINGLES = ("address", "ip", "ip_address", "addr", "remote_addr", "remote_ip", "client_ip", "c_ip", "host_ip")
MOMENTS = ("ts", "time", "timestamp", "datetime", "date", "seen", "observed", "event_time", "@timestamp")
_LABELS = ("label", "name")
_EXTRAS = ("note", "notes", "tags", "campaign", "actor")


@dataclass(frozen=True, slots=True)
class Roles:
    """The columns of a table: addresses of ``source`` and, where there are two, of ``target``; ``time``,
    ``label``, and the ``extras`` to show beside."""

    source: str
    target: str | None
    time: str | None
    label: str | None
    extras: tuple[str, ...]


def arrow_table(data: Any) -> tuple[pa.Table, str | None]:
    """The table and, where the data names one, the snapshot it was judged by.

    Takes a Triage, an Intel record, Arrow, pandas, polars, and plain addresses.

    Raises:
        TypeError: none of these.
    """
    snapshot = getattr(data, "snapshot", None)
    snapshot = snapshot if isinstance(snapshot, str) else None
    table = getattr(data, "table", None)
    if isinstance(table, pa.Table):
        return table, snapshot
    if isinstance(data, pa.Table):
        return data, None
    if isinstance(data, str):
        return pa.table({"address": pa.array([data], pa.string())}), None
    if isinstance(data, pa.Array | pa.ChunkedArray):
        return pa.table({"address": data}), None
    kind = type(data).__module__.partition(".")[0]
    if kind == "pandas":
        frame = data.to_frame("address") if type(data).__name__ == "Series" else data
        return pa.Table.from_pandas(frame, preserve_index=False), None
    if hasattr(data, "__arrow_c_stream__"):
        found = pa.table(data)
        return (found, None) if len(found.column_names) > 1 else (found.rename_columns(["address"]), None)
    if is_dataclass(data) and hasattr(data, "address"):
        return _records([data]), snapshot
    if isinstance(data, Iterable):
        return _of_items(list(data)), None
    raise TypeError(f"a table, a triage or addresses are wanted, not a thing of type {type(data).__name__}")


def _of_items(items: list[Any]) -> pa.Table:
    """Of addresses, dicts or records."""
    if items and all(isinstance(item, dict) for item in items):
        return pa.Table.from_pylist(items)
    if items and all(hasattr(item, "address") and is_dataclass(item) for item in items):
        return _records(items)
    return pa.table({"address": pa.array([None if item is None else str(item) for item in items], pa.string())})  # fmt: skip


def _records(records: list[Any]) -> pa.Table:
    """Their plain fields; what is nested stays out."""
    plain = (str, int, float, bool, type(None))
    rows = [
        {name: value for name, value in asdict(record).items() if isinstance(value, plain)}
        | {"reasons": _reasons(getattr(record, "reasons", None))}
        for record in records
    ]
    return pa.Table.from_pylist(rows)


def _reasons(value: Any) -> str | None:
    return "; ".join(map(str, value)) if isinstance(value, list | tuple) else value


def roles_of(
    table: pa.Table,
    source: str | None = None,
    target: str | None = None,
    time: str | None = None,
    label: str | None = None,
    extras: Iterable[str] | None = None,
) -> Roles:
    """Which columns to use: those named, and for the rest those with a usual name.

    Raises:
        ValueError: a column named is not there, or none is known to hold addresses.
    """
    for name in (source, target, time, label, *(extras or ())):
        if name is not None and name not in table.column_names:
            raise ValueError(f"there is no column {name!r}; there are: {', '.join(table.column_names)}")
    lower = {name.lower(): name for name in reversed(table.column_names)}
    if source is None and target is None:
        pair = next((p for p in _PAIRS if p[0] in lower and p[1] in lower), None)
        if pair and "address" not in lower:
            source, target = lower[pair[0]], lower[pair[1]]
    if source is None:
        usual = _SINGLES + tuple(one for pair in _PAIRS for one in pair)
        source = next((lower[name] for name in usual if name in lower and lower[name] != target), None)
    if source is None:
        raise ValueError(
            f"which column holds the addresses? pass source=…; there are: {', '.join(table.column_names)}"
        )
    if time is None:
        moments = [name for name in MOMENTS if name in lower and _is_moment(table, lower[name])]
        time = lower[moments[0]] if moments else None
    if label is None:
        label = next((lower[name] for name in _LABELS if name in lower), None)
    chosen = [lower[n] for n in _EXTRAS if n in lower] if extras is None else list(extras)
    return Roles(source, target, time, label, tuple(n for n in chosen if n not in (source, target, time, label)))  # fmt: skip


def _is_moment(table: pa.Table, name: str) -> bool:
    kind = table.schema.field(name).type
    return bool(pa.types.is_timestamp(kind) or pa.types.is_date(kind))
