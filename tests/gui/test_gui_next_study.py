"""The next study, and a study that somebody else holds: the real desktop against a real hub, with another reader."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from pacs.site import Site
from tests.journeys import hands
from tests.journeys.region import SANNE, desk_of, listed, shown_row
from tests.peers.hub import BOB, client_of, running_hub, study_to_read
from ups.client import UpsClient
from ups.identifiers import random_uid
from ups.states import ProcedureStepState
from ups.workitem import Workitem
from worklist_client.commands.case_state import Standing
from worklist_client.demo.robot import Robot
from worklist_client.ui.reading_window import ReadingWindow
from worklist_client.ui.worklist_filters import FilterChoice
from worklist_client.worklist.entries import Status

pytestmark = pytest.mark.timeout(120)

NAMES = ("Aalders^Anna", "Bos^Bert", "Cohen^Chaja", "Dekker^Dirk")
"""In the order of the list: each is due a little later than the one before it."""


@dataclass
class Ward:
    """A desk, another reader at the same hub, and the studies by the first letter of the patient."""

    robot: Robot
    bob: UpsClient
    studies: dict[str, Workitem]

    def claim_as_bob(self, letter: str) -> None:
        self.bob.change_state(self.studies[letter].uid, ProcedureStepState.IN_PROGRESS, random_uid())

    def study(self, letter: str) -> str:
        return self.studies[letter].study_instance_uid

    def open(self, letter: str) -> ReadingWindow:
        reading = hands.double_click(self.robot, listed(self.robot, self.study(letter), Status.AVAILABLE))
        self.robot.until(lambda: reading.session.claim.standing is Standing.MINE, "the claim")
        return reading

    def go_on(self, reading: ReadingWindow) -> None:
        self.robot.do(lambda: reading.commands.run("case.next"))

    def next_window(self, letter: str) -> ReadingWindow:
        def opened() -> ReadingWindow | None:
            for window in self.robot.desktop.actions.windows():
                if isinstance(window, ReadingWindow) and window.session.entry.study_instance_uid == self.study(letter):
                    return window
            return None

        return self.robot.until(opened, f"the window of {letter}")

    def message(self) -> str:
        window = self.robot.desktop.window
        assert window is not None
        return window.bars.message.text()


@pytest.fixture
def ward(tmp_path: Path) -> Iterator[Ward]:
    sites = (Site("north", "Hospital North", "#3a86c8", issuer_of_patient_id="N"),)
    with running_hub(tmp_path / "hub", sites=sites) as hub, client_of(hub, BOB) as bob:
        studies = {}
        for place, name in enumerate(NAMES):
            due = f"2036010112{place:02d}00+0000"
            made = study_to_read(patient_name=name, patient_id=f"P{place}", modalities=("CT",), due=due)
            bob.create(made)
            studies[name[0]] = made
        with desk_of(SANNE, tmp_path / "sanne", hub.url) as robot:
            for study in studies.values():
                listed(robot, study.study_instance_uid, Status.AVAILABLE)
            yield Ward(robot, bob, studies)


def test_a_desktop_closed_at_once_leaves_no_process_behind(ward: Ward) -> None:
    """The timer of the first paint fired after the closing, and began worker processes that nobody ended."""
    desktop = ward.robot.desktop
    assert desktop.desk is not None
    workers = (*desktop.desk.workers.images, desktop.desk.workers.reports)
    desktop._is_closed = True
    for worker in workers:
        worker.stop()
    desktop._after_paint()
    assert [worker.process_id for worker in workers] == [None, None]


def test_next_claims_and_opens_the_following_study_of_the_list_as_one_action(ward: Ward) -> None:
    reading = ward.open("B")
    ward.robot.until(lambda: "COHEN, Chaja" in reading.actions_.action("case.next").text(), "the name of the next")
    ward.go_on(reading)
    following = ward.next_window("C")
    ward.robot.until(lambda: following.session.claim.standing is Standing.MINE, "the claim of the next study")
    assert ward.robot.desktop.actions.windows() == (following,)
    window = ward.robot.desktop.window
    assert window is not None
    selected = window.selected_entry()
    assert selected is not None
    assert selected.study_instance_uid == ward.study("C")
    listed(ward.robot, ward.study("A"), Status.AVAILABLE)


def test_a_next_study_that_another_reader_claims_first_is_passed_over_by_name(ward: Ward) -> None:
    """The list still shows it free: the other claim is made between the key press and ours."""
    reading = ward.open("B")
    desk = ward.robot.desktop.desk
    assert desk is not None
    claim, tried = desk.claims.claim, list[str]()

    def slow(workitem_uid: str, **options: object) -> object:
        tried.append(workitem_uid)
        if workitem_uid == ward.studies["C"].uid and len(tried) == 1:
            ward.claim_as_bob("C")
        return claim(workitem_uid, **options)  # type: ignore[arg-type]

    desk.claims.claim = slow  # type: ignore[method-assign, assignment]
    ward.go_on(reading)
    following = ward.next_window("D")
    ward.robot.until(lambda: following.session.claim.standing is Standing.MINE, "the claim of the one after")
    assert tried[0] == ward.studies["C"].uid
    assert "claimed COHEN, Chaja" in ward.message()
    assert "meanwhile" in ward.message()
    assert len(ward.robot.desktop.actions.windows()) == 1


def test_next_keeps_to_the_filter_and_says_when_nothing_is_left(ward: Ward) -> None:
    reading = ward.open("D")
    window = ward.robot.desktop.window
    assert window is not None
    window.show_choice(FilterChoice(text="dekker"))
    ward.robot.until(lambda: reading.actions_.action("case.next").text() == "Next study", "that nobody is named")
    ward.go_on(reading)
    ward.robot.until(lambda: "Nothing is left to read" in ward.message(), "that nothing is left")
    assert not ward.robot.desktop.actions.windows()
    for letter in "ABC":
        listed(ward.robot, ward.study(letter), Status.AVAILABLE)


def test_after_the_last_the_ones_above_come_and_a_stat_study_comes_first(ward: Ward) -> None:
    reading = ward.open("D")
    desktop = ward.robot.desktop
    ward.robot.until(lambda: "AALDERS" in reading.actions_.action("case.next").text(), "the first again")
    urgent = study_to_read(patient_name="Zwart^Zoe", patient_id="P9", modalities=("CT",), stat=True, priority="HIGH")
    ward.bob.create(urgent)
    ward.robot.until(lambda: "ZWART" in reading.actions_.action("case.next").text(), "the STAT study")
    assert desktop.window is not None


@pytest.mark.parametrize("by_key", [False, True])
def test_a_study_held_by_another_opens_read_only_with_the_holders_name_on_its_bar(ward: Ward, by_key: bool) -> None:
    ward.claim_as_bob("C")
    entry = listed(ward.robot, ward.study("C"), Status.CLAIMED)
    ward.robot.until(lambda: "BOB, B" in shown_row(ward.robot, ward.study("C")), "the holder's name in the row")
    if by_key:
        ward.robot.select(entry)
        window = ward.robot.desktop.window
        assert window is not None
        window.table.setFocus()
        ward.robot.do(lambda: QTest.keyClick(window.table, Qt.Key.Key_Return))
        reading = ward.next_window("C")
    else:
        reading = hands.double_click(ward.robot, entry)
    ward.robot.until(reading.view.bar.standing, "the bar")
    assert "Read-only: BOB, B has this study" in reading.view.bar.standing()
    assert reading.session.claim.standing is Standing.LOOKING
    assert not reading.session.editable
    assert ward.robot.desktop.desk is not None
    assert ward.robot.desktop.desk.journal.claims.open_claims() == []


def test_a_double_click_on_a_study_that_is_open_for_looking_claims_it_there(ward: Ward) -> None:
    reading = ward.robot.open(listed(ward.robot, ward.study("A"), Status.AVAILABLE), claim=False)
    ward.robot.until(reading.view.bar.standing, "the bar")
    assert "not claimed" in reading.view.bar.standing()
    window = ward.robot.desktop.window
    assert window is not None
    ward.robot.do(lambda: window.commands.run("study.claim_and_open"))
    ward.robot.until(lambda: reading.session.claim.standing is Standing.MINE, "the claim in the same window")
    assert ward.robot.desktop.actions.windows() == (reading,)
