"""How much time is left, as data; the words are the window's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from worklist_client.worklist.entries import Status, StudyEntry

SOON_SHARE = 0.75
"""From this share of the time used on, the due time deserves attention (workflow.md 3.2: colour = share used)."""


class DueLevel(StrEnum):
    """How pressing the due time is."""

    IN_TIME = "in_time"
    SOON = "soon"
    LATE = "late"


@dataclass(frozen=True, slots=True)
class Due:
    """`seconds_left` is negative when late; `share_used` of the time between start and due, 1.0 and more when late."""

    seconds_left: float
    share_used: float

    @property
    def level(self) -> DueLevel:
        """LATE, SOON or IN_TIME."""
        if self.seconds_left < 0:
            return DueLevel.LATE
        return DueLevel.SOON if self.share_used >= SOON_SHARE else DueLevel.IN_TIME


class Urgency(StrEnum):
    """The classes of the list, most urgent first."""

    STAT = "STAT"
    STROKE = "STROKE"
    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    LOW = "LOW"


URGENCY_ORDER = {urgency: rank for rank, urgency in enumerate(Urgency)}


def due_of(entry: StudyEntry, now: datetime) -> Due | None:
    """Time left until the due time; None where none is set. `now` is an aware datetime."""
    if entry.due is None:
        return None
    seconds_left = (entry.due - now).total_seconds()
    whole = (entry.due - entry.started).total_seconds() if entry.started is not None else 0.0
    if whole <= 0:
        return Due(seconds_left, 1.0 if seconds_left < 0 else 0.0)
    return Due(seconds_left, max(0.0, 1.0 - seconds_left / whole))


def urgency_of(entry: StudyEntry) -> Urgency:
    """STAT, stroke, else the priority; an unknown priority counts as MEDIUM."""
    if entry.stat:
        return Urgency.STAT
    if entry.is_stroke:
        return Urgency.STROKE
    try:
        return Urgency(entry.priority)
    except ValueError:
        return Urgency.MEDIUM


def is_open(entry: StudyEntry) -> bool:
    """Whether somebody still has to report it."""
    return entry.status not in (Status.DELIVERING, Status.REPORTED, Status.CANCELED)
