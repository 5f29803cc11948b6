"""Reserve, assign, hand over and take over: the commands of two readers' worklist windows, over a real hub."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QApplication, QDialogButtonBox, QLabel, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from pacs.site import Site
from tests.peers.hub import running_hub, study_to_read
from ups.claiming import ClaimKind
from ups.codes import Person
from ups.identifiers import replacement_uid
from ups.states import ProcedureStepState as State
from viewer.tasks import TaskRunner
from worklist_client.commands.desk import Desk
from worklist_client.composition import compose
from worklist_client.journal import DraftRow, Journal
from worklist_client.settings.keymap import load_keymap
from worklist_client.settings.language import Translator
from worklist_client.settings.profile import open_profile
from worklist_client.settings.store import Settings
from worklist_client.settings.theme import load_theme
from worklist_client.ui import reader_choice, worklist_window
from worklist_client.ui.deliveries import Deliveries
from worklist_client.ui.dialogs import ReasonDialog
from worklist_client.ui.list_feed import ListFeed
from worklist_client.ui.study_actions import StudyActions
from worklist_client.ui.timeline_search import TimelineSearch
from worklist_client.ui.worklist_columns import COLUMN_INDEX
from worklist_client.ui.worklist_window import WorklistParts, WorklistWindow
from worklist_client.worklist.channel import listen
from worklist_client.worklist.embedded import HubAddress
from worklist_client.worklist.entries import Status, StudyEntry
from worklist_hub.service import Hub
from worklist_hub.store.workitems import WorkitemStore
from worklist_hub.workitem.protocol import ClaimRules

DEADLINE_MS = 20_000
ANN, BOB = Person("1", "Vries^Anna", "North"), Person("2", "Bakker^Bob", "South")
SITES = (Site("north", "North", "#4c9be8"),)
JANE = "DOE, Jane  ·  CT head"
DRAFT = '{"findings": "a small haemorrhage"}'


class Clock:
    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


class ReadingStandIn(QWidget):
    """An open study. It closes where it can store what was typed."""

    def __init__(self, stored: list[bool]) -> None:
        super().__init__()
        self._stored = stored
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.show()

    def closeEvent(self, event: QCloseEvent) -> None:
        event.setAccepted(self._stored[0])


@dataclass
class Reader:
    """A reader at a worklist window of his own."""

    desk: Desk
    feed: ListFeed
    window: WorklistWindow
    actions: StudyActions
    qtbot: QtBot
    said: list[tuple[str, str]] = field(default_factory=list)
    stored: list[bool] = field(default_factory=lambda: [True])
    """Whether an open study can store what was typed."""

    def entry(self, uid: str) -> StudyEntry | None:
        return next((one for one in self.feed.entries() if one.workitem_uid == uid), None)

    def sees(self, uid: str, status: Status, **values: object) -> StudyEntry:
        """Wait until the list shows it so."""

        def shown() -> bool:
            found = self.entry(uid)
            return (
                found is not None
                and found.status is status
                and all(getattr(found, name) == value for name, value in values.items())
            )

        self.qtbot.waitUntil(shown, timeout=DEADLINE_MS)
        found = self.entry(uid)
        assert found is not None
        return found

    def place(self, entry: StudyEntry) -> int:
        """Select the study's row; the number of it, from 1."""
        self.window.show_choice(worklist_window.FilterChoice(status_view="all"))
        model = self.window.rows.model

        def number() -> int:
            rows = enumerate(model.entries(), start=1)
            return next((number for number, row in rows if row.entry_id == entry.entry_id), 0)

        self.qtbot.waitUntil(lambda: number() > 0, timeout=DEADLINE_MS)
        self.window.table.setCurrentIndex(model.index(number() - 1, 0))
        return number()

    def run(self, command: str, entry: StudyEntry) -> None:
        """Select the study's row and run the command."""
        self.place(entry)
        assert self.window.commands.run(command), f"{command} is not enabled"

    def heard(self, text: str) -> str:
        """Wait until the window says it; the tone."""
        self.qtbot.waitUntil(lambda: any(one == text for one, _tone in self.said), timeout=DEADLINE_MS)
        return next(tone for one, tone in self.said if one == text)


MakeReader = Callable[..., Reader]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def hub(tmp_path: Path, clock: Clock) -> Iterator[Hub]:
    store = WorkitemStore(tmp_path / "worklist.sqlite", clock=clock)
    rules = ClaimRules(timedelta(minutes=5), None)
    with running_hub(tmp_path, intake_enabled=False, store=store, claims=rules, sites=SITES) as running:
        yield running


