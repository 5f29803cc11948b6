"""Signing: one frozen request rendered in a worker process, then one journal transaction. Nothing leaves from here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from pacs.port import Cancelled
from viewer.cancel import CancelToken
from viewer.dates import shown_moment
from viewer.records import DisplayedState, InstanceHeader
from viewer.titles import study_title
from worklist_client.commands.case_claim import CaseClaim
from worklist_client.commands.case_documents import CaseDocuments
from worklist_client.commands.case_draft import DraftKeeper
from worklist_client.commands.case_images import CaseImages, sentence_of
from worklist_client.commands.case_late import MoreImages, require_all_seen
from worklist_client.commands.case_priors import CasePriors
from worklist_client.commands.case_state import CannotSign, CaseViewer, SignSummary, Standing, Topic
from worklist_client.commands.desk import Desk, is_named
from worklist_client.commands.full_disk import NOT_SIGNED, is_full
from worklist_client.delivery.service import DeliveryService
from worklist_client.identity.names import display_name
from worklist_client.identity.patient import PatientIdentity
from worklist_client.journal import JournalFull, PackageRow, PackageState
from worklist_client.reading.completeness import StudyCount
from worklist_client.report.model import Draft, SignedReport
from worklist_client.report.request import RenderRequest, SourceInstance
from worklist_client.worklist.entries import StudyEntry

ORDER_NAMES_ANOTHER = (
    "The order under this accession number names another patient: the report goes out for the patient named here"
)
Render = Callable[[RenderRequest, Cancelled], SignedReport]


@dataclass(frozen=True)
class SignRequest:
    """Everything of one signing; the draft is stored already."""

    render: RenderRequest
    draft_uid: str
    signed_at: datetime
    stat: bool


class CaseSigning:
    """Signing and what becomes of it. The destination is the study's origin; nobody chooses it."""

    def __init__(
        self,
        desk: Desk,
        entry: StudyEntry,
        viewer: CaseViewer,
        parts: tuple[CaseClaim, DraftKeeper, CaseImages, CasePriors],
        documents: CaseDocuments,
        *,
        render: Render | None,
        tell: Callable[[Topic], None],
    ) -> None:
        self._desk = desk
        self._entry = entry
        self._viewer = viewer
        self._claim, self._keeper, self._images, self._priors = parts
        self._documents = documents
        self._render = render or render_in(desk)
        self._tell = tell
        self.package: PackageRow | None = None
        """The signed report on its way, as the journal last said."""
        self.two_patients = entry.has_two_patients
        """Whether the list says, now, that the study holds images of two patients."""
        self.order_of_another = entry.has_order_of_another
        """Whether the list says, now, that the order under its accession number names another patient."""
        self.is_arriving = entry.is_arriving
        """Whether the list says, now, that images of the study still reach its hospital."""
        self.notes: tuple[str, ...] = ()
        """What the signed report does not hold and why, in English."""

    def _title(self) -> str:
        return study_title(self._entry.modality, self._entry.study_description)

    def _made(self) -> str:
        """Day and time first: a patient may have two studies of one name and no accession number."""
        return shown_moment(self._entry.study_datetime)

    def summary(self) -> SignSummary:
        """What the sign dialog shows. Raises `CannotSign` where there is nothing to sign or it may not be."""
        draft = self._keeper.draft
        study = self._entry.study_instance_uid
        if not is_named(self._desk.reader):
            raise CannotSign("A report is signed by name. Fill in who you are before you sign.")
        if study in self._images.strangers:
            raise CannotSign("The images are of another patient than the list says: the report cannot be signed")
        if self.two_patients or study in self._images.two_people:
            raise CannotSign("The hospital keeps images of two patients under this study: the report cannot be signed")
        if self._claim.standing is not Standing.MINE or not self._keeper.editable:
            raise CannotSign("The study is not claimed by you")
        if not (draft.sections.get("findings", "").strip() or draft.sections.get("impression", "").strip()):
            raise CannotSign("Findings and impression are both empty")
        if not self._images.opened(study):
            raise CannotSign("No image of this study is here yet")
        if "\\" in self._entry.patient.key.patient_id:
            raise CannotSign(
                "The patient number holds a backslash, which separates two numbers in DICOM: the report cannot be"
                " signed. Ask the hospital to correct the number"
            )
        site = self._desk.sites.get(self._entry.site_id)
        return SignSummary(
            patient=self._entry.patient,
            study="  ·  ".join(part for part in (self._made(), self._title()) if part),
            accession_number=self._entry.accession_number,
            destination=site.name,
            destination_color=site.color,
            measurements=len(draft.measurements),
            priors=sum(not self._priors.is_later(prior.study_date) for prior in self._priors.of_report()),
            later_studies=sum(self._priors.is_later(prior.study_date) for prior in self._priors.of_report()),
            warnings=warnings_of(
                draft,
                self._images.count(study),
                is_prior_unseen=len(self._priors.hanging()) > len(self._priors.of_report()),
                is_arriving=self.is_arriving,
            ),
            to_confirm=(
                *unidentified(self._entry.patient),
                *((ORDER_NAMES_ANOTHER,) if self.order_of_another else ()),
                *self._documents.to_confirm(),
                *(late.sentence for late in (self._images.late.get(study),) if late is not None),
            ),
        )

    def sign(self, confirmed: tuple[str, ...] = ()) -> None:
        """Sign what is on the screen; `confirmed` = what the reader has ticked of `SignSummary.to_confirm`.

        Raises `CannotSign`, `JournalError`.
        """
        if set(self.summary().to_confirm) - set(confirmed):
            raise CannotSign("Confirm first what the dialog asks")
        priors = self._priors.of_report()
        known = self._documents.known()
        self._keeper.change(replace(self._keeper.draft, priors=priors, known_documents=known))
        self.store_text()
        studies = (self._entry.study_instance_uid, *(prior.study_instance_uid for prior in priors))
        request = sign_request(
            self._desk,
            self._keeper.draft,
            self._keeper.draft_uid,
            tuple(header for study in studies for header in self._images.headers(study)),
            tuple(state for study in studies for state in self._viewer.displayed_states(study)),
            stat=self._entry.stat,
        )
        study = self._entry.study_instance_uid
        late = self._images.late.get(study)

        def sign_what_was_seen(work: SignRequest, token: CancelToken) -> tuple[SignedReport, tuple[str, ...]]:
            notes = require_all_seen(lambda until: self._images.ask_late(study, until), token.cancelled, late)
            return sign(work, token, self._render, self._desk.delivery), notes

        self._claim.stand(Standing.SIGNING)
        self._desk.runner.submit(
            sign_what_was_seen,
            request,
            lane="deliver",
            owner=self,
            done=self._signed,
            failed=self._not_signed,
        )

    def store_text(self) -> None:
        """The text as it is on the screen, on the disk. Raises `CannotSign` where the disk is full, `JournalError`."""
        try:
            self._keeper.save_now()
        except JournalFull as error:
            raise CannotSign(NOT_SIGNED) from error

    def _not_signed(self, error: Exception) -> None:
        if isinstance(error, MoreImages):
            self._images.late[self._entry.study_instance_uid] = error.late
            self._claim.stand(Standing.MINE)  # said with the images, where they can be loaded
            return
        self._claim.stand(Standing.MINE, NOT_SIGNED if is_full(error) else sentence_of(error))

    def recall(self) -> bool:
        """Take up a report that was signed before (a restart, a second opening); whether there is one.

        A signed report is never written again here: it is on its way, however long the hub or the archive is away.
        """
        signed = [row for row in self._desk.journal.outbox.of_workitem(self._entry.workitem_uid) if _stands(row)]
        if not signed:
            return False
        self._keeper.close_editing()
        self.package = signed[-1]
        self._claim.stand(Standing.SIGNED)
        self._tell(Topic.DELIVERY)
        return True

    def refresh(self) -> None:
        """Read from the journal how far the report is; asked by a timer of the window until it is done."""
        if self.package is None:
            return
        self._desk.runner.submit(
            lambda report_id, _token: self._desk.journal.outbox.get(report_id),
            self.package.report_id,
            lane="journal",
            owner=self,
            key="delivery",
            done=self._read,
        )

    @property
    def delivered(self) -> bool:
        """Whether the report was read back from its archive and the work is complete."""
        return self.package is not None and self.package.state is PackageState.DONE

    def _signed(self, signed: tuple[SignedReport, tuple[str, ...]]) -> None:
        self._keeper.close_editing()
        report, notes = signed
        self.notes = (*report.notes, *notes)
        self.package = self._desk.journal.outbox.get(report.report_id)
        self._claim.stand(Standing.SIGNED)
        self._tell(Topic.DELIVERY)

    def _read(self, package: PackageRow) -> None:
        if package != self.package:
            self.package = package
            self._tell(Topic.DELIVERY)


