"""The worklist window with a live list fed by hand: no hub, no hospital, real widgets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt, QTimer
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QApplication, QComboBox, QLabel, QPushButton, QTableWidget, QWidget
from pytestqt.qtbot import QtBot

from pacs.site import Site
from ups.codes import Person
from ups.events import CancelRequested, Changed, ChannelState, Snapshot
from ups.states import ProcedureStepState
from ups.workitem import Workitem
from viewer.tasks import TaskRunner
from worklist_client.commands.desk import Desk, SiteDirectory
from worklist_client.identity.patient import PatientIdentity, PatientKey
from worklist_client.journal import DraftRow, Journal, ObjectRow, PackageRow, PackageState
from worklist_client.report.draft_json import draft_to_json
from worklist_client.report.model import Draft, Reader
from worklist_client.settings.declarations import HIGHLIGHT_S
from worklist_client.settings.keymap import load_keymap
from worklist_client.settings.language import Translator
from worklist_client.settings.store import Settings
from worklist_client.settings.theme import load_theme
from worklist_client.ui import worklist_window
from worklist_client.ui.deliveries import Deliveries, DeliveriesDialog, OrphansDialog
from worklist_client.ui.dialogs import ReasonDialog
from worklist_client.ui.list_feed import ListFeed
from worklist_client.ui.study_actions import StudyActions
from worklist_client.ui.timeline_search import TimelineSearch
from worklist_client.ui.worklist_columns import COLUMN_INDEX
from worklist_client.ui.worklist_filters import FilterChoice
from worklist_client.ui.worklist_model import Role
from worklist_client.ui.worklist_window import WorklistParts, WorklistWindow
from worklist_client.worklist.assigning import Assigning
from worklist_client.worklist.entries import Status
from worklist_client.worklist.live import LiveList
from worklist_client.worklist.outcomes import ReleaseKind, ReleaseResult
from worklist_client.worklist.region import SiteIntake

NOW = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
SITES = (Site("north", "Ziekenhuis Noord", "#4c9be8"), Site("west", "Centrum West", "#9b7be8"))
ME, OTHER = Person("1", "Vries^Anna", "Regio"), Person("2", "Bakker^Joost", "Regio")


def workitem(number: int, **changes: Any) -> Workitem:
    """A study to read; later numbers are due later."""
    made = Workitem(
        uid=f"2.25.{number}",
        readiness="READY",
        priority="MEDIUM",
        patient_name=f"Patient{number:02d}^Test",
        patient_id=f"P{number}",
        birth_date="19600101",
        sex="F",
        study_instance_uid=f"1.2.{number}",
        modalities=("CT",),
        study_description=f"Study {number}",
        body_part="CHEST",
        site_id="north" if number % 2 else "west",
        expertise="CHEST",
        expertise_text="Chest",
        start=_dt(NOW - timedelta(hours=1)),
        due=_dt(NOW + timedelta(minutes=30 + number)),
        modified=_dt(NOW),
    )
    return replace(made, **changes)


def _dt(at: datetime) -> str:
    return at.strftime("%Y%m%d%H%M%S.%f+0000")


def claimed(item: Workitem, by: Person) -> Workitem:
    """The same, taken a second later."""
    later = _dt(NOW + timedelta(seconds=1))
    return replace(item, state=ProcedureStepState.IN_PROGRESS, holder=by, modified=later)


class FakeWindow(QWidget):
    """Stands in for a reading window."""

    def __init__(self, opened: list[tuple[str, bool]], uid: str, claim: bool) -> None:
        super().__init__()
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        opened.append((uid, claim))
        self.told: list[str] = []

    def entry_changed(self, entry: Any) -> None:
        self.told.append(entry.status)


@dataclass
class Stage:
    """The window and everything around it."""

    window: WorklistWindow
    feed: ListFeed
    desk: Desk
    opened: list[tuple[str, bool]]
    said: list[tuple[str, str]] = field(default_factory=list)
    hub: list[tuple[str, ...]] = field(default_factory=list)
    clock: list[float] = field(default_factory=lambda: [0.0])

    def tell(self, *events: Any) -> None:
        """The hub tells, and the window shows it."""
        for event in events:
            self.feed.apply(event)
        self.feed.changed.emit()

    def texts(self, column: str) -> list[str]:
        """A column of the table."""
        model = self.window.rows.model
        return [str(model.index(row, COLUMN_INDEX[column]).data()) for row in range(model.rowCount())]

    def choose(self, description: str) -> None:
        """Select a row by its description."""
        row = self.texts("description").index(description)
        self.window.table.setCurrentIndex(self.window.rows.model.index(row, 0))

    def focus_rows(self, qtbot: QtBot) -> None:
        """Keyboard to the rows; asked again until the display has handed it over (there is no window manager)."""

        def focused() -> bool:
            self.window.activateWindow()
            self.window.raise_()
            self.window.table.setFocus()
            return self.window.table.hasFocus()

        qtbot.waitUntil(focused)

    def chosen(self) -> str:
        """Description of the selected study, empty where none is."""
        entry = self.window.selected_entry()
        return entry.study_description if entry is not None else ""


class FakeClaims:
    """The claim desk: remembers what it was asked."""

    def __init__(self, asked: list[tuple[str, ...]]) -> None:
        self._asked = asked

    def holds(self, _uid: str) -> bool:
        return True

    def release(self, uid: str) -> ReleaseResult:
        self._asked.append(("release", uid))
        return ReleaseResult(uid, ReleaseKind.RELEASED)

    def read_elsewhere(self, uid: str, reason: str) -> Workitem:
        self._asked.append(("elsewhere", uid, reason))
        return workitem(3, patient_id="" if reason == "hidden" else "P3")


MakeStage = Callable[..., Stage]


@pytest.fixture(autouse=True)
def _leaves_without_asking(monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of a test closes the window, and nobody is there to answer its question."""
    monkeypatch.setattr(worklist_window, "question", lambda *_given: True)


