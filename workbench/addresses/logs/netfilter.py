"""iptables and nftables log lines in syslog (the kernel's nf_log format)."""

from __future__ import annotations

from workbench.addresses.logs.format import SYSLOG_HOST, Format, named, number, syslog_time

# Nearly all such lines begin with a bare RFC 3164 time, which stands at fixed places.
_PLAIN = r"regexp_matches(text, '^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \S')"
_FIXED = syslog_time("left(text, 15)", "''")
# The kernel writes these next to each other, always in this order.
_ENDS = named(" SRC=", r" SRC=(\S+) DST=(\S+)(?: LEN=(\d+))?", "src dst len")
_PORTS = named(" PROTO=", r" PROTO=(\S+)(?: SPT=(\d+) DPT=(\d+))?", "name source destination", 64)
_INTERFACES = named("IN=", r"IN=(\S*) OUT=(\S*)", "inside outside")

FORMAT = Format(
    name="netfilter",
    title="iptables / nftables in syslog",
    sign=r"\bIN=\S* OUT=\S* .*\bSRC=\S+ DST=\S+ ",
    filter="text LIKE '%IN=% OUT=% SRC=% DST=% %'",
    fields=f"struct_pack(plain := {_PLAIN}, ends := {_ENDS}, ports := {_PORTS}, interfaces := {_INTERFACES})",
    columns={
        "ts": f"CASE WHEN f.plain THEN {_FIXED} ELSE {syslog_time()} END",
        "src_ip": "nullif(f.ends.src, '')",
        "src_port": number("f.ports.source", "USMALLINT"),
        "dst_ip": "nullif(f.ends.dst, '')",
        "dst_port": number("f.ports.destination", "USMALLINT"),
        "protocol": "lower(nullif(f.ports.name, ''))",
        # The rule's own prefix says what became of the packet; the kernel does not.
        "action": (
            r"lower(nullif(regexp_extract(left(text, instr(text, 'IN=')), "
            r"'(?i)(accept|allow|pass|drop|deny|reject|block)'), ''))"
        ),
        "bytes": number("f.ends.len"),
        "host": f"CASE WHEN f.plain THEN split_part(substr(text, 17, 256), ' ', 1) ELSE {SYSLOG_HOST} END",
        "interface_in": "nullif(f.interfaces.inside, '')",
        "interface_out": "nullif(f.interfaces.outside, '')",
    },
)
