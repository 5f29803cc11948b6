"""A real client as a process, to be killed: reports every study of the list, and says each step on standard output.

`python client_reader.py DATA_DIR HUB_URL`. Lines: `<step> <study> <number> <monotonic seconds>`. What it finds after a
kill it goes on with: a claimed study with its text, a signed one whose report is on its way.
"""

from __future__ import annotations

import sys
import time

from PySide6.QtGui import QTextCursor

from worklist_client import app
from worklist_client.demo.robot import Robot, Stuck, press_ok
from worklist_client.journal import DraftState, PackageState
from worklist_client.settings.declarations import READER_CODE, READER_NAME, READER_ORGANISATION
from worklist_client.settings.profile import open_profile
from worklist_client.settings.store import Settings
from worklist_client.ui.desktop import Desktop, run
from worklist_client.ui.reading_window import ReadingWindow
from worklist_client.worklist.entries import Status, StudyEntry

PROFILE = "killed"
TO_DO = (Status.AVAILABLE, Status.MINE)
PIECE_MS = 150
"""How long the reader thinks after each piece of text."""


def text_of(study: str) -> str:
    """What is reported of a study, in full."""
    return " ".join(f"{number}: geen afwijking ≥ {number} mm ő." for number in range(1, 11)) + f" {study[-6:]}"


def say(step: str, study: str, number: int = 0) -> None:
    """Tell the parent, at once."""
    print(step, study, number, f"{time.monotonic():.3f}", flush=True)


def main(data_dir: str, hub_url: str) -> int:
    """Report everything; 0 when the whole list is reported."""
    options = app.parse(["--data-dir", data_dir, "--profile", PROFILE, "--hub", hub_url, "--render", "software"])
    profile = open_profile(options.profile, options.data_dir)
    settings = Settings.load(profile.settings_path)
    for setting, text in ((READER_NAME, "Vries^Sanne"), (READER_CODE, "900001"), (READER_ORGANISATION, "Nachtwacht")):
        settings.set(setting, text)
    runner, hub = app.start_hub(options, profile, settings)
    stuck: list[Stuck] = []

    def played(desktop: Desktop) -> None:
        try:
            play(desktop)
        except Stuck as error:
            stuck.append(error)

    status = run(options, profile, settings, runner, hub, script=played)
    for error in stuck:
        print(error, file=sys.stderr)
    return 8 if stuck else status


def play(desktop: Desktop) -> None:
    """One study after the other."""
    robot = Robot(desktop)
    robot.until(lambda: desktop.window, "the worklist window")
    robot.until(lambda: desktop.desk and desktop.desk.sites.all(), "the directory of sites")
    robot.until(lambda: len(studies_of(robot)) == int(sys.argv[3]), "the list")
    say("listed", "-")
    for study in sorted(studies_of(robot)):
        entry = robot.until(lambda study=study: _ready(robot, study), "the study to be ready")  # type: ignore[misc]
        if isinstance(entry, StudyEntry):
            report(robot, entry)
        robot.until(lambda study=study: study in signed_of(robot, done=True), "the delivery", 60)  # type: ignore[misc]
        say("reported", study)
    say("all", "-")


def studies_of(robot: Robot) -> set[str]:
    """Studies of the list, and those signed here, which the list of a new start does not hold any more."""
    return {entry.study_instance_uid for entry in robot.entries()} | signed_of(robot, done=False)


def signed_of(robot: Robot, *, done: bool) -> set[str]:
    """Studies that have a report in the journal; with `done` only those whose report is home."""
    assert robot.desktop.desk is not None
    journal = robot.desktop.desk.journal
    packages = [
        one
        for row in journal.drafts.in_state(DraftState.SIGNED)
        for one in journal.outbox.of_workitem(row.workitem_uid)
    ]
    return {one.study_instance_uid for one in packages if one.state is PackageState.DONE or not done}


def report(robot: Robot, entry: StudyEntry) -> None:
    """Open, type what is missing of the text, sign, wait for the proof, back to the list."""
    study = entry.study_instance_uid
    window = robot.open(entry)
    robot.until(lambda: window.session.editable or window.session.signing.package, "the claim")
    say("claimed", study)
    if window.session.signing.package is None:
        type_text(robot, window, study)
        robot.until(lambda: window.session.images.opened(study), "an image")
        say("signing", study)
        robot.with_dialog("sign_dialog", press_ok, lambda: window.commands.run("case.sign"))
        robot.until(lambda: window.session.signing.package, "the signed report")
    say("signed", study)
    robot.until(lambda: window.session.signing.delivered, "the proof", 60)
    say("delivered", study)
    robot.do(lambda: window.commands.run("case.close"))
    robot.until(lambda: not robot.desktop.actions.windows(), "the window to close")


def type_text(robot: Robot, window: ReadingWindow, study: str) -> None:
    """The rest of the text, a word at a time."""
    edit, whole = window.report.edit("findings"), text_of(study)
    here = edit.toPlainText()
    if not whole.startswith(here):
        say("wrong", study, len(here))
        raise SystemExit(9)
    say("found", study, len(here))
    for word in whole[len(here) :].split(" "):
        edit.moveCursor(QTextCursor.MoveOperation.End)
        now = len(edit.toPlainText())
        edit.insertPlainText(whole[now : now + len(word) + 1])
        say("typed", study, len(edit.toPlainText()))
        robot.pause(PIECE_MS // 5)


def _ready(robot: Robot, study: str) -> StudyEntry | bool:
    """The row, once it can be opened; True where the report was signed before: it goes home by itself."""
    if study in signed_of(robot, done=False):
        return True
    entry = robot.entry(study)
    return entry if entry is not None and entry.status in TO_DO else False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
