"""What the hospital holds of a study in words: asked when it is opened, before its images and not with them.

What lay there at the first opening of a claim is written down with that claim, once, so that a report that arrives
while the window is closed counts as new. Final reports are named to the reader, who confirms at signing that they are
known; nothing becomes known by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pacs.errors import Interrupted, PacsError
from pacs.port import Cancelled
from pacs.site import Connection, Site
from viewer.cancel import CancelToken
from viewer.tasks import Task
from worklist_client.commands.case_images import port_of
from worklist_client.commands.desk import Desk
from worklist_client.reading.completeness import DOCUMENTS
from worklist_client.reading.errors import NoConnection
from worklist_client.worklist.entries import StudyEntry

if TYPE_CHECKING:
    from worklist_client.delivery.other_reports import OtherReport

READ_IT = "A final report of this study is at the hospital: I have read it, and mine may stand beside it"
NOT_READABLE = "The hospital holds documents of this study that could not be read here: I know what they say"


@dataclass(frozen=True)
class _Answer:
    """`finals` is None where documents are there and could not be judged now."""

    documents: tuple[str, ...]
    finals: tuple[OtherReport, ...] | None


class CaseDocuments:
    """The documents of one case. Main thread only; `changed` is called when something is known."""

    def __init__(self, desk: Desk, entry: StudyEntry, changed: Callable[[], None]) -> None:
        self._desk, self._entry, self._changed = desk, entry, changed
        self._task: Task | None = None
        self._site: Site | None = None
        self._listed: tuple[str, ...] | None = None
        self._finals: tuple[OtherReport, ...] | None = None
        self._noted: tuple[str, ...] | None = None
        self._is_asking = self._is_mine = self._is_over = False

    @property
    def finals(self) -> tuple[OtherReport, ...]:
        """Reports at the hospital that say that they are final, or do not say what they are; as far as known."""
        return self._finals or ()

    def ask(self, site: Site) -> None:
        """Ask what is there."""
        self._site = site
        self.ask_again()

    def ask_again(self) -> None:
        """Where an earlier question was not answered; nothing happens once it was."""
        if self._site is None or self._is_asking or self._is_over or self._finals is not None:
            return
        self._is_asking = True
        self._task = self._desk.runner.submit(
            lambda work, token: _asked(self._desk, work, self._entry.study_instance_uid, token.cancelled),
            self._site,
            lane="search",
            owner=self,
            priority=-1,
            done=self._answered,
            failed=self._not_answered,
            cancelled=lambda: self._not_answered(None),
        )

    def claimed(self) -> None:
        """The claim is mine: what was there is written down with it."""
        self._is_mine = True
        self._note()

    def to_confirm(self) -> tuple[str, ...]:
        """What the reader has to say yes to before signing."""
        if self._listed and self._finals is None:
            return (NOT_READABLE,)
        return (READ_IT,) if self.finals else ()

    def known(self) -> tuple[str, ...]:
        """What is known to whoever signs now: what was there at the first opening, and every final report that was
        confirmed. Where the hospital has not said, nothing: then any other report holds ours."""
        confirmed = (one.sop_instance_uid for one in self.finals)
        unread = (self._listed or ()) if self._finals is None else ()
        return tuple(dict.fromkeys((*(self._noted or ()), *confirmed, *unread)))

    def cancel(self) -> None:
        """The window goes."""
        self._is_over = True
        if self._task is not None:
            self._task.cancel()

    def _answered(self, answer: _Answer) -> None:
        self._is_asking = False
        if self._listed is None:
            self._listed = answer.documents
        self._finals = answer.finals
        self._note()
        self._changed()

    def _not_answered(self, _error: Exception | None) -> None:
        self._is_asking = False

    def _note(self) -> None:
        if not self._is_mine or self._listed is None or self._noted is not None:
            return

        def note(documents: tuple[str, ...], _token: CancelToken) -> tuple[str, ...]:
            return self._desk.journal.claims.note_documents(self._entry.workitem_uid, documents)

        # Where it cannot be written down (disk full, claim gone), nothing is known: any other report holds ours.
        self._desk.runner.submit(
            note, self._listed, lane="journal", owner=self, done=self._was_noted, failed=lambda _error: None
        )

    def _was_noted(self, documents: tuple[str, ...]) -> None:
        self._noted = documents


def _asked(desk: Desk, site: Site, study: str, cancelled: Cancelled) -> _Answer:
    """From the first connection that answers. Raises `PacsError`."""
    last: PacsError | None = None
    for connection in site.connections:
        try:
            return _asked_over(desk, connection, study, cancelled)
        except Interrupted:
            raise
        except PacsError as error:
            last = error
    if last is None:
        raise NoConnection("No connection to this hospital is set up")
    raise last


def _asked_over(desk: Desk, connection: Connection, study: str, cancelled: Cancelled) -> _Answer:
    pacs = port_of(desk, connection)
    series = [one.series_instance_uid for one in pacs.search_for_series(study, cancelled) if one.modality in DOCUMENTS]
    found = [item.sop_instance_uid for uid in series for item in pacs.search_for_instances(study, uid, cancelled)]
    if not found:
        return _Answer((), ())
    from worklist_client.delivery.other_reports import final_reports  # noqa: PLC0415 - pydicom costs a second

    try:
        return _Answer(tuple(found), tuple(final_reports(study, frozenset(), pacs, cancelled)))
    except Interrupted:
        raise
    except PacsError:
        return _Answer(tuple(found), None)
