"""The demo without a reader: plays the whole loop where nobody looks, and keeps pictures and delivered objects."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from pydicom import dcmread
from PySide6.QtWidgets import QDialog, QWidget

from worklist_client import app
from worklist_client.demo.robot import Robot, Stuck, press_ok
from worklist_client.settings.profile import open_profile
from worklist_client.settings.store import Settings
from worklist_client.ui.desktop import Desktop, run
from worklist_client.ui.reading_window import ReadingWindow
from worklist_client.worklist.entries import Status, StudyEntry

WIDTH_PX, HEIGHT_PX = 1600, 950
SETTLE_MS = 700
HIGHLIGHT_MS = 5000
"""Until the rows that just came are not highlighted any more."""
AT_ONCE = 18
"""How many studies the demo region has to read before anything arrives."""
TO_READ, WITH_CARD = "N26-70112", "W-260918"
"""Accession numbers: metastases that have grown, beside a prior that links by itself; and the pair with the card."""
FINDINGS = {
    "en": "Three hypodense lesions in the liver, all larger than on the prior study. The largest: ",
    "nl": "Drie hypodense laesies in de lever, alle groter dan op het vorige onderzoek. De grootste: ",
}
LESION_AT = 0.55
"""Where in the stack the largest lesion lies."""
IMPRESSION = {"en": "Progression of the liver metastases.", "nl": "Progressie van de levermetastasen."}


def main(client_arguments: list[str], output: Path) -> int:
    """Play on a desktop started with these arguments; returns 0 when the report arrived."""
    output.mkdir(parents=True, exist_ok=True)
    options = app.parse(client_arguments)
    profile = open_profile(options.profile, options.data_dir)
    settings = Settings.load(profile.settings_path)
    runner, hub = app.start_hub(options, profile, settings)
    stuck: list[Stuck] = []

    def played(desktop: Desktop) -> None:
        robot = Robot(desktop)
        try:
            Play(robot, output, options.language).all()
        except Stuck as error:
            robot.picture(output / "stuck.png")
            stuck.append(error)

    status = run(options, profile, settings, runner, hub, script=played)
    if stuck:
        print(f"The demo got stuck: {stuck[0]}. The screen then: {output / 'stuck.png'}")
        return 1
    count = keep_delivered(Path(options.data_dir).parent / "archive", output / "delivered")
    print(f"The whole loop was played. Pictures and {count} delivered objects: {output}")
    return status if count else 1


class Play:
    """See, claim, open with the prior of another hospital, measure, report, sign, deliver, next."""

    def __init__(self, robot: Robot, output: Path, language: str) -> None:
        self._robot, self._output, self._language = robot, output, language

    def all(self) -> None:
        """Everything, in the order of a night."""
        entry = self._list()
        reading = self._open(entry)
        self._report(reading)
        self._sign(reading)
        robot = self._robot
        robot.until(lambda: reading.session.signing.delivered, "the proof that the report arrived", 60)
        self._picture("5-delivered", reading)
        robot.do(lambda: reading.commands.run("case.close"))
        robot.until(lambda: not robot.desktop.actions.windows(), "the reading window to close")
        robot.until(lambda: self._status(entry) is Status.REPORTED, "'reported' on the list")
        self._card()
        self._assign()

    def _list(self) -> StudyEntry:
        robot = self._robot
        window = robot.until(lambda: robot.desktop.window, "the worklist window")
        window.setGeometry(0, 0, WIDTH_PX, HEIGHT_PX)
        robot.until(lambda: len(robot.entries()) >= AT_ONCE, f"{AT_ONCE} studies on the list", 60)
        entry = robot.until(lambda: self._ready(TO_READ), "the study to read", 60)
        robot.select(entry)
        robot.pause(HIGHLIGHT_MS)
        self._picture("1-worklist", window)
        return entry

    def _open(self, entry: StudyEntry) -> ReadingWindow:
        robot = self._robot
        reading = robot.open(entry)
        reading.setGeometry(0, 0, WIDTH_PX, HEIGHT_PX)
        robot.until(lambda: reading.session.editable, "the claim")
        robot.complete(reading, 0)
        robot.complete(reading, 1)
        return reading

    def _report(self, reading: ReadingWindow) -> None:
        robot, report = self._robot, reading.session.report
        reading.perform("link.toggle")
        for place in (1, 0):
            robot.scroll_to(reading, place, LESION_AT)
        reading.perform("link.toggle")
        robot.pause(SETTLE_MS)
        measured = robot.draw(reading, 0, "length", (121.0, 230.0), (175.0, 230.0))
        robot.draw(reading, 0, "ellipse", (92.0, 262.0), (122.0, 292.0))
        robot.draw(reading, 1, "length", (133.0, 230.0), (163.0, 230.0))
        reading.perform("tool.scroll")
        robot.type(reading, "findings", FINDINGS[self._language])
        report.insert_measurement(measured.annotation_id, "findings", len(FINDINGS[self._language]))
        robot.type(reading, "impression", IMPRESSION[self._language])
        self._picture("2-reading", reading)

    def _sign(self, reading: ReadingWindow) -> None:
        robot = self._robot
        robot.with_dialog("sign_dialog", self._look_then(press_ok, "3-signing", reading), reading.sign)
        robot.until(lambda: reading.session.signing.package, "the signed report")
        self._picture("4-signed", reading)

    def _card(self) -> None:
        """The pair of hospitals whose numbers do not prove one person: the card, confirmed; then given back."""
        robot = self._robot
        entry = robot.until(lambda: self._ready(WITH_CARD), "the study with the card", 60)
        reading = self._robot.open(entry)
        reading.setGeometry(0, 0, WIDTH_PX, HEIGHT_PX)
        robot.until(lambda: reading.session.editable, "the claim")
        row = robot.until(lambda: next(iter(reading.session.priors.rows()), None), "the possible prior")
        robot.viewport(reading, 0)
        candidate = row.candidate.candidate_id
        robot.confirm_card(reading, candidate, self._look_then(lambda _dialog: None, "6-card", reading))
        robot.viewport(reading, 1)
        self._picture("7-confirmed", reading)
        robot.do(reading.session.claim.release)
        robot.until(lambda: self._status(entry) is Status.AVAILABLE, "the study given back")
        robot.do(lambda: reading.commands.run("case.close"))
        robot.until(lambda: not robot.desktop.actions.windows(), "the reading window to close")

    def _assign(self) -> None:
        """Whom a study that waits may be assigned to: the readers whom the list knows; nobody is chosen."""
        robot, window = self._robot, self._robot.desktop.window
        assert window is not None
        entry = robot.until(self._waiting, "a study that waits", 60)
        robot.select(entry)
        look = self._look_then(lambda dialog: dialog.reject(), "8-assign", window)
        robot.with_dialog("reason_dialog", look, lambda: window.commands.run("study.assign"))

    def _waiting(self) -> StudyEntry | None:
        return next((one for one in self._robot.entries() if one.status is Status.AVAILABLE), None)

    def _look_then(self, act: Callable[[QDialog], None], name: str, window: QWidget) -> Callable[[QDialog], None]:
        def looked(dialog: QDialog) -> None:
            self._picture(name, window)
            act(dialog)

        return looked

    def _picture(self, name: str, window: QWidget) -> None:
        self._robot.pause(SETTLE_MS)
        self._robot.picture(self._output / f"{name}.png", window.frameGeometry())

    def _ready(self, accession_number: str) -> StudyEntry | None:
        entries = (one for one in self._robot.entries() if one.accession_number == accession_number)
        return next((one for one in entries if one.status in (Status.AVAILABLE, Status.MINE)), None)

    def _status(self, entry: StudyEntry) -> Status | None:
        now = self._robot.entry(entry.study_instance_uid)
        return now.status if now is not None else None


def keep_delivered(archive: Path, target: Path) -> int:
    """Copy what the hospitals received from us (presentation states and reports) to `target`; how many objects."""
    count = 0
    for path in sorted(archive.glob("*/received/*.dcm")):
        header = dcmread(path, stop_before_pixels=True)
        if header.Modality not in ("PR", "SR"):
            continue
        target.mkdir(parents=True, exist_ok=True)
        count += 1
        site = path.parent.parent.name
        shutil.copyfile(path, target / f"{site}-{header.AccessionNumber}-{header.Modality}-{count}.dcm")
    return count