@pytest.fixture
def reader(hub: Hub, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeReader]:
    monkeypatch.setattr(worklist_window, "question", lambda *_given: True)
    runner, made = TaskRunner(), []

    def make(person: Person, desk_name: str = "") -> Reader:
        profile = open_profile(desk_name or f"reader{person.code}", str(tmp_path))
        settings = Settings.in_memory(
            reader__name=person.name, reader__code=person.code, reader__organisation=person.organisation
        )
        journal = Journal.open(profile.folder / "journal.sqlite")
        desk = compose(runner, profile, settings, journal, Translator("en"), HubAddress(hub.url, ""), solo=False)
        desk.sites.replace(SITES)
        desk.live.replace_sites(SITES)
        feed = ListFeed(desk, lambda: 0.0)
        actions = StudyActions(desk, lambda _desk, _entry, _claim: ReadingStandIn(one.stored))
        parts = WorklistParts(
            desk, load_theme("dark"), load_keymap(), feed, TimelineSearch(desk), Deliveries(desk), actions, lambda: None
        )
        window = WorklistWindow(parts)
        qtbot.addWidget(window)
        one = Reader(desk, feed, window, actions, qtbot)
        actions.said.connect(lambda text, tone: one.said.append((text, tone)))
        made.append(one)
        window.show()
        desk_name = desk_name or f"DESK{person.code}"
        runner.serve(f"events {desk_name}", listen(desk.client, desk_name.upper()), feed.apply, owner=feed)
        qtbot.waitUntil(lambda: feed.connection.connected, timeout=DEADLINE_MS)
        return one

    yield make
    for one in made:
        one.window.close()
    assert runner.shutdown() == []
    for one in made:
        one.desk.client.close()
        one.desk.journal.close()


def answering(text: str | None, *, offers: str = "") -> list[list[str]]:
    """Answer the next dialog once it is there; None = cancel. What it offered to choose from is added to the result."""
    offered: list[list[str]] = []
    timer = QTimer(QApplication.instance())
    timer.setInterval(10)

    def look() -> None:
        dialog = QApplication.activeModalWidget()
        if not isinstance(dialog, ReasonDialog):
            return
        timer.stop()
        box = dialog._reason
        offered.append([box.itemText(index) for index in range(box.count())])
        button = dialog._buttons.button(QDialogButtonBox.StandardButton.Ok)
        label = dialog.findChild(QLabel, "reason_text")
        assert isinstance(label, QLabel)
        assert "DOE, Jane" in label.text()  # whose study it is, where somebody decides about it
        if text is None:
            offered.append([box.currentText(), str(button.isEnabled())])
            dialog.reject()
            return
        if offers:
            box.setCurrentText(next(item for item in offered[0] if offers in item))
        else:
            box.setEditText(text)
        button.click()

    timer.timeout.connect(look)
    timer.start()
    return offered


def claimed_by(one: Reader, uid: str) -> StudyEntry:
    assert one.desk.claims.claim(uid).kind is ClaimKind.WON
    return one.sees(uid, Status.MINE)


@pytest.fixture
def bob_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """The list has seen Bob; this hub does not know who reads."""
    monkeypatch.setattr(reader_choice, "seen_readers", lambda _desk: (BOB,))


@pytest.fixture
def study(hub: Hub) -> str:
    made = study_to_read(patient_name="Doe^Jane", patient_id="17")
    assert hub.store.create_if_absent(made)
    return made.uid


def test_reserving_is_seen_by_the_others_and_taken_back_by_the_same_command(reader: MakeReader, study: str) -> None:
    ann, bob = reader(ANN), reader(BOB)
    ann.run("study.reserve", ann.sees(study, Status.AVAILABLE))
    assert ann.heard(f"{JANE}: reserved for you.") == "ok"
    bob.sees(study, Status.RESERVED, reserved_for=ANN.name, reserved_for_code=ANN.code)
    ann.run("study.reserve", ann.sees(study, Status.RESERVED))
    assert ann.heard(f"{JANE}: reserved for nobody any more.") == "ok"
    bob.sees(study, Status.AVAILABLE, reserved_for="")


