"""The report panel: five sections of plain text, the measurements with their links, the sign button. One patient."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QTextCursor
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QPlainTextEdit,
    QPushButton,
    QSizePolicy,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from worklist_client.commands.case_state import MeasurementRow
from worklist_client.report.model import SECTIONS
from worklist_client.settings.language import Translator
from worklist_client.ui.bars import plain_label, set_look
from worklist_client.ui.reading_text import SECTION_TITLES

LINES = {"clinical_question": 2, "technique": 1, "comparison": 2, "findings": 0, "impression": 4}
"""Lines shown of each section; 0 takes what is left."""
EDGE_PX = 22
"""Frame, padding and margin of an editor, above and below together."""
LIST_PX, LIST_LEAST_PX = 140, 90
"""The list of measurements: five rows at first, three at least; the reader may drag the border."""
STRETCH = {"findings": 5, "impression": 3}


class SectionEdit(QPlainTextEdit):
    """One section. Plain text only, whatever is pasted."""

    left = Signal()
    """The focus went elsewhere: a good moment to save."""

    def __init__(self, section: str, title: str) -> None:
        super().__init__()
        self.section = section
        self.setObjectName(f"section_{section}")
        self.setAccessibleName(title)
        self.setTabChangesFocus(True)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        line = self.fontMetrics().lineSpacing()
        lines = LINES[section]
        self.document().setDocumentMargin(2)
        self.setMinimumHeight(line * max(lines, 3 if lines == 0 else 1) + EDGE_PX)
        if section not in STRETCH:
            self.setMaximumHeight(line * lines + EDGE_PX)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Qt: tell that the text was left."""
        super().focusOutEvent(event)
        self.left.emit()

    def take_over(self, text: str) -> None:
        """Show a text that the session changed; the cursor stays where it was as far as it can."""
        if self.toPlainText() == text:
            return
        position = self.textCursor().position()
        self.blockSignals(True)
        self.setPlainText(text)
        self.blockSignals(False)
        self.put_cursor(position)

    def put_cursor(self, position: int) -> None:
        """Place the cursor."""
        cursor = self.textCursor()
        cursor.setPosition(max(0, min(position, len(self.toPlainText()))), QTextCursor.MoveMode.MoveAnchor)
        self.setTextCursor(cursor)


