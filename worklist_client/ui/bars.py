"""Thin bars that say something about the list: away, solo, a lost claim, deliveries. Plain text only."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QWidget


class NoticeBar(QFrame):
    """One sentence, at most one action, and a cross where it may be put away. Hidden while it has nothing to say."""

    def __init__(
        self, name: str, close_text: str = "", on_close: Callable[[], None] | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setProperty("role", "bar")
        self._text = plain_label(f"{name}_text")
        self._text.setWordWrap(True)
        self._action = QPushButton()
        self._action.setObjectName(f"{name}_action")
        self._action.clicked.connect(self._act)
        self._run: Callable[[], object] | None = None
        self._on_close = on_close
        layout = QHBoxLayout(self)
        layout.setContentsMargins(10, 4, 6, 4)
        layout.addWidget(self._text, 1)
        layout.addWidget(self._action)
        if close_text:
            close = QPushButton(close_text)
            close.setObjectName(f"{name}_close")
            close.clicked.connect(self.clear)
            layout.addWidget(close)
        self.hide()

    def say(self, text: str, tone: str = "info", action: str = "", run: Callable[[], object] | None = None) -> None:
        """Show a sentence; tone is info, ok, attention or danger."""
        self._text.setText(text)
        self.setAccessibleName(text)
        self._run = run
        self._action.setText(action)
        self._action.setVisible(bool(action))
        set_look(self, "tone", tone)
        self.show()

    def text(self) -> str:
        """What it says, empty while hidden."""
        return self._text.text() if not self.isHidden() else ""

    def clear(self) -> None:
        """Put it away."""
        self.hide()
        if self._on_close is not None:
            self._on_close()

    def _act(self) -> None:
        if self._run is not None:
            self._run()


def plain_label(name: str, text: str = "", role: str = "") -> QLabel:
    """A label that never interprets its text (names and report texts may hold anything)."""
    label = QLabel()
    label.setObjectName(name)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setText(text)
    if role:
        label.setProperty("role", role)
    return label


def set_look(widget: QWidget, name: str, value: object) -> None:
    """Set a property that the style sheet of the application asks for; the widget is styled anew where it changed."""
    if widget.property(name) != value:
        widget.setProperty(name, value)
        widget.style().unpolish(widget)
        widget.style().polish(widget)


def spacer() -> QWidget:
    """Takes what is left in a row."""
    widget = QWidget()
    widget.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
    widget.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
    return widget
