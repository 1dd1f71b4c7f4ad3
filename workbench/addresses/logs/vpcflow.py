"""AWS VPC flow logs: version 2's fourteen fields, or those that the header line of the file names."""

from __future__ import annotations

import re
from dataclasses import replace

from workbench.addresses.logs.format import Format, number

_DEFAULT = (
    "version", "account-id", "interface-id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets",
    "bytes", "start", "end", "action", "log-status",
)  # fmt: skip
_PROTOCOLS = {"1": "icmp", "6": "tcp", "17": "udp", "47": "gre", "50": "esp", "58": "icmp6"}


def _columns(names: tuple[str, ...]) -> dict[str, str]:
    def at(name: str) -> str | None:
        return f"nullif(nullif(f[{names.index(name) + 1}], '-'), '')" if name in names else None

    protocol = at("protocol")
    cases = " ".join(f"WHEN '{n}' THEN '{name}'" for n, name in _PROTOCOLS.items())
    start = at("start")
    wanted = {
        "ts": f"make_timestamp({number(start)} * 1000000)" if start else None,
        "src_ip": at("srcaddr") or at("pkt-srcaddr"),
        "src_port": number(p, "USMALLINT") if (p := at("srcport")) else None,
        "dst_ip": at("dstaddr") or at("pkt-dstaddr"),
        "dst_port": number(p, "USMALLINT") if (p := at("dstport")) else None,
        "protocol": f"CASE {protocol} {cases} ELSE {protocol} END" if protocol else None,
        "action": f"lower({a})" if (a := at("action")) else None,
        "bytes": number(b) if (b := at("bytes")) else None,
        "packets": number(p) if (p := at("packets")) else None,
        "host": at("interface-id"),
        "account": at("account-id"),
    }
    return {name: expression for name, expression in wanted.items() if expression is not None}


def _from_header(lines: list[str]) -> Format:
    """The header decides; without one, version 2."""
    names = tuple((lines[0] if lines else "").strip().split(" "))
    if not ("srcaddr" in names or "pkt-srcaddr" in names):
        return replace(FORMAT, header=None)
    return replace(
        FORMAT,
        columns=_columns(names),
        sign=rf"^(?:\S+ ){{{len(names) - 1}}}\S+\s*$",
        comment="^" + re.escape(" ".join(names)),
        header=None,
    )


FORMAT = Format(
    name="vpcflow",
    title="AWS VPC flow logs",
    sign=r"^\d+ \S+ (?:eni-\S+|-) \S+ \S+ \S+ \S+ \S+ \S+ \S+ \S+ \S+ (?:ACCEPT|REJECT|-) (?:OK|NODATA|SKIPDATA)\s*$|^(?:[a-z0-9\-]+ )*(?:pkt-)?srcaddr ",
    comment=r"^(?:[a-z0-9\-]+ )*(?:pkt-)?srcaddr ",
    fields="string_split(text, ' ')",
    columns=_columns(_DEFAULT),
    header=_from_header,
)