def _stands(package: PackageRow) -> bool:
    """Whether it goes, or went, home; a withdrawn one lives on as a draft."""
    return package.state is not PackageState.WITHDRAWN


def render_in(desk: Desk) -> Render:
    """Render in the worker process for reports, so that the interface never waits for it."""

    def render(request: RenderRequest, cancelled: Cancelled) -> SignedReport:
        signed: SignedReport = desk.workers.reports.call(render_report_in_worker, request, cancelled)
        return signed

    return render


def render_report_in_worker(request: RenderRequest) -> SignedReport:
    """Runs in the worker process."""
    from worklist_client.report.signing import render_report  # noqa: PLC0415 - highdicom costs 2 s, paid in the worker

    return render_report(request)


def sign_request(
    desk: Desk,
    draft: Draft,
    draft_uid: str,
    headers: tuple[InstanceHeader, ...],
    states: tuple[DisplayedState, ...],
    *,
    stat: bool,
) -> SignRequest:
    """Freeze what is signed: the draft with what was shown, and every image that it may refer to."""
    site = desk.sites.get(draft.site_id)
    now = desk.now()
    images = tuple(
        SourceInstance(
            header.path,
            header.sop_class_uid,
            header.sop_instance_uid,
            header.series_instance_uid,
            header.study_instance_uid,
        )
        for header in headers
        if header.rows > 0 and header.path
    )
    render = RenderRequest(
        draft=replace(draft, displayed=states),
        reader=desk.reader,
        images=images,
        site_name=site.name,
        signed_at=now.isoformat(),
        uid_seed=desk.new_uid(),
        accepts=site.accepts,
        language=draft.language or desk.tr.language,
    )
    return SignRequest(render, draft_uid, now, stat)


