"""Since when this hub could have heard every sign of life: silence in which nobody could be heard proves nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

GAP: Final = timedelta(seconds=30)
"""The pause between two signs of life of a desk. Whoever was deaf for longer has missed one of everybody."""


class Hearing:
    """Told the server's time every few seconds; notices when it was not told, and when that time jumped."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._since: datetime | None = None
        self._last: tuple[datetime, float] | None = None

    def tick(self, now: datetime) -> datetime:
        """The moment from which silence counts: that of the first tick after a start, an outage of the database, a
        suspended machine or a clock that was set."""
        moment = self._monotonic()
        if self._since is None or self._last is None or self._was_deaf(now, moment):
            self._since = now
        self._last = now, moment
        return self._since

    def _was_deaf(self, now: datetime, moment: float) -> bool:
        assert self._last is not None
        told, passed = now - self._last[0], timedelta(seconds=moment - self._last[1])
        return passed > GAP or abs(told - passed) > GAP
