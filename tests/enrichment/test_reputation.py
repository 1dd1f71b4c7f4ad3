"""What a reputation is made of, that it adds up, and what it may never say; the arithmetic of its back-test."""

from __future__ import annotations

import importlib.util
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.addresses import parse_networks
from workbench.enrichment import reputation as room
from workbench.enrichment.engine import Engine
from workbench.enrichment.record import lookup
from workbench.intel.compile import compile_snapshot
from workbench.intel.entries import Entries, ParsedSource
from workbench.intel.layers import Input
from workbench.intel.snapshot import Snapshot
from workbench.intel.source import Category, Layer, Reliability, Source

TODAY = datetime(2026, 10, 5, tzinfo=UTC)
HOSTILE = (Category.ATTACKER, Category.ABUSER)


def listing(
    name: str,
    category: Category,
    addresses: Sequence[str],
    *,
    grade: str = "B",
    age: int = 0,
    levels: Sequence[int] | None = None,
) -> Input:
    source = Source(
        id=name, title=name, parser="list", layers=(Layer.MEMBERSHIP,), reliability=Reliability(grade), licence="CC0-1.0",
        attribution="tests", category=category,
    )  # fmt: skip
    columns = {"label": pa.array([""] * len(addresses))}
    if levels is not None:
        columns["level"] = pa.array(levels, pa.uint16())
    entries = Entries(parse_networks(list(addresses)), pa.table(columns))
    return Input(source, ParsedSource({Layer.MEMBERSHIP: entries}, TODAY - timedelta(days=age)), "0" * 64)


def engine(folder: Path, *inputs: Input) -> Engine:
    clock = listing(
        "clock", Category.BENIGN, ["198.18.0.1"]
    )  # the date of the snapshot is that of its newest source
    return Engine(Snapshot(compile_snapshot([*inputs, clock], folder)))


def counted(folder: Path, levels: Sequence[int], grade: str = "C", age: int = 0) -> list[int]:
    """Reputations of addresses that one source carries with these numbers of lists."""
    addresses = [f"9.1.0.{at + 1}" for at in range(len(levels))]
    made = engine(
        folder, listing("counts", Category.ATTACKER, addresses, grade=grade, age=age, levels=levels)
    )
    column: list[int] = made.enrich(addresses).column("reputation").to_pylist()
    return column


def test_the_score_of_a_counting_list_is_the_share_that_was_reported_again(tmp_path: Path) -> None:
    """The measured shares of the docstring, within five of a hundred, and seven where few were measured."""
    for age, measured in (
        (0, [42, 91, 99, 100, 100]),
        (22, [27, 66, 75, 74, 83]),
        (29, [26, 62, 72, 71, 80]),
    ):
        scores = counted(tmp_path / str(age), [1, 2, 3, 4, 5], age=age)
        assert np.abs(np.array(scores) - measured).max() <= 6, (age, scores)


def test_many_who_agree_stay_malicious_after_six_weeks_and_one_does_not(tmp_path: Path) -> None:
    addresses = ["9.1.0.1", "9.1.0.2"]
    made = engine(
        tmp_path, listing("counts", Category.ATTACKER, addresses, grade="C", age=44, levels=[10, 1])
    )
    assert made.enrich(addresses).column("verdict").to_pylist() == ["malicious", "watch"]


def test_clean_is_as_sure_as_the_lists_that_were_asked(tmp_path: Path) -> None:
    def sure(name: str, *inputs: Input) -> float:
        value: float = engine(tmp_path / name, *inputs).enrich(["9.9.9.9"]).column("confidence")[0].as_py()
        return value

    many = [f"5.{a}.{b}.{c}" for a in range(2) for b in range(200) for c in range(1, 250)]
    resolvers = listing("resolvers", Category.RESOLVER, many[:500])
    small = listing("small", Category.ATTACKER, many[:100])
    large = listing("large", Category.ATTACKER, many)
    old = listing("large", Category.ATTACKER, many, age=60)
    assert sure("a", resolvers) == 0
    assert sure("a", resolvers) < sure("b", small) < 0.01
    assert 0.3 < sure("c", large) < 0.6
    assert sure("d", old) == pytest.approx(sure("c", large) / 2, abs=0.01)


def test_confidence_rests_on_what_the_verdict_rests_on(tmp_path: Path) -> None:
    """A sure word on something else, that it is a datacenter or an old acquaintance, adds nothing."""
    there = ["9.1.0.1", "9.1.0.2", "9.1.0.3", "9.1.0.4", "9.1.0.5"]
    made = engine(
        tmp_path,
        listing("attackers", Category.ATTACKER, there[:2], grade="D"),
        listing("forgotten", Category.ATTACKER, there[3:4], grade="D", age=2000),
        listing("cloud", Category.DATACENTER, [there[1], there[2]], grade="A"),
        listing("vpn", Category.VPN, there[3:4], grade="C"),
        listing("resolver", Category.RESOLVER, there[4:5], grade="C"),
    )
    table = made.enrich(there)
    assert table.column("verdict").to_pylist() == ["suspicious", "suspicious", "clean", "anonymised", "clean"]
    assert table.column("confidence").to_pylist() == pytest.approx([0.5, 0.5, 0, 0.75, 0.75], abs=1e-4)


