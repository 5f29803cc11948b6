"""The workitem as a typed record (PS3.3 C.30, PS3.4 CC.2.5). Attributes it does not know are kept, untouched.

`from_json(d).to_json() == d`: only fields that were changed are written.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from ups import dicom_json as dj
from ups.codes import (
    INTERPRETATION_CODE,
    RESCHEDULED,
    RESCHEDULING_RECOMMENDED,
    STAT,
    STAT_SETTING,
    UNSPECIFIED_REASON,
    UPS_PUSH,
    Code,
    OtherId,
    Person,
)
from ups.dicom_json import DicomJson
from ups.states import ProcedureStepState
from ups.workitem_fields import READERS, WRITERS

__all__ = [
    "INTERPRETATION_CODE",
    "RESCHEDULED",
    "RESCHEDULING_RECOMMENDED",
    "STAT",
    "STAT_SETTING",
    "UNSPECIFIED_REASON",
    "UPS_PUSH",
    "Code",
    "OtherId",
    "Person",
    "Workitem",
]


@dataclass(frozen=True, slots=True)
class Workitem:
    """A study to read, as UPS. Dates and times are DICOM texts (DA, TM, DT): see `ups.datetimes`."""

    uid: str
    state: ProcedureStepState = ProcedureStepState.SCHEDULED
    readiness: str = ""
    """Input Readiness State: INCOMPLETE, UNAVAILABLE or READY."""
    priority: str = ""
    """HIGH, MEDIUM or LOW."""
    stat: bool = False
    setting: str = ""
    """STROKE, ROUTINE or empty: what it is read for, where that is not `stat`."""
    elsewhere: bool = False
    """Whether another hospital may read it, for it needs no priors."""
    remarks: tuple[Code, ...] = ()
    """What intake noticed about the study, such as `ups.codes.TWO_PATIENTS`."""
    worklist_label: str = ""
    label: str = ""
    """Procedure Step Label, type 1 on creation."""
    workitem_code: Code | None = None
    patient_name: str = ""
    patient_id: str = ""
    issuer_of_patient_id: str = ""
    other_patient_ids: tuple[OtherId, ...] = ()
    birth_date: str = ""
    sex: str = ""
    age: str = ""
    study_instance_uid: str = ""
    accession_number: str = ""
    issuer_of_accession_number: str = ""
    requested_procedure_description: str = ""
    clinical_question: str = ""
    modalities: tuple[str, ...] = ()
    study_description: str = ""
    body_part: str = ""
    study_date: str = ""
    study_time: str = ""
    images: int | None = None
    """Number of Study Related Instances, as last counted."""
    site_id: str = ""
    site_name: str = ""
    expertise: str = ""
    expertise_text: str = ""
    start: str = ""
    due: str = ""
    modified: str = ""
    """Scheduled Procedure Step Modification DateTime, server time."""
    reserved_for: Person | None = None
    holder: Person | None = None
    progress_percent: float | None = None
    progress_text: str = ""
    silent_since: str = ""
    """DT of the holder's last sign of life, where the hub says that the claim is stale; "" while it is not."""
    cancel_code: Code | None = None
    cancel_reason: str = ""
    replaces: str = ""
    """UID of the workitem that this one replaces."""
    attributes: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The whole dataset this was read from, or further attributes to send; fields above win over it."""

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Workitem:
        """Read a dataset. Raises `DatasetError`, also where UID or state is absent."""
        dataset = dj.check_dataset(data)
        try:
            return Workitem(attributes=copy.deepcopy(dataset), **_read_fields(dataset))
        except ValueError as error:
            raise dj.DatasetError(str(error)) from error

    def to_json(self) -> DicomJson:
        """The dataset: `attributes` with the fields that differ from it written in."""
        dataset = copy.deepcopy(dict(self.attributes))
        for name, write in WRITERS.items():
            value = getattr(self, name)
            present = READERS[name](dataset) if _is_readable(name, dataset) else _DEFAULTS[name]
            if value != present:
                write(dataset, value)
        if not dj.has(dataset, "SOPClassUID") and not self.attributes:
            dj.put(dataset, "SOPClassUID", UPS_PUSH)
        return dataset


def _read_fields(dataset: Mapping[str, Any]) -> dict[str, Any]:
    if not dj.text(dataset, "SOPInstanceUID"):
        raise dj.DatasetError("the workitem has no SOP Instance UID (0008,0018)")
    return {name: read(dataset) for name, read in READERS.items()}


def _is_readable(name: str, dataset: Mapping[str, Any]) -> bool:
    return name != "state" or dj.has(dataset, "ProcedureStepState")


_DEFAULTS: dict[str, Any] = {one.name: one.default for one in fields(Workitem)} | {"uid": "", "state": None}
