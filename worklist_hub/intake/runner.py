"""Polls the sites, each in a thread of its own, so that one that is away stops nobody else.

The one module of the hub that makes threads for intake (the hub is a server; `viewer.tasks` belongs to the desktop).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

from pacs import secrets
from pacs.connect import open_pacs
from pacs.errors import PacsError, UnsafeName
from pacs.files import check_uid
from pacs.metadata import patient_of
from pacs.port import Cancelled, Pacs, SeriesAnswer, StudyAnswer, StudyQuery
from pacs.reports import DOCUMENT_MODALITIES, Finality
from pacs.site import Connection, Site
from ups.codes import TWO_PATIENTS
from ups.identifiers import workitem_uid
from ups.workitem import OtherId, Workitem
from worklist_hub.intake.poll import (
    Found,
    Memory,
    Plan,
    after,
    one_answer,
    plan,
    study_date_range,
)
from worklist_hub.intake.reports import ReportWatch
from worklist_hub.intake.rules import Rule
from worklist_hub.intake.undated import UndatedWatch
from worklist_hub.store.port import Store

UNSAID_REPORTS: Final = "unsaid_reports"
"""Key of a site's `extra`: "preliminary" (the default) or "final"."""
BACK_OFF_CAP_S: Final = 120.0
STOP_S: Final = 5.0

_log = logging.getLogger("wl.hub.intake")

OpenPacs = Callable[[Site], Pacs]


@dataclass(frozen=True, slots=True)
class SiteState:
    """How polling a site goes: `failures` in a row, and the last error's name; no patient data."""

    failures: int = 0
    error: str = ""
    polled_at: datetime | None = None
    undated: int = 0
    """How many studies stay off the list because they have no Study Date (`intake.undated`)."""


def own_connection(site: Site) -> Connection | None:
    """The first that is not a shared archive; None where it has none."""
    return next((one for one in site.connections if not one.shared), None)


def own_pacs(calling_ae: str, secrets_file: Path | None = None) -> OpenPacs:
    """Opens a site's own PACS: its first connection that is not a shared archive. Secrets come from the environment or
    a private file (`pacs.secrets`). Raises `PacsError` without a connection."""

    def opened(site: Site) -> Pacs:
        connection = own_connection(site)
        if connection is None:
            raise PacsError(f"site {site.site_id} has no connection of its own")
        credentials = secrets.find(connection.connection_id, secrets_file)
        return open_pacs(connection, calling_ae=calling_ae, credentials=credentials)

    return opened


