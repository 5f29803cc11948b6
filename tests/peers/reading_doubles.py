"""Doubles for the reading room's tests. They say that they are doubles; none of them speaks to anything."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pacs.errors import PacsError
from pacs.port import InstanceAnswer, Received, Retrieved, RetrieveRequest, SeriesAnswer, StudyAnswer, StudyQuery
from pacs.site import Connection, DimseConnection, Site
from viewer.cancel import CancelToken
from viewer.records import (
    Annotation,
    AnnotationKind,
    DisplayedState,
    FrameHeader,
    FrameRef,
    InstanceHeader,
    MeasuredValue,
    PatientLabel,
)
from viewer.tasks import Task
from viewer.ui.labels import StudyLabel
from worklist_client.identity.patient import PatientIdentity, PatientKey
from worklist_client.reading.consent import SiteDirectoryConsent
from worklist_client.reading.priors import CurrentStudy, PriorServices
from worklist_client.reading.relevance import StudyTraits
from worklist_client.worklist.entries import Status, StudyEntry

NOW = datetime(2026, 11, 21, 3, 15, tzinfo=UTC)
BSN = "111222333"
"""Passes the 11-test; nobody's."""


def never() -> bool:
    """Not cancelled."""
    return False


def site(site_id: str, *, foreign: str = "permit", issuer: str = "") -> Site:
    """A hospital with one connection of its own name."""
    return Site(
        site_id,
        f"Hospital {site_id.title()}",
        "#3aa0c8",
        issuer_of_patient_id=issuer or f"{site_id.upper()}-ISSUER",
        connections=(DimseConnection(site_id, "127.0.0.1", 1, "DOUBLE"),),
        foreign_reading=foreign,  # type: ignore[arg-type]
    )


NORTH, WEST, SOUTH = site("north"), site("west"), site("south")


def patient(site_id: str = "north", number: str = "N1", **changes: Any) -> PatientIdentity:
    """Zoë Jánssen as a hospital knows her."""
    values: dict[str, Any] = {
        "key": PatientKey(f"{site_id.upper()}-ISSUER", number),
        "site_id": site_id,
        "name": "Jánssen^Zoë",
        "birth_date": "19600102",
        "sex": "F",
        "national_id": BSN,
    }
    return PatientIdentity(**{**values, **changes})


def current(**changes: Any) -> CurrentStudy:
    """The study being read, at north."""
    return CurrentStudy("north", "1.2.1", patient(**changes), StudyTraits(("CT",), "HEAD", "CT brain", "20261121"))


def answer(study: str, **changes: Any) -> StudyAnswer:
    """An answer about the same person, as west would give it."""
    values: dict[str, Any] = {
        "patient_name": "Jánssen^Zoë",
        "patient_id": "W9",
        "patient_birth_date": "19600102",
        "patient_sex": "F",
        "study_date": "20250101",
        "study_description": "CT brain",
        "modalities": ("CT",),
    }
    return StudyAnswer(study, **{**values, **changes})


@dataclass
class FakePacs:
    """A double of one PACS: says what it was told to say, and remembers what it was asked."""

    answers: list[StudyAnswer] = field(default_factory=list)
    series: list[SeriesAnswer] = field(default_factory=list)
    by_study: dict[str, list[SeriesAnswer]] = field(default_factory=dict)
    """Series by study, in place of `series`."""
    instances: dict[str, list[InstanceAnswer]] = field(default_factory=dict)
    error: PacsError | None = None
    asked: list[StudyQuery] = field(default_factory=list)

    def search_for_studies(self, query: StudyQuery, cancelled: Callable[[], bool]) -> list[StudyAnswer]:
        self.asked.append(query)
        if self.error is not None:
            raise self.error
        return list(self.answers)

    def search_for_series(self, study_instance_uid: str, cancelled: Callable[[], bool]) -> list[SeriesAnswer]:
        if self.error is not None:
            raise self.error
        return list(self.by_study.get(study_instance_uid, self.series))

    def search_for_instances(
        self, study_instance_uid: str, series_instance_uid: str, cancelled: Callable[[], bool]
    ) -> list[InstanceAnswer]:
        if self.error is not None:
            raise self.error
        return list(self.instances.get(series_instance_uid, []))

    def retrieve(
        self, request: RetrieveRequest, deliver: Callable[[Received], None], cancelled: Callable[[], bool]
    ) -> Retrieved:
        raise AssertionError("this double retrieves nothing")

    def echo(self, cancelled: Callable[[], bool]) -> None:
        raise AssertionError("this double echoes nothing")

    def store(self, objects: Any, cancelled: Callable[[], bool]) -> Any:
        raise AssertionError("this double stores nothing")


