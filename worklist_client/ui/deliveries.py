"""Reports on their way home and drafts that lost their claim, as the bar and two lists show them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QHBoxLayout, QPlainTextEdit, QPushButton, QTableWidget, QVBoxLayout, QWidget

from viewer.dates import shown_moment
from worklist_client.commands.case_draft import study_words
from worklist_client.commands.desk import Desk
from worklist_client.delivery.reasons import reason_of
from worklist_client.delivery.status import DeliveryStatus, is_overdue
from worklist_client.delivery.ways_out import signed_patient
from worklist_client.identity.names import display_name
from worklist_client.journal import DraftRow, DraftState, PackageRow, PackageState
from worklist_client.report.draft_json import draft_from_json
from worklist_client.report.errors import DraftUnreadable
from worklist_client.report.model import Draft
from worklist_client.settings.language import Translator
from worklist_client.ui.bars import plain_label
from worklist_client.ui.dialogs import plain_table
from worklist_client.ui.draft_text import draft_text
from worklist_client.ui.held_report import WaysPanel

STATE_TITLES = {
    PackageState.SIGNED: "Signed, waiting for the shared list",
    PackageState.FENCED: "Being sent",
    PackageState.STORED: "Stored, being checked",
    PackageState.VERIFIED: "Checked, being closed",
    PackageState.DONE: "Delivered",
    PackageState.RETRY: "Waiting, tried again by itself",
    PackageState.BLOCKED: "Refused by the hospital",
    PackageState.ATTENTION: "Needs your attention",
    PackageState.WITHDRAWN: "Withdrawn, not sent",
}
"""English words of each state; translated where they are shown."""

LATE_CHECK_MS = 30_000
STUCK = frozenset({PackageState.BLOCKED, PackageState.ATTENTION})


@dataclass(frozen=True, slots=True)
class DeliverySummary:
    """What the bar says: a sentence (empty = nothing to say) and its tone."""

    text: str
    tone: str
    undelivered: int


class Deliveries(QObject):
    """The outbox and the orphan drafts, read again from the journal after each change. Reads are a few rows."""

    changed = Signal()

    def __init__(self, desk: Desk, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._packages: tuple[PackageRow, ...] = ()
        self._orphans: tuple[DraftRow, ...] = ()
        self._clock = QTimer(self)
        self._clock.setInterval(LATE_CHECK_MS)
        self._clock.timeout.connect(self.changed)
        self.reload()

    def status_changed(self, _status: DeliveryStatus) -> None:
        """The delivery service made a step."""
        self.reload()

    def reload(self) -> None:
        """Read the journal in the background and tell."""
        self._desk.runner.submit(
            lambda journal, _token: (
                tuple(journal.outbox.undelivered()),
                tuple(journal.drafts.in_state(DraftState.ORPHAN)),
            ),
            self._desk.journal,
            lane="journal",
            owner=self,
            key="deliveries",
            done=self._loaded,
        )

    def packages(self) -> tuple[PackageRow, ...]:
        """Reports that are signed and not delivered."""
        return self._packages

    def orphans(self) -> tuple[DraftRow, ...]:
        """Drafts that lost their claim."""
        return self._orphans

    def summary(self) -> DeliverySummary:
        """The sentence of the bar."""
        return summary_of(self._packages, self._desk.tr, self._desk.sites.name_of, self._desk.now())

    def _loaded(self, found: tuple[tuple[PackageRow, ...], tuple[DraftRow, ...]]) -> None:
        if found != (self._packages, self._orphans):
            self._packages, self._orphans = found
            if self._packages:
                self._clock.start()  # they grow late by themselves
            else:
                self._clock.stop()
            self.changed.emit()


def summary_of(
    packages: Sequence[PackageRow], tr: Translator, site_name: Callable[[str], str], now: datetime
) -> DeliverySummary:
    """How many reports are not home yet, and where they hang."""
    if not packages:
        return DeliverySummary("", "ok", 0)
    stuck = [package for package in packages if package.state in STUCK]
    waiting = Counter(site_name(package.site_id) for package in packages if package.state is PackageState.RETRY)
    if len(packages) == 1:
        parts = [tr("1 report is not delivered yet")]
    else:
        parts = [tr("{n} reports are not delivered yet", n=len(packages))]
    if stuck:
        parts.append(tr("{n} need your attention", n=len(stuck)))
    if waiting:
        parts.append(tr("waiting for {sites}", sites=", ".join(sorted(waiting))))
    late = sum(1 for package in packages if is_overdue(package, now))
    if late:
        parts.append(tr("{n} too late: phone the result through", n=late))
    tone = "danger" if stuck or late else "attention" if waiting else "info"
    return DeliverySummary("; ".join(parts), tone, len(packages))


def quit_text(packages: Sequence[PackageRow], summary: str, tr: Translator) -> str:
    """What becomes of each undelivered report when the program ends now: nothing is promised that a person must do."""
    decide = sum(1 for package in packages if package.state is PackageState.ATTENTION)
    blocked = sum(1 for package in packages if package.state is PackageState.BLOCKED)
    by_itself = len(packages) - decide - blocked
    lines = []
    if by_itself:
        lines.append(tr("Sent by themselves at the next start, not before: {n}", n=by_itself))
    if blocked:
        lines.append(tr("Refused until now, tried once more at the next start: {n}", n=blocked))
    if decide:
        lines.append(tr("NOT sent until you decide what to do: {n}", n=decide))
    return tr("{summary}.\n\nThey are kept on this computer.\n{lines}", summary=summary, lines="\n".join(lines))


class DeliveriesDialog(QDialog):
    """Every report that is not home: what hangs where, why, and what can be done."""

    def __init__(
        self,
        desk: Desk,
        deliveries: Deliveries,
        now: Callable[[], datetime],
        parent: QWidget,
        let_go: Callable[[PackageRow], bool] = lambda _package: True,
    ) -> None:
        """`let_go` closes what is open of a study before its report is taken back; False = it stays open."""
        super().__init__(parent)
        self._desk, self._deliveries, self._now = desk, deliveries, now
        tr = desk.tr
        self.setObjectName("deliveries_dialog")
        self.setWindowTitle(tr("Reports on their way"))
        self.resize(1000, 480)
        self._layout = QVBoxLayout(self)
        self._empty = plain_label("deliveries_empty", tr("Every signed report has been delivered."), "muted")
        self._layout.addWidget(self._empty)
        self._ways = WaysPanel(desk, let_go, deliveries.reload, self)
        self._layout.addWidget(self._ways)
        self._table: QTableWidget | None = None
        self._layout.addLayout(self._foot())
        self._rows: tuple[PackageRow, ...] = ()
        deliveries.changed.connect(self._fill)
        self._fill()

    def _foot(self) -> QHBoxLayout:
        tr = self._desk.tr
        self._copy_button = QPushButton(tr("Copy the report text"))
        self._copy_button.setObjectName("deliveries_copy")
        self._copy_button.clicked.connect(self._copy)
        close = QPushButton(tr("Close"))
        close.clicked.connect(self.accept)
        again = QPushButton(tr("Try all again now"))
        again.setObjectName("deliveries_again")
        again.clicked.connect(self._try_again)
        row = QHBoxLayout()
        for widget in (again, self._copy_button):
            widget.setAutoDefault(False)
            row.addWidget(widget)
        row.addStretch(1)
        row.addWidget(close)
        return row

    def _chosen(self) -> PackageRow | None:
        row = self._table.currentRow() if self._table is not None else -1
        return self._rows[row] if 0 <= row < len(self._rows) else None

    def _fill(self) -> None:
        before = self._chosen()
        if self._table is not None:
            self._layout.removeWidget(self._table)
            self._table.deleteLater()
        self._rows = self._deliveries.packages()
        tr = self._desk.tr
        titles = (tr("Signed"), tr("Hospital"), tr("Patient"), tr("Accession"), tr("State"), tr("Next try"))
        rows = [self._texts(package) for package in self._rows]
        table = self._table = plain_table("deliveries", titles, rows, stretch=4)
        self._layout.insertWidget(0, table, 1)
        table.setVisible(bool(rows))
        table.currentCellChanged.connect(self._show_ways)
        ids = [package.report_id for package in self._rows]
        if rows:
            table.selectRow(ids.index(before.report_id) if before is not None and before.report_id in ids else 0)
        self._empty.setVisible(not rows)
        self._show_ways()

    def _show_ways(self) -> None:
        package = self._chosen()
        self._copy_button.setEnabled(package is not None)
        self._ways.show_package(package, self._desk.tr(STATE_TITLES[package.state]) if package is not None else "")

    def _texts(self, package: PackageRow) -> tuple[str, ...]:
        tr = self._desk.tr
        name = display_name(signed_patient(package).name)
        state, left, wait = tr(STATE_TITLES[package.state]), self._desk.delivery.wait_s(package), ""
        if left is not None:
            wait = tr("in {n} s", n=int(left)) if left < 120 else tr("in {n} min", n=int(left) // 60)
        return (
            shown_moment(package.signed_at.astimezone()),
            self._desk.sites.name_of(package.site_id),
            name or package.patient_id,
            package.accession_number,
            tr("{state}: too late", state=state) if is_overdue(package, self._now()) else state,
            wait,
        )

    def _try_again(self) -> None:
        """All of them, now; what comes of it arrives as changes of their states."""
        self._desk.runner.submit(
            lambda delivery, _token: delivery.try_again(),
            self._desk.delivery,
            lane="journal",
            owner=self,
            done=lambda _none: self._deliveries.reload(),
        )

    def _copy(self) -> None:
        package = self._chosen()
        if package is not None:
            QGuiApplication.clipboard().setText(draft_text(package.text, self._desk.tr))


class OrphansDialog(QDialog):
    """Drafts that lost their claim: read, copy, throw away. Claiming the study again brings the text back by itself."""

    def __init__(self, desk: Desk, deliveries: Deliveries, text_of: Callable[[str], str], parent: QWidget) -> None:
        super().__init__(parent)
        self._desk, self._deliveries, self._text_of = desk, deliveries, text_of
        tr = desk.tr
        self.setObjectName("orphans_dialog")
        self.setWindowTitle(tr("Drafts without a claim"))
        self.resize(1000, 520)
        self._rows: tuple[DraftRow, ...] = ()
        self._table: QTableWidget | None = None
        self._layout = layout = QVBoxLayout(self)
        explain = plain_label(
            "orphans_text",
            tr("These texts are kept because the claim ended. Claim the study again to go on with its text."),
            "muted",
        )
        explain.setWordWrap(True)
        layout.addWidget(explain)
        self._text = QPlainTextEdit()
        self._text.setObjectName("orphan_text")
        self._text.setReadOnly(True)
        layout.addWidget(self._text, 3)
        row = QHBoxLayout()
        self._copy_button = QPushButton(tr("Copy the text"))
        self._copy_button.clicked.connect(self._copy)
        self._discard_button = QPushButton(tr("Throw away"))
        self._discard_button.setObjectName("orphan_discard")
        self._discard_button.clicked.connect(self._discard)
        close = QPushButton(tr("Close"))
        close.clicked.connect(self.accept)
        for widget in (self._copy_button, self._discard_button):
            row.addWidget(widget)
        row.addStretch(1)
        row.addWidget(close)
        layout.addLayout(row)
        deliveries.changed.connect(self._fill)
        self._fill()
        deliveries.reload()

    def _chosen(self) -> DraftRow | None:
        row = self._table.currentRow() if self._table is not None else -1
        return self._rows[row] if 0 <= row < len(self._rows) else None

    def _fill(self) -> None:
        before, place = self._chosen(), 0 if self._table is None else self._table.currentRow()
        if self._table is not None:
            self._layout.removeWidget(self._table)
            self._table.deleteLater()
        self._rows, tr = self._deliveries.orphans(), self._desk.tr
        titles = (tr("Saved"), tr("Hospital"), tr("Patient"), tr("Study"), tr("Reason"))
        table = self._table = plain_table("orphans", titles, [self._texts(row) for row in self._rows], stretch=3)
        self._layout.insertWidget(1, table, 2)
        table.currentCellChanged.connect(self._show)
        kept = [row.draft_uid for row in self._rows]
        if before is not None and before.draft_uid in kept:
            place = kept.index(before.draft_uid)
        table.selectRow(min(max(place, 0), len(kept) - 1))
        self._show()

    def _texts(self, row: DraftRow) -> tuple[str, ...]:
        """The patient for whom it was written; the study as it was called then, else as the list calls it now."""
        entry = next((e for e in self._desk.live.entries if e.entry_id == (row.site_id, row.study_instance_uid)), None)
        try:
            draft: Draft | None = draft_from_json(row.content)
        except DraftUnreadable:
            draft = None
        person = draft.patient if draft is not None else entry.patient if entry is not None else None
        study = draft.study if draft is not None else ""
        return (
            shown_moment(row.saved_at.astimezone()),
            self._desk.sites.name_of(row.site_id),
            (display_name(person.name) if person is not None else "") or row.patient_id or self._desk.tr("No name"),
            study or (study_words(entry) if entry is not None else "") or self._desk.tr("Not known"),
            reason_of(row.reason).said(self._desk.tr),
        )

    def _show(self) -> None:
        chosen = self._chosen()
        self._text.setPlainText(self._text_of(chosen.content) if chosen is not None else "")
        for button in (self._copy_button, self._discard_button):
            button.setEnabled(chosen is not None)

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self._text.toPlainText())

    def _discard(self) -> None:
        chosen = self._chosen()
        if chosen is not None:
            self._desk.journal.drafts.discard(chosen.draft_uid, "thrown away by its author")
            self._deliveries.reload()
