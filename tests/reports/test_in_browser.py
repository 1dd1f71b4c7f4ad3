"""A report in a real browser, without a network: it asks for nothing, shows its map, and runs no code of the data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from workbench import reports

from .conftest import HOSTILE, Made


@pytest.fixture
def page(browser: Any) -> Any:
    context = browser.new_context(viewport={"width": 1100, "height": 1500}, offline=True)
    opened = context.new_page()
    opened.asked, opened.said = [], []
    opened.on("request", lambda request: opened.asked.append(request.url))
    opened.on("console", lambda message: opened.said.append(f"{message.type}: {message.text}"))
    opened.on("pageerror", lambda error: opened.said.append(f"error: {error}"))
    yield opened
    context.close()


def test_it_opens_offline_asks_for_nothing_and_draws_its_map(page: Any, triage: Made) -> None:
    page.goto(triage.path(".html").as_uri())
    frame = page.frame_locator("figure.map iframe")
    frame.locator(".leaflet-container").wait_for(timeout=60_000)
    page.wait_for_timeout(500)
    asked = [url for url in page.asked if not url.startswith(("data:", "about:", "blob:"))]
    assert asked == [triage.path(".html").as_uri()]
    assert not page.said
    assert page.locator("body > .tlp b").all_inner_texts() == ["TLP:AMBER", "TLP:AMBER"]
    assert page.locator("h1").inner_text() == "Triage of firewall.log"
    assert frame.locator("canvas, svg").count() > 0


def test_what_a_log_says_is_shown_and_never_run(page: Any, tmp_path: Path) -> None:
    log = tmp_path / "hostile.csv"
    quoted = HOSTILE.replace('"', '""')
    log.write_text(f'ts,src_ip,dst_ip,note\n2026-10-05 01:00:00,185.246.188.74,10.0.0.1,"{quoted}"\n2026-10-05 01:00:00,8.8.8.8,"{quoted}",x\n')  # fmt: skip
    hostile_name = tmp_path / "<img src=x onerror=window.hacked=1>.csv"
    hostile_name.write_bytes(log.read_bytes())
    made = reports.run("triage", {"source": hostile_name, "home": "NL"}, to=["html"], output=tmp_path)
    page.goto(made.files[0].as_uri())
    page.frame_locator("figure.map iframe").locator(".leaflet-container").wait_for(timeout=60_000)
    assert page.evaluate("window.hacked") is None
    assert all(frame.evaluate("window.hacked") is None for frame in page.frames)
    assert page.locator("h1").inner_text() == f"Triage of {hostile_name.name}"
    assert page.locator("img").count() == 0
    assert not [line for line in page.said if "Refused" not in line]


def test_code_that_slips_through_is_not_run_either(page: Any, triage: Made, tmp_path: Path) -> None:
    """The page's own policy, if escaping were ever forgotten."""
    broken = tmp_path / "broken.html"
    broken.write_text(triage.html.replace("<h1>", "<script>window.hacked=1</script><img src=x onerror='window.hacked=1'><h1>", 1))  # fmt: skip
    page.goto(broken.as_uri())
    page.wait_for_timeout(300)
    assert page.evaluate("window.hacked") is None
