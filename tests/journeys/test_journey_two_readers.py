"""Two readers double-click one study at the same moment: real windows, a real hub; one wins, the other is told who."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtTest import QTest

from pacs.site import Site
from tests.journeys import hands
from tests.journeys.region import ALWAYS_H, CALLERS, PETER, SANNE, HubProcess, desk_of, listed
from tests.peers.orthanc import OrthancPeer, available
from tests.peers.synthetic import ct_series, uid_of
from worklist_client.commands.case_state import Standing
from worklist_client.demo.robot import Robot
from worklist_client.ui.reading_window import ReadingWindow
from worklist_client.worklist.entries import Status

pytestmark = [pytest.mark.skipif(bool(available()), reason=available() or "-"), pytest.mark.timeout(180)]

STUDY = "both want it"
ENDED = (Standing.MINE, Standing.LOST)


def double_click(robot: Robot) -> None:
    """On the selected row, without waiting for anything."""
    window = robot.desktop.window
    assert window is not None
    place = window.table.visualRect(window.table.currentIndex()).center()
    QTest.mouseClick(window.table.viewport(), hands.LEFT, pos=place)
    QTest.mouseDClick(window.table.viewport(), hands.LEFT, pos=place)


def reading_of(robot: Robot) -> ReadingWindow:
    def opened() -> ReadingWindow | None:
        return next((one for one in robot.desktop.actions.windows() if isinstance(one, ReadingWindow)), None)

    return robot.until(opened, "the reading window")


def test_two_readers_who_double_click_at_the_same_moment_get_one_claim_and_one_name(tmp_path: Path) -> None:
    with OrthancPeer(name="A", known=CALLERS) as archive:
        archive.load(ct_series(STUDY, 4, changes={"PatientName": "Aalders^Anna", "PatientID": "A1"}))
        sites = [Site("a", "Ziekenhuis Aa", "#3a86c8", connections=(archive.dimse(),), lookback_h=ALWAYS_H)]
        with (
            HubProcess(tmp_path / "hub", sites) as hub,
            desk_of(SANNE, tmp_path / "sanne", hub.url) as sanne,
            desk_of(PETER, tmp_path / "peter", hub.url) as peter,
        ):
            for robot in (sanne, peter):
                robot.select(listed(robot, uid_of(STUDY), Status.AVAILABLE))
            QTimer.singleShot(0, sanne.desktop, lambda: double_click(sanne))
            QTimer.singleShot(0, peter.desktop, lambda: double_click(peter))
            windows = {robot: reading_of(robot) for robot in (sanne, peter)}
            for robot, window in windows.items():
                robot.until(lambda w=window: w.session.claim.standing in ENDED, "an answer")  # type: ignore[misc]
            winners = [one for one in windows if windows[one].session.claim.standing is Standing.MINE]
            assert len(winners) == 1
            (winner,) = winners
            loser = peter if winner is sanne else sanne
            name = "VRIES, Sanne" if winner is sanne else "BAKKER, Peter"
            won, lost = windows[winner], windows[loser]
            winner.until(lambda: won.session.editable, "the text to open")
            winner.viewport(won, 0)
            loser.viewport(lost, 0)
            loser.until(lambda: name in lost.view.bar.standing(), "the winner's name on the bar")
            list_window = loser.desktop.window
            assert list_window is not None
            loser.until(lambda: name in list_window.bars.message.text(), "the winner's name above the list")
            loser.until(
                lambda: "claimed this study first" in lost.view.notice.text(), "what happened, in words of a reader"
            )
            assert "UPS" not in lost.view.notice.text()
            assert "Claimed by you" in won.view.bar.standing()
            hands.write(lost, "findings", "mine?")
            assert lost.report.edit("findings").toPlainText() == ""
            listed(loser, uid_of(STUDY), Status.CLAIMED)
            listed(winner, uid_of(STUDY), Status.MINE)
            look(won, lost, list_window)


def look(*windows: object) -> None:
    """Pictures for whoever wants to judge: WORKLIST_PICTURES names the folder."""
    folder = os.environ.get("WORKLIST_PICTURES")
    for place, window in enumerate(windows):
        if folder:
            window.grab().save(f"{folder}/two-readers-{place}.png")  # type: ignore[attr-defined]
