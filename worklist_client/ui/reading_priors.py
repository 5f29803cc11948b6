"""The patient's studies across hospitals as a strip of cards: which hang, which need a card, which are blocked, why."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QScrollArea, QWidget

from viewer.dates import shown_date
from viewer.titles import study_title
from worklist_client.commands.case_priors import PriorRow
from worklist_client.identity.links import Gate
from worklist_client.identity.patient import Verdict
from worklist_client.reading.priors import SearchState, SiteSearch
from worklist_client.settings.language import Translator
from worklist_client.settings.theme import Theme
from worklist_client.ui.bars import plain_label
from worklist_client.ui.reading_text import FIELD_TITLES, field_text

CARD_HEIGHT_PX = 44
CandidateId = tuple[str, str]


class PriorCard(QPushButton):
    """One prior. Its text names date, modality, description and hospital; its second line what may be done with it."""

    def __init__(self, row: PriorRow, site_name: str, color: str, tr: Translator, theme: Theme) -> None:
        super().__init__()
        item = row.candidate
        self.candidate_id = item.candidate_id
        self.setObjectName(f"prior_{item.study.study_instance_uid}")
        state, tone = _state(row, tr)
        what = study_title("/".join(item.study.modalities), item.study.study_description)
        day = shown_date(item.study.study_date) or tr("no date")
        first = "   ".join(part for part in (day, tr("LATER STUDY") if row.later else "", what) if part)
        self.setText(f"{_short(first)}\n{state}  ·  {_short(site_name)}")
        self.setToolTip(_explained(row, site_name, tr))
        self.setAccessibleName(f"{first}. {site_name}. {state}")
        self.setFixedHeight(CARD_HEIGHT_PX)
        # A refused one takes clicks too: it says then why it cannot be opened.
        refused = row.gate is Gate.CLOSED
        self.setCursor(Qt.CursorShape.WhatsThisCursor if refused else Qt.CursorShape.PointingHandCursor)
        edge = theme.color("state.accent") if row.hung else theme.color("line.normal")
        back = theme.color("surface.selection") if row.hung else theme.color("surface.raised")
        block = f"border-left: 6px solid {color};"
        window, plain, faint = (theme.color(t) for t in ("surface.window", "text.primary", "text.disabled"))
        if refused:
            look = f"background: {window}; color: {faint}; border: 1px dashed {theme.color(tone)}; {block}"
        else:
            look = f"background: {back}; color: {plain}; border: 1px solid {edge}; {block}"
        self.setStyleSheet(
            f"QPushButton {{ text-align: left; padding: 2px 10px; {look} }}"
            f"QPushButton:focus {{ border: 2px solid {theme.color('line.focus')}; padding: 1px 9px; {block} }}"
            f"QPushButton:hover {{ border-color: {theme.color('line.focus')}; border-left-color: {color}; }}"
        )


class PriorStrip(QFrame):
    """Cards from the most relevant to the blocked ones, and what the hospitals said. Emits which card was chosen."""

    chosen = Signal(object)
    """(site, Study Instance UID) of a card that was clicked."""

    def __init__(self, tr: Translator, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("prior_strip")
        self._tr, self._theme = tr, theme
        self._shown: list[PriorCard] = []
        self._cards = QWidget()
        self._layout = QHBoxLayout(self._cards)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(6)
        self._layout.addStretch(1)
        area = QScrollArea()
        area.setObjectName("prior_cards")
        area.setWidget(self._cards)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # its cards have it
        area.setFixedHeight(CARD_HEIGHT_PX + 14)
        self._note = plain_label("prior_note", role="muted")
        self._note.setWordWrap(True)
        self._note.setFixedWidth(330)
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 3, 10, 0)
        row.setSpacing(10)
        row.addWidget(plain_label("prior_title", tr("Priors"), role="heading"))
        row.addWidget(area, 1)
        row.addWidget(self._note)

    def sizeHint(self) -> QSize:
        """Qt: one row of cards."""
        return QSize(600, CARD_HEIGHT_PX + 18)

    def show_rows(self, rows: Sequence[PriorRow], names: dict[str, str], colors: dict[str, str]) -> None:
        """Replace the cards; `names` and `colors` by site."""
        for card in self._shown:
            self._layout.removeWidget(card)
            card.hide()
            card.deleteLater()
        self._shown.clear()
        for place, row in enumerate(rows):
            site_id = row.candidate.site_id
            card = PriorCard(row, names.get(site_id, site_id), colors.get(site_id, "#5b7a99"), self._tr, self._theme)
            card.clicked.connect(lambda _checked=False, chosen=card.candidate_id: self.chosen.emit(chosen))
            self._layout.insertWidget(place, card)
            self._shown.append(card)

    def show_searches(self, searches: Sequence[SiteSearch], waiting: Sequence[str], found: int) -> None:
        """What the hospitals said: who is still being asked, who is down, who does not permit."""
        parts = []
        if waiting:
            parts.append(self._tr("Asking {sites} …", sites=", ".join(waiting)))
        for search in searches:
            if search.state is SearchState.DOWN:
                reason = self._tr(search.reason)
                parts.append(self._tr("{site} does not answer: {reason}", site=search.site_name, reason=reason))
            elif search.state is SearchState.REFUSED:
                reason = self._tr(search.reason)
                parts.append(self._tr("{site} answers, but refuses: {reason}", site=search.site_name, reason=reason))
            elif search.reason:
                parts.append(f"{search.site_name}: {self._tr(search.reason)}")
        if not parts and not found:
            parts.append(self._tr("No earlier studies found at any hospital"))
        text = "\n".join(parts)
        self._note.setText(_short(text, 130))
        self._note.setToolTip(text)
        self._note.setVisible(bool(text))

    def note(self) -> str:
        """All that the hospitals said."""
        return self._note.toolTip()

    def cards(self) -> tuple[PriorCard, ...]:
        """The cards now, in order."""
        return tuple(self._shown)


def refusal_text(row: PriorRow, tr: Translator) -> str:
    """Why a study cannot be opened, with both values of each field that differs: the study being read first."""
    differing = [item for item in row.candidate.comparison.evidence if item.agreement == "differs"]
    values = "  ·  ".join(
        f"{tr(FIELD_TITLES.get(item.name_of_field, item.name_of_field))}: "
        f"{field_text(item.name_of_field, item.left, tr)} ≠ {field_text(item.name_of_field, item.right, tr)}"
        for item in differing
    )
    why = tr("This study is of another patient and cannot be opened: the two records contradict each other.")
    return f"{why}\n{values}".strip()


def _state(row: PriorRow, tr: Translator) -> tuple[str, str]:
    """The second line of a card, and the token of its colour."""
    if row.gate is Gate.CLOSED:
        differing = [item.name_of_field for item in row.candidate.comparison.evidence if item.agreement == "differs"]
        fields = ", ".join(tr(FIELD_TITLES.get(name, name)).lower() for name in differing)
        return (tr("⊘ other patient: {fields} differ", fields=fields), "state.danger")
    if row.declined:
        return (tr("✗ not the same patient, you said; click to compare again"), "state.danger")
    if row.gate is Gate.CARD:
        return (tr("? compare the patients first"), "state.attention")
    if row.confirmed:
        return (tr("✓ confirmed by you"), "state.ok")
    if row.candidate.verdict is Verdict.SAME:
        return (tr("✓ same patient"), "state.ok")
    return (tr("✓ same patient"), "state.ok")


def _explained(row: PriorRow, site_name: str, tr: Translator) -> str:
    """The tooltip: why it is relevant, and field by field how the two patients agree."""
    lines = [site_name, ", ".join(tr(reason) for reason in row.candidate.relevance.reasons), ""]
    for item in row.candidate.comparison.evidence:
        title = tr(FIELD_TITLES.get(item.name_of_field, item.name_of_field))
        left = field_text(item.name_of_field, item.left, tr)
        right = field_text(item.name_of_field, item.right, tr)
        lines.append(f"{title}: {left} | {right}")
    return "\n".join(lines)


def _short(text: str, length: int = 60) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
