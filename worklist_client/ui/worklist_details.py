"""Below the list: the selected study on the left, the patient's studies across hospitals on the right."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QSplitter,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from viewer.dates import shown_date, shown_moment, shown_since
from viewer.titles import study_title
from worklist_client.commands.registry import CommandTable
from worklist_client.identity.names import display_name
from worklist_client.settings.language import Translator
from worklist_client.settings.theme import Theme
from worklist_client.ui.bars import plain_label
from worklist_client.ui.body_parts import body_part_text
from worklist_client.ui.timeline import Timeline, TimelineModel, TimelineState
from worklist_client.ui.worklist_columns import (
    RowContext,
    age_and_sex,
    due_text,
    hidden_text,
    is_at_another_desk,
    is_late,
    patient_name,
    remark_texts,
    status_text,
    urgency,
)
from worklist_client.worklist.entries import Status, StudyEntry

BUTTONS = ("study.claim_and_open", "study.look", "study.release", "study.read_elsewhere")
FIELDS = ("Number", "Hospital", "Study", "Clinical question", "Status", "Urgency")


class WorklistDetails(QSplitter):
    """Shows what it is told; its buttons run commands."""

    def __init__(
        self,
        tr: Translator,
        theme: Theme,
        timeline: TimelineModel,
        run: Callable[[str], object],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._tr, self._run = tr, run
        self._values: dict[str, QLabel] = {}
        self._claim_title = self._release_hint = ""
        self._buttons: dict[str, QPushButton] = {}
        self.setObjectName("details")
        self.setChildrenCollapsible(False)
        self.setHandleWidth(theme.metrics["gap_px"])
        self.addWidget(self._study_panel(theme))
        self.addWidget(self._timeline_panel(timeline, theme))
        self.setStretchFactor(0, 5)
        self.setStretchFactor(1, 6)
        self.setSizes([560, 680])

    def show_entry(self, entry: StudyEntry | None, context: RowContext, commands: CommandTable) -> None:
        """Fill the left side; None = nothing is selected."""
        tr = self._tr
        for command_id, button in self._buttons.items():
            button.setEnabled(commands.get(command_id).enabled())
        is_mine = entry is not None and entry.status is Status.MINE
        is_away = entry is not None and is_at_another_desk(entry, context)
        opens = tr("Go on here…") if is_away else tr("Open") if is_mine else self._claim_title
        self._buttons["study.claim_and_open"].setText(opens)
        why = tr("You claimed this study at another desk. Release it there, or go on here first.") if is_away else ""
        self._buttons["study.release"].setToolTip(why or self._release_hint)
        self._hint.setVisible(entry is None)
        self._form.setVisible(entry is not None)
        if entry is None:
            self._name.setText(tr("No study selected"))
            return
        patient = entry.patient
        hidden = hidden_text(entry, tr)
        born = "" if hidden else tr("birth date unknown")
        if patient.birth_date:
            born = tr("born {date}", date=shown_date(patient.birth_date))
        who = [patient_name(entry, context), age_and_sex(entry, context), born]
        self._name.setText("   ".join(part for part in who if part))
        numbers = f"{patient.key.patient_id}  ({patient.key.issuer})" if patient.key.issuer else patient.key.patient_id
        if entry.accession_number:
            numbers += "   " + tr("Accession {number}", number=entry.accession_number)
        when = shown_moment(entry.study_datetime)
        images = ""
        if entry.images is not None:
            images = tr("1 image") if entry.images == 1 else tr("{n} images", n=entry.images)
        study = [
            study_title(entry.modality, entry.study_description),
            body_part_text(entry.body_part, tr),
            when,
            images,
        ]
        due = due_text(entry, context)
        if due and not is_late(entry, context):
            due = tr("due in {time}", time=due)
        values = {
            "Number": numbers or hidden,
            "Hospital": context.site_name(entry.site_id),
            "Study": "   ".join(part for part in study if part),
            "Clinical question": entry.clinical_question or hidden or tr("Not known before opening"),
            "Status": "; ".join((_status_line(entry, context, tr), *remark_texts(entry, context))),
            "Urgency": "   ".join(part for part in (urgency(entry, context), due) if part),
        }
        for field, value in values.items():
            if self._values[field].text() != value:
                self._values[field].setText(value)

    def show_timeline(self, timeline: Timeline) -> None:
        """Fill the sentence above the right side (the rows come from the model)."""
        tr = self._tr
        priors = timeline.priors
        notes = list(timeline.notes)
        several = tr("1 other study") if priors == 1 else tr("{n} other studies", n=priors)
        sentence = {
            TimelineState.NOTHING_SELECTED: "",
            TimelineState.SEARCHING: tr("Searching all hospitals…"),
            TimelineState.COMPLETE: several if priors else tr("No other studies"),
            TimelineState.PARTIAL: tr("{n} found so far; not every hospital answered", n=priors),
        }[timeline.state]
        self._summary.setText(sentence)
        self._notes.setText("\n".join(notes))
        self._notes.setVisible(bool(notes))
        self._timeline.setVisible(bool(timeline.studies))

    def set_button_texts(self, titles: Iterable[tuple[str, str, str]]) -> None:
        """(command id, title, key) of the buttons, translated."""
        for command_id, title, key in titles:
            if command_id in self._buttons:
                self._buttons[command_id].setText(title)
                if command_id == "study.claim_and_open":
                    self._claim_title = title
                self._buttons[command_id].setToolTip(f"{title}  ({key})" if key else title)
                self._buttons[command_id].setAccessibleName(title)
        self._release_hint = self._buttons["study.release"].toolTip()

    def _study_panel(self, theme: Theme) -> QWidget:
        panel = QFrame()
        panel.setObjectName("study_panel")
        panel.setProperty("role", "panel")
        layout = QVBoxLayout(panel)
        gap = theme.metrics["gap_px"]
        layout.setContentsMargins(gap + 4, gap, gap + 4, gap)
        self._name = plain_label("details_patient", role="name")
        self._name.setWordWrap(True)
        self._hint = plain_label("details_hint", self._tr("Select a study to see its details."), "muted")
        self._form = QWidget()
        self._form.setStyleSheet("background: transparent;")
        form = QFormLayout(self._form)
        form.setContentsMargins(0, 2, 0, 2)
        form.setVerticalSpacing(4)
        form.setHorizontalSpacing(14)
        for field in FIELDS:
            value = plain_label(f"details_{field.lower().replace(' ', '_')}")
            value.setWordWrap(True)
            value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            self._values[field] = value
            title = plain_label(f"title_{field.lower()}", self._tr(field), "muted")
            title.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
            form.addRow(title, value)
        buttons = QHBoxLayout()
        for command_id in BUTTONS:
            button = QPushButton()
            button.setObjectName(f"button_{command_id}")
            button.setProperty("command", command_id)
            button.clicked.connect(self._button_clicked)
            self._buttons[command_id] = button
            buttons.addWidget(button)
        self._buttons["study.claim_and_open"].setProperty("role", "primary")
        buttons.addStretch(1)
        layout.addWidget(self._name)
        layout.addWidget(self._hint)
        layout.addWidget(self._form)
        layout.addStretch(1)
        layout.addLayout(buttons)
        return panel

    def _timeline_panel(self, model: TimelineModel, theme: Theme) -> QWidget:
        panel = QFrame()
        panel.setObjectName("timeline_panel")
        panel.setProperty("role", "panel")
        layout = QVBoxLayout(panel)
        gap = theme.metrics["gap_px"]
        layout.setContentsMargins(gap + 4, gap, gap + 4, gap)
        head = QHBoxLayout()
        head.addWidget(plain_label("timeline_title", self._tr("This patient at all hospitals"), "heading"))
        self._summary = plain_label("timeline_summary", role="muted")
        head.addStretch(1)
        head.addWidget(self._summary)
        self._notes = plain_label("timeline_notes", role="attention")
        self._notes.setWordWrap(True)
        self._timeline = QTableView()
        self._timeline.setObjectName("timeline")
        self._timeline.setAccessibleName(self._tr("This patient at all hospitals"))
        self._timeline.setModel(model)
        self._timeline.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self._timeline.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._timeline.setShowGrid(False)
        self._timeline.setWordWrap(False)
        self._timeline.verticalHeader().hide()
        self._timeline.verticalHeader().setDefaultSectionSize(26)
        header = self._timeline.horizontalHeader()
        for column, width in enumerate((104, 176, 46, 120, 168)):
            header.resizeSection(column, width)
        header.setSectionResizeMode(3, QHeaderView.ResizeMode.Stretch)
        header.setHighlightSections(False)
        layout.addLayout(head)
        layout.addWidget(self._notes)
        layout.addWidget(self._timeline, 1)
        layout.addStretch(0)
        return panel

    def _button_clicked(self) -> None:
        self._run(str(self.sender().property("command")))


def _status_line(entry: StudyEntry, context: RowContext, tr: Translator) -> str:
    """The status with who and why."""
    words = status_text(entry, context)
    if is_at_another_desk(entry, context):
        return tr("Mine, at another desk")
    if entry.status is Status.CLAIMED and entry.holder:
        name = display_name(entry.holder)
        if entry.silent_since is not None:
            since = shown_since(entry.silent_since.astimezone(context.now.tzinfo), context.now)
            return tr("{name}, no contact since {time}", name=name, time=since)
        return tr("Being read by {name}", name=name)
    if entry.status is Status.RESERVED and entry.reserved_for:
        return tr("Reserved for {name}", name=display_name(entry.reserved_for))
    if entry.status is Status.CANCELED and entry.cancel_reason:
        return f"{words}: {entry.cancel_reason}"
    return words
