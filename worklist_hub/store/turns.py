"""So many at a time, in the order in which they came.

A pool gives a connection to whoever asks at the right moment: of fifty that ask again and again, one may wait for
seconds. Here nobody is passed by.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """Any thread may ask."""

    def __init__(self, count: int) -> None:
        self._lock = threading.Lock()
        self._free = count
        self._waiting: deque[threading.Event] = deque()

    @contextmanager
    def turn(self, timeout_s: float) -> Iterator[None]:
        """One's turn, for as long as the block runs. Raises `TimeoutError`."""
        self._take(timeout_s)
        try:
            yield
        finally:
            self._give()

    def _take(self, timeout_s: float) -> None:
        with self._lock:
            if self._free:
                self._free -= 1
                return
            mine = threading.Event()
            self._waiting.append(mine)
        if mine.wait(timeout_s):
            return
        with self._lock:
            if mine.is_set():
                return  # given in the last moment
            self._waiting.remove(mine)
        raise TimeoutError("all turns are taken")

    def _give(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._free += 1
