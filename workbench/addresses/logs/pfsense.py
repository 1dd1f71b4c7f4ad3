"""pfSense and OPNsense filterlog: CSV in syslog, with other positions for IPv4 and IPv6."""

from __future__ import annotations

from workbench.addresses.logs.format import SYSLOG_HOST, SYSLOG_STAMP, Format, number, syslog_time


def _by_version(ipv4: int, ipv6: int) -> str:
    return f"nullif(CASE f[9] WHEN '4' THEN f[{ipv4}] WHEN '6' THEN f[{ipv6}] END, '')"


_PROTOCOL = _by_version(17, 13)
_PORTS = f"lower({_PROTOCOL}) IN ('tcp', 'udp')"

FORMAT = Format(
    name="pfsense",
    title="pfSense / OPNsense filterlog",
    sign=r"\bfilterlog(?:\[\d+\])?[:\s].*\d*,.*,(?:match|short|[a-z\-]+),(?:pass|block|reject),(?:in|out),[46],",
    staged=SYSLOG_STAMP,
    fields="string_split(regexp_extract(text, 'filterlog(?:\\[\\d+\\])?(?::| \\d+ - (?:- )?(?:\\[[^]]*\\])?) ?(.*)$', 1), ',')",
    columns={
        "ts": syslog_time(),
        "src_ip": _by_version(19, 16),
        "src_port": f"CASE WHEN {_PORTS} THEN {number(_by_version(21, 18), 'USMALLINT')} END",
        "dst_ip": _by_version(20, 17),
        "dst_port": f"CASE WHEN {_PORTS} THEN {number(_by_version(22, 19), 'USMALLINT')} END",
        "protocol": f"lower({_PROTOCOL})",
        "action": "nullif(f[7], '')",
        "bytes": number(_by_version(18, 15)),
        "host": SYSLOG_HOST,
        "interface": "nullif(f[5], '')",
        "direction": "nullif(f[8], '')",
    },
)
