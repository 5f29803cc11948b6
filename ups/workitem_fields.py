"""Where each field of a `Workitem` stands in the dataset: one reader and one writer a field."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ups import dicom_json as dj
from ups.codes import (
    ELIGIBLE,
    ELSEWHERE,
    NO_CONTACT_SINCE,
    REMARK,
    ROUTINE,
    SITE_SCHEME,
    STAT,
    STAT_SETTING,
    STROKE,
    UPS_PUSH,
    Code,
    OtherId,
    Person,
)
from ups.dicom_json import DicomJson
from ups.states import ProcedureStepState

Reader = Callable[[Mapping[str, Any]], Any]
Writer = Callable[[DicomJson, Any], None]

_PARAMETERS = "ScheduledProcessingParametersSequence"
READERS: dict[str, Reader] = {}
WRITERS: dict[str, Writer] = {}


def _item_for_writing(dataset: DicomJson, sequence: str) -> DicomJson:
    """The first item of a sequence, made where it is absent."""
    found = dj.items(dataset, sequence)
    if not found:
        found = ({},)
        dj.put_items(dataset, sequence, found)
    return found[0]


def _parent(dataset: Mapping[str, Any], path: tuple[str, ...]) -> Mapping[str, Any]:
    for keyword in path:
        dataset = dj.first_item(dataset, keyword)
    return dataset


def _writable_parent(dataset: DicomJson, path: tuple[str, ...]) -> DicomJson:
    for keyword in path:
        dataset = _item_for_writing(dataset, keyword)
    return dataset


def _bind_text(name: str, *paths: str) -> None:
    """A text at one or several places: the first that is filled is read, all are written."""
    split = [tuple(path.split(" > ")) for path in paths]

    def read(dataset: Mapping[str, Any]) -> str:
        found = (dj.text(_parent(dataset, path[:-1]), path[-1]) for path in split)
        return next((value for value in found if value), "")

    def write(dataset: DicomJson, value: str) -> None:
        for path in split:
            dj.put(_writable_parent(dataset, path[:-1]), path[-1], value)

    READERS[name], WRITERS[name] = read, write


def _bind_number(name: str, path: str, kind: Callable[[float], Any]) -> None:
    *above, keyword = path.split(" > ")

    def read(dataset: Mapping[str, Any]) -> Any:
        found = dj.text(_parent(dataset, tuple(above)), keyword)
        try:
            return kind(float(found)) if found else None
        except (ValueError, OverflowError):
            return None

    def write(dataset: DicomJson, value: Any) -> None:
        dj.put(_writable_parent(dataset, tuple(above)), keyword, value)

    READERS[name], WRITERS[name] = read, write


def _bind_record(name: str, path: str, of: Callable[[Mapping[str, Any]], Any]) -> None:
    """A `Code` or a `Person` in the first item of a sequence; None writes an empty sequence."""
    *above, keyword = path.split(" > ")

    def read(dataset: Mapping[str, Any]) -> Any:
        item = dj.first_item(_parent(dataset, tuple(above)), keyword)
        return of(item) if item else None

    def write(dataset: DicomJson, value: Any) -> None:
        dj.put_items(_writable_parent(dataset, tuple(above)), keyword, [] if value is None else [value.item()])

    READERS[name], WRITERS[name] = read, write


def _bind_code_text(name: str, keyword: str, part: str, scheme: str) -> None:
    """One part (CodeValue or CodeMeaning) of the code in the first item of a sequence."""

    def read(dataset: Mapping[str, Any]) -> str:
        return dj.text(dj.first_item(dataset, keyword), part)

    def write(dataset: DicomJson, value: str) -> None:
        item = _item_for_writing(dataset, keyword)
        dj.put(item, part, value)
        if not dj.text(item, "CodingSchemeDesignator"):
            dj.put(item, "CodingSchemeDesignator", scheme)

    READERS[name], WRITERS[name] = read, write


def _read_state(dataset: Mapping[str, Any]) -> ProcedureStepState:
    return ProcedureStepState(dj.text(dataset, "ProcedureStepState"))


def _write_modalities(dataset: DicomJson, value: tuple[str, ...]) -> None:
    dj.put(dataset, "ModalitiesInStudy", *value)


def _read_other_ids(dataset: Mapping[str, Any]) -> tuple[OtherId, ...]:
    found = []
    for item in dj.items(dataset, "OtherPatientIDsSequence"):
        qualifiers = dj.first_item(item, "IssuerOfPatientIDQualifiersSequence")
        issuer = dj.text(item, "IssuerOfPatientID") or dj.text(qualifiers, "UniversalEntityID")
        found.append(OtherId(dj.text(item, "PatientID"), issuer))
    return tuple(found)


def _write_other_ids(dataset: DicomJson, value: tuple[OtherId, ...]) -> None:
    made = (dj.make(PatientID=one.patient_id, IssuerOfPatientID=one.issuer) for one in value)
    dj.put_items(dataset, "OtherPatientIDsSequence", made)


def _is_named(item: Mapping[str, Any], name: Code) -> bool:
    found = Code.of(dj.first_item(item, "ConceptNameCodeSequence"))
    return (found.value, found.scheme) == (name.value, name.scheme)


def _parameter(name: Code, code: Code) -> DicomJson:
    """An item of Scheduled Processing Parameters Sequence."""
    item = dj.make(ValueType="CODE")
    dj.put_items(item, "ConceptNameCodeSequence", [name.item()])
    dj.put_items(item, "ConceptCodeSequence", [code.item()])
    return item


def _is_silence(item: Mapping[str, Any]) -> bool:
    name = Code.of(dj.first_item(item, "ConceptNameCodeSequence"))
    return (name.value, name.scheme) == (NO_CONTACT_SINCE.value, NO_CONTACT_SINCE.scheme)


def _read_silent_since(dataset: Mapping[str, Any]) -> str:
    progress = dj.first_item(dataset, "ProcedureStepProgressInformationSequence")
    found = [item for item in dj.items(progress, "ProcedureStepProgressParametersSequence") if _is_silence(item)]
    return dj.text(found[0], "DateTime") if found else ""


def _write_silent_since(dataset: DicomJson, value: str) -> None:
    """Write the mark, or take it away, and with it a sequence that held nothing else."""
    if not value and not dj.items(dataset, "ProcedureStepProgressInformationSequence"):
        return
    progress = _item_for_writing(dataset, "ProcedureStepProgressInformationSequence")
    kept = [item for item in dj.items(progress, "ProcedureStepProgressParametersSequence") if not _is_silence(item)]
    if value:
        mark = dj.make(ValueType="DATETIME", DateTime=value)
        dj.put_items(mark, "ConceptNameCodeSequence", [NO_CONTACT_SINCE.item()])
        kept.append(mark)
    if kept:
        dj.put_items(progress, "ProcedureStepProgressParametersSequence", kept)
        return
    dj.remove(progress, "ProcedureStepProgressParametersSequence")
    if not progress:
        dj.remove(dataset, "ProcedureStepProgressInformationSequence")


def _code(item: Mapping[str, Any]) -> Code:
    return Code.of(dj.first_item(item, "ConceptCodeSequence"))


def _is(item: Mapping[str, Any], name: Code, code: Code) -> bool:
    found = _code(item)
    return _is_named(item, name) and (found.value, found.scheme) == (code.value, code.scheme)


def _bind_flag(field: str, name: Code, code: Code) -> None:
    """True where this processing parameter has this value."""

    def read(dataset: Mapping[str, Any]) -> bool:
        return any(_is(item, name, code) for item in dj.items(dataset, _PARAMETERS))

    def write(dataset: DicomJson, value: bool) -> None:
        kept = [item for item in dj.items(dataset, _PARAMETERS) if not _is(item, name, code)]
        dj.put_items(dataset, _PARAMETERS, [*kept, _parameter(name, code)] if value else kept)

    READERS[field], WRITERS[field] = read, write


def _setting_of(item: Mapping[str, Any]) -> str:
    return next((code.value for code in (STROKE, ROUTINE) if _is(item, STAT_SETTING, code)), "")


def _read_setting(dataset: Mapping[str, Any]) -> str:
    return next((found for item in dj.items(dataset, _PARAMETERS) if (found := _setting_of(item))), "")


def _write_setting(dataset: DicomJson, value: str) -> None:
    kept = [item for item in dj.items(dataset, _PARAMETERS) if not _setting_of(item)]
    made = [_parameter(STAT_SETTING, code) for code in (STROKE, ROUTINE) if code.value == value]
    dj.put_items(dataset, _PARAMETERS, [*kept, *made])


def _read_remarks(dataset: Mapping[str, Any]) -> tuple[Code, ...]:
    return tuple(_code(item) for item in dj.items(dataset, _PARAMETERS) if _is_named(item, REMARK))


def _write_remarks(dataset: DicomJson, value: tuple[Code, ...]) -> None:
    items = dj.items(dataset, _PARAMETERS)
    kept = [item for item in items if not _is_named(item, REMARK)]
    made = [_parameter(REMARK, code) for code in value]
    dj.put_items(dataset, _PARAMETERS, [*kept, *made])


def _write_replaces(dataset: DicomJson, value: str) -> None:
    made = [dj.make(ReferencedSOPClassUID=UPS_PUSH, ReferencedSOPInstanceUID=value)] if value else []
    dj.put_items(dataset, "ReplacedProcedureStepSequence", made)


def _bind_all() -> None:
    request, progress = "ReferencedRequestSequence > ", "ProcedureStepProgressInformationSequence > "
    _bind_text("uid", "SOPInstanceUID")
    READERS["state"] = _read_state
    WRITERS["state"] = lambda dataset, value: dj.put(dataset, "ProcedureStepState", str(value))
    READERS["silent_since"], WRITERS["silent_since"] = _read_silent_since, _write_silent_since
    _bind_flag("stat", STAT_SETTING, STAT)
    _bind_flag("elsewhere", ELSEWHERE, ELIGIBLE)
    READERS["setting"], WRITERS["setting"] = _read_setting, _write_setting
    READERS["remarks"], WRITERS["remarks"] = _read_remarks, _write_remarks
    READERS["other_patient_ids"], WRITERS["other_patient_ids"] = _read_other_ids, _write_other_ids
    READERS["modalities"] = lambda dataset: dj.texts(dataset, "ModalitiesInStudy")
    WRITERS["modalities"] = _write_modalities
    _bind_text("study_instance_uid", "StudyInstanceUID", f"{request}StudyInstanceUID")
    _bind_text("accession_number", f"{request}AccessionNumber")
    _bind_text("requested_procedure_description", f"{request}RequestedProcedureDescription")
    _bind_text("clinical_question", f"{request}ReasonForTheRequestedProcedure")
    _bind_text("issuer_of_accession_number", f"{request}IssuerOfAccessionNumberSequence > LocalNamespaceEntityID")
    for name, keyword in _TOP_LEVEL.items():
        _bind_text(name, keyword)
    _bind_number("images", "NumberOfStudyRelatedInstances", int)
    _bind_number("progress_percent", f"{progress}ProcedureStepProgress", float)
    _bind_text("progress_text", f"{progress}ProcedureStepProgressDescription")
    _bind_text("cancel_reason", f"{progress}ReasonForCancellation")
    _bind_record("cancel_code", f"{progress}ProcedureStepDiscontinuationReasonCodeSequence", Code.of)
    _bind_record("workitem_code", "ScheduledWorkitemCodeSequence", Code.of)
    _bind_record("reserved_for", "ScheduledHumanPerformersSequence", Person.of)
    performed = "UnifiedProcedureStepPerformedProcedureSequence > ActualHumanPerformersSequence"
    _bind_record("holder", performed, Person.of)
    site, station = "ScheduledStationGeographicLocationCodeSequence", "ScheduledStationClassCodeSequence"
    _bind_code_text("site_id", site, "CodeValue", SITE_SCHEME)
    _bind_code_text("site_name", site, "CodeMeaning", SITE_SCHEME)
    _bind_code_text("expertise", station, "CodeValue", SITE_SCHEME)
    _bind_code_text("expertise_text", station, "CodeMeaning", SITE_SCHEME)
    _bind_text("replaces", "ReplacedProcedureStepSequence > ReferencedSOPInstanceUID")
    WRITERS["replaces"] = _write_replaces


_TOP_LEVEL = {
    "readiness": "InputReadinessState",
    "priority": "ScheduledProcedureStepPriority",
    "worklist_label": "WorklistLabel",
    "label": "ProcedureStepLabel",
    "patient_name": "PatientName",
    "patient_id": "PatientID",
    "issuer_of_patient_id": "IssuerOfPatientID",
    "birth_date": "PatientBirthDate",
    "sex": "PatientSex",
    "age": "PatientAge",
    "study_description": "StudyDescription",
    "body_part": "BodyPartExamined",
    "study_date": "StudyDate",
    "study_time": "StudyTime",
    "start": "ScheduledProcedureStepStartDateTime",
    "due": "ExpectedCompletionDateTime",
    "modified": "ScheduledProcedureStepModificationDateTime",
}

_bind_all()
