"""The catalogue says where sources come from, and what is wrong with a user's own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from workbench.intel import catalogue
from workbench.intel.catalogue import CatalogueError, expand, keys_needed, load
from workbench.intel.parsers import PARSERS
from workbench.intel.source import Category, Layer

WHOLE = """
[mine]
title = "My list"
parser = "list"
layers = ["membership"]
category = "attacker"
reliability = "C"
licence = "CC0-1.0"
attribution = "me"
location = "https://lists.example/a.txt"
"""


@pytest.fixture(autouse=True)
def no_catalogue_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORKBENCH_CATALOGUE", raising=False)
    monkeypatch.setattr(catalogue.platformdirs, "user_config_path", lambda name: tmp_path / "configuration")


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "catalogue.toml"
    path.write_text(text)
    return path


def test_every_built_in_source_is_whole() -> None:
    sources = load()
    assert len(sources) >= 40
    for source in sources.values():
        assert source.licence
        assert source.attribution
        assert source.homepage, source.id
        assert source.refresh >= timedelta(hours=1), f"{source.id}: no publisher wants to be asked more often"
        if not source.location:
            assert not source.default, source.id
        assert not source.allow_private, source.id
        if Layer.MEMBERSHIP in source.layers and source.parser not in ("mmdb", "stix", "entries"):
            assert source.category is not None, source.id


def test_what_is_fetched_by_default_needs_no_key() -> None:
    assert not [source.id for source in load().values() if source.default and keys_needed(source)]


def test_the_kinds_of_evidence_a_verdict_needs_are_covered() -> None:
    categories = {source.category for source in load().values()}
    assert categories >= set(Category) - {Category.PROXY, Category.BENIGN}


def test_a_users_source_is_added_and_a_built_in_one_changed(tmp_path: Path) -> None:
    path = written(tmp_path, WHOLE + '[ipsum]\nrefresh = "12h"\noptions = { levels = true, min_level = 3 }\n')
    sources = load(path)
    assert sources["mine"].location == ("https://lists.example/a.txt",)
    assert sources["ipsum"].refresh == timedelta(hours=12)
    assert sources["ipsum"].options["min_level"] == 3
    assert sources["ipsum"].licence == "Unlicense"


def test_the_users_catalogue_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "configuration").mkdir()
    (tmp_path / "configuration" / "catalogue.toml").write_text(WHOLE)
    assert "mine" in load()
    monkeypatch.setenv("WORKBENCH_CATALOGUE", str(written(tmp_path, WHOLE.replace("[mine]", "[other]"))))
    assert "other" in load()
    assert "mine" not in load()
    monkeypatch.setenv("WORKBENCH_CATALOGUE", str(tmp_path / "absent.toml"))
    with pytest.raises(FileNotFoundError, match=r"absent\.toml"):
        load()


def test_a_built_in_source_can_be_taken_out(tmp_path: Path) -> None:
    assert "greensnow" not in load(written(tmp_path, "[greensnow]\ndisabled = true\n"))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (('parser = "list"', 'parser = "lists"'), "parser = 'lists'; it must be"),
        (('category = "attacker"', 'category = "evil"'), "category = 'evil'; it must be one of tor, vpn"),
        (('category = "attacker"', ""), "needs a category"),
        (('reliability = "C"', 'reliability = "G"'), "reliability = 'G'; it must be one of A, B"),
        (('licence = "CC0-1.0"', ""), "missing: licence"),
        (('title = "My list"', 'titel = "My list"'), "unknown field 'titel'"),
        (('layers = ["membership"]', 'layers = ["members"]'), "layers = 'members'"),
        (('layers = ["membership"]', "layers = []"), "one or more of geo"),
        (('"https://lists.example/a.txt"', '"http://lists.example/a.txt"'), "an https URL"),
        (('"https://lists.example/a.txt"', '"file:///etc/passwd"'), "an https URL"),
        (('"https://lists.example/a.txt"', '"npm:x"'), "an https URL"),
        (('attribution = "me"', 'attribution = "me"\nrefresh = "often"'), "a period such as"),
        (('attribution = "me"', 'attribution = "me"\npriority = 200'), "0 to 100"),
        (('attribution = "me"', 'attribution = "me"\noptions = { level = true }'), "has no option 'level'"),
        (('attribution = "me"', 'attribution = "me"\noptions = 3'), "a table"),
        (("[mine]", "[My List]"), "no TOML"),
        (("[mine]", "[Mine]"), "lower-case letters"),
        (("[mine]", "x = 1\n[mine]"), "stands outside of a source"),
    ],
)
def test_a_mistake_is_named_with_its_source_and_file(
    tmp_path: Path, change: tuple[str, str], complaint: str
) -> None:
    assert change[0] in WHOLE
    path = written(tmp_path, WHOLE.replace(*change))
    with pytest.raises(CatalogueError) as caught:
        load(path)
    assert complaint in str(caught.value)
    assert str(path) in str(caught.value)
    if "TOML" not in complaint and "outside" not in complaint:
        assert "mine" in str(caught.value).lower()


def test_keys_and_dates_in_a_location_are_filled_in() -> None:
    location = "https://x.example/{%Y-%m}/a?key={MY_KEY}"
    when = datetime(2026, 6, 3, tzinfo=UTC)
    assert expand(location, when, {"MY_KEY": "a b&c"}) == "https://x.example/2026-06/a?key=a%20b%26c"
    with pytest.raises(KeyError):
        expand(location, when, {})


def test_every_parser_named_can_be_loaded() -> None:
    from importlib import import_module

    for name, parser in PARSERS.items():
        module = import_module(f"workbench.intel.parsers.{parser.module}")
        function = getattr(module, parser.function)
        for option in parser.options:
            assert f"``{option}``" in function.__doc__, f"{name}: option {option} is not described"
