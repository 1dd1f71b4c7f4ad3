"""Cards as HTML: what is known of an address and of a profile, readable anywhere, and harmless whatever the data is."""

from __future__ import annotations

import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import workbench as wb
from workbench.notebook.browser.modules import joined
from workbench.notebook.browser.shipped import asset
from workbench.notebook.cards.little_map import little_map
from workbench.notebook.showing import shown, tree
from workbench.notebook.showing.conflicting import differences
from workbench.notebook.showing.tree import html, plain, tag

from .test_showing import Page, looked_at

if TYPE_CHECKING:
    from .conftest import House

ATTACKER, EXIT, RESOLVER = "84.205.67.213", "185.246.188.74", "8.8.8.8"
MARKUP = "<img src=x onerror=alert(1)><script>alert(1)</script>"
HOSTILE = MARKUP + "\x1b[2J\u202e | `x` [y](javascript:alert(1))"


def test_a_record_shows_verdict_evidence_place_and_network() -> None:
    text, markdown = looked_at(wb.lookup(ATTACKER))
    for said in ("✖ malicious", "reputation 76/100", "AS12654", "84.205.64.0/22", "ripencc", "Netherlands (NL)", "known attacker", "Exercise indicators", "2026-10-01 – 2026-10-05"):  # fmt: skip
        assert said in text
    assert "IP geolocation by DB-IP" in text  # as its licence asks
    assert markdown.startswith("**84.205.67.213** ✖ malicious")


@pytest.mark.parametrize(
    "address", [EXIT, RESOLVER, "10.0.0.1", "2620:fe::fe", "not an address", "198.51.100.1"]
)
def test_any_text_has_a_card(address: str) -> None:
    text, _ = looked_at(wb.lookup(address))
    assert wb.lookup(address).verdict in text


def test_where_only_the_country_is_known_no_spot_is_pointed_at() -> None:
    exact = html(little_map(52.1, 5.3, 20, "NL", "x"))
    rough = html(little_map(52.1, 5.3, 150, "NL", "x", exact=False))
    assert "wb-spot" in exact
    assert "wb-spot" not in rough
    assert "wb-here" in rough


@given(
    st.floats(-90, 90),
    st.floats(-180, 180),
    st.one_of(st.none(), st.floats(0, 20_000)),
    st.sampled_from(["NL", "RU", "US", "FJ", None, "XX"]),
)
def test_a_little_map_is_little_wherever_it_is(
    latitude: float, longitude: float, km: float | None, country: str | None
) -> None:
    drawn = html(little_map(latitude, longitude, km, country, "somewhere"))
    assert len(drawn) < 60_000
    numbers = [float(n) for n in re.findall(r"[ML ](-?\d+)(?=[ LZ\"])", drawn)]
    assert all(-4 <= n <= 324 for n in numbers)


def test_evidence_of_earlier_snapshots_is_on_the_time_line() -> None:
    from workbench.intel.timeline import Listed
    from workbench.notebook.cards.listings import spans_of, timeline

    days = [datetime(2026, month, 1, tzinfo=UTC) for month in (3, 5, 8)]
    record = wb.lookup(ATTACKER)
    item = record.evidence[0]
    past = [
        Listed(item.source, item.title, item.category, item.label, item.entry, days[0], days[1]),
        Listed("old", "An old list", "tor", "", "84.205.67.0/24", days[0], days[1]),
        Listed("old", "An old list", "tor", "", "84.205.67.0/24", days[2], days[2]),
    ]
    spans = spans_of(record.evidence, past)
    assert [(s.title, s.now) for s in spans] == [
        (item.title, True),
        ("An old list", False),
        ("An old list", False),
    ]
    assert spans[0].first == days[0]
    page = Page(html(tag("div", timeline(spans, None))))
    text = " ".join(page.text.split())
    assert "2026-03-01 – 2026-10-04" in text
    assert text.count("listed no longer") == 2
    assert "2026-08-01" in text
    assert page.names.count("rect") == 3


def test_a_profile_shows_all_that_hangs_on_it(house: House) -> None:
    from workbench.store import Evidence, Footprint, Sighting

    june = datetime(2026, 6, 1, tzinfo=UTC)
    with house.store() as store:
        made = store.profiles.create(
            EXIT, notes=f"Line one.\n{HOSTILE}", tags=["<i>x</i>"], threat_level="high", secrecy="amber"
        )
        store.footprint.add(made, Footprint("hostname", MARKUP, "passive DNS", june, june))
        store.sightings.add(made, Sighting(june, june, 412, f"fw {MARKUP}", "gate"))
        store.evidence.add(made, Evidence(f"partner {MARKUP}", "attacker", EXIT, MARKUP, 0.8, june, june))
        store.entities.link(store.entities.create("threat-actor", f"Sour Grape {MARKUP}"), made, "uses")
        store.investigations.link(store.investigations.create(f"Matter {MARKUP}"), made)
        store.profiles.update(made, notes="Line two.", tags=["vpn"])
        profile = store.profiles.get(made.id)
        text, markdown = looked_at(profile)
    assert text.startswith("TLP:AMBER Limited disclosure")
    assert text.count(MARKUP) >= 6
    for said in (
        "high",
        "vpn",
        "Line two.",
        "412",
        "uses",
        "threat-actor",
        "Versions (2)",
        "1 → 2",
        "ines",
        "passive DNS",
        "partner",
    ):
        assert said in text
    assert markdown.startswith("**TLP:AMBER**")
    assert repr(profile).startswith(f"{EXIT}: TLP:AMBER, anonymised, threat high")


