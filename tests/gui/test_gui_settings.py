"""The settings dialog as a person sees it: numbers can be read, and the name is asked in the parts that people know."""

from __future__ import annotations

from PySide6.QtWidgets import QAbstractSpinBox, QApplication, QLineEdit
from pytestqt.qtbot import QtBot

from worklist_client.settings.declarations import READER_NAME
from worklist_client.settings.language import Translator
from worklist_client.settings.store import Settings
from worklist_client.settings.theme import load_theme, style_sheet
from worklist_client.ui.settings_dialog import SettingsDialog


def _dialog(qtbot: QtBot, settings: Settings) -> SettingsDialog:
    dialog = SettingsDialog(settings, Translator("nl"))
    dialog.setStyleSheet(style_sheet(load_theme("dark"), 10))
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.waitExposed(dialog)
    QApplication.processEvents()
    return dialog


def test_every_number_can_be_read(qtbot: QtBot) -> None:
    dialog = _dialog(qtbot, Settings.in_memory())
    numbers = dialog.findChildren(QAbstractSpinBox)
    assert len(numbers) == 5
    for number in numbers:
        editor = number.findChild(QLineEdit)
        assert editor is not None
        assert editor.width() > editor.fontMetrics().horizontalAdvance(number.text())


def test_the_name_is_asked_in_parts_and_keeps_what_is_not_asked(qtbot: QtBot) -> None:
    settings = Settings.in_memory()
    settings.set(READER_NAME, "Vries^Anna^Maria^dr. de^MSc")
    dialog = _dialog(qtbot, settings)
    given = dialog.findChild(QLineEdit, "name_part_1")
    assert given is not None
    assert given.text() == "Anna"
    given.setText("Hanna^X")
    dialog.accept()
    assert settings.get(READER_NAME) == "Vries^Hanna X^Maria^dr. de^MSc"


def test_a_name_that_nobody_touched_stays_as_it_is(qtbot: QtBot) -> None:
    settings = Settings.in_memory()
    settings.set(READER_NAME, "Vries^Anna")
    _dialog(qtbot, settings).accept()
    assert settings.get(READER_NAME) == "Vries^Anna"
