"""The images of a case: its own study and its priors, each loaded through the worker processes into the viewer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pacs.connect import open_pacs
from pacs.errors import UnsafeName
from pacs.files import check_uid
from pacs.port import Pacs
from pacs.site import Connection, Site
from viewer.api import Feed
from viewer.cancel import CancelToken
from viewer.records import InstanceHeader, PatientLabel
from viewer.tasks import Task
from worklist_client.commands.desk import Desk
from worklist_client.commands.housekeeping import make_room
from worklist_client.identity.patient import PatientIdentity
from worklist_client.reading.completeness import StudyCount
from worklist_client.reading.errors import OpeningFailed
from worklist_client.reading.opening import ImageWorker, OpenRequest, StudyLoad

CURRENT, PRIOR = 0, 1
"""Priorities in the lane: the study being read before its priors."""


@dataclass(frozen=True)
class LoadRequest:
    """One study to show, who it must be of, and the gate to pass first (consent, audit line)."""

    site: Site
    study_instance_uid: str
    patient: PatientIdentity
    gate: Callable[[], None]
    priority: int = CURRENT


@dataclass
class _Loading:
    """Bookkeeping of one study: its tasks and how many fetchers still run. Main thread only."""

    request: LoadRequest
    load: StudyLoad
    tasks: list[Task] = field(default_factory=list)
    running: int = 0
    error: str = ""


class CaseImages:
    """Loads studies, knows how complete each is, and whether the images are of the patient they should be of."""

    def __init__(self, desk: Desk, viewer: Feed, changed: Callable[[str], None]) -> None:
        """`changed(study_instance_uid)` is called on the main thread after every step."""
        self._desk = desk
        self._viewer = viewer
        self._changed = changed
        self._loading: dict[str, _Loading] = {}
        self.strangers: dict[str, PatientLabel] = {}
        """Study -> what its images call the patient, where that is somebody else."""
        self.first_header: Callable[[InstanceHeader], None] = lambda header: None
        """Set by the session: hears the first header of the study being read that is of the right patient."""

    def load(self, request: LoadRequest) -> None:
        """Start, or go on where an earlier load of this study stopped."""
        study = request.study_instance_uid
        known = self._loading.get(study)
        if known is not None and known.request.site.site_id != request.site.site_id:
            return  # the viewer knows studies by UID alone: one UID is never opened from two hospitals
        if known is not None and known.running:
            return
        if known is None:
            known = _Loading(request, self._new_load(request))
            self._loading[study] = known
        known.running, known.error = 1, ""
        worker = self._workers_for(known)[0]

        def ask_and_fetch(load: StudyLoad, token: CancelToken) -> None:
            load.ask(worker, token.cancelled)
            # The first image waits for no turn of the main thread, which is making the window just now.
            self._desk.runner.post(lambda: self._asked(known, token))
            load.fetch(worker, token.cancelled)

        self._submit(known, ask_and_fetch, lambda: self._fetched(known))

    def resume(self, study_instance_uid: str) -> None:
        """Go on where an earlier load stopped; nothing happens while one runs or when all is here."""
        known = self._loading.get(study_instance_uid)
        if known is not None and not known.load.count.complete:
            self.load(known.request)

    def count(self, study_instance_uid: str) -> StudyCount:
        """How far a study is; an empty count where it was never asked for."""
        known = self._loading.get(study_instance_uid)
        return known.load.count if known is not None else StudyCount(study_instance_uid)

    def error(self, study_instance_uid: str) -> str:
        """Why a study could not be opened, in English, or empty."""
        known = self._loading.get(study_instance_uid)
        return known.error if known is not None else ""

    def loading(self, study_instance_uid: str) -> bool:
        """Whether work goes on for this study."""
        known = self._loading.get(study_instance_uid)
        return known is not None and known.running > 0

    def opened(self, study_instance_uid: str) -> bool:
        """Whether at least one object of this study is here."""
        return self.count(study_instance_uid).received > 0

    def headers(self, study_instance_uid: str) -> tuple[InstanceHeader, ...]:
        """Every object of a study that came."""
        known = self._loading.get(study_instance_uid)
        return known.load.headers if known is not None else ()

    def documents(self, study_instance_uid: str) -> tuple[str, ...] | None:
        """Reports and other documents that the study held when it was opened; None where that is not known."""
        known = self._loading.get(study_instance_uid)
        return known.load.documents if known is not None else None

    def studies(self) -> tuple[str, ...]:
        """Studies that were asked for, in order."""
        return tuple(self._loading)

    def cancel(self) -> None:
        """Stop everything; what has come stays in the cache."""
        for task in [task for known in self._loading.values() for task in known.tasks]:
            task.cancel()
        for study, known in self._loading.items():
            self._desk.cache.close_study(known.request.site.site_id, study)

    def _new_load(self, request: LoadRequest) -> StudyLoad:
        site_id, study, cache = request.site.site_id, request.study_instance_uid, self._desk.cache

        def place() -> tuple[str, frozenset[str]]:
            try:
                check_uid(study)
            except UnsafeName as error:
                raise OpeningFailed(
                    "The UID of this study is malformed. Its images cannot be asked for safely, so none are shown: "
                    "read it at the hospital itself, and ask the administrator of its PACS to correct the study"
                ) from error
            return str(cache.study_folder(site_id, study)), frozenset(cache.present(site_id, study))

        opening = OpenRequest(
            request.site,
            study,
            place,
            request.gate,
            lambda connection: port_of(self._desk, connection),
            self._desk.credentials,
        )
        return StudyLoad(opening, _CheckedFeed(self._viewer, request, self._found_stranger, self._found_first))

    def _workers_for(self, known: _Loading) -> Sequence[ImageWorker]:
        """The study being read may use all workers; a prior takes the last one, so that it never delays the study."""
        images = self._desk.workers.images
        return images if known.request.priority == CURRENT else images[-1:]

    def _asked(self, known: _Loading, token: CancelToken) -> None:
        """The jobs are queued: beside the first fetcher one more a worker, as many as the site allows at once."""
        if token.cancelled():
            return
        workers = self._workers_for(known)
        allowed = max((connection.associations for connection in known.request.site.connections), default=1)
        more = workers[1 : max(1, allowed)]
        known.running += len(more)
        for worker in more:

            def fetch(load: StudyLoad, token: CancelToken, worker: ImageWorker = worker) -> None:
                load.fetch(worker, token.cancelled)

            self._submit(known, fetch, lambda: self._fetched(known))
        self._changed(known.request.study_instance_uid)

    def _fetched(self, known: _Loading) -> None:
        known.running -= 1
        if known.running == 0:
            known.running = 1
            self._submit(known, lambda load, token: load.settle(token.cancelled), lambda: self._ended(known, ""))

    def _ended(self, known: _Loading, reason: str) -> None:
        known.running = 0
        known.error = reason or known.load.count.failed
        if known.error and not known.load.count.received:
            self._viewer.missing(known.request.study_instance_uid, "", "", known.error)
        self._desk.runner.submit(make_room, self._desk, lane="prefetch", owner=self, key="room", priority=9)
        self._changed(known.request.study_instance_uid)

    def _submit(
        self, known: _Loading, work: Callable[[StudyLoad, CancelToken], object], done: Callable[[], None]
    ) -> None:
        task = self._desk.runner.submit(
            work,
            known.load,
            lane="retrieve",
            owner=self,
            priority=known.request.priority,
            done=lambda _value: done(),
            failed=lambda error: self._ended(known, sentence_of(error)),
            cancelled=lambda: self._ended(known, ""),
        )
        known.tasks.append(task)

    def _found_first(self, request: LoadRequest, header: InstanceHeader) -> None:
        """From a worker's thread: the first header of a study."""
        if request.priority == CURRENT:
            self._desk.runner.post(lambda: self.first_header(header))

    def _found_stranger(self, request: LoadRequest, label: PatientLabel) -> None:
        """From a worker's thread: the images call the patient somebody else."""

        def note() -> None:
            self.strangers[request.study_instance_uid] = label
            self._changed(request.study_instance_uid)

        self._desk.runner.post(note)


