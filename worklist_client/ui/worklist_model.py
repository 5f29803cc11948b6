"""The list as a table model over an immutable tuple. Who selects, sorts or filters does it elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from html import escape
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor

from worklist_client.settings.theme import Theme
from worklist_client.ui.row_diff import plan_rows
from worklist_client.ui.worklist_columns import COLUMN_INDEX, COLUMNS, RowContext
from worklist_client.worklist.entries import StudyEntry

EntryId = tuple[str, str]
Index = QModelIndex | QPersistentModelIndex


class Role(IntEnum):
    """What the delegate asks besides Qt's own roles."""

    ENTRY = Qt.ItemDataRole.UserRole + 1
    HIGHLIGHT = Qt.ItemDataRole.UserRole + 2
    COLUMN = Qt.ItemDataRole.UserRole + 3


class WorklistModel(QAbstractTableModel):
    """Rows are replaced as a whole with `show`; views keep selection and scroll, for only differences are announced."""

    def __init__(self, context: RowContext, theme: Theme, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._context, self._theme = context, theme
        self._rows: tuple[StudyEntry, ...] = ()
        self._row_of: dict[EntryId, int] = {}
        self._highlighted: frozenset[EntryId] = frozenset()

    def show(self, entries: tuple[StudyEntry, ...]) -> None:
        """Take over these rows in this order."""
        before = {entry.entry_id: entry for entry in self._rows}
        plan = plan_rows([entry.entry_id for entry in self._rows], [entry.entry_id for entry in entries])
        for first, last in plan.removals:
            self.beginRemoveRows(QModelIndex(), first, last)
            self._take(self._rows[:first] + self._rows[last + 1 :])
            self.endRemoveRows()
        survivors = tuple(entry for entry in entries if entry.entry_id in before)
        if plan.reordered:
            self._reorder(survivors)
        else:
            self._take(survivors)
        for first, last in plan.insertions:
            self.beginInsertRows(QModelIndex(), first, last)
            self._take(self._rows[:first] + entries[first : last + 1] + self._rows[first:])
            self.endInsertRows()
        for row, entry in enumerate(entries):
            if entry.entry_id in before and before[entry.entry_id] != entry:
                self.dataChanged.emit(self.index(row, 0), self.index(row, len(COLUMNS) - 1))

    def entry_at(self, index: Index) -> StudyEntry | None:
        """The entry of an index, None for an invalid one."""
        return self._rows[index.row()] if index.isValid() and index.row() < len(self._rows) else None

    def index_of(self, entry_id: EntryId) -> QModelIndex:
        """First cell of an entry's row; invalid where it is not shown."""
        row = self._row_of.get(entry_id)
        return self.index(row, 0) if row is not None else QModelIndex()

    def entries(self) -> tuple[StudyEntry, ...]:
        """What is shown, in order."""
        return self._rows

    def set_context(self, context: RowContext, columns: Iterable[str]) -> None:
        """Something beside the entries changed (the clock, counted priors): repaint these columns."""
        self._context = context
        if self._rows:
            for column in (COLUMN_INDEX[column_id] for column_id in columns):
                self.dataChanged.emit(self.index(0, column), self.index(len(self._rows) - 1, column))

    def set_highlighted(self, entry_ids: frozenset[EntryId]) -> None:
        """Rows that just changed, shown with another background for a while."""
        for entry_id in self._highlighted ^ entry_ids:
            row = self._row_of.get(entry_id)
            if row is not None:
                self.dataChanged.emit(self.index(row, 0), self.index(row, len(COLUMNS) - 1))
        self._highlighted = entry_ids

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's name and signature
        """Qt: rows of the table."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's name and signature
        """Qt: columns of the table."""
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        """Qt: titles, translated."""
        if orientation is not Qt.Orientation.Horizontal or not 0 <= section < len(COLUMNS):
            return None
        column = COLUMNS[section]
        if role == Qt.ItemDataRole.DisplayRole:
            return self._context.tr(column.title)
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._context.tr(column.tooltip or column.title)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Qt: texts, tones and the entry itself."""
        entry = self.entry_at(index)
        if entry is None:
            return None
        column = COLUMNS[index.column()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return column.text(entry, self._context)
        if role == Qt.ItemDataRole.ForegroundRole:
            return QColor(self._theme.color(column.tone(entry, self._context)))
        if role == Qt.ItemDataRole.ToolTipRole:  # escaped, for Qt takes what looks like markup for rich text
            return f"<qt>{escape((column.hint or column.text)(entry, self._context))}</qt>"
        if role == Role.ENTRY:
            return entry
        if role == Role.COLUMN:
            return column.column_id
        if role == Role.HIGHLIGHT:
            return entry.entry_id in self._highlighted
        return None

    def _reorder(self, survivors: tuple[StudyEntry, ...]) -> None:
        self.layoutAboutToBeChanged.emit()
        old = self.persistentIndexList()
        ids = [self._rows[index.row()].entry_id for index in old]
        self._take(survivors)
        moved = [self.index(self._row_of[key], index.column()) for key, index in zip(ids, old, strict=True)]
        self.changePersistentIndexList(old, moved)
        self.layoutChanged.emit()

    def _take(self, rows: tuple[StudyEntry, ...]) -> None:
        self._rows = rows
        self._row_of = {entry.entry_id: row for row, entry in enumerate(rows)}
