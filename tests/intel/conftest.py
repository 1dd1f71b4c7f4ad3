from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workbench.intel.source import Category, Layer, Reliability, Source

SHARED = Path(__file__).parents[2].parent / "shared" / "data"


@pytest.fixture
def source() -> Callable[..., Source]:
    """A catalogue entry for a test: ``source("lists", category=Category.TOR, levels=True)``."""

    def make(parser: str, *layers: Layer, category: Category | None = None, **options: Any) -> Source:
        return Source(
            id=f"test-{parser}",
            title="Test",
            parser=parser,
            layers=layers or (Layer.MEMBERSHIP,),
            reliability=Reliability.B,
            licence="CC0-1.0",
            attribution="",
            category=category,
            options=options,
        )

    return make


@pytest.fixture
def shared() -> Path:
    if not SHARED.is_dir():
        pytest.skip("the shared test data (../shared/data) is not on this machine")
    return SHARED
