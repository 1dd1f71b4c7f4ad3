"""Maps in a real browser without a network: what it shows, what it asks for, what it runs."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import workbench as wb

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "samples" / "firewall.log"


@dataclass
class Seen:
    """A page, the requests it made beyond its own file, and the errors of its scripts."""

    page: Any
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def colours(self) -> dict[str, int]:
        """How many pixels of the screen have which colour."""
        shot = base64.b64encode(self.page.screenshot()).decode()
        judge = self.page.context.new_page()
        try:
            return judge.evaluate(
                """async (shot) => {
                  const bytes = Uint8Array.from(atob(shot), (c) => c.charCodeAt(0));
                  const picture = await createImageBitmap(new Blob([bytes], {type: "image/png"}));
                  const canvas = new OffscreenCanvas(picture.width, picture.height);
                  const context = canvas.getContext("2d");
                  context.drawImage(picture, 0, 0);
                  const {data} = context.getImageData(0, 0, picture.width, picture.height);
                  const counts = {};
                  for (let i = 0; i < data.length; i += 4) {
                    const name = "#" + [data[i], data[i + 1], data[i + 2]].map((v) => v.toString(16).padStart(2, "0")).join("");
                    counts[name] = (counts[name] || 0) + 1;
                  }
                  return counts;
                }""",
                shot,
            )
        finally:
            judge.close()


@contextmanager
def opened(browser: Any, file: Path, scheme: str = "light", offline: bool = True) -> Iterator[Seen]:
    """A file in a fresh context, watched; with a map in it, once that is ready."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 720}, offline=offline, color_scheme=scheme
    )
    try:
        seen = Seen(context.new_page())
        own = file.as_uri()
        seen.page.on(
            "request", lambda request: seen.requests.append(request.url) if request.url != own else None
        )
        seen.page.on("pageerror", lambda error: seen.errors.append(str(error)))
        seen.page.on("console", lambda said: seen.errors.append(said.text) if said.type == "error" else None)
        seen.page.goto(own)
        if seen.page.locator(".folium-map").count():
            seen.page.wait_for_selector("html[data-ready]", timeout=30_000)
        yield seen
    finally:
        context.close()


@pytest.fixture(scope="module")
def case() -> Iterator[Any]:
    with wb.open_case(":memory:") as opened_case:
        opened_case.ingest(SAMPLE)
        yield opened_case


def saved(drawn: Any, folder: Path) -> Path:
    file = folder / "map.html"
    drawn.save(file)
    return file


def text(seen: Seen, selector: str) -> str:
    return str(seen.page.locator(selector).first.inner_text())


def until(seen: Seen, condition: str) -> None:
    """Wait for a condition; Playwright's own way is forbidden by the policy of the page."""
    for _ in range(100):
        if seen.page.evaluate(condition):
            return
        seen.page.wait_for_timeout(50)
    raise AssertionError(f"never came true: {condition}")


def test_a_saved_map_shows_land_verdicts_and_level_and_asks_for_nothing(
    browser: Any, case: Any, tmp_path: Path
) -> None:
    file = saved(wb.map(case.triage("firewall"), tlp="AMBER", title="Sample"), tmp_path)
    with opened(browser, file) as seen:
        colours = seen.colours()
        assert colours["#dfe7ee"] > 100_000, "sea"
        assert colours["#f7f6f2"] > 30_000, "land"
        assert colours["#a40e26"] > 200, "malicious: chip, list and ring"
        assert colours["#6639ba"] > 200, "anonymised"
        assert colours["#000000"] > 10_000, "the bar of the TLP level"
        assert colours["#ffc000"] > 100, "and its label"
        assert text(seen, ".tlp").startswith("TLP:AMBER")
        assert seen.page.title() == "TLP:AMBER Sample"
        assert "DB-IP" in text(seen, "footer")
        assert seen.requests == []
        assert seen.errors == []


