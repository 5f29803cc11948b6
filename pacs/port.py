"""The one port to a PACS. `pacs.connect.open_pacs(connection, ...)` gives the adapter; the same contract suite runs
against every adapter and every peer. All texts are decoded Unicode; DICOM strings are stripped of padding."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

Cancelled = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class StudyQuery:
    """Matching keys of a study search. Empty = universal. Dates YYYYMMDD, or ranges as in DICOM. `patient_name` may
    hold wildcards (`*`, `?`)."""

    patient_id: str = ""
    patient_name: str = ""
    patient_birth_date: str = ""
    study_date: str = ""
    study_instance_uid: str = ""
    accession_number: str = ""
    modality: str = ""
    limit: int = 0


@dataclass(frozen=True, slots=True)
class StudyAnswer:
    """One study as the PACS describes it. Judge it by these values, never by having been returned."""

    study_instance_uid: str
    patient_name: str = ""
    patient_id: str = ""
    issuer_of_patient_id: str = ""
    patient_birth_date: str = ""
    patient_sex: str = ""
    other_patient_ids: tuple[tuple[str, str], ...] = ()
    """(id, issuer) pairs of Other Patient IDs Sequence, where the answer has it."""
    study_date: str = ""
    study_time: str = ""
    accession_number: str = ""
    study_description: str = ""
    study_id: str = ""
    referring_physician_name: str = ""
    modalities: tuple[str, ...] = ()
    body_parts: tuple[str, ...] = ()
    station_name: str = ""
    institution_name: str = ""
    number_of_series: int | None = None
    number_of_instances: int | None = None
    """Only images and other non-report instances are *not* told apart here; count by search_for_instances."""


@dataclass(frozen=True, slots=True)
class SeriesAnswer:
    """One series."""

    series_instance_uid: str
    modality: str = ""
    series_number: int | None = None
    series_description: str = ""
    body_part: str = ""
    number_of_instances: int | None = None


@dataclass(frozen=True, slots=True)
class InstanceAnswer:
    """One instance."""

    sop_instance_uid: str
    sop_class_uid: str = ""
    series_instance_uid: str = ""
    instance_number: int | None = None
    number_of_frames: int | None = None


@dataclass(frozen=True, slots=True)
class RetrieveRequest:
    """What to fetch, at STUDY, SERIES or IMAGE level (empty = all below). Files go to `folder` under hashed names
    (`pacs.files.file_name_of`); instances in `already` are not fetched again where the protocol allows. Instances in
    `first` come before all others, in that order."""

    study_instance_uid: str
    folder: str
    series_instance_uid: str = ""
    sop_instance_uids: tuple[str, ...] = ()
    already: frozenset[str] = frozenset()
    first: tuple[str, ...] = ()
    to_come: int = 0
    """How many objects the caller counts on (0 = not known): after so many, a worker hands its batch over at once
    instead of waiting for more. Says nothing about completeness."""


@dataclass(frozen=True, slots=True)
class Received:
    """One object that lies complete on disk (written under a temporary name, then renamed)."""

    path: str
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str


@dataclass(frozen=True, slots=True)
class Retrieved:
    """How a retrieval ended. Good data is kept and lost data is named: complete only when nothing is missing."""

    received: int
    expected: int | None = None
    missing: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class StoreState(StrEnum):
    """How a store answer is to be read (report.md 8.2, reliability.md 6)."""

    STORED = "STORED"
    STORED_WITH_WARNING = "STORED_WITH_WARNING"
    RETRY = "RETRY"
    UNKNOWN = "UNKNOWN"
    BLOCKED = "BLOCKED"
    HELD = "HELD"
    NOT_SUPPORTED = "NOT_SUPPORTED"


@dataclass(frozen=True, slots=True)
class StoreObject:
    """One DICOM Part 10 file as frozen bytes."""

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    study_instance_uid: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class StoreOutcome:
    """What the PACS said to one object."""

    sop_instance_uid: str
    state: StoreState
    status: int | None = None
    message: str = ""


class Pacs(Protocol):
    """One connection to one PACS. Each call opens and closes what it needs; none is shared between threads.

    All calls raise `pacs.errors.PacsError`; `cancelled` is polled at least every 200 ms and leads to `Interrupted`.
    """

    def echo(self, cancelled: Cancelled) -> None:
        """C-ECHO, or the smallest QIDO search."""

    def search_for_studies(self, query: StudyQuery, cancelled: Cancelled) -> list[StudyAnswer]:
        """C-FIND or QIDO-RS at STUDY level."""

    def search_for_series(self, study_instance_uid: str, cancelled: Cancelled) -> list[SeriesAnswer]:
        """C-FIND or QIDO-RS at SERIES level."""

    def search_for_instances(
        self, study_instance_uid: str, series_instance_uid: str, cancelled: Cancelled
    ) -> list[InstanceAnswer]:
        """C-FIND or QIDO-RS at IMAGE level, SOP Class UID always filled."""

    def retrieve(
        self, request: RetrieveRequest, deliver: Callable[[Received], None], cancelled: Cancelled
    ) -> Retrieved:
        """C-GET, C-MOVE or WADO-RS in the stored transfer syntax; `deliver` is called for each object, in order of
        arrival, on the calling thread."""

    def store(self, objects: Sequence[StoreObject], cancelled: Cancelled) -> list[StoreOutcome]:
        """C-STORE or STOW-RS; one outcome an object, in order. A broken link is an outcome, not an error."""
