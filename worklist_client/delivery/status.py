"""What the rest of the client may know of a delivery. Frozen, no DICOM."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from worklist_client.journal import PackageRow, PackageState


class DeliveryState(StrEnum):
    """States of a package in the outbox (design decision 8)."""

    SIGNED = "SIGNED"
    FENCED = "FENCED"
    STORED = "STORED"
    VERIFIED = "VERIFIED"
    DONE = "DONE"
    RETRY = "RETRY"
    BLOCKED = "BLOCKED"
    ATTENTION = "ATTENTION"
    WITHDRAWN = "WITHDRAWN"
    """The fence was refused, or its author took it back: it is never sent, the text lives on as an orphan draft."""


UNDELIVERED = frozenset(DeliveryState) - {DeliveryState.DONE, DeliveryState.WITHDRAWN}
"""States in which quitting asks."""


OVERDUE, OVERDUE_STAT = timedelta(minutes=15), timedelta(minutes=3)


def is_overdue(package: PackageRow, now: datetime) -> bool:
    """Whether a report has been on its way for so long that it should be phoned through."""
    is_final = package.state in (PackageState.DONE, PackageState.WITHDRAWN)
    return not is_final and now - package.signed_at > (OVERDUE_STAT if package.stat else OVERDUE)


@dataclass(frozen=True, slots=True)
class DeliveryStatus:
    """How far one report is. `reason` is plain English without patient data, empty while all is well."""

    report_id: str
    workitem_uid: str
    site_id: str
    study_instance_uid: str
    state: DeliveryState
    reached: DeliveryState = DeliveryState.SIGNED
    """The last of SIGNED, FENCED, STORED, VERIFIED, DONE that was reached; differs in RETRY, BLOCKED, ATTENTION."""
    reason: str = ""
    attempts: int = 0
    next_attempt_at: datetime | None = None
    """By the wall clock, as it was when the last try failed; None = no attempt is planned, or at once."""
    wait_s: float | None = None
    """Seconds until it is tried again, whatever happens to the wall clock; None = no pause is running."""
    proof: str = ""
    """The weakest proof over all objects: "", "accepted", "found in archive", "read back"."""
    overdue: bool = False
    """Undelivered for more than 15 minutes, 3 for STAT: offer to phone the report through."""
