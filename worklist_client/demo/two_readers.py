"""Two readers and three desks without anybody: plays what happens between them, and keeps pictures of it."""

from __future__ import annotations

import argparse
from pathlib import Path

from PySide6.QtWidgets import QComboBox, QDialog, QWidget

from worklist_client.demo.autoplay import AT_ONCE, HEIGHT_PX, SETTLE_MS, TO_READ, WIDTH_PX
from worklist_client.demo.readers import PETER, SANNE
from worklist_client.demo.robot import Robot, Stuck, press_ok
from worklist_client.demo.shared import SharedRegion, verify
from worklist_client.demo.stage import Stage
from worklist_client.ui.reading_window import ReadingWindow
from worklist_client.ui.worklist_window import WorklistWindow
from worklist_client.worklist.entries import Status, StudyEntry

HIGHLIGHT_MS = 4500
OWN_CHOICE = "N26-70061"
"""Accession number of what Sanne reserves for herself."""
FINDINGS = {
    "en": "Three hypodense lesions in the liver, all larger than on the prior study.",
    "nl": "Drie hypodense laesies in de lever, alle groter dan op het vorige onderzoek.",
}
WHY = {"en": "The surgeon is waiting for this one", "nl": "De chirurg wacht op deze"}


def main(region: SharedRegion, options: argparse.Namespace, output: Path) -> int:
    """Play; 0 where all went as told and the audit log of the region is whole."""
    output.mkdir(parents=True, exist_ok=True)
    stage = Stage(region, options)
    story = Story(stage, output, options.language)
    try:
        story.all()
    except Stuck as error:
        stage.robots[-1].picture(output / "stuck.png")
        print(f"The demo got stuck: {error}. The screen then: {output / 'stuck.png'}")
        return 1
    finally:
        stage.clear()
    checked = verify(region)
    print(f"worklist-hub audit verify: {(checked.stdout + checked.stderr).strip()}")
    print(f"Two readers at three desks were played. Pictures: {output}")
    return checked.returncode


