"""How much one caller may ask for: token buckets, forgotten once they are full again."""

from __future__ import annotations

import threading
from collections.abc import Callable

MOST_KEYS = 10_000


class Buckets:
    """One bucket a key. Any thread may call."""

    def __init__(self, per_s: float, burst: float, clock: Callable[[], float]) -> None:
        self._per_s, self._burst, self._clock = per_s, burst, clock
        self._lock = threading.Lock()
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, key: str) -> float:
        """Take one; the seconds to wait before another try, 0 where it was there."""
        with self._lock:
            now = self._clock()
            left = self._now_in(key, now)
            if left < 1:
                return (1 - left) / self._per_s
            if len(self._left) >= MOST_KEYS:
                self._forget(now)
            self._left[key] = (left - 1, now)
            return 0.0

    def give_back(self, key: str) -> None:
        """What was taken ahead and not used."""
        with self._lock:
            now = self._clock()
            if key in self._left:
                self._left[key] = (min(self._burst, self._now_in(key, now) + 1), now)

    def has_room(self, key: str) -> bool:
        """Whether one could be taken."""
        with self._lock:
            return self._now_in(key, self._clock()) >= 1

    def _now_in(self, key: str, now: float) -> float:
        left, at = self._left.get(key, (self._burst, now))
        return min(self._burst, left + (now - at) * self._per_s)

    def _forget(self, now: float) -> None:
        full = [key for key in self._left if self._now_in(key, now) >= self._burst]
        for key in full or list(self._left)[: MOST_KEYS // 2]:
            del self._left[key]