@contextmanager
def tile_server(asked: list[str]) -> Iterator[str]:
    """A server of pictures on this machine that keeps what it was asked for."""
    pixel = base64.b64decode(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
    )

    class Tiles(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "image/png")
            self.end_headers()
            self.wfile.write(pixel)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Tiles)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def test_the_page_cannot_fetch_even_when_a_script_tries(browser: Any, tmp_path: Path) -> None:
    asked: list[str] = []
    with (
        tile_server(asked) as url,
        opened(browser, saved(wb.map(["8.8.8.8"]), tmp_path), offline=False) as seen,
    ):
        blocked = seen.page.evaluate(
            """async (url) => {
              const said = [];
              document.addEventListener("securitypolicyviolation", (e) => said.push(e.effectiveDirective));
              await fetch(url).catch(() => {});
              const picture = new Image(); picture.src = url + "/x.png";
              const script = document.createElement("script"); script.textContent = "window.ran = 1"; document.body.append(script);
              await new Promise((done) => setTimeout(done, 300));
              return [said.map((d) => d.replace("-elem", "")).sort(), window.ran ?? null];
            }""",
            url,
        )
        assert blocked == [["connect-src", "img-src", "script-src"], None]
        assert asked == []


HOSTILE = [
    '<img src=x onerror="window.ran=1">',
    "</script><script>window.ran=1</script>",
    "'\"><svg onload=window.ran=1>",
    '<a href="javascript:window.ran=1">x</a>',
    "{{ 7*7 }}{% raw %}${window.ran=1}",
    "--><iframe srcdoc='<script>parent.ran=1</script>'>",
    "\u202egnp.exe",
]


def test_nothing_that_comes_from_data_is_run(browser: Any, tmp_path: Path) -> None:
    count = len(HOSTILE)
    named = "<img src=x onerror=window.ran=1>"
    columns = ("country_name", "region", "city", "as_org", "network_type", "prefix", "label", "note", named)
    table = pa.table(
        {
            "address": [f"185.220.101.{n}" for n in range(count)],
            "verdict": ["malicious"] * count,
            "country": ["DE"] * count,
        }
        | dict.fromkeys(columns, HOSTILE)
        | {"reasons": [f"{text}; {text}" for text in HOSTILE], "dst_ip": ["8.8.8.8"] * count}
    )
    drawn = wb.map(
        table, source="address", title=HOSTILE[0], extras=["note", named], home=(0.0, 0.0, HOSTILE[0]),
        profile_url="https://ti.example/{address}?q='\"><b>",
    )  # fmt: skip
    with opened(browser, saved(drawn, tmp_path)) as seen:
        page = seen.page
        for n in range(count):
            page.keyboard.press("n")
            card = text(seen, ".card")
            assert f"185.220.101.{n}" in card
            assert card.count(HOSTILE[n]) >= 8, "shown as it is"
        page.keyboard.press("Escape")
        at = page.evaluate(
            "(() => { const i = workbenchApp.layer.items[0], r = workbenchApp.map.getContainer().getBoundingClientRect(); return [i.x + r.x, i.y + r.y]; })()"
        )
        page.mouse.move(*at)
        page.mouse.click(*at)
        assert "7 addresses" in text(seen, ".card")
        page.keyboard.press("/")
        page.keyboard.type("<img")
        page.wait_for_timeout(200)
        assert page.evaluate("window.ran ?? null") is None
        assert page.locator("svg[onload], img[src=x], .panel iframe, .card iframe").count() == 0
        assert seen.requests == []
        assert seen.errors == []


def test_addresses_at_one_place_open_as_a_list_that_holds_them_all(browser: Any, tmp_path: Path) -> None:
    drawn = wb.map([f"185.220.101.{n}" for n in range(250)])
    with opened(browser, saved(drawn, tmp_path)) as seen:
        page = seen.page
        assert page.evaluate("workbenchApp.layer.items.map((i) => i.total)") == [250]
        at = page.evaluate(
            "(() => { const i = workbenchApp.layer.items[0], r = workbenchApp.map.getContainer().getBoundingClientRect(); return [i.x + r.x, i.y + r.y]; })()"
        )
        page.mouse.click(*at)
        assert "250 addresses in Germany" in text(seen, ".card h2")
        assert "Only the country is known" in text(seen, ".card")
        while page.locator(".card .more").is_visible():
            page.locator(".card .more").click()
        assert page.locator(".card .many li").count() == 250
        page.locator(".card .many button").nth(3).click()
        assert "only the country is known" in text(seen, ".card")
        page.locator(".card .back").click()
        assert page.locator(".card .many li").count() == 250


