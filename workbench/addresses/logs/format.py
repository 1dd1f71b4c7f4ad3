"""What a log format is: how to know it, and the SQL that takes a line apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

__all__ = [
    "ISO",
    "SYSLOG_HEAD",
    "SYSLOG_HOST",
    "SYSLOG_STAMP",
    "Format",
    "instant",
    "key",
    "named",
    "number",
    "pair",
    "syslog_time",
]


@dataclass(frozen=True, slots=True)
class Format:
    """One log format, read line by line in SQL over a table ``lines(line, text)``.

    ``sign`` is an RE2 pattern that its lines match and others do not; lines without it are unparsed.
    ``columns`` maps column names to SQL expressions over ``text``, ``staged`` and, where ``fields`` is given, over
    ``f``, the struct it evaluates to. The common names are ``ts`` (TIMESTAMP, UTC), ``src_ip``,
    ``src_port``, ``dst_ip``, ``dst_port``, ``protocol``, ``action``, ``bytes``, ``packets``, ``host``,
    ``user``; a format has those it knows and may add its own. ``$year`` and ``$latest`` in an expression
    stand for the year of a timestamp without one, and the moment it cannot be after; ``$leap`` for the last
    leap year, as 29 February is no day of the others. ``header`` makes the
    format from the first lines where the file itself says which columns it has.
    """

    name: str
    title: str
    sign: str
    columns: dict[str, str]
    staged: dict[str, str] = field(default_factory=dict)
    """Columns over ``text`` that ``fields`` and ``columns`` may use: evaluated once, where a repeated expression
    inside a CASE would be evaluated as often as it stands there."""
    fields: str | None = None
    filter: str | None = None
    """SQL that is true where the line may be one of these, if there is a faster way to say so than ``sign``."""
    comment: str | None = None
    """Lines matching this are neither data nor unparsed: headers."""
    header: Callable[[list[str]], Format] | None = field(default=None, repr=False)


ISO = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?"
_RFC3164 = r"[A-Z][a-z]{2} {1,2}\d{1,2} \d\d:\d\d:\d\d"
_PRIORITY = r"^(?:<\d{1,3}>\d? ?)?"
SYSLOG_HEAD = rf"{_PRIORITY}(?:{ISO}|{_RFC3164})"
"""Pattern of what a syslog line begins with, up to and without the space before the host."""
# A firewall that sends to another host may leave its own name out: "Oct  5 01:02:03 filterlog[42]: ".
SYSLOG_HOST = rf"nullif(regexp_extract(text, '{SYSLOG_HEAD} ([^\s:\[]+) ', 1), '')"


SYSLOG_STAMP = {"stamp": f"regexp_extract(text, '{_PRIORITY}({ISO}|{_RFC3164})', 1)"}
"""For ``Format.staged``: the time a syslog line begins with, which :func:`syslog_time` reads."""


def syslog_time() -> str:
    """SQL for ``stamp`` as a TIMESTAMP: RFC 5424 or RFC 3164.

    RFC 3164 has neither year nor zone: the year is ``$year``, or the one before where the moment would be
    after ``$latest``; the zone is taken as UTC.
    """
    day = "concat(CASE WHEN starts_with(stamp, 'Feb 29') THEN '$leap ' ELSE '$year ' END, stamp)"
    moment = f"try_strptime({day}, '%Y %b %d %H:%M:%S')"
    past = f"{moment} - to_years(({moment} > TIMESTAMP '$latest')::INTEGER)"
    iso = instant("replace(stamp, ',', '.')")
    return f"CASE WHEN stamp[1] BETWEEN '0' AND '9' THEN {iso} ELSE {past} END"


def instant(expression: str) -> str:
    """SQL for ISO 8601 with or without a zone as a TIMESTAMP in UTC (the session is in UTC while reading)."""
    return f"try_cast({expression} AS TIMESTAMPTZ)::TIMESTAMP"


def pair(name: str, value: str = r"[^\s\"]+", width: int = 64) -> str:
    """SQL for the value of ``name=value`` or ``name="value"`` behind a space, null where it is missing."""
    rest = f"substr(text, instr(text, ' {name}='), {len(name) + width})"
    return f"nullif(regexp_extract({rest}, '^ {name}=\"?({value})', 1), '')"


def named(start: str, pattern: str, names: str, width: int = 200) -> str:
    """SQL for a struct of the groups of a pattern that begins at the text ``start``.

    Looked for in the ``width`` characters from there on a pattern costs half of what it does in the line.
    """
    listed = ", ".join(f"'{name}'" for name in names.split())
    return f"regexp_extract(substr(text, instr(text, '{start}'), {width}), '^{pattern}', [{listed}])"


def number(expression: str, kind: str = "BIGINT") -> str:
    """SQL for a number that is null where the text is none."""
    return f"try_cast(nullif({expression}, '') AS {kind})"


def key(name: str, value: str = r"[^\s,\"]+") -> str:
    """SQL for the value of ``name=value`` or ``name="value"`` in the line, null where it is missing."""
    return f"nullif(regexp_extract(text, '(?:^|[\\s,;]){name}=\"?({value})', 1), '')"
