"""Who is to read a study: reserve, assign, hand over, take over; and telling the hub that a report was begun.

Every method blocks on the network, and raises `UpsError` where the hub cannot be asked or says no in general.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from ups import changes
from ups.client import UpsClient
from ups.codes import NOT_CHECKED, RESOURCE_PREEMPTED, Person
from ups.errors import AlreadyThere, Conflict, NotFound, WrongTransactionUid
from ups.identifiers import replacement_uid
from ups.replacement import replacement_of
from ups.states import ProcedureStepState
from ups.workitem import Workitem
from worklist_client.worklist import region
from worklist_client.worklist.claim import ClaimDesk
from worklist_client.worklist.outcomes import ReleaseKind, ReleaseResult


class AssignKind(StrEnum):
    """DONE: it stands as asked. OTHERWISE: somebody else was last; `holder` says who. GONE: not waiting any more."""

    DONE = "done"
    OTHERWISE = "otherwise"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class AssignResult:
    """What a reservation came to, as read again afterwards: Update knows no compare-and-set."""

    workitem_uid: str
    kind: AssignKind
    holder: str = ""


class TakeOverKind(StrEnum):
    """TAKEN: free to claim, reserved for me, under `replacement_uid`. ASKED: the reader is alive and was asked."""

    TAKEN = "taken"
    ASKED = "asked"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class TakeOverResult:
    """What asking for somebody else's study came to."""

    workitem_uid: str
    kind: TakeOverKind
    replacement_uid: str = ""
    reason: str = ""


class Assigning:
    """Says it to the hub. Safe from any thread."""

    def __init__(self, client: UpsClient, claims: ClaimDesk) -> None:
        self._client, self._claims = client, claims

    def reserve(self, workitem_uid: str) -> AssignResult:
        """For the reader of this desk. A reservation is soft: it is seen, and whoever claims has the study."""
        return self.assign(workitem_uid, self._client.reader)

    def assign(self, workitem_uid: str, person: Person | None) -> AssignResult:
        """For somebody, or with None for nobody; only while nobody has claimed it."""
        try:
            self._client.update(workitem_uid, changes.reservation(person))
        except (Conflict, NotFound, WrongTransactionUid):
            return AssignResult(workitem_uid, AssignKind.GONE)
        found = self._client.retrieve(workitem_uid)
        wanted, now = person.code if person else "", found.reserved_for.code if found.reserved_for else ""
        if found.state is ProcedureStepState.IN_PROGRESS and found.holder is not None:
            is_theirs = person is not None and found.holder.code == person.code
            kind = AssignKind.DONE if is_theirs else AssignKind.OTHERWISE
            return AssignResult(workitem_uid, kind, found.holder.name)
        if wanted == now:
            return AssignResult(workitem_uid, AssignKind.DONE)
        return AssignResult(workitem_uid, AssignKind.OTHERWISE, found.reserved_for.name if found.reserved_for else "")

    def take_over(self, workitem_uid: str, reason: str, *, contact_uri: str = "") -> TakeOverResult:
        """Ask for a study that somebody holds, with a reason. A stale claim, or one's own from another desk, is taken;
        a live one is asked for. The reader before keeps his draft and is told."""
        try:
            self._client.request_cancel(
                workitem_uid,
                reason=reason,
                code=RESOURCE_PREEMPTED,
                contact_name=self._client.reader.name if self._client.reader else "",
                contact_uri=contact_uri,
            )
        except (Conflict, NotFound) as error:
            return TakeOverResult(workitem_uid, TakeOverKind.REFUSED, reason=error.reason)
        found = self._client.retrieve(workitem_uid)
        if found.state is ProcedureStepState.CANCELED:
            return TakeOverResult(workitem_uid, TakeOverKind.TAKEN, replacement_uid(workitem_uid))
        return TakeOverResult(workitem_uid, TakeOverKind.ASKED)

    def put_back(self, before: Workitem) -> None:
        """A study that was taken off the list by mistake comes back as the replacement of its workitem, which nobody
        can make twice: due when it was due, and checked anew against what its hospital says by now. `before` is the
        workitem as it was, whole. Raises also `NotAuthorised`: not every role may put studies on the list."""
        made = Workitem.from_json(replacement_of(before.attributes))
        made = replace(made, remarks=tuple(dict.fromkeys((*made.remarks, NOT_CHECKED))))
        with suppress(AlreadyThere):
            self._client.create(made)

    def hand_over(
        self, workitem_uid: str, receiver: Person | None, draft: dict[str, Any] | None, reason: str = ""
    ) -> ReleaseResult:
        """Give a claimed study to somebody, or with None to whoever comes, with the draft where there is one.

        The draft goes first: where it cannot be kept, nothing is released. Raises also `RegionError`, and what
        `ClaimDesk.release` raises.
        """
        code = receiver.code if receiver is not None else ""
        with self._claims.holding(workitem_uid) as row:
            if draft is not None:
                region.put_draft(self._client, workitem_uid, row.transaction_uid, code, draft)
            if receiver is not None:
                self._client.update(workitem_uid, changes.reservation(receiver), row.transaction_uid)
        return self._claims.release(workitem_uid, reason or "handed over")

    def handed_draft(self, workitem_uid: str) -> region.HandedDraft | None:
        """The draft that came with a study which this desk holds; None where none came. Raises also `RegionError`."""
        with self._claims.holding(workitem_uid) as row:
            return region.take_draft(self._client, workitem_uid, row.transaction_uid)

    def keep(self, workitem_uid: str) -> None:
        """Say to whoever asked for it that the study stays here. Said anew each time, so that each question has an
        answer; and a study that its reader wants to keep is never released by itself."""
        with self._claims.holding(workitem_uid) as row:
            percent = max(self._client.retrieve(workitem_uid).progress_percent or 0, changes.STARTED_PERCENT)
            for text in (changes.STARTED_TEXT, changes.KEPT_TEXT):
                self._client.update(workitem_uid, changes.progress(percent, text), row.transaction_uid)

    def note_started(self, workitem_uid: str) -> None:
        """Tell that there is text: from now on the hub never releases the claim by itself."""
        with self._claims.holding(workitem_uid) as row:
            if (self._client.retrieve(workitem_uid).progress_percent or 0) < changes.STARTED_PERCENT:
                self._client.update(workitem_uid, changes.started(), row.transaction_uid)


def was_handed_over(result: ReleaseResult) -> bool:
    """Whether it is the receiver's turn now."""
    return result.kind is ReleaseKind.RELEASED
