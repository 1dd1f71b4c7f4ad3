"""TLP in STIX: the five TLP 2.0 markings (OASIS common objects), and TLP 1.0 as older feeds have it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.secrecy import TLP

__all__ = ["EXTENSION_ID", "KNOWN", "MARKING_IDS", "level_of_marking", "marking"]

EXTENSION_ID = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"
MARKING_IDS = {
    TLP.CLEAR: "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
    TLP.GREEN: "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
    TLP.AMBER: "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421",
    TLP.AMBER_STRICT: "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003",
    TLP.RED: "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1",
}
_TLP_1 = {
    "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9": TLP.CLEAR,  # WHITE
    "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da": TLP.GREEN,
    "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82": TLP.AMBER,
    "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed": TLP.RED,
}
KNOWN: Mapping[str, TLP] = {identifier: level for level, identifier in MARKING_IDS.items()} | _TLP_1
"""Levels of the ids that TLP 2.0 and 1.0 fix: these are known without their marking-definition."""


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
    if (known := KNOWN.get(str(value.get("id")))) is not None:
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
