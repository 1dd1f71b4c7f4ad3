"""What a log format is: how to know it, and the SQL that takes a line apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

__all__ = ["ISO", "SYSLOG_HOST", "Format", "between", "key", "number", "syslog_time"]


@dataclass(frozen=True, slots=True)
class Format:
    """One log format, read line by line in SQL over a table ``lines(line, text)``.

    ``sign`` is an RE2 pattern that its lines match and others do not; lines without it are unparsed.
    ``columns`` maps column names to SQL expressions over ``text`` and, where ``fields`` is given, over
    ``f``, the struct it evaluates to. The common names are ``ts`` (TIMESTAMP, UTC), ``src_ip``,
    ``src_port``, ``dst_ip``, ``dst_port``, ``protocol``, ``action``, ``bytes``, ``packets``, ``host``,
    ``user``; a format has those it knows and may add its own. ``$year`` and ``$latest`` in an expression
    stand for the year of a timestamp without one, and the moment it cannot be after. ``header`` makes the
    format from the first lines where the file itself says which columns it has.
    """

    name: str
    title: str
    sign: str
    columns: dict[str, str]
    fields: str | None = None
    comment: str | None = None
    """Lines matching this are neither data nor unparsed: headers."""
    header: Callable[[list[str]], Format] | None = field(default=None, repr=False)


ISO = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?"
_RFC3164 = r"[A-Z][a-z]{2} {1,2}\d{1,2} \d\d:\d\d:\d\d"
_PRIORITY = r"^(?:<\d{1,3}>\d? ?)?"
SYSLOG_HOST = rf"nullif(regexp_extract(text, '{_PRIORITY}(?:{ISO}|{_RFC3164}) (\S+)', 1), '')"


_STAMP = f"regexp_extract(text, '{_PRIORITY}({_RFC3164})', 1)"
_ISO_STAMP = f"regexp_extract(text, '{_PRIORITY}({ISO})', 1)"


def syslog_time(stamp: str = _STAMP, iso: str = _ISO_STAMP) -> str:
    """SQL for the time a syslog line begins with: RFC 5424 or RFC 3164.

    RFC 3164 has neither year nor zone: the year is ``$year``, or the one before where the moment would be
    after ``$latest``; the zone is taken as UTC.
    """
    moment = f"try_strptime('$year ' || {stamp}, '%Y %b %d %H:%M:%S')"
    past = f"CASE WHEN {moment} > TIMESTAMP '$latest' THEN {moment} - INTERVAL 1 YEAR ELSE {moment} END"
    return f"CASE WHEN {iso} <> '' THEN try_cast({iso} AS TIMESTAMPTZ)::TIMESTAMP ELSE {past} END"


def between(start: str, end: str = " ") -> str:
    """SQL for what stands between two texts: several times faster than a pattern with a group."""
    return f"nullif(split_part(split_part(text, '{start}', 2), '{end}', 1), '')"


def number(expression: str, kind: str = "BIGINT") -> str:
    """SQL for a number that is null where the text is none."""
    return f"try_cast(nullif({expression}, '') AS {kind})"


def key(name: str, value: str = r"[^\s,\"]+") -> str:
    """SQL for the value of ``name=value`` or ``name="value"`` in the line, null where it is missing."""
    return f"nullif(regexp_extract(text, '(?:^|[\\s,;]){name}=\"?({value})', 1), '')"