@pytest.fixture
def make_stage(qtbot: QtBot, tmp_path: Path) -> Iterator[MakeStage]:
    runner = TaskRunner()
    journal = Journal.open(tmp_path / "journal.sqlite")
    windows: list[WorklistWindow] = []

    def make(language: str = "en", *, solo: bool = True) -> Stage:
        hub: list[tuple[str, ...]] = []
        desk = Desk(
            runner=runner,
            journal=journal,
            settings=Settings.in_memory(),
            tr=Translator(language),
            reader=Reader(ME.name, ME.code, ME.organisation),
            client=cast(Any, None),
            claims=cast(Any, FakeClaims(hub)),
            live=LiveList(ME.code, SITES),
            sites=SiteDirectory(SITES),
            cache=cast(Any, None),
            workers=cast(Any, None),
            delivery=cast(Any, SimpleNamespace(try_again=lambda *_given: None, wait_s=lambda _package: None)),
            calling_ae="WORKLIST",
            new_uid=lambda: "2.25.9",
            now=lambda: NOW,
            solo=solo,
        )
        opened: list[tuple[str, bool]] = []
        clock = [0.0]
        feed = ListFeed(desk, lambda: clock[0])
        actions = StudyActions(desk, lambda _desk, entry, claim: FakeWindow(opened, entry.workitem_uid, claim))
        keymap, theme = load_keymap(), load_theme("dark")
        parts = WorklistParts(
            desk, theme, keymap, feed, TimelineSearch(desk), Deliveries(desk), actions, lambda: hub.append(("again",))
        )
        window = WorklistWindow(parts)
        stage = Stage(window, feed, desk, opened, hub=hub, clock=clock)
        actions.said.connect(lambda text, tone: stage.said.append((text, tone)))
        windows.append(window)
        qtbot.addWidget(window)
        window.show()
        qtbot.waitExposed(window)
        return stage

    yield make
    for window in windows:
        for child in window._parts.actions.windows():
            child.close()
        window.close()
    assert runner.shutdown() == []
    journal.close()


@pytest.fixture
def stage(make_stage: MakeStage) -> Stage:
    """Forty studies of two hospitals, connected."""
    made = make_stage()
    made.tell(Snapshot(tuple(workitem(number) for number in range(1, 41)), True), ChannelState(True))
    return made


def test_the_model_keeps_the_rules_of_qt_through_every_kind_of_change(stage: Stage) -> None:
    tester = QAbstractItemModelTester(stage.window.rows.model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    stage.tell(Changed(claimed(workitem(3), OTHER)))
    stage.tell(Changed(workitem(50, stat=True, modified=_dt(NOW))))
    stage.window.show_choice(FilterChoice(site_id="west"))
    stage.window.show_choice(FilterChoice(text="study 4"))
    stage.window.show_choice(FilterChoice())
    stage.window.table.sort_asked.emit("patient")
    stage.window.table.sort_asked.emit("patient")
    assert stage.texts("description")[0] == "Study 50"
    assert tester.model() is stage.window.rows.model


def test_a_change_by_another_moves_neither_selection_nor_scroll(stage: Stage, qtbot: QtBot) -> None:
    table = stage.window.table
    stage.choose("Study 30")
    table.scrollTo(table.currentIndex())
    assert table.verticalScrollBar().value() > 0
    seen_at = table.visualRect(table.currentIndex()).top()
    stage.tell(
        Changed(workitem(60, stat=True)), Changed(workitem(61, priority="HIGH")), Changed(claimed(workitem(2), OTHER))
    )
    assert stage.chosen() == "Study 30"
    assert table.visualRect(table.currentIndex()).top() == seen_at
    assert "BAKKER, Joost" in stage.texts("holder")


def test_the_list_stays_at_its_top_so_that_a_new_stat_study_is_seen(stage: Stage) -> None:
    stage.tell(Changed(workitem(70, stat=True)))
    assert stage.window.table.verticalScrollBar().value() == 0
    assert stage.texts("urgency")[0] == "STAT"


def test_a_change_is_highlighted_for_a_while(stage: Stage) -> None:
    model = stage.window.rows.model
    stage.tell(Changed(claimed(workitem(5), OTHER)))
    row = stage.texts("description").index("Study 5")
    assert model.index(row, 0).data(Role.HIGHLIGHT) is True
    stage.clock[0] = stage.desk.settings.get(HIGHLIGHT_S) + 0.1
    stage.feed._fade_out()
    assert model.index(row, 0).data(Role.HIGHLIGHT) is False


def test_the_first_snapshot_highlights_nothing(stage: Stage) -> None:
    assert stage.feed.highlighted() == frozenset()


def test_the_selected_row_stays_in_sight_when_a_change_takes_it_out_of_the_filter(stage: Stage, qtbot: QtBot) -> None:
    stage.window.show_choice(FilterChoice(status_view="available"))
    stage.choose("Study 7")
    stage.tell(Changed(claimed(workitem(7), OTHER)))
    assert stage.chosen() == "Study 7"
    stage.choose("Study 8")
    qtbot.waitUntil(lambda: "Study 7" not in stage.texts("description"))
    assert stage.chosen() == "Study 8"


def test_a_selected_study_that_is_gone_leaves_nothing_selected(stage: Stage) -> None:
    stage.choose("Study 7")
    stage.tell(Snapshot(tuple(workitem(number) for number in range(1, 41) if number != 7), True))
    assert stage.chosen() == ""
    assert not stage.window.commands.get("study.claim_and_open").enabled()


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (FilterChoice(text="patient test"), 40),
        (FilterChoice(text="patiënt07"), 1),
        (FilterChoice(site_id="west"), 20),
        (FilterChoice(modality="CT"), 40),
        (FilterChoice(expertise="CHEST", text="study 12"), 1),
        (FilterChoice(status_view="reported"), 0),
        (FilterChoice(mine=True), 0),
    ],
)
def test_filters_show_what_matches_and_say_how_many(choice: FilterChoice, expected: int, stage: Stage) -> None:
    stage.window.show_choice(choice)
    assert len(stage.texts("patient")) == expected
    assert stage.window.filters.count.text() == f"{expected} of 40 studies"


