"""The same answers from a Dask cluster as from one process."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

dask = pytest.importorskip("dask.dataframe", reason="needs the dask extra")


def test_a_local_cluster_gives_the_single_process_result() -> None:
    from distributed import Client, LocalCluster

    import workbench.frames.dask  # noqa: F401  registers the accessor
    from workbench import enrichment

    random = np.random.default_rng(7)
    addresses = [".".join(map(str, quad)) for quad in random.integers(0, 256, (4000, 4))]
    log = pd.DataFrame(
        {"src_ip": [*addresses, "junk", None, "2606:4700::1111", "185.246.188.74"], "n": range(4004)}
    )
    alone = log.ip.enrich("src_ip")
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        spread = dask.from_pandas(log, npartitions=5).ip.enrich("src_ip").compute()
        opened = client.run(lambda: enrichment._open.cache_info().misses)
    assert list(opened.values()) == [1, 1]  # each worker maps the snapshot once, whatever the partitions
    texts = [name for name in alone.columns if isinstance(alone[name].dtype, pd.CategoricalDtype)]
    pd.testing.assert_frame_equal(spread, alone.astype(dict.fromkeys(texts, "str")), check_dtype=False)


def test_a_missing_column_is_told_before_anything_runs() -> None:
    import workbench.frames.dask  # noqa: F401  registers the accessor

    with pytest.raises(KeyError, match="no column 'source'"):
        dask.from_pandas(pd.DataFrame({"src_ip": ["1.1.1.1"]}), npartitions=1).ip.enrich("source")


def test_one_snapshot_judges_all_partitions_or_each_row_that_of_its_own_time() -> None:
    import workbench as wb
    import workbench.frames.dask

    now = wb.intel.current()
    log = pd.DataFrame({
        "src_ip": ["185.246.188.74"] * 4,
        "ts": pd.to_datetime(["2001-01-01", None, "2099-01-01", now.as_of], utc=True, format="mixed"),
    })  # fmt: skip
    spread = dask.from_pandas(log, npartitions=2)
    assert spread.ip.enrich("src_ip", snapshot=now.id).compute()["src_ip_snapshot"].tolist() == [now.id] * 4
    by_time = spread.ip.enrich("src_ip", ["verdict"], asof="ts").compute()["src_ip_verdict"]
    assert by_time.isna().tolist() == [True, True, False, False]
    with pytest.raises(wb.intel.SnapshotError, match="no snapshot 'nonsense'"):
        spread.ip.enrich("src_ip", snapshot="nonsense")
    with pytest.raises(ValueError, match="give either"):
        spread.ip.enrich("src_ip", asof="ts", snapshot=now.id)
