"""The patient's studies across hospitals, as the panel below the list shows them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor, QPixmap

from viewer.dates import shown_date
from viewer.titles import without_modality
from worklist_client.settings.language import Translator
from worklist_client.settings.theme import Theme

Index = QModelIndex | QPersistentModelIndex

VERDICTS = {"same": "Same patient", "probable": "Probably the same: confirm", "conflict": "Other patient: blocked"}
VERDICT_TONES = {"same": "state.ok", "probable": "state.attention", "conflict": "state.danger"}
TITLES = ("Date", "Hospital", "Mod.", "Description", "Patient match")


class TimelineState(Enum):
    """How complete the timeline is."""

    NOTHING_SELECTED = 0
    SEARCHING = 1
    COMPLETE = 2
    PARTIAL = 3
    """Some hospital did not answer or did not permit; `note` says which."""


@dataclass(frozen=True, slots=True)
class TimelineStudy:
    """One study of the patient. `date` as YYYYMMDD or empty; `verdict` is same, probable or conflict."""

    site_id: str
    date: str
    modality: str
    description: str
    verdict: str
    is_current: bool = False
    study_instance_uid: str = ""


@dataclass(frozen=True, slots=True)
class Timeline:
    """What is known of one patient's studies; `priors` is the exact count where COMPLETE, else a lower bound."""

    state: TimelineState
    studies: tuple[TimelineStudy, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def priors(self) -> int:
        """Studies that may be this person's, without the current one and without conflicts."""
        return sum(1 for study in self.studies if not study.is_current and study.verdict != "conflict")


class TimelineModel(QAbstractTableModel):
    """Newest first."""

    def __init__(
        self,
        tr: Translator,
        theme: Theme,
        site_name: Callable[[str], str],
        site_color: Callable[[str], str],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._tr, self._theme = tr, theme
        self._site_name, self._site_color = site_name, site_color
        self._rows: tuple[TimelineStudy, ...] = ()

    def show(self, studies: tuple[TimelineStudy, ...]) -> None:
        """Replace all rows."""
        self.beginResetModel()
        self._rows = tuple(sorted(studies, key=lambda study: study.date, reverse=True))
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's name and signature
        """Qt: rows."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's name and signature
        """Qt: columns."""
        return 0 if parent.isValid() else len(TITLES)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        """Qt: titles."""
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self._tr(TITLES[section])
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Qt: cells."""
        if not index.isValid() or index.row() >= len(self._rows):
            return None
        study, column = self._rows[index.row()], index.column()
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole, Qt.ItemDataRole.ToolTipRole):
            return self._text(study, column)
        if role == Qt.ItemDataRole.ForegroundRole:
            verdict_tone = "text.primary" if study.is_current else VERDICT_TONES.get(study.verdict, "text.primary")
            return QColor(self._theme.color(verdict_tone if column == 4 else "text.primary"))
        if role == Qt.ItemDataRole.DecorationRole and column == 1:
            chip = QPixmap(10, 10)
            chip.fill(QColor(self._site_color(study.site_id)))
            return chip
        return None

    def _text(self, study: TimelineStudy, column: int) -> str:
        if column == 4:
            return self._tr("This study") if study.is_current else self._tr(VERDICTS.get(study.verdict, study.verdict))
        what = without_modality(study.modality, study.description)
        return (shown_date(study.date), self._site_name(study.site_id), study.modality, what[:1].upper() + what[1:])[
            column
        ]
