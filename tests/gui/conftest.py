"""What tests of windows stand on: background work that must have ended, and a desk without hospitals."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.reading_bench import Bench, new_bench
from viewer.tasks import TaskRunner


@pytest.fixture
def runner(qapp: object) -> Iterator[TaskRunner]:
    """Its threads end with the test."""
    made = TaskRunner()
    yield made
    assert made.shutdown() == []


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """Its hospitals are doubles; its journal lies on the disk."""
    with new_bench(tmp_path, monkeypatch) as made:
        yield made
