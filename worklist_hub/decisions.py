"""What the hub answers: a pure function of the workitem, the request, the caller and the server's clock.

The table of `ups.states` rules; here is what each OK of it does (PS3.4 CC.2). The one addition to the standard: what
is signed and on its way (progress 100) is neither released nor taken over.
"""

from __future__ import annotations

import copy
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from ups import dicom_json as dj
from ups.changes import FENCED_PERCENT
from ups.codes import NOT_CHECKED, RESCHEDULED, RESCHEDULING_RECOMMENDED, UNSPECIFIED_REASON, UPS_PUSH, Code, Person
from ups.datetimes import dt_from_datetime
from ups.dicom_json import DicomJson
from ups.readers import is_same_reader
from ups.replacement import replacement_of
from ups.states import TEXTS, Action, Answer, ProcedureStepState, row
from ups.tags import TAG_OF
from ups.workitem_fields import READERS, WRITERS
from worklist_hub.changeable import not_changeable
from worklist_hub.protocol import (
    Caller,
    ChangeState,
    Create,
    Decision,
    Refusal,
    Request,
    RequestCancel,
    Stored,
    Update,
)

STALE_AFTER = timedelta(minutes=5)
"""A claim whose holder has been silent for so long may be taken over."""
UID_PATTERN = re.compile(r"^(?=.{1,64}$)(0|[1-9]\d*)(\.(0|[1-9]\d*))*$")
SAME_STUDY = "This study of this hospital is on the list already, or is reported"
PRIORITIES = ("HIGH", "MEDIUM", "LOW")
READINESS = ("INCOMPLETE", "UNAVAILABLE", "READY")

_PERFORMED = "UnifiedProcedureStepPerformedProcedureSequence"
_PROGRESS = "ProcedureStepProgressInformationSequence"
_STATE_ACTIONS = {
    ProcedureStepState.SCHEDULED: Action.UNCLAIM,
    ProcedureStepState.IN_PROGRESS: Action.CLAIM,
    ProcedureStepState.COMPLETED: Action.COMPLETE,
    ProcedureStepState.CANCELED: Action.CANCEL,
}


def hash_of(transaction_uid: str) -> str:
    """What is stored of a Transaction UID."""
    return hashlib.sha256(transaction_uid.encode()).hexdigest()


def decide(
    stored: Stored | None, request: Request, caller: Caller, now: datetime, rivals: Sequence[Stored] = ()
) -> Decision | Refusal:
    """What comes of the request; `stored` is None where the UID is unknown. `rivals` are the workitems that are open or
    COMPLETED of the study that is to be created."""
    if isinstance(request, Create):
        if stored is None and rivals and not caller.is_feed:
            return _refuse(Answer.DUPLICATE, rivals[0], SAME_STUDY)  # two would read it, each with a claim
        return _create(stored, request, now)
    if stored is None:
        return Refusal(Answer.UNKNOWN_WORKITEM, TEXTS[Answer.UNKNOWN_WORKITEM])
    if caller.is_feed and isinstance(request, Update) and stored.state is ProcedureStepState.IN_PROGRESS:
        return _tell_holder(stored, request, caller, now)
    action = _action(request)
    cell = row(action, stored.state)
    transaction_uid = getattr(request, "transaction_uid", "")
    is_holder = _is_holder(stored, transaction_uid)
    if _is_same_claim(stored, action, caller, is_holder=is_holder):
        return Decision(Answer.OK, is_alive=True)  # its answer was lost
    if action is Action.CLAIM and not UID_PATTERN.match(transaction_uid):
        return _refuse(Answer.WRONG_TRANSACTION_UID, stored)
    if cell.answer.is_failure:
        return _refuse(cell.answer, stored)
    if cell.needs_transaction_uid and not is_holder:
        return _refuse(Answer.WRONG_TRANSACTION_UID, stored)
    if cell.answer in (Answer.ALREADY_COMPLETED, Answer.ALREADY_CANCELED):
        return Decision(cell.answer)
    if isinstance(request, Update):
        return _update(stored, request, caller, now)
    if isinstance(request, RequestCancel):
        return _request_cancel(stored, request, caller, now)
    return _change_state(stored, request, caller, now)


