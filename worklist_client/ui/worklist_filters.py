"""The row of filters above the list. It says what was chosen; `worklist.query` decides what matches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QPushButton, QWidget

from worklist_client.settings.language import Translator
from worklist_client.ui.bars import plain_label
from worklist_client.worklist.entries import Status, StudyEntry
from worklist_client.worklist.query import Filter, choices

OPEN = frozenset(Status) - {Status.DELIVERING, Status.REPORTED, Status.CANCELED}
ELSEWHERE = "elsewhere"
"""The view of studies that can be read without priors, and so by another hospital."""
STATUS_VIEWS: tuple[tuple[str, str, frozenset[Status]], ...] = (
    ("open", "To be reported", OPEN),
    ("available", "Available", frozenset({Status.AVAILABLE, Status.RESERVED})),
    (ELSEWHERE, "May be read elsewhere", frozenset({Status.AVAILABLE, Status.RESERVED})),
    ("claimed", "Being read", frozenset({Status.CLAIMED, Status.MINE})),
    ("reported", "Reported", frozenset({Status.DELIVERING, Status.REPORTED})),
    ("all", "Every status", frozenset(Status)),
)
"""(id, English title, statuses) of the status filter; the first is the default."""

TYPING_MS = 120


@dataclass(frozen=True, slots=True)
class FilterChoice:
    """What is chosen; empty = everything. `status_view` is an id of `STATUS_VIEWS`."""

    text: str = ""
    site_id: str = ""
    modality: str = ""
    expertise: str = ""
    status_view: str = STATUS_VIEWS[0][0]
    mine: bool = False

    def as_filter(self) -> Filter:
        """In the words of `worklist.query`."""
        return Filter(
            text=self.text,
            sites=frozenset({self.site_id} - {""}),
            modalities=frozenset({self.modality} - {""}),
            expertises=frozenset({self.expertise} - {""}),
            statuses=next(statuses for view, _title, statuses in STATUS_VIEWS if view == self.status_view),
            mine=self.mine,
            elsewhere=self.status_view == ELSEWHERE,
        )


class FilterBar(QWidget):
    """Text, four combos, one chip, the count. The choices offered are those that occur."""

    changed = Signal(object)
    """A `FilterChoice`."""
    leave_text = Signal()
    """Enter or Down in the text field: go to the rows."""

    def __init__(self, tr: Translator, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tr = tr
        self.setObjectName("filters")
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(TYPING_MS)
        self._typing.timeout.connect(self._emit)
        self._build()

    def choice(self) -> FilterChoice:
        """What is chosen now."""
        return FilterChoice(
            text=self.text.text().strip(),
            site_id=self.site.currentData() or "",
            modality=self.modality.currentData() or "",
            expertise=self.expertise.currentData() or "",
            status_view=self.status.currentData(),
            mine=self.mine.isChecked(),
        )

    def set_choice(self, choice: FilterChoice) -> None:
        """Show and report a choice, as from a command."""
        widgets = (self.text, self.site, self.modality, self.expertise, self.status, self.mine)
        for widget in widgets:
            widget.blockSignals(True)
        self.text.setText(choice.text)
        for combo, value in (
            (self.site, choice.site_id),
            (self.modality, choice.modality),
            (self.expertise, choice.expertise),
            (self.status, choice.status_view),
        ):
            combo.setCurrentIndex(max(0, combo.findData(value)))
        self.mine.setChecked(choice.mine)
        for widget in widgets:
            widget.blockSignals(False)
        self._emit()

    def offer(self, entries: Sequence[StudyEntry], sites: Sequence[tuple[str, str]]) -> None:
        """Offer what occurs in the list; a choice that no longer occurs stays."""
        offered = choices(entries)
        _refill(self.site, [(name, site_id) for site_id, name in sites])
        _refill(self.modality, [(text, value) for value, text in offered["modality"]])
        _refill(self.expertise, [(text, value) for value, text in offered["expertise"]])

    def show_count(self, shown: int, total: int) -> None:
        """How many of how many."""
        text = self._tr("{shown} of {total} studies", shown=shown, total=total)
        self.count.setText(text)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Qt: Enter, Down and Escape in the text field."""
        leaves = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Down)
        is_press = watched is self.text and event.type() == QEvent.Type.KeyPress
        if is_press and isinstance(event, QKeyEvent) and event.key() in leaves:
            if self._typing.isActive():
                self._typing.stop()
                self._emit()
            self.leave_text.emit()
            return True
        return super().eventFilter(watched, event)

    def _emit(self) -> None:
        choice = self.choice()
        marks = (
            (self.text, choice.text),
            (self.site, choice.site_id),
            (self.modality, choice.modality),
            (self.expertise, choice.expertise),
            (self.status, choice.status_view != STATUS_VIEWS[0][0]),
        )
        for widget, active in marks:
            if widget.property("active") != bool(active):
                widget.setProperty("active", bool(active))
                widget.style().unpolish(widget)
                widget.style().polish(widget)
        self.clear.setVisible(choice != FilterChoice())
        self.changed.emit(choice)

    def _build(self) -> None:
        tr = self._tr
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        self.text = QLineEdit()
        self.text.setObjectName("filter_text")
        self.text.setPlaceholderText(tr("Find patient, number or description"))
        self.text.setAccessibleName(tr("Find patient, number or description"))
        self.text.setClearButtonEnabled(True)
        self.text.setMinimumWidth(250)
        self.text.textChanged.connect(self._typing.start)
        self.text.installEventFilter(self)
        self.site = self._combo("filter_site", tr("All hospitals"), tr("Hospital"))
        self.modality = self._combo("filter_modality", tr("All modalities"), tr("Modality"))
        self.expertise = self._combo("filter_expertise", tr("All expertises"), tr("Expertise"))
        self.status = QComboBox()
        self.status.setObjectName("filter_status")
        self.status.setAccessibleName(tr("Status"))
        for view, title, _statuses in STATUS_VIEWS:
            self.status.addItem(tr(title), view)
        self.status.currentIndexChanged.connect(self._emit)
        self.mine = QPushButton(tr("Mine"))
        self.mine.setObjectName("filter_mine")
        self.mine.setToolTip(tr("Claimed by me or reserved for me"))
        self.mine.setProperty("role", "chip")
        self.mine.setCheckable(True)
        self.mine.toggled.connect(self._emit)
        self.clear = QPushButton(tr("Clear filters"))
        self.clear.setObjectName("filter_clear")
        self.clear.setProperty("role", "link")
        self.clear.hide()
        self.clear.clicked.connect(self._clear)
        self.count = plain_label("filter_count", role="muted")
        for widget in (self.text, self.site, self.modality, self.expertise, self.status, self.mine, self.clear):
            layout.addWidget(widget, 2 if widget is self.text else 0)
        layout.addStretch(1)
        layout.addWidget(self.count)

    def _combo(self, name: str, everything: str, accessible: str) -> QComboBox:
        combo = QComboBox()
        combo.setObjectName(name)
        combo.setAccessibleName(accessible)
        combo.addItem(everything, "")
        combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        combo.currentIndexChanged.connect(self._emit)
        return combo

    def _clear(self) -> None:
        self.set_choice(FilterChoice())


def _refill(combo: QComboBox, items: list[tuple[str, str]]) -> None:
    """Replace the items after the first; the chosen one stays chosen, and stays offered while it is."""
    chosen, chosen_text = combo.currentData(), combo.currentText()
    if chosen and chosen not in [value for _text, value in items]:
        items = [*items, (chosen_text, chosen)]
    if items == [(combo.itemText(i), combo.itemData(i)) for i in range(1, combo.count())]:
        return
    combo.blockSignals(True)
    while combo.count() > 1:
        combo.removeItem(combo.count() - 1)
    for text, value in items:
        combo.addItem(text, value)
    combo.setCurrentIndex(max(0, combo.findData(chosen)))
    combo.blockSignals(False)
