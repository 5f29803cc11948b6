"""The write-ahead log is brought in beside the writer, not by a commit that somebody waits for."""

from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path

import pytest

from tests.peers.hub import study_to_read
from worklist_hub.store import checkpoints
from worklist_hub.store.sqlite import SqliteDatabase
from worklist_hub.store.workitems import WorkitemStore

PATIENCE_S = 10.0


def sqlite_of(store: WorkitemStore) -> SqliteDatabase:
    assert isinstance(store.database, SqliteDatabase)
    return store.database


def log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def until(condition: object, tick: threading.Event) -> None:
    end = time.monotonic() + PATIENCE_S
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end
        tick.wait(0.01)


def test_what_was_written_comes_into_the_file_while_the_hub_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "PAUSE_S", 0.01)
    path, tick = tmp_path / "worklist.sqlite", threading.Event()
    store = WorkitemStore(path)
    try:
        made = study_to_read()
        assert store.create_if_absent(made)

        def is_in_the_file() -> bool:
            """Asked of a copy without its log."""
            copy = tmp_path / "copy.sqlite"
            copy.write_bytes(path.read_bytes())
            connection = sqlite3.connect(copy)
            try:
                return bool(connection.execute("SELECT 1 FROM workitems WHERE uid = ?", (made.uid,)).fetchall())
            except sqlite3.Error:
                return False
            finally:
                connection.close()

        until(is_in_the_file, tick)
        done = sqlite_of(store).checkpoints.done
        tick.wait(0.1)
        assert sqlite_of(store).checkpoints.done <= done + 1, "it sleeps while nothing is written"
    finally:
        store.close()
    assert not log_of(path).exists(), "the last one to leave brings everything in"


def test_a_long_reader_holds_up_neither_the_writer_nor_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "PAUSE_S", 0.01)
    path, tick = tmp_path / "worklist.sqlite", threading.Event()
    store = WorkitemStore(path)
    reader = sqlite3.connect(path, isolation_level=None)
    try:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM workitems").fetchall()
        for _ in range(5):
            assert store.create_if_absent(study_to_read())
        until(lambda: sqlite_of(store).checkpoints.done, tick)
        assert store.create_if_absent(study_to_read())
    finally:
        reader.close()
        store.close()
