"""JupyterLab in a real browser: what an analyst does, and what she then sees."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from workbench.notebook.showing.sheets import banner
from workbench.notebook.showing.tree import html
from workbench.secrecy import TLP

from .conftest import shown

if TYPE_CHECKING:
    from tests.notebook.lab.conftest import Lab

ATTACKER, EXIT = "84.205.67.213", "185.246.188.74"
MARKUP = "<img src=x onerror=\"window.pwned='yes'\"><script>window.pwned='yes'</script>"
STIX = "application/stix+json;version=2.1"
AMBER = "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421"


def identifier(kind: str, number: int) -> str:
    return f"{kind}--00000000-0000-4000-8000-{number:012d}"


BUNDLE = json.dumps({
    "type": "bundle",
    "id": identifier("bundle", 0),
    "objects": [
        {"type": "indicator", "id": identifier("indicator", 1), "name": "VPN credential abuse", "object_marking_refs": [AMBER],
         "pattern": f"[ipv4-addr:value = '{ATTACKER}']", "valid_from": "2026-10-05T00:00:00Z"},
        {"type": "infrastructure", "id": identifier("infrastructure", 2), "name": MARKUP, "description": MARKUP},
        {"type": "relationship", "id": identifier("relationship", 3), "relationship_type": "indicates",
         "source_ref": identifier("indicator", 1), "target_ref": identifier("infrastructure", 2)},
        {"type": "ipv4-addr", "id": identifier("ipv4-addr", 4), "value": EXIT},
        "no object", None, {"type": 7, "name": ["x"]},
    ],
})  # fmt: skip


def stream(text: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": text}


def show(**data: Any) -> dict[str, Any]:
    return {"output_type": "display_data", "metadata": {}, "data": data}


def open_file(page: Any, lab: Lab, name: str, until: str = ".jp-Notebook .jp-Cell") -> None:
    page.goto(f"{lab.url}/lab/tree/{name}?reset")
    page.wait_for_selector(until)
    # The splash lies over everything until the workspace is restored.
    page.wait_for_selector("#jupyterlab-splash", state="detached")


def menu(page: Any, *labels: str) -> None:
    for label in labels:
        page.locator(
            ".lm-Menu-itemLabel, .lm-MenuBar-itemLabel", has_text=re.compile(f"^{label}")
        ).last.click()


def middle_of(page: Any, text: str, within: str = ".jp-OutputArea-output") -> tuple[float, float]:
    """Where a piece of text is drawn."""
    box = page.evaluate(
        """([text, within]) => {
            for (const root of document.querySelectorAll(within)) {
                const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
                for (let node = walker.nextNode(); node; node = walker.nextNode()) {
                    const at = node.data.indexOf(text);
                    if (at < 0) continue;
                    const range = document.createRange();
                    range.setStart(node, at);
                    range.setEnd(node, at + text.length);
                    node.parentElement.scrollIntoView({ block: 'nearest' });
                    const box = range.getBoundingClientRect();
                    return [box.x + box.width / 2, box.y + box.height / 2];
                }
            }
            return null;
        }""",
        [text, within],
    )
    assert box, f"{text!r} is not on the page"
    return box[0], box[1]


def rest_on(page: Any, x: float, y: float) -> None:
    page.mouse.move(5, 5)
    page.mouse.move(x - 2, y)
    page.mouse.move(x, y)


def test_a_pasted_log_becomes_verdicts_worst_first_with_evidence_source_and_date(page: Any, lab: Lab) -> None:
    page.click("[data-id=ip-workbench-panel]")
    page.fill(".ipw-input", f"fw DROP src={ATTACKER}\n8[.]8[.]8[.]8 and 192.168.1.7, 192.168.1.7\n999.1.1.1")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector(".ipw-card")
    cards = page.locator(".ipw-card")
    assert cards.count() == 3
    assert [text.split("\n")[0] for text in cards.locator(".ipw-address").all_inner_texts()] == [
        ATTACKER, "8.8.8.8", "192.168.1.7",
    ]  # fmt: skip
    assert "2 times" in cards.nth(2).inner_text()
    assert "999.1.1.1 in line 3" in page.inner_text(".ipw-said")
    evidence = cards.first.locator(".ipw-evidence")
    evidence.wait_for()
    text = evidence.inner_text()
    assert f"{ATTACKER}/32" in text
    assert "2026-10-04" in text
    assert "reliability B" in text
    assert "Intel of 2026-10-05" in page.inner_text(".ipw-dated")
    page.click(".ipw-filter >> text=unroutable")
    assert cards.count() == 1


def test_markup_in_as_names_labels_and_notes_stays_text(page: Any, lab: Lab) -> None:
    page.fill(".ipw-input", EXIT)
    page.keyboard.press("Enter")
    page.locator(".ipw-card", has_text=EXIT).locator(".ipw-evidence").wait_for()
    card = page.locator(".ipw-card").first
    assert card.inner_text().count(MARKUP) >= 4  # AS name, label, title, note
    assert card.locator("img, script").count() == 0


def test_what_is_not_an_address_is_said(page: Any, lab: Lab) -> None:
    page.fill(".ipw-input", "nothing here but 10.0.0.0/8")
    page.click(".ipw-button.ipw-mod-main")
    page.wait_for_function("document.querySelector('.ipw-said').textContent.includes('No address')")
    assert "1 network is not looked up" in page.inner_text(".ipw-said")


def test_an_address_in_an_output_is_a_card_and_a_version_is_not(page: Any, lab: Lab) -> None:
    table = f"<table><tr><td>{ATTACKER}</td></tr></table>"
    lab.write(
        "outputs.ipynb",
        ("a", [stream(f"C2 hxxp://{EXIT.replace('.', '[.]')}:443/ at 12:30:45\nlib v1.2.3.4 2001:4860:4860::8888\n")]),
        ("b", [show(**{"text/html": table, "text/plain": ATTACKER})]),
    )  # fmt: skip
    open_file(page, lab, "outputs.ipynb", "text=lib v1.2.3.4")
    rest_on(page, *middle_of(page, "185[.]246"))
    page.wait_for_selector(".ipw-hover")
    assert EXIT in page.inner_text(".ipw-hover .ipw-headline")
    assert page.locator(".ipw-hover img").count() == 0
    page.keyboard.press("Escape")
    assert page.locator(".ipw-hover").count() == 0
    rest_on(page, *middle_of(page, "v1.2.3.4"))
    page.wait_for_timeout(600)
    assert page.locator(".ipw-hover").count() == 0
    rest_on(page, *middle_of(page, ATTACKER))
    page.wait_for_selector(".ipw-hover >> text=malicious")
    page.click(".ipw-hover >> text=Open in panel")
    page.wait_for_selector(f".ipw-panel:visible .ipw-card >> text={ATTACKER}")


def test_addresses_in_outputs_are_underlined_by_verdict_without_touching_the_output(
    page: Any, lab: Lab
) -> None:
    page.wait_for_function("CSS.highlights.get('ipw-malicious')?.size === 1")
    underlined = page.evaluate("[...CSS.highlights.get('ipw-malicious')].map(range => range.toString())")
    assert underlined == [ATTACKER]
    others = page.evaluate(
        """['suspicious', 'anonymised', 'watch', 'clean', 'unroutable', 'invalid']
            .flatMap(name => [...CSS.highlights.get('ipw-' + name)].map(range => range.toString()))"""
    )
    assert sorted(others) == [EXIT.replace(".", "[.]"), "2001:4860:4860::8888"]
    assert page.inner_html(".jp-OutputArea-output table td") == ATTACKER


def test_look_up_in_the_context_menu_takes_the_selection_or_the_address_under_the_mouse(
    page: Any, lab: Lab
) -> None:
    page.fill(".ipw-input", "")
    page.evaluate("document.getSelection().removeAllRanges()")
    x, y = middle_of(page, "2001:4860")
    page.mouse.click(x, y, button="right")
    menu(page, "Look up in IP Workbench")
    page.wait_for_function(
        "document.querySelector('.ipw-card .ipw-address')?.textContent === '2001:4860:4860::8888'"
    )
    page.evaluate(
        "document.getSelection().selectAllChildren(document.querySelector('.jp-OutputArea-output pre'))"
    )
    page.mouse.click(x, y, button="right")
    menu(page, "Look up in IP Workbench")
    page.wait_for_function("document.querySelectorAll('.ipw-card').length === 2")


def test_look_up_in_the_context_menu_of_a_text_file_takes_what_is_selected_in_the_editor(
    page: Any, lab: Lab
) -> None:
    lines = "\n".join(f"line {number} from 198.51.100.{number % 250}" for number in range(2000))
    (lab.folder / "access.log").write_text(f"{lines}\nlast {ATTACKER}\n")
    open_file(page, lab, "access.log", ".jp-FileEditor .cm-line")
    page.click(".jp-FileEditor .cm-line >> nth=2")
    page.keyboard.press("Control+a")
    page.click(".jp-FileEditor .cm-line >> nth=2", button="right")
    menu(page, "Look up in IP Workbench")
    # The editor draws some fifty of these lines; the last one is not among them.
    page.wait_for_selector(f".ipw-card.ipw-mod-malicious >> text={ATTACKER}")
    page.wait_for_function("document.querySelectorAll('.ipw-filter').length > 1")
    counts = [int(number) for number in re.findall(r"\d+", page.inner_text(".ipw-summary"))]
    assert sum(counts) == 251


def test_an_output_of_five_megabytes_is_underlined_to_a_bound_and_has_cards_to_its_end(
    page: Any, lab: Lab
) -> None:
    text = "".join(f"{number} drop 198.51.{number % 256}.{number % 251}\n" for number in range(180_000))
    lab.write("large.ipynb", ("print(log)", [stream(f"{text}the last {ATTACKER}\n")]))
    open_file(page, lab, "large.ipynb", ".jp-OutputArea-output pre")
    names = "['malicious','suspicious','anonymised','watch','clean','unroutable','invalid']"
    page.wait_for_function(f"{names}.reduce((n, name) => n + CSS.highlights.get('ipw-' + name).size, 0) > 0")
    assert (
        page.evaluate(f"{names}.reduce((n, name) => n + CSS.highlights.get('ipw-' + name).size, 0)") == 1000
    )
    page.evaluate("document.querySelector('.jp-OutputArea-output pre').scrollIntoView({ block: 'end' })")
    rest_on(page, *middle_of(page, ATTACKER))
    page.wait_for_selector(".ipw-hover >> text=malicious")


def test_a_bundle_displayed_by_a_kernel_is_a_table_with_tlp_and_cards(page: Any, lab: Lab) -> None:
    (lab.folder / "report.stix.json").write_text(BUNDLE)
    code = f"from IPython.display import display\ndisplay({{'{STIX}': open('report.stix.json').read()}}, raw=True)"
    lab.write("bundle.ipynb", (code, []), ("", [show(**{STIX: "{not json"})]))
    open_file(page, lab, "bundle.ipynb")
    page.wait_for_selector("#jp-bottom-panel >> text=/Idle/", timeout=30_000)
    menu(page, "Run", "Run All Cells")
    page.wait_for_selector(".ipw-stix table", timeout=30_000)
    assert "TLP:AMBER" in page.inner_text(".ipw-stix .ipw-banner")
    rows = page.locator(".ipw-stix tbody tr").all_inner_texts()
    assert any(f"[ipv4-addr:value = '{ATTACKER}']" in row and "TLP:AMBER" in row for row in rows)
    assert any(f"VPN credential abuse → indicates → {MARKUP}" in row for row in rows)
    assert page.locator(".ipw-stix img, .ipw-stix script").count() == 0
    rest_on(page, *middle_of(page, EXIT, ".ipw-stix"))
    page.wait_for_selector(f".ipw-hover .ipw-headline >> text={EXIT}")
    page.fill(".ipw-stix .ipw-search", "credential")
    page.wait_for_function("document.querySelectorAll('.ipw-stix tbody tr').length === 2")


def test_a_stix_file_opens_as_a_table_and_a_broken_one_says_why(page: Any, lab: Lab) -> None:
    (lab.folder / "many.stix.json").write_text(json.dumps({
        "type": "bundle", "id": identifier("bundle", 9),
        "objects": [{"type": "ipv4-addr", "id": identifier("ipv4-addr", n), "value": f"198.51.100.{n % 250}"} for n in range(3000)],
    }))  # fmt: skip
    open_file(page, lab, "many.stix.json", ".jp-MimeDocument .ipw-stix table")
    assert "3,000 STIX objects" in page.inner_text(".ipw-stix-head")
    assert page.locator(".ipw-stix tbody tr").count() == 200
    page.click("text=/Show 1,000 more of 2,800/")
    assert page.locator(".ipw-stix tbody tr").count() == 1200
    (lab.folder / "broken.stix.json").write_text('{"type": "bundle", "objects": {}}')
    open_file(page, lab, "broken.stix.json", ".jp-MimeDocument .ipw-stix p")
    assert "no list" in page.inner_text(".ipw-stix")


def test_a_marked_notebook_wears_a_banner_keeps_it_in_the_file_and_stays(page: Any, lab: Lab) -> None:
    lab.write("case.ipynb", ("1", []))
    open_file(page, lab, "case.ipynb")
    assert page.locator(".ipw-banner:visible").count() == 0
    page.select_option(".ipw-select", "TLP:AMBER+STRICT")
    assert "for your organisation only" in page.inner_text(".ipw-banner:visible")
    # Before it is saved, too.
    menu(page, "File", "Download")
    page.wait_for_selector(".jp-Dialog >> text=TLP:AMBER+STRICT stays here")
    page.click(".jp-Dialog >> text=Understood")
    page.keyboard.press("Control+s")
    page.wait_for_function("!document.querySelector('.jp-mod-dirty')")
    assert lab.metadata("case.ipynb")["workbench"] == {"tlp": "TLP:AMBER+STRICT"}
    # The formats come from the server some time after the page.
    lab.request("GET", "/api/nbconvert")
    page.wait_for_function(
        "performance.getEntriesByType('resource').some(e => e.name.includes('/api/nbconvert') && e.responseEnd)"
    )
    for labels in (["File", "Save Notebook As"], ["File", "Save and Export Notebook As", "HTML"]):
        menu(page, *labels)
        page.wait_for_selector(".jp-Dialog >> text=stays here")
        page.click(".jp-Dialog >> text=Understood")


def test_lowering_a_marking_asks_and_below_the_limit_the_notebook_may_leave(page: Any, lab: Lab) -> None:
    page.select_option(".ipw-select", "TLP:GREEN")
    page.click(".jp-Dialog >> text=Cancel")
    assert page.input_value(".ipw-select") == "TLP:AMBER+STRICT"
    page.select_option(".ipw-select", "TLP:GREEN")
    page.click(".jp-Dialog >> text=Mark TLP:GREEN")
    page.wait_for_selector(".ipw-banner:visible >> text=for the community only")
    page.keyboard.press("Control+s")
    page.wait_for_function("!document.querySelector('.jp-mod-dirty')")
    with page.expect_download() as download:
        menu(page, "File", "Download")
    assert json.loads(download.value.path().read_text())["metadata"]["workbench"] == {"tlp": "TLP:GREEN"}


def test_a_closed_marked_notebook_is_not_downloaded_from_the_file_browser(page: Any, lab: Lab) -> None:
    lab.write("0-held.ipynb", tlp="TLP:RED")
    if not page.locator("[data-command='filebrowser:refresh']").is_visible():
        page.click("[data-id=filebrowser]")
    page.click("[data-command='filebrowser:refresh']")
    page.locator(".jp-DirListing-item", has_text="0-held.ipynb").click(button="right")
    menu(page, "Download")
    page.wait_for_selector(".jp-Dialog >> text=TLP:RED stays here")
    page.click(".jp-Dialog >> text=Understood")


def test_a_notebook_that_nobody_marked_is_held_for_what_it_shows_until_it_is_marked(
    page: Any, lab: Lab
) -> None:
    lab.write("shows.ipynb", ("case.profiles.list()", [shown(text__html=html(banner(TLP.AMBER)))]))
    open_file(page, lab, "shows.ipynb")
    menu(page, "File", "Download")
    page.wait_for_selector(".jp-Dialog >> text=TLP:AMBER stays here")
    assert "is not marked, shows TLP:AMBER and is not downloaded" in page.inner_text(".jp-Dialog")
    page.click(".jp-Dialog >> text=Understood")
    page.select_option(".ipw-select", "TLP:GREEN")
    page.keyboard.press("Control+s")
    page.wait_for_function("!document.querySelector('.jp-mod-dirty')")
    with page.expect_download():
        menu(page, "File", "Download")


def test_another_file_may_leave_while_a_marked_notebook_is_open(page: Any, lab: Lab) -> None:
    (lab.folder / "notes.txt").write_text("nothing secret")
    lab.write("held.ipynb", tlp="TLP:RED")
    open_file(page, lab, "held.ipynb", ".ipw-banner:visible")
    page.locator(".jp-DirListing-item", has_text="notes.txt").dblclick()
    page.wait_for_selector(".jp-FileEditor .cm-line")
    with page.expect_download() as download:
        menu(page, "File", "Download")
    assert download.value.path().read_text() == "nothing secret"


def test_looking_addresses_up_starts_no_database(page: Any, lab: Lab) -> None:
    assert lab.request("GET", "/workbench/status").json["store"] is False
    assert not (lab.home / "store").exists()


def test_the_settings_say_what_the_guard_does_not_stop(page: Any, lab: Lab) -> None:
    schema = lab.request("GET", "/lab/api/settings/ip-workbench%3Aplugin").json["schema"]
    described = schema["properties"]["shareUpTo"]["description"]
    for open_door in ("copy by hand", "screenshot", "code that reads the file"):
        assert open_door in described


@pytest.mark.parametrize(
    "command", ["Open IP Workbench", "Mark Notebook TLP:RED", "Look up Selected Addresses"]
)
def test_commands_are_in_the_palette(page: Any, lab: Lab, command: str) -> None:
    page.keyboard.press("Control+Shift+c")
    page.wait_for_selector(".lm-CommandPalette-input:visible")
    page.fill(".lm-CommandPalette-input", command)
    assert command in page.inner_text(".lm-CommandPalette-content")
    page.keyboard.press("Escape")
