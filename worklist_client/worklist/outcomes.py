"""What asking the hub came to: values, for an unclear answer is no error and a lost claim is daily life."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from ups.claiming import ClaimKind


class ClaimDeskError(Exception):
    """Root of what the claim desk refuses by itself; `reason` is plain English without patient data."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NotClaimedHere(ClaimDeskError):
    """This desk's journal holds no open claim of the workitem."""


class ReportOnItsWay(ClaimDeskError):
    """A signed report of this study is in the outbox: it is delivered first, the claim cannot be given back."""


@dataclass(frozen=True, slots=True)
class ClaimResult:
    """WON: ours. LOST: `holder` (a person name) has it, where known. UNKNOWN: the hub is away, ask again later."""

    workitem_uid: str
    kind: ClaimKind
    transaction_uid: str = field(default="", repr=False)
    """A secret: the fencing token together with the workitem UID. Never shown or logged."""
    holder: str = ""
    holder_code: str = ""
    reason: str = ""


class ReleaseKind(StrEnum):
    """RELEASED; LOST = it was not ours any more; UNKNOWN = the hub is away, it is asked again at the next start."""

    RELEASED = "released"
    LOST = "lost"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ReleaseResult:
    """`replacement_uid` is the workitem under which the study stands in the list again."""

    workitem_uid: str
    kind: ReleaseKind
    replacement_uid: str = ""
    reason: str = ""


class FenceKind(StrEnum):
    """PASSED = send. REFUSED = send nothing, ever. AWAY = wait and ask again. BLOCKED = sign in, then ask again."""

    PASSED = "passed"
    REFUSED = "refused"
    AWAY = "away"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class FenceResult:
    """`holder` is who has the study now, where REFUSED and known."""

    workitem_uid: str
    kind: FenceKind
    holder: str = ""
    reason: str = ""


class CompleteKind(StrEnum):
    """DONE: COMPLETED with our report. REFUSED: somebody has to look. AWAY and BLOCKED as for a fence."""

    DONE = "done"
    REFUSED = "refused"
    AWAY = "away"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class CompleteResult:
    """What became of completing."""

    workitem_uid: str
    kind: CompleteKind
    reason: str = ""


@dataclass(frozen=True, slots=True)
class OutputReference:
    """One delivered object, as it will stand in Output Information Sequence (0040,4033)."""

    study_instance_uid: str
    series_instance_uid: str
    sop_class_uid: str
    sop_instance_uid: str