def holder_of(dataset: Mapping[str, Any]) -> Person | None:
    """Who holds or held the workitem."""
    item = dj.first_item(dj.first_item(dataset, _PERFORMED), "ActualHumanPerformersSequence")
    return Person.of(item) if item else None


def is_fenced(dataset: Mapping[str, Any]) -> bool:
    """Whether the report is signed and on its way."""
    return dj.number(dj.first_item(dataset, _PROGRESS), "ProcedureStepProgress") >= FENCED_PERCENT


def _action(request: ChangeState | Update | RequestCancel) -> Action:
    if isinstance(request, ChangeState):
        return _STATE_ACTIONS[request.state]
    if isinstance(request, Update):
        return Action.UPDATE_CLAIMED if request.transaction_uid else Action.UPDATE
    return Action.REQUEST_CANCEL


def _is_holder(stored: Stored, transaction_uid: str) -> bool:
    if not transaction_uid or not stored.transaction_hash:
        return False
    return hmac.compare_digest(stored.transaction_hash, hash_of(transaction_uid))


def _is_same_claim(stored: Stored, action: Action, caller: Caller, *, is_holder: bool) -> bool:
    """Whether it is the claim that was won, sent again by the reader who won it, from whatever desk. Another who came
    by its Transaction UID must not be told that the study is his: it stands under the name of the winner."""
    if action is not Action.CLAIM or stored.state is not ProcedureStepState.IN_PROGRESS or not is_holder:
        return False
    holder, reader = holder_of(stored.dataset), caller.reader
    if holder is None or reader is None or not (holder.code or reader.code):
        return holder == reader
    return holder.code == reader.code


def _refuse(answer: Answer, stored: Stored, text: str = "") -> Refusal:
    return Refusal(answer, text or TEXTS[answer], holder_of(stored.dataset))


def _stamped(dataset: DicomJson, now: datetime) -> DicomJson:
    dj.put(dataset, "ScheduledProcedureStepModificationDateTime", dt_from_datetime(now))
    return dataset


def _unchecked(replacement: DicomJson, now: datetime) -> DicomJson:
    """Back on the list; what the hospital corrected while it was held was not taken over."""
    remarks = READERS["remarks"](replacement)
    if NOT_CHECKED not in remarks:
        WRITERS["remarks"](replacement, (*remarks, NOT_CHECKED))
    return _stamped(replacement, now)


def _create(stored: Stored | None, request: Create, now: datetime) -> Decision | Refusal:
    if stored is not None:
        return _refuse(Answer.DUPLICATE, stored)
    made = copy.deepcopy(dict(request.dataset))
    given = dj.text(made, "SOPInstanceUID")
    if not UID_PATTERN.match(request.uid) or given not in ("", request.uid):
        return Refusal(Answer.INVALID_ATTRIBUTE, "The SOP Instance UID is malformed or not the one in the URL")
    if dj.text(made, "ProcedureStepState") not in ("", ProcedureStepState.SCHEDULED.value):
        return Refusal(Answer.NOT_CREATED_AS_SCHEDULED, TEXTS[Answer.NOT_CREATED_AS_SCHEDULED])
    if wrong := _wrong_value(made):
        return Refusal(Answer.INVALID_ATTRIBUTE, wrong)
    before = copy.deepcopy(made)
    dj.remove(made, "TransactionUID", _PERFORMED, _PROGRESS)
    dj.put(made, "SOPClassUID", UPS_PUSH)
    dj.put(made, "SOPInstanceUID", request.uid)
    dj.put(made, "ProcedureStepState", ProcedureStepState.SCHEDULED.value)
    defaults = {
        "ScheduledProcedureStepPriority": "MEDIUM",
        "InputReadinessState": "READY",
        "ProcedureStepLabel": dj.text(made, "StudyDescription")[:64] or "Study to read",
        "ScheduledProcedureStepStartDateTime": dt_from_datetime(now),
    }
    filled = [keyword for keyword in defaults if not dj.text(made, keyword)]
    for keyword in filled:
        dj.put(made, keyword, defaults[keyword])
    dropped = set(before) - set(made)
    return Decision(Answer.CREATED_WITH_CHANGES if filled or dropped else Answer.OK, _stamped(made, now))


