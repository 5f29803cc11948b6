"""Holds the order of the rows still while somebody aims: a row that slides under the mouse gets claimed by mistake."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, QTimer, Signal
from PySide6.QtWidgets import QWidget

from worklist_client.worklist.entries import StudyEntry

REST_MS = 2000
"""A pointer over the list that has neither moved nor pressed for so long aims at nothing."""

_AIMING = frozenset({QEvent.Type.MouseMove, QEvent.Type.MouseButtonPress, QEvent.Type.MouseButtonDblClick})


class ListHold(QObject):
    """Watches the pointer over `area` (the viewport of the list)."""

    rested = Signal()
    """The pointer rests or has left: what was held back may be shown."""

    def __init__(self, area: QWidget) -> None:
        super().__init__(area)
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MS)
        self._rest.timeout.connect(self.rested)
        area.installEventFilter(self)

    def is_aiming(self) -> bool:
        """Whether the rows have to stay where they are."""
        return self._rest.isActive()

    def end(self) -> None:
        """The reader asks for the list as it is now."""
        self._rest.stop()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Qt: sees what the pointer does, and takes nothing away."""
        if event.type() in _AIMING:
            self._rest.start()
        elif event.type() == QEvent.Type.Leave and self._rest.isActive():
            self._rest.stop()
            self.rested.emit()
        return super().eventFilter(watched, event)


def held(
    shown: Sequence[StudyEntry], wanted: Sequence[StudyEntry], known: Sequence[StudyEntry]
) -> tuple[tuple[StudyEntry, ...], int]:
    """The rows that are shown, in their places, with what is `known` of each by now; and how many rows would come, go
    or move on the way to `wanted`."""
    now = {entry.entry_id: entry for entry in known}
    rows = tuple(now.get(entry.entry_id, entry) for entry in shown)
    before, after = [entry.entry_id for entry in shown], [entry.entry_id for entry in wanted]
    stays, comes = set(before) & set(after), len(set(after) - set(before))
    goes = len(before) - len(stays)
    order = {key: place for place, key in enumerate(key for key in after if key in stays)}
    moved = len(stays) - _longest_rising([order[key] for key in before if key in stays])
    return rows, comes + goes + moved


def _longest_rising(places: Sequence[int]) -> int:
    """Length of the longest rising part of a permutation: the rows that need not move."""
    tails: list[int] = []
    for place in places:
        at = bisect_left(tails, place)
        tails[at : at + 1] = [place]
    return len(tails)
