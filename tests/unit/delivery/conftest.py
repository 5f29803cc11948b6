"""A region with a journal on disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.delivery.doubles import Region
from worklist_client.journal import Journal


@pytest.fixture
def region(tmp_path: Path) -> Iterator[Region]:
    """No hospitals yet."""
    with Journal.open(tmp_path / "journal.sqlite") as journal:
        yield Region(journal)
