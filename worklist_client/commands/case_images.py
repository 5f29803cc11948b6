"""The images of a case: its own study and its priors, each loaded through the worker processes into the viewer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pacs.connect import open_pacs
from pacs.errors import PacsError, UnsafeName
from pacs.files import check_uid
from pacs.port import Cancelled, Pacs
from pacs.site import Connection, Site
from viewer.api import Feed
from viewer.cancel import CancelToken
from viewer.dates import shown_date
from viewer.records import InstanceHeader, PatientLabel
from viewer.tasks import Task
from worklist_client.commands.checked_feed import CheckedFeed
from worklist_client.commands.desk import Desk
from worklist_client.commands.full_disk import NO_ROOM, is_full
from worklist_client.commands.housekeeping import make_room
from worklist_client.identity.names import display_name
from worklist_client.identity.patient import PatientIdentity
from worklist_client.reading.completeness import Late, StudyCount
from worklist_client.reading.errors import OpeningFailed
from worklist_client.reading.opening import ImageWorker, OpenRequest, StudyLoad
from worklist_client.reading.whose import is_outdated

CURRENT, PRIOR = 0, 1
"""Priorities in the lane: the study being read before its priors."""

RETRY_AFTER_S = (2.0, 8.0, 30.0)
"""Pauses before what is missing is asked for again by itself. Whenever something comes, counting begins anew."""


@dataclass(frozen=True)
class LoadRequest:
    """One study to show, who it must be of, and the gate to pass first (consent, audit line)."""

    site: Site
    study_instance_uid: str
    patient: PatientIdentity
    gate: Callable[[], None]
    priority: int = CURRENT
    accession_number: str = ""

    @property
    def told(self) -> str:
        """What the list says of the study: images that were kept while it said something else are not shown."""
        patient = self.patient
        facts = (patient.key.issuer, patient.key.patient_id, patient.name, patient.birth_date, patient.sex)
        return "\n".join((*facts, self.accession_number))


@dataclass
class _Loading:
    """Bookkeeping of one study: its tasks and how many fetchers still run. Main thread only."""

    request: LoadRequest
    load: StudyLoad
    tasks: list[Task] = field(default_factory=list)
    running: int = 0
    error: str = ""
    tries: int = 0
    received: int = 0
    """How many objects were here after the last try."""
    is_waiting: bool = False
    """Whether it is asked again by itself after a pause."""
    is_outgrown: bool = False
    """Whether more images were announced while it was loading: it is asked again as soon as that ends."""


class CaseImages:
    """Loads studies, knows how complete each is, and whether the images are of the patient they should be of."""

    def __init__(self, desk: Desk, viewer: Feed, changed: Callable[[str], None]) -> None:
        """`changed(study_instance_uid)` is called on the main thread after every step."""
        self._desk = desk
        self._viewer = viewer
        self._changed = changed
        self._loading: dict[str, _Loading] = {}
        self._is_over = False
        self.later: Callable[[float, Callable[[], None]], None] | None = None
        """Set by the window: calls something after so many seconds, on the main thread. None: nothing is retried."""
        self.strangers: dict[str, PatientLabel] = {}
        """Study -> what its images call the patient, where that is somebody else."""
        self.two_people: dict[str, tuple[PatientLabel, PatientLabel]] = {}
        """Study -> the two people that its images name: of the first they are drawn, of the other they are not."""
        self.late: dict[str, Late] = {}
        """Study -> images that came after it was opened and are not here, as the hospital said when last asked."""
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
        known.running, known.error, known.is_waiting, known.is_outgrown = 1, "", False, False
        self.late.pop(study, None)
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
        if known is not None and (study_instance_uid in self.late or not known.load.count.complete):
            known.tries = 0
            self.load(known.request)

    def more_announced(self, study_instance_uid: str) -> None:
        """The hospital holds more images now than when it was asked."""
        known = self._loading.get(study_instance_uid)
        if known is not None:
            known.tries = 0
            known.is_outgrown = known.running > 0
            self.load(known.request)

    def ask_late(self, study_instance_uid: str, cancelled: Cancelled) -> Late | None:
        """What came to the hospital since. Blocking, for background work. Raises `PacsError`, `ReadingError`."""
        return self._loading[study_instance_uid].load.late(cancelled)

    def waiting(self, study_instance_uid: str) -> bool:
        """Whether what is missing will be asked for again by itself."""
        known = self._loading.get(study_instance_uid)
        return known is not None and known.is_waiting

    def patient_of(self, study_instance_uid: str) -> PatientIdentity:
        """Whom the list says that a study is of. Raises KeyError where it was never asked for."""
        return self._loading[study_instance_uid].request.patient

    def hospital_of(self, study_instance_uid: str) -> str:
        """Name of the hospital that a study is asked from. Raises KeyError where it was never asked for."""
        return self._loading[study_instance_uid].request.site.name

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

    def studies(self) -> tuple[str, ...]:
        """Studies that were asked for, in order."""
        return tuple(self._loading)

    def cancel(self) -> None:
        """Stop everything; what has come stays in the cache."""
        self._is_over = True
        for task in [task for known in self._loading.values() for task in known.tasks]:
            task.cancel()
        for study, known in self._loading.items():
            self._desk.cache.close_study(known.request.site.site_id, study, known.request.told)

    def _new_load(self, request: LoadRequest) -> StudyLoad:
        site_id, study, cache = request.site.site_id, request.study_instance_uid, self._desk.cache
        told = request.told

        def place() -> tuple[str, frozenset[str]]:
            try:
                check_uid(study)
            except UnsafeName as error:
                raise OpeningFailed(
                    "The UID of this study is malformed. Its images cannot be asked for safely, so none are shown: "
                    "read it at the hospital itself, and ask the administrator of its PACS to correct the study"
                ) from error
            return str(cache.study_folder(site_id, study, told)), frozenset(cache.present(site_id, study, told))

        opening = OpenRequest(
            request.site,
            study,
            place,
            request.gate,
            lambda connection: port_of(self._desk, connection),
            self._desk.credentials,
            lambda header: is_outdated(header, request.patient, request.accession_number),
            cache.drop,
        )
        return StudyLoad(opening, CheckedFeed(self._viewer, request.patient, _Told(self, request, self._desk)))

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
        if known.is_outgrown and not self._is_over:
            self.load(known.request)
        else:
            self._try_later(known)
        self._changed(known.request.study_instance_uid)

    def _try_later(self, known: _Loading) -> None:
        """Ask again by itself for what did not come: a link that broke, an image that reaches the archive late."""
        count = known.load.count
        if count.received > known.received:
            known.received, known.tries = count.received, 0
        if self._is_over or self.later is None or count.complete or known.tries >= len(RETRY_AFTER_S):
            return
        pause = RETRY_AFTER_S[known.tries]
        known.tries += 1
        known.is_waiting = True

        def again() -> None:
            if known.is_waiting and not self._is_over:
                self.load(known.request)

        self.later(pause, again)

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
            failed=lambda error: self._failed(known, error),
            cancelled=lambda: self._ended(known, ""),
        )
        known.tasks.append(task)

    def _failed(self, known: _Loading, error: Exception) -> None:
        if not isinstance(error, (PacsError, OpeningFailed)):
            known.tries = len(RETRY_AFTER_S)  # refused, or a fault of ours: asking again changes nothing
        self._ended(known, sentence_of(error))

    def found_stranger(self, study_instance_uid: str, label: PatientLabel) -> None:
        """The images call the patient somebody else than the list does."""
        self.strangers[study_instance_uid] = label
        self._changed(study_instance_uid)

    def found_two(self, study_instance_uid: str, drawn: PatientLabel, other: PatientLabel) -> None:
        """The images of one study name two people."""
        self.two_people[study_instance_uid] = (drawn, other)
        self._changed(study_instance_uid)


def port_of(desk: Desk, connection: Connection) -> Pacs:
    """The adapter of a connection with its secrets. Blocking (keychain): for background work only."""
    credentials = desk.credentials(connection.connection_id)
    return open_pacs(connection, calling_ae=desk.calling_ae, credentials=credentials)


class _Told:
    """Takes what the headers of one study say to `CaseImages`, on the main thread."""

    def __init__(self, images: CaseImages, request: LoadRequest, desk: Desk) -> None:
        self._images = images
        self._request = request
        self._desk = desk

    def first(self, header: InstanceHeader) -> None:
        if self._request.priority == CURRENT:
            self._desk.runner.post(lambda: self._images.first_header(header))

    def stranger(self, label: PatientLabel) -> None:
        self._desk.runner.post(lambda: self._images.found_stranger(self._request.study_instance_uid, label))

    def two_people(self, drawn: PatientLabel, other: PatientLabel) -> None:
        self._desk.runner.post(lambda: self._images.found_two(self._request.study_instance_uid, drawn, other))

    def words(self, label: PatientLabel, drawn: PatientLabel | None) -> str:
        """Both people, in plain text."""
        tr = self._desk.tr
        theirs = _label_words(label)
        if drawn is not None:
            return tr(
                "Not drawn. The image names {theirs}; other images of this study name {ours}.",
                theirs=theirs,
                ours=_label_words(drawn),
            )
        patient = self._request.patient
        ours = identity_words(patient.name, patient.birth_date, patient.key.patient_id, patient.key.issuer)
        return tr("Not drawn. The image names {theirs}; the list names {ours}.", theirs=theirs, ours=ours)


def _label_words(label: PatientLabel) -> str:
    return identity_words(label.name, label.birth_date, label.patient_id, label.issuer)


def identity_words(name: str, birth_date: str, patient_id: str, issuer: str) -> str:
    """A person in one line of plain text: name, birth date, number with its issuer."""
    number = f"{patient_id} ({issuer})" if patient_id and issuer else patient_id
    return ", ".join(part for part in (display_name(name) or "–", shown_date(birth_date), number) if part)


def sentence_of(error: Exception) -> str:
    """The English sentence of an error that carries one; else its kind, never its text (it might hold patient data)."""
    if is_full(error):
        return NO_ROOM
    reason = getattr(error, "reason", "")
    return reason if isinstance(reason, str) and reason else f"Unexpected error ({type(error).__name__})"
