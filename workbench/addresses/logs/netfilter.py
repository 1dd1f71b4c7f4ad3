"""iptables and nftables log lines in syslog (the kernel's nf_log format)."""

from __future__ import annotations

from workbench.addresses.logs.format import SYSLOG_HOST, Format, between, number, syslog_time

# Nearly all such lines begin with a bare RFC 3164 time, which stands at fixed places.
_PLAIN = r"regexp_matches(text, '^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \S')"

_FIXED = syslog_time("left(text, 15)", "''")

FORMAT = Format(
    name="netfilter",
    title="iptables / nftables in syslog",
    sign=r"\bIN=\S* OUT=\S* .*\bSRC=\S+ DST=\S+ ",
    fields=_PLAIN,
    columns={
        "ts": f"CASE WHEN f THEN {_FIXED} ELSE {syslog_time()} END",
        "src_ip": between(" SRC="),
        "src_port": number(between(" SPT="), "USMALLINT"),
        "dst_ip": between(" DST="),
        "dst_port": number(between(" DPT="), "USMALLINT"),
        "protocol": f"lower({between(' PROTO=')})",
        "action": (
            r"lower(nullif(regexp_extract(split_part(text, 'IN=', 1), "
            r"'(?i)(accept|allow|pass|drop|deny|reject|block)'), ''))"
        ),
        "bytes": number(between(" LEN=")),
        "host": f"CASE WHEN f THEN split_part(substr(text, 17), ' ', 1) ELSE {SYSLOG_HOST} END",
        "interface_in": between("IN="),
        "interface_out": between(" OUT="),
    },
)