def test_a_profile_of_a_case_or_of_nowhere_is_shown_too(tmp_path: Path) -> None:
    from dataclasses import replace

    with wb.open_case(tmp_path / "c.duckdb") as case:
        made = case.profiles.create(ATTACKER, notes="ours")
        assert "not in a store yet" in looked_at(made)[0]
        assert "ours" in looked_at(replace(made))[0]
        assert "198.51.100.0/24" in looked_at(case.profiles.create("198.51.100.0/24"))[0]


def test_where_a_profile_was_read_is_no_part_of_it(house: House) -> None:
    import copy
    import pickle
    from dataclasses import asdict

    from workbench.store.profiles.profile import origin_of

    with house.store() as store:
        made = store.profiles.create("203.0.113.77")
        assert origin_of(made) is store
        (found,) = store.profiles.search(address="203.0.113.77")
        assert origin_of(found) is store
        again = pickle.loads(pickle.dumps(made))
        assert again == made == copy.copy(made)
        assert origin_of(again) is None
        assert "origin" not in asdict(made)


def test_a_card_in_a_notebook_on_a_forge_is_readable(tmp_path: Path) -> None:
    """What nbconvert makes of it; forges show the same HTML, without its styles."""
    nbconvert = pytest.importorskip("nbconvert", reason="needs the reports extra")
    import nbformat
    from nbformat import v4

    data = shown(wb.lookup(ATTACKER))
    output = v4.new_output("execute_result", {"text/plain": "x", **data}, execution_count=1)
    notebook = v4.new_notebook(cells=[v4.new_code_cell("wb.lookup(…)", outputs=[output])])
    nbformat.validate(notebook)
    page, _ = nbconvert.HTMLExporter(template_name="basic").from_notebook_node(notebook)
    bare = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    text = " ".join(re.sub(r"<[^>]+>", " ", bare).split())
    assert "84.205.67.213 ✖ malicious" in text
    assert "Network AS12654" in text


TEXT = st.text(max_size=30) | st.just(HOSTILE)


@given(
    st.recursive(
        TEXT,
        lambda inner: st.builds(
            lambda name, children, title: tag(name, *children, title=title),
            st.sampled_from(sorted(tree.TAGS)),
            st.lists(inner, max_size=3),
            TEXT,
        ),
        max_leaves=12,
    )
)
def test_a_tree_holds_any_text_and_no_markup_of_it(node: Any) -> None:
    if isinstance(node, str):
        return
    page = Page(html(node))
    assert set(page.names) <= tree.TAGS

    def texts(each: Any) -> str:
        return each if isinstance(each, str) else "".join(texts(child) for child in each[2:])

    normal = lambda text: "".join(text.split())  # noqa: E731
    assert normal(page.text) == normal(texts(plain(node)))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: tag("script", "x"),
        lambda: tag("a", "x", href="javascript:alert(1)"),
        lambda: tag("p", onclick="x"),
        lambda: tag("p", style="x"),
    ],
)
def test_a_tree_takes_nothing_that_runs(wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"no element|no attribute|web only"):
        wrong()


def test_control_characters_are_shown_as_such_and_other_scripts_left_alone() -> None:
    assert html(tag("p", "a\x1b[2Jb\u202ec\r\nd")) == "<p>a�[2Jb�c\nd</p>"
    assert html(tag("p", "نمی‌خواهم 10\xa0%")) == "<p>نمی‌خواهم 10\xa0%</p>"


def test_the_browser_knows_the_same_elements_and_attributes() -> None:
    text = asset("common/tree.js")
    lists = [set(found.split()) for found in re.findall(r'new Set\("([^"]+)"', text)]
    assert lists[0] | lists[1] == tree.TAGS
    assert lists[2] == tree.ATTRIBUTES


@pytest.mark.parametrize("entry", ["profile", "lookup", "alerts", "conflicts", "progress", "tlp"])
def test_every_front_end_is_one_module_that_parses(entry: str) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node, to read JavaScript")
    checked = subprocess.run(
        [node, "--input-type=module", "--check", "-"],
        input=joined(f"{entry}/main.js"),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert checked.returncode == 0, checked.stderr


@given(st.text(alphabet="ab \n", max_size=40), st.text(alphabet="ab \n", max_size=40))
def test_differences_hold_both_sides_whole(before: str, after: str) -> None:
    pieces = differences(before, after)
    assert "".join(text for how, text in pieces if how != "gone") == after
    same_or_gone = "".join(text for how, text in pieces if how != "new")
    assert same_or_gone.split() == before.split()
