"""Cards and widgets where analysts meet them: in a notebook of JupyterLab, with its kernel behind it, and without."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from workbench.notebook.showing import shown

from .test_lab import menu, open_file

if TYPE_CHECKING:
    from tests.notebook.lab.conftest import Lab

pytest.importorskip("anywidget", reason="needs the lab extra")

EXIT = "185.246.188.74"
MARKUP = "<img src=x onerror=\"window.pwned='yes'\"><script>window.pwned='yes'</script>"
IDLE = "/\\| Idle/.test(document.querySelector('#jp-main-statusbar')?.textContent)"
LOOKUP = f"""
%load_ext workbench
import workbench as wb
wb.lookup({EXIT!r})
"""
LONG = """
%load_ext workbench
import time
import workbench as wb
with wb.widgets.progress("Long work") as progress:
    for n in range(6000):
        time.sleep(0.05)
        progress(n, 6000)
"""


def run(page: Any, lab: Lab, name: str, code: str, until: str) -> Any:
    """What a notebook of one cell shows when it is run."""
    open_file(page, lab, lab.write(name, (code, [])))
    page.wait_for_function(IDLE, timeout=60_000)
    menu(page, "Run", "Run All Cells")
    wanted = page.locator(until).first
    asked = page.locator(".jp-Dialog .jp-mod-accept")  # which kernel, where it is run before one is there
    wanted.or_(asked).first.wait_for(timeout=120_000)
    if asked.count():
        asked.click()
        wanted.wait_for(timeout=120_000)
    return wanted


def test_a_record_is_a_card_and_what_its_lists_say_runs_nothing(page: Any, lab: Lab) -> None:
    card = run(page, lab, "card.ipynb", LOOKUP, ".wb-card")
    text = card.inner_text()
    # The lab's intel has a hostile list, and a hostile name of an AS.
    assert MARKUP in text
    assert "AS64666" in text
    assert card.locator("svg.wb-map").count() == 1


def test_an_error_is_one_line_with_its_mend_once_the_workbench_is_imported(page: Any, lab: Lab) -> None:
    code = "import workbench as wb\nwb.triage(['8.8.8.8'], concern={'Netherlands'})"
    error = run(page, lab, "error.ipynb", code, ".jp-RenderedText[data-mime-type*=err]")
    (line,) = error.inner_text().strip().splitlines()
    assert line.startswith("ValueError: 'Netherlands' is no country code: that of Netherlands is NL")


def test_long_work_is_cancelled_by_its_button_while_the_cell_runs(page: Any, lab: Lab) -> None:
    bars = run(page, lab, "long.ipynb", LONG, ".wb-progress [role=progressbar][aria-valuenow]")
    page.locator(".wb-progress").get_by_role("button", name="Cancel").click()
    page.locator(".wb-progress", has_text="cancelled after").wait_for(timeout=60_000)
    error = page.locator(
        ".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.stderr'], .jp-RenderedText[data-mime-type='application/vnd.jupyter.error']"
    )
    error.first.wait_for()
    assert "Cancelled: Long work: cancelled" in " ".join(error.all_inner_texts())
    assert bars.count() == 1


def test_a_notebook_whose_kernel_is_gone_shows_what_its_widgets_left_behind(page: Any, lab: Lab) -> None:
    left = {
        "application/vnd.jupyter.widget-view+json": {
            "model_id": "0" * 32,
            "version_major": 2,
            "version_minor": 0,
        },
        "text/html": f"<div class='wb'><h3>{EXIT}</h3><p>kept</p>{MARKUP}</div>",
        "text/plain": "a widget",
    }
    output = {"output_type": "display_data", "metadata": {}, "data": left}
    open_file(page, lab, lab.write("left.ipynb", ("wb.widgets.profile(…)", [output])))
    page.locator(".jp-OutputArea-output", has_text="kept").first.wait_for(timeout=60_000)
    assert EXIT in page.locator(".jp-OutputArea").first.inner_text()


def test_a_saved_card_is_read_without_a_kernel_by_whoever_does_not_trust_it(page: Any, lab: Lab) -> None:
    import workbench as wb

    data = json.loads(json.dumps(shown(wb.lookup("84.205.67.213"))))
    output = {"output_type": "display_data", "metadata": {}, "data": data}
    open_file(page, lab, lab.write("saved.ipynb", ("wb.lookup(…)", [output])))
    page.locator(".jp-OutputArea-output", has_text="malicious").first.wait_for()
    text = page.locator(".jp-OutputArea-output").first.inner_text()
    assert "84.205.67.213" in text
    assert "Exercise indicators" in text
