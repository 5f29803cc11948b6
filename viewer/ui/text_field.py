"""The field in which the text of an arrow is typed, on the image where it will stand."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent
from PySide6.QtWidgets import QLineEdit, QWidget

from viewer.ui import palette

WIDTH = 220
LONGEST = 200
"""Characters; Unformatted Text Value of a presentation state is ST, 1024 bytes."""


class TextField(QLineEdit):
    """Enter or leaving it gives the text; Escape gives the arrow up."""

    finished = Signal(str)
    given_up = Signal()

    def __init__(self, tr: Callable[[str], str], parent: QWidget) -> None:
        super().__init__(parent)
        self._over = False
        self._ground = parent
        self.setObjectName("annotation_text")
        self.setAccessibleName(tr("Text of the arrow"))
        self.setPlaceholderText(tr("Text"))
        self.setMaxLength(LONGEST)
        self.setStyleSheet(
            f"color: {palette.TEXT}; background: {palette.BANNER}; border: 1px solid {palette.ACTIVE}; "
            "font-size: 13px; padding: 2px 4px;"
        )
        self.returnPressed.connect(self._finish)

    def open_at(self, x: int, y: int, text: str = "") -> None:
        """Show it beside a point of its parent, wholly inside; a text that is there already is selected."""
        self.setText(text)
        self.selectAll()
        size = self.sizeHint()
        left = min(max(x + 6, 2), max(2, self._ground.width() - WIDTH - 2))
        top = min(max(y - size.height() // 2, 2), max(2, self._ground.height() - size.height() - 2))
        self.setGeometry(left, top, WIDTH, size.height())
        self.show()
        self.setFocus(Qt.FocusReason.PopupFocusReason)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """No key of the field is a key of the viewer."""
        if event.key() == Qt.Key.Key_Escape:
            self._end()
            self.given_up.emit()
            return
        super().keyPressEvent(event)
        event.accept()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """What was typed is kept."""
        super().focusOutEvent(event)
        self._finish()

    def _finish(self) -> None:
        if self._end():
            self.finished.emit(self.text().strip())

    def _end(self) -> bool:
        if self._over:
            return False
        self._over = True
        self.hide()
        self.deleteLater()
        return True
