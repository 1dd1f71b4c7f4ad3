"""Which errors are told in one line, and which keep their traceback, in a real kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.notebook.conftest import Kernel


@pytest.fixture(scope="module")
def loaded(kernel: Kernel) -> Kernel:
    kernel.run("%load_ext workbench\nimport workbench as wb")
    return kernel


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("wb.triage(['8.8.8.8'], concern={'XX9'})", "ValueError: 'XX9' is no country code: ISO 3166-1 alpha-2 is wanted"),
        ("wb.lookup(12)", "TypeError: lookup wants the text of one address, not 12"),
        ("wb.intel.open('1990-01-01')", "SnapshotError: no snapshot of 1990-01-01 or before"),
        ("import pandas as pd\npd.DataFrame({'a': ['8.8.8.8']}).ip.enrich('b')", "KeyError: no column 'b'; the frame has: a"),
        ("import pandas as pd\npd.Series(['8.8.8.8']).ip.land", "AttributeError: .ip has no 'land'; it has enrich() and: address"),
        ("wb.connect_store('postgresql://x@127.0.0.1:1/x')", "Unreachable: the store: the server cannot be reached"),
    ],
)  # fmt: skip
def test_what_the_rooms_say_on_purpose_is_one_line(loaded: Kernel, code: str, told: str) -> None:
    ran = loaded.run(code)
    assert ran.status == "error"
    (line,) = ran.error
    assert line.startswith(told)
    assert "%tb" in line
    assert "\n" not in line


def test_an_interrupted_kernel_is_told_in_one_line(loaded: Kernel) -> None:
    code = """def pressed(*_): raise KeyboardInterrupt
case = wb.open_case(":memory:")
case.con.sql("CREATE TABLE t AS SELECT '8.8.8.8' AS src_ip")
case.enrich("t", "src_ip", progress=pressed)"""
    assert loaded.run(code).error == ["KeyboardInterrupt: interrupted"]
    assert len(loaded.run("import time\ntime.sleep(0)\nraise KeyboardInterrupt").error) > 1


def test_the_full_traceback_is_there_on_request(loaded: Kernel) -> None:
    loaded.run("wb.lookup(12)")
    shown = "\n".join(loaded.run("%tb").error)
    assert "record.py" in shown
    assert "lookup wants the text of one address" in shown


@pytest.mark.parametrize(
    "code", ["1 / 0", "int('x')", "raise ValueError('mine')", "wb.enrich([1])[object()]"]
)
def test_errors_of_ones_own_code_keep_their_traceback(loaded: Kernel, code: str) -> None:
    assert len(loaded.run(code).error) > 1


def test_a_bug_inside_keeps_its_traceback(loaded: Kernel) -> None:
    loaded.run("from workbench.enrichment import record\nrecord.special_purpose = None")
    shown = loaded.run("wb.lookup('10.0.0.1')").error
    loaded.run("from workbench.addresses.special import special_purpose as s\nrecord.special_purpose = s")
    assert len(shown) > 1
    assert "TypeError" in shown[-1]


def test_a_missing_package_names_the_extra(loaded: Kernel) -> None:
    loaded.run("import sys\nsys.modules['folium'] = None")
    shown = loaded.run("wb.map(['8.8.8.8'])").error
    loaded.run("del sys.modules['folium']")
    assert shown
    assert "folium is not installed: pip install 'ip-workbench[lab]'" in shown[0]


def test_unloading_shows_errors_as_before(loaded: Kernel) -> None:
    loaded.run("%unload_ext workbench")
    assert len(loaded.run("wb.lookup(12)").error) > 1
    loaded.run("%load_ext workbench")


def test_hostile_text_in_an_error_moves_no_cursor(loaded: Kernel) -> None:
    (line,) = loaded.run("wb.triage(['8.8.8.8'], concern={'\\x1b[2J\\nX'})").error
    assert "\x1b[2J" not in line
    assert "\n" not in line
