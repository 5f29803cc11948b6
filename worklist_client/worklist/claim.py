"""The claim desk: claim, keep alive, give back, fence, complete, all journalled before they are said (decision 4.1).

Safe from any thread. What is said about one workitem is said one after the other, so that a heartbeat can never write
an old progress over a fence; different workitems do not wait for each other. Every method blocks on the network.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime

from ups import changes, claiming
from ups.claiming import ClaimKind, ClaimOutcome
from ups.client import UpsClient
from ups.codes import UNSPECIFIED_REASON, Person
from ups.errors import Conflict, Interrupted, NotAuthorised, NotFound, Refused, UpsError, WrongTransactionUid
from ups.identifiers import replacement_uid
from ups.states import ProcedureStepState
from ups.workitem import Workitem
from worklist_client.journal import ClaimRow, ClaimState, Journal, JournalError
from worklist_client.worklist.claim_book import ClaimBook
from worklist_client.worklist.completing import complete_workitem, outputs_from_text, text_from_outputs
from worklist_client.worklist.outcomes import (
    ClaimResult,
    CompleteKind,
    CompleteResult,
    FenceKind,
    FenceResult,
    NotClaimedHere,
    OutputReference,
    ReleaseKind,
    ReleaseResult,
    ReportOnItsWay,
)

HEARTBEAT_S = 30.0
"""How often `heartbeat` wants to be called (design decision 4.1)."""

Cancelled = Callable[[], bool]


def _never() -> bool:
    return False


class ClaimDesk:
    """Everything this desk says to the hub about its claims. One for each journal."""

    def __init__(
        self,
        journal: Journal,
        client: UpsClient,
        new_uid: Callable[[], str],
        now: Callable[[], datetime],
        *,
        wait: Callable[[float], object] = time.sleep,
    ) -> None:
        """`new_uid` makes Transaction UIDs; `now` an aware wall clock, for the journal and the performed times."""
        self._book, self._client = ClaimBook(journal, now), client
        self._new_uid, self._now, self._wait = new_uid, now, wait
        self._guard = threading.Lock()
        self._talking: dict[str, threading.RLock] = {}

    def claim(
        self,
        workitem_uid: str,
        *,
        site_id: str = "",
        study_instance_uid: str = "",
        cancelled: Cancelled = _never,
    ) -> ClaimResult:
        """Claim a study. Claiming one that is ours already is WON again, with the same Transaction UID.

        Raises
        ------
        NotAuthorised, Refused : the hub found the request itself wrong; nothing is claimed
        JournalError : the claim could not be written down, so it was not sent
        """
        with self._talk(workitem_uid):
            is_replay = self._book.is_open(workitem_uid)
            row = self._book.ask(workitem_uid, self._new_uid(), site_id, study_instance_uid)
            if row.state is ClaimState.RELEASING and not self._book.was_signed(workitem_uid):
                row = self._book.set_state(workitem_uid, ClaimState.ASKED)  # wanted again before the hub heard of it
            return self._book.settle(row, self._ask(row, is_replay, cancelled))

    def release(self, workitem_uid: str, reason: str = "", *, cancelled: Cancelled = _never) -> ReleaseResult:
        """Give a study back to the list. The draft stays with its author, as an orphan.

        Raises
        ------
        NotClaimedHere : there is no open claim
        ReportOnItsWay : a signed report of it is being delivered
        NotAuthorised, Refused : the hub found the request itself wrong; it is still ours
        """
        with self._talk(workitem_uid):
            row = self._book.open_claim(workitem_uid)
            if self._book.has_report(workitem_uid) or row.state in (ClaimState.CLOSING, ClaimState.COMPLETING):
                raise ReportOnItsWay("a signed report of this study is on its way")
            before = row.state
            row = self._book.set_state(workitem_uid, ClaimState.RELEASING, reason=reason)
            try:
                return self._release(row, cancelled)
            except (NotAuthorised, Refused):
                self._book.set_state(workitem_uid, before)
                raise

    def give_up(self, workitem_uid: str, *, cancelled: Cancelled = _never) -> bool:
        """Finish now what a withdrawn report left in the journal: the study goes back to the list, reserved for its
        reader, or off the list. False = the hub is away or refuses now; the heartbeat asks again."""
        with self._talk(workitem_uid):
            try:
                row = self._book.open_claim(workitem_uid)
            except NotClaimedHere:
                return True
            if row.state not in (ClaimState.RELEASING, ClaimState.CLOSING):
                return False
            is_back = row.state is ClaimState.RELEASING
            if any(one.kind is ClaimKind.UNKNOWN for one in self._resume(workitem_uid, cancelled)):
                return False
            if is_back and self._client.reader is not None:
                with suppress(UpsError):  # a courtesy: whoever claims it first reads it
                    uid = replacement_uid(workitem_uid)
                    self._client.update(uid, changes.reservation(self._client.reader))
            return True

    def resume(self, *, cancelled: Cancelled = _never) -> tuple[ClaimResult, ...]:
        """Verify every open claim of the journal, and finish what was being given back or completed.

        One result for each claim that is, may be, or against expectation no longer is ours; none for what was given
        back or completed as intended. UNKNOWN = the hub is away; the claim stays in the journal and is shown as mine.
        """
        results: list[ClaimResult] = []
        for row in self._book.open_claims():
            if cancelled():
                break
            with self._talk(row.workitem_uid):
                results += self._resume(row.workitem_uid, cancelled)
        return tuple(results)

    def heartbeat(self, *, cancelled: Cancelled = _never) -> tuple[ClaimResult, ...]:
        """Tell the hub that each claim is alive; what is known of each afterwards. LOST = taken over meanwhile.

        The proof that a claim is ours is the sign of life, and what an absent hub left unfinished is finished when it
        is back: so this is `resume` once more.
        """
        return self.resume(cancelled=cancelled)

    def holds(self, workitem_uid: str) -> bool:
        """Whether this desk holds the study: asks the journal alone, whatever number it was claimed under."""
        try:
            return self._book.holds(workitem_uid)
        except JournalError:
            return False  # the list lives on: number and name decide

    def fence(self, workitem_uid: str) -> FenceResult:
        """Before the first object of a report leaves: may it? Asking again after PASSED is harmless."""
        with self._talk(workitem_uid):
            try:
                row = self._book.open_claim(workitem_uid)
                claiming.fence(self._client, workitem_uid, row.transaction_uid)
            except NotClaimedHere as error:
                return FenceResult(workitem_uid, FenceKind.REFUSED, reason=error.reason)
            except NotAuthorised as error:
                return FenceResult(workitem_uid, FenceKind.BLOCKED, reason=error.reason)
            except UpsError as error:
                if error.is_unclear:
                    return FenceResult(workitem_uid, FenceKind.AWAY, reason=error.reason)
                return self._fence_refused(row, error)
            if row.state is not ClaimState.COMPLETING:
                self._book.set_state(workitem_uid, ClaimState.FENCED)
            return FenceResult(workitem_uid, FenceKind.PASSED)

    def complete(self, workitem_uid: str, outputs: Sequence[OutputReference]) -> CompleteResult:
        """Once every object is verified: final-state attributes, then COMPLETED. Repeating it is harmless."""
        with self._talk(workitem_uid):
            try:
                row = self._book.open_claim(workitem_uid)
            except NotClaimedHere as error:
                is_done = self._book.was_completed(workitem_uid)
                return CompleteResult(
                    workitem_uid, CompleteKind.DONE if is_done else CompleteKind.REFUSED, error.reason
                )
            row = self._book.set_state(workitem_uid, ClaimState.COMPLETING, outputs=text_from_outputs(outputs))
            return self._complete(row)

    def read_elsewhere(self, workitem_uid: str, reason: str, *, cancelled: Cancelled = _never) -> Workitem:
        """Take a study that nobody holds off the list, because it was read elsewhere; the workitem as it was, for
        whoever wants it back (`Assigning.put_back`). Raises `UpsError`, `Conflict` where somebody claimed it meanwhile.

        The hub cancels a SCHEDULED workitem on request; where a server does not, it is claimed and cancelled.
        """
        before = found = self._client.retrieve(workitem_uid)
        if self._client.dialect.cancels_scheduled:
            if found.state is not ProcedureStepState.SCHEDULED:
                # A request on a claimed workitem would be passed on to its reader as a wish to let go.
                raise Conflict("this study is not waiting to be read any more", holder=found.holder)
            self._client.request_cancel(
                workitem_uid, reason=reason, code=UNSPECIFIED_REASON, contact_name=_name(self._client.reader)
            )
            found = self._client.retrieve(workitem_uid)
            if found.state is not ProcedureStepState.CANCELED:
                raise Conflict("somebody began to read this study", holder=found.holder)
            return before
        outcome = self.claim(workitem_uid, cancelled=cancelled)
        if outcome.kind is not ClaimKind.WON:
            raise Conflict(outcome.reason or "this study is not waiting to be read any more")
        with self._talk(workitem_uid):
            why = changes.progress(reason=reason, code=UNSPECIFIED_REASON)
            self._client.update(workitem_uid, why, outcome.transaction_uid)
            self._client.change_state(workitem_uid, ProcedureStepState.CANCELED, outcome.transaction_uid)
            self._book.set_state(workitem_uid, ClaimState.RELEASED, reason=reason)
        return before

    @contextmanager
    def holding(self, workitem_uid: str) -> Iterator[ClaimRow]:
        """The open claim, and nothing else is said about the workitem meanwhile. Raises `NotClaimedHere`."""
        with self._talk(workitem_uid):
            yield self._book.open_claim(workitem_uid)

    @contextmanager
    def _talk(self, workitem_uid: str) -> Iterator[None]:
        """One conversation a workitem at a time."""
        with self._guard:
            lock = self._talking.setdefault(workitem_uid, threading.RLock())
        with lock:
            yield

    def _ask(self, row: ClaimRow, is_replay: bool, cancelled: Cancelled) -> ClaimOutcome:
        """The claim; one that was sent before is proved first, for a foreign server refuses the replay of a win."""
        if is_replay:
            proved = claiming.prove(self._client, row.workitem_uid, row.transaction_uid)
            if proved.kind is not ClaimKind.UNKNOWN or proved.reason:
                return proved
        try:
            return claiming.claim(
                self._client, row.workitem_uid, row.transaction_uid, cancelled=cancelled, wait=self._wait
            )
        except (NotAuthorised, Refused) as error:
            if not is_replay:
                self._book.set_state(row.workitem_uid, ClaimState.LOST, reason=error.reason)
            raise

    def _resume(self, workitem_uid: str, cancelled: Cancelled) -> list[ClaimResult]:
        try:
            row = self._book.open_claim(workitem_uid)
            if row.state is ClaimState.RELEASING:
                released = self._release(row, cancelled)
                if released.kind is ReleaseKind.UNKNOWN:
                    return [ClaimResult(workitem_uid, ClaimKind.UNKNOWN, reason=released.reason)]
                return []
            if row.state is ClaimState.CLOSING:
                return self._close(row)
            if row.state is ClaimState.COMPLETING:
                completed = self._complete(row)
                if completed.kind is CompleteKind.DONE:
                    return []
                kind = ClaimKind.LOST if completed.kind is CompleteKind.REFUSED else ClaimKind.UNKNOWN
                return [ClaimResult(workitem_uid, kind, reason=completed.reason)]
            return [self._book.settle(row, self._ask(row, True, cancelled))]
        except NotClaimedHere:
            return []  # ended by another thread since the journal was read
        except UpsError as error:
            return [ClaimResult(workitem_uid, ClaimKind.UNKNOWN, reason=error.reason)]

    def _close(self, row: ClaimRow) -> list[ClaimResult]:
        """Off the list. An error that is no conflict comes out of `_resume` as UNKNOWN, and is tried again."""
        try:
            claiming.close(self._client, row.workitem_uid, row.transaction_uid, reason=row.reason)
        except (Conflict, WrongTransactionUid, NotFound) as error:
            self._book.lose(row.workitem_uid, None, error.reason)
            return []
        self._book.set_state(row.workitem_uid, ClaimState.RELEASED, reason=row.reason)
        return []

    def _release(self, row: ClaimRow, cancelled: Cancelled) -> ReleaseResult:
        uid = row.workitem_uid
        try:
            replacement = claiming.release(
                self._client, uid, row.transaction_uid, cancelled=cancelled, wait=self._wait, reason=row.reason
            )
        except (Conflict, WrongTransactionUid, NotFound) as error:
            self._book.lose(uid, None, error.reason)
            return ReleaseResult(uid, ReleaseKind.LOST, reason=error.reason)
        except Interrupted as error:
            return ReleaseResult(uid, ReleaseKind.UNKNOWN, reason=error.reason)
        except UpsError as error:
            if not error.is_unclear:
                raise
            return ReleaseResult(uid, ReleaseKind.UNKNOWN, reason=error.reason)
        self._book.give_back(uid, row.reason)
        return ReleaseResult(uid, ReleaseKind.RELEASED, replacement)

    def _fence_refused(self, row: ClaimRow, error: UpsError) -> FenceResult:
        """A refusal means "not yours" only if the claim itself is gone; otherwise the server disliked the request."""
        uid = row.workitem_uid
        try:
            proved = claiming.prove(self._client, uid, row.transaction_uid)
        except UpsError as other:
            return FenceResult(uid, FenceKind.BLOCKED, reason=other.reason)
        if proved.kind is ClaimKind.UNKNOWN and proved.reason:
            return FenceResult(uid, FenceKind.AWAY, reason=proved.reason)
        if proved.kind is ClaimKind.WON:
            return FenceResult(uid, FenceKind.BLOCKED, reason=error.reason)
        self._book.lose(uid, proved.holder, error.reason)
        return FenceResult(uid, FenceKind.REFUSED, _name(proved.holder), error.reason)

    def _complete(self, row: ClaimRow) -> CompleteResult:
        uid = row.workitem_uid
        result = complete_workitem(self._client, row, outputs_from_text(row.outputs), self._now())
        if result.kind is CompleteKind.DONE:
            self._book.set_state(uid, ClaimState.COMPLETED)
        elif result.kind is CompleteKind.REFUSED:
            self._book.set_state(uid, ClaimState.LOST, reason=result.reason)
        return result


def _name(person: Person | None) -> str:
    return person.name if person is not None else ""
