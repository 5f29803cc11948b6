"""The draft of one case: sections, measurements, annotations; saved within two seconds, restored after a crash."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from viewer.cancel import CancelToken
from viewer.dates import shown_moment
from viewer.records import Annotation
from viewer.titles import study_title
from worklist_client.commands.case_images import sentence_of
from worklist_client.commands.case_state import NotCorrectedYet, NotEditable
from worklist_client.commands.desk import Desk
from worklist_client.commands.full_disk import NOT_SAVED, is_full
from worklist_client.identity.patient import PatientKey
from worklist_client.journal import DraftRow, DraftState, JournalError, StaleRevision, WrongRowState
from worklist_client.report.draft_json import draft_from_json, draft_to_json
from worklist_client.report.errors import DraftUnreadable
from worklist_client.report.model import SECTIONS, Draft, ReportedMeasurement
from worklist_client.report.words import language_of
from worklist_client.settings.declarations import REPORT_LANGUAGE
from worklist_client.worklist.assigning import Assigning
from worklist_client.worklist.entries import StudyEntry

AUTOSAVE_MS = 1000
"""How long a change may wait before it is written; with the write itself it stays below two seconds."""

NOT_CORRECTED = (
    "The list does not name the corrected patient of this study yet: wait some seconds, your text opens by itself"
)
LEFT_BEHIND = (
    "Your earlier text of this study belongs to another patient number: it is kept under “Drafts without a claim”"
)


class DraftKeeper:
    """Holds the one editable draft. It is opened when the claim is ours, and closed for editing when it is not."""

    def __init__(self, desk: Desk, entry: StudyEntry, told: Callable[[str], None]) -> None:
        """`told(reason)` hears that saving failed, or an empty text once it works again."""
        self._desk = desk
        self._told = told
        self.draft = Draft(
            workitem_uid=entry.workitem_uid,
            site_id=entry.site_id,
            study_instance_uid=entry.study_instance_uid,
            patient=entry.patient,
            accession_number=entry.accession_number,
            sections=_first_sections(entry),
            language=report_language(desk),
            study=study_words(entry),
        )
        self.draft_uid = ""
        self.editable = False
        self.restored = False
        """Whether an earlier text was found."""
        self.is_waiting = False
        """Whether a text waits for the patient whom the hospital names now, and the list does not."""
        self.left_behind = False
        """Whether a text of an earlier claim stays where it is, because it belongs to another patient."""
        self.saved_revision = 0
        self._revision = 0
        self._unwritten = dict(self.draft.sections)
        """What the program itself put into the sections."""
        self._dirty = False
        self._failing = False
        self._is_noted = False
        """Whether the hub knows that there is text, so that it never releases the claim by itself."""

    @property
    def dirty(self) -> bool:
        """Whether something is not on disk yet. A report that holds nothing of the reader's is not worth a row: what
        the program filled in by itself it fills in again."""
        return self._dirty and bool(self.is_written or self.saved_revision)

    @property
    def is_written(self) -> bool:
        """Whether the reader wrote, drew or took out anything."""
        draft = self.draft
        return draft.sections != self._unwritten or bool(draft.measurements or draft.annotations)

    def open(self) -> None:
        """The claim is ours: take up the stored draft, or the text kept from an earlier claim of this study.

        Raises
        ------
        JournalError : nothing can be stored; the case stays read-only
        DraftUnreadable : a text is stored that cannot be read; it is kept as it is
        NotCorrectedYet : a text is kept for the corrected patient, and the list still names the one before
        """
        rows = self._desk.journal.drafts.editable(self.draft.workitem_uid)
        row = rows[0] if rows else self._adopted()
        if row is None:
            self.draft_uid = self._desk.new_uid()
        else:
            self._take(row)
        self.editable = True

    def close_editing(self) -> None:
        """No more typing: the claim is gone, or the report is signed."""
        self.editable = False

    def set_section(self, section: str, text: str) -> None:
        """The reader typed. Raises `NotEditable`, and ValueError for a section that does not exist."""
        if section not in SECTIONS:
            raise ValueError(section)
        if self.draft.sections.get(section, "") == text:
            return
        self._change(replace(self.draft, sections={**self.draft.sections, section: text}))

    def prefill(self, section: str, text: str) -> None:
        """The program filled in what the reader did not write. Raises as `set_section`."""
        self.set_section(section, text)
        self._unwritten[section] = text

    def set_annotations(self, annotations: tuple[Annotation, ...]) -> None:
        """What is drawn changed; kept with the draft so that it survives a crash."""
        if self.editable and annotations != self.draft.annotations:
            self._change(replace(self.draft, annotations=annotations))

    def change(self, draft: Draft) -> None:
        """Take over a changed draft of the same study. Raises `NotEditable`."""
        if draft.study_instance_uid != self.draft.study_instance_uid or draft.workitem_uid != self.draft.workitem_uid:
            raise NotEditable("The draft belongs to another study")
        self._change(draft)

    def add_measurement(self, measurement: ReportedMeasurement) -> None:
        """Remember that the words of an annotation were inserted; again replaces the earlier words."""
        kept = tuple(
            item
            for item in self.draft.measurements
            if item.annotation.annotation_id != measurement.annotation.annotation_id
        )
        self._change(replace(self.draft, measurements=(*kept, measurement)))

    def save_soon(self) -> None:
        """Write what is unsaved in the background. Called by a timer, on loss of focus, and before network calls."""
        if not self.dirty or not self.editable:
            return
        row = self._row()
        self._dirty = False
        self._desk.runner.submit(
            lambda request, _token: self._desk.journal.drafts.save(request),
            row,
            lane="journal",
            owner=self,
            done=self._saved,
            failed=self._save_failed,
        )

    def save_now(self) -> None:
        """Write what is unsaved before going on (signing, releasing, closing). Raises `JournalError`."""
        if not self.editable:
            return
        if self.dirty or self.saved_revision != self._revision:
            row = self._row()
            self._saved(self._desk.journal.drafts.save(row))
            self._dirty = False

    def orphan(self, reason: str) -> None:
        """Keep the text, read-only: the claim is gone. A text that was never stored is stored first; where the reader
        wrote nothing, nothing is kept."""
        self.save_now()
        self.editable = False
        if self.saved_revision:
            self._desk.runner.submit(self._write_orphan, reason, lane="journal", owner=self, failed=self._save_failed)

    def _write_orphan(self, reason: str, _token: CancelToken) -> None:
        drafts = self._desk.journal.drafts
        row = drafts.get(self.draft_uid)
        if not self.is_written and row.state in (DraftState.EDITING, DraftState.ORPHAN):
            drafts.discard(self.draft_uid, "its author took out all that was written")
        elif row.state is DraftState.EDITING:
            drafts.orphan(self.draft_uid, reason)

    def _adopted(self) -> DraftRow | None:
        """My own text of an earlier claim of this study, which becomes the draft of this one. One that belongs to
        another patient stays where it is."""
        key = self.draft.patient.key
        self.is_waiting = self.left_behind = False
        for row in self._desk.journal.drafts.in_state(DraftState.ORPHAN):
            if (row.site_id, row.study_instance_uid) != (self.draft.site_id, self.draft.study_instance_uid):
                continue
            if (row.patient_issuer, row.patient_id) == (key.issuer, key.patient_id):
                return self._desk.journal.drafts.adopt(row.draft_uid, self.draft.workitem_uid, self._desk.now())
            if _written_for(row) == key:
                # Taken back and bound to the patient of now; the list says whom the hospital named before.
                self.is_waiting = True
                raise NotCorrectedYet(NOT_CORRECTED)
            self.left_behind = True
        return None

    def _take(self, row: DraftRow) -> None:
        """A recovered draft opens only for the same study and patient."""
        stored = draft_from_json(row.content)
        key = self.draft.patient.key
        same_study = (row.site_id, row.study_instance_uid) == (self.draft.site_id, self.draft.study_instance_uid)
        if not same_study or (row.patient_issuer, row.patient_id) != (key.issuer, key.patient_id):
            raise DraftUnreadable("The stored draft belongs to another patient or study; it is kept, and not opened")
        self.draft = replace(
            stored,
            workitem_uid=self.draft.workitem_uid,
            patient=self.draft.patient,
            accession_number=self.draft.accession_number,
            language=stored.language or self.draft.language,
            study=self.draft.study,
        )
        self.draft_uid = row.draft_uid
        self._revision = self.saved_revision = row.revision
        self.restored = True

    def _change(self, draft: Draft) -> None:
        if not self.editable:
            raise NotEditable("This report cannot be changed now")
        self.draft = draft
        self._dirty = True

    def _row(self) -> DraftRow:
        self._revision += 1
        key = self.draft.patient.key
        return DraftRow(
            draft_uid=self.draft_uid,
            workitem_uid=self.draft.workitem_uid,
            site_id=self.draft.site_id,
            study_instance_uid=self.draft.study_instance_uid,
            patient_issuer=key.issuer,
            patient_id=key.patient_id,
            content=draft_to_json(self.draft),
            revision=self._revision,
            saved_at=self._desk.now(),
        )

    def _saved(self, row: DraftRow) -> None:
        self.saved_revision = max(self.saved_revision, row.revision)
        self._note_started(row.workitem_uid)
        if self._failing:
            self._failing = False
            self._told("")

    def _note_started(self, workitem_uid: str) -> None:
        if self._is_noted or not self.editable:
            return
        self._is_noted = True
        self._desk.runner.submit(
            lambda uid, _token: Assigning(self._desk.client, self._desk.claims).note_started(uid),
            workitem_uid,
            lane="hub",
            owner=self,
            failed=self._not_noted,
        )

    def _not_noted(self, _error: Exception) -> None:
        self._is_noted = False  # the next text that is saved says it again

    def _save_failed(self, error: Exception) -> None:
        if isinstance(error, StaleRevision):
            return  # a newer text was written meanwhile, before closing or signing: nothing is lost
        if isinstance(error, WrongRowState):
            self.editable = False
            self._told("The claim of this study is gone: what you typed last is on the screen only")
            return
        if isinstance(error, JournalError):
            self._dirty = True
        self._failing = True
        self._told(NOT_SAVED if is_full(error) else sentence_of(error))


def _written_for(row: DraftRow) -> PatientKey | None:
    """Whom a text named when it was written; its row may be bound to somebody else since. None where unreadable."""
    try:
        return draft_from_json(row.content).patient.key
    except DraftUnreadable:
        return None


def report_language(desk: Desk) -> str:
    """Of a report that is begun now; the interface may change its language later, the report does not."""
    wished = desk.settings.get(REPORT_LANGUAGE)
    return language_of(desk.tr.language if wished == "interface" else wished)


def study_words(entry: StudyEntry) -> str:
    """What was examined, and when."""
    title = study_title(entry.modality, entry.study_description)
    return "  ".join(part for part in (title, shown_moment(entry.study_datetime)) if part)


def _first_sections(entry: StudyEntry) -> dict[str, str]:
    """All sections, with what the order says already filled in."""
    return {section: entry.clinical_question if section == "clinical_question" else "" for section in SECTIONS}
