"""Brings what SQLite has in its write-ahead log into the file itself, beside the writer instead of in its way.

Left to itself SQLite does that within the commit that makes the log too long, and whoever asked for that commit, and
all who wait behind it, wait for the disk to take thousands of pages. A passive checkpoint takes no lock that a writer
needs.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from pathlib import Path
from typing import Final

import sqlalchemy as sa

PAUSE_S = 0.5
MOST_PAGES: Final = 16_384
"""64 MiB: a log that grows beyond, because somebody reads without end, is brought in by the writer after all."""
_log = logging.getLogger("wl.hub.store")


class Checkpoints:
    """A thread of its own, which sleeps while nothing is written."""

    def __init__(self, path: Path, writing: sa.Engine) -> None:
        self._path = path
        self._written, self._stop = threading.Event(), threading.Event()
        self.done = 0
        """How many were made."""
        sa.event.listen(writing, "commit", self._note)
        self._thread = threading.Thread(target=self._work, name="store-checkpoints", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End; what is left the last connection brings in."""
        self._stop.set()
        self._written.set()
        self._thread.join()

    def _note(self, _connection: sa.Connection) -> None:
        self._written.set()

    def _work(self) -> None:
        connection: sqlite3.Connection | None = None
        while self._written.wait() and not self._stop.wait(PAUSE_S):
            self._written.clear()
            try:
                if connection is None:
                    connection = sqlite3.connect(self._path, isolation_level=None, timeout=0.0)
                    connection.execute("PRAGMA fullfsync=1").close()
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
                self.done += 1
            except sqlite3.Error as error:  # the writer's own comes when the log is long
                _log.warning("checkpoint failed: error=%s", type(error).__name__)
        if connection is not None:
            connection.close()
