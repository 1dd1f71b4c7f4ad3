"""Find addresses in any text, however they are dressed up.

Seen through: ports (``192.0.2.1:443``, ``[2001:db8::1]:443``), URLs, brackets and quotes, CIDR, zone ids,
and defanging (``192[.]0[.]2[.]1``, ``192(dot)0(dot)2(dot)1``, ``2001[:]db8::1``, ``hxxp://``). Not taken for
addresses: version numbers (``1.2.3.4.5``, ``v1.2.3.4``), times, MAC addresses and EUI-64s.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from workbench.addresses.columns import Addresses
from workbench.addresses.lines import line_reader
from workbench.addresses.text import parse, parse_networks, prefix_length, to_text, to_text_of_ranges

if TYPE_CHECKING:
    import duckdb

__all__ = ["Extraction", "Malformed", "extract", "find_tokens"]

KEPT_MALFORMED = 100

# Runs of the characters addresses are written with, that hold "1.2" or ":x:" somewhere.
_RUN = r"[\w.:%/]*(?:\d\.\d|:\w*:)[\w.:%/]*"
_DEFANGED = r"[\[({] ?(?:\.|:|dot|d0t) ?[\])}]"
_DOT = r"[\[({] ?(?:\.|dot|d0t) ?[\])}]"
_COLON = r"[\[({] ?: ?[\])}]"


@dataclass(frozen=True, slots=True)
class Malformed:
    """Something written like an address that is none: ``999.1.1.1``, ``01.2.3.4``."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Extraction:
    """What was found.

    ``table`` has a row a distinct address or network: ``address`` (canonical text), ``kind`` (``address`` or
    ``network``), ``count``, ``first_line`` and ``last_line`` (counted from 1; rows, for Parquet), most frequent
    first. ``rejected`` holds the first hundred malformed ones; ``rejected_count`` counts all.
    """

    table: pa.Table
    rejected: tuple[Malformed, ...]
    rejected_count: int


def extract(path: Path | str, max_bytes: int | None = None) -> Extraction:
    """Find the addresses in a file: text of any kind, CSV, JSON lines, Parquet; gzip, zstd, bzip2; ``-`` is standard input.

    The text streams through; memory holds the distinct tokens alone. ``max_bytes`` bounds the text after
    expansion.

    Raises:
        LinesError: compressed data is damaged or expands beyond the bound.
        OSError: the file cannot be opened.
    """
    import duckdb

    with duckdb.connect() as con:
        if str(path) != "-" and _is_parquet(Path(path)):
            rows = con.read_parquet(str(path))
            columns = ", ".join('"' + name.replace('"', '""') + '"' for name in rows.columns)
            numbered = rows.project(f"row_number() OVER () AS line, concat_ws(' ', {columns}) AS text")
            numbered.create_view("_workbench_text")
            return classify(find_tokens(con, "_workbench_text"))
        with line_reader(path, max_bytes) as lines:
            con.register("_workbench_text", lines)
            return classify(find_tokens(con, "_workbench_text"))


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as handle:
        return handle.read(4) == b"PAR1"


def find_tokens(con: duckdb.DuckDBPyConnection, relation: str) -> pa.Table:
    """Distinct tokens of a relation ``(line, text)`` that may be addresses, with count, first and last line."""
    fanged = (
        f"CASE WHEN regexp_matches(text, '{_DEFANGED}', 'i') "
        f"THEN regexp_replace(regexp_replace(text, '{_DOT}', '.', 'gi'), '{_COLON}', ':', 'gi') ELSE text END"
    )
    quoted = '"' + relation.replace('"', '""') + '"'
    return con.sql(
        f"SELECT token, count(*) AS count, min(line) AS first_line, max(line) AS last_line FROM "  # noqa: S608
        f"(SELECT line, unnest(regexp_extract_all({fanged}, '{_RUN}')) AS token FROM {quoted}) "
        f"WHERE length(token) <= 2100 GROUP BY token"
    ).to_arrow_table()


