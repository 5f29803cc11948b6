"""A study whose patient its hospital corrects while its window is open, and nothing is written in it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from tests.peers.reading_doubles import NORTH, entry, patient
from worklist_client.commands.desk import SiteDirectory
from worklist_client.settings.language import Translator
from worklist_client.ui.study_actions import StudyActions
from worklist_client.worklist.entries import Status, StudyEntry


class Window(QWidget):
    """A double of a reading window."""

    outdated = Signal(object)

    def __init__(self, shown: StudyEntry, claim: bool) -> None:
        super().__init__()
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.shown, self.claim = shown, claim


@pytest.mark.parametrize(("status", "claim"), [(Status.MINE, True), (Status.CLAIMED, False)])
def test_the_window_of_a_corrected_study_is_opened_anew_once(qtbot: QtBot, status: Status, claim: bool) -> None:
    made: list[Window] = []

    def make(_desk: object, shown: StudyEntry, claim: bool) -> QWidget:
        made.append(Window(shown, claim))
        return made[-1]

    desk = SimpleNamespace(sites=SiteDirectory([NORTH]), tr=Translator("en"))
    actions = StudyActions(cast(Any, desk), make)
    study = entry(status=status, patient=patient(number="N1"))
    actions._open(study, claim=claim)
    newer = entry(status=status, patient=patient(number="N9"))
    made[0].outdated.emit(newer)
    qtbot.waitUntil(lambda: len(made) == 2)
    assert (made[1].shown, made[1].claim) == (newer, claim)
    assert actions.windows() == (made[1],)
    made[1].close()
    qtbot.waitUntil(lambda: actions.windows() == ())
    assert len(made) == 2
