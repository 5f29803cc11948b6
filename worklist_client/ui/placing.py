"""Windows open within the screen that they open on, whatever size they would like."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize
from PySide6.QtGui import QCursor, QGuiApplication
from PySide6.QtWidgets import QWidget

FRAME = QSize(16, 40)
"""Room for borders and title, which nobody knows before the window is shown."""


def place(window: QWidget, wanted: QSize) -> None:
    """Give a window its size, in the middle of the screen where the reader is working."""
    screen = QGuiApplication.screenAt(QCursor.pos()) or QGuiApplication.primaryScreen()
    window.setGeometry(within(screen.availableGeometry(), wanted))


def within(available: QRect, wanted: QSize) -> QRect:
    """The wanted size, or as much of it as fits with its frame, centered in what is available. Pure."""
    size = wanted.boundedTo(available.size() - FRAME)
    found = QRect(available.topLeft(), size)
    found.moveCenter(available.center())
    found.moveTop(max(found.top(), available.top() + FRAME.height() - FRAME.width() // 2))
    return found