def test_a_study_reserved_for_another_is_reserved_again_when_it_is_claimed_and_given_back(
    reader: MakeReader, study: str
) -> None:
    ann, bob = reader(ANN), reader(BOB)
    ann.run("study.reserve", ann.sees(study, Status.AVAILABLE))
    bob.sees(study, Status.RESERVED)
    entry = claimed_by(bob, study)
    bob.run("study.release", entry)
    for one in (ann, bob):
        one.sees(replacement_uid(study), Status.RESERVED, reserved_for=ANN.name, reserved_for_code=ANN.code)


def test_the_window_says_whose_desk_it_is_where_several_share_a_worklist(reader: MakeReader) -> None:
    ann, bob = reader(ANN), reader(BOB)
    assert [one.window.windowTitle() for one in (ann, bob)] == ["Worklist – Anna Vries", "Worklist – Bob Bakker"]


def test_assigning_asks_for_whom_and_offers_the_readers_of_the_list(reader: MakeReader, hub: Hub, study: str) -> None:
    ann, bob = reader(ANN), reader(BOB)
    other = study_to_read()
    hub.store.create_if_absent(other)
    bob.sees(other.uid, Status.AVAILABLE)
    claimed_by(bob, other.uid)
    ann.sees(other.uid, Status.CLAIMED)
    offered = answering("", offers="BAKKER")
    ann.run("study.assign", ann.sees(study, Status.AVAILABLE))
    assert [len(one) for one in offered] == [1]
    assert ann.heard(f"{JANE}: reserved for BAKKER, Bob (2).") == "ok"
    bob.sees(study, Status.RESERVED, reserved_for=BOB.name, reserved_for_code=BOB.code)


def test_nobody_is_chosen_before_somebody_is(reader: MakeReader, hub: Hub, study: str) -> None:
    ann, bob = reader(ANN), reader(BOB)
    bob.sees(study, Status.AVAILABLE)
    claimed_by(bob, study)
    ann.sees(study, Status.CLAIMED)
    other = study_to_read(patient_name="Doe^Jane")
    hub.store.create_if_absent(other)
    offered = answering(None)
    ann.run("study.assign", ann.sees(other.uid, Status.AVAILABLE))
    assert any("BAKKER" in item for item in offered[0])
    assert offered[1:] == [["", "False"]]  # the text, and whether Enter would do anything


def test_an_assignment_that_is_cancelled_changes_nothing(reader: MakeReader, hub: Hub, study: str) -> None:
    ann = reader(ANN)
    before = hub.store.read(study)
    answering(None)
    ann.run("study.assign", ann.sees(study, Status.AVAILABLE))
    assert ann.said == []
    assert hub.store.read(study) == before


@pytest.mark.usefixtures("bob_is_known")
def test_who_assigns_a_study_that_was_claimed_meanwhile_hears_it(reader: MakeReader, study: str) -> None:
    ann, bob = reader(ANN), reader(BOB)
    entry = ann.sees(study, Status.AVAILABLE)
    answering(BOB.code)
    claimed_by(bob, study)
    ann.window._questions.assign(entry)  # as the list stood when the dialog was opened
    assert ann.heard(f"{JANE}: This study is not waiting to be read any more.") == "attention"


@pytest.mark.usefixtures("bob_is_known")
def test_handing_over_gives_study_and_draft_to_the_reader_named(reader: MakeReader, study: str) -> None:
    ann, bob = reader(ANN), reader(BOB)
    ann.sees(study, Status.AVAILABLE)
    entry = claimed_by(ann, study)
    now = datetime.now(UTC)
    ann.desk.journal.drafts.save(
        DraftRow("2.25.7", study, "north", entry.study_instance_uid, "NORTH", "17", DRAFT, 1, now)
    )
    answering(BOB.code)
    ann.run("study.hand_over", entry)
    assert ann.heard(f"{JANE}: handed over to BAKKER, Bob (2).") == "ok"
    bob.qtbot.waitUntil(lambda: any(one.status is Status.RESERVED for one in bob.feed.entries()), timeout=DEADLINE_MS)
    (given,) = (one for one in bob.feed.entries() if one.status is Status.RESERVED)
    assert (given.reserved_for_code, given.study_instance_uid) == (BOB.code, entry.study_instance_uid)
    claimed_by(bob, given.workitem_uid)
    taken = bob.window._questions._assigning.handed_draft(given.workitem_uid)
    assert taken is not None
    assert (taken.author, taken.draft) == (ANN.code, {"findings": "a small haemorrhage"})


