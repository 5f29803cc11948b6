"""The neutral report: what the radiologist says, apart from any wire format. Frozen, picklable, no Qt, no pydicom."""

from __future__ import annotations

from dataclasses import dataclass, field

from viewer.records import Annotation, DisplayedState, FrameRef
from worklist_client.identity.patient import PatientIdentity

SECTIONS = ("clinical_question", "technique", "comparison", "findings", "impression")
"""Order of the sections of the editor and of the SR."""


@dataclass(frozen=True, slots=True)
class ReportedMeasurement:
    """A measurement inserted from a viewport: the words in the text, and the annotation it links back to."""

    annotation: Annotation
    section: str = "findings"
    text: str = ""


@dataclass(frozen=True, slots=True)
class PriorStudy:
    """A prior that was really opened for this report, with how its identity was established."""

    site_id: str
    study_instance_uid: str
    study_date: str
    modality: str
    study_description: str
    patient: PatientIdentity
    verdict: str
    confirmed_identifiers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """A report being written; bound to one workitem, one study, one patient."""

    workitem_uid: str
    site_id: str
    study_instance_uid: str
    patient: PatientIdentity
    accession_number: str
    sections: dict[str, str] = field(default_factory=dict)
    measurements: tuple[ReportedMeasurement, ...] = ()
    annotations: tuple[Annotation, ...] = ()
    displayed: tuple[DisplayedState, ...] = ()
    priors: tuple[PriorStudy, ...] = ()
    key_frame: FrameRef | None = None
    known_documents: tuple[str, ...] | None = None
    """SOP Instance UIDs of the documents that the study held when it was opened; None where that is not known."""
    language: str = ""
    """nl or en: of the whole report, from its first word to Language of Content Item (121049, DCM). Empty in drafts of
    an older version."""
    study: str = ""
    """What was examined and when, in the words of the list: for whoever finds the text later. Empty in drafts of an
    older version."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Who signs."""

    name: str
    """DICOM person name, e.g. Vries^Anna^^dr."""
    code: str
    organisation: str
    role: str = "Radiologist"


@dataclass(frozen=True, slots=True)
class SignedObject:
    """One rendered object: frozen bytes of a Part 10 file and the content hash that read-back must equal.

    `content_sha256` = SHA-256 of the dataset without file meta, re-encoded Explicit VR Little Endian.
    """

    kind: str
    """GSPS or SR."""
    sop_class_uid: str
    sop_instance_uid: str
    series_instance_uid: str
    study_instance_uid: str
    transfer_syntax_uid: str
    content_sha256: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SignedReport:
    """The package that goes home, in order of sending (GSPS first, SR last). Never edited after this."""

    report_id: str
    workitem_uid: str
    site_id: str
    study_instance_uid: str
    patient: PatientIdentity
    accession_number: str
    objects: tuple[SignedObject, ...]
    referenced_sop_instance_uids: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """What the package does not hold and why, in plain English without patient data; shown at signing."""
