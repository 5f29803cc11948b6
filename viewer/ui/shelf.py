"""What has been fed so far, series by series: counts, what is missing and why, image sets. Pure; no Qt.

Everything is keyed by study, so that removing a study removes all of it (OHIF #3068: stale images flash).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from viewer.records import InstanceHeader
from viewer.state.image_set import ImageSet, Issue
from viewer.ui.feed_inbox import Arrived, Completed, Expected, Fed, Missing

SeriesKey = tuple[str, str]
"""(Study Instance UID, Series Instance UID)."""


class Phase(StrEnum):
    """What a viewport truthfully is in (design: viewer.api.Feed); the text beside it says the rest."""

    EMPTY = "EMPTY"
    NOT_READY = "NOT_READY"
    LOADING = "LOADING"
    PARTIAL = "PARTIAL"
    DEGRADED = "DEGRADED"
    COMPLETE = "COMPLETE"
    FAILED = "FAILED"


@dataclass(slots=True)
class SeriesOnShelf:
    """One series as it fills. Mutable, main thread only."""

    key: SeriesKey
    headers: dict[str, InstanceHeader] = field(default_factory=dict)
    expected: int | None = None
    missing: dict[str, str] = field(default_factory=dict)
    failure: str = ""
    said_complete: bool = False
    sets: tuple[ImageSet, ...] = ()
    version: int = 0
    """Grows with every header; tells whether `sets` is up to date."""
    sorted_version: int = 0
    announced_ready: bool = False

    @property
    def received(self) -> int:
        """Instances that came, images or not."""
        return len(self.headers)

    @property
    def images(self) -> tuple[InstanceHeader, ...]:
        """Headers of images, failed ones included."""
        return tuple(header for header in self.headers.values() if header.rows > 0 or header.failure)

    @property
    def failed_images(self) -> int:
        """Images that came and cannot be decoded."""
        return sum(1 for header in self.headers.values() if header.failure)

    @property
    def issues(self) -> tuple[Issue, ...]:
        """Oddities of all image sets, each text once."""
        return tuple({issue.text: issue for group in self.sets for issue in group.issues}.values())

    @property
    def phase(self) -> Phase:
        """Received against promised; complete only when the origin said so and all of it is here."""
        if not self.headers:
            is_lost = bool(self.failure) or (bool(self.missing) and self._nothing_to_come())
            return Phase.FAILED if is_lost else Phase.LOADING
        if self.failure or (self.missing and self._nothing_to_come()):
            return Phase.PARTIAL
        if self.expected is not None and self.received < self.expected:
            return Phase.PARTIAL if self.said_complete else Phase.LOADING
        if not self.said_complete:
            return Phase.LOADING
        return Phase.DEGRADED if self.failed_images else Phase.COMPLETE

    @property
    def is_ready(self) -> bool:
        """Everything promised is here and sorted: it can be scrolled from end to end."""
        return self.phase in (Phase.COMPLETE, Phase.DEGRADED) and self.sorted_version == self.version

    def _nothing_to_come(self) -> bool:
        if self.said_complete:
            return True
        return self.expected is not None and self.received + len(self.missing) >= self.expected


class Shelf:
    """All series of all studies that were fed."""

    def __init__(self) -> None:
        self._series: dict[SeriesKey, SeriesOnShelf] = {}
        self._failures: dict[str, str] = {}

    def take(self, items: Iterable[Fed]) -> set[SeriesKey]:
        """Put a batch on the shelf; keys of the series that changed."""
        changed: set[SeriesKey] = set()
        for item in items:
            if isinstance(item, Arrived):
                # Without a study an image can be drawn under no name at all; its sender reports it as missing.
                changed.update(self._put(header) for header in item.headers if header.study_instance_uid)
                continue
            if isinstance(item, Missing) and not item.series_instance_uid and not item.sop_instance_uid:
                self._failures[item.study_instance_uid] = item.reason
                continue
            self._failures.pop(item.study_instance_uid, None)
            key = (item.study_instance_uid, item.series_instance_uid)
            changed.add(key)
            series = self._on_shelf(key)
            if isinstance(item, Expected):
                series.expected = item.count
            elif isinstance(item, Missing):
                _note_missing(series, item)
            elif isinstance(item, Completed):
                series.said_complete = True
        return changed

    def get(self, key: SeriesKey) -> SeriesOnShelf | None:
        """One series, None where nothing was said of it."""
        return self._series.get(key)

    def of_study(self, study_instance_uid: str) -> tuple[SeriesOnShelf, ...]:
        """Series of a study in the order of Series Number, then of arrival."""
        found = [series for key, series in self._series.items() if key[0] == study_instance_uid]
        return tuple(sorted(found, key=_series_order))

    def failure_of(self, study_instance_uid: str) -> str:
        """Why nothing of a study can be had, empty while something may come."""
        return self._failures.get(study_instance_uid, "")

    def studies(self) -> tuple[str, ...]:
        """Studies in the order in which they were first heard of."""
        return tuple(dict.fromkeys(key[0] for key in self._series))

    def remove_study(self, study_instance_uid: str) -> None:
        """Forget a study wholly."""
        self._failures.pop(study_instance_uid, None)
        for key in [key for key in self._series if key[0] == study_instance_uid]:
            del self._series[key]

    def series_of_instance(self, study_instance_uid: str, sop_instance_uid: str) -> SeriesOnShelf | None:
        """The series that holds an instance."""
        for series in self:
            if series.key[0] == study_instance_uid and sop_instance_uid in series.headers:
                return series
        return None

    def __iter__(self) -> Iterator[SeriesOnShelf]:
        return iter(self._series.values())

    def _put(self, header: InstanceHeader) -> SeriesKey:
        key = (header.study_instance_uid, header.series_instance_uid)
        self._failures.pop(header.study_instance_uid, None)
        series = self._on_shelf(key)
        series.headers[header.sop_instance_uid] = header
        series.missing.pop(header.sop_instance_uid, None)
        series.version += 1
        return key

    def _on_shelf(self, key: SeriesKey) -> SeriesOnShelf:
        return self._series.setdefault(key, SeriesOnShelf(key))


def _note_missing(series: SeriesOnShelf, item: Missing) -> None:
    if not item.sop_instance_uid:
        series.failure = item.reason
    elif item.sop_instance_uid not in series.headers:
        series.missing[item.sop_instance_uid] = item.reason


def _series_order(series: SeriesOnShelf) -> tuple[bool, int]:
    number = next((header.series_number for header in series.headers.values()), None)
    return (number is None, number or 0)
