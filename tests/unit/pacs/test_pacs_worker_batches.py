"""Batches of a worker: the first object and the last one that is counted on are handed over at once."""

from __future__ import annotations

from typing import Any

import pytest

from pacs import worker_child
from pacs.port import Received
from pacs.worker_child import Batch, _Batcher


class Pipe:
    """A double of a pipe: keeps what was sent."""

    def __init__(self) -> None:
        self.sent: list[Batch] = []

    def send(self, message: Batch) -> None:
        self.sent.append(message)


@pytest.fixture(autouse=True)
def no_interval_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_child, "BATCH_INTERVAL_S", 1000.0)
    monkeypatch.setattr(worker_child.time, "monotonic", lambda: 5000.0)


def add(batcher: Any, count: int) -> None:
    for number in range(count):
        batcher.add(Received(f"{number}.dcm", "1", "1.1", f"1.1.{number}", "", ""), number)


def test_the_last_object_that_is_counted_on_is_handed_over_at_once() -> None:
    pipe = Pipe()
    add(_Batcher(pipe, 5), 5)  # type: ignore[arg-type]
    assert [batch.results for batch in pipe.sent] == [(0,), (1, 2, 3, 4)]


def test_where_the_number_is_not_known_the_rest_waits_for_the_end() -> None:
    pipe = Pipe()
    batcher = _Batcher(pipe)  # type: ignore[arg-type]
    add(batcher, 5)
    assert [batch.results for batch in pipe.sent] == [(0,)]
    batcher.flush()
    assert pipe.sent[-1].results == (1, 2, 3, 4)