def _wrong_value(dataset: Mapping[str, Any]) -> str:
    """The sentence for an enumerated value that is none, "" where all are right."""
    for keyword, allowed in (("ScheduledProcedureStepPriority", PRIORITIES), ("InputReadinessState", READINESS)):
        if dj.text(dataset, keyword) not in ("", *allowed):
            return f"{keyword} must be one of {', '.join(allowed)}"
    return ""


def _change_state(stored: Stored, request: ChangeState, caller: Caller, now: datetime) -> Decision | Refusal:
    made = copy.deepcopy(stored.dataset)
    dj.put(made, "ProcedureStepState", request.state.value)
    if request.state is ProcedureStepState.IN_PROGRESS:
        performed = dj.make(PerformedProcedureStepStartDateTime=dt_from_datetime(now))
        if caller.reader is not None:
            dj.put_items(performed, "ActualHumanPerformersSequence", [caller.reader.item()])
        dj.put_items(made, _PERFORMED, [performed])
        return Decision(Answer.OK, _stamped(made, now), hash_of(request.transaction_uid), is_alive=True)
    if request.state is ProcedureStepState.COMPLETED:
        if missing := _missing_for_completion(made):
            return _refuse(Answer.FINAL_STATE_REQUIREMENTS, stored, f"{missing} is missing for COMPLETED")
        return Decision(Answer.OK, _stamped(made, now), stored.transaction_hash)
    if is_fenced(made):
        return _refuse(Answer.PERFORMER_REFUSES, stored)
    code = Code.of(dj.first_item(dj.first_item(made, _PROGRESS), "ProcedureStepDiscontinuationReasonCodeSequence"))
    if code.value == RESCHEDULING_RECOMMENDED.value:
        replacement = _unchecked(replacement_of(stored.dataset), now)
        canceled = _canceled(made, RESCHEDULED, "", now)
        return Decision(Answer.OK, canceled, stored.transaction_hash, replacement=replacement)
    return Decision(Answer.OK, _canceled(made, code if code.value else None, "", now), stored.transaction_hash)


def _missing_for_completion(dataset: Mapping[str, Any]) -> str:
    """PS3.4 CC.2.5.1.1, and that a report was referenced."""
    performed = dj.first_item(dataset, _PERFORMED)
    for keyword in ("PerformedProcedureStepStartDateTime", "PerformedProcedureStepEndDateTime"):
        if not dj.text(performed, keyword):
            return keyword
    return "" if dj.items(performed, "OutputInformationSequence") else "OutputInformationSequence"


def _canceled(dataset: DicomJson, code: Code | None, reason: str, now: datetime) -> DicomJson:
    """`dataset` as CANCELED, with the reason where every reader looks for it."""
    progress = dict(dj.first_item(dataset, _PROGRESS))
    if reason:
        dj.put(progress, "ReasonForCancellation", reason)
    dj.put(progress, "ProcedureStepCancellationDateTime", dt_from_datetime(now))
    dj.put_items(progress, "ProcedureStepDiscontinuationReasonCodeSequence", [(code or UNSPECIFIED_REASON).item()])
    dj.put_items(dataset, _PROGRESS, [progress])
    dj.put(dataset, "ProcedureStepState", ProcedureStepState.CANCELED.value)
    return _stamped(dataset, now)


