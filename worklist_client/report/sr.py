"""The report as Enhanced SR, TID 2000 (PS3.3 A.35.2, C.17.2; report.md §3): complete, verified, final."""

from __future__ import annotations

from collections.abc import Iterable

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from worklist_client.report import codes
from worklist_client.report.content import CONTAINS, code_item, container
from worklist_client.report.document import Stamp, add_equipment, new_object
from worklist_client.report.gsps import Presentations
from worklist_client.report.model import Draft, Reader
from worklist_client.report.narrative import References, content_tree
from worklist_client.report.source import SourceImage
from worklist_client.report.study_module import copied
from worklist_client.report.text import phrase

ENHANCED_SR = "1.2.840.10008.5.1.4.1.1.88.22"
SERIES_NUMBER = 9002
PRIVATE_SCHEME = "99UWL"
PRIVATE_SCHEME_UID = "2.25.320115763498562184033214870917352681204"
READER_SCHEME = "99READER"
READER_SCHEME_UID = "2.25.118903312075416207538891424560313397465"


def render_sr(
    draft: Draft,
    images: tuple[SourceImage, ...],
    priors: tuple[SourceImage, ...],
    presentations: Presentations,
    stamp: Stamp,
    uids: tuple[str, str],
) -> Dataset:
    """The report object. `uids` = (series, instance)."""
    first = _key_image(draft, images)
    dataset = new_object(ENHANCED_SR, uids[1], stamp)
    dataset.Modality = "SR"
    dataset.SeriesInstanceUID = uids[0]
    dataset.SeriesNumber = SERIES_NUMBER
    dataset.SeriesDescription = "Radiology report"
    dataset.ReferencedPerformedProcedureStepSequence = Sequence([])
    add_equipment(dataset, stamp)
    dataset.InstanceNumber = 1
    dataset.ContentDate, dataset.ContentTime = stamp.date, stamp.time
    dataset.PreliminaryFlag = "FINAL"
    dataset.CompletionFlag = "COMPLETE"
    dataset.VerificationFlag = "VERIFIED"
    _people(dataset, stamp)
    dataset.ReferencedRequestSequence = Sequence([_request(draft, stamp.study)])
    dataset.PerformedProcedureCodeSequence = Sequence([])
    dataset.CurrentRequestedProcedureEvidenceSequence = Sequence(_evidence([first, *images], presentations.datasets))
    if priors:
        dataset.PertinentOtherEvidenceSequence = Sequence(_evidence(priors, ()))
    references = References({image.sop_instance_uid: image for image in (*images, *priors)}, presentations.of_image)
    children = content_tree(draft, stamp.reader, first, references, stamp.language)
    _root(dataset, container(CONTAINS, codes.REPORT_TITLE, children))
    _schemes(dataset, stamp.reader)
    return dataset


def _key_image(draft: Draft, images: tuple[SourceImage, ...]) -> SourceImage:
    """The key image comes first in the evidence; without one the first image."""
    wanted = draft.key_frame.sop_instance_uid if draft.key_frame is not None else ""
    return next((image for image in images if image.sop_instance_uid == wanted), images[0])


def _root(dataset: Dataset, tree: Dataset) -> None:
    dataset.ValueType = "CONTAINER"
    dataset.ConceptNameCodeSequence = tree.ConceptNameCodeSequence
    dataset.ContinuityOfContent = "SEPARATE"
    dataset.ContentSequence = tree.ContentSequence
    template = Dataset()
    template.MappingResource = "DCMR"
    template.TemplateIdentifier = "2000"
    dataset.ContentTemplateSequence = Sequence([template])


def _people(dataset: Dataset, stamp: Stamp) -> None:
    """Verifying observer, author, attester and custodian (C.17.2)."""
    reader = stamp.reader
    verifier = Dataset()
    verifier.VerifyingOrganization = phrase(reader.organisation) or phrase(stamp.site_name)
    verifier.VerificationDateTime = stamp.date_time
    verifier.VerifyingObserverName = phrase(reader.name)
    verifier.VerifyingObserverIdentificationCodeSequence = Sequence(_reader_code(reader))
    dataset.VerifyingObserverSequence = Sequence([verifier])
    dataset.AuthorObserverSequence = Sequence([_observer(reader)])
    attester = _observer(reader)
    attester.ParticipationType = "ATTEST"
    attester.ParticipationDateTime = stamp.date_time
    dataset.ParticipantSequence = Sequence([attester])
    custodian = Dataset()
    custodian.InstitutionName = phrase(stamp.site_name)
    custodian.InstitutionCodeSequence = Sequence([])
    dataset.CustodialOrganizationSequence = Sequence([custodian])


