"""A layout that puts widgets side by side and goes on in the next row where the room ends, like words in a text."""

from __future__ import annotations

from PySide6.QtCore import QMargins, QPoint, QRect, QSize, Qt
from PySide6.QtWidgets import QLayout, QLayoutItem, QWidget


class FlowLayout(QLayout):
    """Its height follows from its width; a widget wider than a row gets the row, and may wrap its own text."""

    def __init__(self, spacing: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._items: list[QLayoutItem] = []
        self.setSpacing(spacing)
        self.setContentsMargins(QMargins())

    def addItem(self, item: QLayoutItem) -> None:
        """Qt: at the end."""
        self._items.append(item)

    def insert(self, place: int, widget: QWidget) -> None:
        """Before the item that is there."""
        self.addWidget(widget)
        self._items.insert(place, self._items.pop())

    def count(self) -> int:
        """Qt: how many."""
        return len(self._items)

    def itemAt(self, index: int) -> QLayoutItem | None:
        """Qt: one of them, None beyond the end."""
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QLayoutItem | None:
        """Qt: take one out."""
        return self._items.pop(index) if 0 <= index < len(self._items) else None

    def expandingDirections(self) -> Qt.Orientation:
        """Qt: none."""
        return Qt.Orientation(0)

    def hasHeightForWidth(self) -> bool:
        """Qt: it has."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Qt: rows of this width."""
        return self._arrange(QRect(0, 0, width, 0), apply=False)

    def setGeometry(self, rect: QRect) -> None:
        """Qt: put them in their places."""
        super().setGeometry(rect)
        self._arrange(rect, apply=True)

    def sizeHint(self) -> QSize:
        """Qt: one row."""
        hints = [item.sizeHint() for item in self._items]
        gaps = self.spacing() * max(0, len(hints) - 1)
        return QSize(sum(hint.width() for hint in hints) + gaps, max((hint.height() for hint in hints), default=0))

    def minimumSize(self) -> QSize:
        """Qt: as narrow as needed; texts wrap."""
        return QSize(120, max((item.minimumSize().height() for item in self._items), default=0))

    def _arrange(self, rect: QRect, *, apply: bool) -> int:
        x, y, row_height = rect.left(), rect.top(), 0
        for item in self._items:
            hint = item.sizeHint()
            width = min(_natural_width(item), rect.width())
            if x > rect.left() and x + width > rect.left() + rect.width():
                x, y, row_height = rect.left(), y + row_height + 2, 0
            height = item.heightForWidth(width) if item.hasHeightForWidth() else hint.height()
            if apply:
                item.setGeometry(QRect(QPoint(x, y), QSize(width, height)))
            x += width + self.spacing()
            row_height = max(row_height, height)
        return y + row_height - rect.top()


def _natural_width(item: QLayoutItem) -> int:
    """In one line; the size hint of a label that wraps is narrower."""
    widget = item.widget()
    text = getattr(widget, "text", None)
    if widget is None or not callable(text):
        return item.sizeHint().width()
    margins = widget.contentsMargins()
    edges = margins.left() + margins.right() + 4 + int(widget.property("padding_px") or 0)
    return max(line_width(widget, str(text())) + edges, 1)


def line_width(widget: QWidget, text: str) -> int:
    """Of a text in the font of a widget."""
    widget.ensurePolished()
    return widget.fontMetrics().horizontalAdvance(text) + 1
