"""What the journal says of claims, in the claim desk's words; each change is on the disk when a method returns."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from ups.claiming import ClaimKind, ClaimOutcome
from ups.codes import Person
from worklist_client.journal import ClaimRow, ClaimState, Journal, PackageState, RowMissing
from worklist_client.worklist.outcomes import ClaimResult, NotClaimedHere


class ClaimBook:
    """The claims, drafts and outbox of one journal, as far as a claim concerns them."""

    def __init__(self, journal: Journal, now: Callable[[], datetime]) -> None:
        self._journal, self._now = journal, now

    def ask(self, workitem_uid: str, transaction_uid: str, site_id: str, study_instance_uid: str) -> ClaimRow:
        """Write a claim before it is sent; the open one where there is one."""
        return self._journal.claims.ask(
            workitem_uid, transaction_uid, self._now(), site_id=site_id, study_instance_uid=study_instance_uid
        )

    def open_claim(self, workitem_uid: str) -> ClaimRow:
        """The open claim. Raises `NotClaimedHere`."""
        try:
            return self._journal.claims.open_claim(workitem_uid)
        except RowMissing as error:
            raise NotClaimedHere("this desk does not hold the study") from error

    def open_claims(self) -> list[ClaimRow]:
        """All of them, oldest first."""
        return self._journal.claims.open_claims()

    def is_open(self, workitem_uid: str) -> bool:
        """Whether there is an open claim."""
        return any(row.is_open for row in self._journal.claims.history(workitem_uid))

    def holds(self, workitem_uid: str) -> bool:
        """Whether there is a claim that was won, and is not ended."""
        rows = self._journal.claims.history(workitem_uid)
        return any(row.is_open and row.state is not ClaimState.ASKED for row in rows)

    def was_completed(self, workitem_uid: str) -> bool:
        """Whether an earlier claim of it was completed."""
        return any(row.state is ClaimState.COMPLETED for row in self._journal.claims.history(workitem_uid))

    def has_report(self, workitem_uid: str) -> bool:
        """Whether a signed report of it is, or was, on its way."""
        return any(row.state is not PackageState.WITHDRAWN for row in self._journal.outbox.of_workitem(workitem_uid))

    def was_signed(self, workitem_uid: str) -> bool:
        """Whether a report of it was ever signed here, withdrawn ones included."""
        return bool(self._journal.outbox.of_workitem(workitem_uid))

    def set_state(
        self, workitem_uid: str, state: ClaimState, *, reason: str = "", outputs: str | None = None
    ) -> ClaimRow:
        """Change the open claim."""
        return self._journal.claims.set_state(workitem_uid, state, self._now(), reason=reason, outputs=outputs)

    def lose(self, workitem_uid: str, holder: Person | None, reason: str) -> None:
        """Somebody else has it: the text is kept as an orphan draft.

        The draft first: after a crash between the two, the claim is still open and is verified again.
        """
        self._journal.drafts.orphan_of_workitem(workitem_uid, reason or "the claim was lost")
        name = holder.name if holder is not None else ""
        self._journal.claims.set_state(workitem_uid, ClaimState.LOST, self._now(), holder=name, reason=reason)

    def give_back(self, workitem_uid: str, reason: str) -> None:
        """Released: the text stays with its author, as an orphan draft."""
        self._journal.drafts.orphan_of_workitem(workitem_uid, "you gave the study back")
        self.set_state(workitem_uid, ClaimState.RELEASED, reason=reason)

    def settle(self, row: ClaimRow, outcome: ClaimOutcome) -> ClaimResult:
        """Write down what a claim came to."""
        uid, holder = row.workitem_uid, outcome.holder
        if outcome.kind is ClaimKind.WON:
            if row.state is ClaimState.ASKED:
                self.set_state(uid, ClaimState.HELD)
            return ClaimResult(uid, ClaimKind.WON, row.transaction_uid)
        if outcome.kind is ClaimKind.LOST:
            self.lose(uid, holder, outcome.reason)
        return ClaimResult(
            uid,
            outcome.kind,
            row.transaction_uid if outcome.kind is ClaimKind.UNKNOWN else "",
            holder.name if holder is not None else "",
            holder.code if holder is not None else "",
            outcome.reason,
        )
