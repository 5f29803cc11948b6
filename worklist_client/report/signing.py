"""Signing: a draft becomes frozen DICOM objects, once. Picklable in and out; runs in a worker process."""

from __future__ import annotations

from pydicom.dataset import Dataset

from worklist_client.report.document import Stamp, encode, signing_time
from worklist_client.report.errors import IdentityMismatch, NoRepresentation, NothingToSign, SourceUnusable
from worklist_client.report.gsps import Presentations, annotations_of, render_presentations
from worklist_client.report.model import Draft, SignedReport
from worklist_client.report.request import RenderRequest, SourceInstance
from worklist_client.report.source import SourceImage, read_sources
from worklist_client.report.sr import render_sr
from worklist_client.report.uids import SeededUids
from worklist_client.report.words import language_of

__all__ = ["RenderRequest", "SourceInstance", "render_report"]


def render_report(request: RenderRequest) -> SignedReport:
    """Render GSPS and SR of a draft.

    Raises
    ------
    NothingToSign : no section holds a text
    NoRepresentation : the site accepts no SR
    IdentityMismatch : an image is of another patient, study or accession than the draft
    SourceUnusable : an image cannot be read, or an annotation lies on an image that was not given
    TextNotPreserved : an encoded text does not read back equal
    """
    draft = request.draft
    if not any(words.strip() for words in draft.sections.values()):
        raise NothingToSign("the report is empty")
    if "ENHANCED_SR" not in request.accepts:
        raise NoRepresentation("the site does not accept Enhanced SR, the only report that can be written")
    images = read_sources(one for one in request.images if one.study_instance_uid in ("", draft.study_instance_uid))
    if not images:
        raise SourceUnusable("the study has no image that the report could refer to")
    priors = read_sources(_priors_of_the_site(request))
    _check_identity(draft, images)
    _check_annotations(draft, images)
    header = _study_header(images)
    stamp = Stamp(
        signing_time(request.signed_at, header),
        request.reader,
        request.site_name,
        request.station_name,
        request.software_version,
        language_of(request.language),
        header,
    )
    new_uid = SeededUids(request.uid_seed)
    uids = (new_uid(), new_uid())
    presentations = Presentations((), {}, ())
    if "GSPS" in request.accepts:
        presentations = render_presentations(draft, images, stamp, new_uid)
    report = render_sr(draft, images, priors, presentations, stamp, uids)
    objects = [encode("GSPS", dataset) for dataset in presentations.datasets] + [encode("SR", report)]
    return SignedReport(
        report_id=uids[1],
        workitem_uid=draft.workitem_uid,
        site_id=draft.site_id,
        study_instance_uid=draft.study_instance_uid,
        patient=draft.patient,
        accession_number=str(header.get("AccessionNumber", "") or ""),
        objects=tuple(objects),
        referenced_sop_instance_uids=tuple(image.sop_instance_uid for image in (*images, *priors)),
        notes=_notes(request, presentations),
    )


def _priors_of_the_site(request: RenderRequest) -> list[SourceInstance]:
    """Instances of priors that the draft declares and that the destination itself holds."""
    own = {prior.study_instance_uid for prior in request.draft.priors if prior.site_id == request.draft.site_id} - {
        request.draft.study_instance_uid
    }
    return [one for one in request.images if one.study_instance_uid in own]


def _check_identity(draft: Draft, images: tuple[SourceImage, ...]) -> None:
    """Every image must be of the draft's patient and study, by the headers themselves."""
    for image in images:
        _check_values(image.header)
        _check_header(draft, image.header)
    accessions = {str(image.header.get("AccessionNumber", "") or "") for image in images} - {""}
    if len(accessions) > 1:
        raise IdentityMismatch("the images of the study carry different accession numbers")
    if draft.accession_number and accessions != {draft.accession_number}:
        raise IdentityMismatch("the images carry another accession number than the study to read")


_SINGLE = {
    "PatientID": "patient number",
    "IssuerOfPatientID": "issuer of the patient number",
    "PatientName": "patient name",
    "AccessionNumber": "accession number",
}


def _check_values(header: Dataset) -> None:
    """What says whose study it is has one value. A backslash in it makes two (PS3.5 6.2), and which is meant is not
    for us to guess."""
    for keyword, words in _SINGLE.items():
        if keyword in header and header[keyword].VM > 1:
            raise IdentityMismatch(
                f"the {words} of the images holds a backslash, which separates two values in DICOM: "
                "the report cannot be signed; ask the hospital to correct it"
            )


def _study_header(images: tuple[SourceImage, ...]) -> Dataset:
    """The first header that names the accession, else the first: derived images sometimes lack it."""
    named = (image.header for image in images if image.header.get("AccessionNumber"))
    return next(named, images[0].header)


def _check_header(draft: Draft, header: Dataset) -> None:
    if str(header.get("StudyInstanceUID", "")) != draft.study_instance_uid:
        raise IdentityMismatch("an image belongs to another study")
    if str(header.get("PatientID", "") or "") != draft.patient.key.patient_id:
        raise IdentityMismatch("an image carries another patient number than the study to read")
    issuer = str(header.get("IssuerOfPatientID", "") or "")
    if issuer and draft.patient.key.issuer and issuer != draft.patient.key.issuer:
        raise IdentityMismatch("an image carries a patient number of another issuer")


def _check_annotations(draft: Draft, images: tuple[SourceImage, ...]) -> None:
    frames = {image.sop_instance_uid: image.frames for image in images}
    for frame in (one.frame for one in annotations_of(draft)):
        if not 1 <= frame.frame_number <= frames.get(frame.sop_instance_uid, 0):
            raise SourceUnusable("an annotation lies on an image that is not at hand")


def _notes(request: RenderRequest, presentations: Presentations) -> tuple[str, ...]:
    notes = []
    if "GSPS" not in request.accepts:
        notes.append(
            "The site does not accept presentation states: drawn annotations and windows stay out, "
            "measurements are in the report."
        )
    if presentations.skipped:
        notes.append(
            f"{len(presentations.skipped)} image(s) whose pixel values change meaning from frame to frame "
            "have no presentation state; measurements on them are in the report."
        )
    foreign = {prior.site_id for prior in request.draft.priors} - {request.draft.site_id}
    if foreign:
        notes.append("Priors of other sites are named in the text only.")
    return tuple(notes)
