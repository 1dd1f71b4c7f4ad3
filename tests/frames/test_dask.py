"""The same answers from a Dask cluster as from one process."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

dask = pytest.importorskip("dask.dataframe", reason="needs the dask extra")


def test_a_local_cluster_gives_the_single_process_result() -> None:
    from distributed import Client, LocalCluster

    import workbench.frames.dask  # noqa: F401  registers the accessor

    random = np.random.default_rng(7)
    addresses = [".".join(map(str, quad)) for quad in random.integers(0, 256, (4000, 4))]
    log = pd.DataFrame(
        {"src_ip": [*addresses, "junk", None, "2606:4700::1111", "185.246.188.74"], "n": range(4004)}
    )
    alone = log.ip.enrich("src_ip")
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster):
        spread = dask.from_pandas(log, npartitions=5).ip.enrich("src_ip").compute()
    texts = [name for name in alone.columns if isinstance(alone[name].dtype, pd.CategoricalDtype)]
    pd.testing.assert_frame_equal(spread, alone.astype(dict.fromkeys(texts, "str")), check_dtype=False)


def test_a_missing_column_is_told_before_anything_runs() -> None:
    import workbench.frames.dask  # noqa: F401  registers the accessor

    with pytest.raises(KeyError, match="no column 'source'"):
        dask.from_pandas(pd.DataFrame({"src_ip": ["1.1.1.1"]}), npartitions=1).ip.enrich("source")
