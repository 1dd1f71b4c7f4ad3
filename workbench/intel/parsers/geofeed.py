"""Self-published geofeeds (RFC 8805): prefix, country, region, city, postal code."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from workbench.addresses.text import parse_networks
from workbench.intel.entries import Entries, ParsedSource
from workbench.intel.parsers.building import Rejects, listed
from workbench.intel.parsers.content import read_lines
from workbench.intel.source import Layer, Source, SourceError

__all__ = ["parse"]

# Fields may be missing at the end of a line, which CSV readers refuse; the format has no quoting to respect.
_FIELDS = r'^"?(?P<prefix>[^,"#]+)"?\s*(?:,"?(?P<country>[^,"#]*)"?(?:,"?(?P<region>[^,"#]*)"?(?:,"?(?P<city>[^,"#]*)"?.*)?)?)?$'


def parse(path: Path, source: Source) -> ParsedSource:
    """Read a geofeed as geo entries and, for a source with a category, as a list of its prefixes.

    ``region`` keeps the ISO 3166-2 code that the feed gives. What is said for a source depends on its
    ``layers``: ``geo``, ``membership`` (hosting providers publish their ranges so), or both. Options: none.

    Raises:
        SourceError: unreadable, or most lines are no prefixes.
    """
    lines = read_lines(path, source)
    data = ~pc.match_substring_regex(lines, r"^\s*(#|$)").to_numpy(zero_copy_only=False)
    rows = np.flatnonzero(data)
    content = lines.take(pa.array(rows))
    parts = pc.extract_regex(content, _FIELDS)
    prefix = pc.coalesce(pc.utf8_trim_whitespace(pc.struct_field(parts, "prefix")), content)
    rejects = Rejects()
    result = listed(
        prefix, {"category": ["benign"] * len(rows)}, path, source, positions=rows + 1, rejects=rejects
    )
    wanted = source.layers or (Layer.GEO,)
    layers: dict[Layer, Entries] = {}
    if Layer.MEMBERSHIP in wanted:
        if source.category is None:
            raise SourceError(path, "a geofeed as a list needs a category in the catalogue", source.id)
        layers |= listed(prefix, {}, path, source, positions=rows + 1).layers
    if Layer.GEO in wanted:
        country, region, city = (
            pc.utf8_trim_whitespace(pc.struct_field(parts, name)) for name in ("country", "region", "city")
        )
        valid = pc.fill_null(pc.match_substring_regex(country, r"^[A-Za-z]{2}$"), False)
        table = pa.table(
            {
                "country": pc.utf8_upper(pc.if_else(valid, country, None)).cast(pa.string()),
                "region": pc.if_else(pc.equal(region, ""), None, region).cast(pa.string()),
                "city": pc.if_else(pc.equal(city, ""), None, city).cast(pa.string()),
            }
        )
        ranges = parse_networks(prefix)
        says = np.logical_or.reduce([c.is_valid().to_numpy() for c in table.columns])
        kept = np.flatnonzero((ranges.version != 0) & says)
        layers[Layer.GEO] = Entries(ranges.take(kept), table.take(pa.array(kept)))
    return ParsedSource(layers, None, result.rejected, result.rejected_count)
