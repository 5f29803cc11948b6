"""Asks for whom a study is to be: offers whom the list has seen at once, and whom the hub knows as soon as it says."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtWidgets import QWidget

from ups.codes import Person
from viewer.cancel import CancelToken
from worklist_client.commands.desk import Desk
from worklist_client.identity.names import display_name
from worklist_client.ui.dialogs import ReasonDialog
from worklist_client.worklist import region
from worklist_client.worklist.entries import StudyEntry
from worklist_client.worklist.region import KnownReaders


class ReaderChoice:
    """One question; `person` is who was chosen. `entry` is the study, whose hospital and expertise decide who may."""

    def __init__(self, desk: Desk, entry: StudyEntry, title: str, text: str, window: QWidget) -> None:
        self._desk, self._seen = desk, seen_readers(desk)
        self._offered = self._labels(KnownReaders())
        hint = desk.tr("Choose a reader, or type a number")
        self._dialog = ReasonDialog(desk.tr, title, text, list(self._offered), title, window, hint=hint)

        def ask(_request: None, _token: CancelToken) -> KnownReaders:
            return region.readers(desk.client, entry.site_id, entry.expertise)

        desk.runner.submit(
            ask,
            None,
            lane="search",
            owner=self._dialog,
            done=self._told,
            failed=lambda _error: None,  # away, or a hub that does not tell: what the list knows is offered already
        )

    def person(self) -> Person | None:
        """Show it; None where it was put off."""
        accepted, typed = self._dialog.exec(), self._dialog.reason()
        self._dialog.deleteLater()
        if not accepted or not typed:
            return None
        by_code = {person.code: person for person in self._offered.values()}
        return self._offered.get(typed) or by_code.get(typed) or Person(typed, typed)

    def _told(self, told: KnownReaders) -> None:
        labels = self._labels(told)
        self._offered |= labels  # what was chosen before the hub answered still means that person
        self._dialog.offer(list(labels))

    def _labels(self, told: KnownReaders) -> dict[str, Person]:
        """By what is shown. Whom the list alone has seen is left out where the hub knows everybody who may."""
        codes = {person.code for person in told.people}
        others = () if told.is_complete else (person for person in self._seen if person.code not in codes)
        people = [person for person in (*told.people, *others) if person.code != self._desk.reader.code]
        labels = {_label(person): person for person in people}
        return dict(sorted(labels.items(), key=lambda one: one[0].casefold()))


def seen_readers(desk: Desk) -> tuple[Person, ...]:
    """Whom the list knows: everybody who holds, held or is meant to read something."""
    found: dict[str, Person] = {}
    for entry in desk.live.entries:
        for code, name in ((entry.holder_code, entry.holder), (entry.reserved_for_code, entry.reserved_for)):
            if code:
                found.setdefault(code, Person(code, name or code))
    return tuple(found.values())


def _label(person: Person) -> str:
    name = display_name(person.name) or person.name
    parts: Iterable[str] = (f"{name} ({person.code})", person.organisation)
    return "  ·  ".join(part for part in parts if part)