def test_an_accuracy_circle_has_the_radius_it_claims(browser: Any, tmp_path: Path) -> None:
    table = pa.table(
        {
            "address": ["185.220.101.4"],
            "latitude": [52.0],
            "longitude": [13.0],
            "accuracy_km": pa.array([500], pa.uint16()),
        }
    )
    with opened(browser, saved(wb.map(table), tmp_path)) as seen:
        # Where the dashes stand on the canvas, north and south of the middle.
        reach = seen.page.evaluate(
            """() => {
              const { map, layer } = workbenchApp, c = map.latLngToContainerPoint([52, 13]);
              const data = layer.canvas.getContext("2d").getImageData(0, 0, layer.canvas.width, layer.canvas.height).data;
              const painted = (y) => data[(Math.round(y) * layer.canvas.width + Math.round(c.x)) * 4 + 3] > 0;
              let [north, south] = [c.y, c.y];
              while (painted(north - 1)) north--;
              while (painted(south + 1)) south++;
              return [map.containerPointToLatLng([c.x, north]).lat, map.containerPointToLatLng([c.x, south]).lat];
            }"""
        )
        assert [round((lat - 52) * 111.195) for lat in reach] == [
            pytest.approx(500, abs=25),
            pytest.approx(-500, abs=25),
        ]


def test_flows_are_arcs_into_the_home_network_and_follow_the_verdicts(
    browser: Any, case: Any, tmp_path: Path
) -> None:
    with opened(browser, saved(case.map("firewall", home="NL"), tmp_path)) as seen:
        page = seen.page
        drawn = page.evaluate("workbenchApp.layer.arcs.length")
        assert drawn > 10
        before = page.evaluate("workbenchApp.layer.canvas.toDataURL()")
        page.get_by_label("Flows").uncheck()
        page.wait_for_timeout(200)
        assert page.evaluate("workbenchApp.layer.canvas.toDataURL()") != before
        page.get_by_label("Flows").check()
        page.locator(".legend button", has_text="clean").click()
        assert 0 < page.evaluate("workbenchApp.layer.arcs.length") < drawn


def test_the_time_slider_shows_what_was_active_in_its_window(browser: Any, case: Any, tmp_path: Path) -> None:
    first = "SELECT DISTINCT unnest([src_ip, dst_ip]) FROM firewall WHERE ts < (SELECT min(ts) + (max(ts) - min(ts)) / 48 FROM firewall)"
    early = {a for (a,) in case.con.sql(first).fetchall()}
    with opened(browser, saved(case.map("firewall"), tmp_path)) as seen:
        page = seen.page
        everything = int(text(seen, ".total").split()[0])
        page.get_by_label("To", exact=True).focus()
        page.keyboard.press("Home")
        until(seen, "workbenchApp.model.window[1] === 0")
        shown = page.evaluate(
            "workbenchApp.model.points.address.filter((_, i) => workbenchApp.model.shown[i])"
        )
        assert 0 < len(shown) < everything
        assert set(shown) <= early
        page.get_by_label("Play").click()
        page.wait_for_timeout(900)
        assert page.evaluate("workbenchApp.model.window[0]") > 0, "the window moves"


def test_countries_are_shaded_by_their_addresses_or_their_hostile_ones(browser: Any, tmp_path: Path) -> None:
    table = pa.table(
        {
            "address": ["8.8.8.8", "8.8.4.4", "200.160.2.3"],
            "verdict": ["clean", "clean", "malicious"],
            "country": ["US", "US", "BR"],
        }
    )
    with opened(browser, saved(wb.map(table), tmp_path)) as seen:
        fill = "(code) => { let f; workbenchApp.base.layer.eachLayer((l) => { if (l.feature.id === code) f = l.options.fillColor }); return f; }"
        land = seen.page.evaluate(f"({fill})('CN')")
        us, brazil = (seen.page.evaluate(f"({fill})('{code}')") for code in ("US", "BR"))
        assert len({land, us, brazil}) == 3
        seen.page.get_by_label("Countries shaded by").select_option("hostile")
        assert seen.page.evaluate(f"({fill})('US')") == land
        assert seen.page.evaluate(f"({fill})('BR')") not in (land, brazil)
        seen.page.get_by_label("Countries shaded by").select_option("none")
        assert seen.page.evaluate(f"({fill})('BR')") == land


