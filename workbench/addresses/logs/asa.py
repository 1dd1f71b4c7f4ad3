"""Cisco ASA and Firepower syslog (%ASA-level-number: message)."""

from __future__ import annotations

from workbench.addresses.logs.format import SYSLOG_HOST, Format, number, syslog_time

# "outside:203.0.113.9/443", "outside/203.0.113.9(443)", "203.0.113.9/443": interface, address, port.
_END = r"(?:[\w.\-]+[:/])?((?:\d{1,3}\.){3}\d{1,3}|[0-9A-Fa-f]*:[0-9A-Fa-f:.]+)(?:[/(](\d+)\)?)?"
_PAIRS = (
    rf"(?:from|src|for) {_END}(?: ?\([^)]*\))* ?(?:to|dst|->) {_END}"
    rf"|(?:denied|permitted|est-allowed) \w+ {_END}(?: ?\([^)]*\))* ?-> {_END}"
    rf"|(?:from|src|for) {_END}(?: ?\([^)]*\))*"
)
_NAMES = ["a1", "p1", "a2", "p2", "b1", "q1", "b2", "q2", "c1", "r1"]
_MINUTE = r"%(?:ASA|FTD)-\d-\d{6}: "
# Inbound connections (302013 …) name the foreign side first, and so do the deny messages; for outbound ones
# ("Built outbound") the inside is the source and stands second.
_OUTBOUND = "text LIKE '%Built outbound%'"


def _side(first: str, second: str) -> str:
    return f"CASE WHEN {_OUTBOUND} THEN {second} ELSE {first} END"


_A = "coalesce(nullif(f.a1, ''), nullif(f.b1, ''), nullif(f.c1, ''))"
_B = "coalesce(nullif(f.a2, ''), nullif(f.b2, ''))"
_PA = "coalesce(nullif(f.p1, ''), nullif(f.q1, ''), f.r1)"
_PB = "coalesce(nullif(f.p2, ''), f.q2)"

FORMAT = Format(
    name="asa",
    title="Cisco ASA / Firepower syslog",
    sign=r"%(?:ASA|FTD)-\d-\d{6}: ",
    fields=f"regexp_extract(text, '{_PAIRS}', {_NAMES!r})",
    columns={
        "ts": f"coalesce({syslog_time()}, try_strptime(regexp_extract(text, '([A-Z][a-z]{{2}} +\\d{{1,2}} \\d{{4}} \\d\\d:\\d\\d:\\d\\d)', 1), '%b %d %Y %H:%M:%S'))",
        "src_ip": _side(_A, _B),
        "src_port": number(_side(_PA, _PB), "USMALLINT"),
        "dst_ip": _side(_B, _A),
        "dst_port": number(_side(_PB, _PA), "USMALLINT"),
        "protocol": r"lower(nullif(regexp_extract(text, '(?i)\b(tcp|udp|icmp|gre|esp)\b', 1), ''))",
        "action": r"lower(nullif(regexp_extract(text, '(?i)\b(deny|denied|built|teardown|permitted|permit|drop|discard)', 1), ''))",
        "bytes": number(r"regexp_extract(text, ' bytes (\d+)', 1)"),
        "host": SYSLOG_HOST,
        "message": r"regexp_extract(text, '%((?:ASA|FTD)-\d-\d{6}): ', 1)",
    },
)
