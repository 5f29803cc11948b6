"""C-FIND in the Study Root (PS3.4 C): identifiers out, decoded answers in."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Any, Final

from pydicom import dcmread
from pydicom.dataset import Dataset
from pynetdicom.dsutils import decode, encode

from pacs.dimse import command as dimse
from pacs.dimse.association import Accepted, Association
from pacs.dimse.contexts import STUDY_ROOT_FIND
from pacs.elements import IMPLICIT_LITTLE
from pacs.errors import NotAuthorised, PacsError, ProtocolViolation, Refused
from pacs.metadata import PatientOfStudy
from pacs.port import InstanceAnswer, SeriesAnswer, StudyAnswer, StudyQuery
from pacs.reports import FLAG_KEYWORDS

PENDING: Final = (0xFF00, 0xFF01)
CANCELED: Final = 0xFE00
_C_CANCEL_RQ = 0x0FFF

_STUDY_KEYS = (
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "ModalitiesInStudy",
    "ReferringPhysicianName",
    "StudyDescription",
    "PatientName",
    "PatientID",
    "IssuerOfPatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyInstanceUID",
    "StudyID",
    "NumberOfStudyRelatedSeries",
    "NumberOfStudyRelatedInstances",
    "BodyPartExamined",
    "StationName",
    "InstitutionName",
)
_SERIES_KEYS = (
    "Modality",
    "SeriesInstanceUID",
    "SeriesNumber",
    "SeriesDescription",
    "BodyPartExamined",
    "NumberOfSeriesRelatedInstances",
)
_INSTANCE_KEYS = ("SOPClassUID", "SOPInstanceUID", "InstanceNumber", "NumberOfFrames")


def study_identifier(query: StudyQuery) -> Dataset:
    """The identifier of a STUDY level search."""
    identifier = _identifier("STUDY", _STUDY_KEYS)
    identifier.StudyInstanceUID = query.study_instance_uid
    identifier.PatientID = query.patient_id
    identifier.PatientName = query.patient_name
    identifier.PatientBirthDate = query.patient_birth_date
    identifier.StudyDate = query.study_date
    identifier.AccessionNumber = query.accession_number
    identifier.ModalitiesInStudy = query.modality
    other = Dataset()
    other.PatientID = other.IssuerOfPatientID = ""
    identifier.OtherPatientIDsSequence = [other]
    return identifier


def series_identifier(study_instance_uid: str) -> Dataset:
    """The identifier of a SERIES level search."""
    identifier = _identifier("SERIES", _SERIES_KEYS)
    identifier.StudyInstanceUID = study_instance_uid
    return identifier


def instance_identifier(study_instance_uid: str, series_instance_uid: str, sop_instance_uid: str = "") -> Dataset:
    """The identifier of an IMAGE level search."""
    identifier = _identifier("IMAGE", _INSTANCE_KEYS)
    identifier.StudyInstanceUID = study_instance_uid
    identifier.SeriesInstanceUID = series_instance_uid
    identifier.SOPInstanceUID = sop_instance_uid
    return identifier


def document_identifier(study_instance_uid: str, series_instance_uid: str) -> Dataset:
    """The identifier of an IMAGE level search in a series of documents, with their flags: an archive may open each
    object to answer them, so images are not asked for theirs."""
    identifier = instance_identifier(study_instance_uid, series_instance_uid)
    for keyword in FLAG_KEYWORDS:
        setattr(identifier, keyword, None)
    return identifier


def find(association: Association, identifier: Dataset, limit: int = 0) -> Iterator[Dataset]:
    """The answers, one by one. After `limit` answers (0 = all) the search is canceled at the peer.

    Raises `Refused`, `NotAuthorised`, and what an association raises.
    """
    context = association.need(STUDY_ROOT_FIND)
    message_id = association.next_message_id()
    request: dimse.Command = {
        dimse.AFFECTED_SOP_CLASS: STUDY_ROOT_FIND,
        dimse.COMMAND_FIELD: dimse.C_FIND_RQ,
        dimse.MESSAGE_ID: message_id,
        dimse.PRIORITY: 0,
        dimse.DATA_SET_TYPE: dimse.HAS_DATA_SET,
    }
    association.send(context.context_id, request, encode_identifier(identifier, context))
    count = 0
    while True:
        message = association.receive()
        if dimse.number(message.command, dimse.COMMAND_FIELD) != dimse.C_FIND_RSP:
            raise ProtocolViolation("an unexpected DIMSE message during a search")
        status = dimse.number(message.command, dimse.STATUS, 0xC000)
        if status in PENDING:
            count += 1
            if message.data is not None and (not limit or count <= limit):
                yield decode_identifier(message.data, context)
            if limit and count == limit:
                association.send(context.context_id, _cancel(message_id))
            continue
        if status != 0 and status != CANCELED:
            raise failure(status, dimse.text(message.command, dimse.ERROR_COMMENT))
        return


def failure(status: int, comment: str = "") -> PacsError:
    """The typed error for a failure status of C-FIND, C-GET or C-MOVE."""
    kind = NotAuthorised if status == 0x0124 else Refused
    return kind(f"the PACS answered with status {status:04X}H {comment}".rstrip(), status=status)


def encode_identifier(identifier: Dataset, context: Accepted) -> bytes:
    """The identifier in the transfer syntax of the context."""
    data: bytes | None = encode(identifier, context.transfer_syntax == IMPLICIT_LITTLE, True)
    if data is None:
        raise ProtocolViolation("a search that cannot be encoded")
    return data


def decode_identifier(data: bytes, context: Accepted) -> Dataset:
    """An answer, texts decoded by its Specific Character Set. Raises `ProtocolViolation`."""
    try:
        answer = decode(BytesIO(data), context.transfer_syntax == IMPLICIT_LITTLE, True)
        answer.decode()
    except Exception as error:  # pydicom raises nearly anything for damaged data
        raise ProtocolViolation("a search answer that cannot be read") from error
    return answer


def study_answer(answer: Dataset) -> StudyAnswer:
    """A STUDY level answer as a record."""
    return StudyAnswer(
        study_instance_uid=text(answer, "StudyInstanceUID"),
        patient_name=text(answer, "PatientName"),
        patient_id=text(answer, "PatientID"),
        issuer_of_patient_id=text(answer, "IssuerOfPatientID"),
        patient_birth_date=text(answer, "PatientBirthDate"),
        patient_sex=text(answer, "PatientSex"),
        other_patient_ids=other_ids(answer),
        study_date=text(answer, "StudyDate"),
        study_time=text(answer, "StudyTime"),
        accession_number=text(answer, "AccessionNumber"),
        study_description=text(answer, "StudyDescription"),
        study_id=text(answer, "StudyID"),
        referring_physician_name=text(answer, "ReferringPhysicianName"),
        modalities=texts(answer, "ModalitiesInStudy"),
        body_parts=texts(answer, "BodyPartExamined"),
        station_name=text(answer, "StationName"),
        institution_name=text(answer, "InstitutionName"),
        number_of_series=whole(answer, "NumberOfStudyRelatedSeries"),
        number_of_instances=whole(answer, "NumberOfStudyRelatedInstances"),
    )


def series_answer(answer: Dataset) -> SeriesAnswer:
    """A SERIES level answer as a record."""
    return SeriesAnswer(
        series_instance_uid=text(answer, "SeriesInstanceUID"),
        modality=text(answer, "Modality"),
        series_number=whole(answer, "SeriesNumber"),
        series_description=text(answer, "SeriesDescription"),
        body_part=text(answer, "BodyPartExamined"),
        number_of_instances=whole(answer, "NumberOfSeriesRelatedInstances"),
    )


def instance_answer(answer: Dataset, series_instance_uid: str) -> InstanceAnswer:
    """An IMAGE level answer as a record."""
    return InstanceAnswer(
        sop_instance_uid=text(answer, "SOPInstanceUID"),
        sop_class_uid=text(answer, "SOPClassUID"),
        series_instance_uid=text(answer, "SeriesInstanceUID") or series_instance_uid,
        instance_number=whole(answer, "InstanceNumber"),
        number_of_frames=whole(answer, "NumberOfFrames"),
    )


def read_patient(path: str) -> PatientOfStudy:
    """The patient in a stored object. Raises `ProtocolViolation`."""
    try:
        dataset = dcmread(path, stop_before_pixels=True)
        dataset.decode()
    except Exception as error:  # pydicom raises nearly anything for damaged data
        raise ProtocolViolation("an object that cannot be read") from error
    return PatientOfStudy(
        study_instance_uid=text(dataset, "StudyInstanceUID"),
        patient_name=text(dataset, "PatientName"),
        patient_birth_date=text(dataset, "PatientBirthDate"),
        patient_sex=text(dataset, "PatientSex"),
        patient_id=text(dataset, "PatientID"),
        issuer_of_patient_id=text(dataset, "IssuerOfPatientID"),
        other_patient_ids=other_ids(dataset),
        accession_number=text(dataset, "AccessionNumber"),
    )


def text(answer: Dataset, keyword: str) -> str:
    """One value as decoded text without padding; several are joined by a backslash, as DICOM writes them."""
    return "\\".join(texts(answer, keyword))


def texts(answer: Dataset, keyword: str) -> tuple[str, ...]:
    """All values as decoded texts without padding."""
    value: Any = answer.get(keyword)
    if value is None or value == "":
        return ()
    values = value if isinstance(value, (list, tuple)) or hasattr(value, "append") else [value]
    return tuple(stripped for stripped in (str(item).strip("\0 ") for item in values) if stripped)


def whole(answer: Dataset, keyword: str) -> int | None:
    """An integer string, or None where it is absent or no number."""
    try:
        return int(text(answer, keyword))
    except ValueError:
        return None


def other_ids(answer: Dataset) -> tuple[tuple[str, str], ...]:
    """(id, issuer) of each item of Other Patient IDs Sequence; the issuer may be a universal entity ID."""
    pairs = []
    for item in answer.get("OtherPatientIDsSequence") or ():
        issuer = text(item, "IssuerOfPatientID")
        for qualifier in item.get("IssuerOfPatientIDQualifiersSequence") or ():
            issuer = text(qualifier, "UniversalEntityID") or issuer
        if text(item, "PatientID"):
            pairs.append((text(item, "PatientID"), issuer))
    return tuple(pairs)


def _identifier(level: str, keywords: tuple[str, ...]) -> Dataset:
    identifier = Dataset()
    identifier.SpecificCharacterSet = "ISO_IR 192"
    identifier.QueryRetrieveLevel = level
    for keyword in keywords:
        setattr(identifier, keyword, None)
    return identifier


def _cancel(message_id: int) -> dict[int, int | str]:
    return {
        dimse.COMMAND_FIELD: _C_CANCEL_RQ,
        dimse.MESSAGE_ID_RESPONDED_TO: message_id,
        dimse.DATA_SET_TYPE: dimse.NO_DATA_SET,
    }