def services(peers: dict[str, FakePacs], national_ids: dict[str, str] | None = None) -> PriorServices:
    """Prior services over doubles; `national_ids` by study are what one instance's header says."""
    known = national_ids or {}

    def open_port(connection: Connection) -> Any:
        return peers[connection.connection_id]

    return PriorServices(open_port, lambda _site, study, _cancelled: known.get(study, ""), SiteDirectoryConsent(), "R1")


def header(study: str, series: str, number: int, **changes: Any) -> InstanceHeader:
    """A header of one small image."""
    values: dict[str, Any] = {
        "study_instance_uid": study,
        "series_instance_uid": series,
        "sop_instance_uid": f"{series}.{number}",
        "sop_class_uid": "1.2.840.10008.5.1.4.1.1.2",
        "transfer_syntax_uid": "1.2.840.10008.1.2.1",
        "path": f"/nowhere/{number}.dcm",
        "pixels": None,
        "rows": 8,
        "columns": 8,
        "bits_allocated": 16,
        "bits_stored": 16,
        "high_bit": 15,
        "pixel_representation": 1,
        "frames": (FrameHeader(1),),
        "instance_number": number,
        "patient": PatientLabel("Jánssen^Zoë", "N1"),
    }
    return InstanceHeader(**{**values, **changes})


@dataclass
class FakeWorker:
    """A double of a worker process: delivers the headers it holds, each once, leaving out what is `lost`."""

    headers: list[InstanceHeader] = field(default_factory=list)
    lost: frozenset[str] = frozenset()
    errors: list[PacsError] = field(default_factory=list)
    requests: list[RetrieveRequest] = field(default_factory=list)

    def retrieve(
        self, connection: Any, request: RetrieveRequest, ingest: Any, on_batch: Any, cancelled: Any, **_: Any
    ) -> Retrieved:
        self.requests.append(request)
        if self.errors:
            raise self.errors.pop(0)
        wanted = [
            item
            for item in self.headers
            if item.series_instance_uid == request.series_instance_uid
            and (not request.sop_instance_uids or item.sop_instance_uid in request.sop_instance_uids)
            and item.sop_instance_uid not in request.already | self.lost
        ]
        wanted.sort(key=lambda item: item.sop_instance_uid not in request.first)
        for item in wanted:
            on_batch([item])
        return Retrieved(len(wanted))

    def call(self, function: Any, argument: Any, cancelled: Any) -> Any:
        return tuple(self.headers[: len(argument)])


