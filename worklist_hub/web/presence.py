"""Who is there: open connections and the last request, so that an embedded hub knows when nobody needs it."""

from __future__ import annotations

import time
from collections.abc import Callable


class Presence:
    """Used from the event loop's thread only. An open event channel is a client; so is a request just answered."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._open = 0
        self._last = clock()

    def enter(self) -> None:
        """A request or a channel began."""
        self._open += 1

    def leave(self) -> None:
        """It ended, be it that its client was killed."""
        self._open -= 1
        self._last = self._clock()

    def idle_s(self) -> float:
        """How long nobody has been there; 0 while somebody is."""
        return 0.0 if self._open else self._clock() - self._last
