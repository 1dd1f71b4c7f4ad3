"""Hostile input: all that a fuzzer began from or found, and mutations of it, a bounded number a run."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SEEDS = Path(__file__).with_name("seeds")


def _targets() -> dict[str, Any]:
    spec = importlib.util.spec_from_file_location("fuzz_targets", Path(__file__).with_name("targets.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["fuzz_targets"] = module
    spec.loader.exec_module(module)
    return module.TARGETS  # type: ignore[no-any-return]


TARGETS = _targets()
_SEEDS = [(folder.name, file) for folder in sorted(SEEDS.iterdir()) for file in sorted(folder.iterdir())]


@pytest.mark.parametrize(("target", "seed"), _SEEDS, ids=lambda value: getattr(value, "name", value))
def test_a_seed_does_no_harm(target: str, seed: Path) -> None:
    TARGETS[target](seed.read_bytes())


@st.composite
def mutated(draw: st.DrawFn, seeds: list[bytes]) -> bytes:
    """A seed with a few places cut out, doubled, or written over."""
    data = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        length = draw(st.integers(0, 16))
        kind = draw(st.sampled_from(("cut", "double", "write")))
        if kind == "cut":
            del data[at : at + length]
        elif kind == "double":
            data[at:at] = data[at : at + length] * draw(st.integers(1, 40))
        else:
            data[at : at + length] = draw(st.binary(max_size=8) | st.sampled_from(_WORDS))
    return bytes(data)


_WORDS = [b"\x00", b"\n", b'"', b"'", b"\\", b"[", b"{", b"%", b"\xff\xfe", b"-1", b"1e999", b"99999999999999999999", b"null",
          b"::", b"/0", b"/129", b"\xed\xa0\x80", "\u2028".encode(), b"2026-13-45", b"9999-12-31T23:59:60Z"]  # fmt: skip


@pytest.mark.parametrize("target", sorted({name for name, _ in _SEEDS}))
def test_a_damaged_seed_does_no_harm(target: str) -> None:
    seeds = [file.read_bytes() for name, file in _SEEDS if name == target]

    @settings(max_examples=40, suppress_health_check=list(HealthCheck), database=None)
    @given(mutated(seeds))
    def damaged(data: bytes) -> None:
        TARGETS[target](data)

    damaged()
