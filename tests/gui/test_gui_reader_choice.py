"""To whom a study may be assigned or handed over: the list's readers at once, the hub's as soon as it answers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QComboBox, QDialogButtonBox, QLabel, QWidget
from pytestqt.qtbot import QtBot

from pacs.site import Site
from tests.peers.hub import running_hub, study_to_read
from ups.codes import Person
from ups.errors import NotFound
from ups.events import Snapshot
from viewer.tasks import TaskRunner
from worklist_client.commands.desk import Desk
from worklist_client.composition import compose
from worklist_client.journal import Journal
from worklist_client.settings.language import Translator
from worklist_client.settings.profile import open_profile
from worklist_client.settings.store import Settings
from worklist_client.ui import reader_choice
from worklist_client.ui.dialogs import ReasonDialog
from worklist_client.ui.reader_choice import ReaderChoice, seen_readers
from worklist_client.worklist import region
from worklist_client.worklist.embedded import HubAddress
from worklist_client.worklist.entries import StudyEntry
from worklist_client.worklist.region import KnownReaders, RegionError
from worklist_client.worklist.rows import entry_from_workitem
from worklist_hub.service import Hub

DEADLINE_MS = 20_000
TOKEN = "coordinator's own token"
SITES = (Site("north", "North", "#4c9be8"), Site("south", "South", "#e8994c"))
BOB = Person("2", "Bakker^Bob")
READERS = (
    ("cor", "Peters^Cora", "coordinator", "north", ""),
    ("11", "Vries^Sanne", "reader", "north", "neuro"),
    ("12", "Smit^Max", "reader", "north", "msk"),
    ("13", "Jong^Els", "reader", "south", ""),
    ("14", "Mol^Eva", "reader", "*", ""),
)
EVA, SANNE = "MOL, Eva (14)  ·  Group", "VRIES, Sanne (11)  ·  Group"


def token_file(folder: Path) -> Path:
    tables = []
    for code, name, role, site, expertise in READERS:
        only = f'expertise = ["{expertise}"]\n' if expertise else ""
        token = TOKEN if code == "cor" else f"a token of {code} of its own"
        tables.append(f'[[reader]]\ncode = "{code}"\nname = "{name}"\norganisation = "Group"\ntoken = "{token}"\n')
        tables.append(f'[[reader.grant]]\nsite = "{site}"\nrole = "{role}"\n{only}')
    path = folder / "tokens.toml"
    path.write_text("".join(tables))
    path.chmod(0o600)
    return path


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with running_hub(tmp_path, sites=SITES, token_file=token_file(tmp_path), intake_enabled=False) as running:
        yield running


@pytest.fixture
def desk(hub: Hub, tmp_path: Path, qtbot: QtBot) -> Iterator[Desk]:
    runner, profile = TaskRunner(), open_profile("cor", str(tmp_path))
    journal = Journal.open(profile.folder / "journal.sqlite")
    known = Person("cor", "Peters^Cora", "Group")
    address = HubAddress(hub.url, TOKEN)
    made = compose(runner, profile, Settings.in_memory(), journal, Translator("en"), address, solo=False, known=known)
    yield made
    assert runner.shutdown() == []
    made.client.close()
    journal.close()


def entry_of(**more: Any) -> StudyEntry:
    return entry_from_workitem(
        study_to_read(patient_name="Doe^Jane", **more), me="cor", sites={one.site_id: one for one in SITES}
    )


def asked(
    desk: Desk, qtbot: QtBot, act: Callable[[ReasonDialog, QComboBox], bool], entry: StudyEntry | None = None
) -> Person | None:
    """Ask; `act` is called until it says that it has answered."""
    parent = QWidget()
    qtbot.addWidget(parent)
    timer = QTimer(parent)
    timer.setInterval(10)

    def look() -> None:
        dialog = QApplication.activeModalWidget()
        if isinstance(dialog, ReasonDialog) and act(dialog, dialog._reason):
            timer.stop()

    timer.timeout.connect(look)
    timer.start()
    QTimer.singleShot(DEADLINE_MS, parent, lambda: end_all(parent))
    return ReaderChoice(desk, entry or entry_of(expertise="neuro"), "Assign", "Who?", parent).person()


def end_all(parent: QWidget) -> None:
    for one in parent.findChildren(ReasonDialog):
        one.reject()


def items(box: QComboBox) -> list[str]:
    return [box.itemText(index) for index in range(box.count())]


def note(dialog: ReasonDialog) -> str:
    """What the dialog says against the choice."""
    label = dialog.findChild(QLabel, "reason_note")
    assert isinstance(label, QLabel)
    return label.text() if not label.isHidden() else ""


def press(dialog: ReasonDialog) -> None:
    dialog._buttons.button(QDialogButtonBox.StandardButton.Ok).click()


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """The hub answers once it is set."""
    event, really = threading.Event(), region.readers

    def late(*given: Any) -> KnownReaders:
        assert event.wait(30)
        return really(*given)

    monkeypatch.setattr(region, "readers", late)
    yield event
    event.set()


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The list has seen Eva, whose organization it does not tell, and Bob."""
    monkeypatch.setattr(reader_choice, "seen_readers", lambda _desk: (Person("14", "Mol^Eva"), BOB))


