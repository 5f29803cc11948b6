"""A study read with the keyboard alone: where the focus begins, where Tab goes, and that it is seen where it is."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QListWidget, QPushButton, QWidget

from tests.gui.test_reading_window import Case, bench, case  # noqa: F401 - fixtures
from tests.peers.reading_bench import FOREIGN, STUDY
from tests.peers.reading_doubles import BSN, answer, length
from worklist_client.settings.theme import load_theme, style_sheet
from worklist_client.ui.reading_priors import PriorCard


def opened(case: Case) -> QWidget:  # noqa: F811
    """A window with a prior and a measurement that really has the keyboard."""
    case.bench.peers["west"].answers = [answer(FOREIGN)]
    case.bench.national_ids = {FOREIGN: BSN}
    window = case.open()
    window.viewer.set_annotations(STUDY, (length(),))
    window.session.report.annotations_changed()

    def active() -> bool:
        window.activateWindow()
        window.raise_()
        return window.isActiveWindow()

    case.qtbot.waitUntil(active)
    return window


def focused() -> str:
    widget = QApplication.focusWidget()
    return "" if widget is None else widget.objectName()


def test_the_focus_begins_on_the_images_and_tab_goes_through_everything_in_order(case: Case) -> None:  # noqa: F811
    """It began in the frame around the priors, and the second image came after the sign button."""
    opened(case)
    assert focused() == "viewport_0"
    way = []
    for _ in range(30):
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
        if focused() == "viewport_0":
            break
        way.append(focused())
    sections = [
        f"section_{name}" for name in ("clinical_question", "technique", "comparison", "findings", "impression")
    ]
    assert way[:9] == ["viewport_1", *sections, "measurements", "insert_measurement", "sign"]
    assert f"prior_{FOREIGN}" in way
    assert "prior_cards" not in way


def test_a_measurement_is_shown_and_inserted_with_keys_alone(case: Case) -> None:  # noqa: F811
    opened(case)
    followed: list[str] = []
    case.window.report.link_followed.connect(followed.append)
    rows = case.window.report.findChild(QListWidget, "measurements")
    assert isinstance(rows, QListWidget)
    rows.setFocus()
    rows.setCurrentRow(0)
    QTest.keyClick(rows, Qt.Key.Key_Space)
    assert followed == ["a1"]
    QTest.keyClick(rows, Qt.Key.Key_Return)
    assert "14.1 mm" in case.window.report.edit("findings").toPlainText()
    QTest.keyClick(rows, Qt.Key.Key_Escape)
    assert focused() == "viewport_0"


@pytest.mark.parametrize("name", ["viewport_0", "measurements", "insert_measurement", "sign", f"prior_{FOREIGN}"])
def test_where_the_focus_is_can_be_seen(case: Case, name: str, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    application = QApplication.instance()
    assert isinstance(application, QApplication)
    before = application.styleSheet()
    application.setStyleSheet(style_sheet(load_theme("dark"), 10))
    try:
        window = opened(case)
        widget = window.findChild(QWidget, name)
        assert isinstance(widget, QWidget)
        assert isinstance(widget, (QListWidget, QPushButton, PriorCard)) or name == "viewport_0"
        case.window.report.edit("findings").setFocus()
        without = picture(widget)
        widget.setFocus()
        assert picture(widget) != without
    finally:
        application.setStyleSheet(before)


def picture(widget: QWidget) -> QImage:
    return widget.grab().toImage()
