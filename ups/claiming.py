"""Claim, prove, fence and release (design decision 1): one winner, and an unclear answer is resolved, never guessed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from ups import changes
from ups import dicom_json as dj
from ups.client import UpsClient
from ups.codes import REPORTED
from ups.dicom_json import DicomJson
from ups.errors import AlreadyThere, Conflict, Interrupted, NotFound, Refused, UpsError, WrongTransactionUid
from ups.replacement import replacement_of
from ups.states import ProcedureStepState
from ups.tags import TAG_OF
from ups.workitem import RESCHEDULED, RESCHEDULING_RECOMMENDED, Person, Workitem

Cancelled = Callable[[], bool]
Wait = Callable[[float], object]
"""Waits so many seconds; may return early."""

RETRY_WAITS_S = (0.2, 0.5, 1.0, 2.0)
"""Between attempts to resolve an unclear answer; then the outcome is UNKNOWN and the journal asks again later."""
HOLDER_WAIT_S = 0.25
HOLDER_TRIES = 8
"""A loser asks for two seconds who won, where the winner has to write that himself."""


class ClaimKind(StrEnum):
    """What is known of a claim."""

    WON = "won"
    LOST = "lost"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ClaimOutcome:
    """`holder` is who has it (where LOST and known); `reason` what the server said."""

    kind: ClaimKind
    holder: Person | None = None
    reason: str = ""


WON, LOST, UNKNOWN = ClaimKind


def claim(
    client: UpsClient,
    uid: str,
    transaction_uid: str,
    *,
    cancelled: Cancelled,
    wait: Wait,
    performer: Person | None = None,
) -> ClaimOutcome:
    """Claim `uid` with a Transaction UID that the caller has journalled.

    UNKNOWN: the hub is away; ask again with the same Transaction UID. Raises `NotAuthorised`, and `Refused` where the
    server finds the request itself wrong.
    """
    outcome = ClaimOutcome(UNKNOWN)
    for pause in (*RETRY_WAITS_S, None):
        if cancelled():
            return ClaimOutcome(UNKNOWN, reason="interrupted")
        outcome = _attempt(client, uid, transaction_uid, was_unclear=outcome.reason != "")
        if outcome.kind is not UNKNOWN:
            break
        if pause is not None:
            wait(pause)
    if outcome.kind is WON:
        _name_holder(client, uid, transaction_uid, performer)
    if outcome.kind is LOST and outcome.holder is None:
        return ClaimOutcome(LOST, holder_of(client, uid, cancelled=cancelled, wait=wait), outcome.reason)
    return outcome


def prove(client: UpsClient, uid: str, transaction_uid: str) -> ClaimOutcome:
    """Is it ours? An Update that changes nothing, with our Transaction UID, and what it means.

    UNKNOWN with an empty reason: still SCHEDULED, the claim never arrived and may be sent again.
    """
    try:
        found = client.retrieve(uid)
        if found.state is ProcedureStepState.SCHEDULED:
            return ClaimOutcome(UNKNOWN)
        client.update(uid, _unchanged(found), transaction_uid)
    except NotFound as error:
        return ClaimOutcome(LOST, reason=error.reason)
    except (Conflict, WrongTransactionUid) as error:
        return _refused(client, uid, error)
    except Refused as error:
        return ClaimOutcome(UNKNOWN, reason=error.reason) if error.is_unclear else _refused(client, uid, error)
    except UpsError as error:
        if not error.is_unclear:
            raise
        return ClaimOutcome(UNKNOWN, reason=error.reason)
    return ClaimOutcome(WON)


def fence(client: UpsClient, uid: str, transaction_uid: str) -> None:
    """Progress 100, "signed, delivering". Returns = send; raises `WrongTransactionUid` or `Conflict` = send nothing."""
    client.update(uid, changes.fence(), transaction_uid)


def release(
    client: UpsClient,
    uid: str,
    transaction_uid: str,
    *,
    cancelled: Cancelled,
    wait: Wait,
    reason: str = "",
) -> str:
    """Give it back to the list; the UID of the replacement. Doing it again after an unclear answer is harmless.

    Raises `WrongTransactionUid` or `Conflict` where it is not ours (any more), `Interrupted`, and the unclear error
    where the server stays away.
    """
    for pause in (*RETRY_WAITS_S, None):
        if cancelled():
            raise Interrupted("the release was interrupted; it can be asked for again")
        try:
            return _release_once(client, uid, transaction_uid, reason)
        except UpsError as error:
            if not error.is_unclear or pause is None:
                raise
        wait(pause)
    raise AssertionError("unreachable")


def close(client: UpsClient, uid: str, transaction_uid: str, *, reason: str) -> None:
    """Cancel our own claim because the hospital holds another report: nobody need read it while that is there. Doing it
    again after an unclear answer is harmless.

    Raises `WrongTransactionUid` or `Conflict` where it is not ours (any more), else the error of the server.
    """
    found = client.retrieve(uid)
    if found.state is ProcedureStepState.CANCELED:
        return
    client.update(uid, changes.progress(0.0, reason=reason, code=REPORTED), transaction_uid)
    client.change_state(uid, ProcedureStepState.CANCELED, transaction_uid)


def holder_of(client: UpsClient, uid: str, *, cancelled: Cancelled, wait: Wait) -> Person | None:
    """Who holds it; asked for up to two seconds, None where nobody says so."""
    for _ in range(HOLDER_TRIES):
        try:
            found = client.retrieve(uid)
        except UpsError:
            return None  # the claim is lost for certain; its winner's name is a courtesy
        if found.holder is not None or found.state.is_final or cancelled():
            return found.holder
        wait(HOLDER_WAIT_S)
    return None


def _attempt(client: UpsClient, uid: str, transaction_uid: str, *, was_unclear: bool) -> ClaimOutcome:
    try:
        client.change_state(uid, ProcedureStepState.IN_PROGRESS, transaction_uid)
    except NotFound as error:
        return ClaimOutcome(LOST, reason=error.reason)
    except (Conflict, WrongTransactionUid) as error:
        if was_unclear:  # an earlier attempt may have won: foreign servers answer C302 to the replay
            return _proved(client, uid, transaction_uid)
        return ClaimOutcome(LOST, getattr(error, "holder", None), error.reason)
    except UpsError as error:
        if not error.is_unclear:
            raise
        proved = _proved(client, uid, transaction_uid)
        return proved if proved.kind is not UNKNOWN else ClaimOutcome(UNKNOWN, reason=error.reason)
    return ClaimOutcome(WON)


def _proved(client: UpsClient, uid: str, transaction_uid: str) -> ClaimOutcome:
    outcome = prove(client, uid, transaction_uid)
    if outcome.kind is UNKNOWN and not outcome.reason:
        return ClaimOutcome(UNKNOWN, reason="the claim has not arrived yet")
    return outcome


def _refused(client: UpsClient, uid: str, error: UpsError) -> ClaimOutcome:
    """The proof was refused: still SCHEDULED = not arrived, else lost."""
    try:
        found = client.retrieve(uid)
    except UpsError as other:
        return ClaimOutcome(UNKNOWN, reason=other.reason)
    if found.state is ProcedureStepState.SCHEDULED:
        return ClaimOutcome(UNKNOWN)
    return ClaimOutcome(LOST, found.holder, error.reason)


def _unchanged(found: Workitem) -> DicomJson:
    """The progress as it stands; the label where there is none yet."""
    for keyword in ("ProcedureStepProgressInformationSequence", "ProcedureStepLabel"):
        tag = TAG_OF[keyword]
        if tag in found.attributes:
            return {tag: found.attributes[tag]}
    return dj.make(ProcedureStepLabel=found.label)


def _name_holder(client: UpsClient, uid: str, transaction_uid: str, performer: Person | None) -> None:
    person = performer or client.reader
    if client.dialect.names_holder or person is None:
        return
    try:
        client.update(uid, changes.performer(person, datetime.now(UTC)), transaction_uid)
    except UpsError:
        return  # the claim is won; the name follows with the next heartbeat


def _release_once(client: UpsClient, uid: str, transaction_uid: str, reason: str) -> str:
    found = client.retrieve(uid)
    if found.state is ProcedureStepState.IN_PROGRESS:
        try:
            # What was signed and is taken back is "signed, delivering" no more; our hub would refuse its release.
            percent = 0.0 if (found.progress_percent or 0.0) >= changes.FENCED_PERCENT else found.progress_percent
            why = changes.progress(percent, reason=reason, code=RESCHEDULING_RECOMMENDED)
            client.update(uid, why, transaction_uid)
            client.change_state(uid, ProcedureStepState.CANCELED, transaction_uid)
        except Conflict:
            found = client.retrieve(uid)  # released by another of our desks between our questions?
            if found.state is ProcedureStepState.IN_PROGRESS:
                raise
    if found.state is not ProcedureStepState.IN_PROGRESS and not _was_released(found):
        raise Conflict(f"a workitem that is {found.state} cannot be released", holder=found.holder)
    replacement = replacement_of(found.attributes)
    if not client.dialect.creates_replacement:
        with contextlib.suppress(AlreadyThere):  # made before, by us or by another client that saw the release
            client.create(Workitem.from_json(replacement))
    return dj.text(replacement, "SOPInstanceUID")


def _was_released(found: Workitem) -> bool:
    """CANCELED to be read anew; one cancelled for another reason (order withdrawn) must not come back."""
    codes = (RESCHEDULED.value, RESCHEDULING_RECOMMENDED.value)
    is_canceled = found.state is ProcedureStepState.CANCELED
    return is_canceled and found.cancel_code is not None and found.cancel_code.value in codes
