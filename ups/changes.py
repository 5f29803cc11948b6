"""What a performer writes into a claimed workitem, as DICOM JSON for `UpsClient.update`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from ups import dicom_json as dj
from ups.codes import SITE_SCHEME, Code, Person
from ups.datetimes import dt_from_datetime
from ups.dicom_json import DicomJson

FENCED_PERCENT = 100.0
FENCED_TEXT = "signed, delivering"
STARTED_PERCENT = 1.0
STARTED_TEXT = "reporting"
KEPT_TEXT = "asked to let go, goes on reading"
"""The answer of a holder who was asked for the study, and keeps it."""
FIXED_TEXTS = frozenset({FENCED_TEXT, STARTED_TEXT, KEPT_TEXT})
"""Words of ours, which hold nothing of a patient: anybody who sees the line may see them."""


def progress(
    percent: float | None = None,
    text: str = "",
    *,
    reason: str = "",
    code: Code | None = None,
    contact_name: str = "",
    contact_uri: str = "",
) -> DicomJson:
    """Progress information; `reason` and `code` say why it will be cancelled."""
    item: DicomJson = {}
    if percent is not None:
        dj.put(item, "ProcedureStepProgress", percent)
    if text:
        dj.put(item, "ProcedureStepProgressDescription", text)
    if reason:
        dj.put(item, "ReasonForCancellation", reason)
    if code is not None:
        dj.put_items(item, "ProcedureStepDiscontinuationReasonCodeSequence", [code.item()])
    if contact_name or contact_uri:
        contact = dj.make(ContactURI=contact_uri, ContactDisplayName=contact_name)
        dj.put_items(item, "ProcedureStepCommunicationsURISequence", [contact])
    changes: DicomJson = {}
    dj.put_items(changes, "ProcedureStepProgressInformationSequence", [item])
    return changes


def fence() -> DicomJson:
    """Progress 100, "signed, delivering": from here on nobody takes the report over."""
    return progress(FENCED_PERCENT, FENCED_TEXT)


def started() -> DicomJson:
    """Progress 1, "reporting": there is text now, so the claim is never released by itself."""
    return progress(STARTED_PERCENT, STARTED_TEXT)


def performer(person: Person, start: datetime) -> DicomJson:
    """Who performs it, since when; for servers that do not write this themselves."""
    item = dj.make(PerformedProcedureStepStartDateTime=dt_from_datetime(start))
    dj.put_items(item, "ActualHumanPerformersSequence", [person.item()])
    changes: DicomJson = {}
    dj.put_items(changes, "UnifiedProcedureStepPerformedProcedureSequence", [item])
    return changes


def reservation(person: Person | None) -> DicomJson:
    """Reserve a SCHEDULED workitem for somebody, or for nobody."""
    changes: DicomJson = {}
    dj.put_items(changes, "ScheduledHumanPerformersSequence", [person.item()] if person else [])
    return changes


def output(study_instance_uid: str, series_instance_uid: str, references: Iterable[tuple[str, str]]) -> DicomJson:
    """One item of Output Information Sequence; `references` are (SOP class, SOP instance) UIDs."""
    made = [dj.make(ReferencedSOPClassUID=one, ReferencedSOPInstanceUID=other) for one, other in references]
    item = dj.make(TypeOfInstances="DICOM", StudyInstanceUID=study_instance_uid, SeriesInstanceUID=series_instance_uid)
    dj.put_items(item, "ReferencedSOPSequence", made)
    return item


def performed(
    outputs: Iterable[DicomJson],
    *,
    person: Person,
    start: datetime,
    end: datetime,
    station: Code | None = None,
    workitem_code: Code | None = None,
) -> DicomJson:
    """Everything that the final state COMPLETED asks for (PS3.4 CC.2.5.1.1)."""
    item = dj.make(
        PerformedProcedureStepStartDateTime=dt_from_datetime(start),
        PerformedProcedureStepEndDateTime=dt_from_datetime(end),
    )
    dj.put_items(item, "ActualHumanPerformersSequence", [person.item()])
    desk = station or Code("DESK", SITE_SCHEME, "Reading desk")
    dj.put_items(item, "PerformedStationNameCodeSequence", [desk.item()])
    code = workitem_code or Code("110005", "DCM", "Interpretation")
    dj.put_items(item, "PerformedWorkitemCodeSequence", [code.item()])
    dj.put_items(item, "OutputInformationSequence", outputs)
    changes: DicomJson = {}
    dj.put_items(changes, "UnifiedProcedureStepPerformedProcedureSequence", [item])
    return changes
