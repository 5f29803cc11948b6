"""The side-by-side card: are these two records one person? Same, different, or decide later.

*Same* needs two identifiers of different kinds to be ticked; a name is one identifier. *Different* is recorded and may
be taken back by another card. *Later* records nothing and leaves the prior closed.
"""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QDialog, QDialogButtonBox, QFrame, QGridLayout, QLabel, QVBoxLayout, QWidget

from viewer.dates import shown_date
from viewer.titles import study_title
from worklist_client.identity.links import IDENTIFIERS_NEEDED, NAME, NAME_FIELDS, tickable
from worklist_client.identity.patient import Evidence, PatientIdentity
from worklist_client.reading.priors import PriorCandidate
from worklist_client.settings.language import Translator
from worklist_client.settings.theme import Theme
from worklist_client.ui.bars import plain_label
from worklist_client.ui.dialogs import button_box
from worklist_client.ui.reading_bar import SiteChip
from worklist_client.ui.reading_text import AGREEMENT_TITLES, FIELD_TITLES, field_text

TONES = {
    "equal": "state.ok",
    "alike": "state.ok",
    "differs": "state.danger",
    "missing": "text.secondary",
    "incomparable": "text.secondary",
}
GLYPHS = {"equal": "=", "alike": "≈", "differs": "≠", "missing": "?", "invalid": "?", "incomparable": "–"}


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
        self._sites = (sites[0][0], sites[1][0])
        self.declined = False
        """Whether the reader said that these are different people."""
        grid = self._new_grid(sites)
        self._add_rows(grid, candidate.comparison.evidence)
        study = candidate.study
        day = shown_date(study.study_date)
        exam = "   ".join(
            part for part in (day, study_title("/".join(study.modalities), study.study_description)) if part
        )
        self._hint = plain_label("card_hint")
        self._buttons = self._new_buttons()
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
        """Identifiers that are ticked."""
        return tuple(name for name, box in self._ticks.items() if box.isChecked())

    def tick(self, name_of_field: str, on: bool = True) -> None:
        """Tick an identifier, as a click would. Raises KeyError where it cannot be ticked."""
        self._ticks[name_of_field].setChecked(on)

    def can_open(self) -> bool:
        """Whether the button is live."""
        return self._buttons.button(QDialogButtonBox.StandardButton.Ok).isEnabled()

    def _new_grid(self, sites: tuple[tuple[str, str], tuple[str, str]]) -> QGridLayout:
        """Two columns of values with their hospital above them, and one for how they agree."""
        grid = QGridLayout()
        grid.setHorizontalSpacing(18)
        grid.setVerticalSpacing(6)
        titles = (("left", self._tr("Study being read")), ("right", self._tr("Possible prior")))
        for column, ((side, title), (name, color)) in enumerate(zip(titles, sites, strict=True), start=1):
            grid.setColumnStretch(column, 1)
            grid.addWidget(plain_label(f"{side}_title", title, role="muted"), 0, column)
            grid.addWidget(SiteChip(f"{side}_site", name, color, self._theme), 1, column)
        return grid

    def _new_buttons(self) -> QDialogButtonBox:
        """Same, different, later; Escape is *later*."""
        tr = self._tr
        box = button_box(self, tr("Same patient: open this prior"), tr("Decide later"))
        different = box.addButton(tr("Not the same patient"), QDialogButtonBox.ButtonRole.DestructiveRole)
        different.setObjectName("card_different")
        different.clicked.connect(self._decline)
        later = box.button(QDialogButtonBox.StandardButton.Cancel)
        later.setToolTip(tr("Records nothing; the prior stays closed"))
        return box

    def _decline(self) -> None:
        self.declined = True
        self.reject()

    def _add_rows(self, grid: QGridLayout, evidence: tuple[Evidence, ...]) -> None:
        """One row an identifier; the parts of the name are compared one by one and shown as one name."""
        place = grid.rowCount()
        names = [item for item in evidence if item.name_of_field in NAME_FIELDS]
        for item in evidence:
            if item.name_of_field not in NAME_FIELDS:
                self._add_row(grid, place, item.name_of_field, (item,))
            elif item is names[0]:
                self._add_row(grid, place, NAME, tuple(names))
            place += 1

    def _add_row(self, grid: QGridLayout, place: int, name: str, parts: tuple[Evidence, ...]) -> None:
        title = self._tr(FIELD_TITLES.get(name, name))
        if name in self._tickable:
            box = QCheckBox(title)
            box.setObjectName(f"tick_{name}")
            box.toggled.connect(self._refresh)
            self._ticks[name] = box
            grid.addWidget(box, place, 0)
        else:
            grid.addWidget(plain_label(f"field_{name}", title, role="muted"), place, 0)
        differs = any(part.agreement == "differs" for part in parts)
        worst = next((part.agreement for part in parts if part.agreement != "equal"), parts[0].agreement)
        tone = self._theme.color(TONES.get("differs" if differs else worst, "state.attention"))
        for column, value in ((1, parts[0].left), (2, parts[0].right)):
            text = field_text(name, value, self._tr)
            if name == "patient_id" and value.strip():
                text = f"{text}  ·  {self._sites[column - 1]}"
            cell = plain_label(f"value_{name}_{column}", text)
            cell.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            if differs:
                cell.setStyleSheet(f"color: {tone}; font-weight: 700;")
            grid.addWidget(cell, place, column)
        agreement: QLabel = plain_label(f"agreement_{name}", "\n".join(self._said(part, parts) for part in parts))
        agreement.setWordWrap(True)
        agreement.setMinimumWidth(220)
        agreement.setStyleSheet(f"color: {tone};")
        grid.addWidget(agreement, place, 3)

    def _said(self, part: Evidence, parts: tuple[Evidence, ...]) -> str:
        """How one field agrees, and why where that says more; beside others it is named."""
        words = self._tr(AGREEMENT_TITLES[part.agreement])
        if len(parts) > 1:
            words = f"{self._tr(FIELD_TITLES[part.name_of_field])}: {words.lower()}"
        if part.reason and part.agreement != "missing":
            words += f"{', ' if len(parts) > 1 else chr(10)}{self._tr(part.reason)}"
        return f"{GLYPHS[part.agreement]}  {words}"

    def _refresh(self) -> None:
        left = IDENTIFIERS_NEEDED - len(self.ticked())
        if len(self._tickable) < IDENTIFIERS_NEEDED:
            text = self._tr("Fewer than two identifiers of different kinds agree, so this prior cannot be opened.")
        elif left > 0:
            text = self._tr(
                "Tick {number} more to open it. Valid for this study only, and kept in the journal.", number=left
            )
        else:
            text = self._tr("Valid for this study only, and kept in the journal.")
        self._hint.setText(text)
        self._buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(left <= 0)
