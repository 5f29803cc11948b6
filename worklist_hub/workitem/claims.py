"""What a claim is worth: who holds it, whether a report was started or signed, how long its holder has been silent.

All of it is read from the workitem and the server's clock; no client's time is ever compared.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from ups import dicom_json as dj
from ups import readers
from ups.changes import FENCED_PERCENT
from ups.codes import ORDER_WITHDRAWN, Person
from ups.datetimes import dt_from_datetime
from ups.dicom_json import DicomJson
from ups.tags import TAG_OF
from ups.workitem_fields import READERS, WRITERS
from worklist_hub.workitem.identity import identity_in
from worklist_hub.workitem.protocol import Caller, ClaimRules, RequestCancel, Stored

PERFORMED = "UnifiedProcedureStepPerformedProcedureSequence"
PROGRESS = "ProcedureStepProgressInformationSequence"
_WITHDRAWN = frozenset(code.value for code in ORDER_WITHDRAWN)


def hash_of(transaction_uid: str) -> str:
    """What is stored of a Transaction UID."""
    return hashlib.sha256(transaction_uid.encode()).hexdigest()


def is_held_with(stored: Stored, transaction_uid: str) -> bool:
    """Whether this is the Transaction UID of the claim."""
    if not transaction_uid or not stored.transaction_hash:
        return False
    return hmac.compare_digest(stored.transaction_hash, hash_of(transaction_uid))


def holder_of(dataset: Mapping[str, Any]) -> Person | None:
    """Who holds or held the workitem."""
    item = dj.first_item(dj.first_item(dataset, PERFORMED), "ActualHumanPerformersSequence")
    return Person.of(item) if item else None


def is_fenced(dataset: Mapping[str, Any]) -> bool:
    """Whether the report is signed and on its way."""
    return dj.number(dj.first_item(dataset, PROGRESS), "ProcedureStepProgress") >= FENCED_PERCENT


def is_started(dataset: Mapping[str, Any]) -> bool:
    """Whether a report was begun: its holder has told some progress."""
    progress = dj.first_item(dataset, PROGRESS)
    return dj.number(progress, "ProcedureStepProgress") > 0 or bool(
        dj.text(progress, "ProcedureStepProgressDescription")
    )


def silence_of(stored: Stored, rules: ClaimRules, now: datetime) -> timedelta:
    """How long the holder has said nothing that the hub could have heard."""
    if stored.alive_at is None:
        return timedelta()
    return now - max(stored.alive_at, rules.heard_since or stored.alive_at)


def is_stale(stored: Stored, rules: ClaimRules, now: datetime) -> bool:
    """Whether the holder has been silent for too long."""
    return silence_of(stored, rules, now) > rules.stale_after


def is_own(stored: Stored, caller: Caller) -> bool:
    """Whether the caller is the holder, be it at another desk: the same number and name, of the same account."""
    return _is_his_account(stored, caller) and readers.is_same_reader(holder_of(stored.dataset), caller.reader)


def is_same_reader(stored: Stored, caller: Caller) -> bool:
    """Whether the caller is the holder, be it at another desk, or both are nameless: for a claim that is sent again."""
    holder, reader = holder_of(stored.dataset), caller.reader
    if holder is None or reader is None or not (holder.code or reader.code):
        return holder == reader
    return holder.code == reader.code and _is_his_account(stored, caller)


def _is_his_account(stored: Stored, caller: Caller) -> bool:
    performed = dj.first_item(stored.dataset, PERFORMED)
    kept = identity_in(dj.first_item(performed, "ActualHumanPerformersSequence"))
    return not kept or kept == caller.identity


def wants_it(request: RequestCancel) -> bool:
    """Whether a cancel request may mean "let me do it": an order that is withdrawn is nobody's work any more."""
    return request.code is None or request.code.value not in _WITHDRAWN


def mark_silent(dataset: DicomJson, since: datetime | None) -> None:
    """Write, or with None take away, what everybody sees of a stale claim; in place."""
    WRITERS["silent_since"](dataset, dt_from_datetime(since) if since else "")


def is_marked_silent(dataset: Mapping[str, Any]) -> bool:
    """Whether everybody is told that the claim is stale."""
    return bool(READERS["silent_since"](dataset))


def without_mark(changes: DicomJson) -> None:
    """Take the hub's own mark out of what a holder sends back; in place."""
    if TAG_OF[PROGRESS] in changes and is_marked_silent(changes):
        mark_silent(changes, None)
        if TAG_OF[PROGRESS] not in changes:
            dj.put_items(changes, PROGRESS, [])