def test_in_a_fresh_region_a_coordinator_is_offered_who_may_read_the_study(desk: Desk, qtbot: QtBot) -> None:
    offered: list[str] = []

    def act(dialog: ReasonDialog, box: QComboBox) -> bool:
        offered[:] = items(box)
        if len(offered) < 2:
            return False
        assert (box.currentText(), box.currentIndex()) == ("", -1)  # nobody is chosen before somebody is
        box.setCurrentText(SANNE)
        press(dialog)
        return True

    assert asked(desk, qtbot, act) == Person("11", "Vries^Sanne", "Group")
    assert offered == [EVA, SANNE]  # not who reads other studies, not who reads elsewhere


def test_a_number_means_the_reader_whom_the_hub_knows_by_it(desk: Desk, qtbot: QtBot) -> None:
    def act(dialog: ReasonDialog, box: QComboBox) -> bool:
        if not items(box):
            return False
        box.setEditText("11")
        press(dialog)
        return True

    assert asked(desk, qtbot, act) == Person("11", "Vries^Sanne", "Group")


def test_what_is_typed_before_the_hub_answers_stays(
    desk: Desk, qtbot: QtBot, gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, int]] = []

    def act(dialog: ReasonDialog, box: QComboBox) -> bool:
        edit = box.lineEdit()
        assert edit is not None
        if not gate.is_set():
            assert items(box) == []  # it is open although the hub has not answered
            edit.setText("900123")
            edit.setCursorPosition(3)
            gate.set()
        if not items(box):
            return False
        seen.append((edit.text(), edit.cursorPosition()))
        press(dialog)
        return True

    monkeypatch.setattr(region, "readers", lambda *_given: gate.wait(30) and KnownReaders((Person("14", "Mol^Eva"),)))
    monkeypatch.setattr(reader_choice, "question", lambda *_given: True)
    assert asked(desk, qtbot, act) == Person("900123", "900123")
    assert seen == [("900123", 3)]