def test_nobody_hides_behind_a_public_resolver_or_a_crawler(tmp_path: Path) -> None:
    """VPN lists of whole ranges have 8.8.8.0/24; an open resolver on an old list may be a VPN server all the same."""
    made = engine(
        tmp_path,
        listing("vpn", Category.VPN, ["8.8.8.0/24"], grade="C", age=900),
        listing("resolvers", Category.RESOLVER, ["8.8.8.8"], grade="A"),
        listing("open-resolvers", Category.RESOLVER, ["9.1.0.1"], grade="D", age=900),
        listing("crawlers", Category.CRAWLER, ["8.8.8.9"], grade="A"),
        listing("exits", Category.TOR, ["9.1.0.1", "9.1.0.2"], grade="A"),
        listing("cdn", Category.CDN, ["9.1.0.2"], grade="A"),  # private relays leave through them
    )
    table = made.enrich(["8.8.8.8", "8.8.8.9", "8.8.8.10", "9.1.0.1", "9.1.0.2"])
    assert table.column("verdict").to_pylist() == ["clean", "clean", "anonymised", "anonymised", "anonymised"]
    assert table.column("is_vpn").to_pylist() == [True, True, True, False, False]
    assert "VPN" in table.column("reasons")[0].as_py()


SOURCES = [
    *((category, grade, age, counts) for category in HOSTILE for grade, age, counts in (("A", 0, False), ("C", 30, True), ("D", 400, False))),
    *((category, "A", 0, False) for category in Category if category not in HOSTILE),
]  # fmt: skip


@pytest.fixture(scope="module")
def anything(tmp_path_factory: pytest.TempPathFactory) -> tuple[Engine, dict[str, dict[int, int]]]:
    """A snapshot of every category in which each address is on lists drawn at random: {address: {source: level}}."""
    draw = random.Random(3)
    addresses = [f"7.{at >> 8}.{at & 255}.9" for at in range(1500)]
    drawn = {
        address: {number: draw.choice([1, 1, 2, 3, 9]) for number in draw.sample(range(len(SOURCES)), draw.randint(1, 5))}
        for address in addresses
    }  # fmt: skip
    inputs = []
    for number, (category, grade, age, counts) in enumerate(SOURCES):
        mine = [address for address in addresses if number in drawn[address]]
        levels = [drawn[address][number] for address in mine] if counts else None
        inputs.append(listing(f"s{number:02}", category, mine, grade=grade, age=age, levels=levels))
    return engine(tmp_path_factory.mktemp("anything"), *inputs), drawn


def by_hand(lists: dict[int, int]) -> tuple[float, float]:
    """Hostile and counter of the formula, in plain arithmetic."""
    passed, categories = 1.0, {SOURCES[number][0] for number in lists}
    for number, level in lists.items():
        category, grade, age, counts = SOURCES[number]
        reliability = room.RELIABILITY[Reliability(grade)]
        further = level - 1 if counts else 0
        belief = 1 - (1 - 0.6 * reliability) * 0.1**further if counts else reliability
        half = room.HALF_LEFT_DAYS.get(category, 1460.0) + 20 * further
        passed *= 1 - room.BASE.get(category, 0) * belief / (1 + age / half)
    counter = 1.0
    for category in categories & set(room.RELIEF):
        if category is not Category.TOR or categories & set(HOSTILE):
            counter *= 1 - room.RELIEF[category]
    return 1 - passed, counter


def test_the_score_is_the_formula_worked_by_hand(anything: tuple[Engine, dict[str, dict[int, int]]]) -> None:
    made, drawn = anything
    scores = made.enrich(list(drawn)).column("reputation").to_pylist()
    for score, (address, lists) in zip(scores, drawn.items(), strict=True):
        hostile, counter = by_hand(lists)
        assert abs(score - 100 * hostile * counter) <= 0.5 + 1e-6, (address, lists)


def test_the_weights_shown_add_up_to_the_score(anything: tuple[Engine, dict[str, dict[int, int]]]) -> None:
    made, drawn = anything
    for address, lists in list(drawn.items())[:60]:
        intel = lookup(made, address)
        assert len(intel.evidence) == len(lists)
        hostile = 1 - np.prod([1 - item.weight for item in intel.evidence])
        assert abs((intel.reputation or 0) - 100 * hostile * by_hand(lists)[1]) <= 0.51