def test_everything_can_be_done_from_the_keyboard(browser: Any, case: Any, tmp_path: Path) -> None:
    triage = case.triage("firewall")
    with opened(browser, saved(wb.map(triage), tmp_path), scheme="dark") as seen:
        page = seen.page
        addresses = triage.table.column("address").to_pylist()
        assert page.locator("html").get_attribute("data-theme") == "dark"
        dark = seen.colours()
        assert dark["#0f1419"] > 100_000
        page.keyboard.press("n")
        page.keyboard.press("n")
        assert addresses[1] in text(seen, ".card h2")
        page.keyboard.press("p")
        assert addresses[0] in text(seen, ".card h2")
        page.keyboard.press("Escape")
        assert page.locator(".card").count() == 0
        page.keyboard.press("1")
        assert page.locator(".legend button").first.get_attribute("aria-pressed") == "false"
        assert addresses[0] not in text(seen, ".results")
        page.keyboard.press("d")
        assert page.locator("html").get_attribute("data-theme") == "light"
        page.keyboard.press("/")
        page.keyboard.type("8.8.8.8")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        assert "8.8.8.8" in text(seen, ".card h2")
        zoom = page.evaluate("workbenchApp.map.getZoom()")
        page.keyboard.press("Escape")
        page.locator(".folium-map").focus()
        page.keyboard.press("+")
        until(seen, f"workbenchApp.map.getZoom() > {zoom}")
        assert page.evaluate(
            "[...document.querySelectorAll('button, input, select')].every((e) => e.textContent.trim() || e.labels?.length || e.ariaLabel || e.title)"
        )


def test_a_profile_link_leads_to_the_address_and_without_one_the_call_is_shown(
    browser: Any, tmp_path: Path
) -> None:
    with opened(
        browser,
        saved(wb.map(["2001:4860:4860::8888"], profile_url="https://ti.example/ip/{address}"), tmp_path),
    ) as seen:
        seen.page.keyboard.press("n")
        link = seen.page.locator(".go a")
        assert link.get_attribute("href") == "https://ti.example/ip/2001%3A4860%3A4860%3A%3A8888"
        assert link.get_attribute("rel") == "noopener noreferrer"
    with opened(browser, saved(wb.map(["8.8.8.8"]), tmp_path)) as seen:
        seen.page.keyboard.press("n")
        assert text(seen, ".go code") == 'wb.lookup("8.8.8.8")'


def test_fifty_thousand_addresses_are_drawn_on_one_canvas_without_an_element_each(
    browser: Any, tmp_path: Path
) -> None:
    rng = np.random.default_rng(5)
    count = 50_000
    table = pa.table({
        "address": [f"11.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in range(count)],
        "latitude": np.clip(rng.normal(40, 18, count), -60, 75), "longitude": rng.uniform(-170, 175, count),
        "verdict": rng.choice(["malicious", "anonymised", "clean"], count), "reasons": ["listed"] * count, "country": ["US"] * count,
    })  # fmt: skip
    file = saved(wb.map(table), tmp_path)
    assert file.stat().st_size < 4_000_000
    with opened(browser, file) as seen:
        page = seen.page
        assert text(seen, ".total").startswith("50,000 addresses")
        assert page.evaluate("workbenchApp.layer.items.reduce((n, i) => n + i.total, 0)") == count
        assert page.evaluate("document.querySelectorAll('*').length") < 1500
        page.evaluate("void workbenchApp.map.setView([48, 10], 8, {animate: false})")
        page.wait_for_timeout(300)
        inside = page.evaluate("workbenchApp.layer.items.reduce((n, i) => n + i.total, 0)")
        assert 0 < inside < count
        page.locator(".legend button", has_text="clean").click()
        assert page.evaluate("workbenchApp.model.total") == table.column("verdict").to_pylist().count(
            "malicious"
        ) + table.column("verdict").to_pylist().count("anonymised")
        assert seen.errors == []


def test_a_map_in_a_converted_notebook_stands_in_a_frame_that_cannot_reach_the_page(
    browser: Any, case: Any, tmp_path: Path
) -> None:
    nbformat = pytest.importorskip("nbformat", reason="needs the reports extra")
    nbconvert = pytest.importorskip("nbconvert", reason="needs the reports extra")
    drawn = wb.map(case.triage("firewall"), tlp="AMBER", title="In a notebook")
    outputs = [nbformat.v4.new_output("display_data", {"text/html": drawn._repr_html_()})]
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell("wb.map(triage)", outputs=outputs) for _ in range(2)]
    )
    file = tmp_path / "notebook.html"
    file.write_text(nbconvert.HTMLExporter().from_notebook_node(notebook)[0], encoding="utf-8")
    with opened(browser, file) as seen:
        for number in range(2):
            frame = seen.page.locator("iframe").nth(number)
            frame.scroll_into_view_if_needed()
            inner = seen.page.frame_locator("iframe").nth(number)
            inner.locator("html[data-ready]").wait_for(timeout=30_000)
            assert inner.locator(".tlp").inner_text().startswith("TLP:AMBER")
        assert seen.colours()["#f7f6f2"] > 10_000, "land"
        within = seen.page.frames[-1]
        assert (
            within.evaluate("(() => { try { return parent.document.title } catch (e) { return e.name } })()")
            == "SecurityError"
        )
        assert within.evaluate("workbenchApp.layer.items.length") > 2
        assert "TLP:AMBER" in seen.page.locator("iframe + p").first.inner_text()


