"""The ids by which STIX names the levels, of TLP 2.0 (OASIS common objects) and of TLP 1.0 (STIX 2.1, 7.2.1.4)."""

from __future__ import annotations

from collections.abc import Mapping

from workbench.secrecy.tlp import TLP

__all__ = ["LEVEL_OF_ID", "MARKING_IDS"]

MARKING_IDS: Mapping[TLP, str] = {
    TLP.CLEAR: "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
    TLP.GREEN: "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
    TLP.AMBER: "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421",
    TLP.AMBER_STRICT: "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003",
    TLP.RED: "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1",
}
"""Those of TLP 2.0, which is what goes out."""
_TLP_1 = {
    "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9": TLP.CLEAR,  # WHITE
    "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da": TLP.GREEN,
    "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82": TLP.AMBER,
    "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed": TLP.RED,
}
LEVEL_OF_ID: Mapping[str, TLP] = {identifier: level for level, identifier in MARKING_IDS.items()} | _TLP_1
"""Those of both, which are known without their marking-definition."""
