"""FortiGate key=value logs (FortiOS traffic, utm and event)."""

from __future__ import annotations

from workbench.addresses.logs.format import Format, instant, key, number, pair

_KEYS = [
    "eventtime", "time", "tz", "srcip", "srcport", "dstip", "dstport", "proto", "action", "sentbyte", "rcvdbyte",
    "sentpkt", "rcvdpkt", "devname", "type", "subtype",
]  # fmt: skip
_FIELDS = ", ".join(f'"{name}" := {pair(name)}' for name in _KEYS)
# Nanoseconds since FortiOS 6.2, seconds before: sixteen digits are microseconds.
_EVENT = "make_timestamp(try_cast(left(rpad(f.eventtime, 16, '0'), 16) AS BIGINT))"
_DAY = r"regexp_extract(text, '\bdate=\"?(\d{4}-\d\d-\d\d)', 1)"  # mostly the first of all
_CLOCK = instant(f"concat({_DAY}, ' ', f.time, f.tz)")


def _words(name: str) -> str:
    """The value of a key that may hold spaces, in quotes."""
    rest = f"substr(text, instr(text, ' {name}='), 160)"
    return f"nullif(trim(regexp_extract({rest}, '^ {name}=(\"[^\"]*\"|[^\\s\"]+)', 1), '\"'), '')"


FORMAT = Format(
    name="fortigate",
    title="FortiGate key=value",
    sign=r"\bdevid=.*\bsrcip=|\blogid=.*\bsrcip=",
    filter="contains(text, ' srcip=') AND (contains(text, 'logid=') OR contains(text, 'devid='))",
    fields=f"struct_pack({_FIELDS})",
    columns={
        "ts": f"coalesce({_EVENT}, {_CLOCK})",
        "src_ip": "f.srcip",
        "src_port": number("f.srcport", "USMALLINT"),
        "dst_ip": "f.dstip",
        "dst_port": number("f.dstport", "USMALLINT"),
        "protocol": (
            "CASE f.proto WHEN '6' THEN 'tcp' WHEN '17' THEN 'udp' WHEN '1' THEN 'icmp' WHEN '58' THEN 'icmp6' "
            "ELSE f.proto END"
        ),
        "action": "lower(f.action)",
        "bytes": f"{number('f.sentbyte')} + {number('f.rcvdbyte')}",
        "packets": f"{number('f.sentpkt')} + {number('f.rcvdpkt')}",
        "host": f"coalesce(f.devname, {key('devname')})",
        "user": _words("user"),
        "service": _words("service"),
        "log_type": "f.type || '/' || f.subtype",
    },
)
