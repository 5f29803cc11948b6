"""Cancellation without exceptions that somebody might swallow. Standard library only."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Cancelled(BaseException):
    """Raised by `CancelToken.check`; a BaseException, so that no `except Exception` swallows it."""


class CancelToken:
    """Set once from any thread; work asks `cancelled()` or calls `check()`; `on_cancel` aborts blocking I/O."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[], None]] = []

    def cancel(self) -> None:
        """Cancel; callbacks run once, in the calling thread."""
        with self._lock:
            if self._event.is_set():
                return
            self._event.set()
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()

    def cancelled(self) -> bool:
        """Whether cancel was called."""
        return self._event.is_set()

    def check(self) -> None:
        """Raise `Cancelled` where cancel was called."""
        if self._event.is_set():
            raise Cancelled

    def wait(self, timeout_s: float) -> bool:
        """Wait until cancelled or the time is over; whether cancelled."""
        return self._event.wait(timeout_s)

    def on_cancel(self, callback: Callable[[], None]) -> None:
        """Call `callback` when cancelled, at once where that has happened already."""
        with self._lock:
            if not self._event.is_set():
                self._callbacks.append(callback)
                return
        callback()
