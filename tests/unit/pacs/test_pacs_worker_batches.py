"""Batches of a worker: the first object and the last one that is counted on are handed over at once."""

from __future__ import annotations

from typing import Any

import pytest

from pacs import worker_child
from pacs.port import Received
from pacs.worker_child import GROUP, QUICK_S, At, Batch, _Batcher


class Pipe:
    """A double of a pipe: keeps what was sent."""

    def __init__(self) -> None:
        self.sent: list[Any] = []

    def send(self, message: Any) -> None:
        self.sent.append(message)


@pytest.fixture(autouse=True)
def no_interval_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_child, "BATCH_INTERVAL_S", 1000.0)
    monkeypatch.setattr(worker_child.time, "monotonic", lambda: 5000.0)


def add(batcher: Any, count: int) -> None:
    for number in range(count):
        batcher.add(Received(f"{number}", "1", "1.1", f"1.1.{number}", "", ""))


def test_the_last_object_that_is_counted_on_is_handed_over_at_once() -> None:
    pipe = Pipe()
    add(_Batcher(pipe, 5, int), 5)  # type: ignore[arg-type]
    assert [batch.results for batch in pipe.sent] == [(0,), (1, 2, 3, 4)]


def test_where_the_number_is_not_known_the_rest_waits_for_the_end() -> None:
    pipe = Pipe()
    batcher = _Batcher(pipe, 0, int)  # type: ignore[arg-type]
    add(batcher, 5)
    assert [batch.results for batch in pipe.sent] == [(0,)]
    batcher.flush()
    assert pipe.sent[-1].results == (1, 2, 3, 4)


class Reader:
    """A double of `ingest` that takes a time and keeps what it read."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, took_s: float) -> None:
        self.read: list[str] = []
        self._now = 0.0
        self._took_s = took_s
        monkeypatch.setattr(worker_child.time, "perf_counter", lambda: self._now)

    def __call__(self, path: str) -> str:
        self.read.append(path)
        self._now += self._took_s
        return path


def test_quick_objects_are_read_in_groups_after_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = Reader(monkeypatch, QUICK_S / 2)
    batcher = _Batcher(Pipe(), 0, reader)  # type: ignore[arg-type]
    add(batcher, 1)
    assert len(reader.read) == 1
    add(batcher, GROUP - 1)
    assert len(reader.read) == 1
    add(batcher, 1)
    assert len(reader.read) == 1 + GROUP


def test_slow_objects_are_read_as_they_come(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = Reader(monkeypatch, QUICK_S * 2)
    batcher = _Batcher(Pipe(), 0, reader)  # type: ignore[arg-type]
    add(batcher, 5)
    assert len(reader.read) == 5


def test_what_waits_for_its_group_is_read_when_a_batch_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = Pipe()
    batcher = _Batcher(pipe, 0, Reader(monkeypatch, 0.0))  # type: ignore[arg-type]
    add(batcher, 3)
    monkeypatch.setattr(worker_child, "BATCH_INTERVAL_S", 0.0)
    batcher.flush_if_due()
    assert [batch.results for batch in pipe.sent] == [("0",), ("1", "2")]


def test_an_object_that_may_kill_is_named_and_read_before_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe, reader = Pipe(), Reader(monkeypatch, 0.0)
    add(_Batcher(pipe, 0, reader, named=True), 3)  # type: ignore[arg-type]
    named = [message.received.path for message in pipe.sent if isinstance(message, At)]
    assert named == reader.read == ["0", "1", "2"]
    assert isinstance(pipe.sent[1], Batch)