@dataclass
class FakeViewer:
    """A double of the viewer: remembers what it was fed and asked, in order."""

    log: list[tuple[Any, ...]] = field(default_factory=list)
    drawn: dict[str, tuple[Annotation, ...]] = field(default_factory=dict)
    states: dict[str, tuple[DisplayedState, ...]] = field(default_factory=dict)

    def expect(self, study_instance_uid: str, series_instance_uid: str, count: int) -> None:
        self.log.append(("expect", study_instance_uid, series_instance_uid, count))

    def arrived(self, headers: Sequence[InstanceHeader]) -> None:
        for item in headers:
            self.log.append(("arrived", item.study_instance_uid, item.sop_instance_uid))

    def missing(self, study_instance_uid: str, series_instance_uid: str, sop_instance_uid: str, reason: str) -> None:
        self.log.append(("missing", study_instance_uid, series_instance_uid, sop_instance_uid, reason))

    def complete(self, study_instance_uid: str, series_instance_uid: str) -> None:
        self.log.append(("complete", study_instance_uid, series_instance_uid))

    def set_study(self, study_instance_uid: str, label: StudyLabel) -> None:
        self.log.append(("study", study_instance_uid, label))

    def set_layout(self, rows: int, columns: int) -> None:
        self.log.append(("layout", rows, columns))

    def remove_study(self, study_instance_uid: str) -> None:
        self.log.append(("removed", study_instance_uid))

    def hang(self, current_study_uid: str, prior_study_uid: str | None = None) -> None:
        self.log.append(("hang", current_study_uid, prior_study_uid))

    def annotations(self, study_instance_uid: str) -> tuple[Annotation, ...]:
        return self.drawn.get(study_instance_uid, ())

    def set_annotations(self, study_instance_uid: str, annotations: Sequence[Annotation]) -> None:
        self.drawn[study_instance_uid] = tuple(annotations)

    def displayed_states(self, study_instance_uid: str) -> tuple[DisplayedState, ...]:
        return self.states.get(study_instance_uid, ())

    def go_to(self, study_instance_uid: str, frame: FrameRef) -> bool:
        self.log.append(("go_to", study_instance_uid, frame))
        return True

    def select_annotation(self, annotation_id: str) -> bool:
        self.log.append(("select", annotation_id))
        return any(item.annotation_id == annotation_id for items in self.drawn.values() for item in items)

    def of_kind(self, kind: str) -> list[tuple[Any, ...]]:
        """Entries of the log of one kind."""
        return [entry for entry in self.log if entry[0] == kind]


class NowRunner:
    """A double of the task runner: does everything at once, on the calling thread."""

    def submit(self, work: Any, request: Any, *, owner: object, **options: Any) -> Task:
        task = Task()
        try:
            value = work(request, CancelToken())
        except Exception as error:  # noqa: BLE001 - the border of background work, as in the real runner
            if options.get("failed") is not None:
                options["failed"](error)
            return task
        if options.get("done") is not None:
            options["done"](value)
        return task

    def post(self, call: Callable[[], None]) -> None:
        call()


class LaterRunner(NowRunner):
    """A double that keeps the work of some lanes until `run` is called: what a slow hub or hospital looks like."""

    def __init__(self, *lanes: str) -> None:
        self.lanes = lanes
        self.waiting: list[Callable[[], Any]] = []

    def submit(self, work: Any, request: Any, *, owner: object, **options: Any) -> Task:
        if options.get("lane") not in self.lanes:
            return super().submit(work, request, owner=owner, **options)
        self.waiting.append(lambda: NowRunner.submit(self, work, request, owner=owner, **options))
        return Task()

    def run(self) -> None:
        """Do what waits, and what that makes wait."""
        while self.waiting:
            self.waiting.pop(0)()


def entry(**changes: Any) -> StudyEntry:
    """The study to read, at north."""
    values: dict[str, Any] = {
        "workitem_uid": "2.25.1",
        "site_id": "north",
        "study_instance_uid": "1.2.1",
        "patient": patient(),
        "status": Status.AVAILABLE,
        "procedure_step_state": "SCHEDULED",
        "accession_number": "A1",
        "modality": "CT",
        "study_description": "CT brain",
        "body_part": "HEAD",
        "study_datetime": NOW,
        "clinical_question": "Bleed?",
    }
    return StudyEntry(**{**values, **changes})


def length(annotation_id: str = "a1", millimetres: float = 14.1, study: str = "1.2.1") -> Annotation:
    """A drawn length."""
    return Annotation(
        annotation_id,
        AnnotationKind.LENGTH,
        study,
        f"{study}.1",
        FrameRef(f"{study}.1.1"),
        ((1.0, 1.0), (5.0, 1.0)),
        values=(MeasuredValue("length", millimetres, "mm", "mm"),),
    )
