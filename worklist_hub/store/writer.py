"""One writer: a thread that owns the writing connection, fed by a queue; each job's answer comes in a future."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

import sqlalchemy as sa

V = TypeVar("V")
Job = Callable[[sa.Connection], V]


_log = logging.getLogger("wl.hub.store")
_Entry = tuple[Job[Any], Future[Any], Callable[[Any], None] | None]


class WriterClosed(Exception):
    """The store is closed; nothing was written."""


class Writer:
    """Runs jobs one after the other, each in a transaction of its own."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._queue: queue.SimpleQueue[_Entry | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="store-writer", daemon=True)
        self._thread.start()

    def submit(self, job: Job[V], *, after_commit: Callable[[V], None] | None = None) -> Future[V]:
        """Queue a job; the future is done after the commit. An exception rolls back and arrives in the future.

        `after_commit` runs in the writer's thread, in the order of the commits, before the future is done.
        """
        future: Future[V] = Future()
        with self._lock:
            if self._closed:
                raise WriterClosed("the worklist is closed")
            self._queue.put((job, future, after_commit))
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
        while (entry := self._queue.get()) is not None:
            job, future, after_commit = entry
            if not future.set_running_or_notify_cancel():
                continue
            try:
                with self._engine.begin() as connection:
                    result = job(connection)
            except Exception as error:  # noqa: BLE001 - the border of the writer: the asker gets it
                future.set_exception(error)
                continue
            if after_commit is not None:
                _tell(after_commit, result)
            future.set_result(result)


def _tell(after_commit: Callable[[V], None], result: V) -> None:
    try:
        after_commit(result)
    except Exception:  # noqa: BLE001 - the border: what is committed stays, watchers search again
        _log.exception("telling of a change failed")