def _tell_holder(stored: Stored, request: Update, caller: Caller, now: datetime) -> Decision | Refusal:
    """The feed has no Transaction UID, and says nothing of whether the holder is alive. What is signed stands: from
    then on the count grows by the report itself."""
    if is_fenced(stored.dataset):
        return _refuse(Answer.PERFORMER_REFUSES, stored)
    outcome = _update(stored, request, caller, now)
    return replace(outcome, is_alive=False) if isinstance(outcome, Decision) else outcome


def _update(stored: Stored, request: Update, caller: Caller, now: datetime) -> Decision | Refusal:
    changes = dict(request.changes)
    dj.remove(changes, "TransactionUID", "ScheduledProcedureStepModificationDateTime", "SpecificCharacterSet")
    is_claimed = stored.state is ProcedureStepState.IN_PROGRESS
    if locked := not_changeable(stored.dataset, changes, stored.state, is_feed=caller.is_feed):
        return _refuse(Answer.INVALID_ATTRIBUTE, stored, f"{locked} may not be changed")
    if wrong := _wrong_value(changes):
        return _refuse(Answer.INVALID_ATTRIBUTE, stored, wrong)
    if TAG_OF[_PERFORMED] in changes:
        changes[TAG_OF[_PERFORMED]] = _performed(stored.dataset, changes)
    made = {**copy.deepcopy(stored.dataset), **copy.deepcopy(changes)}
    if made == stored.dataset:
        return Decision(Answer.OK, None, stored.transaction_hash, is_alive=is_claimed)
    return Decision(Answer.OK, _stamped(made, now), stored.transaction_hash, is_alive=is_claimed)


def _performed(dataset: Mapping[str, Any], changes: Mapping[str, Any]) -> DicomJson:
    """The caller's performed procedure, with performer and start as the hub wrote them at the claim."""
    old, new = dj.first_item(dataset, _PERFORMED), dict(dj.first_item(changes, _PERFORMED))
    for keyword in ("ActualHumanPerformersSequence", "PerformedProcedureStepStartDateTime"):
        if TAG_OF[keyword] in old:
            new[TAG_OF[keyword]] = old[TAG_OF[keyword]]
    return {"vr": "SQ", "Value": [new]}


def _request_cancel(stored: Stored, request: RequestCancel, caller: Caller, now: datetime) -> Decision | Refusal:
    made = copy.deepcopy(stored.dataset)
    if stored.state is ProcedureStepState.SCHEDULED:
        return Decision(Answer.OK, _canceled(made, request.code, request.reason, now))
    if is_fenced(made):
        return _refuse(Answer.PERFORMER_REFUSES, stored)
    if _may_take_over(stored, caller, now):
        replacement = _unchecked(replacement_of(stored.dataset, reserved_for=caller.reader), now)
        canceled = _canceled(made, RESCHEDULED, request.reason, now)
        return Decision(Answer.OK, canceled, stored.transaction_hash, replacement=replacement)
    notice = dj.make(
        RequestingAE=caller.ae_title,
        ReasonForCancellation=request.reason,
        ContactDisplayName=request.contact_name or (caller.reader.name if caller.reader else ""),
        ContactURI=request.contact_uri,
    )
    if request.code is not None:
        dj.put_items(notice, "ProcedureStepDiscontinuationReasonCodeSequence", [request.code.item()])
    return Decision(Answer.PASSED_ON, cancel_notice=notice)


def _may_take_over(stored: Stored, caller: Caller, now: datetime) -> bool:
    """A stale claim, or the caller's own from another desk (PS3.4 CC.2.1.3): the same number and the same name."""
    is_own = is_same_reader(holder_of(stored.dataset), caller.reader)
    is_stale = stored.alive_at is not None and now - stored.alive_at > STALE_AFTER
    return is_own or is_stale
