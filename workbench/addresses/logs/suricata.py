"""Suricata eve.json: one JSON object a line, of any event type that has addresses."""

from __future__ import annotations

from workbench.addresses.logs.format import Format, number


def _at(path: str) -> str:
    return f"json_extract_string(f, '$.{path}')"


FORMAT = Format(
    name="suricata",
    title="Suricata eve.json",
    sign=r'^\{.*"event_type" ?: ?"',
    fields="CASE WHEN json_valid(text) THEN text::JSON END",
    columns={
        "ts": f"try_cast({_at('timestamp')} AS TIMESTAMPTZ)::TIMESTAMP",
        "src_ip": _at("src_ip"),
        "src_port": number(_at("src_port"), "USMALLINT"),
        "dst_ip": _at("dest_ip"),
        "dst_port": number(_at("dest_port"), "USMALLINT"),
        "protocol": f"lower({_at('proto')})",
        "action": f"coalesce({_at('alert.action')}, {_at('verdict.action')})",
        "bytes": f"{number(_at('flow.bytes_toserver'))} + {number(_at('flow.bytes_toclient'))}",
        "packets": f"{number(_at('flow.pkts_toserver'))} + {number(_at('flow.pkts_toclient'))}",
        "event_type": _at("event_type"),
        "signature": _at("alert.signature"),
        "severity": number(_at("alert.severity"), "UTINYINT"),
    },
)
