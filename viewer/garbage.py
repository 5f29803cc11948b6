"""Cyclic garbage is collected on the main thread only, while background threads run.

Python collects in whichever thread happens to make an object. A cycle that holds a Qt object (an object and its timer,
a dialog and the closures of its buttons) would then be taken apart in a worker: its C++ side goes there, while the main
thread delivers a timer or an event to it, and that ends the process. Parents do not help: what has one may lie in a
cycle together with something that has none (a dialog, a window, a drawing context).
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

OLDEST_S = 10.0
"""Between two looks at all that lives long, at least."""
GROWN = 1.25
"""It is gone through when it has grown by a quarter, as Python itself has it: otherwise little would be found."""


class _Holders:
    """How many want the automatic collection off. Counted on the main thread only."""

    count = 0
    was_on = True


def hold() -> None:
    """No thread collects by itself any more, until `release` was called as often. On the main thread."""
    if _Holders.count == 0:
        _Holders.was_on = gc.isenabled()
        gc.disable()
    _Holders.count += 1


def release() -> None:
    """The other half of `hold`."""
    _Holders.count -= 1
    if _Holders.count == 0 and _Holders.was_on:
        gc.enable()


@contextmanager
def held() -> Iterator[None]:
    """`hold` and `release` around a piece of work."""
    hold()
    try:
        yield
    finally:
        release()


class Collector:
    """Decides as Python's own does, by its thresholds, when `collect_due` is called now and then on the main thread."""

    def __init__(self) -> None:
        self._looked_s = monotonic()
        self._lived = 0

    def collect_due(self) -> int:
        """Collect the generation whose time has come; which one, -1 for none."""
        assert threading.current_thread() is threading.main_thread()
        young, middle, old = (count > limit for count, limit in zip(gc.get_count(), gc.get_threshold(), strict=True))
        generation = 2 if old and self._has_grown() else 1 if middle else 0 if young else -1
        if generation >= 0:
            gc.collect(generation)
        if generation == 2:
            self._lived = len(gc.get_objects(generation=2))
        return generation

    def _has_grown(self) -> bool:
        now_s = monotonic()
        if now_s - self._looked_s < OLDEST_S:
            return False
        self._looked_s = now_s
        return len(gc.get_objects(generation=2)) > self._lived * GROWN