def test_who_hands_over_to_himself_takes_the_text_along_to_another_desk(reader: MakeReader, study: str) -> None:
    first, second = reader(ANN), reader(ANN, "desk2")
    first.sees(study, Status.AVAILABLE)
    entry = claimed_by(first, study)
    now = datetime.now(UTC)
    first.desk.journal.drafts.save(
        DraftRow("2.25.7", study, "north", entry.study_instance_uid, "NORTH", "17", DRAFT, 1, now)
    )
    answering(ANN.code)
    first.run("study.hand_over", entry)
    second.qtbot.waitUntil(lambda: second.entry(replacement_uid(study)) is not None, timeout=DEADLINE_MS)
    given = second.sees(replacement_uid(study), Status.AVAILABLE)  # a reservation ends with the claim of its reader
    claimed_by(second, given.workitem_uid)
    taken = second.window._questions._assigning.handed_draft(given.workitem_uid)
    assert taken is not None
    assert taken.draft == {"findings": "a small haemorrhage"}


@pytest.mark.usefixtures("bob_is_known")
def test_an_open_study_is_stored_and_closed_before_it_is_handed_over(reader: MakeReader, hub: Hub, study: str) -> None:
    ann = reader(ANN)
    ann.sees(study, Status.AVAILABLE)
    entry = claimed_by(ann, study)
    ann.run("study.claim_and_open", entry)
    ann.stored[0] = False
    answering(BOB.code)
    ann.run("study.hand_over", entry)
    assert len(ann.actions.windows()) == 1
    stored = hub.store.read(study)
    assert stored is not None
    assert stored.state is State.IN_PROGRESS
    ann.stored[0] = True
    answering(BOB.code)
    ann.run("study.hand_over", entry)
    assert ann.heard(f"{JANE}: handed over to BAKKER, Bob (2).") == "ok"
    ann.qtbot.waitUntil(lambda: ann.actions.windows() == (), timeout=DEADLINE_MS)


def test_a_live_claim_is_asked_for_with_the_reason_and_stays(reader: MakeReader, study: str) -> None:
    ann, bob = reader(ANN), reader(BOB)
    asked: list[tuple[str, str]] = []
    ann.feed.asked_to_let_go.connect(lambda _entry, who, why: asked.append((who, why)))
    ann.sees(study, Status.AVAILABLE)
    claimed_by(ann, study)
    answering("the ward is waiting")
    bob.run("study.take_over", bob.sees(study, Status.CLAIMED))
    assert bob.heard(f"VRIES, Anna is at work and was asked to let go of {JANE}.") == "attention"
    ann.qtbot.waitUntil(lambda: bool(asked), timeout=DEADLINE_MS)
    assert asked == [(BOB.name, "the ward is waiting")]
    ann.sees(study, Status.MINE)


def test_the_holder_who_keeps_a_study_is_heard_by_whoever_asked_each_time(reader: MakeReader, study: str) -> None:
    ann, bob = reader(ANN), reader(BOB)
    ann.sees(study, Status.AVAILABLE)
    claimed_by(ann, study)
    answer = "VRIES, Anna goes on reading DOE, Jane  ·  CT head."
    for reason in ("the ward is waiting", "the ward calls again"):
        bob.said.clear()
        answering(reason)
        bob.run("study.take_over", bob.sees(study, Status.CLAIMED))
        ann.qtbot.waitUntil(lambda why=reason: why in ann.window.bars.request.text(), timeout=DEADLINE_MS)  # type: ignore[misc]
        assert "BAKKER, Bob asks for this study" in ann.window.bars.request.text()
        assert bob.window.bars.request.text() == ""  # who asks is not asked himself
        ann.window.bars.request.keep()
        assert bob.heard(answer) == "attention"
        assert ann.window.bars.request.text() == ""
    ann.sees(study, Status.MINE)


def test_the_holder_who_lets_go_is_heard_by_whoever_asked(reader: MakeReader, study: str) -> None:
    ann, bob = reader(ANN), reader(BOB)
    ann.sees(study, Status.AVAILABLE)
    claimed_by(ann, study)
    answering("the ward is waiting")
    bob.run("study.take_over", bob.sees(study, Status.CLAIMED))
    ann.qtbot.waitUntil(lambda: bool(ann.window.bars.request.text()), timeout=DEADLINE_MS)
    ann.window.bars.request.let_go()
    assert bob.heard("VRIES, Anna let go of DOE, Jane  ·  CT head. It can be claimed.") == "ok"
    ann.qtbot.waitUntil(lambda: ann.window.bars.request.text() == "", timeout=DEADLINE_MS)


