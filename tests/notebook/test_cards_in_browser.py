"""The small widgets in a real browser: what is read, written and settled on them, by mouse and by keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import workbench as wb
from workbench.secrecy import TLP

pytest.importorskip("anywidget", reason="needs the lab extra")
from .hosting import Hosted, hosting

if TYPE_CHECKING:
    from .conftest import House

MARKUP = "<img src=x onerror=\"window.pwned='yes'\"><script>window.pwned='yes'</script>"


@pytest.fixture
def host(browser: Any) -> Iterator[Callable[..., Hosted]]:
    with hosting(browser, "() => document.querySelector('.wb-panel') !== null") as show:
        yield show


@pytest.fixture
def ines(house: House) -> Iterator[Any]:
    with house.store("ines") as store:
        yield store


@pytest.fixture
def otto(house: House) -> Iterator[Any]:
    with house.store("otto") as store:
        yield store


def has(selector: str, count: int = 1) -> str:
    return f"() => document.querySelectorAll({selector!r}).length === {count}"


def says(text: str) -> str:
    return f"() => document.querySelector('.wb-panel').textContent.includes({text!r})"


# Profile


def test_a_profile_is_changed_in_place(host: Any, ines: Any, otto: Any) -> None:
    card = wb.widgets.profile(ines.profiles.create("203.0.113.1", notes=MARKUP, tags=["old"]))
    page = host(card)
    page.page.get_by_role("button", name="Edit").click()
    page.page.get_by_label("Threat level").select_option("high")
    page.page.get_by_label("Tags").fill("vpn, Gate")
    page.page.get_by_label("Notes", exact=True).fill(f"Called the provider. {MARKUP}")
    page.page.keyboard.press("Control+Enter")
    page.wait(says("Saved."))
    now = otto.profiles.get("203.0.113.1")
    assert (str(now.threat_level), now.tags, now.notes) == (
        "high",
        ("gate", "vpn"),
        f"Called the provider. {MARKUP}",
    )
    assert card.profile == ines.profiles.get(now.id)
    assert page.page.locator(".wb-form").first.is_hidden()
    assert MARKUP in page.page.inner_text(".wb-notes-text")


def test_what_another_changed_meanwhile_is_kept_beside_ones_own(host: Any, ines: Any, otto: Any) -> None:
    page = host(wb.widgets.profile(ines.profiles.create("203.0.113.2", notes="Before.", tags=["a"])))
    page.page.get_by_role("button", name="Edit").click()
    page.page.get_by_label("Notes", exact=True).fill("Written by Ines.")
    otto.profiles.update(otto.profiles.get("203.0.113.2"), tags=["a", "otto"], threat_level="low")
    page.page.get_by_role("button", name="Save").click()
    page.wait(says("What otto changed meanwhile is kept too."))
    now = ines.profiles.get("203.0.113.2")
    assert (now.notes, now.tags, str(now.threat_level)) == ("Written by Ines.", ("a", "otto"), "low")


@pytest.mark.parametrize(
    ("choice", "kept", "last"),
    [("Keep mine", "Mine.", 1), ("Take theirs", "Theirs.", 2), ("Take both", "Theirs.\n\nMine.", 3)],
)
def test_a_conflict_shows_both_sides_and_loses_neither(
    host: Any, ines: Any, otto: Any, choice: str, kept: str, last: int
) -> None:
    address = f"203.0.113.1{last}"
    page = host(wb.widgets.profile(ines.profiles.create(address, notes="Before.", tags=["a"])), dark=True)
    page.page.get_by_role("button", name="Edit").click()
    page.page.get_by_label("Notes", exact=True).fill("Mine.")
    page.page.get_by_label("Tags").fill("a, mine")
    otto.profiles.update(
        otto.profiles.get(address), notes="Theirs.", tags=["a", "theirs"], threat_level="low"
    )
    page.page.get_by_role("button", name="Save").click()
    page.wait(has(".wb-sides"))
    sides = page.page.inner_text(".wb-sides")
    assert "Mine." in sides
    assert "Theirs." in sides
    assert "changed by otto" in sides
    assert ines.profiles.get(address).notes == "Theirs."
    assert page.page.get_by_label("Notes", exact=True).input_value() == "Mine."
    page.page.get_by_role("button", name=choice).click()
    page.page.get_by_role("button", name="Save").click()
    page.wait(says("Saved."))
    now = ines.profiles.get(address)
    assert (now.notes, now.tags, str(now.threat_level)) == (kept, ("a", "mine", "theirs"), "low")


def test_reloading_while_writing_overwrites_nothing(host: Any, ines: Any, otto: Any) -> None:
    page = host(wb.widgets.profile(ines.profiles.create("203.0.113.14", notes="Before.")))
    page.page.get_by_role("button", name="Edit").click()
    otto.profiles.update(otto.profiles.get("203.0.113.14"), notes="Theirs.")
    page.page.get_by_role("button", name="Reload").click()
    page.wait(says("Changed by otto."))
    page.page.get_by_label("Tags").fill("mine")
    page.page.get_by_role("button", name="Save").click()
    page.wait(says("Saved."))
    now = ines.profiles.get("203.0.113.14")
    assert (now.notes, now.tags) == ("Theirs.", ("mine",))


def test_nothing_goes_to_more_readers_than_it_was_written_for(host: Any, ines: Any, otto: Any) -> None:
    page = host(wb.widgets.profile(ines.profiles.create("203.0.113.15", secrecy="amber+strict")))
    page.page.get_by_role("button", name="Edit").click()
    page.page.get_by_label("Notes", exact=True).fill("For us alone.")
    otto.profiles.set_secrecy(otto.profiles.get("203.0.113.15"), "green", "for all")
    page.page.get_by_role("button", name="Save").click()
    page.wait(says("lowered it to TLP:GREEN"))
    assert otto.profiles.get("203.0.113.15").notes == ""
    assert page.page.get_by_label("Notes", exact=True).input_value() == "For us alone."
    page.page.get_by_role("button", name="Save").click()
    page.wait(says("Saved."))
    assert otto.profiles.get("203.0.113.15").notes == "For us alone."


def test_a_profile_deleted_meanwhile_keeps_what_was_written(host: Any, ines: Any, otto: Any) -> None:
    page = host(wb.widgets.profile(ines.profiles.create("203.0.113.16")))
    page.page.get_by_role("button", name="Edit").click()
    page.page.get_by_label("Notes", exact=True).fill("Still of use.")
    gone = otto.profiles.delete(otto.profiles.get("203.0.113.16"))
    page.page.get_by_role("button", name="Save").click()
    page.wait(says("otto deleted the profile meanwhile"))
    assert ines.profiles.restore(ines.profiles.get(gone.id)).notes == "Still of use."


def test_what_was_written_outlives_a_lost_profile(host: Any, ines: Any) -> None:
    page = host(wb.widgets.profile(ines.profiles.create("203.0.113.3")))
    page.page.get_by_role("button", name="Edit").click()
    page.page.get_by_label("Notes", exact=True).fill("Do not lose this.")
    ines.close()
    ines.url = "postgresql://nobody@127.0.0.1:1/none"
    page.page.get_by_role("button", name="Save").click()
    page.wait(says("cannot be reached"))
    assert page.page.get_by_label("Notes", exact=True).input_value() == "Do not lose this."


def test_a_profile_of_another_organisation_is_read_only(host: Any, house: House, ines: Any) -> None:
    ines.profiles.create("203.0.113.4", secrecy="green")
    with house.store("pia") as pia:
        page = host(wb.widgets.profile("203.0.113.4", pia))
        assert page.page.get_by_role("button", name="Edit").count() == 0
        assert page.page.get_by_role("button", name="Reload").count() == 1


def test_the_level_is_changed_with_a_reason_and_recipients(host: Any, ines: Any) -> None:
    made = ines.profiles.create("203.0.113.5", secrecy="amber")
    page = host(wb.widgets.profile(made))
    page.page.get_by_role("button", name="Change TLP").click()
    page.page.keyboard.press("ArrowDown")
    page.page.keyboard.press("ArrowDown")
    assert page.page.get_by_role("radio", name="TLP:RED").is_checked()
    page.page.get_by_role("button", name="Set level").click()
    page.wait(says("A change of level needs a reason."))
    page.page.get_by_label("Reason").fill("names a source")
    page.page.get_by_label("otto").check()
    page.page.get_by_role("button", name="Set level").click()
    page.wait(says("Now TLP:RED."))
    now = ines.profiles.get(made.id)
    assert now.secrecy == TLP.RED
    assert ines.profiles.recipients(now) == ["ines", "otto"]


def test_a_level_is_not_lowered_over_what_another_wrote_meanwhile(host: Any, ines: Any, otto: Any) -> None:
    made = ines.profiles.create("203.0.113.6", secrecy="amber")
    page = host(wb.widgets.profile(made))
    page.page.get_by_role("button", name="Change TLP").click()
    page.page.get_by_role("radio", name="TLP:CLEAR").check()
    page.page.get_by_label("Reason").fill("public by now")
    otto.profiles.update(otto.profiles.get("203.0.113.6"), notes="For the organisation alone.")
    page.page.get_by_role("button", name="Set level").click()
    page.wait(says("read it, then set the level again"))
    assert ines.profiles.get(made.id).secrecy == TLP.AMBER


def test_a_profile_of_a_case_is_changed_without_a_server(host: Any, tmp_path: Path) -> None:
    with wb.open_case(tmp_path / "c.duckdb") as case:
        case.profiles.create("203.0.113.7", notes="Before.")
        page = host(wb.widgets.profile("203.0.113.7", case))
        page.page.get_by_role("button", name="Edit").click()
        page.page.get_by_label("Notes", exact=True).fill("After.")
        page.page.get_by_role("button", name="Save").click()
        page.wait(says("Saved."))
        assert case.profiles.get("203.0.113.7").notes == "After."


# Lookup


def test_a_pasted_report_gives_its_addresses_worst_first(host: Any) -> None:
    box = wb.widgets.lookup()
    page = host(box)
    field = page.page.get_by_label("Addresses, or text with addresses in it")
    field.fill("hxxp://8[.]8.8.8/x, then 84[.]205[.]67[.]213; 192.0.2.0/24 and 999.1.1.1")
    field.press("Enter")
    page.wait(has(".wb-results details", 2))
    assert [r.address for r in box.records] == ["84.205.67.213", "8.8.8.8"]
    assert "2 addresses: 1 malicious, 1 clean (left out: 1 network, 1 malformed)" in page.page.inner_text(
        ".wb-status"
    )
    page.page.locator("summary").first.focus()
    page.page.keyboard.press("Enter")
    page.wait(has(".wb-results .wb-card"))
    assert "AS12654" in page.page.inner_text(".wb-card")
    assert "84.205.67.213" in box.static_html()


def test_one_address_opens_at_once_and_none_is_told(host: Any) -> None:
    page = host(wb.widgets.lookup("84.205.67.213"), dark=True)
    page.wait(has(".wb-card"))
    field = page.page.get_by_label("Addresses, or text with addresses in it")
    field.fill(f"nothing {MARKUP}")
    field.press("Enter")
    page.wait(says("no IP address in it"))


# TLP


def test_a_level_is_picked_in_the_words_of_first(host: Any) -> None:
    picker = wb.widgets.tlp("green")
    page = host(picker)
    assert TLP.AMBER_STRICT.definition in page.page.inner_text(".wb-levels")
    page.page.get_by_role("radio", name="TLP:AMBER+STRICT").check()
    page.page.get_by_label("Reason").fill("why")
    page.until(lambda: picker.reason == "why")
    assert picker.value == TLP.AMBER_STRICT


def test_the_level_of_an_investigation_is_set(host: Any, ines: Any) -> None:
    matter = ines.investigations.create(f"Picked {MARKUP}", secrecy="amber")
    page = host(wb.widgets.tlp(matter, ines))
    page.page.get_by_role("radio", name="TLP:GREEN").check()
    page.page.get_by_label("Reason").fill("shared with the community")
    page.page.get_by_role("button", name="Set level").click()
    page.wait(says("Now TLP:GREEN."))
    assert ines.investigations.get(matter.id).secrecy == TLP.GREEN


# Alerts


def test_alerts_come_in_live_and_are_acknowledged_and_closed(host: Any, ines: Any, otto: Any) -> None:
    ines.watchlists.create(f"Net {MARKUP}", network="192.0.2.0/24")
    ines.profiles.create("192.0.2.1")
    feed = wb.widgets.alerts(ines)
    try:
        page = host(feed)
        before = len(feed.alerts)
        assert before >= 1
        otto.profiles.create("192.0.2.2", secrecy="green")
        page.wait(says("New alert: new profile 192.0.2.2"))
        assert MARKUP in page.page.inner_text(".wb-feed")
        newest = page.page.locator(".wb-alert").first
        newest.get_by_label("Note").fill(f"Looked at {MARKUP}")
        newest.get_by_role("button", name="Acknowledge").click()
        page.wait(has(".wb-is-acknowledged"))
        (alert,) = [a for a in otto.alerts.all() if a.state == "acknowledged"]
        assert (alert.note, alert.changed_by) == (f"Looked at {MARKUP}", "ines")
        page.page.locator(".wb-is-acknowledged").get_by_role("button", name="Close").click()
        page.wait(has(".wb-is-acknowledged", 0))
        page.page.get_by_role("button", name="Closed").click()
        page.wait(has(".wb-is-closed"))
        assert "192.0.2.2" in feed.static_html()
    finally:
        feed.close()
    feed._thread.join(30)
    assert not feed._thread.is_alive()


# Conflicts


def test_conflicts_of_a_sync_are_settled_side_by_side(
    host: Any, ines: Any, otto: Any, tmp_path: Path
) -> None:
    one = ines.profiles.create("203.0.113.20", notes="Seen on the gate.", threat_level="low")
    two = ines.profiles.create("203.0.113.21", secrecy="amber")
    with wb.open_case(tmp_path / "c.duckdb") as case:
        case.sync(ines)
        case.profiles.update(
            case.profiles.get(one.id), notes=f"Seen on the gate twice. {MARKUP}", threat_level="high"
        )
        case.profiles.set_secrecy(case.profiles.get(two.id), "amber+strict", "names us")
        otto.profiles.update(
            otto.profiles.get(one.id), notes="Seen on the gate, blocked.", threat_level="medium"
        )
        otto.profiles.set_secrecy(otto.profiles.get(two.id), "green", "for all")
        case.sync(ines)
        resolver = wb.widgets.conflicts(case)
        page = host(resolver)
        page.wait(has(".wb-conflict", 3))
        assert "3 things to settle" in page.page.inner_text(".wb-panel")

        def conflict(name: str) -> Any:
            return page.page.locator(".wb-conflict").filter(has_text=name)

        assert "blocked" in conflict("· notes").locator("ins").all_inner_texts()[-1]
        conflict("threat level").get_by_role("button", name="Take theirs").click()
        page.wait(has(".wb-conflict", 2))
        conflict("· notes").get_by_role("button", name="Other").click()
        conflict("· notes").get_by_label("Another value").fill("Seen twice, blocked.")
        conflict("· notes").get_by_role("button", name="Use this").click()
        page.wait(has(".wb-conflict", 1))
        conflict("TLP").get_by_role("button", name="Keep mine").click()
        page.wait(says("needs a reason"))
        conflict("TLP").get_by_label("Reason").fill("still names us")
        conflict("TLP").get_by_role("button", name="Keep mine").click()
        page.wait(says("Nothing to settle"))
        assert "3 conflicts settled here" in page.page.inner_text(".wb-panel")
        assert case.conflicts() == []
        case.sync(ines)
    now = otto.profiles.get(one.id)
    assert (now.notes, str(now.threat_level)) == ("Seen twice, blocked.", "medium")
    assert otto.profiles.get(two.id).secrecy == TLP.AMBER_STRICT


# Progress


def test_bars_say_how_far_it_is_and_the_button_ends_it(host: Any) -> None:
    from workbench.notebook.progress.bars import ProgressBars

    pressed: list[str] = []
    bars = ProgressBars(f"Update {MARKUP}", lambda: pressed.append("x"))
    bars.take({f"feed {MARKUP}": (40, 100), "other": (1234567, None)}, "running", 3)
    page = host(bars)
    page.wait(has("[role=progressbar]", 2))
    first = page.page.get_by_role("progressbar").first
    assert (first.get_attribute("aria-valuenow"), first.get_attribute("aria-valuemax")) == ("40", "100")
    assert "1,234,567" in page.page.inner_text(".wb-panel")
    page.page.get_by_role("button", name="Cancel").click()
    page.until(lambda: pressed == ["x"])
    bars.take({}, "cancelled", 65)
    page.wait(says("cancelled after 1 min 5 s"))
    assert page.page.get_by_role("button").count() == 0


# All


def test_everything_is_reached_by_keys_and_named_for_those_who_hear_it(host: Any, ines: Any) -> None:
    page = host(wb.widgets.profile(ines.profiles.create("203.0.113.30")))
    page.page.get_by_role("button", name="Edit").click()
    unnamed = page.page.evaluate(
        """() => [...document.querySelectorAll('button, input, select, textarea')].filter((e) => e.offsetParent !== null)
           .filter((e) => !(e.textContent.trim() || e.labels?.length || e.ariaLabel || e.title)).length"""
    )
    assert unnamed == 0
    reached = set()
    for _ in range(30):
        page.page.keyboard.press("Tab")
        reached.add(
            page.page.evaluate(
                "document.activeElement.tagName + document.activeElement.textContent.slice(0, 6)"
            )
        )
    assert any(name.startswith("TEXTAREA") for name in reached)
    assert {"BUTTONSave", "BUTTONCancel", "BUTTONReload"} <= reached
    page.page.keyboard.press("Escape")
    assert page.page.locator(".wb-form").first.is_hidden() or page.page.evaluate(
        "document.activeElement === document.body"
    )


CONTRAST = """() => {
          const probe = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
          const rgb = (colour) => { probe.clearRect(0, 0, 1, 1); probe.fillStyle = colour; probe.fillRect(0, 0, 1, 1); return [...probe.getImageData(0, 0, 1, 1).data]; };
          const light = (c) => { const [r, g, b] = c.slice(0, 3).map((v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
          const ground = (e) => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c[3] > 200) return c; } return [255, 255, 255, 255]; };
          const found = [];
          for (const e of document.querySelectorAll('.wb-panel *')) {
            if (e.closest('svg') || e.offsetParent === null || ![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim())) continue;
            const [a, b] = [light(rgb(getComputedStyle(e).color)), light(ground(e))];
            const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
            if (contrast < 4.5) found.push(`${e.className} ${e.textContent.slice(0, 20)} ${contrast.toFixed(2)}`);
          }
          return found;
        }"""
"""What of the text of a widget has a contrast below 4.5 to its ground, as WCAG counts it."""


@pytest.mark.parametrize("dark", [False, True])
def test_text_stands_out_from_its_ground(host: Any, ines: Any, otto: Any, tmp_path: Path, dark: bool) -> None:
    address = f"203.0.113.4{int(dark)}"
    made = ines.profiles.create(address, notes="Seen on the gate.", tags=["vpn"], threat_level="high")
    ines.watchlists.create(f"contrast {dark}", network=f"{address}/32")
    ines.profiles.create(address, secrecy="green")
    feed = wb.widgets.alerts(ines)
    with wb.open_case(tmp_path / "c.duckdb") as case:
        case.sync(ines)
        case.profiles.update(case.profiles.get(made.id), notes="Seen on the gate twice.")
        otto.profiles.update(otto.profiles.get(made.id), notes="Seen on the gate, blocked.")
        case.sync(ines)
        shown = {
            "profile": wb.widgets.profile(made, ines), "lookup": wb.widgets.lookup("84.205.67.213 8.8.8.8 185.246.188.74"),
            "tlp": wb.widgets.tlp("amber"), "alerts": feed, "conflicts": wb.widgets.conflicts(case),
        }  # fmt: skip
        try:
            for name, widget in shown.items():
                page = host(widget, dark=dark)
                assert page.page.evaluate(CONTRAST) == [], name
        finally:
            feed.close()
