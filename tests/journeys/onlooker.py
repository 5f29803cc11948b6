"""Looks all the time at what desktops show, as a reader would who minds every dialog and every bar."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QDialog, QWidget

from worklist_client.demo.robot import Robot
from worklist_client.ui.bars import NoticeBar
from worklist_client.ui.reading_window import ReadingWindow

LOOK_MS = 20


class Onlooker:
    """`noticed` grows with what was not shown when looking began; `was_away` are the desks that lost their hub."""

    def __init__(self, desks: Sequence[Robot]) -> None:
        self._desks = desks
        self._before = self._shown()
        self.noticed: set[str] = set()
        self.was_away: set[Robot] = set()
        self._timer = QTimer()
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self.look)
        self._timer.start()

    def look(self) -> None:
        """Once."""
        self.noticed |= self._shown() - self._before
        self.was_away |= {one for one in self._desks if not one.desktop.feed.connection.connected}

    def __enter__(self) -> Onlooker:
        return self

    def __exit__(self, *_error: object) -> None:
        self._timer.stop()

    def _shown(self) -> set[str]:
        found = {
            f"dialog {one.objectName() or one.windowTitle()}"
            for one in QApplication.topLevelWidgets()
            if isinstance(one, QDialog) and one.isVisible()
        }
        for place, robot in enumerate(self._desks):
            window = robot.desktop.window
            assert window is not None
            shown = [text for one in (window, *robot.desktop.actions.windows()) for text in _said(one)]
            found |= {f"desk {place}: {text}" for text in shown}
        return found


def _said(window: QWidget) -> list[str]:
    """Its bars; of a reading window also what it says of claim and text."""
    found = [f"{bar.objectName()}: {bar.text()}" for bar in window.findChildren(NoticeBar) if bar.text()]
    if isinstance(window, ReadingWindow):
        is_open = not window.report.edit("findings").isReadOnly()
        found += [f"claim: {window.view.bar.standing()}", f"text open: {is_open}"]
    return found
