"""The board in a real browser: what follows what, mouse and keys, what is chosen, and what it must never do."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import workbench as wb
from workbench.case import Case
from workbench.notebook.showing import shown

pytest.importorskip("anywidget", reason="needs the lab extra")
from .hosting import Hosted, hosting

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "samples" / "firewall.log"
ATTACKER, EXIT = "84.205.67.213", "185.246.188.74"
MARKUP = "<img src=x onerror=\"window.pwned='yes'\"><script>window.pwned='yes'</script>"
DRAWN = "() => Number(document.querySelector('.wb-board')?.dataset.drawn) > 0"


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    with wb.open_case(str(tmp_path / "intrusion.duckdb")) as case:
        case.ingest(SAMPLE)
        yield case


@pytest.fixture
def host(browser: Any) -> Iterator[Callable[..., Hosted]]:
    with hosting(browser, DRAWN) as show:
        yield show


def settle(hosted: Hosted, act: Callable[[], Any]) -> None:
    """Do something, until the board is drawn anew and Python knows of it."""
    before = hosted.page.evaluate("() => Number(document.querySelector('.wb-board').dataset.drawn)")
    act()
    hosted.wait(f"() => Number(document.querySelector('.wb-board').dataset.drawn) > {before}")
    # A timer of the page comes after those that it set before, however late they are; one of this process might not.
    hosted.page.evaluate("() => new Promise((done) => setTimeout(done, 250))")
    hosted.page.wait_for_timeout(25)
    hosted.pump()


def lines(hosted: Hosted) -> list[str]:
    """Addresses of the lines in sight."""
    found: list[str] = hosted.page.evaluate(
        "() => [...document.querySelectorAll('.wb-rows .wb-row:not([hidden])')].sort((a, b) => a.ariaRowIndex - b.ariaRowIndex).map((line) => line.children[2].textContent)"
    )
    return found


def bars(hosted: Hosted, title: str) -> dict[str, int]:
    found: dict[str, int] = hosted.page.evaluate(
        "(title) => Object.fromEntries([...[...document.querySelectorAll('.wb-pane')].find((card) => card.querySelector('h3').textContent === title).querySelectorAll('.wb-entry:not([hidden])')].map((entry) => [entry.querySelector('.wb-label').textContent, Number(entry.querySelector('.wb-tally').textContent.replace(/,/g, ''))]).filter(([, count]) => count))",
        title,
    )
    return found


def counted(table: pa.Table, column: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for value in table.column(column).to_pylist():
        found[value or "unknown"] = found.get(value or "unknown", 0) + 1
    return found


def test_a_card_on_the_same_page_changes_nothing_of_the_board_nor_the_board_of_it(case: Case, host: Callable[..., Hosted]) -> None:  # fmt: skip
    boxes = """() => [...document.querySelectorAll('.wb-board :is(section, h3, canvas, .wb-row:not([hidden]))')].map((part) => {
      const { x, width, height } = part.getBoundingClientRect();
      return [part.className, x, width, height, getComputedStyle(part).fontFamily];
    })"""
    hosted = host(wb.board(case, {"HK"}))
    alone = hosted.page.evaluate(boxes)
    html = next(bundle["text/html"] for bundle in [shown(wb.lookup(ATTACKER))] if bundle)
    hosted.page.evaluate("(html) => document.body.insertAdjacentHTML('beforeend', html)", html)
    assert hosted.page.evaluate(boxes) == alone
    card = hosted.page.locator("article")
    assert hosted.page.locator(".wb-map").bounding_box()["height"] > 100
    assert card.evaluate("(card) => card.scrollWidth <= card.clientWidth")
    assert card.locator(".wb-timeline svg").bounding_box()["width"] == 240


# One follows the other.


def test_a_verdict_chosen_is_followed_by_table_bars_and_counts(case: Case, host: Callable[..., Hosted]) -> None:  # fmt: skip
    board = wb.board(case, {"HK"})
    hosted = host(board)
    assert len(lines(hosted)) == 23 or len(lines(hosted)) >= 12
    assert bars(hosted, "Countries") == counted(board.triage.table, "country_name")
    settle(hosted, lambda: hosted.page.click(".wb-verdict:has-text('anonymised')"))
    chosen = board.triage.table.filter(pa.compute.equal(board.triage.table.column("verdict").cast(pa.string()), "anonymised"))  # fmt: skip
    assert lines(hosted) == chosen.column("address").to_pylist()
    assert bars(hosted, "Countries") == counted(chosen, "country_name")
    assert board.filters == {"verdict": ["anonymised"]}
    assert board.shown.column("address").to_pylist() == chosen.column("address").to_pylist()
    # A list shows what choosing more of it would bring: its own filter does not empty it.
    assert "17" in hosted.page.inner_text(".wb-verdict:has-text('clean')")
    settle(hosted, lambda: hosted.page.click(".wb-entry:has-text('Moldova')"))
    assert lines(hosted) == ["178.17.174.164"]
    assert bars(hosted, "Countries") == counted(chosen, "country_name")
    assert hosted.page.get_attribute(".wb-entry:has-text('Moldova')", "aria-pressed") == "true"
    assert "1" in hosted.page.inner_text(".wb-verdict:has-text('anonymised')")
    assert "1 of 23 addresses" in hosted.page.inner_text(".wb-told")
    settle(hosted, lambda: hosted.page.click("text=Clear all"))
    assert board.filters == {}
    assert len(board.shown) == 23


def test_a_time_brushed_is_followed_and_can_be_moved_with_keys(
    case: Case, host: Callable[..., Hosted]
) -> None:
    board = wb.board(case)
    hosted = host(board)
    box = hosted.page.locator(".wb-time .wb-plot").bounding_box()
    time = board._facts["time"]
    wide = box["width"] / time["bins"]

    def brush() -> None:
        hosted.page.mouse.move(box["x"] + wide * 19.5, box["y"] + 20)
        hosted.page.mouse.down()
        hosted.page.mouse.move(box["x"] + wide * 20.5, box["y"] + 20, steps=3)
        hosted.page.mouse.move(box["x"] + wide * 21.5, box["y"] + 20, steps=3)
        hosted.page.mouse.up()

    settle(hosted, brush)
    start, end = (np.datetime64(moment.rstrip("Z")).astype("datetime64[us]") for moment in board.filters["time"])  # fmt: skip
    assert (end - start) / np.timedelta64(1, "s") == 3 * time["step"]
    met = case.con.execute("SELECT unnest([src_ip, dst_ip]) FROM firewall WHERE ts >= ? AND ts < ?", [start.item(), end.item()]).fetchall()  # fmt: skip
    canonical = {str(ip_address(text)) for (text,) in met if _is_address(text)}
    assert set(board.shown.column("address").to_pylist()) == canonical & set(board.triage.table.column("address").to_pylist())  # fmt: skip
    # All three exits were there then, so the verdicts follow.
    assert "3" in hosted.page.inner_text(".wb-verdict:has-text('anonymised')")
    assert "0" in hosted.page.inner_text(".wb-verdict:has-text('watch')")
    hosted.page.focus(".wb-handle >> nth=1")
    settle(hosted, lambda: hosted.page.keyboard.press("End"))
    assert board.filters["time"][0].startswith(str(start)[:16])
    assert hosted.page.get_attribute(".wb-handle >> nth=1", "aria-valuenow") == str(time["bins"] - 1)
    settle(hosted, lambda: hosted.page.dblclick(".wb-time .wb-plot", position={"x": 5, "y": 20}))
    assert "time" not in board.filters


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def test_an_area_drawn_on_the_map_and_a_country_clicked_are_filters(case: Case, host: Callable[..., Hosted]) -> None:  # fmt: skip
    board = wb.board(case)
    hosted = host(board)
    box = hosted.page.locator(".wb-where .wb-plot").bounding_box()

    def lasso() -> None:  # the western half of the world
        hosted.page.mouse.move(box["x"] + 2, box["y"] + 2)
        hosted.page.mouse.down()
        hosted.page.mouse.move(box["x"] + box["width"] / 2 - 40, box["y"] + box["height"] - 2, steps=4)
        hosted.page.mouse.up()

    settle(hosted, lasso)
    east = board.filters["area"][2]
    assert set(board.shown.column("country").to_pylist()) == {"US", "CA", "MX", "BR"}
    assert east < 0
    settle(hosted, lambda: hosted.page.click(".wb-word:has-text('area')"))
    assert board.filters == {}
    # Australia is large, and nothing but one circle lies on it.
    at = hosted.page.evaluate("""() => {
      const canvas = document.querySelector('.wb-where canvas');
      const unit = Math.min(canvas.clientWidth / (360 * 0.82), canvas.clientHeight / 134);
      return { x: canvas.clientWidth / 2 + 122 * 0.82 * unit, y: canvas.clientHeight / 2 - (-27 - 11) * unit };
    }""")
    settle(hosted, lambda: hosted.page.click(".wb-where canvas", position=at))
    assert board.filters == {"country": ["AU"]}
    assert set(board.shown.column("country").to_pylist()) == {"AU"}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("93.175", lambda row: row["address"].startswith("93.175")),
        ("185.246.188.0/24", lambda row: ip_address(row["address"]) in ip_network("185.246.188.0/24")),
        ("2001:380::/32", lambda row: ip_address(row["address"]) in ip_network("2001:380::/32")),
        ("as12654", lambda row: row["asn"] == 12654),
        ("AS1265", lambda row: False),
        ("netherlands exit", lambda row: row["country"] == "NL" and "Tor exit" in row["reasons"]),
        ("TELEFONICA", lambda row: "telefonica" in row["as_org"].lower()),
        ("nothing has this", lambda row: False),
        ("<script>", lambda row: False),
    ],
)
def test_search_finds_addresses_networks_places_and_reasons(
    case: Case, host: Callable[..., Hosted], text: str, wanted: Callable[[Any], bool]
) -> None:
    board = wb.board(case)
    hosted = host(board)
    settle(hosted, lambda: hosted.page.fill(".wb-search", text))
    rows = board.triage.table.to_pylist()
    assert board.shown.column("address").to_pylist() == [row["address"] for row in rows if wanted(row)]
    if not len(board.shown):
        assert hosted.page.is_visible("text=No address passes all filters.")


def test_filters_set_in_python_are_those_of_the_page_and_agree_with_the_table(host: Callable[..., Hosted]) -> None:  # fmt: skip
    """Random filters, against the same asked of the table by Python."""
    chance = random.Random(4)
    addresses = [f"{chance.randint(1, 223)}.{chance.randint(0, 255)}.{chance.randint(0, 255)}.9" for _ in range(3000)]  # fmt: skip
    board = wb.board([*addresses, ATTACKER, EXIT, "8.8.8.8", "2620:fe::fe"], {"CN", "US"})
    hosted = host(board)
    rows = board.triage.table.to_pylist()
    for _ in range(12):
        row = chance.choice(rows[:200])
        filters: dict[str, Any] = {}
        if chance.random() < 0.5:
            filters["verdict"] = chance.sample(["anonymised", "watch", "clean", "malicious"], 2)
        if chance.random() < 0.5:
            filters["country"] = sorted({row["country"] or "", "US", "JP"})
        if chance.random() < 0.4:
            filters["type"] = [row["network_type"] or ""]
        if chance.random() < 0.4:
            filters["flag"] = ["datacenter", "tor"]
        if chance.random() < 0.4:
            filters["text"] = str(chance.randint(1, 99))
        board.filters = filters
        hosted.pump()
        hosted.wait("(size) => document.querySelector('.wb-told').textContent.length > 0 && window.host.model.get('filters') !== null", len(rows))  # fmt: skip
        hosted.page.wait_for_timeout(60)
        expected = [row for row in rows if _passes(row, filters)]
        said = hosted.page.inner_text(".wb-told").split(" ", 1)[0].replace(",", "")
        assert int(said) == len(expected), filters
        if expected:
            assert lines(hosted)[0] == expected[0]["address"]


def _passes(row: dict[str, Any], filters: dict[str, Any]) -> bool:
    if "verdict" in filters and row["verdict"] not in filters["verdict"]:
        return False
    if "country" in filters and (row["country"] or "") not in filters["country"]:
        return False
    if "type" in filters and (row["network_type"] or "") not in filters["type"]:
        return False
    if "flag" in filters and not (row["is_datacenter"] or row["is_tor"]):
        return False
    if "text" in filters:
        network = f"AS{row['asn']} {row['as_org'] or ''}" if row["asn"] else row["as_org"] or ""
        country = f"{row['country']} {row['country_name']}" if row["country"] else ""
        texts = (row["address"], network, country, row["network_type"], row["prefix"], row["reasons"], row["city"], row["region"])  # fmt: skip
        return any(filters["text"] in (text or "").lower() for text in texts)
    return True


# Choosing.


def test_keys_alone_do_everything(case: Case, host: Callable[..., Hosted]) -> None:
    board = wb.board(case)
    hosted = host(board)
    keys = hosted.page.keyboard
    everything = board.triage.table.column("address").to_pylist()
    hosted.page.focus(".wb-grid")
    keys.press("ArrowDown")
    keys.press(" ")
    keys.press("ArrowDown")
    keys.press("Shift+ArrowDown")
    hosted.until(lambda: board.selected.column("address").to_pylist() == everything[1:4])
    active = hosted.page.get_attribute(".wb-grid", "aria-activedescendant")
    assert hosted.page.get_attribute(f"#{active}", "aria-rowindex") == "5"
    keys.press("End")
    assert lines(hosted)[-1] == everything[-1]
    keys.press("Home")
    keys.press("Enter")
    hosted.wait("() => document.querySelector('.wb-evidence')?.textContent.includes('Exercise indicators')")
    assert hosted.page.evaluate("document.activeElement.textContent") == everything[0]
    keys.press("Escape")
    assert hosted.page.is_hidden(".wb-details")
    assert hosted.page.evaluate("document.activeElement.className").startswith("wb-grid")
    keys.press("/")
    keys.type("exit")
    hosted.until(lambda: len(board.shown) == 3)
    keys.press("Enter")
    keys.press("Control+a")
    hosted.until(lambda: len(board.selected) == 4)
    keys.press("Escape")  # the filters go before the choice
    hosted.until(lambda: board.filters == {})
    keys.press("Escape")
    hosted.until(lambda: len(board.selected) == 0)
    # Chips: Tab comes to the group once, arrows go about in it.
    hosted.page.focus(".wb-verdict:not([hidden])")
    keys.press("ArrowRight")
    keys.press("Enter")
    hosted.until(lambda: board.filters == {"verdict": ["anonymised"]})
    assert hosted.page.locator(".wb-verdict[tabindex='0']").count() == 1


def test_the_mouse_chooses_one_many_and_all(case: Case, host: Callable[..., Hosted]) -> None:
    board = wb.board(case)
    hosted = host(board)
    everything = board.triage.table.column("address").to_pylist()
    line = hosted.page.locator(".wb-rows .wb-row")
    line.nth(1).click(modifiers=["Control"])
    line.nth(4).click(modifiers=["Shift"])
    line.nth(2).locator(".wb-box").click()
    hosted.until(lambda: board.selected.column("address").to_pylist() == [everything[1], everything[3], everything[4]])  # fmt: skip
    hosted.page.click(".wb-heads .wb-box")
    hosted.until(lambda: len(board.selected) == 23)
    hosted.page.click("text=Choose none")
    hosted.until(lambda: len(board.selected) == 0)
    board.select([EXIT])
    hosted.wait("() => document.querySelector('.wb-told').textContent.includes('1 chosen')")
    assert hosted.page.locator(".wb-rows .wb-picked").inner_text().count(EXIT) == 1


def test_heads_sort(case: Case, host: Callable[..., Hosted]) -> None:
    board = wb.board(case)
    hosted = host(board)
    table = board.triage.table

    def sorted_by(*keys: tuple[str, str]) -> list[str]:
        return [table.column("address")[at].as_py() for at in pa.compute.sort_indices(table.append_column("row", pa.array(range(len(table)))).select([*dict(keys), "row"]), sort_keys=[*keys, ("row", "ascending")]).to_pylist()]  # fmt: skip

    hosted.page.click(".wb-heads >> text=Hits")
    assert lines(hosted)[:10] == sorted_by(("hits", "descending"))[:10]
    assert hosted.page.get_attribute(".wb-heads :has(> .wb-is-hits)", "aria-sort") == "descending"
    hosted.page.click(".wb-heads >> text=Hits")
    assert lines(hosted)[:10] == sorted_by(("hits", "ascending"))[:10]
    hosted.page.click(".wb-heads >> text=Hits")
    assert lines(hosted)[:10] == table.column("address").to_pylist()[:10]
    hosted.page.click(".wb-heads >> text=Address")
    numbers = sorted(map(ip_address, table.column("address").to_pylist()), key=lambda a: (a.version, int(a)))
    assert lines(hosted)[:10] == [str(each) for each in numbers[:10]]


# Doing.


def test_profiles_are_made_and_what_came_of_it_is_told_in_place(
    case: Case, host: Callable[..., Hosted]
) -> None:
    board = wb.board(case)
    hosted = host(board)
    page = hosted.page
    assert page.is_disabled("text=Profiles…")
    page.locator(".wb-rows .wb-row").nth(0).locator(".wb-box").click()
    page.locator(".wb-rows .wb-row").nth(1).locator(".wb-box").click()
    page.click("text=Profiles…")
    page.select_option("select[name=level]", "TLP:GREEN")
    page.fill("input[name=tags]", "c2")
    page.click("text=Create 2 profiles")
    hosted.wait("() => document.querySelector('.wb-works').textContent.includes('2 profiles created at TLP:GREEN in the case intrusion')")  # fmt: skip
    assert case.profiles.get(ATTACKER).tags == ("c2",)
    page.click("text=TLP…")
    page.select_option("select[name=level]", "TLP:AMBER+STRICT")
    page.fill("input[name=reason]", "source asked")
    page.keyboard.press("Enter")
    hosted.wait(
        "() => document.querySelector('.wb-works').textContent.includes('2 profiles set to TLP:AMBER+STRICT')"
    )
    page.click("text=Investigation…")
    assert "Investigations are in a store" in page.inner_text("[role=alert]")
    page.click("text=STIX…")
    page.fill("input[name=to]", "community")
    page.fill("input[name=organisation]", "CERT Example")
    page.keyboard.press("Enter")
    hosted.wait(
        "() => [...document.querySelectorAll('[role=alert]')].some((each) => each.textContent.includes('marked above TLP:GREEN'))"
    )


def test_files_are_saved(case: Case, host: Callable[..., Hosted]) -> None:
    board = wb.board(case)
    hosted = host(board)
    hosted.page.click("text=Choose shown")
    with hosted.page.expect_download() as table:
        hosted.page.click(".wb-do >> text=CSV")
        hosted.wait(
            "() => document.querySelector('.wb-works').textContent.includes('23 addresses in intrusion-')"
        )
    text = Path(table.value.path()).read_text()
    assert len(text.splitlines()) == 24
    assert table.value.suggested_filename.endswith(".csv")
    hosted.page.click("text=STIX…")
    hosted.page.fill("input[name=to]", "community")
    hosted.page.fill("input[name=organisation]", "CERT Example")
    with hosted.page.expect_download() as bundle:
        hosted.page.keyboard.press("Enter")
        hosted.wait("() => document.querySelector('.wb-works').textContent.includes('STIX objects for the community')")  # fmt: skip
    objects = json.loads(Path(bundle.value.path()).read_text())["objects"]
    assert {value["value"] for value in objects if value["type"] == "ipv4-addr"} >= {ATTACKER, EXIT}


def test_details_show_evidence_with_source_and_date(case: Case, host: Callable[..., Hosted]) -> None:
    board = wb.board(case, {"HK"})
    hosted = host(board)
    hosted.page.locator(".wb-rows .wb-row", has_text=EXIT).click()
    hosted.wait("() => document.querySelector('.wb-evidence')?.textContent.includes('Tor exits')")
    text = hosted.page.inner_text(".wb-details")
    for part in (EXIT, "anonymised", "reputation 35/100", "AS200651", "2026-10-05", "reliability", board.triage.snapshot):  # fmt: skip
        assert part in text
    assert "Hong Kong" in hosted.page.inner_text(".wb-head")


# What it must never do.


def test_hostile_text_is_text(host: Callable[..., Hosted], case: Case) -> None:
    triage = case.triage()
    table = triage.table
    for name in ("as_org", "reasons", "city", "region", "country_name", "network_type", "prefix"):
        hostile = pa.array([MARKUP] * len(table)).dictionary_encode()
        table = table.set_column(table.column_names.index(name), name, hostile)
    from dataclasses import replace

    board = wb.board(replace(triage, table=table), title=MARKUP, case=case)
    hosted = host(board)
    hosted.page.locator(".wb-rows .wb-row").first.click()
    settle(hosted, lambda: hosted.page.click(".wb-pane:nth-child(3) .wb-entry >> nth=0"))
    settle(hosted, lambda: hosted.page.fill(".wb-search", MARKUP))
    case.profiles.create(ATTACKER, tags=[MARKUP[:90]], notes=MARKUP)
    settle(hosted, lambda: hosted.page.fill(".wb-search", ATTACKER))
    hosted.page.locator(".wb-rows .wb-row:not([hidden])", has_text=ATTACKER).click()
    hosted.wait("() => document.querySelector('.wb-evidence')?.textContent.includes('Exercise')")
    hosted.page.click("text=Choose shown")
    hosted.page.click("text=TLP…")
    hosted.page.fill("input[name=reason]", MARKUP)
    hosted.page.keyboard.press("Enter")
    hosted.wait("() => document.querySelector('.wb-works').textContent.includes('set to')")
    assert hosted.page.locator(".wb-board img, .wb-board script").count() == 0
    assert MARKUP in hosted.page.inner_text(".wb-head")
    assert "<img src=x" not in board.static_html()


@pytest.mark.parametrize("dark", [False, True])
def test_verdicts_are_told_apart_by_sign_and_readable_light_and_dark(case: Case, host: Callable[..., Hosted], dark: bool) -> None:  # fmt: skip
    hosted = host(wb.board(case, {"HK"}), dark=dark)
    ground, pairs = hosted.page.evaluate("""() => {
      const shade = (text) => { const [r, g, b] = text.match(/[\\d.]+/g).map(Number).map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
      const chips = [...document.querySelectorAll('.wb-verdict:not([hidden]) .wb-chip, .wb-head p, .wb-cell, .wb-tally')];
      const ratio = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      const ground = (element) => { for (let at = element; at; at = at.parentElement) { const found = getComputedStyle(at).backgroundColor; if (!/, 0\\)$|transparent/.test(found)) return found; } return 'rgb(255, 255, 255)'; };
      return [shade(getComputedStyle(document.querySelector('.wb-board')).backgroundColor), chips.map((chip) => [chip.textContent.slice(0, 30), ratio(shade(getComputedStyle(chip).color), shade(ground(chip)))])];
    }""")
    assert (ground < 0.1) == dark
    assert [pair for pair in pairs if pair[1] < 4.5] == []
    assert {text[:1] for text, _ in pairs} >= {"✖", "◆", "●", "✓"}


def test_a_hundred_thousand_rows_are_a_few_dozen_lines(host: Callable[..., Hosted]) -> None:
    numbers = np.unique(np.random.default_rng(3).integers(2**24, 2**31 - 2**24 * 2, 112_000))
    board = wb.board([f"{n >> 24}.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}" for n in numbers.tolist()])
    assert len(board) > 100_000
    hosted = host(board)
    hosted.page.focus(".wb-grid")
    hosted.page.keyboard.press("End")
    hosted.wait("(last) => [...document.querySelectorAll('.wb-rows .wb-row')].some((line) => line.children[2].textContent === last)", board.triage.table.column("address")[-1].as_py())  # fmt: skip
    assert hosted.page.locator(".wb-rows .wb-row").count() < 60
    assert hosted.page.get_attribute(".wb-grid", "aria-rowcount") == str(len(board) + 1)
    hosted.page.keyboard.press("Control+a")
    hosted.until(lambda: len(board.selected) == len(board))


def test_a_board_taken_away_leaves_nothing_listening(case: Case, host: Callable[..., Hosted]) -> None:
    hosted = host(wb.board(case))
    hosted.page.evaluate("() => { window.host.end(); document.getElementById('host').replaceChildren(); window.host.take('filters', { verdict: ['clean'] }); document.body.dataset.jpThemeLight = 'false'; }")  # fmt: skip
    hosted.page.wait_for_timeout(100)


def test_every_control_has_a_name(case: Case, host: Callable[..., Hosted]) -> None:
    hosted = host(wb.board(case))
    hosted.page.locator(".wb-rows .wb-row").first.click()
    hosted.page.locator(".wb-rows .wb-row").first.locator(".wb-box").click()
    hosted.page.click("text=STIX…")
    unnamed = hosted.page.evaluate("""() => [...document.querySelectorAll('button, input, select, [role=slider], [role=grid], canvas[tabindex]')]
      .filter((each) => !each.hidden && !(each.getAttribute('aria-label') || each.textContent.trim() || each.title || each.closest('label')))
      .map((each) => each.outerHTML.slice(0, 80))""")
    assert unnamed == []
