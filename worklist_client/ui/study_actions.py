"""What can be done with the selected study: claim and open, look, release, take off the list. And the open windows."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QApplication, QWidget

from ups.workitem import Workitem
from viewer.cancel import CancelToken
from worklist_client.commands.case_images import sentence_of
from worklist_client.commands.desk import Desk, UnknownSite
from worklist_client.identity.names import display_name
from worklist_client.journal import PackageState
from worklist_client.ui.next_study import NextActs, NextStudy, study_line
from worklist_client.ui.reader_dialog import name_first
from worklist_client.worklist.assigning import Assigning
from worklist_client.worklist.entries import Status, StudyEntry
from worklist_client.worklist.outcomes import ReleaseKind, ReleaseResult

EntryId = tuple[str, str]
T = TypeVar("T")
Following = Callable[[EntryId], tuple[StudyEntry, ...]]
Opener = Callable[[Desk, StudyEntry, bool], QWidget]

CLAIMABLE = frozenset({Status.INCOMING, Status.AVAILABLE, Status.RESERVED, Status.MINE})
ELSEWHERE = frozenset({Status.INCOMING, Status.AVAILABLE, Status.RESERVED})
VISIBLE = frozenset(Status) - {Status.CANCELED}


class StudyActions(QObject):
    """Acts on entries; tells with `said` (a sentence and its tone) what a person should know."""

    said = Signal(str, str)
    """(sentence, tone): tone is info, ok, attention or danger."""
    offered = Signal(str, str, str, object)
    """(sentence, tone, what can be done about it, how)."""
    windows_changed = Signal()
    next_asked = Signal()
    """The reader is done, and nothing is left to go on with: to the list."""
    going_on = Signal(object)
    """(site, study) that is opened next."""

    def __init__(self, desk: Desk, open_window: Opener, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desk, self._open_window = desk, open_window
        self._windows: dict[EntryId, QWidget] = {}
        self._claiming: set[EntryId] = set()
        acts = NextActs(
            open=self._open_next,
            is_open=self._windows.__contains__,
            say=self.said.emit,
            come_back=self.next_asked.emit,
        )
        self._next = NextStudy(desk, acts, self)
        self.following: Following = lambda _finished: ()
        """Set by the list: what may be read after a study, in its order."""

    def claim_and_open(self, entry: StudyEntry) -> None:
        """Claim and open; a study that somebody else holds is opened for looking, and that is said."""
        tr = self._desk.tr
        if entry.status in CLAIMABLE:
            self._named(lambda: self._open(entry, claim=True))
            return
        if entry.status is Status.CANCELED:
            self._tell(entry, tr("This study was withdrawn: {reason}", reason=entry.cancel_reason or "-"), "attention")
            return
        if entry.status is Status.CLAIMED:
            who = display_name(entry.holder) or tr("another reader")
            self._tell(
                entry, tr("{name} is reading this study. It was opened for looking only.", name=who), "attention"
            )
        self._open(entry, claim=False)

    def look(self, entry: StudyEntry) -> None:
        """Open without claiming."""
        self._open(entry, claim=False)

    def release(self, entry: StudyEntry) -> None:
        """Give a claimed study back. Where it is open, its window does it, for it holds the draft."""
        window = self._windows.get(entry.entry_id)
        if window is not None:
            release: Any = getattr(window, "release", None)
            if callable(release):
                release()
                return
        tr, study = self._desk.tr, study_line(entry)

        def released(result: ReleaseResult) -> tuple[str, str]:
            text = tr("The shared worklist does not answer; the release is sent as soon as it does.")
            if result.kind is ReleaseKind.RELEASED:
                text = tr("Released. The study is available to everybody again.")
            elif result.kind is ReleaseKind.LOST:
                text = tr("The study was not yours any more: {reason}", reason=tr(result.reason))
            return f"{study}: {text}", "ok" if result.kind is ReleaseKind.RELEASED else "attention"

        self._in_hub(
            lambda: self._desk.claims.release(entry.workitem_uid),
            released,
            f"{study}: {tr('The study could not be released')}",
        )

    def read_elsewhere(self, entry: StudyEntry, reason: str) -> None:
        """Take a study off the list, with the reason."""
        tr, study = self._desk.tr, study_line(entry)

        def taken(before: Workitem) -> tuple[str, str]:
            text = tr("{study}: taken off the list. {reason}", study=study, reason=reason)
            if not before.patient_id:  # perhaps not shown to this desk: what it cannot see whole it must not write anew
                return text, "ok"
            back = partial(self._put_back, study, before)
            self.offered.emit(text, "ok", tr("Put it back on the list"), back)
            return "", ""

        self._in_hub(
            lambda: self._desk.claims.read_elsewhere(entry.workitem_uid, reason),
            taken,
            f"{study}: {tr('The study could not be taken off the list')}",
        )

    def _put_back(self, study: str, before: Workitem) -> None:
        """It was a mistake."""
        tr = self._desk.tr
        self._in_hub(
            lambda: Assigning(self._desk.client, self._desk.claims).put_back(before),
            lambda _none: (tr("{study}: back on the list.", study=study), "ok"),
            f"{study}: {tr('The study could not be put back on the list')}",
        )

    def go_on(self, finished: EntryId) -> None:
        """Claim and open what comes next; see `NextStudy`."""
        self._named(lambda: self._next.begin(self._ready_after(finished)))

    def told(self, entries: tuple[StudyEntry, ...]) -> None:
        """The list changed: pass on to open windows what concerns them, and say when a claim was lost."""
        self._name_next()
        for entry in entries:
            window = self._windows.get(entry.entry_id)
            if window is None:
                continue
            changed: Any = getattr(window, "entry_changed", None)
            if callable(changed):
                changed(entry)
            if entry.entry_id not in self._claiming:
                continue
            if entry.status is Status.CLAIMED:
                self._claiming.discard(entry.entry_id)
                who = display_name(entry.holder) or self._desk.tr("Another reader")
                text = self._desk.tr("{name} claimed this study first. You can look, not report.", name=who)
                self._tell(entry, text, "danger")
            elif entry.status is not Status.AVAILABLE:
                self._claiming.discard(entry.entry_id)

    def _named(self, then: Callable[[], None]) -> None:
        """A claim is seen by everybody, so it is made only once it is known who reads here."""
        parent = self.parent()
        name_first(self._desk, parent if isinstance(parent, QWidget) else QApplication.activeWindow(), then)

    def put_away(self, entry: StudyEntry) -> bool:
        """Close the study's reading window, which stores what was typed; False where it cannot, and stays open."""
        window = self._windows.get(entry.entry_id)
        return window is None or window.close()

    def window_of(self, entry: StudyEntry) -> QWidget | None:
        """The reading window of this study, where one is open."""
        return self._windows.get(entry.entry_id)

    def windows(self) -> tuple[QWidget, ...]:
        """Reading windows that are open."""
        return tuple(self._windows.values())

    def _open(self, entry: StudyEntry, *, claim: bool) -> None:
        self._next.drop()
        window = self._windows.get(entry.entry_id)
        if window is not None:
            window.show()
            window.raise_()
            window.activateWindow()
            claim_here: Any = getattr(window, "claim_if_free", None)
            if claim and callable(claim_here):
                claim_here()
            return
        try:
            self._desk.sites.get(entry.site_id)
        except UnknownSite:
            text = self._desk.tr("The hospital of this study is not known here, so it cannot be opened.")
            self._tell(entry, text, "danger")
            return
        window = self._open_window(self._desk, entry, claim)
        entry_id = entry.entry_id
        self._windows[entry_id] = window
        if claim and entry.status is not Status.MINE:
            self._claiming.add(entry_id)
        window.destroyed.connect(lambda: self._closed(entry_id))
        outdated: Any = getattr(window, "outdated", None)
        if outdated is not None:
            outdated.connect(lambda newer: self._open_anew(window, newer))
        next_asked: Any = getattr(window, "next_asked", None)
        if next_asked is not None:
            next_asked.connect(lambda: self.go_on(entry_id))
        self._name_next()
        self.windows_changed.emit()

    def _open_anew(self, window: QWidget, entry: StudyEntry) -> None:
        """Its hospital corrected whose study it is: the window goes, and one for the patient of now comes."""
        if window.close():
            window.destroyed.connect(lambda: self._open(entry, claim=entry.status is Status.MINE))

    def _ready_after(self, finished: EntryId) -> tuple[StudyEntry, ...]:
        """Without what was signed here already and waits for the hub to hear it."""
        return tuple(entry for entry in self.following(finished) if not self._is_signed(entry))

    def _is_signed(self, entry: StudyEntry) -> bool:
        if entry.status is not Status.MINE:
            return False
        rows = self._desk.journal.outbox.of_workitem(entry.workitem_uid)
        return any(row.state is not PackageState.WITHDRAWN for row in rows)

    def _open_next(self, entry: StudyEntry) -> None:
        self.going_on.emit(entry.entry_id)
        self._open(entry, claim=True)

    def _name_next(self) -> None:
        """Each reading window says on its button who comes next."""
        for entry_id, window in self._windows.items():
            show_next: Any = getattr(window, "show_next", None)
            if callable(show_next):
                ready = self._ready_after(entry_id)
                show_next(study_line(ready[0]) if ready else "")

    def _closed(self, entry_id: EntryId) -> None:
        self._windows.pop(entry_id, None)
        self._claiming.discard(entry_id)
        self.windows_changed.emit()

    def _tell(self, entry: StudyEntry, text: str, tone: str) -> None:
        """About one study: the row may be gone, and another one selected, when it is read."""
        self.said.emit(f"{study_line(entry)}: {text}", tone)

    def _said(self, text: str, tone: str) -> None:
        if text:
            self.said.emit(text, tone)

    def _in_hub(self, call: Callable[[], T], done: Callable[[T], tuple[str, str]], failed: str) -> None:
        def work(_request: None, _token: CancelToken) -> T:
            return call()

        self._desk.runner.submit(
            work,
            None,
            lane="hub",
            owner=self,
            done=lambda value: self._said(*done(value)),
            failed=lambda error: self.said.emit(f"{failed}: {self._desk.tr(sentence_of(error))}", "danger"),
        )
