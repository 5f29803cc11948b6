"""Windows open within the screen."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QRect, QSize
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from worklist_client.ui.placing import FRAME, place, within

WANTED = QSize(1600, 950)


@pytest.mark.parametrize(
    "available",
    [QRect(0, 0, 1366, 728), QRect(0, 25, 1280, 775), QRect(1920, 0, 2560, 1400), QRect(-1080, 0, 1080, 1920)],
)
def test_a_window_lies_within_what_is_available_with_its_frame(available: QRect) -> None:
    found = within(available, WANTED)
    assert available.contains(found)
    assert found.top() - available.top() >= FRAME.height() // 2
    assert found.width() == min(WANTED.width(), available.width() - FRAME.width())
    assert found.height() <= min(WANTED.height(), available.height() - FRAME.height())


def test_a_large_screen_gives_the_size_that_is_wanted() -> None:
    assert within(QRect(0, 0, 3840, 2100), WANTED).size() == WANTED


def test_a_real_window_is_placed_on_the_screen_there_is(qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    place(window, QSize(100_000, 100_000))
    assert QGuiApplication.primaryScreen().availableGeometry().contains(window.geometry())
