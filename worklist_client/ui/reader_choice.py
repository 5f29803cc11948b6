"""Asks for whom a study is to be: offers whom the list has seen at once, and whom the hub knows as soon as it says.

A study, and a text that goes along sealed, must not go to nobody: who is no known reader is refused, or asked about.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from PySide6.QtWidgets import QWidget

from ups.codes import Person
from viewer.cancel import CancelToken
from worklist_client.commands.desk import Desk
from worklist_client.identity.names import display_name
from worklist_client.ui.dialogs import ReasonDialog, question
from worklist_client.worklist import region
from worklist_client.worklist.entries import StudyEntry
from worklist_client.worklist.region import KnownReaders

_NUMBER = re.compile(r"^(?=\S*\d)\S{1,64}$")
"""A personal number: one word with a digit in it. A name that nobody has is none."""
GUESSES = 3
"""How many readers are named whose names hold what was typed."""


class ReaderChoice:
    """One question; `person` is who was chosen. `entry` is the study, whose hospital and expertise decide who may."""

    def __init__(self, desk: Desk, entry: StudyEntry, title: str, text: str, window: QWidget) -> None:
        self._desk, self._title, self._seen = desk, title, seen_readers(desk)
        self._known: KnownReaders | None = None
        """What the hub said; None until it answers, and for good where it does not tell."""
        self._is_asked = True
        self._wanted = ""
        """What was to be taken before the hub had answered."""
        self._offered = self._labels(KnownReaders())
        hint = desk.tr("Choose a reader, or type a number")
        self._dialog = ReasonDialog(desk.tr, title, text, list(self._offered), title, window, hint=hint)
        self._dialog.refusal = self._refusal

        def ask(_request: None, _token: CancelToken) -> KnownReaders:
            return region.readers(desk.client, entry.site_id, entry.expertise)

        desk.runner.submit(
            ask,
            None,
            lane="search",
            owner=self._dialog,
            done=self._told,
            failed=lambda _error: self._answered(),  # what the list knows is offered already
        )

    def person(self) -> Person | None:
        """Show it; None where it was put off."""
        accepted, typed = self._dialog.exec(), self._dialog.reason()
        self._dialog.deleteLater()
        if not accepted or not typed:
            return None
        return self._found(typed) or Person(typed, typed)

    def _told(self, told: KnownReaders) -> None:
        self._known = told
        labels = self._labels(told)
        self._offered |= labels  # what was chosen before the hub answered still means that person
        self._dialog.offer(list(labels))
        self._answered()

    def _answered(self) -> None:
        self._is_asked = False
        self._dialog.say("")
        if self._dialog.isVisible() and self._wanted and self._wanted == self._dialog.reason():
            self._dialog.accept()  # as was asked for, where it is somebody

    def _found(self, typed: str) -> Person | None:
        """Whom the text means: a label, a number or a whole name that one reader alone has. None = nobody known."""
        me = self._desk.client.reader
        if me is not None and typed == me.code:
            return me  # to oneself at another desk
        people = tuple({person.code: person for person in self._offered.values()}.values())
        meant = self._offered.get(typed) or next((one for one in people if one.code == typed), None)
        if meant is None:
            named = [one for one in people if typed.casefold() == _shown_name(one).casefold()]
            meant = named[0] if len(named) == 1 else None
        return meant

    def _refusal(self) -> str:
        """Why the text cannot be taken; empty where it can, also after a question."""
        tr, typed = self._desk.tr, self._dialog.reason()
        person, known = self._found(typed), self._known
        if person is not None:
            codes = {one.code for one in known.people} if known is not None else set()
            is_me = person.code == self._desk.reader.code
            if known is None or not known.is_complete or is_me or person.code in codes:
                return ""
            text = tr("{name} may not read this study.", name=_shown_name(person))
            return f"{text} {tr('Choose a reader from the list.')}"
        if self._is_asked:
            self._wanted = typed
            return tr("The shared worklist is being asked who reads here…")
        if _NUMBER.match(typed) is None:
            return self._unknown_name(typed)
        if known is not None and known.is_complete:
            text = tr("No reader who may read this study has the number {number}.", number=typed)
            return f"{text} {tr('Choose a reader from the list.')}"
        text = tr(
            "Nobody by the number {number} is known here.\n\nWhere it is mistyped, the study waits for nobody, and "
            "nobody can read a text that goes along. Is the number right?",
            number=typed,
        )
        is_right = question(self._dialog, self._title, text, tr("The number is right"), tr("Choose again"))
        return "" if is_right else tr("Choose a reader, or type a number")

    def _unknown_name(self, typed: str) -> str:
        tr, part = self._desk.tr, typed.casefold()
        labels = {person.code: label for label, person in self._offered.items()}  # each once, as the hub calls him
        guesses = [label for label in labels.values() if part in label.casefold()][:GUESSES]
        text = tr("No reader is known here by the name “{name}”.", name=typed)
        return f"{text} {tr('Choose one from the list:')} {'; '.join(guesses)}" if guesses else text

    def _labels(self, told: KnownReaders) -> dict[str, Person]:
        """By what is shown. Whom the list alone has seen is left out where the hub knows everybody who may."""
        codes = {person.code for person in told.people}
        others = () if told.is_complete else (person for person in self._seen if person.code not in codes)
        people = [person for person in (*told.people, *others) if person.code != self._desk.reader.code]
        labels = {_label(person): person for person in people}
        return dict(sorted(labels.items(), key=lambda one: one[0].casefold()))


def seen_readers(desk: Desk) -> tuple[Person, ...]:
    """Whom the list knows: everybody who holds, held or is meant to read something. A reservation without a name is a
    number that somebody typed, right or wrong: nobody is known by it."""
    found: dict[str, Person] = {}
    for entry in desk.live.entries:
        for code, name in ((entry.holder_code, entry.holder), (entry.reserved_for_code, entry.reserved_for)):
            if code and name and name != code:
                found.setdefault(code, Person(code, name))
    return tuple(found.values())


def _shown_name(person: Person) -> str:
    return display_name(person.name) or person.name


def _label(person: Person) -> str:
    parts: Iterable[str] = (f"{_shown_name(person)} ({person.code})", person.organisation)
    return "  ·  ".join(part for part in parts if part)
