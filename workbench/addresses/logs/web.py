"""nginx and Apache access logs: combined and common, with or without a virtual host in front."""

from __future__ import annotations

from workbench.addresses.logs.format import Format, number

_LINE = (
    r'^(?:([\w.\-]+:\d+) )?(\S+) \S+ (\S+|"[^"]*") \[([^\]]+)\] "([^"]*(?:\\"[^"]*)*)" (\d{3}) (\d+|-)'
    r'(?: "([^"]*)" "([^"]*(?:\\"[^"]*)*)")?'
)
_NAMES = ["vhost", "client", "user", "stamp", "request", "status", "bytes", "referrer", "agent"]

FORMAT = Format(
    name="combined",
    title="nginx / Apache combined",
    sign=r'^(?:[\w.\-]+:\d+ )?\S+ \S+ (?:\S+|"[^"]*") \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "',
    fields=f"regexp_extract(text, '{_LINE}', {_NAMES!r})",
    columns={
        "ts": "try_strptime(f.stamp, '%d/%b/%Y:%H:%M:%S %z')::TIMESTAMPTZ::TIMESTAMP",
        "src_ip": "nullif(f.client, '')",
        "action": "nullif(f.status, '')",
        "bytes": number("f.bytes"),
        "user": "nullif(nullif(f.user, '-'), '')",
        "host": "nullif(f.vhost, '')",
        "request": "nullif(f.request, '')",
        "referrer": "nullif(nullif(f.referrer, '-'), '')",
        "user_agent": "nullif(nullif(f.agent, '-'), '')",
    },
)
