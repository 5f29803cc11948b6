"""The door of the viewer: `viewer.api.Feed` from any thread, taken in at most ten times a second on the main one."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QWidget
from shiboken6 import isValid

from viewer.records import InstanceHeader
from viewer.tasks import TaskRunner

INTERVAL_S = 0.1
"""Ten batches a second: refreshing at every image slows loading itself (Weasis #719)."""


@dataclass(frozen=True, slots=True)
class Expected:
    """`Feed.expect`."""

    study_instance_uid: str
    series_instance_uid: str
    count: int


@dataclass(frozen=True, slots=True)
class Arrived:
    """`Feed.arrived`."""

    headers: tuple[InstanceHeader, ...]


@dataclass(frozen=True, slots=True)
class Missing:
    """`Feed.missing`."""

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    reason: str


@dataclass(frozen=True, slots=True)
class Completed:
    """`Feed.complete`."""

    study_instance_uid: str
    series_instance_uid: str


Fed = Expected | Arrived | Missing | Completed


class FeedInbox(QWidget):
    """A widget that implements `viewer.api.Feed`; emits `fed` with a tuple of records, on the main thread.

    The first batch after a quiet moment passes at once; so do the first images of a series, and the news that a series
    is complete: nobody waits for those.
    """

    fed = Signal(object)

    def __init__(self, runner: TaskRunner, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._runner = runner
        self._inbox_lock = threading.Lock()
        self._waiting: list[Fed] = []
        self._announced = self._urgent = False
        self._seen: set[tuple[str, str]] = set()
        """(study, series) of which images were taken in."""
        self._closed = False
        self._last_taken_s = -1.0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._take)

    def expect(self, study_instance_uid: str, series_instance_uid: str, count: int) -> None:
        """See `viewer.api.Feed`."""
        self._put(Expected(study_instance_uid, series_instance_uid, count))

    def arrived(self, headers: Sequence[InstanceHeader]) -> None:
        """See `viewer.api.Feed`."""
        self._put(Arrived(tuple(headers)))

    def missing(self, study_instance_uid: str, series_instance_uid: str, sop_instance_uid: str, reason: str) -> None:
        """See `viewer.api.Feed`."""
        self._put(Missing(study_instance_uid, series_instance_uid, sop_instance_uid, reason))

    def complete(self, study_instance_uid: str, series_instance_uid: str) -> None:
        """See `viewer.api.Feed`."""
        self._put(Completed(study_instance_uid, series_instance_uid))

    def discard(self, study_instance_uid: str) -> None:
        """Throw away what waits for one study, which is being removed."""
        with self._inbox_lock:
            self._seen = {key for key in self._seen if key[0] != study_instance_uid}
            self._waiting = [kept for item in self._waiting if (kept := _without(item, study_instance_uid)) is not None]

    def stop_feeding(self) -> None:
        """Take nothing more in."""
        with self._inbox_lock:
            self._closed = True
            self._waiting = []
        self._timer.stop()

    def _put(self, item: Fed) -> None:
        with self._inbox_lock:
            if self._closed:
                return
            self._waiting.append(item)
            urgent = not self._urgent and self._is_urgent(item)
            if self._announced and not urgent:
                return
            self._announced = True
            self._urgent = self._urgent or urgent
        self._runner.post(self._announce)

    def _is_urgent(self, item: Fed) -> bool:
        """With the lock held."""
        if not isinstance(item, Arrived):
            return isinstance(item, Completed)
        keys = {(header.study_instance_uid, header.series_instance_uid) for header in item.headers}
        is_new = not keys <= self._seen
        self._seen |= keys
        return is_new

    def _announce(self) -> None:
        """On the main thread: take in now, or when the interval is over; nothing once the widget may be gone."""
        if self._closed or not isValid(self):
            return
        left_s = self._last_taken_s + INTERVAL_S - time.monotonic()
        if left_s <= 0 or self._urgent:
            self._take()
        elif not self._timer.isActive():
            self._timer.start(int(left_s * 1000) + 1)

    def _take(self) -> None:
        with self._inbox_lock:
            items, self._waiting = tuple(self._waiting), []
            self._announced = self._urgent = False
        self._timer.stop()
        self._last_taken_s = time.monotonic()
        if items and not self._closed:
            self.fed.emit(items)


def _without(item: Fed, study_instance_uid: str) -> Fed | None:
    """The record without anything of one study, None when nothing is left."""
    if isinstance(item, Arrived):
        left = tuple(header for header in item.headers if header.study_instance_uid != study_instance_uid)
        return Arrived(left) if left else None
    return None if item.study_instance_uid == study_instance_uid else item
