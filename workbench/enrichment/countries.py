"""Country names by ISO 3166-1 alpha-2 code: the short names in everyday English."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pyarrow as pa

from workbench.addresses.text import text_array

__all__ = ["country_code", "country_name", "country_names"]

_UNASSIGNED = ("XK", "EU", "AP")
"""What geolocation databases say of Kosovo, and registries of blocks for all of Europe or Asia and the Pacific: addresses
have these too."""


@cache
def _names() -> dict[str, str]:
    lines = (Path(__file__).parent / "countries.tsv").read_text(encoding="utf-8").splitlines()
    return dict(line.split("\t") for line in lines)


def country_name(code: str) -> str | None:
    """The name of an assigned code, else ``None``."""
    return _names().get(code)


def country_names(codes: pa.Array) -> pa.Array:
    """Names for a column of codes; a code that is not assigned stands for itself."""
    names = _names()
    return text_array([None if c is None else names.get(c, c) for c in codes.to_pylist()])


def country_code(text: str) -> str:
    """The ISO 3166-1 alpha-2 code that is meant, in capitals. ``XK``, ``EU`` and ``AP`` are none of ISO's, but addresses have
    them, so they are taken too.

    Raises:
        ValueError: it is none; where it is a country's name, the message has the code.
    """
    code = text.strip().upper()
    if code in _names() or code in _UNASSIGNED:
        return code
    meant = next((code for code, name in _names().items() if name.lower() == text.strip().lower()), None)
    mend = f"that of {_names()[meant]} is {meant}" if meant else "ISO 3166-1 alpha-2 is wanted, such as NL"
    raise ValueError(f"{text[:60]!r} is no country code: {mend}")
