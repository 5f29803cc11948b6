"""What a change, or the attempt at one, is in the audit log. Pure; the store calls it inside its transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ups import dicom_json as dj
from ups.changes import FENCED_PERCENT
from ups.states import Answer, ProcedureStepState
from ups.tags import TAG_OF
from worklist_hub.access.grounds import ground_of
from worklist_hub.audit.records import Action, Actor, AuditEvent, Outcome, Subject
from worklist_hub.workitem.protocol import (
    Caller,
    ChangeState,
    Create,
    Decision,
    Refusal,
    Request,
    RequestCancel,
    Stored,
    Sweep,
    Update,
)

_PROGRESS = "ProcedureStepProgressInformationSequence"
_PERFORMERS = "ScheduledHumanPerformersSequence"
HIDDEN = "he has no right to it, and is told that it does not exist"


def subject_of(dataset: Mapping[str, Any]) -> Subject:
    """Whom a workitem is about."""
    site = dj.first_item(dataset, "ScheduledStationGeographicLocationCodeSequence")
    request = dj.first_item(dataset, "ReferencedRequestSequence")
    return Subject(
        site_id=dj.text(site, "CodeValue"),
        patient_id=dj.text(dataset, "PatientID"),
        issuer=dj.text(dataset, "IssuerOfPatientID"),
        study_instance_uid=dj.text(dataset, "StudyInstanceUID") or dj.text(request, "StudyInstanceUID"),
        accession=dj.text(request, "AccessionNumber"),
        workitem_uid=dj.text(dataset, "SOPInstanceUID"),
    )


def events_of_change(
    uid: str, request: Request, caller: Caller, stored: Stored | None, outcome: Decision | Refusal
) -> tuple[AuditEvent, ...]:
    """The lines of one request. None for a sign of life that changes nothing (heartbeat)."""
    if isinstance(request, Update) and isinstance(outcome, Decision) and outcome.dataset is None:
        return ()
    before = stored.dataset if stored else None
    dataset = (outcome.dataset if isinstance(outcome, Decision) else None) or before
    if dataset is None and isinstance(request, Create):
        dataset = dict(request.dataset)
    subject = subject_of(dataset) if dataset is not None else Subject()
    if not subject.workitem_uid:
        subject = Subject(subject.site_id, workitem_uid=uid[:64])
    if isinstance(request, Sweep) and not _released_by_sweep(outcome):
        return ()
    action = _action(request, caller, before, outcome)
    reason = request.reason if isinstance(request, RequestCancel) else _reason(dataset or {}, action)
    text = outcome.text if isinstance(outcome, Refusal) else ""
    if _is_hidden(stored, outcome):
        text = HIDDEN
    ground = ground_of(caller, request, before)
    if action is Action.TAKE_OVER and before is not None:
        text = f"taken from {_holder(before)}"
    elif action in (Action.ASSIGN, Action.RESERVE, Action.HAND_OVER):
        text = text or f"for {_performer(dataset or {})}"
    return (
        AuditEvent(
            action,
            Actor.of(caller),
            _outcome(stored, outcome),
            subjects=(subject,),
            reason=reason,
            text=text,
            authorization="" if _outcome(stored, outcome) is Outcome.SERIOUS else ground,
        ),
    )


def _outcome(stored: Stored | None, outcome: Decision | Refusal) -> Outcome:
    if not isinstance(outcome, Refusal):
        return Outcome.SUCCESS
    return Outcome.SERIOUS if outcome.is_forbidden or _is_hidden(stored, outcome) else Outcome.MINOR


def _is_hidden(stored: Stored | None, outcome: Decision | Refusal) -> bool:
    """It is there, and he is told that it is not."""
    return stored is not None and isinstance(outcome, Refusal) and outcome.answer is Answer.UNKNOWN_WORKITEM


def _released_by_sweep(outcome: Decision | Refusal) -> bool:
    return isinstance(outcome, Decision) and outcome.replacement is not None


def _action(request: Request, caller: Caller, before: Mapping[str, Any] | None, outcome: Decision | Refusal) -> Action:
    if isinstance(request, Create):
        return Action.CREATE
    replaces = isinstance(outcome, Decision) and outcome.replacement is not None
    if isinstance(request, Sweep):
        return Action.RELEASE
    if isinstance(request, ChangeState):
        if request.state is ProcedureStepState.IN_PROGRESS:
            return Action.CLAIM
        if request.state is ProcedureStepState.COMPLETED:
            return Action.COMPLETE
        return Action.RELEASE if replaces else Action.CANCEL
    if isinstance(request, RequestCancel):
        if replaces:
            return Action.TAKE_OVER
        is_passed_on = isinstance(outcome, Decision) and outcome.cancel_notice is not None
        held = before is not None and dj.text(before, "ProcedureStepState") == ProcedureStepState.IN_PROGRESS.value
        return Action.ASK_RELEASE if is_passed_on or held else Action.CANCEL
    if isinstance(request, Update):
        return _update_action(request, caller, before)
    return Action.OTHER


def _update_action(request: Update, caller: Caller, before: Mapping[str, Any] | None) -> Action:
    progress = dj.first_item(request.changes, _PROGRESS)
    if progress and dj.number(progress, "ProcedureStepProgress") >= FENCED_PERCENT:
        return Action.FENCE
    tag = TAG_OF[_PERFORMERS]
    if tag in request.changes and request.changes[tag] != (before or {}).get(tag):
        mine = caller.reader is not None and caller.reader.code == _code(request.changes)
        return Action.RESERVE if mine else Action.ASSIGN
    return Action.UPDATE


def _reason(dataset: Mapping[str, Any], action: Action) -> str:
    if action not in (Action.RELEASE, Action.CANCEL):
        return ""
    progress = dj.first_item(dataset, _PROGRESS)
    code = dj.first_item(progress, "ProcedureStepDiscontinuationReasonCodeSequence")
    return dj.text(progress, "ReasonForCancellation") or dj.text(code, "CodeMeaning")


def _code(dataset: Mapping[str, Any]) -> str:
    person = dj.first_item(dataset, _PERFORMERS)
    return dj.text(dj.first_item(person, "HumanPerformerCodeSequence"), "CodeValue")


def _performer(dataset: Mapping[str, Any]) -> str:
    return _code(dataset) or "nobody"


def _holder(dataset: Mapping[str, Any]) -> str:
    performed = dj.first_item(dataset, "UnifiedProcedureStepPerformedProcedureSequence")
    person = dj.first_item(performed, "ActualHumanPerformersSequence")
    return dj.text(dj.first_item(person, "HumanPerformerCodeSequence"), "CodeValue") or "an unknown reader"
