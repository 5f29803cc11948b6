"""The workitem that replaces a released one: the same content, SCHEDULED anew (PS3.17 GGG.3.1)."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from ups import dicom_json as dj
from ups.codes import UPS_PUSH, Person
from ups.dicom_json import DicomJson
from ups.identifiers import replacement_uid
from ups.states import ProcedureStepState

_NOT_COPIED = (
    "TransactionUID",
    "ScheduledProcedureStepModificationDateTime",
    "ProcedureStepProgressInformationSequence",
    "UnifiedProcedureStepPerformedProcedureSequence",
    "ScheduledHumanPerformersSequence",
    "ReplacedProcedureStepSequence",
)


def replacement_of(dataset: Mapping[str, Any], *, reserved_for: Person | None = None) -> DicomJson:
    """The dataset to create; its UID follows from the old one, so that doing it twice is harmless.

    A reservation for somebody other than the holder stays: the holder hands over by setting it before the release.
    """
    old_uid = dj.text(dataset, "SOPInstanceUID")
    made = copy.deepcopy(dict(dataset))
    dj.remove(made, *_NOT_COPIED)
    dj.put(made, "SOPClassUID", UPS_PUSH)
    dj.put(made, "SOPInstanceUID", replacement_uid(old_uid))
    dj.put(made, "ProcedureStepState", ProcedureStepState.SCHEDULED.value)
    reference = dj.make(ReferencedSOPClassUID=UPS_PUSH, ReferencedSOPInstanceUID=old_uid)
    dj.put_items(made, "ReplacedProcedureStepSequence", [reference])
    if reserved_for is None:
        reserved_for = _meant_for(dataset)
    if reserved_for is not None:
        dj.put_items(made, "ScheduledHumanPerformersSequence", [reserved_for.item()])
    return made


def _meant_for(dataset: Mapping[str, Any]) -> Person | None:
    item = dj.first_item(dataset, "ScheduledHumanPerformersSequence")
    performed = dj.first_item(dataset, "UnifiedProcedureStepPerformedProcedureSequence")
    holder = dj.first_item(performed, "ActualHumanPerformersSequence")
    if not item or not holder:
        return None
    meant, held = Person.of(item), Person.of(holder)
    return meant if meant.code and (meant.code, meant.scheme) != (held.code, held.scheme) else None
