"""What a caller is shown of a workitem, alike in search, retrieve and events."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol

from ups import dicom_json as dj
from ups.changes import FIXED_TEXTS
from ups.dicom_json import DicomJson
from ups.tags import TAG_OF
from worklist_hub.access.policy import SHOWN_KEYWORDS, Action, Row, may, shows_details
from worklist_hub.workitem.protocol import Caller

_PROGRESS = "ProcedureStepProgressInformationSequence"
_DESCRIPTION = "ProcedureStepProgressDescription"
_PERFORMED = "UnifiedProcedureStepPerformedProcedureSequence"
_CANCEL_REQUESTED = 2
_HEAD = ("AffectedSOPClassUID", "AffectedSOPInstanceUID", "EventTypeID")
_SHOWN = frozenset(TAG_OF[keyword] for keyword in SHOWN_KEYWORDS)
_SHOWN_OF_EVENT = _SHOWN | {TAG_OF[keyword] for keyword in (*_HEAD, "HumanPerformerCodeSequence")}


class Line(Protocol):
    """One workitem that a search found (`store.lines`)."""

    text: str
    row: Row

    @property
    def dataset(self) -> DicomJson:
        """Parsed where somebody asks."""
        ...

    def is_answer(self, tags: frozenset[str] | None) -> bool:
        """Whether `text` holds nothing but these attributes."""
        ...


def shown(caller: Caller, dataset: DicomJson) -> DicomJson | None:
    """The workitem as this caller may see it; None where it does not exist for him. The argument is not changed."""
    if caller.is_trusted:
        return dataset
    row = Row.of(dataset)
    if not may(caller, Action.SEE, row):
        return None
    return dataset if shows_details(caller, row) else reduced(dataset)


def shown_line(caller: Caller, line: Line, tags: frozenset[str] | None) -> str | None:
    """`shown` as the JSON of these attributes (None = all); None where it does not exist for him."""
    seen: Mapping[str, Any] = {}
    if not caller.is_trusted:
        if not may(caller, Action.SEE, line.row):
            return None
        if not shows_details(caller, line.row):
            seen = reduced(line.dataset)
    if not seen:
        if line.is_answer(tags):
            return line.text
        seen = line.dataset
    kept = seen if tags is None else {tag: element for tag, element in seen.items() if tag in tags}
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":"))


def event_for(caller: Caller, event: DicomJson) -> DicomJson | None:
    """An event on its way to this caller's channel; None where he is not told."""
    if caller.is_trusted:
        return event
    row = Row.of(event)
    if not may(caller, Action.SEE, row):
        return None
    if shows_details(caller, row):
        return event
    if int(dj.number(event, "EventTypeID")) == _CANCEL_REQUESTED:
        return None  # who asks and why is for the holder
    return reduced(event, _SHOWN_OF_EVENT)


def reduced(dataset: Mapping[str, Any], tags: frozenset[str] = _SHOWN) -> DicomJson:
    """What the line of the list needs: no numbers of the patient, no question, no addresses, no results."""
    made: DicomJson = {tag: element for tag, element in dataset.items() if tag in tags}
    if not dj.text(made, "StudyInstanceUID"):
        study = dj.text(dj.first_item(dataset, "ReferencedRequestSequence"), "StudyInstanceUID")
        if study:
            dj.put(made, "StudyInstanceUID", study)
    if not dj.text(made, "PatientAge") and (age := _age(dataset)):
        dj.put(made, "PatientAge", age)  # the line shows the age; the date of birth would identify
    kept = [
        "ProcedureStepProgress",
        "ProcedureStepDiscontinuationReasonCodeSequence",
        "ProcedureStepProgressParametersSequence",  # since when its holder has been silent
    ]
    if dj.text(dj.first_item(dataset, _PROGRESS), _DESCRIPTION) in FIXED_TEXTS:
        kept.append(_DESCRIPTION)  # whoever asked for the study is told that its holder keeps it
    _keep_parts(made, dataset, _PROGRESS, kept)
    _keep_parts(made, dataset, _PERFORMED, ["ActualHumanPerformersSequence"])
    return made


def _keep_parts(made: DicomJson, dataset: Mapping[str, Any], sequence: str, keywords: list[str]) -> None:
    item = dj.first_item(dataset, sequence)
    kept = {TAG_OF[keyword]: item[TAG_OF[keyword]] for keyword in keywords if TAG_OF[keyword] in item}
    if kept:
        dj.put_items(made, sequence, [kept])


def _age(dataset: Mapping[str, Any]) -> str:
    """Years at the study, as AS; "" where it cannot be said."""
    birth, study = dj.text(dataset, "PatientBirthDate"), dj.text(dataset, "StudyDate")
    if not (len(birth) == len(study) == 8 and (birth + study).isdigit() and birth <= study):
        return ""
    return f"{min(int(study[:4]) - int(birth[:4]) - (study[4:] < birth[4:]), 999):03d}Y"
