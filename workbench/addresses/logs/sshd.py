"""OpenSSH sshd authentication lines in syslog."""

from __future__ import annotations

from workbench.addresses.logs.format import SYSLOG_HOST, Format, number, syslog_time

_USER = r"(?:for(?: invalid user)?|[Ii]nvalid user|by(?: authenticating| invalid)? user|user) (\S*)"
_FROM = r"(?:from|by|with)(?: (?:authenticating |invalid )?user \S*)? ([0-9A-Fa-f:.]*[0-9A-Fa-f][.:][0-9A-Fa-f:.%\w]*)(?: port (\d+))?"

FORMAT = Format(
    name="sshd",
    title="sshd authentication",
    sign=r"\bsshd(?:-session)?(?:\[\d+\])?: .*\b(?:from|by|with) (?:(?:authenticating |invalid )?user \S* )?[0-9A-Fa-f]*[.:]",
    fields=f"regexp_extract(text, '{_FROM}', ['address', 'port'])",
    columns={
        "ts": syslog_time(),
        "src_ip": "nullif(f.address, '')",
        "src_port": number("f.port", "USMALLINT"),
        "protocol": "'tcp'",
        "action": (
            "CASE WHEN text LIKE '%Accepted %' THEN 'accepted' WHEN text LIKE '%Failed %' THEN 'failed' "
            "WHEN text ILIKE '%invalid user%' THEN 'invalid user' WHEN text LIKE '%Connection closed%' THEN 'closed' "
            "WHEN text LIKE '%Disconnect%' THEN 'disconnected' ELSE 'other' END"
        ),
        "host": SYSLOG_HOST,
        "user": f"nullif(regexp_extract(text, '{_USER}', 1), '')",
        "method": r"nullif(regexp_extract(text, '(?:Accepted|Failed) (\S+) for', 1), '')",
    },
)
