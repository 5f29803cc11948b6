"""Procedure Step States and what each request does in each of them: PS3.4 CC.1.1 and CC.2, as one table."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ProcedureStepState(StrEnum):
    """(0074,1000)."""

    SCHEDULED = "SCHEDULED"
    IN_PROGRESS = "IN PROGRESS"
    COMPLETED = "COMPLETED"
    CANCELED = "CANCELED"

    @property
    def is_final(self) -> bool:
        """COMPLETED and CANCELED never change again."""
        return self in (ProcedureStepState.COMPLETED, ProcedureStepState.CANCELED)


class Action(StrEnum):
    """What can be asked of a workitem."""

    CREATE = "create"
    CLAIM = "change state to IN PROGRESS"
    COMPLETE = "change state to COMPLETED"
    CANCEL = "change state to CANCELED"
    UNCLAIM = "change state to SCHEDULED"
    UPDATE = "update without Transaction UID"
    UPDATE_CLAIMED = "update with Transaction UID"
    REQUEST_CANCEL = "request cancellation"


class Answer(StrEnum):
    """What the table says; the DIMSE status of PS3.4 CC.2 as value."""

    OK = "0000"
    PASSED_ON = "0000 passed on to the performer"
    CREATED_WITH_CHANGES = "B300"
    UPDATED_WITH_CHANGES = "B305"
    ALREADY_CANCELED = "B304"
    ALREADY_COMPLETED = "B306"
    DUPLICATE = "0111"
    INVALID_ATTRIBUTE = "0106"
    FINAL = "C300"
    WRONG_TRANSACTION_UID = "C301"
    ALREADY_IN_PROGRESS = "C302"
    ONLY_BY_CREATE = "C303"
    FINAL_STATE_REQUIREMENTS = "C304"
    UNKNOWN_WORKITEM = "C307"
    NOT_CREATED_AS_SCHEDULED = "C309"
    NOT_IN_PROGRESS = "C310"
    COMPLETED_CANNOT_CANCEL = "C311"
    PERFORMER_UNREACHABLE = "C312"
    PERFORMER_REFUSES = "C313"

    @property
    def is_failure(self) -> bool:
        """Whether the request is refused; B3xx are successes with a warning."""
        return not self.value.startswith(("0000", "B3"))


@dataclass(frozen=True, slots=True)
class Row:
    """One cell: the answer, and whether the right Transaction UID must come with the request (else C301)."""

    answer: Answer
    needs_transaction_uid: bool = False


_S, _P, _C, _X = ProcedureStepState
_OURS = Row(Answer.OK, needs_transaction_uid=True)

TRANSITIONS: dict[Action, dict[ProcedureStepState, Row]] = {
    Action.CREATE: dict.fromkeys(ProcedureStepState, Row(Answer.DUPLICATE)),
    Action.CLAIM: {
        _S: Row(Answer.OK),
        _P: Row(Answer.ALREADY_IN_PROGRESS),
        _C: Row(Answer.FINAL),
        _X: Row(Answer.FINAL),
    },
    Action.COMPLETE: {
        _S: Row(Answer.NOT_IN_PROGRESS),
        _P: _OURS,
        _C: Row(Answer.ALREADY_COMPLETED, needs_transaction_uid=True),
        _X: Row(Answer.FINAL),
    },
    Action.CANCEL: {
        _S: Row(Answer.NOT_IN_PROGRESS),
        _P: _OURS,
        _C: Row(Answer.FINAL),
        _X: Row(Answer.ALREADY_CANCELED, needs_transaction_uid=True),
    },
    Action.UNCLAIM: dict.fromkeys(ProcedureStepState, Row(Answer.ONLY_BY_CREATE)),
    Action.UPDATE: {
        _S: Row(Answer.OK),
        _P: Row(Answer.WRONG_TRANSACTION_UID),
        _C: Row(Answer.FINAL),
        _X: Row(Answer.FINAL),
    },
    Action.UPDATE_CLAIMED: {
        _S: Row(Answer.NOT_IN_PROGRESS),
        _P: _OURS,
        _C: Row(Answer.FINAL),
        _X: Row(Answer.FINAL),
    },
    Action.REQUEST_CANCEL: {
        _S: Row(Answer.OK),
        _P: Row(Answer.PASSED_ON),
        _C: Row(Answer.COMPLETED_CANNOT_CANCEL),
        _X: Row(Answer.ALREADY_CANCELED),
    },
}
"""What a server answers. A cancel request on SCHEDULED is carried out by the server itself (2024e: SCP goes through
IN PROGRESS to CANCELED); a claim of an IN PROGRESS item is C302."""

TEXTS: dict[Answer, str] = {
    Answer.OK: "",
    Answer.PASSED_ON: "",
    Answer.ALREADY_CANCELED: "The UPS is already in the requested state of CANCELED",
    Answer.ALREADY_COMPLETED: "The UPS is already in the requested state of COMPLETED",
    Answer.CREATED_WITH_CHANGES: "The UPS was created with modifications",
    Answer.UPDATED_WITH_CHANGES: "The UPS was updated with modifications",
    Answer.INVALID_ATTRIBUTE: "An attribute of the request is not valid",
    Answer.DUPLICATE: "A workitem with this UID exists",
    Answer.FINAL: "The UPS is in a final state and may no longer be updated",
    Answer.WRONG_TRANSACTION_UID: "The Transaction UID is missing or incorrect",
    Answer.ALREADY_IN_PROGRESS: "The UPS is already IN PROGRESS",
    Answer.ONLY_BY_CREATE: "The UPS may only become SCHEDULED via creation",
    Answer.FINAL_STATE_REQUIREMENTS: "The UPS has not met final state requirements for the requested state change",
    Answer.UNKNOWN_WORKITEM: "The server knows no such UPS",
    Answer.NOT_CREATED_AS_SCHEDULED: "The UPS was not created in the SCHEDULED state",
    Answer.NOT_IN_PROGRESS: "The UPS is not yet in the IN PROGRESS state",
    Answer.COMPLETED_CANNOT_CANCEL: "The UPS is already COMPLETED",
    Answer.PERFORMER_UNREACHABLE: "The performer cannot be contacted; a reason is needed to take the study over",
    Answer.PERFORMER_REFUSES: "The performer has signed; the report is on its way",
}
"""The text of `Warning: 299` (PS3.18 11.x.3)."""


def row(action: Action, state: ProcedureStepState) -> Row:
    """The cell of the table."""
    return TRANSITIONS[action][state]
