"""Typed parameters of report templates: read from text, checked before a kernel starts."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

__all__ = ["KINDS", "HiddenSecretError", "Kind", "Parameter", "ParameterError", "checked", "public"]

_VARIABLE = re.compile(r"env:[A-Za-z_]\w*\Z")
_TEXT = 2_000


class ParameterError(ValueError):
    """A parameter is missing, unknown or has a value that cannot be used; the message names it, its value and what is expected."""


class HiddenSecretError(ParameterError):
    """A value holds a password: parameters are written into reports and run records. The message does not repeat it."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of parameter. ``expects`` tells a user what to write; ``read`` takes text or a Python value and gives one
    that JSON can hold, or raises ValueError or OSError."""

    expects: str
    read: Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a template, as its parameters cell declares it."""

    name: str
    kind: str
    default: Any
    required: bool
    help: str

    @property
    def expects(self) -> str:
        """What a value looks like."""
        if self.kind == "log_format":
            from workbench.addresses.logs import FORMATS

            return "one of " + ", ".join(FORMATS)
        return KINDS[self.kind].expects

    def read(self, value: Any) -> Any:
        """The value, checked.

        Raises:
            ParameterError: it cannot be used.
        """
        if value is None or (value == "" and self.default is None):
            if self.required:
                raise ParameterError(f"{self.name} is needed: {self.expects}")
            return None
        try:
            return KINDS[self.kind].read(value)
        except HiddenSecretError as error:
            raise HiddenSecretError(f"{self.name}: {error}") from None
        except Exception as error:
            if (
                not isinstance(error, ValueError | OSError | LookupError)
                and "Snapshot" not in type(error).__name__
            ):
                raise
            raise ParameterError(f"{self.name}={_shown(value)}: {error}; expected: {self.expects}") from None


def checked(parameters: tuple[Parameter, ...], given: Mapping[str, Any]) -> dict[str, Any]:
    """Every parameter with its value, those not given with their default.

    Raises:
        ParameterError: one is unknown, missing or cannot be used.
    """
    known = {parameter.name: parameter for parameter in parameters}
    for name in given:
        if name not in known or known[name].kind == "recipient":
            names = ", ".join(p.name for p in parameters if p.kind != "recipient")
            raise ParameterError(
                f"{name}={_shown(given[name])}: there is no parameter {name!r}; there are: {names}"
            )
    missing = [p for p in parameters if p.required and given.get(p.name) in (None, "")]
    if missing:
        raise ParameterError("; ".join(f"{p.name} is needed: {p.expects}" for p in missing))
    return {p.name: p.read(given[p.name]) if p.name in given else p.default for p in parameters}


def public(parameters: tuple[Parameter, ...], values: Mapping[str, Any]) -> dict[str, Any]:
    """The values as they may stand in a report: a file by its name and content, no folder, no server."""
    from workbench.intel.writing import sha256_of

    shown: dict[str, Any] = {}
    for parameter in parameters:
        value = values.get(parameter.name)
        if value is None or parameter.kind == "recipient":
            continue
        if parameter.kind == "file":
            value = f"{Path(value).name} (SHA-256 {sha256_of(Path(value))})"
        elif parameter.kind == "store" and not value.startswith("env:"):
            value = "local" if value == "local" else "a shared store"
        shown[parameter.name] = value
    return shown


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:117]}…"


def _text(value: Any) -> str:
    text = str(value).strip()
    if not 0 < len(text) <= _TEXT or not text.isprintable():
        raise ValueError(f"that is empty, longer than {_TEXT:,} characters, or holds control characters")
    return text


def _file(value: Any) -> str:
    path = Path(str(value)).expanduser().resolve()
    if not path.exists():
        raise FileNotFoundError("there is no such file")
    if not path.is_file():
        raise IsADirectoryError("that is no file")
    with path.open("rb") as handle:
        handle.read(1)
    return str(path)


def _number(value: Any) -> int:
    try:
        number = int(str(value))
    except ValueError:
        raise ValueError("that is no whole number") from None
    if not 1 <= number <= 1_000_000:
        raise ValueError("that is out of range")
    return number


def _flag(value: Any) -> bool:
    named = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    try:
        return named[str(value).strip().lower()]
    except KeyError:
        raise ValueError("that is neither") from None


def _countries(value: Any) -> list[str]:
    from workbench.enrichment.countries import country_code

    parts = value.split(",") if isinstance(value, str) else list(value)
    return sorted({country_code(str(part)) for part in parts if str(part).strip()})


def _level(value: Any) -> str:
    from workbench.secrecy import TLP

    return TLP.parse(value).label


def _place(value: Any) -> str | list[Any]:
    from workbench.enrichment.countries import country_code

    parts = [part.strip() for part in value.split(",", 2)] if isinstance(value, str) else list(value)
    if len(parts) == 1:
        return country_code(str(parts[0]))
    latitude, longitude = float(parts[0]), float(parts[1])
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise ValueError("latitude is -90 to 90 and comes first, longitude is -180 to 180")
    return [latitude, longitude, *(_text(part) for part in parts[2:])]


def _snapshot(value: Any) -> str:
    from workbench.intel import library

    return library.open_snapshot(str(value)).id


def _log_format(value: Any) -> str:
    from workbench.addresses.logs import FORMATS

    name = str(value)
    if name not in FORMATS:
        raise ValueError("there is no such format")
    return name


def _store(value: Any) -> str:
    text = str(value).strip()
    if text == "local":
        return text
    if text.startswith("env:"):
        if not _VARIABLE.match(text):
            raise ValueError("that names no environment variable")
        if not os.environ.get(text[4:]):
            raise ValueError(f"the environment variable {text[4:]} is not set")
        return text
    parts = urlsplit(text)
    if parts.password is not None or "password" in parse_qs(parts.query):
        raise HiddenSecretError(
            "a URL with a password is not taken, as parameters are written down: put it into an environment "
            "variable and name that (env:NAME), or the password into ~/.pgpass"
        )
    if parts.scheme not in ("postgresql", "postgres"):
        raise ValueError("that is no URL of a store")
    return text


def _recipient(value: Any) -> dict[str, str]:
    return {str(name): str(text) for name, text in dict(value).items()}


KINDS: dict[str, Kind] = {
    "text": Kind("a line of text", _text),
    "file": Kind("the path of a file", _file),
    "number": Kind("a whole number, 1 or more", _number),
    "flag": Kind("true or false", _flag),
    "countries": Kind("ISO 3166-1 alpha-2 country codes, such as HK,VN", _countries),
    "level": Kind("clear, green, amber, amber+strict or red", _level),
    "place": Kind("a country code such as NL, or latitude,longitude,name such as 52.09,5.12,Plant", _place),
    "snapshot": Kind("the id of a snapshot, or a date such as 2026-10-05", _snapshot),
    "log_format": Kind("the name of a log format", _log_format),
    "investigation": Kind("the name of an investigation in the store", _text),
    "store": Kind("local, a URL postgresql://ROLE@HOST/DATABASE without password, or env:NAME of a variable that holds one", _store),
    "recipient": Kind("set by --for-member, --for-tlp and --for-organisation", _recipient),
}  # fmt: skip
