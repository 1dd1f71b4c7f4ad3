"""iptables and nftables log lines in syslog (the kernel's nf_log format)."""

from __future__ import annotations

from workbench.addresses.logs.format import SYSLOG_HOST, SYSLOG_STAMP, Format, named, number, syslog_time

# The kernel writes these next to each other, always in this order.
_ENDS = named(" SRC=", r" SRC=(\S+) DST=(\S+)(?: LEN=(\d+))?", "src dst len")
_PORTS = named(" PROTO=", r" PROTO=(\S+)(?: SPT=(\d+) DPT=(\d+))?", "name source destination", 64)
_INTERFACES = named("IN=", r"IN=(\S*) OUT=(\S*)", "inside outside")

FORMAT = Format(
    name="netfilter",
    title="iptables / nftables in syslog",
    sign=r"\bIN=\S* OUT=\S* .*\bSRC=\S+ DST=\S+ ",
    filter="text LIKE '%IN=% OUT=% SRC=% DST=% %'",
    staged=SYSLOG_STAMP,
    fields=f"struct_pack(ends := {_ENDS}, ports := {_PORTS}, interfaces := {_INTERFACES})",
    columns={
        "ts": syslog_time(),
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
        "host": SYSLOG_HOST,
        "interface_in": "nullif(f.interfaces.inside, '')",
        "interface_out": "nullif(f.interfaces.outside, '')",
    },
)
