"""What the columns of a log table are in STIX: each row is one observation of a few objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, cast

from workbench._sql import identifier
from workbench.exchange.stix.syntax import Path, PatternError

if TYPE_CHECKING:
    import duckdb

__all__ = [
    "ADDRESS_TYPES",
    "ROLES",
    "Columns",
    "HasConnection",
    "Property",
    "Slot",
    "connection_of",
    "read_columns",
]

ADDRESS_TYPES = ("ipv4-addr", "ipv6-addr")


@dataclass(frozen=True, slots=True)
class Role:
    """What a column may be: its STIX paths, its kind, the column names it is known by.

    A path that starts with ``address:`` makes an ipv4-addr or ipv6-addr of its own out of every value.
    """

    kind: str
    paths: tuple[str, ...]
    names: tuple[str, ...]
    fold: bool = False
    """Whether case does not count: DNS names (RFC 4343), protocol names, media access control addresses."""


_HTTP = "network-traffic:extensions.'http-request-ext'"

ROLES: dict[str, Role] = {
    "ts": Role("timestamp", ("network-traffic:start",), ("ts", "timestamp", "@timestamp", "time", "datetime", "event_time", "eventtime", "_time", "start_time", "date")),
    "src_ip": Role("address", ("network-traffic:src_ref.value", "address:value"), ("src_ip", "source_ip", "src", "srcip", "src_addr", "srcaddr", "source_address", "source.ip", "id.orig_h", "client_ip", "c-ip", "remote_addr")),
    "dst_ip": Role("address", ("network-traffic:dst_ref.value", "address:value"), ("dst_ip", "dest_ip", "destination_ip", "dst", "dstip", "dst_addr", "dstaddr", "destination_address", "destination.ip", "id.resp_h", "server_ip", "s-ip")),
    "ip": Role("address", ("address:value",), ("ip", "address", "addr", "ip_address", "host_ip")),
    "answer_ip": Role("address", ("domain-name:resolves_to_refs[*].value", "address:value"), ("answer_ip", "resolved_ip")),
    "src_port": Role("integer", ("network-traffic:src_port",), ("src_port", "source_port", "srcport", "sport", "source.port", "id.orig_p")),
    "dst_port": Role("integer", ("network-traffic:dst_port",), ("dst_port", "dest_port", "destination_port", "dstport", "dport", "destination.port", "id.resp_p")),
    "protocol": Role("list", ("network-traffic:protocols",), ("protocol", "proto", "protocols", "network.transport"), fold=True),
    "src_bytes": Role("integer", ("network-traffic:src_byte_count",), ("src_bytes", "bytes_sent", "orig_bytes", "source.bytes")),
    "dst_bytes": Role("integer", ("network-traffic:dst_byte_count",), ("dst_bytes", "bytes_received", "resp_bytes", "destination.bytes")),
    "src_packets": Role("integer", ("network-traffic:src_packets",), ("src_packets", "orig_pkts", "source.packets")),
    "dst_packets": Role("integer", ("network-traffic:dst_packets",), ("dst_packets", "resp_pkts", "destination.packets")),
    "domain": Role("text", ("domain-name:value",), ("domain", "domain_name", "fqdn", "query", "qname", "dns_query", "hostname", "dns.question.name", "server_name", "sni"), fold=True),
    "url": Role("text", ("url:value",), ("url", "uri", "request_url", "url.full")),
    "http_method": Role("text", (f"{_HTTP}.request_method",), ("method", "http_method")),
    "http_path": Role("text", (f"{_HTTP}.request_value",), ("path", "http_path", "request_path")),
    "user_agent": Role("text", (f"{_HTTP}.request_header.'User-Agent'",), ("user_agent", "useragent", "http_user_agent", "user_agent.original")),
    "user": Role("text", ("user-account:account_login", "user-account:user_id"), ("user", "username", "user_name", "account", "login", "user.name")),
    "email": Role("text", ("email-addr:value",), ("email", "mail", "email_address")),
    "mac": Role("text", ("mac-addr:value",), ("mac", "mac_address", "src_mac", "dst_mac"), fold=True),
    "asn": Role("integer", ("autonomous-system:number",), ("asn", "as_number", "src_asn", "dst_asn")),
    "file_name": Role("text", ("file:name",), ("file_name", "filename", "file.name")),
    "md5": Role("text", ("file:hashes.MD5",), ("md5", "file.hash.md5"), fold=True),
    "sha1": Role("text", ("file:hashes.'SHA-1'",), ("sha1", "file.hash.sha1"), fold=True),
    "sha256": Role("text", ("file:hashes.'SHA-256'",), ("sha256", "file.hash.sha256"), fold=True),
    "command_line": Role("text", ("process:command_line",), ("command_line", "cmdline", "commandline", "process.command_line")),
}  # fmt: skip
"""What columns are found by their names. A mapping may name other columns, and other paths."""

_SEVERAL = frozenset({"ip", "answer_ip", "domain", "url", "user", "email", "mac", "asn"})
"""Roles of which one row may have several columns, each an object of its own."""


@dataclass(frozen=True, slots=True)
class Property:
    """One property of one object: a column and how it is read. ``sql`` is an expression over the row."""

    column: str
    kind: str
    sql: str
    fold: bool = False


@dataclass(slots=True)
class Slot:
    """One object of each row. An address slot is ipv4-addr or ipv6-addr as the value has it."""

    types: tuple[str, ...]
    properties: dict[tuple[str | int | None, ...], Property] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of its columns, each once."""
        return tuple(dict.fromkeys(p.column for p in self.properties.values()))


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a table as STIX objects; ``str()`` says it in words."""

    table: str
    roles: dict[str, tuple[str, ...]]
    slots: tuple[Slot, ...]
    time: str | None
    """SQL for the time of a row in microseconds since 1970 UTC, ``None`` where no column has it."""

    def __str__(self) -> str:
        lines = []
        for role, names in self.roles.items():
            paths = ROLES[role].paths if role in ROLES else (role,)
            said = [p.replace("address:value", "ipv4-addr:value, ipv6-addr:value") for p in paths]
            if role == "ts":
                said.append("the time of the row")
            lines += [f"{name} is {', '.join(said)}" for name in names]
        return "\n".join(lines) or f"no column of {self.table} is known by name; pass mapping="

    __repr__ = __str__

    def slots_of(self, kind: str) -> list[Slot]:
        """The objects of a row that are, or may be, of a STIX type."""
        return [slot for slot in self.slots if kind in slot.types]


class HasConnection(Protocol):
    """A case, whose tables are in its connection."""

    con: duckdb.DuckDBPyConnection


def connection_of(source: duckdb.DuckDBPyConnection | HasConnection) -> duckdb.DuckDBPyConnection:
    """The connection itself, or that of a case."""
    return cast("duckdb.DuckDBPyConnection", getattr(source, "con", source))


def read_columns(
    con: duckdb.DuckDBPyConnection,
    source: str,
    table: str,
    mapping: Mapping[str, str | Sequence[str] | None] | None,
) -> Columns:
    """Find what the columns of ``source`` (SQL of a table) are, by name or as ``mapping`` says.

    ``mapping`` has roles of :data:`ROLES` or STIX object paths as keys and columns as values; ``None``
    takes a role away.

    Raises:
        ValueError: a column is not in the table, or a key is neither role nor path.
    """
    types = {str(row[0]): str(row[1]) for row in con.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}  # noqa: S608  source is quoted
    roles = _roles(table, list(types), mapping or {})
    slots: dict[object, Slot] = {}
    time = None
    for role, names in roles.items():
        known = ROLES.get(role) or _role_of_path(role, types[names[0]])
        for name in names:
            if role == "ts":
                time = _microseconds(name, types[name])
            for path in known.paths:
                prop = _property(name, types[name], known)
                steps = _steps(path)
                if path.startswith("address:"):
                    slots.setdefault(("address", name), Slot(ADDRESS_TYPES)).properties[("value",)] = prop
                    continue
                kind = path.partition(":")[0]
                own: object = (kind, name) if role in _SEVERAL and role != "answer_ip" else kind
                if role == "answer_ip":  # hangs on the first domain of the row
                    own = next((key for key, s in slots.items() if kind in s.types), kind)
                if kind in ADDRESS_TYPES:
                    prop = _property(name, types[name], Role("address", (), ()))
                slots.setdefault(own, Slot((kind,))).properties[steps] = prop
    return Columns(table, roles, tuple(slots.values()), time)


def _roles(
    table: str, columns: list[str], mapping: Mapping[str, str | Sequence[str] | None]
) -> dict[str, tuple[str, ...]]:
    by_name = {name.lower(): name for name in columns}
    given: dict[str, tuple[str, ...]] = {}
    for role, value in mapping.items():
        names = () if value is None else (value,) if isinstance(value, str) else tuple(value)
        if role not in ROLES and ":" not in role:
            raise ValueError(
                f"{role!r} is no role; known are {', '.join(ROLES)}, and STIX paths such as file:size"
            )
        for name in names:
            if name.lower() not in by_name:
                raise ValueError(f"{table} has no column {name!r}; it has {', '.join(columns)}")
        given[role] = tuple(by_name[name.lower()] for name in names)
    taken = {name for names in given.values() for name in names}
    roles: dict[str, tuple[str, ...]] = {}
    # Domains come before the answers that hang on them.
    for role in sorted(ROLES, key=lambda name: name == "answer_ip"):
        if role in given:
            roles[role] = given[role]
            continue
        found = [by_name[n] for n in ROLES[role].names if n in by_name and by_name[n] not in taken]
        roles[role] = tuple(found if role in _SEVERAL else found[:1])
        taken.update(roles[role])
    roles.update({role: names for role, names in given.items() if role not in ROLES})
    for role, names in roles.items():
        if len(names) > 1 and role not in _SEVERAL:
            raise ValueError(f"{role} can be one column of a row, not {', '.join(names)}")
    return {role: names for role, names in roles.items() if names}


def _steps(path: str) -> tuple[str | int | None, ...]:
    return _parsed(path.replace("address:", "ipv4-addr:", 1) if path.startswith("address:") else path).steps


def _parsed(path: str) -> Path:
    from workbench.exchange.stix.syntax import Comparison, Observation, parse_pattern

    try:
        node = parse_pattern(f"[EXISTS {path}]")
    except PatternError:
        raise ValueError(f"{path!r} is no STIX object path, such as network-traffic:dst_port") from None
    if isinstance(node, Observation) and isinstance(node.expression, Comparison):
        return node.expression.path
    raise ValueError(f"{path!r} is no STIX object path, such as network-traffic:dst_port")


def _role_of_path(path: str, column_type: str) -> Role:
    base = column_type.partition("(")[0]
    if base.endswith("[]"):
        kind = "list"
    elif base in _INTEGERS:
        kind = "integer"
    elif base in ("FLOAT", "DOUBLE", "DECIMAL"):
        kind = "number"
    elif base == "BOOLEAN":
        kind = "boolean"
    elif base.startswith("TIMESTAMP") or base == "DATE":
        kind = "timestamp"
    else:
        kind = "address" if _parsed(path).type in ADDRESS_TYPES else "text"
    return Role(kind, (path,), ())


_INTEGERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"}  # fmt: skip


def _property(name: str, column_type: str, role: Role) -> Property:
    quoted = identifier(name)
    text = quoted if column_type == "VARCHAR" else f"CAST({quoted} AS VARCHAR)"
    folded = f"lower({text})" if role.fold else text
    match role.kind:
        case "address":
            sql = text
        case "integer":
            sql = quoted if column_type in _INTEGERS else f"TRY_CAST({quoted} AS BIGINT)"
        case "number":
            sql = f"TRY_CAST({quoted} AS DOUBLE)"
        case "boolean":
            sql = f"TRY_CAST({quoted} AS BOOLEAN)"
        case "timestamp":
            sql = _microseconds(name, column_type)
        case "list":
            sql = folded
            if column_type.endswith("[]"):
                text = f"CAST({quoted} AS VARCHAR[])"
                sql = f"list_transform({text}, lambda item: lower(item))" if role.fold else text
                return Property(name, "list", sql, role.fold)
            return Property(name, "single", sql, role.fold)
        case _:
            sql = f"rtrim({folded}, '.')" if role.paths == ("domain-name:value",) else folded
    return Property(name, role.kind, sql, role.fold)


def _microseconds(name: str, column_type: str) -> str:
    quoted = identifier(name)
    if column_type.startswith("TIMESTAMP") or column_type == "DATE":
        return f"epoch_us({quoted})"
    if column_type == "VARCHAR":
        # A cast to TIMESTAMP ignores an offset, a cast to TIMESTAMPTZ supplies the session's zone where there is none.
        return (
            f"CASE WHEN regexp_matches({quoted}, '(Z|[+-]\\d\\d(:?\\d\\d)?)\\s*$') AND contains({quoted}, ':') "
            f"THEN epoch_us(TRY_CAST({quoted} AS TIMESTAMPTZ)) ELSE epoch_us(TRY_CAST({quoted} AS TIMESTAMP)) END"
        )
    raise ValueError(
        f"column {name!r} is {column_type}, not a time: make it one in a view, with to_timestamp({name}) "
        "for seconds since 1970, or name another column with mapping={'ts': …}"
    )
