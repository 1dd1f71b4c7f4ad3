"""FortiGate key=value logs (FortiOS traffic, utm and event)."""

from __future__ import annotations

from workbench.addresses.logs.format import Format, key, number

_QUOTED = r'[^"]*'
_MICROSECONDS = key("eventtime", r"\d{16}")

FORMAT = Format(
    name="fortigate",
    title="FortiGate key=value",
    sign=r"\bdevid=.*\bsrcip=|\blogid=.*\bsrcip=",
    columns={
        "ts": (
            f"coalesce(make_timestamp({number(_MICROSECONDS)}), "
            f"try_strptime({key('date')} || ' ' || {key('time')}, '%Y-%m-%d %H:%M:%S'))"
        ),
        "src_ip": key("srcip"),
        "src_port": number(key("srcport"), "USMALLINT"),
        "dst_ip": key("dstip"),
        "dst_port": number(key("dstport"), "USMALLINT"),
        "protocol": (
            f"CASE {key('proto')} WHEN '6' THEN 'tcp' WHEN '17' THEN 'udp' WHEN '1' THEN 'icmp' "
            f"WHEN '58' THEN 'icmp6' ELSE {key('proto')} END"
        ),
        "action": f"lower({key('action')})",
        "bytes": f"{number(key('sentbyte'))} + {number(key('rcvdbyte'))}",
        "packets": f"{number(key('sentpkt'))} + {number(key('rcvdpkt'))}",
        "host": key("devname"),
        "user": key("user", _QUOTED),
        "service": key("service", _QUOTED),
        "log_type": f"{key('type')} || '/' || {key('subtype')}",
    },
)  # fmt: skip
