"""TLP in STIX: the five TLP 2.0 markings (OASIS common objects), and TLP 1.0 as older feeds have it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.secrecy import LEVEL_OF_ID, MARKING_IDS, TLP

__all__ = ["EXTENSION_ID", "level_of_marking", "marking"]

EXTENSION_ID = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"


def marking(level: TLP) -> dict[str, Any]:
    """The marking-definition of a TLP 2.0 level, as OASIS publishes it."""
    return {
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": MARKING_IDS[level],
        "created": "2022-10-01T00:00:00.000Z",
        "name": str(level),
        "extensions": {EXTENSION_ID: {"extension_type": "property-extension", "tlp_2_0": level.label}},
    }


def level_of_marking(value: Mapping[str, Any]) -> TLP | None:
    """The TLP 2.0 level that a marking-definition of any kind stands for; ``None`` where it is no TLP marking.

    The fixed ids mean what they mean whatever else the object says.
    """
    if (known := LEVEL_OF_ID.get(str(value.get("id")))) is not None:
        return known
    extensions = value.get("extensions")
    if isinstance(extensions, Mapping):
        extension = extensions.get(EXTENSION_ID)
        if isinstance(extension, Mapping) and (level := _named(extension.get("tlp_2_0"))) is not None:
            return level
    definition = value.get("definition")
    if value.get("definition_type") == "tlp" and isinstance(definition, Mapping):
        return _named(definition.get("tlp"))
    name = str(value.get("name") or "")
    return _named(name) if name.upper().startswith("TLP:") else None


def _named(text: object) -> TLP | None:
    try:
        return TLP.parse(text) if isinstance(text, str) else None
    except ValueError:
        return None
