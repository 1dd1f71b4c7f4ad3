"""Palo Alto Networks TRAFFIC and THREAT logs, CSV as sent by syslog (PAN-OS 9 and later)."""

from __future__ import annotations

from workbench.addresses.logs.format import SYSLOG_HOST, Format, number

# The fields up to the ports are the same for both types; bytes and packets are TRAFFIC's alone.


def _at(position: int) -> str:
    """The field at a 1-based position of PAN-OS's log field list, which begins with FUTURE_USE."""
    return f"nullif(trim(f[{position}], '\"'), '')"


_TRAFFIC = f"{_at(4)} = 'TRAFFIC'"

_ROW = r"regexp_extract(text, '(?:^| )([^, ]*,\d{4}/\d\d/\d\d \d\d:\d\d:\d\d,.*)$', 1)"
# A quoted field may hold commas (a user "Doe, Anna"); only lines that have quotes pay for the pattern.
_QUOTED = rf"""regexp_extract_all({_ROW}, '(?:^|,)("(?:[^"]|"")*"|[^,]*)', 1)"""

FORMAT = Format(
    name="paloalto",
    title="Palo Alto TRAFFIC / THREAT CSV",
    sign=r",\d{4}/\d\d/\d\d \d\d:\d\d:\d\d,[^,]*,(?:TRAFFIC|THREAT),",
    fields=f"CASE WHEN contains(text, '\"') THEN {_QUOTED} ELSE string_split({_ROW}, ',') END",
    columns={
        "ts": f"try_strptime({_at(7)}, '%Y/%m/%d %H:%M:%S')",
        "src_ip": _at(8),
        "src_port": number(_at(25), "USMALLINT"),
        "dst_ip": _at(9),
        "dst_port": number(_at(26), "USMALLINT"),
        "protocol": f"lower({_at(30)})",
        "action": f"lower({_at(31)})",
        "bytes": f"CASE WHEN {_TRAFFIC} THEN {number(_at(32))} END",
        "packets": f"CASE WHEN {_TRAFFIC} THEN {number(_at(35))} END",
        "host": SYSLOG_HOST,
        "user": _at(13),
        "rule": _at(12),
        "application": _at(15),
        "log_type": f"lower({_at(4)})",
    },
)
