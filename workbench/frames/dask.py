"""The ``ip`` accessor of Dask frames: importing this module registers it.

Each worker opens the snapshot once and maps it into memory, so a partition is enriched where it lies::

    client = Client("tcp://scheduler:8786")          # LocalCluster(n_workers=2) on one machine
    ddf = dask.dataframe.read_parquet("/shared/flows/*.parquet")
    ddf.ip.enrich("src_ip").to_parquet("/shared/enriched/")

**On a cluster of several machines** every worker needs the workbench and dask of the same versions, and the same
snapshot directory: put ``WORKBENCH_HOME`` on a shared file system and set it in the environment of the workers
(``dask worker`` takes it from its own, dask-jobqueue from ``job_script_prologue``, Kubernetes from ``env``), or copy
``snapshots/ID`` to each; with ``asof`` all snapshots that the rows' times ask for. A worker without the snapshot fails
with its id rather than answering from another one. Reading through a network file system is once a worker: the maps
stay in its memory, some 0.1 to 0.4 GB, shared by the workers of a machine. Partitions of 100,000 rows or more
keep the scheduler out of the way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from dask.dataframe.extensions import register_dataframe_accessor

from workbench.frames import pandas as room

__all__ = ["DaskFrameIP"]


def _enriched(
    part: pd.DataFrame,
    column: str,
    columns: Sequence[str] | None,
    prefix: str | None,
    asof: str | None,
    snapshot: str | None,
) -> pd.DataFrame:
    wide = room.DataFrameIP(part).enrich(column, columns, prefix, asof, snapshot)
    coded = {
        name: wide[name].astype("str")
        for name in wide.columns
        if isinstance(wide[name].dtype, pd.CategoricalDtype)
    }
    # Partitions hold different categories: plain text has one dtype everywhere.
    return wide.assign(**{name: text for name, text in coded.items() if name not in part.columns})


class DaskFrameIP:
    """Intel for the address columns of a Dask frame: ``ddf.ip.enrich("src_ip")``."""

    def __init__(self, frame: Any) -> None:
        self._frame = frame

    def enrich(
        self,
        column: str,
        columns: Sequence[str] | None = None,
        prefix: str | None = None,
        asof: str | None = None,
        snapshot: str | None = None,
    ) -> Any:
        """The frame with intel on ``column`` added, lazily, as :meth:`workbench.frames.pandas.DataFrameIP.enrich` does.

        All partitions are judged by one snapshot: the one given, else the one that is current now, whatever is
        built while the cluster works; with ``asof`` each row by the one of its own time. Text columns come as ``str``.

        Raises:
            KeyError: the frame has no such column, or intel has not.
            ValueError: ``asof`` and ``snapshot`` are both given.
            SnapshotError: there is no such snapshot.
        """
        from workbench import intel

        if asof is None or snapshot is not None:
            snapshot = intel.open(snapshot).id
        arguments = (column, columns, prefix, asof, snapshot)
        return self._frame.map_partitions(
            _enriched, *arguments, meta=_enriched(self._frame._meta, *arguments)
        )


register_dataframe_accessor("ip")(DaskFrameIP)
