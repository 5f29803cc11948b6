"""The moments by which changes sort and silence is measured: never back, never twice, whatever the clock is set to."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

ONE_TICK: Final = timedelta(microseconds=1)
STEP_BACK: Final = timedelta(seconds=2)
CATCHING_UP: Final = 0.9
"""How fast our moments go on after a clock was set back, until it has caught up with them."""


class OneWay:
    """Any thread may ask."""

    def __init__(self, newest: datetime, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._last, self._at = newest, monotonic()

    def after(self, moment: datetime) -> datetime:
        """This moment of the clock, or, where it was set back, one that is nearly as much later than the last as time
        has passed: a claim whose holder is silent must not stay fresh until the clock has caught up."""
        with self._lock:
            before, self._at = self._at, self._monotonic()
            if self._last - moment > STEP_BACK:
                moment = self._last + timedelta(seconds=(self._at - before) * CATCHING_UP)
            self._last = max(moment, self._last + ONE_TICK)
            return self._last
