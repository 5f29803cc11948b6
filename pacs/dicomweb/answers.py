"""DICOM JSON (PS3.18 F) answers as records. Texts are UTF-8 already; padding is stripped."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pacs.errors import ProtocolViolation
from pacs.metadata import PatientOfStudy
from pacs.port import InstanceAnswer, SeriesAnswer, StudyAnswer
from pacs.reports import Flags

Dicom = Mapping[str, Any]
FLAG_TAGS = ("0040A491", "0040A493", "0040A496")
"""Of `pacs.reports.FLAG_KEYWORDS`."""


def datasets(body: bytes) -> list[Dicom]:
    """The data sets of an answer. Raises `ProtocolViolation` where it is no DICOM JSON."""
    if not body.strip():
        return []
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ProtocolViolation("an answer that is no JSON") from error
    if isinstance(parsed, dict):
        parsed = [parsed]
    if not isinstance(parsed, list) or not all(isinstance(item, dict) for item in parsed):
        raise ProtocolViolation("an answer that is no DICOM JSON")
    return parsed


def texts(dataset: Dicom, tag: str) -> tuple[str, ...]:
    """All values of an element as texts; the component groups of a name are joined by `=`."""
    element = dataset.get(tag)
    values = element.get("Value") if isinstance(element, dict) else None
    found = []
    for value in values if isinstance(values, list) else ():
        if isinstance(value, dict):
            groups = [str(value.get(name) or "") for name in ("Alphabetic", "Ideographic", "Phonetic")]
            value = "=".join(groups).rstrip("=")
        stripped = "" if value is None else _writable(str(value)).strip("\0 ")
        if stripped:
            found.append(stripped)
    return tuple(found)


def _writable(text: str) -> str:
    """Halves of surrogate pairs, which JSON can name and no file can hold, become U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def text(dataset: Dicom, tag: str) -> str:
    """The value of an element as text; several are joined by a backslash, as DICOM writes them."""
    return "\\".join(texts(dataset, tag))


def whole(dataset: Dicom, tag: str) -> int | None:
    """A whole number, or None where it is absent or none."""
    try:
        return int(float(text(dataset, tag)))
    except (ValueError, OverflowError):
        return None


def items(dataset: Dicom, tag: str) -> list[Dicom]:
    """The items of a sequence."""
    element = dataset.get(tag)
    values = element.get("Value") if isinstance(element, dict) else None
    return [item for item in values if isinstance(item, dict)] if isinstance(values, list) else []


def other_ids(dataset: Dicom) -> tuple[tuple[str, str], ...]:
    """(id, issuer) of each item of Other Patient IDs Sequence; the issuer may be a universal entity ID."""
    pairs = []
    for item in items(dataset, "00101002"):
        issuer = text(item, "00100021")
        for qualifier in items(item, "00100024"):
            issuer = text(qualifier, "00400032") or issuer
        if text(item, "00100020"):
            pairs.append((text(item, "00100020"), issuer))
    return tuple(pairs)


def study_answer(dataset: Dicom) -> StudyAnswer:
    """A study level answer."""
    return StudyAnswer(
        study_instance_uid=text(dataset, "0020000D"),
        patient_name=text(dataset, "00100010"),
        patient_id=text(dataset, "00100020"),
        issuer_of_patient_id=text(dataset, "00100021"),
        patient_birth_date=text(dataset, "00100030"),
        patient_sex=text(dataset, "00100040"),
        other_patient_ids=other_ids(dataset),
        study_date=text(dataset, "00080020"),
        study_time=text(dataset, "00080030"),
        accession_number=text(dataset, "00080050"),
        study_description=text(dataset, "00081030"),
        study_id=text(dataset, "00200010"),
        referring_physician_name=text(dataset, "00080090"),
        modalities=texts(dataset, "00080061"),
        body_parts=texts(dataset, "00180015"),
        station_name=text(dataset, "00081010"),
        institution_name=text(dataset, "00080080"),
        number_of_series=whole(dataset, "00201206"),
        number_of_instances=whole(dataset, "00201208"),
    )


def series_answer(dataset: Dicom) -> SeriesAnswer:
    """A series level answer."""
    return SeriesAnswer(
        series_instance_uid=text(dataset, "0020000E"),
        modality=text(dataset, "00080060"),
        series_number=whole(dataset, "00200011"),
        series_description=text(dataset, "0008103E"),
        body_part=text(dataset, "00180015"),
        number_of_instances=whole(dataset, "00201209"),
    )


def instance_answer(dataset: Dicom, series_instance_uid: str = "") -> InstanceAnswer:
    """An instance level answer."""
    return InstanceAnswer(
        sop_instance_uid=text(dataset, "00080018"),
        sop_class_uid=text(dataset, "00080016"),
        series_instance_uid=text(dataset, "0020000E") or series_instance_uid,
        instance_number=whole(dataset, "00200013"),
        number_of_frames=whole(dataset, "00280008"),
    )


def flags(dataset: Dicom) -> Flags:
    """What a document says of itself."""
    return Flags(*(text(dataset, tag) for tag in FLAG_TAGS))


def patient(dataset: Dicom) -> PatientOfStudy:
    """The patient in the metadata of an instance."""
    return PatientOfStudy(
        study_instance_uid=text(dataset, "0020000D"),
        patient_name=text(dataset, "00100010"),
        patient_birth_date=text(dataset, "00100030"),
        patient_sex=text(dataset, "00100040"),
        patient_id=text(dataset, "00100020"),
        issuer_of_patient_id=text(dataset, "00100021"),
        other_patient_ids=other_ids(dataset),
        accession_number=text(dataset, "00080050"),
    )