def classify(tokens: pa.Table) -> Extraction:
    """Tell addresses and networks from the rest, all distinct tokens at once."""
    bare = tokens.column("token").combine_chunks().cast(pa.string())
    bare = pc.replace_substring_regex(bare, r"^[A-Za-z][A-Za-z0-9+.]*:/{1,3}", "")  # a URL's scheme
    bare = pc.replace_substring_regex(bare, r"[./]+$", "")
    bare = pc.replace_substring_regex(
        bare, r"^[A-Za-z_]\w*[:/]((?:\d{1,3}\.){3}\d{1,3})(?:/\d{1,5})?$", r"\1"
    )  # interface:address/port
    bare = pc.replace_substring_regex(
        bare, r"^((?:\d{1,4}\.){3}\d{1,4}):\d{1,5}(?:[/:].*)?$", r"\1"
    )  # port, path
    bare = pc.replace_substring_regex(
        bare, r"^((?:\d{1,3}\.){3}\d{1,3})/(?:\d{3,}|[^\d].*|\d+[^\d].*)?$", r"\1"
    )  # path
    bare = pc.replace_substring_regex(bare, r"[./]+$", "")
    bare = pc.replace_substring_regex(bare, r"([^:]):$", r"\1")
    alone = pc.match_substring_regex(bare, r"^(?:[0-9.]+|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(?:%\w+)?)$")
    ranged = pc.match_substring_regex(bare, r"^[0-9A-Fa-f:.]+/\d{1,3}$")
    # Pairs of hexadecimal digits and no gap: hardware addresses. Letters alone: C++ and Perl names.
    hardware = pc.match_substring_regex(bare, r"^[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2})+$")
    digits = pc.match_substring_regex(bare, r"\d")
    plausible = pc.and_(digits, pc.invert(hardware))

    addresses = parse(pc.if_else(pc.and_(alone, plausible), bare, None))
    networks = parse_networks(pc.if_else(pc.and_(ranged, plausible), bare, None))
    width = np.where(networks.version == 4, 32, 128)
    single = (networks.version != 0) & (prefix_length(networks) == width)
    version = np.where(single, networks.version, addresses.version).astype(np.uint8)
    merged = Addresses(
        version,
        np.where(single, networks.start_high, addresses.high),
        np.where(single, networks.start_low, addresses.low),
    )
    text = to_text(merged)
    block = (networks.version != 0) & ~single
    kind = pa.array(np.where(block, "network", "address"))
    found = pc.if_else(pa.array(block), to_text_of_ranges(networks), text)
    table = pa.table({
        "address": found,
        "kind": kind,
        **{name: tokens.column(name).combine_chunks() for name in ("count", "first_line", "last_line")},
    })  # fmt: skip
    taken = table.filter(pc.is_valid(found))
    grouped = taken.group_by(["address", "kind"]).aggregate(
        [("count", "sum"), ("first_line", "min"), ("last_line", "max")]
    )
    grouped = grouped.rename_columns(["address", "kind", "count", "first_line", "last_line"])
    grouped = grouped.sort_by(
        [("count", "descending"), ("first_line", "ascending"), ("address", "ascending")]
    )
    return Extraction(grouped, *_malformed(tokens, bare, found))


def _malformed(tokens: pa.Table, bare: Any, found: Any) -> tuple[tuple[Malformed, ...], int]:
    shaped = pc.match_substring_regex(bare, r"^\d{1,4}(?:\.\d{1,4}){3}(?:/\d{1,3})?$")
    wrong = tokens.filter(pc.and_(shaped, pc.is_null(found))).sort_by("first_line")
    first = wrong.slice(0, KEPT_MALFORMED).to_pylist()
    return tuple(Malformed(row["first_line"], row["token"][:100]) for row in first), pc.sum(
        wrong.column("count")
    ).as_py() or 0
