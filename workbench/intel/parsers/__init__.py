"""Parsers of source files: one module a family of formats, each with ``parse(path, source) -> ParsedSource``.

To add one: write a module here with such a function, that raises :class:`~workbench.intel.source.SourceError`
for a file it cannot use and puts single bad entries into ``rejected``; then name it in :data:`PARSERS`
with the options it takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import cast

from workbench.intel.entries import ParsedSource
from workbench.intel.source import Source

__all__ = ["COMMON_OPTIONS", "PARSERS", "Parser", "parse", "parse_all"]


@dataclass(frozen=True, slots=True)
class Parser:
    """Where a parser is, and the keys of ``Source.options`` that it understands."""

    module: str
    function: str = "parse"
    options: frozenset[str] = frozenset()


COMMON_OPTIONS = frozenset({"member", "max_bytes"})
"""Understood by all: which file of an archive (a shell pattern), and how far a file may expand, in bytes."""

PARSERS: dict[str, Parser] = {
    "abusech": Parser("abusech", options=frozenset({"min_confidence"})),
    "aws": Parser("cloud", "parse_aws"),
    "azure": Parser("cloud", "parse_azure"),
    "cloudflare": Parser("cloud", "parse_cloudflare"),
    "entries": Parser("entries"),
    "fastly": Parser("cloud", "parse_fastly"),
    "gcp": Parser("cloud", "parse_gcp"),
    "geofeed": Parser("geofeed"),
    "list": Parser("lists", options=frozenset({"levels", "labels", "min_level"})),
    "misp": Parser("misp"),
    "mmdb": Parser("mmdb", options=frozenset({"locale", "min_risk"})),
    "mrt": Parser("mrt", options=frozenset({"min_routes"})),
    "onionoo": Parser("onionoo"),
    "oracle": Parser("cloud", "parse_oracle"),
    "peeringdb": Parser("peeringdb"),
    "ranges": Parser(
        "ranges", options=frozenset({"columns", "header", "delimiter", "family", "locations", "constant"})
    ),
    "rir": Parser("rir"),
    "spamhaus": Parser("spamhaus"),
    "stix": Parser("stix", options=frozenset({"min_confidence"})),
    "tor-exits": Parser("lists", "parse_tor_exits"),
}
"""All parsers by the name a catalogue uses for them."""


def parse(path: Path, source: Source) -> ParsedSource:
    """Read the file of ``source`` at ``path`` with the parser the source names. Text that would steer a terminal is made
    visible.

    Raises:
        SourceError: the file cannot be used; the message names it and says why.
        KeyError: there is no such parser.
    """
    parser = PARSERS[source.parser]
    from workbench.intel.parsers.building import visible

    module = import_module(f"{__name__}.{parser.module}")
    return visible(cast(ParsedSource, getattr(module, parser.function)(path, source)))


def parse_all(paths: Sequence[Path], source: Source) -> ParsedSource:
    """Read the files of a source that comes in several (IPv4 and IPv6 apart) as one.

    Published is the date of the oldest of them, as the whole is no newer. Positions of rejected entries
    count within their own file.

    Raises:
        SourceError: one of the files cannot be used.
        ValueError: there is no file.
    """
    if not paths:
        raise ValueError(f"source {source.id!r} has no file to read")
    parsed = [parse(path, source) for path in paths]
    if len(parsed) == 1:
        return parsed[0]
    from workbench.intel.parsers.building import united

    return united(parsed)
