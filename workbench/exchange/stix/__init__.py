"""STIX 2.1 both ways, and STIX patterns over tables of logs."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from workbench._extras import naming_extras

if TYPE_CHECKING:
    from workbench.exchange.stix.dossier import Dossier, Investigation, Remark, Seen, dossiers_of
    from workbench.exchange.stix.evidence import entries_of
    from workbench.exchange.stix.exporting import Export, export
    from workbench.exchange.stix.intake import Imported
    from workbench.exchange.stix.intostore import IntoStore, import_into
    from workbench.exchange.stix.matching import Matches, columns_of, match
    from workbench.exchange.stix.objectstore import ObjectStore
    from workbench.exchange.stix.observing import observed
    from workbench.exchange.stix.reading import import_bundle
    from workbench.exchange.stix.recipients import WithheldError, recipient_of
    from workbench.exchange.stix.stream import StreamError
    from workbench.exchange.stix.syntax import PatternError
    from workbench.exchange.stix.versions import Ledger

_HOME = {
    "Dossier": "dossier",
    "Export": "exporting",
    "Imported": "intake",
    "Investigation": "dossier",
    "IntoStore": "intostore",
    "Ledger": "versions",
    "Matches": "matching",
    "ObjectStore": "objectstore",
    "PatternError": "syntax",
    "Remark": "dossier",
    "Seen": "dossier",
    "StreamError": "stream",
    "WithheldError": "recipients",
    "columns_of": "matching",
    "dossiers_of": "dossier",
    "entries_of": "evidence",
    "export": "exporting",
    "import_bundle": "reading",
    "import_into": "intostore",
    "match": "matching",
    "observed": "observing",
    "recipient_of": "recipients",
}
__all__ = [
    "Dossier", "Export", "Imported", "IntoStore", "Investigation", "Ledger", "Matches", "ObjectStore", "PatternError", "Remark", "Seen",
    "StreamError", "WithheldError", "columns_of", "dossiers_of", "entries_of", "export", "import_bundle", "import_into", "match", "observed", "recipient_of",
]  # fmt: skip


@naming_extras("exchange")
def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
