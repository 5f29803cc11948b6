"""A desk without hospitals or windows, on which the sessions of studies run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.reading_bench import Bench
from worklist_client.commands import case_images


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """Its hospitals are doubles; its journal lies on the disk."""
    made = Bench(tmp_path)
    monkeypatch.setattr(case_images, "open_pacs", lambda connection, **_: made.peers[connection.connection_id])
    yield made
    made.journal.close()
