"""The pages and the board in Firefox: drawn, driven by keys, without an error and without a request."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import workbench as wb

from .firefox import Firefox, firefox
from .hosting import page_of

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "samples" / "firewall.log"


@pytest.fixture(scope="module")
def window() -> Iterator[Firefox]:
    with firefox() as running:
        yield running


def until(window: Firefox, condition: str) -> None:
    """Until the page says so."""
    waited = f"new Promise((done) => {{ let left = 400; const look = () => ({condition}) || !left-- ? done(Boolean({condition})) : setTimeout(look, 25); look(); }})"
    assert window.run(waited), f"never became true: {condition}"


def test_a_map_draws_and_finds_by_keys(window: Firefox, tmp_path: Path) -> None:
    case = wb.open_case(":memory:")
    case.ingest(SAMPLE)
    case.map("firewall", home="NL", tlp="AMBER").save(str(tmp_path / "map.html"))
    window.open(tmp_path / "map.html")
    until(window, "document.querySelectorAll('.results li').length === 23")
    drawn = "(() => { const c = document.querySelector('canvas'); const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data; return new Set(new Uint32Array(d.buffer)).size })()"
    assert window.run(drawn) > 2
    window.run("document.querySelector('input[type=search]').focus() ?? true")
    window.press(*"84.205")
    until(window, "document.querySelectorAll('.results li').length === 1")
    assert window.errors == []
    assert [url for url in window.requests if not url.startswith(("file:", "data:", "blob:"))] == []


def test_a_board_filters_chooses_and_opens_by_keys(window: Firefox, tmp_path: Path) -> None:
    pytest.importorskip("anywidget", reason="needs the lab extra")
    case = wb.open_case(":memory:")
    case.ingest(SAMPLE)
    (tmp_path / "board.html").write_text(page_of(wb.board(case, {"HK"})))
    window.open(tmp_path / "board.html")
    until(window, "document.querySelector('.wb-board[data-drawn]')")
    window.run("document.querySelector('.wb-grid').focus() ?? true")
    window.press("\ue015", " ", "\ue007")  # arrow down, choose, open
    until(window, "document.querySelector('.wb-told').textContent.includes('1 chosen')")
    assert "84.205.67.213" in window.run("document.querySelector('.wb-details').innerText")
    box = json.loads(window.run("JSON.stringify((({ height, width }) => ({ height, width }))(document.querySelector('.wb-board').getBoundingClientRect()))"))  # fmt: skip
    assert 400 < box["height"] <= 781
    assert window.errors == []
