"""Who the patient of a study is, read from one of its instances: searches leave out the national ID (PS3.4 C.6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from pacs.errors import NotFound, ProtocolViolation
from pacs.port import Cancelled, Pacs


@dataclass(frozen=True, slots=True)
class PatientOfStudy:
    """Texts decoded; empty where absent. Birth date YYYYMMDD."""

    study_instance_uid: str
    patient_name: str = ""
    patient_birth_date: str = ""
    patient_sex: str = ""
    patient_id: str = ""
    issuer_of_patient_id: str = ""
    other_patient_ids: tuple[tuple[str, str], ...] = ()
    """(id, issuer) of each item of Other Patient IDs Sequence."""
    accession_number: str = ""

    @property
    def ids(self) -> tuple[tuple[str, str], ...]:
        """All (id, issuer) pairs, the Patient ID first."""
        own = ((self.patient_id, self.issuer_of_patient_id),) if self.patient_id else ()
        return own + self.other_patient_ids


@runtime_checkable
class ReadsPatient(Protocol):
    """An adapter that can read the patient of one instance (both of ours can)."""

    def patient_of_instance(
        self, study_instance_uid: str, series_instance_uid: str, sop_instance_uid: str, cancelled: Cancelled
    ) -> PatientOfStudy:
        """WADO-RS metadata, or a C-GET or C-MOVE of the one instance."""


def patient_of(pacs: Pacs, study_instance_uid: str, cancelled: Cancelled) -> PatientOfStudy:
    """Name, birth date, sex and identifiers with their issuers, from one instance of the smallest series.

    Raises `NotFound` where the study has no instance, `ProtocolViolation` where the PACS gives one of another study.
    """
    series = [item for item in pacs.search_for_series(study_instance_uid, cancelled) if item.series_instance_uid]
    if not series or not isinstance(pacs, ReadsPatient):
        raise NotFound("the PACS has no series of this study")
    smallest = min(series, key=lambda item: item.number_of_instances or 1_000_000)
    instances = pacs.search_for_instances(study_instance_uid, smallest.series_instance_uid, cancelled)
    if not instances:
        raise NotFound("the PACS has no instance of this study")
    uid = instances[0].sop_instance_uid
    found = pacs.patient_of_instance(study_instance_uid, smallest.series_instance_uid, uid, cancelled)
    if found.study_instance_uid != study_instance_uid:
        raise ProtocolViolation("the PACS gave an instance of another study")
    return found