def sign(request: SignRequest, token: CancelToken, render: Render, delivery: DeliveryService) -> SignedReport:
    """Render, then store text, bytes, hashes and outbox rows in one transaction, and wake the delivery. Background.

    Raises
    ------
    ReportError : nothing was stored; the draft is as it was
    JournalError : the same
    """
    signed = render(request.render, token.cancelled)
    delivery.sign(signed, request.render.draft, request.draft_uid, request.signed_at, stat=request.stat)
    return signed


def unidentified(patient: PatientIdentity) -> tuple[str, ...]:
    """What the report will lack to say whose it is; the hospital's images lack it too."""
    lacks = []
    if not patient.key.patient_id.strip():
        lacks.append("The images carry no patient number: the report will carry none either")
    if not display_name(patient.name):
        lacks.append("The images carry no patient name: the report will carry none either")
    return tuple(lacks)


def warnings_of(
    draft: Draft, count: StudyCount, *, is_prior_unseen: bool = False, is_arriving: bool = False
) -> tuple[str, ...]:
    """What the reader should know before signing; gentle, for none of it forbids to sign."""
    warnings = []
    if not draft.sections.get("impression", "").strip():
        warnings.append("The impression is empty")
    if not count.complete:
        warnings.append("Not all images of this study are here")
    if is_arriving:
        warnings.append("Images of this study still reach the hospital")
    if is_prior_unseen:
        warnings.append("No image of a prior that hangs is here yet; the comparison names it")
    return tuple(warnings)
