"""Front ends are put together from files, and say the same as their Python."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import asdict
from pathlib import Path

import pytest

from workbench.notebook.browser import modules
from workbench.notebook.browser.modules import joined, stylesheet
from workbench.notebook.browser.shipped import asset
from workbench.notebook.verdicts import LOOKS
from workbench.secrecy import TLP

pytest.importorskip("anywidget", reason="needs the lab extra")


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Assets of the test's own."""
    found: dict[str, str] = {}
    monkeypatch.setattr(modules, "asset", found.__getitem__)
    joined.cache_clear()
    return found


def ran(module: str) -> str:
    """What a module prints."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node, to run JavaScript")
    return subprocess.run(
        [node, "--input-type=module", "-"],
        input=module,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout.strip()


def test_modules_are_joined_each_once_and_with_scopes_of_their_own(files: dict[str, str]) -> None:
    files["w/main.js"] = (
        'import { twice } from "./sums.js";\nimport { own, lib as other } from "../common/names.js";\n'
        'import { answer } from "../vendor/old.js";\nconst hidden = 1;\nconsole.log(twice(hidden), own, other.hundred, answer);\n'
    )
    files["w/sums.js"] = 'import { own } from "../common/names.js";\nconst hidden = 10;\nexport function twice(n) { return n * 2 + hidden + own.length; }\n'  # fmt: skip
    files["common/names.js"] = 'const hidden = 100;\nexport const own = "abc";\nexport class lib { static hundred = hidden; }\nconsole.log("once");\n'  # fmt: skip
    files["vendor/old.js"] = "(function (e, f) { f(exports); })(this, function (e) { e.answer = 42; });\n//# sourceMappingURL=https://x.example/old.map"  # fmt: skip
    text = joined("w/main.js")
    assert "x.example" not in text
    assert ran(text).splitlines() == ["once", "15 abc 100 42"]


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ({"a.js": 'import { b } from "./b.js";\n', "b.js": 'import { a } from "./a.js";\nexport const b = a;\n'}, "import each other: a.js → b.js → a.js"),
        ({"a.js": 'import { c } from "./b.js";\n', "b.js": "export const b = 1;\n"}, "b.js does not export c"),
        ({"a.js": 'import b from "./b.js";\n', "b.js": "export const b = 1;\n"}, "not understood: import b"),
        ({"a.js": 'import { b } from "./b.js";\n', "b.js": "export { b };\n"}, "not understood: export { b }"),
        ({"a.js": 'import { b } from "https://cdn.example/b.js";\n'}, "not understood: import { b } from"),
    ],
)  # fmt: skip
def test_what_cannot_be_joined_is_told(files: dict[str, str], texts: dict[str, str], said: str) -> None:
    files.update(texts)
    with pytest.raises(ValueError, match=re.escape(said)):
        joined("a.js")


def test_verdicts_look_the_same_in_the_browser_as_in_python() -> None:
    lines = re.findall(r"\{ (name: .*) \},", asset("common/looks.js"))
    found = [dict(re.findall(r'(\w+): "([^"]*)"', line)) for line in lines]
    assert found == [asdict(look) for look in LOOKS]
    css = stylesheet("common/theme.css")
    for look in LOOKS[:-1]:
        assert f".wb-{look.name} {{ color: {look.ink.replace('ffffff', 'fff')}; background: {look.fill} }}" in css  # fmt: skip


def test_sheets_that_meet_on_one_page_do_not_dress_each_others_parts() -> None:
    def classes(name: str) -> set[str]:
        rules = re.sub(r"/\*.*?\*/", "", asset(name), flags=re.DOTALL)
        return set(re.findall(r"\.(wb-[\w-]+)", re.sub(r"\{[^{}]*\}", "{}", rules)))

    shared = classes("common/theme.css")
    board, cards, maps = (
        classes("board/board.css"),
        classes("card/card.css") | classes("card/panel.css"),
        classes("map/map.css"),
    )
    assert len(shared) > 10
    for one, other in ((board, cards), (board, maps), (cards, maps)):
        assert (one & other) - shared == set()


def test_tlp_levels_are_the_same_in_the_browser_as_in_python() -> None:
    assert re.findall(r'"(TLP:[A-Z+]+)"[,\]]', asset("common/tlp.js")) == [str(level) for level in TLP]


def test_no_front_end_of_ours_writes_html_or_asks_the_network() -> None:
    root = Path(modules.__file__).parent / "assets"
    for path in [*root.glob("*/*.js")]:
        if path.parent.name == "vendor":
            continue
        text = path.read_text(encoding="utf-8")
        found = re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|\beval\(|new Function|\bfetch\(|XMLHttpRequest|WebSocket|importScripts|https?://", text)  # fmt: skip
        assert not found, f"{path.name}: {found[0] if found else ''}"
