"""The board where analysts meet it: in a notebook of JupyterLab, with its kernel behind it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .test_lab import menu, open_file

if TYPE_CHECKING:
    from tests.notebook.lab.conftest import Lab

pytest.importorskip("anywidget", reason="needs the lab extra")

SAMPLE = Path(__file__).resolve().parents[3] / "data" / "samples" / "firewall.log"
ATTACKER, EXIT = "84.205.67.213", "185.246.188.74"
CASE = f"""
import workbench as wb
case = wb.open_case(":memory:")
case.ingest({str(SAMPLE)!r})
board = wb.board(case, {{"HK"}})
def keep(change):
    with open("chosen.txt", "w") as file:
        print(board.selected.column("address").to_pylist(), board.filters, file=file)
board.observe(keep, ["_selected", "filters"])
board
"""
TRIAGE = """
import workbench as wb
wb.triage(["84.205.67.213", "8.8.8.8"])
"""


def run(page: Any, lab: Lab, name: str, code: str) -> Any:
    """The board that a notebook of one cell shows when it is run."""
    open_file(page, lab, lab.write(name, (code, [])))
    page.wait_for_function(
        "/\\| Idle/.test(document.querySelector('#jp-main-statusbar')?.textContent)", timeout=60_000
    )
    menu(page, "Run", "Run All Cells")
    board = page.locator(".wb-board[data-drawn]")
    asked = page.locator(".jp-Dialog .jp-mod-accept")  # which kernel, where it is run before one is there
    board.or_(asked).first.wait_for(timeout=120_000)
    if asked.count():
        asked.click()
        board.wait_for(timeout=120_000)
    board.scroll_into_view_if_needed()
    return board


def test_a_triage_at_the_end_of_a_cell_is_a_board(page: Any, lab: Lab) -> None:
    board = run(page, lab, "triage.ipynb", TRIAGE)
    assert "2 addresses" in board.locator(".wb-head").inner_text()


def test_what_is_chosen_by_keys_is_read_in_python_and_no_key_reaches_the_notebook(
    page: Any, lab: Lab
) -> None:
    board = run(page, lab, "board.ipynb", CASE)
    assert "Hong Kong" in board.locator(".wb-head").inner_text()
    board.locator(".wb-grid").focus()
    # Keys of JupyterLab's command mode (cut, delete, insert below, next) do nothing to the notebook here.
    for key in ("x", "d", "d", "b", "j", " ", "Shift+ArrowDown", "/"):
        page.keyboard.press(key)
    page.keyboard.type("exercise")
    board.locator(".wb-told", has_text="2 of 23 addresses · 2 chosen").wait_for()
    assert page.locator(".jp-Notebook .jp-CodeCell").count() == 1
    said = ""
    for _ in range(200):
        said = (lab.folder / "chosen.txt").read_text() if (lab.folder / "chosen.txt").exists() else ""
        if "'text': 'exercise'" in said and ATTACKER in said:
            break
        page.wait_for_timeout(50)
    assert "'text': 'exercise'" in said
    assert ATTACKER in said


def test_profiles_are_made_from_the_board_and_the_notebook_goes_on(page: Any, lab: Lab) -> None:
    board = page.locator(".wb-board")
    board.scroll_into_view_if_needed()
    board.locator("text=Profiles…").click()
    board.locator("text=Create 2 profiles").click()
    board.locator(".wb-works", has_text="2 profiles created at TLP:AMBER in the case").wait_for()
    board.locator(".wb-rows .wb-row", has_text=ATTACKER).first.click()
    board.locator(".wb-evidence", has_text="TLP:AMBER").wait_for()
    assert "Exercise indicators" in board.locator(".wb-evidence").inner_text()


def test_addresses_in_a_board_are_neither_underlined_nor_cards(page: Any, lab: Lab) -> None:
    page.wait_for_timeout(1200)
    inside = page.evaluate("""() => [...CSS.highlights.values()].flatMap((all) => [...all])
      .filter((range) => range.startContainer.parentElement?.closest('.wb-board')).length""")
    assert inside == 0
    address = page.locator(".wb-board").locator(".wb-rows .wb-row", has_text=ATTACKER).first.locator(".wb-is-address")  # fmt: skip
    address.hover()
    page.wait_for_timeout(700)
    assert page.locator(".ipw-hover").count() == 0


def test_a_board_is_dark_when_jupyterlab_turns_dark(page: Any, lab: Lab) -> None:
    board = page.locator(".wb-board")
    assert board.get_attribute("data-theme") == "light"
    before = board.evaluate("board => getComputedStyle(board).backgroundColor")
    menu(page, "Settings", "Theme", "JupyterLab Dark")
    page.wait_for_function("document.querySelector('.wb-board').dataset.theme === 'dark'")
    page.wait_for_function("before => getComputedStyle(document.querySelector('.wb-board')).backgroundColor !== before", arg=before)  # fmt: skip
    menu(page, "Settings", "Theme", "JupyterLab Light")
    page.wait_for_function("document.body.dataset.jpThemeLight === 'true'")


def test_a_saved_notebook_keeps_the_table_for_where_there_are_no_widgets(page: Any, lab: Lab) -> None:
    menu(page, "File", "Save Notebook$")
    text = ""
    for _ in range(200):
        text = (lab.folder / "board.ipynb").read_text()
        if "data-mark=" in text:
            break
        page.wait_for_timeout(50)
    assert "application/vnd.jupyter.widget-view+json" in text
    assert "data-mark=" in text
    assert EXIT in text
