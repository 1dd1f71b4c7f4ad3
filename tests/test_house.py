"""The house stays livable: data flows one way through the rooms, and what is written about them is true."""

from __future__ import annotations

import ast
import importlib
import json
import re
import tomllib
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "workbench"
ROOMS = (
    "secrecy", "addresses", "intel", "enrichment", "frames", "store", "exchange", "api", "notebook", "reports", "cli",
)  # fmt: skip
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "migrations" not in path.parts)
TREES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): ast.parse(path.read_text(encoding="utf-8"))
    for path in MODULES
}  # fmt: skip
"""By the names of the modules."""


def _imported(path: Path) -> set[str]:
    """Full names of the modules of the workbench that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute here"
            if node.module == "workbench":
                found |= {f"workbench.{name.name}" for name in node.names}
            elif node.module:
                found.add(node.module)
    return {name for name in found if name.partition(".")[0] == "workbench"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_imports_only_from_rooms_above_it(path: Path) -> None:
    room = path.relative_to(PACKAGE).parts[0]
    if room not in ROOMS:
        return  # the front door, and the case, which reach into all
    above = ROOMS[: ROOMS.index(room) + 1]
    for name in _imported(path):
        target = name.split(".")[1] if "." in name else ""
        if target in ROOMS:
            assert target in above, f"{path.relative_to(ROOT)} imports {name}, of a room below"


def _outside(name: str) -> Iterator[str]:
    """The packages that a module is in."""
    while name := name.rpartition(".")[0]:
        yield name


def test_no_modules_import_each_other_in_a_circle_when_they_are_loaded() -> None:
    edges: dict[str, set[str]] = {}
    for name, tree in TREES.items():
        loaded: set[str] = set()
        for node in tree.body:  # not within functions, and not for the type checker alone
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("workbench"):
                for item in node.names:
                    inner = f"{node.module}.{item.name}"
                    loaded.add(inner if inner in TREES else node.module)
        # Before a module its packages are loaded, but for those that this one is in: they are being loaded already.
        loaded |= {outer for one in loaded for outer in _outside(one)} - {*_outside(name)}
        edges[name] = loaded & set(TREES) - {name}
    done: set[str] = set()

    def walk(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " → ".join([*way[way.index(name) :], name])
        if name not in done:
            for following in sorted(edges[name]):
                walk(following, (*way, name))
            done.add(name)

    for name in sorted(TREES):
        walk(name, ())


def _asked_while_running(tree: ast.AST) -> Iterator[str]:
    """The modules that one imports, in functions too, but for what the type checker alone sees."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{item.name}" for item in node.names)
        yield from _asked_while_running(node)


@pytest.mark.parametrize("room", ROOMS)
def test_the_parts_of_a_room_do_not_lean_on_each_other_in_a_circle(room: str) -> None:
    """A part is a sub-package, with all that is in it. What lies beside them in the room may lean on any, and they on it."""
    parts = {path.name for path in (PACKAGE / room).iterdir() if (path / "__init__.py").exists()}
    leans: dict[str, set[str]] = {part: set() for part in parts}
    for name, tree in TREES.items():
        of = name.split(".")[2] if name.startswith(f"workbench.{room}.") else ""
        if of in parts:
            asked = (one.split(".") for one in _asked_while_running(tree))
            leans[of] |= {one[2] for one in asked if one[:2] == ["workbench", room]} & parts - {of}
    circles = TopologicalSorter(leans)
    try:
        circles.prepare()
    except CycleError as error:
        pytest.fail(" → ".join(reversed(error.args[1])))


def _face(tree: ast.Module) -> set[str] | None:
    """The names in ``__all__``; None where there is none, or it is put together."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return set(ast.literal_eval(node.value)) if isinstance(node.value, ast.List) else None
    return None


def test_a_module_is_asked_only_for_what_it_shows() -> None:
    faces = {name: _face(tree) for name, tree in TREES.items()}
    for name, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module in TREES:
                face = faces[node.module]
                for taken in (item.name for item in node.names):
                    if f"{node.module}.{taken}" not in TREES and taken != "__version__":
                        assert not taken.startswith("_"), f"{name} takes {taken} of {node.module}"
                        assert face is None or taken in face, (
                            f"{name} takes {taken}, not in {node.module}.__all__"
                        )


@pytest.mark.parametrize("room", ROOMS)
def test_each_room_says_what_it_is_and_shows_its_face(room: str) -> None:
    module = importlib.import_module(f"workbench.{room}")
    assert module.__doc__, f"workbench.{room} has no docstring"
    for name in getattr(module, "__all__", []):
        assert getattr(module, name) is not None


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_each_module_says_what_it_is(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not text.strip() or ast.get_docstring(ast.parse(text)), (
        f"{path.relative_to(ROOT)} has no docstring"
    )
    assert path.stem not in ("utils", "helpers", "misc", "common")


def _asked_for() -> dict[str, set[str]]:
    """Names of the packages that pyproject.toml asks for, with the extras they are of."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    asked: dict[str, set[str]] = {}
    groups = {
        "core": project["project"]["dependencies"],
        **project["project"]["optional-dependencies"],
        **project["dependency-groups"],
    }
    for group, wanted in groups.items():
        for text in wanted:
            name = re.match(r"[A-Za-z0-9_.-]+", text)[0].lower()  # type: ignore[index]
            if name != "ip-workbench":
                asked.setdefault(name, set()).add(group)
    return asked


def test_every_dependency_is_justified_and_none_that_is_gone() -> None:
    rows = re.findall(r"^\| `([^`]+)` \|", (PACKAGE / "DEPENDENCIES.md").read_text(), re.M)
    assert sorted(rows) == sorted(_asked_for())


