"""What must be there before a final state: PS3.4 CC.2.5.1.1 and the Final State column of Table CC.2.5-3, as rows.

R = for both final states, P = for COMPLETED, RC = for COMPLETED where the condition holds. What X asks for (when and
why it was canceled) the hub writes itself. Output Information Sequence is P: a study without a report is not done.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ups import dicom_json as dj

_R = (
    "ScheduledProcedureStepPriority",
    "ScheduledProcedureStepModificationDateTime",
    "ProcedureStepLabel",
    "ScheduledProcedureStepStartDateTime",
    "InputReadinessState",
    "ProcedureStepState",
)
_P = (
    "PerformedProcedureStepStartDateTime",
    "PerformedProcedureStepEndDateTime",
    "PerformedStationNameCodeSequence",
    "PerformedWorkitemCodeSequence",
    "OutputInformationSequence",
)
_OUTPUT = ("TypeOfInstances", "StudyInstanceUID", "SeriesInstanceUID", "ReferencedSOPSequence")
_PERFORMED = "UnifiedProcedureStepPerformedProcedureSequence"


def missing_for_completion(dataset: Mapping[str, Any]) -> str:
    """The keyword of the first attribute that is needed and has no value; "" where nothing is missing."""
    for keyword in _R:
        if not dj.values(dataset, keyword):
            return keyword
    performed = dj.first_item(dataset, _PERFORMED)
    for keyword in _P:
        if not any(dj.values(performed, keyword)):
            return keyword
    for person in dj.items(performed, "ActualHumanPerformersSequence"):  # RC: where a human did it
        if not dj.items(person, "HumanPerformerCodeSequence") or not dj.text(person, "HumanPerformerName"):
            return "HumanPerformerName"
    return _missing_of_output(performed)


def _missing_of_output(performed: Mapping[str, Any]) -> str:
    for item in dj.items(performed, "OutputInformationSequence"):
        for keyword in _OUTPUT:
            if not any(dj.values(item, keyword)):
                return keyword
        for reference in dj.items(item, "ReferencedSOPSequence"):
            if not dj.text(reference, "ReferencedSOPClassUID") or not dj.text(reference, "ReferencedSOPInstanceUID"):
                return "ReferencedSOPInstanceUID"
    return ""
