"""nginx and Apache access logs: common and combined, with or without virtual host and forwarded addresses."""

from __future__ import annotations

from workbench.addresses.logs.format import Format, number

# In front of the request: [vhost[:port]] client[, proxies] ident user [time]. A host is taken for one only
# where an address follows, lest a user's name with a space in it be taken for the client.
_ADDRESS = r"[0-9A-Fa-f:.]*[.:][0-9A-Fa-f:.]*"
_HEAD = (
    rf"^(?:([\w.\-]+(?::\d+)?) ({_ADDRESS})|([^\s,]+))((?:, ?[^\s,]+)*) \S+ (\S+|\S[^\[\]]*\S) "
    r"\[(\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+\-]\d{4})\] $"
)
_HEAD_NAMES = "['vhost', 'behind', 'client', 'proxies', 'user', 'stamp']"
# Escaped quotes are put aside so that the bare ones part the fields; \\" is a backslash before a bare one.
_QUOTES_ASIDE = (
    r"CASE WHEN contains(text, '\') THEN replace(replace(text, '\\', chr(2)), '\"', chr(1)) ELSE text END"
)


def _part(number_: int) -> str:
    """A quoted field by its place between the quotes, with its own quotes as they were."""
    part = f"f.parts[{number_}]"
    return f"nullif(nullif(replace(replace({part}, chr(1), '\\\"'), chr(2), '\\\\'), '-'), '')"


FORMAT = Format(
    name="combined",
    title="nginx / Apache combined",
    sign=rf'^(?:[\w.\-]+(?::\d+)? {_ADDRESS}|[^\s,]+)(?:, ?[^\s,]+)* \S+ [^\[]+ \[\d\d/[A-Z][a-z]{{2}}/\d{{4}}:\d\d:\d\d:\d\d [+-]\d{{4}}\] "',
    filter="contains(text, '] \"')",
    fields=(
        f"struct_pack(head := regexp_extract(split_part(text, '\"', 1), '{_HEAD}', {_HEAD_NAMES}), "
        f"parts := string_split({_QUOTES_ASIDE}, '\"'))"
    ),
    columns={
        "ts": "try_strptime(f.head.stamp, '%d/%b/%Y:%H:%M:%S %z')::TIMESTAMPTZ::TIMESTAMP",
        "src_ip": "coalesce(nullif(f.head.client, ''), nullif(f.head.behind, ''))",
        "action": "nullif(split_part(f.parts[3], ' ', 2), '')",
        "bytes": number("split_part(f.parts[3], ' ', 3)"),
        "user": "nullif(nullif(f.head.user, '-'), '')",
        "host": "nullif(f.head.vhost, '')",
        "request": _part(2),
        "referrer": _part(4),
        "user_agent": _part(6),
        "forwarded_for": f"coalesce({_part(8)}, nullif(ltrim(f.head.proxies, ', '), ''))",
    },
)
