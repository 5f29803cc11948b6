"""How much of a study is here, against what its origin says there is. Pure; nothing is complete by a time-out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

NOT_IMAGES = frozenset(
    {"SR", "PR", "KO", "DOC", "REG", "FID", "RWV", "PLAN", "AU", "SEG", "RTSTRUCT", "RTPLAN", "RTDOSE"}
)
"""Modalities of series that hold no frames to show."""

DOCUMENTS = ("SR", "DOC")
"""Modalities of series that may hold a report."""


@dataclass(frozen=True, slots=True)
class SeriesCount:
    """One series: `expected` None while the origin has not said; `reason` why something is missing."""

    series_instance_uid: str
    expected: int | None = None
    received: frozenset[str] = frozenset()
    missing: frozenset[str] = frozenset()
    reason: str = ""

    @property
    def complete(self) -> bool:
        """Everything promised lies here, and the origin did promise a number."""
        return self.expected is not None and len(self.received) >= self.expected and not self.missing

    def with_received(self, sop_instance_uids: frozenset[str]) -> SeriesCount:
        """More came; what came is no longer missing."""
        received = self.received | sop_instance_uids
        return replace(self, received=received, missing=self.missing - received)

    def with_missing(self, sop_instance_uids: frozenset[str], reason: str) -> SeriesCount:
        """These could not be had."""
        return replace(self, missing=(self.missing | sop_instance_uids) - self.received, reason=reason)


@dataclass(frozen=True, slots=True)
class StudyCount:
    """All series of a study, and the sentence for the person."""

    study_instance_uid: str
    series: tuple[SeriesCount, ...] = ()
    failed: str = ""
    """Why the whole retrieval failed, else empty."""

    @property
    def received(self) -> int:
        """Instances that lie here."""
        return sum(len(item.received) for item in self.series)

    @property
    def expected(self) -> int | None:
        """What the origin promised; None while one series is not known."""
        if not self.series or any(item.expected is None for item in self.series):
            return None
        return sum(item.expected or 0 for item in self.series)

    @property
    def complete(self) -> bool:
        """Every series is complete and nothing failed."""
        return bool(self.series) and not self.failed and all(item.complete for item in self.series)


@dataclass(frozen=True, slots=True)
class Late:
    """The origin holds more images now than it had promised: `seen` lie here, of `total` that it holds now."""

    seen: int
    total: int
    late: int

    @property
    def sentence(self) -> str:
        """For a person to confirm; the numbers are in it."""
        return f"{self.seen} of {self.total} images seen; {self.late} came after: sign without having seen them"


def late_of(count: StudyCount, held: Mapping[str, int]) -> Late | None:
    """What came after the origin was asked first. `held` is how many objects each series of images holds now."""
    known = {item.series_instance_uid: item for item in count.series}
    late = total = 0
    for uid, number in held.items():
        item = known.get(uid, SeriesCount(uid))
        promised = max(item.expected or 0, len(item.received))
        late += max(0, number - promised)
        total += max(number, promised)
    return Late(count.received, total, late) if late else None