@pytest.mark.parametrize(("chosen", "found"), [("MOL, Eva (14)", Person("14", "Mol^Eva")), ("BAKKER, Bob (2)", None)])
def test_who_was_chosen_before_the_hub_answers_stays_chosen_where_he_may_read(
    desk: Desk, qtbot: QtBot, gate: threading.Event, seen: None, chosen: str, found: Person | None
) -> None:
    def act(dialog: ReasonDialog, box: QComboBox) -> bool:
        if not gate.is_set():
            assert items(box) == ["BAKKER, Bob (2)", "MOL, Eva (14)"]
            box.setCurrentText(chosen)
            gate.set()
        if EVA not in items(box):
            return False
        assert box.currentText() == chosen
        assert "BAKKER, Bob (2)" not in items(box)  # this hub knows everybody who may
        press(dialog)
        if found is None:
            assert note(dialog) == "BAKKER, Bob may not read this study. Choose a reader from the list."
            dialog.reject()
        return True

    assert asked(desk, qtbot, act) == found


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("999999", "No reader who may read this study has the number 999999. Choose a reader from the list."),
        ("12", "No reader who may read this study has the number 12. Choose a reader from the list."),
        ("nobody", "No reader is known here by the name “nobody”."),
        ("sann", f"No reader is known here by the name “sann”. Choose one from the list: {SANNE}"),
    ],
)
def test_who_is_no_reader_of_the_study_is_refused_where_the_hub_knows_them_all(
    desk: Desk, qtbot: QtBot, typed: str, said: str
) -> None:
    """A study, and the text that was sealed for it, was handed over to a number that nobody has."""

    def act(dialog: ReasonDialog, box: QComboBox) -> bool:
        if not items(box):
            return False
        box.setEditText(typed)
        press(dialog)
        assert (dialog.isVisible(), note(dialog)) == (True, said)
        box.setEditText("11")
        assert note(dialog) == ""
        press(dialog)
        return True

    assert asked(desk, qtbot, act) == Person("11", "Vries^Sanne", "Group")


@pytest.mark.parametrize("is_away", [True, False], ids=["no answer", "not all of them"])
@pytest.mark.parametrize("is_right", [True, False])
def test_an_unknown_number_is_asked_about_where_the_hub_does_not_know_them_all(
    desk: Desk, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, seen: None, is_away: bool, is_right: bool
) -> None:
    asked_of: list[str] = []

    def told(*_given: Any) -> KnownReaders:
        if is_away:
            raise RegionError("away")
        return KnownReaders((Person("14", "Mol^Eva", "Group"),))

    def question(_parent: QWidget, _title: str, text: str, *_verbs: str) -> bool:
        asked_of.append(text)
        return is_right

    monkeypatch.setattr(region, "readers", told)
    monkeypatch.setattr(reader_choice, "question", question)

    def act(dialog: ReasonDialog, box: QComboBox) -> bool:
        box.setEditText("pet")
        press(dialog)
        if "being asked" in note(dialog):
            return False
        assert note(dialog) == "No reader is known here by the name “pet”."
        assert asked_of == []
        box.setEditText("999999")
        press(dialog)
        if not is_right:
            assert dialog.isVisible()
            dialog.reject()
        return True

    assert asked(desk, qtbot, act) == (Person("999999", "999999") if is_right else None)
    (text,) = asked_of
    assert text.startswith("Nobody by the number 999999 is known here.")


def test_what_is_said_against_a_choice_is_readable_as_a_whole(desk: Desk, qtbot: QtBot, seen: None) -> None:
    """The dialog kept its height: the first and the last line were cut in half, and one reader was named twice."""

    def act(dialog: ReasonDialog, box: QComboBox) -> bool:
        if EVA not in items(box):
            return False
        if box.currentText() != "eva":
            box.setEditText("eva")
            press(dialog)
            return False
        label = dialog.findChild(QLabel, "reason_note")
        assert isinstance(label, QLabel)
        assert label.text().endswith(f"Choose one from the list: {EVA}")
        assert label.height() >= label.heightForWidth(label.width())
        dialog.reject()
        return True

    assert asked(desk, qtbot, act) is None


@pytest.mark.parametrize(("typed", "found"), [("999999", None), ("14", Person("14", "Mol^Eva", "Group"))])
def test_nobody_unknown_is_taken_before_the_hub_has_said_who_reads(
    desk: Desk, qtbot: QtBot, gate: threading.Event, typed: str, found: Person | None
) -> None:
    def act(dialog: ReasonDialog, box: QComboBox) -> bool:
        if not gate.is_set():
            box.setEditText(typed)
            press(dialog)
            assert note(dialog) == "The shared worklist is being asked who reads here…"
            gate.set()
        if not items(box):
            return False
        assert note(dialog).startswith("No reader who may read this study")
        dialog.reject()
        return True

    assert asked(desk, qtbot, act) == found


