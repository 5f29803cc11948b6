"""Which parts of a workitem the table repeats beside the dataset, so that the database can search them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ups import dicom_json as dj
from ups.datetimes import datetime_from_dt, dt_from_datetime
from ups.dicom_json import DicomJson
from ups.tags import TAG_OF, VR_OF
from worklist_hub.access.policy import Row
from worklist_hub.workitem.listed import ROW_TAGS

Path = tuple[str, ...]
MODIFIED = "ScheduledProcedureStepModificationDateTime"
HOLDER: Path = (
    "UnifiedProcedureStepPerformedProcedureSequence",
    "ActualHumanPerformersSequence",
    "HumanPerformerCodeSequence",
    "CodeValue",
)
IDENTITY: Path = (*HOLDER[:2], "PersonIdentificationCodeSequence", "CodeValue")
RESERVED: Path = ("ScheduledHumanPerformersSequence", "HumanPerformerCodeSequence", "CodeValue")

COLUMN_OF: dict[Path, str] = {
    ("SOPInstanceUID",): "uid",
    ("ProcedureStepState",): "state",
    (MODIFIED,): "modified",
    ("ScheduledStationGeographicLocationCodeSequence", "CodeValue"): "site_id",
    ("ScheduledProcedureStepPriority",): "priority",
    ("InputReadinessState",): "readiness",
    ("ModalitiesInStudy",): "modality",
    ("ScheduledStationClassCodeSequence", "CodeValue"): "expertise",
    ("WorklistLabel",): "worklist_label",
    ("ProcedureStepLabel",): "step_label",
    ("BodyPartExamined",): "body_part",
    ("PatientID",): "patient_id",
    ("PatientName",): "patient_name",
    ("PatientBirthDate",): "birth_date",
    ("ReferencedRequestSequence", "AccessionNumber"): "accession_number",
    ("ScheduledProcedureStepStartDateTime",): "start_at",
    ("ExpectedCompletionDateTime",): "due_at",
    RESERVED: "reserved_for",
    HOLDER: "holder",
    IDENTITY: "holder_identity",
}
"""Attribute, from the outside in -> the column with its first value. `study_instance_uid` is apart: it also comes from
the request, where the workitem itself has none."""

ROW_COLUMNS = ("state", "site_id", "expertise", "holder", "reserved_for", "holder_identity")
"""What the policy asks of a row (`access.policy.Row`)."""
_PATH_OF = {column: path for path, column in COLUMN_OF.items()}
UNKNOWN = "?"
"""In `extras`: look into the dataset; the row is unlike others, or was written before there was this column."""
LIMITS = {
    "patient_id": 256,
    "priority": 16,
    "readiness": 16,
    "modality": 16,
    "expertise": 64,
    "body_part": 64,
    "birth_date": 16,
    "accession_number": 64,
    "reserved_for": 64,
    "holder": 64,
    "holder_identity": 64,
    "site_id": 64,
    "uid": 64,
    "state": 16,
    "modified": 32,
}
_DELIMITER = "\\"
_ESCAPED = json.dumps(_DELIMITER)[1:-1]
_OF_STUDY = {TAG_OF["StudyInstanceUID"], TAG_OF["ReferencedRequestSequence"]}


def columns_of(dataset: DicomJson) -> dict[str, Any]:
    """Every column that follows from the dataset, itself included."""
    made: dict[str, Any] = {}
    further: list[str] = []
    for path, column in COLUMN_OF.items():
        found = [comparable(path[-1], value) for value in values_at(dataset, path)]
        made[column] = clipped(column, found[0]) if found else ""
        further += [further_value(column, value) for value in found[1:] if value]
    request = dj.first_item(dataset, "ReferencedRequestSequence")
    study = dj.text(dataset, "StudyInstanceUID") or dj.text(request, "StudyInstanceUID")
    made["study_instance_uid"] = study[:64]
    made["further_values"] = "".join(further)
    text = text_of(dataset)
    return {**made, "dataset": text, "extras": _extras(dataset, text)}


def changed_columns(before: Mapping[str, Any], after: DicomJson) -> dict[str, Any]:
    """The columns that follow from what differs; all of them where an attribute of several values does."""
    tags = {tag for tag in {*before, *after} if before.get(tag) != after.get(tag)}
    made: dict[str, Any] = {}
    for path, column in COLUMN_OF.items():
        if TAG_OF[path[0]] not in tags:
            continue
        if len(values_at(before, path)) > 1 or len(found := values_at(after, path)) > 1:
            return columns_of(after)
        made[column] = clipped(column, comparable(path[-1], found[0])) if found else ""
    if not tags.isdisjoint(_OF_STUDY):
        return columns_of(after)
    text = text_of(after)
    return {**made, "dataset": text, "extras": _extras(after, text)}


def _extras(dataset: Mapping[str, Any], text: str) -> str:
    """The tags that a line of the list does not show, with commas, so that it is known without looking whether the text
    as it stands is the line; `UNKNOWN` where the columns say something else than what the policy would read."""
    if _ESCAPED in text:
        return UNKNOWN  # `further_values` could not be read back
    row = Row.of(dataset)
    state = row.state.value if dj.has(dataset, "ProcedureStepState") else ""
    read = (state, row.site_id, row.expertise, row.holder_code, row.reserved_code, row.holder_identity)
    for column, value in zip(ROW_COLUMNS, read, strict=True):
        found = values_at(dataset, _PATH_OF[column])
        if value != (clipped(column, comparable(_PATH_OF[column][-1], found[0])) if found else ""):
            return UNKNOWN
    return ",".join(sorted(tag for tag in dataset if tag not in ROW_TAGS))


def text_of(dataset: Mapping[str, Any]) -> str:
    """As it is stored."""
    return json.dumps(dataset, ensure_ascii=False, separators=(",", ":"))


def values_at(dataset: Mapping[str, Any], path: Path) -> list[str]:
    """The texts at the end of a path, of every item on the way."""
    keyword, *rest = path
    if not rest:
        return [value for value in dj.texts(dataset, keyword) if value]
    return [value for item in dj.items(dataset, keyword) for value in values_at(item, tuple(rest))]


def comparable(keyword: str, value: str) -> str:
    """As it is compared: names without case, moments in UTC (as they stand where they are none)."""
    vr = VR_OF[keyword]
    if vr == "PN":
        return value.casefold().replace("\0", "")
    if vr == "DT":
        try:
            return dt_from_datetime(datetime_from_dt(value))
        except (ValueError, OverflowError):
            return ""
    return value.replace("\0", "")


def clipped(column: str, value: str) -> str:
    """As long as the column is wide; a value that long is still compared with the dataset itself."""
    return value[: LIMITS[column]] if column in LIMITS else value


def further_value(column: str, value: str) -> str:
    """One entry of `further_values`."""
    return f"{_DELIMITER}{column}={value}{_DELIMITER}"
