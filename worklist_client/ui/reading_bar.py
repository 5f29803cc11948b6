"""The thin bar above everything: who, where, what, and how the claim stands. Turns red when something is wrong."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QWidget

from worklist_client.settings.theme import Theme
from worklist_client.ui.bars import plain_label

TONES = {"ok": "state.ok", "info": "text.secondary", "attention": "state.attention", "danger": "state.danger"}
GLYPHS = {"ok": "●", "info": "○", "attention": "▲", "danger": "■"}
"""A shape for each tone, so that colour never speaks alone."""


class SiteChip(QLabel):
    """The hospital: its colour as a block, its name as text."""

    def __init__(self, name: str, site_name: str, color: str, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setText(site_name)
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
        self._exam.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._standing = plain_label("claim_standing")
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(10, 4, 10, 4)
        self._row.setSpacing(14)
        self._row.addWidget(self._name)
        self._row.addWidget(self._facts)
        self._row.addWidget(self._exam, 1)
        self._row.addWidget(self._standing)
        self._alarm("")

    def show_case(self, name: str, facts: str, exam: str, chip: SiteChip) -> None:
        """Fill in who and what; once, for a window is bound to one study."""
        self._name.setText(name)
        self._facts.setText(facts)
        self._exam.setText(exam)
        self._exam.setToolTip(exam)
        self._row.insertWidget(2, chip)

    def show_standing(self, text: str, tone: str) -> None:
        """How the claim stands."""
        self._standing.setText(f"{GLYPHS[tone]}  {text}")
        self._standing.setStyleSheet(f"color: {self._theme.color(TONES[tone])}; font-weight: 600;")
        self._alarm(tone)

    def standing(self) -> str:
        """What the bar says of the claim."""
        return self._standing.text()

    def _alarm(self, tone: str) -> None:
        line = self._theme.color("state.danger" if tone == "danger" else "line.normal")
        width = 3 if tone == "danger" else 1
        panel = self._theme.color("surface.panel")
        self.setStyleSheet(
            f"QFrame#patient_bar {{ background: {panel}; border: none; border-bottom: {width}px solid {line}; }}"
        )
