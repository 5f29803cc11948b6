"""A desk without hospitals or windows, on which the sessions of studies run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.reading_bench import Bench, new_bench


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """Its hospitals are doubles; its journal lies on the disk."""
    with new_bench(tmp_path, monkeypatch) as made:
        yield made
