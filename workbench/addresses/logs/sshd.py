"""OpenSSH sshd authentication lines in syslog.

User names, host names and reasons for a disconnect are the attacker's own words and may hold "from
192.0.2.1 port 22": what is taken for the peer is decided by the message, not by the first that fits.
"""

from __future__ import annotations

from workbench.addresses.logs.format import (
    SYSLOG_HEAD,
    SYSLOG_HOST,
    SYSLOG_STAMP,
    Format,
    number,
    syslog_time,
)

# At its place in the line only: other programs write down what they are told.
_PROGRAM = rf"{SYSLOG_HEAD}(?: \S+)? sshd(?:-session|-auth)?(?:(?:\[\d+\])?:| \d+ \S+ (?:-|\[[^\]]*\])) "
_MESSAGE = f"regexp_extract(text, '{_PROGRAM}(?:error: |fatal: )?(.*)', 1)"
_ADDRESS = r"([0-9A-Fa-f:.]*[.:][0-9A-Fa-f:.]*)(?:%\w+)?"

# The peer comes first, whatever follows is the peer's to say. Accepted users exist, their names are ours.
_FIRST = (
    r"^(?:Received disconnect from|Unable to negotiate with|Connection from|Connection (?:closed|reset) by|Disconnected from|Timeout before authentication for(?: connection from)?|"
    r"Did not receive identification string from|banner exchange: Connection from|kex_exchange_identification: "
    r"Connection (?:closed|reset) by|ssh_dispatch_run_fatal: Connection from|Address|"
    rf"Accepted \S+ for \S+ from) {_ADDRESS}(?: port (\d+)|[: ]|$)"
)
# The peer comes last, behind what it sent.
_LAST = rf"^.*[ \[]{_ADDRESS}(?: port (\d+)|\])"
_RHOST = rf" rhost={_ADDRESS}(?: |$)"
_USER = (
    r"^(?:Accepted \S+ for (\S+) from|(?:Failed|Postponed) \S+ for (?:invalid user )?(.*) from \S+ port|"
    r"[Ii]nvalid user (.*) from \S+|"
    r"(?:Connection (?:closed|reset) by|Disconnected from) (?:authenticating |invalid )?user (.*) \S+ port|"
    r"maximum authentication attempts exceeded for (?:invalid user )?(.*) from \S+ port|"
    r"pam_unix\(sshd:auth\): .* user=(\S*)$)"
)

_FIELDS = {
    "first": f"regexp_extract(message, '{_FIRST}', ['address', 'port'])",
    "last": f"regexp_extract(message, '{_LAST}', ['address', 'port'])",
    "names": f"regexp_extract(message, '{_USER}', ['a', 'b', 'c', 'd', 'e', 'g'])",
}

FORMAT = Format(
    name="sshd",
    title="sshd authentication",
    sign=rf"{_PROGRAM}.*(?:\b(?:from|by|with|for|rhost=) ?|user .*|\[)[0-9A-Fa-f]*[.:]",
    filter="contains(text, ' sshd')",
    staged=SYSLOG_STAMP | {"message": _MESSAGE},
    fields=f"struct_pack({', '.join(f'{name} := {sql}' for name, sql in _FIELDS.items())})",
    columns={
        "ts": syslog_time(),
        "src_ip": (
            "CASE WHEN NOT starts_with(message, 'Server listening') THEN "
            "coalesce(nullif(f.first.address, ''), nullif(f.last.address, ''), "
            f"nullif(regexp_extract(message, '{_RHOST}', 1), '')) END"
        ),
        "src_port": number(
            "CASE WHEN f.first.address <> '' THEN f.first.port ELSE f.last.port END", "USMALLINT"
        ),
        "protocol": "'tcp'",
        "action": (
            "CASE WHEN message LIKE 'Accepted %' THEN 'accepted' WHEN message LIKE 'Failed %' THEN 'failed' "
            "WHEN regexp_matches(message, '^(?:I|i)nvalid user|^maximum authentication attempts') THEN 'invalid user' "
            "WHEN regexp_matches(message, '^pam_unix.sshd:auth.: authentication failure') THEN 'failed' "
            "WHEN regexp_matches(message, '^Connection (?:closed|reset)') THEN 'closed' "
            "WHEN regexp_matches(message, '^(?:Disconnected|Received disconnect)') THEN 'disconnected' "
            "ELSE 'other' END"
        ),
        "host": SYSLOG_HOST,
        "user": "nullif(concat(f.names.a, f.names.b, f.names.c, f.names.d, f.names.e, f.names.g), '')",
        "method": r"nullif(regexp_extract(message, '^(?:Accepted|Failed) (\S+) for', 1), '')",
    },
)
