"""What the hub tells, kept as a live list for the windows: entries, what just changed, and whether the hub is there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from PySide6.QtCore import QObject, QTimer, Signal

from ups.events import CancelRequested, ChannelState, Event
from worklist_client.commands.desk import Desk
from worklist_client.settings.declarations import HIGHLIGHT_S
from worklist_client.worklist.entries import StudyEntry
from worklist_client.worklist.region import SiteIntake

EntryId = tuple[str, str]
GATHER_MS = 30
"""Events that come within this time are shown together: two thousand rows of a first snapshot are one change."""


@dataclass(frozen=True, slots=True)
class Connection:
    """Whether changes by others arrive. `since`: the list is as it was then, None while connected or never told."""

    connected: bool
    reason: str = ""
    as_of: datetime | None = None
    ever: bool = False
    """Whether the hub has answered since the start."""


class ListFeed(QObject):
    """Takes events on the main thread; tells views."""

    changed = Signal()
    """Entries or highlights changed."""
    connection_changed = Signal()
    hospitals_changed = Signal()
    """Which hospitals do not answer the hub changed."""
    asked_to_let_go = Signal(object, str, str)
    """Somebody asks for a study that I hold: (StudyEntry, who, why)."""

    def __init__(self, desk: Desk, monotonic: Callable[[], float], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desk, self._monotonic = desk, monotonic
        self.connection = Connection(connected=False)
        self.silent: tuple[SiteIntake, ...] = ()
        """Hospitals whose studies may be missing from the list, as the hub last told."""
        self.undated: dict[str, int] = {}
        """How many studies of a hospital stay off the list because they have no date; without those of which none."""
        self._last_told: datetime | None = None
        self._until: dict[EntryId, float] = {}
        self._gather = QTimer(self)
        self._gather.setSingleShot(True)
        self._gather.setInterval(GATHER_MS)
        self._gather.timeout.connect(self.changed)
        self._fade = QTimer(self)
        self._fade.setInterval(500)
        self._fade.timeout.connect(self._fade_out)

    def apply(self, event: Event) -> None:
        """One event of the channel."""
        if isinstance(event, ChannelState):
            self._connection(event)
            return
        self._last_told = self._desk.now()
        if isinstance(event, CancelRequested):
            self._let_go(event)
            return
        first = not self.connection.ever
        changes = self._desk.live.apply(event)
        touched = [entry.entry_id for entry in (*changes.added, *changes.changed)]
        if not touched and not changes.removed:
            return
        if touched and not first:  # at the start everything is new: nothing is worth a highlight
            until = self._monotonic() + self._desk.settings.get(HIGHLIGHT_S)
            self._until.update(dict.fromkeys(touched, until))
            self._fade.start()
        self._gather.start()

    def entries(self) -> tuple[StudyEntry, ...]:
        """The whole list."""
        return tuple(self._desk.live.entries)

    def highlighted(self) -> frozenset[EntryId]:
        """Rows that just changed."""
        return frozenset(self._until)

    def hospitals_told(self, told: tuple[SiteIntake, ...]) -> None:
        """What the hub says of the hospitals that it asks."""
        silent = tuple(site for site in told if site.is_silent)
        undated = {site.site_id: site.undated for site in told if site.undated}
        if (silent, undated) != (self.silent, self.undated):
            self.silent, self.undated = silent, undated
            self.hospitals_changed.emit()

    def broken(self, error: Exception) -> None:
        """The channel itself failed; it starts again by itself."""
        self._connection(ChannelState(False, getattr(error, "reason", type(error).__name__)))

    def _connection(self, state: ChannelState) -> None:
        if state.connected:
            self.connection = Connection(True, ever=True)
            self._last_told = self._desk.now()
        else:
            as_of = self.connection.as_of or self._last_told
            self.connection = Connection(False, state.reason, as_of, self.connection.ever)
        self.connection_changed.emit()

    def _let_go(self, event: CancelRequested) -> None:
        entry = next((entry for entry in self.entries() if entry.workitem_uid == event.uid), None)
        if entry is not None:
            self.asked_to_let_go.emit(entry, event.contact_name or event.requesting_ae, event.reason)

    def _fade_out(self) -> None:
        now = self._monotonic()
        faded = [entry_id for entry_id, until in self._until.items() if until <= now]
        for entry_id in faded:
            del self._until[entry_id]
        if not self._until:
            self._fade.stop()
        if faded:
            self.changed.emit()
