"""The sign dialog: shows whom, what and where to; asks nothing that is already known. Enter signs."""

from __future__ import annotations

from datetime import date

from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from worklist_client.commands.case_state import SignSummary
from worklist_client.identity.names import display_name
from worklist_client.settings.language import Translator
from worklist_client.settings.theme import Theme
from worklist_client.ui.bars import plain_label
from worklist_client.ui.dialogs import button_box
from worklist_client.ui.reading_bar import SiteChip
from worklist_client.ui.reading_text import patient_facts

THUMBNAIL_PX = 132


class SignDialog(QDialog):
    """Two identifiers, the study, the destination, and a picture of what is on the screen."""

    def __init__(
        self,
        summary: SignSummary,
        tr: Translator,
        theme: Theme,
        today: date,
        parent: QWidget | None = None,
        thumbnail: QPixmap | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("sign_dialog")
        self.setWindowTitle(tr("Sign the report"))
        self.setMinimumWidth(560)
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(16)
        self._grid.setVerticalSpacing(8)
        self._grid.setColumnStretch(1, 1)
        name = plain_label("sign_patient", display_name(summary.patient.name) or "–", role="name")
        self._line(tr("Patient"), name)
        self._line("", plain_label("sign_facts", patient_facts(summary.patient, today, tr)))
        self._line(tr("Study"), plain_label("sign_study", summary.study))
        self._line(tr("Accession"), plain_label("sign_accession", summary.accession_number or "–"))
        destination = SiteChip("sign_destination", summary.destination, summary.destination_color, theme)
        self._line(tr("Goes to"), destination)
        contents = tr(
            "Measurements: {measurements}   Priors: {priors}", measurements=summary.measurements, priors=summary.priors
        )
        if summary.later_studies:
            contents += "   " + tr("Later studies: {number}", number=summary.later_studies)
        self._line(tr("Contains"), plain_label("sign_contents", contents))
        facts = QFrame()
        facts.setProperty("role", "panel")
        row = QHBoxLayout(facts)
        row.setContentsMargins(14, 12, 14, 12)
        row.addLayout(self._grid, 1)
        if thumbnail is not None and not thumbnail.isNull():
            picture = QLabel()
            picture.setObjectName("sign_thumbnail")
            picture.setPixmap(thumbnail)
            row.addWidget(picture)
        layout = QVBoxLayout(self)
        layout.setSpacing(10)
        layout.addWidget(facts)
        for place, warning in enumerate(summary.warnings):
            layout.addWidget(plain_label(f"sign_warning_{place}", f"▲  {tr(warning)}", role="attention"))
        self._add_foot(layout, summary, tr)

    def _add_foot(self, layout: QVBoxLayout, summary: SignSummary, tr: Translator) -> None:
        """What has to be confirmed, and the buttons."""
        buttons = button_box(self, tr("Sign and send"), tr("Back to the report"))
        self._accept = buttons.button(QDialogButtonBox.StandardButton.Ok)
        self._accept.setDefault(True)
        self._ticks = {sentence: self._tick(place, tr(sentence)) for place, sentence in enumerate(summary.to_confirm)}
        for tick in self._ticks.values():
            layout.addWidget(tick)
        layout.addWidget(buttons)
        self._refresh()
        (next(iter(self._ticks.values())) if self._ticks else self._accept).setFocus()

    def confirmed(self) -> tuple[str, ...]:
        """What was ticked, of `SignSummary.to_confirm`."""
        return tuple(sentence for sentence, tick in self._ticks.items() if tick.isChecked())

    def _tick(self, place: int, text: str) -> QCheckBox:
        tick = QCheckBox(text)
        tick.setObjectName(f"sign_confirm_{place}")
        tick.toggled.connect(self._refresh)
        return tick

    def _refresh(self) -> None:
        self._accept.setEnabled(len(self.confirmed()) == len(self._ticks))

    def _line(self, title: str, value: QWidget) -> None:
        row = self._grid.rowCount()
        self._grid.addWidget(plain_label(f"sign_title_{row}", title, role="muted"), row, 0)
        holder = QHBoxLayout()
        holder.addWidget(value)
        holder.addStretch(1)
        self._grid.addLayout(holder, row, 1)
