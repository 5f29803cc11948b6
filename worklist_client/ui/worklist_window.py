"""The worklist window: filters, bars, the table, the selected study and its patient's timeline."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QPoint, QSize, Qt, Signal
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QMainWindow, QSplitter, QVBoxLayout, QWidget

from viewer.dates import shown_moment
from viewer.titles import study_title
from worklist_client.commands.desk import Desk
from worklist_client.journal import PackageRow
from worklist_client.settings.keymap import Keymap
from worklist_client.settings.theme import Theme
from worklist_client.ui.action_set import ActionSet
from worklist_client.ui.deliveries import Deliveries, DeliveriesDialog, OrphansDialog, quit_text
from worklist_client.ui.dialogs import READ_ELSEWHERE_REASONS, KeysDialog, ReasonDialog, question
from worklist_client.ui.draft_text import draft_text
from worklist_client.ui.letting_go import LettingGo
from worklist_client.ui.list_feed import ListFeed
from worklist_client.ui.placing import place
from worklist_client.ui.settings_dialog import SettingsDialog
from worklist_client.ui.study_actions import StudyActions
from worklist_client.ui.study_questions import StudyQuestions
from worklist_client.ui.timeline import TimelineModel
from worklist_client.ui.timeline_search import TimelineSearch
from worklist_client.ui.window_title import titled
from worklist_client.ui.worklist_bars import WorklistBars
from worklist_client.ui.worklist_columns import is_at_another_desk, patient_name
from worklist_client.ui.worklist_commands import CONTEXT_MENU, MENUS, worklist_commands
from worklist_client.ui.worklist_details import WorklistDetails
from worklist_client.ui.worklist_filters import FilterChoice
from worklist_client.ui.worklist_rows import WorklistRows
from worklist_client.worklist.entries import StudyEntry


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
        self.commands = worklist_commands(self)
        self.rows = WorklistRows(parts.desk, parts.theme, parts.feed, parts.timeline, self)
        self.table, self.filters = self.rows.table, self.rows.filters
        sites = parts.desk.sites
        self._timeline_model = TimelineModel(parts.desk.tr, parts.theme, sites.name_of, self.rows.site_color, self)
        self._questions = StudyQuestions(parts.desk, parts.actions.said.emit, parts.actions.put_away, self)
        self._build()
        self._connect()
        self.rows.show()
        self._show_timeline()

    # --- what commands do ---

    def selected_entry(self) -> StudyEntry | None:
        """The selected study, as the hub last told it."""
        return self.rows.entry()

    def claim_and_open(self) -> None:
        """Claim the selected study and open it; one that I hold at another desk is fetched from there first."""
        entry = self.selected_entry()
        if entry is None:
            return
        is_elsewhere = is_at_another_desk(entry, self.rows.context)
        if is_elsewhere and self._parts.actions.window_of(entry) is None:
            self._questions.ask("take_over", entry)
        else:
            self._parts.actions.claim_and_open(entry)

    def look(self) -> None:
        """Open the selected study without claiming."""
        entry = self.selected_entry()
        if entry is not None:
            self._parts.actions.look(entry)

    def is_here(self, workitem_uid: str) -> bool:
        """Whether this desk holds the claim."""
        return self.rows.is_here(workitem_uid)

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
        title = study_title(entry.modality, entry.study_description)
        study = "   ".join(part for part in (title, shown_moment(entry.study_datetime)) if part)
        who, where = patient_name(entry, self.rows.context), self._desk.sites.name_of(entry.site_id)
        text = f"{who}\n{study}\n{where}\n\n" + tr(
            "This takes the study off everybody's list. Why is it read elsewhere?"
        )
        reasons = [tr(reason) for reason in READ_ELSEWHERE_REASONS]
        dialog = ReasonDialog(tr, tr("Read elsewhere"), text, reasons, tr("Take off the list"), self)
        if dialog.exec():
            self._parts.actions.read_elsewhere(entry, dialog.reason())

    def ask_about(self, verb: str) -> None:
        """Reserve, assign, hand over or take over the selected study; asks what it needs to know."""
        entry = self.selected_entry()
        if entry is not None:
            self._questions.ask(verb, entry)

    def find_text(self) -> None:
        """Go to the text filter."""
        self.filters.text.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.filters.text.selectAll()

    def show_choice(self, choice: FilterChoice) -> None:
        """Set all filters."""
        self.filters.set_choice(choice)

    def refresh(self) -> None:
        """Ask the hub again, and show at once what waits for the pointer to rest."""
        self.rows.show_now()
        self._parts.refresh()

    def show_deliveries(self) -> None:
        """The list of reports that are not home."""
        DeliveriesDialog(self._desk, self._parts.deliveries, self._desk.now, self, self._let_go).exec()

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
            quit_text(self._parts.deliveries.packages(), summary.text, tr),
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

    # --- showing ---

    def _let_go(self, package: PackageRow) -> bool:
        """Close the reading window of a study whose report is taken back; False where it refuses."""
        for window in self._parts.actions.windows():
            entry = getattr(getattr(window, "session", None), "entry", None)
            if entry is not None and entry.entry_id == (package.site_id, package.study_instance_uid):
                return window.close()
        return True

    def _rows_shown(self) -> None:
        self._parts.actions.told(self._parts.feed.entries())
        self._show_details()

    def _show_details(self) -> None:
        entry = self.selected_entry()
        self._parts.timeline.select(entry)
        self.details.show_entry(entry, self.rows.context, self.commands)
        self.actions_set.refresh()

    def _show_timeline(self) -> None:
        timeline = self._parts.timeline.timeline()
        self._timeline_model.show(timeline.studies)
        self.details.show_timeline(timeline)

    def _come_back(self) -> None:
        self.show()
        self.raise_()
        self.activateWindow()
        self.rows.go_to_rows()

    def _context_menu(self, position: QPoint) -> None:
        if self.table.indexAt(position).isValid():
            menu = self.actions_set.context_menu(CONTEXT_MENU)
            menu.popup(self.table.viewport().mapToGlobal(position))

    def _missed(self) -> None:
        tr = self._desk.tr
        self.bars.say(tr("The list moved under the mouse, so nothing was opened. Double-click again."), "attention")

    def _show_whose(self) -> None:
        self.setWindowTitle(titled(self._desk, self._desk.tr("Worklist")))

    def _show_waiting(self, waiting: int) -> None:
        self.bars.show_waiting(waiting, self.actions_set.key_text("worklist.refresh"))

    # --- building ---

    def _build(self) -> None:
        tr, theme = self._desk.tr, self._parts.theme
        self.setObjectName("worklist_window")
        self._show_whose()
        self._desk.on_named.append(self._show_whose)
        self.setMinimumSize(QSize(1100, 640))
        place(self, QSize(1280, 800))
        self.bars = WorklistBars(self._desk, self._parts.feed, self._parts.deliveries, self.commands.run)
        self.details = WorklistDetails(tr, theme, self._timeline_model, self.commands.run)
        split = QSplitter(Qt.Orientation.Vertical)
        split.setChildrenCollapsible(False)
        above = QWidget()
        rows = QVBoxLayout(above)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(4)
        rows.addWidget(self.table, 1)
        rows.addWidget(self.bars)  # below the rows: a bar that comes or goes must not move them under the mouse
        split.addWidget(above)
        split.addWidget(self.details)
        split.setStretchFactor(0, 1)
        split.setSizes([460, 250])
        body = QWidget()
        layout = QVBoxLayout(body)
        gap = theme.metrics["gap_px"]
        layout.setContentsMargins(gap, gap, gap, gap)
        layout.setSpacing(gap)
        layout.addWidget(self.filters)
        layout.addWidget(split, 1)
        self.setCentralWidget(body)
        self.setStatusBar(self.bars.status_bar)
        self.actions_set = ActionSet(self.commands, self._parts.keymap, "rows", tr, self)
        self.actions_set.bind_to_widget(self.table, ("study.claim_and_open", "study.look"))
        self.actions_set.fill_menu_bar(self.menuBar(), MENUS)
        self.details.set_button_texts((c.id, tr(c.title), self.actions_set.key_text(c.id)) for c in self.commands)
        self.table.setFocus()

    def _connect(self) -> None:
        parts = self._parts
        self.table.opened.connect(self.claim_and_open)
        self.table.customContextMenuRequested.connect(self._context_menu)
        self.rows.selection_changed.connect(self._show_details)
        self.table.missed.connect(self._missed)
        self.rows.waiting_changed.connect(self._show_waiting)
        self.rows.shown.connect(self._rows_shown)
        self._letting_go = LettingGo(self._desk, parts.feed, parts.actions, self.bars.request, self)
        self._questions.asked_for = self._letting_go.asked_for
        self._questions.went_on = self._letting_go.went_on
        parts.timeline.timeline_changed.connect(self._show_timeline)
        parts.actions.said.connect(self.bars.say)
        parts.actions.offered.connect(self.bars.say)
        parts.actions.next_asked.connect(self._come_back)
        parts.actions.going_on.connect(self.table.select)
        parts.actions.following = self.rows.following
