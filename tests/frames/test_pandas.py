"""The .ip accessors, as they are typed in a notebook; against the shipped pack."""

from __future__ import annotations

import subprocess
import sys

import pandas as pd
import pytest

import workbench as wb

LOG = pd.DataFrame(
    {"src_ip": ["185.246.188.74", "8.8.8.8", "junk", None, "10.0.0.1"], "port": range(5)}, index=list("abcde")
)


def test_enrich_adds_prefixed_columns_and_leaves_the_frame_alone() -> None:
    wide = LOG.ip.enrich("src_ip")
    assert list(LOG.columns) == ["src_ip", "port"]
    assert list(wide.index) == list("abcde")
    assert wide.loc["a", "src_ip_is_tor"]
    assert wide["src_ip_verdict"].tolist() == ["anonymised", "clean", "invalid", "invalid", "unroutable"]


def test_one_column_is_an_attribute_with_the_index_of_the_series() -> None:
    numbers = LOG["src_ip"].ip.asn
    assert numbers.name == "src_ip"
    assert str(numbers.dtype) == "UInt32"
    assert numbers["b"] == 15169
    assert numbers["c"] is pd.NA


def test_columns_can_be_chosen() -> None:
    assert list(LOG.ip.enrich("src_ip", ["country", "verdict"]).columns) == [
        "src_ip",
        "port",
        "src_ip_country",
        "src_ip_verdict",
    ]


def test_tab_completion_knows_the_columns() -> None:
    assert {"country", "is_tor", "enrich", "verdict"} <= set(dir(LOG["src_ip"].ip))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: LOG.ip.enrich("source"), KeyError, "src_ip, port"),
        (lambda: LOG["src_ip"].ip.contry, AttributeError, "country"),
        (lambda: LOG["port"].ip, AttributeError, "int64"),
        (lambda: LOG["src_ip"].ip.enrich(["nothing"]), KeyError, "no such column: nothing"),
        (lambda: LOG.assign(src_ip_asn=1).ip.enrich("src_ip"), ValueError, "src_ip_asn"),
    ],
)
def test_mistakes_are_told_with_the_mend(call: object, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()  # type: ignore[operator]


@pytest.mark.parametrize("order", ["import pandas, workbench", "import workbench, pandas"])
def test_the_accessor_is_there_whichever_is_imported_first(order: str) -> None:
    code = f"{order}\nprint(pandas.Series(['10.0.0.1']).ip.scope[0])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "private\n"
    )


def test_importing_the_workbench_imports_nothing_heavy() -> None:
    code = "import workbench, sys; print([m for m in ('pandas', 'pyarrow', 'numpy', 'duckdb', 'numba') if m in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "[]\n"
    )


@pytest.mark.filterwarnings("error", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_mistakes_with_a_frame_are_told_in_its_words() -> None:
    frame = pd.DataFrame({"src_ip": ["8.8.8.8"], "when": ["yesterday"]})
    with pytest.raises(ValueError, match="column 'when' for asof holds what is no time"):
        frame.ip.enrich("src_ip", asof="when")
    for seconds in ([1_795_621_163], [1_795_621_163.5], pd.array([1_795_621_163], "Int64")):
        with pytest.raises(
            ValueError, match=r"'when' for asof holds numbers: .* pd.to_datetime\(df\['when'\], unit='s'\)"
        ):
            frame.assign(when=seconds).ip.enrich("src_ip", asof="when")
    with pytest.raises(
        ValueError, match=r"src_ip_address, src_ip_version, src_ip_scope and 25 more; pass another"
    ):
        frame.ip.enrich("src_ip").ip.enrich("src_ip")
    for many in (wb.enrich, wb.triage):
        with pytest.raises(TypeError, match=r"pass one of it, such as df\['src_ip'\]"):
            many(frame)


def test_an_arrow_array_may_be_the_first_thing_to_load_pandas() -> None:
    """Arrow loads pandas within a lock of its own, and the accessors come with pandas: no module of theirs may make an
    array while it loads."""
    code = "import workbench, pyarrow as pa; pa.array(['8.8.8.8']); import pandas as pd; print(pd.Series(['8.8.8.8']).ip.country[0])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout == "US\n"


def test_a_lookup_needs_neither_pandas_nor_numba() -> None:
    code = "import workbench, sys; workbench.lookup('8.8.8.8'); print([m for m in ('pandas', 'duckdb', 'numba') if m in sys.modules])"
    wb.lookup("8.8.8.8")  # builds the snapshot once
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "[]\n"
    )
