"""Reserve, assign, hand over and take over: asks what is needed, says it to the hub, tells what came of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from ups.codes import Person
from viewer.cancel import CancelToken
from worklist_client.commands.case_images import sentence_of
from worklist_client.commands.desk import Desk
from worklist_client.identity.names import display_name
from worklist_client.ui.dialogs import ReasonDialog
from worklist_client.ui.next_study import study_line
from worklist_client.ui.reader_choice import ReaderChoice
from worklist_client.ui.reader_dialog import name_first
from worklist_client.worklist.assigning import Assigning, AssignKind, AssignResult, TakeOverKind, TakeOverResult
from worklist_client.worklist.entries import Status, StudyEntry
from worklist_client.worklist.outcomes import ReleaseKind, ReleaseResult

Said = tuple[str, str]
"""A sentence and its tone."""
SILENT_REASONS: tuple[str, ...] = ("It is urgent and nobody is reading it", "Agreed with the reader")
ASKING_REASONS: tuple[str, ...] = ("It is urgent", "Agreed with the reader")
OWN_REASONS: tuple[str, ...] = ("I go on at another desk",)


class StudyQuestions(QObject):
    """One for the worklist window; `say(sentence, tone)` tells the reader, `put_away(entry)` closes the study."""

    def __init__(
        self,
        desk: Desk,
        say: Callable[[str, str], None],
        put_away: Callable[[StudyEntry], bool],
        window: QWidget,
    ) -> None:
        super().__init__(window)
        self._desk, self._say, self._put_away, self._window = desk, say, put_away, window
        self._assigning = Assigning(desk.client, desk.claims)
        self.asked_for: Callable[[StudyEntry], None] = lambda _entry: None
        """Told when a reader at work was asked for the study, and will answer."""
        self.went_on: Callable[[StudyEntry], None] = lambda _entry: None
        """Told when one's own study was fetched from another desk."""

    def ask(self, verb: str, entry: StudyEntry) -> None:
        """`verb`: reserve, assign, hand_over or take_over."""
        asks = {"reserve": self.reserve, "assign": self.assign, "hand_over": self.hand_over}
        name_first(self._desk, self._window, lambda: asks.get(verb, self.take_over)(entry))  # others see who it was

    def reserve(self, entry: StudyEntry) -> None:
        """For me; or, where it is mine already, for nobody."""
        is_mine = bool(entry.reserved_for_code) and entry.reserved_for_code == self._desk.reader.code
        person = None if is_mine else self._desk.client.reader
        self._assign(entry, person)

    def assign(self, entry: StudyEntry) -> None:
        """For somebody; asks whom."""
        tr = self._desk.tr
        text = f"{study_line(entry)}\n\n{tr('Who is to read this study?')}"
        person = ReaderChoice(self._desk, entry, tr("Assign"), text, self._window).person()
        if person is not None:
            self._assign(entry, person)

    def hand_over(self, entry: StudyEntry) -> None:
        """To somebody, with what is written; asks to whom."""
        tr = self._desk.tr
        text = tr("Who takes this study over from you? What you wrote goes along, readable for that reader only.")
        whole = f"{study_line(entry)}\n\n{text}"
        person = ReaderChoice(self._desk, entry, tr("Hand over"), whole, self._window).person()
        if person is not None and self._put_away(entry):  # stored whole: nothing is typed into what is given away
            self._in_hub(lambda: self._hand_over(entry, person), lambda result: self._handed(result, entry, person))

    def take_over(self, entry: StudyEntry) -> None:
        """From somebody who is at work, from somebody who is silent, or from oneself at another desk; asks why."""
        tr = self._desk.tr
        name = display_name(entry.holder) or tr("another reader")
        if entry.status is Status.MINE:
            text = tr(
                "You have claimed this study at another desk. Go on here? What you typed there stays there as a draft."
            )
            reasons, action = OWN_REASONS, tr("Go on here")
        elif entry.silent_since is None:
            text = tr("{name} is reading this study, and will be asked to let go of it. Why do you ask?", name=name)
            reasons, action = ASKING_REASONS, tr("Ask")
        else:
            text = tr("{name} holds this study, and will be told. Why do you take it over?", name=name)
            reasons, action = SILENT_REASONS, tr("Take over")
        text = f"{study_line(entry)}\n\n{text}"
        dialog = ReasonDialog(tr, tr("Take over"), text, [tr(reason) for reason in reasons], action, self._window)
        if dialog.exec():
            reason = dialog.reason()
            self._in_hub(
                lambda: self._assigning.take_over(entry.workitem_uid, reason), lambda result: self._taken(result, entry)
            )

    def _hand_over(self, entry: StudyEntry, person: Person) -> ReleaseResult:
        rows = self._desk.journal.drafts.editable(entry.workitem_uid)
        draft: dict[str, Any] | None = json.loads(rows[0].content) if rows else None
        return self._assigning.hand_over(entry.workitem_uid, person, draft, "handed over by the reader")

    def _assign(self, entry: StudyEntry, person: Person | None) -> None:
        self._in_hub(
            lambda: self._assigning.assign(entry.workitem_uid, person),
            lambda result: self._assigned(result, entry, person),
        )

    def _assigned(self, result: AssignResult, entry: StudyEntry, person: Person | None) -> Said:
        tr, study = self._desk.tr, study_line(entry)
        if result.kind is AssignKind.DONE and person is None:
            return tr("{study}: reserved for nobody any more.", study=study), "ok"
        if result.kind is AssignKind.DONE and person is not None:
            is_me = person.code == self._desk.reader.code
            name = tr("you") if is_me else _name_of(person)
            return tr("{study}: reserved for {name}.", study=study, name=name), "ok"
        if result.kind is AssignKind.OTHERWISE:
            text = tr("{name} was first.", name=display_name(result.holder) or tr("Another reader"))
            return f"{study}: {text}", "attention"
        return f"{study}: {tr('This study is not waiting to be read any more.')}", "attention"

    def _taken(self, result: TakeOverResult, entry: StudyEntry) -> Said:
        tr, study = self._desk.tr, study_line(entry)
        if result.kind is TakeOverKind.TAKEN:
            if entry.status is Status.MINE:
                self.went_on(entry)
            return f"{study}: {tr('The study is reserved for you. Claim it to begin.')}", "ok"
        if result.kind is TakeOverKind.ASKED:
            self.asked_for(entry)
            name = display_name(entry.holder) or tr("The reader")
            return tr("{name} is at work and was asked to let go of {study}.", name=name, study=study), "attention"
        text = tr("The study could not be taken over: {reason}", reason=tr(result.reason))
        return f"{study}: {text}", "danger"

    def _handed(self, result: ReleaseResult, entry: StudyEntry, person: Person) -> Said:
        tr, study = self._desk.tr, study_line(entry)
        if result.kind is ReleaseKind.RELEASED:
            return tr("{study}: handed over to {name}.", study=study, name=_name_of(person)), "ok"
        if result.kind is ReleaseKind.LOST:
            text = tr("The study was not yours any more: {reason}", reason=tr(result.reason))
            return f"{study}: {text}", "attention"
        text = tr("The shared worklist does not answer; the release is sent as soon as it does.")
        return f"{study}: {text}", "attention"

    def _in_hub(self, call: Callable[[], Any], done: Callable[[Any], Said]) -> None:
        tr = self._desk.tr

        def work(_request: None, _token: CancelToken) -> Any:
            return call()

        self._desk.runner.submit(
            work,
            None,
            lane="hub",
            owner=self,
            done=lambda value: self._say(*done(value)),
            failed=lambda error: self._say(f"{tr('That could not be done')}: {tr(sentence_of(error))}", "danger"),
        )


def _name_of(person: Person) -> str:
    """Name and number: two readers may be called alike."""
    name = display_name(person.name) or person.name
    return f"{name} ({person.code})" if name and name != person.code else person.code
