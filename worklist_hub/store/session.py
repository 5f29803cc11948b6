"""Two connections beside the pools of PostgreSQL: one listens for changes, one tells of them and holds the leases.

A NOTIFY inside the transaction of a change would take a lock that makes all commits wait for each other; so it goes out
afterwards, one for many changes. A lost one costs a moment only: who waits looks every two seconds anyway.

A lease is an advisory lock of the session. The server ends a session that says nothing for `SILENT_S`, so that the lock
of a process that hangs, or whose line is cut, becomes free; the holder itself stops believing in it well before.
"""

from __future__ import annotations

import logging
import threading
import time
import zlib
from collections.abc import Callable
from typing import Any, Final

import psycopg

CHANNEL: Final = "worklist"
BEAT_S = 4.0
SILENT_S = 16
BELIEVED_S = 10.0
"""How old the last word from the server may be for a lease to count as held."""
RECONNECT_S = 1.0
REST_S = 0.02
"""Between two notifications: changes that come quickly are told together."""
_LOCKS = 0x574C4853
_log = logging.getLogger("wl.hub.store")

Connect = Callable[[], "psycopg.Connection[Any]"]


class _Lease:
    """See `store.database.Held`."""

    def __init__(self, session: Session, name: str) -> None:
        self._session, self._name = session, name

    def is_held(self) -> bool:
        """See `Held`."""
        return self._session.is_held(self._name)

    def release(self) -> None:
        """See `Held`."""
        self._session.release(self._name)


class Session:
    """Tells of changes, and holds leases; a thread of its own."""

    def __init__(self, connect: Connect, clock: Callable[[], float] = time.monotonic) -> None:
        self._connect, self._clock = connect, clock
        self._lock = threading.Lock()
        self._wanted: set[str] = set()
        self._held: set[str] = set()
        self._confirmed_at = 0.0
        self._changed = False
        self._closed = False
        self._work_to_do = threading.Event()
        self._pause = threading.Event()
        self._thread = threading.Thread(target=self._work, name="store-session", daemon=True)
        self._thread.start()

    def tell(self) -> None:
        """NOTIFY soon; several calls may become one."""
        self._changed = True
        self._work_to_do.set()

    def lease(self, name: str) -> _Lease:
        """Ask for it from now on."""
        with self._lock:
            self._wanted.add(name)
        self._work_to_do.set()
        return _Lease(self, name)

    def is_held(self, name: str) -> bool:
        """Whether the server said so a short while ago."""
        with self._lock:
            return name in self._held and self._clock() - self._confirmed_at < BELIEVED_S

    def release(self, name: str) -> None:
        """Ask no more, and let it go."""
        with self._lock:
            self._wanted.discard(name)
        self._work_to_do.set()

    def close(self) -> None:
        """Let everything go and end."""
        self._closed = True
        self._pause.set()
        self._work_to_do.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._closed:
            try:
                with self._connect() as connection:
                    connection.execute(f"SET idle_session_timeout = '{SILENT_S}s'".encode())
                    self._serve(connection)
            except psycopg.Error as error:
                _log.warning("session lost: error=%s", type(error).__name__)
            with self._lock:
                self._held.clear()
            if not self._closed:
                self._work_to_do.wait(RECONNECT_S)

    def _serve(self, connection: psycopg.Connection[Any]) -> None:
        next_beat = self._clock()
        while True:
            self._work_to_do.wait(max(next_beat - self._clock(), 0.0))
            self._work_to_do.clear()
            if self._changed or self._closed:
                self._changed = False
                connection.execute(f"NOTIFY {CHANNEL}".encode())
                self._pause.wait(REST_S)
            if self._closed:
                return
            if self._clock() >= next_beat or self._wanted != self._held:
                self._beat(connection)
                next_beat = self._clock() + BEAT_S

    def _beat(self, connection: psycopg.Connection[Any]) -> None:
        asked_at = self._clock()
        with self._lock:
            missing, surplus = self._wanted - self._held, self._held - self._wanted
            self._held -= surplus
        for name in surplus:
            connection.execute("SELECT pg_advisory_unlock(%s, %s)", (_LOCKS, _number(name)))
        connection.execute("SELECT 1")
        for name in sorted(missing):
            found = connection.execute("SELECT pg_try_advisory_lock(%s, %s)", (_LOCKS, _number(name))).fetchone()
            if found and found[0]:
                with self._lock:
                    self._held.add(name)
        with self._lock:
            self._confirmed_at = asked_at


class Listener:
    """Sets `told` whenever another process tells of a change; a thread of its own."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self.told = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="store-listener", daemon=True)
        self._pause = threading.Event()
        self._thread.start()

    def stop(self) -> None:
        """Listen no more; the last NOTIFY of the session, or a second, ends the wait."""
        self._closed = True
        self._pause.set()
        self.told.set()

    def join(self) -> None:
        """Wait for its end."""
        self._thread.join()

    def _work(self) -> None:
        while not self._closed:
            try:
                with self._connect() as connection:
                    connection.execute(f"LISTEN {CHANNEL}".encode())
                    self.told.set()  # whatever was told while nobody listened
                    while not self._closed:
                        for _ in connection.notifies(timeout=1.0, stop_after=1):
                            self.told.set()
            except psycopg.Error as error:
                _log.warning("listening lost: error=%s", type(error).__name__)
                self._pause.wait(RECONNECT_S)


def _number(name: str) -> int:
    """A name as the signed 32 bits that an advisory lock takes."""
    found = zlib.crc32(name.encode())
    return found - (1 << 32) if found >= 1 << 31 else found
