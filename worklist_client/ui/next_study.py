"""The next study: claimed first and opened then, so that no patient's images appear whom somebody else was quicker to
claim. Whatever is claimed and not opened is given back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QObject

from ups.claiming import ClaimKind
from viewer.cancel import CancelToken
from viewer.titles import study_title
from worklist_client.commands.case_images import sentence_of
from worklist_client.commands.desk import Desk
from worklist_client.identity.names import display_name
from worklist_client.worklist.entries import Status, StudyEntry
from worklist_client.worklist.outcomes import ClaimDeskError, ClaimResult

EntryId = tuple[str, str]


@dataclass(frozen=True)
class NextActs:
    """What the windows do about it. `say(sentence, tone)`; `come_back`: to the list, for nothing was opened."""

    open: Callable[[StudyEntry], None]
    is_open: Callable[[EntryId], bool]
    say: Callable[[str, str], None]
    come_back: Callable[[], None]


@dataclass(eq=False)
class _Asking:
    """One claim under way, and what comes after it. `dropped`: the reader went on with something else meanwhile."""

    entry: StudyEntry
    after: Sequence[StudyEntry]
    passed: tuple[str, ...]
    dropped: bool = False


class NextStudy:
    """At most one is asked for at a time. Main thread only."""

    def __init__(self, desk: Desk, acts: NextActs, owner: QObject) -> None:
        self._desk, self._acts, self._owner = desk, acts, owner
        self._asking: _Asking | None = None

    def begin(self, waiting: Sequence[StudyEntry]) -> None:
        """Claim and open the first of them that can be had; asking again while it is asked for changes nothing."""
        if self._asking is None:
            self._try(waiting, ())

    def drop(self) -> None:
        """The reader opened something else: what is asked for is not opened any more."""
        if self._asking is not None:
            self._asking.dropped = True
            self._asking = None

    def _try(self, waiting: Sequence[StudyEntry], passed: tuple[str, ...]) -> None:
        if not waiting:
            nothing = self._desk.tr("Nothing is left to read with these filters.")
            self._end("  ".join([*passed, nothing]), "info")
        elif waiting[0].status is Status.MINE:
            self._open(waiting[0], passed)
        else:
            self._ask(_Asking(waiting[0], waiting[1:], passed))

    def _ask(self, asking: _Asking) -> None:
        self._asking = asking

        def claim(wanted: StudyEntry, token: CancelToken) -> ClaimResult:
            return self._desk.claims.claim(
                wanted.workitem_uid,
                site_id=wanted.site_id,
                study_instance_uid=wanted.study_instance_uid,
                cancelled=lambda: token.cancelled() or asking.dropped,
            )

        self._desk.runner.submit(
            claim,
            asking.entry,
            lane="hub",
            owner=self._owner,
            priority=-1,
            done=lambda result: self._answered(asking, result),
            failed=lambda error: self._failed(asking, error),
        )

    def _answered(self, asking: _Asking, result: ClaimResult) -> None:
        if self._asking is asking:
            self._asking = None
        if result.kind is ClaimKind.WON and not asking.dropped:
            self._open(asking.entry, asking.passed)
        elif result.kind is not ClaimKind.LOST:
            self._give_back(asking, result.kind)
        elif not asking.dropped:
            tr = self._desk.tr
            who = display_name(result.holder) or tr("Another reader")
            lost = tr("{name} claimed {study} meanwhile.", name=who, study=study_line(asking.entry))
            self._try(asking.after, (*asking.passed, lost))

    def _failed(self, asking: _Asking, error: Exception) -> None:
        if self._asking is asking:
            self._asking = None
        if not asking.dropped:
            tr = self._desk.tr
            self._end(f"{tr('The next study could not be claimed')}: {tr(sentence_of(error))}", "danger")

    def _give_back(self, asking: _Asking, kind: ClaimKind) -> None:
        """Claimed and not wanted any more; or nobody knows, and then no heartbeat may claim it without a window."""
        tr, entry = self._desk.tr, asking.entry
        if not asking.dropped:
            self._end(tr("The shared worklist does not answer, so no further study was claimed."), "danger")
        elif kind is ClaimKind.WON and not self._is_wanted(entry):
            text = tr("{study} is given back, for you opened another study meanwhile.", study=study_line(entry))
            self._acts.say(text, "info")
        if self._is_wanted(entry):
            return
        is_away = kind is ClaimKind.UNKNOWN

        def release(uid: str, token: CancelToken) -> None:
            # Where the hub is away it is written down only, and said with the next heartbeat.
            try:
                self._desk.claims.release(uid, cancelled=lambda: is_away or token.cancelled())
            except ClaimDeskError:
                return  # given back, or signed, meanwhile

        # Before any claim that the reader asks for from here on.
        self._desk.runner.submit(
            release, entry.workitem_uid, lane="hub", owner=self._owner, priority=-2, failed=lambda _error: None
        )

    def _is_wanted(self, entry: StudyEntry) -> bool:
        """The reader has it open, or asks for it again."""
        again = self._asking is not None and self._asking.entry.entry_id == entry.entry_id
        return again or self._acts.is_open(entry.entry_id)

    def _open(self, entry: StudyEntry, passed: tuple[str, ...]) -> None:
        if passed:
            self._acts.say("  ".join(passed), "attention")
        self._acts.open(entry)

    def _end(self, text: str, tone: str) -> None:
        self._acts.come_back()
        self._acts.say(text, tone)


def study_line(entry: StudyEntry) -> str:
    """A study in one short line: whose, and what."""
    what = study_title(entry.modality, entry.study_description)
    return "  ·  ".join(part for part in (display_name(entry.patient.name), what) if part)
