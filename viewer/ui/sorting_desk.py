"""Sorts series into image sets while they arrive: small ones at once, large ones in the background, never a stall."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from PySide6.QtCore import QObject

from viewer.cancel import CancelToken
from viewer.dicom.sorting import image_sets
from viewer.records import InstanceHeader
from viewer.state.image_set import ImageSet
from viewer.tasks import TaskRunner
from viewer.ui.shelf import SeriesKey, SeriesOnShelf, Shelf

AT_ONCE = 48
"""Images sorted on the main thread (about a millisecond); the first image must wait for nothing."""


class SortingDesk(QObject):
    """One sort of a series at a time; whatever came meanwhile is sorted next."""

    def __init__(
        self, shelf: Shelf, runner: TaskRunner, changed: Callable[[SeriesOnShelf], None], parent: QObject
    ) -> None:
        super().__init__(parent)
        self._shelf, self._runner, self._changed = shelf, runner, changed
        self._busy: set[int] = set()

    def sort(self, keys: Iterable[SeriesKey]) -> bool:
        """Bring the image sets of these series up to date, now or soon; whether all of them are being sorted in the
        background, so that `changed` will tell of every one."""
        keys = tuple(keys)
        for key in keys:
            series = self._shelf.get(key)
            if series is not None and series.sorted_version != series.version and id(series) not in self._busy:
                self._sort(series)
        shelved = (self._shelf.get(key) for key in keys)
        return bool(keys) and all(series is not None and id(series) in self._busy for series in shelved)

    def _sort(self, series: SeriesOnShelf) -> None:
        headers = tuple(series.headers.values())
        version = series.version
        if sum(header.number_of_frames for header in headers) <= AT_ONCE:
            series.sets, series.sorted_version = image_sets(headers), version
            return
        self._busy.add(id(series))
        self._runner.submit(
            _sorted,
            headers,
            lane="interaction",
            owner=self,
            done=lambda sets: self._take(series, version, sets),
            cancelled=lambda: self._busy.discard(id(series)),
        )

    def _take(self, series: SeriesOnShelf, version: int, sets: tuple[ImageSet, ...]) -> None:
        self._busy.discard(id(series))
        if self._shelf.get(series.key) is not series:
            return  # removed meanwhile, perhaps fed again under the same UIDs
        series.sets, series.sorted_version = sets, version
        self._changed(series)
        self.sort((series.key,))


def _sorted(headers: tuple[InstanceHeader, ...], token: CancelToken) -> tuple[ImageSet, ...]:
    token.check()
    return image_sets(headers)
