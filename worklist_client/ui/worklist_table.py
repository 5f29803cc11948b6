"""The table view: one selected row, Enter and double-click, a scroll position that changes of others do not move."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QModelIndex, QPoint, QRect, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from worklist_client.settings.theme import Theme
from worklist_client.ui.worklist_columns import COLUMN_INDEX, COLUMNS, column_widths
from worklist_client.ui.worklist_delegate import WorklistDelegate
from worklist_client.ui.worklist_model import EntryId, WorklistModel
from worklist_client.worklist.entries import StudyEntry

STILL_PX = 4
"""A pointer that moved no further has not aimed anew."""


class WorklistTable(QTableView):
    """Rows of `WorklistModel`. `empty_text` is shown in place of rows where there are none."""

    opened = Signal()
    """Double-click on the selected row (Enter goes through the key map)."""
    missed = Signal()
    """A double-click that opens nothing: the list moved since the pointer aimed."""
    current_changed = Signal()
    sort_asked = Signal(str)
    """A header was clicked: id of the column."""

    def __init__(
        self, model: WorklistModel, theme: Theme, site_color: Callable[[str], str], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._model = model
        self._empty_text = ""
        self._dragged = self._sharing = self._showing = False
        self._aim: tuple[QPoint, EntryId | None] | None = None
        self._pressed: EntryId | None = None
        self._muted = theme.color("text.secondary")
        self.setObjectName("worklist")
        self.setModel(model)
        self.setItemDelegate(WorklistDelegate(theme, site_color, self))
        self._build(theme)
        self.selectionModel().currentRowChanged.connect(self._current_changed)

    def show_entries(self, entries: tuple[StudyEntry, ...]) -> None:
        """Replace the rows.

        The selected row stays selected and, unless the list is at its top, where it is seen. Where it is gone, nothing
        is selected: Qt would move on to its neighbour, and the next Enter would claim another patient's study.
        """
        chosen = self.current_entry()
        anchor = self._anchor()
        top = self.rowViewportPosition(self._model.index_of(anchor).row()) if anchor else 0
        self._showing = True
        self._model.show(entries)
        if chosen is not None and not self._model.index_of(chosen.entry_id).isValid():
            self.selectionModel().clear()
        self._showing = False
        index = self._model.index_of(anchor) if anchor else QModelIndex()
        if index.isValid():
            bar = self.verticalScrollBar()
            bar.setValue(bar.value() + self.rowViewportPosition(index.row()) - top)
        after = self.current_entry()
        if (chosen.entry_id if chosen else None) != (after.entry_id if after else None):
            self.current_changed.emit()
        self.viewport().update()

    def current_entry(self) -> StudyEntry | None:
        """The selected study."""
        return self._model.entry_at(self.currentIndex())

    def select(self, entry_id: EntryId) -> None:
        """Select a study where it is shown."""
        index = self._model.index_of(entry_id)
        if index.isValid():
            self.setCurrentIndex(index)

    def set_empty_text(self, text: str) -> None:
        """Plain text for the case of no rows."""
        self._empty_text = text
        self.viewport().update()

    def show_sorting(self, column_id: str, descending: bool) -> None:
        """The arrow in the header."""
        order = Qt.SortOrder.DescendingOrder if descending else Qt.SortOrder.AscendingOrder
        self.horizontalHeader().setSortIndicator(COLUMN_INDEX[column_id], order)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Qt: rows, or the sentence that there are none."""
        super().paintEvent(event)
        if self._model.rowCount() == 0 and self._empty_text:
            painter = QPainter(self.viewport())
            painter.setPen(self._muted)
            area: QRect = self.viewport().rect().adjusted(40, 30, -40, -30)
            flags = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap
            painter.drawText(area, flags, self._empty_text)
            painter.end()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Qt: Enter comes here where the study cannot be claimed, and does then what a double-click does: look."""
        bare = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier == Qt.KeyboardModifier.NoModifier
        if bare and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self.opened.emit()
            return
        super().keyPressEvent(event)
        self._aim = None  # who scrolls with the keys looks again before pressing

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Qt: remember which row the pointer came to rest on."""
        super().mouseMoveEvent(event)
        self._aim = (event.position().toPoint(), self._entry_id_at(event.position().toPoint()))

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Qt: whoever turns the wheel moves the rows himself."""
        super().wheelEvent(event)
        self._aim = None

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Qt: select. A press opens nothing where another row slid under the pointer since it came there."""
        at = event.position().toPoint()
        pressed = self._entry_id_at(at)
        aimed = self._aim
        slid = aimed is not None and (aimed[0] - at).manhattanLength() <= STILL_PX and aimed[1] != pressed
        self._pressed = None if slid else pressed
        self._aim = (at, pressed)
        super().mousePressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Qt: open the row of the first press, or none where it is not that row any more."""
        first, under = self._pressed, self._entry_id_at(event.position().toPoint())
        chosen = self.current_entry()
        super().mouseDoubleClickEvent(event)
        if event.button() is not Qt.MouseButton.LeftButton or under is None:
            return
        if first == under and chosen is not None and chosen.entry_id == first:
            self._aim = None  # who comes back from a study looks at the list anew
            self.opened.emit()
        else:
            self.missed.emit()

    def _entry_id_at(self, at: QPoint) -> EntryId | None:
        entry = self._model.entry_at(self.indexAt(at))
        return entry.entry_id if entry is not None else None

    def _anchor(self) -> EntryId | None:
        if self.verticalScrollBar().value() == 0:
            return None
        current = self.current_entry()
        if current is not None and self.viewport().rect().intersects(self.visualRect(self.currentIndex())):
            return current.entry_id
        first = self._model.entry_at(self.indexAt(QPoint(1, 1)))
        return first.entry_id if first is not None else None

    def _current_changed(self) -> None:
        if not self._showing:
            self.current_changed.emit()

    def _build(self, theme: Theme) -> None:
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setMouseTracking(True)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        rows = self.verticalHeader()
        rows.hide()
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setDefaultSectionSize(theme.metrics["row_px"])
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionsClickable(True)
        header.setSortIndicatorShown(True)
        header.setMinimumSectionSize(44)
        header.sectionResized.connect(self._resized)
        header.sectionClicked.connect(self._header_clicked)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt: share the width, as long as nobody has dragged a column."""
        super().resizeEvent(event)
        if not self._dragged:
            self._sharing = True
            for index, width in enumerate(column_widths(self.viewport().width())):
                self.setColumnHidden(index, width == 0)
                if width:
                    self.horizontalHeader().resizeSection(index, width)
            self._sharing = False

    def _resized(self) -> None:
        self._dragged = self._dragged or not self._sharing

    def _header_clicked(self, section: int) -> None:
        self.sort_asked.emit(COLUMNS[section].column_id)
