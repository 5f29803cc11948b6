"""The rows of the journal: plain frozen records. Times are aware datetimes; texts of reports are opaque here."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class ClaimState(StrEnum):
    """How far a claim is. The first six are open: they are verified with the hub at start."""

    ASKED = "ASKED"
    """Written before it is sent; the answer is not known yet."""
    HELD = "HELD"
    FENCED = "FENCED"
    """The hub confirmed "signed, delivering"; the report may leave."""
    RELEASING = "RELEASING"
    CLOSING = "CLOSING"
    """The reader's report was withdrawn because another one is there: the workitem is being canceled."""
    COMPLETING = "COMPLETING"
    LOST = "LOST"
    """Another reader has it, or took it over."""
    RELEASED = "RELEASED"
    COMPLETED = "COMPLETED"


OPEN_CLAIM_STATES = (
    ClaimState.ASKED,
    ClaimState.HELD,
    ClaimState.FENCED,
    ClaimState.RELEASING,
    ClaimState.CLOSING,
    ClaimState.COMPLETING,
)


@dataclass(frozen=True, slots=True)
class ClaimRow:
    """One claim. (workitem_uid, transaction_uid) is the fencing token; the latter is a secret and never shown."""

    workitem_uid: str
    transaction_uid: str = field(repr=False)
    state: ClaimState
    asked_at: datetime
    changed_at: datetime
    site_id: str = ""
    study_instance_uid: str = ""
    holder: str = ""
    """Who has it instead, where known and the claim is LOST."""
    reason: str = ""
    outputs: str = field(default="", repr=False)
    """JSON of the references that complete the workitem; written before COMPLETING is sent, for the resume."""

    @property
    def is_open(self) -> bool:
        """Whether the claim may still be ours."""
        return self.state in OPEN_CLAIM_STATES


class DraftState(StrEnum):
    """EDITING is the one editable draft of a workitem; ORPHAN is kept, read-only, with the reason."""

    EDITING = "EDITING"
    SIGNED = "SIGNED"
    ORPHAN = "ORPHAN"
    DISCARDED = "DISCARDED"


@dataclass(frozen=True, slots=True)
class DraftRow:
    """A report being written, bound to one workitem, study and patient key. `content` is text of the report package."""

    draft_uid: str
    workitem_uid: str
    site_id: str
    study_instance_uid: str
    patient_issuer: str = field(repr=False)
    patient_id: str = field(repr=False)
    content: str = field(repr=False)
    revision: int
    """Counts up with each save of this draft, from 1; an older one never overwrites a newer."""
    saved_at: datetime
    state: DraftState = DraftState.EDITING
    reason: str = ""
    created_at: datetime | None = None
    """Set by the journal at the first save."""


class PackageState(StrEnum):
    """Delivery of one signed report (design decision 8). RETRY, BLOCKED and ATTENTION keep what was `reached`."""

    SIGNED = "SIGNED"
    FENCED = "FENCED"
    STORED = "STORED"
    VERIFIED = "VERIFIED"
    DONE = "DONE"
    RETRY = "RETRY"
    BLOCKED = "BLOCKED"
    ATTENTION = "ATTENTION"
    WITHDRAWN = "WITHDRAWN"
    """The fence was refused, or its author withdrew it, before the report left: it is never sent, the text lives on as
    an orphan draft."""


MAIN_PACKAGE_STATES = (
    PackageState.SIGNED,
    PackageState.FENCED,
    PackageState.STORED,
    PackageState.VERIFIED,
    PackageState.DONE,
)
FINAL_PACKAGE_STATES = (PackageState.DONE, PackageState.WITHDRAWN)


