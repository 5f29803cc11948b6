"""Where the reader stands with one study: asking, mine, lost, unclear, released, signed. Main thread only."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable

from ups.claiming import ClaimKind
from ups.errors import UpsError
from viewer.cancel import CancelToken
from worklist_client.commands.case_images import sentence_of
from worklist_client.commands.case_state import NotEditable, Standing
from worklist_client.commands.desk import Desk
from worklist_client.journal import DraftRow
from worklist_client.worklist.assigning import Assigning
from worklist_client.worklist.entries import Status, StudyEntry
from worklist_client.worklist.outcomes import ClaimDeskError, ClaimResult, ReleaseKind, ReleaseResult
from worklist_client.worklist.region import RegionError

FIRST = "Another reader claimed this study first. You can look, not report."

MOVED = "You went on with this study at another desk. What you typed here is kept here."


class CaseClaim:
    """The claim of one case. `changed` is called after each step; `won` once when it is mine, before `changed`;
    `gone(reason)` when it was mine and is not any more, before `changed`."""

    def __init__(
        self,
        desk: Desk,
        entry: StudyEntry,
        *,
        changed: Callable[[], None],
        won: Callable[[], None],
        gone: Callable[[str], None],
    ) -> None:
        self._desk = desk
        self._entry = entry
        self._changed = changed
        self._won = won
        self._gone = gone
        self.standing = Standing.LOOKING
        self.holder = _other_holder(entry)
        """Who has it, where that is somebody else."""
        self.reason = ""
        """An English sentence about the last step, empty when all is well."""
        self.handed_by = ""
        """Code of the reader whose text came with the study; empty where none did."""
        self.reserved_for = ""
        """For whom the study was reserved when it was asked for, where that is somebody else; for `standing` MINE."""
        self._is_wanted = False
        """Whether the last step was to ask for the claim, not to give it back."""

    def ask(self) -> None:
        """Ask for the claim; again after an unclear answer is harmless (the same Transaction UID is replayed)."""
        self._is_wanted = True
        self.reserved_for = self._meant_for_another()
        self.stand(Standing.ASKING)
        self._desk.runner.submit(
            self._claim,
            self._entry,
            lane="hub",
            owner=self,
            priority=-1,
            done=self._answered,
            failed=lambda error: self.stand(Standing.UNCLEAR, sentence_of(error)),
        )

    def ask_if_free(self) -> None:
        """It was opened for looking, and is wanted now; not where somebody else is known to read it."""
        if self.standing is Standing.LOOKING and not self.holder:
            self.ask()

    def release(self) -> None:
        """Give the study back. Raises `NotEditable` where it is not mine."""
        if self.standing is not Standing.MINE:
            raise NotEditable("The study is not claimed by you")
        self._is_wanted = False
        self._gone("released by the reader")
        self._desk.runner.submit(
            self._release,
            self._entry.workitem_uid,
            lane="hub",
            owner=self,
            done=self._released,
            failed=lambda error: self.stand(Standing.UNCLEAR, sentence_of(error)),
        )

    def told(self, entry: StudyEntry) -> None:
        """The hub told something newer of this workitem; a claim that went to somebody else is lost."""
        if entry.workitem_uid != self._entry.workitem_uid:
            return
        self._entry = entry
        if self.standing is Standing.LOOKING:
            self._look_again(_other_holder(entry))
            return
        if self.standing is Standing.UNCLEAR and self._is_wanted:
            self._settle(entry)
            return
        mine = self.standing is Standing.MINE
        taken = entry.status is Status.CLAIMED and bool(entry.holder_code)
        if mine and taken:
            self.lose(entry.holder)
        elif mine and entry.status is Status.CANCELED:
            self.lose(entry.holder, entry.cancel_reason)

    def _meant_for_another(self) -> str:
        """A reservation does not keep anybody from claiming, but he should know of it."""
        entry = self._entry
        is_meant = bool(entry.reserved_for_code) and entry.reserved_for_code != self._desk.reader.code
        return entry.reserved_for or entry.reserved_for_code if is_meant else ""

    def _settle(self, entry: StudyEntry) -> None:
        """What became of a claim whose answer was lost on the way: it is mine, or somebody else was quicker."""
        self.holder = _other_holder(entry)
        if entry.is_own:
            self.ask()  # the same Transaction UID again: the answer that was lost
        elif self.holder:
            self.stand(Standing.LOST, FIRST)

    def _look_again(self, holder: str) -> None:
        """Whoever only looks is told who reads it now, or that nobody does any more."""
        if holder != self.holder:
            self.holder = holder
            self._changed()

    def lose(self, holder: str, reason: str = "") -> None:
        """It is somebody else's."""
        self.holder = holder
        self._gone(reason or "the claim went to another reader")
        self.stand(Standing.LOST, reason)

    def moved(self) -> None:
        """The same reader has it at another desk now."""
        self.holder = ""
        self._gone("went on at another desk")
        self.stand(Standing.MOVED, MOVED)

    def stand(self, standing: Standing, reason: str = "") -> None:
        """Take a position and say so."""
        self.standing = standing
        self.reason = reason
        self._changed()

    def _claim(self, entry: StudyEntry, token: CancelToken) -> ClaimResult:
        result = self._desk.claims.claim(
            entry.workitem_uid,
            site_id=entry.site_id,
            study_instance_uid=entry.study_instance_uid,
            cancelled=token.cancelled,
        )
        if result.kind is ClaimKind.WON and entry.replaces:
            with contextlib.suppress(UpsError, RegionError, ClaimDeskError):  # it stays at the hub; asked for again
                self._take_handed_draft(entry)
        return result

    def _take_handed_draft(self, entry: StudyEntry) -> None:
        """A text that the reader before handed over becomes the draft of this claim, where there is none yet."""
        drafts, key = self._desk.journal.drafts, entry.patient.key
        if drafts.editable(entry.workitem_uid):
            return
        found = Assigning(self._desk.client, self._desk.claims).handed_draft(entry.workitem_uid)
        if found is None:
            return
        row = DraftRow(
            draft_uid=self._desk.new_uid(),
            workitem_uid=entry.workitem_uid,
            site_id=entry.site_id,
            study_instance_uid=entry.study_instance_uid,
            patient_issuer=key.issuer,
            patient_id=key.patient_id,
            content=json.dumps(found.draft, ensure_ascii=False),
            revision=1,
            saved_at=self._desk.now(),
        )
        drafts.save(row)
        self.handed_by = found.author

    def _release(self, workitem_uid: str, token: CancelToken) -> ReleaseResult:
        return self._desk.claims.release(workitem_uid, "given back by the reader", cancelled=token.cancelled)

    def _released(self, result: ReleaseResult) -> None:
        if result.kind is ReleaseKind.UNKNOWN:
            self.stand(Standing.UNCLEAR, result.reason)
        else:
            self.stand(Standing.RELEASED, result.reason)

    def _answered(self, result: ClaimResult) -> None:
        if result.kind is ClaimKind.WON:
            self.standing, self.reason = Standing.MINE, ""
            self._won()
            self._changed()
        elif result.kind is ClaimKind.LOST:
            self.holder = result.holder
            # A reader sees studies, not work items: where it is known who was quicker, the hub's own words add nothing.
            self.stand(Standing.LOST, FIRST if result.holder else result.reason)
        else:
            self.stand(Standing.UNCLEAR, result.reason)


def _other_holder(entry: StudyEntry) -> str:
    """Who reads the study, where that is not the reader at this desk."""
    held = entry.status in (Status.CLAIMED, Status.DELIVERING) and not entry.is_own
    return entry.holder if held else ""
