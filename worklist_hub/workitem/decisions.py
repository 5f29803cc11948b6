"""What the hub answers: a pure function of the workitem, the request, the caller and the server's clock.

The table of `ups.states` rules; here is what each OK of it does (PS3.4 CC.2). The additions to the standard: what is
signed and on its way (progress 100) is neither released nor taken over; a stale claim, or one's own from another desk,
is taken over by a cancel request; a claim that is silent and of which no report was started goes back to the list.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from ups import dicom_json as dj
from ups.changes import FENCED_PERCENT
from ups.codes import NOT_CHECKED, RESCHEDULED, RESCHEDULING_RECOMMENDED, UNSPECIFIED_REASON, UPS_PUSH, Code, Person
from ups.datetimes import dt_from_datetime
from ups.dicom_json import DicomJson
from ups.replacement import replacement_of
from ups.states import TEXTS, Action, Answer, ProcedureStepState, row
from ups.tags import TAG_OF
from ups.workitem_fields import READERS, WRITERS
from worklist_hub.access import policy
from worklist_hub.access.policy import may, verdict_on
from worklist_hub.workitem.changeable import not_changeable
from worklist_hub.workitem.claims import (
    PERFORMED,
    PROGRESS,
    hash_of,
    holder_of,
    is_fenced,
    is_held_with,
    is_marked_silent,
    is_own,
    is_same_reader,
    is_stale,
    is_started,
    mark_silent,
    silence_of,
    wants_it,
    without_mark,
)
from worklist_hub.workitem.final_state import missing_for_completion
from worklist_hub.workitem.identity import with_identity
from worklist_hub.workitem.places import is_kept_for_another
from worklist_hub.workitem.protocol import (
    Caller,
    ChangeState,
    ClaimRules,
    Create,
    Decision,
    Refusal,
    Request,
    RequestCancel,
    Stored,
    Sweep,
    Update,
)
from worklist_hub.workitem.values import is_uid

NOT_YOUR_UID = "A UID of version 5 is made from a name by the hub: leave it out, or use a random one"
SAME_STUDY = "This study of this hospital is on the list already, or is reported"
PRIORITIES = ("HIGH", "MEDIUM", "LOW")
READINESS = ("INCOMPLETE", "UNAVAILABLE", "READY")
NAMELESS_AE = "ANONYMOUS"
"""Requesting AE is type 1 in an event 2; a caller over HTTP need not have a title."""
DEFAULT_RULES = ClaimRules()
RELEASED_BY_ITSELF = "No sign of life of the reader, and no report was started"

_STATE_ACTIONS = {
    ProcedureStepState.SCHEDULED: Action.UNCLAIM,
    ProcedureStepState.IN_PROGRESS: Action.CLAIM,
    ProcedureStepState.COMPLETED: Action.COMPLETE,
    ProcedureStepState.CANCELED: Action.CANCEL,
}


def decide(
    stored: Stored | None,
    request: Request,
    caller: Caller,
    now: datetime,
    rules: ClaimRules = DEFAULT_RULES,
    rivals: Sequence[Stored] = (),
    replaced: Stored | None = None,
) -> Decision | Refusal:
    """What comes of the request; `stored` is None where the UID is unknown. `rivals` are the workitems that are open or
    COMPLETED of the study that is to be created, or that this workitem is to become; `replaced` is what a new one says
    that it replaces."""
    if isinstance(request, Sweep):
        return _sweep(stored, now, rules)
    if (refused := _denied(stored, request, caller)) is not None:
        return refused
    if rivals:
        return _is_there(rivals[0])  # two would read it, each with a claim
    if isinstance(request, Create):
        if stored is None and not caller.is_feed and is_kept_for_another(request, replaced):
            return Refusal(Answer.INVALID_ATTRIBUTE, NOT_YOUR_UID)
        return _create(stored, request, now)
    if stored is None:
        return Refusal(Answer.UNKNOWN_WORKITEM, TEXTS[Answer.UNKNOWN_WORKITEM])
    if isinstance(request, Update) and caller.is_feed and stored.state is ProcedureStepState.IN_PROGRESS:
        return _tell_holder(stored, request, caller, now)
    return _asked(stored, request, caller, now, rules)


def _asked(stored: Stored, request: Request, caller: Caller, now: datetime, rules: ClaimRules) -> Decision | Refusal:
    """What the table of states says to a request about a workitem that is there."""
    assert not isinstance(request, Create | Sweep)
    action = _action(request)
    cell = row(action, stored.state)
    transaction_uid = getattr(request, "transaction_uid", "")
    is_holder = is_held_with(stored, transaction_uid)
    if action is Action.CLAIM and is_holder and cell.answer is Answer.ALREADY_IN_PROGRESS:
        # The same claim again, for its answer was lost; another reader must not be told that the study is his.
        return _alive(stored, now) if is_same_reader(stored, caller) else _refuse(cell.answer, stored)
    if action is Action.CLAIM and not is_uid(transaction_uid):
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
        return _request_cancel(stored, request, caller, now, rules)
    return _change_state(stored, request, caller, now)


def _denied(stored: Stored | None, request: Request, caller: Caller) -> Refusal | None:
    """The refusal of the policy; of a row that may not be seen nothing is told, not even its holder."""
    if caller.grants is None:
        return None  # made in this process, not let in by the guard
    verdict = verdict_on(caller, request, stored.dataset if stored else None)
    if stored is not None and is_held_with(stored, getattr(request, "transaction_uid", "")):
        # It may be stolen; and whoever had the claim is told what became of it, whatever his grants are now.
        verdict = may(caller, policy.Action.HOLD, stored.dataset)
    if verdict:
        return None
    if verdict.is_hidden:
        return Refusal(Answer.UNKNOWN_WORKITEM, TEXTS[Answer.UNKNOWN_WORKITEM])
    return Refusal(Answer.PERFORMER_REFUSES, verdict.reason, is_forbidden=True)


def _action(request: ChangeState | Update | RequestCancel) -> Action:
    if isinstance(request, ChangeState):
        return _STATE_ACTIONS[request.state]
    if isinstance(request, Update):
        return Action.UPDATE_CLAIMED if request.transaction_uid else Action.UPDATE
    return Action.REQUEST_CANCEL


def _refuse(answer: Answer, stored: Stored, text: str = "") -> Refusal:
    return Refusal(answer, text or TEXTS[answer], holder_of(stored.dataset))


def _is_there(rival: Stored) -> Refusal:
    """Whoever creates it learns which workitem it is."""
    uid = dj.text(rival.dataset, "SOPInstanceUID")
    return replace(_refuse(Answer.DUPLICATE, rival, SAME_STUDY), instead=uid)


def _stamped(dataset: DicomJson, now: datetime) -> DicomJson:
    dj.put(dataset, "ScheduledProcedureStepModificationDateTime", dt_from_datetime(now))
    return dataset


def _copied(dataset: Mapping[str, Any]) -> DicomJson:
    """To be changed element by element; of what is in them only the progress is, so only that is copied deeply."""
    made = dict(dataset)
    if TAG_OF[PROGRESS] in made:
        made[TAG_OF[PROGRESS]] = copy.deepcopy(made[TAG_OF[PROGRESS]])
    return made


def _unchecked(replacement: DicomJson, now: datetime) -> DicomJson:
    """Back on the list; what the hospital corrected while it was held was not taken over."""
    remarks = READERS["remarks"](replacement)
    if NOT_CHECKED not in remarks:
        WRITERS["remarks"](replacement, (*remarks, NOT_CHECKED))
    return _stamped(replacement, now)


def _create(stored: Stored | None, request: Create, now: datetime) -> Decision | Refusal:
    if stored is not None:
        return Refusal(Answer.DUPLICATE, TEXTS[Answer.DUPLICATE])  # who holds it is not for whoever guesses a UID
    made = copy.deepcopy(dict(request.dataset))
    given = dj.text(made, "SOPInstanceUID")
    if not is_uid(request.uid) or given not in ("", request.uid):
        return Refusal(Answer.INVALID_ATTRIBUTE, "The SOP Instance UID is malformed or not the one in the URL")
    if dj.text(made, "ProcedureStepState") not in ("", ProcedureStepState.SCHEDULED.value):
        return Refusal(Answer.NOT_CREATED_AS_SCHEDULED, TEXTS[Answer.NOT_CREATED_AS_SCHEDULED])
    if wrong := _wrong_value(made):
        return Refusal(Answer.INVALID_ATTRIBUTE, wrong)
    before = copy.deepcopy(made)
    dj.remove(made, "TransactionUID", PERFORMED, PROGRESS)
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
        if TAG_OF[keyword] in dataset and dj.text(dataset, keyword) not in ("", *allowed):
            return f"{keyword} must be one of {', '.join(allowed)}"
    percent = dj.text(dj.first_item(dataset, PROGRESS), "ProcedureStepProgress")
    if percent and not _is_percentage(percent):
        return "ProcedureStepProgress must be a number from 0 to 100"
    for person in dj.items(dataset, "ScheduledHumanPerformersSequence"):
        if not dj.text(dj.first_item(person, "HumanPerformerCodeSequence"), "CodeValue"):
            return "a scheduled human performer needs a code"
    return ""


def _is_percentage(text: str) -> bool:
    try:
        return 0 <= float(text) <= FENCED_PERCENT
    except ValueError:
        return False


def _alive(stored: Stored, now: datetime) -> Decision:
    """The holder gave a sign of life; whoever was told of silence is told of that."""
    if not is_marked_silent(stored.dataset):
        return Decision(Answer.OK, is_alive=True)
    made = _copied(stored.dataset)
    mark_silent(made, None)
    return Decision(Answer.OK, _stamped(made, now), stored.transaction_hash, is_alive=True)


def _change_state(stored: Stored, request: ChangeState, caller: Caller, now: datetime) -> Decision | Refusal:
    made = _copied(stored.dataset)
    mark_silent(made, None)
    dj.put(made, "ProcedureStepState", request.state.value)
    if request.state is ProcedureStepState.IN_PROGRESS:
        performed = dj.make(PerformedProcedureStepStartDateTime=dt_from_datetime(now))
        if caller.reader is not None:
            performer = with_identity(caller.reader.item(), caller.identity)
            dj.put_items(performed, "ActualHumanPerformersSequence", [performer])
        dj.put_items(made, PERFORMED, [performed])
        return Decision(Answer.OK, _stamped(made, now), hash_of(request.transaction_uid), is_alive=True)
    if request.state is ProcedureStepState.COMPLETED:
        if missing := missing_for_completion(_stamped(made, now)):
            return _refuse(Answer.FINAL_STATE_REQUIREMENTS, stored, f"{missing} is missing for COMPLETED")
        return Decision(Answer.OK, made, stored.transaction_hash)
    if is_fenced(made):
        return _refuse(Answer.PERFORMER_REFUSES, stored)
    code = Code.of(dj.first_item(dj.first_item(made, PROGRESS), "ProcedureStepDiscontinuationReasonCodeSequence"))
    if code.value in (RESCHEDULING_RECOMMENDED.value, RESCHEDULED.value):
        return _replaced(stored, "", now)
    return Decision(Answer.OK, _canceled(made, code if code.value else None, "", now), stored.transaction_hash)


def _replaced(
    stored: Stored, reason: str, now: datetime, *, by: Person | None = None, contact_uri: str = ""
) -> Decision:
    """The workitem canceled and the same study scheduled anew, in one transaction; `by` took it over."""
    made = _copied(stored.dataset)
    mark_silent(made, None)
    if by is not None:
        progress = dict(dj.first_item(made, PROGRESS))
        contact = dj.make(ContactURI=contact_uri, ContactDisplayName=by.name)
        dj.put_items(progress, "ProcedureStepCommunicationsURISequence", [contact])
        dj.put_items(made, PROGRESS, [progress])
    replacement = _unchecked(replacement_of(stored.dataset, reserved_for=by), now)
    canceled = _canceled(made, RESCHEDULED, reason, now)
    return Decision(Answer.OK, canceled, stored.transaction_hash, replacement=replacement)


def _canceled(dataset: DicomJson, code: Code | None, reason: str, now: datetime) -> DicomJson:
    """`dataset` as CANCELED, with the reason where every reader looks for it."""
    progress = dict(dj.first_item(dataset, PROGRESS))
    if reason:
        dj.put(progress, "ReasonForCancellation", reason)
    dj.put(progress, "ProcedureStepCancellationDateTime", dt_from_datetime(now))
    dj.put_items(progress, "ProcedureStepDiscontinuationReasonCodeSequence", [(code or UNSPECIFIED_REASON).item()])
    dj.put_items(dataset, PROGRESS, [progress])
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
    changes = copy.deepcopy(dict(request.changes))
    dj.remove(changes, "TransactionUID", "ScheduledProcedureStepModificationDateTime", "SpecificCharacterSet")
    is_claimed = stored.state is ProcedureStepState.IN_PROGRESS
    # A feed that signed in is one hospital's: it can neither correct nor make a study of another.
    sides = (stored.dataset, stored.dataset | changes)
    is_feed = caller.is_feed or all(policy.is_feed(caller, one) for one in sides)
    if locked := not_changeable(stored.dataset, changes, stored.state, is_feed=is_feed):
        return _refuse(Answer.INVALID_ATTRIBUTE, stored, f"{locked} may not be changed")
    if wrong := _wrong_value(changes):
        return _refuse(Answer.INVALID_ATTRIBUTE, stored, wrong)
    answer = Answer.OK
    if TAG_OF[PERFORMED] in changes:
        kept = _performed(stored.dataset, changes)
        answer = Answer.OK if kept == changes[TAG_OF[PERFORMED]] else Answer.UPDATED_WITH_CHANGES
        changes[TAG_OF[PERFORMED]] = kept
    without_mark(changes)
    made = _copied(stored.dataset)
    mark_silent(made, None)
    made |= changes
    if made == stored.dataset:
        return Decision(answer, None, stored.transaction_hash, is_alive=is_claimed)
    return Decision(answer, _stamped(made, now), stored.transaction_hash, is_alive=is_claimed)


def _performed(dataset: Mapping[str, Any], changes: Mapping[str, Any]) -> DicomJson:
    """The caller's performed procedure, with performer and start as the hub wrote them at the claim."""
    old, new = dj.first_item(dataset, PERFORMED), dict(dj.first_item(changes, PERFORMED))
    for keyword in ("ActualHumanPerformersSequence", "PerformedProcedureStepStartDateTime"):
        if TAG_OF[keyword] in old:
            new[TAG_OF[keyword]] = old[TAG_OF[keyword]]
    return {"vr": "SQ", "Value": [new]}