def test_a_map_in_a_notebook_is_dark_where_the_notebook_is(browser: Any, tmp_path: Path) -> None:
    file = tmp_path / "lab.html"
    file.write_text(
        f'<meta charset="utf-8"><body data-jp-theme-light="false">{wb.map(["8.8.8.8"])._repr_html_()}'
    )
    with opened(browser, file) as seen:
        root = seen.page.frame_locator("iframe").locator("html")
        seen.page.frame_locator("iframe").locator("html[data-ready][data-theme=dark]").wait_for()
        seen.page.evaluate("document.body.dataset.jpThemeLight = 'true'")
        seen.page.frame_locator("iframe").locator("html[data-theme=light]").wait_for()
        assert root.get_attribute("data-ready")
        assert seen.errors == []


def test_folium_shapes_and_markers_can_be_added(browser: Any, tmp_path: Path) -> None:
    folium = pytest.importorskip("folium", reason="needs the lab extra")
    drawn = wb.map(["185.220.101.4"])
    folium.Circle([48.0, 2.0], radius=80_000, color="#00ff00", fill=True, fill_opacity=1).add_to(drawn)
    folium.Marker([45.0, 9.0], popup=folium.Popup("here")).add_to(drawn)
    with opened(browser, saved(drawn, tmp_path)) as seen:
        assert seen.colours().get("#00ff00", 0) > 200
        assert seen.page.locator("img.leaflet-marker-icon").evaluate(
            "(i) => i.complete && i.naturalWidth > 0"
        )
        seen.page.locator("img.leaflet-marker-icon").click()
        assert "here" in text(seen, ".leaflet-popup-content")
        assert seen.requests == []
        assert seen.errors == []


def test_a_tile_server_is_asked_only_when_it_is_named(browser: Any, tmp_path: Path) -> None:
    asked: list[str] = []
    with tile_server(asked) as url:
        drawn = wb.map(["185.220.101.4"], tiles=url + "/{z}/{x}/{y}.png", attribution="Our own <b>tiles</b>")
        with opened(browser, saved(drawn, tmp_path), offline=False) as seen:
            seen.page.wait_for_selector("img.leaflet-tile-loaded")
            assert asked
            assert all(request.startswith(url) for request in seen.requests)
            assert "Our own <b>tiles</b>" in text(seen, "footer")
            assert seen.errors == []


def test_where_no_script_runs_the_addresses_are_a_table(browser: Any, tmp_path: Path) -> None:
    wb.map(["84.205.67.213", "8.8.8.8", "185.246.188.74"], title="<b>Mail</b>").save(
        str(tmp_path / "map.html")
    )
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((tmp_path / "map.html").as_uri())
    rows = page.locator(".unscripted tbody tr").all_inner_texts()
    assert [row.split("\t")[:3] for row in rows] == [
        ["✖ malicious", "84.205.67.213", "Netherlands"],
        ["◆ anonymised", "185.246.188.74", "Netherlands"],
        ["✓ clean", "8.8.8.8", "United States"],
    ]
    assert page.locator(".unscripted h1").inner_text() == "<b>Mail</b>"
    assert not page.locator(".stage").is_visible()
    context.close()
