"""Addresses in a STIX 2.1 bundle as a list. Only what a list can hold; whole bundles are the exchange's business."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from workbench.intel.entries import ParsedSource
from workbench.intel.parsers.building import KEPT, Rejects, listed
from workbench.intel.parsers.documents import instant, objects, read_object, text_of
from workbench.intel.source import Category, Source, SourceError
from workbench.secrecy import LEVEL_OF_ID, TLP

__all__ = ["parse"]

MAX_PATTERN = 1 << 16
_TEXT = r"'((?:[^'\\]|\\.)*)'"
_TOKEN = re.compile(
    r"\s*(?:(?P<comparison>(?:ipv[46]-addr:value|network-traffic:(?:src|dst)_ref\.value)\s*"
    rf"(?:=|ISSUBSET)\s*{_TEXT})|(?P<join>OR\b|[\[\]()]))\s*"
)
_CATEGORIES = {
    "malicious-activity": Category.ATTACKER,
    "compromised": Category.ATTACKER,
    "attribution": Category.ATTACKER,
    "anomalous-activity": Category.ABUSER,
    "anonymization": Category.PROXY,
    "benign": Category.BENIGN,
}


def parse(path: Path, source: Source) -> ParsedSource:
    """Read the indicators of a bundle whose pattern names addresses: ``=`` and ``ISSUBSET``, joined by ``OR``.

    Of several versions of an object the newest counts; revoked ones are left out. ``first_seen`` is
    ``valid_from``; ``last_seen`` the last modification, or ``valid_until`` where that was before. The label
    is the name of the indicator, else its types. A bundle without indicators is read for its
    ``ipv4-addr`` and ``ipv6-addr`` objects. The category is the source's, else follows from the indicator
    types; ``benign`` always does. Options: ``min_confidence`` (0-100).

    What is in a snapshot is told to whoever looks an address up, and goes out with its verdict. So TLP:RED objects
    are rejected, and names are left out that are marked, but for TLP:CLEAR.

    Raises:
        SourceError: no bundle, or no address in it.
    """
    document = read_object(path, source)
    if document.get("type") != "bundle":
        raise SourceError(path, f"no STIX bundle but {document.get('type')!r:.60}", source.id)
    rejects, red = Rejects(), Rejects()
    newest: dict[str, tuple[int, dict[str, Any]]] = {}
    for at, item in objects(document, "objects", path, source, rejects):
        if item.get("type") not in ("indicator", "ipv4-addr", "ipv6-addr"):
            continue
        identifier = text_of(item.get("id")) or f"#{at}"
        known = newest.get(identifier)
        if known is None or _modified(known[1]) <= _modified(item):
            newest[identifier] = (at, item)
    found = [(at, item) for at, item in newest.values() if item.get("revoked") is not True]
    indicators = [(at, item) for at, item in found if item["type"] == "indicator"]
    minimum = int(source.options.get("min_confidence", 0))
    rows: list[tuple[str, int, dict[str, Any]]] = []
    passed_over = 0
    for at, item in indicators or found:
        confidence = _confidence(item)
        if confidence is not None and confidence < minimum:
            continue
        if _level(item) == TLP.RED:
            red.add(
                at,
                text_of(item.get("id")) or "",
                "TLP:RED, which is not for a list: workbench stix import takes it into a case",
            )
            continue
        if item["type"] != "indicator":
            rows.append(
                (text_of(item.get("value")) or "", at, {**item, "name": source.label or "observable"})
            )
            continue
        pattern = item.get("pattern")
        if item.get("pattern_type", "stix") != "stix" or not isinstance(pattern, str):
            passed_over += 1
            continue
        addresses = addresses_in(pattern)
        if addresses is not None:
            rows += [(address, at, item) for address in addresses]
        elif "addr:value" in pattern or "_ref.value" in pattern:
            rejects.add(at, pattern, "a pattern of more than addresses joined by OR")
        else:
            passed_over += 1
    if not newest:
        raise SourceError(path, "a bundle without indicators or addresses", source.id)
    columns = {
        "category": [str(_category(item, source)) for _, _, item in rows],
        "label": [_label(item, source) for _, _, item in rows],
        "confidence": [_confidence(item) for _, _, item in rows],
        "first_seen": [instant(item.get("valid_from")) for _, _, item in rows],
        "last_seen": [_last_seen(item) for _, _, item in rows],
        "note": [text_of(item.get("id")) for _, _, item in rows],
    }
    moments = [m for _, item in newest.values() if (m := instant(item.get("modified"))) is not None]
    parsed = listed(
        [address for address, _, _ in rows],
        columns,
        path,
        source,
        positions=np.array([at for _, at, _ in rows], np.int64),
        rejects=rejects,
        published=max(moments, default=None),
        metadata={"passed_over": str(passed_over)},
        may_be_empty=True,
    )
    # Only now: a bundle that is mostly red is a bundle all the same.
    told = (*red.result(), *parsed.rejected)[:KEPT]
    return replace(parsed, rejected=told, rejected_count=red.count + parsed.rejected_count)


def addresses_in(pattern: str) -> list[str] | None:
    """The addresses that a pattern names if it is true for any one of them; None where it says more than that."""
    if len(pattern) > MAX_PATTERN:
        return None
    found: list[str] = []
    at = 0
    while at < len(pattern):
        token = _TOKEN.match(pattern, at)
        if token is None or token.end() == at:
            return None
        if token["comparison"]:
            found.append(re.sub(r"\\(.)", r"\1", token[2]))
        at = token.end()
    return found or None


def _modified(item: dict[str, Any]) -> float:
    moment = instant(item.get("modified"))
    return moment.timestamp() if moment else 0.0


def _confidence(item: dict[str, Any]) -> int | None:
    value = item.get("confidence")
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 100 else None


def _last_seen(item: dict[str, Any]) -> datetime | None:
    known = [m for key in ("valid_from", "modified") if (m := instant(item.get(key))) is not None]
    until = instant(item.get("valid_until"))
    if not known:
        return until
    return min(max(known), until) if until else max(known)


def _types(item: dict[str, Any]) -> list[str]:
    types = item.get("indicator_types")
    return [t for t in types if isinstance(t, str)] if isinstance(types, list) else []


def _category(item: dict[str, Any], source: Source) -> Category:
    types = _types(item)
    if types and all(t == "benign" for t in types):
        return Category.BENIGN
    if source.category is not None:
        return source.category
    return next((_CATEGORIES[t] for t in types if t in _CATEGORIES), Category.ATTACKER)


def _level(item: dict[str, Any]) -> TLP:
    """The highest of the fixed TLP markings of an object and of parts of it; CLEAR where it has none."""
    whole, parts = item.get("object_marking_refs"), item.get("granular_markings")
    found = list(whole) if isinstance(whole, list) else []
    if isinstance(parts, list):
        found += [part.get("marking_ref") for part in parts if isinstance(part, dict)]
    return max(
        (LEVEL_OF_ID.get(mark, TLP.CLEAR) for mark in found if isinstance(mark, str)), default=TLP.CLEAR
    )


def _label(item: dict[str, Any], source: Source) -> str:
    name = None if _level(item) > TLP.CLEAR else text_of(item.get("name"))
    return name or ", ".join(_types(item))[:200] or source.label or "indicator"