def test_who_was_wanted_before_the_hub_answered_is_forgotten_with_the_question(
    desk: Desk, qtbot: QtBot, gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked_of: list[str] = []
    monkeypatch.setattr(reader_choice, "question", lambda *given: asked_of.append(given[2]))

    def act(dialog: ReasonDialog, box: QComboBox) -> bool:
        box.setEditText("999999")
        press(dialog)
        dialog.reject()
        return True

    choice = ReaderChoice(desk, entry_of(expertise="neuro"), "Assign", "Who?", parent := QWidget())
    qtbot.addWidget(parent)
    QTimer.singleShot(0, parent, lambda: act(choice._dialog, choice._dialog._reason))
    assert choice.person() is None
    choice._answered()  # as the hub's answer would, before Qt has deleted the dialog
    assert asked_of == []


def test_a_number_that_was_mistyped_once_is_not_offered_as_a_reader(desk: Desk) -> None:
    def told(uid: str, person: Person) -> Snapshot:
        return Snapshot((replace(study_to_read(patient_name="Doe^Jane"), uid=uid, reserved_for=person),), True)

    desk.live.apply(told("2.25.1", Person("999999", "999999")))
    assert seen_readers(desk) == ()
    desk.live.apply(told("2.25.1", BOB))
    assert seen_readers(desk) == (BOB,)


def test_nothing_moves_under_the_mouse_while_the_list_is_open(
    desk: Desk, qtbot: QtBot, gate: threading.Event, seen: None
) -> None:
    looks: list[list[str]] = []

    def act(dialog: ReasonDialog, box: QComboBox) -> bool:
        if not gate.is_set():
            box.showPopup()
            gate.set()
        if box.view().isVisible():
            looks.append(items(box))
            if len(looks) > 30:  # 300 ms
                box.hidePopup()
            return False
        if EVA not in items(box):
            return False
        dialog.reject()
        return True

    assert asked(desk, qtbot, act) is None
    assert {tuple(one) for one in looks} == {("BAKKER, Bob (2)", "MOL, Eva (14)")}


def test_where_the_hub_does_not_know_everybody_the_list_adds_whom_it_has_seen(
    desk: Desk, qtbot: QtBot, seen: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = KnownReaders((Person("14", "Mol^Eva", "Group"),), is_complete=False)
    monkeypatch.setattr(region, "readers", lambda *_given: told)

    def act(dialog: ReasonDialog, box: QComboBox) -> bool:
        if EVA not in items(box):
            return False
        assert items(box) == ["BAKKER, Bob (2)", EVA]
        dialog.reject()
        return True

    assert asked(desk, qtbot, act) is None


def test_a_hub_that_does_not_tell_leaves_what_the_list_has_seen(
    desk: Desk, qtbot: QtBot, seen: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered: list[bool] = []

    def refused(*_given: Any) -> Any:
        answered.append(True)
        raise NotFound("no such path", status=404)

    monkeypatch.setattr(desk.client, "region", refused)

    def act(dialog: ReasonDialog, box: QComboBox) -> bool:
        if not answered:
            return False
        assert items(box) == ["BAKKER, Bob (2)", "MOL, Eva (14)"]
        box.setCurrentIndex(0)
        press(dialog)
        return True

    assert asked(desk, qtbot, act) == BOB


def test_oneself_is_not_offered(desk: Desk, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    told = KnownReaders((Person("cor", "Peters^Cora"), Person("14", "Mol^Eva", "Group")), is_complete=True)
    monkeypatch.setattr(region, "readers", lambda *_given: told)

    def act(dialog: ReasonDialog, box: QComboBox) -> bool:
        if not items(box):
            return False
        assert items(box) == [EVA]
        dialog.reject()
        return True

    assert asked(desk, qtbot, act) is None