def test_a_reader_at_work_is_not_called_silent_in_the_question(reader: MakeReader, study: str) -> None:
    ann, bob = reader(ANN), reader(BOB)
    ann.sees(study, Status.AVAILABLE)
    claimed_by(ann, study)
    offered = answering("the ward is waiting")
    bob.run("study.take_over", bob.sees(study, Status.CLAIMED))
    assert offered == [["It is urgent", "Agreed with the reader"]]


def test_a_study_of_mine_at_another_desk_says_so_and_is_not_released_here(reader: MakeReader, study: str) -> None:
    """It said "Mine" with a Release that ended in a red sentence."""
    first, second = reader(ANN), reader(ANN, "desk2")
    first.sees(study, Status.AVAILABLE)
    claimed_by(first, study)
    for one, here in ((first, True), (second, False)):
        entry = one.sees(study, Status.MINE)
        assert one.place(entry) > 0
        release, opens = (
            one.window.details.findChild(QPushButton, f"button_{name}")
            for name in ("study.release", "study.claim_and_open")
        )
        held = one.window.rows.model.index(one.place(entry) - 1, COLUMN_INDEX["holder"]).data()
        label = one.window.details.findChild(QLabel, "details_status")
        assert isinstance(release, QPushButton)
        assert isinstance(opens, QPushButton)
        assert isinstance(label, QLabel)
        status = label.text()
        assert [one.window.commands.get(name).enabled() for name in ("study.release", "study.hand_over")] == [here] * 2
        assert release.isEnabled() is here
        assert (held, status, opens.text()) == (
            ("You", "Mine", "Open") if here else ("You, other desk", "Mine, at another desk", "Go on here…")
        )
        assert ("Release it there, or go on here first" in release.toolTip()) is not here


def test_opening_my_study_at_a_second_desk_goes_on_there_at_once(
    reader: MakeReader, hub: Hub, tmp_path: Path, study: str
) -> None:
    first, second = reader(ANN), reader(ANN, "desk2")
    first.sees(study, Status.AVAILABLE)
    claimed_by(first, study)
    entry = second.sees(study, Status.MINE)
    offered = answering("I go on at another desk")
    second.run("study.claim_and_open", entry)
    assert offered == [["I go on at another desk"]]
    second.qtbot.waitUntil(lambda: len(second.actions.windows()) == 1, timeout=DEADLINE_MS)
    assert first.actions.windows() == ()


def test_a_silent_claim_is_taken_over_with_a_reason_that_is_kept(
    reader: MakeReader, hub: Hub, study: str, clock: Clock
) -> None:
    ann, bob = reader(ANN), reader(BOB)
    ann.sees(study, Status.AVAILABLE)
    claimed_by(ann, study)
    entry = bob.sees(study, Status.CLAIMED)
    clock.ahead = timedelta(minutes=6)
    offered = answering("no answer by telephone")
    bob.run("study.take_over", entry)
    assert "Agreed with the reader" in offered[0]
    assert bob.heard(f"{JANE}: The study is reserved for you. Claim it to begin.") == "ok"
    stored = hub.store.read(study)
    assert stored is not None
    assert stored.state is State.CANCELED
    assert "no answer by telephone" in str(stored.dataset)
    bob.qtbot.waitUntil(lambda: any(one.status is Status.RESERVED for one in bob.feed.entries()), timeout=DEADLINE_MS)
    (free,) = (one for one in bob.feed.entries() if one.status is Status.RESERVED)
    assert free.reserved_for_code == BOB.code
    claimed_by(bob, free.workitem_uid)
    ann.sees(free.workitem_uid, Status.CLAIMED, holder=BOB.name)


def test_the_same_reader_goes_on_at_another_desk(reader: MakeReader, hub: Hub, study: str) -> None:
    ann = reader(ANN)
    ann.sees(study, Status.AVAILABLE)
    entry = claimed_by(ann, study)
    answering("I go on at another desk")
    ann.run("study.take_over", entry)
    assert ann.heard(f"{JANE}: The study is reserved for you. Claim it to begin.") == "ok"
    stored = hub.store.read(study)
    assert stored is not None
    assert stored.state is State.CANCELED
