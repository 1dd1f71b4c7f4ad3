"""Zeek conn.log: tab-separated with its ``#fields`` header, and JSON lines."""

from __future__ import annotations

from dataclasses import replace

from workbench.addresses.logs.format import Format, number

_JSON_KEYS = ("ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto", "service", "conn_state", "orig_bytes", "resp_bytes", "orig_pkts", "resp_pkts")  # fmt: skip


def _columns(at: dict[str, str]) -> dict[str, str]:
    seconds = f"make_timestamp((try_cast({at['ts']} AS DOUBLE) * 1000000)::BIGINT)" if "ts" in at else None
    iso = f"try_cast({at['ts']} AS TIMESTAMPTZ)::TIMESTAMP" if "ts" in at else None

    def total(first: str, second: str) -> str | None:
        if first not in at or second not in at:
            return None
        return f"coalesce({number(at[first])}, 0) + coalesce({number(at[second])}, 0)"

    wanted = {
        "ts": f"coalesce({seconds}, {iso})" if seconds else None,
        "src_ip": at.get("id.orig_h"),
        "src_port": number(at["id.orig_p"], "USMALLINT") if "id.orig_p" in at else None,
        "dst_ip": at.get("id.resp_h"),
        "dst_port": number(at["id.resp_p"], "USMALLINT") if "id.resp_p" in at else None,
        "protocol": at.get("proto"),
        "action": f"lower({at['conn_state']})" if "conn_state" in at else None,
        "bytes": total("orig_bytes", "resp_bytes"),
        "packets": total("orig_pkts", "resp_pkts"),
        "service": at.get("service"),
        "uid": at.get("uid"),
    }
    return {name: expression for name, expression in wanted.items() if expression is not None}


def _from_header(lines: list[str]) -> Format:
    """Which column is which stands in the ``#fields`` line."""
    names = next((line.split("\t")[1:] for line in lines if line.startswith("#fields\t")), None)
    if names is None:
        names = ["ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto", "service", "duration", "orig_bytes", "resp_bytes", "conn_state"]  # fmt: skip
    at = {name: f"nullif(nullif(f[{number_ + 1}], '-'), '(empty)')" for number_, name in enumerate(names)}
    return replace(FORMAT, columns=_columns(at), header=None)


FORMAT = Format(
    name="zeek",
    title="Zeek conn.log",
    sign=r"^\d+\.\d+\t\S+\t[0-9A-Fa-f.:]+\t\d+\t[0-9A-Fa-f.:]+\t\d+\t|^#separator |^#fields\t",
    comment="^#",
    fields="string_split(text, chr(9))",
    columns={},
    header=_from_header,
)

JSON = Format(
    name="zeek-json",
    title="Zeek conn.log as JSON",
    sign=r'^\{.*"id\.orig_h" ?:',
    columns=_columns({name: f"""json_extract_string(f, '$."{name}"')""" for name in _JSON_KEYS}),
    fields="CASE WHEN json_valid(text) THEN text::JSON END",
)
