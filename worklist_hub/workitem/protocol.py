"""What may be asked of a workitem, by whom, and what comes of it: the records around `decisions.decide`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ups.codes import Code, Person
from ups.dicom_json import DicomJson
from ups.states import Answer, ProcedureStepState
from worklist_hub.access.grants import Grant, Role
from worklist_hub.workitem.identity import identity_of


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. `is_feed`: intake, which may correct what a study is; readers may not."""

    reader: Person | None = None
    ae_title: str = ""
    is_feed: bool = False
    grants: tuple[Grant, ...] | None = None
    """What the guard found granted. None: made inside this process (intake); the policy then refuses all it is asked
    for searches and events, and `decide` does not ask it."""
    is_trusted: bool = False
    """The one desk of an embedded hub, or loopback without tokens: nobody to keep anything from."""
    subject: str = ""
    """Who signed in, unique over issuers: for limits, ownership of subscriptions and the audit."""
    on_behalf_of: Person | None = None
    """The responsible person, where another acts for him."""
    address: str = ""
    """Network address of the caller."""
    signed_in_by: str = ""
    """How: desk, token file, password, openid."""
    expires_at: float | None = None
    """When the token ends, seconds since 1970; None = never."""

    @property
    def identity(self) -> str:
        """What a claim keeps of `subject`."""
        return identity_of(self.subject)

    @property
    def roles(self) -> frozenset[Role]:
        """Every role, at whatever hospital."""
        return frozenset(grant.role for grant in self.grants or ())

    @property
    def sites(self) -> frozenset[str]:
        """Hospitals of which the caller is a member; `*` = of all."""
        return frozenset(grant.site_id for grant in self.grants or ())

    @property
    def expertise(self) -> frozenset[str]:
        """Every expertise named in a grant, for telling; the policy asks the grants themselves."""
        return frozenset(code for grant in self.grants or () for code in grant.expertise)


@dataclass(frozen=True, slots=True)
class Create:
    """A new workitem with this UID."""

    uid: str
    dataset: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ChangeState:
    """To IN PROGRESS (a claim), COMPLETED or CANCELED."""

    state: ProcedureStepState
    transaction_uid: str


@dataclass(frozen=True, slots=True)
class Update:
    """Write attributes; the Transaction UID is "" where none was sent."""

    changes: Mapping[str, Any]
    transaction_uid: str = ""


@dataclass(frozen=True, slots=True)
class RequestCancel:
    """Carried out while SCHEDULED; while IN PROGRESS passed on, or a take-over of a stale claim or one's own."""

    reason: str = ""
    code: Code | None = None
    contact_name: str = ""
    contact_uri: str = ""


@dataclass(frozen=True, slots=True)
class Sweep:
    """The hub's own question about a claim whose holder may be silent: mark it, release it, or leave it."""


Request = Create | ChangeState | Update | RequestCancel | Sweep


@dataclass(frozen=True, slots=True)
class ClaimRules:
    """How long silence may last. Both are measured with the server's clock from the last sign of life."""

    stale_after: timedelta = timedelta(minutes=5)
    """From then on a claim is shown as stale and may be taken over with a reason."""
    release_unstarted_after: timedelta | None = timedelta(minutes=15)
    """From then on a claim of which no report was started is released; None = never."""
    heard_since: datetime | None = None
    """Since when the hub could hear every sign of life; what was not said before does not count."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What the store holds of one workitem. The Transaction UID itself is nowhere."""

    dataset: DicomJson
    state: ProcedureStepState
    transaction_hash: str = ""
    alive_at: datetime | None = None
    """When the holder last proved itself."""
    version: int = 1
    position: int = 0
    """Order of creation; paging follows it."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Carried out. `dataset` None = nothing changes; `replacement` is scheduled in the same transaction."""

    answer: Answer
    dataset: DicomJson | None = None
    transaction_hash: str = ""
    is_alive: bool = False
    replacement: DicomJson | None = None
    cancel_notice: DicomJson | None = None
    """The payload of an event 2 for the performer."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Not carried out; `text` says why, `holder` who has it."""

    answer: Answer
    text: str = ""
    holder: Person | None = None
    is_forbidden: bool = False
    """The policy says no: 403."""
    instead: str = ""
    """UID of the workitem that is there already for what was to be created."""
    details: tuple[str, ...] = field(default=())
