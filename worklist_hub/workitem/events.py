"""The events that a change raises (PS3.4 CC.2.4.3). Each carries the row besides, so that no watcher must ask back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ups import dicom_json as dj
from ups.codes import UPS_PUSH
from ups.dicom_json import DicomJson
from ups.states import ProcedureStepState
from ups.tags import TAG_OF

STATE_REPORT, CANCEL_REQUESTED, PROGRESS_REPORT, STATUS_CHANGE, ASSIGNED = 1, 2, 3, 4, 5

_REPORTED = ("ProcedureStepState", "InputReadinessState")
_PROGRESS = ("ProcedureStepProgressInformationSequence",)
_ASSIGNMENT = ("ScheduledHumanPerformersSequence", "ScheduledStationNameCodeSequence")
_MODIFIED = "ScheduledProcedureStepModificationDateTime"


class Raised:
    """One event on its way to subscribers; `position` is the workitem's order of creation.

    One that was read from the table is text, and parsed only where somebody looks into it: a process reads the events
    of all others, most of which nobody of its own has asked for in particular.

    Parameters
    ----------
    before : the workitem as it was, so that a filtered subscriber also hears what left his filter; None for a new one
    frame : `dataset` as it goes out, where it is at hand as text
    changed : `before` as the JSON of the elements that differ (null: not there), "" for a new one
    added : of a new event, what `dataset` has besides the row
    """

    __slots__ = ("_before", "_changed", "_dataset", "added", "frame", "position", "uid")

    def __init__(
        self,
        uid: str,
        position: int,
        dataset: DicomJson | None = None,
        before: Mapping[str, Any] | None = None,
        *,
        frame: str = "",
        changed: str = "",
        added: DicomJson | None = None,
    ) -> None:
        self.uid, self.position, self.frame, self.added = uid, position, frame, added
        self._dataset, self._before, self._changed = dataset, before, changed

    @property
    def dataset(self) -> DicomJson:
        """The event itself, with the row."""
        if self._dataset is None:
            self._dataset = json.loads(self.frame)
        return self._dataset

    @property
    def before(self) -> Mapping[str, Any] | None:
        """See `Raised`."""
        if self._before is None and self._changed:
            merged = {**self.dataset, **json.loads(self._changed)}
            self._before = {tag: element for tag, element in merged.items() if element is not None}
        return self._before


def events_of(
    before: Mapping[str, Any] | None, after: DicomJson, *, position: int, cancel_notice: DicomJson | None = None
) -> tuple[Raised, ...]:
    """Every event of one change; a change that has no event in the standard is told as a State Report."""
    uid = dj.text(after, "SOPInstanceUID")
    made: list[DicomJson] = []
    if cancel_notice is not None:
        made.append(_event(CANCEL_REQUESTED, after, cancel_notice))
    if before is None or _differs(before, after, _REPORTED):
        made.append(_event(STATE_REPORT, after, _reason(after)))
    elif _differs(before, after, _PROGRESS):
        made.append(_event(PROGRESS_REPORT, after, {}))
    if _differs(before or {}, after, _ASSIGNMENT):
        made.append(_event(ASSIGNED, after, _assignee(after)))
    if not made and _differs(before or {}, after, tuple(_MODIFIED.split())):
        made.append(_event(STATE_REPORT, after, {}))
    return tuple(Raised(uid, position, {**after, **added}, before, added=added) for added in made)


def state_report(dataset: DicomJson, *, position: int) -> Raised:
    """The State Report that a new global subscriber with a deletion lock gets for each existing workitem."""
    uid = dj.text(dataset, "SOPInstanceUID")
    return Raised(uid, position, {**dataset, **_event(STATE_REPORT, dataset, _reason(dataset))})


def restarted() -> DicomJson:
    """Event 4: this process began; subscriptions and workitems are as they were."""
    return dj.make(
        EventTypeID=STATUS_CHANGE,
        SCPStatus="RESTARTED",
        SubscriptionListStatus="WARM START",
        UnifiedProcedureStepListStatus="WARM START",
    )


def going_down() -> DicomJson:
    """Event 4: this process ends. A watcher connects again; where there is another, it answers."""
    return restarted() | dj.make(SCPStatus="GOING DOWN")


def _differs(before: Mapping[str, Any], after: Mapping[str, Any], keywords: tuple[str, ...]) -> bool:
    return any(before.get(TAG_OF[keyword]) != after.get(TAG_OF[keyword]) for keyword in keywords)


def _event(kind: int, row: DicomJson, payload: DicomJson) -> DicomJson:
    """What an event has besides the row."""
    head = dj.make(
        AffectedSOPClassUID=UPS_PUSH, AffectedSOPInstanceUID=dj.text(row, "SOPInstanceUID"), EventTypeID=kind
    )
    return {**head, **payload}


def _reason(row: DicomJson) -> DicomJson:
    if dj.text(row, "ProcedureStepState") != ProcedureStepState.CANCELED.value:
        return {}
    progress = dj.first_item(row, "ProcedureStepProgressInformationSequence")
    wanted = ("ReasonForCancellation", "ProcedureStepDiscontinuationReasonCodeSequence")
    return {TAG_OF[keyword]: progress[TAG_OF[keyword]] for keyword in wanted if TAG_OF[keyword] in progress}


def _assignee(row: DicomJson) -> DicomJson:
    person = dj.first_item(row, "ScheduledHumanPerformersSequence")
    wanted = ("HumanPerformerCodeSequence", "HumanPerformerOrganization")
    return {TAG_OF[keyword]: person[TAG_OF[keyword]] for keyword in wanted if TAG_OF[keyword] in person}
