"""The case being read: one study, one claim, one draft, its priors. Everything a reading window does goes through here.

`CaseSession` belongs to the main thread. Background work goes through the desk's task runner; observers are told what
changed and read it here. It knows no widget: the viewer is a protocol, and a double of it makes every rule testable.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from pacs.errors import PacsError
from viewer.records import InstanceHeader
from viewer.ui.labels import StudyLabel
from worklist_client.commands.case_claim import CaseClaim
from worklist_client.commands.case_documents import CaseDocuments
from worklist_client.commands.case_draft import LEFT_BEHIND, DraftKeeper
from worklist_client.commands.case_images import CURRENT, CaseImages, LoadRequest, sentence_of
from worklist_client.commands.case_priors import CasePriors, patient_lines
from worklist_client.commands.case_report import CaseReport
from worklist_client.commands.case_signing import CaseSigning, Render
from worklist_client.commands.case_state import CaseViewer, NotCorrectedYet, Observer, Observers, Standing, Topic
from worklist_client.commands.desk import Desk
from worklist_client.journal import AuditRow, JournalError
from worklist_client.reading.priors import PriorCandidate, PriorServices, national_id_among
from worklist_client.report.errors import DraftUnreadable
from worklist_client.worklist.entries import StudyEntry


class CaseSession:
    """One study on the desk. Make it, `observe`, then `start`; `close` when the window goes.

    Parts: `claim` (where I stand), `images`, `priors`, `report` (what I write), `signing` (and delivery).
    """

    def __init__(
        self,
        desk: Desk,
        entry: StudyEntry,
        viewer: CaseViewer,
        *,
        prior_services: PriorServices | None = None,
        render: Render | None = None,
    ) -> None:
        self.desk = desk
        self.entry = entry
        self.notice = ""
        """An English sentence about what went wrong last; empty when all is well."""
        self.outdated: Callable[[StudyEntry], None] = lambda entry: None
        """Set by the window: the list names another patient than when it was opened; it should open anew."""
        self._viewer = viewer
        self._observers = Observers()
        self._closed = False
        self._is_paired = False
        """Whether the first prior made room beside the study; after that the layout is the reader's."""
        tell = self._observers.tell
        self.images = CaseImages(desk, viewer, self._images_changed)
        self.images.first_header = self._header_came
        self.keeper = DraftKeeper(desk, entry, self._say)
        self.claim = CaseClaim(desk, entry, changed=lambda: tell(Topic.STANDING), won=self._won, gone=self._gone)
        self.documents = CaseDocuments(desk, entry, lambda: tell(Topic.DOCUMENTS))
        self.priors = CasePriors(desk, entry, self.images, lambda: tell(Topic.PRIORS), prior_services)
        self.priors.hang = self._hang
        self.report = CaseReport(
            desk, viewer, self.keeper, self.images, self.priors, editable=lambda: self.editable, tell=tell
        )
        self.signing = CaseSigning(
            desk,
            entry,
            viewer,
            (self.claim, self.keeper, self.images, self.priors),
            self.documents,
            render=render,
            tell=tell,
        )

    def observe(self, observer: Observer) -> None:
        """Hear of changes, on the main thread."""
        self._observers.add(observer)

    def start(self, *, claim: bool) -> None:
        """Load at once; ask for the claim at the same time; look for priors."""
        study, patient = self.entry.study_instance_uid, self.entry.patient
        try:
            site = self.desk.sites.get(self.entry.site_id)
        except PacsError as error:
            self._say(sentence_of(error))
            return
        self._viewer.set_study(
            study, StudyLabel(site.name, site.color, False, "", patient_lines(patient, site, self.desk.tr))
        )
        self._viewer.hang(study, None)
        self.documents.ask(site)
        accession = self.entry.accession_number
        self.images.load(LoadRequest(site, study, patient, self._audit_opening, CURRENT, accession))
        if claim:
            self.claim.ask()
        self.priors.search()

    @property
    def editable(self) -> bool:
        """Whether the report takes text: the claim is ours and the images are of the right patient."""
        return self.claim.standing is Standing.MINE and self.keeper.editable and not self.is_strange

    @property
    def is_strange(self) -> bool:
        """Whether nobody can say whose images these are: they call the patient somebody else than the list does, or
        the hospital keeps images of two patients under the study."""
        return self.entry.study_instance_uid in self.images.strangers or self.has_two_patients

    @property
    def has_two_patients(self) -> bool:
        """Whether the study holds images of two people: the hospital's answer says so, or the images themselves."""
        return self.entry.has_two_patients or self.entry.study_instance_uid in self.images.two_people

    def entry_changed(self, entry: StudyEntry) -> None:
        """The hub told something newer of this study.

        Another workitem in its place, while the claim was mine: the study was taken over, or went back to the list.
        """
        if entry.entry_id != self.entry.entry_id:
            return
        if (entry.images or 0) > (self.entry.images or 0):
            self.images.more_announced(entry.study_instance_uid)
        if entry.workitem_uid == self.entry.workitem_uid:
            entry = _with_what_is_known(entry, self.entry)
            is_same = entry.patient.key == self.entry.patient.key
            self.entry = _identified(entry, self.entry.patient.national_id) if is_same else entry
            self.signing.two_patients = entry.has_two_patients
            self.signing.order_of_another = entry.has_order_of_another
            self.signing.is_arriving = entry.is_arriving
            self.claim.told(entry)
            if not is_same:
                self._open_anew()
        elif self.claim.standing is Standing.MINE and self.desk.reader.code in (
            entry.holder_code,
            entry.reserved_for_code,
        ):
            self.claim.moved()
        elif self.claim.standing is Standing.MINE:
            self.claim.lose(entry.holder or entry.reserved_for, "Your claim of this study was ended; your text is kept")

    def retry_images(self) -> None:
        """Go on loading where it stopped: every study that is not complete."""
        for study in self.images.studies():
            self.images.resume(study)

    def close(self) -> None:
        """The window goes: store the text, stop loading. The claim stays mine until I release or sign.

        Raises `JournalError` where the text could not be stored; the window should then stay.
        """
        if self._closed:
            return
        self.keeper.save_now()
        self._closed = True
        self._observers.clear()
        self.documents.cancel()
        try:
            self.images.cancel()
        finally:
            self.priors.cancel()

    def _won(self) -> None:
        """The claim is mine: the draft opens, with what was written and drawn before a crash."""
        if self.signing.recall():
            return
        self.documents.claimed()
        if self.entry.patient.key != self.keeper.draft.patient.key:
            self._open_anew()
            return
        try:
            self.keeper.open()
        except (JournalError, DraftUnreadable, NotCorrectedYet) as error:
            self._say(error.reason)
            return
        if self.keeper.left_behind:
            self._say(LEFT_BEHIND)
        if self.keeper.restored:
            self.report.restore_annotations()
        self.report.prefill_comparison()
        self.report.prefill_question()
        self._observers.tell(Topic.DRAFT)

    def _open_anew(self) -> None:
        """The list names another patient now. Where nothing was written, everything is opened again for that one; a
        text that was written stays with whom it was written for, and is not sent for anybody else."""
        if self.claim.standing in (Standing.LOOKING, Standing.MINE) and not self.keeper.is_written:
            self.outdated(self.entry)

    def _gone(self, reason: str) -> None:
        """The claim was mine and is not any more: no more typing, and the text is kept."""
        try:
            self.keeper.orphan(reason)
        except JournalError as error:
            self._say(error.reason)

    def _images_changed(self, study_instance_uid: str) -> None:
        if self._closed:
            return
        if study_instance_uid != self.entry.study_instance_uid:
            self.report.prefill_comparison()
        elif not self.images.loading(study_instance_uid):
            self.documents.ask_again()
        self._observers.tell(Topic.IMAGES)

    def _header_came(self, header: InstanceHeader) -> None:
        """What the list did not say: why the study was asked for, and the national ID (searches leave it out)."""
        if self._closed:
            return
        self.report.learn_question(header.reason_for_requested_procedure or header.requested_procedure_description)
        national_id = national_id_among(header.patient.other_ids)
        if national_id and not self.entry.patient.national_id:
            self.entry = _identified(self.entry, national_id)
            self.priors.identify(self.entry)

    def _hang(self, candidate: PriorCandidate) -> None:
        study = candidate.study.study_instance_uid
        self._viewer.set_study(study, self.priors.label(candidate))
        if not self._is_paired:
            self._is_paired = True
            self._viewer.set_layout(1, 2)
        self._viewer.hang(self.entry.study_instance_uid, study)
        self.report.prefill_comparison()

    def _audit_opening(self) -> None:
        """The line that tells of the opening, on disk before the first image shows. Background."""
        key = self.entry.patient.key
        self.desk.journal.audit.append(
            AuditRow(
                at=self.desk.now(),
                event="study.opened",
                reader_code=self.desk.reader.code,
                site_id=self.entry.site_id,
                study_instance_uid=self.entry.study_instance_uid,
                patient_issuer=key.issuer,
                patient_id=key.patient_id,
                workitem_uid=self.entry.workitem_uid,
                reason="study to read",
            )
        )

    def _say(self, reason: str) -> None:
        self.notice = reason
        self._observers.tell(Topic.NOTICE)


def _with_what_is_known(entry: StudyEntry, before: StudyEntry) -> StudyEntry:
    """Somebody else's claim hides the details from now on; whose study it is does not change by that. What the hospital
    corrects meanwhile comes with the whole row, when the study is free again."""
    if not entry.hides_details or before.hides_details or entry.patient.name != before.patient.name:
        return entry
    return replace(
        entry,
        patient=before.patient,
        clinical_question=before.clinical_question,
        accession_number=before.accession_number,
    )


def _identified(entry: StudyEntry, national_id: str) -> StudyEntry:
    """With the national ID, where the list lacks it."""
    if not national_id or entry.patient.national_id:
        return entry
    return replace(entry, patient=replace(entry.patient, national_id=national_id))
