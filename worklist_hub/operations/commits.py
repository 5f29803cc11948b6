"""Whether commits end: a small write now and then, for a database may answer every question and still finish nothing (a
synchronous standby that is gone, a disk that is full)."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

import sqlalchemy as sa

from worklist_hub.store.database import Database, StoreUnavailable

PROVE_EVERY_S: Final = 5.0
WITHIN_S: Final = 5.0
"""A commit that takes longer does not end, as far as a reader is concerned."""
GIVEN_UP_AFTER_S: Final = 5.0
GIVE_UP_EVERY_S: Final = 1.0
_log = logging.getLogger("wl.hub.store")


class Commits:
    """Tries, from a thread of its own; the last try is asked for, never waited for."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database, self._clock = database, clock
        self._lock = threading.Lock()
        self._begun: float | None = None
        self._failed = self._is_limited = False
        self._stop = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name="commits", daemon=True)

    def start(self) -> None:
        """Try from now on."""
        self._thread.start()

    def problem(self) -> str:
        """Why nothing can be written now, "" where it can."""
        with self._lock:
            waited_s = self._clock() - self._begun if self._begun is not None else 0.0
            if waited_s >= WITHIN_S:
                return f"a commit has not ended for {waited_s:.0f} s"
            return "cannot be written" if self._failed else ""

    def limit_ending(self, after_s: float = GIVEN_UP_AFTER_S) -> None:
        """The process ends: what still waits for a commit so long from now waits no longer, nor what waits later on."""
        with self._lock:
            is_limited, self._is_limited = self._is_limited, True
        self._stop.set()
        if not is_limited:
            threading.Thread(target=self._give_up, args=(after_s,), name="commits-given-up", daemon=True).start()

    def end(self) -> None:
        """The database is closed."""
        self._stop.set()
        self._ended.set()

    def _give_up(self, pause_s: float) -> None:
        while not self._ended.wait(pause_s):
            self._database.give_up()
            pause_s = GIVE_UP_EVERY_S

    def _work(self) -> None:
        while not self._stop.wait(PROVE_EVERY_S):
            with self._lock:
                self._begun = self._clock()
            failed = False
            try:
                self._database.prove()
            except (StoreUnavailable, sa.exc.SQLAlchemyError) as error:
                failed = True
                if not self._stop.is_set():
                    _log.error("a commit failed: error=%s", type(error).__name__)
            except Exception:  # noqa: BLE001 - the border of a loop that must go on
                failed = True
                _log.exception("trying a commit failed")
            with self._lock:
                self._begun, self._failed = None, failed