@dataclass(frozen=True, slots=True)
class PackageRow:
    """One signed report. Identity and text are frozen at signing; only the last block changes, by the outbox."""

    report_id: str
    workitem_uid: str
    site_id: str
    study_instance_uid: str
    patient_issuer: str = field(repr=False)
    patient_id: str = field(repr=False)
    accession_number: str = field(repr=False)
    text: str = field(repr=False)
    """The signed report as text of the report package (also what "copy for the phone" shows)."""
    signed_at: datetime
    stat: bool = False
    state: PackageState = PackageState.SIGNED
    reached: PackageState = PackageState.SIGNED
    """Furthest of SIGNED, FENCED, STORED, VERIFIED, DONE."""
    reason: str = ""
    tries: int = 0
    next_attempt: datetime | None = None
    """Not before this time; None = at once."""
    changed_at: datetime | None = None
    draft_uid: str = ""
    beside: tuple[str, ...] = ()
    """SOP Instance UIDs of other reports of the study; the reader knows of them and chose to send this one too."""


class ObjectState(StrEnum):
    """Of one object of a package."""

    WAITING = "WAITING"
    STORED = "STORED"
    VERIFIED = "VERIFIED"


@dataclass(frozen=True, slots=True)
class ObjectRow:
    """One rendered object, in order of sending. `data` are the frozen bytes of a Part 10 file."""

    report_id: str
    position: int
    kind: str
    sop_class_uid: str
    sop_instance_uid: str
    series_instance_uid: str
    study_instance_uid: str
    transfer_syntax_uid: str
    content_sha256: str
    data: bytes = field(repr=False)
    state: ObjectState = ObjectState.WAITING
    proof: str = ""
    """The proof obtained: accepted, found in archive, committed, read back."""


@dataclass(frozen=True, slots=True)
class Seen:
    """How a report stood when somebody looked; two are equal where nothing has happened in between."""

    state: PackageState
    reached: PackageState
    reason: str
    tries: int
    changed_at: str
    objects: tuple[tuple[str, ObjectState, str], ...]
    """(SOP Instance UID, state, proof) in order of sending."""

    @property
    def may_have_left(self) -> bool:
        """Whether the last object, the report itself, was ever handed to the network without a clear refusal."""
        return bool(self.objects) and self.objects[-1][1:] != (ObjectState.WAITING, "")

    @property
    def leaves_some(self) -> bool:
        """Whether another object of it, a presentation state, may stay at the hospital without its report."""
        return any(one[1:] != (ObjectState.WAITING, "") for one in self.objects[:-1])


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One line of the audit spool. `sequence`, `previous_hash` and `line_hash` are set by the journal."""

    at: datetime
    event: str
    reader_code: str
    site_id: str = ""
    study_instance_uid: str = ""
    patient_issuer: str = field(default="", repr=False)
    patient_id: str = field(default="", repr=False)
    workitem_uid: str = ""
    reason: str = ""
    details: str = field(default="", repr=False)
    sequence: int = 0
    previous_hash: str = ""
    line_hash: str = ""


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A held report is taken back by its author; and whose patient its text belongs to from now on."""

    report_id: str
    reason: str
    patient_issuer: str = field(repr=False)
    patient_id: str = field(repr=False)
    seen: Seen
    """How it stood before the hospital was asked; what moved since then is not withdrawn on an old answer."""
    claim: ClaimState = ClaimState.RELEASING
    """RELEASING: the study goes back to the list, to be read again. CLOSING: it is taken off the list."""
    claim_reason: str = ""
    """Plain English, for the shared worklist."""
    is_not_there: bool = False
    """The hospital was asked a moment ago and does not hold the report, though sending it may have begun."""
    audit: AuditRow | None = None
    """The line that tells of it, written in the same transaction."""


@dataclass(frozen=True, slots=True)
class LinkRow:
    """That two patient keys are one person, confirmed by a reader for one workitem only."""

    workitem_uid: str
    left_issuer: str = field(repr=False)
    left_patient_id: str = field(repr=False)
    right_issuer: str = field(repr=False)
    right_patient_id: str = field(repr=False)
    verdict: str
    identifiers: tuple[str, ...]
    """Fields the reader ticked."""
    evidence: str = field(repr=False)
    """The evidence rows shown on the card, as JSON text."""
    reader_code: str
    confirmed_at: datetime
