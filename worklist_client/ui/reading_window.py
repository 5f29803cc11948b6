"""The reading window: one study beside its priors, and its report. It shows what `CaseSession` says."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QPixmap
from PySide6.QtWidgets import QDialog, QMainWindow, QSplitter, QToolBar, QVBoxLayout, QWidget

from viewer.ui.viewer_widget import ViewerWidget
from worklist_client.commands.case import CaseSession
from worklist_client.commands.case_draft import AUTOSAVE_MS
from worklist_client.commands.case_images import sentence_of
from worklist_client.commands.case_state import CaseError, Standing, Topic
from worklist_client.commands.desk import Desk, is_named
from worklist_client.identity.links import Gate
from worklist_client.journal import JournalError
from worklist_client.reading.errors import ReadingError
from worklist_client.reading.priors import PriorCandidate
from worklist_client.settings.keymap import load_keymap
from worklist_client.settings.theme import load_theme
from worklist_client.ui.action_set import ActionSet
from worklist_client.ui.dialogs import KeysDialog, question
from worklist_client.ui.placing import place
from worklist_client.ui.reader_dialog import name_first
from worklist_client.ui.reading_card import IdentityCard
from worklist_client.ui.reading_commands import (
    TOOL,
    fill_toolbar,
    is_idle_preset,
    key_title,
    menus,
    reading_commands,
    reading_keymap,
)
from worklist_client.ui.reading_priors import refusal_text
from worklist_client.ui.reading_report import ReportPanel
from worklist_client.ui.reading_sign import THUMBNAIL_PX, SignDialog
from worklist_client.ui.reading_view import CaseView, ViewActs
from worklist_client.ui.window_title import titled
from worklist_client.worklist.entries import StudyEntry

_log = logging.getLogger("wl.ui.reading")

DELIVERY_MS = 500
"""How often the journal is asked how far a signed report is, until it is done."""
REPORT_WIDTH_PX = 380
TURN_MS = 1
"""Not 0: that would run within the same turn of the event loop."""


class ReadingWindow(QMainWindow):
    """One study. Everything that can be done is a row of `commands`; texts of people and reports are plain text."""

    outdated = Signal(object)
    """The list names another patient now (the newer entry): this window should be opened anew."""
    next_asked = Signal()
    """The reader is done here and wants the next study; the window has closed."""

    def __init__(
        self, desk: Desk, entry: StudyEntry, *, keymap_overlay: Path | None = None, claim: bool | None = None
    ) -> None:
        """With `claim` given, loading (and claiming, where true) begins at once, while the widgets are being made;
        `start` then only shows how far it is."""
        super().__init__()
        self.setObjectName("reading_window")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._desk, self._tr = desk, desk.tr
        self._theme = load_theme("dark")
        self.viewer = ViewerWidget(desk.runner, desk.tr, desk.render_path, new_uid=desk.new_uid)
        self.session = CaseSession(desk, entry, self.viewer)
        self.session.images.later = lambda seconds, call: QTimer.singleShot(round(seconds * 1000), self, call)
        self.session.outdated = lambda newer: QTimer.singleShot(0, self, lambda: self.outdated.emit(newer))
        self._begun = claim is not None
        if claim is not None:
            self.session.start(claim=claim)
        self.commands = reading_commands(self)
        acts = ViewActs(
            self.claim,
            self.release,
            self.retry_images,
            self.next_case,
            lambda: self.actions_.refresh(),
            lambda on: _run_while(self._delivery, on),
            lambda title: self.actions_.action("case.next").setText(title),
            self._connect_report,
        )
        self.view = CaseView(desk, self.session, self._theme, acts)
        # What the list asks of a window, for which nothing has to be done here.
        self.show_next, self.claim_if_free = self.view.show_next, self.session.claim.ask_if_free
        self.actions_ = ActionSet(self.commands, reading_keymap(load_keymap(keymap_overlay)), "reading", desk.tr, self)
        self.actions_.fill_menu_bar(self.menuBar(), menus())
        self._is_laid_out = False
        self.setWindowTitle(titled(desk, self.view.show_case(entry)))
        self._autosave = QTimer(self)
        self._autosave.setInterval(AUTOSAVE_MS)
        self._autosave.timeout.connect(self.session.keeper.save_soon)
        self._delivery = QTimer(self)
        self._delivery.setInterval(DELIVERY_MS)
        self._delivery.timeout.connect(self.session.signing.refresh)
        self.session.observe(self.view.on_topic)
        self.view.strip.chosen.connect(self.choose_prior)
        self.viewer.annotations_changed.connect(lambda _study: self.session.report.annotations_changed())
        self.viewer.retry_wanted.connect(lambda _study, _instance: self.retry_images())

    @property
    def report(self) -> ReportPanel:
        """The panel on the right."""
        return self.view.report

    def start(self, *, claim: bool) -> None:
        """Load, claim where asked, look for priors."""
        self._autosave.start()
        if not self._begun:
            self._begun = True
            self.session.start(claim=claim)
        for topic in (Topic.STANDING, Topic.PRIORS, Topic.DRAFT):
            self.view.on_topic(topic)
        if self.session.notice:
            self.view.on_topic(Topic.NOTICE)

    # --- what the hub and the session say ---

    def entry_changed(self, entry: StudyEntry) -> None:
        """The hub told something newer of this study."""
        remarks = self.session.entry.remarks
        self.session.entry_changed(entry)
        if self.session.entry.remarks != remarks:  # of whom the study may be, and whether it can be reported
            self.view.on_topic(Topic.NOTICE)

    # --- what the commands ask (`reading_commands.ReadingWindowPort`) ---

    def sign(self) -> None:
        """Show whom, what and where to; Enter signs."""
        self._try(self._sign)

    def insert_measurement(self) -> None:
        """Put the selected (or last drawn) measurement where the cursor is."""
        chosen = self.report.selected_annotation()
        if chosen:
            self._insert(chosen)

    def focus_report(self) -> None:
        """To the text that was used last."""
        self.report.focus_report()

    def focus_images(self) -> None:
        """To the images; what was typed is saved."""
        self.viewer.setFocus()

    def claim(self) -> None:
        """Ask for the claim (again)."""
        name_first(self._desk, self, self.session.claim.ask)

    def release(self) -> None:
        """Give the study back, after a question where something was written."""
        draft = self.session.report.draft
        written = any(draft.sections.get(name, "").strip() for name in ("findings", "impression"))
        text = self._tr("The study becomes available to everybody. What you wrote is kept here as a draft.")
        if written and not question(self, self._tr("Release"), text, self._tr("Release"), self._tr("Keep it")):
            return
        self._try(self.session.claim.release)

    def retry_images(self) -> None:
        """Go on with what is missing."""
        self.session.retry_images()

    def next_case(self) -> None:
        """Close, and on to the next study of the list."""
        if self.close():
            self.next_asked.emit()

    def close_window(self) -> None:
        """Close; the claim stays."""
        self.close()

    def next_prior(self) -> None:
        """Open the next prior of the strip, or its card."""
        rows = [row for row in self.session.priors.rows() if row.gate is not Gate.CLOSED and not row.declined]
        if rows:
            hung = next((place for place, row in enumerate(rows) if row.hung), -1)
            self.choose_prior(rows[(hung + 1) % len(rows)].candidate.candidate_id)

    def show_keys(self) -> None:
        """All keys of this window."""
        presets = self.viewer.desk.presets
        rows = [
            (key_title(row, presets, self._tr), self.actions_.action(row.id).shortcuts())
            for row in self.commands
            if not is_idle_preset(row, presets)
        ]
        KeysDialog(self._tr, [row for row in rows if row[1]], self).exec()

    def is_editable(self) -> bool:
        """Whether the report takes text."""
        return self.session.editable

    def is_claimable(self) -> bool:
        """Whether asking for the claim makes sense."""
        return self.session.claim.standing in (Standing.LOOKING, Standing.UNCLEAR)

    def is_mine(self) -> bool:
        """Whether the claim is mine."""
        return self.session.claim.standing is Standing.MINE

    def perform(self, action_id: str) -> None:
        """One action of the viewer."""
        self.viewer.perform(action_id)
        if action_id.startswith(TOOL):
            self.actions_.action(action_id).setChecked(True)

    def choose_prior(self, candidate_id: tuple[str, str]) -> None:
        """Open a prior; where its identity is not proven, the card comes first."""

        def choose() -> None:
            row = self.session.priors.row(candidate_id)
            if row.gate is Gate.CLOSED:
                self.view.notice.say(refusal_text(row, self._tr), "attention")
                return
            if row.gate is not Gate.CARD:
                self.session.priors.open(candidate_id)
                return
            card = self.make_card(row.candidate)
            if card.exec() == QDialog.DialogCode.Accepted:
                self.session.priors.confirm(candidate_id, card.ticked())
            elif card.declined:
                self.session.priors.decline(candidate_id)

        self._try(choose)

    def make_card(self, candidate: PriorCandidate) -> IdentityCard:
        """The side-by-side card of a prior."""
        home = self._desk.sites.get(self.session.entry.site_id)
        other = self._desk.sites.get(candidate.site_id)
        return IdentityCard(
            candidate,
            self.session.entry.patient,
            ((home.name, home.color), (other.name, other.color)),
            self._tr,
            self._theme,
            self,
        )

    def make_sign_dialog(self) -> SignDialog:
        """The sign dialog as it would be shown. Raises `CannotSign`."""
        summary = self.session.signing.summary()
        return SignDialog(summary, self._tr, self._theme, self._desk.now().date(), self, _thumbnail(self.viewer))

    def setVisible(self, visible: bool) -> None:
        """Qt: laid out before it is first shown."""
        if visible:
            self.lay_out()
        super().setVisible(visible)

    def lay_out(self) -> None:
        """Put the widgets in their places, once."""
        if not self._is_laid_out:
            self._is_laid_out = True
            self._build()
            self.viewer.setFocus()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Qt: nothing typed is lost; where it cannot be stored the window stays. Otherwise everything is torn down,
        whatever else fails: Qt deletes the window then, and what still fed or drew into it would end the program."""
        try:
            self.session.close()
        except JournalError as error:
            self.view.notice.say(self._tr(error.reason), "danger")
            event.ignore()
            return
        except Exception as error:  # noqa: BLE001 - the border of an event: the rest must still be torn down
            _log.error("a case did not close properly: %s", type(error).__name__)
        for end in (self._autosave.stop, self._delivery.stop, self.viewer.close_down):
            try:
                end()
            except Exception as error:  # noqa: BLE001 - as above
                _log.error("a reading window did not close properly: %s", type(error).__name__)
        super().closeEvent(event)

    # --- inside ---

    def _build(self) -> None:
        """From the outside in: whatever is put into a parent of its own first is styled once, not at each level."""
        whole = QWidget()
        self.setCentralWidget(whole)
        rows = QVBoxLayout(whole)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(0)
        for widget in (self.view.bar, self.view.strip, self.view.request, self.view.notice):
            rows.addWidget(widget)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setObjectName("reading_split")
        rows.addWidget(split, 1)
        left = QWidget()
        split.addWidget(left)
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        toolbar = QToolBar(self._tr("Tools"))
        toolbar.setObjectName("reading_toolbar")
        column.addWidget(toolbar)
        fill_toolbar(toolbar, self.actions_, self._theme, self._tr)
        column.addWidget(self.viewer, 1)
        split.addWidget(self.report)
        split.setStretchFactor(0, 1)
        split.setStretchFactor(1, 0)
        split.setChildrenCollapsible(False)
        split.setSizes([1500, REPORT_WIDTH_PX])
        self.report.setMinimumWidth(300)
        place(self, QSize(1600, 950))

    def _connect_report(self, report: ReportPanel) -> None:
        self.viewer.annotation_selected.connect(report.select_annotation)
        write = self.session.report.set_section
        report.typed.connect(lambda section, text: self._try(lambda: write(section, text)))
        report.left.connect(self.session.keeper.save_soon)
        report.insert_asked.connect(self._insert)
        report.link_followed.connect(self.session.report.go_to)
        report.sign_asked.connect(lambda: self.commands.run("case.sign"))

    def _insert(self, annotation_id: str) -> None:
        section, position = self.report.where()

        def insert() -> None:
            known = self.session.report.place_of(annotation_id)
            if known is not None:  # never twice: to where it stands
                self.report.put_cursor(*known)
                self.report.edit(known[0]).setFocus()
                return
            after = self.session.report.insert_measurement(annotation_id, section, position)
            self.report.put_cursor(section, after)

        self._try(insert)

    def _sign(self) -> None:
        if not is_named(self._desk.reader):
            text = self._tr("A report is signed by name. Fill in who you are before you sign.")
            self.view.notice.say(
                text, "attention", self._tr("Fill in …"), lambda: name_first(self._desk, self, self.sign)
            )
            return
        self.session.signing.store_text()
        dialog = self.make_sign_dialog()
        if dialog.exec() == QDialog.DialogCode.Accepted:
            self.session.signing.sign(dialog.confirmed())

    def _try(self, act: Callable[[], object]) -> None:
        """The border of a command: what it refuses becomes a sentence."""
        try:
            act()
        except (CaseError, ReadingError, JournalError) as error:
            self.view.notice.say(self._tr(sentence_of(error)), "attention")


def _thumbnail(viewer: ViewerWidget) -> QPixmap:
    """What is on the screen, small: the reader sees what is signed."""
    picture: QPixmap = viewer.desk.grid.grab()
    return picture.scaledToHeight(THUMBNAIL_PX, Qt.TransformationMode.SmoothTransformation)


def _run_while(timer: QTimer, on: bool) -> None:
    """Start or stop; what runs already goes on in its own time."""
    if not on:
        timer.stop()
    elif not timer.isActive():
        timer.start()


def open_reading_window(desk: Desk, entry: StudyEntry, claim: bool) -> ReadingWindow:
    """Make the window of a study, show it, and start: images load while the claim is asked for."""
    window = ReadingWindow(desk, entry, claim=claim)

    steps = iter((lambda: window.report, window.lay_out, window.show, lambda: window.start(claim=claim)))

    def step() -> None:
        following = next(steps, None)
        if following is not None:
            following()
            QTimer.singleShot(TURN_MS, window, step)

    # Each in a turn of its own: together they would keep the event loop for longer than a person notices.
    QTimer.singleShot(TURN_MS, window, step)
    return window
