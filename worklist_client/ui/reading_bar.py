"""The thin bar above everything: who, where, what, and how the claim stands. Turns red when something is wrong."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QWidget

from worklist_client.settings.theme import Theme
from worklist_client.ui.bars import plain_label, set_look
from worklist_client.ui.flow_layout import FlowLayout

TONES = {"ok": "state.ok", "info": "text.secondary", "attention": "state.attention", "danger": "state.danger"}
GLYPHS = {"ok": "●", "info": "○", "attention": "▲", "danger": "■"}
"""A shape for each tone, so that colour never speaks alone."""


CHIP_PADDING_PX = 22
"""Left and right of the name, its block of color included."""


class SiteChip(QLabel):
    """The hospital: its colour as a block, its name as text."""

    def __init__(self, name: str, site_name: str, color: str, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setText(site_name)
        self.setWordWrap(True)
        self.setProperty("padding_px", CHIP_PADDING_PX)
        self.setStyleSheet(
            f"QLabel {{ background: {theme.color('surface.raised')}; border-left: 6px solid {color};"
            f" border-radius: 3px; padding: 2px 8px; font-weight: 600; }}"
        )


class PatientBar(QFrame):
    """Name, facts, hospital, accession, exam, date on the left; the claim on the right."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("patient_bar")
        self._theme = theme
        self._name = plain_label("patient_name", role="name")
        self._facts = plain_label("patient_facts")
        self._exam = plain_label("patient_exam", role="muted")
        self._standing = plain_label("claim_standing")
        self._who = FlowLayout(14)
        for label in (self._name, self._facts, self._exam):
            label.setWordWrap(True)
            self._who.addWidget(label)
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 4, 10, 4)
        row.setSpacing(14)
        row.addLayout(self._who, 1)
        row.addWidget(self._standing, 0, Qt.AlignmentFlag.AlignTop)
        self._alarm("")

    def show_case(self, name: str, facts: str, exam: str, chip: SiteChip) -> None:
        """Fill in who and what; once, for a window is bound to one study."""
        self._name.setText(name)
        self._facts.setText(facts)
        self._exam.setText(exam)
        self._exam.setToolTip(exam)
        self._who.insert(2, chip)

    def show_standing(self, text: str, tone: str) -> None:
        """How the claim stands."""
        self._standing.setText(f"{GLYPHS[tone]}  {text}")
        self._standing.setStyleSheet(f"color: {self._theme.color(TONES[tone])}; font-weight: 600;")
        self._alarm(tone)

    def standing(self) -> str:
        """What the bar says of the claim."""
        return self._standing.text()

    def _alarm(self, tone: str) -> None:
        set_look(self, "alarm", tone == "danger")
