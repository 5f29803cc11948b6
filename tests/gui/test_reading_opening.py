"""How a reading window comes up: in several turns of the event loop, and whole before anybody can type into it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from tests.peers.reading_bench import Bench
from tests.peers.reading_doubles import entry
from viewer.tasks import TaskRunner
from worklist_client.settings.language import Translator
from worklist_client.settings.theme import load_theme, style_sheet
from worklist_client.ui import reading_view
from worklist_client.ui.reading_report import ReportPanel
from worklist_client.ui.reading_window import open_reading_window

THEME = load_theme("dark")


@pytest.fixture
def styled(qapp: QApplication) -> Iterator[QApplication]:
    before = qapp.styleSheet()
    qapp.setStyleSheet(style_sheet(THEME, 10))
    yield qapp
    qapp.setStyleSheet(before)


def test_the_report_panel_has_a_turn_of_its_own_and_is_there_before_the_window_is(
    bench: Bench, runner: TaskRunner, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []

    class Panel(ReportPanel):
        def __init__(self, tr: Translator) -> None:
            steps.append("panel")
            super().__init__(tr)

    monkeypatch.setattr(reading_view, "ReportPanel", Panel)
    bench.runner = runner
    window = open_reading_window(bench.desk, entry(), False)
    steps.append("opened")
    monkeypatch.setattr(window, "lay_out", lambda lay_out=window.lay_out: (steps.append("laid out"), lay_out()))
    qtbot.waitUntil(lambda: steps[-1] == "panel")
    assert not window.isVisible()
    qtbot.waitUntil(window.isVisible)
    assert steps[:3] == ["opened", "panel", "laid out"]
    assert steps.count("panel") == 1
    assert window.report.edit("findings").isVisible()
    window.close()


def test_the_panel_turns_red_while_the_images_are_of_somebody_else(styled: QApplication, qtbot: QtBot) -> None:
    panel = ReportPanel(Translator("en"))
    qtbot.addWidget(panel)
    panel.resize(380, 800)
    panel.show()

    def edge() -> QColor:
        return panel.grab().toImage().pixelColor(2, 400)

    calm = edge()
    panel.set_editable(False, alarm=True)
    assert edge() == QColor(THEME.color("state.danger"))
    panel.set_editable(True, alarm=False)
    assert edge() == calm == QColor(THEME.color("surface.panel"))
