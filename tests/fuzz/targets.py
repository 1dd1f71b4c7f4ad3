"""What is fuzzed: functions of bytes, each of which raises only where the product is wrong.

``python tests/fuzz/run.py TARGET`` feeds one of them from a coverage-guided fuzzer; the suite feeds them what is in
``seeds/`` and mutations of it.
"""

from __future__ import annotations

import ipaddress
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import duckdb
import pyarrow as pa

from workbench.addresses.extract import extract_text
from workbench.addresses.lines import LinesError
from workbench.addresses.logs import FORMATS, read_log
from workbench.addresses.text import parse as parse_addresses
from workbench.addresses.text import parse_networks, to_text
from workbench.api.forwarded import LONGEST, client_address
from workbench.api.settings import networks as networks_of
from workbench.exchange.stix import PatternError, StreamError, import_bundle, match
from workbench.exchange.stix.syntax import parse_pattern
from workbench.intel.parsers import PARSERS, parse
from workbench.intel.source import Category, Layer, Reliability, Source, SourceError

Target = Callable[[bytes], None]


def addresses(data: bytes) -> None:
    """A column of text to addresses: as Python's ``ipaddress`` reads each, and the same when written and read again."""
    texts = data.decode("utf-8", "replace").split("\n")
    column = to_text(parse_addresses(pa.array(texts))).to_pylist()
    assert len(column) == len(texts)
    for text, read in zip(texts, column, strict=True):
        with suppress(ValueError):
            known = ipaddress.ip_address(text)
            if "%" not in text:
                assert read is not None, f"{text!r} is an address"
                plain = known.ipv4_mapped if known.version == 6 and known.ipv4_mapped else known
                assert ipaddress.ip_address(read) in (known, plain), f"{text!r} read as {read}"
        if read is not None:
            assert str(ipaddress.ip_address(read)) == read
    assert to_text(parse_addresses(pa.array(column, pa.string()))).to_pylist() == column


def networks(data: bytes) -> None:
    """A column of text to networks."""
    texts = data.decode("utf-8", "replace").split("\n")
    assert len(parse_networks(texts)) == len(texts)


def extraction(data: bytes) -> None:
    """Addresses out of any text: each is one, counted within the lines there are."""
    found = extract_text(data)
    for row in found.table.to_pylist():
        if row["kind"] == "network":
            ipaddress.ip_network(row["address"])
        else:
            assert str(ipaddress.ip_address(row["address"])) == row["address"]
        assert row["count"] >= 1
        assert 1 <= row["first_line"] <= row["last_line"] <= max(found.lines, 1)


def logs(data: bytes) -> None:
    """A log in a format given by its first byte: each line is in one table or the other, or empty, or a comment."""
    names = sorted(FORMATS)
    chosen = FORMATS[names[data[0] % len(names)]] if data else FORMATS[names[0]]
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as con:
        file = Path(folder) / "log"
        file.write_bytes(data[1:])
        with suppress(LinesError):
            table = read_log(con, file, format=chosen.name, name="log", year=2026)
            lines = con.sql("SELECT line FROM log UNION ALL SELECT line FROM log_unparsed").fetchall()
            assert len(lines) == len(set(lines)) == table.rows + table.unparsed
            assert table.rows + table.unparsed <= data.count(b"\n") + data.count(b"\r") + 1


def _parser(name: str) -> Target:
    layers = (Layer.MEMBERSHIP,)
    source = Source("fuzzed", "fuzzed", name, layers, Reliability.B, "", "", category=Category.ATTACKER)

    def fed(data: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "source"
            file.write_bytes(data)
            with suppress(SourceError):
                parsed = parse(file, source)
                for entries in parsed.layers.values():
                    assert len(entries.ranges) == len(entries.attributes)

    fed.__doc__ = f"A file of a source that is read as {name}: used, or refused with a SourceError."
    return fed


def stix(data: bytes) -> None:
    """A bundle: its objects are taken in or set aside with a reason."""
    with suppress(StreamError):
        import_bundle(data)


def pattern(data: bytes) -> None:
    """A STIX pattern: refused with a PatternError, or run over a table."""
    text = data.decode("utf-8", "replace")
    try:
        parse_pattern(text)
    except PatternError:
        return
    with duckdb.connect() as con, suppress(PatternError):
        con.execute(
            "CREATE TABLE log AS SELECT TIMESTAMPTZ '2026-01-01 00:00:00Z' AS time, '192.0.2.1' AS src_ip, '2001:db8::1' AS dst_ip, "
            "443 AS dst_port, 'tcp' AS protocol, 'host.example' AS domain"
        )
        match(con, "log", text)


def forwarded(data: bytes) -> None:
    """What a client writes, a header a line, before a proxy of ours adds whom it saw: it is her, or nobody is known."""
    seen, ours = "198.51.100.1", networks_of("10.0.0.0/8")
    written = data.decode("latin-1").split("\n")
    long = len(data) + len(written) > LONGEST - 30
    by_x = client_address("10.0.0.1", [], [*written, seen], ours)
    assert by_x == seen or (long and by_x is None), f"X-Forwarded-For chose {by_x}"
    for ended in ([*written, f"for={seen}"], [*written[:-1], f"{written[-1]}, for={seen}"]):
        assert client_address("10.0.0.1", ended, [], ours) in (seen, None)
        assert client_address("10.0.0.1", ended, [seen], ours) in (seen, None)
        assert client_address(seen, ended, written, ours) == seen
    for alone in (client_address("10.0.0.1", written, [], ours), client_address("10.0.0.1", [], written, ours)):  # fmt: skip
        assert alone is None or str(ipaddress.ip_address(alone)) == alone


TARGETS: dict[str, Target] = {
    "addresses": addresses,
    "networks": networks,
    "extraction": extraction,
    "logs": logs,
    "stix": stix,
    "pattern": pattern,
    "forwarded": forwarded,
    **{f"parser-{name}": _parser(name) for name in sorted(PARSERS)},
}
