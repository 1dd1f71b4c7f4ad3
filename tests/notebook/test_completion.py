"""What the tab key and the question mark give in a real kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from workbench.enrichment.engine import SCHEMA
from workbench.enrichment.meanings import MEANINGS

if TYPE_CHECKING:
    from tests.notebook.conftest import Kernel

FRAME = 'import pandas as pd, workbench as wb\ndf = pd.DataFrame({"src_ip": ["8.8.8.8"]})\ns = df["src_ip"]'


def test_every_column_has_a_meaning() -> None:
    assert list(MEANINGS) == SCHEMA.names


@pytest.mark.parametrize("asked", ["s.ip.", 'df["src_ip"].ip.', "df.src_ip.ip.", 'print(df["src_ip"].ip.'])
def test_the_accessor_of_a_column_completes_on_tab(kernel: Kernel, asked: str) -> None:
    kernel.run(FRAME)
    assert sorted(kernel.completed(asked)) == sorted(["enrich", *SCHEMA.names])
    assert sorted(kernel.completed(f"{asked}is_k")) == ["is_known_abuser", "is_known_attacker"]


def test_the_accessor_of_a_frame_completes_on_tab(kernel: Kernel) -> None:
    kernel.run(FRAME)
    assert kernel.completed("df.ip.") == ["enrich"]


def test_public_names_complete_and_nothing_else_does(kernel: Kernel) -> None:
    kernel.run(FRAME)
    import workbench as wb

    assert sorted(kernel.completed("wb.")) == sorted(wb.__all__)
    assert "widgets" in kernel.completed("wb.wi")
    assert sorted(kernel.completed("wb.intel.")) == sorted(wb.intel.__all__)
    assert "match" in kernel.completed("wb.stix.m")


def test_completing_runs_no_code_and_leaves_other_names_alone(kernel: Kernel) -> None:
    kernel.run(FRAME + "\nran = []\ndef f():\n    ran.append(1)\n    return s")
    kernel.completed("f().ip.")
    assert kernel.run("print(ran)").printed == "[]\n"
    assert "upper" in kernel.completed("s.str.")


def test_help_tells_what_columns_and_functions_mean(kernel: Kernel) -> None:
    kernel.run(FRAME)
    assert MEANINGS["country"] in kernel.help("s.ip.country")
    assert "Tor exit" in kernel.help("s.ip.is_tor")
    assert "left as it is" in " ".join(kernel.help("df.ip.enrich").split())
    assert "offline" in kernel.help("wb.map")
