"""The side-by-side card: are these two records one person? Two identifiers have to be ticked before a prior opens."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QDialog, QDialogButtonBox, QFrame, QGridLayout, QLabel, QVBoxLayout, QWidget

from viewer.titles import study_title
from worklist_client.identity.links import IDENTIFIERS_NEEDED, tickable
from worklist_client.identity.names import PersonName, groups
from worklist_client.identity.patient import Evidence, PatientIdentity
from worklist_client.reading.priors import PriorCandidate
from worklist_client.settings.language import Translator
from worklist_client.settings.theme import Theme
from worklist_client.ui.bars import plain_label
from worklist_client.ui.dialogs import button_box
from worklist_client.ui.reading_bar import SiteChip
from worklist_client.ui.reading_text import AGREEMENT_TITLES, FIELD_TITLES, day_text, field_text

TONES = {"equal": "state.ok", "alike": "state.ok", "differs": "state.danger", "missing": "text.secondary"}
GLYPHS = {"equal": "=", "alike": "≈", "differs": "≠", "missing": "?", "invalid": "?"}


class IdentityCard(QDialog):
    """Every field of both records, side by side. The button opens after two ticks; nothing is ticked beforehand."""

    def __init__(
        self,
        candidate: PriorCandidate,
        current: PatientIdentity,
        sites: tuple[tuple[str, str], tuple[str, str]],
        tr: Translator,
        theme: Theme,
        parent: QWidget | None = None,
    ) -> None:
        """`sites` are (name, colour) of the study's hospital and of the prior's."""
        super().__init__(parent)
        self._tr, self._theme = tr, theme
        self.setObjectName("identity_card")
        self.setWindowTitle(tr("Is this the same patient?"))
        self.setMinimumWidth(760)
        self._ticks: dict[str, QCheckBox] = {}
        self._tickable = tickable(candidate.comparison)
        self._names = tuple(groups(name)[0] for name in (current.name, candidate.patient.name))
        grid = QGridLayout()
        grid.setHorizontalSpacing(18)
        grid.setVerticalSpacing(6)
        grid.setColumnStretch(1, 1)
        grid.setColumnStretch(2, 1)
        (left_name, left_color), (right_name, right_color) = sites
        grid.addWidget(plain_label("left_title", tr("Study being read"), role="muted"), 0, 1)
        grid.addWidget(plain_label("right_title", tr("Possible prior"), role="muted"), 0, 2)
        grid.addWidget(SiteChip("left_site", left_name, left_color, theme), 1, 1)
        grid.addWidget(SiteChip("right_site", right_name, right_color, theme), 1, 2)
        for place, evidence in enumerate(candidate.comparison.evidence, start=2):
            self._add_row(grid, place, evidence)
        study = candidate.study
        day = day_text(study.study_date, tr)
        exam = "   ".join(
            part for part in (day, study_title("/".join(study.modalities), study.study_description)) if part
        )
        self._hint = plain_label("card_hint")
        self._buttons = button_box(self, tr("Same patient: open this prior"), tr("Not the same"))
        panel = QFrame()
        panel.setProperty("role", "panel")
        panel.setLayout(grid)
        layout = QVBoxLayout(self)
        layout.setSpacing(10)
        question = tr("The values do not prove that this is one person. Compare them, and tick what you have checked.")
        text = plain_label("card_text", question)
        text.setWordWrap(True)
        layout.addWidget(text)
        layout.addWidget(plain_label("card_exam", exam, role="heading"))
        layout.addWidget(panel)
        layout.addWidget(self._hint)
        layout.addWidget(self._buttons)
        self._refresh()

    def ticked(self) -> tuple[str, ...]:
        """Fields that are ticked."""
        return tuple(name for name, box in self._ticks.items() if box.isChecked())

    def tick(self, name_of_field: str, on: bool = True) -> None:
        """Tick a field, as a click would. Raises KeyError where it cannot be ticked."""
        self._ticks[name_of_field].setChecked(on)

    def can_open(self) -> bool:
        """Whether the button is live."""
        return self._buttons.button(QDialogButtonBox.StandardButton.Ok).isEnabled()

    def _add_row(self, grid: QGridLayout, place: int, evidence: Evidence) -> None:
        name = evidence.name_of_field
        title = self._tr(FIELD_TITLES.get(name, name))
        if name in self._tickable:
            box = QCheckBox(title)
            box.setObjectName(f"tick_{name}")
            box.toggled.connect(self._refresh)
            self._ticks[name] = box
            grid.addWidget(box, place, 0)
        else:
            grid.addWidget(plain_label(f"field_{name}", title, role="muted"), place, 0)
        tone = self._theme.color(TONES.get(evidence.agreement, "state.attention"))
        for column, value in ((1, evidence.left), (2, evidence.right)):
            if name in ("family_name", "given_name"):
                value = name_part(self._names[column - 1], name) or value
            cell = plain_label(f"value_{name}_{column}", field_text(name, value, self._tr))
            cell.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            if evidence.agreement == "differs":
                cell.setStyleSheet(f"color: {tone}; font-weight: 700;")
            grid.addWidget(cell, place, column)
        words = f"{GLYPHS[evidence.agreement]}  {self._tr(AGREEMENT_TITLES[evidence.agreement])}"
        if evidence.reason and evidence.agreement != "missing":
            words += f"\n{self._tr(evidence.reason)}"
        agreement: QLabel = plain_label(f"agreement_{name}", words)
        agreement.setWordWrap(True)
        agreement.setMinimumWidth(190)
        agreement.setStyleSheet(f"color: {tone};")
        grid.addWidget(agreement, place, 3)

    def _refresh(self) -> None:
        left = IDENTIFIERS_NEEDED - len(self.ticked())
        if len(self._tickable) < IDENTIFIERS_NEEDED:
            text = self._tr("Fewer than two identifiers agree, so this prior cannot be opened.")
        elif left > 0:
            text = self._tr(
                "Tick {number} more to open it. Valid for this study only, and kept in the journal.", number=left
            )
        else:
            text = self._tr("Valid for this study only, and kept in the journal.")
        self._hint.setText(text)
        self._buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(left <= 0)


def name_part(name: PersonName, name_of_field: str) -> str:
    """The part of a name that a row compares; empty where the name does not have it."""
    if name_of_field == "family_name":
        return " ".join(part for part in (name.family, f"({name.prefix})" if name.prefix else "") if part)
    return " ".join(part for part in (name.given, name.middle) if part) or "–"