class Poller:
    """Polls one site; `poll` is one pass."""

    def __init__(
        self, site: Site, store: Store, rules: Sequence[Rule], opened: OpenPacs, clock: Callable[[], datetime]
    ) -> None:
        self.site = site
        self._store, self._rules, self._open, self._clock = store, rules, opened, clock
        self._memory = Memory()
        self._reports = ReportWatch(site.site_id)
        self._undated = UndatedWatch(site.site_id)
        self._mixed: frozenset[str] = frozenset()
        self._refused: frozenset[str] = frozenset()
        self.state = SiteState()

    @property
    def undated(self) -> int:
        """See `SiteState.undated`."""
        return self._undated.left_out

    def poll(self, cancelled: Cancelled) -> None:
        """Ask the site, then tell the store. Raises `PacsError`, and then nothing was changed."""
        now = self._clock()
        pacs = self._open(self.site)
        known = self._store.open_workitems(self.site.site_id)
        found = self._all_found(pacs, self._answers(pacs, known, now, cancelled), cancelled)
        decided = plan(self.site, found, known, self._memory, self._rules, now)
        refused = set()
        for uid, write in self._writes(decided, pacs, cancelled):
            try:
                write()
            except (ValueError, OverflowError) as error:
                refused.add(uid)
                if uid not in self._refused:  # once: it is tried again at every poll
                    name = type(error).__name__
                    _log.warning(
                        "a study cannot be written: site=%s workitem=%s error=%s", self.site.site_id, uid, name
                    )
        self._refused = frozenset(refused)
        self._memory = decided.memory

    def _writes(self, decided: Plan, pacs: Pacs, cancelled: Cancelled) -> Iterator[tuple[str, Callable[[], object]]]:
        """What the store is told, each with its workitem, so that what cannot be written costs itself alone."""
        for uid, code, reason in decided.cancel:
            yield uid, partial(self._store.cancel_scheduled, uid, code, reason)
        for uid, changes in decided.update:
            yield uid, partial(self._store.update_scheduled, uid, changes)
        for uid, changes in decided.tell:
            yield uid, partial(self._store.update_held, uid, changes)
        for fresh in decided.create:
            yield fresh.uid, partial(self._create, fresh, pacs, cancelled)

    def _create(self, fresh: Workitem, pacs: Pacs, cancelled: Cancelled) -> None:
        workitem = after(self._store.latest(fresh.uid), fresh)
        if workitem is not None:
            self._store.create_if_absent(self._identified(pacs, workitem, cancelled))

    def _answers(
        self, pacs: Pacs, known: Sequence[Workitem], now: datetime, cancelled: Cancelled
    ) -> list[tuple[StudyAnswer, int]]:
        """Studies of the lookback, and by name those of open workitems that are not among them; each with the number
        of patients that the PACS names for it.

        Answers are judged by their values: a PACS that ignores the date key must not flood the list.
        """
        wanted = study_date_range(self.site, now)
        first = wanted.rstrip("-")
        by_uid: dict[str, list[StudyAnswer]] = {}
        for answer in pacs.search_for_studies(StudyQuery(study_date=wanted), cancelled):
            if answer.study_instance_uid and answer.study_date >= first:
                by_uid.setdefault(answer.study_instance_uid, []).append(answer)
        listed = {workitem.study_instance_uid: workitem.patient_id for workitem in known if workitem.study_instance_uid}
        for uid in listed:
            if uid not in by_uid:
                answers = pacs.search_for_studies(StudyQuery(study_instance_uid=uid), cancelled)
                same = [answer for answer in answers if answer.study_instance_uid == uid]
                by_uid.update({uid: same} if same else {})
        for answer in self._undated.arrived(pacs, cancelled):
            if answer.study_instance_uid not in listed:
                by_uid.setdefault(answer.study_instance_uid, []).append(answer)
        return [one_answer(self.site, answers, listed.get(uid, "")) for uid, answers in by_uid.items()]

    def _all_found(self, pacs: Pacs, answers: Sequence[tuple[StudyAnswer, int]], cancelled: Cancelled) -> list[Found]:
        """Each study; one whose UID is no UID costs itself alone, for it can be neither fetched nor reported."""
        found = []
        for answer, patients in answers:
            try:
                check_uid(answer.study_instance_uid)
                found.append(replace(self._found(pacs, answer, cancelled), patients=patients))
            except UnsafeName:
                _log.warning("a study is left out, its UID is no UID: site=%s", self.site.site_id)
        self._reports.keep_only({item.answer.study_instance_uid for item in found})
        self._warn_of_mixed([item.answer.study_instance_uid for item in found if item.patients > 1])
        return found

    def _warn_of_mixed(self, studies: Sequence[str]) -> None:
        """Once a study, by the UID of its workitem: that of the study would lead to the patient."""
        for study in studies:
            if study not in self._mixed:
                uid = workitem_uid(self.site.site_id, study)
                _log.warning("a study holds images of two patients: site=%s workitem=%s", self.site.site_id, uid)
        self._mixed = frozenset(studies)

    def _found(self, pacs: Pacs, answer: StudyAnswer, cancelled: Cancelled) -> Found:
        uid = answer.study_instance_uid
        count = answer.number_of_instances
        may_hold_report = not answer.modalities or any(one in DOCUMENT_MODALITIES for one in answer.modalities)
        if count is not None and not may_hold_report:
            return Found(answer, count)
        kinds = self._reports.settled(uid, count)
        if count is not None and kinds is not None:
            return self._judged(answer, count, kinds)
        series = pacs.search_for_series(uid, cancelled)
        if not answer.modalities:
            answer = replace(answer, modalities=tuple(dict.fromkeys(one.modality for one in series if one.modality)))
        if count is None:
            count = sum(_count(pacs, uid, one, cancelled) for one in series)
        return self._judged(answer, count, self._reports.look(pacs, uid, count, series, cancelled))

    def _judged(self, answer: StudyAnswer, count: int, kinds: frozenset[Finality]) -> Found:
        """A report that does not say what it is counts as one only where the site's administrator says so."""
        has_report = Finality.FINAL in kinds or (Finality.UNSAID in kinds and unsaid_counts(self.site))
        return Found(answer, count, has_report, has_other_report=bool(kinds) and not has_report)

    @staticmethod
    def _identified(pacs: Pacs, workitem: Workitem, cancelled: Cancelled) -> Workitem:
        """With the other identifiers of one instance, where the answer had none. A failure here stops nothing."""
        if workitem.other_patient_ids or TWO_PATIENTS in workitem.remarks:
            return workitem
        try:
            patient = patient_of(pacs, workitem.study_instance_uid, cancelled)
        except PacsError as error:
            _log.info("identifiers not read: error=%s", type(error).__name__)
            return workitem
        if patient.patient_id and patient.patient_id != workitem.patient_id:
            return workitem  # of whom its identifiers are is not known
        return replace(
            workitem,
            other_patient_ids=tuple(OtherId(number, issuer) for number, issuer in patient.other_patient_ids),
            issuer_of_patient_id=patient.issuer_of_patient_id or workitem.issuer_of_patient_id,
        )


