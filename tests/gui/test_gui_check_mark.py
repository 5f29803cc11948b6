"""A ticked box looks ticked: colour alone tells nothing to a tired eye."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QCheckBox
from pytestqt.qtbot import QtBot

from worklist_client.settings.theme import load_theme, style_sheet


def _colors(image: QImage) -> set[str]:
    return {image.pixelColor(x, y).name() for x in range(16) for y in range(image.height())}


@pytest.mark.parametrize("text_size_pt", [8, 10, 18])
def test_a_ticked_box_has_a_mark_in_it(qtbot: QtBot, text_size_pt: int) -> None:
    theme = load_theme("dark")
    box = QCheckBox("")
    qtbot.addWidget(box)
    box.setStyleSheet(style_sheet(theme, text_size_pt))
    box.resize(24, 24)
    box.show()
    plain = _colors(box.grab().toImage())
    box.setChecked(True)
    ticked = _colors(box.grab().toImage())
    mark = theme.color("text.on_accent")
    assert mark not in plain
    assert mark in ticked