def test_typing_filters_and_enter_in_the_field_claims_nothing(stage: Stage, qtbot: QtBot) -> None:
    stage.window.activateWindow()
    stage.window.find_text()
    qtbot.keyClicks(stage.window.filters.text, "study 21")
    qtbot.keyClick(stage.window.filters.text, Qt.Key.Key_Return)
    assert stage.texts("description") == ["Study 21"]
    assert stage.opened == []
    assert stage.chosen() == "Study 21"


def test_enter_on_a_row_claims_and_opens(stage: Stage, qtbot: QtBot) -> None:
    stage.choose("Study 3")
    stage.focus_rows(qtbot)
    qtbot.keyClick(stage.window.table, Qt.Key.Key_Return)
    assert stage.opened == [("2.25.3", True)]


def test_shift_enter_looks_without_claiming(stage: Stage, qtbot: QtBot) -> None:
    stage.choose("Study 3")
    stage.focus_rows(qtbot)
    qtbot.keyClick(stage.window.table, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    assert stage.opened == [("2.25.3", False)]


def test_a_double_click_claims_and_opens_the_row_under_the_mouse(stage: Stage, qtbot: QtBot) -> None:
    table = stage.window.table
    place = table.visualRect(stage.window.rows.model.index(4, 3)).center()
    wanted = stage.texts("description")[4]
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    qtbot.mouseDClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert stage.opened == [(f"2.25.{wanted.split()[1]}", True)]


def _aim_at(stage: Stage, qtbot: QtBot, row: int) -> QPoint:
    """The pointer comes over a row, as a hand does it: more than one move."""
    viewport = stage.window.table.viewport()
    place = stage.window.table.visualRect(stage.window.rows.model.index(row, 3)).center()
    qtbot.mouseMove(viewport, pos=place + QPoint(30, 0))
    for pos in (place + QPoint(8, 0), place):
        _moved(viewport, pos)
    return place


def _moved(viewport: QWidget, pos: QPoint) -> None:
    at, everywhere = QPointF(pos), viewport.mapToGlobal(QPointF(pos))
    event = QMouseEvent(
        QEvent.Type.MouseMove, at, everywhere, Qt.MouseButton.NoButton, Qt.MouseButton.NoButton, Qt.KeyboardModifier(0)
    )
    QApplication.sendEvent(viewport, event)


def _double_click(stage: Stage, qtbot: QtBot, pos: QPoint) -> None:
    viewport = stage.window.table.viewport()
    qtbot.mouseClick(viewport, Qt.MouseButton.LeftButton, pos=pos)
    qtbot.mouseDClick(viewport, Qt.MouseButton.LeftButton, pos=pos)


def _waiting(stage: Stage) -> str:
    label = stage.window.findChild(QLabel, "status_waiting")
    assert label is not None
    return label.text()


def test_a_row_that_arrives_while_somebody_aims_moves_nothing(stage: Stage, qtbot: QtBot) -> None:
    before = stage.texts("description")
    pos = _aim_at(stage, qtbot, 4)
    stage.tell(Changed(workitem(70, stat=True)), Changed(workitem(71, stat=True)), Changed(claimed(workitem(2), OTHER)))
    assert stage.texts("description") == before
    assert "BAKKER, Joost" in stage.texts("holder")  # what a row says goes on
    assert _waiting(stage) == "2 changes wait (F5)"
    _double_click(stage, qtbot, pos)
    assert stage.opened == [(f"2.25.{before[4].split()[1]}", True)]


def test_what_waited_for_the_pointer_comes_when_it_leaves(stage: Stage, qtbot: QtBot) -> None:
    _aim_at(stage, qtbot, 4)
    stage.tell(Changed(workitem(70, stat=True)))
    QApplication.sendEvent(stage.window.table.viewport(), QEvent(QEvent.Type.Leave))
    assert stage.texts("description")[0] == "Study 70"
    assert _waiting(stage) == ""


def test_what_waited_for_the_pointer_comes_when_it_rests(stage: Stage, qtbot: QtBot) -> None:
    _aim_at(stage, qtbot, 4)
    stage.tell(Changed(workitem(70, stat=True)))
    qtbot.waitUntil(lambda: stage.texts("description")[0] == "Study 70", timeout=10_000)


def test_what_waited_for_the_pointer_comes_at_once_by_key(stage: Stage, qtbot: QtBot) -> None:
    _aim_at(stage, qtbot, 4)
    stage.tell(Changed(workitem(70, stat=True)))
    stage.window.commands.run("worklist.refresh")
    assert stage.texts("description")[0] == "Study 70"


def test_a_row_that_slid_under_a_resting_pointer_is_not_opened(stage: Stage, qtbot: QtBot) -> None:
    pos = _aim_at(stage, qtbot, 4)
    stage.window.rows.show_now()  # as after a rest
    stage.tell(Changed(workitem(70, stat=True)))
    assert stage.texts("description")[0] == "Study 70"
    _double_click(stage, qtbot, pos)
    assert stage.opened == []
    assert stage.window.bars.message.text().startswith("The list moved under the mouse")
    _double_click(stage, qtbot, pos)  # now it is meant
    assert len(stage.opened) == 1


def test_the_row_that_took_the_place_of_a_study_just_read_opens_at_once(stage: Stage, qtbot: QtBot) -> None:
    pos = _aim_at(stage, qtbot, 0)
    _double_click(stage, qtbot, pos)
    stage.tell(Changed(claimed(workitem(0), OTHER)))
    stage.tell(Changed(workitem(70, stat=True)))
    stage.window.rows.show_now()
    _double_click(stage, qtbot, pos)
    assert len(stage.opened) == 2


def test_a_bar_that_appears_moves_no_row(stage: Stage) -> None:
    table = stage.window.table
    place = table.viewport().mapTo(stage.window, table.visualRect(stage.window.rows.model.index(3, 0)).topLeft())
    stage.window.bars.say("Something happened.", "danger")
    stage.tell(ChannelState(False, "away"))
    QApplication.sendPostedEvents()
    QApplication.processEvents()
    assert stage.window.bars.isVisible()
    after = table.viewport().mapTo(stage.window, table.visualRect(stage.window.rows.model.index(3, 0)).topLeft())
    assert after == place


def test_opening_a_study_twice_opens_one_window(stage: Stage) -> None:
    stage.choose("Study 3")
    stage.window.claim_and_open()
    stage.window.claim_and_open()
    assert len(stage.opened) == 1


def test_a_lost_claim_says_who_won(stage: Stage) -> None:
    stage.choose("Study 3")
    stage.window.claim_and_open()
    stage.tell(Changed(claimed(workitem(3), OTHER)))
    text = "PATIENT03, Test  ·  CT Study 3: BAKKER, Joost claimed this study first. You can look, not report."
    assert stage.said == [(text, "danger")]
    assert stage.window.bars.message.text() == stage.said[0][0]


def test_a_won_claim_says_nothing_and_shows_it_as_mine(stage: Stage) -> None:
    stage.choose("Study 3")
    stage.window.claim_and_open()
    stage.tell(Changed(claimed(workitem(3), ME)))
    assert stage.said == []
    assert stage.texts("status")[stage.texts("description").index("Study 3")] == "Mine"


def test_a_study_of_another_reader_is_opened_for_looking_and_that_is_said(stage: Stage) -> None:
    stage.tell(Changed(claimed(workitem(3), OTHER)))
    stage.choose("Study 3")
    stage.window.claim_and_open()
    assert stage.opened == [("2.25.3", False)]
    assert "BAKKER, Joost is reading this study" in stage.said[0][0]


def test_an_open_window_hears_what_the_hub_tells_of_its_study(stage: Stage) -> None:
    stage.choose("Study 3")
    stage.window.claim_and_open()
    stage.tell(Changed(claimed(workitem(3), OTHER)))
    window = cast(FakeWindow, stage.window._parts.actions.windows()[0])
    assert window.told[-1] == "claimed"


@pytest.mark.parametrize(("language", "said"), [("en", "Stroke"), ("nl", "CVA")])
def test_a_stroke_has_a_word_and_a_badge_of_its_own_below_stat(make_stage: MakeStage, language: str, said: str) -> None:
    stage = make_stage(language)
    rows = (workitem(1, priority="HIGH"), workitem(2, setting="STROKE", priority="HIGH"), workitem(3, stat=True))
    stage.tell(Snapshot(rows, True), ChannelState(True))
    assert stage.texts("urgency")[:2] == ["STAT", said]
    table = stage.window.table
    box = table.visualRect(table.model().index(1, 0))
    picture = table.viewport().grab(box).toImage()
    colors = {picture.pixelColor(x, picture.height() // 2).name() for x in range(picture.width())}
    assert load_theme("dark").color("state.high") in colors


@pytest.mark.parametrize(("language", "said"), [("en", "hidden while"), ("nl", "verborgen zolang")])
def test_a_question_that_the_hub_hides_is_said_to_be_hidden(make_stage: MakeStage, language: str, said: str) -> None:
    """It looked as if the study had no question, no number and no birth date."""
    stage = make_stage(language)
    line = claimed(workitem(3, patient_id="", birth_date=""), OTHER)
    stage.tell(Snapshot((line, claimed(workitem(4), OTHER), workitem(5)), True), ChannelState(True))
    stage.choose("Study 3")
    assert _label(stage, "details_clinical_question").startswith(said)
    assert "BAKKER, Joost" in _label(stage, "details_clinical_question")
    assert _label(stage, "details_number").startswith(said)
    assert "birth" not in _label(stage, "details_patient")
    for shown in ("Study 4", "Study 5"):
        stage.choose(shown)
        assert said not in _label(stage, "details_clinical_question")


def test_a_bar_about_a_study_withdrawn_meanwhile_names_it(stage: Stage) -> None:
    """It said "this study", and the row that it spoke of was gone or another one selected."""
    stage.choose("Study 3")
    entry = stage.window.selected_entry()
    assert entry is not None
    stage.window._parts.actions.claim_and_open(replace(entry, status=Status.CANCELED, cancel_reason="order withdrawn"))
    text = stage.window.bars.message.text()
    assert text == "PATIENT03, Test  ·  CT Study 3: This study was withdrawn: order withdrawn"


def test_release_gives_a_study_of_mine_back_and_says_so(stage: Stage, qtbot: QtBot) -> None:
    stage.tell(Changed(claimed(workitem(3), ME)))
    stage.choose("Study 3")
    assert stage.window.commands.run("study.release")
    qtbot.waitUntil(lambda: bool(stage.said))
    assert stage.hub == [("release", "2.25.3")]
    assert stage.said[0][1] == "ok"


def test_read_elsewhere_names_the_study_takes_one_return_and_offers_the_way_back(
    stage: Stage, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody was named, the first Return did nothing, and there was no way back."""
    put_back: list[str] = []
    monkeypatch.setattr(Assigning, "put_back", lambda _self, before: put_back.append(before.uid))
    stage.choose("Study 3")
    said: list[str] = []

    def answer() -> None:
        dialog = QApplication.activeModalWidget()
        assert isinstance(dialog, ReasonDialog)
        text = dialog.findChild(QLabel, "reason_text")
        field = dialog.findChild(QComboBox, "reason")
        assert text is not None
        assert field is not None
        said.append(text.text())
        qtbot.keyClick(field, Qt.Key.Key_Return)
        said.append("still open" if dialog.isVisible() else "closed")
        if dialog.isVisible():
            dialog.reject()

    QTimer.singleShot(200, stage.window, answer)
    stage.window.read_elsewhere()
    assert said[1] == "closed"
    for part in ("PATIENT03, Test", "CT Study 3", "Ziekenhuis Noord"):
        assert part in said[0]
    reason = "Reported in the hospital's own system"
    qtbot.waitUntil(lambda: ("elsewhere", "2.25.3", reason) in stage.hub)
    bar = stage.window.bars.message
    qtbot.waitUntil(lambda: bar.text() == f"PATIENT03, Test  ·  CT Study 3: taken off the list. {reason}")
    back = bar.findChild(QPushButton, "message_bar_action")
    assert back is not None
    assert (back.isVisible(), back.text()) == (True, "Put it back on the list")
    back.click()
    qtbot.waitUntil(lambda: bar.text() == "PATIENT03, Test  ·  CT Study 3: back on the list.")
    assert put_back == ["2.25.3"]
    assert not back.isVisible()


def test_a_study_that_is_not_seen_whole_is_not_offered_back(stage: Stage, qtbot: QtBot) -> None:
    """Its replacement would lack what this desk may not see: the patient's number."""
    stage.choose("Study 3")
    entry = stage.window.selected_entry()
    assert entry is not None
    stage.window._parts.actions.read_elsewhere(entry, "hidden")
    bar = stage.window.bars.message
    qtbot.waitUntil(lambda: bar.text().endswith("taken off the list. hidden"))
    back = bar.findChild(QPushButton, "message_bar_action")
    assert back is not None
    assert not back.isVisible()


def test_commands_are_enabled_by_the_state_of_the_selected_study(stage: Stage) -> None:
    stage.tell(Changed(claimed(workitem(3), OTHER)), Changed(claimed(workitem(5), ME)))

    def enabled() -> set[str]:
        return {c.id for c in stage.window.commands if c.id.startswith("study.") and c.enabled()}

    assert enabled() == set()
    stage.choose("Study 4")
    waiting = {"study.reserve", "study.assign", "study.read_elsewhere"}
    assert enabled() == {"study.claim_and_open", "study.look"} | waiting
    stage.choose("Study 3")
    assert enabled() == {"study.look", "study.take_over"}
    stage.choose("Study 5")
    mine = {"study.release", "study.hand_over", "study.take_over"}
    assert enabled() == {"study.claim_and_open", "study.look"} | mine


def test_a_claim_whose_reader_is_silent_says_since_when(stage: Stage) -> None:
    stage.tell(Changed(replace(claimed(workitem(3), OTHER), silent_since=f"{NOW:%Y%m%d%H%M%S%z}")))
    at = NOW.astimezone(stage.window.rows.context.now.tzinfo).strftime("%H:%M")
    assert any(text.endswith(f"no contact since {at}") for text in stage.texts("holder"))


def test_a_hub_that_is_away_is_said_with_the_age_of_the_list(stage: Stage) -> None:
    stage.tell(ChannelState(False, "nobody listens"))
    at = NOW.astimezone().strftime("%H:%M")
    assert stage.window.bars.connection.text().startswith(f"The worklist does not answer. Status as of {at}")
    assert len(stage.texts("patient")) == 40
    stage.tell(ChannelState(True))
    assert stage.window.bars.connection.text() == ""


def _intake(site_id: str, at: datetime, *, silent: bool = True, heard: bool = True) -> SiteIntake:
    return SiteIntake(site_id, silent, at, heard, "it cannot be reached" if silent else "")


def test_a_hospital_that_stopped_answering_is_said_with_its_time_until_it_answers(stage: Stage) -> None:
    at = (NOW - timedelta(minutes=46)).astimezone().strftime("%H:%M")
    bar = stage.window.bars.hospitals
    assert bar.text() == ""
    stage.feed.hospitals_told((_intake("north", NOW - timedelta(minutes=46)), _intake("west", NOW, silent=False)))
    expected = f"Ziekenhuis Noord has not answered since {at}: studies there may be missing from this list."
    assert bar.text() == expected
    assert bar.isVisible()
    stage.tell(ChannelState(False, "nobody listens"))
    assert bar.text() == expected
    stage.feed.hospitals_told((_intake("north", NOW, silent=False), _intake("west", NOW, silent=False)))
    assert not bar.isVisible()


def test_studies_without_a_date_are_said_with_the_silent_hospital_and_on_the_state_of_the_list(stage: Stage) -> None:
    silent, live = _intake("north", NOW), _intake("west", NOW, silent=False)
    stage.feed.hospitals_told((replace(silent, undated=3), replace(live, undated=1)))
    said = "3 studies of Ziekenhuis Noord have no date and stay off this list."
    assert stage.window.bars.hospitals.text().endswith(f"missing from this list. {said}")
    state = stage.window.findChild(QLabel, "status_connection")
    assert state is not None
    assert state.toolTip() == f"{said}\n1 study of Centrum West has no date and stays off this list."
    stage.feed.hospitals_told((live,))
    assert (state.toolTip(), stage.window.bars.hospitals.text()) == ("", "")


def test_a_hospital_that_never_answered_is_said_not_to_be_on_the_list(stage: Stage) -> None:
    stage.feed.hospitals_told((_intake("west", NOW - timedelta(days=2), heard=False),))
    at = (NOW - timedelta(days=2)).astimezone().strftime("%Y-%m-%d %H:%M")
    assert stage.window.bars.hospitals.text() == (
        f"Centrum West has not answered at all, asked since {at}: its studies are missing from this list."
    )


def test_several_silent_hospitals_share_one_bar_in_dutch(make_stage: MakeStage) -> None:
    stage = make_stage("nl")
    stage.feed.hospitals_told((_intake("north", NOW), _intake("west", NOW, heard=False)))
    at = NOW.astimezone().strftime("%H:%M")
    assert stage.window.bars.hospitals.text() == (
        f"Geen antwoord van Ziekenhuis Noord (sinds {at}), Centrum West (nog nooit, sinds {at}): "
        "onderzoeken daar kunnen in deze lijst ontbreken."
    )


def test_solo_use_says_that_nobody_else_sees_the_claims(make_stage: MakeStage) -> None:
    assert "nobody else" in _label(make_stage(solo=True), "status_solo")


def test_solo_use_with_a_colleague_who_joined_does_not_say_that_nobody_sees_the_claims(make_stage: MakeStage) -> None:
    stage = make_stage(solo=True)
    stage.tell(Snapshot((workitem(1), claimed(workitem(2), ME)), True), ChannelState(True))
    assert "nobody else" in _label(stage, "status_solo")
    stage.tell(Changed(claimed(workitem(1), OTHER)))
    assert _label(stage, "status_solo") == "Worklist on this computer only"
    stage.tell(Changed(workitem(1, modified=_dt(NOW + timedelta(seconds=2)))))
    assert "nobody else" not in _label(stage, "status_solo"), "the colleague is still there"


def test_a_shared_list_does_not(make_stage: MakeStage) -> None:
    assert _label(make_stage(solo=False), "status_solo") == ""


def test_the_title_of_a_worklist_of_ones_own_names_nobody(make_stage: MakeStage) -> None:
    assert make_stage(solo=True).window.windowTitle() == "Worklist"


def test_a_reader_who_is_named_later_stands_in_the_title(make_stage: MakeStage) -> None:
    window, desk = (stage := make_stage("nl", solo=False)).window, stage.desk
    desk.client = cast(Any, SimpleNamespace(known_as=lambda _reader: None))
    desk.name_reader(replace(desk.reader, name="Vries^Sanne^^de"))
    assert window.windowTitle() == "Werklijst – Sanne de Vries"


def _label(stage: Stage, name: str) -> str:
    found = stage.window.findChild(QLabel, name)
    assert found is not None
    return found.text()


def test_an_empty_list_says_why(make_stage: MakeStage) -> None:
    stage = make_stage()
    assert stage.window.table._empty_text == "Connecting to the worklist…"
    stage.tell(Snapshot((), True), ChannelState(True))
    assert stage.window.table._empty_text == "Nothing to read. New studies appear here by themselves."
    stage.tell(Changed(workitem(1)))
    stage.window.show_choice(FilterChoice(text="nobody"))
    assert stage.window.table._empty_text.startswith("No study matches these filters.")


def test_texts_of_patients_are_never_markup(stage: Stage) -> None:
    evil = "<img src='x'><b>Evil</b>"
    stage.tell(Changed(workitem(80, study_description=evil, patient_name="<b>Bold^Name", stat=True)))
    stage.choose(evil)
    name = stage.window.findChild(QLabel, "details_patient")
    assert name is not None
    assert name.textFormat() is Qt.TextFormat.PlainText
    assert "<B>BOLD, Name" in name.text()
    index = stage.window.rows.model.index(0, COLUMN_INDEX["description"])
    assert "<img" not in str(index.data(Qt.ItemDataRole.ToolTipRole))
    formats = {label.textFormat() for label in stage.window.findChildren(QLabel) if label.objectName()}
    assert formats <= {Qt.TextFormat.PlainText, Qt.TextFormat.AutoText}
    auto = [
        label.objectName()
        for label in stage.window.findChildren(QLabel)
        if label.objectName() and label.textFormat() is Qt.TextFormat.AutoText
    ]
    assert [name for name in auto if not name.startswith("qt_")] == []


def test_a_draft_without_a_claim_is_said(make_stage: MakeStage, qtbot: QtBot) -> None:
    stage = make_stage()
    row = DraftRow("2.25.77", "2.25.3", "north", "1.2.3", "NORTH", "P3", "not json", 1, NOW)
    stage.desk.journal.drafts.save(row)
    stage.desk.journal.drafts.orphan(row.draft_uid, "claim lost")
    stage.window._parts.deliveries.reload()
    qtbot.waitUntil(lambda: stage.window.bars.orphans.text() == "1 draft has no claim any more")


def test_the_window_of_drafts_without_a_claim_names_patient_and_study_and_is_dutch(
    make_stage: MakeStage, qtbot: QtBot
) -> None:
    """It showed a number for the patient, no study, and "released by the reader" in Dutch too."""
    stage = make_stage("nl")
    person = PatientIdentity(PatientKey("NORTH", "P3"), "north", "Evans^Mary", "19600101", "F")
    kept = Draft("2.25.3", "north", "1.2.3", person, "", {"findings": "x"}, study="CT schedel  2026-03-02 02:00")
    row = DraftRow("2.25.77", "2.25.3", "north", "1.2.3", "NORTH", "P3", draft_to_json(kept), 1, NOW)
    stage.desk.journal.drafts.save(row)
    stage.desk.journal.drafts.orphan(row.draft_uid, "released by the reader")
    deliveries = stage.window._parts.deliveries
    deliveries.reload()
    qtbot.waitUntil(lambda: bool(deliveries.orphans()))
    dialog = OrphansDialog(stage.desk, deliveries, str, stage.window)
    table = dialog.findChild(QTableWidget, "orphans")
    assert table is not None
    texts = [table.item(0, column).text() for column in range(1, table.columnCount())]
    study = "CT schedel  2026-03-02 02:00"
    assert texts == ["Ziekenhuis Noord", "EVANS, Mary", study, "teruggegeven door de beoordelaar"]
    assert "released" not in " ".join(label.text() for label in dialog.findChildren(QLabel))


def test_a_text_that_lost_its_claim_a_moment_ago_stands_among_the_drafts(make_stage: MakeStage, qtbot: QtBot) -> None:
    """After a hand-over the window of drafts was empty until the next start; its buttons did nothing."""
    stage = make_stage("en")
    deliveries = stage.window._parts.deliveries
    dialog = OrphansDialog(stage.desk, deliveries, str, stage.window)
    discard = dialog.findChild(QPushButton, "orphan_discard")
    assert not discard.isEnabled()
    row = DraftRow("2.25.78", "2.25.3", "north", "1.2.3", "NORTH", "P3", "{}", 1, NOW)
    stage.desk.journal.drafts.save(row)
    stage.desk.journal.drafts.orphan(row.draft_uid, "released by the reader")
    assert deliveries.orphans() == ()
    opened = OrphansDialog(stage.desk, deliveries, str, stage.window)
    qtbot.waitUntil(lambda: opened.findChildren(QTableWidget, "orphans")[-1].rowCount() == 1)
    qtbot.waitUntil(lambda: discard.isEnabled())
    discard.click()
    qtbot.waitUntil(lambda: not discard.isEnabled())
    assert deliveries.orphans() == ()


def test_somebody_who_asks_for_my_study_is_shown(stage: Stage) -> None:
    stage.tell(Changed(claimed(workitem(3), ME)), CancelRequested("2.25.3", "DESK2", "going home", "Bakker"))
    asked = stage.window.bars.request.text()
    assert asked == "PATIENT03, Test  ·  CT Study 3   BAKKER asks for this study: going home"


def test_the_context_menu_is_made_of_the_command_table(stage: Stage, qtbot: QtBot) -> None:
    stage.choose("Study 4")
    menu = stage.window.actions_set.context_menu(("study.claim_and_open", "-", "study.release"))
    assert [(action.text(), action.isEnabled()) for action in menu.actions() if action.text()] == [
        ("Claim and open", True),
        ("Release", False),
    ]
    menu.deleteLater()


def test_everything_is_dutch_in_dutch(make_stage: MakeStage) -> None:
    stage = make_stage("nl")
    stage.tell(Snapshot((workitem(1, stat=True), workitem(2)), True), ChannelState(True))
    stage.choose("Study 1")
    header = stage.window.table.model().headerData(COLUMN_INDEX["patient"], Qt.Orientation.Horizontal, 0)
    assert header == "Patiënt"
    assert [action.text() for action in stage.window.menuBar().actions()] == [
        "Onderzoek",
        "Lijst",
        "Verslagen",
        "Werkplek",
    ]
    assert stage.texts("age")[0] == "66 j V"
    assert stage.window.filters.count.text() == "2 van 2 onderzoeken"


def test_the_window_fits_a_small_screen(stage: Stage, qtbot: QtBot) -> None:
    stage.window.resize(1280, 800)
    hint = stage.window.minimumSizeHint()
    assert hint.width() <= 1280
    assert hint.height() <= 800
    qtbot.waitUntil(lambda: not stage.window.table.horizontalScrollBar().isVisible())


def test_every_control_has_a_name(stage: Stage) -> None:
    controls = (stage.window.filters.text, stage.window.filters.site, stage.window.table)
    assert all(control.objectName() and control.accessibleName() for control in controls)


def test_clicking_below_the_rows_does_nothing(stage: Stage, qtbot: QtBot) -> None:
    stage.window.show_choice(FilterChoice(text="study 21"))
    viewport = stage.window.table.viewport()
    qtbot.mouseDClick(viewport, Qt.MouseButton.LeftButton, pos=QPoint(200, viewport.height() - 5))
    assert stage.opened == []


def _sign(stage: Stage, *, state: PackageState = PackageState.SIGNED, reason: str = "", minutes: int = 1) -> None:
    """A signed report of study 3 that is not home."""
    at = NOW - timedelta(minutes=minutes)
    draft = DraftRow("2.25.77", "2.25.3", "north", "1.2.3", "NORTH", "P3", "{}", 1, at)
    stage.desk.journal.drafts.save(draft)
    package = PackageRow("9.1", "2.25.3", "north", "1.2.3", "NORTH", "P3", "A3", "{}", at, draft_uid=draft.draft_uid)
    thing = ObjectRow("9.1", 0, "SR", "1.2", "9.1", "9.2", "1.2.3", "1.2.840.10008.1.2.1", "0" * 64, b"x")
    outbox = stage.desk.journal.outbox
    outbox.sign(package, [thing], draft.draft_uid)
    if state is PackageState.ATTENTION:
        outbox.attention("9.1", reason, at)
    elif state is PackageState.RETRY:
        outbox.retry("9.1", reason, NOW + timedelta(minutes=1), at)
    stage.window._parts.deliveries.reload()


def test_quitting_with_an_undelivered_report_asks_and_stays_where_that_is_wanted(
    stage: Stage, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def answer(_parent: QWidget, _title: str, text: str, *_buttons: str) -> bool:
        asked.append(text)
        return len(asked) > 1

    monkeypatch.setattr(worklist_window, "question", answer)
    _sign(stage)
    qtbot.waitUntil(lambda: stage.window._parts.deliveries.summary().undelivered == 1)
    assert not stage.window.close()
    assert stage.window.isVisible()
    assert "1 report is not delivered yet" in asked[0]
    with qtbot.waitSignal(stage.window.closing):
        assert stage.window.close()
    assert len(asked) == 2


def test_quitting_with_nothing_on_its_way_asks_nothing(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worklist_window, "question", lambda *_given: pytest.fail("asked"))
    assert stage.window.close()


def test_a_report_that_needs_a_person_is_listed_with_its_reason_in_dutch(make_stage: MakeStage, qtbot: QtBot) -> None:
    stage = make_stage("nl")
    _sign(stage, state=PackageState.ATTENTION, reason="the hospital does not hold this study any more", minutes=20)
    qtbot.waitUntil(lambda: len(stage.window._parts.deliveries.packages()) == 1)
    dialog = DeliveriesDialog(stage.desk, stage.window._parts.deliveries, stage.desk.now, stage.window)
    table = dialog.findChild(QTableWidget, "deliveries")
    assert table is not None
    cells = [table.item(0, column).text() for column in range(table.columnCount())]
    reason = dialog.findChild(QLabel, "held_reason")
    assert reason is not None
    assert "het ziekenhuis heeft dit onderzoek niet meer" in reason.text()
    assert any("te laat" in cell for cell in cells)
    dialog.deleteLater()


@pytest.mark.parametrize(("minutes", "tone"), [(14, "attention"), (16, "danger")])
def test_a_report_that_is_late_is_said_to_be(minutes: int, tone: str, stage: Stage, qtbot: QtBot) -> None:
    _sign(stage, state=PackageState.RETRY, reason="nobody listens", minutes=minutes)
    qtbot.waitUntil(lambda: len(stage.window._parts.deliveries.packages()) == 1)
    summary = stage.window._parts.deliveries.summary()
    assert summary.tone == tone
    assert ("phone the result through" in summary.text) == (minutes > 15)