class Story:
    """One study, from Peter's assignment to Peter's report desk, by way of two desks of Sanne's."""

    def __init__(self, stage: Stage, output: Path, language: str) -> None:
        self._stage, self._output, self._language = stage, output, language

    def all(self) -> None:
        """Everything, in order."""
        sanne = self._stage.sit_down("sanne", SANNE.login, lambda dialog: self._picture("1-sign-in", dialog))
        peter = self._stage.sit_down("peter", PETER.login)
        for robot in (sanne, peter):
            robot.until(lambda one=robot: len(one.entries()) >= AT_ONCE, f"{AT_ONCE} studies", 90)  # type: ignore[misc]
        self._assign(sanne, peter)
        first = self._hold(sanne, peter)
        self._ask(sanne, peter, first)
        second_desk = self._stage.sit_down("sanne-2", SANNE.login)
        second = self._go_on_elsewhere(sanne, second_desk, first)
        self._hand_over(second_desk, peter, second)

    def _assign(self, sanne: Robot, peter: Robot) -> None:
        """Sanne reserves one; Peter, who is offered her by the hub, assigns another to her."""
        own = self._listed(sanne, OWN_CHOICE, Status.AVAILABLE)
        self._run(sanne, "study.reserve", own)
        self._listed(peter, OWN_CHOICE, Status.RESERVED)
        self._listed(peter, TO_READ, Status.AVAILABLE)

        def choose(dialog: QDialog) -> None:
            box = _reason(dialog)
            box.setCurrentIndex(next(n for n in range(box.count()) if SANNE.code in box.itemText(n)))
            self._picture("2-assign", _list(peter), dialog)
            press_ok(dialog)

        entry = self._listed(peter, TO_READ, Status.AVAILABLE)
        self._front(peter)
        peter.with_dialog("reason_dialog", choose, lambda: self._run(peter, "study.assign", entry))
        sanne.select(self._listed(sanne, TO_READ, Status.RESERVED))
        _list(sanne).bars.message.clear()
        sanne.pause(HIGHLIGHT_MS)
        self._picture("3-assigned", self._front(sanne))

    def _hold(self, sanne: Robot, peter: Robot) -> ReadingWindow:
        """Sanne reads it; Peter who wants it too is told who has it."""
        reading = self._open(sanne, self._listed(sanne, TO_READ, Status.RESERVED))
        sanne.type(reading, "findings", FINDINGS[self._language])
        held = self._listed(peter, TO_READ, Status.CLAIMED)
        peter.select(held)
        _list(peter).claim_and_open()  # as a double-click does: it is said who has it, and opened for looking
        looking = peter.until(peter.reading_window, "the reading window")
        looking.setGeometry(0, 0, WIDTH_PX, HEIGHT_PX)
        peter.complete(looking, 0)
        self._picture("4-held", looking)
        peter.do(looking.close)
        peter.until(lambda: not peter.desktop.actions.windows(), "the window to close")
        return reading

    def _ask(self, sanne: Robot, peter: Robot, reading: ReadingWindow) -> None:
        """Peter asks for it with a reason; Sanne keeps it, and Peter is told."""

        def ask(dialog: QDialog) -> None:
            _reason(dialog).setEditText(WHY[self._language])
            self._picture("5-take-over", _list(peter), dialog)
            press_ok(dialog)

        self._front(peter)
        entry = self._listed(peter, TO_READ, Status.CLAIMED)
        peter.with_dialog("reason_dialog", ask, lambda: self._run(peter, "study.take_over", entry))
        sanne.until(lambda: WHY[self._language] in reading.view.request.text(), "Peter's question at Sanne's desk")
        self._picture("6-asked", reading)
        sanne.do(reading.view.request.keep)
        peter.until(lambda: "VRIES" in _list(peter).bars.message.text(), "Sanne's answer at Peter's desk")
        self._picture("7-kept", self._front(peter))

    def _go_on_elsewhere(self, desk: Robot, other: Robot, reading: ReadingWindow) -> ReadingWindow:
        """Sanne sits down elsewhere and goes on, without waiting; her first desk is told, and keeps the text."""
        entry = self._listed(other, TO_READ, Status.MINE)

        def agree(dialog: QDialog) -> None:
            self._picture("8-second-desk", _list(other), dialog)
            press_ok(dialog)

        self._front(other)
        other.select(entry)
        other.with_dialog("reason_dialog", agree, _list(other).claim_and_open)
        second = self._opened(other)
        desk.until(lambda: not reading.session.editable, "the first desk to be told")
        self._picture("9-first-desk", reading)
        return second

    def _hand_over(self, sanne: Robot, peter: Robot, reading: ReadingWindow) -> None:
        """What Sanne wrote goes to Peter with the study."""
        sanne.type(reading, "findings", FINDINGS[self._language])

        def choose(dialog: QDialog) -> None:
            box = _reason(dialog)
            if box.findText(PETER.code) < 0:
                box.setEditText(PETER.code)
            press_ok(dialog)

        entry = self._listed(sanne, TO_READ, Status.MINE)
        sanne.with_dialog("reason_dialog", choose, lambda: self._run(sanne, "study.hand_over", entry))
        taken = self._open(peter, self._listed(peter, TO_READ, Status.RESERVED))
        peter.until(lambda: FINDINGS[self._language] in taken.report.edit("findings").toPlainText(), "Sanne's text")
        self._picture("10-handed-over", taken)

    # --- parts of it ---

    def _open(self, robot: Robot, entry: StudyEntry) -> ReadingWindow:
        robot.select(entry)
        _list(robot).claim_and_open()
        return self._opened(robot)

    def _opened(self, robot: Robot) -> ReadingWindow:
        reading = robot.until(robot.reading_window, "the reading window")
        reading.setGeometry(0, 0, WIDTH_PX, HEIGHT_PX)
        robot.until(lambda: reading.session.editable, "the claim")
        robot.complete(reading, 0)
        robot.complete(reading, 1)
        return reading

    def _listed(self, robot: Robot, accession_number: str, status: Status) -> StudyEntry:
        def look() -> StudyEntry | None:
            shown = _list(robot).rows.model.entries()  # what a command acts on, a moment after the live list
            entries = (one for one in shown if one.accession_number == accession_number)
            return next((one for one in entries if one.status is status), None)

        return robot.until(look, f"{accession_number} to be {status.value}", 60)

    def _run(self, robot: Robot, command: str, entry: StudyEntry) -> None:
        robot.select(entry)
        if not _list(robot).commands.run(command):
            raise Stuck(f"the command {command}")

    def _front(self, robot: Robot) -> QWidget:
        window = _list(robot)
        window.raise_()
        window.activateWindow()
        return window

    def _picture(self, name: str, window: QWidget, above: QWidget | None = None) -> None:
        robot = self._stage.robots[0]
        for one in (window, above):
            if one is not None:
                one.raise_()
        robot.pause(SETTLE_MS)
        robot.picture(self._output / f"{name}.png", window.frameGeometry())


def _list(robot: Robot) -> WorklistWindow:
    assert robot.desktop.window is not None
    return robot.desktop.window


def _reason(dialog: QDialog) -> QComboBox:
    box = dialog.findChild(QComboBox, "reason")
    assert isinstance(box, QComboBox)
    return box
