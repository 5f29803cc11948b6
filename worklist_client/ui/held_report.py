"""What can be done about a report that does not go on by itself: one button and one line for each way out."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFrame,
    QGridLayout,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from viewer.cancel import CancelToken
from worklist_client.commands import held_report
from worklist_client.commands.case_images import sentence_of
from worklist_client.commands.desk import Desk
from worklist_client.delivery.errors import DeliveryError
from worklist_client.delivery.reasons import reason_of
from worklist_client.delivery.ways_out import Origin, Way, ways_of
from worklist_client.identity.names import display_name
from worklist_client.identity.patient import PatientIdentity
from worklist_client.journal import PackageRow
from worklist_client.settings.language import Translator
from worklist_client.ui.bars import plain_label
from worklist_client.ui.dialogs import button_box, question
from worklist_client.ui.reading_text import field_text

T = TypeVar("T")

WAY_TITLES = {
    Way.SEND_AGAIN: "Send again",
    Way.READ_AGAIN: "Withdraw and read again …",
    Way.WITHDRAW: "Withdraw …",
    Way.SEND_BESIDE: "Send mine too …",
}
WAY_NOTES = {
    Way.SEND_AGAIN: "Asks the hospital once more and sends if everything agrees now. For a cause that may be gone.",
    Way.READ_AGAIN: "This report is never sent. Its text and drawings become your draft again, for the patient of now.",
    Way.WITHDRAW: "Your report is never sent, its text is kept here, and the study leaves the list as reported.",
    Way.SEND_BESIDE: "Both reports will be at the hospital. For when yours says what the other does not.",
}

DRAWINGS_STAY = (
    "Drawings of this report have reached the hospital and may stay there without it: ask its PACS administration to"
    " remove them."
)


class WaysPanel(QFrame):
    """The whole reason of one report, and its ways out. Decisions run in the background; `done` hears of each."""

    def __init__(
        self, desk: Desk, let_go: Callable[[PackageRow], bool], done: Callable[[], None], parent: QWidget
    ) -> None:
        """`let_go` closes what is open of the study, so that nothing of it is held; False = it stays open."""
        super().__init__(parent)
        self._desk, self._let_go, self._done = desk, let_go, done
        self._package: PackageRow | None = None
        self._buttons: list[QPushButton] = []
        self.setObjectName("held_report")
        self.setProperty("role", "panel")
        self._reason = plain_label("held_reason")
        self._reason.setWordWrap(True)
        self._reason.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._said = plain_label("held_said", role="attention")
        self._said.setWordWrap(True)
        self._said.hide()
        self._grid = QGridLayout()
        self._grid.setColumnStretch(1, 1)
        self._grid.setHorizontalSpacing(12)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 12, 14, 12)
        layout.addWidget(self._reason)
        layout.addLayout(self._grid)
        layout.addWidget(self._said)

    def show_package(self, package: PackageRow | None, state: str) -> None:
        """Another report, or the same in another state; `state` are the words of the table. What was said of the last
        decision stays until the next one."""
        if package is not None and package == self._package:
            return
        self._package = package
        self._reason.setVisible(package is not None)
        self.setVisible(package is not None or bool(self._said.text()))
        if package is None:
            self._offer(())
            return
        why = reason_of(package.reason).said(self._desk.tr)
        self._reason.setText(f"{state}: {why}." if why else f"{state}.")
        self._offer(ways_of(package))

    def choose(self, way: Way) -> None:
        """As a click on its button."""
        package = self._package
        if package is None:
            return
        self._say("")
        {
            Way.SEND_AGAIN: self._send_again,
            Way.READ_AGAIN: self._read_again,
            Way.WITHDRAW: self._withdraw,
            Way.SEND_BESIDE: self._send_beside,
        }[way](package)

    def _offer(self, ways: tuple[Way, ...]) -> None:
        for place in reversed(range(self._grid.count())):
            item = self._grid.takeAt(place)
            widget = item.widget() if item is not None else None
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        self._buttons = []
        for place, way in enumerate(ways):
            button = QPushButton(self._desk.tr(WAY_TITLES[way]))
            button.setObjectName(f"way_{way.name.lower()}")
            button.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Fixed)
            button.clicked.connect(partial(self.choose, way))
            note = plain_label(f"way_note_{way.name.lower()}", self._desk.tr(WAY_NOTES[way]), role="muted")
            note.setWordWrap(True)
            self._grid.addWidget(button, place, 0)
            self._grid.addWidget(note, place, 1)
            self._buttons.append(button)

    def _send_again(self, package: PackageRow) -> None:
        def again() -> None:
            self._desk.delivery.try_again(package.report_id)

        self._work(lambda _token: again(), lambda _none: self._said_and_done(self._desk.tr("Being tried again.")))

    def _read_again(self, package: PackageRow) -> None:
        self._say(self._desk.tr("Asking the hospital who the patient of this study is now …"))
        self._work(
            lambda token: held_report.origin_of(self._desk, package.report_id, token.cancelled),
            partial(self._compare, package),
        )

    def _compare(self, package: PackageRow, origin: Origin) -> None:
        self._say("")
        self._enable(True)
        leaves_some = held_report.leaves_some(self._desk, package.report_id)
        dialog = IdentityChangeDialog(origin, self._desk.tr, self, leaves_some=leaves_some)
        if dialog.exec() != QDialog.DialogCode.Accepted or not self._let_go(package):
            return
        key = (origin.now or origin.signed).key
        self._work(
            lambda token: held_report.read_again(self._desk, package.report_id, key, token.cancelled),
            self._back_on_the_list,
        )

    def _back_on_the_list(self, told: bool) -> None:
        tr = self._desk.tr
        if told:
            self._said_and_done(tr("Withdrawn. The study is back on the list: claim it, and your text opens with it."))
        else:
            self._said_and_done(
                tr("Withdrawn. The study comes back to the list as soon as the shared worklist answers.")
            )

    def _withdraw(self, package: PackageRow) -> None:
        tr = self._desk.tr
        why = reason_of(package.reason)
        text = tr(
            "{why}.\n\nYour report is never sent. Its text stays here, under “Drafts without a claim”, and the study"
            " leaves the list for everybody, as long as that report is there and says that it is final.",
            why=_sentence(why.said(tr)),
        )
        if held_report.leaves_some(self._desk, package.report_id):
            text += "\n\n" + tr(DRAWINGS_STAY)
        documents = tuple(why.field("documents").split())
        if question(self, tr("Withdraw"), text, tr("Withdraw my report"), tr("Cancel")) and self._let_go(package):
            self._work(
                lambda token: held_report.withdraw(self._desk, package.report_id, documents, token.cancelled),
                lambda _told: self._said_and_done(tr("Withdrawn. The text is kept under “Drafts without a claim”.")),
            )

    def _send_beside(self, package: PackageRow) -> None:
        tr = self._desk.tr
        why = reason_of(package.reason)
        text = tr(
            "{why}.\n\nHave you read that report? Yours will stand beside it in the hospital's archive, signed by you;"
            " nobody is told which of the two counts.",
            why=_sentence(why.said(tr)),
        )
        if question(self, tr("Send mine too"), text, tr("I have read it: send mine too"), tr("Cancel")):
            documents = tuple(why.field("documents").split())
            self._work(
                lambda _token: held_report.send_beside(self._desk, package.report_id, documents),
                lambda _none: self._said_and_done(tr("Being sent beside the other report.")),
            )

    def _work(self, call: Callable[[CancelToken], T], done: Callable[[T], None]) -> None:
        self._enable(False)

        def work(_request: None, token: CancelToken) -> T:
            return call(token)

        self._desk.runner.submit(work, None, lane="hub", owner=self, done=done, failed=self._failed)

    def _failed(self, error: Exception) -> None:
        self._enable(True)
        tr = self._desk.tr
        why = error.why.said(tr) if isinstance(error, DeliveryError) else tr(sentence_of(error))
        self._say(tr("Nothing was changed: {reason}", reason=why))
        self._done()

    def _said_and_done(self, text: str) -> None:
        self._enable(True)
        self._done()
        self._say(text)

    def _say(self, text: str) -> None:
        self._said.setText(text)
        self._said.setVisible(bool(text))

    def _enable(self, on: bool) -> None:
        for button in self._buttons:
            button.setEnabled(on)


class IdentityChangeDialog(QDialog):
    """The patient when the report was signed beside the patient of now; the button opens when both were compared."""

    def __init__(self, origin: Origin, tr: Translator, parent: QWidget, *, leaves_some: bool = False) -> None:
        """`leaves_some`: the hospital took drawings of this report, and may keep them."""
        super().__init__(parent)
        self._tr = tr
        self.setObjectName("identity_change")
        self.setWindowTitle(tr("Withdraw and read again"))
        self.setMinimumWidth(680)
        text = plain_label(
            "identity_change_text",
            tr("Your text will belong to the patient on the right. Is your reading of these images true for that one?")
            if origin.now is not None
            else tr("The hospital does not hold this study now. Your text is kept for the patient it was signed for."),
        )
        text.setWordWrap(True)
        panel = QFrame()
        panel.setProperty("role", "panel")
        panel.setLayout(self._columns(origin))
        self._tick = QCheckBox(tr("I have compared both columns"))
        self._tick.setObjectName("identity_change_tick")
        self._box = button_box(self, tr("Withdraw and read again"), tr("Cancel"))
        accept = self._box.button(QDialogButtonBox.StandardButton.Ok)
        accept.setEnabled(False)
        self._tick.toggled.connect(accept.setEnabled)
        layout = QVBoxLayout(self)
        layout.setSpacing(10)
        layout.addWidget(text)
        layout.addWidget(panel)
        if leaves_some:
            stay = plain_label("identity_change_drawings", tr(DRAWINGS_STAY), role="attention")
            stay.setWordWrap(True)
            layout.addWidget(stay)
        layout.addWidget(self._tick)
        layout.addWidget(self._box)

    def _columns(self, origin: Origin) -> QGridLayout:
        tr = self._tr
        grid = QGridLayout()
        grid.setHorizontalSpacing(24)
        grid.setColumnStretch(1, 1)
        grid.setColumnStretch(2, 1)
        grid.addWidget(plain_label("signed_title", tr("When you signed"), role="muted"), 0, 1)
        grid.addWidget(plain_label("now_title", tr("At the hospital now"), role="muted"), 0, 2)
        signed = _values(origin.signed, origin.signed_accession, tr)
        now = _values(origin.now, origin.now_accession, tr) if origin.now is not None else {}
        for place, (title, value) in enumerate(signed.items(), start=1):
            other = now.get(title, "–")
            differs = bool(now) and other != value
            grid.addWidget(plain_label(f"change_field_{place}", title, role="muted"), place, 0)
            for column, shown in ((1, value), (2, other)):
                words = f"≠  {shown}" if differs and column == 2 else shown
                cell = plain_label(f"change_{place}_{column}", words, role="attention" if differs else "")
                cell.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
                grid.addWidget(cell, place, column)
        return grid


def _values(patient: PatientIdentity, accession: str, tr: Translator) -> dict[str, str]:
    return {
        tr("Name"): display_name(patient.name) or "–",
        tr("Date of birth"): field_text("birth_date", patient.birth_date, tr),
        tr("Sex"): field_text("sex", patient.sex, tr),
        tr("Patient number"): patient.key.patient_id or "–",
        tr("Issuer of the number"): patient.key.issuer or "–",
        tr("Accession"): accession or "–",
    }


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
