"""Doubles for delivery tests, and they say so: an archive in memory, a claim desk, a clock that is set."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from pacs.errors import Unreachable
from pacs.files import file_name_of
from pacs.port import (
    Cancelled,
    InstanceAnswer,
    Received,
    Retrieved,
    RetrieveRequest,
    SeriesAnswer,
    StoreObject,
    StoreOutcome,
    StoreState,
    StudyAnswer,
    StudyQuery,
)
from pacs.site import DimseConnection, Site
from worklist_client.delivery.service import DeliveryService
from worklist_client.identity.patient import PatientIdentity, PatientKey
from worklist_client.journal import DraftRow, Journal, PackageRow
from worklist_client.report.document import encode
from worklist_client.report.model import Draft, SignedReport
from worklist_client.report.uids import uid_from
from worklist_client.worklist.outcomes import (
    CompleteKind,
    CompleteResult,
    FenceKind,
    FenceResult,
    OutputReference,
)

START = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)


class Killed(BaseException):
    """The process ended here."""


@dataclass
class Clock:
    """Time stands still until it is set forward."""

    time: datetime = START
    run_s: float = 1000.0

    def __call__(self) -> datetime:
        return self.time

    def forward(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)
        self.run_s += seconds

    def jump(self, seconds: float) -> None:
        """Somebody sets the wall clock; no time passes."""
        self.time += timedelta(seconds=seconds)

    def monotonic(self) -> float:
        """Seconds since some start."""
        return self.run_s


@dataclass(frozen=True)
class HeldStudy:
    """A study in an archive."""

    answer: StudyAnswer
    images: tuple[tuple[str, str], ...]
    """(series, instance)."""


@dataclass
class MemoryPacs:
    """An archive in memory. `on_store` may answer for it, after or instead of keeping the object."""

    studies: list[HeldStudy] = field(default_factory=list)
    objects: dict[str, StoreObject] = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)
    away: bool = False
    calls: int = 0
    on_store: Callable[[StoreObject], StoreOutcome | None] | None = None
    coerce: Callable[[Dataset], None] | None = None

    def _ask(self) -> None:
        self.calls += 1
        if self.away:
            raise Unreachable("nobody listens")

    def echo(self, cancelled: Cancelled) -> None:
        self._ask()

    def search_for_studies(self, query: StudyQuery, cancelled: Cancelled) -> list[StudyAnswer]:
        self._ask()
        return [one.answer for one in self.studies if one.answer.study_instance_uid == query.study_instance_uid]

    def search_for_series(self, study_instance_uid: str, cancelled: Cancelled) -> list[SeriesAnswer]:
        self._ask()
        return [
            SeriesAnswer(uid_from(f"series of {uid}"), "DOC" if item.sop_class_uid.endswith("104.1") else "SR")
            for uid, item in self.objects.items()
            if item.study_instance_uid == study_instance_uid
        ]

    def search_for_instances(
        self, study_instance_uid: str, series_instance_uid: str, cancelled: Cancelled
    ) -> list[InstanceAnswer]:
        self._ask()
        images = [
            image for one in self.studies if one.answer.study_instance_uid == study_instance_uid for image in one.images
        ]
        found = [InstanceAnswer(uid, "1.2", series) for series, uid in images]
        listed = {uid_from(f"series of {uid}") for uid in self.objects}
        found += [
            InstanceAnswer(uid, item.sop_class_uid)
            for uid, item in self.objects.items()
            if item.study_instance_uid == study_instance_uid
            and (series_instance_uid not in listed or series_instance_uid == uid_from(f"series of {uid}"))
        ]
        return found

    def retrieve(
        self, request: RetrieveRequest, deliver: Callable[[Received], None], cancelled: Cancelled
    ) -> Retrieved:
        self._ask()
        for uid in request.sop_instance_uids:
            item = self.objects.get(uid)
            if item is None:
                return Retrieved(0, 1, (uid,))
            path = Path(request.folder) / file_name_of(uid)
            path.write_bytes(self._returned(item))
            deliver(Received(str(path), item.study_instance_uid, "", uid, item.sop_class_uid, ""))
        return Retrieved(len(request.sop_instance_uids))

    def store(self, objects: Sequence[StoreObject], cancelled: Cancelled) -> list[StoreOutcome]:
        outcomes = []
        for item in objects:
            if self.away:
                outcomes.append(StoreOutcome(item.sop_instance_uid, StoreState.RETRY, None, "nobody listens"))
                continue
            self.sent.append(item.sop_instance_uid)
            said = self.on_store(item) if self.on_store else None
            if said is None:
                self.objects[item.sop_instance_uid] = item
                said = StoreOutcome(item.sop_instance_uid, StoreState.STORED, 0)
            outcomes.append(said)
        return outcomes

    def _returned(self, item: StoreObject) -> bytes:
        if self.coerce is None:
            return item.data
        dataset = dcmread(BytesIO(item.data))
        self.coerce(dataset)
        buffer = BytesIO()
        dataset.save_as(buffer)
        return buffer.getvalue()


@dataclass
class Desk:
    """A claim desk that answers what it was told to; completing is only possible once."""

    fences: dict[str, FenceResult] = field(default_factory=dict)
    completes: dict[str, CompleteResult] = field(default_factory=dict)
    fenced: list[str] = field(default_factory=list)
    completed: dict[str, list[str]] = field(default_factory=dict)
    given_up: list[str] = field(default_factory=list)

    def fence(self, workitem_uid: str) -> FenceResult:
        self.fenced.append(workitem_uid)
        return self.fences.get(workitem_uid) or FenceResult(workitem_uid, FenceKind.PASSED)

    def give_up(self, workitem_uid: str) -> bool:
        self.given_up.append(workitem_uid)
        return True

    def complete(self, workitem_uid: str, outputs: Sequence[OutputReference]) -> CompleteResult:
        if workitem_uid in self.completes:
            return self.completes[workitem_uid]
        uids = [one.sop_instance_uid for one in outputs]
        assert self.completed.setdefault(workitem_uid, uids) == uids
        return CompleteResult(workitem_uid, CompleteKind.DONE)


def site_of(site_id: str, port: int, **changes: object) -> Site:
    """A hospital whose one connection is told apart by its port."""
    connection = DimseConnection(f"{site_id}-dimse", "127.0.0.1", port, site_id.upper())
    values: dict[str, object] = {"site_id": site_id, "name": site_id, "color": "#fff", "connections": (connection,)}
    return Site(**{**values, **changes})  # type: ignore[arg-type]


def report_of(
    site_id: str, study: str, patient_id: str = "P1", *, issuer: str = "", accession: str = "A1", kinds: int = 2
) -> tuple[SignedReport, HeldStudy]:
    """A small signed report over two images, and the study as its archive holds it. `study` is any name."""
    study_uid, series = uid_from(f"{study}|study"), uid_from(f"{study}|series")
    images = tuple((series, uid_from(f"{study}|{number}")) for number in range(2))
    objects = []
    for number in range(kinds):
        dataset = Dataset()
        dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.88.22"
        dataset.SOPInstanceUID = uid_from(f"{site_id}|{study}|object|{number}")
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = study_uid, uid_from(f"{site_id}|{study}|reports|{number}")
        dataset.PatientID, dataset.AccessionNumber = patient_id, accession
        dataset.PatientName = "Jánssen^Zoë"
        if issuer:
            dataset.IssuerOfPatientID = issuer
        dataset.CurrentRequestedProcedureEvidenceSequence = Items([_evidence(study_uid, images)])
        objects.append(encode("SR" if number == kinds - 1 else "GSPS", dataset))
    patient = PatientIdentity(PatientKey(issuer, patient_id), site_id)
    workitem = uid_from(f"{site_id}|{study}|workitem")
    report = SignedReport(
        objects[-1].sop_instance_uid, workitem, site_id, study_uid, patient, accession, tuple(objects)
    )
    answer = StudyAnswer(study_uid, patient_id=patient_id, issuer_of_patient_id=issuer, accession_number=accession)
    return report, HeldStudy(answer, images)


def _evidence(study_uid: str, images: Sequence[tuple[str, str]]) -> Dataset:
    references = []
    for _, uid in images:
        reference = Dataset()
        reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", uid
        references.append(reference)
    series = Dataset()
    series.SeriesInstanceUID, series.ReferencedSOPSequence = images[0][0], Items(references)
    study = Dataset()
    study.StudyInstanceUID, study.ReferencedSeriesSequence = study_uid, Items([series])
    return study


@dataclass
class Region:
    """A journal, a desk, archives by port, and a directory; `service()` is a fresh start of the program."""

    journal: Journal
    clock: Clock = field(default_factory=Clock)
    desk: Desk = field(default_factory=Desk)
    archives: dict[int, MemoryPacs] = field(default_factory=dict)
    directory: list[Site] = field(default_factory=list)
    opened: list[int] = field(default_factory=list)

    def add(self, site_id: str, **changes: object) -> MemoryPacs:
        """A hospital with its archive."""
        port = 1000 + len(self.archives)
        self.archives[port] = MemoryPacs()
        self.directory.append(site_of(site_id, port, **changes))
        return self.archives[port]

    def open_pacs(self, connection: object) -> MemoryPacs:
        assert isinstance(connection, DimseConnection)
        self.opened.append(connection.port)
        return self.archives[connection.port]

    def service(self, failpoint: Callable[[str], None] | None = None) -> DeliveryService:
        return DeliveryService(
            self.journal.outbox,
            self.desk,
            lambda: tuple(self.directory),
            self.open_pacs,
            self.clock,
            monotonic=self.clock.monotonic,
            failpoint=failpoint,
        )

    def sign(
        self, report: SignedReport, *, stat: bool = False, known_documents: tuple[str, ...] | None = ()
    ) -> PackageRow:
        """Draft and package, as signing writes them; `known_documents` lay in the study when it was opened."""
        draft = Draft(
            report.workitem_uid,
            report.site_id,
            report.study_instance_uid,
            report.patient,
            report.accession_number,
            sections={"findings": "Tekst"},
            known_documents=known_documents,
        )
        row = DraftRow(
            draft_uid=str(uuid.uuid5(uuid.NAMESPACE_OID, report.report_id)),
            workitem_uid=report.workitem_uid,
            site_id=report.site_id,
            study_instance_uid=report.study_instance_uid,
            patient_issuer=report.patient.key.issuer,
            patient_id=report.patient.key.patient_id,
            content="{}",
            revision=1,
            saved_at=self.clock(),
        )
        self.journal.drafts.save(row)
        self.service().sign(report, draft, row.draft_uid, self.clock(), stat=stat)
        return self.journal.outbox.get(report.report_id)


def never() -> bool:
    """Not cancelled."""
    return False
