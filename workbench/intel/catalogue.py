"""The catalogue: which sources there are, where they come from, how far they are trusted."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import platformdirs

from workbench.intel.parsers import COMMON_OPTIONS, PARSERS
from workbench.intel.source import Category, Layer, Reliability, Source

__all__ = ["BUILT_IN", "CatalogueError", "expand", "keys_needed", "load", "user_catalogue"]

E = TypeVar("E", Layer, Category, Reliability)
BUILT_IN = Path(__file__).with_name("catalogue.toml")

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_PERIOD = re.compile(r"(\d{1,4})([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_KEY = re.compile(r"\{([A-Z][A-Z0-9_]*)\}")
_DATE = re.compile(r"\{((?:[^{}%]|%[YmdHj])*%[YmdHj](?:[^{}%]|%[YmdHj])*)\}")
_PACKAGE = re.compile(r"(?:npm:(?:@[\w.-]+/)?[\w.-]+|pypi:[\w.-]+)#[^\s#]+")
_REQUIRED = ("title", "parser", "layers", "reliability", "licence", "attribution")
_KNOWN = {field.name for field in fields(Source)} - {"id"} | {"disabled"}
_TEXTS = ("title", "licence", "attribution", "label", "homepage")


class CatalogueError(ValueError):
    """A catalogue file is wrong: names the file, the source, what is wrong, and what would be right."""


def user_catalogue() -> Path:
    """Where the user's own catalogue lies: ``WORKBENCH_CATALOGUE``, else in the configuration directory."""
    if configured := os.environ.get("WORKBENCH_CATALOGUE"):
        return Path(configured).expanduser()
    return platformdirs.user_config_path("ip-workbench") / "catalogue.toml"


def load(path: Path | None = None) -> dict[str, Source]:
    """All sources by id: the built-in ones, with ``path`` (default: the user's catalogue, if any) merged over them.

    A table of the user's changes what it names of a built-in source, or adds a source; ``disabled = true``
    takes one out.

    Raises:
        CatalogueError: a file is no TOML, or a source in it is incomplete or contradictory.
        FileNotFoundError: ``path``, or the file that ``WORKBENCH_CATALOGUE`` names, is not there.
    """
    tables = {name: (table, BUILT_IN) for name, table in _read(BUILT_IN).items()}
    own = path or user_catalogue()
    if path is not None or os.environ.get("WORKBENCH_CATALOGUE") or own.is_file():
        for name, table in _read(own).items():
            known = tables.get(name, ({}, own))[0]
            tables[name] = ({**known, **table}, own)
    return {
        name: _source(name, table, origin)
        for name, (table, origin) in tables.items()
        if not _disabled(name, table, origin)
    }


def keys_needed(source: Source) -> tuple[str, ...]:
    """Names of the keys that the locations of ``source`` ask for, as ``MAXMIND_LICENSE_KEY``."""
    return tuple(dict.fromkeys(key for location in source.location for key in _KEY.findall(location)))


def expand(location: str, when: datetime, keys: Mapping[str, str]) -> str:
    """``location`` with its keys and date filled in; keys are quoted for use in a URL.

    Raises:
        KeyError: a key is not in ``keys``.
    """
    dated = _DATE.sub(lambda found: when.strftime(found[1]), location)
    return _KEY.sub(lambda found: quote(keys[found[1]], safe=""), dated)


def _read(path: Path) -> dict[str, dict[str, Any]]:
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CatalogueError(f"{path}: no TOML: {error}") from None
    for name, table in document.items():
        if not isinstance(table, dict):
            raise CatalogueError(
                f"{path}: {name!r} stands outside of a source; a source begins with [its-id]"
            )
    return document


def _disabled(name: str, table: dict[str, Any], path: Path) -> bool:
    disabled = table.get("disabled", False)
    if not isinstance(disabled, bool):
        raise _error(path, name, "disabled", disabled, "true or false")
    return disabled


