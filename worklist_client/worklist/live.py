"""The live list: what the hub told, row by row. Applying the same news twice, late or out of order changes nothing.

A row is keyed by (site, study). A release ends one workitem and starts another for the same study; the list shows one
row that becomes available again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from pacs.site import Site
from ups.codes import RESCHEDULED, RESCHEDULING_RECOMMENDED
from ups.events import Changed, Event, Snapshot
from ups.identifiers import replacement_uid
from ups.states import ProcedureStepState
from ups.workitem import Workitem
from worklist_client.worklist.entries import Status, StudyEntry
from worklist_client.worklist.rows import entry_from_workitem, held_nowhere

EntryId = tuple[str, str]
_RESCHEDULING = (RESCHEDULED.value, RESCHEDULING_RECOMMENDED.value)


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """What a piece of news changed: rows as they are now, and the ids of rows that are gone."""

    added: tuple[StudyEntry, ...] = ()
    changed: tuple[StudyEntry, ...] = ()
    removed: tuple[EntryId, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing changed."""
        return not (self.added or self.changed or self.removed)


class LiveList:
    """Pure state; one thread (the main one) applies and reads."""

    def __init__(
        self, me: str, sites: Iterable[Site] = (), *, name: str = "", holds: Callable[[str], bool] = held_nowhere
    ) -> None:
        """`me` and `name` are the reader at this desk; `holds` says of a workitem whether its journal claims it."""
        self._me, self._name, self._holds = me, name, holds
        self._sites: Mapping[str, Site] = {site.site_id: site for site in sites}
        self._rows: dict[EntryId, StudyEntry] = {}
        self._workitems: dict[EntryId, Workitem] = {}
        self._replaced: set[str] = set()

    @property
    def entries(self) -> tuple[StudyEntry, ...]:
        """All rows, in no particular order (see `query.selected`)."""
        return tuple(self._rows.values())

    def get(self, entry_id: EntryId) -> StudyEntry:
        """One row. Raises KeyError."""
        return self._rows[entry_id]

    def of_workitem(self, workitem_uid: str) -> StudyEntry:
        """The row that stands for a workitem. Raises KeyError."""
        for row in self._rows.values():
            if row.workitem_uid == workitem_uid:
                return row
        raise KeyError(workitem_uid)

    def apply(self, event: Event) -> ChangeSet:
        """Take news over. Events that change no row (progress, cancel requests, channel states) give an empty set."""
        if isinstance(event, Snapshot):
            changes = self._take(event.workitems)
            return self._forget_rest(event.workitems, changes) if event.is_complete else changes
        if isinstance(event, Changed):
            return self._take((event.workitem,))
        return ChangeSet()

    def known_as(self, me: str, name: str = "") -> ChangeSet:
        """The reader at this desk has said who it is."""
        self._me, self._name = me, name
        return self.replace_sites(self._sites.values())

    def look_again(self, workitem_uids: Iterable[str]) -> ChangeSet:
        """The journal learned something of these claims."""
        wanted = frozenset(workitem_uids)
        return self._redo([entry_id for entry_id, row in self._rows.items() if row.workitem_uid in wanted])

    def replace_sites(self, sites: Iterable[Site]) -> ChangeSet:
        """A newer directory: issuers and time zones of the rows follow it."""
        self._sites = {site.site_id: site for site in sites}
        return self._redo(list(self._workitems))

    def _redo(self, entry_ids: Iterable[EntryId]) -> ChangeSet:
        """These rows, made anew from what the hub told of them."""
        changed = []
        for entry_id in entry_ids:
            row = self._row(self._workitems[entry_id])
            if row != self._rows[entry_id]:
                self._rows[entry_id] = row
                changed.append(row)
        return ChangeSet(changed=tuple(changed))

    def drop_finished(self, modified_before: str) -> ChangeSet:
        """Take reported and withdrawn rows off that were last modified before this DT (server time, as in the rows)."""
        gone = tuple(
            row.entry_id
            for row in self._rows.values()
            if row.status in (Status.REPORTED, Status.CANCELED) and row.modified < modified_before
        )
        for entry_id in gone:
            del self._rows[entry_id], self._workitems[entry_id]
        return ChangeSet(removed=gone)

    def _take(self, workitems: Iterable[Workitem]) -> ChangeSet:
        before: dict[EntryId, StudyEntry | None] = {}
        for workitem in workitems:
            entry_id = (workitem.site_id, workitem.study_instance_uid)
            if not all(entry_id):
                continue  # without a site or a study it is no study to read, and it could not be opened
            before.setdefault(entry_id, self._rows.get(entry_id))
            self._take_one(entry_id, workitem)
        added = [self._rows[entry_id] for entry_id, row in before.items() if row is None and entry_id in self._rows]
        changed = [
            self._rows[entry_id] for entry_id, row in before.items() if row is not None and self._rows[entry_id] != row
        ]
        return ChangeSet(tuple(added), tuple(changed))

    def _take_one(self, entry_id: EntryId, workitem: Workitem) -> None:
        if workitem.replaces:
            self._replaced.add(workitem.replaces)
        if workitem.uid in self._replaced:
            return  # a late word about a workitem that a newer one has replaced
        current = self._workitems.get(entry_id)
        if current is not None and not _is_newer(workitem, current):
            return
        released = _as_released(workitem) if current is not None else None
        if released is not None:
            self._replaced.add(workitem.uid)
            workitem = released
        elif current is None and _is_rescheduled(workitem):
            return  # its replacement is the row
        self._workitems[entry_id] = workitem
        self._rows[entry_id] = self._row(workitem)

    def _forget_rest(self, workitems: Iterable[Workitem], changes: ChangeSet) -> ChangeSet:
        """After a complete snapshot: open rows that are not in it are gone; finished ones stay until dropped."""
        there = {(workitem.site_id, workitem.study_instance_uid) for workitem in workitems}
        gone = tuple(
            entry_id
            for entry_id, workitem in self._workitems.items()
            if entry_id not in there and not workitem.state.is_final
        )
        for entry_id in gone:
            del self._rows[entry_id], self._workitems[entry_id]
        return replace(changes, removed=gone)

    def _row(self, workitem: Workitem) -> StudyEntry:
        return entry_from_workitem(workitem, me=self._me, name=self._name, sites=self._sites, holds=self._holds)


