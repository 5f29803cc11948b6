"""What is answered over HTTP: the status and the `Warning` of PS3.18, by transaction. The reason in our own words, with
the holder, stands in the body.
"""

from __future__ import annotations

from enum import StrEnum

from ups.states import Answer


class Transaction(StrEnum):
    """The transactions of PS3.18 chapter 11 that change something."""

    CREATE = "create"
    UPDATE = "update"
    CHANGE_STATE = "change state"
    REQUEST_CANCEL = "request cancellation"
    SUBSCRIBE = "subscribe"


CREATED_WITH_CHANGES = "The Workitem was created with modifications."
UPDATED_WITH_CHANGES = "The Workitem was updated with modifications."
NOT_CLAIMED = "The target URI did not reference a claimed Workitem."
INCONSISTENT_UPDATE = "The submitted request is inconsistent with the current state of the Workitem."
INCONSISTENT_STATE = "The submitted request is inconsistent with the state of the UPS Instance."
TRANSACTION_UID_MISSING = "The Transaction UID is missing."
TRANSACTION_UID_INCORRECT = "The Transaction UID is incorrect."
ALREADY_CANCELED = "The UPS is already in the requested state of CANCELED."
ALREADY_COMPLETED = "The UPS is already in the requested state of COMPLETED."
CANCEL_COMPLETED = "The UPS is already COMPLETED."
PERFORMER_REFUSES = "Performer chooses not to cancel."
PERFORMER_UNREACHABLE = "The performer cannot be contacted."
LOCK_NOT_GRANTED = "Deletion Lock not granted."
LITERAL_MATCHING = "The fuzzymatching parameter is not supported. Only literal matching has been performed."

_STATUS: dict[Answer, int] = {
    Answer.OK: 200,
    Answer.PASSED_ON: 202,
    Answer.CREATED_WITH_CHANGES: 201,
    Answer.UPDATED_WITH_CHANGES: 200,
    Answer.ALREADY_CANCELED: 200,
    Answer.ALREADY_COMPLETED: 200,
    Answer.DUPLICATE: 409,
    Answer.INVALID_ATTRIBUTE: 400,
    Answer.FINAL: 409,
    Answer.WRONG_TRANSACTION_UID: 400,
    Answer.ALREADY_IN_PROGRESS: 409,
    Answer.ONLY_BY_CREATE: 400,
    Answer.FINAL_STATE_REQUIREMENTS: 409,
    Answer.UNKNOWN_WORKITEM: 404,
    Answer.NOT_CREATED_AS_SCHEDULED: 400,
    Answer.NOT_IN_PROGRESS: 409,
    Answer.COMPLETED_CANNOT_CANCEL: 409,
    Answer.PERFORMER_UNREACHABLE: 409,
    Answer.PERFORMER_REFUSES: 409,
}
_STATUS_OF = {
    (Transaction.CREATE, Answer.OK): 201,
    (Transaction.UPDATE, Answer.FINAL): 400,  # PS3.18 11.6.2 asks for this one, whatever the others do
    (Transaction.REQUEST_CANCEL, Answer.OK): 202,
    (Transaction.REQUEST_CANCEL, Answer.ALREADY_CANCELED): 202,
    (Transaction.SUBSCRIBE, Answer.OK): 201,
}

_SENTENCES: dict[Answer, str] = {
    Answer.CREATED_WITH_CHANGES: CREATED_WITH_CHANGES,
    Answer.UPDATED_WITH_CHANGES: UPDATED_WITH_CHANGES,
    Answer.ALREADY_CANCELED: ALREADY_CANCELED,
    Answer.ALREADY_COMPLETED: ALREADY_COMPLETED,
    Answer.FINAL: INCONSISTENT_STATE,
    Answer.ALREADY_IN_PROGRESS: INCONSISTENT_STATE,
    Answer.ONLY_BY_CREATE: INCONSISTENT_STATE,
    Answer.FINAL_STATE_REQUIREMENTS: INCONSISTENT_STATE,
    Answer.NOT_IN_PROGRESS: INCONSISTENT_STATE,
    Answer.COMPLETED_CANNOT_CANCEL: CANCEL_COMPLETED,
    Answer.PERFORMER_UNREACHABLE: PERFORMER_UNREACHABLE,
    Answer.PERFORMER_REFUSES: PERFORMER_REFUSES,
}
_SENTENCE_OF = {
    (Transaction.UPDATE, Answer.FINAL): INCONSISTENT_UPDATE,
    (Transaction.UPDATE, Answer.NOT_IN_PROGRESS): NOT_CLAIMED,
    (Transaction.CHANGE_STATE, Answer.PERFORMER_REFUSES): INCONSISTENT_STATE,
}


def status_of(transaction: Transaction, answer: Answer) -> int:
    """The HTTP status (PS3.18 11.4.3.1, 11.6.3.1, 11.7.3.1, 11.8.3.1)."""
    return _STATUS_OF.get((transaction, answer), _STATUS[answer])


def sentence_of(transaction: Transaction, answer: Answer, *, has_transaction_uid: bool = False) -> str:
    """The text of the `Warning`; "" where PS3.18 has none: then our own words serve."""
    if answer is Answer.WRONG_TRANSACTION_UID:
        return TRANSACTION_UID_INCORRECT if has_transaction_uid else TRANSACTION_UID_MISSING
    return _SENTENCE_OF.get((transaction, answer), _SENTENCES.get(answer, ""))


def remaining(count: int, *, is_more: bool) -> str:
    """PS3.18 8.3.4.4.1; `is_more`: the counting ended there."""
    return f"There are {'at least ' if is_more else ''}{count} additional results that can be requested"