def port_of(desk: Desk, connection: Connection) -> Pacs:
    """The adapter of a connection with its secrets. Blocking (keychain): for background work only."""
    credentials = desk.credentials(connection.connection_id)
    return open_pacs(connection, calling_ae=desk.calling_ae, credentials=credentials)


class _CheckedFeed:
    """Passes a study on to the viewer, after looking whether its images are of the patient they should be of.

    Images of the study being read are shown even then (the reader has to see what is wrong; the report is refused);
    a prior of somebody else is never drawn.
    """

    def __init__(
        self,
        feed: Feed,
        request: LoadRequest,
        stranger: Callable[[LoadRequest, PatientLabel], None],
        first: Callable[[LoadRequest, InstanceHeader], None],
    ) -> None:
        self._feed = feed
        self._request = request
        self._stranger = stranger
        self._first = first
        self._told = False
        self._told_first = False

    def expect(self, study_instance_uid: str, series_instance_uid: str, count: int) -> None:
        self._feed.expect(study_instance_uid, series_instance_uid, count)

    def arrived(self, headers: Sequence[InstanceHeader]) -> None:
        strange = [header for header in headers if _is_stranger(header.patient, self._request.patient)]
        if strange and not self._told:
            self._told = True
            self._stranger(self._request, strange[0].patient)
        if strange:
            # Never drawn, neither as a prior nor under the banner of the study that is read.
            for header in strange:
                reason = "The image names another patient than the list of studies"
                self._feed.missing(
                    header.study_instance_uid, header.series_instance_uid, header.sop_instance_uid, reason
                )
            headers = [header for header in headers if header not in strange]
        if headers:
            self._feed.arrived(headers)
        good = next((header for header in headers if header not in strange), None)
        if good is not None and not self._told_first:
            self._told_first = True
            self._first(self._request, good)

    def missing(self, study_instance_uid: str, series_instance_uid: str, sop_instance_uid: str, reason: str) -> None:
        self._feed.missing(study_instance_uid, series_instance_uid, sop_instance_uid, reason)

    def complete(self, study_instance_uid: str, series_instance_uid: str) -> None:
        self._feed.complete(study_instance_uid, series_instance_uid)


def _is_stranger(label: PatientLabel, patient: PatientIdentity) -> bool:
    """Whether two present numbers, or two present issuers, differ."""
    if label.patient_id and patient.key.patient_id and label.patient_id != patient.key.patient_id:
        return True
    return bool(label.issuer and patient.key.issuer and label.issuer != patient.key.issuer)


def sentence_of(error: Exception) -> str:
    """The English sentence of an error that carries one; else its kind, never its text (it might hold patient data)."""
    reason = getattr(error, "reason", "")
    return reason if isinstance(reason, str) and reason else f"Unexpected error ({type(error).__name__})"
