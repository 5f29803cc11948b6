"""When another reader asks for a study that is being read here: the question, its answer, and who is told of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QWidget

from ups.changes import KEPT_TEXT
from viewer.cancel import CancelToken
from worklist_client.commands.case_images import sentence_of
from worklist_client.commands.desk import Desk
from worklist_client.identity.names import display_name
from worklist_client.settings.language import Translator
from worklist_client.ui.bars import plain_label
from worklist_client.ui.list_feed import ListFeed
from worklist_client.ui.next_study import study_line
from worklist_client.ui.study_actions import StudyActions
from worklist_client.worklist.assigning import Assigning
from worklist_client.worklist.entries import Status, StudyEntry

EntryId = tuple[str, str]


class RequestBar(QFrame):
    """One question with two answers. It stays until it is answered, or until the study is not held any more."""

    def __init__(self, name: str, tr: Translator, fit: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setProperty("role", "bar")
        self.setProperty("tone", "attention")
        self._fit = fit
        self._keep: Callable[[], object] = lambda: None
        self._let_go: Callable[[], object] = lambda: None
        self._text = plain_label(f"{name}_text")
        self._text.setWordWrap(True)
        keep, let_go = QPushButton(tr("Keep it")), QPushButton(tr("Let go"))
        keep.setObjectName(f"{name}_keep")
        let_go.setObjectName(f"{name}_let_go")
        keep.clicked.connect(self.keep)
        let_go.clicked.connect(self.let_go)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(10, 4, 6, 4)
        layout.addWidget(self._text, 1)
        layout.addWidget(keep)
        layout.addWidget(let_go)
        self.entry_id: EntryId | None = None
        """The study that is asked for."""
        self.hide()

    def ask(self, entry: StudyEntry, text: str, keep: Callable[[], object], let_go: Callable[[], object]) -> None:
        """Show the question."""
        self.entry_id, self._keep, self._let_go = entry.entry_id, keep, let_go
        self._text.setText(text)
        self.setAccessibleName(text)
        self.show()
        self._fit()

    def text(self) -> str:
        """What it asks, empty while hidden."""
        return self._text.text() if not self.isHidden() else ""

    def keep(self) -> None:
        """Answer: it stays here."""
        self._keep()

    def let_go(self) -> None:
        """Answer: it goes back to the list."""
        self._let_go()

    def clear(self) -> None:
        """Put it away."""
        self.entry_id = None
        self.hide()
        self._fit()


class LettingGo(QObject):
    """Asks the holder, in the list and above the images; tells the asker what came of it."""

    def __init__(self, desk: Desk, feed: ListFeed, actions: StudyActions, bar: RequestBar, parent: QWidget) -> None:
        super().__init__(parent)
        self._desk, self._feed, self._actions, self._bar = desk, feed, actions, bar
        self._assigning = Assigning(desk.client, desk.claims)
        self._asked: dict[EntryId, StudyEntry] = {}
        """What this desk asked for, as it stood then."""
        self._fetched: dict[EntryId, StudyEntry] = {}
        """What comes here from another desk of the same reader, and is opened as soon as it is there."""
        feed.asked_to_let_go.connect(self._ask)
        feed.changed.connect(self._look)

    def asked_for(self, entry: StudyEntry) -> None:
        """From here somebody at work was asked for this study: what comes of it is to be told."""
        self._asked[entry.entry_id] = entry

    def went_on(self, entry: StudyEntry) -> None:
        """From here on the reader reads this study at this desk: claim and open it once the list shows it free."""
        self._fetched[entry.entry_id] = entry
        self._look()

    def _ask(self, entry: StudyEntry, who: str, why: str) -> None:
        """Only where this desk holds it: a coordinator hears of other people's questions too."""
        if not self._desk.claims.holds(entry.workitem_uid):
            return
        tr, name = self._desk.tr, display_name(who) or who
        text = tr("{who} asks for this study: {why}", who=name, why=why or "-")
        answers = (lambda: self._kept(entry), lambda: self._actions.release(entry))
        self._bar.ask(entry, f"{study_line(entry)}   {text}", *answers)
        above = self._above_images(entry)
        if above is not None:
            above.ask(entry, text, *answers)

    def _kept(self, entry: StudyEntry) -> None:
        self._put_away(entry)
        tr, assigning = self._desk.tr, self._assigning

        def work(_request: None, _token: CancelToken) -> None:
            assigning.keep(entry.workitem_uid)

        self._desk.runner.submit(
            work,
            None,
            lane="hub",
            owner=self,
            done=lambda _none: self._actions.said.emit(tr("You keep the study. Whoever asked for it is told."), "ok"),
            failed=lambda error: self._actions.said.emit(
                f"{tr('Whoever asked could not be told')}: {tr(sentence_of(error))}", "attention"
            ),
        )

    def _look(self) -> None:
        """The list changed: questions that have no object any more go, and answers are told."""
        now = {entry.entry_id: entry for entry in self._feed.entries()}
        asked_here = now.get(self._bar.entry_id) if self._bar.entry_id is not None else None
        if self._bar.entry_id is not None and (asked_here is None or asked_here.status is not Status.MINE):
            self._put_away(asked_here)
        for entry_id, before in tuple(self._fetched.items()):
            entry = now.get(entry_id)
            if entry is None or entry.workitem_uid != before.workitem_uid:
                del self._fetched[entry_id]
                if entry is not None:
                    self._actions.claim_and_open(entry)
        for entry_id, before in tuple(self._asked.items()):
            said = self._answer(before, now.get(entry_id))
            if said is not None:
                del self._asked[entry_id]
                if said[0]:
                    self._actions.said.emit(*said)

    def _answer(self, before: StudyEntry, now: StudyEntry | None) -> tuple[str, str] | None:
        """What became of a question; None = no answer yet, an empty sentence = nothing that is worth one."""
        tr, name = self._desk.tr, display_name(before.holder) or self._desk.tr("Another reader")
        if now is None or now.status in (Status.DELIVERING, Status.REPORTED, Status.CANCELED, Status.MINE):
            return "", "info"
        if now.status is not Status.CLAIMED:
            text = tr("{name} let go of {study}. It can be claimed.", name=name, study=study_line(now))
            return text, "ok"
        if now.progress_text == KEPT_TEXT and now.modified != before.modified:
            return tr("{name} goes on reading {study}.", name=name, study=study_line(now)), "attention"
        return None

    def _put_away(self, entry: StudyEntry | None) -> None:
        above = self._above_images(entry) if entry is not None else None
        for bar in (self._bar, above):
            if bar is not None:
                bar.clear()

    def _above_images(self, entry: StudyEntry) -> RequestBar | None:
        view: Any = getattr(self._actions.window_of(entry), "view", None)
        return view.request if view is not None else None
