"""The ``ip`` accessors of pandas: ``df["src_ip"].ip.country``, ``df.ip.enrich("src_ip")``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa

from workbench import enrichment
from workbench.enrichment.engine import SCHEMA
from workbench.enrichment.meanings import MEANINGS
from workbench.intel import library

__all__ = ["DataFrameIP", "SeriesIP", "register"]

_NULLABLE = {
    pa.uint8(): pd.UInt8Dtype(),
    pa.uint16(): pd.UInt16Dtype(),
    pa.uint32(): pd.UInt32Dtype(),
    pa.bool_(): pd.BooleanDtype(),
}


def _frame(
    values: pd.Series,
    columns: Sequence[str] | None,
    index: pd.Index,
    asof: pd.Series | None = None,
    snapshot: str | None = None,
) -> pd.DataFrame:
    table = enrichment.open_engine(snapshot).enrich(values) if asof is None else _enriched_asof(values, asof)
    if columns is not None:
        unknown = [name for name in columns if name not in SCHEMA.names]
        if unknown:
            raise KeyError(f"no such column: {', '.join(unknown)}; there are: {', '.join(SCHEMA.names)}")
        table = table.select(list(columns))
    frame: pd.DataFrame = table.to_pandas(types_mapper=_NULLABLE.get)
    frame.index = index
    return frame


def _enriched_asof(values: pd.Series, moments: pd.Series) -> pa.Table:
    """Each row by the newest snapshot at or before its moment; before the first one nothing is known: nulls."""
    stamps = _stamps(moments)
    ages = library.snapshot_ages(condensed=True)
    known = np.array([int(as_of.timestamp() * 1e6) for as_of, _ in ages], np.int64)
    chosen = np.searchsorted(known, stamps.astype("int64").to_numpy(), "right") - 1
    chosen[stamps.isna().to_numpy()] = -1
    tables, rows = [SCHEMA.empty_table()], [np.zeros(0, np.int64)]
    for number in np.unique(chosen):
        mine = np.flatnonzero(chosen == number)
        if number < 0:
            table = pa.table([pa.nulls(len(mine), field.type) for field in SCHEMA], schema=SCHEMA)
        else:
            table = enrichment.open_engine(ages[number][1]).enrich(values.iloc[mine])
        tables.append(table)
        rows.append(mine)
    order = np.argsort(np.concatenate(rows), kind="stable")
    return pa.concat_tables(tables).unify_dictionaries().take(pa.array(order))


def _stamps(moments: pd.Series) -> pd.Series:
    """Moments in UTC, of timestamps, dates, or ISO text in any of its spellings."""
    kind = pd.api.types.infer_dtype(moments, skipna=True)
    if kind in ("integer", "floating", "mixed-integer-float", "decimal", "boolean") and moments.notna().any():
        # pandas would take them for nanoseconds, and every row would be of 1970, before any snapshot.
        raise ValueError(
            f"column {moments.name!r} for asof holds numbers: if they are seconds since 1970, "
            f"make times of them first: pd.to_datetime(df[{moments.name!r}], unit='s')"
        )
    try:
        return pd.to_datetime(moments, utc=True, format="ISO8601").astype("datetime64[us, UTC]")
    except (ValueError, TypeError) as error:
        said = str(error).splitlines()[0].partition(". You might")[0]
        raise ValueError(
            f"column {moments.name!r} for asof holds what is no time: {said}; "
            "pd.to_datetime(…, format=…) makes times of other spellings"
        ) from error


class SeriesIP:
    """Intel on a column of addresses. Every column of :meth:`enrich` is also an attribute.

    ``s.ip.country``, ``s.ip.is_tor``, ``s.ip.verdict`` … are Series with the index of ``s``.
    """

    def __init__(self, series: pd.Series) -> None:
        text = pd.api.types.is_string_dtype(series.dtype) or pd.api.types.is_object_dtype(series.dtype)
        if not text and not isinstance(series.dtype, pd.CategoricalDtype | pd.ArrowDtype):
            raise AttributeError(f"the .ip accessor wants a column of address text, not {series.dtype}")
        self._series = series

    def enrich(self, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """All columns of intel, or those named, one row per address with the same index.

        Text that is no address gives nulls and scope and verdict ``invalid``.

        Raises:
            KeyError: a column named does not exist.
        """
        return _frame(self._series, columns, self._series.index)

    def __getattr__(self, name: str) -> pd.Series:
        raise AttributeError(f".ip has no {name!r}; it has enrich() and: {', '.join(SCHEMA.names)}")

    def __dir__(self) -> list[str]:
        return ["enrich", *SCHEMA.names]


def _column_property(name: str) -> property:
    """One column as an attribute, so that ``s.ip.country?`` tells what it is."""

    def column(self: SeriesIP) -> pd.Series:
        found = self.enrich([name])[name]
        found.name = self._series.name
        return found

    return property(column, doc=MEANINGS[name])


for _name in SCHEMA.names:
    setattr(SeriesIP, _name, _column_property(_name))


class DataFrameIP:
    """Intel for the address columns of a frame."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame

    def enrich(
        self,
        column: str,
        columns: Sequence[str] | None = None,
        prefix: str | None = None,
        asof: str | None = None,
        snapshot: str | None = None,
    ) -> pd.DataFrame:
        """The frame with intel on ``column`` added, each new column prefixed ``<column>_``.

        ``columns`` chooses among the columns of intel; ``prefix`` replaces the prefix. The frame itself is
        left as it is.

        ``asof`` names a column of timestamps (UTC where they have no zone): each row is judged by the newest
        snapshot at or before its own, and is null where there is none. ``snapshot`` is an id or a date to
        judge all rows by.

        Raises:
            KeyError: the frame has no such column, or intel has not.
            ValueError: a new column would replace one the frame has already; ``asof`` and ``snapshot`` are both
                given; ``asof`` holds numbers, or a text that is no ISO time.
            SnapshotError: there is no such snapshot, or one that is needed is damaged or condensed.
        """
        if column not in self._frame.columns:
            raise KeyError(f"no column {column!r}; the frame has: {', '.join(map(str, self._frame.columns))}")
        if asof is not None and snapshot is not None:
            raise ValueError(
                "asof judges each row by a snapshot of its own time, snapshot all by one: give either"
            )
        if asof is not None and asof not in self._frame.columns:
            raise KeyError(
                f"no column {asof!r} for asof; the frame has: {', '.join(map(str, self._frame.columns))}"
            )
        moments = None if asof is None else self._frame[asof]
        added = _frame(self._frame[column], columns, self._frame.index, moments, snapshot).add_prefix(
            prefix or f"{column}_"
        )
        taken = [name for name in added.columns if name in self._frame.columns]
        if taken:
            more = f" and {len(taken) - 3} more" if len(taken) > 3 else ""
            raise ValueError(
                f"the frame has these columns already: {', '.join(taken[:3])}{more}; pass another prefix=, or drop them"
            )
        return pd.concat([self._frame, added], axis=1)


def register() -> None:
    """Make ``.ip`` known to pandas."""
    pd.api.extensions.register_series_accessor("ip")(SeriesIP)
    pd.api.extensions.register_dataframe_accessor("ip")(DataFrameIP)


register()
