"""The list of measurements beside the report: large enough to use, and Ctrl+M leads to what is there already."""

from __future__ import annotations

from PySide6.QtWidgets import QListWidget
from pytestqt.qtbot import QtBot

from tests.gui.test_reading_window import Case, bench, case  # noqa: F401 - fixtures
from tests.peers.reading_bench import STUDY
from tests.peers.reading_doubles import length


def drawn(case: Case, count: int) -> QListWidget:  # noqa: F811
    window = case.open()
    window.viewer.set_annotations(STUDY, tuple(length(f"a{n}", 10.0 + n) for n in range(count)))
    window.session.report.annotations_changed()
    found = window.report.findChild(QListWidget, "measurements")
    assert isinstance(found, QListWidget)
    return found


def test_five_measurements_are_seen_at_once_in_a_small_window(case: Case, qtbot: QtBot) -> None:  # noqa: F811
    """One and a half were."""
    rows = drawn(case, 8)
    case.window.resize(1280, 800)
    qtbot.waitUntil(lambda: case.window.height() == 800 and rows.visualItemRect(rows.item(0)).height() > 0)
    assert rows.viewport().height() // rows.visualItemRect(rows.item(0)).height() >= 5


def test_inserting_again_leads_to_the_words_that_are_there(case: Case) -> None:  # noqa: F811
    drawn(case, 2)
    report = case.window.report
    report.select_annotation("a0")
    report.edit("findings").setFocus()
    case.window.commands.run("case.insert_measurement")
    report.edit("impression").setFocus()
    case.window.commands.run("case.insert_measurement")
    assert report.edit("findings").toPlainText() == "Length 10.0 mm. "
    assert report.edit("impression").toPlainText() == ""
    assert report.edit("findings").textCursor().position() == len("Length 10.0 mm")
