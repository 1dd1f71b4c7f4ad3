"""Compile parsed sources to a snapshot directory.

A snapshot says of every address four things, as row numbers: where it is (``geo``), whose it is
(``network``), what evidence there is on it (``judged``: the set of list entries together with network type
and scope, all that a verdict depends on), and the announced prefix.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from workbench.addresses import special
from workbench.addresses.columns import Ranges
from workbench.addresses.text import parse_networks
from workbench.intel.index import bucket_index
from workbench.intel.layers import AttributeLayer, Input, Listings, types_of_systems
from workbench.intel.network_type import NETWORK_TYPES, network_type_of_names, network_type_of_systems
from workbench.intel.segments import Rows, combine, cut
from workbench.intel.source import Category, Layer

__all__ = ["FORMAT", "compile_snapshot"]

FORMAT = 1
"""Version of the directory layout; a snapshot of another format is refused and built anew."""

GEO_DETAIL = ("region", "city", "latitude", "longitude", "accuracy_km", "timezone")
_GLOBAL = special.SCOPES.index("global")
_HOSTING = NETWORK_TYPES.index("hosting")
_CDN = NETWORK_TYPES.index("cdn")

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, eq=False)
class _Family:
    """One address family resolved: per segment its start, scope, codes of all attributes, and evidence."""

    high: NDArray[np.uint64]
    low: NDArray[np.uint64]
    scope: Rows
    geo: dict[str, Rows]
    network: dict[str, Rows]
    sets: Rows
    evidence: list[NDArray[np.int32]]


def compile_snapshot(inputs: list[Input], directory: Path, progress: Progress | None = None) -> Path:
    """Compile ``inputs`` to a new snapshot below ``directory``; returns its path.

    The name is the date of the newest source and a hash of the content, so the same inputs give the same
    snapshot; an equal one that exists already is returned as it is. Written beside and renamed, so that a
    crash leaves nothing half made.

    Raises:
        ValueError: there is no input, or two inputs have the same id.
    """
    say = progress or (lambda _: None)
    if not inputs:
        raise ValueError("a snapshot needs at least one source; none was given")
    ids = [item.source.id for item in inputs]
    if len(set(ids)) < len(ids):
        twice = sorted({name for name in ids if ids.count(name) > 1})
        raise ValueError(f"source given twice: {', '.join(twice)}")
    inputs = sorted(inputs, key=lambda item: item.source.id)
    systems = types_of_systems(inputs)
    geo, network, listings = (
        AttributeLayer(Layer.GEO, inputs),
        AttributeLayer(Layer.NETWORK, inputs),
        Listings(inputs),
    )
    families = []
    for version in (4, 6):
        say(f"resolving IPv{version}")
        families.append(_resolve(version, geo, network, listings))
    say("writing")
    directory.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=".building-", dir=directory))
    try:
        _write(building, families, geo, network, listings, systems)
        return _seal(building, inputs, directory)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _resolve(version: int, geo: AttributeLayer, network: AttributeLayer, listings: Listings) -> _Family:
    registry = parse_networks([block.prefix for block in special.REGISTRY])
    mine = np.flatnonzero(registry.version == version)
    parts: list[Ranges] = [registry.take(mine)]
    for layer in (geo, network, listings):
        parts += [part.of_family(version).ranges for part in layer.parts]
    segments = cut(parts, version)
    codes = np.array([special.SCOPES.index(block.scope) for block in special.REGISTRY], np.int32)[mine]
    owner = segments.owner(0)
    scope = np.where(owner >= 0, codes[owner], _GLOBAL).astype(np.int32)
    everywhere = scope == _GLOBAL

    places = geo.owners(segments, 1, version)
    where = geo.resolve(places, ("country",), "country")
    if places:
        detail = geo.resolve(places, GEO_DETAIL, "city", same=where["country"])
        coarse = geo.resolve(places, GEO_DETAIL, "latitude", same=where["country"])
        for name in GEO_DETAIL:
            where[name] = np.where(detail["city"] >= 0, detail[name], coarse[name])
    owners = network.owners(segments, 1 + len(geo.parts), version)
    whose = network.resolve(owners, ("asn", "as_org"), "asn")
    for name in ("prefix", "network_type", "rir"):
        whose |= network.resolve(owners, (name,), name)
    sets, evidence = listings.sets(segments, 1 + len(geo.parts) + len(network.parts), version)

    # Nobody is where nobody can be: lists that carry bogons must not brand 10.0.0.1.
    length = len(segments)
    for columns, names in (
        (where, ("country", *GEO_DETAIL)),
        (whose, ("asn", "as_org", "prefix", "network_type", "rir")),
    ):
        for name in names:
            column = columns.get(name)
            columns[name] = (
                np.full(length, -1, np.int32)
                if column is None or not len(column)
                else np.where(everywhere, column, -1)
            )
    return _Family(
        segments.high,
        segments.low,
        scope,
        where,
        whose,
        np.where(everywhere, sets, 0).astype(np.int32),
        evidence,
    )


def _write(
    directory: Path,
    families: list[_Family],
    geo: AttributeLayer,
    network: AttributeLayer,
    listings: Listings,
    systems: pa.Table,
) -> None:
    def joint(pick: Callable[[_Family], Rows]) -> Rows:
        return np.concatenate([pick(family) for family in families])

    # The last row of every table stands for text that is no address.
    place_names = ("country", *GEO_DETAIL)
    place_columns = [np.append(joint(lambda f, n=name: f.geo[n]), np.int32(-1)) for name in place_names]  # type: ignore[misc]
    place, examples = combine(list(place_columns))
    places = {name: column[examples] for name, column in zip(place_names, place_columns, strict=True)}

    second = int(families[0].sets.max(initial=0))
    shift = len(families[0].evidence)
    assert second <= shift
    sets = np.concatenate([families[0].sets, np.where(families[1].sets > 0, families[1].sets + shift, 0)])
    evidence = families[0].evidence + families[1].evidence
    masks = _category_masks(evidence, listings)
    scope = np.append(joint(lambda f: f.scope), np.int32(0))
    sets = np.append(sets, np.int32(0))

    asn = np.append(joint(lambda f: f.network["asn"]), np.int32(-1))
    org = np.append(joint(lambda f: f.network["as_org"]), np.int32(-1))
    rir = np.append(joint(lambda f: f.network["rir"]), np.int32(-1))
    kind = _network_types(
        np.append(joint(lambda f: f.network["network_type"]), np.int32(-1)),
        network,
        asn,
        org,
        masks[sets],
        systems,
    )
    kind = np.where(scope == _GLOBAL, kind, 0).astype(np.int32)
    whose, examples = combine([asn, org, kind, rir, scope])
    networks = [column[examples] for column in (asn, org, kind, rir, scope)]

    judged, examples_judged = combine([sets, kind, scope])
    prefix = np.append(joint(lambda f: f.network["prefix"]), np.int32(-1))
    rows = np.stack([place, whose, judged, prefix], axis=1)
    sizes = [len(family.high) for family in families]
    keep = _changes(rows, sizes)

    for name, values in (
        ("country", geo),
        ("region", geo),
        ("city", geo),
        ("timezone", geo),
        ("as_org", network),
        ("prefix", network),
        ("rir", network),
    ):
        _save_strings(directory, name, values.columns[name].values)
    place_table = np.stack([places[n] for n in ("country", "region", "city", "timezone")], axis=1)
    accuracy = _values(geo, "accuracy_km", places["accuracy_km"]).astype(np.int32)
    np.save(directory / "geo.npy", np.column_stack([place_table, accuracy]).astype(np.int32))
    coordinates = [_values(geo, name, places[name], missing=np.nan) for name in ("latitude", "longitude")]
    np.save(directory / "coordinates.npy", np.column_stack(coordinates))
    numbers = _values(network, "asn", networks[0]).astype(np.int64).astype(np.uint32).view(np.int32)
    np.save(directory / "network.npy", np.column_stack([numbers, *networks[1:]]).astype(np.int32))
    np.save(
        directory / "judged.npy",
        np.column_stack([c[examples_judged] for c in (sets, kind, scope)]).astype(np.int32),
    )
    np.save(directory / "rows.npy", rows[keep])
    offsets = np.cumsum([0, 0, *[len(s) for s in evidence]])
    np.save(directory / "set_offsets.npy", offsets.astype(np.int64))
    np.save(directory / "set_items.npy", np.concatenate([np.zeros(0, np.int32), *evidence]))
    _save_table(directory / "evidence.arrow", listings.evidence())
    kept4, kept6 = np.split(keep[:-1], [sizes[0]])
    low = families[0].low[kept4]
    slots, buckets = bucket_index(low, None, 32)
    np.save(directory / "v4_starts.npy", low.astype(np.uint32))
    np.save(directory / "v4_slots.npy", slots)
    np.save(directory / "v4_buckets.npy", buckets)
    high, low = families[1].high[kept6], families[1].low[kept6]
    slots, buckets = bucket_index(high, low, 64)
    np.save(directory / "v6_high.npy", high)
    np.save(directory / "v6_low.npy", low)
    np.save(directory / "v6_slots.npy", slots)
    np.save(directory / "v6_buckets.npy", buckets)


def _changes(rows: NDArray[np.int32], sizes: list[int]) -> NDArray[np.bool_]:
    """Segments that differ from the one before; the first of each family and the closing row always do."""
    keep = np.ones(len(rows), bool)
    keep[1:] = (rows[1:] != rows[:-1]).any(axis=1)
    keep[[0, sizes[0], len(rows) - 1]] = True
    return keep


def _category_masks(evidence: list[NDArray[np.int32]], listings: Listings) -> NDArray[np.int64]:
    """For each set of evidence (0 is the empty one) a bit a category."""
    bits = {str(category): 1 << at for at, category in enumerate(Category)}
    names = listings.table.column("category").combine_chunks().dictionary_encode()
    if isinstance(names, pa.ChunkedArray):
        names = names.combine_chunks()
    of_row = np.array([bits[name] for name in names.dictionary.to_pylist()], np.int64)[
        names.indices.to_numpy(zero_copy_only=False)
    ]
    masks = np.zeros(len(evidence) + 1, np.int64)
    if evidence:
        starts = np.cumsum([0, *[len(s) for s in evidence[:-1]]])
        masks[1:] = np.bitwise_or.reduceat(of_row[np.concatenate(evidence)], starts)
    return masks


def _network_types(
    stated: Rows,
    network: AttributeLayer,
    asn: Rows,
    org: Rows,
    masks: NDArray[np.int64],
    systems: pa.Table,
) -> Rows:
    """What a source states of the range, else what provider lists say, else the operator's own word and its name."""
    values = network.columns["network_type"].values.to_pylist()
    codes = np.array([NETWORK_TYPES.index(v) if v in NETWORK_TYPES else 0 for v in values] or [0], np.int32)
    kind = np.where(stated >= 0, codes[stated], 0)
    category = {name: 1 << at for at, name in enumerate(Category)}
    kind = np.where((kind == 0) & (masks & category[Category.CDN] != 0), _CDN, kind)
    kind = np.where((kind == 0) & (masks & category[Category.DATACENTER] != 0), _HOSTING, kind)
    names = network.columns["as_org"].values
    by_name = np.append(network_type_of_names(names.cast(pa.string())), np.int8(0))[org]
    numbers = pc.index_in(network.columns["asn"].values, systems.column("asn"))
    claims = pc.index_in(systems.column("network_type"), pa.array(NETWORK_TYPES)).fill_null(0)
    claimed = claims.take(numbers).fill_null(0).to_numpy().astype(np.int8)
    told = network_type_of_systems(np.append(claimed, np.int8(0))[asn], by_name)
    return np.where(kind == 0, told, kind).astype(np.int32)