def _request_cancel(
    stored: Stored, request: RequestCancel, caller: Caller, now: datetime, rules: ClaimRules
) -> Decision | Refusal:
    notice = _notice(request, caller)
    if stored.state is ProcedureStepState.SCHEDULED:
        canceled = _canceled(_copied(stored.dataset), request.code, request.reason, now)
        return Decision(Answer.OK, canceled, cancel_notice=notice)
    if is_fenced(stored.dataset):
        return _refuse(Answer.PERFORMER_REFUSES, stored)
    stale = is_stale(stored, rules, now)
    if wants_it(request) and (is_own(stored, caller) or (stale and request.reason and caller.reader is not None)):
        taken = _replaced(stored, request.reason, now, by=caller.reader, contact_uri=request.contact_uri)
        return replace(taken, cancel_notice=notice)
    if stale:  # PS3.4 CC.2.1.3: the hub itself may act "with caution", and that takes a name and a reason
        return _refuse(Answer.PERFORMER_UNREACHABLE, stored)
    return Decision(Answer.PASSED_ON, None, stored.transaction_hash, cancel_notice=notice)


def _notice(request: RequestCancel, caller: Caller) -> DicomJson:
    """The payload of an event 2: who asks and why."""
    notice = dj.make(
        RequestingAE=caller.ae_title or NAMELESS_AE,
        ReasonForCancellation=request.reason,
        ContactDisplayName=request.contact_name or (caller.reader.name if caller.reader else ""),
        ContactURI=request.contact_uri,
    )
    if request.code is not None:
        dj.put_items(notice, "ProcedureStepDiscontinuationReasonCodeSequence", [request.code.item()])
    return notice


def _sweep(stored: Stored | None, now: datetime, rules: ClaimRules) -> Decision | Refusal:
    """A claim whose holder is silent: released where no report was started, else marked, never taken away."""
    if stored is None:
        return Refusal(Answer.UNKNOWN_WORKITEM, TEXTS[Answer.UNKNOWN_WORKITEM])
    if stored.state is not ProcedureStepState.IN_PROGRESS or not is_stale(stored, rules, now):
        return Decision(Answer.OK)
    since, limit = stored.alive_at, rules.release_unstarted_after
    if limit is not None and silence_of(stored, rules, now) > limit and not is_started(stored.dataset):
        return _replaced(stored, RELEASED_BY_ITSELF, now)
    if is_marked_silent(stored.dataset):
        return Decision(Answer.OK)
    made = _copied(stored.dataset)
    mark_silent(made, since)
    return Decision(Answer.OK, _stamped(made, now), stored.transaction_hash)