class ReportPanel(QFrame):
    """Shows a draft and tells what was typed. It decides nothing: `set_editable` says whether text is taken."""

    typed = Signal(str, str)
    """Section, text."""
    left = Signal()
    insert_asked = Signal(str)
    """Annotation id."""
    link_followed = Signal(str)
    """Annotation id."""
    sign_asked = Signal()

    def __init__(self, tr: Translator, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("report_panel")
        self._tr = tr
        self._last = "findings"
        self._edits: dict[str, SectionEdit] = {}
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 6, 8, 8)
        layout.setSpacing(3)
        self._patient = plain_label("report_patient", role="heading")
        self._patient.setWordWrap(True)
        self._status = plain_label("report_status", role="muted")
        self._status.setWordWrap(True)
        layout.addWidget(self._patient)
        layout.addWidget(self._status)
        split = QSplitter(Qt.Orientation.Vertical)
        split.setObjectName("report_split")
        split.setChildrenCollapsible(False)
        split.addWidget(self._new_sections())
        split.addWidget(self._new_list())
        split.setSizes([600, LIST_PX])
        split.setStretchFactor(0, 1)
        split.setStretchFactor(1, 0)
        layout.addWidget(split, 1)
        layout.addLayout(self._buttons())
        self._editable = True
        self.set_editable(False, alarm=False)

    def show_patient(self, name: str) -> None:
        """Whose report this is; said above the text, not only at the top of the window."""
        self._patient.setText(name)

    def show_sections(self, sections: dict[str, str]) -> None:
        """Take over texts that the session changed."""
        for section, edit in self._edits.items():
            edit.take_over(sections.get(section, ""))

    def show_status(self, text: str, role: str = "muted") -> None:
        """One line below the patient: saved, read-only and why, delivered."""
        self._status.setText(text)
        self._status.setVisible(bool(text))
        set_look(self._status, "role", role)

    def status(self) -> str:
        """What that line says."""
        return self._status.text()

    def show_measurements(self, rows: tuple[MeasurementRow, ...]) -> None:
        """Replace the list; the selection stays on its annotation."""
        selected = self.selected_annotation()
        self._list.blockSignals(True)
        self._list.clear()
        for row in rows:
            mark = self._tr("changed") if row.stale else (self._tr("in report") if row.inserted else "")
            words = "  ·  ".join(part for part in (row.text or self._tr("Arrow"), row.study_text, mark) if part)
            item = QListWidgetItem(f"{'✓' if row.inserted else '+'}  {words}")
            item.setData(Qt.ItemDataRole.UserRole, row.annotation.annotation_id)
            item.setToolTip(self._tr("Click or Space shows its image; Enter puts it into the report"))
            self._list.addItem(item)
            if row.annotation.annotation_id == selected:
                self._list.setCurrentItem(item)
        self._list.blockSignals(False)
        self._refresh()

    def select_annotation(self, annotation_id: str) -> None:
        """Follow the selection of the viewer."""
        for place in range(self._list.count()):
            if self._list.item(place).data(Qt.ItemDataRole.UserRole) == annotation_id:
                self._list.setCurrentRow(place)

    def selected_annotation(self) -> str:
        """The annotation selected in the list, or the last drawn one, or empty."""
        item = self._list.currentItem()
        if item is None and self._list.count():
            item = self._list.item(self._list.count() - 1)
        return str(item.data(Qt.ItemDataRole.UserRole)) if item is not None else ""

    def set_editable(self, editable: bool, *, alarm: bool) -> None:
        """Whether text is taken; `alarm` turns the panel red: its study is not the one on the screen."""
        self._editable = editable
        for edit in self._edits.values():
            edit.setReadOnly(not editable)
        set_look(self, "alarm", alarm)
        self._refresh()

    def where(self) -> tuple[str, int]:
        """Section and text position of the cursor that was used last: where an insertion goes."""
        return (self._last, self._edits[self._last].textCursor().position())

    def put_cursor(self, section: str, position: int) -> None:
        """After an insertion."""
        self._edits[section].put_cursor(position)

    def focus_report(self) -> None:
        """To the text that was used last."""
        self._edits[self._last].setFocus()

    def edit(self, section: str) -> SectionEdit:
        """The editor of a section."""
        return self._edits[section]

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Qt: remember which section had the cursor last; Space in the list shows the image, as a click does."""
        if isinstance(event, QKeyEvent) and watched is self._list and event.key() == Qt.Key.Key_Space:
            if event.type() is QEvent.Type.KeyPress and self._list.currentItem() is not None:
                self._follow(self._list.currentItem())
            return True
        if event.type() is QEvent.Type.FocusIn and isinstance(watched, SectionEdit):
            self._last = watched.section
        return super().eventFilter(watched, event)

    def _new_sections(self) -> QWidget:
        sections = QWidget()
        texts = QVBoxLayout(sections)
        texts.setContentsMargins(0, 0, 0, 0)
        texts.setSpacing(3)
        for section in SECTIONS:
            title = self._tr(SECTION_TITLES[section])
            texts.addWidget(plain_label(f"title_{section}", title, role="muted"))
            edit = SectionEdit(section, title)
            edit.textChanged.connect(self._on_text)
            edit.left.connect(self.left)
            edit.installEventFilter(self)
            self._edits[section] = edit
            texts.addWidget(edit, STRETCH.get(section, 0))
        return sections

    def _new_list(self) -> QWidget:
        self._list = QListWidget()
        self._list.setObjectName("measurements")
        self._list.setAccessibleName(self._tr("Measurements"))
        self._list.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self._list.setMinimumHeight(LIST_LEAST_PX)
        self._list.setAlternatingRowColors(False)
        self._list.setSpacing(1)
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._list.setWordWrap(True)
        self._list.installEventFilter(self)
        self._list.itemClicked.connect(self._follow)
        self._list.itemActivated.connect(self._insert_current)
        self._list.currentItemChanged.connect(lambda _now, _before: self._refresh())
        below = QWidget()
        beneath = QVBoxLayout(below)
        beneath.setContentsMargins(0, 0, 0, 0)
        beneath.setSpacing(3)
        beneath.addWidget(plain_label("title_measurements", self._tr("Measurements"), role="muted"))
        beneath.addWidget(self._list, 1)
        return below

    def _buttons(self) -> QHBoxLayout:
        self._insert = QPushButton(self._tr("Insert measurement"))
        self._insert.setObjectName("insert_measurement")
        self._insert.clicked.connect(self._insert_current)
        self._sign = QPushButton(self._tr("Sign …"))
        self._sign.setObjectName("sign")
        self._sign.setProperty("role", "primary")
        self._sign.clicked.connect(self.sign_asked)
        row = QHBoxLayout()
        row.addWidget(self._insert)
        row.addStretch(1)
        row.addWidget(self._sign)
        return row

    def _on_text(self) -> None:
        edit = self.sender()
        if isinstance(edit, SectionEdit) and self._editable:
            self.typed.emit(edit.section, edit.toPlainText())

    def _follow(self, item: QListWidgetItem) -> None:
        self.link_followed.emit(str(item.data(Qt.ItemDataRole.UserRole)))

    def _insert_current(self) -> None:
        chosen = self.selected_annotation()
        if chosen and self._editable:
            self.insert_asked.emit(chosen)

    def _refresh(self) -> None:
        if hasattr(self, "_sign"):
            self._insert.setEnabled(self._editable and self._list.count() > 0)
            self._sign.setEnabled(self._editable)
