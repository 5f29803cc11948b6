"""One row of the list: a *study to read*. The reader never sees a workitem; a release looks like a release."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ups.codes import ORDER_OF_ANOTHER, TWO_PATIENTS
from worklist_client.identity.patient import PatientIdentity


class Status(StrEnum):
    """What the row says, derived from Procedure Step State, readiness, progress and the outbox."""

    INCOMING = "incoming"
    AVAILABLE = "available"
    RESERVED = "reserved"
    CLAIMED = "claimed"
    MINE = "mine"
    DELIVERING = "delivering"
    REPORTED = "reported"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True)
class StudyEntry:
    """A study to read, as the hub last told it.

    `workitem_uid` changes when a claim is released (the hub replaces the workitem); `entry_id` = (site, study) stays.
    """

    workitem_uid: str
    site_id: str
    study_instance_uid: str
    patient: PatientIdentity
    status: Status
    procedure_step_state: str
    accession_number: str = ""
    issuer_of_accession_number: str = ""
    modality: str = ""
    study_description: str = ""
    body_part: str = ""
    study_datetime: datetime | None = None
    priority: str = "MEDIUM"
    """HIGH, MEDIUM or LOW; `stat` and `is_stroke` mark the finer classes."""
    stat: bool = False
    is_stroke: bool = False
    """For a stroke team, which waits: read before other urgent studies."""
    expertise: str = ""
    """Code value of Scheduled Station Class Code Sequence; `expertise_text` is its meaning."""
    expertise_text: str = ""
    reserved_for: str = ""
    holder: str = ""
    """Person name of the Actual Human Performer while claimed."""
    holder_code: str = ""
    due: datetime | None = None
    started: datetime | None = None
    images: int | None = None
    clinical_question: str = ""
    patient_age: str = ""
    cancel_reason: str = ""
    modified: str = ""
    """Scheduled Procedure Step Modification DateTime as the hub wrote it (server time)."""
    progress_percent: float = 0.0
    progress_text: str = ""
    reserved_for_code: str = ""
    replaces: str = ""
    """UID of the workitem that this one replaces, after a release."""
    worklist_label: str = ""
    silent_since: datetime | None = None
    """The holder's last sign of life, where the hub shows the claim as stale; it may be taken over with a reason."""
    elsewhere: bool = False
    """A single study that another hospital may read, for it needs no priors."""
    is_own: bool = False
    """In progress in my hands: claimed at this desk, under whatever number, or by the same reader at another one."""
    remarks: tuple[str, ...] = ()
    """Code values of what intake noticed about the study (`ups.codes`)."""

    is_arriving: bool = False
    """Whether images of it still reach its hospital, claimed or not."""

    @property
    def has_two_patients(self) -> bool:
        """Whether the hospital keeps images of two patients under this study: nobody may report it."""
        return TWO_PATIENTS.value in self.remarks

    @property
    def has_order_of_another(self) -> bool:
        """Whether the order under its accession number names another patient: question and number may be wrong."""
        return ORDER_OF_ANOTHER.value in self.remarks

    @property
    def hides_details(self) -> bool:
        """Whether the hub shows the line alone, for another reader has it: no number, birth date and question."""
        held = self.status in (Status.CLAIMED, Status.DELIVERING, Status.REPORTED)
        return held and not self.is_own and not self.patient.key.patient_id

    @property
    def entry_id(self) -> tuple[str, str]:
        """(site, Study Instance UID): a study is keyed by its site, for the same UID may occur at two."""
        return (self.site_id, self.study_instance_uid)