def _is_newer(workitem: Workitem, current: Workitem) -> bool:
    """Whether it takes the place of the current one. Times are the server's (design decision 10)."""
    if workitem.uid == current.uid:
        if current.state.is_final and not workitem.state.is_final:
            return False  # COMPLETED and CANCELED never change again
        return workitem.modified >= current.modified
    if workitem.replaces == current.uid:
        return True
    if current.replaces == workitem.uid:
        return False
    # Two workitems of one study that do not know each other: what is still to be read comes before what is over.
    if current.state.is_final != workitem.state.is_final:
        return current.state.is_final
    return (workitem.modified, workitem.uid) > (current.modified, current.uid)


def _is_rescheduled(workitem: Workitem) -> bool:
    code = workitem.cancel_code.value if workitem.cancel_code else ""
    return workitem.state is ProcedureStepState.CANCELED and code in _RESCHEDULING


def _as_released(workitem: Workitem) -> Workitem | None:
    """The replacement of a released workitem, foretold: its UID follows from the old one; the real one comes at once.

    So a release looks like a release from its first event on, and never like a withdrawn study.
    """
    if not _is_rescheduled(workitem):
        return None
    return replace(
        workitem,
        uid=replacement_uid(workitem.uid),
        state=ProcedureStepState.SCHEDULED,
        holder=None,
        reserved_for=None,
        progress_percent=None,
        progress_text="",
        cancel_code=None,
        cancel_reason="",
        replaces=workitem.uid,
    )
