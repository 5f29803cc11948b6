"""The worklist window: filters, bars, the table, the selected study and its patient's timeline."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from PySide6.QtCore import QPoint, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QKeySequence
from PySide6.QtWidgets import QMainWindow, QSplitter, QVBoxLayout, QWidget

from worklist_client.commands.desk import Desk
from worklist_client.settings.keymap import Keymap
from worklist_client.settings.theme import Theme
from worklist_client.ui.action_set import ActionSet
from worklist_client.ui.deliveries import Deliveries, DeliveriesDialog, OrphansDialog
from worklist_client.ui.dialogs import READ_ELSEWHERE_REASONS, KeysDialog, ReasonDialog, question
from worklist_client.ui.draft_text import draft_text
from worklist_client.ui.list_feed import ListFeed
from worklist_client.ui.settings_dialog import SettingsDialog
from worklist_client.ui.study_actions import StudyActions
from worklist_client.ui.timeline import TimelineModel
from worklist_client.ui.timeline_search import TimelineSearch
from worklist_client.ui.worklist_bars import WorklistBars
from worklist_client.ui.worklist_columns import RowContext
from worklist_client.ui.worklist_commands import CONTEXT_MENU, MENUS, worklist_commands
from worklist_client.ui.worklist_details import WorklistDetails
from worklist_client.ui.worklist_filters import FilterBar, FilterChoice
from worklist_client.ui.worklist_model import WorklistModel
from worklist_client.ui.worklist_table import WorklistTable
from worklist_client.worklist.entries import StudyEntry
from worklist_client.worklist.query import DEFAULT_ORDER, ORDERS, selected

TICK_MS = 1000
COUNT_MS = 600


@dataclass(frozen=True)
class WorklistParts:
    """What the window shows, made by the composition root."""

    desk: Desk
    theme: Theme
    keymap: Keymap
    feed: ListFeed
    timeline: TimelineSearch
    deliveries: Deliveries
    actions: StudyActions
    refresh: Callable[[], None]


class WorklistWindow(QMainWindow):
    """Thin: it asks `worklist.query` what to show and runs commands."""

    closing = Signal()
    """The window closes for good."""

    def __init__(self, parts: WorklistParts) -> None:
        super().__init__()
        self._parts, self._desk = parts, parts.desk
        self._choice = FilterChoice()
        self._order, self._descending = DEFAULT_ORDER, False
        self._pinned: StudyEntry | None = None
        self.commands = worklist_commands(self)
        self._context = self._new_context()
        self._model = WorklistModel(self._context, parts.theme, self)
        self._timeline_model = TimelineModel(
            self._desk.tr, parts.theme, self._desk.sites.name_of, self.site_color, self
        )
        self._build()
        self._connect()
        self._show_rows()
        self._selected()

    # --- what commands do ---

    def selected_entry(self) -> StudyEntry | None:
        """The selected study, as the hub last told it."""
        return self.table.current_entry()

    def claim_and_open(self) -> None:
        """Claim the selected study and open it."""
        entry = self.selected_entry()
        if entry is not None:
            self._parts.actions.claim_and_open(entry)

    def look(self) -> None:
        """Open the selected study without claiming."""
        entry = self.selected_entry()
        if entry is not None:
            self._parts.actions.look(entry)

    def release(self) -> None:
        """Give the selected study back."""
        entry = self.selected_entry()
        if entry is not None:
            self._parts.actions.release(entry)

    def read_elsewhere(self) -> None:
        """Take the selected study off the list; asks the reason."""
        entry = self.selected_entry()
        if entry is None:
            return
        tr = self._desk.tr
        text = tr("This takes the study off everybody's list. Why is it read elsewhere?")
        reasons = [tr(reason) for reason in READ_ELSEWHERE_REASONS]
        dialog = ReasonDialog(tr, tr("Read elsewhere"), text, reasons, tr("Take off the list"), self)
        if dialog.exec():
            self._parts.actions.read_elsewhere(entry, dialog.reason())

    def find_text(self) -> None:
        """Go to the text filter."""
        self.filters.text.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.filters.text.selectAll()

    def show_choice(self, choice: FilterChoice) -> None:
        """Set all filters."""
        self.filters.set_choice(choice)

    def refresh(self) -> None:
        """Ask the hub again."""
        self._parts.refresh()

    def show_deliveries(self) -> None:
        """The list of reports that are not home."""
        DeliveriesDialog(self._desk, self._parts.deliveries, self._desk.now, self).exec()

    def show_orphans(self) -> None:
        """The drafts that lost their claim."""
        OrphansDialog(self._desk, self._parts.deliveries, lambda text: draft_text(text, self._desk.tr), self).exec()

    def show_settings(self) -> None:
        """The choices of this profile."""
        SettingsDialog(self._desk.settings, self._desk.tr, self).exec()

    def show_keys(self) -> None:
        """All keys."""
        rows = [(self._desk.tr(c.title), self.actions_set.action(c.id).shortcuts()) for c in self.commands]
        KeysDialog(self._desk.tr, [(title, keys) for title, keys in rows if keys], self).exec()

    def quit(self) -> None:
        """Close the window; it asks first where reports are on their way."""
        self.close()

    # --- Qt ---

    def closeEvent(self, event: QCloseEvent) -> None:
        """Qt: ask where reports have not been delivered; close the reading windows first, each may refuse."""
        summary = self._parts.deliveries.summary()
        tr = self._desk.tr
        if summary.undelivered and not question(
            self,
            tr("Reports are not delivered"),
            tr("{summary}.\n\nThey are kept here and sent at the next start, not before.", summary=summary.text),
            tr("Quit all the same"),
            tr("Stay"),
        ):
            event.ignore()
            return
        for window in self._parts.actions.windows():
            if not window.close():
                event.ignore()
                return
        event.accept()
        self.closing.emit()

    def site_color(self, site_id: str) -> str:
        """The hospital's colour; a quiet one where the directory does not know it."""
        site = next((site for site in self._desk.sites.all() if site.site_id == site_id), None)
        return site.color if site is not None else self._parts.theme.color("text.disabled")

    # --- showing ---

    def _show_rows(self) -> None:
        entries = self._parts.feed.entries()
        sites = [(site.site_id, site.name) for site in self._desk.sites.all()]
        self.filters.offer(entries, sites)
        rows = selected(
            entries,
            self._choice.as_filter(),
            me=self._desk.reader.code,
            site_names=dict(sites),
            order=self._order,
            descending=self._descending,
        )
        rows = self._with_pinned(rows, entries)
        self.table.show_entries(rows)
        self._model.set_highlighted(self._parts.feed.highlighted())
        self.filters.show_count(len(rows), len(entries))
        self.table.set_empty_text(self._empty_text(len(entries)))
        self._parts.actions.told(entries)
        self._show_details()
        self._count_soon.start()

    def _with_pinned(self, rows: tuple[StudyEntry, ...], entries: tuple[StudyEntry, ...]) -> tuple[StudyEntry, ...]:
        """The selected study stays in sight while it is selected, also when a change takes it out of the filter."""
        if self._pinned is None or any(row.entry_id == self._pinned.entry_id for row in rows):
            return rows
        still = next((entry for entry in entries if entry.entry_id == self._pinned.entry_id), None)
        if still is None:
            return rows
        place = next((i for i, row in enumerate(self._model.entries()) if row.entry_id == still.entry_id), len(rows))
        return (*rows[:place], still, *rows[place:])

    def _empty_text(self, total: int) -> str:
        tr = self._desk.tr
        connection = self._parts.feed.connection
        if total == 0 and not connection.ever:
            return tr("Connecting to the worklist…") if not connection.reason else tr("The worklist cannot be reached.")
        if total == 0:
            return tr("Nothing to read. New studies appear here by themselves.")
        return tr("No study matches these filters. Ctrl+1 shows everything that is to be reported.")

    def _show_details(self) -> None:
        self.details.show_entry(self.selected_entry(), self._context, self.commands)
        self.actions_set.refresh()

    def _selected(self) -> None:
        entry = self.selected_entry()
        changed = (entry.entry_id if entry else None) != (self._pinned.entry_id if self._pinned else None)
        self._pinned = entry
        self._parts.timeline.select(entry)
        self._show_details()
        if changed and entry is not None and not self._is_wanted(entry):
            QTimer.singleShot(0, self, self._show_rows)

    def _is_wanted(self, entry: StudyEntry) -> bool:
        names = {site.site_id: site.name for site in self._desk.sites.all()}
        return bool(selected([entry], self._choice.as_filter(), me=self._desk.reader.code, site_names=names))

    def _show_timeline(self) -> None:
        timeline = self._parts.timeline.timeline()
        self._timeline_model.show(timeline.studies)
        self.details.show_timeline(timeline)

    def _new_context(self) -> RowContext:
        desk = self._desk
        return RowContext(desk.tr, desk.now(), desk.sites.name_of, self._parts.timeline.priors_text)

    def _tick(self) -> None:
        self._context = replace(self._context, now=self._desk.now())
        self._model.set_context(self._context, ("due",))
        self.details.show_entry(self.selected_entry(), self._context, self.commands)

    def _counts_changed(self) -> None:
        self._model.set_context(self._context, ("priors",))

    def _count_in_sight(self) -> None:
        entries = self._model.entries()
        height = self.table.viewport().height()
        first = self.table.rowAt(0)
        last = self.table.rowAt(height - 1)
        if first >= 0:
            self._parts.timeline.count(entries[first : (last if last >= 0 else len(entries) - 1) + 1])

    def _filter_changed(self, choice: FilterChoice) -> None:
        self._choice = choice
        self._pinned = None
        self._show_rows()
        self._pinned = self.selected_entry()

    def _sort_asked(self, column_id: str) -> None:
        if column_id not in ORDERS:
            return
        self._descending = not self._descending if column_id == self._order else False
        self._order = column_id
        self.table.show_sorting(self._order, self._descending)
        self._show_rows()

    def _to_rows(self) -> None:
        if not self.table.currentIndex().isValid() and self._model.rowCount():
            self.table.setCurrentIndex(self._model.index(0, 0))
        self.table.setFocus(Qt.FocusReason.OtherFocusReason)

    def _come_back(self) -> None:
        self.show()
        self.raise_()
        self.activateWindow()
        self._to_rows()

    def _context_menu(self, position: QPoint) -> None:
        if self.table.indexAt(position).isValid():
            menu = self.actions_set.context_menu(CONTEXT_MENU)
            menu.popup(self.table.viewport().mapToGlobal(position))

    def _asked_to_let_go(self, entry: StudyEntry, who: str, why: str) -> None:
        tr = self._desk.tr
        text = tr("{who} asks you to let go of a study you claimed: {why}", who=who, why=why or "-")
        self.bars.message.say(text, "attention", tr("Show"), lambda: self.table.select(entry.entry_id))

    # --- building ---

    def _build(self) -> None:
        tr = self._desk.tr
        self.setObjectName("worklist_window")
        self.setWindowTitle(tr("Worklist"))
        self.setMinimumSize(QSize(1100, 640))
        self.resize(1280, 800)
        self.filters = FilterBar(tr)
        self.bars = WorklistBars(self._desk, self._parts.feed, self._parts.deliveries, self.commands.run)
        self.table = WorklistTable(self._model, self._parts.theme, self.site_color)
        self.table.setAccessibleName(tr("Studies to read"))
        self.table.show_sorting(self._order, self._descending)
        self.details = WorklistDetails(tr, self._parts.theme, self._timeline_model, self.commands.run)
        split = QSplitter(Qt.Orientation.Vertical)
        split.setChildrenCollapsible(False)
        split.addWidget(self.table)
        split.addWidget(self.details)
        split.setStretchFactor(0, 1)
        split.setSizes([460, 250])
        body = QWidget()
        layout = QVBoxLayout(body)
        gap = self._parts.theme.metrics["gap_px"]
        layout.setContentsMargins(gap, gap, gap, gap)
        layout.setSpacing(gap)
        layout.addWidget(self.filters)
        layout.addWidget(self.bars)
        layout.addWidget(split, 1)
        self.setCentralWidget(body)
        self.setStatusBar(self.bars.status_bar)
        self.actions_set = ActionSet(self.commands, self._parts.keymap, "rows", tr, self)
        self.actions_set.bind_to_widget(self.table, ("study.claim_and_open", "study.look"))
        self.actions_set.fill_menu_bar(self.menuBar(), MENUS)
        native = QKeySequence.SequenceFormat.NativeText
        self.details.set_button_texts(
            (c.id, tr(c.title), self.actions_set.action(c.id).shortcut().toString(native)) for c in self.commands
        )
        self._ticker = QTimer(self)
        self._ticker.setInterval(TICK_MS)
        self._ticker.start()
        self._count_soon = QTimer(self)
        self._count_soon.setSingleShot(True)
        self._count_soon.setInterval(COUNT_MS)
        self.table.setFocus()

    def _connect(self) -> None:
        parts = self._parts
        self.filters.changed.connect(self._filter_changed)
        self.filters.leave_text.connect(self._to_rows)
        self.table.opened.connect(self.claim_and_open)
        self.table.current_changed.connect(self._selected)
        self.table.sort_asked.connect(self._sort_asked)
        self.table.customContextMenuRequested.connect(self._context_menu)
        self.table.verticalScrollBar().valueChanged.connect(self._count_soon.start)
        self._ticker.timeout.connect(self._tick)
        self._count_soon.timeout.connect(self._count_in_sight)
        parts.feed.changed.connect(self._show_rows)
        parts.feed.connection_changed.connect(self._show_rows)
        parts.feed.asked_to_let_go.connect(self._asked_to_let_go)
        parts.timeline.timeline_changed.connect(self._show_timeline)
        parts.timeline.counts_changed.connect(self._counts_changed)
        parts.actions.said.connect(self.bars.say)
        parts.actions.next_asked.connect(self._come_back)
