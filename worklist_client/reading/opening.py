"""Loading one study into the viewer, truthfully: the cached images, then the main series, then the rest.

`StudyLoad` is driven from background tasks: one calls `ask`, then any number call `fetch` with a worker each until no
job is left, then `settle` says what is complete and what is missing. It may be asked again (`ask`) to resume.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from pacs.credentials import Credentials
from pacs.errors import Interrupted, PacsError
from pacs.files import file_name_of
from pacs.port import Cancelled, InstanceAnswer, Pacs, Retrieved, RetrieveRequest, SeriesAnswer
from pacs.retrieval import middle_first, split
from pacs.site import Connection, DimseConnection, Site
from viewer.api import Feed
from viewer.records import InstanceHeader
from worklist_client.reading.completeness import NOT_IMAGES, Late, SeriesCount, StudyCount, late_of
from worklist_client.reading.errors import NoConnection, OpeningFailed, ReadingError
from worklist_client.reading.ingesting import ingest_file, ingest_files, is_shown

CACHED_BATCH = 32
"""Cached files that are read at a time, so that the first image does not wait for the last."""


class ImageWorker(Protocol):
    """What loading needs of `pacs.workers.WorkerProcess`."""

    def retrieve(
        self,
        connection: Connection,
        request: RetrieveRequest,
        ingest: Callable[[str], object],
        on_batch: Callable[[list[Any]], None],
        cancelled: Cancelled,
        *,
        credentials: Credentials | None = None,
    ) -> Retrieved:
        """Fetch in the child, read each file there, hand the results back in batches."""

    def call(self, function: Callable[[Any], Any], argument: Any, cancelled: Cancelled) -> Any:
        """Run a module-level function in the child."""


@dataclass(frozen=True)
class OpenRequest:
    """Which study, where its files go and how its site is reached. The functions are called in the background.

    `place` makes the folder and gives it with the SOP Instance UIDs that lie there already; `gate` runs before anything
    is shown: it asks consent, writes the audit line, and raises to refuse. `is_outdated` tells which of the images that
    lie there are not what the list says any more; `drop` removes those files, and they are fetched anew.
    """

    site: Site
    study_instance_uid: str
    place: Callable[[], tuple[str, frozenset[str]]]
    gate: Callable[[], None]
    open_port: Callable[[Connection], Pacs]
    credentials: Callable[[str], Credentials | None] = lambda _connection_id: None
    is_outdated: Callable[[InstanceHeader], bool] = lambda _header: False
    drop: Callable[[tuple[str, ...]], None] = lambda _paths: None


@dataclass(frozen=True, slots=True)
class _Job:
    """One retrieval: a whole series, or a part of it; `first` come before the others."""

    series_instance_uid: str
    sop_instance_uids: tuple[str, ...] = ()
    first: tuple[str, ...] = ()


class StudyLoad:
    """One study on its way into the viewer. All methods block; safe to call from several tasks at once."""

    def __init__(self, request: OpenRequest, feed: Feed) -> None:
        self._request = request
        self._feed = feed
        self._folder = ""
        self._lock = threading.Lock()
        self._series: dict[str, SeriesCount] = {}
        self._skipped: dict[str, int] = {}
        self._jobs: deque[_Job] = deque()
        self._headers: dict[str, InstanceHeader] = {}
        self._failed = ""
        self._unreadable = ""
        self._told_complete: set[str] = set()

    @property
    def count(self) -> StudyCount:
        """How far it is, now."""
        with self._lock:
            return StudyCount(self._request.study_instance_uid, tuple(self._series.values()), self._failed)

    @property
    def headers(self) -> tuple[InstanceHeader, ...]:
        """Every object that came, images or not; what a report may refer to, and what the images call the patient."""
        with self._lock:
            return tuple(self._headers.values())

    def ask(self, worker: ImageWorker, cancelled: Cancelled) -> None:
        """Pass the gate, show what is cached, ask the origin what there is, queue the jobs.

        Raises
        ------
        ReadingError, JournalError : from the gate
        OpeningFailed : nothing is cached and no connection answers
        Interrupted : cancelled
        """
        self._request.gate()
        self._failed = ""
        self._folder, cached = self._request.place()
        self._show_cached(cached, worker, cancelled)
        try:
            answers = self._ask_series(cancelled)
        except Interrupted:
            raise
        except (PacsError, ReadingError) as error:
            self._failed = error.reason
            if not self.count.received:
                raise OpeningFailed(self._failed) from error
            return
        self._expect(answers)
        self._queue_jobs(answers, cancelled)

    def fetch(self, worker: ImageWorker, cancelled: Cancelled) -> None:
        """Work off jobs until none is left. A job that fails is named in the count; the others go on."""
        while True:
            with self._lock:
                if not self._jobs:
                    return
                job = self._jobs.popleft()
            self._fetch_job(job, worker, cancelled)

    def settle(self, cancelled: Cancelled) -> StudyCount:
        """After all `fetch` calls ended: name what is missing, say what is complete."""
        study = self._request.study_instance_uid
        for series_uid, count in list(self._series.items()):
            if not count.complete and not self._failed:
                count = self._name_missing(count, cancelled)
            if count.complete:
                self._tell_complete(series_uid)
            elif self._failed or (count.reason and not count.missing):
                self._feed.missing(study, series_uid, "", self._failed or count.reason)
        return self.count

    def late(self, cancelled: Cancelled) -> Late | None:
        """Ask the origin once more how many images it holds; None where they are no more than it had promised.

        Raises `PacsError`, `ReadingError` where no connection answers.
        """
        answers = [answer for answer in self._ask_series(cancelled) if answer.modality not in NOT_IMAGES]
        held = {answer.series_instance_uid: answer.number_of_instances for answer in answers}
        counted = {
            uid: len(self._instances(uid, cancelled)) if number is None else number for uid, number in held.items()
        }
        return late_of(self.count, counted)

    def _ask_series(self, cancelled: Cancelled) -> list[SeriesAnswer]:
        """The series of the study, from the first connection that knows them."""
        last: PacsError | None = None
        for connection in self._request.site.connections:
            try:
                answers = self._request.open_port(connection).search_for_series(
                    self._request.study_instance_uid, cancelled
                )
            except Interrupted:
                raise
            except PacsError as error:
                last = error
                continue
            if answers:
                return answers
        if last is not None:
            raise last
        if not self._request.site.connections:
            raise NoConnection("No connection to this hospital is set up")
        raise OpeningFailed("The hospital does not have this study any more")

    def _expect(self, answers: list[SeriesAnswer]) -> None:
        for answer in answers:
            if answer.modality in NOT_IMAGES:
                continue
            uid = answer.series_instance_uid
            with self._lock:
                known = self._series.get(uid, SeriesCount(uid))
                self._series[uid] = replace(known, expected=answer.number_of_instances, missing=frozenset(), reason="")
                if not self._series[uid].complete:
                    self._told_complete.discard(uid)  # more came to the origin: its last image is told of again
            if answer.number_of_instances is not None:
                self._feed.expect(self._request.study_instance_uid, uid, answer.number_of_instances)

    def _show_cached(self, cached: frozenset[str], worker: ImageWorker, cancelled: Cancelled) -> None:
        """Read what lies in the cache, in small batches. What came in an earlier `ask` is not read again."""
        here = frozenset[str]().union(*(item.received for item in self._series.values()))
        uids = sorted(cached - here)
        for start in range(0, len(uids), CACHED_BATCH):
            chunk = uids[start : start + CACHED_BATCH]
            paths = tuple(os.path.join(self._folder, file_name_of(uid)) for uid in chunk)
            self._take(self._without_outdated(worker.call(ingest_files, paths, cancelled)))

    def _without_outdated(self, results: Sequence[Any]) -> list[Any]:
        """Only what is still as the list says. The rest its hospital corrected since; it is never shown."""
        headers = [header for header in results if isinstance(header, InstanceHeader)]
        outdated = [header for header in headers if self._request.is_outdated(header)]
        if outdated:
            self._request.drop(tuple(header.path for header in outdated))
        return [header for header in headers if header not in outdated]

    def _queue_jobs(self, answers: list[SeriesAnswer], cancelled: Cancelled) -> None:
        """The main series in as many parts as the site allows, then the others."""
        images = [answer for answer in answers if answer.modality not in NOT_IMAGES]
        jobs: list[_Job] = []
        for position, answer in enumerate(sorted(images, key=_main_first)):
            uid = answer.series_instance_uid
            if self._series[uid].complete:
                continue
            jobs.extend(self._main_jobs(uid, cancelled) if position == 0 else (_Job(uid),))
        with self._lock:
            self._jobs = deque(jobs)

    def _main_jobs(self, series_instance_uid: str, cancelled: Cancelled) -> tuple[_Job, ...]:
        """Split over associations where the site allows several; only then are the instances asked for ahead, since
        that search costs an archive longer than the first image does. Where they cannot be learnt: the series whole."""
        connection = self._request.site.connections[0]
        if not isinstance(connection, DimseConnection) or connection.associations < 2:
            return (_Job(series_instance_uid),)
        try:
            instances = self._instances(series_instance_uid, cancelled)
        except Interrupted:
            raise
        except PacsError:
            return (_Job(series_instance_uid),)
        whole = RetrieveRequest(
            self._request.study_instance_uid,
            self._folder,
            series_instance_uid,
            already=self._series[series_instance_uid].received,
            first=middle_first(instances),
        )
        parts = split(connection, whole, instances=instances)
        return tuple(_Job(series_instance_uid, part.sop_instance_uids, part.first) for part in parts)

    def _instances(self, series_instance_uid: str, cancelled: Cancelled) -> list[InstanceAnswer]:
        connection = self._request.site.connections[0]
        port = self._request.open_port(connection)
        return port.search_for_instances(self._request.study_instance_uid, series_instance_uid, cancelled)

    def _fetch_job(self, job: _Job, worker: ImageWorker, cancelled: Cancelled) -> None:
        """Try each connection, and the first one twice: a broken link is often whole again at once."""
        connections = self._request.site.connections
        reason = ""
        for connection in (connections[0], *connections):
            with self._lock:
                count = self._series[job.series_instance_uid]
            expected = len(job.sop_instance_uids) or count.expected or 0
            request = RetrieveRequest(
                self._request.study_instance_uid,
                self._folder,
                job.series_instance_uid,
                job.sop_instance_uids,
                count.received,
                job.first,
                max(0, expected - len(count.received)) if not job.sop_instance_uids else expected,
            )
            try:
                secrets = self._request.credentials(connection.connection_id)
                ended = worker.retrieve(connection, request, ingest_file, self._take, cancelled, credentials=secrets)
            except Interrupted:
                raise
            except PacsError as error:
                reason = error.reason
                continue
            self._note_end(job, ended)
            return
        self._set(self._series[job.series_instance_uid].with_missing(frozenset(), reason))

    def _note_end(self, job: _Job, ended: Retrieved) -> None:
        """What the peer itself says it could not give."""
        series_instance_uid = job.series_instance_uid
        reason = "; ".join(ended.warnings)
        with self._lock:
            count = self._series[series_instance_uid]
            if count.expected is None and ended.expected is not None and not job.sop_instance_uids:
                count = replace(count, expected=ended.expected)
            self._series[series_instance_uid] = count.with_missing(frozenset(ended.missing), reason)

    def _take(self, results: Sequence[Any]) -> None:
        """A batch from a worker: count it, then show what can be shown."""
        headers = [header for header in results if isinstance(header, InstanceHeader)]
        study = self._request.study_instance_uid
        by_series: dict[str, set[str]] = {}
        shown: list[InstanceHeader] = []
        skipped: dict[str, int] = {}
        for header in headers:
            if header.study_instance_uid != study:
                # Nothing of another study may ever be drawn here, whatever the peer sent. A file that cannot be read
                # at all names no study: it stays missing, with its own reason.
                self._unreadable = header.failure or self._unreadable
                continue
            by_series.setdefault(header.series_instance_uid, set()).add(header.sop_instance_uid)
            if is_shown(header):
                shown.append(header)
            else:
                skipped[header.series_instance_uid] = skipped.get(header.series_instance_uid, 0) + 1
        with self._lock:
            self._headers.update(
                (header.sop_instance_uid, header) for header in headers if header.study_instance_uid == study
            )
        for uid, instances in by_series.items():
            with self._lock:
                self._series[uid] = self._series.get(uid, SeriesCount(uid)).with_received(frozenset(instances))
        if shown:
            self._feed.arrived(shown)
        for uid, number in skipped.items():
            self._skip(uid, number)
        for uid in by_series:
            # The origin promised a number and so many came: the reader need not wait until it is asked once more
            # what it holds. Should it name others then, `settle` calls them missing.
            if self._series[uid].complete:
                self._tell_complete(uid)

    def _tell_complete(self, series_instance_uid: str) -> None:
        with self._lock:
            if series_instance_uid in self._told_complete:
                return
            self._told_complete.add(series_instance_uid)
        self._feed.complete(self._request.study_instance_uid, series_instance_uid)

    def _skip(self, series_instance_uid: str, number: int) -> None:
        """Correct what the viewer expects by the objects that are not images."""
        with self._lock:
            self._skipped[series_instance_uid] = self._skipped.get(series_instance_uid, 0) + number
            count = self._series[series_instance_uid]
            images = None if count.expected is None else count.expected - self._skipped[series_instance_uid]
        if images is not None:
            self._feed.expect(self._request.study_instance_uid, series_instance_uid, max(0, images))

    def _name_missing(self, count: SeriesCount, cancelled: Cancelled) -> SeriesCount:
        """Learn which instances did not come, so that the viewer can mark the gaps."""
        uid = count.series_instance_uid
        reason = count.reason or self._unreadable or "The hospital did not send this image"
        try:
            promised = frozenset(item.sop_instance_uid for item in self._instances(uid, cancelled))
        except Interrupted:
            raise
        except PacsError as error:
            promised, reason = frozenset(), count.reason or error.reason
        if count.expected is None and promised:
            count = replace(count, expected=len(promised))
            self._feed.expect(self._request.study_instance_uid, uid, len(promised))
        count = count.with_missing(promised - count.received, reason)
        if not count.missing and not count.complete:
            count = replace(count, reason=reason)
        self._set(count)
        for instance in sorted(count.missing):
            self._feed.missing(self._request.study_instance_uid, uid, instance, reason)
        return count

    def _set(self, count: SeriesCount) -> None:
        with self._lock:
            self._series[count.series_instance_uid] = count


def _main_first(answer: SeriesAnswer) -> tuple[int, int]:
    """Largest first: the main series of a study is nearly always the one with the most images."""
    return (-(answer.number_of_instances or 0), answer.series_number or 0)
