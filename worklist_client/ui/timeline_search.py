"""Fills the timeline of the selected study and counts priors of the rows in sight. Asks politely: one site at a time.

A row in sight is counted at its own hospital only (`3+`); the selected one at all hospitals (`3`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QObject, QTimer, Signal

from pacs.site import Site
from viewer.cancel import CancelToken
from viewer.tasks import Task
from worklist_client.commands.case_images import sentence_of
from worklist_client.commands.case_priors import current_study_of, prior_services
from worklist_client.commands.desk import Desk
from worklist_client.reading.priors import CurrentStudy, SearchState, SiteSearch, ranked, search_elsewhere, search_home
from worklist_client.ui.timeline import Timeline, TimelineState, TimelineStudy
from worklist_client.worklist.entries import StudyEntry

EntryId = tuple[str, str]
REST_MS = 250
"""Searching starts when the selection has rested this long, so that moving through the list asks nobody."""
REMEMBERED = 500


@dataclass(frozen=True, slots=True)
class _Ask:
    current: CurrentStudy
    site: Site


class TimelineSearch(QObject):
    """One search at a time for the selected study, one count at a time for the rest."""

    timeline_changed = Signal()
    counts_changed = Signal()

    def __init__(self, desk: Desk, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._services = prior_services(desk)
        self._entry: StudyEntry | None = None
        self._searches: dict[str, SiteSearch] = {}
        self._tasks: list[Task] = []
        self._expected = 0
        self._exact: dict[EntryId, int] = {}
        self._at_least: dict[EntryId, int] = {}
        self._asked: set[EntryId] = set()
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MS)
        self._rest.timeout.connect(self._search)

    def select(self, entry: StudyEntry | None) -> None:
        """Another study (or none) is selected. The same study again changes nothing."""
        if entry is not None and self._entry is not None and entry.entry_id == self._entry.entry_id:
            return
        for task in self._tasks:
            task.cancel()
        self._tasks.clear()
        self._searches.clear()
        self._expected = 0
        self._entry = entry
        if entry is None:
            self._rest.stop()
        else:
            self._rest.start()
        self.timeline_changed.emit()

    def timeline(self) -> Timeline:
        """What is known now of the selected study's patient."""
        if self._entry is None:
            return Timeline(TimelineState.NOTHING_SELECTED)
        found = [item for search in self._searches.values() for item in search.candidates]
        studies = [_current(self._entry)]
        studies += [
            TimelineStudy(
                site_id=item.site_id,
                date=item.study.study_date,
                modality="/".join(item.study.modalities),
                description=item.study.study_description,
                verdict=item.verdict.value,
                study_instance_uid=item.study.study_instance_uid,
            )
            for item in ranked(found, self._entry.site_id)
        ]
        silent = [search for search in self._searches.values() if search.state is not SearchState.SEARCHED]
        tr = self._desk.tr
        notes = tuple(tr("{site}: {reason}", site=search.site_name, reason=tr(search.reason)) for search in silent)
        if self._expected == 0 or len(self._searches) < self._expected:
            state = TimelineState.SEARCHING
        else:
            state = TimelineState.PARTIAL if silent else TimelineState.COMPLETE
        return Timeline(state, tuple(studies), notes)

    def priors_text(self, entry: StudyEntry) -> str:
        """`3` where every hospital was asked, `3+` where only its own was, empty where nobody was yet."""
        if entry.entry_id in self._exact:
            return str(self._exact[entry.entry_id])
        if entry.entry_id in self._at_least:
            return f"{self._at_least[entry.entry_id]}+"
        return ""

    def count(self, entries: Iterable[StudyEntry]) -> None:
        """Count these rows at their own hospital, where that was not done yet."""
        for entry in entries:
            if entry.entry_id in self._asked or len(self._asked) >= REMEMBERED:
                continue
            site = next((site for site in self._desk.sites.all() if site.site_id == entry.site_id), None)
            if site is None:
                continue
            self._asked.add(entry.entry_id)
            self._desk.runner.submit(
                self._ask_home,
                _Ask(current_study_of(entry), site),
                lane="prefetch",
                owner=self,
                priority=9,
                done=partial(self._counted, entry.entry_id),
                failed=lambda _error: None,
            )

    def _search(self) -> None:
        entry = self._entry
        if entry is None:
            return
        current = current_study_of(entry)
        sites = self._desk.sites.all()
        self._expected = len(sites)
        for site in sites:
            work = self._ask_home if site.site_id == entry.site_id else self._ask_elsewhere
            self._tasks.append(
                self._desk.runner.submit(
                    work,
                    _Ask(current, site),
                    lane="search",
                    owner=self,
                    priority=2,
                    done=partial(self._found, entry.entry_id),
                    failed=partial(self._silent, entry.entry_id, site),
                )
            )

    def _ask_home(self, ask: _Ask, token: CancelToken) -> SiteSearch:
        return search_home(ask.current, ask.site, self._services, token.cancelled)

    def _ask_elsewhere(self, ask: _Ask, token: CancelToken) -> SiteSearch:
        return search_elsewhere(ask.current, ask.site, self._services, token.cancelled)

    def _found(self, entry_id: EntryId, search: SiteSearch) -> None:
        if self._entry is None or self._entry.entry_id != entry_id:
            return
        self._searches[search.site_id] = search
        timeline = self.timeline()
        if timeline.state is TimelineState.COMPLETE:
            self._exact[entry_id] = timeline.priors
        elif any(one.state is SearchState.SEARCHED for one in self._searches.values()):
            self._at_least[entry_id] = max(timeline.priors, self._at_least.get(entry_id, 0))
        self.timeline_changed.emit()
        self.counts_changed.emit()

    def _silent(self, entry_id: EntryId, site: Site, error: Exception) -> None:
        self._found(entry_id, SiteSearch(site.site_id, site.name, SearchState.DOWN, (), sentence_of(error)))

    def _counted(self, entry_id: EntryId, search: SiteSearch) -> None:
        if search.state is SearchState.SEARCHED:
            count = sum(1 for item in search.candidates if item.verdict != "conflict")
            self._at_least[entry_id] = max(count, self._at_least.get(entry_id, 0))
            self.counts_changed.emit()


def _current(entry: StudyEntry) -> TimelineStudy:
    day = entry.study_datetime.strftime("%Y%m%d") if entry.study_datetime else ""
    return TimelineStudy(
        site_id=entry.site_id,
        date=day,
        modality=entry.modality,
        description=entry.study_description,
        verdict="same",
        is_current=True,
        study_instance_uid=entry.study_instance_uid,
    )
