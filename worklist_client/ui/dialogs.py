"""Small dialogs of the worklist: a reason, a question, the keys, what happened. They ask and do nothing themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QSignalBlocker, Qt, QTimer
from PySide6.QtGui import QIcon, QKeySequence
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QMessageBox,
    QPlainTextEdit,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from worklist_client.settings.language import Translator
from worklist_client.ui.bars import plain_label

READ_ELSEWHERE_REASONS = (
    "Reported in the hospital's own system",
    "Another department reads it",
    "Needs no report",
    "On the list by mistake",
)
"""Ready-made reasons; one may be typed instead."""
OPEN_LIST_MS = 200
"""How often it is tried again while a list of choices is open."""


class ReasonDialog(QDialog):
    """Asks for a reason, or for somebody: choose one or type one. The first is preselected, so Enter is enough; with a
    `hint` none is, and Enter does nothing until one is chosen."""

    def __init__(
        self,
        tr: Translator,
        title: str,
        text: str,
        reasons: Sequence[str],
        action: str,
        parent: QWidget,
        *,
        hint: str = "",
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setObjectName("reason_dialog")
        self.setMinimumWidth(460)
        self._reason = QComboBox()
        self._reason.setObjectName("reason")
        self._reason.setAccessibleName(tr("Reason"))
        self._reason.setEditable(True)
        self._reason.addItems(list(reasons))
        self._reason.editTextChanged.connect(self._refresh)
        self._buttons = button_box(self, action, tr("Cancel"))
        label = plain_label("reason_text", text)
        label.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setSpacing(12)
        layout.addWidget(label)
        layout.addWidget(self._reason)
        self._note = plain_label("reason_note", role="attention")
        self._note.setWordWrap(True)
        self._note.hide()
        self.refusal: Callable[[], str] = str
        """Why what was chosen or typed cannot be taken, in words; the dialog says it and stays. Empty = it can."""
        layout.addWidget(self._note)
        layout.addWidget(self._buttons)
        edit = self._reason.lineEdit()
        if edit is not None:
            edit.selectAll()
            edit.returnPressed.connect(self._enter)  # Qt's combo box keeps the first Enter to itself
        self._reason.setFocus()
        if hint:
            self._reason.setCurrentIndex(-1)
            self._reason.setPlaceholderText(hint)
            if edit is not None:
                edit.setPlaceholderText(hint)
        self._refresh()

    def reason(self) -> str:
        """What was chosen or typed."""
        return self._reason.currentText().strip()

    def offer(self, reasons: Sequence[str]) -> None:
        """Other choices. What was typed stays as it is, and nothing moves under the mouse while the list is open."""
        edit = self._reason.lineEdit()
        if edit is None or self._reason.view().isVisible():
            QTimer.singleShot(OPEN_LIST_MS, self, lambda: self.offer(reasons))
            return
        typed, cursor, length = edit.text(), edit.cursorPosition(), len(edit.selectedText())
        with QSignalBlocker(self._reason):
            self._reason.clear()
            self._reason.addItems(list(reasons))
            self._reason.setCurrentIndex(self._reason.findText(typed, Qt.MatchFlag.MatchExactly) if typed else -1)
            edit.setText(typed)
        if length:  # what completion added to what was typed
            edit.setSelection(len(typed), -length)
        else:
            edit.setCursorPosition(cursor)
        self._refresh()

    def accept(self) -> None:
        """Qt: unless it is refused, which is said."""
        refused = self.refusal()
        self.say(refused)
        if not refused:
            super().accept()

    def say(self, text: str) -> None:
        """A sentence below the choice; empty puts it away."""
        self._note.setText(text)
        self._note.setAccessibleName(text)
        self._note.setVisible(bool(text))
        layout = self.layout()
        if text and layout is not None:  # a text that wraps does not make its window higher by itself
            layout.activate()
            self.resize(self.width(), max(self.height(), layout.totalHeightForWidth(self.width())))

    def _enter(self) -> None:
        if self.reason():
            self.accept()

    def _refresh(self) -> None:
        self.say("")
        self._buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(bool(self.reason()))


def button_box(dialog: QDialog, accept: str, reject: str) -> QDialogButtonBox:
    """Accept and reject with words of their own."""
    box = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
    ok = box.button(QDialogButtonBox.StandardButton.Ok)
    ok.setText(accept)
    ok.setIcon(QIcon())
    box.button(QDialogButtonBox.StandardButton.Cancel).setIcon(QIcon())
    ok.setProperty("role", "primary")
    box.button(QDialogButtonBox.StandardButton.Cancel).setText(reject)
    box.accepted.connect(dialog.accept)
    box.rejected.connect(dialog.reject)
    return box


def close_box(dialog: QDialog, text: str) -> QDialogButtonBox:
    """One button that closes."""
    box = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
    button = box.button(QDialogButtonBox.StandardButton.Close)
    button.setText(text)
    button.setIcon(QIcon())
    box.rejected.connect(dialog.reject)
    return box


def question(parent: QWidget, title: str, text: str, yes: str, no: str) -> bool:
    """A question with two verbs; the safe answer (no) is the default."""
    box = QMessageBox(parent)
    box.setObjectName("question")
    box.setIcon(QMessageBox.Icon.NoIcon)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setWindowTitle(title)
    box.setText(text)
    accept = box.addButton(yes, QMessageBox.ButtonRole.AcceptRole)
    decline = box.addButton(no, QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(decline)
    box.setEscapeButton(decline)
    box.exec()
    return box.clickedButton() is accept


def tell(parent: QWidget | None, title: str, text: str, close: str, details: str = "") -> None:
    """One thing that happened, with details that can be copied."""
    dialog = QDialog(parent)
    dialog.setObjectName("message")
    dialog.setWindowTitle(title)
    dialog.setMinimumWidth(520)
    layout = QVBoxLayout(dialog)
    label = plain_label("message_text", text)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    layout.addWidget(label)
    if details:
        box = QPlainTextEdit(details)
        box.setReadOnly(True)
        box.setMinimumHeight(180)
        layout.addWidget(box)
    layout.addWidget(close_box(dialog, close))
    dialog.exec()


def plain_table(name: str, titles: Sequence[str], rows: Sequence[Sequence[str]], stretch: int) -> QTableWidget:
    """A read-only table of texts."""
    table = QTableWidget(len(rows), len(titles))
    table.setObjectName(name)
    table.setHorizontalHeaderLabels(list(titles))
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    table.setShowGrid(False)
    table.verticalHeader().hide()
    header = table.horizontalHeader()
    header.setHighlightSections(False)
    header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    for row, texts in enumerate(rows):
        for column, text in enumerate(texts):
            table.setItem(row, column, QTableWidgetItem(text))
    table.resizeColumnsToContents()
    header.setSectionResizeMode(stretch, QHeaderView.ResizeMode.Stretch)
    return table


class KeysDialog(QDialog):
    """All keys of a window, from the command table itself."""

    def __init__(self, tr: Translator, rows: Sequence[tuple[str, Sequence[QKeySequence]]], parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Keys"))
        self.setObjectName("keys_dialog")
        self.resize(520, 480)
        native = QKeySequence.SequenceFormat.NativeText
        texts = [(title, "  ".join(key.toString(native) for key in keys)) for title, keys in rows]
        layout = QVBoxLayout(self)
        layout.addWidget(plain_table("keys", (tr("Action"), tr("Key")), texts, stretch=0))
        layout.addWidget(close_box(self, tr("Close")))