def test_who_is_shared_or_benign_is_never_malicious(
    anything: tuple[Engine, dict[str, dict[int, int]]],
) -> None:
    made, drawn = anything
    verdicts = made.enrich(list(drawn)).column("verdict").to_pylist()
    seen = set()
    for verdict, lists in zip(verdicts, drawn.values(), strict=True):
        categories = {SOURCES[number][0] for number in lists}
        if categories & set(room.RELIEF):
            assert verdict != "malicious"
        if not categories & set(HOSTILE):
            hidden = categories & set(room.HIDING)
            if not (hidden and categories & set(room.KNOWN)):
                assert verdict == ("anonymised" if hidden else "clean")
            assert verdict in ("anonymised", "clean")
        seen.add(verdict)
    assert seen == {
        "malicious",
        "suspicious",
        "anonymised",
        "watch",
        "clean",
    }  # the sample reaches all of them


@given(
    level=st.integers(1, 12),
    grade=st.sampled_from("ABCDEF"),
    age=st.integers(0, 2000),
    older=st.integers(0, 2000),
)
@settings(max_examples=25, deadline=None)
def test_more_observers_never_lower_the_score_and_age_never_raises_it(
    tmp_path_factory: pytest.TempPathFactory, level: int, grade: str, age: int, older: int
) -> None:
    folder = tmp_path_factory.mktemp("monotone")
    young = counted(folder / "a", [level, level + 1], grade, age)
    old = counted(folder / "b", [level, level + 1], grade, age + older)
    assert 0 <= old[0] <= young[0] <= young[1] <= 95
    assert old[0] <= old[1] <= young[1]


@pytest.fixture(scope="module")
def measures() -> ModuleType:
    path = Path(__file__).parents[1] / "bench" / "measures.py"
    spec = importlib.util.spec_from_file_location("measures", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@given(
    st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]), st.booleans()), min_size=2, max_size=40)
)
def test_auc_is_the_share_of_pairs_in_the_right_order(
    measures: ModuleType, pairs: list[tuple[float, bool]]
) -> None:
    wanted = [score for score, truth in pairs if truth]
    others = [score for score, truth in pairs if not truth]
    found = measures.auc([p[0] for p in pairs], [p[1] for p in pairs])
    if not wanted or not others:
        assert np.isnan(found)
    else:
        right = sum((a > b) + 0.5 * (a == b) for a in wanted for b in others)
        assert found == pytest.approx(right / len(wanted) / len(others))


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60))
def test_the_reliability_table_holds_every_forecast_once(
    measures: ModuleType, pairs: list[tuple[float, bool]]
) -> None:
    rows = measures.reliability([p[0] for p in pairs], [p[1] for p in pairs])
    assert sum(row[2] for row in rows) == len(pairs)
    assert sum(row[2] * row[4] for row in rows) == pytest.approx(sum(p[1] for p in pairs))
    near = 1e-9  # the mean of three times 0.7 is less than 0.7
    assert all(row[0] - near <= row[3] <= row[1] + near for row in rows)


def test_a_perfect_forecast_has_no_brier_score_and_a_blind_one_a_quarter(measures: ModuleType) -> None:
    assert measures.brier([0, 1, 1], [False, True, True]) == 0
    assert measures.brier([0.5, 0.5], [False, True]) == 0.25


def test_neighbours_are_in_one_half_and_the_halves_are_alike(measures: ModuleType) -> None:
    addresses = np.arange(0, 1 << 32, 1 << 12, dtype=np.uint64).astype(np.uint32)
    half = measures.half_of(addresses)
    assert (half.reshape(-1, 16) == half.reshape(-1, 16)[:, :1]).all()
    assert 0.49 < half.mean() < 0.51


def test_precision_and_recall_come_from_the_right_side_of_the_table(measures: ModuleType) -> None:
    table = measures.confusion(["a", "a", "a", "b"], ["a", "a", "b", "b"], ["a", "b"])
    assert table.tolist() == [[2, 1], [0, 1]]
    assert measures.precision_recall(table) == [(1.0, pytest.approx(2 / 3)), (0.5, 1.0)]


def test_a_datacenter_of_concern_is_as_sure_as_it_is_a_datacenter() -> None:
    """The lists of attackers say nothing of it, so that their coverage is no ground for its confidence."""
    import workbench as wb

    rows = {
        row["address"]: row for row in wb.triage(["119.28.0.93", "74.49.240.48"], {"HK"}).table.to_pylist()
    }
    assert rows["119.28.0.93"]["verdict"] == "watch"
    assert rows["119.28.0.93"]["confidence"] == pytest.approx(0.9, abs=0.05)  # a list graded B
    assert rows["74.49.240.48"]["confidence"] == pytest.approx(0, abs=1e-3)