class Intake:
    """All sites, a thread each. `start` once, `stop` once."""

    def __init__(
        self,
        store: Store,
        sites: Sequence[Site],
        rules: Sequence[Rule],
        *,
        opened: OpenPacs,
        poll_s: float = 10.0,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """
        Parameters
        ----------
        opened : how to open a site's PACS, such as `own_pacs(ae_title)`
        poll_s : seconds between two polls of a site; after a failure it doubles up to `BACK_OFF_CAP_S`
        """
        self._pollers = [Poller(site, store, rules, opened, clock) for site in sites if site.connections]
        self._poll_s = poll_s
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin to poll; returns at once."""
        for poller in self._pollers:
            name = f"intake-{poller.site.site_id}"
            thread = threading.Thread(target=self._work, args=(poller,), name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """Stop and wait; a poll in progress is canceled."""
        self._stop.set()
        for thread in self._threads:
            thread.join(STOP_S)

    def states(self) -> dict[str, SiteState]:
        """How polling goes, by site."""
        return {poller.site.site_id: poller.state for poller in self._pollers}

    def _work(self, poller: Poller) -> None:
        while not self._stop.is_set():
            pause_s = self._poll_s
            try:
                poller.poll(self._stop.is_set)
                poller.state = SiteState(polled_at=datetime.now(UTC), undated=poller.undated)
            except Exception as error:  # noqa: BLE001 - the border of a loop that must go on
                if self._stop.is_set():
                    return
                failures = poller.state.failures + 1
                poller.state = SiteState(failures, type(error).__name__, poller.state.polled_at, poller.undated)
                pause_s = min(self._poll_s * 2 ** min(failures, 10), BACK_OFF_CAP_S)
                log = _log.warning if isinstance(error, PacsError) else _log.exception
                log("poll failed: site=%s error=%s failures=%d", poller.site.site_id, type(error).__name__, failures)
            self._stop.wait(pause_s)


def _count(pacs: Pacs, study: str, series: SeriesAnswer, cancelled: Cancelled) -> int:
    if series.number_of_instances is not None:
        return series.number_of_instances
    return len(pacs.search_for_instances(study, series.series_instance_uid, cancelled))


def unsaid_counts(site: Site) -> bool:
    """Whether a PDF or other document that does not say that it is final counts as the report at this site."""
    return site.extra.get(UNSAID_REPORTS) == "final"
