"""Reputation and verdict from evidence. The formula stands here and nowhere else.

**What a score means.** For an address that nobody shares, ``reputation / 100`` is the chance that public
lists of attackers report it *on fresh observations within the 14 days after the snapshot*. It is a forecast
of being listed, not of guilt; the measurement and its limits are below.

Every list entry ``e`` against an address gives a weight, that chance as far as the entry alone goes::

    w(e) = base[category] · belief · stated · decay(age)

    belief     = reliability[source]                                  for a source that does not count observers
               = 1 - (1 - 0.6 · reliability[source]) · 0.1 ** (level - 1)   for one that does: the first observer
                 is believed to 0.6 of the grade, each one who agrees leaves a tenth of the doubt
    stated     = confidence / 100         where the entry states one, else 1
    decay(age) = 1 / (1 + age / half)     half[category] days after which half is left; 20 more for each
                                          observer beyond the first

``age`` is the time from when the entry was last seen (or the source was published) to the date of the
snapshot. Entries of one source are not independent, so a source counts with its heaviest entry; sources
are combined as independent (noisy-or), and shared or benign infrastructure holds against the blame::

    hostile    = 1 - Π over sources (1 - max w)
    counter    = Π over benign categories (1 - relief[category])
    reputation = round(100 · hostile · counter)

``confidence`` (0-1) is how far the verdict may be relied on: the chance that a listing it rests on is right and
still holds, the noisy-or of belief times stated times decay. For ``malicious``, ``suspicious`` and ``watch`` those
are the listings of attackers and abusers, times the root of ``counter``; for ``anonymised`` those of Tor, VPN and
proxies. For ``clean`` it is the share of the addresses which will be reported in those 14 days that the snapshot's
lists of attackers would have named, joined (noisy-or) with what is known to be shared or benign; so "clean" from
the shipped pack, which has no such list, comes with 0. A triage that raises "clean" to ``watch``, for a datacenter in
a country of concern, gives how far it may be taken for a datacenter.

The verdict is the first that applies: ``invalid`` and ``unroutable`` by scope; ``malicious`` from
reputation 70 with attacker or abuser evidence and no shared infrastructure; ``suspicious`` from 40 with such evidence;
``anonymised`` for Tor, VPN and proxies, but where it is surer that the address is a public resolver, a crawler, an
announced scanner or a sinkhole, of which it is known who speaks; ``watch`` from 15; else ``clean``.

**Measured** by ``tests/bench/reputation.py`` on IPsum of 2026-08-22 (graded C) against what some
twenty feeds named in the fourteen days to 2026-09-03, 2026-09-27 and 2026-10-04; the constants were fitted on half
of the /16s and rounded, these are of the other half, of addresses that nobody shares. Reported again, with the forecast behind it:

=====  =============  ==============  ==============
lists  list of today  22 days old     29 days old
=====  =============  ==============  ==============
1      0.42 (0.43)    0.27 (0.31)     0.26 (0.29)
2      0.91 (0.90)    0.66 (0.70)     0.62 (0.66)
3      0.99 (0.94)    0.75 (0.77)     0.72 (0.73)
4      1.00 (0.95)    0.74 (0.80)     0.71 (0.76)
5      1.00 (0.95)    0.83 (0.82)     0.80 (0.79)
6-10   1.00 (0.95)    0.97 (0.84)     0.95 (0.80)
=====  =============  ==============  ==============

Brier score 0.195, 0.202 and 0.198; for "any list" 0.249, 0.237 and 0.231, for lists / 10 0.385, 0.270 and 0.255,
for the formula before this one 0.250, 0.230 and 0.228. One source ranks as its number of lists does: AUC 0.70
and 0.67. Of verdicts ``malicious`` 95 % were reported on the day, 70 % and 73 % from the older list. Of 59 addresses on
eight lists or more in September 2025, 36 % were reported a year later: 0.35 by the formula.

Tor relays named on 2026-09-03 were still named after 24 days by 0.81 (0.83), VPN servers by 0.92 (0.94), public
proxies, on lists that forget slowly, by 0.91 (0.84). The list of the day would have named 44 % of those
reported in the fortnight, 35 % after 22 days, 34 % after 29: the confidence of ``clean`` is then 0.42, 0.31, 0.28.

**Limits.** One list, one summer, IPv4. Only a source that counts observers was measured; a list that does not is believed to its grade,
unmeasured, and so are stated confidences and the bases of abusers and anonymisers. The later feeds overlap with
those IPsum counts: this is whether lists go on naming an address. A range counts like an address, as if the
one that turned up were one that attacks. Addresses in clouds are let go faster (0.59 of those on 3 or 4 lists
reported 29 days on, 0.84 of those at Internet providers); the formula does not ask. Of all addresses reported, the
list had named 44 % before (34 % after 29 days): the rest score 0, so against shared infrastructure the AUC is
0.72, and 1.00 among listed addresses. Scores on shared infrastructure are below the chance by intent: of
announced scanners and crawlers on the list 92 to 99 % are reported again, by people they bother.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from workbench.addresses.special import SCOPES
from workbench.addresses.text import number_array, numbers_of
from workbench.enrichment.reasons import sentences
from workbench.intel.network_type import NETWORK_TYPES
from workbench.intel.snapshot import Snapshot
from workbench.intel.source import Category, Reliability

__all__ = [
    "FLAGS",
    "FORMULA",
    "VERDICTS",
    "Judgement",
    "datacenter_confidence",
    "judge",
    "judgement_of",
    "weights",
]

FORMULA = 4
"""Raised whenever the numbers change: a cached judgement of another formula is not used."""

VERDICTS = ("invalid", "unroutable", "malicious", "suspicious", "anonymised", "watch", "clean")
"""Values of ``verdict``; a code is an index into this."""

FLAGS = (
    "is_tor",
    "is_vpn",
    "is_proxy",
    "is_datacenter",
    "is_known_attacker",
    "is_known_abuser",
    "is_anonymous",
)
"""The flag columns, in the order of their bits."""

BASE = {
    Category.ATTACKER: 0.95,
    Category.ABUSER: 0.70,
    Category.TOR: 0.35,
    Category.PROXY: 0.10,
    Category.VPN: 0.10,
    # A datacenter is no evidence: of addresses drawn from such ranges one in a thousand is reported.
}
RELIABILITY = {
    Reliability.A: 1.0,
    Reliability.B: 0.9,
    Reliability.C: 0.75,
    Reliability.D: 0.5,
    Reliability.E: 0.25,
    Reliability.F: 0.4,  # cannot be judged is not the same as unreliable
}
FIRST_OBSERVER = 0.6
"""How far an unnamed observer is believed, as a share of the grade of the source that counts him."""
HOSTING_PRECISION = 0.62
"""Of the addresses' networks that are taken for hosting by name and registry, those that are, as measured by
``tests/bench/network_types.py``."""
DOUBT_LEFT = 0.1
"""What each further observer who agrees leaves of the doubt."""
HALF_LEFT_DAYS = {
    Category.ATTACKER: 60.0,
    Category.ABUSER: 60.0,
    Category.TOR: 120.0,
    Category.PROXY: 130.0,
    Category.VPN: 365.0,
}
DAYS_PER_OBSERVER = 20.0
"""How much longer an entry holds for each observer beyond the first: what many see is there to stay."""
REPORTED_IN_A_FORTNIGHT = 130_000
"""Addresses that fast public lists of attackers name in 14 days: what ``clean`` is measured against."""
RELIEF = {
    Category.RESOLVER: 0.7,
    Category.CDN: 0.6,
    Category.CRAWLER: 0.7,
    Category.SCANNER: 0.5,
    Category.SINKHOLE: 0.7,
    Category.MAIL: 0.5,
    Category.BENIGN: 0.5,
    Category.TOR: 0.35,  # many people leave through one exit
}
HOSTILE = (Category.ATTACKER, Category.ABUSER)
HIDING = (Category.TOR, Category.VPN, Category.PROXY)
KNOWN = (Category.RESOLVER, Category.CRAWLER, Category.SCANNER, Category.SINKHOLE)
"""Whose addresses nobody hides behind; VPN lists of whole ranges have some of them."""
MALICIOUS, SUSPICIOUS, WATCH = 70, 40, 15

_CATEGORIES = tuple(Category)
_BIT = {category: 1 << at for at, category in enumerate(_CATEGORIES)}
_SHARED_BITS = sum(_BIT[c] for c in RELIEF)
_GLOBAL = SCOPES.index("global")


@dataclass(frozen=True, slots=True, eq=False)
class Judgement:
    """What the engine needs of every ``judged`` record of a snapshot.

    ``codes`` is int32 of shape (n, 4): flag bits, reputation (-1 for none), verdict, row of ``reasons``.
    """

    codes: NDArray[np.int32]
    confidence: NDArray[np.float32]
    reasons: pa.Array


def weights(snapshot: Snapshot, rows: NDArray[np.int32] | None = None) -> NDArray[np.float64]:
    """``w(e)`` of the evidence at ``rows`` (all by default): the contribution of each entry alone, 0-1."""
    evidence = snapshot.evidence if rows is None else snapshot.evidence.take(number_array(rows))
    category = _category_codes(evidence)
    base = np.array([BASE.get(c, 0.0) for c in _CATEGORIES])[category]
    return base * _trust(snapshot, evidence, category)


def _trust(snapshot: Snapshot, evidence: pa.Table, category: NDArray[np.int64]) -> NDArray[np.float64]:
    """Belief, stated confidence and decay of each row of evidence, multiplied."""
    source = numbers_of(evidence.column("source"))
    reliability = np.array([RELIABILITY[Reliability(s.reliability)] for s in snapshot.sources])[source]
    level = np.maximum(numbers_of(evidence.column("level").cast(pa.float64()), 1.0), 1.0)
    counts = _counts_observers(snapshot)[source]
    further = np.where(counts, level - 1, 0.0)
    belief = np.where(counts, 1 - (1 - FIRST_OBSERVER * reliability) * DOUBT_LEFT**further, reliability)
    stated = numbers_of(evidence.column("confidence").cast(pa.float64()), np.nan) / 100
    half = np.array([HALF_LEFT_DAYS.get(c, 1460.0) for c in _CATEGORIES])[category]
    decay = 1 / (1 + _age_days(snapshot, evidence) / (half + DAYS_PER_OBSERVER * further))
    trust: NDArray[np.float64] = belief * np.where(np.isnan(stated), 1.0, stated) * decay
    return trust


def datacenter_confidence(snapshot: Snapshot, rows: Sequence[NDArray[np.int32]]) -> NDArray[np.float32]:
    """How far addresses may be taken for datacenters, each given by the rows of evidence that cover it: noisy-or of
    the lists that say so, and of none the measured precision of the network type ``hosting``."""
    flat = np.concatenate([*rows, np.array([], np.int32)]).astype(np.int64)
    owner = np.repeat(np.arange(len(rows)), [len(r) for r in rows])
    evidence = snapshot.evidence.take(pa.array(flat))
    category = _category_codes(evidence)
    listed = np.isin(category, _codes_of({Category.DATACENTER}))
    trust = np.where(listed, _trust(snapshot, evidence, category), 0.0)
    found = _noisy_or(owner, numbers_of(evidence.column("source")), trust, len(rows))
    return np.where(found > 0, np.minimum(found, 0.99), HOSTING_PRECISION).astype(np.float32)


def _counts_observers(snapshot: Snapshot) -> NDArray[np.bool_]:
    """Which sources say how many observers agree: those with any level above one."""
    most = np.zeros(len(snapshot.sources), np.int64)
    level = numbers_of(snapshot.evidence.column("level").cast(pa.int64()))
    np.maximum.at(most, numbers_of(snapshot.evidence.column("source")), level)
    return most > 1


def _age_days(snapshot: Snapshot, evidence: pa.Table) -> NDArray[np.float64]:
    now = int(snapshot.as_of.timestamp())
    spoken = np.array([int(s.as_of.timestamp()) if s.as_of else now for s in snapshot.sources], np.int64)
    by_source = spoken[numbers_of(evidence.column("source"))]
    seen = evidence.column("last_seen").cast(pa.int64())
    never = np.iinfo(np.int64).min
    at = numbers_of(seen, never)
    at = np.where(at == never, by_source, at)
    days: NDArray[np.float64] = np.maximum(now - at, 0) / 86400
    return days


def _category_codes(evidence: pa.Table) -> NDArray[np.int64]:
    column = evidence.column("category").combine_chunks()
    if isinstance(column, pa.ChunkedArray):
        column = column.chunk(0) if column.num_chunks else pa.array([], pa.string()).dictionary_encode()
    place = np.array([_CATEGORIES.index(Category(name)) for name in column.dictionary.to_pylist()] or [0])
    codes: NDArray[np.int64] = place[numbers_of(column.indices)]
    return codes


def judgement_of(snapshot: Snapshot) -> Judgement:
    """The judgement of a snapshot, kept beside it once made: it depends on the snapshot and the formula alone."""
    kept = snapshot.path / f"judgement-{FORMULA}"
    try:
        with pa.memory_map(str(kept / "reasons.arrow")) as source:
            reasons = pa.ipc.open_file(source).read_all().column(0).chunk(0)
        codes, confidence = (np.load(kept / f"{name}.npy", mmap_mode="r") for name in ("codes", "confidence"))
        if len(codes) == len(confidence) == len(snapshot.array("judged")):
            return Judgement(np.asarray(codes), np.asarray(confidence), reasons)
    except (OSError, ValueError, pa.ArrowInvalid):
        pass  # not made yet, or a crash of the machine cut it short
    made = judge(snapshot)
    with contextlib.suppress(OSError):  # a read-only snapshot directory costs a second at each start
        building = Path(tempfile.mkdtemp(prefix=".judgement-", dir=snapshot.path))
        np.save(building / "codes.npy", made.codes)
        np.save(building / "confidence.npy", made.confidence)
        table = pa.table({"reasons": made.reasons})
        with (
            pa.OSFile(str(building / "reasons.arrow"), "wb") as sink,
            pa.ipc.new_file(sink, table.schema) as writer,
        ):
            writer.write_table(table)
        building.chmod(0o755)
        try:
            building.rename(kept)
        except OSError:  # another process was first, or a damaged one is in the way
            shutil.rmtree(kept, ignore_errors=True)
            building.rename(kept)
    return made


def judge(snapshot: Snapshot) -> Judgement:
    """Judge every record of the snapshot at once."""
    judged = snapshot.array("judged")
    offsets, items = snapshot.array("set_offsets"), snapshot.array("set_items")
    sets = len(offsets) - 1
    evidence = snapshot.evidence
    category = _category_codes(evidence)[items]
    source = numbers_of(evidence.column("source"))[items]
    set_of = np.repeat(np.arange(sets), np.diff(offsets))
    weight = weights(snapshot)[items]
    trust = _trust(snapshot, evidence, _category_codes(evidence))[items]

    hostile = _noisy_or(set_of, source, weight, sets)
    blaming, hiding, known, calming = (
        _noisy_or(set_of, source, np.where(np.isin(category, _codes_of(meant)), trust, 0.0), sets)
        for meant in (HOSTILE, HIDING, KNOWN, set(RELIEF) - {Category.TOR})
    )
    mask = np.zeros(sets, np.int64)
    bit = np.array([_BIT[c] for c in _CATEGORIES], np.int64)
    np.bitwise_or.at(mask, set_of, bit[category])
    counter = np.ones(sets)
    for name, relief in RELIEF.items():
        # Tor holds against blame only where somebody blames: by itself it is what it is.
        applies = mask & _BIT[name] != 0
        if name is Category.TOR:
            applies &= mask & (_BIT[Category.ATTACKER] | _BIT[Category.ABUSER]) != 0
        counter[applies] *= 1 - relief

    evidence_set, kind, scope = judged[:, 0], judged[:, 1], judged[:, 2]
    bits = mask[evidence_set]
    reputation = np.rint(100 * hostile * counter)[evidence_set].astype(np.int32)
    blamed = bits & (_BIT[Category.ATTACKER] | _BIT[Category.ABUSER]) != 0
    shared = bits & _SHARED_BITS != 0
    hidden = (bits & sum(_BIT[c] for c in HIDING) != 0) & (hiding >= known)[evidence_set]
    verdict = np.select(
        [
            scope == 0,
            scope != _GLOBAL,
            blamed & ~shared & (reputation >= MALICIOUS),
            blamed & (reputation >= SUSPICIOUS),
            hidden,
            blamed & (reputation >= WATCH),
        ],
        [
            VERDICTS.index(v)
            for v in ("invalid", "unroutable", "malicious", "suspicious", "anonymised", "watch")
        ],
        VERDICTS.index("clean"),
    )
    confidence = np.select(
        [verdict == VERDICTS.index("anonymised"), verdict == VERDICTS.index("clean")],
        [hiding[evidence_set], 1 - (1 - _coverage(snapshot)) * (1 - calming[evidence_set])],
        (blaming * np.sqrt(counter))[evidence_set],
    )
    nowhere = scope != _GLOBAL
    reputation[nowhere] = -1
    confidence = np.where(nowhere, np.where(scope == 0, 0.0, 1.0), np.minimum(confidence, 0.99))
    hosting = (kind == NETWORK_TYPES.index("hosting")) | (bits & _BIT[Category.DATACENTER] != 0)
    flags = _flags(bits, hosting & ~nowhere)
    reasons, reason_row = sentences(snapshot, judged, _category_codes(evidence), weight)
    codes = np.column_stack([flags, reputation, verdict, reason_row]).astype(np.int32)
    return Judgement(codes, confidence.astype(np.float32), reasons)


def _codes_of(categories: Iterable[Category]) -> list[int]:
    return [_CATEGORIES.index(category) for category in categories]


def _noisy_or(
    set_of: NDArray[np.int64], source: NDArray[np.int16], weight: NDArray[np.float64], sets: int
) -> NDArray[np.float64]:
    """``1 - Π over sources (1 - max weight)`` for every set."""
    result = np.ones(sets)
    if len(set_of):
        order = np.lexsort((source, set_of))
        fresh = np.ones(len(order), bool)
        fresh[1:] = (set_of[order][1:] != set_of[order][:-1]) | (source[order][1:] != source[order][:-1])
        heaviest = np.maximum.reduceat(weight[order], np.flatnonzero(fresh))
        np.multiply.at(result, set_of[order][fresh], 1 - heaviest)
    return 1 - result


def _coverage(snapshot: Snapshot) -> float:
    """The share of the addresses reported in the next 14 days that the lists of attackers and abusers would have named.

    An entry is right as often as a first observer is; lists are taken as independent. A range counts as one
    entry: most of it never attacks anybody.
    """
    missed = 1.0
    for source in snapshot.sources:
        if source.category in HOSTILE and source.as_of is not None:
            days = max((snapshot.as_of - source.as_of).total_seconds() / 86400, 0.0)
            right = source.entries * FIRST_OBSERVER * RELIABILITY[Reliability(source.reliability)]
            share = min(right / REPORTED_IN_A_FORTNIGHT, 0.95)
            missed *= 1 - share / (1 + days / HALF_LEFT_DAYS[Category(source.category)])
    return 1 - missed


def _flags(bits: NDArray[np.int64], hosting: NDArray[np.bool_]) -> NDArray[np.int64]:
    def has(*categories: Category) -> NDArray[np.int64]:
        return np.asarray(bits & sum(_BIT[c] for c in categories) != 0, np.int64)

    columns = [
        has(Category.TOR),
        has(Category.VPN),
        has(Category.PROXY),
        hosting.astype(np.int64),
        has(Category.ATTACKER),
        has(Category.ABUSER),
        has(Category.TOR, Category.VPN, Category.PROXY),
    ]
    flags = np.zeros(len(bits), np.int64)
    for at, column in enumerate(columns):
        flags |= column << at
    return flags
