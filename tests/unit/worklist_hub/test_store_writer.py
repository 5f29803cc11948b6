"""The one writer of a SQLite file: who waits together shares a commit, and nobody pays for another's failure."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest
import sqlalchemy as sa

from worklist_hub.store.sqlite import open_engines
from worklist_hub.store.writer import Writer, WriterClosed

PATIENCE_S = 10.0
NOTE = sa.text("INSERT INTO notes VALUES (:text)")


class Bench:
    """A writer that is kept busy until `go`, so that what is submitted meanwhile waits together."""

    def __init__(self, path: Path) -> None:
        self.engine, self.reading = open_engines(path)
        with self.engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE notes (text TEXT PRIMARY KEY)")
        self.commits = 0
        sa.event.listen(self.engine, "commit", self._count)
        self.writer = Writer(self.engine)
        self._gate, self._at_gate = threading.Event(), threading.Event()
        self._busy = self.writer.submit(self._hold_up)
        assert self._at_gate.wait(PATIENCE_S)

    def note(self, text: str) -> Future[int]:
        """One row."""
        return self.writer.submit(lambda connection: connection.execute(NOTE, {"text": text}).rowcount)

    def go(self) -> None:
        """Let it work on what waits."""
        self._gate.set()
        assert self._busy.result(PATIENCE_S)

    def texts(self) -> list[str]:
        """What is durable."""
        with self.reading.connect() as connection:
            return sorted(connection.execute(sa.text("SELECT text FROM notes")).scalars())

    def close(self) -> None:
        self._gate.set()
        self.writer.close()
        self.engine.dispose()
        self.reading.dispose()

    def _hold_up(self, _connection: sa.Connection) -> bool:
        self._at_gate.set()
        return self._gate.wait(PATIENCE_S)

    def _count(self, _connection: sa.Connection) -> None:
        self.commits += 1


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path / "worklist.sqlite")
    yield made
    made.close()


def test_jobs_that_wait_together_share_a_commit_and_are_each_answered(bench: Bench) -> None:
    asked = [bench.note(str(number)) for number in range(9)]
    bench.go()
    assert [one.result(PATIENCE_S) for one in asked] == [1] * 9
    assert bench.commits == 2, "one of what kept it busy, one of all the rest"
    assert bench.texts() == [str(number) for number in range(9)]


def test_no_job_is_answered_before_the_common_commit(bench: Bench) -> None:
    seen: list[list[str]] = []
    asked = bench.note("first")
    asked.add_done_callback(lambda _future: seen.append(bench.texts()))
    last = bench.note("last")
    bench.go()
    last.result(PATIENCE_S)
    assert seen == [["first", "last"]]


def test_a_job_that_fails_takes_only_itself_back(bench: Bench) -> None:
    def half(connection: sa.Connection) -> None:
        connection.execute(NOTE, {"text": "half"})
        raise ValueError("in the middle")

    before, failing, after = bench.note("before"), bench.writer.submit(half), bench.note("after")
    twice = bench.note("before")
    bench.go()
    assert (before.result(PATIENCE_S), after.result(PATIENCE_S)) == (1, 1)
    with pytest.raises(ValueError, match="in the middle"):
        failing.result(PATIENCE_S)
    with pytest.raises(sa.exc.IntegrityError):
        twice.result(PATIENCE_S)
    assert bench.texts() == ["after", "before"]


def test_where_the_common_transaction_is_lost_each_job_is_done_by_its_own(bench: Bench) -> None:
    """As SQLite itself does where the disk is full: it takes everything back, savepoints included."""
    times = 0

    def losing(connection: sa.Connection) -> int:
        nonlocal times
        times += 1
        if times == 1:
            connection.exec_driver_sql("ROLLBACK")
            raise RuntimeError("lost")
        return connection.execute(NOTE, {"text": "losing"}).rowcount

    before, lost, after = bench.note("before"), bench.writer.submit(losing), bench.note("after")
    bench.go()
    assert [one.result(PATIENCE_S) for one in (before, lost, after)] == [1, 1, 1]
    assert bench.texts() == ["after", "before", "losing"]


def test_what_was_given_up_before_its_turn_is_not_done(bench: Bench) -> None:
    kept, given_up = bench.note("kept"), bench.note("given up")
    assert given_up.cancel()
    bench.go()
    assert kept.result(PATIENCE_S) == 1
    assert bench.texts() == ["kept"]


def test_closing_finishes_what_waits_and_takes_nothing_more(bench: Bench) -> None:
    asked = [bench.note(str(number)) for number in range(70)]
    bench.go()
    bench.writer.close()
    assert [one.done() for one in asked] == [True] * 70
    assert len(bench.texts()) == 70
    with pytest.raises(WriterClosed):
        bench.note("late")