def _observer(reader: Reader) -> Dataset:
    item = Dataset()
    item.ObserverType = "PSN"
    item.PersonName = phrase(reader.name)
    item.PersonIdentificationCodeSequence = Sequence(_reader_code(reader))
    item.InstitutionName = phrase(reader.organisation)
    item.InstitutionCodeSequence = Sequence([])
    return item


def _reader_code(reader: Reader) -> list[Dataset]:
    if not reader.code:
        return []
    return [code_item(codes.Code(phrase(reader.code, 16), READER_SCHEME, reader.name.replace("^", " ").strip()))]


def _request(draft: Draft, header: Dataset) -> Dataset:
    """Referenced Request Sequence: the order by its accession number and the issuer of that (C.17.2)."""
    item = Dataset()
    item.StudyInstanceUID = draft.study_instance_uid
    item.ReferencedStudySequence = Sequence([])
    item.AccessionNumber = str(header.get("AccessionNumber", "") or "")
    if header.get("IssuerOfAccessionNumberSequence"):
        item.add(copied(header["IssuerOfAccessionNumberSequence"]))
    asked = next(iter(header.get("RequestAttributesSequence") or ()), Dataset())
    item.PlacerOrderNumberImagingServiceRequest = ""
    item.FillerOrderNumberImagingServiceRequest = ""
    item.RequestedProcedureID = str(asked.get("RequestedProcedureID", "") or "")
    item.RequestedProcedureDescription = str(
        asked.get("RequestedProcedureDescription", "") or header.get("StudyDescription", "") or ""
    )
    item.RequestedProcedureCodeSequence = Sequence([])
    return item


def _evidence(images: Iterable[SourceImage], states: Iterable[Dataset]) -> list[Dataset]:
    """Hierarchical SOP references (C.17.2.1): study, series, instance; each once, in the order given."""
    studies: dict[str, dict[str, dict[str, str]]] = {}
    for image in images:
        series = studies.setdefault(image.study_instance_uid, {}).setdefault(image.series_instance_uid, {})
        series[image.sop_instance_uid] = image.sop_class_uid
    for state in states:
        series = studies.setdefault(str(state.StudyInstanceUID), {}).setdefault(str(state.SeriesInstanceUID), {})
        series[str(state.SOPInstanceUID)] = str(state.SOPClassUID)
    result = []
    for study_uid, all_series in studies.items():
        study = Dataset()
        study.StudyInstanceUID = study_uid
        study.ReferencedSeriesSequence = Sequence([_series(uid, found) for uid, found in all_series.items()])
        result.append(study)
    return result


def _series(series_uid: str, instances: dict[str, str]) -> Dataset:
    series = Dataset()
    series.SeriesInstanceUID = series_uid
    items = []
    for uid, sop_class_uid in instances.items():
        item = Dataset()
        item.ReferencedSOPClassUID = sop_class_uid
        item.ReferencedSOPInstanceUID = uid
        items.append(item)
    series.ReferencedSOPSequence = Sequence(items)
    return series


def _schemes(dataset: Dataset, reader: Reader) -> None:
    """Our private coding schemes, declared (C.12.1.1)."""
    items = [_scheme(PRIVATE_SCHEME, PRIVATE_SCHEME_UID, "Universal Radiology Worklist")]
    if reader.code:
        items.append(_scheme(READER_SCHEME, READER_SCHEME_UID, "Readers of the reading group"))
    dataset.CodingSchemeIdentificationSequence = Sequence(items)


def _scheme(designator: str, uid: str, name: str) -> Dataset:
    item = Dataset()
    item.CodingSchemeDesignator = designator
    item.CodingSchemeUID = uid
    item.CodingSchemeName = name
    return item
