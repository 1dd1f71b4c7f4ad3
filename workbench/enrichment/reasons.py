"""Why, in words: each record's evidence as a sentence, with list and date."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from workbench.addresses.special import SCOPES
from workbench.addresses.text import numbers_of
from workbench.intel.network_type import NETWORK_TYPES
from workbench.intel.snapshot import Snapshot
from workbench.intel.source import Category

__all__ = ["sentences"]

_GLOBAL = SCOPES.index("global")
_PHRASE = {
    Category.TOR: "Tor exit",
    Category.VPN: "VPN",
    Category.PROXY: "proxy",
    Category.DATACENTER: "datacenter",
    Category.ATTACKER: "known attacker",
    Category.ABUSER: "known abuser",
    Category.CDN: "shared: CDN",
    Category.RESOLVER: "shared: public resolver",
    Category.CRAWLER: "benign: crawler",
    Category.SCANNER: "announced scanner",
    Category.SINKHOLE: "sinkhole",
    Category.MAIL: "shared: mail provider",
    Category.BENIGN: "benign",
}
_SAYS_NO_MORE = ("tor exit", "vpn range", "sinkhole", "mail provider", "public dns resolver")
"""Labels of lists that only repeat what their category says."""
_ASKED = {str(c) for c in (Category.ATTACKER, Category.ABUSER, Category.TOR, Category.PROXY, Category.VPN)}
"""Categories of lists that could have spoken against an address."""


def sentences(
    snapshot: Snapshot, judged: NDArray[np.int32], category: NDArray[np.int64], weight: NDArray[np.float64]
) -> tuple[pa.Array, NDArray[np.int32]]:
    """One sentence a record of ``judged``, the heaviest evidence first; the distinct sentences and the row of each record.

    ``category`` (codes in the order of :class:`Category`) is of the rows of evidence, ``weight`` of ``set_items``.
    """
    offsets, items = snapshot.array("set_offsets"), snapshot.array("set_items")
    phrases = _phrases(snapshot, category)
    order = np.lexsort((-weight, np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))))
    by_item = phrases.take(pa.array(items[order]))
    lists = pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), by_item)
    spoken = pc.binary_join(lists, "; ").dictionary_encode()
    rows = spoken.indices.to_numpy(zero_copy_only=False)[judged[:, 0]].astype(np.int32)
    own, own_rows = _without_evidence(snapshot, judged)
    rows = np.where(own_rows >= 0, own_rows + len(spoken.dictionary), rows).astype(np.int32)
    return pa.concat_arrays([spoken.dictionary.cast(pa.string()), own]), rows


def _phrases(snapshot: Snapshot, category: NDArray[np.int64]) -> pa.Array:
    """Each row of evidence in words: ``Tor exit (Tor exits, 2026-10-06)``."""
    evidence = snapshot.evidence
    if not len(evidence):
        return pa.array([], pa.string())
    kinds = pa.array([_PHRASE[c] for c in Category]).take(pa.array(category))
    source = pa.array(numbers_of(evidence.column("source")).astype(np.int32))
    titles = pa.array([s.title for s in snapshot.sources]).take(source)
    published = pa.array([_day(s.as_of) for s in snapshot.sources]).take(source)
    seen = pc.strftime(evidence.column("last_seen"), format="%Y-%m-%d").combine_chunks()
    label = evidence.column("label").cast(pa.string()).combine_chunks()
    level = evidence.column("level").cast(pa.string()).combine_chunks()
    label = pc.fill_null(label, "")
    silent = pc.or_(pc.equal(label, ""), pc.is_in(pc.utf8_lower(label), pa.array(_SAYS_NO_MORE)))
    named = pc.if_else(silent, kinds, pc.binary_join_element_wise(kinds, label, " "))
    counted = pc.if_else(
        pc.greater(pc.fill_null(evidence.column("level").combine_chunks(), 0), 1),
        pc.binary_join_element_wise(named, pc.binary_join_element_wise(" on ", level, " lists", ""), ""),
        named,
    )
    where = pc.binary_join_element_wise(titles, pc.coalesce(seen, published), ", ")
    phrases = pc.binary_join_element_wise(counted, pc.binary_join_element_wise(" (", where, ")", ""), "")
    return phrases.combine_chunks() if isinstance(phrases, pa.ChunkedArray) else phrases


def _without_evidence(snapshot: Snapshot, judged: NDArray[np.int32]) -> tuple[pa.Array, NDArray[np.int32]]:
    lists = sum(1 for s in snapshot.sources if s.category in _ASKED)
    absent = f"on none of {lists} lists of attackers and anonymisers as of {_day(snapshot.as_of)}"
    words = ["not an IP address"]
    words += [f"{name} address, not routed on the Internet" for name in SCOPES[1:]]
    words += [absent if name == "unknown" else f"{absent}; {name} network" for name in NETWORK_TYPES]
    scope, kind = judged[:, 2], judged[:, 1]
    rows = np.where(scope != _GLOBAL, scope, len(SCOPES) + kind)
    return pa.array(words), np.where((scope != _GLOBAL) | (judged[:, 0] == 0), rows, -1).astype(np.int32)


def _day(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d}" if moment else "undated"