def _source(name: str, table: dict[str, Any], path: Path) -> Source:
    if not _ID.fullmatch(name):
        raise CatalogueError(f"{path}: source {name!r}: an id is lower-case letters, digits and hyphens")
    unknown = sorted(set(table) - _KNOWN)
    if unknown:
        known = ", ".join(sorted(_KNOWN))
        raise CatalogueError(f"{path}: source {name!r}: unknown field {unknown[0]!r}; there are: {known}")
    missing = [field for field in _REQUIRED if field not in table]
    if missing:
        raise CatalogueError(f"{path}: source {name!r}: missing: {', '.join(missing)}")
    for field in _TEXTS:
        if field in table and not (isinstance(table[field], str) and table[field].strip()):
            raise _error(path, name, field, table[field], "text")
    parser = table["parser"]
    if parser not in PARSERS:
        raise _error(path, name, "parser", parser, ", ".join(sorted(PARSERS)))
    layers = tuple(
        _member(Layer, item, "layers", name, path) for item in _list(table["layers"], "layers", name, path)
    )
    category = _member(Category, table["category"], "category", name, path) if "category" in table else None
    if not layers:
        raise _error(path, name, "layers", [], f"one or more of {', '.join(Layer)}")
    if Layer.MEMBERSHIP in layers and category is None and parser not in _SELF_DESCRIBING:
        raise CatalogueError(
            f"{path}: source {name!r}: a membership list needs a category, one of: {', '.join(Category)}"
        )
    for field in ("default", "allow_private"):
        if field in table and not isinstance(table[field], bool):
            raise _error(path, name, field, table[field], "true or false")
    inside = table.get("allow_private", False)
    return Source(
        id=name,
        title=table["title"],
        parser=parser,
        layers=layers,
        reliability=_member(Reliability, table["reliability"], "reliability", name, path),
        licence=table["licence"],
        attribution=table["attribution"],
        location=tuple(
            _location(item, name, path, inside)
            for item in _list(table.get("location", []), "location", name, path)
        ),
        category=category,
        label=table.get("label"),
        homepage=table.get("homepage"),
        refresh=_refresh(table.get("refresh", "1d"), name, path),
        priority=_priority(table.get("priority", 50), name, path),
        default=table.get("default", True),
        allow_private=inside,
        options=_options(table.get("options", {}), parser, name, path),
    )


_SELF_DESCRIBING = frozenset({"entries", "mmdb", "stix"})
"""Parsers of formats that say themselves what their entries mean."""


def _error(path: Path, name: str, field: str, value: object, wanted: str) -> CatalogueError:
    return CatalogueError(f"{path}: source {name!r}: {field} = {value!r}; it must be {wanted}")


def _list(value: object, field: str, name: str, path: Path) -> list[Any]:
    items = value if isinstance(value, list) else [value]
    if not all(isinstance(item, str) for item in items):
        raise _error(path, name, field, value, "text or a list of texts")
    return items


def _member(kind: type[E], value: Any, field: str, name: str, path: Path) -> E:
    try:
        return kind(value)
    except ValueError:
        raise _error(path, name, field, value, f"one of {', '.join(kind)}") from None


def _location(value: str, name: str, path: Path, inside: bool) -> str:
    if _PACKAGE.fullmatch(value):
        return value
    filled = _KEY.sub("key", _DATE.sub("date", value))
    try:
        parts = urlsplit(filled)
    except ValueError:
        parts = urlsplit("")
    allowed = ("https", "http") if inside else ("https",)
    if parts.scheme not in allowed or not parts.hostname or re.search(r"[{}\s]", filled):
        wanted = "an https URL, npm:PACKAGE#path or pypi:PACKAGE#path; {KEY} and {%Y-%m} may stand in it"
        raise _error(path, name, "location", value, wanted)
    return value


def _refresh(value: object, name: str, path: Path) -> timedelta:
    found = _PERIOD.fullmatch(value) if isinstance(value, str) else None
    if not found or int(found[1]) == 0:
        raise _error(path, name, "refresh", value, 'a period such as "30m", "6h" or "7d"')
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def _priority(value: object, name: str, path: Path) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 100:
        raise _error(path, name, "priority", value, "a whole number from 0 to 100")
    return value


def _options(value: object, parser: str, name: str, path: Path) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _error(path, name, "options", value, "a table")
    known = PARSERS[parser].options | COMMON_OPTIONS
    unknown = sorted(set(value) - known)
    if unknown:
        raise CatalogueError(
            f"{path}: source {name!r}: parser {parser!r} has no option {unknown[0]!r}; it has: {', '.join(sorted(known))}"
        )
    return dict(value)
