"""The ``ip`` accessors of pandas: ``df["src_ip"].ip.country``, ``df.ip.enrich("src_ip")``."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import pyarrow as pa

from workbench import enrichment
from workbench.enrichment.engine import SCHEMA

__all__ = ["DataFrameIP", "SeriesIP", "register"]

_NULLABLE = {
    pa.uint8(): pd.UInt8Dtype(),
    pa.uint16(): pd.UInt16Dtype(),
    pa.uint32(): pd.UInt32Dtype(),
    pa.bool_(): pd.BooleanDtype(),
}


def _frame(values: pd.Series, columns: Sequence[str] | None, index: pd.Index) -> pd.DataFrame:
    table = enrichment.open_engine().enrich(values)
    if columns is not None:
        unknown = [name for name in columns if name not in SCHEMA.names]
        if unknown:
            raise KeyError(f"no such column: {', '.join(unknown)}; there are: {', '.join(SCHEMA.names)}")
        table = table.select(list(columns))
    frame: pd.DataFrame = table.to_pandas(types_mapper=_NULLABLE.get)
    frame.index = index
    return frame


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
        if name not in SCHEMA.names:
            raise AttributeError(f".ip has no {name!r}; it has enrich() and: {', '.join(SCHEMA.names)}")
        column = self.enrich([name])[name]
        column.name = self._series.name
        return column

    def __dir__(self) -> list[str]:
        return ["enrich", *SCHEMA.names]


class DataFrameIP:
    """Intel for the address columns of a frame."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame

    def enrich(
        self, column: str, columns: Sequence[str] | None = None, prefix: str | None = None
    ) -> pd.DataFrame:
        """The frame with intel on ``column`` added, each new column prefixed ``<column>_``.

        ``columns`` chooses among the columns of intel; ``prefix`` replaces the prefix. The frame itself is
        left as it is.

        Raises:
            KeyError: the frame has no such column, or intel has not.
            ValueError: a new column would replace one the frame has already.
        """
        if column not in self._frame.columns:
            raise KeyError(f"no column {column!r}; the frame has: {', '.join(map(str, self._frame.columns))}")
        added = _frame(self._frame[column], columns, self._frame.index).add_prefix(prefix or f"{column}_")
        taken = [name for name in added.columns if name in self._frame.columns]
        if taken:
            raise ValueError(f"the frame has these columns already: {', '.join(taken)}; pass another prefix=")
        return pd.concat([self._frame, added], axis=1)


def register() -> None:
    """Make ``.ip`` known to pandas."""
    pd.api.extensions.register_series_accessor("ip")(SeriesIP)
    pd.api.extensions.register_dataframe_accessor("ip")(DataFrameIP)


register()
