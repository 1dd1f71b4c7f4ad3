"""``wb.map``: addresses on a map that needs no network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from workbench import enrichment
from workbench.enrichment.countries import country_code, country_name
from workbench.intel import Snapshot
from workbench.notebook.intake import Roles, arrow_table, roles_of
from workbench.notebook.intake.activity import Activity, seconds_of
from workbench.notebook.intake.condensed import condensed
from workbench.notebook.intake.located import (
    Located,
    dictionary,
    distinct_places,
    first_texts,
    flags_of,
    locate,
)
from workbench.notebook.maps.flows import flows_of
from workbench.notebook.maps.page import AddressMap, Tiles
from workbench.notebook.places import place_of
from workbench.notebook.verdicts import HOSTILE, LOOKS
from workbench.secrecy import LEVELS, OWNER, TLP, level_in

__all__ = ["AddressMap", "draw"]

Home = str | tuple[float, float] | tuple[float, float, str]


class _Home(NamedTuple):
    lat: float
    lon: float
    label: str


def draw(
    data: Any,
    *,
    source: str | None = None,
    target: str | None = None,
    time: str | None = None,
    label: str | None = None,
    extras: Iterable[str] | None = None,
    home: Home | None = None,
    title: str | None = None,
    tlp: str | TLP | None = None,
    theme: Literal["auto", "light", "dark"] = "auto",
    profile_url: str | None = None,
    tiles: str | None = None,
    attribution: str | None = None,
    height: int = 620,
    limit: int = 100_000,
    snapshot: Snapshot | str | None = None,
) -> AddressMap:
    """Draw addresses on a map: clustered, coloured by verdict, with reasons, flows and time.

    ``data`` is a triage, a table with a column of addresses (Arrow, pandas, polars, DuckDB), or addresses.
    Intel that the table has is kept (columns of ``enrich``, plain or prefixed as ``src_ip_country``), the rest
    is looked up. Columns with usual names are found: addresses (``source``; with ``target``, such as ``src_ip``
    and ``dst_ip``, flows are drawn), ``time`` (adds a slider), ``label`` and ``extras`` (shown in the popup);
    ``hits`` weighs a row.

    ``home`` is where private addresses are: a country code, or latitude, longitude and perhaps a name.
    ``tlp`` marks the map; a column ``tlp`` or ``secrecy`` does so by itself with its highest level. ``profile_url`` is where
    profiles are found, such as ``https://ti.example/ip/{address}``. ``tiles`` is the URL of a tile server
    (``https://tiles.example/{z}/{x}/{y}.png``, with its ``attribution``), in place of the basemap that is
    shipped; without it the page makes no request at all. ``height`` is in pixels, in a notebook. Beyond
    ``limit`` addresses the least bad are left out, and the map says so.

    An address of which only the country is known stands in the middle of that country, with the circle that
    holds 95 % of its land; addresses at one place are one cluster, which opens as a list.

    Raises:
        TypeError: ``data`` is none of these.
        ValueError: a column, level, place or URL is none.
        PermissionError: a row is marked higher than the ``tlp`` asked for.
    """
    if type(data).__name__ == "DuckDBPyRelation":
        roles = roles_of(data.limit(0).to_arrow_table(), source, target, time, label, extras)
        table, judged_by = condensed(data, roles), None
    else:
        table, judged_by = arrow_table(data)
        roles = roles_of(table, source, target, time, label, extras)
    marks = _marks(table)
    level = _level(marks, tlp)
    at_home = _home(home)
    weights = _weights(table)
    engine = enrichment.open_engine(snapshot if snapshot is not None else _openable(judged_by))
    located = locate(table, roles, engine, weights, limit)
    activity = Activity.of(seconds_of(table.column(roles.time))) if roles.time else None
    payload = _payload(table, roles, located, activity, weights, at_home)
    used = engine.snapshot
    payload |= {
        "title": title or _title(located),
        "theme": _one_of(theme, ("auto", "light", "dark")),
        "profile": _web_address(profile_url, "profile_url"),
        "notes": _notes(located, payload["flows"], at_home, limit),
        "snapshot": used.id,
    }
    payload["flows"] = payload["flows"] and {
        k: v for k, v in payload["flows"].items() if k not in ("undrawn", "beyond")
    }
    return AddressMap(
        payload,
        level=level,
        marks=marks,
        summary=_summary(located, payload["title"], used.id),
        sources=used.sources,
        tiles=Tiles.of(tiles, attribution),
        height=height,
    )


def _payload(
    table: pa.Table,
    roles: Roles,
    located: Located,
    activity: Activity | None,
    weights: Any,
    home: _Home | None,
) -> dict[str, Any]:
    """The columns as the browser takes them; see ``assets/map/model.js``."""
    count = len(located)
    intel = located.intel
    first, place = distinct_places(located.latitude, located.longitude, located.exact, located.km)
    points: dict[str, Any] = {
        "address": [str(a) for a in intel.column("address").to_pylist()],
        "place": place.tolist(),
        "verdict": located.verdict.tolist(),
        "hits": located.hits.tolist(),
        "asn": intel.column("asn").to_pylist(),
        "reputation": intel.column("reputation").to_pylist(),
        "confidence": [
            None if c is None or c != c else round(c, 2) for c in intel.column("confidence").to_pylist()
        ],
        "flags": dictionary(flags_of(intel)),
    }
    for name in ("country", "country_name", "region", "city", "as_org", "network_type", "prefix", "reasons"):
        points[name] = dictionary(intel.column(name))
    owners = np.concatenate(located.row_points)
    for name, column in {"label": roles.label, **{f"x_{n}": n for n in roles.extras}}.items():
        if column is not None:
            both = pa.chunked_array([*table.column(column).chunks] * len(located.row_points), table.column(column).type)  # fmt: skip
            points[name] = dictionary(first_texts(both, owners, count))
    flows = None
    if roles.target:
        found = flows_of(located, weights, activity, home is not None)
        flows = {
            n: getattr(found, n) for n in ("source", "target", "hits", "low", "high", "undrawn", "beyond")
        }
    moments = None
    if activity:
        doubled = activity.repeated(len(located.row_points))
        points["low"], points["high"] = doubled.masks(owners, count)
        points |= doubled.spans(owners, count)
        moments = {"from": activity.start, "to": activity.end, "counts": activity.counts(weights)}
    return {
        "points": points,
        "places": {
            "lat": located.latitude[first].tolist(), "lon": located.longitude[first].tolist(),
            "exact": located.exact[first].tolist(), "km": located.km[first].tolist(),
        },
        "flows": flows,
        "time": moments,
        "homes": [home._asdict()] if home else [],
        "extras": list(roles.extras),
        "verdicts": [
            {n: getattr(look, n) for n in ("name", "mark", "shape", "fill", "ink", "dark", "bright")}
            | {"hostile": look.name in HOSTILE}
            for look in LOOKS
        ],
        "present": [bool((located.verdict == rank).any()) for rank in range(len(LOOKS))],
    }  # fmt: skip


def _marks(table: pa.Table) -> dict[str, TLP]:
    """The highest level that rows bring along, by the organisation whose it is (``""`` where none is named)."""
    names = [name for name in (*LEVELS, OWNER) if name in table.column_names]
    if names in ([], [OWNER]):
        return {}
    plain = {name: _plain(table.column(name)) for name in names}
    marks: dict[str, TLP] = {}
    for row in pa.table(plain).group_by(names).aggregate([]).to_pylist():
        level = level_in(row)
        if level is not None:
            owner = str(row.get(OWNER) or "")
            marks[owner] = max(level, marks.get(owner, level))
    return marks


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def _level(marks: Mapping[str, TLP], asked: str | TLP | None) -> TLP | None:
    """What the map is marked with: what is asked for, but never less than any of its rows."""
    level = None if asked is None else TLP.parse(asked)
    highest = max(marks.values(), default=None)
    if level is None or highest is None:
        return highest if level is None else level
    if highest > level:
        raise PermissionError(
            f"rows marked {highest} cannot go onto a map marked {level}: raise tlp=, or take the rows out"
        )
    return level


def _home(home: Home | None) -> _Home | None:
    if home is None:
        return None
    if isinstance(home, str):
        code = country_code(home)
        place = place_of(code)
        if place is None:
            raise ValueError(f"home={home!r} is no place on a map: give (latitude, longitude)")
        return _Home(place.latitude, place.longitude, f"Own network, {country_name(code) or code}")
    lat, lon, *rest = home
    if not (-90 <= lat <= 90 and -180 <= lon <= 180):
        raise ValueError(
            f"home={home!r} is no place: latitude -90 to 90 comes first, then longitude -180 to 180"
        )
    return _Home(float(lat), float(lon), str(rest[0]) if rest else "Own network")


def _weights(table: pa.Table) -> Any:
    if "hits" in table.column_names and pa.types.is_integer(table.schema.field("hits").type):
        return pc.fill_null(table.column("hits").cast(pa.int64()), 1).to_numpy()
    return np.ones(len(table), np.int64)


def _openable(judged_by: str | None) -> str | None:
    """The snapshot that the data was judged by, where this machine still has it."""
    from workbench import intel

    return judged_by if judged_by in intel.snapshots() else None


def _title(located: Located) -> str:
    return f"{len(located):,} {'address' if len(located) == 1 else 'addresses'}"


def _summary(located: Located, title: str, snapshot: str) -> str:
    counts = np.bincount(located.verdict, minlength=len(LOOKS))
    said = ", ".join(f"{n:,} {look.name}" for look, n in zip(LOOKS, counts, strict=True) if n)
    return f"Map: {title}. {len(located):,} placed: {said or 'none'}; intel {snapshot}"


def _notes(located: Located, flows: dict[str, Any] | None, home: _Home | None, limit: int) -> list[str]:
    """What a reader must know not to be misled."""
    rough = int((~located.exact).sum())
    notes = []
    if rough:
        if rough > 1:
            which = "All" if rough == len(located) else f"{rough:,} of"
            notes.append(
                f"{which} {len(located):,} addresses are known to the country only and stand in its middle."
            )
        else:
            notes.append("One address is known to the country only and stands in its middle.")
    missing = [
        f"{n:,} {what}"
        for n, what in ((0 if home else located.private, "private or unroutable"), (located.nowhere, "of unknown place"), (located.invalid, "malformed"))
        if n
    ]  # fmt: skip
    if missing:
        notes.append(f"Not on the map: {', '.join(missing)}.")
    if located.beyond:
        notes.append(
            f"Beyond the limit of {limit:,}, {located.beyond:,} addresses are left out, the least bad."
        )
    if flows and flows["undrawn"] and home is None:
        notes.append(f"{flows['undrawn']:,} flows have an end without a place: home= puts private addresses on the map.")  # fmt: skip
    if flows and flows["beyond"]:
        notes.append(f"{flows['beyond']:,} more flows are left out, the least bad.")
    return notes


def _one_of(value: str, choices: tuple[str, ...]) -> str:
    if value not in choices:
        raise ValueError(f"{value!r} is none of {', '.join(choices)}")
    return value


def _web_address(url: str | None, name: str) -> str | None:
    """A link may lead to the web, nowhere else (``javascript:``)."""
    if url is None:
        return None
    if urlsplit(url).scheme not in ("https", "http"):
        raise ValueError(f"{name}={url!r} is no web address: it starts with https:// or http://")
    return url
