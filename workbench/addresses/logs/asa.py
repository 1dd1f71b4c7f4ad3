"""Cisco ASA and Firepower syslog (%ASA-level-number: message)."""

from __future__ import annotations

from workbench.addresses.logs.format import SYSLOG_HOST, SYSLOG_STAMP, Format, number, syslog_time

# "outside:203.0.113.9/443", "outside/203.0.113.9(443)", "203.0.113.9/443": interface, address, port. An
# interface has a letter that no IPv6 address has, or it would take the first group of one.
_INTERFACE = r"(?:NP Identity Ifc:|[\w.\-]*[g-zG-Z_\-][\w.\-]*[:/])?"
_ADDRESS = r"((?:\d{1,3}\.){3}\d{1,3}|[0-9A-Fa-f]*:[0-9A-Fa-f:.]+)"
_END = rf"{_INTERFACE}{_ADDRESS}(?:[/(](\d+)\)?)?"
_ASIDE = r"(?: ?\([^)]*\))*"  # translated address, user
_PAIRS = (
    rf"(?:from|src|for|permitted \w+|denied \w+|est-allowed \w+) {_END}{_ASIDE} ?(?:to|dst|->) {_END}"
    rf"|faddr {_ADDRESS}(?:/(\d+))?{_ASIDE} gaddr \S+ laddr {_ADDRESS}"
    rf"|(?:from|src|for|IP|faddr) <?{_END}"
)
_NAMES = ["a1", "p1", "a2", "p2", "b1", "q1", "b2", "c1", "r1"]
_MESSAGE = "substr(text, greatest(instr(text, '%ASA-'), instr(text, '%FTD-')), 600)"
# "logging timestamp" on the device: a time with its year, which a relay may put its own in front of.
_DATED = r"regexp_extract(left(text, 100), '([A-Z][a-z]{2} +\d{1,2} \d{4} \d\d:\d\d:\d\d)', 1)"
# Inbound connections (302013 …) name the foreign side first, and so do the deny messages; for outbound ones
# ("Built outbound") the inside is the source and stands second.
_OUTBOUND = "contains(text, ': Built outbound ')"


def _side(first: str, second: str) -> str:
    return f"CASE WHEN {_OUTBOUND} THEN {second} ELSE {first} END"


_A = "coalesce(nullif(f.a1, ''), nullif(f.b1, ''), nullif(f.c1, ''))"
_B = "coalesce(nullif(f.a2, ''), nullif(f.b2, ''))"
_PA = "coalesce(nullif(f.p1, ''), nullif(f.q1, ''), f.r1)"
_PB = "nullif(f.p2, '')"

FORMAT = Format(
    name="asa",
    title="Cisco ASA / Firepower syslog",
    sign=r"%(?:ASA|FTD)-\d-\d{6}: ",
    filter="contains(text, '%ASA-') OR contains(text, '%FTD-')",
    staged=SYSLOG_STAMP
    | {
        "message": _MESSAGE,
        "dated": _DATED,
    },
    fields=f"regexp_extract(message, '{_PAIRS}', {_NAMES!r})",
    columns={
        "ts": f"CASE WHEN dated <> '' THEN try_strptime(dated, '%b %d %Y %H:%M:%S') ELSE {syslog_time()} END",
        "src_ip": _side(_A, _B),
        "src_port": number(_side(_PA, _PB), "USMALLINT"),
        "dst_ip": _side(_B, _A),
        "dst_port": number(_side(_PB, _PA), "USMALLINT"),
        "protocol": r"lower(nullif(regexp_extract(message, '(?i)\b(tcp|udp|icmp|gre|esp)\b', 1), ''))",
        "action": r"lower(nullif(regexp_extract(message, '(?i)\b(deny|denied|built|teardown|permitted|permit|drop|discard)', 1), ''))",
        "bytes": number(r"regexp_extract(message, ' bytes (\d+)', 1)"),
        "host": SYSLOG_HOST,
        "message": "substr(split_part(message, ':', 1), 2)",
    },
)
