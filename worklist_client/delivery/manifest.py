"""What frozen bytes say of themselves: whose they are, and what they point at. Read from the objects, not the model."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO

from pydicom import dcmread
from pydicom.dataset import Dataset


@dataclass(frozen=True)
class Manifest:
    """One object. `references` = (Study, Series, SOP Instance UID) of everything it points at."""

    study_instance_uid: str
    patient_id: str
    issuer_of_patient_id: str
    accession_number: str
    references: frozenset[tuple[str, str, str]]


def manifest_of(data: bytes) -> Manifest:
    """Read a GSPS or SR."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = dcmread(BytesIO(data))
        study = str(dataset.get("StudyInstanceUID", ""))
        found = set(_series_references(study, dataset.get("ReferencedSeriesSequence") or ()))
        for keyword in ("CurrentRequestedProcedureEvidenceSequence", "PertinentOtherEvidenceSequence"):
            for item in dataset.get(keyword) or ():
                found |= set(_series_references(str(item.StudyInstanceUID), item.ReferencedSeriesSequence))
        return Manifest(
            study,
            str(dataset.get("PatientID", "") or ""),
            str(dataset.get("IssuerOfPatientID", "") or ""),
            str(dataset.get("AccessionNumber", "") or ""),
            frozenset(found),
        )


def identity_of(path: str) -> tuple[str, str, str]:
    """(Study Instance UID, Patient ID, Issuer of Patient ID) of a retrieved file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted = ["StudyInstanceUID", "PatientID", "IssuerOfPatientID", "SpecificCharacterSet"]
        dataset = dcmread(path, stop_before_pixels=True, specific_tags=wanted)
        return (
            str(dataset.get("StudyInstanceUID", "")),
            str(dataset.get("PatientID", "") or ""),
            str(dataset.get("IssuerOfPatientID", "") or ""),
        )


def _series_references(study: str, series: Iterable[Dataset]) -> Iterable[tuple[str, str, str]]:
    for item in series:
        for keyword in ("ReferencedImageSequence", "ReferencedSOPSequence"):
            for reference in item.get(keyword) or ():
                yield study, str(item.SeriesInstanceUID), str(reference.ReferencedSOPInstanceUID)