def _values(layer: AttributeLayer, name: str, codes: Rows, missing: float = 0) -> NDArray[Any]:
    """The numbers behind ``codes``, ``missing`` for null."""
    values = layer.columns[name].values.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return np.append(values, missing)[codes]


def _save_strings(directory: Path, name: str, values: pa.Array) -> None:
    _save_table(directory / f"{name}.arrow", pa.table({name: values.cast(pa.string())}))


def _save_table(path: Path, table: pa.Table) -> None:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())


def _seal(building: Path, inputs: list[Input], directory: Path) -> Path:
    files = {}
    for path in sorted(building.iterdir()):
        with path.open("rb") as handle:
            files[path.name] = {
                "bytes": path.stat().st_size,
                "sha256": hashlib.file_digest(handle, "sha256").hexdigest(),
            }
            os.fsync(handle.fileno())
    sources = [_describe(item) for item in inputs]
    dates = [d for d in (item.parsed.published or item.fetched for item in inputs) if d is not None]
    now = datetime.now(UTC)
    as_of = min(max(dates, default=now), now).astimezone(
        UTC
    )  # a source dated in the future does not move the clock
    content = {
        "format": FORMAT,
        "as_of": as_of.isoformat(timespec="seconds"),
        "files": files,
        "sources": sources,
    }
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    name = f"{as_of:%Y-%m-%d}-{digest[:10]}"
    manifest = {"id": name, "created": datetime.now(UTC).isoformat(timespec="seconds"), **content}
    with (building / "manifest.json").open("w") as handle:
        json.dump(manifest, handle, indent=1)
        handle.flush()
        os.fsync(handle.fileno())
    target = directory / name
    if not target.exists():
        try:
            building.chmod(0o755)
            building.rename(target)
        except OSError:
            if not target.exists():  # else: another process made the same one first
                raise
    return target


def _describe(item: Input) -> dict[str, Any]:
    source, parsed = item.source, item.parsed
    return {
        "id": source.id,
        "title": source.title,
        "layers": sorted(parsed.layers or source.layers),
        "category": source.category,
        "reliability": source.reliability,
        "licence": source.licence,
        "attribution": source.attribution,
        "homepage": source.homepage,
        "published": parsed.published.astimezone(UTC).isoformat(timespec="seconds")
        if parsed.published
        else None,
        "fetched": item.fetched.astimezone(UTC).isoformat(timespec="seconds") if item.fetched else None,
        "sha256": item.sha256,
        "entries": sum(len(entries.ranges) for entries in parsed.layers.values()) + len(parsed.systems or ()),
        "rejected": parsed.rejected_count,
    }