def _locked() -> dict[str, str]:
    found = re.findall(r"^([a-z0-9._-]+)==([^ ;\\]+)", (ROOT / ".requirements.lock").read_text(), re.M)
    return {name: version for name, version in found if version}


def test_the_lock_has_every_dependency() -> None:
    assert set(_asked_for()) <= set(_locked())


def test_the_bill_of_materials_is_that_of_the_lock() -> None:
    bill = json.loads((ROOT / ".sbom.cdx.json").read_text())
    assert bill["bomFormat"] == "CycloneDX"
    listed = {(part["name"].lower(), part["version"]) for part in bill["components"]}
    pairs = set(re.findall(r"^([a-z0-9._-]+)==([^ ;\\]+)", (ROOT / ".requirements.lock").read_text(), re.M))
    assert listed == pairs


OPEN = re.compile(
    r"\b(MIT|BSD|Apache|ISC|PSF|Python Software Foundation|MPL|Mozilla|LGPL|PostgreSQL|Unlicense|0BSD|Public Domain|Zlib|CNRI|HPND|CC0|WTFPL|Artistic|Zope|Academic Free|EUPL)\b",
    re.I,
)


def test_what_is_shipped_with_the_workbench_may_be() -> None:
    """Licences of the packages asked for, as they state them: all open, and none of them strong copyleft."""
    for name, groups in _asked_for().items():
        if groups == {"dev"}:
            continue
        try:
            facts = metadata(name)
        except PackageNotFoundError:
            continue
        stated = " ".join(
            [facts.get("License-Expression") or "", (facts.get("License") or "")[:200]]
            + [text for text in facts.get_all("Classifier") or [] if text.startswith("License")]
        )
        assert OPEN.search(stated), f"{name}: {stated[:100]!r}"
        assert not re.search(r"(?<!L)(?<!Lesser )\bA?GPL", stated), f"{name}: {stated[:100]!r}"


def test_the_changelog_begins_with_the_version() -> None:
    import workbench

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == workbench.__version__
    heads = re.findall(r"^## \[?([^\]\s]+)", (PACKAGE / "CHANGELOG.md").read_text(), re.M)
    assert heads
    assert heads[0] in (project["version"], "Unreleased")


PAGES = sorted(
    [
        ROOT / "README.md",
        *(
            p
            for folder in ("workbench", "tests", "data", "extensions")
            for p in (ROOT / folder).rglob("*.md")
            if "node_modules" not in p.parts
        ),
    ]
)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.relative_to(ROOT)} links to {target}"


def _commands() -> list[tuple[str, Any]]:
    """Every command and group of ``workbench``, by what is typed."""
    import click

    from workbench.cli.commands import workbench

    def walk(command: Any, typed: str) -> Iterator[tuple[str, Any]]:
        yield typed, command
        if isinstance(command, click.Group):
            for name in command.list_commands(click.Context(command)):
                yield from walk(command.get_command(click.Context(command), name), f"{typed} {name}")

    return list(walk(workbench, "workbench"))


COMMANDS = _commands()


@pytest.mark.parametrize(("typed", "command"), COMMANDS, ids=[typed for typed, _ in COMMANDS])
def test_the_help_of_a_command_teaches_it(typed: str, command: Any) -> None:
    import click

    assert command.help, f"{typed} does not say what it does"
    for parameter in command.params:
        assert not isinstance(parameter, click.Option) or parameter.help, (
            f"{typed} {parameter.opts} says nothing"
        )
    if isinstance(command, click.Group):
        names = command.list_commands(click.Context(command))
        room = 78 - 6 - max(map(len, names))  # of a terminal of 80 columns
        for name in names:
            told = command.get_command(click.Context(command), name).get_short_help_str(room)
            assert not told.endswith("..."), (
                f"{typed} lists {name} as {told!r}: its first sentence is too long"
            )


def test_the_guide_has_every_command_and_every_public_name() -> None:
    import workbench as wb

    guide = (PACKAGE / "GUIDE.md").read_text(encoding="utf-8")
    missing = [typed for typed, command in COMMANDS if typed not in guide]
    missing += [f"wb.{name}" for name in wb.__all__ if name[0] != "_" and f"wb.{name}" not in guide]
    assert not missing, f"GUIDE.md does not mention {', '.join(missing)}"


def _typed() -> list[tuple[str, str]]:
    """Every command line of the pages for users."""
    found = []
    for page in (
        ROOT / "README.md",
        PACKAGE / "GUIDE.md",
        PACKAGE / "store" / "README.md",
        PACKAGE / "api" / "README.md",
    ):
        for block in re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.S):
            for line in block.replace("\\\n", " ").splitlines():
                if line.lstrip().startswith("workbench "):
                    found.append((page.name, line.strip()))
    return found


@pytest.mark.parametrize(("page", "line"), _typed())
def test_what_the_pages_type_are_commands_with_options_that_there_are(page: str, line: str) -> None:
    import shlex

    import click

    from workbench.cli.commands import workbench

    words = shlex.split(line, comments=True)[1:]
    for end in ("|", ">", "&&", "&", "2>"):
        words = words[: words.index(end)] if end in words else words
    command: click.Command = workbench
    context = click.Context(workbench)
    while isinstance(command, click.Group):
        name = words.pop(0)
        if name == "--help":
            return
        inner = command.get_command(context, name)
        assert inner is not None, f"{page}: no command {name!r} in: {line}"
        command = inner
    command.make_parser(click.Context(command)).parse_args(words)
