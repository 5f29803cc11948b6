"""What the table shows: filter, order, the selection that stays in sight, the clock and the counted priors."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from worklist_client.commands.desk import Desk
from worklist_client.settings.theme import Theme
from worklist_client.ui.list_feed import ListFeed
from worklist_client.ui.list_hold import ListHold, held
from worklist_client.ui.timeline_search import TimelineSearch
from worklist_client.ui.worklist_columns import RowContext
from worklist_client.ui.worklist_filters import FilterBar, FilterChoice
from worklist_client.ui.worklist_model import EntryId, WorklistModel
from worklist_client.ui.worklist_table import WorklistTable
from worklist_client.worklist.entries import Status, StudyEntry
from worklist_client.worklist.query import DEFAULT_ORDER, ORDERS, Filter, may_be_next, selected

TICK_MS = 1000
COUNT_MS = 600


class WorklistRows(QObject):
    """Between the live list and the table. `worklist.query` decides what matches and in which order."""

    selection_changed = Signal()
    """Another study is selected, or what is known of the selected one changed."""
    shown = Signal()
    """The rows were brought up to date."""
    waiting_changed = Signal(int)
    """So many rows would come, go or move, and wait for the pointer to rest."""

    def __init__(
        self, desk: Desk, theme: Theme, feed: ListFeed, timeline: TimelineSearch, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._desk, self._theme, self._feed, self._timeline = desk, theme, feed, timeline
        self._choice = FilterChoice()
        self._order, self._descending = DEFAULT_ORDER, False
        self._pinned: StudyEntry | None = None
        self.context = RowContext(
            desk.tr, desk.now(), desk.sites.name_of, timeline.priors_text, lambda: desk.reader.code, self.is_here
        )
        self.model = WorklistModel(self.context, theme, self)
        self.filters = FilterBar(desk.tr)
        self.table = WorklistTable(self.model, theme, self.site_color)
        self.table.setAccessibleName(desk.tr("Studies to read"))
        self.table.show_sorting(self._order, self._descending)
        self._hold = ListHold(self.table.viewport())
        self._waiting = 0
        self._ticker = QTimer(self)
        self._ticker.setInterval(TICK_MS)
        self._count_soon = QTimer(self)
        self._count_soon.setSingleShot(True)
        self._count_soon.setInterval(COUNT_MS)
        self._connect()
        self._ticker.start()

    def entry(self) -> StudyEntry | None:
        """The selected study, as the hub last told it."""
        return self.table.current_entry()

    def is_here(self, workitem_uid: str) -> bool:
        """Whether this desk's journal holds the claim; one of the same reader may be another desk's."""
        return self._desk.claims.holds(workitem_uid)

    def site_color(self, site_id: str) -> str:
        """The hospital's colour; a quiet one where the directory does not know it."""
        site = next((site for site in self._desk.sites.all() if site.site_id == site_id), None)
        return site.color if site is not None else self._theme.color("text.disabled")

    def show(self) -> None:
        """Bring the table up to date with the live list; while somebody aims at a row, every row keeps its place."""
        entries = self._feed.entries()
        names = self._site_names()
        self.filters.offer(entries, tuple(names.items()))
        rows = self._with_pinned(self._selected(entries, names), entries)
        waiting = 0
        if self._hold.is_aiming() and self.model.rowCount():
            rows, waiting = held(self.model.entries(), rows, entries)
        if waiting != self._waiting:
            self._waiting = waiting
            self.waiting_changed.emit(waiting)
        self.table.show_entries(rows)
        self.model.set_highlighted(self._feed.highlighted())
        self.filters.show_count(len(rows), len(entries))
        self.table.set_empty_text(self._empty_text(len(entries)))
        self._count_soon.start()
        self.shown.emit()

    def show_now(self) -> None:
        """Bring the table up to date, wherever the pointer is: the reader asked for it."""
        self._hold.end()
        self.show()

    def following(self, finished: EntryId) -> tuple[StudyEntry, ...]:
        """What this reader may read next, in the order and with the filters of the list: what stands after the finished
        study, then what stands before it. STAT, then stroke, comes first in any order."""
        me, entries = self._desk.reader.code, self._feed.entries()
        names = self._site_names()
        ready = [
            entry for entry in self._selected(entries, names) if may_be_next(entry, me) and entry.entry_id != finished
        ]
        done = next((entry for entry in entries if entry.entry_id == finished), None)
        if done is not None:
            # In the place that it had while it was to be read.
            place = replace(done, status=Status.MINE)
            everything = Filter()
            order, descending = self._order, self._descending
            line = selected((*ready, place), everything, site_names=names, order=order, descending=descending)
            cut = line.index(place)
            ready = [*line[cut + 1 :], *line[:cut]]
        return tuple(sorted(ready, key=lambda entry: (not entry.stat, not entry.is_stroke)))

    def go_to_rows(self) -> None:
        """Put the focus on the rows, on the first one where none is selected."""
        if not self.table.currentIndex().isValid() and self.model.rowCount():
            self.table.setCurrentIndex(self.model.index(0, 0))
        self.table.setFocus(Qt.FocusReason.OtherFocusReason)

    def _selected(self, entries: tuple[StudyEntry, ...], names: dict[str, str]) -> tuple[StudyEntry, ...]:
        return selected(
            entries,
            self._choice.as_filter(),
            me=self._desk.reader.code,
            site_names=names,
            order=self._order,
            descending=self._descending,
        )

    def _with_pinned(self, rows: tuple[StudyEntry, ...], entries: tuple[StudyEntry, ...]) -> tuple[StudyEntry, ...]:
        """The selected study stays in sight while it is selected, also when a change takes it out of the filter."""
        pinned = self._pinned
        if pinned is None or any(row.entry_id == pinned.entry_id for row in rows):
            return rows
        still = next((entry for entry in entries if entry.entry_id == pinned.entry_id), None)
        if still is None:
            return rows
        shown = [row.entry_id for row in self.model.entries()]
        place = shown.index(still.entry_id) if still.entry_id in shown else len(rows)
        return (*rows[:place], still, *rows[place:])

    def _site_names(self) -> dict[str, str]:
        return {site.site_id: site.name for site in self._desk.sites.all()}

    def _empty_text(self, total: int) -> str:
        tr = self._desk.tr
        connection = self._feed.connection
        if total == 0 and not connection.ever:
            return tr("The worklist cannot be reached.") if connection.reason else tr("Connecting to the worklist…")
        if total == 0:
            return tr("Nothing to read. New studies appear here by themselves.")
        return tr("No study matches these filters. Ctrl+1 shows everything that is to be reported.")

    def _current_changed(self) -> None:
        before, entry = self._pinned, self.entry()
        self._pinned = entry
        self.selection_changed.emit()
        if before is None or entry is None or before.entry_id == entry.entry_id:
            return
        if not self._selected((before,), self._site_names()):
            # The row that was kept for being selected may go now; not within the change of the selection itself.
            QTimer.singleShot(0, self, self.show)

    def _rested(self) -> None:
        if self._waiting:
            self.show()

    def _tick(self) -> None:
        before = self.context.now
        self.context = replace(self.context, now=self._desk.now())
        is_new_hour = before.hour != self.context.now.hour  # a day may begin at another time where a hospital lies
        self.model.set_context(self.context, ("due", "study_datetime") if is_new_hour else ("due",))
        self.selection_changed.emit()

    def _counts_changed(self) -> None:
        self.model.set_context(self.context, ("priors",))

    def _count_in_sight(self) -> None:
        entries = self.model.entries()
        first, last = self.table.rowAt(0), self.table.rowAt(self.table.viewport().height() - 1)
        if first >= 0:
            self._timeline.count(entries[first : (last if last >= 0 else len(entries) - 1) + 1])

    def _filter_changed(self, choice: FilterChoice) -> None:
        self._choice = choice
        self._pinned = None
        self.show_now()
        self._pinned = self.entry()

    def _sort_asked(self, column_id: str) -> None:
        if column_id in ORDERS:
            self._descending = not self._descending if column_id == self._order else False
            self._order = column_id
            self.show_now()
        self.table.show_sorting(self._order, self._descending)

    def _connect(self) -> None:
        self.filters.changed.connect(self._filter_changed)
        self.filters.leave_text.connect(self.go_to_rows)
        self.table.current_changed.connect(self._current_changed)
        self.table.sort_asked.connect(self._sort_asked)
        self.table.verticalScrollBar().valueChanged.connect(self._count_soon.start)
        self._hold.rested.connect(self._rested)
        self._ticker.timeout.connect(self._tick)
        self._count_soon.timeout.connect(self._count_in_sight)
        self._feed.changed.connect(self.show)
        self._feed.connection_changed.connect(self.show)
        self._timeline.counts_changed.connect(self._counts_changed)
