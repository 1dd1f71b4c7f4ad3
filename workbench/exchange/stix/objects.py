"""What a STIX object must have to be taken in, and what is read of it before it is kept as it came."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from workbench.exchange.stix.indicators import moment

__all__ = ["OBSERVABLES", "MalformedError", "check", "marking_refs", "references"]


class MalformedError(ValueError):
    """A STIX object that breaks the specification: says how."""


_ID = re.compile(
    r"[a-z0-9][a-z0-9-]{1,249}--[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    re.ASCII | re.IGNORECASE,
)
_TYPE = re.compile(r"[a-z0-9][a-z0-9-]{1,249}", re.ASCII)
_TIMES = (
    "created",
    "modified",
    "valid_from",
    "valid_until",
    "first_observed",
    "last_observed",
    "first_seen",
    "last_seen",
)
_REQUIRED: dict[str, tuple[str, ...]] = {
    "indicator": ("pattern", "valid_from"),
    "relationship": ("relationship_type", "source_ref", "target_ref"),
    "sighting": ("sighting_of_ref",),
    "observed-data": ("first_observed", "last_observed", "number_observed"),
    "ipv4-addr": ("value",),
    "ipv6-addr": ("value",),
    "domain-name": ("value",),
    "url": ("value",),
    "autonomous-system": ("number",),
    "report": ("object_refs",),
    "grouping": ("object_refs", "context"),
    "note": ("content", "object_refs"),
    "identity": ("name",),
}
OBSERVABLES = frozenset(
    (
        "artifact", "autonomous-system", "directory", "domain-name", "email-addr", "email-message", "file",
        "ipv4-addr", "ipv6-addr", "mac-addr", "mutex", "network-traffic", "process", "software", "url",
        "user-account", "windows-registry-key", "x509-certificate",
    )
)  # fmt: skip
_MAX_REFERENCES = 100_000


def check(value: Mapping[str, Any]) -> None:
    """Refuse an object that cannot be kept or referred to as STIX 2.0 or 2.1 has it.

    Custom types, custom properties and unknown extensions are nobody's fault and pass.

    Raises:
        MalformedError: says which property is missing or what is wrong with it.
    """
    kind, identifier = value.get("type"), value.get("id")
    if not isinstance(kind, str) or not _TYPE.fullmatch(kind):
        raise MalformedError(f"type is {_shown(kind)}, not the name of a type")
    if not isinstance(identifier, str) or not _ID.fullmatch(identifier):
        raise MalformedError(f"id is {_shown(identifier)}, not {kind}--UUID")
    if not identifier.startswith(f"{kind}--"):
        raise MalformedError(f"id {identifier} is not of type {kind}")
    for name in _REQUIRED.get(kind, ()):
        if name not in value:
            raise MalformedError(f"{name} is missing")
    for name in _TIMES:
        if name in value and moment(value[name]) is None:
            raise MalformedError(f"{name} is {_shown(value[name])}, not a timestamp")
    if kind not in OBSERVABLES and kind != "marking-definition" and "extensions" not in value:
        for name in ("created", "modified"):
            if name not in value and not kind.startswith("x-"):
                raise MalformedError(f"{name} is missing")
    confidence = value.get("confidence")
    if confidence is not None and not (type(confidence) is int and 0 <= confidence <= 100):
        raise MalformedError(f"confidence is {_shown(confidence)}, not a whole number from 0 to 100")
    refs = value.get("object_marking_refs", [])
    if not isinstance(refs, list) or not all(isinstance(ref, str) for ref in refs):
        raise MalformedError("object_marking_refs is not a list of ids")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "…"


def references(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """``(property, id)`` of everything an object refers to, nested properties included, at most 100,000."""
    left = _MAX_REFERENCES
    # In STIX 2.0 the references within the objects of observed-data are keys of that dictionary.
    pending: list[Any] = [{k: v for k, v in value.items() if k != "objects"}]
    while pending and left:
        item = pending.pop()
        if isinstance(item, list):
            pending.extend(entry for entry in item if isinstance(entry, dict | list))
            continue
        for name, content in item.items():
            targets = (
                content
                if name.endswith("_refs") and isinstance(content, list)
                else [content]
                if name.endswith("_ref")
                else []
            )
            for target in targets:
                if isinstance(target, str) and left:
                    left -= 1
                    yield name, target
            if isinstance(content, dict | list):
                pending.append(content)


def marking_refs(value: Mapping[str, Any]) -> list[str]:
    """Every marking on an object or any part of it: a part may not be passed on further than its marking."""
    found = [ref for ref in value.get("object_marking_refs", []) if isinstance(ref, str)]
    granular = value.get("granular_markings", [])
    if isinstance(granular, list):
        found += [str(g["marking_ref"]) for g in granular if isinstance(g, Mapping) and "marking_ref" in g]
    return found
