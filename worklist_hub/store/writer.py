"""One writer: a thread that owns the writing connection, fed by a queue; each job's answer comes in a future."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

import sqlalchemy as sa

V = TypeVar("V")
TOGETHER = 64
"""So many jobs share a transaction, at most."""
Job = Callable[[sa.Connection], V]

_Entry = tuple[Job[Any], Future[Any]]


class WriterClosed(Exception):
    """The store is closed; nothing was written."""


class Writer:
    """Runs jobs one after the other. Those that wait at the same time share one transaction, and so one wait for the
    disk: each within a savepoint of its own, so that one that fails takes only itself back; each answered after the
    commit."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._queue: queue.SimpleQueue[_Entry | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="store-writer", daemon=True)
        self._thread.start()

    def submit(self, job: Job[V]) -> Future[V]:
        """Queue a job; the future is done after the commit, in the order of the queue. An exception rolls back and
        arrives in the future."""
        future: Future[V] = Future()
        with self._lock:
            if self._closed:
                raise WriterClosed("the worklist is closed")
            self._queue.put((job, future))
        return future

    def do(self, job: Job[V]) -> V:
        """Run a job and wait for its commit."""
        return self.submit(job).result()

    def close(self) -> None:
        """Finish what is queued, then stop."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._queue.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (first := self._queue.get()) is not None:
            entries: list[_Entry] = [first]
            is_over = False
            while len(entries) < TOGETHER and not is_over and not self._queue.empty():
                entry = self._queue.get()
                is_over = entry is None
                entries += [entry] if entry is not None else []
            running = [one for one in entries if one[1].set_running_or_notify_cancel()]
            if len(running) == 1:
                self._alone(running[0])
            elif running:
                self._together(running)
            if is_over:
                return

    def _alone(self, entry: _Entry) -> None:
        job, future = entry
        try:
            with self._engine.begin() as connection:
                result = job(connection)
        except Exception as error:  # noqa: BLE001 - the border of the writer: the asker gets it
            future.set_exception(error)
            return
        future.set_result(result)

    def _together(self, entries: Sequence[_Entry]) -> None:
        made: list[tuple[_Entry, Any]] = []
        failed: list[tuple[_Entry, Exception]] = []
        try:
            with self._engine.begin() as connection:
                for entry in entries:
                    _attempt(connection, entry, made, failed)
        except Exception:  # noqa: BLE001 - the border of the writer: nothing of it stands, and each is told by its own
            for entry in entries:
                self._alone(entry)
            return
        for (_, future), error in failed:
            future.set_exception(error)
        for (_, future), result in made:
            future.set_result(result)


def _attempt(
    connection: sa.Connection,
    entry: _Entry,
    made: list[tuple[_Entry, Any]],
    failed: list[tuple[_Entry, Exception]],
) -> None:
    """One job within the common transaction. Raises where the transaction itself is lost."""
    connection.exec_driver_sql("SAVEPOINT job")
    try:
        made.append((entry, entry[0](connection)))
    except Exception as error:  # noqa: BLE001 - the border of the writer: the asker gets it
        connection.exec_driver_sql("ROLLBACK TO job")
        failed.append((entry, error))
    connection.exec_driver_sql("RELEASE job")
