"""What may be asked of a workitem, by whom, and what comes of it: the records around `decisions.decide`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ups.codes import Code, Person
from ups.dicom_json import DicomJson
from ups.states import Answer, ProcedureStepState


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. `is_feed`: intake, which may correct what a study is; readers may not."""

    reader: Person | None = None
    ae_title: str = ""
    is_feed: bool = False


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


Request = Create | ChangeState | Update | RequestCancel


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
    details: tuple[str, ...] = field(default=())
